//! Where an evaluation stands: its findings with their history and decisions, and what keeps it
//! from being signed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::act::{Severity, Verdict};
use crate::centre::{Centre, Disposition, Evaluation};
use crate::files::Files;
use crate::hash::Sha256;
use crate::policy::Hidden;
use crate::results::{Lineage, Shown, lineage, read_sarif};
use crate::store::read_blob;

/// A finding of the evaluation's runs, or one that the release before had.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub name: String,
    pub rule: String,
    pub message: String,
    pub file: String,
    pub line: u64,
    #[serde(skip)]
    pub function: String,
    pub weight: Option<f64>,
    pub tools: BTreeSet<String>,
    pub standing: &'static str,
    pub verdict: &'static str,
    pub reason: Option<String>,
    pub by: Option<String>,
    /// The evaluation whose decision this is, if it was carried over.
    pub carried_from: Option<String>,
    pub severity: Option<Severity>,
    pub embargoed: bool,
    /// The log that shows it, and where in it, in bytes.
    #[serde(skip)]
    pub results: Sha256,
    #[serde(skip)]
    pub at: std::ops::Range<u64>,
}

#[derive(Debug, Serialize)]
pub struct Overview {
    pub evaluation: String,
    pub vendor: String,
    pub product: String,
    pub release: String,
    pub findings: Vec<Row>,
    pub sign_offs: Vec<String>,
    pub signed: bool,
    /// What keeps the evaluation from being signed.
    pub blockers: Vec<String>,
}

/// The state of one evaluation as a view may see it; `None` if there is no such evaluation. Rows
/// come heaviest first.
pub fn overview(files: &dyn Files, centre: &Centre, name: &str, hide: &BTreeSet<Hidden>) -> Option<Overview> {
    let evaluation = centre.evaluations.get(name)?;
    let history = centre.history(name);
    let now = shown(files, evaluation);
    let before: Vec<BTreeMap<String, Tools>> =
        history.iter().map(|(_, earlier)| shown(files, earlier)).collect();
    let names = |map: &BTreeMap<String, _>| map.keys().cloned().collect::<BTreeSet<_>>();
    let standings = lineage(&names(&now), &before.iter().map(names).collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (finding, standing) in standings {
        let embargoed = evaluation.embargoed.contains(&finding);
        if embargoed && hide.contains(&Hidden::Embargoed) {
            continue;
        }
        let Some(shown) = now.get(&finding).or_else(|| before.first()?.get(&finding)) else {
            continue;
        };
        let mut row = row(finding, shown, standing);
        decide(&mut row, evaluation, &history);
        row.embargoed = embargoed;
        row.severity = evaluation.severities.get(&row.name).copied();
        if hide.contains(&Hidden::People) {
            row.by = None;
        }
        rows.push(row);
    }
    rows.sort_by(|a, b| {
        let weight = |row: &Row| row.weight.unwrap_or(f64::NEG_INFINITY);
        weight(b)
            .total_cmp(&weight(a))
            .then_with(|| (&a.file, a.line, &a.name).cmp(&(&b.file, b.line, &b.name)))
    });
    let policy = centre.policy.as_ref()?;
    let signed = evaluation.is_signed(policy, &centre.people);
    let open = rows.iter().filter(|row| row.standing != "fixed" && row.verdict == "open").count();
    let blockers = if signed { Vec::new() } else { blockers(evaluation, open, policy.sign_off.people) };
    let sign_off = |one: &crate::centre::SignOff| match hide.contains(&Hidden::People) {
        true => format!("{:?} on {}", one.assurance, one.at),
        false => format!("{:?} by {} on {}", one.assurance, one.by, one.at),
    };
    Some(Overview {
        evaluation: name.to_owned(),
        vendor: evaluation.vendor.clone(),
        product: evaluation.product.clone(),
        release: evaluation.release.clone(),
        findings: rows,
        sign_offs: evaluation.sign_offs.iter().map(sign_off).collect(),
        signed,
        blockers,
    })
}

/// A finding with the log it was read from and the tools that show it.
type Tools = (Shown, Sha256, BTreeSet<String>);

/// Findings of all runs by name, with the tools that show them.
fn shown(files: &dyn Files, evaluation: &Evaluation) -> BTreeMap<String, Tools> {
    let mut out: BTreeMap<String, Tools> = BTreeMap::new();
    // Of one tool the last run counts: it was run again for a reason.
    let last: BTreeMap<&str, _> = evaluation.runs.iter().map(|run| (run.tool.as_str(), run)).collect();
    for (tool, run) in last {
        let Some(bytes) = read_blob(files, run.results).ok().flatten() else { continue };
        for finding in read_sarif(&bytes).into_iter().flatten().flat_map(|results| results.findings) {
            let name = finding.name.clone();
            out.entry(name)
                .or_insert_with(|| (finding, run.results, BTreeSet::new()))
                .2
                .insert(tool.to_owned());
        }
    }
    out
}

fn row(name: String, (shown, results, tools): &Tools, standing: Lineage) -> Row {
    Row {
        function: shown.function.clone(),
        results: *results,
        at: shown.at.clone(),
        name,
        rule: shown.rule.clone(),
        message: shown.message.clone(),
        file: shown.file.clone(),
        line: shown.line,
        weight: shown.weight,
        tools: tools.clone(),
        standing: match standing {
            Lineage::New => "new",
            Lineage::Persisting => "persisting",
            Lineage::Reappeared => "reappeared",
            Lineage::Fixed => "fixed",
        },
        verdict: "open",
        reason: None,
        by: None,
        carried_from: None,
        severity: None,
        embargoed: false,
    }
}

/// The latest decision on a finding of the evaluation, and whose it is if it was carried over.
pub fn decision<'c>(
    centre: &'c Centre,
    evaluation: &str,
    finding: &str,
) -> Option<(Option<&'c str>, &'c Disposition)> {
    let own = centre.evaluations.get(evaluation)?;
    decision_of(finding, own, &centre.history(evaluation))
}

