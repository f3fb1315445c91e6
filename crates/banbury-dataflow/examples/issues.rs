//! Prints the raw issues of the interpreter for files or folders: `issues PATH...`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;

use banbury_dataflow::{AnalysisOptions, Models, analyse};
use banbury_frontend::{Language, Options, SourceFile, build};

fn collect(path: &Path, files: &mut Vec<SourceFile>) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        entries.iter().for_each(|p| collect(p, files));
        return;
    }
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("c" | "h") => Language::C,
        Some("cc" | "cpp" | "cxx" | "hpp" | "hh") => Language::Cpp,
        _ => return,
    };
    if let Ok(text) = std::fs::read(path) {
        files.push(SourceFile { path: path.to_string_lossy().into_owned(), text: text.into(), language });
    }
}

fn main() {
    let mut files = Vec::new();
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let ir = args.iter().position(|a| a == "--ir").map(|i| args.remove(i)).is_some();
    args.iter().for_each(|a| collect(Path::new(a), &mut files));
    let start = std::time::Instant::now();
    let (program, coverage) = build(&files, &Options::default());
    let built = start.elapsed();
    if ir {
        for f in &program.functions {
            print!("{}", banbury_ir::print_function(&program, f));
        }
    }
    let models = Models::builtin();
    let analysis = analyse(&program, models, &[], &AnalysisOptions::default());
    for issue in &analysis.issues {
        let path = &program.file_paths[issue.span.file.index()];
        println!(
            "{path}:{} {} CWE-{} {}: {}",
            issue.span.line, issue.rule, issue.cwe, issue.function, issue.message
        );
        if std::env::var_os("STEPS").is_some() {
            for s in &issue.steps {
                println!("      {}:{} {}", s.function, s.span.line, s.message);
            }
            println!("      {:?}", issue.features);
        }
    }
    let lines: u32 = coverage.iter().map(|c| c.lines).sum();
    let partial: u32 = coverage.iter().map(|c| c.partial).sum();
    eprintln!(
        "{} files, {lines} lines, {} functions, {partial} partial; build {built:.2?}, analysis {:.2?}; {} issues, {} cut short",
        files.len(),
        program.functions.len(),
        start.elapsed() - built,
        analysis.issues.len(),
        analysis.unanalysed.len()
    );
    for (id, why) in analysis.unanalysed.iter().take(10) {
        let f = program.function(*id);
        eprintln!("  {}:{} {why}", f.name, f.span.line);
    }
}
