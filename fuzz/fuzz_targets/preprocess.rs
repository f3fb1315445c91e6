//! A tree of up to four files, which the byte 0x1e separates, is preprocessed without a panic,
//! within the budgets and in the order of the text.
#![no_main]

use std::sync::Arc;

use banbury_base::FileId;
use banbury_frontend::preprocess::Preprocessor;
use banbury_frontend::token::TokenKind;
use banbury_frontend::{Language, Options, SourceFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let names = ["a.c", "a.h", "b.h", "c.def"];
    let files: Vec<SourceFile> = bytes
        .splitn(names.len(), |&byte| byte == 0x1e)
        .zip(names)
        .map(|(text, name)| SourceFile { path: name.into(), text: Arc::from(text), language: Language::C })
        .collect();
    let pp = Preprocessor::new(&files, &Options::default());
    for id in 0..files.len() as u32 {
        let out = pp.tokens(FileId(id));
        assert_eq!(out.tokens.last().map(|token| token.kind), Some(TokenKind::Eof));
        assert!(out.tokens.windows(2).all(|pair| pair[0].line <= pair[1].line));
        let _ = pp.closure(FileId(id), &out);
    }
});
