//! How much of a tree of C++ files parses: `cargo run --release --example cpp_stats -- DIR...`.
//! Lists the commonest messages; `--list` prints every function with an error.
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use banbury_base::FileId;
use banbury_frontend::ast::Decl;
use banbury_frontend::cpp::parse_cpp;

fn main() {
    let (flags, dirs): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let list = flags.iter().any(|flag| flag == "--list");
    let mut files = Vec::new();
    for dir in &dirs {
        collect(Path::new(dir), &mut files);
    }
    files.sort();
    let (mut bytes, mut functions, mut partial, mut file_errors) = (0, 0, 0, 0);
    let mut messages: BTreeMap<String, u32> = BTreeMap::new();
    let mut seconds = 0.0;
    for path in &files {
        let Ok(text) = std::fs::read(path) else { continue };
        let start = Instant::now();
        let unit = parse_cpp(FileId(0), &text);
        seconds += start.elapsed().as_secs_f64();
        bytes += text.len();
        file_errors += unit.errors.len();
        for error in &unit.errors {
            *messages.entry(format!("file scope: {}", error.message)).or_default() += 1;
            if list {
                println!("{}:{}: file scope: {}", path.display(), error.span.line, error.message);
            }
        }
        for decl in &unit.decls {
            let Decl::Function(function) = decl else { continue };
            functions += 1;
            partial += usize::from(!function.errors.is_empty());
            for error in &function.errors {
                *messages.entry(error.message.clone()).or_default() += 1;
                if list {
                    println!("{}:{}: {}: {}", path.display(), error.span.line, function.name, error.message);
                }
            }
        }
    }
    let share = 100.0 * partial as f64 / f64::from(functions.max(1));
    let speed = bytes as f64 / 1e6 / seconds;
    println!("{} files, {bytes} bytes, {seconds:.2} s, {speed:.1} MB/s", files.len());
    println!(
        "{functions} functions, {partial} with errors ({share:.2} %), {file_errors} regions at file scope"
    );
    let mut messages: Vec<_> = messages.into_iter().collect();
    messages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (message, count) in messages.into_iter().take(15) {
        println!("{count:6} {message}");
    }
}

fn collect(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), out);
        }
    } else if matches!(path.extension().and_then(|e| e.to_str()), Some("cpp" | "cc" | "cxx" | "hpp" | "hh")) {
        out.push(path.to_path_buf());
    }
}
