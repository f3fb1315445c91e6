//! The log's entries, and figures about how the centre works.

use rusqlite::{Row, params};
use serde::Serialize;

use crate::{Index, IndexError};

#[derive(Clone, Debug, Serialize)]
pub struct EntryRow {
    pub number: i64,
    pub at: String,
    pub actor: String,
    pub act: String,
    pub evaluation: Option<String>,
    pub subject: Option<String>,
    /// The entry as the log has it.
    pub json: String,
}

/// Time from the first run that could show a finding to the first decision on it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pace {
    pub evaluation: String,
    pub decided: i64,
    /// Days.
    pub mean: f64,
    pub longest: f64,
}

fn entry(row: &Row<'_>) -> Result<EntryRow, rusqlite::Error> {
    Ok(EntryRow {
        number: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        act: row.get(3)?,
        evaluation: row.get(4)?,
        subject: row.get(5)?,
        json: row.get(6)?,
    })
}

impl Index {
    /// Entries before a number, the last first.
    pub fn entries(&self, before: Option<i64>, limit: usize) -> Result<Vec<EntryRow>, IndexError> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT * FROM entry WHERE number < ?1 ORDER BY number DESC LIMIT ?2")?;
            let rows = select.query_map(params![before.unwrap_or(i64::MAX), limit as i64], entry)?;
            rows.collect()
        })
    }

    pub fn entry(&self, number: i64) -> Result<Option<EntryRow>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT * FROM entry WHERE number = ?1")?;
            crate::follow::optional(select.query_row([number], entry))
        })
    }

    /// Acts on a finding or change of an evaluation, first to last.
    pub fn history(&self, evaluation: &str, subject: &str) -> Result<Vec<EntryRow>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM entry WHERE subject = ?2 AND evaluation = ?1 ORDER BY number LIMIT 500",
            )?;
            let rows = select.query_map([evaluation, subject], entry)?;
            rows.collect()
        })
    }

    /// Acts by person: person, act, how often.
    pub fn acts(&self, since: &str, until: &str) -> Result<Vec<(String, String, i64)>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "SELECT actor, act, count(*) FROM entry WHERE at >= ?1 AND at < ?2 GROUP BY actor, act",
            )?;
            let rows = select.query_map([since, until], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }

    /// How long findings waited for a first decision, by evaluation.
    pub fn pace(&self) -> Result<Vec<Pace>, IndexError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(
                "WITH first AS (
                   SELECT evaluation, subject, min(at) AS at FROM entry WHERE act = 'disposition'
                   GROUP BY evaluation, subject),
                 begun AS (SELECT evaluation, min(at) AS at FROM run GROUP BY evaluation),
                 waited AS (
                   SELECT first.evaluation AS evaluation, julianday(first.at) - julianday(begun.at) AS days
                   FROM first JOIN begun ON begun.evaluation = first.evaluation)
                 SELECT evaluation, count(*), avg(days), max(days) FROM waited GROUP BY evaluation",
            )?;
            let rows = select.query_map([], |row| {
                Ok(Pace {
                    evaluation: row.get(0)?,
                    decided: row.get(1)?,
                    mean: row.get(2)?,
                    longest: row.get(3)?,
                })
            })?;
            rows.collect()
        })
    }
}
