//! Findings of evaluations: lists in pages, counts, and single ones.

use std::collections::BTreeSet;
use std::ops::Range;

use banbury_evidence::centre::Centre;
use banbury_evidence::overview::{Row as Known, decision, overview, verdict_words};
use banbury_evidence::store::Store;
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, Transaction, params};
use serde::Serialize;
use serde_json::Value;

use crate::follow::optional;
use crate::{Index, IndexError};

/// From this weight on a finding is ten times as likely a defect as not [decibans].
pub const HEAVY: f64 = 10.0;

/// Prefixes of paths with no more findings than this are sorted, others read in order of weight.
const FEW: i64 = 5_000;

#[derive(Clone, Debug, Serialize)]
pub struct FindingRow {
    pub name: String,
    /// Position in the evaluation, heaviest first; where the next page begins. Not told: a gap would
    /// tell of a finding under embargo.
    #[serde(skip)]
    pub rank: i64,
    pub rule: String,
    pub message: String,
    pub file: String,
    pub line: i64,
    pub function: String,
    pub weight: Option<f64>,
    pub tools: String,
    pub standing: String,
    pub verdict: String,
    pub reason: Option<String>,
    pub by: Option<String>,
    pub carried_from: Option<String>,
    pub severity: Option<String>,
    pub embargoed: bool,
    pub assigned: Option<String>,
    #[serde(skip)]
    pub results: String,
    #[serde(skip)]
    pub at: Range<u64>,
}

/// Which findings; what is `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    pub evaluation: String,
    pub verdict: Option<String>,
    /// Without it, those that are there now: what is gone has the standing `fixed`.
    pub standing: Option<String>,
    pub rule: Option<String>,
    pub assigned: Option<String>,
    /// Beginning of the path.
    pub file: Option<String>,
    /// Decibans.
    pub min_weight: Option<f64>,
    pub hide_embargoed: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct FindingPage {
    pub rows: Vec<FindingRow>,
    /// Rank to go on after.
    pub next: Option<i64>,
}

/// How many findings of an evaluation are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub standing: String,
    pub verdict: String,
    pub rule: String,
    pub heavy: bool,
    pub embargoed: bool,
    pub count: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct RunRow {
    pub entry: i64,
    pub at: String,
    pub by: String,
    pub tool: String,
    pub version: String,
    pub artefact: Option<String>,
    pub findings: Option<i64>,
    pub totals: Option<Value>,
}

const COLUMNS: &str = "name, rank, rule, message, file, line, function, weight, tools, standing, verdict, \
    reason, by, carried_from, severity, embargoed, assigned, results, first_byte, end_byte";

fn finding(row: &Row<'_>) -> Result<FindingRow, rusqlite::Error> {
    Ok(FindingRow {
        name: row.get(0)?,
        rank: row.get(1)?,
        rule: row.get(2)?,
        message: row.get(3)?,
        file: row.get(4)?,
        line: row.get(5)?,
        function: row.get(6)?,
        weight: row.get(7)?,
        tools: row.get(8)?,
        standing: row.get(9)?,
        verdict: row.get(10)?,
        reason: row.get(11)?,
        by: row.get(12)?,
        carried_from: row.get(13)?,
        severity: row.get(14)?,
        embargoed: row.get(15)?,
        assigned: row.get(16)?,
        results: row.get(17)?,
        at: row.get::<_, i64>(18)? as u64..row.get::<_, i64>(19)? as u64,
    })
}

