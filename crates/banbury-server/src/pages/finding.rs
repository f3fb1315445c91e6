//! One finding: where it is, the path that shows it, what was decided and said.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::str::FromStr;

use askama::Template;
use banbury_evidence::Sha256;
use banbury_evidence::policy::{Hidden, Page};
use banbury_evidence::store::blob_path;
use banbury_store::FindingRow;
use serde_json::Value;

use super::findings::{Choice, colleagues, filter, kept, redact};
use super::{Frame, decibans, page, url, with_query};
use crate::code::{self, Line, Mark, excerpt, path_of};
use crate::exchange::{Answered, Exchange, Fault};

/// A result longer than this is not shown in full.
const MAX_RESULT: u64 = 4 << 20;

/// A step of the path.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Step {
    pub number: usize,
    pub file: String,
    pub line: usize,
    pub function: String,
    pub message: String,
    pub kind: String,
    #[serde(skip)]
    columns: (usize, usize),
    #[serde(skip)]
    snippet: String,
}

struct FileView {
    path: String,
    lines: Vec<Line>,
    /// Whether the text is only what the tool quoted.
    quoted: bool,
}

pub struct Event {
    pub at: String,
    pub by: String,
    pub words: String,
    pub entry: i64,
}

#[derive(Template)]
#[template(path = "finding.html")]
struct Show {
    frame: Frame,
    evaluation: String,
    link: String,
    list: String,
    here: String,
    row: FindingRow,
    weight: String,
    features: Vec<(String, String)>,
    steps: Vec<Step>,
    files: Vec<FileView>,
    events: Vec<Event>,
    comments: Vec<(String, String, String)>,
    before: String,
    next: String,
    people: Vec<Choice>,
    code: bool,
    named: bool,
    discussed: bool,
    knows_rule: bool,
    may: May,
}

struct May {
    decide: bool,
    assign: bool,
    severity: bool,
    comment: bool,
    embargo: bool,
    release: bool,
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Findings)?;
    let sight = x.sight(Page::Findings)?;
    let hides = |what: Hidden| sight.hide.contains(&what);
    let mut row = x.app.index.finding(&evaluation, x.part("finding"))?.ok_or(Fault::NotFound)?;
    if row.embargoed && hides(Hidden::Embargoed) {
        return Err(Fault::NotFound);
    }
    let filter = filter(x, &evaluation, &sight)?;
    let (before, next) = x.app.index.neighbours(&filter, row.rank)?;
    let link = format!("/evaluations/{}", url(&evaluation));
    let list = format!("{link}/findings");
    let to = |name: Option<String>| {
        name.map(|name| with_query(&format!("{list}/{}", url(&name)), &kept(x))).unwrap_or_default()
    };
    let result = result(x, &row).unwrap_or_default();
    let steps = if hides(Hidden::Code) { Vec::new() } else { steps(&result) };
    let files = files(x, &evaluation, &row, &steps);
    let events = if hides(Hidden::People) { Vec::new() } else { history(x, &evaluation, &row.name)? };
    redact(&mut row, &sight);
    let editable = !x.app.store().centre().evaluations.get(&evaluation).is_none_or(|one| is_signed(x, one));
    let show = Show {
        frame: Frame::new(x, &format!("{} in {evaluation}", row.rule)),
        here: with_query(&format!("{list}/{}", url(&row.name)), &kept(x)),
        list: with_query(&list, &kept(x)),
        weight: decibans(row.weight),
        features: if hides(Hidden::Code) { Vec::new() } else { features(&result) },
        comments: if hides(Hidden::Comments) { Vec::new() } else { comments(x, &evaluation, &row.name) },
        before: to(before),
        next: to(next),
        people: colleagues(x, row.assigned.as_deref()),
        code: !hides(Hidden::Code),
        named: !hides(Hidden::People),
        discussed: !hides(Hidden::Comments),
        knows_rule: super::rules::is_known(&row.rule),
        may: May {
            decide: editable && x.may("disposition"),
            assign: editable && x.may("assign"),
            severity: editable && x.may("severity"),
            comment: editable && x.may("comment"),
            embargo: editable && !row.embargoed && x.may("embargo"),
            release: editable && row.embargoed && x.may("release"),
        },
        evaluation,
        link,
        row,
        steps,
        files,
        events,
    };
    page(&show)
}

fn is_signed(x: &Exchange<'_>, evaluation: &banbury_evidence::centre::Evaluation) -> bool {
    let store = x.app.store();
    let centre = store.centre();
    centre.policy.as_ref().is_some_and(|policy| evaluation.is_signed(policy, &centre.people))
}

