//! When to replace what: a schedule of replacements that meets every control by its deadline within
//! budgets, crews and outage limits.
//!
//! A unit is a site with equipment that some control wants gone; it is replaced in one quarter.
//! Controls about single nodes give each unit a last quarter; caps on shares give each region a
//! weight that must be gone by a quarter. The greedy schedule is in every build; the optimal one
//! needs the feature `milp`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::control::{Control, Pack};
use crate::date::Date;
use crate::inventory::{Inventory, TableId};
use crate::rules::{CapMembers, CapShare, Check, InScope, Outcome};
use crate::verdict::SubjectKind;
use crate::world::World;

/// What replacing costs and what limits it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSettings {
    /// Calendar quarters, from the one that holds the first day.
    #[serde(default = "twenty_four")]
    pub quarters: u32,
    /// Money for each year of the plan, from the first; the last figure holds for later years.
    /// Empty: no limit.
    #[serde(default)]
    pub budget_per_year: Vec<f64>,
    /// Hours of crews in each region and quarter. None: no limit.
    #[serde(default)]
    pub crew_hours_per_region: Option<f64>,
    /// Sites of a region that may be worked on in one quarter. None: no limit.
    #[serde(default)]
    pub sites_per_region: Option<u32>,
    /// What money now is worth more than money in a year [% a year].
    #[serde(default)]
    pub discount_pct: f64,
    /// Cost of keeping a unit for a quarter (spares, extra monitoring).
    #[serde(default)]
    pub keep_cost_per_quarter: f64,
    /// Cost and hours of replacing a node, by function.
    #[serde(default)]
    pub role: BTreeMap<String, RoleCost>,
    /// For functions not listed.
    #[serde(default)]
    pub default: RoleCost,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleCost {
    pub cost: f64,
    pub hours: f64,
}

impl Default for RoleCost {
    fn default() -> Self {
        RoleCost { cost: 1.0, hours: 1.0 }
    }
}

fn twenty_four() -> u32 {
    24
}

impl Default for PlanSettings {
    fn default() -> Self {
        PlanSettings {
            quarters: 24,
            budget_per_year: Vec::new(),
            crew_hours_per_region: None,
            sites_per_region: None,
            discount_pct: 0.0,
            keep_cost_per_quarter: 0.0,
            role: BTreeMap::new(),
            default: RoleCost::default(),
        }
    }
}

impl PlanSettings {
    pub fn parse(text: &str) -> Result<PlanSettings, String> {
        let settings: PlanSettings = toml::from_str(text).map_err(|e| e.to_string())?;
        let costs = settings.role.values().chain([&settings.default]).flat_map(|r| [r.cost, r.hours]);
        let limits = settings.budget_per_year.iter().copied().chain(settings.crew_hours_per_region);
        if costs.chain(limits).chain([settings.keep_cost_per_quarter]).any(|v| !v.is_finite() || v < 0.0) {
            return Err("costs, hours and budgets are numbers that are not negative".to_owned());
        }
        if !(1..=400).contains(&settings.quarters) {
            return Err("`quarters` is between 1 and 400".to_owned());
        }
        Ok(settings)
    }

    fn budget(&self, year: usize) -> Option<f64> {
        self.budget_per_year.get(year).or(self.budget_per_year.last()).copied()
    }

    /// Cost of replacing a unit in a quarter, seen from now, with keeping it until then.
    pub fn cost_in(&self, unit: &Unit, quarter: u32) -> f64 {
        let worth = (1.0 + self.discount_pct / 100.0).powf(-f64::from(quarter) / 4.0);
        unit.cost * worth + self.keep_cost_per_quarter * f64::from(quarter)
    }
}

/// A site to be swapped as a whole.
#[derive(Clone, Debug, Serialize)]
pub struct Unit {
    pub site: String,
    pub region: String,
    pub nodes: Vec<String>,
    pub cost: f64,
    pub hours: f64,
    /// Last quarter in which it may be replaced; none if no control about single nodes binds it.
    pub due: Option<u32>,
    /// The control that sets `due`.
    pub because: String,
}

