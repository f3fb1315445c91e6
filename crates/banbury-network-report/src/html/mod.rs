//! One page to look at: how the controls stand, where, how shares move, what a vendor could do.

mod charts;
mod controls;
mod damage;
mod map;
mod text;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use banbury_network::{CheckResult, Inventory, Overall, ShareSeries, Status, SubjectKind, TableId, WhatIf};

use charts::{Line, bars, shares, tile};
use map::{Mark, State, map};
use text::{count, escape, number};

/// What the page shows.
pub struct Page<'a> {
    pub title: &'a str,
    pub inventory: &'a Inventory,
    pub result: &'a CheckResult,
    pub series: &'a [ShareSeries],
    pub what_ifs: &'a [WhatIf],
}

/// Everything before the first section.
fn head(title: &str) -> String {
    let title = escape(title);
    let style = include_str!("style.css");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\n{style}</style></head><body>\n<h1>{title}</h1>\n"
    )
}

/// A page of one supposition alone.
pub fn what_if_html(inventory: &Inventory, what_if: &WhatIf) -> String {
    let mut out = head("What if");
    damage::damage(&mut out, inventory, what_if);
    out.push_str("</body></html>\n");
    out
}

/// The page: no script, no connection; each picture has its figures in words as well.
pub fn html(page: &Page<'_>) -> String {
    let mut out = head(page.title);
    out.push_str(&sections(page));
    out.push_str("</body></html>\n");
    out
}

/// The page without what surrounds it, for a page of another's. Nothing in it has a style of its own:
/// the classes are those of `style.css`.
pub fn sections(page: &Page<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "<p class=quiet>{} at {}, judged on {}.</p>",
        count(page.result.nodes, "node"),
        count(page.inventory.sites.len() as u64, "site"),
        page.result.as_of
    );
    controls::summary(&mut out, page.result);
    sites(&mut out, page);
    for what_if in page.what_ifs {
        damage::damage(&mut out, page.inventory, what_if);
    }
    over_time(&mut out, page);
    controls::details(&mut out, page.result);
    out
}

/// What a vendor could do if it were hostile, in the classes of `style.css`.
pub fn damage(inventory: &Inventory, what_if: &WhatIf) -> String {
    let mut out = String::new();
    damage::damage(&mut out, inventory, what_if);
    out
}

/// How a site is drawn, worst last.
const STATES: [State; 5] = [
    ("compliant", "var(--compliant)", 0),
    ("exempted", "var(--exempted)", 0),
    ("unknown", "var(--unknown)", 0),
    ("will be violated", "var(--later)", 1),
    ("violated", "var(--violated)", 2),
];

/// The state of each site: the worst of what concerns it, and how many controls say so.
fn site_marks(page: &Page<'_>) -> Vec<Mark> {
    let inventory = page.inventory;
    let mut marks = vec![Mark { state: 0, weight: 0 }; inventory.sites.len()];
    let sites: BTreeMap<&str, usize> =
        inventory.sites.iter().enumerate().map(|(site, row)| (inventory.id(row.id.0), site)).collect();
    // Only nodes that some verdict names are looked up.
    let mut nodes: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for control in &page.result.results {
        let named = control.verdicts.iter().filter(|v| v.kind == SubjectKind::Node).map(|v| &v.subject);
        for subject in named.chain(control.unknown.iter().flat_map(|u| &u.first)) {
            nodes.insert(subject, None);
        }
    }
    for node in inventory.nodes.iter() {
        if let Some(slot) = nodes.get_mut(inventory.id(node.id.0)) {
            *slot = node.site.row();
        }
    }
    for control in &page.result.results {
        let mut here: BTreeMap<usize, usize> = BTreeMap::new();
        let mut raise = |site: Option<usize>, state: usize| {
            if let Some(site) = site {
                here.entry(site).and_modify(|s| *s = state.max(*s)).or_insert(state);
            }
        };
        for verdict in &control.verdicts {
            let state = match verdict.status {
                Status::Violated => 4,
                Status::WillBeViolated { .. } => 3,
                Status::Exempted { .. } => 1,
            };
            match verdict.kind {
                SubjectKind::Node => raise(nodes.get(verdict.subject.as_str()).copied().flatten(), state),
                SubjectKind::Site => raise(sites.get(verdict.subject.as_str()).copied(), state),
                _ => {}
            }
        }
        for subject in control.unknown.iter().flat_map(|u| &u.first) {
            raise(nodes.get(subject.as_str()).copied().flatten(), 2);
        }
        for (site, state) in here {
            let mark = &mut marks[site];
            if state > mark.state {
                *mark = Mark { state, weight: 1 };
            } else if state == mark.state {
                mark.weight += 1;
            }
        }
    }
    marks
}

