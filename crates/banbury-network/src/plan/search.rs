//! A plan led by the prices of the bound, and made better by small changes.

use super::bound::{Bound, Table, bound};
use super::explain::explain;
use super::greedy::{choose, greedy};
use super::{Plan, PlanProblem, PlanSettings, finish, verify};

/// Rounds of small changes, at most.
const ROUNDS: usize = 60;
/// Above this number of units only those of one region change places.
const PAIRS_OF_ALL: usize = 4000;
/// Of the units that could go instead of another, how many are tried.
const MOST_TRIED: usize = 200;
/// No cheaper plan is looked for when the gap is below [%].
const CLOSE_PCT: f64 = 0.05;

/// The cheapest plan found, with its gap to a bound; if none was found, why.
pub fn plan(problem: &PlanProblem, settings: &PlanSettings) -> Plan {
    let mut best = searched(problem, settings);
    if !best.feasible {
        best.conflicts = explain(problem, settings);
    }
    best
}

/// Whether a plan is found.
pub(super) fn has_plan(problem: &PlanProblem, settings: &PlanSettings) -> bool {
    greedy(problem, settings).feasible || searched(problem, settings).feasible
}

fn searched(problem: &PlanProblem, settings: &PlanSettings) -> Plan {
    let first = greedy(problem, settings);
    if problem.units.is_empty() {
        return first;
    }
    let table = Table::new(problem, settings);
    let known = |plan: &Plan| plan.feasible.then_some(plan.cost);
    let limits = bound(&table, known(&first));
    let mut best = first;
    let mut least = limits.cost;
    if !limits.none {
        best = better(problem, settings, &table, &limits, best);
        if best.feasible && 100.0 * (best.cost - least) > CLOSE_PCT * least {
            let again = bound(&table, known(&best));
            least = least.max(again.cost);
            best = better(problem, settings, &table, &again, best);
        }
    }
    best.bounded(least)
}

/// The best of a plan and those that prices lead to, each made better by small changes.
fn better(problem: &PlanProblem, settings: &PlanSettings, table: &Table, bound: &Bound, plan: Plan) -> Plan {
    let mut best = plan;
    let due = deadlines(problem, table, bound);
    let mut starts = vec![];
    if best.feasible {
        starts.push(best.quarter_of.iter().map(|q| q.map(|q| q as usize)).collect());
    }
    for order in orders(table, bound, &due) {
        starts.extend(placed(table, bound, &due, &order));
    }
    for start in starts {
        let mut state = State::new(table, start);
        improve(table, &mut state);
        let quarter_of = state.quarter.iter().map(|q| q.map(|q| q as u32)).collect();
        let found = finish(problem, settings, "search", quarter_of, true);
        let cheaper = !best.feasible || found.cost < best.cost;
        if cheaper && verify(problem, settings, &found).is_empty() {
            best = found;
        }
    }
    best
}

/// The last quarter of each unit that goes: its own, or that of a cap that needs it.
fn deadlines(problem: &PlanProblem, table: &Table, bound: &Bound) -> Vec<Option<u32>> {
    let mut due: Vec<Option<u32>> = problem.units.iter().map(|u| u.due).collect();
    let part = |unit: usize, until: usize| -> f64 {
        let from = unit * table.quarters;
        bound.parts[from..=from + until].iter().map(|p| f64::from(*p)).sum()
    };
    let dearest = table.most();
    for cap in &problem.caps {
        let until = (cap.due as usize).min(table.quarters - 1);
        // Whole parts first, then by cost per weight.
        let price = |unit: usize, weight: f64| {
            let rank = (part(unit, until) * 4.0).round();
            -rank * dearest + problem.units[unit].cost / weight.max(1e-12)
        };
        choose(problem, cap, &price, &mut due);
    }
    for (unit, due) in due.iter_mut().enumerate() {
        if due.is_none() && part(unit, table.quarters - 1) > 0.5 {
            *due = Some(table.quarters as u32 - 1);
        }
    }
    due
}

/// In which orders units find their places: by deadline, and by how much depends on the choice.
fn orders(table: &Table, bound: &Bound, due: &[Option<u32>]) -> [Vec<usize>; 2] {
    let units: Vec<usize> = (0..due.len()).filter(|&u| due[u].is_some()).collect();
    let mut by_deadline = units.clone();
    by_deadline.sort_by(|&a, &b| {
        due[a].cmp(&due[b]).then(table.hours[b].total_cmp(&table.hours[a])).then(a.cmp(&b))
    });
    let mut priced = Vec::new();
    let mut regret = vec![0.0; due.len()];
    for &unit in &units {
        table.priced(&bound.prices, unit, &mut priced);
        priced.truncate(due[unit].map_or(0, |d| d as usize + 1));
        priced.sort_by(f64::total_cmp);
        regret[unit] = if priced.len() > 1 { priced[1] - priced[0] } else { f64::MAX };
    }
    let mut by_regret = units;
    by_regret.sort_by(|&a, &b| regret[b].total_cmp(&regret[a]).then(a.cmp(&b)));
    [by_deadline, by_regret]
}

