//! Properties that hold for every network; networks made from a small generator of numbers.

use std::collections::BTreeMap;

use banbury_network::{
    Control, Hostile, Importer, Inventory, Pack, PlanSettings, Profile, Regime, TableId, WhatIfOptions, When,
    World, check, plan, plan_problem, table_csv, table_json, verify, what_if,
};

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// Tables of a random network, rows in random order.
fn network(seed: u64) -> BTreeMap<&'static str, Vec<String>> {
    let mut r = Numbers(seed);
    let mut t: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut add = |table: &'static str, header: &str, row: String| {
        t.entry(table).or_insert_with(|| vec![header.to_owned()]).push(row);
    };
    for i in 0..4 {
        let parent = if i > 0 { format!("V{}", r.below(i)) } else { String::new() };
        add(
            "vendors",
            "vendor_id,name,parent_vendor_id,ownership_pct",
            format!("V{i},Vendor {i},{parent},{}", r.below(101)),
        );
    }
    add(
        "designations",
        "designation_id,vendor_id,designated_on,regime",
        format!("D,V{},2020-01-01,UK", r.below(4)),
    );
    for i in 0..3 {
        add("regions", "region_id,kind", format!("R{i},region"));
    }
    for i in 0..12 {
        let kind = if i < 2 { "core" } else { "cell" };
        let row = format!(
            "S{i},\"Site, {i}\",R{},{kind},{}.5,{}.25,{}",
            r.below(3),
            50 + r.below(3),
            r.below(4),
            r.of(&["none", "cni"])
        );
        add("sites", "site_id,name,region_id,kind,lat,lon,criticality", row);
    }
    for i in 0..40 {
        let role = r.of(&["csr", "pe-router", "gnb-du", "amf", "ems", "gm", "olt", "li-admf"]);
        let host = if r.below(4) == 0 && i > 0 { format!("N{}", r.below(i)) } else { String::new() };
        let vendor = r.of(&["Vendor 0", " VENDOR-1 ", "vendor 2", "Vendor 3", "unheard of"]);
        let row = format!(
            "N{i},S{},{role},{vendor},{},{},{host},{},{}",
            r.below(12),
            r.of(&["active", "active", "active", "planned", "retired"]),
            r.of(&["", "2027-03-01", "2029-01-01"]),
            r.below(1000),
            r.below(500)
        );
        add(
            "nodes",
            "node_id,site_id,role,vendor_name,status,planned_removal,host_id,busy_hour_traffic,subscribers",
            row,
        );
    }
    for i in 0..60 {
        let row = format!(
            "L{i},N{},N{},{},{},active,{}",
            r.below(40),
            r.below(40),
            r.of(&["backhaul", "core", "signalling"]),
            r.of(&["none", "ipsec", ""]),
            if i % 11 == 0 { String::new() } else { (i * 7 % 5 * 10 + 10).to_string() }
        );
        add("links", "link_id,a_node,b_node,kind,encryption,status,capacity_gbps", row);
    }
    for i in 0..40 {
        let row =
            format!("F{i},N{},N{},admin,ssh,{},active", r.below(40), r.below(40), r.of(&["allow", "deny"]));
        add("admin_flows", "flow_id,src_node,dst_node,kind,protocol,action,status", row);
    }
    for i in 0..12 {
        let (a, z) = (i * 3 % 40, (i * 7 + 5) % 40);
        let capacity = [10, 20, 30][i % 3];
        add(
            "services",
            "service_id,customer_id,a_node,z_node,capacity_gbps",
            format!("SV{i},,N{a},N{z},{capacity}"),
        );
        for (seq, node) in [a, i * 5 % 40, z].into_iter().enumerate() {
            add("service_paths", "service_id,path,seq,node_id", format!("SV{i},primary,{seq},N{node}"));
        }
    }
    for _ in 0..20 {
        add("sync", "node_id,source_id", format!("N{},N{}", r.below(40), r.below(40)));
    }
    t
}

fn import(tables: &BTreeMap<&'static str, Vec<String>>) -> Inventory {
    let mut importer = Importer::new();
    for (name, rows) in tables {
        importer.csv(TableId::from_name(name).unwrap(), &format!("{name}.csv"), rows.join("\n").as_bytes());
    }
    let (inventory, report) = importer.finish(false);
    inventory.unwrap_or_else(|| panic!("{:?}", report.problems))
}

