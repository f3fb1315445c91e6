//! What still works without designated equipment, and what has only one way.

use serde::{Deserialize, Serialize};

use super::{InScope, Outcome, RoleSet};
use crate::graph::{Graph, NONE, Separation, path_from};
use crate::inventory::Inventory;
use crate::verdict::{Evidence, SubjectKind};
use crate::world::{NameSet, World};

/// Ends of the active links of some kinds.
pub(crate) fn link_edges<'i>(
    inventory: &'i Inventory,
    kinds: &'i NameSet,
) -> impl Iterator<Item = (usize, usize)> + Clone + 'i {
    let active = NameSet::of(inventory, ["active"].into_iter());
    (0..inventory.links.len()).filter_map(move |link| {
        let row = &inventory.links[link];
        (active.contains(row.status.0) && kinds.contains(row.kind.0))
            .then(|| row.a.row().zip(row.b.row()))
            .flatten()
    })
}

/// Who is connected to what: sites by their access nodes to anchors at core sites.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Connection {
    /// Criticality of the sites concerned.
    pub criticality: Vec<String>,
    pub link_kinds: Vec<String>,
    #[serde(default = "csr")]
    pub access_roles: RoleSet,
    #[serde(default = "pe_router")]
    pub anchor_roles: RoleSet,
    #[serde(default = "core_site")]
    pub anchor_site_kinds: Vec<String>,
}

fn csr() -> RoleSet {
    RoleSet::One("csr".to_owned())
}

fn pe_router() -> RoleSet {
    RoleSet::One("pe-router".to_owned())
}

fn core_site() -> Vec<String> {
    vec!["core".to_owned()]
}

impl Connection {
    /// Live access nodes by site.
    fn access(&self, world: &World<'_>) -> Vec<Vec<u32>> {
        access_nodes(world, &self.access_roles)
    }

    /// Live anchor nodes with their sites.
    fn anchors(&self, world: &World<'_>) -> Vec<(usize, usize)> {
        anchors(world, &self.anchor_roles, &self.anchor_site_kinds)
    }

    fn sites<'w>(&self, world: &'w World<'w>, scope: &'w InScope) -> impl Iterator<Item = usize> + 'w {
        let inventory = world.inventory;
        let criticality = NameSet::of(inventory, self.criticality.iter().map(String::as_str));
        (0..inventory.sites.len())
            .filter(move |&s| criticality.contains(inventory.sites[s].criticality.0) && scope.site(s))
    }
}

pub(crate) fn access_nodes(world: &World<'_>, roles: &RoleSet) -> Vec<Vec<u32>> {
    let inventory = world.inventory;
    let roles = roles.of(inventory);
    let mut by_site = vec![Vec::new(); inventory.sites.len()];
    for (node, row) in inventory.nodes.iter().enumerate() {
        if let Some(site) = row.site.row().filter(|_| world.live(node) && roles.contains(row.role.0)) {
            by_site[site].push(node as u32);
        }
    }
    by_site
}

pub(crate) fn anchors(world: &World<'_>, roles: &RoleSet, site_kinds: &[String]) -> Vec<(usize, usize)> {
    let inventory = world.inventory;
    let roles = roles.of(inventory);
    let kinds = NameSet::of(inventory, site_kinds.iter().map(String::as_str));
    inventory
        .nodes
        .iter()
        .enumerate()
        .filter(|(node, row)| world.live(*node) && roles.contains(row.role.0))
        .filter_map(|(node, row)| Some((node, row.site.row()?)))
        .filter(|&(_, site)| kinds.contains(inventory.sites[site].kind.0))
        .collect()
}

