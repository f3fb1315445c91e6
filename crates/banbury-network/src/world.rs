//! A network as it stands, or will stand, on a day: who made each node, which are live, which
//! come from a designated vendor.

use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::inventory::{Inventory, Node};
use crate::strings::Sym;

/// What a regime takes for granted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Statuses of nodes that carry traffic or could at once.
    #[serde(default = "default_live")]
    pub live_statuses: Vec<String>,
    /// Part of a vendor that its owner must hold to control it [%].
    #[serde(default = "default_control")]
    pub control_pct: f64,
    /// Regimes whose designations in the inventory count; empty: all.
    #[serde(default)]
    pub designations_of: Vec<String>,
    /// Vendors that the regime itself names.
    #[serde(default)]
    pub designates: Vec<NamedVendor>,
}

/// A vendor designated by the regime's own text rather than by a row of the inventory.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedVendor {
    pub name: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub designated_on: Date,
    #[serde(default)]
    pub source: String,
}

fn default_live() -> Vec<String> {
    vec!["active".to_owned(), "decommissioning".to_owned()]
}

fn default_control() -> f64 {
    50.0
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            live_statuses: default_live(),
            control_pct: default_control(),
            designations_of: Vec::new(),
            designates: Vec::new(),
        }
    }
}

const UNKNOWN: u32 = u32::MAX;

pub struct World<'a> {
    pub inventory: &'a Inventory,
    pub profile: &'a Profile,
    pub date: Date,
    /// Whether plans were carried out up to `date`.
    pub projected: bool,
    vendor: Vec<u32>,
    /// Names of vendors that only the regime knows; their numbers follow those of the inventory.
    extra: Vec<String>,
    designated_vendor: Vec<bool>,
    live: Vec<bool>,
    designated: Vec<bool>,
}

