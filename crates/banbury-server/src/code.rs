//! Source text as it is shown: a vendor's bytes, which must neither act nor hide.

use std::collections::BTreeMap;

/// Lines shown around a marked one.
const AROUND: usize = 6;
/// Longer lines are cut.
const LONGEST: usize = 400;

/// What is marked in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub line: usize,
    /// Columns from one in UTF-16 units, the second behind the last; none if they are equal.
    pub columns: (usize, usize),
    /// What stands beside the line.
    pub label: String,
    pub class: &'static str,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    pub number: usize,
    pub class: &'static str,
    /// Labels of the marks here.
    pub labels: Vec<String>,
    pub before: String,
    pub marked: String,
    pub after: String,
    /// Lines are left out before this one.
    pub gap: bool,
}

/// The text with control and bidirectional characters spelt out (Trojan Source) and tabs widened.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            _ if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{{{:x}}}", u32::from(c)));
            }
            _ => out.push(c),
        }
    }
    out
}

/// The marked lines with some around each.
pub fn excerpt(text: &str, marks: &[Mark]) -> Vec<Line> {
    let mut by_line: BTreeMap<usize, Vec<&Mark>> = BTreeMap::new();
    marks.iter().for_each(|mark| by_line.entry(mark.line).or_default().push(mark));
    let near =
        |number: usize| by_line.range(number.saturating_sub(AROUND)..=number + AROUND).next().is_some();
    let mut out: Vec<Line> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(number, _)| near(*number)) {
        let gap = out.last().map_or(number > 1, |last| last.number + 1 != number);
        let here = by_line.get(&number).map_or(&[][..], Vec::as_slice);
        out.push(Line { gap, ..marked(number, line, here) });
    }
    out
}

/// Lines `first` to `last`.
pub fn lines(text: &str, first: usize, last: usize) -> Vec<Line> {
    let wanted = (1..).zip(text.lines()).skip(first.saturating_sub(1)).take((last + 1).saturating_sub(first));
    wanted.map(|(number, line)| marked(number, line, &[])).collect()
}

fn marked(number: usize, line: &str, marks: &[&Mark]) -> Line {
    let (start, end) = marks.iter().map(|mark| mark.columns).find(|(from, to)| from < to).unwrap_or((1, 1));
    let cut = |column: usize| {
        let mut units = 0;
        let at = line.char_indices().find(|(_, c)| {
            let reached = units + 1 >= column;
            units += c.len_utf16();
            reached
        });
        at.map_or(line.len(), |(at, _)| at)
    };
    let (start, end) = (cut(start), cut(end));
    let part = |text: &str| shown(&text.chars().take(LONGEST).collect::<String>());
    Line {
        number,
        // The last mark is the heaviest: a path ends where it goes wrong.
        class: marks.last().map_or("", |mark| mark.class),
        labels: marks.iter().map(|mark| mark.label.clone()).collect(),
        before: part(&line[..start]),
        marked: part(&line[start..end.max(start)]),
        after: part(&line[end.max(start)..]),
        gap: false,
    }
}

/// A path of a SARIF log: percent-encoded bytes decoded.
pub fn path_of(uri: &str) -> String {
    let bytes = uri.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let coded = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let byte = coded.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        out.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_cut_lines_where_they_say() {
        let text = "a\nint \u{1f600} x = y;\nb\n";
        // The sign is two units wide.
        let mark = Mark { line: 2, columns: (8, 9), label: "1".into(), class: "sink" };
        let lines = excerpt(text, &[mark]);
        assert_eq!(lines.len(), 3);
        assert_eq!((lines[1].before.as_str(), lines[1].marked.as_str()), ("int \u{1f600} ", "x"));
        assert_eq!((lines[1].class, lines[0].gap), ("sink", false));
        let beyond = Mark { line: 2, columns: (90, 95), label: "1".into(), class: "" };
        assert_eq!(excerpt(text, &[beyond])[1].marked, "");
    }

    #[test]
    fn hidden_characters_are_seen() {
        assert_eq!(shown("a\u{202e}b\u{0}"), "a\\u{202e}b\\u{0}");
        assert_eq!((path_of("a%20b/%C3%A9%zz").as_str(), path_of("%").as_str()), ("a b/é%zz", "%"));
    }
}