impl FindingFilter {
    /// The condition in SQL and its values.
    fn condition(&self, connection: &Connection) -> Result<(String, Vec<Box<dyn ToSql>>), rusqlite::Error> {
        let mut text = "evaluation = ?".to_owned();
        let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(self.evaluation.clone())];
        let mut with = |condition: &str, value: Box<dyn ToSql>| {
            text.push_str(" AND ");
            text.push_str(condition);
            values.push(value);
        };
        let equal = [
            ("verdict = ?", &self.verdict),
            ("standing = ?", &self.standing),
            ("rule = ?", &self.rule),
            ("assigned = ?", &self.assigned),
        ];
        for (condition, value) in equal {
            if let Some(value) = value {
                with(condition, Box::new(value.clone()));
            }
        }
        if let Some(weight) = self.min_weight {
            // Ranks go down with weight, so the first finding that is too light ends the list.
            let first: Option<i64> = optional(connection.query_row(
                "SELECT rank FROM finding WHERE evaluation = ?1 AND weight < ?2
                 ORDER BY weight DESC, rank LIMIT 1",
                params![self.evaluation, weight],
                |row| row.get(0),
            ))?;
            with("rank < ?", Box::new(first.unwrap_or(i64::MAX)));
            with("weight >= ?", Box::new(weight));
        }
        if let Some(prefix) = self.file.as_deref().filter(|prefix| !prefix.is_empty()) {
            let end = format!("{prefix}\u{10ffff}");
            let several: i64 = connection.query_row(
                "SELECT count(*) FROM (SELECT 1 FROM finding INDEXED BY finding_file
                 WHERE evaluation = ?1 AND file >= ?2 AND file < ?3 LIMIT ?4)",
                params![self.evaluation, prefix, end, FEW + 1],
                |row| row.get(0),
            )?;
            // A plus keeps the column out of the choice of an index.
            let column = if several > FEW { "+file" } else { "file" };
            with(&format!("{column} >= ?"), Box::new(prefix.to_owned()));
            with(&format!("{column} < ?"), Box::new(end));
        }
        if self.standing.is_none() {
            text.push_str(" AND standing <> 'fixed'");
        }
        if self.hide_embargoed {
            text.push_str(" AND embargoed = 0");
        }
        Ok((text, values))
    }
}

impl Index {
    /// A page of findings after a rank, heaviest first.
    pub fn findings(
        &self,
        filter: &FindingFilter,
        after: Option<i64>,
        limit: usize,
    ) -> Result<FindingPage, IndexError> {
        self.read(|connection| {
            let (condition, mut values) = filter.condition(connection)?;
            values.push(Box::new(after.unwrap_or(-1)));
            values.push(Box::new(limit as i64 + 1));
            let text =
                format!("SELECT {COLUMNS} FROM finding WHERE {condition} AND rank > ? ORDER BY rank LIMIT ?");
            let mut select = connection.prepare_cached(&text)?;
            let rows = select.query_map(rusqlite::params_from_iter(values), finding)?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            let more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| more).map(|row| row.rank);
            Ok(FindingPage { rows, next })
        })
    }

    pub fn finding(&self, evaluation: &str, name: &str) -> Result<Option<FindingRow>, IndexError> {
        self.read(|connection| {
            let text = format!("SELECT {COLUMNS} FROM finding WHERE evaluation = ?1 AND name = ?2");
            optional(connection.prepare_cached(&text)?.query_row(params![evaluation, name], finding))
        })
    }

    /// The finding before and the one after in the list, by name.
    pub fn neighbours(
        &self,
        filter: &FindingFilter,
        rank: i64,
    ) -> Result<(Option<String>, Option<String>), IndexError> {
        self.read(|connection| {
            let one = |compare: &str, order: &str| {
                let (condition, mut values) = filter.condition(connection)?;
                values.push(Box::new(rank));
                let text = format!(
                    "SELECT name FROM finding WHERE {condition} AND rank {compare} ? ORDER BY rank {order} LIMIT 1"
                );
                let mut select = connection.prepare_cached(&text)?;
                optional(select.query_row(rusqlite::params_from_iter(values), |row| row.get(0)))
            };
            Ok((one("<", "DESC")?, one(">", "ASC")?))
        })
    }

    /// Counts of an evaluation's findings, by everything that can be counted beforehand.
    pub fn tally(&self, evaluation: &str) -> Result<Vec<Tally>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT standing, verdict, rule, heavy, embargoed, count FROM tally
                 WHERE evaluation = ?1 AND count > 0",
            )?;
            let rows = select.query_map([evaluation], |row| {
                Ok(Tally {
                    standing: row.get(0)?,
                    verdict: row.get(1)?,
                    rule: row.get(2)?,
                    heavy: row.get(3)?,
                    embargoed: row.get(4)?,
                    count: row.get(5)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Runs of an evaluation, first to last.
    pub fn runs(&self, evaluation: &str) -> Result<Vec<RunRow>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT entry, at, by, tool, version, artefact, findings, totals FROM run
                 WHERE evaluation = ?1 ORDER BY entry",
            )?;
            let rows = select.query_map([evaluation], |row| {
                let totals: Option<String> = row.get(7)?;
                Ok(RunRow {
                    entry: row.get(0)?,
                    at: row.get(1)?,
                    by: row.get(2)?,
                    tool: row.get(3)?,
                    version: row.get(4)?,
                    artefact: row.get(5)?,
                    findings: row.get(6)?,
                    totals: totals.and_then(|text| serde_json::from_str(&text).ok()),
                })
            })?;
            rows.collect()
        })
    }
}

