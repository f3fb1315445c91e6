//! Deployment controls: an operator's network, rules about where equipment may stand as data, and
//! verdicts with their evidence.
//!
//! Values in, values out: parsers take readers, nothing here opens a file, reads a clock or prints.

mod cell;
mod check;
mod control;
mod date;
mod graph;
mod import;
mod inventory;
mod roles;
pub mod rules;
mod strings;
mod verdict;
mod version;
mod whatif;
mod world;

pub use cell::{Kind, Pools};
pub use check::{When, check};
pub use control::{Control, ControlTest, ControlTests, Exception, LegalSource, Pack, Regime, Scope};
pub use date::{Date, DateError};
pub use graph::{Graph, Separation};
pub use import::netbox::{ColumnMapping, Mapping, SourceMapping};
pub use import::{ImportReport, Importer, Problem, Severity};
pub use inventory::*;
pub use roles::{ROLES, Role, Roles};
pub use whatif::{Hostile, NodeDamage, Reached, RegionDamage, WhatIf, WhatIfOptions, cut, what_if};
pub use strings::{Strings, Sym};
pub use verdict::*;
pub use version::Version;
pub use world::{NameSet, NamedVendor, Profile, World, normal};
