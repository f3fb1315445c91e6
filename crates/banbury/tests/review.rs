//! Reviews through the command line: exit codes, suppressions, baselines, configuration, cache,
//! and the same bytes whatever the threads.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const UNSAFE: &str = "#include <stdio.h>\nint read_name(void)\n{\n    char name[16];\n    gets(name);\n    return name[0];\n}\n";

fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        fs::write(path, text).expect("file");
    }
    folder
}

fn banbury(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_banbury"))
        .current_dir(folder)
        .args(args)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .output()
        .expect("banbury runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// The review as SARIF: exit code and log.
fn sarif(folder: &Path, args: &[&str]) -> (i32, Value) {
    let output = banbury(folder, &[&["review", "release", "--sarif", "-"], args].concat());
    let log = serde_json::from_slice(&output.stdout).expect("JSON");
    (code(&output), log)
}

/// Rules of the results that are not suppressed.
fn rules(log: &Value) -> Vec<&str> {
    let results = log["runs"][0]["results"].as_array().expect("results");
    results
        .iter()
        .filter(|result| result["suppressions"].is_null())
        .filter_map(|result| result["ruleId"].as_str())
        .collect()
}

fn notes(log: &Value) -> Vec<&str> {
    let notes = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().expect("notes");
    notes.iter().filter_map(|note| note["message"]["text"].as_str()).collect()
}

#[test]
fn exit_codes_and_the_terminal() {
    let folder = tree(&[("release/a.c", UNSAFE), ("clean/a.c", "int x;\n"), ("empty/README", "")]);
    let found = banbury(folder.path(), &["review", "release"]);
    assert_eq!(code(&found), 1);
    let text = stdout(&found);
    assert!(text.contains("dangerous-function, CWE-242"), "{text}");
    assert!(text.contains("--> a.c:5:5"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours in a pipe");
    assert_eq!(code(&banbury(folder.path(), &["review", "clean"])), 0);
    assert_eq!(code(&banbury(folder.path(), &["review", "empty"])), 2);
    assert!(banbury(folder.path(), &["review", "release", "--quiet"]).stdout.is_empty());
}

#[test]
fn suppressions_need_a_reason_and_an_effect() {
    let good = UNSAFE.replace("gets(name);", "gets(name); // banbury: allow(dangerous-function) a test");
    let bare = UNSAFE.replace("    gets", "    // banbury: allow(dangerous-function)\n    gets");
    let stale = "// banbury: allow(double-free) moved away\nint x; // banbury: allow(no-such) x\n";
    let folder = tree(&[("release/good.c", &good), ("release/bare.c", &bare), ("release/stale.c", stale)]);
    let (code, log) = sarif(folder.path(), &[]);
    assert_eq!(code, 1);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let of = |name: &str| -> Vec<&Value> {
        let uri =
            |result: &Value| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].clone();
        results
            .iter()
            .filter(|result| result["ruleId"] == "dangerous-function" && uri(result) == name)
            .collect()
    };
    assert_eq!(of("good.c")[0]["suppressions"][0]["justification"], "a test");
    assert!(of("bare.c")[0]["suppressions"].is_null());
    let notes = notes(&log);
    for expected in [
        "The suppression gives no reason and has no effect.",
        "The suppression of double-free suppresses nothing.",
        "The suppression names an unknown rule, no-such.",
    ] {
        assert!(notes.contains(&expected), "{expected}: {notes:?}");
    }
    let (_, log) = sarif(folder.path(), &["--ignore-suppressions"]);
    assert!(rules(&log).len() >= 2 && self::notes(&log).is_empty());
}

#[test]
fn a_baseline_leaves_what_is_new() {
    let folder = tree(&[("release/a.c", UNSAFE)]);
    assert_eq!(code(&banbury(folder.path(), &["review", "release", "--sarif", "old.sarif"])), 1);
    // Lines move: the finding stays the same.
    fs::write(folder.path().join("release/a.c"), format!("/* a\n new\n comment */\n{UNSAFE}")).expect("file");
    let (code_now, log) = sarif(folder.path(), &["--baseline", "old.sarif"]);
    assert_eq!(code_now, 0);
    assert_eq!(log["runs"][0]["results"][0]["baselineState"], "unchanged");
    assert_eq!(log["runs"][0]["properties"]["baseline"]["persisting"], rules(&log).len());

    let second = UNSAFE.replace("read_name", "read_other");
    fs::write(folder.path().join("release/a.c"), format!("{UNSAFE}{second}")).expect("file");
    assert_eq!(sarif(folder.path(), &["--baseline", "old.sarif"]).0, 1);
    fs::write(folder.path().join("release/a.c"), "int x;\n").expect("file");
    let text = stdout(&banbury(folder.path(), &["review", "release", "--baseline", "old.sarif"]));
    assert!(text.contains("fixed") && !text.contains(" 0 fixed"), "{text}");
}

#[test]
fn the_configuration_comes_from_the_working_directory_only() {
    let off = "[rules]\noff = [\"dangerous-function\"]\n";
    let folder = tree(&[("release/a.c", UNSAFE), ("release/banbury.toml", off)]);
    assert!(rules(&sarif(folder.path(), &[]).1).contains(&"dangerous-function"));
    fs::write(folder.path().join("banbury.toml"), off).expect("file");
    let (_, log) = sarif(folder.path(), &[]);
    assert!(!rules(&log).contains(&"dangerous-function"));
    let hidden = log["runs"][0]["properties"]["hidden"].as_array().expect("counts");
    assert!(hidden.iter().any(|row| row["reason"] == "of rules that are off or not asked for"), "{hidden:?}");
    fs::write(folder.path().join("banbury.toml"), "no-such-key = 1\n").expect("file");
    assert_eq!(code(&banbury(folder.path(), &["review", "release"])), 2);
}

#[test]
fn tests_are_left_out_unless_asked_for() {
    let folder =
        tree(&[("release/tests/a.c", UNSAFE), ("release/b.c", "int b;\n"), ("release/c.c", "int c;\n")]);
    let (code, log) = sarif(folder.path(), &[]);
    assert_eq!((code, rules(&log).len()), (0, 0));
    assert_eq!(sarif(folder.path(), &["--include-tests"]).0, 1);
}

#[test]
fn threads_and_cache_do_not_change_a_byte() {
    let many: Vec<(String, String)> = (0..40)
        .map(|n| (format!("release/d{}/f{n}.c", n % 3), UNSAFE.replace("read_name", &format!("read_{n}"))))
        .collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let folder = tree(&many);
    for format in ["--sarif", "--json", "--html"] {
        let with = |args: &[&str]| {
            banbury(folder.path(), &[&["review", "release", format, "-"], args].concat()).stdout
        };
        let one = with(&["--jobs", "1"]);
        assert!(one.len() > 1000);
        assert_eq!(one, with(&["--jobs", "2"]), "{format}: two threads");
        assert_eq!(one, with(&["--cache=cache"]), "{format}: cold cache");
        assert_eq!(one, with(&["--cache=cache"]), "{format}: warm cache");
    }
    assert!(fs::read_dir(folder.path().join("cache/review")).expect("cache").count() >= 1);
}

const FILL: &str = "\
#include \"all.h\"
#include <string.h>
void fill(char *to, const struct message *m) { memcpy(to, m->text, m->length); }
";

const HANDLE: &str = "\
#include \"all.h\"
int handle(const struct message *m) {
    char name[16];
    fill(name, m);
    return name[0] + limit;
}
int receive(int socket) {
    struct message m;
    if (recv(socket, &m, sizeof m, 0) < 0) return -1;
    return handle(&m);
}
";

const TABLE: &str = "\
#include \"all.h\"
static int on_text(const struct message *m) { char *p = 0; return m->length ? handle(m) : *p; }
static const struct handler handlers[] = { { on_text } };
int dispatch(const struct message *m) { return handlers[0].run(m); }
";

const HEADER: &str = "\
struct message { unsigned length; char text[64]; };
struct handler { int (*run)(const struct message *); };
extern const int limit;
void fill(char *to, const struct message *m);
int handle(const struct message *m);
int recv(int, void *, unsigned long, int);
";

const SESSION: &str = "\
#include \"all.h\"
#include <vector>
class Base { public: virtual int size(const message *m) { return m->length; } };
class Session : public Base { public: int size(const message *m) override { return 16; } };
int total(Base *b, const message *m) {
    std::vector<message> all;
    char name[16];
    for (int i = 0; i < b->size(m); i++) name[i] = m->text[i];
    return name[0] + all.size();
}
";

const LOCAL: &str = "\
#include \"all.h\"
int total_of(const struct message *m) {
    struct pair { struct pair *next; struct unknown *owner; char name[8]; } p;
    static int calls;
    calls++;
    fill(p.name, m);
    return p.name[0] + calls + undeclared;
}
";

const TREE: &str = "\
#include \"all.h\"
static int down(const struct message *m, int depth);
static int side(const struct message *m, int depth) { return depth > 3 ? 0 : down(m, depth + 1); }
static int down(const struct message *m, int depth) {
    char name[16];
    if (depth > 18) return 0;
    fill(name, m);
    return side(m, depth + 1) + name[depth];
}
int walk(const struct message *m) { return down(m, 0); }
int walk_again(const struct message *m) { return m->length > 16 ? 0 : walk(m); }
";

fn release_with_a_cache() -> tempfile::TempDir {
    tree(&[
        ("release/src/fill.c", FILL),
        ("release/src/handle.c", HANDLE),
        ("release/src/table.c", TABLE),
        ("release/src/limit.c", "const int limit = 3;\n"),
        ("release/src/local.c", LOCAL),
        ("release/src/session.cpp", SESSION),
        ("release/src/tree.c", TREE),
        ("release/src/all.h", HEADER),
    ])
}

#[test]
fn a_review_after_an_edit_is_that_of_a_cold_cache() {
    let folder = release_with_a_cache();
    let one_more = "int fill_again(char *p) { struct message m; fill(p, &m); return 0; }\n";
    let edits: [(&str, String); 25] = [
        // Callers see no difference, then one in the place only, then in what is needed of them.
        ("fill.c", FILL.replace("m->length);", "m->length); int n = 2; n++;")),
        ("fill.c", FILL.replace("memcpy", "\n    memcpy")),
        ("fill.c", FILL.replace("memcpy", "if (!m) return; memcpy")),
        ("fill.c", FILL.replace("memcpy", "if (m->length < 16) memcpy")),
        ("handle.c", HANDLE.replace("fill(name, m);", "fill(name, m);\n    fill(name, m);")),
        // In recursion, and out of it.
        ("tree.c", TREE.replace("depth > 18", "depth > 8")),
        ("tree.c", TREE.replace("depth > 18", "depth < 0 || depth > 8").replace("char name", "\n char name")),
        ("tree.c", TREE.replace("down(m, depth + 1)", "0")),
        ("tree.c", TREE.replace("return m->length > 16 ? 0 : walk", "fill(0, m); return walk")),
        // A call more, and functions less.
        ("tree.c", TREE.replace("down(m, 0)", "handle(m) + down(m, 0)")),
        ("handle.c", HANDLE.replace("int receive(", "static int receive_it(")),
        ("tree.c", TREE.replace("int walk(", "static int walk_on(")),
        ("local.c", LOCAL.replace("calls++;", "calls += 2;\n")),
        ("session.cpp", SESSION.replace("return 16", "return 17")),
        ("local.c", LOCAL.replace("name[8]", "name[128]")),
        ("limit.c", "/* as it was */ const int limit = 3;\n".to_owned()),
        ("handle.c", HANDLE.replace("int handle", "\n\nint handle")),
        ("fill.c", format!("/* moved */\n{FILL}")),
        ("fill.c", FILL.replace("memcpy(", "if (m->length <= 16) memcpy(")),
        ("fill.c", FILL.replace("m->length)", "m->length + 1)") + one_more),
        ("limit.c", "int limit = 3;\nvoid set(int x) { limit = x; }\n".to_owned()),
        ("all.h", HEADER.replace("text[64]", "text[128]")),
        ("table.c", TABLE.replace("char *p = 0", "static char c; char *p = &c")),
        ("aa.c", "#include \"all.h\"\nint first(struct message *m) { return handle(m); }\n".to_owned()),
        ("handle.c", HANDLE.replace("name[16]", "name[256]")),
    ];
    let review = |args: &[&str]| {
        banbury(folder.path(), &[&["review", "release", "--all", "--sarif", "-"], args].concat()).stdout
    };
    assert_eq!(review(&[]), review(&["--cache=cache"]), "first");
    for (number, (path, text)) in edits.iter().enumerate() {
        fs::write(folder.path().join("release/src").join(path), text).expect("file");
        let cold = review(&[]);
        assert!(cold.len() > 1000);
        assert!(cold == review(&["--cache=cache", "--jobs", "2"]), "edit {number} of {path}");
    }
    let defined = ["-DFILL=1", "--cache=cache"];
    assert!(review(&defined[..1]) == review(&defined), "an option");
    fs::remove_file(folder.path().join("release/src/fill.c")).expect("file");
    assert!(review(&[]) == review(&["--cache=cache", "--jobs", "1"]), "a file is gone");
}

#[test]
fn a_damaged_cache_does_not_change_a_byte() {
    let folder = release_with_a_cache();
    let review = |args: &[&str]| {
        banbury(folder.path(), &[&["review", "release", "--all", "--sarif", "-"], args].concat()).stdout
    };
    let cold = review(&[]);
    let cached = ["--cache=cache"];
    let damage: [fn(&mut Vec<u8>); 5] = [
        Vec::clear,
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes[20] ^= 0x10,
        |bytes| *bytes = vec![0xff; 4096],
        |bytes| bytes.rotate_left(7),
    ];
    for (number, damage) in damage.iter().enumerate() {
        assert!(cold == review(&cached), "before damage {number}");
        for stage in ["files", "functions", "review"] {
            for entry in fs::read_dir(folder.path().join("cache").join(stage)).expect("cache") {
                let path = entry.expect("entry").path();
                let mut bytes = fs::read(&path).expect("cached");
                damage(&mut bytes);
                fs::write(&path, bytes).expect("cached");
            }
        }
        assert!(cold == review(&cached), "damage {number}");
    }
}

#[test]
fn sarif_says_what_other_programs_look_for() {
    let folder = tree(&[("release/a b/\u{e9}.c", UNSAFE)]);
    let (_, log) = sarif(folder.path(), &[]);
    let run = &log["runs"][0];
    assert_eq!(log["version"], "2.1.0");
    let result = &run["results"][0];
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("index") as usize];
    assert_eq!(rule["id"], result["ruleId"]);
    assert!(rule["help"]["markdown"].as_str().is_some_and(|text| text.starts_with('#')));
    assert!(rule["properties"]["tags"][1].as_str().is_some_and(|tag| tag.starts_with("external/cwe/cwe-")));
    let cwe = result["taxa"][0]["id"].as_str().expect("taxon");
    assert_eq!(result["properties"]["cwe"][0], format!("CWE-{cwe}"));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/%C3%A9.c");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "SRCROOT");
    assert!(run["originalUriBaseIds"]["SRCROOT"].is_object());
    assert_eq!(place["region"]["startLine"], 5);
    assert!(result["partialFingerprints"]["banbury/v1"].as_str().is_some_and(|text| text.len() == 32));
    assert!((0.0..=100.0).contains(&result["rank"].as_f64().expect("rank")));
    let here = folder.path().to_str().expect("UTF-8");
    assert!(!log.to_string().contains(here), "an absolute path in the log");
}

#[test]
fn outputs_appear_whole_or_not_at_all() {
    let folder = tree(&[("release/a.c", UNSAFE)]);
    let output = banbury(folder.path(), &["review", "release", "--html", "no/such/folder/r.html"]);
    assert_eq!(code(&output), 2);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("cannot write no/such/folder/r.html"), "{error}");
    assert_eq!(code(&banbury(folder.path(), &["review", "release", "--html", "r.html"])), 1);
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("folder").flatten().map(|e| e.file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{names:?}");
    let page = fs::read_to_string(folder.path().join("r.html")).expect("page");
    assert!(page.contains("default-src 'none'") && !page.contains("http://") && !page.contains("src=\"http"));
    if Path::new("/dev/full").exists() {
        let output = banbury(folder.path(), &["review", "release", "--sarif", "/dev/full"]);
        assert_eq!(code(&output), 2);
    }
}

#[test]
fn markup_in_source_stays_text() {
    let hostile = UNSAFE.replace("gets(name);", "gets(name); // </script><script>alert(1)</script>");
    let folder = tree(&[("release/a.c", &hostile)]);
    banbury(folder.path(), &["review", "release", "--html", "r.html"]);
    let page = fs::read_to_string(folder.path().join("r.html")).expect("page");
    assert!(!page.contains("<script>alert"), "markup of the source in the page");
    assert!(page.contains("alert(1)"));
}

#[test]
fn completions_and_manual_pages() {
    let folder = tree(&[]);
    let completions = banbury(folder.path(), &["generate", "completions", "bash"]);
    assert!(stdout(&completions).contains("banbury"));
    assert_eq!(code(&banbury(folder.path(), &["generate", "man", "man1"])), 0);
    assert!(folder.path().join("man1/banbury-review.1").exists());
}

#[test]
fn a_model_names_the_types_that_decoders_fill() {
    let source = "struct request { unsigned count; };\nstatic int table[8];\nint handle(struct request *request)\n{\n    return table[request->count];\n}\n";
    let folder = tree(&[
        ("release/request.c", source),
        (
            "own.toml",
            "received-types = [\"request\"]\n[library]\nname = \"requests\"\nsource = \"the protocol\"\n",
        ),
    ]);
    let (_, without) = sarif(folder.path(), &[]);
    assert_eq!(rules(&without), [""; 0]);
    let (_, with) = sarif(folder.path(), &["--models", "own.toml"]);
    assert_eq!(rules(&with), ["tainted-index"]);
}
