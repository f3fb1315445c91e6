//! Rules. Memory safety is checked by the interpreter of `banbury-dataflow`, which reports
//! issues under the ids declared here; rules on the use of interfaces and on the structure of
//! a function are [`Observer`](banbury_dataflow::observe::Observer)s of this crate. They run no
//! analysis of their own. [`review`] turns issues into weighed findings.

mod condition;
mod features;
mod fingerprint;
mod habits;
mod loops;
mod names;
mod observers;
mod outcomes;
mod ownership;
mod review;
mod rule;
mod rules;
mod shape;
mod stops;
mod track;
mod weights;

pub use observers::observers;
pub use review::{Review, ReviewOptions, review, review_again, weigh};
pub use rule::{Rule, rule, rules};
