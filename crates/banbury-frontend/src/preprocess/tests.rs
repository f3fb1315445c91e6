use std::sync::Arc;

use banbury_base::FileId;

use super::{Expanded, Preprocessor};
use crate::{Language, Options, SourceFile};

fn tree(files: &[(&str, &str)]) -> Vec<SourceFile> {
    files
        .iter()
        .map(|(path, text)| SourceFile {
            path: (*path).into(),
            text: Arc::from(text.as_bytes()),
            language: if path.ends_with(".cpp") { Language::Cpp } else { Language::C },
        })
        .collect()
}

/// The first file of a tree.
fn expand_tree(files: &[(&str, &str)], options: &Options) -> Expanded {
    Preprocessor::new(&tree(files), options).tokens(FileId(0))
}

fn expand(text: &str) -> String {
    expand_tree(&[("a.c", text)], &Options::default()).text()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(squeeze(&expand(text)), squeeze(expected), "for {text}");
}

#[test]
fn object_like() {
    check("#define A 1\nint x = A;", "int x = 1 ;");
    check("#define A B\n#define B A\nA B", "A B");
    check("#define A A + 1\nA", "A + 1");
    check("#define E\nE int E x E;", "int x ;");
    check("#define A 1\n#undef A\nA", "A");
    check("#define A 1\n#define A 2\nA", "2");
    check("#define F (x)\nF", "( x )");
}

#[test]
fn function_like() {
    check("#define F(x) [x]\nF(1) F (2) F\n(3) F", "[ 1 ] [ 2 ] [ 3 ] F");
    check("#define F(x, y) x - y\nF((1, 2), 3)", "( 1 , 2 ) - 3");
    check("#define F() z\nF() F( )", "z z");
    check("#define F(x) x\nF() F(F(1)) F(F)(2)", "1 F ( 2 )");
    check("#define F(a, b) a\nF(1) F(1,2,3)", "F ( 1 ) F ( 1 , 2 , 3 )");
    check("#define F(x) x\n#define G F\nG(1) G", "1 F");
    check("#define F(x) x;\nF(a\n#ifdef Q\n1\n#else\n2\n#endif\n)", "a 2 ;");
}

#[test]
fn rescanning_takes_tokens_from_behind() {
    // A name at the end of a replacement finds its arguments in the text after it.
    check(
        "#define ADD(n) ((n)+1)\n#define OP ADD\n#define USE OP (7)\nUSE, OP(8)",
        "( ( 7 ) + 1 ) , ( ( 8 ) + 1 )",
    );
    check("#define F(a) a*G\n#define G(a) F(a)\nF(2)(9)", "2 * 9 * G");
    check("#define NIL(x) x\n#define G_0(x) NIL(x)\n#define G_1 G_0\nG_1(3)", "3");
}

