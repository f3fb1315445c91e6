//! Each `ir/NAME.c` (or `.cpp`) lowers to `ir/NAME.ir`. `BLESS=1 cargo test` writes them anew.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use banbury_frontend::{Language, Options, SourceFile, build};
use banbury_ir::print_function;

fn printed(path: &Path) -> String {
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("cpp") => Language::Cpp,
        _ => Language::C,
    };
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let text = fs::read(path).unwrap().into();
    let (program, _) = build(&[SourceFile { path: name, text, language }], &Options::default());
    program.functions.iter().map(|function| print_function(&program, function)).collect()
}

#[test]
fn fixtures_lower_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ir");
    let mut wrong = Vec::new();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "c" || e == "cpp")) {
        let actual = printed(path);
        let recorded = path.with_extension("ir");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&recorded, &actual).unwrap();
        } else if fs::read_to_string(&recorded).unwrap_or_default() != actual {
            wrong.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
