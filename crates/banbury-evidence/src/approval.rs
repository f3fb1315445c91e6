//! What signed evaluations allow of a release, for those who decide where it may stand.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::act::{ArtefactKind, Assurance};
use crate::attest;
use crate::centre::{Centre, Evaluation};
use crate::files::Files;
use crate::hash::Sha256;
use crate::keys;
use crate::overview::overview;
use crate::store::read_blob;

/// Whether the delivered binary was shown to come from the reviewed source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Equivalence {
    NotShown,
    #[default]
    Unknown,
    Shown,
}

/// For what and until when a sign-off holds; part of the statement that the person signs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Terms {
    /// Classes of site at which the release may stand; none named: all.
    pub site_classes: BTreeSet<String>,
    /// Last day on which the sign-off holds (YYYY-MM-DD).
    pub expires_on: Option<String>,
    pub equivalence: Equivalence,
}

/// What a signed evaluation allows of a release, or of one of its binaries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    pub evaluation: String,
    pub vendor: String,
    pub product: String,
    pub release: String,
    /// Name and hash of the binary; none if the evaluation names no binary.
    pub image: Option<(String, Sha256)>,
    pub assurance: Assurance,
    pub conditions: BTreeSet<String>,
    pub terms: Terms,
    /// Weight of the weightiest finding that is open or confirmed [dB]; 0 if there is none, nothing
    /// if one has no weight.
    pub open_weight: Option<f64>,
}

/// The approvals, and refusals, of all evaluations that are signed as the policy asks. Where several
/// people signed, the narrowest of what they said holds.
///
/// The caller has [verified](crate::verify::verify) the files.
pub fn approvals(files: &dyn Files, centre: &Centre) -> Vec<Approval> {
    let Some(policy) = &centre.policy else { return Vec::new() };
    let signed = centre.evaluations.iter().filter(|(_, e)| e.is_signed(policy, &centre.people));
    signed.flat_map(|(name, evaluation)| of_evaluation(files, centre, name, evaluation)).collect()
}

fn of_evaluation(files: &dyn Files, centre: &Centre, name: &str, evaluation: &Evaluation) -> Vec<Approval> {
    let mut terms: Option<Terms> = None;
    let mut assurance = Assurance::Approved;
    let mut conditions = BTreeSet::new();
    for sign_off in &evaluation.sign_offs {
        assurance = assurance.max(sign_off.assurance);
        conditions.extend(sign_off.conditions.iter().cloned());
        let said = signed_terms(files, centre, &sign_off.by, sign_off.statement).unwrap_or_default();
        terms = Some(match terms.take() {
            None => said,
            Some(before) => before.narrowed(said).unwrap_or_else(|| {
                assurance = Assurance::Rejected;
                conditions.insert("those who signed agree on no class of site".to_owned());
                Terms::default()
            }),
        });
    }
    let approval = Approval {
        evaluation: name.to_owned(),
        vendor: evaluation.vendor.clone(),
        product: evaluation.product.clone(),
        release: evaluation.release.clone(),
        image: None,
        assurance,
        conditions,
        terms: terms.unwrap_or_default(),
        open_weight: open_weight(files, centre, name),
    };
    let binaries = evaluation.artefacts.iter().filter(|a| a.kind == ArtefactKind::Binary);
    // An artefact handed in twice is one.
    let binaries: BTreeMap<Sha256, &str> = binaries.map(|a| (a.content, a.name.as_str())).collect();
    if binaries.is_empty() {
        return vec![approval];
    }
    let of_binary =
        |(hash, name): (Sha256, &str)| Approval { image: Some((name.to_owned(), hash)), ..approval.clone() };
    binaries.into_iter().map(of_binary).collect()
}

impl Terms {
    /// What both allow; nothing if there is no class of site that both name.
    fn narrowed(self, other: Terms) -> Option<Terms> {
        let site_classes = match (self.site_classes.is_empty(), other.site_classes.is_empty()) {
            (true, _) => other.site_classes,
            (_, true) => self.site_classes,
            _ => {
                let both: BTreeSet<_> =
                    self.site_classes.intersection(&other.site_classes).cloned().collect();
                if both.is_empty() {
                    return None;
                }
                both
            }
        };
        // Dates of this form are ordered as text.
        let expires_on = [self.expires_on, other.expires_on].into_iter().flatten().min();
        Some(Terms { site_classes, expires_on, equivalence: self.equivalence.min(other.equivalence) })
    }
}

/// The terms in a statement that the person's key signed.
fn signed_terms(files: &dyn Files, centre: &Centre, person: &str, statement: Sha256) -> Option<Terms> {
    let key = centre.people.get(person)?.key.as_deref()?;
    let envelope = read_blob(files, statement).ok()??;
    let said: Value = attest::open(&envelope, &keys::verifier(key).ok()?).ok()?;
    serde_json::from_value(said.get("predicate")?.get("terms")?.clone()).ok()
}

fn open_weight(files: &dyn Files, centre: &Centre, evaluation: &str) -> Option<f64> {
    let findings = overview(files, centre, evaluation, &BTreeSet::new())?.findings;
    let open = findings.iter().filter(|f| f.standing != "fixed" && matches!(f.verdict, "open" | "confirmed"));
    open.map(|f| f.weight).try_fold(0.0f64, |most, weight| Some(most.max(weight?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(classes: &[&str], expires_on: Option<&str>, equivalence: Equivalence) -> Terms {
        Terms {
            site_classes: classes.iter().map(|c| (*c).to_owned()).collect(),
            expires_on: expires_on.map(str::to_owned),
            equivalence,
        }
    }

    #[test]
    fn the_narrower_of_two_sign_offs_holds() {
        let one = terms(&["cell", "agg"], Some("2028-01-01"), Equivalence::Shown);
        let other = terms(&["agg", "core"], Some("2027-06-30"), Equivalence::Unknown);
        let both = terms(&["agg"], Some("2027-06-30"), Equivalence::Unknown);
        assert_eq!(one.clone().narrowed(other), Some(both));
        assert_eq!(one.clone().narrowed(Terms::default()).unwrap().site_classes, one.site_classes);
        assert_eq!(one.narrowed(terms(&["core"], None, Equivalence::Shown)), None);
    }
}
