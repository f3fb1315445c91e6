//! Reads a tree, preprocesses every file and says how much CPU time that took.
//!
//! `cargo run --release --example pp_stats -- [-j N] [-I DIR]... PATH...`, or with `--print FILE`
//! the tokens of one file of the tree.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::path::Path;
use std::sync::Arc;

use banbury_base::FileId;
use banbury_frontend::lexer::Lexer;
use banbury_frontend::preprocess::Preprocessor;
use banbury_frontend::token::TokenKind;
use banbury_frontend::{Language, Options, SourceFile};
use rayon::prelude::*;

fn main() {
    let mut options = Options::default();
    let (mut roots, mut print, mut jobs) = (Vec::new(), None, 1);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-j" => jobs = args.next().and_then(|n| n.parse().ok()).unwrap_or(1),
            "-I" => options.include_dirs.extend(args.next()),
            "--print" => print = args.next(),
            _ => roots.push(arg),
        }
    }
    let _ = rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global();
    let mut files = Vec::new();
    for root in &roots {
        read(Path::new(root), &mut files);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    match print {
        Some(path) => print_tokens(&files, &options, &path),
        None => measure(&files, &options),
    }
}

fn read(path: &Path, files: &mut Vec<SourceFile>) {
    if path.is_dir() && !path.is_symlink() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            read(&entry.path(), files);
        }
        return;
    }
    let language = match path.extension().and_then(|e| e.to_str()) {
        Some("c" | "h" | "def" | "inc" | "tbl" | "x") => Language::C,
        Some("cc" | "cpp" | "cxx" | "hpp" | "hh") => Language::Cpp,
        _ => return,
    };
    if let Ok(text) = std::fs::read(path) {
        files.push(SourceFile { path: path.display().to_string(), text: Arc::from(text), language });
    }
}

fn measure(files: &[SourceFile], options: &Options) {
    let megabytes = files.iter().map(|f| f.text.len()).sum::<usize>() as f64 / 1e6;
    let start = cpu_seconds();
    let count: usize = files.par_iter().map(|file| lex(&file.text)).sum();
    let lexing = cpu_seconds() - start;
    let start = cpu_seconds();
    let pp = Preprocessor::new(files, options);
    let learning = cpu_seconds() - start;
    let start = cpu_seconds();
    let totals: [usize; 6] = (0..files.len() as u32)
        .into_par_iter()
        .map(|id| {
            let out = pp.tokens(FileId(id));
            let in_macro = out.tokens.iter().filter(|t| !t.in_macro.is_empty()).count();
            let unbalanced = usize::from(balance(&out.tokens) != 0);
            let missing = out.missing_includes as usize;
            [out.tokens.len(), in_macro, out.undecided.len(), out.errors.len(), unbalanced, missing]
        })
        .reduce(|| [0; 6], |a, b| std::array::from_fn(|i| a[i] + b[i]));
    let expanding = cpu_seconds() - start;
    let rate = |seconds: f64| megabytes / seconds;
    println!("{} files, {megabytes:.1} MB", files.len());
    println!("lex       {lexing:7.3} s {:8.0} MB/s  {count} tokens", rate(lexing));
    println!("learn     {learning:7.3} s {:8.0} MB/s", rate(learning));
    println!("expand    {expanding:7.3} s {:8.0} MB/s", rate(expanding));
    println!("both      {:7.3} s {:8.0} MB/s", learning + expanding, rate(learning + expanding));
    println!(
        "tokens {}, of macros {}, undecided {}, errors {}, unbalanced files {}, missing includes {}",
        totals[0], totals[1], totals[2], totals[3], totals[4], totals[5]
    );
    if std::env::var_os("PP_MACROS").is_some() {
        let mut counts = std::collections::BTreeMap::<&str, (usize, usize)>::new();
        for id in 0..files.len() as u32 {
            let out = pp.tokens(FileId(id));
            let mut last = (0, 0);
            for token in out.tokens.iter().filter(|t| !t.in_macro.is_empty()) {
                let entry = counts.entry(token.in_macro.as_str()).or_default();
                entry.0 += 1;
                entry.1 += usize::from(last != (token.line, token.col));
                last = (token.line, token.col);
            }
        }
        let mut sorted: Vec<_> = counts.into_iter().collect();
        sorted.sort_by_key(|(_, (tokens, _))| std::cmp::Reverse(*tokens));
        for (name, (tokens, uses)) in sorted.iter().take(60) {
            println!("{tokens:9} tokens {uses:8} uses {:7.1} {name}", *tokens as f64 / *uses as f64);
        }
    }
    if std::env::var_os("PP_VERBOSE").is_some() {
        for (id, file) in files.iter().enumerate() {
            let out = pp.tokens(FileId(id as u32));
            let open = balance(&out.tokens);
            if open != 0 || !out.errors.is_empty() {
                let first = out.errors.first().map(|(span, text)| format!("{}: {text}", span.line));
                println!("{}: balance {open}, errors {} {first:?}", file.path, out.errors.len());
            }
        }
    }
}

/// CPU time of this process so far (Linux; clock ticks of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    fields.get(13..15).map_or(0.0, |ticks| ticks.iter().sum::<f64>() / 100.0)
}

fn lex(text: &[u8]) -> usize {
    let mut lexer = Lexer::new(text, false);
    let mut count = 0;
    while lexer.next_token().kind != TokenKind::Eof {
        count += 1;
    }
    count
}

fn balance(tokens: &[banbury_frontend::token::Token]) -> i32 {
    tokens.iter().fold(0, |depth, token| match token.kind {
        TokenKind::LBrace | TokenKind::LParen => depth + 1,
        TokenKind::RBrace | TokenKind::RParen => depth - 1,
        _ => depth,
    })
}

fn print_tokens(files: &[SourceFile], options: &Options, path: &str) {
    let pp = Preprocessor::new(files, options);
    let Some(id) = files.iter().position(|f| f.path.ends_with(path)) else {
        eprintln!("no such file");
        return;
    };
    let out = pp.tokens(FileId(id as u32));
    println!("{}", out.text());
    for (span, message) in &out.errors {
        println!("// {}:{}: {message}", span.line, span.col);
    }
    println!("// undecided: {:?}, missing includes {}", out.undecided, out.missing_includes);
}
