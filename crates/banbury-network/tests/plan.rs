//! Swap plans of a national operator's size.

#![allow(clippy::print_stdout)] // The gap, for `--nocapture`.

use std::collections::BTreeMap;

use banbury_network::{Cap, Date, PlanProblem, PlanSettings, Unit, greedy, plan, verify};

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn part(&mut self) -> f64 {
        self.below(1_000_000) as f64 / 1e6
    }
}

/// Sites in twelve regions of which a third must go by two deadlines and the others help to meet
/// caps on the share of traffic, at a third and at two thirds of the plan.
fn problem(seed: u64, sites: usize) -> PlanProblem {
    let mut r = Numbers(seed);
    let mut units = Vec::new();
    let mut weights = Vec::new();
    for i in 0..sites {
        let nodes = 1 + r.below(9);
        let mut unit = Unit {
            site: format!("S{i}"),
            region: format!("R{:02}", r.below(12)),
            nodes: Vec::new(),
            cost: 20.0 + 14.0 * nodes as f64 + 60.0 * r.part(),
            hours: 16.0 + 11.0 * nodes as f64 + 30.0 * r.part(),
            due: None,
            because: String::new(),
            demands: BTreeMap::new(),
        };
        match r.below(6) {
            0 => unit.demand("OUT-EARLY", 7),
            1 => unit.demand("OUT", 19),
            _ => {}
        }
        weights.push(50.0 + 900.0 * r.part() * nodes as f64);
        units.push(unit);
    }
    let mut caps = Vec::new();
    for region in 0..12 {
        let name = format!("R{region:02}");
        let members: Vec<(usize, f64)> =
            (0..sites).filter(|&u| units[u].region == name).map(|u| (u, weights[u])).collect();
        let all: f64 = members.iter().map(|m| m.1).sum();
        for (control, due, part) in [("CAP-A", 7, 0.35), ("CAP-B", 15, 0.6)] {
            caps.push(Cap {
                control: control.to_owned(),
                group: name.clone(),
                due,
                excess: all * part,
                members: members.clone(),
            });
        }
    }
    PlanProblem {
        start: Date::from_ymd(2026, 1, 1).unwrap(),
        units,
        caps,
        not_by_replacement: BTreeMap::new(),
    }
}

fn settings(sites: usize) -> PlanSettings {
    // Few sites make regions of unequal size.
    let spare = if sites < 1000 { 2.2 } else { 1.0 };
    PlanSettings {
        quarters: 24,
        budget_per_year: vec![sites as f64 * 22.0 * spare],
        crew_hours_per_region: Some(sites as f64 * 0.36 * spare),
        sites_per_region: Some((sites as f64 / 100.0 * spare) as u32),
        discount_pct: 5.0,
        keep_cost_per_quarter: 0.4,
        ..PlanSettings::default()
    }
}

#[test]
fn a_plan_for_two_thousand_sites_is_within_one_percent_of_the_bound() {
    for (seed, sites) in [(1, 2000), (2, 300)] {
        let (problem, settings) = (problem(seed, sites), settings(sites));
        let start = std::time::Instant::now();
        let first = greedy(&problem, &settings);
        let found = plan(&problem, &settings);
        println!(
            "{sites} sites: greedy {} {:.0}; {} {:.0}, bound {:.0}, gap {:.3} %, {:.1} s",
            first.feasible,
            first.cost,
            found.method,
            found.cost,
            found.bound,
            found.gap_pct,
            start.elapsed().as_secs_f64()
        );
        assert!(found.feasible, "{:?}", found.conflicts);
        assert_eq!(verify(&problem, &settings, &found), Vec::<String>::new());
        assert!(!first.feasible || found.cost <= first.cost);
        assert!(found.gap_pct < if sites == 2000 { 1.0 } else { 5.0 }, "{}", found.gap_pct);
    }
}

#[test]
fn where_there_is_no_plan_the_conflict_is_told() {
    let problem = problem(3, 200);
    let all = settings(200);
    let crews = PlanSettings { crew_hours_per_region: Some(40.0), ..all.clone() };
    let told = plan(&problem, &crews);
    assert!(!told.feasible);
    let text = told.conflicts.join("\n");
    assert!(text.contains("crew hours are needed"), "{text}");
    assert!(text.contains("without the limit of crew hours there is a plan"), "{text}");

    let money = PlanSettings { budget_per_year: vec![900.0], ..all };
    let text = plan(&problem, &money).conflicts.join("\n");
    assert!(text.contains("money is needed") && text.contains("CAP-A"), "{text}");
    assert!(text.contains("without the budgets there is a plan"), "{text}");
}

#[test]
fn the_control_in_the_way_is_named() {
    let mut problem = problem(4, 60);
    problem.caps.clear();
    problem.units.iter_mut().for_each(|u| u.clear_demands());
    for unit in problem.units.iter_mut().filter(|u| u.region == "R03") {
        unit.demand("LATE", 20);
        unit.demand("NOW", 0);
    }
    let settings = PlanSettings { sites_per_region: Some(1), ..PlanSettings::default() };
    let text = plan(&problem, &settings).conflicts.join("\n");
    assert!(text.contains("without the control NOW there is a plan"), "{text}");
    assert!(!text.contains("the control LATE"), "{text}");
}

#[cfg(feature = "milp")]
#[test]
fn the_programme_is_no_dearer_than_the_search() {
    let (problem, settings) = (problem(1, 2000), settings(2000));
    let searched = plan(&problem, &settings);
    let start = std::time::Instant::now();
    let found = banbury_network::optimal(&problem, &settings, 60.0);
    println!(
        "{} {:.0}, bound {:.0}, gap {:.3} %, {:.1} s",
        found.method,
        found.cost,
        found.bound,
        found.gap_pct,
        start.elapsed().as_secs_f64()
    );
    assert_eq!(verify(&problem, &settings, &found), Vec::<String>::new());
    assert!(found.cost <= searched.cost + 1e-6 && found.gap_pct < 1.0);
}
