//! Any bytes lex without a panic, into tokens that are in order and apart.
#![no_main]

use banbury_frontend::lexer::Lexer;
use banbury_frontend::token::TokenKind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    for cpp in [false, true] {
        let mut lexer = Lexer::new(text, cpp);
        let mut end = 0;
        loop {
            let lexeme = lexer.next_token();
            assert!(lexeme.start >= end && lexeme.end as usize <= text.len());
            let _ = lexer.token(&lexeme);
            if lexeme.kind == TokenKind::Eof {
                break;
            }
            assert!(lexeme.end > lexeme.start);
            end = lexeme.end;
        }
        let newlines = text.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(lexer.line() as usize, 1 + newlines);
    }
});
