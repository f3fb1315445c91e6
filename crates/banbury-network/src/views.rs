//! Derived facts for queries of one's own.

use crate::graph::{Graph, NONE};
use crate::rules::{self, CapShare, InScope, distance_km, share_rows};
use crate::verdict::ShareRow;
use crate::whatif::WhatIfOptions;
use crate::world::{NameSet, World};

/// The shares that a cap is about.
pub fn shares(cap: &CapShare, world: &World<'_>) -> Vec<ShareRow> {
    share_rows(cap, world, &InScope::of(world, &crate::control::Scope::default()))
}

/// Live nodes that live designated nodes can administer: node, the designated node, steps.
pub fn reach_admin(world: &World<'_>) -> Vec<(usize, usize, u32)> {
    let inventory = world.inventory;
    let options = WhatIfOptions::default();
    let kinds = NameSet::of(inventory, options.control_kinds.iter().map(String::as_str));
    let graph = Graph::directed(inventory.nodes.len(), rules::control_edges(inventory, &kinds, true));
    let sources = (0..inventory.nodes.len()).filter(|&n| world.live_designated(n));
    let from = graph.reach(sources, |n| world.live(n));
    (0..inventory.nodes.len())
        .filter(|&n| from[n] != NONE && from[n] as usize != n)
        .map(|n| {
            let path = crate::graph::path_from(&from, n);
            (n, path[path.len() - 1], path.len() as u32 - 1)
        })
        .collect()
}

/// Sites and places nearer to each other than `km`: site, place, distance.
pub fn near_sensitive(world: &World<'_>, km: f64) -> Vec<(usize, usize, f64)> {
    let inventory = world.inventory;
    let mut out = Vec::new();
    for (place, location) in inventory.locations.iter().enumerate() {
        let (Some(lat), Some(lon)) = (location.lat.known(), location.lon.known()) else { continue };
        for (site, row) in inventory.sites.iter().enumerate() {
            let (Some(site_lat), Some(site_lon)) = (row.lat.known(), row.lon.known()) else { continue };
            if (site_lat - lat).abs() * 111.0 > km + 0.2 {
                continue;
            }
            let distance = distance_km((site_lat, site_lon), (lat, lon));
            if distance <= km {
                out.push((site, place, distance));
            }
        }
    }
    out.sort_by_key(|a| (a.0, a.1));
    out
}

/// Sites with access nodes, and whether one of these reaches a core site without designated nodes.
pub fn vendor_out(world: &World<'_>) -> Vec<(usize, bool)> {
    let inventory = world.inventory;
    let options = WhatIfOptions::default();
    let kinds = NameSet::of(inventory, options.link_kinds.iter().map(String::as_str));
    let graph = Graph::undirected(inventory.nodes.len(), rules::link_edges(inventory, &kinds));
    let anchors = rules::anchors(world, &options.anchor_roles, &options.anchor_site_kinds);
    let reached = graph.reach(anchors.iter().map(|a| a.0), |n| world.live(n) && !world.designated(n));
    rules::access_nodes(world, &options.access_roles)
        .into_iter()
        .enumerate()
        .filter(|(_, nodes)| !nodes.is_empty())
        .map(|(site, nodes)| (site, nodes.iter().any(|&n| reached[n as usize] != NONE)))
        .collect()
}
