//! Services and slices that pass hostile equipment, and what they can be given without it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::spare::Spare;
use super::{WhatIf, WhatIfOptions};
use crate::inventory::Inventory;
use crate::world::{NameSet, World};

/// A service that passes hostile equipment.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceDamage {
    pub service: String,
    /// Recorded paths free of hostile equipment, of how many.
    pub paths_left: u32,
    pub paths: u32,
    /// Whether its ends are connected without the hostile equipment, over any active links that can
    /// carry it; none if its ends are not recorded.
    pub connected: Option<bool>,
    pub capacity_sold_gbps: Option<f64>,
    /// Capacity of the narrowest link of the widest route that is left [Gbit/s], over links whose
    /// capacity is recorded. Other services' use of it is not counted.
    pub capacity_left_gbps: Option<f64>,
    /// Whether that is what was sold; none where a figure is missing.
    pub enough: Option<bool>,
    /// Of a disrupted service: whether there is room for it at once with all others. Those that keep
    /// a path stay on it; the disrupted are placed one after another, government, defence and
    /// emergency services first, then the smaller before the larger. None where a figure is missing.
    pub carried: Option<bool>,
}

/// The ends of a service without the hostile equipment.
#[derive(Clone, Copy, Default)]
struct Left {
    connected: Option<bool>,
    widest: Option<f64>,
}

/// Which nodes are connected without the hostile equipment, and by how wide a route.
///
/// Links are joined from the widest to the narrowest (Kruskal); the joint that first connects two
/// nodes is the narrowest on the widest route between them. Sets are joined by size, so a node is
/// at most a few dozen joints below its root.
struct Routes {
    above: Vec<u32>,
    /// Capacity at which a node was joined to the one above it; negative: not recorded.
    joint: Vec<f32>,
    /// Ends of each service.
    ends: Vec<Option<(usize, usize)>>,
    bad: Vec<bool>,
}

impl Routes {
    fn new(world: &World<'_>, bad: &[bool], options: &WhatIfOptions) -> Routes {
        let inventory = world.inventory;
        let active = NameSet::of(inventory, ["active"].into_iter());
        let not_carrying = NameSet::of(inventory, options.not_carrying.iter().map(String::as_str));
        let open = |n: usize| world.live(n) && !bad[n];
        let mut links: Vec<(f32, u32, u32)> = inventory
            .links
            .iter()
            .filter(|l| active.contains(l.status.0) && !not_carrying.contains(l.kind.0))
            .filter_map(|l| {
                let (a, b) = l.a.row().zip(l.b.row())?;
                let capacity = l.capacity.known().map_or(-1.0, |c| c as f32);
                (open(a) && open(b)).then_some((capacity, a as u32, b as u32))
            })
            .collect();
        links.sort_unstable_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)).then(x.2.cmp(&y.2)));
        let count = inventory.nodes.len();
        let mut routes = Routes {
            above: (0..count as u32).collect(),
            joint: vec![0.0; count],
            ends: ends(inventory),
            bad: bad.to_vec(),
        };
        let mut quick: Vec<u32> = (0..count as u32).collect();
        let mut size = vec![1u32; count];
        for (capacity, a, b) in links {
            let (a, b) = (root(&mut quick, a), root(&mut quick, b));
            if a == b {
                continue;
            }
            let (small, large) = if size[a as usize] < size[b as usize] { (a, b) } else { (b, a) };
            size[large as usize] += size[small as usize];
            quick[small as usize] = large;
            routes.above[small as usize] = large;
            routes.joint[small as usize] = capacity;
        }
        routes
    }

    fn left(&self, service: usize) -> Left {
        let Some((mut a, mut b)) = self.ends[service] else { return Left::default() };
        if self.bad[a] || self.bad[b] {
            return Left { connected: Some(false), widest: None };
        }
        // Joints get narrower upwards; the wider of the two is climbed first.
        let mut narrowest = f32::MAX;
        while a != b {
            let (top_a, top_b) = (self.above[a] as usize == a, self.above[b] as usize == b);
            let climb_a = !top_a && (top_b || self.joint[a] >= self.joint[b]);
            if top_a && top_b {
                return Left { connected: Some(false), widest: None };
            }
            let at = if climb_a { &mut a } else { &mut b };
            narrowest = narrowest.min(self.joint[*at]);
            *at = self.above[*at] as usize;
        }
        let widest = (0.0..f32::MAX).contains(&narrowest).then_some(f64::from(narrowest));
        Left { connected: Some(true), widest }
    }
}

