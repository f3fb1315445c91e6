//! Shares and counts by region, nation and operator.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Finding, InScope, NO_VENDOR, Outcome, RoleSet};
use crate::date::Date;
use crate::inventory::{Inventory, TableId};
use crate::verdict::{Evidence, ShareRow, SubjectKind};
use crate::world::World;

/// What is added up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Nodes.
    Count,
    /// Sites with at least one such node; a site with nodes of both counts for the designated.
    Sites,
    /// Busy-hour traffic.
    Traffic,
    Premises,
    Subscribers,
}

impl Measure {
    pub const ALL: [Measure; 5] =
        [Measure::Count, Measure::Sites, Measure::Traffic, Measure::Premises, Measure::Subscribers];

    pub fn name(self) -> &'static str {
        match self {
            Measure::Count => "count",
            Measure::Sites => "sites",
            Measure::Traffic => "traffic",
            Measure::Premises => "premises",
            Measure::Subscribers => "subscribers",
        }
    }

    /// The column it is recorded in, where it is.
    fn column(self) -> &'static str {
        match self {
            Measure::Count => "node_id",
            Measure::Sites => "site_id",
            Measure::Traffic => "busy_hour_traffic",
            Measure::Premises => "premises",
            Measure::Subscribers => "subscribers",
        }
    }

    pub(crate) fn of(self, inventory: &Inventory, node: usize) -> Option<f64> {
        let row = &inventory.nodes[node];
        match self {
            Measure::Count => Some(1.0),
            Measure::Sites => row.site.row().map(|_| 1.0),
            Measure::Traffic => row.traffic_mbps(&inventory.pools),
            Measure::Premises => row.premises.known().map(f64::from),
            Measure::Subscribers => row.subscribers.known().map(f64::from),
        }
    }
}

/// Over what is added up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The region of the node's site.
    Region,
    /// The nation that region lies in.
    Nation,
    /// Everything in the inventory.
    #[default]
    Operator,
}

/// For each region, the region whose sum it enters.
pub(super) fn groups(inventory: &Inventory, group: Group) -> Vec<Option<usize>> {
    (0..inventory.regions.len())
        .map(|region| match group {
            Group::Operator => Some(0),
            Group::Region => Some(region),
            Group::Nation => {
                let mut at = Some(region);
                for _ in 0..32 {
                    let row = &inventory.regions[at?];
                    if inventory.name(row.kind.0) == "nation" {
                        return at;
                    }
                    at = row.parent.row();
                }
                None
            }
        })
        .collect()
}

/// The group of a node; for the operator as a whole nodes without a site count, too.
pub(super) fn group_of(inventory: &Inventory, groups: &[Option<usize>], node: usize) -> Option<usize> {
    let region = inventory.nodes[node].site.row().and_then(|s| inventory.sites[s].region.row());
    match region {
        Some(region) => groups[region],
        None => None,
    }
}

fn group_name(inventory: &Inventory, group: Group, row: usize) -> String {
    match group {
        Group::Operator => "operator".to_owned(),
        _ => inventory.id(inventory.key(TableId::regions, row)).to_owned(),
    }
}

