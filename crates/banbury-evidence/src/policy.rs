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
    #[serde(default)]
    read: BTreeMap<Role, Reads>,
}

/// What a role may look at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reads {
    pub pages: BTreeSet<Page>,
    /// Name of the view; everything where there is none.
    pub view: Option<String>,
    /// Only evaluations of products of the person's own organisation.
    #[serde(default)]
    pub own_vendor: bool,
}

/// What there is to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Page {
    Evaluations,
    Findings,
    Changes,
    Network,
    Jobs,
    People,
    /// The log of acts, its checkpoint and proofs.
    Log,
    Report,
}

impl Page {
    pub const ALL: [Page; 8] = [
        Page::Evaluations,
        Page::Findings,
        Page::Changes,
        Page::Network,
        Page::Jobs,
        Page::People,
        Page::Log,
        Page::Report,
    ];
}

/// What somebody sees of a page, by all roles that let them see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub hide: BTreeSet<Hidden>,
    pub own_vendor: bool,
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
    #[error("the policy has no view `{0}`, which `{1:?}` is to look through")]
    NoSuchView(String, Role),
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
        for (role, reads) in &policy.read {
            if let Some(view) = reads.view.as_ref().filter(|view| !policy.view.contains_key(*view)) {
                return Err(PolicyError::NoSuchView(view.clone(), *role));
            }
        }
        match policy.may.iter().find(|(_, acts)| acts.contains("found")) {
            Some((role, _)) => Err(PolicyError::Found(*role)),
            None => Ok(policy),
        }
    }

    /// What somebody with these roles sees of a page; `None` if nothing. Hidden is what every role
    /// that shows the page hides.
    pub fn sight(&self, roles: &[Role], page: Page) -> Option<Sight> {
        let shown = roles.iter().filter_map(|role| self.read.get(role)).filter(|r| r.pages.contains(&page));
        let one = |reads: &Reads| Sight {
            hide: reads
                .view
                .as_ref()
                .and_then(|view| self.view.get(view))
                .map(|v| v.hide.clone())
                .unwrap_or_default(),
            own_vendor: reads.own_vendor,
        };
        shown.map(one).reduce(|a, b| Sight {
            hide: a.hide.intersection(&b.hide).copied().collect(),
            own_vendor: a.own_vendor && b.own_vendor,
        })
    }

    /// Whether somebody with these roles may do this.
    pub fn allows(&self, roles: &[Role], act: &str) -> bool {
        roles.iter().any(|role| self.may.get(role).is_some_and(|acts| acts.contains(act)))
    }
}