fn site_evidence(inventory: &Inventory, site: usize, access: &[u32]) -> Evidence {
    let mut evidence = Evidence {
        nodes: access
            .iter()
            .take(Evidence::NODES)
            .map(|&n| inventory.node_id(n as usize).to_owned())
            .collect(),
        ..Evidence::default()
    };
    evidence.step(format!(
        "{} has criticality `{}` and is connected through {}",
        inventory.site_id(site),
        inventory.name(inventory.sites[site].criticality.0),
        evidence.nodes.join(", ")
    ));
    evidence
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SurviveVendorOut {
    #[serde(flatten)]
    pub connection: Connection,
}

impl SurviveVendorOut {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.connection.link_kinds.iter().map(String::as_str));
        let graph = Graph::undirected(inventory.nodes.len(), link_edges(inventory, &kinds));
        let anchors = self.connection.anchors(world);
        let sources = || anchors.iter().map(|&(node, _)| node);
        let without = graph.reach(sources(), |n| world.live(n) && !world.designated(n));
        let with = graph.reach(sources(), |n| world.live(n));
        let access = self.connection.access(world);
        for site in self.connection.sites(world, scope) {
            if access[site].is_empty() {
                continue;
            }
            out.subjects += 1;
            if access[site].iter().any(|&n| without[n as usize] != NONE) {
                continue;
            }
            let mut evidence = site_evidence(inventory, site, &access[site]);
            match access[site].iter().find(|&&n| with[n as usize] != NONE) {
                None => evidence.step("it reaches no core site even with all equipment in place"),
                Some(&node) => {
                    let path = path_from(&with, node as usize);
                    let barred: Vec<&str> = path
                        .iter()
                        .filter(|&&n| world.designated(n))
                        .map(|&n| inventory.node_id(n))
                        .collect();
                    evidence.step(format!(
                        "a shortest path to a core site passes the designated {}",
                        barred.join(", ")
                    ));
                    evidence.step("without designated equipment no path is left");
                    evidence.path = path.iter().map(|&n| inventory.node_id(n).to_owned()).collect();
                }
            }
            out.find(inventory.site_id(site), SubjectKind::Site, site, evidence);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DisjointPaths {
    #[serde(flatten)]
    pub connection: Connection,
}

impl DisjointPaths {
    /// Two paths to two core sites that share no node but the first are two vertex-disjoint paths
    /// to a root joined to one vertex per core site, each joined to that site's anchors. By Menger
    /// that is the same as: no single vertex cuts the access node off from the root.
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let nodes = inventory.nodes.len();
        let kinds = NameSet::of(inventory, self.connection.link_kinds.iter().map(String::as_str));
        let anchors = self.connection.anchors(world);
        let mut sites: Vec<usize> = anchors.iter().map(|&(_, site)| site).collect();
        sites.sort_unstable();
        sites.dedup();
        let vertex_of = |site: usize| nodes + sites.binary_search(&site).unwrap_or_default();
        let root = nodes + sites.len();
        let edges = link_edges(inventory, &kinds)
            .chain(anchors.iter().map(|&(node, site)| (node, vertex_of(site))))
            .chain((0..sites.len()).map(|i| (nodes + i, root)));
        let graph = Graph::undirected(root + 1, edges);
        let separation = graph.separation(root, |v| v >= nodes || world.live(v));
        let access = self.connection.access(world);
        for site in self.connection.sites(world, scope) {
            if access[site].is_empty() {
                continue;
            }
            out.subjects += 1;
            if access[site].iter().any(|&n| separation[n as usize] == Separation::Doubly) {
                continue;
            }
            let mut evidence = site_evidence(inventory, site, &access[site]);
            for &node in access[site].iter().take(8) {
                let name = inventory.node_id(node as usize);
                let step = match separation[node as usize] {
                    Separation::Separated { by } if (by as usize) < nodes => {
                        let cut = inventory.node_id(by as usize);
                        evidence.nodes.push(cut.to_owned());
                        format!("every path from {name} to the core passes {cut}")
                    }
                    Separation::Separated { by } => {
                        format!(
                            "{name} reaches one core site only, {}",
                            inventory.site_id(sites[by as usize - nodes])
                        )
                    }
                    _ => format!("{name} reaches no core site"),
                };
                evidence.step(step);
            }
            out.find(inventory.site_id(site), SubjectKind::Site, site, evidence);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MustTraverse {
    pub source_roles: RoleSet,
    pub target_roles: RoleSet,
    pub via_roles: RoleSet,
    pub link_kinds: Vec<String>,
}

impl MustTraverse {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.link_kinds.iter().map(String::as_str));
        let (sources, targets, via) =
            (self.source_roles.of(inventory), self.target_roles.of(inventory), self.via_roles.of(inventory));
        let role = |n: usize| inventory.nodes[n].role.0;
        let graph = Graph::undirected(inventory.nodes.len(), link_edges(inventory, &kinds));
        let from_targets = (0..inventory.nodes.len()).filter(|&n| targets.contains(role(n)));
        let next = graph.reach(from_targets, |n| world.live(n) && !via.contains(role(n)));
        for node in (0..inventory.nodes.len()).filter(|&n| sources.contains(role(n)) && world.live(n)) {
            if !scope.node(world, node) {
                continue;
            }
            out.subjects += 1;
            if next[node] == NONE || via.contains(role(node)) {
                continue;
            }
            let path = path_from(&next, node);
            let ids: Vec<String> = path.iter().map(|&n| inventory.node_id(n).to_owned()).collect();
            let mut evidence = Evidence { nodes: vec![ids[0].clone()], ..Evidence::default() };
            evidence.step(format!(
                "{} is reached by {} without the function that must lie between",
                ids[ids.len() - 1],
                ids.join(" > ")
            ));
            evidence.path = ids;
            out.node(world, node, evidence);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyncChain {
    /// Functions that need time.
    pub roles: RoleSet,
    /// Functions that time comes from.
    #[serde(default = "gm")]
    pub clock_roles: RoleSet,
}

fn gm() -> RoleSet {
    RoleSet::One("gm".to_owned())
}

impl SyncChain {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let (roles, clocks) = (self.roles.of(inventory), self.clock_roles.of(inventory));
        let edges = inventory.sync.iter().filter_map(|row| row.source.row().zip(row.node.row()));
        let graph = Graph::directed(inventory.nodes.len(), edges.clone());
        let all_clocks =
            || (0..inventory.nodes.len()).filter(|&n| clocks.contains(inventory.nodes[n].role.0));
        let clean = graph.reach(all_clocks(), |n| world.live(n) && !world.designated(n));
        let any = graph.reach(all_clocks(), |n| world.live(n));
        for (node, row) in inventory.nodes.iter().enumerate() {
            if !roles.contains(row.role.0)
                || !world.live(node)
                || world.designated(node)
                || !scope.node(world, node)
            {
                continue;
            }
            out.subjects += 1;
            let id = inventory.node_id(node);
            if inventory.sync.is_empty() {
                out.unknown("sync: there is no timing chain", id);
            } else if clean[node] == NONE {
                let mut evidence = Evidence { nodes: vec![id.to_owned()], ..Evidence::default() };
                if any[node] == NONE {
                    evidence.step(format!("{id} has no timing chain to a live grandmaster"));
                } else {
                    let path = path_from(&any, node);
                    let barred: Vec<&str> = path
                        .iter()
                        .filter(|&&n| world.designated(n))
                        .map(|&n| inventory.node_id(n))
                        .collect();
                    evidence.step(format!("its timing chain passes the designated {}", barred.join(", ")));
                    evidence.path = path.iter().map(|&n| inventory.node_id(n).to_owned()).collect();
                }
                out.node(world, node, evidence);
            }
        }
    }
}
