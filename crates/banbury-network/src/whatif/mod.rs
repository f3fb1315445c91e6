//! What a vendor, a platform or a release could do if it were hostile, and what would stop if it
//! were gone. Every question is one walk over the network.

mod cut;
mod services;
mod spare;

use std::collections::BTreeMap;

pub use cut::cut;
use serde::Serialize;
pub use services::ServiceDamage;

use crate::graph::{Graph, NONE, Separation, path_from};
use crate::roles::Roles;
use crate::rules::RoleSet;
use crate::version::Version;
use crate::world::{NameSet, World, normal};

/// Whose equipment is supposed hostile, or lost.
#[derive(Clone, Debug)]
pub enum Hostile {
    /// A vendor and all it controls.
    Vendor(usize),
    /// All nodes of a software platform or product.
    Product(String),
    /// All nodes that run a release of a platform.
    Release(String, String),
    Nodes(Vec<usize>),
}

/// What counts; the default suits inventories in the vocabulary of the schema.
#[derive(Clone, Debug)]
pub struct WhatIfOptions {
    /// Links over which a site reaches the core.
    pub link_kinds: Vec<String>,
    /// Links that carry no service.
    pub not_carrying: Vec<String>,
    pub access_roles: RoleSet,
    pub anchor_roles: RoleSet,
    pub anchor_site_kinds: Vec<String>,
    /// Functions whose subscribers are counted.
    pub serving_roles: RoleSet,
    /// Flows by which one node takes over another.
    pub control_kinds: Vec<String>,
    pub clock_roles: RoleSet,
    /// How many of the most damaging nodes to name.
    pub worst: usize,
}

impl Default for WhatIfOptions {
    fn default() -> Self {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
        let role = |name: &str| RoleSet::One(name.to_owned());
        WhatIfOptions {
            link_kinds: words(&["backhaul", "metro", "core"]),
            not_carrying: words(&["signalling", "management", "sync"]),
            access_roles: role("csr"),
            anchor_roles: role("pe-router"),
            anchor_site_kinds: words(&["core"]),
            serving_roles: role("gnb-du"),
            control_kinds: words(&["admin", "orchestrate"]),
            clock_roles: role("gm"),
            worst: 20,
        }
    }
}

/// A node of particular worth that can be reached over the management plane, and how.
#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    pub node: String,
    pub role: String,
    pub domain: String,
    /// From a hostile node to it.
    pub path: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct RegionDamage {
    pub nodes: u64,
    pub sites_isolated: u64,
    pub subscribers_affected: u64,
    pub takeover_nodes: u64,
    /// Sites still connected, but through one node that alone could cut them off.
    pub sites_on_one_path: u64,
    /// Capacity of the active links of the kinds that count [Gbit/s], and what of it is left.
    pub capacity_gbps: f64,
    pub capacity_left_gbps: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct NodeDamage {
    pub node: String,
    pub role: String,
    /// Services that pass it.
    pub services: u64,
    /// Subscribers that it alone cuts off.
    pub subscribers_cut_off: u64,
    /// Nodes that it administers directly.
    pub administers: u64,
}

/// The answer. Lists are in the order of the inventory.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WhatIf {
    pub hostile: String,
    pub vendors: Vec<String>,
    pub nodes: u64,
    /// Every recorded path passes a hostile node.
    pub services_disrupted: Vec<String>,
    /// Some path does, and the service is not encrypted from end to end.
    pub services_exposed: Vec<String>,
    /// Still up, on fewer paths than before: service, paths left, paths before.
    pub services_on_fewer_paths: Vec<(String, u32, u32)>,
    /// Every service that is disrupted or left on fewer paths, with what it could still be given.
    pub services_hit: Vec<ServiceDamage>,
    /// Of the disrupted, how many have ends that stay connected, and on a route that is wide enough.
    pub services_reroutable: u64,
    pub services_with_capacity: u64,
    /// How many of the disrupted the links that are left can carry at once, beside the services
    /// that keep a path; and what was sold of the disrupted and of these [Gbit/s].
    pub services_carried: u64,
    pub disrupted_gbps: f64,
    pub carried_gbps: f64,
    pub slices_affected: Vec<String>,
    /// Disrupted or exposed services of each class of customer.
    pub by_customer_class: BTreeMap<String, [u64; 2]>,
    pub government_services: Vec<String>,
    pub sites_isolated: Vec<String>,
    pub subscribers_affected: u64,
    /// Other vendors' nodes that can be taken over through the management plane or as guests.
    pub takeover_nodes: Vec<String>,
    /// Those of them that hold secrets or control: core, lawful interception, security, management.
    pub reached: Vec<Reached>,
    /// Other vendors' nodes left without a timing chain.
    pub timing_lost: u64,
    /// Other vendors' core nodes whose every signalling link ends at a hostile node.
    pub signalling_lost: Vec<String>,
    pub by_region: BTreeMap<String, RegionDamage>,
    pub worst_nodes: Vec<NodeDamage>,
}

