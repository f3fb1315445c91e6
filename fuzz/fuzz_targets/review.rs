//! Any text is reviewed to an end: front end, analysis and every rule.
#![no_main]

use std::sync::Arc;

use banbury_checkers::{ReviewOptions, review};
use banbury_dataflow::models::Models;
use banbury_frontend::{Language, Options, SourceFile, build};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let file = SourceFile { path: "a.c".into(), text: Arc::from(text), language: Language::C };
    let (program, _) = build(&[file], &Options::default());
    let review = review(&program, Models::builtin(), &ReviewOptions::default());
    assert!(review.findings.iter().all(|finding| finding.weight.0.is_finite()));
});
