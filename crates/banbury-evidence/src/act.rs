//! What is written down: one entry for every act of a person in the centre.

use serde::{Deserialize, Serialize};

use crate::hash::Sha256;

/// Format of the entries.
pub const VERSION: u32 = 1;

/// An entry of the log. Private text lies in blobs; entries hold their hashes, so the log can be
/// shown to somebody who may not see the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub v: u32,
    pub number: u64,
    /// Hash of the entry before: a changed entry is located without any other file.
    pub prev: Sha256,
    /// RFC 3339, in UTC, whole seconds.
    pub at: String,
    pub actor: String,
    #[serde(flatten)]
    pub act: Act,
}

impl Entry {
    /// The bytes that are hashed: JSON with sorted keys and no white space (RFC 8785, as there are
    /// no fractions in an entry).
    pub fn to_bytes(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.to_string().into_bytes()
    }

    /// Reads an entry; one that is not written as [`Entry::to_bytes`] would is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let entry: Entry = serde_json::from_slice(bytes).ok()?;
        (entry.to_bytes() == bytes).then_some(entry)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Administrator,
    Lead,
    Evaluator,
    VendorEngineer,
    Operator,
    Overseer,
    Auditor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtefactKind {
    Source,
    Binary,
    Document,
    Inventory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Confirmed,
    FalsePositive,
    AcceptedRisk,
    Fixed,
    Duplicate,
    /// Back to undecided.
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

/// What a reader of a change says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    Fine,
    /// To be explained by the vendor.
    Question,
    Defect,
}

/// What a release may be used for, in the eyes of those who sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    Approved,
    ApprovedWithConditions,
    Rejected,
}

/// One act. `evaluation` names the evaluation that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// The first entry of every log.
    Found {
        centre: String,
        log_key: String,
        policy: Sha256,
    },
    /// Another policy is in force from here on.
    Policy {
        policy: Sha256,
    },
    Person {
        person: String,
        roles: Vec<Role>,
        organisation: String,
        key: Option<String>,
    },
    /// The person may do nothing from here on.
    Dismiss {
        person: String,
        reason: String,
    },
    Conflict {
        evaluation: String,
        interest: String,
    },
    Open {
        evaluation: String,
        vendor: String,
        product: String,
        release: String,
        after: Option<String>,
    },
    Artefact {
        evaluation: String,
        name: String,
        kind: ArtefactKind,
        content: Sha256,
        bytes: u64,
    },
    /// A tool's results on an artefact, as SARIF.
    Run {
        evaluation: String,
        tool: String,
        version: String,
        artefact: Option<Sha256>,
        results: Sha256,
        findings: u64,
        attestation: Option<Sha256>,
    },
    /// The changes since another release, as SARIF: every result is a change to be read.
    Comparison {
        evaluation: String,
        tool: String,
        version: String,
        /// The artefact of the release before, and of this one.
        before: Sha256,
        artefact: Sha256,
        changes: Sha256,
        count: u64,
    },
    /// Somebody has read a change.
    Reading {
        evaluation: String,
        change: String,
        verdict: Reading,
        note: String,
    },
    /// Somebody is to look at a finding; nobody, if empty.
    Assign {
        evaluation: String,
        finding: String,
        to: String,
    },
    Disposition {
        evaluation: String,
        finding: String,
        verdict: Verdict,
        reason: String,
        until: Option<String>,
    },
    Severity {
        evaluation: String,
        finding: String,
        severity: Severity,
        reason: String,
    },
    Comment {
        evaluation: String,
        finding: Option<String>,
        text: Sha256,
    },
    /// The vendor sees the finding only after its release.
    Embargo {
        evaluation: String,
        finding: String,
        reason: String,
    },
    Release {
        evaluation: String,
        finding: String,
        reason: String,
    },
    /// What the controls say of where the release may stand.
    Deployment {
        evaluation: String,
        verdicts: Sha256,
    },
    /// `statement` is a signed DSSE envelope around an in-toto statement.
    SignOff {
        evaluation: String,
        assurance: Assurance,
        conditions: Vec<String>,
        statement: Sha256,
    },
    /// Sign-offs before this no longer count.
    Reopen {
        evaluation: String,
        reason: String,
    },
    /// Somebody took evidence out of the centre.
    Export {
        evaluation: String,
        view: String,
        content: Sha256,
    },
    /// An overseer's or auditor's remark on how the centre works.
    Remark {
        evaluation: Option<String>,
        text: Sha256,
    },
}

