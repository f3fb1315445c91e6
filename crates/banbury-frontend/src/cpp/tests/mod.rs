mod dump;

use banbury_base::{FileId, Symbol};

use super::{parse_cpp, parse_cpp_tokens};
use crate::ast::{Decl, FunctionDef, TranslationUnit};
use crate::token::{Token, TokenKind};

fn unit(text: &str) -> TranslationUnit {
    parse_cpp(FileId(0), text.as_bytes())
}

#[track_caller]
fn file(text: &str, expected: &str) {
    let lines = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    assert_eq!(dump::unit(&unit(text)), lines(expected.trim()));
}

/// The statements of a function body.
#[track_caller]
fn body(text: &str, expected: &str) {
    let all = dump::unit(&unit(&format!("void f() {{ {text} }}")));
    assert_eq!(all, format!("f = void() {{{expected}}}"));
}

fn functions(unit: &TranslationUnit) -> Vec<&FunctionDef> {
    fn function(decl: &Decl) -> Option<&FunctionDef> {
        match decl {
            Decl::Function(function) => Some(function),
            _ => None,
        }
    }
    unit.decls.iter().filter_map(function).collect()
}

#[test]
fn classes_give_members_and_lifted_methods() {
    file(
        "class Foo : public Base, private ns::Other<int> {
           public:
             Foo(int a = 3) : x(a), Base{a} {}
             virtual ~Foo();
             virtual void act(char *p) = 0;
             void g() const override { x = 1; }
             static int count;
             static void make();
             int y : 3, arr[2][3];
             Foo& operator=(const Foo&) = default;
             operator bool() const { return true; }
         };",
        "Foo::Foo = void(int a) :x(a) :Base(a) {}
         Foo::g = void() {x = 1}
         Foo::operator bool = bool() {return 1}
         Foo : Base, ns::Other {Foo: void(int a); virtual ~Foo: void(); virtual act: void(char* p); \
         virtual g: void(); static int count; static make: void(); int y :3, int[3][2] arr; \
         operator=: Foo&(Foo&); operator bool: bool()}",
    );
}

#[test]
fn definitions_outside_the_class_name_it() {
    file(
        "int ns::Foo::count = 0;
         template <class T> T *Vec<T>::at(int i) { return &d[i]; }
         Foo::~Foo() { delete p; }
         Foo &Foo::operator=(const Foo &o) { return *this; }
         void Foo::operator()(int) {}",
        "int Foo::count = 0
         Vec::at = T*(int i) {return AddrOf(d[i])}
         Foo::~Foo = void() {delete p}
         Foo::operator= = Foo&(Foo& o) {return Deref(this)}
         Foo::operator() = void(int) {}",
    );
}

#[test]
fn namespaces_are_transparent_and_std_is_not() {
    file(
        "namespace a::b { class C { void m(); }; void C::m() {} int f(); }
         namespace { static int g() { return a::b::f() + b::f() + ::h(); } }
         using namespace util;
         std::size_t k() { return util::k() + other::k() + std::chrono::now(); }",
        "C {m: void()}
         C::m = void() {}
         int() f
         static g = int() {return Add(Add(f(), f()), h())}
         k = size_t() {return Add(Add(k(), other::k()), std::chrono::now())}",
    );
}

#[test]
fn names_of_an_opened_std_are_its_own() {
    file(
        "using namespace std; namespace n { void f(vector<char *> v) { int list; string s(v[0]), t(g()); pair<int, int>(1, 2); } }",
        "f = void(std::vector<char*> v) {int list; std::string s = construct(v[0]), std::string t = construct(g()); \
         make std::pair<int, int>(1, 2)}",
    );
}

#[test]
fn nested_types_move_to_file_scope() {
    file(
        "struct A { enum class E : int { X, Y = 2 }; enum { Z }; struct In { int i; } in; struct T { int t; };
           using L = long; union { int u; char c; }; };
         typedef struct _x { int a; } X, *PX;",
        "enum E {E::X, E::Y=2}
         enum  {Z}
         T {int t}
         typedef long L
         A {In {int i} in;  {int u; char c}}
         typedef _x {int a} X, _x {int a}* PX",
    );
}

#[test]
fn extern_c_is_transparent() {
    file(
        "extern \"C\" { int a(void); }  extern \"C\" void b() {}",
        "int() a
         b = void() {}",
    );
}

#[test]
fn allocation() {
    body(
        "new int; new char[10]; new (std::nothrow) Foo(1); new int[3][4]; delete p; delete[] p; ::delete p;",
        "new int(); new char[10](); new nothrow Foo(1); new int[4][3](); delete p; delete[] p; delete p",
    );
    body("q = new (buf) Foo(1);", "q = (1, (Foo*)buf)");
}