/// Lists an evaluation's findings anew.
pub(crate) fn replace(
    transaction: &Transaction<'_>,
    store: &Store,
    evaluation: &str,
) -> Result<(), IndexError> {
    transaction.execute("DELETE FROM finding WHERE evaluation = ?1", [evaluation])?;
    let Some(all) = overview(store.files(), store.centre(), evaluation, &BTreeSet::new()) else {
        return Ok(());
    };
    let assigned = &store.centre().evaluations[evaluation].assigned;
    for (rank, row) in (0i64..).zip(&all.findings) {
        insert(transaction, evaluation, rank, row, assigned.get(&row.name))?;
    }
    count(transaction, evaluation)
}

fn insert(
    transaction: &Transaction<'_>,
    evaluation: &str,
    rank: i64,
    row: &Known,
    assigned: Option<&String>,
) -> Result<(), IndexError> {
    let tools: Vec<&str> = row.tools.iter().map(String::as_str).collect();
    let mut insert = transaction.prepare_cached(
        "INSERT INTO finding VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,
         ?16, ?17, ?18, ?19, ?20, ?21, ?22)",
    )?;
    insert.execute(params![
        evaluation,
        row.name,
        rank,
        row.rule,
        row.message,
        row.file,
        row.line as i64,
        row.function,
        row.weight,
        row.weight.is_some_and(|weight| weight >= HEAVY),
        tools.join(", "),
        row.standing,
        row.verdict,
        row.reason,
        row.by,
        row.carried_from,
        row.severity.and_then(word),
        row.embargoed,
        assigned,
        row.results.to_string(),
        row.at.start as i64,
        row.at.end as i64
    ])?;
    Ok(())
}

/// The name that entries give a value.
fn word(value: impl Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn count(transaction: &Transaction<'_>, evaluation: &str) -> Result<(), IndexError> {
    transaction.execute("DELETE FROM tally WHERE evaluation = ?1", [evaluation])?;
    transaction.execute(
        "INSERT INTO tally SELECT evaluation, standing, verdict, rule, heavy, embargoed, count(*)
         FROM finding WHERE evaluation = ?1 GROUP BY standing, verdict, rule, heavy, embargoed",
        [evaluation],
    )?;
    Ok(())
}

/// Brings one finding up to date with the decisions on it.
pub(crate) fn update(
    transaction: &Transaction<'_>,
    centre: &Centre,
    evaluation: &str,
    name: &str,
) -> Result<(), IndexError> {
    let Some(known) = centre.evaluations.get(evaluation) else { return Ok(()) };
    let decided = decision(centre, evaluation, name);
    add(transaction, evaluation, name, -1)?;
    transaction
        .prepare_cached(
            "UPDATE finding SET verdict = ?3, reason = ?4, by = ?5, carried_from = ?6, severity = ?7,
             embargoed = ?8, assigned = ?9 WHERE evaluation = ?1 AND name = ?2",
        )?
        .execute(params![
            evaluation,
            name,
            decided.map_or("open", |(_, decision)| verdict_words(decision.verdict)),
            decided.map(|(_, decision)| &decision.reason),
            decided.map(|(_, decision)| &decision.by),
            decided.and_then(|(from, _)| from),
            known.severities.get(name).and_then(word),
            known.embargoed.contains(name),
            known.assigned.get(name)
        ])?;
    add(transaction, evaluation, name, 1)
}

/// Counts a finding once more, or once less.
fn add(transaction: &Transaction<'_>, evaluation: &str, name: &str, by: i64) -> Result<(), IndexError> {
    transaction
        .prepare_cached(
            "INSERT INTO tally SELECT evaluation, standing, verdict, rule, heavy, embargoed, ?3 FROM finding
             WHERE evaluation = ?1 AND name = ?2
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
        )?
        .execute(params![evaluation, name, by])?;
    Ok(())
}
