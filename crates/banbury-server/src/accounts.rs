//! Passwords, sessions and lockout.

use std::sync::PoisonError;

use argon2::{Algorithm, Argon2, Params, Version};
use banbury_evidence::Sha256;
use banbury_store::IndexError;
use rand_core::{OsRng, RngCore};

use crate::app::{App, now};
use crate::exchange::{Fault, Visitor};

/// RFC 9106, second recommended option: 64 MiB, three passes; one lane, as one core hashes.
const MEMORY: u32 = 64 * 1024;
const PASSES: u32 = 3;
pub const SHORTEST: usize = 12;
const LONGEST: usize = 1024;
/// A session ends when it is not used for so long, and so long after it began [s].
const IDLE: i64 = 8 * 3600;
const OLDEST: i64 = 7 * 24 * 3600;

/// 256 random bits as text.
pub fn secret() -> String {
    let mut bytes = [0; 32];
    OsRng.fill_bytes(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = (0..text.len()).step_by(2).map(|at| text.get(at..at + 2));
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

/// What is kept of a secret: it is random, so a fast hash is enough.
pub fn hashed(secret: &str) -> String {
    Sha256::of(secret.as_bytes()).to_string()
}

/// The form in which a password is kept.
pub fn hash_password(password: &str) -> Result<String, Fault> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        return Err(Fault::Bad(format!("a password has at least {SHORTEST} characters")));
    }
    let mut salt = [0; 16];
    OsRng.fill_bytes(&mut salt);
    let hash = derive(password, &salt, MEMORY, PASSES)?;
    Ok(format!("argon2id${MEMORY}${PASSES}${}${}", hex(&salt), hex(&hash)))
}

fn derive(password: &str, salt: &[u8], memory: u32, passes: u32) -> Result<[u8; 32], Fault> {
    let internal = |error: argon2::Error| Fault::Internal(error.to_string());
    let params = Params::new(memory, passes, 1, Some(32)).map_err(internal)?;
    let mut out = [0; 32];
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon.hash_password_into(password.as_bytes(), salt, &mut out).map_err(internal)?;
    Ok(out)
}

fn is_password(password: &str, kept: &str) -> Result<bool, Fault> {
    let malformed = || Fault::Internal("an account's password hash is malformed".into());
    let parts: Vec<&str> = kept.split('$').collect();
    let ["argon2id", memory, passes, salt, hash] = parts[..] else { return Err(malformed()) };
    let (memory, passes) = (memory.parse().ok(), passes.parse().ok());
    let (Some(memory), Some(passes), Some(salt), Some(hash)) = (memory, passes, unhex(salt), unhex(hash))
    else {
        return Err(malformed());
    };
    Ok(same(&derive(password, &salt, memory, passes)?, &hash))
}

/// Compares without telling by its time where the difference is.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (x, y)| all | (x ^ y)) == 0
}

/// Checks a name and a password; gives the token of a new session.
pub fn sign_in(app: &App, person: &str, password: &str) -> Result<String, Fault> {
    let wrong = || Fault::Forbidden("the name or the password is wrong".into());
    if password.len() > LONGEST {
        return Err(wrong());
    }
    // One at a time: each takes 64 MiB.
    let _turn = app.signing_in.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(account) = app.accounts.account(person)? else {
        // Takes as long as for somebody who has an account.
        derive(password, &[0; 16], MEMORY, PASSES)?;
        return Err(wrong());
    };
    if account.locked_until > now() {
        return Err(Fault::Later);
    }
    // Counted before it is looked at, so that attempts side by side are counted as well.
    app.accounts.failed(person, now())?;
    if !is_password(password, &account.password)? {
        return Err(wrong());
    }
    let works_here = app.store().centre().people.get(person).is_some_and(|one| !one.dismissed);
    if !works_here {
        return Err(wrong());
    }
    app.accounts.succeeded(person)?;
    Ok(begin(app, person)?)
}

/// A new session, always with a new token: one that somebody planted before is worth nothing.
pub fn begin(app: &App, person: &str) -> Result<String, IndexError> {
    let token = secret();
    app.accounts.begin(&hashed(&token), person, &secret(), now())?;
    Ok(token)
}

/// Whose session it is, if it still runs and the person still works here.
pub fn by_session(app: &App, token: &str) -> Result<Option<Visitor>, IndexError> {
    let key = hashed(token);
    let Some(session) = app.accounts.session(&key)? else { return Ok(None) };
    let time = now();
    if time - session.used > IDLE || time - session.begun > OLDEST {
        app.accounts.end(&key)?;
        return Ok(None);
    }
    if time - session.used > 60 {
        app.accounts.used(&key, time)?;
    }
    Ok(visitor(app, &session.person, session.csrf, Some(key)))
}

pub fn by_token(app: &App, token: &str) -> Result<Option<Visitor>, IndexError> {
    let person = app.accounts.token(&hashed(token))?;
    Ok(person.and_then(|person| visitor(app, &person, String::new(), None)))
}

fn visitor(app: &App, person: &str, csrf: String, session: Option<String>) -> Option<Visitor> {
    let store = app.store();
    let known = store.centre().people.get(person).filter(|known| !known.dismissed)?;
    Some(Visitor {
        name: person.to_owned(),
        organisation: known.organisation.clone(),
        roles: known.roles.clone(),
        csrf,
        session,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_not_kept() {
        let kept = hash_password("correct horse battery").unwrap();
        assert!(kept.starts_with("argon2id$") && !kept.contains("horse"));
        assert_eq!(is_password("correct horse battery", &kept), Ok(true));
        assert_eq!(is_password("correct horse batterz", &kept), Ok(false));
        assert!(hash_password("short").is_err());
    }
}
