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

/// Static locals, undeclared names and records of several files, as one listing.
fn tree() -> String {
    let file = |index: usize| SourceFile {
        path: format!("d{}/f{index}.c", index % 3),
        text: format!(
            "struct s{index} {{ int a[{index} + 1]; struct s{index} *next; }};\n\
             extern int shared; int own{index} = {index};\n\
             static int f(struct s{index} *p) {{ static int count; return count++ + missing + p->a[0]; }}\n\
             int g{index}(struct s{index} *p) {{ return f(p) + shared + own{index} + g{}(0); }}\n",
            (index + 1) % 20
        )
        .into_bytes()
        .into(),
        language: Language::C,
    };
    let files: Vec<SourceFile> = (0..20).map(file).collect();
    let (program, _) = build(&files, &Options::default());
    let globals = program.globals.iter().map(|g| format!("{} {:?}\n", g.name, g.init));
    let functions = program.functions.iter().map(|function| print_function(&program, function));
    globals.chain(functions).collect()
}

#[test]
fn threads_do_not_matter() {
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(tree);
    assert_eq!(on(1), on(4));
}

#[test]
fn hostile_declarations_end() {
    let text = "typedef b a; typedef a b; a x; struct s { struct s inner; struct t other; };\n\
                struct t { struct s x, y; }; enum e { A = B, B = A + sizeof(enum e) };\n\
                int v[sizeof w + sizeof w]; int w[sizeof v + sizeof v];\n\
                const int k = m + m; const int m = k + k; typeof(q) r; typeof(r) q;\n\
                int f(void) { struct u { struct u *p; struct u v; } z; goto *&&l; l: break; case 3: return z.v.v.q; }\n";
    let file = SourceFile { path: "a.c".into(), text: text.as_bytes().into(), language: Language::C };
    let (program, _) = build(&[file], &Options::default());
    assert_eq!(program.functions.len(), 1);
}
