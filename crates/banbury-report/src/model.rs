use std::collections::BTreeMap;
use std::sync::Arc;

use banbury_base::{Digest, FileId, Finding, Weight};
use serde::Serialize;

/// All that a report says.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub version: String,
    /// What was reviewed, without the folder it lies in.
    pub target: String,
    pub revision: Option<Revision>,
    pub release: Digest,
    pub min_weight: Weight,
    /// Sorted by id.
    pub rules: Vec<RuleInfo>,
    /// Indexed by [`FileId`].
    pub files: Vec<FileInfo>,
    /// Most certain first.
    pub findings: Vec<Item>,
    /// Findings that are not among `findings`: why, and how many.
    pub hidden: Vec<(String, u64)>,
    pub baseline: Option<Baseline>,
    pub partial: Vec<PartialRow>,
    pub skipped: Vec<SkippedRow>,
    pub other_files: u64,
    pub notes: Vec<Note>,
    pub faults: Vec<FaultRow>,
    /// The release was not read to its end.
    pub incomplete: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Revision {
    pub commit: String,
    pub repository: Option<String>,
}

#[derive(Clone, Debug)]
pub struct RuleInfo {
    pub id: String,
    pub version: u16,
    pub title: String,
    pub cwe: Vec<u32>,
    /// Markdown.
    pub readme: String,
    pub default_visible: bool,
    /// Decibans of a finding without any feature.
    pub base_weight: f32,
}

#[derive(Clone, Debug, Default)]
pub struct FileInfo {
    pub path: String,
    pub text: Arc<[u8]>,
    pub digest: Digest,
    pub language: &'static str,
    /// `generated`, `test`, `third-party`.
    pub classes: Vec<&'static str>,
    pub lines: u32,
    pub functions: u32,
    pub partial: u32,
    /// Regions at file scope that were not understood: line, reason.
    pub errors: Vec<(u32, String)>,
    /// `#if` groups decided without a known configuration: line, arm taken.
    pub undecided: Vec<(u32, u32)>,
    pub missing_includes: u32,
}

/// A finding with what triage says of it.
#[derive(Clone, Debug)]
pub struct Item {
    pub finding: Finding,
    /// In the baseline.
    pub unchanged: bool,
    /// The reason given in the source.
    pub suppressed: Option<String>,
}

impl Item {
    /// Whether a reader has to look at it now.
    pub fn is_visible(&self) -> bool {
        !self.unchanged && self.suppressed.is_none()
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Baseline {
    pub new: u64,
    pub persisting: u64,
    pub fixed: u64,
}

/// A function that is not fully analysed.
#[derive(Clone, Debug)]
pub struct PartialRow {
    pub file: FileId,
    pub line: u32,
    pub function: String,
    pub reason: String,
}

/// Files that one reason kept out.
#[derive(Clone, Debug, Serialize)]
pub struct SkippedRow {
    pub reason: String,
    pub count: u64,
    pub examples: Vec<String>,
}

/// Something the reader must know, as a sentence.
#[derive(Clone, Debug)]
pub struct Note {
    pub place: Option<(FileId, u32)>,
    pub text: String,
}

/// A stage that broke off.
#[derive(Clone, Debug, Serialize)]
pub struct FaultRow {
    pub stage: String,
    pub message: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Totals {
    pub files: u64,
    pub bytes: u64,
    pub lines: u64,
    pub functions: u64,
    pub functions_fully_analysed: u64,
    pub regions_not_understood: u64,
    pub undecided_conditions: u64,
    pub missing_includes: u64,
    pub generated_files: u64,
    pub test_files: u64,
    pub third_party_files: u64,
}

impl Report {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { files: self.files.len() as u64, ..Totals::default() };
        for file in &self.files {
            totals.bytes += file.text.len() as u64;
            totals.lines += u64::from(file.lines);
            totals.functions += u64::from(file.functions);
            totals.functions_fully_analysed += u64::from(file.functions.saturating_sub(file.partial));
            totals.regions_not_understood += file.errors.len() as u64;
            totals.undecided_conditions += file.undecided.len() as u64;
            totals.missing_includes += u64::from(file.missing_includes);
            for class in &file.classes {
                match *class {
                    "generated" => totals.generated_files += 1,
                    "test" => totals.test_files += 1,
                    _ => totals.third_party_files += 1,
                }
            }
        }
        totals
    }

    pub fn file(&self, id: FileId) -> Option<&FileInfo> {
        self.files.get(id.index())
    }

    pub fn rule(&self, id: &str) -> Option<&RuleInfo> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// Findings that a reader has to look at now.
    pub fn visible(&self) -> impl Iterator<Item = &Item> {
        self.findings.iter().filter(|item| item.is_visible())
    }

    /// Visible findings by rule, most first.
    pub fn by_rule(&self) -> Vec<(&'static str, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for item in self.visible() {
            *counts.entry(item.finding.rule.as_str()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }

    /// Why functions are not fully analysed, most frequent first.
    pub fn partial_reasons(&self) -> Vec<(&str, u64)> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &self.partial {
            *counts.entry(row.reason.as_str()).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        counts
    }
}