pub(super) fn group_finding(
    inventory: &Inventory,
    group: Group,
    row: usize,
    evidence: Evidence,
    out: &mut Outcome,
) {
    out.findings.push(Finding {
        subject: group_name(inventory, group, row),
        kind: SubjectKind::Region,
        row: (group != Group::Operator).then_some(row),
        evidence,
    });
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapShare {
    pub roles: RoleSet,
    pub measure: Measure,
    #[serde(default)]
    pub group: Group,
    /// Greatest share allowed, from 0 to 1.
    pub max_share: f64,
    /// Counts with everything planned until this day carried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Date>,
}

#[derive(Default)]
struct Sum {
    nodes: u64,
    all: f64,
    designated: f64,
    /// Of nodes whose vendor is not known.
    unresolved: f64,
    /// Nodes for which the measure is not recorded.
    missing: u64,
    first_missing: Vec<usize>,
    sites: BTreeSet<usize>,
    designated_sites: BTreeSet<usize>,
}

impl Sum {
    fn add(&mut self, world: &World<'_>, measure: Measure, node: usize) {
        self.nodes += 1;
        if measure == Measure::Sites {
            if let Some(site) = world.inventory.nodes[node].site.row() {
                self.sites.insert(site);
                if world.designated(node) {
                    self.designated_sites.insert(site);
                }
                self.all = self.sites.len() as f64;
                self.designated = self.designated_sites.len() as f64;
            }
            return;
        }
        match measure.of(world.inventory, node) {
            Some(value) => {
                self.all += value;
                if world.designated(node) {
                    self.designated += value;
                } else if world.vendor(node).is_none() {
                    self.unresolved += value;
                }
            }
            None => {
                self.missing += 1;
                if self.first_missing.len() < 20 {
                    self.first_missing.push(node);
                }
            }
        }
    }

    fn share(&self) -> Option<f64> {
        (self.all > 0.0).then(|| self.designated / self.all)
    }
}

impl CapShare {
    fn counts(&self, world: &World<'_>, node: usize) -> bool {
        match self.at {
            Some(at) => world.stands_at(node, at),
            None => world.live(node),
        }
    }

    fn members<'w>(
        &'w self,
        world: &'w World<'w>,
        scope: &'w InScope,
    ) -> impl Iterator<Item = (usize, usize)> + 'w {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        let groups = groups(inventory, self.group);
        let whole = self.group == Group::Operator;
        (0..inventory.nodes.len()).filter_map(move |node| {
            let counts = roles.contains(inventory.nodes[node].role.0)
                && self.counts(world, node)
                && scope.node(world, node);
            let group = || if whole { Some(0) } else { group_of(inventory, &groups, node) };
            counts.then(group).flatten().map(|group| (group, node))
        })
    }

    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let mut sums: BTreeMap<usize, Sum> = BTreeMap::new();
        for (group, node) in self.members(world, scope) {
            sums.entry(group).or_default().add(world, self.measure, node);
        }
        out.shares.extend(share_rows(self, world, scope));
        for (group, sum) in sums {
            out.subjects += 1;
            let name = group_name(inventory, self.group, group);
            let share = sum.share();
            if let Some(share) = share.filter(|&s| s > self.max_share) {
                let mut evidence = self.evidence(world, scope, group, &sum);
                evidence.figure("share", share);
                evidence.step(format!(
                    "designated {:.3} of {:.3} {} are {:.2} %, more than {:.2} %",
                    sum.designated,
                    sum.all,
                    self.measure.name(),
                    share * 100.0,
                    self.max_share * 100.0
                ));
                if sum.missing > 0 {
                    evidence.step(format!(
                        "{} nodes have no `{}` and are left out",
                        sum.missing,
                        self.measure.column()
                    ));
                }
                group_finding(inventory, self.group, group, evidence, out);
            } else if sum.all > 0.0 && (sum.designated + sum.unresolved) / sum.all > self.max_share {
                out.unknown(NO_VENDOR, &name);
            } else if sum.missing > 0 {
                out.unknown(&format!("nodes: `{}` is empty", self.measure.column()), &name);
            }
        }
    }

    /// Figures of a group over its cap, and the fewest nodes whose replacement would bring it under.
    fn evidence(&self, world: &World<'_>, scope: &InScope, group: usize, sum: &Sum) -> Evidence {
        let inventory = world.inventory;
        let mut evidence = Evidence::default();
        evidence.figure("designated", sum.designated);
        evidence.figure("all", sum.all);
        evidence.figure("max_share", self.max_share);
        evidence.figure("measure", self.measure.name());
        evidence.figure("nodes", sum.nodes);
        let mut heaviest: Vec<(f64, usize)> = self
            .members(world, scope)
            .filter(|&(g, node)| g == group && world.designated(node))
            .filter_map(|(_, node)| Some((self.measure.of(inventory, node)?, node)))
            .collect();
        heaviest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut left = sum.designated;
        let mut enough = 0u64;
        for &(value, node) in &heaviest {
            if left <= self.max_share * sum.all {
                break;
            }
            left -= value;
            enough += 1;
            if evidence.nodes.len() < Evidence::NODES {
                evidence.nodes.push(inventory.node_id(node).to_owned());
            }
        }
        evidence.figure("replacing_would_do", enough);
        evidence
    }
}

/// The shares that a cap is about, by every measure that has data, for each group.
pub fn share_rows(cap: &CapShare, world: &World<'_>, scope: &InScope) -> Vec<ShareRow> {
    let mut sums: BTreeMap<usize, [Sum; 5]> = BTreeMap::new();
    for (group, node) in cap.members(world, scope) {
        let row = sums.entry(group).or_default();
        for (sum, measure) in row.iter_mut().zip(Measure::ALL) {
            sum.add(world, measure, node);
        }
    }
    sums.into_iter()
        .map(|(group, row)| ShareRow {
            region: group_name(world.inventory, cap.group, group),
            nodes: row[0].nodes,
            cap: cap.max_share,
            measure: cap.measure.name().to_owned(),
            shares: row
                .iter()
                .zip(Measure::ALL)
                .filter_map(|(sum, measure)| Some((measure.name().to_owned(), sum.share()?)))
                .collect(),
        })
        .collect()
}

/// A group under a cap: its name, its sum, its designated nodes with their weights.
pub(crate) struct CapMembers {
    pub group: String,
    pub all: f64,
    pub designated: Vec<(usize, f64)>,
}

