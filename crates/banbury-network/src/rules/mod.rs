//! Rule templates: what a control's `[check]` may ask. Each is a type whose fields are the
//! parameters of the data file and whose `run` looks at a [`World`].

mod inventory_quality;
mod planes;
mod presence;
mod resilience;
mod shares;
mod software;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::control::Scope;
use crate::inventory::Inventory;
use crate::roles::Roles;
use crate::strings::Sym;
use crate::verdict::{Evidence, ShareRow, SubjectKind, Unknown};
use crate::world::{NameSet, World};

pub use inventory_quality::Recorded;
pub(crate) use planes::control_edges;
pub use planes::{AdminCountry, ClearTextManagement, MgmtReach, MgmtScope, MgmtSegregation, RemoteAccess};
pub(crate) use presence::distance_km;
pub use presence::{
    ComponentOrigin, ExcludeCountry, ExcludeHosting, ExcludeNear, ExcludeRole, ExcludeServicePath,
    InstallBan, LinkBan, LinkEncryption, ManagedService, MaxCount, RemovalPlan, SanctionsAffected,
};
pub use resilience::{DisjointPaths, MustTraverse, SurviveVendorOut, SyncChain};
pub(crate) use resilience::{access_nodes, anchors, link_edges};
pub(crate) use shares::{CapMembers, cap_members};
pub use shares::{CapShare, Group, MaxVendors, Measure, MinVendors, VendorShare, share_rows};
pub use software::{Eol, HardwareSupport, PatchWithin, ReleaseApproval};

/// What a rule saw.
#[derive(Default)]
pub struct Outcome {
    pub subjects: u64,
    pub findings: Vec<Finding>,
    pub unknown: BTreeMap<String, Unknown>,
    pub shares: Vec<ShareRow>,
}

/// A subject that does not meet a rule.
pub struct Finding {
    pub subject: String,
    pub kind: SubjectKind,
    /// Its row in the table of its kind.
    pub row: Option<usize>,
    pub evidence: Evidence,
}

impl Outcome {
    fn find(&mut self, subject: &str, kind: SubjectKind, row: usize, evidence: Evidence) {
        self.findings.push(Finding { subject: subject.to_owned(), kind, row: Some(row), evidence });
    }

    fn node(&mut self, world: &World<'_>, node: usize, evidence: Evidence) {
        self.find(world.inventory.node_id(node), SubjectKind::Node, node, evidence);
    }

    /// The rule as a whole cannot be decided.
    pub(crate) fn undecided(&mut self, why: &str) {
        self.unknown(why, "all");
    }

    fn unknown(&mut self, missing: &str, subject: &str) {
        let entry = match self.unknown.get_mut(missing) {
            Some(entry) => entry,
            None => self.unknown.entry(missing.to_owned()).or_insert_with(|| Unknown {
                missing: missing.to_owned(),
                subjects: 0,
                first: Vec::new(),
            }),
        };
        entry.subjects += 1;
        if entry.first.len() < Unknown::FIRST {
            entry.first.push(subject.to_owned());
        }
    }
}

pub(crate) const NO_VENDOR: &str = "nodes: `vendor_name` is not that of a known vendor";

macro_rules! checks {
    ($($name:literal $variant:ident($type:ty) $about:literal;)*) => {
        /// The check of a control.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(tag = "template")]
        pub enum Check {
            $(#[doc = $about] #[serde(rename = $name)] $variant($type),)*
            /// An analyst's own SELECT over the tables and derived views.
            #[serde(rename = "sql")] Sql(SqlCheck),
        }

        /// Name and meaning of every template.
        pub const TEMPLATES: &[(&str, &str)] = &[
            $(($name, $about),)*
            ("sql", "An analyst's own SELECT: its first column `subject` names each violation"),
        ];

        impl Check {
            pub fn template(&self) -> &'static str {
                match self { $(Check::$variant(_) => $name,)* Check::Sql(_) => "sql" }
            }

            /// Looks at a network and adds what it saw.
            pub fn run(&self, world: &World<'_>, scope: &Scope, out: &mut Outcome) {
                let scope = InScope::of(world, scope);
                match self {
                    $(Check::$variant(check) => check.run(world, &scope, out),)*
                    Check::Sql(_) => out.unknown("the check is in SQL: run with an SQL engine", "all"),
                }
            }
        }
    };
}