#[test]
fn arguments_are_expanded_first_unless_pasted_or_quoted() {
    let defs = "#define W 9\n#define S(x) #x\n#define XS(x) S(x)\n#define C(a, b) a ## b\n#define XC(a, b) C(a, b)\n";
    check(&format!("{defs}S(W) XS(W) C(W, 1) XC(W, 1)"), "\"W\" \"9\" W1 91");
    check(&format!("{defs}S(a  +\tb) S(\"q\\n\") S('\\0') S( )"), r#""a + b" "\"q\\n\"" "'\\0'" """#);
    check(&format!("{defs}C(, x) C(x, ) C(,) C(<, <=) C(., 5)"), "x x <<= .5");
    check("#define P(a,b,c) a ## b ## c\nP(1,2,3) P(a,,c) P(,,)", "123 ac");
    check("#define H # ## #\n#define M(a) #a\nH", "##");
}

#[test]
fn standard_like_rescan_example() {
    let text = "#define v 5\n#define p(q) p(v * (q))\n#undef v\n#define v 2\n#define k p\n#define n n[1]\n\
                #define d k(~\n#define r 4,2\n#define h(s) s(n)\n#define j 1, p\n#define i(a) a(r)\n#define o int\n\
                p(w+1) + p(p(n)) % i(h)(6);\nk(v+(2,3)-v,1) | d 3) & h(p)";
    let out = squeeze(&expand(text));
    assert!(out.starts_with("p ( 2 * ( w + 1 ) ) + p ( 2 * ( p ( 2 * ( n [ 1 ] ) ) ) ) %"), "{out}");
    assert!(out.ends_with("| p ( 2 * ( ~ 3 ) ) & p ( 2 * ( n [ 1 ] ) )"), "{out}");
}

#[test]
fn variadic() {
    check("#define E(...) f(__VA_ARGS__)\nE() E(1) E(1, 2)", "f ( ) f ( 1 ) f ( 1 , 2 )");
    check(
        "#define E(f, ...) p(f, ## __VA_ARGS__)\nE(a) E(a, b, c) E(a, )",
        "p ( a ) p ( a , b , c ) p ( a )",
    );
    check("#define E(f, args...) p(f, ## args)\nE(a) E(a, b)", "p ( a ) p ( a , b )");
    check("#define E(f, ...) p(f __VA_OPT__(,) __VA_ARGS__)\nE(a) E(a, b)", "p ( a ) p ( a , b )");
    check("#define E(...) #__VA_ARGS__\nE(a, b)", "\"a, b\"");
    check("#define E(x, ...) x ## __VA_OPT__(a ## b) c\nE(q) E(q, 1)", "q c qab c");
}

#[test]
fn builtins() {
    check("#define L __LINE__\n\nL __LINE__ __COUNTER__ __COUNTER__ __FILE__", "3 3 0 1 \"a.c\"");
    check("#define F(x) x __LINE__\nF(\n1\n)", "1 2");
    check("__func__ _Pragma(\"once\") x", "__func__ x");
}

#[test]
fn conditions() {
    let take = |cond: &str| expand(&format!("#if {cond}\nyes\n#else\nno\n#endif"));
    for yes in [
        "1",
        "1 + 1 == 2",
        "(2 > 1) && !0",
        "0 || 3",
        "defined __GNUC__",
        "defined(__linux__)",
        "1 ? 1 : 0",
        "'a' == 97",
        "0x10 == 16",
        "010 == 8",
        "10UL > 3",
        "-1 < 0",
        "~0 == -1",
        "(1 << 4) == 16",
        "7 % 4 == 3",
        "INT_MAX > 0",
        "__GNUC_PREREQ(4, 1)",
        "!defined(_WIN32)",
        "0xffffffffffffffffULL > 1",
        "0b101 == 5",
        "__has_include(<stdio.h>)",
        "1 ? 2 : (1 / 0)",
    ] {
        assert_eq!(take(yes), "yes", "{yes}");
    }
    for no in [
        "0",
        "NOTHING",
        "defined(_WIN32)",
        "__cplusplus",
        "2 < 1",
        "1 - 1",
        "!1",
        "NDEBUG",
        "defined BIG_ENDIAN",
    ] {
        assert_eq!(take(no), "no", "{no}");
    }
    check("#ifdef A\n1\n#elif 1\n2\n#else\n3\n#endif", "2");
    check("#if 0\n#if 1\n1\n#else\n2\n#endif\n#else\n3\n#endif", "3");
    check("#if 0\ndon't /* \n*/ #else\n#endif\nx", "x");
    check("#define V(a) a\n#if V(3) == 3 && defined V\n1\n#endif", "1");
    check("#if 1\n1\n#elif (\n2\n#endif\n#endif\n3", "1 3");
}

#[test]
fn unknown_conditions_prefer_features_and_are_recorded() {
    let out = expand_tree(
        &[("a.c", "#ifdef CONFIG_A\na\n#else\nb\n#endif\n#if !defined(HAVE_X)\nc\n#endif\n#if 1\nd\n#endif")],
        &Options::default(),
    );
    assert_eq!(squeeze(&out.text()), "a d");
    assert_eq!(out.undecided, [(1, 1), (6, 0)]);
    let options = Options { undefines: vec!["CONFIG_A".into()], ..Options::default() };
    let out = expand_tree(&[("a.c", "#ifdef CONFIG_A\na\n#else\nb\n#endif")], &options);
    assert_eq!((out.text().as_str(), out.undecided.len()), ("b", 0));
    let options = Options { defines: vec![("CONFIG_A".into(), "3".into())], ..Options::default() };
    assert_eq!(expand_tree(&[("a.c", "#if CONFIG_A == 3\nCONFIG_A\n#endif")], &options).text(), "3");
}

#[test]
fn arms_keep_constructs_balanced_and_avoid_errors() {
    check("f() {\n#ifdef CONFIG_A\nif (a) {\n#else\nb();\n#endif\n}", "f ( ) { b ( ) ; }");
    check("{\n#if ORDER == BIG\nb();\n#else\nl(); }\n#endif", "{ l ( ) ; }");
    check("#if X == 1\na\n#elif X == 2\nb\n#else\n#error no\n#endif", "a");
    check("#ifndef REQUIRED\n#error no\n#endif\na", "a");
}

#[test]
fn headers_give_macros_but_are_not_pasted() {
    let files = [
        ("src/a.c", "#include \"b.h\"\nint x = B + C(2);\n#undef B\nB"),
        ("src/b.h", "#ifndef B_H\n#define B_H\n#include \"lib/c.h\"\n#define B 1\nint in_header;\n#endif"),
        ("inc/lib/c.h", "#pragma once\n#define C(x) (x * B)\ntypedef struct c c_t, *c_p;"),
    ];
    let sources = tree(&files);
    let pp = Preprocessor::new(&sources, &Options::default());
    let out = pp.tokens(FileId(0));
    assert_eq!(squeeze(&out.text()), "int x = 1 + ( 2 * 1 ) ; B");
    assert_eq!(pp.closure(FileId(0), &out), [FileId(2), FileId(1)]);
    for name in ["c_t", "c_p"] {
        assert!(pp.is_type_name(FileId(0), &out, banbury_base::Symbol::new(name)));
    }
    assert!(!pp.is_type_name(FileId(0), &out, banbury_base::Symbol::new("c")));
}

#[test]
fn a_macro_of_an_unrelated_file_is_not_seen() {
    let files = [
        ("a.c", "if (x) ERR(1); KEY"),
        ("b.h", "#define if while\n#define KEY 5"),
        ("b.c", "#include \"b.h\""),
    ];
    assert_eq!(expand_tree(&files, &Options::default()).text(), "if ( x ) ERR ( 1 ) ; KEY");
}

#[test]
fn order_of_inclusion_decides() {
    let files = [
        ("a.c", "#include \"one.h\"\nX Y\n#include \"two.h\"\nX Y\n#define X 9\n#include \"one.h\"\nX"),
        ("one.h", "#pragma once\n#define X 1\n#ifndef Y\n#define Y 1\n#endif"),
        ("two.h", "#pragma once\n#undef X\n#define X 2\n#ifndef Y\n#define Y 2\n#endif"),
    ];
    assert_eq!(squeeze(&expand_tree(&files, &Options::default()).text()), "1 1 2 1 9");
}

#[test]
fn a_default_inside_further_conditions_is_given() {
    let files = [
        ("a.c", "#include \"x.h\"\nlikely(1) LIMIT"),
        (
            "x.h",
            "#ifndef X_H\n#define X_H\n#if !defined(likely)\n#if !defined(__GNUC__)\n#define likely(x) x\n#else\n\
             #define likely(x) !!x\n#endif\n#endif\n#if !defined(LIMIT) && 1\n#define LIMIT 2\n#endif\n#endif",
        ),
    ];
    assert_eq!(squeeze(&expand_tree(&files, &Options::default()).text()), "! ! 1 2");
}

#[test]
fn cycles_of_headers() {
    let files = [
        ("a.c", "#include \"x.h\"\nX Y"),
        ("x.h", "#ifndef X_H\n#define X_H\n#include \"y.h\"\n#define X 1\n#endif"),
        ("y.h", "#ifndef Y_H\n#define Y_H\n#include \"x.h\"\n#define Y 2\n#endif"),
    ];
    assert_eq!(expand_tree(&files, &Options::default()).text(), "1 2");
}

#[test]
fn keywords_stay_keywords() {
    check("#define if while\n#define inline\n#define int long\nif inline int", "if int");
    check("#define const\n#define static(x) y\nconst static(1)", "static ( 1 )");
}

#[test]
fn lists_of_macro_uses_are_pasted() {
    let files = [
        (
            "a.c",
            "enum {\n#define X(a) a,\n#include \"list.h\"\n#undef X\n};\n#define X(a) #a\n#include \"more.def\"\nend",
        ),
        ("list.h", "X(one)\nX(two)\n"),
        ("more.def", "X(three)"),
    ];
    let out = expand_tree(&files, &Options::default());
    assert_eq!(squeeze(&out.text()), "enum { one , two , } ; \"three\" end");
    assert_eq!(out.tokens[2].line, 3);
}

#[test]
fn pasting_ends() {
    let files = [("a.c", "{\n#include \"a.c\"\n}")];
    assert!(expand_tree(&files, &Options::default()).tokens.len() < 100);
    let out =
        expand_tree(&[("a.c", "#include \"b.c\"\nx"), ("b.c", "#include \"b.c\"\ny")], &Options::default());
    assert!(out.tokens.len() < 100);
}

#[test]
fn blow_ups_end() {
    let mut text = String::from("#define A0 x x\n");
    for i in 1..60 {
        text.push_str(&format!("#define A{i} A{} A{}\n", i - 1, i - 1));
    }
    let out = expand_tree(&[("a.c", &format!("{text}int a = A59; int b = A1;"))], &Options::default());
    assert_eq!(squeeze(&out.text()), "int a = A59 ; int b = x x x x ;");
    assert_eq!(out.errors.len(), 1);
    let deep = format!("#define F(x) x\n{}1{}", "F(".repeat(5000), ")".repeat(5000));
    assert!(!expand_tree(&[("a.c", &deep)], &Options::default()).tokens.is_empty());
}

#[test]
fn unterminated_uses_are_left() {
    let out = expand_tree(&[("a.c", "#define F(x) <x>\nF(a; b(F(1))\nc")], &Options::default());
    assert_eq!(squeeze(&out.text()), "F ( a ; b ( < 1 > ) c");
    assert_eq!(out.errors.len(), 1);
}

#[test]
fn prelude() {
    check("p = NULL; n = EINVAL;", "p = ( ( void * ) 0 ) ; n = 22 ;");
    check(
        "enum { false = 0, true = 1 }; x->EOF = 1; assert(x); errno",
        "enum { false = 0 , true = 1 } ; x -> EOF = 1 ; assert ( x ) ; errno",
    );
    check(
        "offsetof(struct s, f) va_arg(ap, int)",
        "__builtin_offsetof ( struct s , f ) __builtin_va_arg ( ap , int )",
    );
    check("static int __init f(char __user *p) __must_check;", "static int f ( char * p ) ;");
    check("printf(\"%\" PRIu64, x)", "printf ( \"%\" \"lu\" , x )");
    let files =
        [("a.c", "#include \"n.h\"\nNULL"), ("n.h", "#ifdef NULL\n#undef NULL\n#endif\n#define NULL 0L")];
    assert_eq!(expand_tree(&files, &Options::default()).text(), "0L");
    let ilp32 = Options { pointer_bytes: 4, ..Options::default() };
    assert_eq!(expand_tree(&[("a.c", "SIZE_MAX")], &ilp32).text(), "4294967295U");
}

#[test]
fn spans_are_those_of_the_outermost_use() {
    let out =
        expand_tree(&[("a.c", "#define G(x) x y\n#define F(x) G(x) z\n  F(\n q)")], &Options::default());
    for token in &out.tokens[..3] {
        assert_eq!((token.line, token.col, token.len, token.in_macro.as_str()), (3, 3, 1, "F"));
    }
}

#[test]
fn a_function_whose_name_is_a_macro_elsewhere_is_still_defined() {
    let defs = "#define f(x) do { } while (0)\n#define g NULL\n#define h(x) ((void)(x))\n#define n (y)\n";
    check(&format!("{defs}void f(int x) {{ f(x); }}"), "void f ( int x ) { do { } while ( 0 ) ; }");
    check(
        &format!("{defs}int *g(int x); void h(int x); int n;"),
        "int * g ( int x ) ; void h ( int x ) ; int ( y ) ;",
    );
}

#[test]
fn typedef_names() {
    let text = "typedef int a; typedef struct { int no; } b, *c; typedef void (*d)(int no, char *no2);\n\
                typedef int e(int no); typedef char f[10][N]; typedef enum { NO } __attribute__((packed)) g;\n\
                typedef int h __attribute__((aligned(4))); typedef int (*(*i)(int))(char); typedef struct s j;\n\
                int (*no)(void); typedef unsigned long const k; typedef void (WINAPI *l)(int);";
    let pp = Preprocessor::new(&tree(&[("a.c", text)]), &Options::default());
    let names: Vec<&str> = pp.own_type_names(FileId(0)).iter().map(|n| n.as_str()).collect();
    assert_eq!(names, ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"]);
}

#[test]
fn a_header_is_read_as_its_surroundings_show_it() {
    let files = [
        (
            "core/sub.h",
            "#if FEATURE\nint a = SIZE;\n#endif\n#ifndef LIMIT\n#define LIMIT 3\n#endif\nLIMIT NULL",
        ),
        ("core/all.h", "#include \"config.h\"\n#include \"sub.h\"\n#include \"late.h\"\n"),
        ("core/config.h", "#define FEATURE 1\n#define SIZE 8\n#define NULL 0\ntypedef int t;"),
        ("core/late.h", "#ifndef LIMIT\n#define LIMIT 9\n#endif"),
        ("core/x.c", "#include \"all.h\"\nLIMIT"),
    ];
    let pp = Preprocessor::new(&tree(&files), &Options::default());
    let out = pp.tokens(FileId(0));
    assert_eq!(squeeze(&out.text()), "int a = 8 ; 3 0");
    assert!(pp.is_type_name(FileId(0), &out, banbury_base::Symbol::new("t")));
    assert_eq!(pp.tokens(FileId(4)).text(), "3");
}

#[test]
fn known_macros_replace_definitions_of_their_headers_only() {
    let files = [
        ("a.c", "#include <linux/minmax.h>\nmin(a, b) pr_err(\"x\", 1) BUILD_BUG_ON(1);"),
        (
            "include/linux/minmax.h",
            "#define min(x, y) huge(x, y)\n#define pr_err(f, ...) printk(KERN_ERR f, ## __VA_ARGS__)\n\
             #define BUILD_BUG_ON(c) c c c",
        ),
    ];
    let out = expand_tree(&files, &Options::default());
    assert_eq!(
        squeeze(&out.text()),
        "( ( a ) < ( b ) ? ( a ) : ( b ) ) printk ( \"x\" , 1 ) ( ( void ) 0 ) ;"
    );
    check("#define min(x, y) own(x)\nmin(1, 2)", "own ( 1 )");
}

/// Any sequence of directives and tokens: no panic, an end, tokens in the order of the text.
#[test]
fn any_directives() {
    const PIECES: &[&str] = &[
        "#if ",
        "#ifdef ",
        "#ifndef ",
        "#elif ",
        "#else\n",
        "#endif\n",
        "#define ",
        "#undef ",
        "#include ",
        "#error\n",
        "\"a.c\"",
        "\"b.h\"\n",
        "<c.def>\n",
        "F(x, ...) ",
        "F(",
        "G(a) ",
        "G",
        "X ",
        "Y",
        "(",
        ")",
        ",",
        "##",
        "#",
        "__VA_ARGS__",
        "__VA_OPT__(",
        "x",
        "a",
        "\n",
        "\n",
        "\n",
        "\\\n",
        "defined(",
        "1 ",
        "0",
        " ? ",
        ":",
        "/*",
        "*/",
        "\"",
        "'",
        "{",
        "}",
        "typedef ",
        ";",
        "__LINE__",
        "_Pragma(",
        "NULL",
        "=",
        "IS_ENABLED(",
        "CONFIG_A",
        "&&",
        "/",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as usize % below
    };
    for _ in 0..1500 {
        let mut text =
            |pieces: usize| -> String { (0..pieces).map(|_| PIECES[next(PIECES.len())]).collect() };
        let (a, b, c) = (text(60), text(30), text(20));
        let sources = tree(&[("a.c", &a), ("b.h", &b), ("c.def", &c)]);
        let pp = Preprocessor::new(&sources, &Options::default());
        for id in 0..3 {
            let out = pp.tokens(FileId(id));
            assert!(
                out.tokens.windows(2).all(|pair| pair[0].line <= pair[1].line),
                "{a}\n---\n{b}\n---\n{c}"
            );
        }
    }
}