/// Puts units, in an order, where they are cheapest at the bound's prices; none if one finds no room.
fn placed(table: &Table, bound: &Bound, due: &[Option<u32>], order: &[usize]) -> Option<Vec<Option<usize>>> {
    let mut state = State::new(table, vec![None; due.len()]);
    let mut priced = Vec::new();
    for &unit in order {
        let last = (due[unit]? as usize).min(table.last[unit]);
        table.priced(&bound.prices, unit, &mut priced);
        let mut slots: Vec<usize> = (0..=last).collect();
        slots.sort_by(|&a, &b| priced[a].total_cmp(&priced[b]).then(b.cmp(&a)));
        match slots.iter().find(|&&q| state.fits(table, unit, q)) {
            Some(&quarter) => state.put(table, unit, quarter),
            None => push_in(table, &mut state, due, unit, &slots)?,
        }
    }
    Some(state.quarter)
}

/// Makes room for a unit by moving one other unit of its region.
fn push_in(
    table: &Table,
    state: &mut State,
    due: &[Option<u32>],
    unit: usize,
    slots: &[usize],
) -> Option<()> {
    for &quarter in slots {
        for other in state.bucket(table, table.region[unit], quarter).to_vec() {
            state.take(table, other, quarter);
            if state.fits(table, unit, quarter) {
                state.put(table, unit, quarter);
                let last = (due[other].unwrap_or(0) as usize).min(table.last[other]);
                if let Some(to) = (0..=last).rev().find(|&q| state.fits(table, other, q)) {
                    state.put(table, other, to);
                    return Some(());
                }
                state.take(table, unit, quarter);
            }
            state.put(table, other, quarter);
        }
    }
    None
}

/// A plan in the making and what it uses.
struct State {
    quarter: Vec<Option<usize>>,
    hours: Vec<f64>,
    sites: Vec<f64>,
    spent: Vec<f64>,
    gone: Vec<f64>,
    /// Units by region and quarter.
    buckets: Vec<Vec<usize>>,
}

impl State {
    fn new(table: &Table, quarter: Vec<Option<usize>>) -> State {
        let grid = table.regions.len() * table.quarters;
        let mut state = State {
            quarter: vec![None; quarter.len()],
            hours: vec![0.0; grid],
            sites: vec![0.0; grid],
            spent: vec![0.0; table.budget.len()],
            gone: vec![0.0; table.excess.len()],
            buckets: vec![Vec::new(); grid],
        };
        for (unit, quarter) in quarter.into_iter().enumerate() {
            if let Some(quarter) = quarter {
                state.put(table, unit, quarter);
            }
        }
        state
    }

    fn bucket(&self, table: &Table, region: usize, quarter: usize) -> &[usize] {
        &self.buckets[region * table.quarters + quarter]
    }

    fn fits(&self, table: &Table, unit: usize, quarter: usize) -> bool {
        let slot = table.region[unit] * table.quarters + quarter;
        table.crew.is_none_or(|most| self.hours[slot] + table.hours[unit] <= most + 1e-9)
            && table.sites.is_none_or(|most| self.sites[slot] < most - 0.5)
            && table.budget[quarter / 4]
                .is_none_or(|most| self.spent[quarter / 4] + table.money[unit] <= most + 1e-9)
    }

    fn put(&mut self, table: &Table, unit: usize, quarter: usize) {
        self.change(table, unit, quarter, 1.0);
        self.quarter[unit] = Some(quarter);
        self.buckets[table.region[unit] * table.quarters + quarter].push(unit);
    }

    fn take(&mut self, table: &Table, unit: usize, quarter: usize) {
        self.change(table, unit, quarter, -1.0);
        self.quarter[unit] = None;
        self.buckets[table.region[unit] * table.quarters + quarter].retain(|&u| u != unit);
    }

    fn change(&mut self, table: &Table, unit: usize, quarter: usize, sign: f64) {
        let slot = table.region[unit] * table.quarters + quarter;
        self.hours[slot] += sign * table.hours[unit];
        self.sites[slot] += sign;
        self.spent[quarter / 4] += sign * table.money[unit];
        for &(cap, weight, due) in &table.helps[unit] {
            if quarter <= due {
                self.gone[cap] += sign * weight;
            }
        }
    }

    /// Whether the caps that a unit helps are met.
    fn meets(&self, table: &Table, unit: usize) -> bool {
        table.helps[unit].iter().all(|&(cap, ..)| {
            let excess = table.excess[cap];
            self.gone[cap] >= excess - 1e-9 * excess.max(1.0)
        })
    }
}

