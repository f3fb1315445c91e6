//! What has to be replaced, and by when.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cap, PlanProblem, PlanSettings, Unit};
use crate::control::{Control, Pack};
use crate::date::Date;
use crate::inventory::{Inventory, TableId};
use crate::rules::{CapMembers, CapShare, Check, InScope, Outcome};
use crate::verdict::SubjectKind;
use crate::world::World;

/// Of each node that must go, the controls that say so and the last quarter each leaves.
type Demands = BTreeMap<usize, BTreeMap<String, u32>>;

/// What has to be replaced, and by when.
pub fn plan_problem(
    inventory: &Inventory,
    packs: &[Pack],
    settings: &PlanSettings,
    as_of: Date,
) -> PlanProblem {
    let mut nodes: Demands = BTreeMap::new();
    let mut over: Vec<(String, u32, CapMembers, f64)> = Vec::new();
    let mut not_by_replacement: BTreeMap<String, u64> = BTreeMap::new();
    for pack in packs {
        for control in &pack.controls {
            let day = control.binding_from().max(as_of);
            let due = quarter_before(as_of, control.binding_from(), settings.quarters);
            let world = if day == as_of {
                World::now(inventory, &pack.regime.profile, day)
            } else {
                World::projected(inventory, &pack.regime.profile, day)
            };
            match &control.check {
                Check::CapShare(cap) => {
                    for (group, excess) in excess(cap, &world, &control.scope) {
                        over.push((control.id.clone(), due, group, excess));
                    }
                }
                _ => single_nodes(inventory, control, &world, due, &mut nodes, &mut not_by_replacement),
            }
        }
    }
    // Units: sites of nodes that must or could go.
    let mut sites: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of: BTreeMap<usize, usize> = BTreeMap::new();
    let candidates: BTreeSet<usize> = nodes
        .keys()
        .copied()
        .chain(over.iter().flat_map(|o| o.2.designated.iter().map(|&(n, _)| n)))
        .collect();
    for node in candidates {
        let row = &inventory.nodes[node];
        // Nodes without a site are units of their own.
        let key = row.site.row().map_or((usize::MAX, node), |s| (s, 0));
        let unit = *sites.entry(key).or_insert_with(|| {
            let site = row.site.row();
            let region = site.and_then(|s| inventory.sites[s].region.row());
            units.push(Unit {
                site: site.map_or(inventory.node_id(node), |s| inventory.site_id(s)).to_owned(),
                region: region.map_or("", |r| inventory.id(inventory.key(TableId::regions, r))).to_owned(),
                nodes: Vec::new(),
                cost: 0.0,
                hours: 0.0,
                due: None,
                because: String::new(),
                demands: BTreeMap::new(),
            });
            units.len() - 1
        });
        let price = settings.role.get(inventory.name(row.role.0)).copied().unwrap_or(settings.default);
        let entry = &mut units[unit];
        entry.nodes.push(inventory.node_id(node).to_owned());
        entry.cost += price.cost;
        entry.hours += price.hours;
        for (control, &due) in nodes.get(&node).into_iter().flatten() {
            entry.demand(control, due);
        }
        unit_of.insert(node, unit);
    }
    let caps = over
        .into_iter()
        .map(|(control, due, group, excess)| {
            let mut by_unit: BTreeMap<usize, f64> = BTreeMap::new();
            for (node, weight) in group.designated {
                *by_unit.entry(unit_of[&node]).or_default() += weight;
            }
            Cap { control, group: group.group, due, excess, members: by_unit.into_iter().collect() }
        })
        .collect();
    PlanProblem { start: as_of.quarter_start(0), units, caps, not_by_replacement }
}

/// The last quarter whose end is not after a deadline; 0 where it has passed or is in this quarter.
fn quarter_before(as_of: Date, deadline: Date, quarters: u32) -> u32 {
    (0..quarters).take_while(|&q| as_of.quarter_start(q + 1) <= deadline.plus_days(1)).last().unwrap_or(0)
}

fn single_nodes(
    inventory: &Inventory,
    control: &Control,
    world: &World<'_>,
    due: u32,
    nodes: &mut Demands,
    others: &mut BTreeMap<String, u64>,
) {
    let mut out = Outcome::default();
    control.check.run(world, &control.scope, &mut out);
    for finding in out.findings {
        let cure: Vec<usize> = match (finding.kind, finding.row) {
            (SubjectKind::Node, Some(node)) if world.designated(node) => vec![node],
            (SubjectKind::Service | SubjectKind::Link | SubjectKind::Node, _) => finding
                .evidence
                .nodes
                .iter()
                .filter_map(|id| inventory.pools.ids.find(id))
                .filter_map(|sym| inventory.nodes.iter().position(|n| n.id.0 == sym))
                .filter(|&n| world.designated(n))
                .collect(),
            _ => Vec::new(),
        };
        if cure.is_empty() {
            *others.entry(control.id.clone()).or_default() += 1;
        }
        for node in cure {
            let demands = nodes.entry(node).or_default();
            demands.entry(control.id.clone()).and_modify(|d| *d = due.min(*d)).or_insert(due);
        }
    }
}

/// For each group over its cap: its name, what must go, and the designated nodes with their weights.
fn excess(cap: &CapShare, world: &World<'_>, scope: &crate::control::Scope) -> Vec<(CapMembers, f64)> {
    let scope = InScope::of(world, scope);
    crate::rules::cap_members(cap, world, &scope)
        .into_iter()
        .filter_map(|group| {
            let designated: f64 = group.designated.iter().map(|m| m.1).sum();
            let excess = designated - cap.max_share * group.all;
            (excess > 1e-9 * group.all).then_some((group, excess))
        })
        .collect()
}
