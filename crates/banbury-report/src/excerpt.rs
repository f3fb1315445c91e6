use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use banbury_base::{FileId, Span};

use crate::Report;

/// Start of each line of a text.
pub(crate) struct Lines<'t> {
    text: &'t [u8],
    starts: Vec<u32>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u32 + 1);
        Lines { text, starts: std::iter::once(0).chain(ends).collect() }
    }

    /// Lines are counted from 1.
    pub(crate) fn line(&self, number: u32) -> Option<&'t [u8]> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        let line = &self.text[start..end];
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    pub(crate) fn count(&self) -> u32 {
        self.starts.len() as u32
    }
}

/// Line tables of the files that findings and their paths stand in.
pub(crate) fn line_tables(report: &Report) -> BTreeMap<FileId, Lines<'_>> {
    let spans = report.findings.iter().flat_map(|item| {
        item.finding.path.iter().map(|step| step.span).chain(std::iter::once(item.finding.span))
    });
    let files: BTreeSet<FileId> = spans.map(|span| span.file).collect();
    files.into_iter().filter_map(|id| Some((id, Lines::new(&report.file(id)?.text)))).collect()
}

/// A line as it can be shown: no control characters, bytes that are no UTF-8 replaced, and the
/// part that the span underlines.
pub(crate) fn shown(line: &[u8], span: Span) -> (String, Range<usize>) {
    let start = usize::from(span.col).saturating_sub(1).min(line.len());
    let end = (start + usize::from(span.len)).min(line.len());
    let clean = |bytes: &[u8]| -> String {
        String::from_utf8_lossy(bytes)
            .chars()
            .map(|c| match c {
                '\t' => ' ',
                c if c.is_control() || is_bidi(c) => char::REPLACEMENT_CHARACTER,
                c => c,
            })
            .collect()
    };
    let (before, marked, after) = (clean(&line[..start]), clean(&line[start..end]), clean(&line[end..]));
    let range = before.len()..before.len() + marked.len();
    (before + &marked + &after, range)
}

/// Characters that reorder text on screen can make code look like something else.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Lossy text without control characters.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| (c.is_control() && c != '\n') || is_bidi(c)) {
        let clean = |c: char| if (c.is_control() && c != '\n') || is_bidi(c) { '\u{fffd}' } else { c };
        return Cow::Owned(text.chars().map(clean).collect());
    }
    Cow::Borrowed(text)
}

/// Columns of a span in UTF-16 code units, counted from 1; the end is behind the last.
pub(crate) fn utf16_columns(line: &[u8], span: Span) -> (u64, u64) {
    let start = usize::from(span.col).saturating_sub(1).min(line.len());
    let end = (start + usize::from(span.len)).min(line.len());
    let units = |bytes: &[u8]| String::from_utf8_lossy(bytes).encode_utf16().count() as u64;
    let first = units(&line[..start]) + 1;
    (first, first + units(&line[start..end]))
}

/// A number as it is written to a file: two decimals, the same on every machine.
pub(crate) fn decimal(number: f32) -> f64 {
    (f64::from(number) * 100.0).round() / 100.0 + 0.0
}

/// A weight as people read it: `+12.3 dB`.
pub(crate) fn decibans(weight: f32) -> String {
    // No negative zero.
    let weight = if weight.abs() < 0.05 { 0.0 } else { weight };
    format!("{weight:+.1} dB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_spans() {
        let lines = Lines::new(b"int x;\r\n\tf(\xff\xc3\xa9);\n");
        assert_eq!(lines.line(1), Some(&b"int x;"[..]));
        assert_eq!(lines.line(4), None);
        let line = lines.line(2).unwrap();
        let (text, range) = shown(line, Span::new(FileId(0), 2, 2, 1));
        assert_eq!((text.as_str(), &text[range]), (" f(\u{fffd}\u{e9});", "f"));
        assert_eq!(utf16_columns(line, Span::new(FileId(0), 2, 7, 1)), (6, 7));
        // Beyond the end of the line.
        assert_eq!(shown(b"ab", Span::new(FileId(0), 1, 9, 9)).1, 2..2);
    }

    #[test]
    fn numbers() {
        assert_eq!(decibans(-0.01), "+0.0 dB");
    }
}
