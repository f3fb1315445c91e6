//! What kind of text a file is, from its name and first bytes, and what part it plays.

use serde::{Deserialize, Serialize};

/// How a file is cut into tokens and statements.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// C and what shares its comments, strings and braces; statements end in `;`, `{` or `}`.
    Code,
    /// The same, but a line end may end a statement (Go, Swift, JavaScript).
    LineCode,
    /// Scripts in which indentation or line ends carry meaning (Python, shell).
    Script,
    /// Build descriptions (CMake, meson, autoconf, make, Kconfig, package recipes).
    Build,
    /// Settings and defaults (YAML, INI, JSON, units).
    Setting,
    /// Documents for people.
    Prose,
    /// Keys, certificates and other text that is a value as a whole.
    Material,
    /// Not text.
    Binary,
}

impl Kind {
    pub fn is_code(self) -> bool {
        matches!(self, Kind::Code | Kind::LineCode)
    }
}

/// What part the file plays, apart from being source of the product.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Part {
    pub test: bool,
    pub generated: bool,
    pub third_party: bool,
    /// Examples, documentation and tools for developers.
    pub aside: bool,
}

/// The kind of a file.
pub fn kind(path: &str, bytes: &[u8]) -> Kind {
    let head = &bytes[..bytes.len().min(8192)];
    if head.contains(&0) {
        return Kind::Binary;
    }
    if bytes.windows(11).take(4096).any(|part| part == b"-----BEGIN ") && !is_source(path) {
        return Kind::Material;
    }
    kind_of_name(path, head)
}

fn is_source(path: &str) -> bool {
    matches!(kind_of_name(path, b""), Kind::Code | Kind::LineCode | Kind::Script | Kind::Prose)
}

fn kind_of_name(path: &str, head: &[u8]) -> Kind {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    if is_build_name(&lower) {
        return Kind::Build;
    }
    let stem = lower.strip_suffix(".in").or_else(|| lower.strip_suffix(".tmpl")).unwrap_or(&lower);
    let extension = stem.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "c" | "h" | "cc" | "cpp" | "cxx" | "c++" | "hh" | "hpp" | "hxx" | "tcc" | "ipp" | "inc" | "inl"
        | "def" | "y" | "l" | "yy" | "ll" | "java" | "cs" | "rs" | "php" | "proto" | "m" | "mm" | "x"
        | "asn1" | "p4" => Kind::Code,
        "go" | "js" | "ts" | "jsx" | "tsx" | "swift" | "kt" | "scala" => Kind::LineCode,
        "py" | "sh" | "bash" | "pl" | "pm" | "rb" | "lua" | "tcl" | "awk" | "ps1" | "bat" | "com" | "t"
        | "expect" => Kind::Script,
        "mk" | "cmake" | "ac" | "m4" | "am" | "spec" | "gn" | "gni" | "bazel" | "bzl" | "gradle" | "mod"
        | "sum" | "lock" | "patch" | "diff" | "pro" | "vcxproj" | "nix" | "bb" | "bbappend" => Kind::Build,
        "yaml" | "yml" | "json" | "toml" | "ini" | "conf" | "cfg" | "cnf" | "service" | "socket" | "xml"
        | "properties" | "env" | "rules" | "yang" | "plist" | "sql" | "default" | "defaults" | "config" => {
            Kind::Setting
        }
        "md" | "rst" | "txt" | "html" | "css" | "tex" | "1" | "3" | "5" | "7" | "8" | "d" | "svg" | "po"
        | "adoc" | "texi" => Kind::Prose,
        "pem" | "crt" | "key" | "cer" | "pub" | "asc" | "sig" | "csr" => Kind::Material,
        _ if head.starts_with(b"#!") => Kind::Script,
        _ if path.contains("debian/") => Kind::Build,
        "" if is_prose_name(&lower) => Kind::Prose,
        _ => Kind::Setting,
    }
}

fn is_build_name(lower: &str) -> bool {
    matches!(
        lower,
        "cmakelists.txt"
            | "meson.build"
            | "meson_options.txt"
            | "meson.options"
            | "makefile"
            | "gnumakefile"
            | "dockerfile"
            | "containerfile"
            | "jenkinsfile"
            | "vagrantfile"
            | "build"
            | "workspace"
            | "configure"
            | "package.json"
            | "package-lock.json"
            | "requirements.txt"
            | "conanfile.txt"
            | "vcpkg.json"
            | "pkgbuild"
            | "sconstruct"
            | "sconscript"
            | ".gitmodules"
    ) || ["makefile.", "kconfig", "dockerfile.", "requirements-", "configure.", "go."]
        .iter()
        .any(|start| lower.starts_with(start))
}

fn is_prose_name(lower: &str) -> bool {
    ["readme", "changelog", "changes", "license", "licence", "copying", "authors", "news", "todo", "install"]
        .iter()
        .any(|start| lower.starts_with(start))
}

/// What the path says of a file's part.
pub fn part(path: &str) -> Part {
    let lower = path.to_ascii_lowercase();
    let folders = || lower.rsplit_once('/').map_or("", |(folders, _)| folders).split('/');
    let name = lower.rsplit('/').next().unwrap_or(&lower);
    let stem = name.split('.').next().unwrap_or(name);
    let any = |names: &[&str]| folders().any(|folder| names.contains(&folder));
    let is_test_name = ["_test", "-test", "_tests", "_unittest"].iter().any(|end| stem.ends_with(end))
        || ["test_", "test-", "unittest"].iter().any(|start| stem.starts_with(start));
    Part {
        test: is_test_name
            || folders().any(|folder| {
                let first = folder.split(['-', '_']).next().unwrap_or(folder);
                matches!(first, "test" | "tests" | "testing" | "unittest" | "unittests" | "testdata")
                    || matches!(folder, "fuzz" | "fuzzing" | "testsuite" | "selftests" | "topotests")
            }),
        generated: any(&["asn1c", "generated", "autogen", "gen"]) || name.contains(".pb."),
        third_party: any(&["vendor", "third_party", "thirdparty", "3rdparty", "external", "subprojects"]),
        aside: any(&["doc", "docs", "examples", "example", "demo", "demos", "samples", ".github", "webui"]),
    }
}