fn pack() -> Pack {
    let checks = [
        "template = \"exclude_role\"\nroles = [\"amf\"]",
        "template = \"exclude_hosting\"\nroles = \"*\"",
        "template = \"cap_share\"\nroles = \"gnb-du\"\nmeasure = \"traffic\"\ngroup = \"region\"\nmax_share = 0.35",
        "template = \"mgmt_reach\"\ntargets = [\"li-admf\"]\nkinds = [\"admin\"]",
        "template = \"survive_vendor_out\"\ncriticality = [\"cni\"]\nlink_kinds = [\"backhaul\", \"core\"]",
        "template = \"disjoint_paths\"\ncriticality = [\"cni\"]\nlink_kinds = [\"backhaul\", \"core\"]",
        "template = \"sync_chain\"\nroles = [\"gnb-du\"]",
        "template = \"link_encryption\"\nlink_kinds = [\"backhaul\"]\ntransport_roles = \"*\"",
        "template = \"removal_plan\"\nroles = \"*\"\ndeadline = \"2028-01-01\"",
        "template = \"min_vendors\"\ngroup = \"region\"\nmin = 2",
    ];
    let controls = checks
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let head = format!("id = \"C{i}\"\ntitle = \"t\"\ndeadline = \"2027-06-30\"\n[source]\ndocument = \"d\"\nverified = true\n[check]\n");
            Control::parse(&(head + c)).unwrap()
        })
        .collect();
    Pack { regime: Regime::parse("id = \"t\"\ntitle = \"t\"\n").unwrap(), controls }
}

/// Subject and status of each verdict, by control; leaves evidence aside, which names the first of
/// several equal paths.
fn verdicts(inventory: &Inventory, as_of: &str) -> String {
    let when = When { as_of: as_of.parse().unwrap(), until: Some("2030-01-01".parse().unwrap()) };
    let mut out = String::new();
    for r in check(inventory, &[pack()], when, None).results {
        out.push_str(&format!("{} {:?} {} {}\n", r.control, r.overall, r.subjects, r.compliant));
        r.verdicts.iter().for_each(|v| out.push_str(&format!("  {} {:?}\n", v.subject, v.status)));
        r.unknown.iter().for_each(|u| out.push_str(&format!("  ? {} {}\n", u.missing, u.subjects)));
    }
    out
}

#[test]
fn export_and_import_change_nothing() {
    for seed in 0..40 {
        let inventory = import(&network(seed));
        let (mut by_csv, mut by_json) = (Importer::new(), Importer::new());
        for &table in TableId::ALL {
            by_csv.csv(table, "t.csv", table_csv(&inventory, table).as_bytes());
            by_json.json(table, "t.json", table_json(&inventory, table).as_bytes());
        }
        for importer in [by_csv, by_json] {
            let (again, report) = importer.finish(false);
            let again = again.unwrap_or_else(|| panic!("{:?}", report.problems));
            for &table in TableId::ALL {
                assert_eq!(table_csv(&inventory, table), table_csv(&again, table), "{} {seed}", table.name());
            }
            assert_eq!(verdicts(&inventory, "2026-01-01"), verdicts(&again, "2026-01-01"));
        }
    }
}

#[test]
fn the_order_of_rows_does_not_matter() {
    for seed in 0..60 {
        let tables = network(seed);
        let before = verdicts(&import(&tables), "2027-12-01");
        let mut r = Numbers(seed + 1000);
        let mut shuffled = tables.clone();
        for rows in shuffled.values_mut() {
            for i in (2..rows.len()).rev() {
                let j = 1 + r.below(i);
                rows.swap(i, j);
            }
        }
        assert_eq!(before, verdicts(&import(&shuffled), "2027-12-01"), "{seed}");
    }
}

