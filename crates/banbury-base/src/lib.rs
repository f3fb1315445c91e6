//! Values that every layer of Banbury shares: source spans, interned symbols,
//! findings with their weight of evidence, stable digests, and text for people.
//!
//! Nothing in this crate does input or output.

mod digest;
pub mod encoding;
mod finding;
mod span;
mod symbol;
pub mod text;

pub use digest::{Digest, StableHasher};
pub use finding::{Feature, Finding, PathStep, StepKind, Weight};
pub use span::{FileId, Span};
pub use symbol::Symbol;
