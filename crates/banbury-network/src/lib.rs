//! Deployment controls: an operator's network, rules about where equipment may stand as data, and
//! verdicts with their evidence.
//!
//! Values in, values out: parsers take readers, nothing here opens a file, reads a clock or prints.

mod cell;
mod check;
mod control;
mod date;
mod diff;
mod export;
mod graph;
mod import;
mod inventory;
mod plan;
mod roles;
pub mod rules;
mod strings;
mod timeline;
mod verdict;
mod version;
mod views;
mod whatif;
mod world;

pub use cell::{Kind, Pools};
pub use check::{SqlEngine, SqlRow, When, check, run_control_test};
pub use control::{Control, ControlTest, ControlTests, Exception, LegalSource, Pack, Regime, Scope};
pub use date::{Date, DateError};
pub use diff::{TableDiff, VerdictDiff, diff_inventories, diff_results, status_text};
pub use export::{table_csv, table_json};
pub use graph::{Graph, Separation};
pub use import::netbox::{ColumnMapping, Mapping, SourceMapping};
pub use import::{ImportReport, Importer, Problem, Severity};
pub use inventory::*;
#[cfg(any(feature = "milp", feature = "milp-rust"))]
pub use plan::optimal;
pub use plan::{Cap, Plan, PlanProblem, PlanSettings, RoleCost, Unit, greedy, plan, plan_problem, verify};
pub use roles::{ROLES, Role, Roles};
pub use strings::{Strings, Sym};
pub use timeline::{ShareSeries, share_series};
pub use verdict::*;
pub use version::Version;
pub use views::{near_sensitive, reach_admin, shares, vendor_out};
pub use whatif::{
    Hostile, NodeDamage, Reached, RegionDamage, ServiceDamage, WhatIf, WhatIfOptions, cut, what_if,
};
pub use world::{NameSet, NamedVendor, Profile, World, normal};
