//! Which language a file is in, by its name and, for headers, by who includes it and what it says.

use banbury_frontend::Language;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::includes;

/// What a name says about a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NameKind {
    C,
    Cpp,
    /// `.h`: C or C++.
    Header,
    /// Source only if a source file includes it (`.inc`, `.def`, ...).
    Fragment,
    /// Source in a language that has no front end yet.
    OtherLanguage,
    NestedArchive,
    Other,
}

impl NameKind {
    /// Whether the front end may read it.
    pub(super) fn is_source(self) -> bool {
        matches!(self, NameKind::C | NameKind::Cpp | NameKind::Header | NameKind::Fragment)
    }
}

pub(super) fn kind_of_name(path: &str) -> NameKind {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, extension)) = name.rsplit_once('.') else { return NameKind::Other };
    if stem.is_empty() {
        return NameKind::Other;
    }
    // `.C` and `.H` are C++ by custom.
    match extension {
        "c" => return NameKind::C,
        "h" => return NameKind::Header,
        "C" | "H" => return NameKind::Cpp,
        _ => {}
    }
    match extension.to_ascii_lowercase().as_str() {
        "cc" | "cpp" | "cxx" | "c++" | "hh" | "hpp" | "hxx" | "h++" | "tcc" | "ipp" => NameKind::Cpp,
        "inc" | "inl" | "def" | "tbl" | "x" | "tmpl" => NameKind::Fragment,
        "go" | "rs" | "java" | "kt" | "py" | "js" | "ts" | "rb" | "pl" | "lua" | "php" | "cs" | "swift"
        | "m" | "mm" | "s" | "asm" | "y" | "l" | "yy" | "ll" | "erl" | "ex" | "scala" | "tcl" | "sh" => {
            NameKind::OtherLanguage
        }
        "tar" | "tgz" | "txz" | "tbz2" | "zip" | "7z" | "rar" | "jar" | "rpm" | "deb" => {
            NameKind::NestedArchive
        }
        "gz" | "xz" | "bz2" | "zst" if stem.ends_with(".tar") => NameKind::NestedArchive,
        _ => NameKind::Other,
    }
}

/// The language of each file.
pub(super) fn languages(files: &[(String, Vec<u8>)]) -> Vec<Language> {
    let kinds: Vec<NameKind> = files.iter().map(|(path, _)| kind_of_name(path)).collect();
    // Without C++ sources no header is C++ but by what it says.
    let has_cpp = kinds.contains(&NameKind::Cpp);
    let only_cpp = if has_cpp { included_from_cpp_only(files, &kinds) } else { FxHashSet::default() };
    files
        .par_iter()
        .zip(kinds.par_iter())
        .enumerate()
        .map(|(index, ((_, text), kind))| match kind {
            NameKind::Cpp => Language::Cpp,
            NameKind::Header | NameKind::Fragment if only_cpp.contains(&index) || says_cpp(text) => {
                Language::Cpp
            }
            _ => Language::C,
        })
        .collect()
}

/// Headers that C++ sources reach and C sources do not. Names are matched by their last part.
fn included_from_cpp_only(files: &[(String, Vec<u8>)], kinds: &[NameKind]) -> FxHashSet<usize> {
    let includes: Vec<Vec<&str>> = files.par_iter().map(|(_, text)| includes::names(text)).collect();
    let mut by_name: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
    for (index, (path, _)) in files.iter().enumerate() {
        by_name.entry(last_part(path)).or_default().push(index);
    }
    let reach = |root: NameKind| -> Vec<bool> {
        let mut seen = vec![false; files.len()];
        let mut todo: Vec<usize> = (0..files.len()).filter(|&index| kinds[index] == root).collect();
        while let Some(index) = todo.pop() {
            if std::mem::replace(&mut seen[index], true) {
                continue;
            }
            for name in &includes[index] {
                let found = by_name.get(last_part(name)).into_iter().flatten();
                // A C file that includes `x.hpp` does not make it C.
                todo.extend(found.filter(|&&to| root == NameKind::Cpp || kinds[to] != NameKind::Cpp));
            }
        }
        seen
    };
    let (c, cpp) = (reach(NameKind::C), reach(NameKind::Cpp));
    (0..files.len()).filter(|&index| cpp[index] && !c[index]).collect()
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a header declares what only C++ has, outside of `#ifdef __cplusplus`.
fn says_cpp(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"class ", b"template", b"namespace ", b"using namespace"];
    if WORDS.iter().all(|word| memchr::memmem::find(text, word).is_none()) {
        return false;
    }
    let mut guards: Vec<bool> = Vec::new();
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.trim_ascii();
        if let [b'#', rest @ ..] = line {
            let rest = rest.trim_ascii_start();
            if rest.starts_with(b"if") {
                guards.push(memchr::memmem::find(rest, b"__cplusplus").is_some());
            } else if rest.starts_with(b"endif") {
                guards.pop();
            }
        } else if !guards.contains(&true) && is_cpp_line(line) {
            return true;
        }
    }
    false
}

fn is_cpp_line(line: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(line) else { return false };
    if line.starts_with("template<") || line.starts_with("template <") || line.starts_with("using namespace ")
    {
        return true;
    }
    if let Some(rest) = line.strip_prefix("namespace ") {
        return rest.ends_with('{')
            || rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':');
    }
    if let Some(rest) = line.strip_prefix("class ") {
        let name_end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let after = rest[name_end..].trim_start();
        return name_end > 0
            && matches!(after.as_bytes().first(), None | Some(b':' | b'{' | b';'))
            && rest.as_bytes()[0] != b' ';
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> (String, Vec<u8>) {
        (path.to_owned(), text.as_bytes().to_vec())
    }

    #[test]
    fn headers_follow_their_includers_and_their_words() {
        let files = [
            file("a.c", "#include \"both.h\"\n#include <c_only.h>\n"),
            file("b.cpp", "#include \"both.h\"\n#  include \"sub/cpp_only.h\"\n"),
            file("both.h", "#ifdef __cplusplus\nnamespace x {\n#endif\n"),
            file("c_only.h", "int class;\n"),
            file("says.h", "class Foo : public Bar {\n"),
            file("sub/cpp_only.h", "int f();\n"),
        ];
        use Language::{C, Cpp};
        assert_eq!(languages(&files), [C, Cpp, C, C, Cpp, Cpp]);
    }
}
