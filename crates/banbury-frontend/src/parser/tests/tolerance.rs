use banbury_base::{FileId, Symbol};

use super::super::{Mode, parse};
use super::{check_body, check_file, dump, parsed};
use crate::ast::{Decl, TranslationUnit};
use crate::lexer::tokenize;
use crate::token::{Token, TokenKind};

#[test]
fn errors_stay_where_they_are() {
    check_body("a(); b = = c; d();", "(a) (error b = = c ;) (d) !expected an expression");
    check_body("if (a = = b) { c(); } d();", "(if ? {(c)}) (d) !expected an expression");
    check_body("int x = * ; y();", "(var int [x = ?]) (y) !expected an expression");
    check_body("return * ; y();", "(return ?) (y) !expected an expression");
    check_body("for (a = 1) b();", "(while ? (b)) !expected `;` in `for`");
    check_file(
        "int a; ) ( int b; int c;",
        "(var int [a]) (var int [c]) (error expected a declaration: ) ( int b ; int c)",
    );
    check_file("int a\nint b;", "(var int [a]) (var int [b])");
}

#[test]
fn a_function_behind_garbage_is_found() {
    let unit = parsed("foo bar 3 4 baz(int x) { y(); }\nint z;");
    let text = dump::unit(&unit);
    assert!(text.contains("(fn baz (x int)->int {(y)})"), "{text}");
    assert!(text.contains("[z]"), "{text}");
}

#[test]
fn broken_loops_inside_each_other_are_read_once() {
    let (open, close) = ("do if (x) { a(); } else { ".repeat(30), " }".repeat(30));
    let unit = parsed(&format!("void f(void) {{ {open} int g(void) {{ return 1; }} {close} }}"));
    let names: Vec<&str> = functions(&unit).collect();
    assert_eq!(names, ["f", "g"]);
}

#[test]
fn lost_braces_cost_one_function() {
    let text = "int a(void)\n{\n\tif (x) {\n\tb();\n}\n\nint c(void)\n{\n\td();\n}\n";
    let names: Vec<&str> = functions(&parsed(text)).collect();
    assert_eq!(names, ["a", "c"]);
    let text = "int a(void)\n{\n\tif (x) }\n\tb();\n}\n\nint c(void)\n{\n\td();\n}\n";
    let names: Vec<&str> = functions(&parsed(text)).collect();
    assert_eq!(names, ["a", "c"]);
}

fn functions(unit: &TranslationUnit) -> impl Iterator<Item = &'static str> {
    unit.decls.iter().filter_map(|d| match d {
        Decl::Function(f) => Some(f.name.as_str()),
        _ => None,
    })
}

#[test]
fn declarations_only_skips_bodies() {
    let text = "struct s { int a; }; int f(int x) { syntax error ( ; } int g(void) { } int h;";
    let unit = parse(FileId(0), &tokenize(text.as_bytes(), false), Mode::DeclarationsOnly, &|_| None);
    assert_eq!(
        dump::unit(&unit),
        "(var struct s{(var int [a])}) (fn f (x int)->int {}) (fn g ()->int {}) (var int [h])"
    );
}

#[test]
fn spans_point_at_the_defining_token() {
    let unit = parsed("int f(void)\n{\n  return a + b(c);\n}\n");
    let Some(Decl::Function(f)) = unit.decls.first() else { panic!() };
    assert_eq!((f.span.line, f.span.col, f.end_line), (1, 5, 4));
    let crate::ast::StmtKind::Return(Some(sum)) = &f.body.stmts[0].kind else { panic!() };
    assert_eq!((sum.span.line, sum.span.col), (3, 12));
    let crate::ast::ExprKind::Binary(_, _, call) = &sum.kind else { panic!() };
    assert_eq!((call.span.col, call.span.len), (14, 1));
}

