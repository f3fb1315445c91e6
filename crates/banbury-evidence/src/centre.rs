//! The state of a centre: what its entries amount to. The same code decides whether an act may be
//! written and whether one that was written should have been.

use std::collections::{BTreeMap, BTreeSet};

use crate::act::{Act, ArtefactKind, Assurance, Entry, Reading, Role, Severity, VERSION, Verdict};
use crate::hash::Sha256;
use crate::policy::Policy;

#[derive(Clone, Debug)]
pub struct Person {
    pub roles: Vec<Role>,
    pub organisation: String,
    pub key: Option<String>,
    pub dismissed: bool,
}

#[derive(Clone, Debug)]
pub struct Artefact {
    pub name: String,
    pub kind: ArtefactKind,
    pub content: Sha256,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct Run {
    pub number: u64,
    pub at: String,
    pub by: String,
    pub tool: String,
    pub version: String,
    pub artefact: Option<Sha256>,
    pub results: Sha256,
    pub findings: u64,
}

#[derive(Clone, Debug)]
pub struct Comparison {
    pub at: String,
    pub by: String,
    pub before: Sha256,
    pub artefact: Sha256,
    pub changes: Sha256,
    pub count: u64,
}

/// What somebody said of a change after reading it.
#[derive(Clone, Debug)]
pub struct ChangeReading {
    pub verdict: Reading,
    pub note: String,
    pub by: String,
    pub at: String,
    pub entry: u64,
}

#[derive(Clone, Debug)]
pub struct Disposition {
    pub verdict: Verdict,
    pub reason: String,
    pub until: Option<String>,
    pub by: String,
    pub at: String,
    pub entry: u64,
}

#[derive(Clone, Debug)]
pub struct SignOff {
    pub by: String,
    pub at: String,
    pub assurance: Assurance,
    pub conditions: Vec<String>,
    pub statement: Sha256,
    pub entry: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    pub vendor: String,
    pub product: String,
    pub release: String,
    pub after: Option<String>,
    pub opened: String,
    pub artefacts: Vec<Artefact>,
    pub runs: Vec<Run>,
    /// The last one counts; readings stay, as changes keep their names.
    pub comparison: Option<Comparison>,
    pub readings: BTreeMap<String, ChangeReading>,
    /// Finding, and who is to look at it.
    pub assigned: BTreeMap<String, String>,
    pub dispositions: BTreeMap<String, Disposition>,
    pub severities: BTreeMap<String, Severity>,
    /// Comments: on which finding, by whom, when, text.
    pub comments: Vec<(Option<String>, String, String, Sha256)>,
    pub embargoed: BTreeSet<String>,
    pub conflicts: BTreeSet<String>,
    pub deployment: Option<Sha256>,
    pub sign_offs: Vec<SignOff>,
    /// What each person did.
    pub acts: BTreeMap<String, BTreeSet<&'static str>>,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    #[error("the first entry founds the centre, and only the first")]
    NotFounded,
    #[error("entry format {0}; this program knows {VERSION}")]
    Version(u32),
    #[error("it is numbered {0} and stands at {1}")]
    Number(u64, u64),
    #[error("it follows another entry than the one before it")]
    Chain,
    #[error("its time {0} is no RFC 3339 time in whole seconds of UTC")]
    Time(String),
    #[error("its time {at} is before the entry's before it, {before}")]
    Clock { at: String, before: String },
    #[error("nobody called `{0}` works here")]
    Nobody(String),
    #[error("`{person}` may not do `{act}`")]
    NotAllowed { person: String, act: &'static str },
    #[error("there is no evaluation `{0}`")]
    NoEvaluation(String),
    #[error("there is an evaluation `{0}` already")]
    Twice(String),
    #[error("`{0}` did `{1}` in this evaluation and may not sign it off")]
    OwnWork(String, &'static str),
    #[error("`{0}` has declared an interest in this evaluation")]
    Interest(String),
    #[error("`{0}` has signed already")]
    Signed(String),
    #[error("it is signed off; it must be reopened first")]
    Closed,
    #[error("no run shows the finding {0}")]
    NoFinding(String),
    #[error("no comparison shows the change {0}")]
    NoChange(String),
    #[error("a reason is needed")]
    NoReason,
    #[error("an accepted risk needs a date (YYYY-MM-DD) until when it is accepted")]
    NoDate,
    #[error("{0}")]
    Policy(String),
}

/// Everything the entries up to here amount to.
#[derive(Clone, Debug, Default)]
pub struct Centre {
    pub name: String,
    pub log_key: String,
    pub policy: Option<Policy>,
    pub policy_hash: Option<Sha256>,
    pub people: BTreeMap<String, Person>,
    pub evaluations: BTreeMap<String, Evaluation>,
    /// Remarks of overseers and auditors: number, person, evaluation, text.
    pub remarks: Vec<(u64, String, Option<String>, Sha256)>,
    pub size: u64,
    pub last: Sha256,
    pub last_at: String,
}

/// What has to be looked up outside of the entries.
pub trait Content {
    /// The text of a policy.
    fn policy(&self, hash: Sha256) -> Result<Policy, String>;
    /// Whether a run's results hold a finding of that name; `None` where the results are missing.
    fn has_finding(&self, results: Sha256, finding: &str) -> Option<bool>;
}

impl Centre {
    /// Takes one more entry, or says why it does not belong here. State is unchanged then.
    pub fn apply(&mut self, entry: &Entry, content: &dyn Content) -> Result<(), Refused> {
        self.in_order(entry)?;
        self.permitted(entry, content)?;
        self.take(entry, content)?;
        self.size += 1;
        self.last = Sha256::of(&entry.to_bytes());
        self.last_at.clone_from(&entry.at);
        Ok(())
    }

    fn in_order(&self, entry: &Entry) -> Result<(), Refused> {
        if entry.v != VERSION {
            return Err(Refused::Version(entry.v));
        }
        if entry.number != self.size {
            return Err(Refused::Number(entry.number, self.size));
        }
        if entry.prev != self.last {
            return Err(Refused::Chain);
        }
        let plain = entry.at.len() == 20 && entry.at.ends_with('Z');
        if !plain || humantime::parse_rfc3339(&entry.at).is_err() {
            return Err(Refused::Time(entry.at.clone()));
        }
        // Of one length and zone, so text order is time order.
        if entry.at < self.last_at {
            return Err(Refused::Clock { at: entry.at.clone(), before: self.last_at.clone() });
        }
        Ok(())
    }

    /// Whether the actor may do this now.
    pub fn permitted(&self, entry: &Entry, content: &dyn Content) -> Result<(), Refused> {
        let act = &entry.act;
        if matches!(act, Act::Found { .. }) != (self.size == 0) {
            return Err(Refused::NotFounded);
        }
        let Some(policy) = &self.policy else { return Ok(()) };
        let person = self.people.get(&entry.actor).filter(|person| !person.dismissed);
        // Whoever founds a centre enters the first person.
        if self.people.is_empty() && matches!(act, Act::Person { .. }) {
            return Ok(());
        }
        let person = person.ok_or_else(|| Refused::Nobody(entry.actor.clone()))?;
        if !policy.allows(&person.roles, act.name()) {
            return Err(Refused::NotAllowed { person: entry.actor.clone(), act: act.name() });
        }
        let Some(name) = act.evaluation() else { return Ok(()) };
        let evaluation = self.evaluations.get(name);
        match (act, evaluation) {
            (Act::Open { after, .. }, None) => match after {
                Some(after) if !self.evaluations.contains_key(after) => {
                    Err(Refused::NoEvaluation(after.clone()))
                }
                _ => Ok(()),
            },
            (Act::Open { .. }, Some(_)) => Err(Refused::Twice(name.to_owned())),
            (_, None) => Err(Refused::NoEvaluation(name.to_owned())),
            (_, Some(evaluation)) => self.permitted_in(evaluation, entry, policy, content),
        }
    }

    fn permitted_in(
        &self,
        evaluation: &Evaluation,
        entry: &Entry,
        policy: &Policy,
        content: &dyn Content,
    ) -> Result<(), Refused> {
        if let Act::SignOff { .. } = entry.act {
            return may_sign(evaluation, &entry.actor, policy);
        }
        let reads_only = matches!(entry.act, Act::Reopen { .. } | Act::Export { .. } | Act::Remark { .. });
        if evaluation.is_signed(policy, &self.people) && !reads_only {
            return Err(Refused::Closed);
        }
        match &entry.act {
            Act::Disposition { finding, reason, verdict, until, .. } => {
                evaluation.knows(finding, content)?;
                match until {
                    _ if reason.trim().is_empty() => Err(Refused::NoReason),
                    Some(date) if is_date(date) => Ok(()),
                    None if *verdict != Verdict::AcceptedRisk => Ok(()),
                    _ => Err(Refused::NoDate),
                }
            }
            Act::Severity { finding, reason, .. }
            | Act::Embargo { finding, reason, .. }
            | Act::Release { finding, reason, .. } => {
                evaluation.knows(finding, content)?;
                if reason.trim().is_empty() { Err(Refused::NoReason) } else { Ok(()) }
            }
            Act::Comment { finding: Some(finding), .. } => evaluation.knows(finding, content),
            Act::Assign { finding, to, .. } => {
                evaluation.knows(finding, content)?;
                match self.people.get(to) {
                    Some(person) if !person.dismissed => Ok(()),
                    None if to.is_empty() => Ok(()),
                    _ => Err(Refused::Nobody(to.clone())),
                }
            }
            Act::Reading { change, .. } => {
                let changes = evaluation.comparison.as_ref().map(|comparison| comparison.changes);
                // A comparison whose content is missing is a fault of its own.
                match changes.map(|changes| content.has_finding(changes, change)) {
                    None | Some(Some(false)) => Err(Refused::NoChange(change.clone())),
                    Some(Some(true) | None) => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn take(&mut self, entry: &Entry, content: &dyn Content) -> Result<(), Refused> {
        let (by, at) = (entry.actor.clone(), entry.at.clone());
        match entry.act.clone() {
            Act::Found { centre, log_key, policy } => {
                self.set_policy(policy, content)?;
                (self.name, self.log_key) = (centre, log_key);
                return Ok(());
            }
            Act::Policy { policy } => return self.set_policy(policy, content),
            Act::Person { person, roles, organisation, key } => {
                self.people.insert(person, Person { roles, organisation, key, dismissed: false });
                return Ok(());
            }
            Act::Dismiss { person, .. } => {
                let known = self.people.get_mut(&person).ok_or(Refused::Nobody(person))?;
                known.dismissed = true;
                return Ok(());
            }
            Act::Remark { evaluation, text } => {
                self.remarks.push((entry.number, by, evaluation, text));
                return Ok(());
            }
            Act::Open { evaluation, vendor, product, release, after } => {
                let opened =
                    Evaluation { vendor, product, release, after, opened: at, ..Evaluation::default() };
                self.evaluations.insert(evaluation, opened);
                return Ok(());
            }
            _ => {}
        }
        let name = entry.act.evaluation().unwrap_or_default();
        let evaluation =
            self.evaluations.get_mut(name).ok_or_else(|| Refused::NoEvaluation(name.to_owned()))?;
        evaluation.acts.entry(by).or_default().insert(entry.act.name());
        evaluation.take(entry);
        Ok(())
    }

    fn set_policy(&mut self, hash: Sha256, content: &dyn Content) -> Result<(), Refused> {
        self.policy = Some(content.policy(hash).map_err(Refused::Policy)?);
        self.policy_hash = Some(hash);
        Ok(())
    }

    /// Earlier evaluations of the product, latest first.
    pub fn history<'c>(&'c self, name: &str) -> Vec<(&'c str, &'c Evaluation)> {
        let mut out: Vec<(&str, &Evaluation)> = Vec::new();
        let mut next = self.evaluations.get(name).and_then(|evaluation| evaluation.after.as_deref());
        while let Some((name, evaluation)) = next.and_then(|name| self.evaluations.get_key_value(name)) {
            // An evaluation follows one that was there before it, so this ends.
            out.push((name, evaluation));
            next = evaluation.after.as_deref();
        }
        out
    }
}

impl Evaluation {
    fn take(&mut self, entry: &Entry) {
        let (by, at, number) = (entry.actor.clone(), entry.at.clone(), entry.number);
        match entry.act.clone() {
            Act::Artefact { name, kind, content, bytes, .. } => {
                self.artefacts.push(Artefact { name, kind, content, bytes });
            }
            Act::Run { tool, version, artefact, results, findings, .. } => {
                self.runs.push(Run { number, at, by, tool, version, artefact, results, findings });
            }
            Act::Comparison { before, artefact, changes, count, .. } => {
                self.comparison = Some(Comparison { at, by, before, artefact, changes, count });
            }
            Act::Reading { change, verdict, note, .. } => {
                self.readings.insert(change, ChangeReading { verdict, note, by, at, entry: number });
            }
            Act::Assign { finding, to, .. } if to.is_empty() => {
                self.assigned.remove(&finding);
            }
            Act::Assign { finding, to, .. } => {
                self.assigned.insert(finding, to);
            }
            Act::Disposition { finding, verdict, reason, until, .. } => {
                let disposition = Disposition { verdict, reason, until, by, at, entry: number };
                self.dispositions.insert(finding, disposition);
            }
            Act::Severity { finding, severity, .. } => {
                self.severities.insert(finding, severity);
            }
            Act::Comment { finding, text, .. } => self.comments.push((finding, by, at, text)),
            Act::Embargo { finding, .. } => {
                self.embargoed.insert(finding);
            }
            Act::Release { finding, .. } => {
                self.embargoed.remove(&finding);
            }
            Act::Conflict { .. } => {
                self.conflicts.insert(by);
            }
            Act::Deployment { verdicts, .. } => self.deployment = Some(verdicts),
            Act::SignOff { assurance, conditions, statement, .. } => {
                self.sign_offs.push(SignOff { by, at, assurance, conditions, statement, entry: number });
            }
            Act::Reopen { .. } => self.sign_offs.clear(),
            _ => {}
        }
    }

    fn knows(&self, finding: &str, content: &dyn Content) -> Result<(), Refused> {
        // Results that are missing are a fault of their own.
        let known = self.runs.iter().any(|run| content.has_finding(run.results, finding) != Some(false));
        if known { Ok(()) } else { Err(Refused::NoFinding(finding.to_owned())) }
    }

    /// Whether enough of the right people have signed.
    pub fn is_signed(&self, policy: &Policy, people: &BTreeMap<String, Person>) -> bool {
        let rule = &policy.sign_off;
        let has_role = |sign_off: &SignOff| {
            people.get(&sign_off.by).is_some_and(|p| p.roles.iter().any(|role| rule.one_of.contains(role)))
        };
        self.sign_offs.len() >= rule.people && (rule.one_of.is_empty() || self.sign_offs.iter().any(has_role))
    }
}

/// Separation of duties.
fn may_sign(evaluation: &Evaluation, person: &str, policy: &Policy) -> Result<(), Refused> {
    if evaluation.sign_offs.iter().any(|sign_off| sign_off.by == person) {
        return Err(Refused::Signed(person.to_owned()));
    }
    if evaluation.conflicts.contains(person) {
        return Err(Refused::Interest(person.to_owned()));
    }
    let own = evaluation.acts.get(person).into_iter().flatten();
    match own.into_iter().find(|act| policy.sign_off.not_after_own.contains(**act)) {
        Some(act) => Err(Refused::OwnWork(person.to_owned(), act)),
        None => Ok(()),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && humantime::parse_rfc3339(&format!("{text}T00:00:00Z")).is_ok()
}
