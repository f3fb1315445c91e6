//! What a vendor could do if it were hostile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use banbury_network::{Inventory, ServiceDamage, WhatIf};

use super::charts::{bars, tile};
use super::map::{Mark, State, map};
use super::text::{count, escape, number};

const STATES: [State; 2] = [("still connected", "var(--spared)", 0), ("cut off", "var(--violated)", 2)];

pub(super) fn damage(out: &mut String, inventory: &Inventory, what_if: &WhatIf) {
    let _ = writeln!(out, "<h2>If {} were hostile</h2>", escape(&what_if.hostile));
    let _ = writeln!(out, "<p class=lead>{}</p>", sentence(what_if));
    out.push_str("<div class=\"tiles four\">\n");
    let tiles = [
        ("services disrupted", what_if.services_disrupted.len() as u64),
        ("services readable in the clear", what_if.services_exposed.len() as u64),
        ("of them government, defence, emergency", what_if.government_services.len() as u64),
        ("sites cut off", what_if.sites_isolated.len() as u64),
        ("subscribers affected", what_if.subscribers_affected),
        ("nodes of others it can take over", what_if.takeover_nodes.len() as u64),
        ("nodes without timing", what_if.timing_lost),
        ("core nodes without signalling", what_if.signalling_lost.len() as u64),
    ];
    for (about, n) in tiles {
        tile(out, if n > 0 { "violated" } else { "compliant" }, n, about);
    }
    out.push_str("</div>\n<div class=two><figure>");
    let isolated: BTreeSet<&str> = what_if.sites_isolated.iter().map(String::as_str).collect();
    let marks: Vec<Mark> = (0..inventory.sites.len())
        .map(|s| Mark { state: usize::from(isolated.contains(inventory.site_id(s))), weight: 1 })
        .collect();
    out.push_str(&map(inventory, &marks, &STATES));
    out.push_str(
        "<figcaption class=quiet>Triangles: sites cut off from the core without its equipment.</figcaption></figure>\n<div>",
    );
    capacity(out, what_if);
    reached(out, what_if);
    out.push_str("</div></div>\n");
    services(out, &what_if.services_hit);
    regions(out, what_if);
    worst(out, what_if);
}

fn sentence(w: &WhatIf) -> String {
    let mut parts = Vec::new();
    if !w.services_disrupted.is_empty() {
        parts.push(format!("{} would stop", count(w.services_disrupted.len() as u64, "service")));
    }
    if !w.sites_isolated.is_empty() {
        parts.push(format!("{} would be cut off", count(w.sites_isolated.len() as u64, "site")));
    }
    if w.subscribers_affected > 0 {
        parts.push(format!("{} would be affected", count(w.subscribers_affected, "subscriber")));
    }
    let equipment = count(w.nodes, "live node");
    let mut text = match parts.split_last() {
        None => format!("Its {equipment} could stop no service and cut off no site."),
        Some((last, [])) => format!("With its {equipment} against you, {last}."),
        Some((last, rest)) => format!("With its {equipment} against you, {} and {last}.", rest.join(", ")),
    };
    if w.services_reroutable > 0 {
        let _ = write!(
            text,
            " Without it, the ends of {} of these services stay connected, {} over a route as wide as was \
             sold; there is room for {} of them at once.",
            number(w.services_reroutable),
            number(w.services_with_capacity),
            number(w.services_carried)
        );
    } else if !w.services_disrupted.is_empty() {
        text.push_str(" None of these services keeps its ends connected without it.");
    }
    text
}

fn capacity(out: &mut String, what_if: &WhatIf) {
    let rows: Vec<_> = what_if
        .by_region
        .iter()
        .filter(|(_, r)| r.capacity_gbps > 0.0)
        .map(|(region, r)| {
            let lost = r.capacity_gbps - r.capacity_left_gbps;
            let name = if region.is_empty() { "no region" } else { region };
            let parts = vec![(r.capacity_left_gbps, "var(--spared)"), (lost, "var(--violated)")];
            (name.to_owned(), parts, format!("{:.0} % lost", 100.0 * lost / r.capacity_gbps))
        })
        .take(40)
        .collect();
    if !rows.is_empty() {
        out.push_str("<h3>Capacity of the transport network</h3>\n");
        out.push_str(&bars(&rows));
    }
}

