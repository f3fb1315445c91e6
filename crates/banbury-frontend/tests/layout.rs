//! Sizes and offsets agree with those of the system's C compiler, where there is one.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use banbury_frontend::{Language, Options, SourceFile, build};
use banbury_ir::{Const, Init};

const TYPES: &str = r#"
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
struct plain { char a; int b; char c; double d; char e; };
struct nested { char a; struct plain p; struct { short x; char y; } in[3]; union { int i; char c[9]; } u; };
struct bits { u32 a : 3; u32 b : 7; u32 c : 23; u8 d : 2; u16 e : 15; int : 0; int f : 1; };
struct mixed { char a; int b : 5; long c : 40; char d; };
struct __attribute__((packed)) tight { char a; int b; u16 c; u64 d; u32 e : 5; u32 f : 30; };
struct flexible { u16 n; u32 data[]; };
union either { char a; long double b; struct plain c; };
enum small { S1, S2 }; enum negative { N1 = -1 }; enum large { L1 = 0x100000000 };
struct enums { char a; enum small b; enum negative c; enum large d; _Bool e; };
struct pointers { char a; void *p; int (*f)(int); char b[5]; long c[0]; };
struct anonymous { int tag; union { struct { char a; long b; }; short c; }; int end; };
struct with_zero { char a; int : 0; char b; };
#define UNITS 24
u8 doubled[2 * UNITS]; u16 counted[sizeof(u64) * UNITS] = { 0 };
static const struct plain rows[] = { { 'a' }, { 'b' }, { 'c' } };
void *methods[sizeof(rows) / sizeof(rows[0])] = { 0 };
struct narrow { u8 a : 4; u8 b : 4; u8 c : 5; u8 d : 4; };
"#;

const EXPRESSIONS: &[&str] = &[
    "sizeof(doubled)",
    "sizeof(counted)",
    "sizeof(methods)",
    "sizeof(struct plain)",
    "offsetof(struct plain, d)",
    "offsetof(struct plain, e)",
    "sizeof(struct nested)",
    "offsetof(struct nested, p)",
    "offsetof(struct nested, in[1].y)",
    "offsetof(struct nested, u)",
    "sizeof(struct bits)",
    "sizeof(struct mixed)",
    "offsetof(struct mixed, d)",
    "sizeof(struct tight)",
    "offsetof(struct tight, d)",
    "sizeof(struct flexible)",
    "offsetof(struct flexible, data)",
    "sizeof(union either)",
    "_Alignof(union either)",
    "sizeof(struct enums)",
    "offsetof(struct enums, d)",
    "offsetof(struct enums, e)",
    "sizeof(struct pointers)",
    "offsetof(struct pointers, b)",
    "offsetof(struct pointers, c)",
    "sizeof(struct anonymous)",
    "offsetof(struct anonymous, b)",
    "offsetof(struct anonymous, end)",
    "sizeof(struct with_zero)",
    "offsetof(struct with_zero, b)",
    "sizeof(struct narrow)",
    "sizeof(((struct nested *)0)->in)",
    "sizeof(int[3][4]) + sizeof 'a' + sizeof 1.0",
    "(u8)300 + (signed char)200 + 7 / 2 * 3 - 5 % 3",
    "-1 < 0u",
    "(1u << 31) >> 3",
    "~0u",
    "-7 / 2",
    "-7 % 3",
    "sizeof(1 ? 1 : 2l)",
    "sizeof((char)1 + (short)1)",
    "0x7fffffff + 1u",
    "sizeof(0x80000000)",
    "sizeof(2147483648)",
    "(1 && 0) || !3",
    "L1 >> 4",
    "N1",
    "'\\xff'",
    "sizeof \"abc\"",
];

#[test]
fn layouts_are_those_of_the_compiler() {
    let Some(expected) = compiled() else { return };
    let declared: String =
        EXPRESSIONS.iter().enumerate().map(|(i, e)| format!("long long v{i} = {e};\n")).collect();
    let text = format!("{TYPES}{declared}");
    let file = SourceFile { path: "a.c".into(), text: text.into_bytes().into(), language: Language::C };
    let (program, _) = build(&[file], &Options::default());
    for (index, expression) in EXPRESSIONS.iter().enumerate() {
        let name = format!("v{index}");
        let global = program.globals.iter().find(|g| g.name == name.as_str()).unwrap();
        let value = match &global.init {
            Init::Const(Const::Int(value, _)) => *value,
            other => panic!("{expression}: {other:?}"),
        };
        assert_eq!(value, expected[index], "{expression}");
    }
}

fn compiled() -> Option<Vec<i64>> {
    let folder = std::env::temp_dir().join(format!("layout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).ok()?;
    let (source, binary) = (folder.join("a.c"), folder.join("a.out"));
    let prints: String =
        EXPRESSIONS.iter().map(|e| format!("printf(\"%lld\\n\", (long long)({e}));\n")).collect();
    let text =
        format!("#include <stddef.h>\n#include <stdio.h>\n{TYPES}int main(void) {{ {prints} return 0; }}\n");
    std::fs::write(&source, text).ok()?;
    let built = Command::new("cc").arg("-w").arg(&source).arg("-o").arg(&binary).status();
    let output = built.ok().filter(|s| s.success()).and_then(|_| Command::new(&binary).output().ok());
    let _ = std::fs::remove_dir_all(&folder);
    let text = String::from_utf8(output?.stdout).ok()?;
    Some(text.lines().map(|line| line.parse().unwrap()).collect())
}