fn sites(out: &mut String, page: &Page<'_>) {
    let inventory = page.inventory;
    let marks = site_marks(page);
    let mut by_region: BTreeMap<&str, [u64; 5]> = BTreeMap::new();
    let mut all = [0u64; 5];
    for (mark, row) in marks.iter().zip(inventory.sites.iter()) {
        let region =
            row.region.row().map_or("no region", |r| inventory.id(inventory.key(TableId::regions, r)));
        by_region.entry(region).or_default()[mark.state] += 1;
        all[mark.state] += 1;
    }
    let _ = writeln!(
        out,
        "<h2>Sites</h2>\n<div class=two><figure>{}<figcaption class=quiet>Larger marks: more controls. Thick lines: \
         the core. Every mark tells its site.</figcaption></figure>\n<div>",
        map(inventory, &marks, &STATES)
    );
    out.push_str("<table>");
    for (i, (name, colour, shape)) in STATES.iter().enumerate().rev() {
        let sign = ["●", "■", "▲"][*shape as usize];
        let _ = write!(
            out,
            "<tr><td><svg width=\"14\" height=\"14\" class=\"sign\" aria-hidden=\"true\"><text x=\"0\" y=\"12\" fill=\"{colour}\">{sign}</text></svg> {name}<td class=n>{}",
            number(all[i])
        );
    }
    out.push_str("</table>\n<h3>By region</h3>\n");
    let rows: Vec<_> = by_region
        .iter()
        .map(|(region, counts)| {
            let parts = (0..5).rev().map(|i| (counts[i] as f64, STATES[i].1)).collect();
            let sum: u64 = counts.iter().sum();
            ((*region).to_owned(), parts, format!("{} of {}", number(counts[4]), number(sum)))
        })
        .take(40)
        .collect();
    out.push_str(&bars(&rows));
    out.push_str("</div></div>\n");
}

fn over_time(out: &mut String, page: &Page<'_>) {
    let mut controls: BTreeMap<&str, Vec<&ShareSeries>> = BTreeMap::new();
    page.series.iter().for_each(|s| controls.entry(s.control.as_str()).or_default().push(s));
    if controls.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Shares over time</h2>\n<p class=quiet>With everything planned carried out on time. Shaded: not \
         allowed.</p>\n<div class=many>\n",
    );
    for (control, series) in controls {
        let lines: Vec<Line> = series
            .iter()
            .map(|s| Line {
                name: if s.region.is_empty() { "all".to_owned() } else { s.region.clone() },
                points: s.points.iter().map(|p| (p.0.days(), p.1)).collect(),
            })
            .collect();
        let first = series[0];
        let epoch = banbury_network::Date::from_ymd(1970, 1, 1).unwrap_or_default();
        let label = |day: i32| epoch.plus_days(day).to_string();
        let _ = writeln!(
            out,
            "<figure class=card><h3><a href=\"#{0}\">{0}</a> <small>{1}</small></h3>",
            escape(control),
            escape(&first.measure)
        );
        out.push_str(&shares(&lines, first.cap, first.deadline.map(|d| d.days()), &label));
        share_table(out, &series);
        out.push_str("</figure>\n");
    }
    out.push_str("</div>\n");
}

fn share_table(out: &mut String, series: &[&ShareSeries]) {
    out.push_str("<details><summary>Figures</summary><div class=scroll><table><tr><th>Day");
    series.iter().for_each(|s| {
        let _ = write!(out, "<th class=n>{}", escape(&s.region));
    });
    for (i, point) in series[0].points.iter().enumerate() {
        let _ = write!(out, "<tr><td>{}", point.0);
        for s in series {
            match s.points.get(i) {
                Some(p) => {
                    let over = if p.1 > s.cap { " over" } else { "" };
                    let _ = write!(out, "<td class=\"n{over}\">{:.1} %", p.1 * 100.0);
                }
                None => out.push_str("<td>"),
            }
        }
    }
    out.push_str("</table></div></details>");
}

/// Word, class and sign of how a control stands.
fn standing(overall: Overall) -> (&'static str, &'static str, &'static str) {
    match overall {
        Overall::Violated => ("violated", "violated", "✕"),
        Overall::WillBeViolated => ("will be violated", "later", "!"),
        Overall::Unknown => ("unknown", "unknown", "?"),
        Overall::Exempted => ("exempted", "exempted", "e"),
        Overall::Compliant => ("compliant", "compliant", "✓"),
        Overall::NotInForce => ("not in force", "idle", "·"),
    }
}

/// From the worst.
const ORDER: [Overall; 6] = [
    Overall::Violated,
    Overall::WillBeViolated,
    Overall::Unknown,
    Overall::Exempted,
    Overall::Compliant,
    Overall::NotInForce,
];

/// The first word that a reader needs: how many of what.
fn tiles_of(out: &mut String, result: &CheckResult) {
    out.push_str("<div class=tiles>\n");
    for overall in ORDER {
        let (word, class, _) = standing(overall);
        let n = result.results.iter().filter(|r| r.overall == overall).count() as u64;
        tile(out, class, n, word);
    }
    out.push_str("</div>\n");
}