#[test]
fn casts_and_constructions() {
    body(
        "static_cast<int>(x); reinterpret_cast<char *>(p); (T)x; (size_t)(x); int(x); T{1}; std::string(c, 3);
         std::vector<int>(5); nullptr; true; sizeof(int); sizeof(wchar_t); sizeof(x); sizeof x;",
        "(int)x; (char*)p; (T)x; (size_t)x; (int)x; make T(1); make std::string(c, 3); make std::vector<int>(5); \
         (void*)0; 1; sizeof(int); sizeof(wchar); sizeof x; sizeof x",
    );
}

#[test]
fn declarations_that_look_like_functions_construct() {
    body(
        "std::string s(buf); Foo x(a, b); Foo y{a}; int i{}, j(5), k{6}; Foo e(); int a[2]{1, 2}; \
         struct st v = { .a = 1, .b = { 2 } };",
        "std::string s = construct(buf); Foo x = construct(a, b); Foo y = construct(a); int i = {}, int j = 5, \
         int k = 6; Foo() e; int[2] a = {1, 2}; struct st v = {.a=1, .b={2}}",
    );
}

#[test]
fn conditions_may_declare() {
    body(
        "if (auto z = g(); z > 1) h(); else if (int k = 3) h(); while (Foo *w = next()) use(w);",
        "if (auto z = g(); Gt(z, 1)) h() else if (int k = 3; k) h(); \
         for (; ; ) {Foo* w = next(); if (Not(w)) break; use(w)}",
    );
}

#[test]
fn statements() {
    body(
        "for (const auto &e : v) use(e); auto [p, q] = f2(); \
         switch (x) { case 1: case 2: a(); break; default: b(); } goto L; L: return; \
         try { throw E(1); } catch (const E &e) { b(); } catch (...) {}",
        "for (auto& e : v) use(e); auto p = std::get(f2()), auto q = std::get(); \
         switch (x) {case 1: ; case 2: a(); break; default: b()}; goto L; L: return ; \
         try {throw E(1)} catch (E& e) {b()} catch (...) {}",
    );
}

#[test]
fn lambdas_become_functions_with_what_they_capture() {
    file(
        "void f(int n) { char buf[4]; auto l = [&, k = 1](int a) -> int { return a + n + buf[0] + k; }; }",
        "static f$lambda1 = int(int a, ? k, char[4] buf, int n) {return Add(Add(Add(a, n), buf[0]), k)}
         f = void(int n) {char[4] buf; auto l = lambda f$lambda1}",
    );
}

#[test]
fn literals() {
    body(
        r##"s = "a\n\x41\101" "b"; s = L"wide"; s = R"x(r\n"))x"; c = 'a'; c = '\0'; c = '\xff'; n = -1; n = 1'000u; n = 0x10; n = 010;
            d = 1.5f; d = 0x1p3; s = "x"sv;"##,
        r##"s = "a\nAAb"; s = L"wide"; s = "r\\n\")"; c = '97'; c = '0'; c = '-1'; n = Minus(1); n = 1000; n = 16; n = 8; d = 1.5; d = 8.0; s = "x""##,
    );
}

#[test]
fn unknown_loop_macros_are_loops() {
    body("list_for_each(p, head) { use(p); }", "while (list_for_each(p, head)) {use(p)}");
}

#[test]
fn one_arm_of_each_condition_stays() {
    let kept = |text: &str| {
        let blanked = String::from_utf8(super::blank::blank_directives(text.as_bytes())).unwrap();
        assert_eq!(blanked.len(), text.len());
        blanked.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kept("#ifndef G\n#define G a\\\n b\na;\n#endif\n"), "a;");
    assert_eq!(kept("#ifdef _WIN32\na;\n#else\nb;\n#endif"), "b;");
    assert_eq!(kept("#if 0\na;\n#if 1\nx;\n#endif\n#elif FOO\nb;\n#endif\nc;"), "b; c;");
    assert_eq!(kept("#if FOO\na;\n#else\nb;\nc;\n#endif"), "b; c;");
    assert_eq!(kept("#if FOO\na;\nb;\n#else\nc;\n#endif"), "a; b;");
    assert_eq!(kept("/*\n#if 0\n*/ a;"), "/* #if 0 */ a;");
    assert_eq!(kept("#endif\n#else\na;\n#if 0"), "a;");
}

#[test]
fn a_broken_region_costs_itself() {
    let unit = unit("void a() { int x = 1; ==, ,; foo(x); }\nvoid b() { bar(); }\n");
    let functions = functions(&unit);
    assert_eq!(functions.len(), 2);
    assert!(!functions[0].errors.is_empty());
    assert!(functions[1].errors.is_empty());
    assert!(dump::unit(&unit).contains("foo(x)"), "{}", dump::unit(&unit));
}

