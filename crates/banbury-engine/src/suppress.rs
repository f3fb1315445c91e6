//! Inline suppressions: `// banbury: allow(rule, rule) reason`, at the end of the line of the
//! finding or on a line of its own above.

use banbury_base::FileId;

use crate::intake::Manifest;

/// A suppression as it stands in the source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suppression {
    pub file: FileId,
    /// Line of the comment.
    pub line: u32,
    /// Line whose findings it covers.
    pub covers: u32,
    pub rules: Vec<String>,
    /// Empty if none is given; then nothing is suppressed.
    pub reason: String,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SuppressionFaultKind {
    NoReason,
    UnknownRule(String),
    SuppressesNothing(String),
}

/// A suppression that does not do what its author meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SuppressionFault {
    pub file: FileId,
    pub line: u32,
    pub kind: SuppressionFaultKind,
}

impl SuppressionFault {
    /// The fault as a sentence.
    pub fn words(&self) -> String {
        match &self.kind {
            SuppressionFaultKind::NoReason => "The suppression gives no reason and has no effect.".into(),
            SuppressionFaultKind::UnknownRule(rule) => {
                format!("The suppression names an unknown rule, {rule}.")
            }
            SuppressionFaultKind::SuppressesNothing(rule) => {
                format!("The suppression of {rule} suppresses nothing.")
            }
        }
    }
}

/// All suppressions of a release, in order of file and line.
pub(crate) fn find(manifest: &Manifest) -> Vec<Suppression> {
    let finder = memchr::memmem::Finder::new(MARK);
    let mut found = Vec::new();
    for (index, file) in manifest.files.iter().enumerate() {
        if finder.find(&file.text).is_some() {
            in_text(FileId(index as u32), &file.text, &mut found);
        }
    }
    found
}

const MARK: &[u8] = b"banbury: allow(";

fn in_text(file: FileId, text: &[u8], found: &mut Vec<Suppression>) {
    // Suppressions on lines of their own, waiting for the next line of code.
    let mut waiting: Vec<usize> = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let number = index as u32 + 1;
        let parsed = parse(line);
        if let Some((before, rules, reason)) = parsed {
            let own_line = before.is_empty();
            found.push(Suppression { file, line: number, covers: number, rules, reason });
            if own_line {
                waiting.push(found.len() - 1);
                continue;
            }
        }
        for index in waiting.drain(..) {
            found[index].covers = number;
        }
    }
}

/// The code before the comment, the rules and the reason.
fn parse(line: &[u8]) -> Option<(&[u8], Vec<String>, String)> {
    let at = memchr::memmem::find(line, MARK)?;
    let before = line[..at].trim_ascii_end();
    let before = before.strip_suffix(b"//").or_else(|| before.strip_suffix(b"/*"))?;
    let rest = &line[at + MARK.len()..];
    let close = memchr::memchr(b')', rest)?;
    let rules = String::from_utf8_lossy(&rest[..close]);
    let rules = rules.split(',').map(|rule| rule.trim().to_owned()).filter(|rule| !rule.is_empty()).collect();
    let reason = String::from_utf8_lossy(&rest[close + 1..]);
    let reason = reason.trim().trim_end_matches("*/").trim().trim_start_matches([':', '-']).trim().to_owned();
    Some((before.trim_ascii(), rules, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_reasons() {
        let text = b"f(); // banbury: allow(a) bounded by caller\n\
            // banbury: allow(b, c): checked in g()\n\
            /* banbury: allow(d) */\n\
            g();\n\
            puts(\"banbury: allow(e) x\");\n";
        let mut found = Vec::new();
        in_text(FileId(0), text, &mut found);
        let short: Vec<(u32, u32, String, &str)> =
            found.iter().map(|s| (s.line, s.covers, s.rules.join("+"), s.reason.as_str())).collect();
        assert_eq!(
            short,
            [
                (1, 1, "a".into(), "bounded by caller"),
                (2, 4, "b+c".into(), "checked in g()"),
                (3, 4, "d".into(), ""),
            ]
        );
    }
}
