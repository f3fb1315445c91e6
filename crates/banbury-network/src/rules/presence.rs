//! Where equipment from designated vendors may not be.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InScope, NO_VENDOR, Outcome, RoleSet, designated_evidence, vendor_steps};
use crate::date::Date;
use crate::inventory::Inventory;
use crate::verdict::{Evidence, SubjectKind};
use crate::world::{NameSet, World};

/// Calls `each` for every live node of the functions in scope; counts them, and reports those
/// whose vendor is not known.
fn live_nodes(
    world: &World<'_>,
    scope: &InScope,
    roles: &RoleSet,
    out: &mut Outcome,
    mut each: impl FnMut(usize, &mut Outcome),
) {
    let inventory = world.inventory;
    let roles = roles.of(inventory);
    for (node, row) in inventory.nodes.iter().enumerate() {
        if !roles.contains(row.role.0) || !world.live(node) || !scope.node(world, node) {
            continue;
        }
        out.subjects += 1;
        if world.vendor(node).is_none() {
            out.unknown(NO_VENDOR, inventory.node_id(node));
        } else {
            each(node, out);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeRole {
    #[serde(default)]
    pub roles: RoleSet,
}

impl ExcludeRole {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        live_nodes(world, scope, &self.roles, out, |node, out| {
            if world.designated(node) {
                out.node(world, node, designated_evidence(world, node));
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeHosting {
    #[serde(default)]
    pub roles: RoleSet,
}

impl ExcludeHosting {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        for (node, row) in inventory.nodes.iter().enumerate() {
            if !roles.contains(row.role.0) || !world.live(node) || !scope.node(world, node) {
                continue;
            }
            out.subjects += 1;
            let mut path = vec![node];
            let mut unresolved = false;
            let mut at = row.host.row();
            while let Some(host) = at {
                if path.contains(&host) || path.len() > 64 {
                    break;
                }
                path.push(host);
                if world.live_designated(host) {
                    let mut evidence = Evidence {
                        nodes: vec![inventory.node_id(host).to_owned()],
                        path: path.iter().map(|&n| inventory.node_id(n).to_owned()).collect(),
                        ..Evidence::default()
                    };
                    evidence.step(format!(
                        "{} is `{}` and runs on {}",
                        inventory.node_id(node),
                        inventory.name(row.role.0),
                        evidence.path[1..].join(" on ")
                    ));
                    evidence.steps.extend(vendor_steps(world, host));
                    out.node(world, node, evidence);
                    unresolved = false;
                    break;
                }
                unresolved |= world.live(host) && world.vendor(host).is_none();
                at = inventory.nodes[host].host.row();
            }
            if unresolved {
                out.unknown(
                    "nodes: `vendor_name` of a host is not that of a known vendor",
                    inventory.node_id(node),
                );
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeNear {
    #[serde(default)]
    pub roles: RoleSet,
    /// Class of place to the distance to keep [km].
    pub radius_km: BTreeMap<String, f64>,
}

/// Mean radius of the Earth [km].
const EARTH_KM: f64 = 6371.0088;

/// Great-circle distance by the haversine formula [km].
pub(crate) fn distance_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (d_lat, d_lon) = (lat_b - lat_a, (b.1 - a.1).to_radians());
    let h = (d_lat / 2.0).sin().powi(2) + lat_a.cos() * lat_b.cos() * (d_lon / 2.0).sin().powi(2);
    2.0 * EARTH_KM * h.sqrt().min(1.0).asin()
}

struct Place {
    row: usize,
    at: (f64, f64),
    radius: f64,
}

impl ExcludeNear {
    /// Places by band of latitude, so that a site looks at few of them.
    fn bands(&self, inventory: &Inventory) -> BTreeMap<i32, Vec<Place>> {
        let mut bands: BTreeMap<i32, Vec<Place>> = BTreeMap::new();
        for (row, place) in inventory.locations.iter().enumerate() {
            let class = inventory.name(place.class.0);
            let radius = self.radius_km.iter().find(|(k, _)| k.eq_ignore_ascii_case(class)).map(|(_, &r)| r);
            let (Some(radius), Some(lat), Some(lon)) = (radius, place.lat.known(), place.lon.known()) else {
                continue;
            };
            // One degree of latitude is 111.19 km.
            let reach = radius / 111.0 + 0.001;
            for band in ((lat - reach) * 10.0).floor() as i32..=((lat + reach) * 10.0).floor() as i32 {
                bands.entry(band).or_default().push(Place { row, at: (lat, lon), radius });
            }
        }
        bands
    }

    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let bands = self.bands(inventory);
        // The nearest offence of each site: place, distance, radius.
        let near: Vec<Option<(usize, f64, f64)>> = inventory
            .sites
            .iter()
            .map(|site| {
                let (lat, lon) = (site.lat.known()?, site.lon.known()?);
                let band = bands.get(&((lat * 10.0).floor() as i32))?;
                band.iter()
                    .filter(|p| (p.at.0 - lat).abs() * 111.0 <= p.radius + 0.2)
                    .map(|p| (p.row, distance_km((lat, lon), p.at), p.radius))
                    .filter(|&(_, distance, radius)| distance <= radius)
                    .min_by(|a, b| a.1.total_cmp(&b.1))
            })
            .collect();
        live_nodes(world, scope, &self.roles, out, |node, out| {
            if !world.designated(node) {
                return;
            }
            let id = inventory.node_id(node);
            let Some(site) = inventory.nodes[node].site.row() else {
                return out.unknown("nodes: `site_id` is empty", id);
            };
            let row = &inventory.sites[site];
            if row.lat.known().is_none() || row.lon.known().is_none() {
                return out.unknown("sites: `lat` and `lon` are empty", id);
            }
            if let Some((place, distance, radius)) = near[site] {
                let class = inventory.name(inventory.locations[place].class.0);
                let mut evidence = designated_evidence(world, node);
                evidence.figure("distance_km", (distance * 1000.0).round() / 1000.0);
                evidence.figure("radius_km", radius);
                evidence.figure("location", inventory.id(inventory.locations[place].id.0));
                evidence.step(format!(
                    "its site {} is {distance:.3} km from a place of class `{class}`; {radius} km must be kept",
                    inventory.site_id(site)
                ));
                out.node(world, node, evidence);
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeServicePath {
    /// Classes of customers.
    pub classes: Vec<String>,
    /// Whether protection paths count, too.
    #[serde(default = "super::default_true")]
    pub include_protect: bool,
}

impl ExcludeServicePath {
    pub(super) fn run(&self, world: &World<'_>, _: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let classes = NameSet::of(inventory, self.classes.iter().map(String::as_str));
        let concerned: Vec<bool> = inventory
            .services
            .iter()
            .map(|s| s.customer.row().is_some_and(|c| classes.contains(inventory.customers[c].class.0)))
            .collect();
        let mut passes: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        let mut recorded = vec![false; inventory.services.len()];
        for (hop, row) in inventory.service_paths.iter().enumerate() {
            let (Some(service), Some(node)) = (row.service.row(), row.node.row()) else { continue };
            recorded[service] = true;
            if !concerned[service] || !world.live_designated(node) {
                continue;
            }
            if self.include_protect || inventory.name(row.path.0) == "primary" {
                passes.entry(service).or_default().push((hop, node));
            }
        }
        for (service, _) in concerned.iter().enumerate().filter(|(_, c)| **c) {
            let id = inventory.id(inventory.services[service].id.0);
            out.subjects += 1;
            if !recorded[service] {
                out.unknown("service_paths: the service has no path", id);
            }
            let Some(hops) = passes.get(&service) else { continue };
            let mut evidence = Evidence::default();
            let class = inventory.services[service]
                .customer
                .row()
                .map_or("", |c| inventory.name(inventory.customers[c].class.0));
            evidence.step(format!("{id} serves a customer of class `{class}`"));
            for &(hop, node) in hops.iter().take(Evidence::NODES) {
                let row = &inventory.service_paths[hop];
                let node_id = inventory.node_id(node).to_owned();
                evidence.step(format!(
                    "position {} of its path `{}` is {node_id}",
                    row.seq.known().unwrap_or(0),
                    inventory.name(row.path.0)
                ));
                if !evidence.nodes.contains(&node_id) {
                    evidence.nodes.push(node_id);
                }
            }
            evidence.steps.extend(vendor_steps(world, hops[0].1));
            out.find(id, SubjectKind::Service, service, evidence);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExcludeCountry {
    #[serde(default)]
    pub roles: RoleSet,
    pub countries: Vec<String>,
}

impl ExcludeCountry {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let mut barred = vec![false; world.vendors()];
        for (vendor, row) in inventory.vendors.iter().enumerate() {
            if self.countries.iter().any(|c| c.eq_ignore_ascii_case(inventory.id(row.country.0))) {
                for (member, inside) in world.group(vendor).into_iter().enumerate() {
                    barred[member] |= inside;
                }
            }
        }
        live_nodes(world, scope, &self.roles, out, |node, out| {
            let Some(vendor) = world.vendor(node) else { return };
            let country = inventory.vendors.get(vendor).map_or("", |v| inventory.id(v.country.0));
            if barred[vendor] {
                let mut evidence =
                    Evidence { nodes: vec![inventory.node_id(node).to_owned()], ..Evidence::default() };
                evidence.step(format!(
                    "{} is seated in or controlled from a listed country",
                    world.vendor_name(vendor)
                ));
                evidence.figure("country", country);
                out.node(world, node, evidence);
            } else if country.is_empty() {
                out.unknown("vendors: `country` is empty", inventory.node_id(node));
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstallBan {
    #[serde(default)]
    pub roles: RoleSet,
    /// The last day on which installing was allowed.
    pub after: Date,
}

impl InstallBan {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        let staged = NameSet::of(inventory, ["staged"].into_iter());
        for (node, row) in inventory.nodes.iter().enumerate() {
            let here = world.live(node) || staged.contains(row.status.0);
            if !here || !roles.contains(row.role.0) || !scope.node(world, node) {
                continue;
            }
            out.subjects += 1;
            let id = inventory.node_id(node);
            if world.vendor(node).is_none() {
                out.unknown(NO_VENDOR, id);
            } else if world.designated(node) {
                if row.installed_on.is_none() {
                    out.unknown("nodes: `installed_on` is empty", id);
                } else if row.installed_on > self.after {
                    let mut evidence = designated_evidence(world, node);
                    evidence.figure("installed_on", row.installed_on.to_string());
                    evidence.step(format!("it was installed on {}, after {}", row.installed_on, self.after));
                    out.node(world, node, evidence);
                }
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemovalPlan {
    #[serde(default)]
    pub roles: RoleSet,
    pub deadline: Date,
}

impl RemovalPlan {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        live_nodes(world, scope, &self.roles, out, |node, out| {
            let planned = world.inventory.nodes[node].planned_removal;
            if world.designated(node) && (planned.is_none() || planned > self.deadline) {
                let mut evidence = designated_evidence(world, node);
                evidence.step(match planned.known() {
                    None => format!("no removal is planned; it must be gone by {}", self.deadline),
                    Some(day) => format!("its removal is planned for {day}, after {}", self.deadline),
                });
                out.node(world, node, evidence);
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentOrigin {
    /// Kinds of parts.
    pub kinds: Vec<String>,
}

impl ComponentOrigin {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.kinds.iter().map(String::as_str));
        let mut bad: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut looked_at: BTreeMap<usize, ()> = BTreeMap::new();
        for (part, row) in inventory.components.iter().enumerate() {
            let Some(node) = row.node.row() else { continue };
            if !kinds.contains(row.kind.0)
                || !world.live(node)
                || world.designated(node)
                || !scope.node(world, node)
            {
                continue;
            }
            looked_at.insert(node, ());
            match (row.vendor.row(), row.essential.known()) {
                (Some(vendor), Some(true)) if world.vendor_designated(vendor) => {
                    bad.entry(node).or_default().push(part)
                }
                (None, Some(true) | None) => {
                    out.unknown("components: `vendor_id` is empty", inventory.node_id(node))
                }
                (Some(vendor), None) if world.vendor_designated(vendor) => {
                    out.unknown("components: `essential` is empty", inventory.node_id(node));
                }
                _ => {}
            }
        }
        out.subjects += looked_at.len() as u64;
        for (node, parts) in bad {
            let mut evidence =
                Evidence { nodes: vec![inventory.node_id(node).to_owned()], ..Evidence::default() };
            for part in parts {
                let row = &inventory.components[part];
                let Some(vendor) = row.vendor.row() else { continue };
                evidence.step(format!(
                    "its essential part `{}` is made by {}",
                    inventory.name(row.kind.0),
                    world.vendor_name(vendor)
                ));
                evidence.steps.extend(world.why_designated(vendor));
            }
            out.node(world, node, evidence);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagedService {
    #[serde(default)]
    pub roles: RoleSet,
}

impl ManagedService {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let roles = self.roles.of(inventory);
        for (node, row) in inventory.nodes.iter().enumerate() {
            if !roles.contains(row.role.0) || !world.live(node) || !scope.node(world, node) {
                continue;
            }
            out.subjects += 1;
            if let Some(provider) = row.managed_by.row().filter(|&v| world.vendor_designated(v)) {
                let mut evidence =
                    Evidence { nodes: vec![inventory.node_id(node).to_owned()], ..Evidence::default() };
                evidence.step(format!(
                    "{} is operated by {}",
                    inventory.node_id(node),
                    world.vendor_name(provider)
                ));
                evidence.steps.extend(world.why_designated(provider));
                out.node(world, node, evidence);
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SanctionsAffected {
    #[serde(default)]
    pub roles: RoleSet,
}

impl SanctionsAffected {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        live_nodes(world, scope, &self.roles, out, |node, out| {
            if !world.designated(node) {
                return;
            }
            match world.inventory.nodes[node].sanctions_affected.known() {
                Some(false) => {}
                Some(true) => {
                    let mut evidence = designated_evidence(world, node);
                    evidence.step("its manufacture or supply chain was altered because of sanctions");
                    out.node(world, node, evidence);
                }
                None => out.unknown("nodes: `sanctions_affected` is empty", world.inventory.node_id(node)),
            }
        });
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxCount {
    #[serde(default)]
    pub roles: RoleSet,
    #[serde(default)]
    pub group: super::Group,
    pub max: u64,
}

impl MaxCount {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let groups = super::shares::groups(inventory, self.group);
        let mut found: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        live_nodes(world, scope, &self.roles, out, |node, _| {
            if let Some(group) =
                super::shares::group_of(inventory, &groups, node).filter(|_| world.designated(node))
            {
                found.entry(group).or_default().push(node);
            }
        });
        for (group, nodes) in found.into_iter().filter(|(_, nodes)| nodes.len() as u64 > self.max) {
            let mut evidence = Evidence::default();
            evidence.figure("count", nodes.len() as u64);
            evidence.figure("max", self.max);
            evidence.nodes =
                nodes.iter().take(Evidence::NODES).map(|&n| inventory.node_id(n).to_owned()).collect();
            evidence.step(format!("{} designated nodes stand where {} may", nodes.len(), self.max));
            super::shares::group_finding(inventory, self.group, group, evidence, out);
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkEncryption {
    pub link_kinds: Vec<String>,
    /// Functions that transport: an end of such a function from a designated vendor makes the link subject.
    pub transport_roles: RoleSet,
}

impl LinkEncryption {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.link_kinds.iter().map(String::as_str));
        let roles = self.transport_roles.of(inventory);
        let (active, none) =
            (NameSet::of(inventory, ["active"].into_iter()), NameSet::of(inventory, ["none"].into_iter()));
        for (link, row) in inventory.links.iter().enumerate() {
            if !active.contains(row.status.0) || !kinds.contains(row.kind.0) {
                continue;
            }
            let touches = |n: &usize| {
                world.live_designated(*n)
                    && roles.contains(inventory.nodes[*n].role.0)
                    && scope.node(world, *n)
            };
            let Some(end) = row.a.row().filter(touches).or_else(|| row.b.row().filter(touches)) else {
                continue;
            };
            out.subjects += 1;
            let id = inventory.id(row.id.0);
            if row.encryption.0.is_empty() {
                out.unknown("links: `encryption` is empty", id);
            } else if none.contains(row.encryption.0) {
                let mut evidence = designated_evidence(world, end);
                evidence.step(format!("{id} ends there and carries traffic in the clear"));
                out.find(id, SubjectKind::Link, link, evidence);
            }
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkBan {
    pub link_kinds: Vec<String>,
    #[serde(default)]
    pub roles: RoleSet,
    /// Links of at least this capacity [Gbit/s].
    #[serde(default)]
    pub min_capacity_gbps: f64,
}

impl LinkBan {
    pub(super) fn run(&self, world: &World<'_>, scope: &InScope, out: &mut Outcome) {
        let inventory = world.inventory;
        let kinds = NameSet::of(inventory, self.link_kinds.iter().map(String::as_str));
        let roles = self.roles.of(inventory);
        let active = NameSet::of(inventory, ["active"].into_iter());
        for (link, row) in inventory.links.iter().enumerate() {
            if !active.contains(row.status.0) || !kinds.contains(row.kind.0) {
                continue;
            }
            out.subjects += 1;
            let touches = |n: &usize| {
                world.live_designated(*n)
                    && roles.contains(inventory.nodes[*n].role.0)
                    && scope.node(world, *n)
            };
            let Some(end) = row.a.row().filter(touches).or_else(|| row.b.row().filter(touches)) else {
                continue;
            };
            let id = inventory.id(row.id.0);
            match row.capacity.known() {
                Some(capacity) if capacity < self.min_capacity_gbps => {}
                None if self.min_capacity_gbps > 0.0 => out.unknown("links: `capacity_gbps` is empty", id),
                _ => {
                    let mut evidence = designated_evidence(world, end);
                    evidence.step(format!("{id}, a `{}` link, ends there", inventory.name(row.kind.0)));
                    out.find(id, SubjectKind::Link, link, evidence);
                }
            }
        }
    }
}