/// Each group with its sum and its designated nodes with their weights. Of several designated nodes
/// at a site one carries the site's weight.
pub(crate) fn cap_members(cap: &CapShare, world: &World<'_>, scope: &InScope) -> Vec<CapMembers> {
    let inventory = world.inventory;
    let mut sums: BTreeMap<usize, (Sum, Vec<(usize, f64)>)> = BTreeMap::new();
    for (group, node) in cap.members(world, scope) {
        let (sum, members) = sums.entry(group).or_default();
        let sites_before = sum.designated_sites.len();
        sum.add(world, cap.measure, node);
        if !world.designated(node) {
            continue;
        }
        if cap.measure == Measure::Sites {
            members.push((node, (sum.designated_sites.len() - sites_before) as f64));
        } else if let Some(weight) = cap.measure.of(inventory, node) {
            members.push((node, weight));
        }
    }
    sums.into_iter()
        .map(|(g, (sum, designated))| CapMembers {
            group: group_name(inventory, cap.group, g),
            all: sum.all,
            designated,
        })
        .collect()
}

/// For each vendor, the vendor at the top of the chain that controls it.
fn roots(world: &World<'_>) -> Vec<usize> {
    let inventory = world.inventory;
    (0..world.vendors())
        .map(|vendor| {
            let mut at = vendor;
            for _ in 0..64 {
                let Some(row) = inventory.vendors.get(at) else { break };
                match row.parent.row() {
                    Some(parent) if row.ownership.known().unwrap_or(0.0) >= world.profile.control_pct => {
                        at = parent
                    }
                    _ => break,
                }
            }
            at
        })
        .collect()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorShare {
    pub roles: RoleSet,
    pub measure: Measure,
    #[serde(default)]
    pub group: Group,
    pub max_share: f64,
}

impl VendorShare {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let cap = CapShare {
            roles: self.roles.clone(),
            measure: self.measure,
            group: self.group,
            max_share: self.max_share,
            at: None,
        };
        let roots = roots(world);
        let mut sums: BTreeMap<usize, (f64, BTreeMap<usize, f64>)> = BTreeMap::new();
        for (group, node) in cap.members(world, scope) {
            let Some(value) = self.measure.of(inventory, node) else {
                out.unknown(&format!("nodes: `{}` is empty", self.measure.column()), inventory.node_id(node));
                continue;
            };
            let row = sums.entry(group).or_default();
            row.0 += value;
            match world.vendor(node) {
                Some(vendor) => *row.1.entry(roots[vendor]).or_default() += value,
                None => out.unknown(NO_VENDOR, inventory.node_id(node)),
            }
        }
        for (group, (all, vendors)) in sums {
            out.subjects += 1;
            for (vendor, value) in vendors.into_iter().filter(|&(_, value)| value / all > self.max_share) {
                let mut evidence = Evidence::default();
                evidence.figure("share", value / all);
                evidence.figure("vendor", world.vendor_name(vendor));
                evidence.step(format!(
                    "{} and its group have {:.2} % of the {}, more than {:.2} %",
                    world.vendor_name(vendor),
                    100.0 * value / all,
                    self.measure.name(),
                    100.0 * self.max_share
                ));
                group_finding(inventory, self.group, group, evidence, out);
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxVendors {
    #[serde(default)]
    pub roles: RoleSet,
    #[serde(default)]
    pub group: Group,
    pub max: usize,
}

impl MaxVendors {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        vendors_in(world, scope, &self.roles, self.group, true, out, |count| {
            (count > self.max).then(|| format!("{} may be there", self.max))
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinVendors {
    #[serde(default)]
    pub roles: RoleSet,
    #[serde(default)]
    pub group: Group,
    pub min: usize,
}

impl MinVendors {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        vendors_in(world, scope, &self.roles, self.group, false, out, |count| {
            (count < self.min).then(|| format!("at least {} are needed", self.min))
        });
    }
}

fn vendors_in(
    world: &World<'_>,
    scope: &InScope,
    roles: &RoleSet,
    group: Group,
    designated_only: bool,
    out: &mut Outcome,
    wrong: impl Fn(usize) -> Option<String>,
) {
    let inventory = world.inventory;
    let cap = CapShare { roles: roles.clone(), measure: Measure::Count, group, max_share: 1.0, at: None };
    let roots = roots(world);
    let mut found: BTreeMap<usize, BTreeMap<usize, u64>> = BTreeMap::new();
    for (group, node) in cap.members(world, scope) {
        let vendors = found.entry(group).or_default();
        match world.vendor(node) {
            Some(vendor) if !designated_only || world.designated(node) => {
                *vendors.entry(roots[vendor]).or_default() += 1
            }
            Some(_) => {}
            None => out.unknown(NO_VENDOR, inventory.node_id(node)),
        }
    }
    for (row, vendors) in found {
        out.subjects += 1;
        if let Some(limit) = wrong(vendors.len()) {
            let mut evidence = Evidence::default();
            evidence.figure("vendors", vendors.len() as u64);
            let names: Vec<String> = vendors
                .iter()
                .map(|(&v, nodes)| format!("{} ({nodes} nodes)", world.vendor_name(v)))
                .collect();
            evidence.step(format!("{} vendor groups: {}; {limit}", vendors.len(), names.join(", ")));
            group_finding(inventory, group, row, evidence, out);
        }
    }
}
