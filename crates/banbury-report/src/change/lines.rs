//! Lines of both releases, by path.

use std::collections::BTreeMap;

use banbury_change::{Entry, Release, Side};

use super::ChangeReport;

pub(super) struct Texts<'r> {
    old: BTreeMap<&'r str, &'r [u8]>,
    new: BTreeMap<&'r str, &'r [u8]>,
}

/// A numbered line without what a terminal would act on.
pub(super) type Line = (u32, String);

/// Lines of an excerpt at most.
const MOST: u32 = 12;

impl<'r> Texts<'r> {
    pub(super) fn new(report: &ChangeReport<'r>) -> Texts<'r> {
        let side = |release: &'r Release| {
            release.files.iter().map(|file| (file.path.as_str(), &*file.bytes)).collect()
        };
        Texts { old: side(report.old), new: side(report.new) }
    }

    /// The old and the new lines of an entry.
    pub(super) fn excerpt(&self, entry: &Entry) -> (Vec<Line>, Vec<Line>) {
        let old_path = entry.old_file.as_deref().unwrap_or(&entry.file);
        let (first, last) = entry.old_lines;
        let old = match first <= last {
            true => lines(self.old.get(old_path).copied(), first, last),
            false => Vec::new(),
        };
        let new = match entry.side {
            Side::Old => Vec::new(),
            Side::New => lines(self.new.get(entry.file.as_str()).copied(), entry.line_start, entry.line_end),
        };
        (old, new)
    }
}

fn lines(bytes: Option<&[u8]>, first: u32, last: u32) -> Vec<Line> {
    let Some(bytes) = bytes.filter(|bytes| !bytes[..bytes.len().min(8192)].contains(&0)) else {
        return Vec::new();
    };
    let last = last.min(first + MOST - 1);
    bytes
        .split(|byte| *byte == b'\n')
        .zip(1u32..)
        .skip_while(|(_, number)| *number < first)
        .take_while(|(_, number)| *number <= last)
        .map(|(line, number)| (number, shown(line)))
        .collect()
}

/// Control and bidirectional characters must neither act nor hide.
fn shown(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    for char in String::from_utf8_lossy(line).trim_end().chars() {
        match char {
            '\t' => out.push_str("    "),
            _ if char.is_control()
                || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
            {
                out.push_str(&format!("\\u{{{:x}}}", char as u32));
            }
            _ => out.push(char),
        }
    }
    out
}
