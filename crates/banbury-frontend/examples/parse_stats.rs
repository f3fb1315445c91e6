//! Preprocesses and parses all C files of some trees and says how much was understood.
//!
//! `cargo run --release --example parse_stats -- [--raw] [--show N] [--dump FILE] [-I DIR] PATH...`;
//! `--raw` leaves out the preprocessor: every macro stays, every arm but the first is dropped.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use banbury_base::{FileId, Symbol};
use banbury_frontend::ast::{Decl, SyntaxError, TranslationUnit};
use banbury_frontend::lexer::tokenize;
use banbury_frontend::parser::{Mode, parse};
use banbury_frontend::preprocess::Preprocessor;
use banbury_frontend::token::{Token, TokenKind};
use banbury_frontend::{Language, Options, SourceFile};

struct Request {
    raw: bool,
    show: usize,
    dump: Option<String>,
    roots: Vec<String>,
    options: Options,
}

fn main() {
    let mut request =
        Request { raw: false, show: 10, dump: None, roots: Vec::new(), options: Options::default() };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--raw" => request.raw = true,
            "--show" => request.show = args.next().and_then(|n| n.parse().ok()).unwrap_or(10),
            "--dump" => request.dump = args.next(),
            "-I" => request.options.include_dirs.extend(args.next()),
            _ => request.roots.push(arg),
        }
    }
    let mut files = Vec::new();
    for root in &request.roots {
        read(Path::new(root), &mut files);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    measure(&files, &request);
}

fn read(path: &Path, files: &mut Vec<SourceFile>) {
    if path.is_symlink() {
        return;
    }
    if path.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            read(&entry.path(), files);
        }
        return;
    }
    if !matches!(path.extension().and_then(|e| e.to_str()), Some("c" | "h" | "def" | "inc")) {
        return;
    }
    if let Ok(text) = std::fs::read(path) {
        let path = path.display().to_string();
        files.push(SourceFile { path, text: Arc::from(text), language: Language::C });
    }
}

/// Seconds that this thread has spent on a processor.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

#[derive(Default)]
struct Totals {
    files: usize,
    bytes: usize,
    tokens: usize,
    functions: usize,
    with_errors: usize,
    declarations: usize,
    full: f64,
    quick: f64,
    drop: f64,
    messages: BTreeMap<String, Vec<String>>,
}

fn measure(files: &[SourceFile], request: &Request) {
    let preprocessor = Preprocessor::new(files, &request.options);
    let mut totals = Totals::default();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| file.path.ends_with(".c")) {
        let id = FileId(index as u32);
        let (tokens, types) = if request.raw {
            (first_arms(&file.text, tokenize(&file.text, false)), Default::default())
        } else {
            let expanded = preprocessor.tokens(id);
            let types = preprocessor.type_names(id, &expanded);
            (expanded.tokens, types)
        };
        let is_type = |name: Symbol| types.contains(&name).then_some(true);
        totals.files += 1;
        totals.bytes += file.text.len();
        totals.tokens += tokens.len();
        let start = processor_seconds();
        let unit = parse(id, &tokens, Mode::Full, &is_type);
        let parsed = processor_seconds();
        let quick = parse(id, &tokens, Mode::DeclarationsOnly, &is_type);
        let surveyed = processor_seconds();
        totals.full += parsed - start;
        totals.quick += surveyed - parsed;
        drop(quick);
        if request.dump.as_ref().is_some_and(|path| file.path.ends_with(path)) {
            println!("{unit:#?}");
        }
        totals.add(&file.path, &unit);
        let start = processor_seconds();
        drop(unit);
        totals.drop += processor_seconds() - start;
    }
    totals.print(request.show);
}

impl Totals {
    fn add(&mut self, path: &str, unit: &TranslationUnit) {
        self.declarations += unit.decls.len();
        self.note("file", path, &unit.errors);
        for decl in &unit.decls {
            if let Decl::Function(function) = decl {
                self.functions += 1;
                self.with_errors += usize::from(!function.errors.is_empty());
                self.note("function", path, &function.errors);
            }
        }
    }

    fn note(&mut self, place: &str, path: &str, errors: &[SyntaxError]) {
        for error in errors {
            let kind = error.message.split(": ").next().unwrap_or("");
            let place = format!("{place}: {kind}");
            let line = format!("{path}:{} {}", error.span.line, error.message);
            self.messages.entry(place).or_default().push(line);
        }
    }

    fn print(&self, show: usize) {
        let megabytes = self.bytes as f64 / 1e6;
        println!(
            "{} files, {megabytes:.1} MB, {} tokens, {} declarations",
            self.files, self.tokens, self.declarations
        );
        println!(
            "parse {:.1} MB/s ({:.0} ns/token), declarations only {:.1} MB/s, drop {:.1} MB/s",
            megabytes / self.full,
            self.full * 1e9 / self.tokens as f64,
            megabytes / self.quick,
            megabytes / self.drop,
        );
        let share = 100.0 * self.with_errors as f64 / self.functions.max(1) as f64;
        println!("{} functions, {} with errors ({share:.3} %)", self.functions, self.with_errors);
        let mut sorted: Vec<_> = self.messages.iter().collect();
        sorted.sort_by_key(|(_, lines)| std::cmp::Reverse(lines.len()));
        for (kind, lines) in sorted {
            println!("{} {kind}", lines.len());
            let step = (lines.len() / show.max(1)).max(1);
            for line in lines.iter().step_by(step).take(show) {
                println!("    {line}");
            }
        }
    }
}

/// Drops directives and all arms of conditional groups but the first.
fn first_arms(text: &[u8], tokens: Vec<Token>) -> Vec<Token> {
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    let mut kept = Vec::with_capacity(tokens.len());
    let mut groups: Vec<bool> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = tokens[at];
        if token.kind != TokenKind::Hash || at > 0 && tokens[at - 1].line == token.line {
            if token.kind == TokenKind::Eof || groups.iter().all(|&taken| taken) {
                kept.push(token);
            }
            at += 1;
            continue;
        }
        let word = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text.as_str());
        match word(1) {
            "if" | "ifdef" => groups.push(word(2) != "0" && word(2) != "__cplusplus"),
            "ifndef" => groups.push(true),
            "else" | "elif" => groups.iter_mut().last().into_iter().for_each(|taken| *taken = false),
            "endif" => drop(groups.pop()),
            _ => {}
        }
        let mut last = token.line;
        while lines.get(last as usize - 1).is_some_and(|line| line.trim_ascii_end().ends_with(b"\\")) {
            last += 1;
        }
        while at < tokens.len() && tokens[at].line <= last && tokens[at].kind != TokenKind::Eof {
            at += 1;
        }
    }
    kept
}
