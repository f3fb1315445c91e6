//! Who may do what: a file that an overseer can read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::act::{Act, Role};

/// The policy of a new centre.
pub const DEFAULT: &str = include_str!("policy.toml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    may: BTreeMap<Role, BTreeSet<String>>,
    #[serde(rename = "sign-off")]
    pub sign_off: SignOffs,
    #[serde(default)]
    pub view: BTreeMap<String, View>,
}

/// Separation of duties.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignOffs {
    pub people: usize,
    pub not_after_own: BTreeSet<String>,
    pub one_of: BTreeSet<Role>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    pub hide: BTreeSet<Hidden>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hidden {
    Embargoed,
    Comments,
    People,
    Code,
}

#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy cannot be read: {0}")]
    Syntax(String),
    #[error("the policy names the act `{0}`, which there is not")]
    NoSuchAct(String),
    #[error("the policy lets `{0:?}` do `found`, which only the first entry does")]
    Found(Role),
}

impl Policy {
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Policy = toml::from_str(text).map_err(|error| PolicyError::Syntax(error.to_string()))?;
        let named = policy.may.values().flatten().chain(&policy.sign_off.not_after_own);
        if let Some(name) = named.into_iter().find(|name| !Act::NAMES.contains(&name.as_str())) {
            return Err(PolicyError::NoSuchAct(name.clone()));
        }
        match policy.may.iter().find(|(_, acts)| acts.contains("found")) {
            Some((role, _)) => Err(PolicyError::Found(*role)),
            None => Ok(policy),
        }
    }

    /// Whether somebody with these roles may do this.
    pub fn allows(&self, roles: &[Role], act: &str) -> bool {
        roles.iter().any(|role| self.may.get(role).is_some_and(|acts| acts.contains(act)))
    }
}