fn members(world: &World<'_>, hostile: &Hostile) -> (String, Vec<String>, Vec<bool>) {
    let inventory = world.inventory;
    let count = inventory.nodes.len();
    match hostile {
        Hostile::Vendor(vendor) => {
            let group = world.group(*vendor);
            let names =
                (0..group.len()).filter(|&v| group[v]).map(|v| world.vendor_name(v).to_owned()).collect();
            let nodes = (0..count).map(|n| world.vendor(n).is_some_and(|v| group[v])).collect();
            (format!("vendor {}", world.vendor_name(*vendor)), names, nodes)
        }
        Hostile::Product(text) => {
            let wanted = normal(text);
            let named = |sym| normal(inventory.name(sym)) == wanted;
            let nodes = inventory.nodes.iter().map(|n| named(n.platform.0) || named(n.product.0)).collect();
            (format!("product {text}"), Vec::new(), nodes)
        }
        Hostile::Release(platform, version) => {
            let (wanted, version_wanted) = (normal(platform), Version::parse(version));
            let nodes = inventory
                .nodes
                .iter()
                .map(|n| {
                    normal(inventory.name(n.platform.0)) == wanted
                        && Version::parse(inventory.name(n.sw_version.0)) == version_wanted
                })
                .collect();
            (format!("release {platform} {version}"), Vec::new(), nodes)
        }
        Hostile::Nodes(list) => {
            let mut nodes = vec![false; count];
            list.iter().filter(|&&n| n < count).for_each(|&n| nodes[n] = true);
            (format!("{} nodes", list.len()), Vec::new(), nodes)
        }
    }
}