/// One way to each kind of function that it could take over.
fn reached(out: &mut String, what_if: &WhatIf) {
    let mut ways: BTreeMap<&str, &banbury_network::Reached> = BTreeMap::new();
    for way in &what_if.reached {
        let shorter = |other: &banbury_network::Reached| way.path.len() < other.path.len();
        if ways.get(way.role.as_str()).is_none_or(|other| shorter(other)) {
            ways.insert(&way.role, way);
        }
    }
    if ways.is_empty() {
        return;
    }
    out.push_str("<h3>Functions and secrets in its reach</h3>\n");
    for (role, way) in ways.into_iter().take(12) {
        out.push_str("<div class=chain>");
        for (i, node) in way.path.iter().enumerate() {
            let arrow = if i == 0 { "" } else { "→ " };
            let _ = write!(out, "{arrow}<span>{}</span>", escape(node));
        }
        let _ = writeln!(out, "<small>{}</small></div>", escape(role));
    }
}

fn services(out: &mut String, hit: &[ServiceDamage]) {
    const SHOWN: usize = 200;
    if hit.is_empty() {
        return;
    }
    out.push_str(
        "<details><summary>Services and what is left of them</summary><table><tr><th>Service<th class=n>Paths left<th>Its ends\
         <th class=n>Sold [Gbit/s]<th class=n>Widest route left [Gbit/s]<th>Room at once</tr>\n",
    );
    let figure = |g: Option<f64>| g.map_or("?".to_owned(), |g| format!("{g:.1}"));
    for s in hit.iter().take(SHOWN) {
        let ends = match s.connected {
            Some(true) => "connected",
            Some(false) => "cut apart",
            None => "not recorded",
        };
        let room = match s.carried {
            Some(true) => "yes",
            Some(false) => "no",
            None if s.paths_left > 0 => "keeps a path",
            None => "?",
        };
        let over = if s.enough == Some(false) { " over" } else { "" };
        let left = if s.connected == Some(false) { "0.0".to_owned() } else { figure(s.capacity_left_gbps) };
        let _ = writeln!(
            out,
            "<tr><td>{}<td class=n>{} of {}<td>{ends}<td class=n>{}<td class=\"n{over}\">{left}<td>{room}</tr>",
            escape(&s.service),
            s.paths_left,
            s.paths,
            figure(s.capacity_sold_gbps)
        );
    }
    out.push_str("</table>\n");
    if hit.len() > SHOWN {
        let _ = writeln!(out, "<p>And {} more: see the JSON.</p>", number((hit.len() - SHOWN) as u64));
    }
    out.push_str("</details>\n");
}

fn regions(out: &mut String, what_if: &WhatIf) {
    out.push_str(
        "<details><summary>By region</summary><table><tr><th>Region<th class=n>Its nodes<th class=n>Sites cut off<th class=n>Sites on one \
         path<th class=n>Subscribers<th class=n>Taken over<th class=n>Capacity [Gbit/s]<th class=n>Left</tr>\n",
    );
    for (region, r) in &what_if.by_region {
        let _ = writeln!(
            out,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{:.0}<td class=n>{:.0}</tr>",
            escape(region),
            number(r.nodes),
            number(r.sites_isolated),
            number(r.sites_on_one_path),
            number(r.subscribers_affected),
            number(r.takeover_nodes),
            r.capacity_gbps,
            r.capacity_left_gbps
        );
    }
    out.push_str("</table></details>\n");
}

fn worst(out: &mut String, what_if: &WhatIf) {
    out.push_str(
        "<details><summary>Most damaging nodes</summary><table><tr><th>Node<th>Function<th class=n>Subscribers it alone cuts off\
         <th class=n>Services<th class=n>Administers</tr>\n",
    );
    for node in &what_if.worst_nodes {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            escape(&node.node),
            escape(&node.role),
            number(node.subscribers_cut_off),
            number(node.services),
            number(node.administers)
        );
    }
    out.push_str("</table></details>\n");
}
