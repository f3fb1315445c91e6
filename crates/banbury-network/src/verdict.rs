//! What a control says of a network, with the evidence for it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::date::Date;

/// A number or a word that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    Count(u64),
    Number(f64),
    Text(String),
}

impl From<f64> for Figure {
    fn from(value: f64) -> Self {
        Figure::Number(value)
    }
}

impl From<u64> for Figure {
    fn from(value: u64) -> Self {
        Figure::Count(value)
    }
}

impl From<&str> for Figure {
    fn from(value: &str) -> Self {
        Figure::Text(value.to_owned())
    }
}

impl From<String> for Figure {
    fn from(value: String) -> Self {
        Figure::Text(value)
    }
}

/// Why a verdict is what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// Nodes that cause it, at most [`Evidence::NODES`]; `figures.nodes` counts them all where there are more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Nodes passed, from the first to the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub path: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub figures: BTreeMap<String, Figure>,
    /// The derivation, step by step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
    /// Where the subject's row stands in the input.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
}

impl Evidence {
    pub const NODES: usize = 50;

    pub fn figure(&mut self, name: &str, value: impl Into<Figure>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    pub fn step(&mut self, text: impl Into<String>) {
        self.steps.push(text.into());
    }
}

/// What the subject of a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    Node,
    Link,
    Flow,
    Access,
    Service,
    Site,
    Region,
    Row,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Status {
    Violated,
    WillBeViolated { on: Date },
    Exempted { by: String, waiver: String, until: Date },
}

/// A control and a subject that does not meet it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    pub subject: String,
    pub kind: SubjectKind,
    #[serde(flatten)]
    pub status: Status,
    pub evidence: Evidence,
    /// Identity across inventories and releases of Banbury: control and subject.
    pub fingerprint: String,
}

/// What could not be decided for want of data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unknown {
    /// The data that is missing, such as "`vendor_name` is not that of a known vendor".
    pub missing: String,
    pub subjects: u64,
    /// The first of them, at most [`Unknown::FIRST`].
    pub first: Vec<String>,
}

impl Unknown {
    pub const FIRST: usize = 10_000;
}

/// A share by every measure it could mean, for one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShareRow {
    pub region: String,
    pub nodes: u64,
    pub cap: f64,
    /// The measure the control goes by.
    pub measure: String,
    /// Measure to share of the designated; only measures with data.
    pub shares: BTreeMap<String, f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overall {
    Compliant,
    Violated,
    WillBeViolated,
    Exempted,
    Unknown,
    /// Its day has not come, and nothing will violate it when it does.
    NotInForce,
}

/// What one control says.
#[derive(Clone, Debug, Serialize)]
pub struct ControlResult {
    pub control: String,
    pub regime: String,
    pub version: u32,
    pub title: String,
    pub overall: Overall,
    pub verified: bool,
    pub deadline: Option<Date>,
    /// Subjects looked at.
    pub subjects: u64,
    pub compliant: u64,
    pub verdicts: Vec<Verdict>,
    pub unknown: Vec<Unknown>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<ShareRow>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// The answer of `check`.
#[derive(Clone, Debug, Serialize)]
pub struct CheckResult {
    pub as_of: Date,
    pub nodes: u64,
    pub results: Vec<ControlResult>,
}

impl CheckResult {
    pub fn violations(&self) -> usize {
        self.results.iter().map(|r| r.verdicts.iter().filter(|v| v.status == Status::Violated).count()).sum()
    }
}