/// Supposes some equipment hostile.
pub fn what_if(world: &World<'_>, hostile: &Hostile, options: &WhatIfOptions) -> WhatIf {
    let inventory = world.inventory;
    let (name, vendors, of_group) = members(world, hostile);
    let bad: Vec<bool> = of_group.iter().enumerate().map(|(n, &g)| g && world.live(n)).collect();
    let mut out = WhatIf { hostile: name, vendors, ..WhatIf::default() };
    out.nodes = bad.iter().filter(|b| **b).count() as u64;
    let region_of_site = |site: usize| {
        inventory.sites[site].region.row().map_or("", |r| inventory.id(inventory.regions[r].id.0)).to_owned()
    };
    let region_of = |node: usize| inventory.nodes[node].site.row().map_or_else(String::new, region_of_site);
    for node in (0..bad.len()).filter(|&n| bad[n]) {
        out.by_region.entry(region_of(node)).or_default().nodes += 1;
    }

    let per_node_services = services::services(world, &bad, options, &mut out);
    services::slices(inventory, &bad, &mut out);

    let kinds = NameSet::of(inventory, options.link_kinds.iter().map(String::as_str));
    let edges = crate::rules::link_edges(inventory, &kinds);
    let anchors = crate::rules::anchors(world, &options.anchor_roles, &options.anchor_site_kinds);
    let root = inventory.nodes.len();
    let rooted = Graph::undirected(root + 1, edges.clone().chain(anchors.iter().map(|&(n, _)| (n, root))));
    let open = |n: usize| n == root || (world.live(n) && !bad[n]);
    let without = rooted.reach(std::iter::once(root), open);
    let access = crate::rules::access_nodes(world, &options.access_roles);
    let mut isolated = vec![false; inventory.sites.len()];
    for site in 0..inventory.sites.len() {
        if !access[site].is_empty() && access[site].iter().all(|&n| without[n as usize] == NONE) {
            isolated[site] = true;
            out.sites_isolated.push(inventory.site_id(site).to_owned());
            out.by_region.entry(region_of_site(site)).or_default().sites_isolated += 1;
        }
    }
    let serving = options.serving_roles.of(inventory);
    let mut subscribers = vec![0u64; inventory.nodes.len()];
    for (node, row) in inventory.nodes.iter().enumerate() {
        if !serving.contains(row.role.0) || !world.live(node) {
            continue;
        }
        subscribers[node] = u64::from(row.subscribers.known().unwrap_or(0));
        if of_group[node] || row.site.row().is_some_and(|s| isolated[s]) {
            out.subscribers_affected += subscribers[node];
            out.by_region.entry(region_of(node)).or_default().subscribers_affected += subscribers[node];
        }
    }
    redundancy(world, &rooted, root, &bad, &access, &isolated, &mut out);
    services::capacity(inventory, &kinds, &bad, &mut out);
    management(world, &bad, options, &mut out);
    timing(world, &bad, options, &mut out);
    signalling(world, &bad, &mut out);
    worst(world, &rooted, root, &bad, &per_node_services, &subscribers, options, &mut out);
    out
}

fn redundancy(
    world: &World<'_>,
    rooted: &Graph,
    root: usize,
    bad: &[bool],
    access: &[Vec<u32>],
    isolated: &[bool],
    out: &mut WhatIf,
) {
    let inventory = world.inventory;
    let separation = rooted.separation(root, |n| n == root || (world.live(n) && !bad[n]));
    for (site, nodes) in access.iter().enumerate() {
        let single = !nodes.is_empty()
            && !isolated[site]
            && nodes.iter().all(|&n| !matches!(separation[n as usize], Separation::Doubly));
        if single {
            let region =
                inventory.sites[site].region.row().map_or("", |r| inventory.id(inventory.regions[r].id.0));
            out.by_region.entry(region.to_owned()).or_default().sites_on_one_path += 1;
        }
    }
}

fn management(world: &World<'_>, bad: &[bool], options: &WhatIfOptions, out: &mut WhatIf) {
    let inventory = world.inventory;
    let kinds = NameSet::of(inventory, options.control_kinds.iter().map(String::as_str));
    let graph = Graph::directed(inventory.nodes.len(), crate::rules::control_edges(inventory, &kinds, true));
    let from = graph.reach((0..bad.len()).filter(|&n| bad[n]), |n| world.live(n));
    let roles = Roles::of(inventory);
    for node in (0..bad.len()).filter(|&n| from[n] != NONE && !bad[n]) {
        out.takeover_nodes.push(inventory.node_id(node).to_owned());
        let region = inventory.nodes[node].site.row().and_then(|s| inventory.sites[s].region.row());
        let region = region.map_or("", |r| inventory.id(inventory.regions[r].id.0)).to_owned();
        out.by_region.entry(region).or_default().takeover_nodes += 1;
        let role = inventory.nodes[node].role.0;
        let domain = roles.get(role).map_or("", |(domain, _)| domain);
        if matches!(domain, "core" | "li" | "security" | "management") && out.reached.len() < 1000 {
            let mut path = path_from(&from, node);
            path.reverse();
            out.reached.push(Reached {
                node: inventory.node_id(node).to_owned(),
                role: inventory.name(role).to_owned(),
                domain: domain.to_owned(),
                path: path.into_iter().map(|n| inventory.node_id(n).to_owned()).collect(),
            });
        }
    }
}

