use std::collections::BTreeMap;
use std::fmt::Write as _;

use banbury_network::{
    CheckResult, ControlResult, Inventory, Overall, ShareSeries, Status, SubjectKind, TableId, WhatIf,
    status_text,
};

use crate::svg::{Line, Place, STATES, bars, escape, map, shares};

/// What the page shows.
pub struct Page<'a> {
    pub title: &'a str,
    pub inventory: &'a Inventory,
    pub result: &'a CheckResult,
    pub series: &'a [ShareSeries],
    pub what_ifs: &'a [WhatIf],
}

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;margin:.5rem 0 1.5rem;width:100%}td,th{border-bottom:1px solid #ddd;padding:.25rem .5rem;text-align:left;vertical-align:top}\
td.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;border:1px solid #ddd}summary{cursor:pointer}\
.s{font-weight:600}.violated{color:#c0392b}.later{color:#a96408}.unknown{color:#666}.ok{color:#3a8f5c}";

/// The page: no script, no connection; each picture has a table with the same figures.
pub fn html(page: &Page<'_>) -> String {
    let mut out = String::new();
    let title = escape(page.title);
    let _ = writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n<h1>{title}</h1>"
    );
    let _ = writeln!(out, "<p>{} nodes on {}.</p>", page.result.nodes, page.result.as_of);
    summary(&mut out, page.result);
    sites(&mut out, page);
    over_time(&mut out, page);
    for what_if in page.what_ifs {
        damage(&mut out, what_if);
    }
    out.push_str("<h2>Verdicts</h2>\n");
    for control in &page.result.results {
        details(&mut out, control);
    }
    out.push_str("</body></html>\n");
    out
}

fn overall(control: &ControlResult) -> (&'static str, &'static str) {
    match control.overall {
        Overall::Compliant => ("compliant", "ok"),
        Overall::Violated => ("violated", "violated"),
        Overall::WillBeViolated => ("will be violated", "later"),
        Overall::Exempted => ("exempted", "ok"),
        Overall::Unknown => ("unknown", "unknown"),
        Overall::NotInForce => ("not in force", "unknown"),
    }
}

fn summary(out: &mut String, result: &CheckResult) {
    out.push_str("<h2>Controls</h2>\n<table><tr><th>Control<th>Verdict<th>Subjects<th>Compliant<th>Not<th>Unknown</tr>\n");
    for control in &result.results {
        let (word, class) = overall(control);
        let unknown: u64 = control.unknown.iter().map(|u| u.subjects).sum();
        let mark =
            if control.verified { "" } else { " <small>(figures not checked against the document)</small>" };
        let _ = writeln!(
            out,
            "<tr><td><a href=\"#{0}\">{0}</a> {1}{mark}<td class=\"s {class}\">{word}<td class=n>{2}<td class=n>{3}<td class=n>{4}<td class=n>{unknown}</tr>",
            escape(&control.control),
            escape(&control.title),
            control.subjects,
            control.compliant,
            control.verdicts.len()
        );
    }
    out.push_str("</table>\n");
}

/// The state of each site: the worst of what concerns it.
fn site_states(page: &Page<'_>) -> Vec<usize> {
    let inventory = page.inventory;
    let mut states = vec![0usize; inventory.sites.len()];
    let mut index: BTreeMap<(u8, &str), usize> = BTreeMap::new();
    for (site, row) in inventory.sites.iter().enumerate() {
        index.insert((1, inventory.id(row.id.0)), site);
    }
    // Only nodes that some verdict names are looked up.
    let mut wanted: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for control in &page.result.results {
        for verdict in control.verdicts.iter().filter(|v| v.kind == SubjectKind::Node) {
            wanted.insert(&verdict.subject, None);
        }
        for unknown in &control.unknown {
            unknown.first.iter().for_each(|s| {
                wanted.insert(s, None);
            });
        }
    }
    for node in inventory.nodes.iter() {
        if let Some(slot) = wanted.get_mut(inventory.id(node.id.0)) {
            *slot = node.site.row();
        }
    }
    let mut raise = |site: Option<usize>, state: usize| {
        if let Some(site) = site {
            states[site] = states[site].max(state);
        }
    };
    for control in &page.result.results {
        for verdict in &control.verdicts {
            let state = match verdict.status {
                Status::Violated => 4,
                Status::WillBeViolated { .. } => 3,
                Status::Exempted { .. } => 1,
            };
            match verdict.kind {
                SubjectKind::Node => raise(wanted.get(verdict.subject.as_str()).copied().flatten(), state),
                SubjectKind::Site => raise(index.get(&(1, verdict.subject.as_str())).copied(), state),
                _ => {}
            }
        }
        for subject in control.unknown.iter().flat_map(|u| &u.first) {
            raise(wanted.get(subject.as_str()).copied().flatten(), 2);
        }
    }
    states
}

fn sites(out: &mut String, page: &Page<'_>) {
    let inventory = page.inventory;
    let states = site_states(page);
    let mut places = Vec::new();
    let mut by_region: BTreeMap<String, [u64; 5]> = BTreeMap::new();
    for (site, row) in inventory.sites.iter().enumerate() {
        let region = row.region.row().map_or("", |r| inventory.id(inventory.key(TableId::regions, r)));
        by_region.entry(region.to_owned()).or_default()[states[site]] += 1;
        if let (Some(lat), Some(lon)) = (row.lat.known(), row.lon.known()) {
            places.push(Place { lat, lon, state: states[site], title: inventory.site_id(site).to_owned() });
        }
    }
    out.push_str("<h2>Sites</h2>\n");
    out.push_str(&map(&places));
    out.push_str(
        "<p>Triangle: violated. Square: will be violated. Disc: everything else.</p>\n<table><tr><th>Region",
    );
    STATES.iter().for_each(|(name, _)| {
        let _ = write!(out, "<th>{name}");
    });
    out.push_str("</tr>\n");
    for (region, counts) in by_region {
        let _ = write!(out, "<tr><td>{}", escape(&region));
        counts.iter().for_each(|n| {
            let _ = write!(out, "<td class=n>{n}");
        });
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}

fn over_time(out: &mut String, page: &Page<'_>) {
    let mut controls: BTreeMap<&str, Vec<&ShareSeries>> = BTreeMap::new();
    page.series.iter().for_each(|s| controls.entry(s.control.as_str()).or_default().push(s));
    if controls.is_empty() {
        return;
    }
    out.push_str("<h2>Shares over time</h2>\n<p>With everything planned carried out on time.</p>\n");
    for (control, series) in controls {
        let lines: Vec<Line> = series
            .iter()
            .map(|s| Line {
                name: s.region.clone(),
                points: s.points.iter().map(|p| (p.0.days(), p.1)).collect(),
            })
            .collect();
        let first = series[0];
        let epoch = banbury_network::Date::from_ymd(1970, 1, 1).unwrap_or_default();
        let label = |day: i32| epoch.plus_days(day).to_string();
        let _ = writeln!(out, "<h3>{} ({})</h3>", escape(control), escape(&first.measure));
        out.push_str(&shares(&lines, first.cap, first.deadline.map(|d| d.days()), &label));
        out.push_str("<table><tr><th>Region");
        first.points.iter().for_each(|p| {
            let _ = write!(out, "<th>{}", p.0);
        });
        out.push_str("</tr>\n");
        for s in series {
            let _ = write!(out, "<tr><td>{}", escape(&s.region));
            s.points.iter().for_each(|p| {
                let over = if p.1 > s.cap { " violated" } else { "" };
                let _ = write!(out, "<td class=\"n{over}\">{:.1} %", p.1 * 100.0);
            });
            out.push_str("</tr>\n");
        }
        out.push_str("</table>\n");
    }
}

fn damage(out: &mut String, what_if: &WhatIf) {
    let _ = writeln!(out, "<h2>If {} were hostile</h2>", escape(&what_if.hostile));
    let rows: Vec<(String, f64, f64)> = what_if
        .by_region
        .iter()
        .filter(|(_, r)| r.capacity_gbps > 0.0)
        .map(|(region, r)| {
            (region.clone(), r.capacity_gbps.round(), (r.capacity_gbps - r.capacity_left_gbps).round())
        })
        .collect();
    out.push_str("<p>Capacity lost in each region [Gbit/s]</p>\n");
    out.push_str(&bars(&rows));
    out.push_str("<table>\n");
    let counts = [
        ("Nodes", what_if.nodes),
        ("Services disrupted", what_if.services_disrupted.len() as u64),
        ("Services exposed in the clear", what_if.services_exposed.len() as u64),
        ("Services on fewer paths", what_if.services_on_fewer_paths.len() as u64),
        ("Government, defence and emergency services hit", what_if.government_services.len() as u64),
        ("Slices affected", what_if.slices_affected.len() as u64),
        ("Sites isolated", what_if.sites_isolated.len() as u64),
        ("Subscribers affected", what_if.subscribers_affected),
        ("Other vendors' nodes that can be taken over", what_if.takeover_nodes.len() as u64),
        ("Nodes left without timing", what_if.timing_lost),
        ("Nodes left without signalling", what_if.signalling_lost.len() as u64),
    ];
    for (name, count) in counts {
        let _ = writeln!(out, "<tr><td>{name}<td class=n>{count}</tr>");
    }
    out.push_str("</table>\n<table><tr><th>Region<th>Nodes<th>Sites isolated<th>On one path<th>Subscribers<th>Taken over<th>Capacity<th>Left</tr>\n");
    for (region, r) in &what_if.by_region {
        let _ = writeln!(
            out,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{:.0}<td class=n>{:.0}</tr>",
            escape(region),
            r.nodes,
            r.sites_isolated,
            r.sites_on_one_path,
            r.subscribers_affected,
            r.takeover_nodes,
            r.capacity_gbps,
            r.capacity_left_gbps
        );
    }
    out.push_str("</table>\n<table><tr><th>Most damaging node<th>Function<th>Subscribers it alone cuts off<th>Services<th>Administers</tr>\n");
    for node in &what_if.worst_nodes {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            escape(&node.node),
            escape(&node.role),
            node.subscribers_cut_off,
            node.services,
            node.administers
        );
    }
    out.push_str("</table>\n");
}

fn details(out: &mut String, control: &ControlResult) {
    const SHOWN: usize = 500;
    let (word, class) = overall(control);
    let _ = writeln!(
        out,
        "<details id=\"{0}\"><summary><b>{0}</b> {1}: <span class=\"s {class}\">{word}</span></summary>",
        escape(&control.control),
        escape(&control.title)
    );
    if !control.remedy.is_empty() {
        let _ = writeln!(out, "<p>Remedy: {}</p>", escape(&control.remedy));
    }
    if !control.shares.is_empty() {
        out.push_str("<table><tr><th>Region<th>Nodes<th>Cap<th>Share by every measure</tr>\n");
        for row in &control.shares {
            let each: Vec<String> =
                row.shares.iter().map(|(m, s)| format!("{m} {:.2} %", s * 100.0)).collect();
            let _ = writeln!(
                out,
                "<tr><td>{}<td class=n>{}<td class=n>{:.0} %<td>{}</tr>",
                escape(&row.region),
                row.nodes,
                row.cap * 100.0,
                escape(&each.join(", "))
            );
        }
        out.push_str("</table>\n");
    }
    if !control.verdicts.is_empty() {
        out.push_str("<table><tr><th>Subject<th>Verdict<th>Derivation<th>Row</tr>\n");
        for verdict in control.verdicts.iter().take(SHOWN) {
            let _ = writeln!(
                out,
                "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
                escape(&verdict.subject),
                escape(&status_text(&verdict.status)),
                escape(&verdict.evidence.steps.join("; ")),
                escape(&verdict.evidence.source)
            );
        }
        out.push_str("</table>\n");
        if control.verdicts.len() > SHOWN {
            let _ = writeln!(out, "<p>And {} more: see the JSON.</p>", control.verdicts.len() - SHOWN);
        }
    }
    for unknown in &control.unknown {
        let _ = writeln!(
            out,
            "<p class=unknown>Unknown for {}: {}. First: {}</p>",
            unknown.subjects,
            escape(&unknown.missing),
            escape(&unknown.first.iter().take(20).cloned().collect::<Vec<_>>().join(", "))
        );
    }
    out.push_str("</details>\n");
}