#[test]
fn every_subject_is_in_one_class() {
    for seed in 0..60 {
        let inventory = import(&network(seed));
        let when = When { as_of: "2027-12-01".parse().unwrap(), until: None };
        for r in check(&inventory, &[pack()], when, None).results {
            let unknown: u64 = r.unknown.iter().map(|u| u.subjects).sum();
            assert!(r.compliant + r.verdicts.len() as u64 + unknown >= r.subjects, "{} {seed}", r.control);
            for path in r.verdicts.iter().map(|v| &v.evidence.path).filter(|p| !p.is_empty()) {
                assert!(path.iter().all(|n| inventory.find(TableId::nodes, n).is_some()));
            }
        }
    }
}

#[test]
fn a_larger_group_does_no_less_harm() {
    for seed in 0..60 {
        let inventory = import(&network(seed));
        let (narrow, wide) = (
            Profile { control_pct: 101.0, ..Profile::default() },
            Profile { control_pct: 0.0, ..Profile::default() },
        );
        let as_of = "2026-01-01".parse().unwrap();
        let answer = |profile: &Profile| {
            let world = World::now(&inventory, profile, as_of);
            what_if(&world, &Hostile::Vendor(0), &WhatIfOptions::default())
        };
        let (small, large) = (answer(&narrow), answer(&wide));
        assert!(small.nodes <= large.nodes);
        assert!(small.sites_isolated.iter().all(|s| large.sites_isolated.contains(s)));
        assert!(small.subscribers_affected <= large.subscribers_affected);
        assert!(small.timing_lost <= large.timing_lost + large.nodes);
    }
}

#[test]
fn what_is_left_of_services_is_the_widest_route() {
    let mut seen = [0; 3];
    for seed in 0..60 {
        let inventory = import(&network(seed));
        let profile = Profile::default();
        let world = World::now(&inventory, &profile, "2026-01-01".parse().unwrap());
        let bad: Vec<usize> = (0..inventory.nodes.len()).filter(|n| n % 5 == 0).collect();
        let found = what_if(&world, &Hostile::Nodes(bad.clone()), &WhatIfOptions::default());
        let reached = |from: usize, to: usize, least: f64| {
            let open = |n: usize| world.live(n) && !bad.contains(&n);
            let mut seen = vec![from];
            let mut at = 0;
            while at < seen.len() {
                for link in inventory.links.iter() {
                    let (Some(a), Some(b)) = (link.a.row(), link.b.row()) else { continue };
                    let carries = inventory.name(link.kind.0) != "signalling"
                        && link.capacity.known().unwrap_or(-1.0) >= least;
                    for (x, y) in [(a, b), (b, a)] {
                        if carries && x == seen[at] && open(x) && open(y) && !seen.contains(&y) {
                            seen.push(y);
                        }
                    }
                }
                at += 1;
            }
            seen.contains(&to)
        };
        for hit in &found.services_hit {
            let row = inventory.find(TableId::services, &hit.service).unwrap();
            let (a, z) = (
                inventory.services[row].a_node.row().unwrap(),
                inventory.services[row].z_node.row().unwrap(),
            );
            let gone = bad.contains(&a) && world.live(a) || bad.contains(&z) && world.live(z);
            let connected = !gone && reached(a, z, -1.0);
            assert_eq!(hit.connected, Some(connected), "{seed} {}", hit.service);
            let widest = [50.0, 40.0, 30.0, 20.0, 10.0].into_iter().find(|&c| reached(a, z, c));
            let widest = widest.filter(|_| connected && a != z);
            assert_eq!(hit.capacity_left_gbps, widest, "{seed} {}", hit.service);
            seen[usize::from(connected) + usize::from(widest.is_some())] += 1;
        }
    }
    assert!(seen.iter().all(|n| *n > 0), "{seen:?}");
}