checks! {
    "exclude_role" ExcludeRole(ExcludeRole) "No live node of these functions from a designated vendor";
    "exclude_hosting" ExcludeHosting(ExcludeHosting) "No live node of these functions on a host, or a host's host, from a designated vendor";
    "exclude_near" ExcludeNear(ExcludeNear) "No live designated node of these functions within a distance of a sensitive place";
    "exclude_service_path" ExcludeServicePath(ExcludeServicePath) "No live designated node on the paths of services of these customer classes";
    "exclude_country" ExcludeCountry(ExcludeCountry) "No live node of these functions from a vendor seated, or controlled from, these countries";
    "install_ban" InstallBan(InstallBan) "No designated node installed after a day";
    "removal_plan" RemovalPlan(RemovalPlan) "Every live designated node of these functions is planned to be gone by the deadline";
    "component_origin" ComponentOrigin(ComponentOrigin) "No essential part of these kinds from a designated vendor inside another vendor's node";
    "managed_service" ManagedService(ManagedService) "No live node of these functions operated by a designated managed-service provider";
    "sanctions_affected" SanctionsAffected(SanctionsAffected) "No live designated node whose manufacture or supply was altered because of sanctions";
    "max_count" MaxCount(MaxCount) "At most so many live designated nodes of these functions per region, nation or operator";
    "cap_share" CapShare(CapShare) "The designated vendors' share of a measure per region, nation or operator is at most so much";
    "vendor_share" VendorShare(VendorShare) "No vendor group, designated or not, has more than this share of a measure";
    "max_vendors" MaxVendors(MaxVendors) "At most so many designated vendor groups among the live nodes of these functions";
    "min_vendors" MinVendors(MinVendors) "At least so many vendor groups among the live nodes of these functions";
    "mgmt_reach" MgmtReach(MgmtReach) "No administrative path from designated nodes to these functions";
    "mgmt_scope" MgmtScope(MgmtScope) "Designated management systems administer no other vendor's nodes";
    "mgmt_segregation" MgmtSegregation(MgmtSegregation) "Managed elements do not administer each other";
    "clear_text_management" ClearTextManagement(ClearTextManagement) "No active management flow over these protocols";
    "remote_access" RemoteAccess(RemoteAccess) "Outside access: not by designated vendors, through these functions, with a second factor, recorded";
    "admin_country" AdminCountry(AdminCountry) "No outside access from these countries";
    "eol" Eol(Eol) "No live node runs a release past its end of support";
    "hardware_support" HardwareSupport(HardwareSupport) "No live node is past the end of its hardware support";
    "patch_within" PatchWithin(PatchWithin) "Fixes of this severity are installed within so many days";
    "release_approval" ReleaseApproval(ReleaseApproval) "Live nodes run a release that an evaluation approved for their site";
    "link_encryption" LinkEncryption(LinkEncryption) "Links that touch designated transport are encrypted";
    "link_ban" LinkBan(LinkBan) "No active link of these kinds and capacities ends at a designated node";
    "survive_vendor_out" SurviveVendorOut(SurviveVendorOut) "Critical sites stay connected with all designated nodes removed";
    "disjoint_paths" DisjointPaths(DisjointPaths) "Critical sites have two node-disjoint paths to two core sites";
    "must_traverse" MustTraverse(MustTraverse) "These functions reach those only through a third kind";
    "sync_chain" SyncChain(SyncChain) "Every node of these functions has a timing chain free of designated nodes";
    "recorded" Recorded(Recorded) "These columns are filled in";
}

/// A check written in SQL; run by an engine outside this crate.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlCheck {
    pub query: String,
}

impl Check {
    /// Parameters that no network could meet or violate.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let share = |value: f64| {
            if (0.0..=1.0).contains(&value) {
                Ok(())
            } else {
                Err("`max_share` is a fraction from 0 to 1".to_owned())
            }
        };
        let roles = |set: &RoleSet| set.validate();
        match self {
            Check::CapShare(c) => share(c.max_share).and(roles(&c.roles)),
            Check::VendorShare(c) => share(c.max_share).and(roles(&c.roles)),
            Check::ExcludeRole(c) => roles(&c.roles),
            Check::ExcludeHosting(c) => roles(&c.roles),
            Check::ExcludeNear(c) if c.radius_km.values().any(|r| !r.is_finite() || *r < 0.0) => {
                Err("`radius_km` is a distance in kilometres, not negative".to_owned())
            }
            Check::ExcludeNear(c) => roles(&c.roles),
            Check::InstallBan(c) => roles(&c.roles),
            Check::RemovalPlan(c) => roles(&c.roles),
            Check::MgmtReach(c) => roles(&c.targets),
            Check::Recorded(c) => c.validate(),
            _ => Ok(()),
        }
    }
}

/// Network functions: a name, a list, `@domain` for all of a domain, or `*` for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RoleSet {
    One(String),
    Many(Vec<String>),
    #[default]
    #[serde(skip)]
    All,
}

impl RoleSet {
    fn words(&self) -> Vec<&str> {
        match self {
            RoleSet::One(word) => vec![word.as_str()],
            RoleSet::Many(words) => words.iter().map(String::as_str).collect(),
            RoleSet::All => vec!["*"],
        }
    }

    fn validate(&self) -> Result<(), String> {
        let domains: std::collections::BTreeSet<&str> =
            crate::roles::ROLES.iter().map(|r| r.domain).collect();
        for word in self.words() {
            if let Some(domain) = word.strip_prefix('@')
                && !domains.contains(domain)
            {
                let all: Vec<&str> = domains.iter().copied().collect();
                return Err(format!("there is no domain `{domain}`; the domains are {}", all.join(", ")));
            }
        }
        Ok(())
    }

