//! Intake of a release, and the stages that turn it into findings: cache, budgets, progress.
//!
//! The only crate of the review that reads files. Every stage is a pure function of what intake
//! hands it; a panic in one becomes a row of the result.

mod cache;
mod compare;
pub mod intake;
mod ledger;
mod output;
mod progress;
mod review;
mod stage;
mod suppress;
mod triage;

pub use banbury_checkers::{Rule, rules};
pub use banbury_frontend::build;
pub use cache::Cache;
pub use compare::{CompareOptions, Compared, compare};
pub use ledger::{Ledger, LedgerError, Reading, Verdict};
pub use output::{OutputError, remove_unfinished, write_beside_and_rename};
pub use progress::{Progress, Silent};
pub use review::{Fault, FileRow, Outcome, PartialFunction, ReviewError, ReviewOptions, read_models, review};
pub use stage::install_panic_hook;
pub use suppress::{Suppression, SuppressionFault, SuppressionFaultKind};
pub use triage::{BaselineCounts, HiddenCounts, State, Triage, TriageOptions, Triaged, triage};
