//! The files that come with Banbury, and what the loader says of wrong ones.

use std::collections::BTreeMap;

use banbury_base::Symbol;

use super::super::{Effect, Failure, FnModel, Models, SinkKind, Size, Slot, SourceKind};
use super::{BUILTIN, FunctionError, ModelError};

fn model(name: &str) -> &'static FnModel {
    Models::builtin().get(Symbol::new(name)).unwrap_or_else(|| panic!("{name} has no model"))
}

fn has(name: &str, effect: Effect) {
    assert!(model(name).effects.contains(&effect), "{name}: no {effect:?} in {:#?}", model(name).effects);
}

fn entry(params: &str, effects: &str) -> String {
    format!(
        "[library]\nname = \"l\"\nsource = \"s\"\n\
         [[function]]\nnames = [\"f\"]\nparams = [{params}]\neffects = [{effects}]\n"
    )
}

fn load(text: &str) -> Result<Models, ModelError> {
    let mut models = Models::default();
    models.add_toml("test.toml", text).map(|()| models)
}

#[test]
fn every_file_is_read() {
    for (file, text) in BUILTIN {
        if let Err(error) = Models::default().add_toml(file, text) {
            panic!("{error}");
        }
    }
}

#[test]
fn every_file_of_the_folder_comes_with_the_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let mut there: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    there.sort();
    let mut listed: Vec<&str> = BUILTIN.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(there, listed);
}

#[test]
fn no_function_is_in_two_files() {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for (file, text) in BUILTIN {
        let models = load(text).unwrap();
        for name in models.functions.keys() {
            if let Some(other) = first.insert(name.as_str(), file) {
                panic!("{name} is in {other} and in {file}");
            }
        }
    }
}

#[test]
fn copying_and_its_wide_twin() {
    let bytes = |scale| Size::Arg { arg: 2, scale, plus: 0 };
    has("memcpy", Effect::Write(Slot::Arg(0), bytes(1)));
    has("memcpy", Effect::Read(Slot::Arg(1), bytes(1)));
    has("memcpy", Effect::Copy(Slot::Arg(0), Slot::Arg(1), bytes(1)));
    has("wmemcpy", Effect::Write(Slot::Arg(0), bytes(4)));
    has("strcpy", Effect::Write(Slot::Arg(0), Size::Strlen { arg: 1, scale: 1, plus: 1 }));
    has("wcscpy", Effect::Write(Slot::Arg(0), Size::Strlen { arg: 1, scale: 4, plus: 4 }));
}

#[test]
fn sources() {
    for (name, slot, kind) in [
        ("recv", Slot::Pointee(1), SourceKind::Network),
        ("recvfrom", Slot::Pointee(1), SourceKind::Network),
        ("fgets", Slot::Pointee(0), SourceKind::File),
        ("getenv", Slot::Return, SourceKind::Environment),
        ("scanf", Slot::RestPointee, SourceKind::Console),
    ] {
        has(name, Effect::Taint(slot, kind));
    }
    has("recv", Effect::AtMost(-1, 2));
}

#[test]
fn sinks() {
    for (name, slot, kind) in [
        ("system", Slot::Pointee(0), SinkKind::Command),
        ("popen", Slot::Pointee(0), SinkKind::Command),
        ("execl", Slot::RestPointee, SinkKind::Command),
        ("fopen", Slot::Pointee(0), SinkKind::Path),
        ("dlopen", Slot::Pointee(0), SinkKind::Library),
        ("malloc", Slot::Arg(0), SinkKind::AllocationSize),
        ("sleep", Slot::Arg(0), SinkKind::Resource),
    ] {
        has(name, Effect::Sink(slot, kind));
    }
}

#[test]
fn formats() {
    has("printf", Effect::FormatString { format: 0, first: 1 });
    has("snprintf", Effect::FormatString { format: 2, first: 3 });
    has("vsnprintf", Effect::FormatString { format: 2, first: 0 });
    has("sscanf", Effect::ScanString { format: 1, first: 2 });
    has("sprintf", Effect::Write(Slot::Arg(0), Size::Unbounded));
}