    /// The set for one inventory; none means every function.
    pub(crate) fn of(&self, inventory: &Inventory) -> Roleset {
        let words = self.words();
        if words.contains(&"*") {
            return Roleset(None);
        }
        let mut set = NameSet::of(inventory, words.iter().copied().filter(|w| !w.starts_with('@')));
        let domains: Vec<&str> = words.iter().filter_map(|w| w.strip_prefix('@')).collect();
        if !domains.is_empty() {
            let roles = Roles::of(inventory);
            for (sym, _) in inventory.pools.names.iter() {
                if roles.get(sym).is_some_and(|(domain, _)| domains.contains(&domain)) {
                    set.insert(sym);
                }
            }
        }
        Roleset(Some(set))
    }
}

pub(crate) struct Roleset(Option<NameSet>);

impl Roleset {
    pub fn contains(&self, role: Sym) -> bool {
        self.0.as_ref().is_none_or(|set| set.contains(role))
    }
}

/// The scope of a control over one network.
pub struct InScope {
    /// By site; none: every site.
    sites: Option<Vec<bool>>,
    generations: Option<(NameSet, Vec<Option<Sym>>)>,
    exposed: Option<bool>,
}

impl InScope {
    pub(crate) fn of(world: &World<'_>, scope: &Scope) -> InScope {
        let inventory = world.inventory;
        if scope.is_everything() {
            return InScope { sites: None, generations: None, exposed: None };
        }
        let words = |list: &Vec<String>| {
            (!list.is_empty()).then(|| NameSet::of(inventory, list.iter().map(String::as_str)))
        };
        let (kinds, criticality, sensitivity) =
            (words(&scope.site_kinds), words(&scope.criticality), words(&scope.sensitivity));
        let site_limits = kinds.is_some()
            || criticality.is_some()
            || sensitivity.is_some()
            || !scope.regions.is_empty()
            || !scope.operators.is_empty();
        let sites = site_limits.then(|| {
            let regions = regions_within(inventory, &scope.regions);
            let within = |set: &Option<NameSet>, sym: Sym| set.as_ref().is_none_or(|s| s.contains(sym));
            inventory
                .sites
                .iter()
                .map(|site| {
                    within(&kinds, site.kind.0)
                        && within(&criticality, site.criticality.0)
                        && within(&sensitivity, site.sensitivity.0)
                        && (scope.regions.is_empty() || site.region.row().is_some_and(|r| regions[r]))
                        && (scope.operators.is_empty()
                            || scope.operators.iter().any(|o| o == inventory.id(site.operator.0)))
                })
                .collect()
        });
        let generations = words(&scope.generations).map(|set| {
            let roles = Roles::of(inventory);
            let names = &inventory.pools.names;
            let by_role = names
                .iter()
                .map(|(sym, _)| {
                    let (_, generation) = roles.get(sym)?;
                    // A generation that no row mentions is compared by its text.
                    scope.generations.iter().any(|g| g == generation).then_some(sym)
                })
                .collect();
            (set, by_role)
        });
        InScope { sites, generations, exposed: scope.exposed }
    }

    pub fn site(&self, site: usize) -> bool {
        self.sites.as_ref().is_none_or(|sites| sites[site])
    }

    pub fn node(&self, world: &World<'_>, node: usize) -> bool {
        if self.sites.is_none() && self.generations.is_none() && self.exposed.is_none() {
            return true;
        }
        let row = &world.inventory.nodes[node];
        let generation = self.generations.as_ref().is_none_or(|(set, by_role)| {
            if row.generation.0.is_empty() {
                by_role[row.role.0.index()].is_some()
            } else {
                set.contains(row.generation.0)
            }
        });
        generation
            && self.sites.as_ref().is_none_or(|sites| row.site.row().is_some_and(|s| sites[s]))
            && self.exposed.is_none_or(|wanted| row.exposed.known() == Some(wanted))
    }
}

/// Whether each region is one of the named ones, or lies within one.
fn regions_within(inventory: &Inventory, names: &[String]) -> Vec<bool> {
    (0..inventory.regions.len())
        .map(|row| {
            let mut at = Some(row);
            for _ in 0..32 {
                let Some(region) = at else { return false };
                if names.iter().any(|n| n == inventory.id(inventory.regions[region].id.0)) {
                    return true;
                }
                at = inventory.regions[region].parent.row();
            }
            false
        })
        .collect()
}

/// A sentence that says whose a designated node is and why that counts.
pub(crate) fn vendor_steps(world: &World<'_>, node: usize) -> Vec<String> {
    let Some(vendor) = world.vendor(node) else { return Vec::new() };
    let inventory = world.inventory;
    let row = &inventory.nodes[node];
    let written = inventory.name(row.vendor_name.0);
    let mut steps = vec![format!(
        "{} is `{}`, {}, made by `{}`, that is {}",
        inventory.node_id(node),
        inventory.name(row.role.0),
        inventory.name(row.status.0),
        written.trim(),
        world.vendor_name(vendor)
    )];
    steps.extend(world.why_designated(vendor));
    steps
}

pub(crate) fn designated_evidence(world: &World<'_>, node: usize) -> Evidence {
    Evidence {
        nodes: vec![world.inventory.node_id(node).to_owned()],
        steps: vendor_steps(world, node),
        ..Evidence::default()
    }
}

fn default_true() -> bool {
    true
}