/// The set a node is in, with its path halved.
fn root(above: &mut [u32], mut node: u32) -> u32 {
    while above[node as usize] != node {
        let next = above[above[node as usize] as usize];
        above[node as usize] = next;
        node = next;
    }
    node
}

/// The ends of each service: those recorded, or else the first and the last node of a path.
pub(super) fn ends(inventory: &Inventory) -> Vec<Option<(usize, usize)>> {
    let mut first: Vec<Option<(u32, usize)>> = vec![None; inventory.services.len()];
    let mut last = first.clone();
    for hop in inventory.service_paths.iter() {
        let (Some(service), Some(node), Some(seq)) = (hop.service.row(), hop.node.row(), hop.seq.known())
        else {
            continue;
        };
        if first[service].is_none_or(|f| seq < f.0) {
            first[service] = Some((seq, node));
        }
        if last[service].is_none_or(|l| seq > l.0) {
            last[service] = Some((seq, node));
        }
    }
    let recorded = |s: usize| inventory.services[s].a_node.row().zip(inventory.services[s].z_node.row());
    (0..first.len())
        .map(|s| recorded(s).or_else(|| Some((first[s]?.1, last[s]?.1)).filter(|(a, z)| a != z)))
        .collect()
}

/// Services by what is left of them; gives the number of services that pass each node.
pub(super) fn services(
    world: &World<'_>,
    bad: &[bool],
    options: &WhatIfOptions,
    out: &mut WhatIf,
) -> Vec<u32> {
    let inventory = world.inventory;
    // Of each path: service and name, whether it passes a hostile node.
    let mut paths: BTreeMap<(usize, u32), bool> = BTreeMap::new();
    let mut passing = vec![0u32; inventory.nodes.len()];
    let mut last = vec![u32::MAX; inventory.nodes.len()];
    for hop in inventory.service_paths.iter() {
        let (Some(service), Some(node)) = (hop.service.row(), hop.node.row()) else { continue };
        *paths.entry((service, hop.path.0.0)).or_default() |= bad[node];
        if last[node] != service as u32 {
            last[node] = service as u32;
            passing[node] += 1;
        }
    }
    let mut counts = vec![(0u32, 0u32); inventory.services.len()];
    let mut kept = vec![None; inventory.services.len()];
    for (&(service, path), &hit) in &paths {
        counts[service].0 += 1;
        counts[service].1 += u32::from(hit);
        if !hit && kept[service].is_none() {
            kept[service] = Some(path);
        }
    }
    let routes = paths.values().any(|hit| *hit).then(|| Routes::new(world, bad, options));
    // Disrupted services to place: not of government, sold, row, place among the services hit.
    let mut to_place: Vec<(bool, f64, usize, usize)> = Vec::new();
    for (service, &(all, hit)) in counts.iter().enumerate() {
        if hit == 0 {
            continue;
        }
        let row = &inventory.services[service];
        let id = inventory.id(row.id.0).to_owned();
        let class =
            row.customer.row().map_or("", |c| inventory.name(inventory.customers[c].class.0)).to_owned();
        let disrupted = hit == all;
        let exposed = row.encrypted.known() == Some(false);
        let vital = matches!(class.as_str(), "government" | "defence" | "emergency");
        if vital && (disrupted || exposed) {
            out.government_services.push(id.clone());
        }
        let by_class = out.by_customer_class.entry(class).or_default();
        by_class[0] += u64::from(disrupted);
        by_class[1] += u64::from(exposed);
        if exposed {
            out.services_exposed.push(id.clone());
        }
        let left = routes.as_ref().map_or(Left::default(), |r| r.left(service));
        let sold = row.capacity.known();
        let enough = match (left.connected, left.widest, sold) {
            (Some(false), ..) => Some(false),
            (Some(true), Some(widest), Some(sold)) => Some(widest >= sold),
            _ => None,
        };
        if disrupted {
            out.services_reroutable += u64::from(left.connected == Some(true));
            out.services_with_capacity += u64::from(enough == Some(true));
            out.services_disrupted.push(id.clone());
            out.disrupted_gbps += sold.unwrap_or(0.0);
            if let (Some(true), Some(sold)) = (enough, sold) {
                to_place.push((!vital, sold, service, out.services_hit.len()));
            }
        } else {
            out.services_on_fewer_paths.push((id.clone(), all - hit, all));
        }
        out.services_hit.push(ServiceDamage {
            service: id,
            paths_left: all - hit,
            paths: all,
            connected: left.connected,
            capacity_sold_gbps: sold,
            capacity_left_gbps: left.widest,
            enough,
            carried: if disrupted { enough.filter(|enough| !enough) } else { None },
        });
    }
    if !to_place.is_empty() {
        let not_carrying = NameSet::of(inventory, options.not_carrying.iter().map(String::as_str));
        place(&mut Spare::new(world, bad, &not_carrying, &kept), to_place, out);
    }
    passing
}

