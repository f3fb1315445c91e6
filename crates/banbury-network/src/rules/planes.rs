//! The management plane: who can administer what.

use serde::{Deserialize, Serialize};

use super::{InScope, NO_VENDOR, Outcome, RoleSet, designated_evidence, vendor_steps};
use crate::graph::{Graph, NONE, path_from};
use crate::inventory::Inventory;
use crate::verdict::{Evidence, SubjectKind};
use crate::world::{NameSet, World};

/// Edges over which one node can act on another: active, allowed flows of the kinds, and, if
/// wanted, from each host to what runs on it.
pub(crate) fn control_edges<'i>(
    inventory: &'i Inventory,
    kinds: &'i NameSet,
    hosting: bool,
) -> impl Iterator<Item = (usize, usize)> + Clone + 'i {
    let active = NameSet::of(inventory, ["active"].into_iter());
    let allow = NameSet::of(inventory, ["allow"].into_iter());
    let flows = (0..inventory.admin_flows.len()).filter_map(move |flow| {
        let row = &inventory.admin_flows[flow];
        (active.contains(row.status.0) && allow.contains(row.action.0) && kinds.contains(row.kind.0))
            .then(|| row.src.row().zip(row.dst.row()))
            .flatten()
    });
    let hosted = (0..if hosting { inventory.nodes.len() } else { 0 })
        .filter_map(move |node| inventory.nodes[node].host.row().map(|host| (host, node)));
    flows.chain(hosted)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MgmtReach {
    /// Functions that must not be reached.
    pub targets: RoleSet,
    /// Kinds of flows that count as administering.
    pub kinds: Vec<String>,
    /// Whether a host administers what runs on it.
    #[serde(default = "super::default_true")]
    pub include_hosting: bool,
}

impl MgmtReach {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.kinds.iter().map(String::as_str));
        let targets = self.targets.of(inventory);
        let edges = control_edges(inventory, &kinds, self.include_hosting);
        // Backwards from the targets: what each node was reached from is its next step forwards.
        let graph = Graph::directed(inventory.nodes.len(), edges.map(|(from, to)| (to, from)));
        let is_target = |node: usize| targets.contains(inventory.nodes[node].role.0);
        let next = graph.reach((0..inventory.nodes.len()).filter(|&n| is_target(n)), |n| world.live(n));
        for node in 0..inventory.nodes.len() {
            if !world.live(node) || is_target(node) || !scope.node(world, node) {
                continue;
            }
            let reaches = next[node] != NONE;
            if world.vendor(node).is_none() {
                out.subjects += 1;
                if reaches {
                    out.unknown(NO_VENDOR, inventory.node_id(node));
                }
                continue;
            }
            if !world.designated(node) {
                continue;
            }
            out.subjects += 1;
            if reaches {
                let path = path_from(&next, node);
                let ids: Vec<String> = path.iter().map(|&n| inventory.node_id(n).to_owned()).collect();
                let mut evidence = Evidence { nodes: vec![ids[0].clone()], ..Evidence::default() };
                evidence.steps = vendor_steps(world, node);
                let shown: Vec<String> = path
                    .iter()
                    .map(|&n| {
                        format!("{} ({})", inventory.node_id(n), inventory.name(inventory.nodes[n].role.0))
                    })
                    .collect();
                evidence.step(format!("it can administer, step by step: {}", shown.join(" > ")));
                evidence.path = ids;
                out.node(world, node, evidence);
            }
        }
    }
}