/// The fewest nodes that cut `a` from `z`, by trying all sets; none: neighbours.
fn fewest(inventory: &Inventory, world: &World<'_>, a: usize, z: usize) -> Option<usize> {
    let n = inventory.nodes.len();
    let active: Vec<(usize, usize)> =
        inventory.links.iter().filter_map(|l| l.a.row().zip(l.b.row())).collect();
    if active.iter().any(|&e| e == (a, z) || e == (z, a)) {
        return None;
    }
    let connected = |gone: &[usize]| {
        let mut seen = vec![false; n];
        let mut stack = vec![a];
        seen[a] = true;
        while let Some(v) = stack.pop() {
            for &(x, y) in &active {
                for (from, to) in [(x, y), (y, x)] {
                    if from == v && !seen[to] && world.live(to) && !gone.contains(&to) {
                        seen[to] = true;
                        stack.push(to);
                    }
                }
            }
        }
        seen[z]
    };
    if !connected(&[]) {
        return Some(0);
    }
    let inner: Vec<usize> = (0..n).filter(|&v| v != a && v != z && world.live(v)).collect();
    if inner.iter().any(|&x| !connected(&[x])) {
        return Some(1);
    }
    let two = inner.iter().enumerate().any(|(i, &x)| inner[..i].iter().any(|&y| !connected(&[x, y])));
    Some(if two { 2 } else { 3 })
}

#[test]
fn cuts_are_smallest_and_cut() {
    let mut sizes = [0; 4];
    for seed in 0..60 {
        let inventory = import(&network(seed));
        let profile = Profile::default();
        let world = World::now(&inventory, &profile, "2026-01-01".parse().unwrap());
        let mut r = Numbers(seed);
        for _ in 0..6 {
            let (a, z) = (r.below(40), r.below(40));
            if a == z || !world.live(a) || !world.live(z) {
                continue;
            }
            let found = banbury_network::cut(&world, a, z, 20);
            match fewest(&inventory, &world, a, z) {
                None => assert!(found.is_none()),
                Some(3) => assert!(found.unwrap().len() >= 3),
                Some(size) => {
                    assert_eq!(found.unwrap().len(), size, "{seed} {a} {z}");
                    sizes[size] += 1;
                }
            }
        }
    }
    assert!(sizes[1] > 3 && sizes[2] > 1, "{sizes:?}");
}

#[test]
fn plans_keep_what_they_promise() {
    let mut feasible = 0;
    for seed in 0..120 {
        let inventory = import(&network(seed));
        let mut r = Numbers(seed);
        let settings = PlanSettings {
            quarters: 12,
            crew_hours_per_region: [None, Some(3.0), Some(8.0)][r.below(3)],
            sites_per_region: [None, Some(1), Some(2)][r.below(3)],
            budget_per_year: [vec![], vec![6.0], vec![20.0]][r.below(3)].clone(),
            discount_pct: 5.0,
            ..PlanSettings::default()
        };
        let problem = plan_problem(&inventory, &[pack()], &settings, "2026-01-01".parse().unwrap());
        let plan = plan(&problem, &settings);
        if plan.feasible {
            feasible += 1;
            assert_eq!(verify(&problem, &settings, &plan), Vec::<String>::new(), "{seed}");
            assert!(plan.cost >= plan.bound - 1e-6, "{seed}: {} {}", plan.cost, plan.bound);
        } else {
            assert!(!plan.conflicts.is_empty());
        }
    }
    assert!(feasible > 30, "{feasible}");
}

#[cfg(any(feature = "milp", feature = "milp-rust"))]
#[test]
fn the_optimal_plan_is_no_dearer_than_the_searched_one() {
    let mut both = 0;
    for seed in 0..60 {
        let inventory = import(&network(seed));
        let mut r = Numbers(seed);
        let settings = PlanSettings {
            quarters: 8,
            crew_hours_per_region: [None, Some(3.0), Some(8.0)][r.below(3)],
            budget_per_year: [vec![], vec![6.0], vec![20.0]][r.below(3)].clone(),
            discount_pct: 5.0,
            ..PlanSettings::default()
        };
        let problem = plan_problem(&inventory, &[pack()], &settings, "2026-01-01".parse().unwrap());
        let plan = plan(&problem, &settings);
        let best = banbury_network::optimal(&problem, &settings, 5.0);
        if best.feasible {
            assert_eq!(verify(&problem, &settings, &best), Vec::<String>::new(), "{seed}");
            assert!(best.cost >= best.bound - 1e-6, "{seed}");
        }
        if plan.feasible {
            both += 1;
            assert!(best.feasible && best.cost <= plan.cost + 1e-6, "{seed}: {} {}", best.cost, plan.cost);
        }
    }
    assert!(both > 10, "{both}");
}