/// A vendor's name as it is compared: letters and digits in lower case.
pub fn normal(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

impl<'a> World<'a> {
    /// The network on `as_of` as the inventory says it is.
    pub fn now(inventory: &'a Inventory, profile: &'a Profile, as_of: Date) -> World<'a> {
        World::make(inventory, profile, as_of, false)
    }

    /// The network on a later day, if everything planned is carried out on time.
    pub fn projected(inventory: &'a Inventory, profile: &'a Profile, date: Date) -> World<'a> {
        World::make(inventory, profile, date, true)
    }

    fn make(inventory: &'a Inventory, profile: &'a Profile, date: Date, projected: bool) -> World<'a> {
        let names = &inventory.pools.names;
        let mut extra = Vec::new();
        let mut by_name: rustc_hash::FxHashMap<String, u32> = rustc_hash::FxHashMap::default();
        for (row, vendor) in inventory.vendors.iter().enumerate() {
            let aliases = vendor.aliases.items(&inventory.pools);
            for name in std::iter::once(inventory.id(vendor.name.0)).chain(aliases) {
                let name = normal(name);
                if !name.is_empty() {
                    by_name.entry(name).or_insert(row as u32);
                }
            }
        }
        let mut designated_vendor = own_designations(inventory, profile, date);
        for named in &profile.designates {
            let spelled: Vec<String> =
                std::iter::once(&named.name).chain(&named.aliases).map(|n| normal(n)).collect();
            let known = spelled.iter().find_map(|n| by_name.get(n).copied());
            let number = known.unwrap_or_else(|| {
                extra.push(named.name.clone());
                (inventory.vendors.len() + extra.len() - 1) as u32
            });
            for name in spelled {
                by_name.entry(name).or_insert(number);
            }
            if designated_vendor.len() <= number as usize {
                designated_vendor.resize(number as usize + 1, false);
            }
            designated_vendor[number as usize] |= named.designated_on <= date;
        }
        controlled(inventory, profile, &mut designated_vendor);

        let mut vendor_of_name = vec![None; names.len()];
        let resolve = |slot: &mut Option<u32>, name: Sym| {
            *slot.get_or_insert_with(|| by_name.get(&normal(names.get(name))).copied().unwrap_or(UNKNOWN))
        };
        let vendor: Vec<u32> = inventory
            .nodes
            .iter()
            .map(|n| resolve(&mut vendor_of_name[n.vendor_name.0.index()], n.vendor_name.0))
            .collect();
        let live_status = NameSet::of(inventory, profile.live_statuses.iter().map(String::as_str));
        let coming = NameSet::of(inventory, ["planned", "staged"].into_iter());
        let live: Vec<bool> = inventory
            .nodes
            .iter()
            .map(|node| {
                let now = live_status.contains(node.status.0);
                if projected { stands(node, now, coming.contains(node.status.0), date) } else { now }
            })
            .collect();
        let designated = vendor.iter().map(|&v| v != UNKNOWN && designated_vendor[v as usize]).collect();
        World { inventory, profile, date, projected, vendor, extra, designated_vendor, live, designated }
    }

    pub fn live(&self, node: usize) -> bool {
        self.live[node]
    }

    /// Whether the node comes from a designated vendor.
    pub fn designated(&self, node: usize) -> bool {
        self.designated[node]
    }

    pub fn live_designated(&self, node: usize) -> bool {
        self.live[node] && self.designated[node]
    }

    pub fn vendor_designated(&self, vendor: usize) -> bool {
        self.designated_vendor[vendor]
    }

    /// The vendor of a node, if its name is one that is known.
    pub fn vendor(&self, node: usize) -> Option<usize> {
        (self.vendor[node] != UNKNOWN).then_some(self.vendor[node] as usize)
    }

    pub fn vendor_name(&self, vendor: usize) -> &str {
        match self.inventory.vendors.get(vendor) {
            Some(row) => self.inventory.id(row.name.0),
            None => self.extra.get(vendor - self.inventory.vendors.len()).map_or("", String::as_str),
        }
    }

    /// The vendors of the inventory and those that only the regime names.
    pub fn vendors(&self) -> usize {
        self.designated_vendor.len()
    }

    /// A vendor by identifier, name or alias.
    pub fn find_vendor(&self, text: &str) -> Option<usize> {
        let inventory = self.inventory;
        let wanted = normal(text);
        inventory.vendors.iter().position(|v| inventory.id(v.id.0) == text).or_else(|| {
            (0..self.vendors()).find(|&v| {
                normal(self.vendor_name(v)) == wanted
                    || inventory
                        .vendors
                        .get(v)
                        .is_some_and(|row| row.aliases.items(&inventory.pools).any(|a| normal(a) == wanted))
            })
        })
    }

    /// Whether a node not live now stands with the plans carried out by `at`, or a live one still does.
    pub fn stands_at(&self, node: usize, at: Date) -> bool {
        let row = &self.inventory.nodes[node];
        let status = self.inventory.name(row.status.0);
        stands(row, self.live[node], status == "planned" || status == "staged", at)
    }

    /// A vendor and all that it controls, directly or through others.
    pub fn group(&self, vendor: usize) -> Vec<bool> {
        let mut members = vec![false; self.vendors()];
        members[vendor] = true;
        controlled(self.inventory, self.profile, &mut members);
        members
    }

    /// How it comes that a vendor is designated, link by link.
    pub fn why_designated(&self, vendor: usize) -> Vec<String> {
        let inventory = self.inventory;
        let mut steps = Vec::new();
        let own = own_designations(inventory, self.profile, self.date);
        let mut at = vendor;
        for _ in 0..64 {
            let name = self.vendor_name(at).to_owned();
            if own.get(at).copied().unwrap_or(false) {
                let act = inventory
                    .designations
                    .iter()
                    .find(|d| d.vendor.row() == Some(at) && counts(inventory, self.profile, d, self.date));
                steps.push(match act {
                    Some(act) => format!(
                        "{name} is designated since {} ({}, {})",
                        act.designated_on,
                        inventory.id(act.id.0),
                        inventory.id(act.regime.0)
                    ),
                    None => format!("{name} is designated"),
                });
                return steps;
            }
            if let Some(named) = self.profile.designates.iter().find(|n| {
                n.designated_on <= self.date
                    && (self.find_vendor(&n.name) == Some(at)
                        || n.aliases.iter().any(|a| self.find_vendor(a) == Some(at)))
            }) {
                steps.push(format!(
                    "{name} is named by the regime since {} ({})",
                    named.designated_on, named.source
                ));
                return steps;
            }
            let Some(row) = inventory.vendors.get(at) else { return steps };
            let (Some(parent), Some(part)) = (row.parent.row(), row.ownership.known()) else { return steps };
            steps.push(format!("{} % of {name} belongs to {}", part, self.vendor_name(parent)));
            at = parent;
        }
        steps
    }
}

