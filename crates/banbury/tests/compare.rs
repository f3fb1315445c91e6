//! Comparisons through the command line: exit codes, the ledger from one comparison to the next,
//! and what the review adds.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const OLD: &str =
    "int table[8];\nint take(int n)\n{\n    if (n > 7)\n        return -1;\n    return table[n];\n}\n";
const NEW: &str = "int table[8];\nint take(int n)\n{\n    return table[n];\n}\n";
/// What the new release becomes by work elsewhere in the file.
const LATER: &str = "int other;\n\nint table[8];\nint take(int n)\n{\n    return table[n];\n}\n";

fn folder(releases: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, text) in releases {
        fs::create_dir_all(folder.path().join(name)).expect("folder");
        fs::write(folder.path().join(name).join("take.c"), text).expect("file");
    }
    folder
}

fn compare(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_banbury"))
        .current_dir(folder)
        .arg("compare")
        .args(args)
        .output()
        .expect("banbury runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn entries(folder: &Path, args: &[&str]) -> Vec<Value> {
    let output = compare(folder, &[args, &["--json", "-", "--quiet"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    report["entries"].as_array().expect("a list").clone()
}

fn fingerprint(entry: &Value) -> String {
    entry["fingerprint"].as_str().expect("a fingerprint").to_owned()
}

fn names(entry: &Value) -> Vec<&str> {
    let reasons = entry["reasons"].as_array().expect("reasons").iter();
    reasons.map(|reason| reason["name"].as_str().expect("a name")).collect()
}

#[test]
fn equal_releases_have_no_changes() {
    let folder = folder(&[("a", OLD), ("b", OLD)]);
    let output = compare(folder.path(), &["a", "b"]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("1 equal, 0 changed"), "{}", stdout(&output));
    assert!(entries(folder.path(), &["a", "b"]).is_empty());
}

#[test]
fn what_was_read_is_left_out_of_the_next_comparison() {
    let folder = folder(&[("a", OLD), ("b", NEW), ("c", LATER)]);
    let path = folder.path();
    let gone = entries(path, &["a", "b"]);
    assert_eq!(gone.len(), 1);
    let mark = format!("{}=fine", fingerprint(&gone[0]));
    let read = ["--ledger", "read.jsonl"];
    let marked =
        compare(path, &[&["a", "b", "--mark", &mark, "--by", "A. Reader"], read.as_slice()].concat());
    assert_eq!(code(&marked), 0, "nothing is left to read");
    assert!(stdout(&marked).contains("0 changed lines have been read by nobody"), "{}", stdout(&marked));
    let line = fs::read_to_string(path.join("read.jsonl")).expect("the ledger");
    assert!(line.contains("A. Reader") && line.contains("fine"));

    // Two lines further down in the next release, and known again; what else it brings is open.
    let next = entries(path, &["a", "c"]);
    assert!(next.iter().any(|entry| fingerprint(entry) == fingerprint(&gone[0])));
    let output = compare(path, &[["a", "c"].as_slice(), read.as_slice()].concat());
    let text = stdout(&output);
    assert!(text.contains("1 of them read"), "{text}");
    assert!(!text.contains(&fingerprint(&gone[0])) && text.contains("int other"), "{text}");
}

#[test]
fn a_defect_stays_on_the_list() {
    let folder = folder(&[("a", OLD), ("b", NEW)]);
    let mark = format!("{}=defect", fingerprint(&entries(folder.path(), &["a", "b"])[0]));
    let args = ["a", "b", "--ledger", "read.jsonl", "--mark", &mark, "--by", "A. Reader"];
    let output = compare(folder.path(), &args);
    assert!(stdout(&output).contains("0 of them read"), "{}", stdout(&output));
}

#[test]
fn marks_are_checked() {
    let folder = folder(&[("a", OLD), ("b", NEW)]);
    let print = "0".repeat(32);
    let unknown = format!("{print}=good");
    for (mark, by, told) in [
        ("abc=fine", true, "abc is no fingerprint"),
        (print.as_str(), true, "FINGERPRINT=VERDICT"),
        (unknown.as_str(), true, "a verdict is fine, question or defect, not good"),
        ("abc=fine", false, "--by"),
    ] {
        let mut args = vec!["a", "b", "--ledger", "read.jsonl", "--mark", mark];
        args.extend(if by { ["--by", "A. Reader"].as_slice() } else { &[] });
        let output = compare(folder.path(), &args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), 2, "{error}");
        assert!(error.contains(told), "{error}");
    }
    assert!(!folder.path().join("read.jsonl").exists(), "nothing was recorded");
}

#[test]
fn a_broken_ledger_is_told_with_its_line() {
    let folder = folder(&[("a", OLD), ("b", NEW)]);
    fs::write(folder.path().join("read.jsonl"), "{}\n").expect("file");
    let output = compare(folder.path(), &["a", "b", "--ledger", "read.jsonl"]);
    assert_eq!(code(&output), 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("read.jsonl, line 1"));
}

#[test]
fn new_findings_of_the_review_are_reasons() {
    let safe = "#include <stdio.h>\nint ask(void)\n{\n    char name[16];\n    fgets(name, sizeof name, stdin);\n    return name[0];\n}\n";
    let unsafe_ = safe.replace("fgets(name, sizeof name, stdin)", "gets(name)");
    let folder = folder(&[("a", safe), ("b", &unsafe_)]);
    let found = entries(folder.path(), &["a", "b"]);
    assert!(names(&found[0]).contains(&"finding"), "{found:?}");
    let text_only = entries(folder.path(), &["a", "b", "--text-only"]);
    assert!(!names(&text_only[0]).iter().any(|name| name.starts_with("finding")), "{text_only:?}");
    assert!(entries(folder.path(), &["b", "a"]).iter().any(|entry| names(entry).contains(&"finding.gone")));
}
