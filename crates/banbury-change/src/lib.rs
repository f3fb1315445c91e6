//! Which changes between two releases deserve a reviewer's eyes first.
//!
//! Two releases go in, a ranked list of edits with reasons comes out. Every reason is a number,
//! every number has a coefficient in decibans (`weights.toml`), and an edit's weight is the sum.

mod changed;
mod compare;
mod context;
mod cosmetic;
mod diff;
mod edits;
mod entries;
mod features;
mod findings;
mod language;
mod lex;
mod names;
mod neighbours;
mod pairs;
mod reasons;
mod runs;
mod settings;
mod stats;
mod suspects;
mod tokens;
mod weights;
mod world;

pub use compare::{Comparison, Entry, File, Release, Side, Totals, compare};
pub use findings::Review;
pub use language::{Kind, Part};
pub use reasons::words;
pub use weights::Reason;