/// In a region, weight that must be gone before a quarter ends.
#[derive(Clone, Debug, Serialize)]
pub struct Cap {
    pub control: String,
    pub group: String,
    pub due: u32,
    /// What must be gone, in the measure of the control.
    pub excess: f64,
    /// Unit and what it takes away.
    pub members: Vec<(usize, f64)>,
}

#[derive(Clone, Debug, Serialize)]
pub struct PlanProblem {
    pub start: Date,
    pub units: Vec<Unit>,
    pub caps: Vec<Cap>,
    /// Violations that replacing equipment cannot cure.
    pub not_by_replacement: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub method: String,
    pub feasible: bool,
    /// Quarter in which each unit is replaced; none: it stays.
    pub quarter_of: Vec<Option<u32>>,
    pub cost: f64,
    /// No plan costs less.
    pub bound: f64,
    pub gap_pct: f64,
    /// Spent and hours worked by quarter.
    pub spent: Vec<f64>,
    pub hours: Vec<f64>,
    /// What stands against each other where there is no plan.
    pub conflicts: Vec<String>,
}

/// What has to be replaced, and by when.
pub fn plan_problem(
    inventory: &Inventory,
    packs: &[Pack],
    settings: &PlanSettings,
    as_of: Date,
) -> PlanProblem {
    let mut nodes: BTreeMap<usize, (u32, String)> = BTreeMap::new();
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
            });
            units.len() - 1
        });
        let price = settings.role.get(inventory.name(row.role.0)).copied().unwrap_or(settings.default);
        let entry = &mut units[unit];
        entry.nodes.push(inventory.node_id(node).to_owned());
        entry.cost += price.cost;
        entry.hours += price.hours;
        if let Some((due, because)) = nodes.get(&node)
            && entry.due.is_none_or(|d| *due < d)
        {
            entry.due = Some(*due);
            entry.because.clone_from(because);
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
    nodes: &mut BTreeMap<usize, (u32, String)>,
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
            let entry = nodes.entry(node).or_insert((due, control.id.clone()));
            if due < entry.0 {
                *entry = (due, control.id.clone());
            }
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

/// A plan made by looking at one unit at a time: those with the earliest deadline and the least
/// choice first, each as late as its deadline and the limits allow.
pub fn greedy(problem: &PlanProblem, settings: &PlanSettings) -> Plan {
    let quarters = settings.quarters as usize;
    let mut due: Vec<Option<u32>> = problem.units.iter().map(|u| u.due).collect();
    for cap in &problem.caps {
        choose(problem, cap, &mut due);
    }
    let mut order: Vec<usize> = (0..due.len()).filter(|&u| due[u].is_some()).collect();
    order.sort_by(|&a, &b| {
        due[a].cmp(&due[b]).then(problem.units[b].hours.total_cmp(&problem.units[a].hours)).then(a.cmp(&b))
    });
    let mut load = Load::new(problem, settings);
    let mut quarter_of = vec![None; problem.units.len()];
    let mut conflicts = Vec::new();
    for unit in order {
        let last = due[unit].unwrap_or(0).min(settings.quarters - 1);
        let dear = settings.cost_in(&problem.units[unit], 0) >= settings.cost_in(&problem.units[unit], last);
        let fits = |q: &u32| load.fits(problem, settings, unit, *q);
        // Early deadlines are served first, so later units still find what the earlier left.
        let slot = if dear { (0..=last).rev().find(fits) } else { (0..=last).find(fits) };
        match slot {
            Some(quarter) => {
                load.add(problem, unit, quarter);
                quarter_of[unit] = Some(quarter);
            }
            None => conflicts.push(unit),
        }
    }
    let feasible = conflicts.is_empty();
    let conflicts = if feasible { Vec::new() } else { explain(problem, settings, &due) };
    finish(
        problem,
        settings,
        "greedy",
        quarter_of,
        feasible,
        conflicts,
        lower_bound(problem, settings),
        quarters,
    )
}

/// Gives the units that a cap needs gone, cheapest per weight first, the cap's last quarter.
fn choose(problem: &PlanProblem, cap: &Cap, due: &mut [Option<u32>]) {
    let gone: f64 =
        cap.members.iter().filter(|(u, _)| due[*u].is_some_and(|d| d <= cap.due)).map(|m| m.1).sum();
    let mut left = cap.excess - gone;
    let mut rest: Vec<(usize, f64)> =
        cap.members.iter().copied().filter(|(u, _)| due[*u].is_none_or(|d| d > cap.due)).collect();
    let price = |&(unit, weight): &(usize, f64)| problem.units[unit].cost / weight.max(1e-12);
    rest.sort_by(|a, b| price(a).total_cmp(&price(b)).then(a.0.cmp(&b.0)));
    let mut chosen: Vec<(usize, f64)> = Vec::new();
    for (unit, weight) in rest {
        if left <= 1e-9 {
            break;
        }
        left -= weight;
        chosen.push((unit, weight));
    }
    // The last ones may have made earlier, smaller ones needless.
    chosen.sort_by(|a, b| problem.units[b.0].cost.total_cmp(&problem.units[a.0].cost));
    for (unit, weight) in chosen {
        if left + weight <= 1e-9 {
            left += weight;
        } else {
            due[unit] = Some(cap.due);
        }
    }
}

struct Load {
    region: Vec<usize>,
    hours: Vec<Vec<f64>>,
    sites: Vec<Vec<u32>>,
    spent: Vec<f64>,
}

impl Load {
    fn new(problem: &PlanProblem, settings: &PlanSettings) -> Load {
        let names: BTreeSet<&str> = problem.units.iter().map(|u| u.region.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let region =
            problem.units.iter().map(|u| names.binary_search(&u.region.as_str()).unwrap_or(0)).collect();
        let quarters = settings.quarters as usize;
        Load {
            region,
            hours: vec![vec![0.0; quarters]; names.len()],
            sites: vec![vec![0; quarters]; names.len()],
            spent: vec![0.0; quarters / 4 + 1],
        }
    }

    fn fits(&self, problem: &PlanProblem, settings: &PlanSettings, unit: usize, quarter: u32) -> bool {
        let (region, q) = (self.region[unit], quarter as usize);
        let row = &problem.units[unit];
        settings.crew_hours_per_region.is_none_or(|most| self.hours[region][q] + row.hours <= most + 1e-9)
            && settings.sites_per_region.is_none_or(|most| self.sites[region][q] < most)
            && settings.budget(q / 4).is_none_or(|most| self.spent[q / 4] + row.cost <= most + 1e-9)
    }

    fn add(&mut self, problem: &PlanProblem, unit: usize, quarter: u32) {
        let (region, q) = (self.region[unit], quarter as usize);
        self.hours[region][q] += problem.units[unit].hours;
        self.sites[region][q] += 1;
        self.spent[q / 4] += problem.units[unit].cost;
    }
}

/// For each limit, the deadlines until which more is asked than there is.
fn explain(problem: &PlanProblem, settings: &PlanSettings, due: &[Option<u32>]) -> Vec<String> {
    let mut out = Vec::new();
    let mut regions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let bound: Vec<usize> = (0..due.len()).filter(|&u| due[u].is_some()).collect();
    bound.iter().for_each(|&u| regions.entry(problem.units[u].region.as_str()).or_default().push(u));
    let controls = |units: &[usize]| -> String {
        let mut names: BTreeSet<&str> = units.iter().map(|&u| problem.units[u].because.as_str()).collect();
        if names.remove("") {
            names.extend(problem.caps.iter().map(|c| c.control.as_str()));
        }
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    for quarter in 0..settings.quarters {
        let until = problem.start.quarter_start(quarter + 1).plus_days(-1);
        let supply = f64::from(quarter + 1);
        for (region, units) in &regions {
            let early: Vec<usize> =
                units.iter().copied().filter(|&u| due[u].is_some_and(|d| d <= quarter)).collect();
            if !early.iter().any(|&u| due[u] == Some(quarter)) {
                continue;
            }
            let hours: f64 = early.iter().map(|&u| problem.units[u].hours).sum();
            if let Some(most) = settings.crew_hours_per_region.filter(|&m| hours > m * supply + 1e-9) {
                out.push(format!(
                    "region {region} until {until}: {hours} crew hours are needed, {} there are ({})",
                    most * supply,
                    controls(&early)
                ));
            }
            if let Some(most) =
                settings.sites_per_region.filter(|&m| early.len() as f64 > f64::from(m) * supply)
            {
                out.push(format!(
                    "region {region} until {until}: {} sites must be worked on, {} may be ({})",
                    early.len(),
                    f64::from(most) * supply,
                    controls(&early)
                ));
            }
        }
        let early: Vec<usize> =
            bound.iter().copied().filter(|&u| due[u].is_some_and(|d| d <= quarter)).collect();
        let cost: f64 = early.iter().map(|&u| problem.units[u].cost).sum();
        let years = quarter as usize / 4 + 1;
        let budget: Option<f64> = (0..years).map(|y| settings.budget(y)).sum();
        let ends_here = early.iter().any(|&u| due[u] == Some(quarter));
        if let Some(most) = budget.filter(|&m| ends_here && cost > m + 1e-9) {
            out.push(format!(
                "until {until}: {cost} money is needed, {most} there is ({})",
                controls(&early)
            ));
        }
    }
    if out.is_empty() {
        out.push("no single limit is exceeded; several together leave no room for whole sites".to_owned());
    }
    out
}

/// What the units with deadlines cost at least in view of crew hours, if units could be cut in parts.
/// Costs fall with time by one factor for all, so the dearest hours go last: quarter by quarter
/// backwards, each is filled with the dearest hours that may wait that long. None if keeping units
/// costs money or crews do not limit anything.
fn crew_bound(problem: &PlanProblem, settings: &PlanSettings) -> Option<f64> {
    let most = settings.crew_hours_per_region.filter(|_| settings.keep_cost_per_quarter == 0.0)?;
    let mut regions: BTreeMap<&str, Vec<(u32, f64, f64)>> = BTreeMap::new();
    for unit in problem.units.iter().filter(|u| u.hours > 0.0) {
        if let Some(due) = unit.due {
            let row = (due.min(settings.quarters - 1), unit.cost / unit.hours, unit.hours);
            regions.entry(&unit.region).or_default().push(row);
        }
    }
    let worth = |q: u32| (1.0 + settings.discount_pct / 100.0).powf(-f64::from(q) / 4.0);
    let mut total = 0.0;
    for mut units in regions.into_values() {
        units.sort_by(|a, b| b.1.total_cmp(&a.1));
        for quarter in (0..settings.quarters).rev() {
            let mut left = most;
            for unit in units.iter_mut().filter(|u| u.0 >= quarter && u.2 > 0.0) {
                let part = unit.2.min(left);
                total += part * unit.1 * worth(quarter);
                unit.2 -= part;
                left -= part;
                if left <= 0.0 {
                    break;
                }
            }
        }
        // What fits nowhere costs at least as much as in the first quarter's prices of the last.
        total += units.iter().map(|u| u.1 * u.2 * worth(settings.quarters - 1)).sum::<f64>();
    }
    total += problem
        .units
        .iter()
        .filter(|u| u.hours <= 0.0)
        .filter_map(|u| Some(u.cost * worth(u.due?.min(settings.quarters - 1))))
        .sum::<f64>();
    Some(total)
}

/// Every unit with a deadline at its cheapest time, and for each cap the cheapest fractions that
/// reach it; caps of which members are shared are counted once, by the dearest.
fn lower_bound(problem: &PlanProblem, settings: &PlanSettings) -> f64 {
    let cheapest = |unit: usize, last: u32| {
        let row = &problem.units[unit];
        (0..=last.min(settings.quarters - 1)).map(|q| settings.cost_in(row, q)).fold(f64::INFINITY, f64::min)
    };
    let apart: f64 =
        problem.units.iter().enumerate().filter_map(|(u, row)| row.due.map(|d| cheapest(u, d))).sum();
    let fixed = crew_bound(problem, settings).map_or(apart, |crews| crews.max(apart));
    let stays = settings.keep_cost_per_quarter * f64::from(settings.quarters);
    let mut groups: BTreeMap<&str, f64> = BTreeMap::new();
    let mut spoken_for: BTreeSet<usize> = BTreeSet::new();
    for cap in &problem.caps {
        let early = |u: usize| problem.units[u].due.is_some();
        let mut left = cap.excess - cap.members.iter().filter(|(u, _)| early(*u)).map(|m| m.1).sum::<f64>();
        if cap.members.iter().any(|(u, _)| spoken_for.contains(u)) {
            continue;
        }
        let mut rest: Vec<(f64, f64)> = cap
            .members
            .iter()
            .filter(|(u, _)| !early(*u))
            .map(|&(u, weight)| ((cheapest(u, cap.due) - stays).max(0.0) / weight.max(1e-12), weight))
            .collect();
        rest.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut cost = 0.0;
        for (price, weight) in rest {
            if left <= 0.0 {
                break;
            }
            cost += price * weight.min(left);
            left -= weight;
        }
        spoken_for.extend(cap.members.iter().map(|m| m.0));
        *groups.entry(cap.group.as_str()).or_default() += cost;
    }
    let staying = problem.units.iter().filter(|u| u.due.is_none()).count() as f64 * stays;
    fixed + groups.values().sum::<f64>() + staying
}

#[allow(clippy::too_many_arguments)]
pub(crate) fn finish(
    problem: &PlanProblem,
    settings: &PlanSettings,
    method: &str,
    quarter_of: Vec<Option<u32>>,
    feasible: bool,
    conflicts: Vec<String>,
    bound: f64,
    quarters: usize,
) -> Plan {
    let (mut spent, mut hours, mut cost) = (vec![0.0; quarters], vec![0.0; quarters], 0.0);
    for (unit, quarter) in quarter_of.iter().enumerate() {
        match quarter {
            Some(q) => {
                spent[*q as usize] += problem.units[unit].cost;
                hours[*q as usize] += problem.units[unit].hours;
                cost += settings.cost_in(&problem.units[unit], *q);
            }
            None => cost += settings.keep_cost_per_quarter * f64::from(settings.quarters),
        }
    }
    let gap_pct = if bound > 0.0 { (100.0 * (cost - bound) / bound).max(0.0) } else { 0.0 };
    Plan { method: method.to_owned(), feasible, quarter_of, cost, bound, gap_pct, spent, hours, conflicts }
}

/// Whether a plan keeps every deadline, cap and limit; gives what it breaks.
pub fn verify(problem: &PlanProblem, settings: &PlanSettings, plan: &Plan) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut load = Load::new(problem, settings);
    for (unit, row) in problem.units.iter().enumerate() {
        if let Some(quarter) = plan.quarter_of[unit] {
            if !load.fits(problem, settings, unit, quarter) {
                wrong.push(format!("{} in quarter {quarter} exceeds a limit", row.site));
            }
            load.add(problem, unit, quarter);
        }
        if row.due.is_some_and(|due| plan.quarter_of[unit].is_none_or(|q| q > due)) {
            wrong.push(format!("{} misses the deadline of {}", row.site, row.because));
        }
    }
    for cap in &problem.caps {
        let gone: f64 = cap
            .members
            .iter()
            .filter(|(u, _)| plan.quarter_of[*u].is_some_and(|q| q <= cap.due))
            .map(|m| m.1)
            .sum();
        if gone < cap.excess - 1e-6 * cap.excess.max(1.0) {
            wrong.push(format!("{} in {}: {gone} of {} goes in time", cap.control, cap.group, cap.excess));
        }
    }
    wrong
}

#[cfg(any(feature = "milp", feature = "milp-rust"))]
pub(crate) fn budget_of(settings: &PlanSettings, year: usize) -> Option<f64> {
    settings.budget(year)
}
