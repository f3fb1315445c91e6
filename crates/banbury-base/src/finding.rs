use serde::{Deserialize, Serialize};

use crate::{Digest, Span, Symbol};

/// Weight of evidence in decibans: ten times the decimal logarithm of the odds
/// defect : no defect. Weights of independent reasons add.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default, Serialize, Deserialize)]
pub struct Weight(pub f32);

/// One numbered reason that enters a finding's weight, e.g. `taint.network` = 1.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Feature {
    pub name: Symbol,
    pub value: f32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Where untrusted bytes, an allocation or a null value come from.
    Source,
    /// A value is copied, computed or passed on.
    Propagation,
    /// A condition that had to hold, and did.
    Branch,
    /// Control goes into a callee.
    Call,
    /// The place of the defect.
    Sink,
}

/// One step of the path that proves a finding, in execution order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PathStep {
    pub kind: StepKind,
    pub span: Span,
    /// The function that holds `span`.
    pub function: Symbol,
    pub message: String,
}

/// A defect found by a rule. Its sentence is factual and names the values.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Rule id, e.g. `tainted-index`; also the name of the rule's folder.
    pub rule: Symbol,
    pub rule_version: u16,
    /// The most specific CWE number of this instance (a rule may have several).
    pub cwe: u32,
    pub span: Span,
    pub function: Symbol,
    pub message: String,
    /// The path that shows it, from source to sink; never empty: the last step is the sink.
    pub path: Vec<PathStep>,
    pub features: Vec<Feature>,
    pub weight: Weight,
    /// Identity across releases: survives edits elsewhere in the file, renamed locals and
    /// reformatting. Made of rule, function name, and the normalised code of the sink.
    pub fingerprint: Digest,
}
