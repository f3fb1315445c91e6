//! Evidence: evaluations, an append-only log of every act in them, and proofs of both.
//!
//! The log is the store. An act is allowed or refused by [`centre`], written by [`store`] and
//! [`log`], and checked by [`verify`] from the files alone. Formats are published ones: C2SP
//! tlog-tiles, tlog-checkpoint, signed-note and tlog-cosignature; in-toto statements in DSSE.

pub mod act;
pub mod approval;
pub mod attest;
pub mod centre;
pub mod files;
pub mod hash;
pub mod keys;
pub mod log;
pub mod overview;
pub mod policy;
pub mod results;
pub mod store;
pub mod verify;
pub mod witness;

pub use hash::Sha256;
