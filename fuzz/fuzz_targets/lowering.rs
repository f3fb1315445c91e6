//! Any text becomes a program, as C and as C++: no panic, no hang, and no block leads nowhere.
#![no_main]

use std::sync::Arc;

use banbury_frontend::{Language, Options, SourceFile, build};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let (name, language) = match text.first() {
        Some(b'+') => ("a.cc", Language::Cpp),
        _ => ("a.c", Language::C),
    };
    let file = SourceFile { path: name.into(), text: Arc::from(text), language };
    let (program, _) = build(&[file], &Options::default());
    for function in &program.functions {
        for block in &function.blocks {
            assert!(block.term.successors().iter().all(|to| to.index() < function.blocks.len()));
        }
    }
});
