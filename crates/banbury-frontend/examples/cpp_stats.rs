//! How much of a tree of C++ files parses: `cargo run --release --example cpp_stats -- DIR...`.
//! Headers below the directories are used for their macros. Lists the commonest messages;
//! `--list` prints every one with its place.

#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use banbury_base::FileId;
use banbury_frontend::ast::{Decl, SyntaxError, TranslationUnit};
use banbury_frontend::cpp::parse_cpp_tokens;
use banbury_frontend::preprocess::Preprocessor;
use banbury_frontend::{Language, Options, SourceFile};

#[derive(Default)]
struct Count {
    functions: u32,
    partial: u32,
    file_scope: usize,
    messages: BTreeMap<String, u32>,
    list: bool,
}

fn main() {
    let (flags, dirs): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let mut files = Vec::new();
    for dir in &dirs {
        collect(Path::new(dir), &mut files);
    }
    files.sort();
    let sources: Vec<SourceFile> = files.iter().filter_map(|path| source(path)).collect();
    let start = Instant::now();
    let preprocessor = Preprocessor::new(&sources, &Options::default());
    let (mut expanding, mut parsing) = (start.elapsed(), Duration::ZERO);
    let mut count = Count { list: flags.iter().any(|flag| flag == "--list"), ..Count::default() };
    let (mut parsed, mut bytes) = (0, 0);
    for (number, source) in sources.iter().enumerate() {
        if source.path.ends_with(".h") || source.path.ends_with(".c") {
            continue;
        }
        let file = FileId(number as u32);
        let start = Instant::now();
        let expanded = preprocessor.tokens(file);
        expanding += start.elapsed();
        let start = Instant::now();
        let unit = parse_cpp_tokens(file, &expanded.tokens);
        parsing += start.elapsed();
        (parsed, bytes) = (parsed + 1, bytes + source.text.len());
        count.unit(&source.path, &unit);
    }
    let speed = bytes as f64 / 1e6 / parsing.as_secs_f64();
    println!(
        "{parsed} files, {bytes} bytes, preprocessed in {expanding:.2?}, parsed in {parsing:.2?}, {speed:.1} MB/s"
    );
    count.print();
}

impl Count {
    fn unit(&mut self, path: &str, unit: &TranslationUnit) {
        self.file_scope += unit.errors.len();
        unit.errors.iter().for_each(|error| self.error(path, "file scope", error));
        for decl in &unit.decls {
            let Decl::Function(function) = decl else { continue };
            self.functions += 1;
            self.partial += u32::from(!function.errors.is_empty());
            function.errors.iter().for_each(|error| self.error(path, function.name.as_str(), error));
        }
    }

    fn error(&mut self, path: &str, place: &str, error: &SyntaxError) {
        *self.messages.entry(error.message.clone()).or_default() += 1;
        if self.list {
            println!("{path}:{}: {place}: {}", error.span.line, error.message);
        }
    }

    fn print(self) {
        let share = 100.0 * f64::from(self.partial) / f64::from(self.functions.max(1));
        println!(
            "{} functions, {} with errors ({share:.2} %), {} regions at file scope",
            self.functions, self.partial, self.file_scope
        );
        let mut messages: Vec<_> = self.messages.into_iter().collect();
        messages.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (message, count) in messages.into_iter().take(15) {
            println!("{count:6} {message}");
        }
    }
}

fn source(path: &Path) -> Option<SourceFile> {
    let text = std::fs::read(path).ok()?.into();
    Some(SourceFile { path: path.display().to_string(), text, language: Language::Cpp })
}

fn collect(path: &Path, out: &mut Vec<PathBuf>) {
    const SUFFIXES: &[&str] = &["cpp", "cc", "cxx", "hpp", "hh", "h", "c"];
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            collect(&entry.path(), out);
        }
    } else if path.extension().and_then(|e| e.to_str()).is_some_and(|e| SUFFIXES.contains(&e)) {
        out.push(path.to_path_buf());
    }
}
