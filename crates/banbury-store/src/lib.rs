//! An index over a centre's evidence in SQLite, for reading fast.
//!
//! The log is the truth; this is a picture of it that can be thrown away at any time and is made
//! anew when it does not belong to the log. Nothing is ever written here that is not in the log.
//! Beside it, and kept: accounts and sessions ([`Accounts`]), which are no evidence.

mod accounts;
mod changes;
mod entries;
mod findings;
mod follow;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

pub use accounts::{Account, Accounts, Session};
pub use changes::{ChangeFilter, ChangeRow, Edit, Weighed};
pub use entries::{EntryRow, Pace};
pub use findings::{FindingFilter, FindingPage, FindingRow, HEAVY, RunRow, Tally};

const SCHEMA: &str = include_str!("schema.sql");
/// Goes up with every change of the schema: an older index is made anew.
const VERSION: i64 = 1;

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error("index: {0}")]
    Sql(#[from] rusqlite::Error),
    #[error("index: {0}")]
    Io(#[from] io::Error),
    #[error("index: {0}")]
    Log(#[from] banbury_evidence::log::LogError),
    #[error("index: entry {0} cannot be read; `banbury evidence verify` says more")]
    Damaged(u64),
}

/// The index of one centre. Reads run beside each other; one writer at a time.
pub struct Index {
    path: PathBuf,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

impl Index {
    /// Opens the index, an empty one where there is none or where it is of another version.
    pub fn open(path: &Path) -> Result<Self, IndexError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let writer = match current(path) {
            Ok(Some(connection)) => connection,
            // Whatever lies there can be made anew.
            _ => {
                for suffix in ["", "-wal", "-shm"] {
                    let mut name = path.as_os_str().to_owned();
                    name.push(suffix);
                    match std::fs::remove_file(&name) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                        _ => {}
                    }
                }
                create(path)?
            }
        };
        Ok(Index { path: path.to_owned(), writer: Mutex::new(writer), readers: Mutex::default() })
    }

    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a query on a connection that nobody else uses meanwhile.
    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
    ) -> Result<T, IndexError> {
        let idle = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let connection = connect(&self.path)?;
                connection.pragma_update(None, "query_only", true)?;
                connection
            }
        };
        let result = query(&connection);
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(result?)
    }
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What is lost with the power is made anew from the log.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.pragma_update(None, "mmap_size", 1i64 << 30)?;
    Ok(connection)
}

fn current(path: &Path) -> Result<Option<Connection>, rusqlite::Error> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect(path)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((version == VERSION).then_some(connection))
}

fn create(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = connect(path)?;
    connection.execute_batch(SCHEMA)?;
    connection.pragma_update(None, "user_version", VERSION)?;
    Ok(connection)
}
