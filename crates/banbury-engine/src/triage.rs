//! Which findings are shown: by rule, weight, class of file, suppression and baseline. Every
//! finding that is not shown is counted.

use std::collections::{BTreeMap, BTreeSet};

use banbury_base::{Digest, FileId, Weight};

use crate::Outcome;
use crate::intake::{FileClass, Manifest};
use crate::suppress::{self, Suppression, SuppressionFault, SuppressionFaultKind};

#[derive(Clone, Debug, Default)]
pub struct TriageOptions {
    pub min_weight: Weight,
    /// Shows findings of every weight and of rules that are off by default.
    pub all: bool,
    pub include_tests: bool,
    pub exclude_generated: bool,
    pub exclude_third_party: bool,
    pub ignore_suppressions: bool,
    /// Rules that are on or off against their default.
    pub rules_on: BTreeSet<String>,
    pub rules_off: BTreeSet<String>,
    /// If not empty, only these rules.
    pub only_rules: BTreeSet<String>,
    /// Rules that are off unless asked for.
    pub hidden_rules: BTreeSet<String>,
    pub known_rules: BTreeSet<String>,
    /// Fingerprints of an earlier review, with how often each stands there.
    pub baseline: Option<BTreeMap<Digest, u32>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Not in the baseline, or there is none.
    New,
    /// In the baseline.
    Unchanged,
}

/// A finding that passed the filters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Triaged {
    /// Position in [`Outcome::findings`].
    pub index: usize,
    pub state: State,
    /// The reason given in the source, if it is suppressed there.
    pub suppressed: Option<String>,
    pub class: FileClass,
}

impl Triaged {
    /// Whether a reader has to look at it now.
    pub fn is_visible(&self) -> bool {
        self.state == State::New && self.suppressed.is_none()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HiddenCounts {
    pub below_weight: u64,
    pub rule_off: u64,
    pub in_tests: u64,
    pub in_generated: u64,
    pub in_third_party: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BaselineCounts {
    pub new: u64,
    pub persisting: u64,
    pub fixed: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Triage {
    /// Most certain first.
    pub findings: Vec<Triaged>,
    pub hidden: HiddenCounts,
    pub suppression_faults: Vec<SuppressionFault>,
    pub baseline: Option<BaselineCounts>,
}

/// Filters the findings of a review.
pub fn triage(manifest: &Manifest, outcome: &Outcome, options: &TriageOptions) -> Triage {
    let suppressions = match options.ignore_suppressions {
        true => Vec::new(),
        false => suppress::find(manifest),
    };
    let mut by_place: BTreeMap<(FileId, u32), Vec<usize>> = BTreeMap::new();
    for (index, suppression) in suppressions.iter().enumerate() {
        by_place.entry((suppression.file, suppression.covers)).or_default().push(index);
    }

    let mut triage = Triage::default();
    let mut used: BTreeSet<(usize, &str)> = BTreeSet::new();
    let mut baseline = options.baseline.clone();
    for (index, finding) in outcome.findings.iter().enumerate() {
        let rule = finding.rule.as_str();
        let class = manifest.files.get(finding.span.file.index()).map(|file| file.class).unwrap_or_default();
        let mut suppressed = None;
        for &at in by_place.get(&(finding.span.file, finding.span.line)).into_iter().flatten() {
            let suppression = &suppressions[at];
            if !suppression.reason.is_empty() && suppression.rules.iter().any(|name| name == rule) {
                used.insert((at, rule));
                suppressed = Some(suppression.reason.clone());
            }
        }
        // What is in the baseline is not fixed, even if a filter hides it now.
        let known = baseline.as_mut().and_then(|counts| counts.get_mut(&finding.fingerprint));
        let state = match known {
            Some(count) if *count > 0 => {
                *count -= 1;
                State::Unchanged
            }
            _ => State::New,
        };
        if let Some(count) = hiding(options, rule, finding.weight, class, &mut triage.hidden) {
            *count += 1;
            continue;
        }
        triage.findings.push(Triaged { index, state, suppressed, class });
    }
    triage.baseline = baseline.map(|left| {
        let count = |state| triage.findings.iter().filter(|finding| finding.state == state).count() as u64;
        BaselineCounts {
            new: count(State::New),
            persisting: count(State::Unchanged),
            fixed: left.values().map(|&count| u64::from(count)).sum(),
        }
    });
    triage.suppression_faults = faults(&suppressions, &used, options);
    triage
}

/// The counter of the reason for which a finding is not shown.
fn hiding<'h>(
    options: &TriageOptions,
    rule: &str,
    weight: Weight,
    class: FileClass,
    hidden: &'h mut HiddenCounts,
) -> Option<&'h mut u64> {
    if is_off(options, rule) {
        Some(&mut hidden.rule_off)
    } else if class.test && !options.include_tests {
        Some(&mut hidden.in_tests)
    } else if class.generated && options.exclude_generated {
        Some(&mut hidden.in_generated)
    } else if class.third_party && options.exclude_third_party {
        Some(&mut hidden.in_third_party)
    } else if weight < options.min_weight && !options.all {
        Some(&mut hidden.below_weight)
    } else {
        None
    }
}

fn is_off(options: &TriageOptions, rule: &str) -> bool {
    if !options.only_rules.is_empty() {
        return !options.only_rules.contains(rule);
    }
    let off_by_default = options.hidden_rules.contains(rule) && !options.all;
    options.rules_off.contains(rule) || (off_by_default && !options.rules_on.contains(rule))
}

fn faults(
    suppressions: &[Suppression],
    used: &BTreeSet<(usize, &str)>,
    options: &TriageOptions,
) -> Vec<SuppressionFault> {
    let mut faults = Vec::new();
    for (index, suppression) in suppressions.iter().enumerate() {
        let mut fault = |kind| {
            faults.push(SuppressionFault { file: suppression.file, line: suppression.line, kind });
        };
        if suppression.reason.is_empty() {
            fault(SuppressionFaultKind::NoReason);
            continue;
        }
        for rule in &suppression.rules {
            if !options.known_rules.contains(rule) {
                fault(SuppressionFaultKind::UnknownRule(rule.clone()));
            } else if !used.contains(&(index, rule.as_str())) && !is_off(options, rule) {
                fault(SuppressionFaultKind::SuppressesNothing(rule.clone()));
            }
        }
    }
    faults
}
