//! Keeping the index where the log is.

use std::collections::{BTreeMap, BTreeSet};

use banbury_evidence::Sha256;
use banbury_evidence::act::{Act, Entry};
use banbury_evidence::centre::{Centre, Run};
use banbury_evidence::files::Files;
use banbury_evidence::log::{entry_bundle, split_bundle};
use banbury_evidence::store::{Store, read_blob};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Deserialize;
use serde_json::Value;

use crate::{Index, IndexError, changes, findings};

/// Entries to a bundle of the log.
const BUNDLE: u64 = 256;

/// What new entries make out of date.
#[derive(Default)]
struct Stale {
    /// Evaluations whose findings are to be listed anew.
    findings: BTreeSet<String>,
    /// Single findings: evaluation and name.
    finding: BTreeSet<(String, String)>,
    changes: BTreeSet<String>,
    change: BTreeSet<(String, String)>,
}

impl Index {
    /// Takes in what the log has and the index has not; all of it where the index is of another log.
    pub fn follow(&self, store: &Store) -> Result<(), IndexError> {
        let mut writer = self.writer();
        let size = store.centre().size;
        let mut from = known(&writer, store)?;
        let transaction = writer.transaction()?;
        if from.is_none() {
            clear(&transaction)?;
        }
        let start = from.take().unwrap_or(0);
        if start == size {
            return Ok(());
        }
        let mut stale = Stale::default();
        for entry in entries(store.files(), start, size)? {
            insert_entry(&transaction, &entry)?;
            note(&mut stale, &entry, store.centre());
            if let Act::Run { evaluation, .. } = &entry.act {
                insert_run(&transaction, store, evaluation, entry.number)?;
            }
        }
        refresh(&transaction, store, &stale)?;
        let last = store.centre().last.to_string();
        transaction.execute("UPDATE meta SET size = ?1, last = ?2", params![size as i64, last])?;
        transaction.commit()?;
        if !stale.findings.is_empty() {
            // Statistics choose between the indexes of a filter.
            writer.execute_batch("ANALYZE finding")?;
        }
        Ok(())
    }

    /// Entries of the log that the index holds.
    pub fn size(&self) -> Result<u64, IndexError> {
        self.read(|c| c.query_row("SELECT size FROM meta", [], |row| row.get::<_, i64>(0)).map(|n| n as u64))
    }
}