fn improve(table: &Table, state: &mut State) {
    for _ in 0..ROUNDS {
        let mut saved = 0.0;
        for unit in 0..table.last.len() {
            saved += match state.quarter[unit] {
                Some(at) => moved(table, state, unit, at),
                None => 0.0,
            };
        }
        saved += exchanged(table, state);
        saved += swapped(table, state);
        if saved <= 1e-9 {
            break;
        }
    }
}

/// Moves a unit to a cheaper quarter, if need be by sending another unit of its region elsewhere, or
/// leaves it where no cap needs it; gives what that saves.
fn moved(table: &Table, state: &mut State, unit: usize, at: usize) -> f64 {
    state.take(table, unit, at);
    if !table.must[unit] && state.meets(table, unit) && table.stay < table.cost(unit, at) {
        return table.cost(unit, at) - table.stay;
    }
    let mut slots: Vec<usize> =
        (0..=table.last[unit]).filter(|&q| table.cost(unit, q) < table.cost(unit, at) - 1e-9).collect();
    slots.sort_by(|&a, &b| table.cost(unit, a).total_cmp(&table.cost(unit, b)));
    for quarter in slots {
        let gain = table.cost(unit, at) - table.cost(unit, quarter);
        if state.fits(table, unit, quarter) {
            state.put(table, unit, quarter);
            if state.meets(table, unit) {
                return gain;
            }
            state.take(table, unit, quarter);
        } else if let Some(saved) = pushed(table, state, unit, quarter, gain) {
            return saved;
        }
    }
    state.put(table, unit, at);
    0.0
}

fn pushed(table: &Table, state: &mut State, unit: usize, quarter: usize, gain: f64) -> Option<f64> {
    for other in state.bucket(table, table.region[unit], quarter).to_vec() {
        state.take(table, other, quarter);
        if state.fits(table, unit, quarter) {
            state.put(table, unit, quarter);
            for to in 0..=table.last[other] {
                let saved = gain + table.cost(other, quarter) - table.cost(other, to);
                if to == quarter || saved <= 1e-9 || !state.fits(table, other, to) {
                    continue;
                }
                state.put(table, other, to);
                if state.meets(table, unit) && state.meets(table, other) {
                    return Some(saved);
                }
                state.take(table, other, to);
            }
            state.take(table, unit, quarter);
        }
        state.put(table, other, quarter);
    }
    None
}

/// Of units that only caps need: puts a cheaper one for a dearer one.
fn exchanged(table: &Table, state: &mut State) -> f64 {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); table.excess.len()];
    for unit in (0..table.last.len()).filter(|&u| !table.must[u]) {
        table.helps[unit].iter().for_each(|&(cap, ..)| members[cap].push(unit));
    }
    let mut saved = 0.0;
    for members in members {
        for &unit in &members {
            let Some(at) = state.quarter[unit] else { continue };
            let price = |u: usize| table.cost(u, at);
            let mut tried: Vec<usize> = members
                .iter()
                .copied()
                .filter(|&o| state.quarter[o].is_none() && price(o) < price(unit) - 1e-9)
                .collect();
            tried.sort_by(|&a, &b| price(a).total_cmp(&price(b)).then(a.cmp(&b)));
            tried.truncate(MOST_TRIED);
            state.take(table, unit, at);
            let mut done = false;
            for other in tried {
                if at <= table.last[other] && state.fits(table, other, at) {
                    state.put(table, other, at);
                    if state.meets(table, unit) && state.meets(table, other) {
                        saved += price(unit) - price(other);
                        done = true;
                        break;
                    }
                    state.take(table, other, at);
                }
            }
            if !done {
                state.put(table, unit, at);
            }
        }
    }
    saved
}

/// Lets two units change places.
fn swapped(table: &Table, state: &mut State) -> f64 {
    let everywhere = table.last.len() <= PAIRS_OF_ALL;
    let mut saved = 0.0;
    for a in 0..table.last.len() {
        for b in a + 1..table.last.len() {
            let (Some(qa), Some(qb)) = (state.quarter[a], state.quarter[b]) else { continue };
            let near = everywhere || table.region[a] == table.region[b];
            if qa == qb || !near || qb > table.last[a] || qa > table.last[b] {
                continue;
            }
            let gain = table.cost(a, qa) + table.cost(b, qb) - table.cost(a, qb) - table.cost(b, qa);
            if gain <= 1e-9 {
                continue;
            }
            state.take(table, a, qa);
            state.take(table, b, qb);
            if state.fits(table, a, qb) {
                state.put(table, a, qb);
                if state.fits(table, b, qa) {
                    state.put(table, b, qa);
                    if state.meets(table, a) && state.meets(table, b) {
                        saved += gain;
                        continue;
                    }
                    state.take(table, b, qa);
                }
                state.take(table, a, qb);
            }
            state.put(table, a, qa);
            state.put(table, b, qb);
        }
    }
    saved
}
