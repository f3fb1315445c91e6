//! Oversight: the log and its proofs, who did what, and how long findings wait.

use std::collections::BTreeMap;

use askama::Template;
use banbury_evidence::files::Files;
use banbury_evidence::log::{CHECKPOINT, inclusion_proof, unverified_checkpoint};
use banbury_store::Pace;
use serde_json::Value;

use super::{Frame, number, page};
use crate::exchange::{Answered, Exchange, Fault};

const ROWS: usize = 100;

pub struct Row {
    number: i64,
    at: String,
    actor: String,
    act: String,
    about: String,
}

struct PersonActs {
    name: String,
    organisation: String,
    roles: String,
    decisions: i64,
    readings: i64,
    sign_offs: i64,
    other: i64,
    interests: usize,
}

#[derive(Template)]
#[template(path = "log.html")]
struct Show {
    frame: Frame,
    size: String,
    checkpoint: String,
    log_key: String,
    policy: String,
    witnesses: usize,
    organisations: Vec<(String, i64, String)>,
    people: Vec<PersonActs>,
    pace: Vec<(Pace, String, String)>,
    rows: Vec<Row>,
    next: String,
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    frame: Frame,
    number: i64,
    at: String,
    actor: String,
    act: String,
    json: String,
    proof: Proof,
    before: i64,
    after: i64,
}

/// That an entry is in the tree of a checkpoint.
#[derive(serde::Serialize)]
pub struct Proof {
    /// Entries of the tree.
    pub size: u64,
    /// Hash of the tree, base64 as in the checkpoint.
    pub root: String,
    /// Hashes from the entry's neighbour to the root, base64.
    pub hashes: Vec<String>,
    /// Whether they lead from the entry to the root.
    pub holds: bool,
    /// The entry's bytes, which are hashed.
    pub entry: String,
}

/// The checkpoint as the log has it on the disk.
pub fn checkpoint(x: &Exchange<'_>) -> Result<Vec<u8>, Fault> {
    let store = x.app.store();
    let note = store.files().read(CHECKPOINT).map_err(|error| Fault::Internal(error.to_string()))?;
    note.ok_or_else(|| Fault::Internal("the checkpoint is missing".into()))
}

fn about(json: &str) -> String {
    let entry: Value = serde_json::from_str(json).unwrap_or_default();
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    let short = |text: &str| text.chars().take(16).collect::<String>();
    let parts = match text("act") {
        "disposition" => {
            vec![short(text("finding")), text("verdict").replace('-', " "), text("reason").to_owned()]
        }
        "reading" => vec![short(text("change")), text("verdict").to_owned(), text("note").to_owned()],
        "assign" => vec![short(text("finding")), text("to").to_owned()],
        "run" => vec![text("tool").to_owned(), format!("{} findings", entry["findings"])],
        "comparison" => vec![format!("{} changes", entry["count"])],
        "artefact" => vec![text("name").to_owned(), short(text("content"))],
        "open" => vec![text("product").to_owned(), text("release").to_owned()],
        "person" | "dismiss" => vec![text("person").to_owned(), text("reason").to_owned()],
        "sign-off" => vec![text("assurance").replace('-', " ")],
        _ => vec![short(text("finding")), text("reason").to_owned(), text("interest").to_owned()],
    };
    let evaluation = text("evaluation").to_owned();
    std::iter::once(evaluation).chain(parts).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let before =
        x.asked("before").map(|text| text.parse::<i64>().map_err(|_| Fault::NotFound)).transpose()?;
    let rows = x.app.index.entries(before, ROWS)?;
    let next = rows.last().filter(|last| last.number > 0).map(|last| format!("/log?before={}", last.number));
    let acts = x.app.index.acts("", "9999")?;
    let pace = x.app.index.pace()?;
    let note = checkpoint(x)?;
    let note = String::from_utf8_lossy(&note).into_owned();
    let store = x.app.store();
    let centre = store.centre();
    let people = people(centre, &acts);
    page(&Show {
        frame: Frame::new(x, "Oversight"),
        size: number(centre.size as i64),
        // A note's signatures are its lines that begin with a dash; the first is the log's own.
        witnesses: note.lines().filter(|line| line.starts_with('\u{2014}')).count().saturating_sub(1),
        checkpoint: note,
        log_key: centre.log_key.clone(),
        policy: centre.policy_hash.map(|hash| hash.to_string()).unwrap_or_default(),
        organisations: organisations(&people),
        people,
        pace: pace.into_iter().map(|one| (one.clone(), days(one.mean), days(one.longest))).collect(),
        rows: rows.iter().map(row).collect(),
        next: next.unwrap_or_default(),
    })
}