#[test]
fn allocation() {
    let heap = Symbol::new("malloc");
    has(
        "calloc",
        Effect::Allocate {
            slot: Slot::Return,
            size: Size::Product(0, 1),
            family: heap,
            zeroed: true,
            may_fail: true,
        },
    );
    has("free", Effect::Release { arg: 0, family: heap });
    has("open", Effect::Open { slot: Slot::Return, family: Symbol::new("fd"), failure: Failure::Negative });
    assert!(model("realloc").has_tag("realloc"));
}

#[test]
fn endings() {
    has("exit", Effect::NoReturn);
    has("abort", Effect::Abort);
    has("__assert_fail", Effect::NoReturn);
    assert!(!model("exit").effects.contains(&Effect::Abort));
}

#[test]
fn a_later_file_replaces_a_model() {
    let mut models = Models::builtin().clone();
    models.add_toml("mine.toml", &entry("\"p\"", "\"nonnull p\"").replace("\"f\"", "\"free\"")).unwrap();
    let free = models.get(Symbol::new("free")).unwrap();
    assert_eq!(free.effects, [Effect::NonNull(0)]);
}

#[test]
fn errors_name_the_place() {
    for (params, effect, message) in [
        ("\"p\"", "frob p", "unknown effect `frob`"),
        ("\"p\"", "write q 4", "`q` is not a parameter"),
        ("\"p\"", "write p", "missing a size"),
        ("\"p\"", "write p 4 4", "`4` is too much"),
        ("\"p\"", "write p p**4", "`p**4` is not a size"),
        ("\"p\"", "write p strlen(p", "`strlen(p` is not a size"),
        ("\"p\"", "write p 99999999999999999999", "is not a size"),
        ("\"p\"", "taint *p radio", "`radio` is not one of"),
        ("\"p\"", "sink ... path", "no `...` parameter"),
        ("\"p\"", "range 2 1", "lower bound 2 is above upper bound 1"),
        ("\"p\"", "", "the effect is empty"),
        ("\"p\"", "tag a/b", "`a/b` is not a name"),
    ] {
        let error = load(&entry(params, &format!("\"{effect}\""))).unwrap_err().to_string();
        let place = format!("test.toml: function f: effect `{effect}`: ");
        assert!(error.starts_with(&place), "{error}");
        assert!(error.contains(message), "{error}");
    }
}

