//! Releases: support, fixes, and what evaluations said about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InScope, Outcome, RoleSet};
use crate::date::Date;
use crate::inventory::{Inventory, Node};
use crate::strings::Sym;
use crate::verdict::Evidence;
use crate::version::Version;
use crate::world::{NameSet, World};

fn live(world: &World<'_>, scope: &InScope, roles: &RoleSet, mut each: impl FnMut(usize, &Node)) {
    let roles = roles.of(world.inventory);
    for (node, row) in world.inventory.nodes.iter().enumerate() {
        if world.live(node) && roles.contains(row.role.0) && scope.node(world, node) {
            each(node, row);
        }
    }
}

fn runs(inventory: &Inventory, node: usize) -> Evidence {
    let row = &inventory.nodes[node];
    let mut evidence = Evidence { nodes: vec![inventory.node_id(node).to_owned()], ..Evidence::default() };
    evidence.step(format!(
        "{} runs {} {}",
        inventory.node_id(node),
        inventory.name(row.platform.0),
        inventory.name(row.sw_version.0)
    ));
    evidence
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Eol {
    #[serde(default)]
    pub roles: RoleSet,
}

impl Eol {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        // By platform and digits of the version, so that 13.5-14 finds the row of 13.5.14.
        let mut table: BTreeMap<(Sym, Version), Date> = BTreeMap::new();
        for row in inventory.software.iter() {
            table.insert((row.platform.0, Version::parse(inventory.name(row.version.0))), row.end_of_support);
        }
        let mut known: rustc_hash::FxHashMap<(Sym, Sym), Option<Date>> = rustc_hash::FxHashMap::default();
        live(world, scope, &self.roles, |node, row| {
            out.subjects += 1;
            let key = (row.platform.0, row.sw_version.0);
            if key.0.is_empty() || key.1.is_empty() {
                return out.unknown("nodes: `platform` or `sw_version` is empty", inventory.node_id(node));
            }
            let end = *known
                .entry(key)
                .or_insert_with(|| table.get(&(key.0, Version::parse(inventory.name(key.1)))).copied());
            match end.and_then(Date::known) {
                None => {
                    out.unknown("software: no end of support for the node's release", inventory.node_id(node))
                }
                Some(end) if end < world.date => {
                    let mut evidence = runs(inventory, node);
                    evidence.figure("end_of_support", end.to_string());
                    evidence.step(format!("its support ended on {end}"));
                    out.node(world, node, evidence);
                }
                Some(_) => {}
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareSupport {
    #[serde(default)]
    pub roles: RoleSet,
}

impl HardwareSupport {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        live(world, scope, &self.roles, |node, row| {
            out.subjects += 1;
            let id = world.inventory.node_id(node);
            match row.support_end.known() {
                None => out.unknown("nodes: `support_end` is empty", id),
                Some(end) if end < world.date => {
                    let mut evidence = Evidence { nodes: vec![id.to_owned()], ..Evidence::default() };
                    evidence.step(format!("the support of its hardware ended on {end}"));
                    out.node(world, node, evidence);
                }
                Some(_) => {}
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatchWithin {
    #[serde(default)]
    pub roles: RoleSet,
    pub severity: Vec<String>,
    /// Days from the publication of the fix.
    pub days: u16,
    /// Only for vulnerabilities known to be exploited.
    #[serde(default)]
    pub only_exploited: bool,
}

impl PatchWithin {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let severities = NameSet::of(inventory, self.severity.iter().map(String::as_str));
        let before = world.date.plus_days(-i32::from(self.days));
        let mut due: rustc_hash::FxHashMap<Sym, Vec<(usize, Version, Version)>> =
            rustc_hash::FxHashMap::default();
        for (advisory, row) in inventory.advisories.iter().enumerate() {
            let exploited = !self.only_exploited || row.exploited.is_true();
            if severities.contains(row.severity.0) && row.published < before && exploited {
                let (from, fixed) = (inventory.name(row.affected_from.0), inventory.name(row.fixed_in.0));
                due.entry(row.platform.0).or_default().push((
                    advisory,
                    Version::parse(from),
                    Version::parse(fixed),
                ));
            }
        }
        let mut overdue: rustc_hash::FxHashMap<(Sym, Sym), Vec<usize>> = rustc_hash::FxHashMap::default();
        live(world, scope, &self.roles, |node, row| {
            out.subjects += 1;
            let key = (row.platform.0, row.sw_version.0);
            let Some(advisories) = due.get(&key.0) else {
                if key.0.is_empty() {
                    out.unknown("nodes: `platform` is empty", inventory.node_id(node));
                }
                return;
            };
            if key.1.is_empty() {
                return out.unknown("nodes: `sw_version` is empty", inventory.node_id(node));
            }
            let hits = overdue.entry(key).or_insert_with(|| {
                let version = Version::parse(inventory.name(key.1));
                advisories
                    .iter()
                    .filter(|(_, from, fixed)| *from <= version && version < *fixed)
                    .map(|a| a.0)
                    .collect()
            });
            if hits.is_empty() {
                return;
            }
            let mut evidence = runs(inventory, node);
            for &advisory in hits.iter() {
                let row = &inventory.advisories[advisory];
                evidence.step(format!(
                    "{} ({}) was published on {} and is fixed in {}; {} days have passed",
                    inventory.id(row.id.0),
                    inventory.name(row.severity.0),
                    row.published,
                    inventory.name(row.fixed_in.0),
                    world.date.days() - row.published.days()
                ));
            }
            out.node(world, node, evidence);
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseApproval {
    #[serde(default)]
    pub roles: RoleSet,
    /// Only nodes from designated vendors.
    #[serde(default)]
    pub only_designated: bool,
    /// Whether a conditional approval is enough.
    #[serde(default)]
    pub allow_conditional: bool,
    /// Whether the binary must have been shown to come from the reviewed source.
    #[serde(default)]
    pub need_equivalence: bool,
    /// Greatest weight of an open finding [decibans].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_open_weight_db: Option<f64>,
}

impl ReleaseApproval {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let mut table: BTreeMap<(Sym, Version), Vec<usize>> = BTreeMap::new();
        for (row, evaluation) in inventory.evaluations.iter().enumerate() {
            let version = Version::parse(inventory.name(evaluation.version.0));
            table.entry((evaluation.platform.0, version)).or_default().push(row);
        }
        live(world, scope, &self.roles, |node, row| {
            if self.only_designated && !world.designated(node) {
                return;
            }
            out.subjects += 1;
            let id = inventory.node_id(node);
            if row.platform.0.is_empty() || row.sw_version.0.is_empty() {
                return out.unknown("nodes: `platform` or `sw_version` is empty", id);
            }
            let key = (row.platform.0, Version::parse(inventory.name(row.sw_version.0)));
            let evaluations = table.get(&key).map_or(&[][..], Vec::as_slice);
            let mut evidence = runs(inventory, node);
            if evaluations.is_empty() {
                evidence.step("no evaluation of this release is recorded");
                return out.node(world, node, evidence);
            }
            let mut missing = None;
            for &evaluation in evaluations {
                match self.objection(world, node, evaluation) {
                    Answer::Approved => return,
                    Answer::Missing(what) => missing = Some(what),
                    Answer::Objection(text) => {
                        let name = inventory.id(inventory.evaluations[evaluation].id.0);
                        evidence.step(format!("{name}: {text}"));
                    }
                }
            }
            match missing {
                Some(what) => out.unknown(what, id),
                None => out.node(world, node, evidence),
            }
        });
    }

    /// What speaks against relying on an evaluation for a node.
    fn objection(&self, world: &World<'_>, node: usize, evaluation: usize) -> Answer {
        let inventory = world.inventory;
        let row = &inventory.evaluations[evaluation];
        let verdict = inventory.name(row.verdict.0);
        let enough = verdict == "approved" || (self.allow_conditional && verdict == "conditional");
        if !enough {
            return Answer::Objection(format!("its verdict is `{verdict}`"));
        }
        if let Some(expiry) = row.expires_on.known().filter(|&d| d < world.date) {
            return Answer::Objection(format!("it expired on {expiry}"));
        }
        let mut kinds = row.site_kinds.items(&inventory.pools).peekable();
        if kinds.peek().is_some() {
            let site = inventory.nodes[node].site.row().map(|s| &inventory.sites[s]);
            let classes =
                site.map(|s| [s.kind.0, s.sensitivity.0, s.criticality.0].map(|c| inventory.name(c)));
            let covers = classes
                .is_some_and(|classes| kinds.any(|k| classes.iter().any(|c| c.eq_ignore_ascii_case(k))));
            if !covers {
                return Answer::Objection("it does not cover sites of this class".to_owned());
            }
        }
        let equivalence = inventory.name(row.equivalence.0);
        if self.need_equivalence && equivalence != "shown" {
            return Answer::Objection("the binary was not shown to come from the reviewed source".to_owned());
        }
        if let Some(limit) = self.max_open_weight_db {
            match row.open_weight.known() {
                None => return Answer::Missing("evaluations: `open_weight_db` is empty"),
                Some(open) if open > limit => {
                    return Answer::Objection(format!(
                        "an open finding weighs {open} decibans, more than {limit}"
                    ));
                }
                Some(_) => {}
            }
        }
        let evaluated = inventory.name(row.image_digest.0);
        let installed = inventory.name(inventory.nodes[node].image_digest.0);
        if !evaluated.is_empty() && installed.is_empty() {
            return Answer::Missing("nodes: `image_digest` is empty");
        }
        if !evaluated.is_empty() && !evaluated.eq_ignore_ascii_case(installed) {
            return Answer::Objection(format!(
                "the installed image {installed} is not the evaluated one, {evaluated}"
            ));
        }
        Answer::Approved
    }
}

enum Answer {
    Approved,
    /// It cannot be said: this is missing.
    Missing(&'static str),
    Objection(String),
}
