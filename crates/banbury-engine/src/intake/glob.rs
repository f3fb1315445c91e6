/// Whether one of the globs matches the path. A pattern without `/` matches any one component;
/// with `/`, the path or any folder above it, from the root. `**` crosses folders.
pub(super) fn any(patterns: &[String], path: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, path))
}

fn matches(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    if !pattern.contains('/') {
        return path.split('/').any(|component| fast_glob::glob_match(pattern, component));
    }
    let pattern = pattern.trim_start_matches('/');
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| fast_glob::glob_match(pattern, &path[..end]))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        assert!(matches("tests", "a/tests/b.c"));
        assert!(matches("*.pb.c", "a/x.pb.c"));
        assert!(matches("lib/gen", "lib/gen/deep/x.c"));
        assert!(matches("/lib/*", "lib/gen/deep/x.c"));
        assert!(matches("**/gen/*.c", "lib/gen/x.c"));
        assert!(!matches("gen/x.c", "lib/gen/x.c"));
        assert!(!matches("test", "a/tests/b.c"));
    }
}