fn timing(world: &World<'_>, bad: &[bool], options: &WhatIfOptions, out: &mut WhatIf) {
    let inventory = world.inventory;
    let clocks = options.clock_roles.of(inventory);
    let edges = inventory.sync.iter().filter_map(|row| row.source.row().zip(row.node.row()));
    let graph = Graph::directed(inventory.nodes.len(), edges.clone());
    let sources = || (0..bad.len()).filter(|&n| clocks.contains(inventory.nodes[n].role.0));
    let with = graph.reach(sources(), |n| world.live(n));
    let without = graph.reach(sources(), |n| world.live(n) && !bad[n]);
    out.timing_lost =
        (0..bad.len()).filter(|&n| !bad[n] && with[n] != NONE && without[n] == NONE).count() as u64;
}

fn signalling(world: &World<'_>, bad: &[bool], out: &mut WhatIf) {
    let inventory = world.inventory;
    let kinds = NameSet::of(inventory, ["signalling"].into_iter());
    let mut neighbours: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
    for (a, b) in crate::rules::link_edges(inventory, &kinds) {
        for (node, other) in [(a, b), (b, a)] {
            let row = neighbours.entry(node).or_default();
            row.0 += 1;
            row.1 += u32::from(bad[other]);
        }
    }
    out.signalling_lost = neighbours
        .into_iter()
        .filter(|&(node, (all, hit))| hit > 0 && hit == all && !bad[node] && world.live(node))
        .map(|(node, _)| inventory.node_id(node).to_owned())
        .collect();
}

/// The hostile nodes that alone do most: by subscribers cut off, then services, then nodes administered.
#[allow(clippy::too_many_arguments)]
fn worst(
    world: &World<'_>,
    rooted: &Graph,
    root: usize,
    bad: &[bool],
    services: &[u32],
    subscribers: &[u64],
    options: &WhatIfOptions,
    out: &mut WhatIf,
) {
    let inventory = world.inventory;
    let separation = rooted.separation(root, |n| n == root || world.live(n));
    // Subscribers hang on the access nodes of their site; each cut vertex carries all behind it.
    let mut behind = vec![0u64; inventory.nodes.len() + 1];
    let access = options.access_roles.of(inventory);
    let mut at_site = vec![0u64; inventory.sites.len()];
    for (node, row) in inventory.nodes.iter().enumerate() {
        if let Some(site) = row.site.row() {
            at_site[site] += subscribers[node];
        }
    }
    for (node, row) in inventory.nodes.iter().enumerate() {
        let (Some(site), true) = (row.site.row(), access.contains(row.role.0) && world.live(node)) else {
            continue;
        };
        let load = std::mem::take(&mut at_site[site]);
        behind[node] += load;
        let mut at = node;
        for _ in 0..10_000 {
            let Separation::Separated { by } = separation[at] else { break };
            behind[by as usize] += load;
            at = by as usize;
        }
    }
    let mut administers = vec![0u64; inventory.nodes.len()];
    let kinds = NameSet::of(inventory, options.control_kinds.iter().map(String::as_str));
    for (from, _) in crate::rules::control_edges(inventory, &kinds, true) {
        administers[from] += 1;
    }
    let mut ranked: Vec<usize> = (0..bad.len()).filter(|&n| bad[n]).collect();
    let key = |n: &usize| (behind[*n], services[*n], administers[*n]);
    ranked.sort_by(|a, b| key(b).cmp(&key(a)).then(a.cmp(b)));
    out.worst_nodes = ranked
        .into_iter()
        .take(options.worst)
        .map(|n| NodeDamage {
            node: inventory.node_id(n).to_owned(),
            role: inventory.name(inventory.nodes[n].role.0).to_owned(),
            services: u64::from(services[n]),
            subscribers_cut_off: behind[n],
            administers: administers[n],
        })
        .collect();
}