/// The result as its log has it, read from where the index says it stands.
pub fn result(x: &Exchange<'_>, row: &FindingRow) -> Option<Value> {
    let hash = Sha256::from_str(&row.results).ok()?;
    let folder = x.app.store().files().0.clone();
    let mut file = File::open(folder.join(blob_path(hash))).ok()?;
    file.seek(SeekFrom::Start(row.at.start)).ok()?;
    let mut bytes = Vec::new();
    let length = row.at.end.checked_sub(row.at.start).filter(|length| *length <= MAX_RESULT)?;
    file.take(length).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The path that shows the finding; its place alone if the tool gives none.
pub fn steps(result: &Value) -> Vec<Step> {
    let flow = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array();
    let several = flow.into_iter().flatten().map(|step| (&step["location"], step["kinds"][0].as_str()));
    let mut all: Vec<(&Value, Option<&str>)> = several.collect();
    if all.is_empty() {
        all.push((&result["locations"][0], Some("danger")));
    }
    (1..).zip(all).map(|(number, (place, kind))| step(number, place, kind.unwrap_or_default())).collect()
}

fn step(number: usize, place: &Value, kind: &str) -> Step {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let region = &place["physicalLocation"]["region"];
    let count = |name: &str| region[name].as_u64().and_then(|n| usize::try_from(n).ok());
    let start = count("startColumn").unwrap_or(1);
    Step {
        number,
        file: path_of(place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap_or_default()),
        line: count("startLine").unwrap_or(0),
        function: text(&place["logicalLocations"][0]["name"]),
        message: text(&place["message"]["text"]),
        kind: kind.to_owned(),
        columns: (start, count("endColumn").unwrap_or(start)),
        snippet: text(&region["snippet"]["text"]),
    }
}

/// The reasons of a finding's weight.
fn features(result: &Value) -> Vec<(String, String)> {
    let all = result["properties"]["features"].as_object();
    let mut all: Vec<(&String, f64)> =
        all.into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_f64()?))).collect();
    all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    all.into_iter().map(|(name, value)| (name.replace(['-', '_'], " "), format!("{value:+.1}"))).collect()
}

/// The files that the path passes, each with its marked lines.
fn files(x: &Exchange<'_>, evaluation: &str, row: &FindingRow, steps: &[Step]) -> Vec<FileView> {
    let artefact = artefact(x, evaluation, &row.results);
    let mut order: Vec<&str> = Vec::new();
    let mut marks: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps.iter().filter(|step| step.line > 0) {
        if !order.contains(&step.file.as_str()) {
            order.push(&step.file);
        }
        marks.entry(&step.file).or_default().push(step);
    }
    let last = steps.len();
    let view = |path: &str| {
        let here = &marks[path];
        let mark = |step: &&Step| Mark {
            line: step.line,
            columns: step.columns,
            label: step.number.to_string(),
            class: if step.number == last { "sink" } else { "step" },
        };
        let marks: Vec<Mark> = here.iter().map(mark).collect();
        let text = artefact.and_then(|artefact| x.app.sources.text(artefact, path));
        let quoted = text.is_none();
        let lines = match text {
            Some(text) => excerpt(&text, &marks),
            None => quotations(here, &marks),
        };
        FileView { path: code::shown(path), lines, quoted }
    };
    order.into_iter().map(view).collect()
}

/// The lines that the tool quoted, where the source is not here.
fn quotations(steps: &[&Step], marks: &[Mark]) -> Vec<Line> {
    let mut by_line: BTreeMap<usize, (String, Vec<Mark>)> = BTreeMap::new();
    for (step, mark) in steps.iter().zip(marks) {
        let entry = by_line.entry(step.line).or_insert_with(|| (step.snippet.clone(), Vec::new()));
        entry.1.push(Mark { line: 1, ..mark.clone() });
    }
    let line = |(number, (text, marks)): (usize, (String, Vec<Mark>))| {
        let text = text.lines().next().unwrap_or_default().to_owned();
        let line = excerpt(if text.is_empty() { " " } else { &text }, &marks).into_iter().next();
        Line { number, gap: true, ..line.unwrap_or_default() }
    };
    by_line.into_iter().map(line).collect()
}

/// What a run's tool looked at. A finding that is gone was seen in the release before.
pub fn artefact(x: &Exchange<'_>, evaluation: &str, results: &str) -> Option<Sha256> {
    let store = x.app.store();
    let centre = store.centre();
    let own = centre.evaluations.get(evaluation)?;
    let before = centre.history(evaluation).into_iter().map(|(_, one)| one);
    let mut runs = std::iter::once(own).chain(before).flat_map(|one| one.runs.iter().rev());
    runs.find(|run| run.results.to_string() == results)?.artefact
}

fn comments(x: &Exchange<'_>, evaluation: &str, finding: &str) -> Vec<(String, String, String)> {
    let store = x.app.store();
    let known = store.centre().evaluations.get(evaluation);
    let all = known.into_iter().flat_map(|known| &known.comments);
    let here = all.filter(|(on, ..)| on.as_deref() == Some(finding));
    here.map(|(_, by, at, text)| (by.clone(), at.clone(), x.app.text(*text))).collect()
}

/// Acts on a finding or a change, in words.
pub fn history(x: &Exchange<'_>, evaluation: &str, subject: &str) -> Result<Vec<Event>, Fault> {
    let rows = x.app.index.history(evaluation, subject)?;
    let event = |row: banbury_store::EntryRow| {
        let entry: Value = serde_json::from_str(&row.json).unwrap_or_default();
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let until = entry["until"].as_str().map(|date| format!(", until {date}")).unwrap_or_default();
        let words = match row.act.as_str() {
            "disposition" => format!("{}{until}: {}", text("verdict").replace('-', " "), text("reason")),
            "severity" => format!("severity {}: {}", text("severity"), text("reason")),
            "assign" if text("to").is_empty() => "assigned to nobody".to_owned(),
            "assign" => format!("assigned to {}", text("to")),
            "comment" => "commented".to_owned(),
            "embargo" => format!("under embargo: {}", text("reason")),
            "release" => format!("embargo ended: {}", text("reason")),
            "reading" => format!("{}: {}", text("verdict"), text("note")),
            other => other.to_owned(),
        };
        Event { at: row.at, by: row.actor, words, entry: row.number }
    };
    Ok(rows.into_iter().map(event).collect())
}
