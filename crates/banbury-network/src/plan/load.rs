//! What a plan asks of crews, sites and budgets so far.

use std::collections::BTreeSet;

use super::{PlanProblem, PlanSettings};

pub(super) struct Load {
    region: Vec<usize>,
    hours: Vec<Vec<f64>>,
    sites: Vec<Vec<u32>>,
    spent: Vec<f64>,
}

impl Load {
    pub fn new(problem: &PlanProblem, settings: &PlanSettings) -> Load {
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

    pub fn fits(&self, problem: &PlanProblem, settings: &PlanSettings, unit: usize, quarter: u32) -> bool {
        let (region, q) = (self.region[unit], quarter as usize);
        let row = &problem.units[unit];
        settings.crew_hours_per_region.is_none_or(|most| self.hours[region][q] + row.hours <= most + 1e-9)
            && settings.sites_per_region.is_none_or(|most| self.sites[region][q] < most)
            && settings.budget(q / 4).is_none_or(|most| self.spent[q / 4] + row.cost <= most + 1e-9)
    }

    pub fn add(&mut self, problem: &PlanProblem, unit: usize, quarter: u32) {
        let (region, q) = (self.region[unit], quarter as usize);
        self.hours[region][q] += problem.units[unit].hours;
        self.sites[region][q] += 1;
        self.spent[q / 4] += problem.units[unit].cost;
    }
}
