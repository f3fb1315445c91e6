//! Any text, lexed and parsed as C: no panic, no hang, no stack overflow, in both modes.

#![no_main]

use banbury_base::FileId;
use banbury_frontend::lexer::tokenize;
use banbury_frontend::parser::{Mode, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let tokens = tokenize(text, false);
    let known = text.first().map(|byte| byte % 3 == 1);
    for mode in [Mode::Full, Mode::DeclarationsOnly] {
        let unit = parse(FileId(0), &tokens, mode, &|_| known);
        assert!(unit.decls.len() <= tokens.len());
    }
});