#[test]
fn deep_nesting_is_cut() {
    for (open, close) in
        [("(", ")"), ("{", "}"), ("f(", ")"), ("-", ""), ("if (a) ", ""), ("a ? b : ", "c"), ("[]{", "}")]
    {
        let text = format!("void f() {{ {}x{}; }}", open.repeat(3000), close.repeat(3000));
        unit(&text);
    }
    unit(&"namespace a { ".repeat(3000));
    unit(&"class a { ".repeat(3000));
    unit(&format!("int {}x;", "*".repeat(3000)));
    unit(&format!("a{} x;", "<a".repeat(3000)));
}

/// A small generator with a fixed seed: bytes and scraps of C++ in any order.
fn scraps(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "class", "A", "::", "{", "}", "(", ")", "<", ">", "int", "x", ";", "=", "[", "]", "new", "delete",
        "template", "operator", "if", "\"s\"", "R\"(", "'", "virtual", ":", ",", "*", "&", "~", "catch",
        "try", "auto", "#if 0\n", "\n", "\\\n", "enum", "1", "0x", "...", "lambda", "[&]", "sizeof", "case",
        "default", "return", "for", "\u{e9}",
    ];
    let mut state = seed;
    let mut out = Vec::new();
    while out.len() < len {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let pick = (state >> 33) as usize;
        if pick.is_multiple_of(11) {
            out.push((pick / 11) as u8);
        } else {
            out.extend_from_slice(WORDS[pick % WORDS.len()].as_bytes());
            out.push(b' ');
        }
    }
    out
}

#[test]
fn random_bytes_never_panic() {
    for seed in 0..300 {
        parse_cpp(FileId(0), &scraps(seed, 600));
    }
    parse_cpp(FileId(0), &(0..=255).cycle().take(5000).collect::<Vec<u8>>());
}

/// Splits at white space and punctuation, enough for these tests.
fn tokens(text: &str, in_macro: &str) -> Vec<Token> {
    let mut out = Vec::new();
    for (line, text) in text.lines().enumerate() {
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let word = text[at..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len() - at);
            let (kind, len) = match c {
                '"' => (TokenKind::Str, text[at + 1..].find('"').unwrap_or(0) + 2),
                ' ' => {
                    at += 1;
                    continue;
                }
                _ if c.is_numeric() => (TokenKind::Number, word),
                _ if word > 0 => (TokenKind::Ident, word),
                '(' => (TokenKind::LParen, 1),
                ')' => (TokenKind::RParen, 1),
                '{' => (TokenKind::LBrace, 1),
                '}' => (TokenKind::RBrace, 1),
                '[' => (TokenKind::LBracket, 1),
                ']' => (TokenKind::RBracket, 1),
                '*' => (TokenKind::Star, 1),
                '=' => (TokenKind::Eq, 1),
                _ => (TokenKind::Semi, 1),
            };
            let text = if word > 0 || c == '"' { Symbol::new(&text[at..at + len]) } else { Symbol::EMPTY };
            let in_macro = Symbol::new(if text == in_macro { in_macro } else { "" });
            out.push(Token {
                kind,
                text,
                line: line as u32 + 1,
                col: at as u16 + 1,
                len: len as u16,
                in_macro,
            });
            at += len;
        }
    }
    out
}

#[test]
fn tokens_keep_their_places() {
    let unit = parse_cpp_tokens(FileId(3), &tokens("void f()\n{\n  x = SYS(a [1]);\n}\n", "SYS"));
    assert_eq!(dump::unit(&unit), "f = void() {x = SYS(a[1])}");
    let functions = functions(&unit);
    let function = functions[0];
    assert_eq!((function.span.line, function.span.col, function.end_line), (1, 6, 4));
    let stmt = &function.body.stmts[0];
    assert_eq!((stmt.span.file, stmt.span.line, stmt.span.col), (FileId(3), 3, 3));
    let crate::ast::StmtKind::Expr(assign) = &stmt.kind else { panic!() };
    let crate::ast::ExprKind::Assign(_, _, call) = &assign.kind else { panic!() };
    assert_eq!((call.span.line, call.span.col, call.in_macro.as_str()), (3, 7, "SYS"));
}

#[test]
fn tokens_may_hold_what_the_grammar_lacks() {
    let text = "void operator () (int x) { p = new char * [x]; q = new (nothrow) A * * [2]; r = new A * (x); \
                s = \"%\" PRIu64; }";
    let unit = parse_cpp_tokens(FileId(0), &tokens(text, ""));
    assert_eq!(
        dump::unit(&unit),
        "operator() = void(int x) {p = new char*[x](); q = new nothrow A**[2](); r = new A*(x); s = \"%lu\"}"
    );
}