/// Deep or long text must neither overflow the stack nor take more than linear time.
#[test]
fn size_is_no_problem() {
    let n = 20_000;
    let texts = [
        format!("int x = {}1{};", "(".repeat(n), ")".repeat(n)),
        format!("int x = {}1;", "(".repeat(n)),
        format!("int x = {}1;", "-".repeat(n)),
        format!("int x = {}1;", "(int)".repeat(n)),
        format!("int x = {}1;", "sizeof ".repeat(n)),
        format!("int x = 1{};", " + 1".repeat(n)),
        format!("int x = (1{});", ", 1".repeat(n)),
        format!("int x = {}1{};", "f(".repeat(n), ")".repeat(n)),
        format!("int x = a{};", "[0]".repeat(n)),
        format!("int x = a{};", ".b".repeat(n)),
        format!("int x = a{};", "(1)".repeat(n)),
        format!("int x = {};", "a = ".repeat(n)),
        format!("int x = {}1;", "a ? b : ".repeat(n)),
        format!("int x = {}1{};", "a ? ".repeat(n), ": 1".repeat(n)),
        format!("int x = {}{};", "{".repeat(n), "}".repeat(n)),
        format!("int {}x{};", "(".repeat(n), ")".repeat(n)),
        format!("int {}x;", "*".repeat(n)),
        format!("int x{};", "[1]".repeat(n)),
        format!("int f({}", "int g(".repeat(n)),
        format!("{}int x;{}", "struct s { ".repeat(n), "};".repeat(n)),
        format!("typeof({}", "typeof(".repeat(n)),
        format!("void f(void) {{ {}; }}", "if (a) b(); else ".repeat(n)),
        format!("void f(void) {{ {}; }}", "if (a) ".repeat(n)),
        format!("void f(void) {{ {} }}", "while (a) {".repeat(n)),
        format!("void f(void) {{ {} }}", "{".repeat(n)),
        format!("void f(void) {{ switch (a) {{ {} }} }}", "case 1: ".repeat(n)),
        format!("void f(void) {{ switch (a) {} ; }}", "case 1: ".repeat(n)),
        format!("void f(void) {{ {}; }}", "l: ".repeat(n)),
        format!("void f(void) {{ {} }}", "x = ({ ".repeat(n)),
        format!("void f(void) {{ {}; }}", "do ".repeat(n)),
        format!("void f(void) {{ {} }}", "m({ a; ".repeat(n)),
        format!("void f(void) {{ {} }}", "int g(void) { ".repeat(n)),
        "f(".repeat(n),
        "{".repeat(n),
        "}".repeat(n),
        "a b c ".repeat(n),
        "( ) ".repeat(n),
    ];
    for text in texts {
        let unit = parsed(&text);
        assert!(unit.decls.len() <= 3 * n, "{}", &text[..40]);
    }
}

#[test]
fn long_chains_keep_all_branches() {
    let text = format!("void f(void) {{ {} x(); }}", "if (a) b(); else ".repeat(1000));
    let unit = parsed(&text);
    let Some(Decl::Function(f)) = unit.decls.first() else { panic!() };
    assert!(f.errors.is_empty());
    assert_eq!(dump::unit(&unit).matches("(b)").count(), 1000);
}

/// Random text made of what C is made of.
#[test]
fn random_tokens() {
    const WORDS: &[&str] = &[
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ";",
        ",",
        ".",
        "...",
        "->",
        "++",
        "&",
        "&&",
        "*",
        "+",
        "-",
        "!",
        "<",
        ":",
        "::",
        "?",
        "=",
        "+=",
        "#",
        "##",
        "@",
        "1",
        "0x1",
        "\"s\"",
        "'c'",
        "a",
        "b",
        "T",
        "v",
        "FOO",
        "list_for_each",
        "__user",
        "if",
        "else",
        "while",
        "do",
        "for",
        "switch",
        "case",
        "default",
        "goto",
        "break",
        "return",
        "asm",
        "sizeof",
        "_Generic",
        "offsetof",
        "va_arg",
        "__attribute__",
        "typedef",
        "static",
        "extern",
        "inline",
        "const",
        "int",
        "unsigned",
        "void",
        "char",
        "struct",
        "union",
        "enum",
        "typeof",
        "_Atomic",
        "__extension__",
        "__label__",
        "_Static_assert",
        "__auto_type",
        "\n",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for round in 0..3000 {
        let mut text = String::from(if round % 2 == 0 { "void f(void) {" } else { "" });
        for _ in 0..60 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            text.push_str(WORDS[(state % WORDS.len() as u64) as usize]);
            text.push(' ');
        }
        parsed(&text);
        parse(FileId(0), &tokenize(text.as_bytes(), false), Mode::DeclarationsOnly, &|_| Some(true));
    }
}

/// Tokens in an order and at places that no lexer makes.
#[test]
fn impossible_tokens() {
    let token = |kind, text: &str| Token {
        kind,
        text: Symbol::new(text),
        line: 0,
        col: u16::MAX,
        len: u16::MAX,
        in_macro: Symbol::new("M"),
    };
    let tokens = [
        token(TokenKind::Str, ""),
        token(TokenKind::Ident, "int"),
        token(TokenKind::Ident, "x"),
        token(TokenKind::Eq, ""),
        token(TokenKind::Char, "'"),
        token(TokenKind::Number, "0x"),
        token(TokenKind::Str, "\""),
        token(TokenKind::Eof, ""),
        token(TokenKind::Semi, ""),
    ];
    for from in 0..tokens.len() {
        parse(FileId(0), &tokens[from..], Mode::Full, &|_| None);
    }
}
