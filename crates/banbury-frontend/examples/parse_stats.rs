//! Parses files and folders and prints how much of them was understood.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use banbury_base::FileId;
use banbury_frontend::ast::Decl;
use banbury_frontend::lexer::tokenize;
use banbury_frontend::parser::{Mode, parse};
use banbury_frontend::token::{Token, TokenKind};

fn collect(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        for e in entries {
            if !e.is_symlink() {
                collect(&e, out);
            }
        }
    } else if path.extension().is_some_and(|e| e == "c") {
        out.push(path.to_path_buf());
    }
}

fn first_arms(text: &[u8], tokens: Vec<Token>) -> Vec<Token> {
    let lines: Vec<&[u8]> = text.split(|&b| b == b'\n').collect();
    let mut out = Vec::with_capacity(tokens.len());
    let mut stack: Vec<bool> = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        let t = tokens[i];
        if t.kind == TokenKind::Hash && (i == 0 || tokens[i - 1].line < t.line) {
            let mut line = t.line;
            while lines.get(line as usize - 1).is_some_and(|l| l.ends_with(b"\\") || l.ends_with(b"\\\r")) {
                line += 1;
            }
            let word = tokens.get(i + 1).map_or("", |t| t.text.as_str());
            match word {
                "if" => {
                    let off = tokens.get(i + 2).is_some_and(|t| t.text == "0");
                    stack.push(!off)
                }
                "ifdef" => {
                    let off = tokens.get(i + 2).is_some_and(|t| t.text == "__cplusplus");
                    stack.push(!off)
                }
                "ifndef" => stack.push(true),
                "else" | "elif" => {
                    if let Some(l) = stack.last_mut() {
                        *l = false;
                    }
                }
                "endif" => {
                    stack.pop();
                }
                _ => {}
            }
            while i < tokens.len() && tokens[i].line <= line && tokens[i].kind != TokenKind::Eof {
                i += 1;
            }
            continue;
        }
        if stack.iter().all(|&b| b) || t.kind == TokenKind::Eof {
            out.push(t);
        }
        i += 1;
    }
    out
}

fn main() {
    let mut files = Vec::new();
    for arg in std::env::args().skip(1) {
        collect(Path::new(&arg), &mut files);
    }
    let show: usize = std::env::var("SHOW").ok().and_then(|v| v.parse().ok()).unwrap_or(40);
    let (mut bytes, mut toks, mut functions, mut bad, mut file_errors) =
        (0usize, 0usize, 0usize, 0usize, 0usize);
    let (mut time, mut decl_time, mut drop_time, mut pp) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (n, path) in files.iter().enumerate() {
        let Ok(text) = std::fs::read(path) else { continue };
        bytes += text.len();
        let start = Instant::now();
        let tokens = first_arms(&text, tokenize(&text, false));
        pp += start.elapsed();
        toks += tokens.len();
        let start = Instant::now();
        let unit = parse(FileId(n as u32), &tokens, Mode::Full, &|_| None);
        time += start.elapsed();
        let start = Instant::now();
        let quick = parse(FileId(n as u32), &tokens, Mode::DeclarationsOnly, &|_| None);
        decl_time += start.elapsed();
        drop(quick);
        let mut note = |e: &banbury_frontend::ast::SyntaxError, what: &str| {
            let key = e.message.split(':').next().unwrap_or("").to_owned();
            messages.entry(format!("{what} {key}")).or_default().push(format!(
                "{}:{} {}",
                path.display(),
                e.span.line,
                e.message
            ));
        };
        file_errors += unit.errors.len();
        for e in &unit.errors {
            note(e, "file");
        }
        for decl in &unit.decls {
            if let Decl::Function(f) = decl {
                functions += 1;
                bad += usize::from(!f.errors.is_empty());
                for e in &f.errors {
                    note(e, "function");
                }
            }
        }
        let start = Instant::now();
        drop(unit);
        drop_time += start.elapsed();
    }
    let mb = bytes as f64 / 1e6;
    println!(
        "{} files, {mb:.1} MB, {toks} tokens; lex {:.1} MB/s, parse {:.1} MB/s ({:.0} ns/token), declarations only {:.1} MB/s, drop {:.1} MB/s",
        files.len(),
        mb / pp.as_secs_f64(),
        mb / time.as_secs_f64(),
        time.as_secs_f64() * 1e9 / toks as f64,
        mb / decl_time.as_secs_f64(),
        mb / drop_time.as_secs_f64()
    );
    println!(
        "{functions} functions, {bad} with errors ({:.2} %), {file_errors} errors at file scope",
        100.0 * bad as f64 / functions.max(1) as f64
    );
    let mut sorted: Vec<_> = messages.into_iter().collect();
    sorted.sort_by_key(|(_, v)| std::cmp::Reverse(v.len()));
    for (key, list) in sorted {
        println!("== {} {key}", list.len());
        let step = (list.len() / show).max(1);
        for m in list.iter().step_by(step).take(show) {
            println!("   {m}");
        }
    }
}