/// How many entries the index holds of this very log; `None` if it is of another.
fn known(connection: &Connection, store: &Store) -> Result<Option<u64>, IndexError> {
    let (size, last): (i64, String) =
        connection.query_row("SELECT size, last FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let size = size as u64;
    if size == 0 {
        return Ok(Some(0));
    }
    if size > store.centre().size {
        return Ok(None);
    }
    let entry = entries(store.files(), size - 1, store.centre().size)?.into_iter().next();
    let same = entry.is_some_and(|entry| Sha256::of(&entry.to_bytes()).to_string() == last);
    Ok(same.then_some(size))
}

fn clear(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction.execute_batch(
        "DELETE FROM entry; DELETE FROM run; DELETE FROM finding; DELETE FROM tally; DELETE FROM change;
         UPDATE meta SET size = 0, last = ''",
    )
}

/// Entries from one number up to the size of the log.
fn entries(files: &dyn Files, from: u64, size: u64) -> Result<Vec<Entry>, IndexError> {
    let mut out = Vec::new();
    for bundle in from / BUNDLE..size.div_ceil(BUNDLE) {
        let first = bundle * BUNDLE;
        let Some((path, _)) = entry_bundle(bundle, size) else { break };
        let data = files.read(&path)?.ok_or(IndexError::Damaged(first))?;
        let parts = split_bundle(&data).ok_or(IndexError::Damaged(first))?;
        for (number, part) in (first..).zip(parts).filter(|(number, _)| *number >= from) {
            out.push(Entry::from_bytes(part).ok_or(IndexError::Damaged(number))?);
        }
    }
    Ok(out)
}

fn insert_entry(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), IndexError> {
    let json = String::from_utf8_lossy(&entry.to_bytes()).into_owned();
    let mut insert = transaction.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    insert.execute(params![
        entry.number as i64,
        entry.at,
        entry.actor,
        entry.act.name(),
        entry.act.evaluation(),
        subject(&entry.act),
        json
    ])?;
    Ok(())
}

/// The finding, change or person that an act is about.
fn subject(act: &Act) -> Option<&str> {
    match act {
        Act::Disposition { finding, .. }
        | Act::Severity { finding, .. }
        | Act::Assign { finding, .. }
        | Act::Embargo { finding, .. }
        | Act::Release { finding, .. } => Some(finding),
        Act::Comment { finding, .. } => finding.as_deref(),
        Act::Reading { change, .. } => Some(change),
        Act::Person { person, .. } | Act::Dismiss { person, .. } => Some(person),
        _ => None,
    }
}

fn note(stale: &mut Stale, entry: &Entry, centre: &Centre) {
    let Some(name) = entry.act.evaluation().map(str::to_owned) else { return };
    match &entry.act {
        Act::Open { .. } | Act::Run { .. } => {
            stale.findings.extend(later(centre, &name));
            stale.findings.insert(name);
        }
        Act::Disposition { finding, .. } => {
            // Decisions are carried over to later releases.
            stale.finding.extend(later(centre, &name).map(|later| (later, finding.clone())));
            stale.finding.insert((name, finding.clone()));
        }
        Act::Severity { finding, .. }
        | Act::Assign { finding, .. }
        | Act::Embargo { finding, .. }
        | Act::Release { finding, .. } => {
            stale.finding.insert((name, finding.clone()));
        }
        Act::Comparison { .. } => {
            stale.changes.insert(name);
        }
        Act::Reading { change, .. } => {
            stale.change.insert((name, change.clone()));
        }
        _ => {}
    }
}

/// Evaluations of later releases of the product.
fn later<'c>(centre: &'c Centre, name: &'c str) -> impl Iterator<Item = String> + 'c {
    let follows = move |other: &&String| centre.history(other).iter().any(|(earlier, _)| *earlier == name);
    centre.evaluations.keys().filter(follows).cloned()
}

fn refresh(transaction: &Transaction<'_>, store: &Store, stale: &Stale) -> Result<(), IndexError> {
    for evaluation in &stale.findings {
        findings::replace(transaction, store, evaluation)?;
    }
    for (evaluation, finding) in stale.finding.iter().filter(|(one, _)| !stale.findings.contains(one)) {
        findings::update(transaction, store.centre(), evaluation, finding)?;
    }
    for evaluation in &stale.changes {
        changes::replace(transaction, store, evaluation)?;
    }
    for (evaluation, change) in stale.change.iter().filter(|(one, _)| !stale.changes.contains(one)) {
        changes::update(transaction, store.centre(), evaluation, change)?;
    }
    Ok(())
}

fn insert_run(
    transaction: &Transaction<'_>,
    store: &Store,
    evaluation: &str,
    entry: u64,
) -> Result<(), IndexError> {
    let known = store.centre().evaluations.get(evaluation);
    let Some(run) = known.and_then(|known| known.runs.iter().find(|run| run.number == entry)) else {
        return Ok(());
    };
    let totals = read_blob(store.files(), run.results)?.and_then(|log| totals(&log, run));
    transaction.execute(
        "INSERT INTO run VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            entry as i64,
            evaluation,
            run.at,
            run.by,
            run.tool,
            run.version,
            run.artefact.map(|hash| hash.to_string()),
            run.results.to_string(),
            run.findings as i64,
            totals.map(|totals| totals.to_string())
        ],
    )?;
    Ok(())
}

/// What a run says of itself, without its results.
#[derive(Deserialize)]
struct About {
    #[serde(default)]
    tool: Value,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

fn totals(log: &[u8], run: &Run) -> Option<Value> {
    #[derive(Deserialize)]
    struct Log {
        runs: Vec<About>,
    }
    let log = log.strip_prefix(b"\xef\xbb\xbf").unwrap_or(log);
    let log: Log = serde_json::from_slice(log).ok()?;
    let mut of_tool =
        log.runs.into_iter().filter(|one| one.tool["driver"]["name"].as_str() == Some(&run.tool));
    of_tool.next()?.properties.remove("totals")
}

/// One row, or none.
pub(crate) fn optional<T>(result: Result<T, rusqlite::Error>) -> Result<Option<T>, rusqlite::Error> {
    result.optional()
}