/// Calls `each` for every active, allowed flow with both ends live.
fn live_flows(world: &World<'_>, mut each: impl FnMut(usize, usize, usize)) {
    let inventory = world.inventory;
    let active = NameSet::of(inventory, ["active"].into_iter());
    let allow = NameSet::of(inventory, ["allow"].into_iter());
    for (flow, row) in inventory.admin_flows.iter().enumerate() {
        let (Some(from), Some(to)) = (row.src.row(), row.dst.row()) else { continue };
        if active.contains(row.status.0) && allow.contains(row.action.0) && world.live(from) && world.live(to)
        {
            each(flow, from, to);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MgmtScope {
    /// Functions that administer.
    pub roles: RoleSet,
    pub kinds: Vec<String>,
}

impl MgmtScope {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        let kinds = NameSet::of(inventory, self.kinds.iter().map(String::as_str));
        live_flows(world, |flow, from, to| {
            let row = &inventory.admin_flows[flow];
            let concerned = kinds.contains(row.kind.0)
                && world.designated(from)
                && roles.contains(inventory.nodes[from].role.0)
                && scope.node(world, from);
            if !concerned {
                return;
            }
            out.subjects += 1;
            if !world.designated(to) {
                let id = inventory.id(row.id.0);
                let mut evidence = designated_evidence(world, from);
                let maker = world.vendor(to).map_or("a vendor that is not known", |v| world.vendor_name(v));
                evidence.step(format!("by {id} it administers {}, made by {maker}", inventory.node_id(to)));
                evidence.nodes.push(inventory.node_id(to).to_owned());
                out.find(id, SubjectKind::Flow, flow, evidence);
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MgmtSegregation {
    /// Managed functions, which must not administer each other.
    pub roles: RoleSet,
    pub kinds: Vec<String>,
}

impl MgmtSegregation {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        let kinds = NameSet::of(inventory, self.kinds.iter().map(String::as_str));
        live_flows(world, |flow, from, to| {
            let row = &inventory.admin_flows[flow];
            if !kinds.contains(row.kind.0) || !scope.node(world, from) {
                return;
            }
            out.subjects += 1;
            if roles.contains(inventory.nodes[from].role.0) && roles.contains(inventory.nodes[to].role.0) {
                let id = inventory.id(row.id.0);
                let ends = vec![inventory.node_id(from).to_owned(), inventory.node_id(to).to_owned()];
                let mut evidence = Evidence { nodes: ends.clone(), path: ends, ..Evidence::default() };
                evidence.step("both ends are managed elements; one may not administer the other");
                out.find(id, SubjectKind::Flow, flow, evidence);
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearTextManagement {
    pub protocols: Vec<String>,
}

impl ClearTextManagement {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let protocols = NameSet::of(inventory, self.protocols.iter().map(String::as_str));
        live_flows(world, |flow, from, to| {
            if !scope.node(world, to) {
                return;
            }
            out.subjects += 1;
            let row = &inventory.admin_flows[flow];
            let id = inventory.id(row.id.0);
            if row.protocol.0.is_empty() {
                out.unknown("admin_flows: `protocol` is empty", id);
            } else if protocols.contains(row.protocol.0) {
                let ends = vec![inventory.node_id(from).to_owned(), inventory.node_id(to).to_owned()];
                let mut evidence = Evidence { nodes: ends, ..Evidence::default() };
                evidence
                    .step(format!("it uses `{}`, which is not encrypted", inventory.name(row.protocol.0)));
                out.find(id, SubjectKind::Flow, flow, evidence);
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteAccess {
    /// Functions through which outside access must pass.
    pub via_roles: RoleSet,
}

impl RemoteAccess {
    pub(super) fn run(&self, world: &World<'_>, _: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let via_roles = self.via_roles.of(inventory);
        for (access, row) in inventory.remote_access.iter().enumerate() {
            let id = inventory.id(row.id.0);
            match row.enabled.known() {
                Some(false) => continue,
                Some(true) => {}
                None => {
                    out.subjects += 1;
                    out.unknown("remote_access: `enabled` is empty", id);
                    continue;
                }
            }
            out.subjects += 1;
            let mut evidence = Evidence::default();
            if let Some(org) = row.org.row().filter(|&v| world.vendor_designated(v)) {
                evidence.step(format!("it is used by {}", world.vendor_name(org)));
                evidence.steps.extend(world.why_designated(org));
            }
            if row.mfa.known() == Some(false) {
                evidence.step("no second factor is required");
            }
            if row.recorded.known() == Some(false) {
                evidence.step("sessions are not recorded");
            }
            match row.via.row() {
                None => evidence.step("it passes no recorded jump host"),
                Some(via) => {
                    let name = inventory.node_id(via);
                    if !world.live(via) {
                        evidence.step(format!("it passes {name}, which is not live"));
                    }
                    if !via_roles.contains(inventory.nodes[via].role.0) {
                        evidence.step(format!(
                            "it passes {name}, which is `{}`",
                            inventory.name(inventory.nodes[via].role.0)
                        ));
                    }
                    if world.designated(via) {
                        evidence.step(format!("it passes {name}, which comes from a designated vendor"));
                    }
                }
            }
            if !evidence.steps.is_empty() {
                out.find(id, SubjectKind::Access, access, evidence);
            } else if row.mfa.known().is_none() {
                out.unknown("remote_access: `mfa` is empty", id);
            } else if row.recorded.known().is_none() {
                out.unknown("remote_access: `recorded` is empty", id);
            } else if row.org.row().is_none() {
                out.unknown("remote_access: `org_vendor_id` is empty", id);
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminCountry {
    pub countries: Vec<String>,
}

impl AdminCountry {
    pub(super) fn run(&self, world: &World<'_>, _: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        for (access, row) in inventory.remote_access.iter().enumerate() {
            if !row.enabled.is_true() {
                continue;
            }
            out.subjects += 1;
            let id = inventory.id(row.id.0);
            let country = inventory.id(row.country.0).trim();
            if country.is_empty() {
                out.unknown("remote_access: `from_country` is empty", id);
            } else if self.countries.iter().any(|c| c.eq_ignore_ascii_case(country)) {
                let mut evidence = Evidence::default();
                evidence.figure("country", country);
                evidence.step(format!("it comes from {country}"));
                out.find(id, SubjectKind::Access, access, evidence);
            }
        }
    }
}
