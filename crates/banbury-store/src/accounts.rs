//! Accounts, sessions and tokens of a web server. No evidence, and never exported: a password hash
//! does not belong into a log that others copy. Secrets come in hashed.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::IndexError;
use crate::follow::optional;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS account (
    person TEXT PRIMARY KEY,
    password TEXT NOT NULL,
    -- Failed attempts since the last success, and until when no attempt is taken.
    failures INTEGER NOT NULL DEFAULT 0,
    locked_until INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS invitation (
    code TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS session (
    token TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    csrf TEXT NOT NULL,
    begun INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS session_person ON session (person);
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    name TEXT NOT NULL,
    made INTEGER NOT NULL
) STRICT;
";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub person: String,
    /// As its owner wrote it: algorithm, parameters, salt and hash.
    pub password: String,
    pub failures: u32,
    /// Seconds since 1970.
    pub locked_until: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub person: String,
    pub csrf: String,
    /// Seconds since 1970.
    pub begun: i64,
    pub used: i64,
}

/// What is kept about those who sign in. Codes and tokens are given as hashes; times in seconds
/// since 1970.
pub struct Accounts(Mutex<Connection>);

type Result<T> = std::result::Result<T, IndexError>;

impl Accounts {
    pub fn open(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        private_to_owner(path)?;
        Ok(Accounts(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.connection().query_row("SELECT NOT EXISTS (SELECT 1 FROM account)", [], |row| row.get(0))?)
    }

    pub fn account(&self, person: &str) -> Result<Option<Account>> {
        Ok(optional(self.connection().query_row(
            "SELECT person, password, failures, locked_until FROM account WHERE person = ?1",
            [person],
            |row| {
                Ok(Account {
                    person: row.get(0)?,
                    password: row.get(1)?,
                    failures: row.get(2)?,
                    locked_until: row.get(3)?,
                })
            },
        ))?)
    }

    /// Names of those who have an account.
    pub fn people(&self) -> Result<Vec<String>> {
        let connection = self.connection();
        let mut select = connection.prepare("SELECT person FROM account ORDER BY person")?;
        let rows = select.query_map([], |row| row.get(0))?.collect::<std::result::Result<_, _>>()?;
        Ok(rows)
    }

    /// Sets a password; ends the person's sessions and tokens, which the old one may have made.
    pub fn set_password(&self, person: &str, password: &str) -> Result<()> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        transaction.execute(
            "INSERT INTO account (person, password) VALUES (?1, ?2) ON CONFLICT DO UPDATE
             SET password = excluded.password, failures = 0, locked_until = 0",
            [person, password],
        )?;
        transaction.execute("DELETE FROM session WHERE person = ?1", [person])?;
        transaction.execute("DELETE FROM token WHERE person = ?1", [person])?;
        Ok(transaction.commit()?)
    }

    /// Counts a failed attempt; from the fifth on the account is locked, longer each time.
    pub fn failed(&self, person: &str, now: i64) -> Result<()> {
        self.connection().execute(
            "UPDATE account SET failures = failures + 1,
             locked_until = CASE WHEN failures >= 4 THEN ?2 + min(3600, 30 << min(failures - 4, 7)) ELSE 0 END
             WHERE person = ?1",
            params![person, now],
        )?;
        Ok(())
    }

    pub fn succeeded(&self, person: &str) -> Result<()> {
        self.connection()
            .execute("UPDATE account SET failures = 0, locked_until = 0 WHERE person = ?1", [person])?;
        Ok(())
    }

    pub fn invite(&self, person: &str, code: &str, until: i64) -> Result<()> {
        let connection = self.connection();
        connection.execute("DELETE FROM invitation WHERE person = ?1", [person])?;
        connection.execute("INSERT INTO invitation VALUES (?1, ?2, ?3)", params![code, person, until])?;
        Ok(())
    }

    /// Whose invitation this is, if it still holds.
    pub fn invited(&self, code: &str, now: i64) -> Result<Option<String>> {
        Ok(optional(self.connection().query_row(
            "SELECT person FROM invitation WHERE code = ?1 AND until > ?2",
            params![code, now],
            |row| row.get(0),
        ))?)
    }

    /// Uses an invitation up; false if somebody else did before.
    pub fn use_up(&self, code: &str) -> Result<bool> {
        Ok(self.connection().execute("DELETE FROM invitation WHERE code = ?1", [code])? == 1)
    }

    pub fn begin(&self, token: &str, person: &str, csrf: &str, now: i64) -> Result<()> {
        self.connection()
            .execute("INSERT INTO session VALUES (?1, ?2, ?3, ?4, ?4)", params![token, person, csrf, now])?;
        Ok(())
    }

    pub fn session(&self, token: &str) -> Result<Option<Session>> {
        Ok(optional(self.connection().query_row(
            "SELECT person, csrf, begun, used FROM session WHERE token = ?1",
            [token],
            |row| {
                Ok(Session { person: row.get(0)?, csrf: row.get(1)?, begun: row.get(2)?, used: row.get(3)? })
            },
        ))?)
    }

    pub fn used(&self, token: &str, now: i64) -> Result<()> {
        self.connection().execute("UPDATE session SET used = ?2 WHERE token = ?1", params![token, now])?;
        Ok(())
    }

    pub fn end(&self, token: &str) -> Result<()> {
        self.connection().execute("DELETE FROM session WHERE token = ?1", [token])?;
        Ok(())
    }

    /// Ends all sessions and tokens of a person; gives how many there were.
    pub fn end_all(&self, person: &str) -> Result<usize> {
        let connection = self.connection();
        let sessions = connection.execute("DELETE FROM session WHERE person = ?1", [person])?;
        Ok(sessions + connection.execute("DELETE FROM token WHERE person = ?1", [person])?)
    }

    pub fn add_token(&self, token: &str, person: &str, name: &str, now: i64) -> Result<()> {
        self.connection()
            .execute("INSERT INTO token VALUES (?1, ?2, ?3, ?4)", params![token, person, name, now])?;
        Ok(())
    }

    pub fn token(&self, token: &str) -> Result<Option<String>> {
        Ok(optional(self.connection().query_row(
            "SELECT person FROM token WHERE token = ?1",
            [token],
            |row| row.get(0),
        ))?)
    }

    /// Names of a person's tokens and when they were made.
    pub fn tokens(&self, person: &str) -> Result<Vec<(String, i64)>> {
        let connection = self.connection();
        let mut select =
            connection.prepare("SELECT name, made FROM token WHERE person = ?1 ORDER BY made")?;
        let rows = select.query_map([person], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}

#[cfg(unix)]
fn private_to_owner(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private_to_owner(_: &Path) -> std::io::Result<()> {
    Ok(())
}
