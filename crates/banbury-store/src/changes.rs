//! Changes between releases, and who has read them.

use banbury_evidence::act::Reading;
use banbury_evidence::centre::{Centre, ChangeReading};
use banbury_evidence::results::read_sarif;
use banbury_evidence::store::{Store, read_blob};
use rusqlite::{Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::follow::optional;
use crate::{Index, IndexError};

/// A reason and its part of the weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    pub name: String,
    pub decibans: f64,
}

/// Where an edit stands in the old release: file and lines, none if the second is smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    pub file: String,
    pub first: i64,
    pub last: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ChangeRow {
    pub name: String,
    pub rank: i64,
    pub weight: Option<f64>,
    pub title: String,
    pub file: String,
    pub first_line: i64,
    pub last_line: i64,
    /// `new`, or `old` for what is gone.
    pub side: String,
    pub old: Edit,
    pub function: String,
    pub lines: i64,
    pub reasons: Vec<Weighed>,
    pub verdict: Option<String>,
    pub note: Option<String>,
    pub by: Option<String>,
    pub at: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    pub evaluation: String,
    /// `unread`, or a verdict; all where there is none.
    pub verdict: Option<String>,
    /// Beginning of the path.
    pub file: Option<String>,
}

const COLUMNS: &str = "name, rank, weight, title, file, first_line, last_line, side, old_file, old_first, \
    old_last, function, lines, reasons, verdict, note, by, at";

fn change(row: &Row<'_>) -> Result<ChangeRow, rusqlite::Error> {
    let file: String = row.get(4)?;
    let old_file: Option<String> = row.get(8)?;
    let reasons: String = row.get(13)?;
    Ok(ChangeRow {
        name: row.get(0)?,
        rank: row.get(1)?,
        weight: row.get(2)?,
        title: row.get(3)?,
        first_line: row.get(5)?,
        last_line: row.get(6)?,
        side: row.get(7)?,
        old: Edit { file: old_file.unwrap_or_else(|| file.clone()), first: row.get(9)?, last: row.get(10)? },
        file,
        function: row.get(11)?,
        lines: row.get(12)?,
        reasons: serde_json::from_str(&reasons).unwrap_or_default(),
        verdict: row.get(14)?,
        note: row.get(15)?,
        by: row.get(16)?,
        at: row.get(17)?,
    })
}

impl Index {
    /// A page of changes after a rank, heaviest first, and the rank to go on after.
    pub fn changes(
        &self,
        filter: &ChangeFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<(Vec<ChangeRow>, Option<i64>), IndexError> {
        let (condition, verdict) = match filter.verdict.as_deref() {
            None => ("?3 IS NULL", None),
            Some("unread") => ("verdict IS NULL AND ?3 IS NULL", None),
            Some(verdict) => ("verdict = ?3", Some(verdict)),
        };
        let prefix = filter.file.clone().unwrap_or_default();
        self.read(|connection| {
            let mut select = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM change WHERE evaluation = ?1 AND rank > ?2 AND {condition}
                 AND (?4 = '' OR substr(file, 1, length(?4)) = ?4) ORDER BY rank LIMIT ?5"
            ))?;
            let values = params![filter.evaluation, after.unwrap_or(-1), verdict, prefix, limit as i64 + 1];
            let mut rows = select.query_map(values, change)?.collect::<Result<Vec<_>, _>>()?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|row| row.rank);
            Ok((rows, next))
        })
    }

    pub fn change(&self, evaluation: &str, name: &str) -> Result<Option<ChangeRow>, IndexError> {
        self.read(|connection| {
            let text = format!("SELECT {COLUMNS} FROM change WHERE evaluation = ?1 AND name = ?2");
            optional(connection.prepare_cached(&text)?.query_row(params![evaluation, name], change))
        })
    }

    /// Changes and changed lines of an evaluation by verdict; no verdict: unread.
    pub fn readings(&self, evaluation: &str) -> Result<Vec<(Option<String>, i64, i64)>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT verdict, count(*), sum(lines) FROM change WHERE evaluation = ?1 GROUP BY verdict",
            )?;
            let rows = select.query_map([evaluation], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }
}

/// Lists the changes of an evaluation's comparison anew.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    store: &Store,
    evaluation: &str,
) -> Result<(), IndexError> {
    transaction.execute("DELETE FROM change WHERE evaluation = ?1", [evaluation])?;
    let known = store.centre().evaluations.get(evaluation);
    let Some((known, comparison)) = known.and_then(|known| Some((known, known.comparison.as_ref()?))) else {
        return Ok(());
    };
    let Some(log) = read_blob(store.files(), comparison.changes)? else { return Ok(()) };
    let all = read_sarif(&log).into_iter().flatten().flat_map(|run| run.findings);
    for (rank, shown) in (0i64..).zip(all) {
        let result = log.get(shown.at.start as usize..shown.at.end as usize).unwrap_or_default();
        let result: Value = serde_json::from_slice(result).unwrap_or_default();
        insert(transaction, evaluation, rank, &shown.name, &result, known.readings.get(&shown.name))?;
    }
    Ok(())
}

fn insert(
    transaction: &Transaction<'_>,
    evaluation: &str,
    rank: i64,
    name: &str,
    result: &Value,
    reading: Option<&ChangeReading>,
) -> Result<(), IndexError> {
    let place = &result["locations"][0]["physicalLocation"];
    let about = &result["properties"];
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reasons = about["reasons"].as_array().cloned().unwrap_or_default();
    let reasons: Vec<Weighed> = reasons
        .iter()
        .map(|one| Weighed { name: text(&one["name"]), decibans: one["decibans"].as_f64().unwrap_or(0.0) })
        .filter(|one| one.decibans.abs() >= 0.5)
        .collect();
    let first = number(&place["region"]["startLine"]);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO change VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
         ?17, ?18, ?19, ?20)",
    )?;
    insert.execute(params![
        evaluation,
        name,
        rank,
        about["weight"].as_f64(),
        text(&result["message"]["text"]),
        text(&place["artifactLocation"]["uri"]),
        first,
        place["region"]["endLine"].as_i64().unwrap_or(first),
        about["side"].as_str().unwrap_or("new"),
        about["oldFile"].as_str(),
        number(&about["oldLines"][0]),
        number(&about["oldLines"][1]),
        text(&about["function"]),
        number(&about["changedLines"]),
        serde_json::to_string(&reasons).unwrap_or_default(),
        number(&about["group"]),
        reading.map(|reading| reading_word(reading.verdict)),
        reading.map(|reading| &reading.note),
        reading.map(|reading| &reading.by),
        reading.map(|reading| &reading.at)
    ])?;
    Ok(())
}

fn reading_word(reading: Reading) -> &'static str {
    match reading {
        Reading::Fine => "fine",
        Reading::Question => "question",
        Reading::Defect => "defect",
    }
}

/// Brings one change up to date with what its reader said.
pub(crate) fn update(
    transaction: &Transaction<'_>,
    centre: &Centre,
    evaluation: &str,
    name: &str,
) -> Result<(), IndexError> {
    let known = centre.evaluations.get(evaluation);
    let Some(reading) = known.and_then(|known| known.readings.get(name)) else { return Ok(()) };
    transaction
        .prepare_cached(
            "UPDATE change SET verdict = ?3, note = ?4, by = ?5, at = ?6 WHERE evaluation = ?1 AND name = ?2",
        )?
        .execute(params![
            evaluation,
            name,
            reading_word(reading.verdict),
            reading.note,
            reading.by,
            reading.at
        ])?;
    Ok(())
}
