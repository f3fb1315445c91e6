//! A request as handlers see it, and what they answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use banbury_evidence::act::Role;
use banbury_evidence::policy::{Hidden, Page, Sight};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::App;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub name: String,
    pub organisation: String,
    pub roles: Vec<Role>,
    /// What forms must repeat.
    pub csrf: String,
    /// Hash of the session's token; none for a request with an API token.
    pub session: Option<String>,
}

/// A file that came with a form; removed when the request is done with, unless moved away.
#[derive(Debug)]
pub struct Upload {
    pub name: String,
    pub path: PathBuf,
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Gone already where a job took it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A request whose sender may make it.
pub struct Exchange<'a> {
    pub app: &'a Arc<App>,
    pub visitor: Option<Visitor>,
    pub path: String,
    /// Parts of the path by name.
    pub parts: BTreeMap<String, String>,
    pub query: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    pub uploads: Vec<Upload>,
    /// Whether the sender is a program: answers are JSON.
    pub api: bool,
}

pub enum Answer {
    Page(String),
    Json(Value),
    /// See the other address.
    To(String),
    /// A file to keep: name, type, content.
    File(String, &'static str, Vec<u8>),
    /// Something of the server's own, which may be shown: type, content.
    Asset(&'static str, &'static [u8]),
    /// Signs in: the token of a new session, and where to go.
    SignedIn(String, String),
    SignedOut,
    /// Progress of a job as it happens.
    Events(u64),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Fault {
    #[error("there is no such thing here, or it is not for you to see")]
    NotFound,
    #[error("{0}")]
    Forbidden(String),
    /// The policy, or the state of the evaluation, does not let this happen.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Bad(String),
    #[error("sign in first")]
    SignIn,
    #[error("too many attempts; try again later")]
    Later,
    #[error("the upload is larger than {0} bytes")]
    TooLarge(u64),
    #[error("{0}")]
    Internal(String),
}

pub type Answered = Result<Answer, Fault>;

impl Exchange<'_> {
    pub fn visitor(&self) -> Result<&Visitor, Fault> {
        self.visitor.as_ref().ok_or(Fault::SignIn)
    }

    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.parts.get(name).map_or("", String::as_str)
    }

    /// A value of the query; `None` if it is empty.
    pub fn asked(&self, name: &str) -> Option<&str> {
        first(&self.query, name)
    }

    /// A field of the form; `None` if it is empty.
    pub fn field(&self, name: &str) -> Option<&str> {
        first(&self.form, name)
    }

    pub fn required(&self, name: &str) -> Result<&str, Fault> {
        self.field(name).ok_or_else(|| Fault::Bad(format!("`{name}` is missing")))
    }

    /// Every value of a field.
    pub fn fields<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.form.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field that holds a word of the entries' vocabulary.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<T, Fault> {
        let text = self.required(name)?;
        serde_json::from_value(Value::from(text))
            .map_err(|_| Fault::Bad(format!("`{text}` is no value of `{name}`")))
    }

    /// What the visitor sees of a page.
    pub fn sight(&self, page: Page) -> Result<Sight, Fault> {
        let visitor = self.visitor()?;
        let store = self.app.store();
        let policy = store.centre().policy.as_ref();
        policy.and_then(|policy| policy.sight(&visitor.roles, page)).ok_or_else(|| {
            Fault::Forbidden(format!("the policy does not show this page to you, {}", visitor.name))
        })
    }

    pub fn hides(&self, page: Page, what: Hidden) -> Result<bool, Fault> {
        Ok(self.sight(page)?.hide.contains(&what))
    }

    /// The evaluation that the path names, if the visitor may see it.
    pub fn evaluation(&self, page: Page) -> Result<String, Fault> {
        let name = self.part("evaluation").to_owned();
        let sight = self.sight(page)?;
        let store = self.app.store();
        let known = store.centre().evaluations.get(&name).ok_or(Fault::NotFound)?;
        match sight.own_vendor && known.vendor != self.visitor()?.organisation {
            // Whether there is one is no business of another vendor.
            true => Err(Fault::NotFound),
            false => Ok(name),
        }
    }

    /// Whether the policy lets the visitor do an act.
    pub fn may(&self, act: &str) -> bool {
        let Some(visitor) = &self.visitor else { return false };
        let store = self.app.store();
        store.centre().policy.as_ref().is_some_and(|policy| policy.allows(&visitor.roles, act))
    }
}

fn first<'f>(pairs: &'f [(String, String)], name: &str) -> Option<&'f str> {
    pairs.iter().find(|(key, value)| key == name && !value.trim().is_empty()).map(|(_, value)| value.as_str())
}
