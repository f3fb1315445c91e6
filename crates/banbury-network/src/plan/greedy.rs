//! One unit at a time.

use super::{Cap, Load, Plan, PlanProblem, PlanSettings, finish};

/// A plan made by looking at one unit at a time: those with the earliest deadline and the least
/// choice first, each as late as its deadline and the limits allow.
pub fn greedy(problem: &PlanProblem, settings: &PlanSettings) -> Plan {
    let due = deadlines(problem);
    let mut order: Vec<usize> = (0..due.len()).filter(|&u| due[u].is_some()).collect();
    order.sort_by(|&a, &b| {
        due[a].cmp(&due[b]).then(problem.units[b].hours.total_cmp(&problem.units[a].hours)).then(a.cmp(&b))
    });
    let mut load = Load::new(problem, settings);
    let mut quarter_of = vec![None; problem.units.len()];
    let mut feasible = true;
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
            None => feasible = false,
        }
    }
    finish(problem, settings, "greedy", quarter_of, feasible)
}

/// For each unit the quarter by which it must go, those included that the caps need gone.
pub(super) fn deadlines(problem: &PlanProblem) -> Vec<Option<u32>> {
    let mut due: Vec<Option<u32>> = problem.units.iter().map(|u| u.due).collect();
    let price = |unit: usize, weight: f64| problem.units[unit].cost / weight.max(1e-12);
    for cap in &problem.caps {
        choose(problem, cap, &price, &mut due);
    }
    due
}

/// Gives the units that a cap needs gone, those of the lowest price first, the cap's last quarter.
pub(super) fn choose(
    problem: &PlanProblem,
    cap: &Cap,
    price: &dyn Fn(usize, f64) -> f64,
    due: &mut [Option<u32>],
) {
    let gone: f64 =
        cap.members.iter().filter(|(u, _)| due[*u].is_some_and(|d| d <= cap.due)).map(|m| m.1).sum();
    let mut left = cap.excess - gone;
    let mut rest: Vec<(usize, f64)> =
        cap.members.iter().copied().filter(|(u, _)| due[*u].is_none_or(|d| d > cap.due)).collect();
    rest.sort_by(|a, b| price(a.0, a.1).total_cmp(&price(b.0, b.1)).then(a.0.cmp(&b.0)));
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
