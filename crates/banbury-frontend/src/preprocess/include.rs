//! Which file an `#include` means when nobody knows the build's include path.

use rustc_hash::FxHashMap;

use crate::SourceFile;

/// Finds files by path, and by the end of their path.
pub(super) struct PathIndex {
    by_path: FxHashMap<Box<str>, u32>,
    by_name: FxHashMap<Box<str>, Vec<u32>>,
}

/// An `#include` as written.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub name: &'a str,
    /// `<...>`
    pub system: bool,
    /// `#include_next`: any file but the including one.
    pub next: bool,
}

impl PathIndex {
    pub(super) fn new(files: &[SourceFile]) -> PathIndex {
        let mut by_path = FxHashMap::default();
        let mut by_name: FxHashMap<Box<str>, Vec<u32>> = FxHashMap::default();
        for (index, file) in files.iter().enumerate() {
            by_path.entry(file.path.as_str().into()).or_insert(index as u32);
            by_name.entry(base_name(&file.path).into()).or_default().push(index as u32);
        }
        PathIndex { by_path, by_name }
    }

    /// The file that `wanted` means in file `from`: beside it, in an include directory, or the
    /// one whose path ends with the name, the nearest if there are several.
    pub(super) fn resolve(
        &self,
        files: &[SourceFile],
        from: usize,
        wanted: Wanted<'_>,
        dirs: &mut dyn Iterator<Item = &str>,
    ) -> Option<u32> {
        let own = files[from].path.as_str();
        let allowed = |index: u32| index as usize != from || !wanted.next;
        if !wanted.system
            && !wanted.next
            && let Some(path) = join(directory(own), wanted.name)
            && let Some(&index) = self.by_path.get(path.as_str())
        {
            return Some(index);
        }
        for dir in dirs {
            if let Some(path) = join(dir, wanted.name)
                && let Some(&index) = self.by_path.get(path.as_str())
                && allowed(index)
            {
                return Some(index);
            }
        }
        self.by_suffix(files, own, wanted, &allowed)
    }

    fn by_suffix(
        &self,
        files: &[SourceFile],
        own: &str,
        wanted: Wanted<'_>,
        allowed: &dyn Fn(u32) -> bool,
    ) -> Option<u32> {
        let suffix = plain_suffix(wanted.name);
        // The C library is not in the tree; a file that happens to have its header's name is
        // not it.
        if wanted.system && is_standard_header(suffix) {
            return None;
        }
        let candidates = self.by_name.get(base_name(suffix))?;
        let fits = |index: &u32| {
            let path = files[*index as usize].path.as_str();
            path.strip_suffix(suffix).is_some_and(|head| head.is_empty() || head.ends_with('/'))
                && allowed(*index)
        };
        candidates.iter().copied().filter(fits).min_by_key(|&index| {
            let path = files[index as usize].path.as_str();
            (std::cmp::Reverse(shared_directories(path, own)), path.matches('/').count(), path)
        })
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// `dir/name` without `.` and `..`; nothing if it leaves the tree.
fn join(dir: &str, name: &str) -> Option<String> {
    if name.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = dir.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// What is left of a name without leading `./` and `../`.
fn plain_suffix(mut name: &str) -> &str {
    while let Some(rest) =
        name.strip_prefix("../").or_else(|| name.strip_prefix("./")).or_else(|| name.strip_prefix('/'))
    {
        name = rest;
    }
    name
}

/// Number of leading directories that two paths have in common.
pub(super) fn shared_directories(a: &str, b: &str) -> usize {
    directory(a).split('/').zip(directory(b).split('/')).take_while(|(x, y)| x == y).count()
}

/// Headers of C, POSIX and Linux' C library whose names a release may use for its own files.
pub(super) fn is_standard_header(name: &str) -> bool {
    STANDARD.binary_search(&name).is_ok()
        || ["sys/", "netinet/", "arpa/", "bits/"].iter().any(|dir| name.starts_with(dir))
}

const STANDARD: &[&str] = &[
    "alloca.h",
    "assert.h",
    "byteswap.h",
    "complex.h",
    "ctype.h",
    "dirent.h",
    "dlfcn.h",
    "endian.h",
    "err.h",
    "errno.h",
    "execinfo.h",
    "fcntl.h",
    "features.h",
    "fenv.h",
    "float.h",
    "fnmatch.h",
    "ftw.h",
    "getopt.h",
    "glob.h",
    "grp.h",
    "iconv.h",
    "ifaddrs.h",
    "inttypes.h",
    "iso646.h",
    "langinfo.h",
    "libgen.h",
    "limits.h",
    "locale.h",
    "malloc.h",
    "math.h",
    "memory.h",
    "net/if.h",
    "netdb.h",
    "paths.h",
    "poll.h",
    "pthread.h",
    "pwd.h",
    "regex.h",
    "resolv.h",
    "sched.h",
    "search.h",
    "semaphore.h",
    "setjmp.h",
    "shadow.h",
    "signal.h",
    "spawn.h",
    "stdalign.h",
    "stdarg.h",
    "stdatomic.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdio.h",
    "stdio_ext.h",
    "stdlib.h",
    "stdnoreturn.h",
    "string.h",
    "strings.h",
    "syslog.h",
    "termios.h",
    "tgmath.h",
    "threads.h",
    "time.h",
    "uchar.h",
    "ucontext.h",
    "ulimit.h",
    "unistd.h",
    "utime.h",
    "utmp.h",
    "utmpx.h",
    "values.h",
    "wait.h",
    "wchar.h",
    "wctype.h",
    "wordexp.h",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn tree(paths: &[&str]) -> Vec<SourceFile> {
        paths
            .iter()
            .map(|p| SourceFile {
                path: (*p).into(),
                text: Arc::from(&b""[..]),
                language: crate::Language::C,
            })
            .collect()
    }

    fn resolve(files: &[SourceFile], from: usize, name: &str, system: bool) -> Option<u32> {
        let wanted = Wanted { name, system, next: false };
        PathIndex::new(files).resolve(files, from, wanted, &mut std::iter::empty())
    }

    #[test]
    fn beside_the_file_first_then_by_nearest_suffix() {
        let files = tree(&["a/x.c", "a/x.h", "b/x.h", "b/inc/core/y.h", "c/core/y.h", "b/z.c"]);
        assert_eq!(resolve(&files, 0, "x.h", false), Some(1));
        assert_eq!(resolve(&files, 0, "../b/x.h", false), Some(2));
        assert_eq!(resolve(&files, 5, "core/y.h", false), Some(3));
        assert_eq!(resolve(&files, 0, "core/y.h", true), Some(4));
        assert_eq!(resolve(&files, 0, "core/q.h", true), None);
    }

    #[test]
    fn the_c_library_is_not_looked_up_by_suffix() {
        let files = tree(&["a/x.c", "lib/string.h"]);
        assert_eq!(resolve(&files, 0, "string.h", true), None);
        assert_eq!(resolve(&files, 0, "string.h", false), Some(1));
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(STANDARD.windows(2).all(|w| w[0] < w[1]));
    }
}
