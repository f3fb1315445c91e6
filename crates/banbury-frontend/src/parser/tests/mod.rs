mod declarations;
mod dump;
mod expressions;
mod statements;
mod tolerance;

use banbury_base::{FileId, Symbol};

use super::{Mode, parse};
use crate::ast::{Decl, TranslationUnit};
use crate::lexer::tokenize;

const TYPES: &[&str] = &["T", "U", "u8"];
const VALUES: &[&str] = &["v", "w"];

fn known(name: Symbol) -> Option<bool> {
    match name.as_str() {
        n if TYPES.contains(&n) => Some(true),
        n if VALUES.contains(&n) => Some(false),
        _ => None,
    }
}

fn parsed(text: &str) -> TranslationUnit {
    parse(FileId(0), &tokenize(text.as_bytes(), false), Mode::Full, &known)
}

fn check_file(text: &str, expected: &str) {
    assert_eq!(dump::unit(&parsed(text)), expected, "\nof: {text}");
}

/// Parses statements as the body of a function.
fn body(text: &str) -> String {
    let unit = parsed(&format!("void f(void)\n{{\n{text}\n}}\nint last;\n"));
    assert!(matches!(unit.decls.last(), Some(Decl::Vars(_))), "the rest of the file is lost: {text}");
    let Some(Decl::Function(function)) = unit.decls.first() else { panic!("no function: {text}") };
    let mut out: Vec<String> = function.body.stmts.iter().map(dump::stmt).collect();
    out.extend(function.errors.iter().map(|e| format!("!{}", e.message.split(": ").next().unwrap_or(""))));
    out.join(" ")
}

fn check_body(text: &str, expected: &str) {
    assert_eq!(body(text), expected, "\nof: {text}");
}

fn check_expr(text: &str, expected: &str) {
    check_body(&format!("x = {text};"), &format!("(= x {expected})"));
}