/// Places the disrupted services one after another on what is left.
fn place(spare: &mut Spare, mut services: Vec<(bool, f64, usize, usize)>, out: &mut WhatIf) {
    services.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1)).then(x.2.cmp(&y.2)));
    for (_, sold, service, hit) in services {
        let carried = spare.place(service, sold);
        out.services_hit[hit].carried = carried;
        if carried == Some(true) {
            out.services_carried += 1;
            out.carried_gbps += sold;
        }
    }
}

pub(super) fn slices(inventory: &Inventory, bad: &[bool], out: &mut WhatIf) {
    let mut hit = vec![false; inventory.slices.len()];
    for row in inventory.slice_nodes.iter() {
        if let (Some(slice), Some(node)) = (row.slice.row(), row.node.row()) {
            hit[slice] |= bad[node];
        }
    }
    out.slices_affected = (0..hit.len())
        .filter(|&s| hit[s])
        .map(|s| inventory.id(inventory.slices[s].id.0).to_owned())
        .collect();
}

pub(super) fn capacity(inventory: &Inventory, kinds: &NameSet, bad: &[bool], out: &mut WhatIf) {
    let mut sums: Vec<(f64, f64)> = vec![(0.0, 0.0); inventory.regions.len() + 1];
    let active = NameSet::of(inventory, ["active"].into_iter());
    for link in inventory.links.iter() {
        let (Some(a), Some(b), Some(capacity)) = (link.a.row(), link.b.row(), link.capacity.known()) else {
            continue;
        };
        if !kinds.contains(link.kind.0) || !active.contains(link.status.0) {
            continue;
        }
        let region = inventory.nodes[a].site.row().and_then(|s| inventory.sites[s].region.row());
        let sum = &mut sums[region.unwrap_or(inventory.regions.len())];
        sum.0 += capacity;
        if !bad[a] && !bad[b] {
            sum.1 += capacity;
        }
    }
    for (region, &(all, left)) in sums.iter().enumerate().filter(|(_, s)| s.0 > 0.0) {
        let id = inventory.regions.get(region).map_or("", |r| inventory.id(r.id.0)).to_owned();
        let row = out.by_region.entry(id).or_default();
        row.capacity_gbps = all;
        row.capacity_left_gbps = left;
    }
}
