//! What no plan can cost less than, and the prices that limits and caps have there.
//!
//! Limits and caps are taken out of the problem and put into its price (Lagrange): each unit then
//! chooses its cheapest quarter by itself, and what they choose together costs no more than any
//! plan. Prices are raised where the choice breaks a limit and lowered where it leaves room, along
//! an average of the last choices (the volume method of Barahona and Anbil, 2000). With the best
//! prices the bound is that of the linear relaxation.

use std::collections::BTreeSet;

use super::{PlanProblem, PlanSettings};

const ROUNDS: usize = 3000;
/// The bound is good enough this near to a plan.
const NEAR: f64 = 2e-4;

/// The problem in tables: units by quarters, limits in rows.
pub(super) struct Table {
    pub quarters: usize,
    /// Of each unit and quarter, what replacing it then costs.
    cost: Vec<f64>,
    /// What keeping a unit to the end costs.
    pub stay: f64,
    /// Last quarter of each unit, and whether it must go at all.
    pub last: Vec<usize>,
    pub must: Vec<bool>,
    pub region: Vec<usize>,
    pub hours: Vec<f64>,
    pub money: Vec<f64>,
    /// Of each unit, the caps it helps to meet, by how much, and until which quarter.
    pub helps: Vec<Vec<(usize, f64, usize)>>,
    pub excess: Vec<f64>,
    pub regions: Vec<String>,
    pub crew: Option<f64>,
    pub sites: Option<f64>,
    pub budget: Vec<Option<f64>>,
}

/// By what the use of a limit is divided, so that all prices are of one size.
fn scale(most: f64) -> f64 {
    if most > 0.0 { most } else { 1.0 }
}

