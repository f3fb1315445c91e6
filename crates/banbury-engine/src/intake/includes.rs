//! A quick look at `#include` lines, before any preprocessing.

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::language::{NameKind, kind_of_name};

/// The names that a text includes, whatever the conditions around.
pub(super) fn names(text: &[u8]) -> Vec<&str> {
    let mut names = Vec::new();
    for at in memchr::memchr_iter(b'#', text) {
        let rest = text[at + 1..].trim_ascii_start();
        let Some(rest) = rest.strip_prefix(b"include") else { continue };
        let line_end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let rest = rest[..line_end].trim_ascii_start();
        let close = match rest.first() {
            Some(b'"') => b'"',
            Some(b'<') => b'>',
            _ => continue,
        };
        if let Some(length) = memchr::memchr(close, &rest[1..])
            && let Ok(name) = std::str::from_utf8(&rest[1..=length])
        {
            names.push(name);
        }
    }
    names
}

/// Leaves out files such as `x.def` that no source file includes; gives how many.
pub(super) fn drop_unused_fragments(files: Vec<(String, Vec<u8>)>) -> (Vec<(String, Vec<u8>)>, u64) {
    let is_fragment = |path: &str| kind_of_name(path) == NameKind::Fragment;
    if !files.iter().any(|(path, _)| is_fragment(path)) {
        return (files, 0);
    }
    let last = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let included: FxHashSet<String> = files
        .par_iter()
        .flat_map_iter(|(_, text)| names(text))
        .filter(|name| is_fragment(name))
        .map(last)
        .collect();
    let before = files.len();
    let files: Vec<_> =
        files.into_iter().filter(|(path, _)| !is_fragment(path) || included.contains(&last(path))).collect();
    let dropped = (before - files.len()) as u64;
    (files, dropped)
}

#[cfg(test)]
mod tests {
    #[test]
    fn include_lines() {
        let text = b"#include <a/b.h>\n # include \"c.h\" // x\n#include MACRO\n#define x\n#include \"open\n";
        assert_eq!(super::names(text), ["a/b.h", "c.h"]);
    }
}
