//! Why there is no plan.

use std::collections::{BTreeMap, BTreeSet};

use super::greedy::deadlines;
use super::search::has_plan;
use super::{PlanProblem, PlanSettings};

/// Above this number of units it takes too long to try the plan without each control.
const MOST_TRIED: usize = 5000;

/// What stands against each other: the limits that are asked for more than there is, and without
/// which control or limit there would be a plan.
pub(super) fn explain(problem: &PlanProblem, settings: &PlanSettings) -> Vec<String> {
    let mut out = exceeded(problem, settings, &deadlines(problem));
    if problem.units.len() <= MOST_TRIED {
        out.extend(cures(problem, settings));
    }
    if out.is_empty() {
        out.push("several limits and controls together leave no room for whole sites".to_owned());
    }
    out
}

/// Single controls and limits without which there is a plan.
fn cures(problem: &PlanProblem, settings: &PlanSettings) -> Vec<String> {
    let mut out = Vec::new();
    let mut without = |what: String, problem: &PlanProblem, settings: &PlanSettings| {
        if has_plan(problem, settings) {
            out.push(format!("without {what} there is a plan"));
        }
    };
    if settings.crew_hours_per_region.is_some() {
        let freed = PlanSettings { crew_hours_per_region: None, ..settings.clone() };
        without("the limit of crew hours".to_owned(), problem, &freed);
    }
    if settings.sites_per_region.is_some() {
        let freed = PlanSettings { sites_per_region: None, ..settings.clone() };
        without("the limit of sites".to_owned(), problem, &freed);
    }
    if !settings.budget_per_year.is_empty() {
        let freed = PlanSettings { budget_per_year: Vec::new(), ..settings.clone() };
        without("the budgets".to_owned(), problem, &freed);
    }
    let controls: BTreeSet<&str> = problem
        .units
        .iter()
        .flat_map(|u| u.demands.keys().map(String::as_str))
        .chain(problem.caps.iter().map(|c| c.control.as_str()))
        .collect();
    for control in controls {
        let mut less = problem.clone();
        for unit in &mut less.units {
            if unit.demands.remove(control).is_some() {
                unit.bind();
            }
        }
        less.caps.retain(|c| c.control != control);
        without(format!("the control {control}"), &less, settings);
    }
    out
}

/// For each limit, the deadlines until which more is asked than there is.
fn exceeded(problem: &PlanProblem, settings: &PlanSettings, due: &[Option<u32>]) -> Vec<String> {
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
    out
}