impl Table {
    pub fn new(problem: &PlanProblem, settings: &PlanSettings) -> Table {
        let quarters = settings.quarters as usize;
        let names: BTreeSet<&str> = problem.units.iter().map(|u| u.region.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let mut helps = vec![Vec::new(); problem.units.len()];
        for (c, cap) in problem.caps.iter().enumerate() {
            for &(unit, weight) in &cap.members {
                helps[unit].push((c, weight, (cap.due as usize).min(quarters - 1)));
            }
        }
        let units = &problem.units;
        let cost =
            units.iter().flat_map(|u| (0..settings.quarters).map(move |q| settings.cost_in(u, q))).collect();
        Table {
            quarters,
            cost,
            stay: settings.keep_cost_per_quarter * f64::from(settings.quarters),
            last: units
                .iter()
                .map(|u| u.due.map_or(quarters - 1, |d| (d as usize).min(quarters - 1)))
                .collect(),
            must: units.iter().map(|u| u.due.is_some()).collect(),
            region: units.iter().map(|u| names.binary_search(&u.region.as_str()).unwrap_or(0)).collect(),
            hours: units.iter().map(|u| u.hours).collect(),
            money: units.iter().map(|u| u.cost).collect(),
            helps,
            excess: problem.caps.iter().map(|c| c.excess).collect(),
            regions: names.into_iter().map(str::to_owned).collect(),
            crew: settings.crew_hours_per_region,
            sites: settings.sites_per_region.map(f64::from),
            budget: (0..quarters.div_ceil(4)).map(|y| settings.budget(y)).collect(),
        }
    }

    pub fn cost(&self, unit: usize, quarter: usize) -> f64 {
        self.cost[unit * self.quarters + quarter]
    }

    /// What the dearest choice of every unit costs: no plan costs more.
    pub fn most(&self) -> f64 {
        (0..self.last.len())
            .map(|u| {
                let dearest = (0..=self.last[u]).map(|q| self.cost(u, q)).fold(f64::MIN, f64::max);
                if self.must[u] { dearest } else { dearest.max(self.stay) }
            })
            .sum()
    }

    fn rows(&self) -> usize {
        2 * self.regions.len() * self.quarters + self.budget.len() + self.excess.len()
    }

    /// Which row of the prices a limit has.
    pub fn row(&self, limit: Limit) -> usize {
        let grid = self.regions.len() * self.quarters;
        match limit {
            Limit::Hours { region, quarter } => region * self.quarters + quarter,
            Limit::Sites { region, quarter } => grid + region * self.quarters + quarter,
            Limit::Money { year } => 2 * grid + year,
            Limit::Cap { cap } => 2 * grid + self.budget.len() + cap,
        }
    }

    /// By how much each limit and cap is broken when nothing is replaced.
    fn unused(&self, out: &mut [f64]) {
        let grid = self.regions.len() * self.quarters;
        let free = |limit: Option<f64>| limit.map_or(0.0, |most| -most / scale(most));
        out[..grid].fill(free(self.crew));
        out[grid..2 * grid].fill(free(self.sites));
        for (year, most) in self.budget.iter().enumerate() {
            out[2 * grid + year] = free(*most);
        }
        out[2 * grid + self.budget.len()..].fill(1.0);
    }

    /// What a unit costs in each of its quarters when limits and caps have prices.
    pub fn priced(&self, prices: &[f64], unit: usize, out: &mut Vec<f64>) {
        let region = self.region[unit];
        out.clear();
        for quarter in 0..=self.last[unit] {
            let mut cost = self.cost(unit, quarter);
            if let Some(most) = self.crew {
                cost += prices[self.row(Limit::Hours { region, quarter })] * self.hours[unit] / scale(most);
            }
            if let Some(most) = self.sites {
                cost += prices[self.row(Limit::Sites { region, quarter })] / scale(most);
            }
            if let Some(most) = self.budget[quarter / 4] {
                cost += prices[self.row(Limit::Money { year: quarter / 4 })] * self.money[unit] / scale(most);
            }
            for &(cap, weight, due) in &self.helps[unit] {
                if quarter <= due {
                    cost -= prices[self.row(Limit::Cap { cap })] * weight / self.excess[cap];
                }
            }
            out.push(cost);
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Limit {
    Hours { region: usize, quarter: usize },
    Sites { region: usize, quarter: usize },
    Money { year: usize },
    Cap { cap: usize },
}

pub(super) struct Bound {
    pub cost: f64,
    /// Of each limit and cap, for using all of it once.
    pub prices: Vec<f64>,
    /// Of each unit and quarter, how large a part of it goes then, about.
    pub parts: Vec<f32>,
    /// The bound exceeds what any plan could cost: there is none.
    pub none: bool,
}

/// Raises the bound. `known` is the cost of a plan, if there is one.
pub(super) fn bound(table: &Table, known: Option<f64>) -> Bound {
    let most = table.most();
    let upper = known.unwrap_or(most * 1.05 + 1.0);
    let rows = table.rows();
    let mut choice = Choice::new(table);
    let mut out =
        Bound { cost: f64::MIN, prices: vec![0.0; rows], parts: vec![0.0; table.cost.len()], none: false };
    out.cost = choice.best(table, &out.prices);
    choice.average(table, &mut out.parts, 1.0);
    let mut direction = choice.broken.clone();
    let mut trial = vec![0.0; rows];
    let (mut length, mut share, mut fails) = (0.5, 0.1, 0);
    for _ in 0..ROUNDS {
        let size: f64 = direction.iter().map(|d| d * d).sum();
        if size < 1e-18 || upper - out.cost <= NEAR * upper.abs() {
            break;
        }
        if known.is_none() && out.cost > most * (1.0 + 1e-6) + 1e-6 {
            out.none = true;
            break;
        }
        let step = length * (upper - out.cost) / size;
        for ((t, p), d) in trial.iter_mut().zip(&out.prices).zip(&direction) {
            *t = (p + step * d).max(0.0);
        }
        let cost = choice.best(table, &trial);
        let part = mix(&direction, &choice.broken, share);
        choice.average(table, &mut out.parts, part);
        let along: f64 = direction.iter().zip(&choice.broken).map(|(a, b)| a * b).sum();
        for (d, b) in direction.iter_mut().zip(&choice.broken) {
            *d += part * (b - *d);
        }
        if cost > out.cost {
            out.cost = cost;
            out.prices.copy_from_slice(&trial);
            fails = 0;
            if along >= 0.0 {
                length = f64::min(length * 1.1, 2.0);
            }
        } else {
            fails += 1;
            if fails >= 20 {
                (length, fails) = (f64::max(length * 0.66, 1e-4), 0);
                share = f64::max(share * 0.8, 0.005);
            }
        }
    }
    out
}

/// How much of the new choice makes the average break limits least.
fn mix(old: &[f64], new: &[f64], most: f64) -> f64 {
    let (mut top, mut bottom) = (0.0, 0.0);
    for (o, n) in old.iter().zip(new) {
        top += o * (o - n);
        bottom += (o - n) * (o - n);
    }
    if bottom <= 0.0 { most } else { (top / bottom).clamp(most / 10.0, most) }
}

/// What every unit chooses by itself, and by how much the limits are broken together.
struct Choice {
    quarter: Vec<usize>,
    /// Use of each limit beyond what there is, as a part of it; for caps what is lacking.
    broken: Vec<f64>,
    priced: Vec<f64>,
}

/// For a unit that stays.
const STAYS: usize = usize::MAX;

impl Choice {
    fn new(table: &Table) -> Choice {
        Choice { quarter: vec![STAYS; table.last.len()], broken: vec![0.0; table.rows()], priced: Vec::new() }
    }

    fn best(&mut self, table: &Table, prices: &[f64]) -> f64 {
        table.unused(&mut self.broken);
        let mut total: f64 = prices.iter().zip(&self.broken).map(|(p, b)| p * b).sum();
        for unit in 0..table.last.len() {
            table.priced(prices, unit, &mut self.priced);
            let (mut at, mut best) = if table.must[unit] { (STAYS, f64::MAX) } else { (STAYS, table.stay) };
            for (quarter, &cost) in self.priced.iter().enumerate() {
                if cost < best {
                    (at, best) = (quarter, cost);
                }
            }
            self.quarter[unit] = at;
            total += best;
            if at != STAYS {
                self.count(table, unit, at);
            }
        }
        total
    }

    fn count(&mut self, table: &Table, unit: usize, quarter: usize) {
        let region = table.region[unit];
        if let Some(most) = table.crew {
            self.broken[table.row(Limit::Hours { region, quarter })] += table.hours[unit] / scale(most);
        }
        if let Some(most) = table.sites {
            self.broken[table.row(Limit::Sites { region, quarter })] += 1.0 / scale(most);
        }
        if let Some(most) = table.budget[quarter / 4] {
            self.broken[table.row(Limit::Money { year: quarter / 4 })] += table.money[unit] / scale(most);
        }
        for &(cap, weight, due) in &table.helps[unit] {
            if quarter <= due {
                self.broken[table.row(Limit::Cap { cap })] -= weight / table.excess[cap];
            }
        }
    }

    fn average(&self, table: &Table, parts: &mut [f32], share: f64) {
        let keep = 1.0 - share as f32;
        parts.iter_mut().for_each(|p| *p *= keep);
        for (unit, &quarter) in self.quarter.iter().enumerate().filter(|(_, q)| **q != STAYS) {
            parts[unit * table.quarters + quarter] += share as f32;
        }
    }
}
