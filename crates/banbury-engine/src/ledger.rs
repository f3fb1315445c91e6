//! Who has read which change, and with what verdict: a line of JSON each, only ever appended to.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use banbury_base::Digest;
use serde::{Deserialize, Serialize};

/// One reading.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Of the change, as `banbury compare` prints it.
    pub fingerprint: String,
    pub verdict: Verdict,
    /// Who read it.
    pub by: String,
    /// Day, as YYYY-MM-DD.
    pub on: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Read, nothing wrong.
    Fine,
    /// To be explained by the supplier.
    Question,
    Defect,
}

#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("{path}, line {line}: {reason}")]
    Line { path: String, line: usize, reason: String },
}

/// The readings of a ledger, the last for each change.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub readings: BTreeMap<Digest, Reading>,
}

impl Ledger {
    /// Reads a ledger; one that does not exist is empty.
    pub fn read(path: &Path) -> Result<Ledger, LedgerError> {
        let name = || path.display().to_string();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Ledger::default()),
            Err(error) => return Err(LedgerError::Io { path: name(), error }),
        };
        let mut ledger = Ledger::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let fault = |reason: String| LedgerError::Line { path: name(), line: index + 1, reason };
            let reading: Reading = serde_json::from_str(line).map_err(|error| fault(error.to_string()))?;
            let digest = u128::from_str_radix(&reading.fingerprint, 16)
                .map_err(|_| fault(format!("{} is no fingerprint", reading.fingerprint)))?;
            ledger.readings.insert(Digest(digest), reading);
        }
        Ok(ledger)
    }

    /// Adds a line to the file.
    pub fn append(path: &Path, reading: &Reading) -> Result<(), LedgerError> {
        let io = |error| LedgerError::Io { path: path.display().to_string(), error };
        let mut line = serde_json::to_string(reading).map_err(|error| io(error.into()))?;
        line.push('\n');
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
        file.write_all(line.as_bytes()).map_err(io)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reading_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        assert!(Ledger::read(&path).unwrap().readings.is_empty());
        let mut reading = Reading {
            fingerprint: format!("{:032x}", 7),
            verdict: Verdict::Question,
            by: "A".into(),
            on: "2026-01-02".into(),
            note: String::new(),
        };
        Ledger::append(&path, &reading).unwrap();
        reading.verdict = Verdict::Fine;
        Ledger::append(&path, &reading).unwrap();
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!(ledger.readings[&Digest(7)].verdict, Verdict::Fine);
        std::fs::write(&path, "{}\n").unwrap();
        assert!(Ledger::read(&path).unwrap_err().to_string().contains("line 1"));
    }
}