fn row(row: &banbury_store::EntryRow) -> Row {
    Row {
        number: row.number,
        at: row.at.clone(),
        actor: row.actor.clone(),
        act: row.act.clone(),
        about: about(&row.json),
    }
}

/// A time in days, in words of a fitting unit.
pub fn days(days: f64) -> String {
    match days {
        days if days >= 1.0 => format!("{days:.1} days"),
        days if days * 24.0 >= 1.0 => format!("{:.1} hours", days * 24.0),
        days => format!("{:.0} minutes", days * 1440.0),
    }
}

fn people(centre: &banbury_evidence::centre::Centre, acts: &[(String, String, i64)]) -> Vec<PersonActs> {
    let mut out: Vec<PersonActs> = Vec::new();
    for (name, person) in &centre.people {
        let of = |wanted: &[&str]| {
            let mine = acts.iter().filter(|(actor, act, _)| actor == name && wanted.contains(&act.as_str()));
            mine.map(|(.., count)| count).sum::<i64>()
        };
        let all: i64 = acts.iter().filter(|(actor, ..)| actor == name).map(|(.., count)| count).sum();
        let (decisions, readings, sign_offs) =
            (of(&["disposition", "severity"]), of(&["reading"]), of(&["sign-off"]));
        out.push(PersonActs {
            name: name.clone(),
            organisation: person.organisation.clone(),
            roles: super::role_words(&person.roles),
            decisions,
            readings,
            sign_offs,
            other: all - decisions - readings - sign_offs,
            interests: centre.evaluations.values().filter(|one| one.conflicts.contains(name)).count(),
        });
    }
    out
}

/// Decisions and readings by organisation, as a part of all: who judges.
fn organisations(people: &[PersonActs]) -> Vec<(String, i64, String)> {
    let mut by: BTreeMap<&str, i64> = BTreeMap::new();
    for person in people {
        *by.entry(&person.organisation).or_default() += person.decisions + person.readings;
    }
    let all: i64 = by.values().sum();
    let share = |count: i64| match all {
        0 => String::new(),
        all => format!("{:.0} %", 100.0 * count as f64 / all as f64),
    };
    by.into_iter().map(|(name, count)| (name.to_owned(), count, share(count))).collect()
}

/// The proof that an entry is in the log, checked here as well.
pub fn proof(x: &Exchange<'_>, entry: i64) -> Result<Proof, Fault> {
    let row = x.app.index.entry(entry)?.ok_or(Fault::NotFound)?;
    let note = checkpoint(x)?;
    let internal = |error: &dyn std::fmt::Display| Fault::Internal(error.to_string());
    let tree = unverified_checkpoint(&note).map_err(|error| internal(&error))?;
    let store = x.app.store();
    let hashes =
        inclusion_proof(store.files(), tree.size(), entry as u64).map_err(|error| internal(&error))?;
    let holds = banbury_evidence::log::is_included(&hashes, &tree, entry as u64, row.json.as_bytes());
    Ok(Proof {
        size: tree.size(),
        root: tree.hash().to_string(),
        hashes: hashes.iter().map(ToString::to_string).collect(),
        holds,
        entry: row.json,
    })
}

pub fn entry(x: &Exchange<'_>) -> Answered {
    let number: i64 = x.part("number").parse().map_err(|_| Fault::NotFound)?;
    let row = x.app.index.entry(number)?.ok_or(Fault::NotFound)?;
    let value: Value = serde_json::from_str(&row.json).unwrap_or_default();
    let size = x.app.store().centre().size as i64;
    page(&EntryPage {
        frame: Frame::new(x, &format!("Entry {number}")),
        proof: proof(x, number)?,
        json: serde_json::to_string_pretty(&value).unwrap_or_default(),
        at: row.at,
        actor: row.actor,
        act: row.act,
        before: number - 1,
        after: if number + 1 < size { number + 1 } else { -1 },
        number,
    })
}
