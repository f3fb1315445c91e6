//! Reports of a review for people and programs: terminal, SARIF 2.1.0, JSON, HTML.
//!
//! Writers are pure: they take a [`Report`] and give bytes. The same report gives the same bytes;
//! times and machine names are no part of it.

pub mod change;
mod excerpt;
mod html;
mod json;
mod markdown;
mod model;
pub mod sarif;
mod terminal;

pub use html::write_html;
pub use json::write_json;
pub use markdown::render_markdown;
pub use model::{
    Baseline, FaultRow, FileInfo, Item, Note, PartialRow, Report, Revision, RuleInfo, SkippedRow, Totals,
};
pub use sarif::write_sarif;
pub use terminal::{TerminalOptions, Timing, write_terminal};
