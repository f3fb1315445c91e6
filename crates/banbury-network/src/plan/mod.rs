//! When to replace what: a schedule of replacements that meets every control by its deadline within
//! budgets, crews and outage limits.
//!
//! A unit is a site with equipment that some control wants gone; it is replaced in one quarter.
//! Controls about single nodes give each unit a last quarter; caps on shares give each region a
//! weight that must be gone by a quarter. Every build has the greedy schedule and one that a search
//! led by prices improves, with a bound; the mixed-integer programme needs the feature `milp`.

mod bound;
mod explain;
mod greedy;
mod load;
#[cfg(any(feature = "milp", feature = "milp-rust"))]
mod milp;
mod problem;
mod search;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::date::Date;
pub use greedy::greedy;
use load::Load;
#[cfg(any(feature = "milp", feature = "milp-rust"))]
pub use milp::optimal;
pub use problem::plan_problem;
pub use search::plan;

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
    /// Every control that wants it gone, with the last quarter that it leaves.
    pub demands: BTreeMap<String, u32>,
}

impl Unit {
    /// A control wants it gone by a quarter.
    pub fn demand(&mut self, control: &str, due: u32) {
        self.demands.entry(control.to_owned()).and_modify(|d| *d = due.min(*d)).or_insert(due);
        self.bind();
    }

    pub fn clear_demands(&mut self) {
        self.demands.clear();
        self.bind();
    }

    /// The earliest of the demands sets the last quarter.
    fn bind(&mut self) {
        let first = self.demands.iter().min_by_key(|(_, due)| **due);
        self.due = first.map(|(_, &due)| due);
        self.because = first.map_or_else(String::new, |(control, _)| control.clone());
    }
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

/// A plan with its figures.
fn finish(
    problem: &PlanProblem,
    settings: &PlanSettings,
    method: &str,
    quarter_of: Vec<Option<u32>>,
    feasible: bool,
) -> Plan {
    let quarters = settings.quarters as usize;
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
    let method = method.to_owned();
    Plan { method, feasible, quarter_of, cost, bound: 0.0, gap_pct: 0.0, spent, hours, conflicts: Vec::new() }
}

impl Plan {
    fn bounded(mut self, bound: f64) -> Plan {
        self.bound = bound;
        self.gap_pct = if bound > 0.0 { (100.0 * (self.cost - bound) / bound).max(0.0) } else { 0.0 };
        self
    }
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
