//! Abstract interpretation of the IR: values, memory, summaries, taint.
//!
//! [`analyse`] runs bottom-up over the strongly connected components of the call graph. Every
//! function is interpreted once (see [`value`] and [`state`] for the domain), leaving a
//! [`summary::Summary`] for its callers and [`observe::Issue`]s.

mod calls;
mod checks;
mod contents;
mod digests;
mod finish;
mod formats;
mod graph;
mod import;
mod instructions;
mod interp;
mod join;
mod kept;
mod library;
mod memory;
pub mod models;
mod numbers;
pub mod observe;
mod parts;
mod portable;
mod received;
mod reports;
mod shapes;
mod shared;
pub mod state;
pub mod summary;
pub mod value;
mod verdicts;

pub use kept::{Earlier, Kept};
pub use models::{ModelError, Models};
pub(crate) use shared::Shared;
pub use shared::{Analysis, AnalysisOptions, analyse, analyse_again};