fn stands(node: &Node, live: bool, coming: bool, at: Date) -> bool {
    let here = live || (coming && node.installed_on.known().is_some_and(|d| d <= at));
    here && node.planned_removal.known().is_none_or(|d| d > at)
}

fn counts(inventory: &Inventory, profile: &Profile, act: &crate::inventory::Designation, date: Date) -> bool {
    let regime = inventory.id(act.regime.0);
    act.designated_on <= date
        && act.revoked_on.known().is_none_or(|d| d > date)
        && (profile.designations_of.is_empty()
            || profile.designations_of.iter().any(|r| r.eq_ignore_ascii_case(regime)))
}

fn own_designations(inventory: &Inventory, profile: &Profile, date: Date) -> Vec<bool> {
    let mut own = vec![false; inventory.vendors.len()];
    for act in inventory.designations.iter() {
        if let Some(vendor) = act.vendor.row() {
            own[vendor] |= counts(inventory, profile, act, date);
        }
    }
    own
}

/// Adds to a set of vendors those whose chain of owners reaches it, each link controlling.
fn controlled(inventory: &Inventory, profile: &Profile, members: &mut [bool]) {
    // 0 not looked at, 1 being looked at, 2 in, 3 out.
    let mut state = vec![0u8; inventory.vendors.len()];
    for start in 0..inventory.vendors.len() {
        let mut chain = Vec::new();
        let mut at = start;
        let inside = loop {
            if members[at] || state[at] == 2 {
                break true;
            }
            if state[at] != 0 {
                break false;
            }
            state[at] = 1;
            chain.push(at);
            let row = &inventory.vendors[at];
            match row.parent.row() {
                Some(parent) if row.ownership.known().unwrap_or(0.0) >= profile.control_pct => at = parent,
                _ => break false,
            }
        };
        for vendor in chain {
            state[vendor] = if inside { 2 } else { 3 };
        }
    }
    for (member, state) in members.iter_mut().zip(state) {
        *member |= state == 2;
    }
}

/// A set of vocabulary names, for one inventory.
#[derive(Clone, Debug, Default)]
pub struct NameSet {
    members: Vec<bool>,
}

impl NameSet {
    pub fn of<'n>(inventory: &Inventory, names: impl Iterator<Item = &'n str>) -> NameSet {
        let mut members = Vec::new();
        for name in names {
            let lower = name.trim().to_ascii_lowercase();
            for spelled in [name, lower.as_str()] {
                if let Some(sym) = inventory.pools.names.find(spelled) {
                    if members.len() <= sym.index() {
                        members.resize(sym.index() + 1, false);
                    }
                    members[sym.index()] = true;
                }
            }
        }
        NameSet { members }
    }

    pub fn contains(&self, sym: Sym) -> bool {
        self.members.get(sym.index()).copied().unwrap_or(false)
    }

    pub fn insert(&mut self, sym: Sym) {
        if self.members.len() <= sym.index() {
            self.members.resize(sym.index() + 1, false);
        }
        self.members[sym.index()] = true;
    }
}
