//! The cheapest plan: a mixed-integer programme, on HiGHS (feature `milp`) or on a solver in Rust that
//! suits small networks (feature `milp-rust`). First the linear relaxation; units that
//! it already gives to one quarter are fixed, the rest is solved in whole numbers; if that leaves
//! no solution fewer are fixed.

use std::collections::BTreeMap;

use good_lp::{
    Expression, ProblemVariables, ResolutionError, Solution, SolverModel, Variable, WithTimeLimit, variable,
    variables,
};

#[cfg(feature = "milp")]
use good_lp::highs as solver;
#[cfg(not(feature = "milp"))]
use good_lp::microlp as solver;

use super::{Plan, PlanProblem, PlanSettings, finish, verify};

/// A plan this near to the bound is good enough [%].
const CLOSE_PCT: f64 = 0.1;

/// How many units are freed, attempt by attempt.
const FREED: [f64; 4] = [0.05, 0.15, 0.35, 1.0];

/// The cheapest plan found in so many seconds, with its gap to the bound of the relaxation.
pub fn optimal(problem: &PlanProblem, settings: &PlanSettings, seconds: f64) -> Plan {
    // The relaxation and every attempt may take an equal part.
    let seconds = seconds / (FREED.len() + 1) as f64;
    let mut best = super::plan(problem, settings);
    let Ok(relaxed) = solve(problem, settings, None, seconds) else { return best };
    let bound = best.bound.max(cost_of(problem, settings, &relaxed));
    best = best.bounded(bound);
    for freed in FREED {
        if best.feasible && best.gap_pct <= CLOSE_PCT {
            break;
        }
        let fixed = fix(&relaxed, freed);
        let Ok(whole) = solve(problem, settings, Some(&fixed), seconds) else { continue };
        let quarter_of =
            whole.iter().map(|row| row.iter().position(|&x| x > 0.5).map(|q| q as u32)).collect();
        let plan = finish(problem, settings, "milp", quarter_of, true).bounded(bound);
        if verify(problem, settings, &plan).is_empty() && (!best.feasible || plan.cost < best.cost) {
            best = plan;
        }
    }
    best
}

fn cost_of(problem: &PlanProblem, settings: &PlanSettings, values: &[Vec<f64>]) -> f64 {
    let stays = settings.keep_cost_per_quarter * f64::from(settings.quarters);
    let mut cost = 0.0;
    for (unit, row) in values.iter().enumerate() {
        let gone: f64 = row.iter().sum();
        cost += stays * (1.0 - gone);
        for (q, x) in row.iter().enumerate() {
            cost += x * settings.cost_in(&problem.units[unit], q as u32);
        }
    }
    cost
}

/// Units that the relaxation gives to one quarter, or leaves alone, except a part of them.
fn fix(relaxed: &[Vec<f64>], freed: f64) -> Vec<Option<Option<usize>>> {
    let free_every = if freed >= 1.0 { 1 } else { (1.0 / freed) as usize };
    relaxed
        .iter()
        .enumerate()
        .map(|(unit, row)| {
            let whole = row.iter().all(|&x| !(1e-6..=1.0 - 1e-6).contains(&x));
            if !whole || unit % free_every == 0 {
                return None;
            }
            Some(row.iter().position(|&x| x > 0.5))
        })
        .collect()
}

fn solve(
    problem: &PlanProblem,
    settings: &PlanSettings,
    fixed: Option<&[Option<Option<usize>>]>,
    seconds: f64,
) -> Result<Vec<Vec<f64>>, ResolutionError> {
    let quarters = settings.quarters as usize;
    let mut vars: ProblemVariables = variables!();
    let mut x: Vec<Vec<Option<Variable>>> = Vec::new();
    let stays = settings.keep_cost_per_quarter * f64::from(settings.quarters);
    let mut cost = Expression::from(0.0);
    for (unit, row) in problem.units.iter().enumerate() {
        let last = row.due.map_or(quarters - 1, |d| (d as usize).min(quarters - 1));
        let given = fixed.and_then(|f| f[unit]);
        let mut slots = vec![None; quarters];
        for (q, slot) in slots.iter_mut().enumerate().take(last + 1) {
            let definition = match (fixed, given) {
                (_, Some(choice)) => {
                    let value = f64::from(u8::from(choice == Some(q)));
                    variable().min(value).max(value)
                }
                (Some(_), None) => variable().binary(),
                (None, None) => variable().min(0.0).max(1.0),
            };
            let var = vars.add(definition);
            cost += (settings.cost_in(row, q as u32) - stays) * var;
            *slot = Some(var);
        }
        x.push(slots);
    }
    let mut model = vars.minimise(cost).using(solver).with_time_limit(seconds);
    let sum = |terms: &mut dyn Iterator<Item = (f64, Variable)>| -> Expression {
        terms.fold(Expression::from(0.0), |sum, (weight, var)| sum + weight * var)
    };
    for (unit, row) in problem.units.iter().enumerate() {
        let total = sum(&mut x[unit].iter().flatten().map(|&v| (1.0, v)));
        model = model.with(if row.due.is_some() { total.eq(1.0) } else { total.leq(1.0) });
    }
    for cap in &problem.caps {
        let gone = sum(&mut cap.members.iter().flat_map(|&(unit, weight)| {
            x[unit].iter().take(cap.due as usize + 1).flatten().map(move |&v| (weight, v))
        }));
        model = model.with(gone.geq(cap.excess));
    }
    let mut regions: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    problem.units.iter().enumerate().for_each(|(u, row)| regions.entry(&row.region).or_default().push(u));
    for q in 0..quarters {
        for units in regions.values() {
            if let Some(most) = settings.crew_hours_per_region {
                let hours = sum(&mut units.iter().filter_map(|&u| Some((problem.units[u].hours, x[u][q]?))));
                model = model.with(hours.leq(most));
            }
            if let Some(most) = settings.sites_per_region {
                let sites = sum(&mut units.iter().filter_map(|&u| Some((1.0, x[u][q]?))));
                model = model.with(sites.leq(f64::from(most)));
            }
        }
    }
    for year in 0..quarters.div_ceil(4) {
        let Some(most) = settings.budget(year) else { continue };
        let range = year * 4..((year + 1) * 4).min(quarters);
        let spent = sum(&mut (0..problem.units.len()).flat_map(|u| {
            let cost = problem.units[u].cost;
            x[u][range.clone()].iter().flatten().map(move |&v| (cost, v)).collect::<Vec<_>>()
        }));
        model = model.with(spent.leq(most));
    }
    let solution = model.solve()?;
    Ok(x.iter().map(|row| row.iter().map(|v| v.map_or(0.0, |v| solution.value(v))).collect()).collect())
}