fn decision_of<'c>(
    finding: &str,
    evaluation: &'c Evaluation,
    history: &[(&'c str, &'c Evaluation)],
) -> Option<(Option<&'c str>, &'c Disposition)> {
    let own = evaluation.dispositions.get(finding).map(|decision| (None, decision));
    let carried = || {
        // What was fixed and is back must be looked at again, and so must an accepted risk.
        let decided =
            history.iter().find_map(|(name, one)| Some((Some(*name), one.dispositions.get(finding)?)))?;
        let lasting =
            matches!(decided.1.verdict, Verdict::FalsePositive | Verdict::Confirmed | Verdict::Duplicate);
        lasting.then_some(decided)
    };
    own.or_else(carried)
}

/// The verdict in the words of people.
pub fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "confirmed",
        Verdict::FalsePositive => "false positive",
        Verdict::AcceptedRisk => "accepted risk",
        Verdict::Fixed => "fixed",
        Verdict::Duplicate => "duplicate",
        Verdict::Open => "open",
    }
}

/// The latest decision on the finding, in this evaluation or an earlier one of the product.
fn decide(row: &mut Row, evaluation: &Evaluation, history: &[(&str, &Evaluation)]) {
    let Some((from, decision)) = decision_of(&row.name, evaluation, history) else { return };
    row.verdict = verdict_words(decision.verdict);
    row.reason = Some(decision.reason.clone());
    row.by = Some(decision.by.clone());
    row.carried_from = from.map(str::to_owned);
}

/// What keeps an evaluation that is not signed from being signed; `open` findings are undecided, and
/// as many `people` must sign.
pub fn blockers(evaluation: &Evaluation, open: usize, people: usize) -> Vec<String> {
    let mut out = Vec::new();
    if evaluation.artefacts.is_empty() {
        out.push("no artefact is named".to_owned());
    }
    if evaluation.runs.is_empty() {
        out.push("nothing was run".to_owned());
    }
    if open > 0 {
        out.push(format!("{open} findings are undecided"));
    }
    let signed = evaluation.sign_offs.len();
    if signed < people {
        out.push(format!("{signed} of {people} people have signed"));
    } else {
        out.push("nobody with the role that must be among them has signed".to_owned());
    }
    out
}
