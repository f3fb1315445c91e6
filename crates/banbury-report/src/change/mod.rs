//! Reports of a comparison: terminal, JSON, SARIF, HTML. Pure writers, like those of a review.

mod html;
mod json;
mod lines;
mod sarif;
mod terminal;

use std::collections::BTreeMap;

use banbury_base::Digest;
use banbury_change::{Comparison, Entry, Release};

pub use html::write_html;
pub use json::write_json;
pub use sarif::write_sarif;
pub use terminal::{TerminalOptions, write_terminal};

/// All that a report says.
pub struct ChangeReport<'r> {
    pub version: String,
    /// What was compared, without the folders they lie in.
    pub old_name: String,
    pub new_name: String,
    pub old: &'r Release,
    pub new: &'r Release,
    pub comparison: &'r Comparison,
    /// Verdicts of those who have read a change already, in words.
    pub read: BTreeMap<Digest, String>,
    /// Entries below are not listed.
    pub min_weight: f32,
    /// Facts about intake and stages that a reader must know.
    pub notes: Vec<String>,
    pub complete: bool,
}

/// How much has to be read for how much of the evidence.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Milestone {
    /// Percent.
    pub evidence: u32,
    pub entries: usize,
    pub lines: u64,
}

impl ChangeReport<'_> {
    /// Entries that are listed and that nobody has read yet.
    pub fn open(&self) -> impl Iterator<Item = &Entry> {
        self.listed().filter(|entry| !self.read.contains_key(&entry.fingerprint))
    }

    pub fn listed(&self) -> impl Iterator<Item = &Entry> {
        self.comparison.entries.iter().filter(|entry| entry.weight >= self.min_weight)
    }

    /// Changed lines that nobody has read.
    pub fn unread_lines(&self) -> u64 {
        let unread = |entry: &&Entry| !self.read.contains_key(&entry.fingerprint);
        self.comparison.entries.iter().filter(unread).map(|entry| u64::from(entry.changed_lines)).sum()
    }

    /// "Read these to have covered so much of the evidence."
    pub fn milestones(&self) -> Vec<Milestone> {
        let odds = |entry: &Entry| 10f64.powf(f64::from(entry.weight) / 10.0);
        let total: f64 = self.comparison.entries.iter().map(odds).sum();
        let mut milestones = Vec::new();
        let mut wanted = [50u32, 80, 90, 95].into_iter().peekable();
        let (mut covered, mut lines) = (0.0, 0u64);
        for (index, entry) in self.comparison.entries.iter().enumerate() {
            covered += odds(entry);
            lines += u64::from(entry.changed_lines);
            while let Some(&percent) = wanted.peek() {
                if covered * 100.0 < total * f64::from(percent) {
                    break;
                }
                milestones.push(Milestone { evidence: percent, entries: index + 1, lines });
                wanted.next();
            }
        }
        milestones
    }
}
