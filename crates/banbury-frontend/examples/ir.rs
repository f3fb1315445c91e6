//! Prints the IR of a file or tree: `cargo run --example ir -- PATH [--function NAME] [--stats]`.
//! `--cpp` takes `.h` for C++.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use banbury_frontend::{Language, Options, SourceFile, build};
use banbury_ir::print_function;

fn main() -> std::io::Result<()> {
    let mut roots = Vec::new();
    let (mut function, mut stats, mut gaps, mut cpp) = (None, false, false, false);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--function" => function = args.next(),
            "--stats" => stats = true,
            "--cpp" => cpp = true,
            "--gaps" => (stats, gaps) = (true, true),
            _ => roots.push(PathBuf::from(arg)),
        }
    }
    let mut files = Vec::new();
    for root in &roots {
        collect(root, &mut files)?;
    }
    if cpp {
        let headers = files.iter_mut().filter(|file| file.path.ends_with(".h"));
        headers.for_each(|file| file.language = Language::Cpp);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let bytes: usize = files.iter().map(|f| f.text.len()).sum();
    let start = Instant::now();
    let (program, coverage) = build(&files, &Options::default());
    let elapsed = start.elapsed();
    if !stats {
        for f in &program.functions {
            if function.as_ref().is_none_or(|name| f.name == name.as_str()) {
                print!("{}", print_function(&program, f));
            }
        }
        return Ok(());
    }
    let partial = program.functions.iter().filter(|f| !f.gaps.is_empty()).count();
    let lines: u64 = coverage.iter().map(|c| u64::from(c.lines)).sum();
    let errors: usize = coverage.iter().map(|c| c.errors.len()).sum();
    let instrs: usize = program.functions.iter().flat_map(|f| &f.blocks).map(|b| b.instrs.len() + 1).sum();
    println!(
        "{} files, {bytes} bytes, {lines} lines, {} functions, {partial} with gaps ({:.2} %), {errors} errors at file scope",
        files.len(),
        program.functions.len(),
        100.0 * partial as f64 / program.functions.len().max(1) as f64,
    );
    println!(
        "{} instructions, {} globals, {} records, {:.3} s",
        instrs,
        program.globals.len(),
        program.types.record_count(),
        elapsed.as_secs_f64()
    );
    if gaps {
        for f in &program.functions {
            for gap in &f.gaps {
                println!(
                    "{}:{}: {}: {}",
                    program.file_paths[f.file.index()],
                    gap.span.line,
                    f.name,
                    gap.reason
                );
            }
        }
        for (index, c) in coverage.iter().enumerate() {
            for (span, reason) in &c.errors {
                println!("{}:{}: file scope: {reason}", program.file_paths[index], span.line);
            }
        }
    }
    Ok(())
}

fn collect(path: &Path, files: &mut Vec<SourceFile>) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            if !entry.file_type()?.is_symlink() {
                collect(&entry.path(), files)?;
            }
        }
        return Ok(());
    }
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("c" | "h") => Language::C,
        Some("cc" | "cpp" | "cxx" | "hpp" | "hh") => Language::Cpp,
        _ => return Ok(()),
    };
    let text: Arc<[u8]> = std::fs::read(path)?.into();
    files.push(SourceFile { path: path.to_string_lossy().into_owned(), text, language });
    Ok(())
}