impl Act {
    /// The act's name in entries and policies.
    pub fn name(&self) -> &'static str {
        match self {
            Act::Found { .. } => "found",
            Act::Policy { .. } => "policy",
            Act::Person { .. } => "person",
            Act::Dismiss { .. } => "dismiss",
            Act::Conflict { .. } => "conflict",
            Act::Open { .. } => "open",
            Act::Artefact { .. } => "artefact",
            Act::Run { .. } => "run",
            Act::Comparison { .. } => "comparison",
            Act::Reading { .. } => "reading",
            Act::Assign { .. } => "assign",
            Act::Disposition { .. } => "disposition",
            Act::Severity { .. } => "severity",
            Act::Comment { .. } => "comment",
            Act::Embargo { .. } => "embargo",
            Act::Release { .. } => "release",
            Act::Deployment { .. } => "deployment",
            Act::SignOff { .. } => "sign-off",
            Act::Reopen { .. } => "reopen",
            Act::Export { .. } => "export",
            Act::Remark { .. } => "remark",
        }
    }

    /// All names, for reading a policy.
    pub const NAMES: [&'static str; 21] = [
        "found",
        "policy",
        "person",
        "dismiss",
        "conflict",
        "open",
        "artefact",
        "run",
        "comparison",
        "reading",
        "assign",
        "disposition",
        "severity",
        "comment",
        "embargo",
        "release",
        "deployment",
        "sign-off",
        "reopen",
        "export",
        "remark",
    ];

    /// The evaluation that the act belongs to.
    pub fn evaluation(&self) -> Option<&str> {
        match self {
            Act::Found { .. } | Act::Policy { .. } | Act::Person { .. } | Act::Dismiss { .. } => None,
            Act::Remark { evaluation, .. } => evaluation.as_deref(),
            Act::Conflict { evaluation, .. }
            | Act::Open { evaluation, .. }
            | Act::Artefact { evaluation, .. }
            | Act::Run { evaluation, .. }
            | Act::Comparison { evaluation, .. }
            | Act::Reading { evaluation, .. }
            | Act::Assign { evaluation, .. }
            | Act::Disposition { evaluation, .. }
            | Act::Severity { evaluation, .. }
            | Act::Comment { evaluation, .. }
            | Act::Embargo { evaluation, .. }
            | Act::Release { evaluation, .. }
            | Act::Deployment { evaluation, .. }
            | Act::SignOff { evaluation, .. }
            | Act::Reopen { evaluation, .. }
            | Act::Export { evaluation, .. } => Some(evaluation),
        }
    }

    /// Content that the entry relies on.
    pub fn blobs(&self) -> Vec<Sha256> {
        match self {
            Act::Found { policy, .. } | Act::Policy { policy } => vec![*policy],
            Act::Run { results, attestation, .. } => std::iter::once(*results).chain(*attestation).collect(),
            Act::Comparison { changes, .. } => vec![*changes],
            Act::Comment { text, .. } | Act::Remark { text, .. } => vec![*text],
            Act::Deployment { verdicts, .. } => vec![*verdicts],
            Act::SignOff { statement, .. } => vec![*statement],
            // The artefact itself may be too large or too secret to keep; its hash is the evidence.
            // So it is with what was handed out.
            _ => Vec::new(),
        }
    }
}
