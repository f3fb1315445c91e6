//! Definitions and include directories out of a `compile_commands.json`. Nothing in it is run.

use std::collections::BTreeMap;

use banbury_frontend::FileOptions;
use rustc_hash::FxHashMap;
use serde::Deserialize;

/// One entry, with its words split.
#[derive(Debug)]
pub(super) struct Command {
    directory: String,
    file: String,
    words: Vec<String>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Command>, String> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        directory: String,
        file: String,
        command: Option<String>,
        arguments: Option<Vec<String>>,
    }
    let raw: Vec<Raw> = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let split = |raw: Raw| Command {
        words: raw.arguments.unwrap_or_else(|| shell_words(raw.command.as_deref().unwrap_or(""))),
        directory: raw.directory,
        file: raw.file,
    };
    Ok(raw.into_iter().map(split).collect())
}

/// Options by position in `paths`, and the number of entries that name no file of the release.
/// The database may come from another machine: its root is found by matching path ends.
pub(super) fn by_file(commands: &[Command], paths: &[&str]) -> (BTreeMap<u32, FileOptions>, usize) {
    let mut by_name: FxHashMap<&str, Vec<u32>> = FxHashMap::default();
    for (index, path) in paths.iter().enumerate() {
        by_name.entry(path.rsplit('/').next().unwrap_or(path)).or_default().push(index as u32);
    }
    let mut options = BTreeMap::new();
    let mut unmatched = 0;
    let mut root = None;
    for command in commands {
        let full = join(&command.directory, &command.file);
        let Some((index, prefix)) = best_match(&full, paths, &by_name, root.as_deref()) else {
            unmatched += 1;
            continue;
        };
        // The first configuration of a file counts, as it does for editors.
        options.entry(index).or_insert_with(|| file_options(command, &prefix));
        root = Some(prefix);
    }
    (options, unmatched)
}

/// The file whose path is the longest end of `full`, and what stands before it.
fn best_match(
    full: &str,
    paths: &[&str],
    by_name: &FxHashMap<&str, Vec<u32>>,
    root: Option<&str>,
) -> Option<(u32, String)> {
    let candidates = by_name.get(full.rsplit('/').next()?)?;
    let fits = |&&index: &&u32| {
        let path = paths[index as usize];
        full == path || full.strip_suffix(path).is_some_and(|rest| rest.ends_with('/'))
    };
    let prefix =
        |index: u32| full[..full.len() - paths[index as usize].len()].trim_end_matches('/').to_owned();
    let fitting: Vec<u32> = candidates.iter().filter(fits).copied().collect();
    let same_root = fitting.iter().copied().find(|&index| Some(prefix(index).as_str()) == root);
    let longest = || fitting.iter().copied().max_by_key(|&index| paths[index as usize].len());
    same_root.or_else(longest).map(|index| (index, prefix(index)))
}

fn file_options(command: &Command, root: &str) -> FileOptions {
    let mut options = FileOptions::default();
    let mut words = command.words.iter().skip(1);
    while let Some(word) = words.next() {
        let mut value = |flag: &str| -> Option<String> {
            let rest = word.strip_prefix(flag)?;
            if rest.is_empty() { words.next().cloned() } else { Some(rest.to_owned()) }
        };
        if let Some(define) = value("-D") {
            let (name, value) = define.split_once('=').unwrap_or((&define, "1"));
            options.defines.push((name.to_owned(), value.to_owned()));
        } else if let Some(name) = value("-U") {
            options.undefines.push(name);
        } else if let Some(folder) = value("-I")
            .or_else(|| value("-isystem"))
            .or_else(|| value("-iquote"))
            .or_else(|| value("-idirafter"))
        {
            let full = join(&command.directory, &folder);
            // Directories outside of the release hold nothing that was handed in.
            if full == root {
                options.include_dirs.push(String::new());
            } else if let Some(inside) = full.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) {
                options.include_dirs.push(inside.to_owned());
            }
        }
    }
    options
}

/// Joins and removes `.` and `..` without looking at any file system.
fn join(directory: &str, file: &str) -> String {
    let file = file.replace('\\', "/");
    let full =
        if file.starts_with('/') || directory.is_empty() { file } else { format!("{directory}/{file}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{}{}", if full.starts_with('/') { "/" } else { "" }, parts.join("/"))
}

/// Splits a command line as a POSIX shell does, without expansions.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    let mut quote = None;
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_foreign_machine() {
        let json = br#"[
            {"directory": "/build/x/out", "file": "../src/a.c",
             "command": "cc -DA=1 -D 'B=\"q\"' -DC -UD -I../include -isystem /usr/include/y -I . -c ../src/a.c"},
            {"directory": "/build/x/out", "file": "/elsewhere/b.c", "arguments": ["cc", "-DX"]}
        ]"#;
        let commands = parse(json).unwrap();
        let (options, unmatched) = by_file(&commands, &["lib/a.c", "src/a.c"]);
        assert_eq!(unmatched, 1);
        let a = &options[&1];
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(a.defines, [pair("A", "1"), pair("B", "\"q\""), pair("C", "1")]);
        assert_eq!(a.undefines, ["D"]);
        assert_eq!(a.include_dirs, ["include", "out"]);
    }

    #[test]
    fn damaged_databases_are_refused() {
        assert!(parse(b"{}").is_err());
        assert!(parse(b"[{\"file\": 3}]").is_err());
    }
}