#[test]
fn entries_are_checked() {
    let reason = |text: &str| match load(text) {
        Err(ModelError::Function { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let good = entry("\"p\"", "");
    assert_eq!(reason(&good.replace("[\"f\"]", "[]")), FunctionError::NoName);
    assert_eq!(reason(&good.replace("\"f\"", "\"9\"")), FunctionError::BadName);
    assert_eq!(reason(&good.replace("[\"f\"]", "[\"f\", \"f\"]")), FunctionError::Twice);
    assert_eq!(reason(&entry("\"p\", \"p\"", "")), FunctionError::BadParameter("p".into()));
    assert_eq!(reason(&entry("\"...\", \"p\"", "")), FunctionError::BadParameter("...".into()));
    assert_eq!(reason(&entry("\"return\"", "")), FunctionError::BadParameter("return".into()));
    let many: Vec<String> = (0..300).map(|i| format!("\"p{i}\"")).collect();
    assert_eq!(reason(&entry(&many.join(", "), "")), FunctionError::TooManyParameters);
    assert!(matches!(load("[library]"), Err(ModelError::Syntax { .. })));
    assert!(matches!(load(&good.replace("effects", "efects")), Err(ModelError::Syntax { .. })));
}

const REFERENCE: &str = include_str!("../../../../docs/models.md");

#[test]
fn the_examples_of_the_reference_are_read() {
    let blocks: Vec<&str> =
        REFERENCE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        load(block).unwrap();
    }
}

/// The words in backquotes in the first column of the reference's tables.
fn reference_words() -> Vec<&'static str> {
    REFERENCE
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
        .flat_map(|cell| cell.split('`').step_by(2))
        .collect()
}

#[test]
fn the_reference_knows_every_effect_and_tag() {
    let words = reference_words();
    let verbs: Vec<&str> = words.iter().filter_map(|word| word.split(' ').next()).collect();
    for (file, text) in BUILTIN {
        for line in text.lines().filter(|line| line.starts_with("effects")) {
            for effect in line.split('"').skip(1).step_by(2) {
                let parts: Vec<&str> = effect.split(' ').collect();
                assert!(verbs.contains(&parts[0]), "{file}: `{}` is not in docs/models.md", parts[0]);
                if matches!(parts[0], "tag" | "mark") {
                    let name = parts[parts.len() - 1];
                    assert!(words.contains(&name), "{file}: `{name}` is not in docs/models.md");
                }
            }
        }
    }
}

#[test]
fn the_reference_has_no_effect_that_the_loader_does_not_know() {
    let table = REFERENCE.split("## Effects").nth(1).unwrap().split("\n\n").nth(2).unwrap();
    for cell in table.lines().skip(2).filter_map(|line| line.split('|').nth(1)) {
        for form in
            cell.split('`').skip(1).step_by(2).filter(|form| !matches!(*form, "zeroed" | "never-null"))
        {
            let verb = form.split(' ').next().unwrap();
            let error = load(&entry("\"p\"", &format!("\"{verb}\""))).err().map(|e| e.to_string());
            assert!(!error.is_some_and(|e| e.contains("unknown effect")), "{verb}");
        }
    }
}

/// Numbers for the tests below; always the same ones (Marsaglia, Xorshift RNGs, 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

#[test]
fn any_words_give_a_model_or_an_error() {
    let verbs = [
        "read", "write", "copy", "append", "fill", "taint", "derive", "same", "inside", "allocate", "open",
        "release", "range", "at-most", "format", "scan", "feeds", "mark", "fails", "nonnull", "p", "",
    ];
    let words = [
        "p",
        "q",
        "*p",
        "...",
        "*...",
        "return",
        "**p",
        "*",
        "strlen(p)+1",
        "strlen()",
        "p*q",
        "4*p-1",
        "p+",
        "-",
        "*4",
        "p*",
        "+1",
        "p+99999999999",
        "4294967296*p",
        "unbounded",
        "unknown",
        "-1",
        "null",
        "zero",
        "18446744073709551615",
        "network",
        "path",
        "malloc",
        "zeroed",
        "é",
        "\u{1f4a5}",
        "",
    ];
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let mut effect = numbers.pick(&verbs).to_owned();
        for _ in 0..numbers.below(4) {
            effect = effect + " " + numbers.pick(&words);
        }
        let text = entry("\"p\", \"q\", \"...\"", &format!("\"{effect}\""))
            .replace("names = [\"f\"]", "names = [\"f\"]\nwide = [\"g\"]");
        match load(&text) {
            Ok(models) => {
                good += 1;
                assert_eq!(models.functions.len(), 2);
                // Reading is a function of the words, not of the space between them.
                assert_eq!(
                    models.functions[&Symbol::new("f")].effects,
                    load(&text.replace(' ', "  ")).unwrap().functions[&Symbol::new("f")].effects
                );
            }
            Err(_) => bad += 1,
        }
    }
    assert!(good > 100 && bad > 100, "{good} good, {bad} bad");
}

#[test]
fn damaged_files_give_models_or_an_error() {
    let mut numbers = Numbers(0x0123_4567_89ab_cdef);
    for (_, text) in BUILTIN {
        // Long files are the same few shapes again and again.
        let start = text[..text.len().min(3000)].rfind("\n\n").unwrap_or(text.len());
        for _ in 0..30 {
            let mut bytes = text.as_bytes()[..start].to_vec();
            for _ in 0..1 + numbers.below(3) {
                let at = numbers.below(bytes.len());
                match numbers.below(3) {
                    0 => drop(bytes.remove(at)),
                    1 => bytes[at] = numbers.below(128) as u8,
                    _ => bytes.insert(at, b"\"*[]=\n."[numbers.below(7)]),
                }
            }
            let _ = load(&String::from_utf8_lossy(&bytes));
        }
    }
}
