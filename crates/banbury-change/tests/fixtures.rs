//! Runs the pairs of releases in `fixtures/*.md`: a block per file and side, then what is said of
//! the change first, or that nothing is.

use std::collections::BTreeMap;

use banbury_base::{Digest, FileId, Finding, Span, Symbol, Weight};
use banbury_change::{Comparison, Entry, File, Release, Review, compare, words};

#[derive(Default)]
struct Case {
    name: String,
    old: BTreeMap<String, String>,
    new: BTreeMap<String, String>,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        if let Some((is_old, path)) = &block {
            let case = cases.last_mut().expect("a block stands below a heading");
            let side = if *is_old { &mut case.old } else { &mut case.new };
            match line == "```" {
                true => block = None,
                false => {
                    let text = side.entry(path.clone()).or_default();
                    text.push_str(line);
                    text.push('\n');
                }
            }
        } else if let Some(name) = line.strip_prefix("## ") {
            cases.push(Case { name: name.to_owned(), ..Case::default() });
        } else if let Some(head) = line.strip_prefix("```") {
            let mut words = head.split_whitespace().rev();
            let path = words.next().expect("a path").to_owned();
            block = Some((words.next() == Some("old"), path));
        } else if let Some(expected) = line.strip_prefix("- ") {
            cases.last_mut().expect("a heading").expected.push(expected.to_owned());
        }
    }
    cases
}

fn release(files: &BTreeMap<String, String>) -> Release {
    let file = |(path, text): (&String, &String)| File { path: path.clone(), bytes: text.as_bytes().into() };
    Release { files: files.iter().map(file).collect(), ..Release::default() }
}

/// Each entry's place and all that is said of it.
fn told(comparison: &Comparison) -> Vec<Vec<String>> {
    let line = |entry: &Entry| {
        let place = format!("{}:{}", entry.file, entry.line_start);
        entry.reasons.iter().map(|reason| format!("{place} {}", words(reason.name))).collect()
    };
    comparison.entries.iter().map(line).collect()
}

#[test]
fn fixtures() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(!names.is_empty());
    let mut faults = Vec::new();
    for name in names {
        for case in cases(&std::fs::read_to_string(&name).unwrap()) {
            let told = told(&compare(&release(&case.old), &release(&case.new)));
            let is_right = match case.expected.as_slice() {
                [only] if only == "nothing" => told.is_empty(),
                // All of it of the first entry.
                expected => {
                    told.first().is_some_and(|first| expected.iter().all(|line| first.contains(line)))
                }
            };
            if !is_right {
                faults.push(format!("{}: expected {:?}, told {told:#?}", case.name, case.expected));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_number_of_threads_decides_nothing() {
    let text = |n: usize| {
        (0..200)
            .map(|i| format!("int f{i}(int x) {{ if (x > {}) return {n}; return x; }}\n", i % n))
            .collect()
    };
    let side = |n: usize| release(&(0..20).map(|i| (format!("f{i}.c"), text(n + i % 3))).collect());
    let (old, new) = (side(5), side(6));
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        serde_json::to_string(&pool.install(|| compare(&old, &new))).unwrap()
    };
    assert_eq!(run(1), run(4));
}

fn one(path: &str, text: &str) -> Release {
    release(&[(path.to_owned(), text.to_owned())].into())
}

const GUARDED: &str = "int take(int n)\n{\n\tif (n > LIMIT)\n\t\treturn -1;\n\treturn table[n];\n}\n";
const BARE: &str = "int take(int n)\n{\n\treturn table[n];\n}\n";

#[test]
fn equal_releases_have_no_changes() {
    let comparison = compare(&one("a.c", GUARDED), &one("a.c", GUARDED));
    assert!(comparison.entries.is_empty());
    assert_eq!((comparison.totals.files_equal, comparison.totals.changed_lines), (1, 0));
}

#[test]
fn swapped_releases_turn_removed_into_added() {
    let classes = |old: &str, new: &str| -> Vec<String> {
        let comparison = compare(&one("a.c", old), &one("a.c", new));
        let reasons = comparison.entries.iter().flat_map(|entry| &entry.reasons);
        reasons.map(|reason| reason.name.to_owned()).filter(|name| name.ends_with(".guard")).collect()
    };
    assert_eq!(classes(GUARDED, BARE), ["removed.guard"]);
    assert_eq!(classes(BARE, GUARDED), ["added.guard"]);
}

/// A finding at this line of `a.c`.
fn finding(line: u32, print: u128) -> Finding {
    let span = Span::new(FileId(0), line, 1, 1);
    Finding {
        rule: Symbol::new("tainted-index"),
        rule_version: 1,
        cwe: 129,
        span,
        function: Symbol::new("take"),
        message: "`n` may be too large".to_owned(),
        path: Vec::new(),
        features: Vec::new(),
        weight: Weight(5.0),
        fingerprint: Digest(print),
    }
}

fn reviewed(text: &str, findings: Vec<Finding>) -> Release {
    Release { review: Review { paths: vec!["a.c".to_owned()], findings }, ..one("a.c", text) }
}

fn has(comparison: &Comparison, name: &str) -> bool {
    comparison.entries.iter().any(|entry| entry.reasons.iter().any(|reason| reason.name == name))
}

#[test]
fn a_new_finding_is_a_reason() {
    let changed = GUARDED.replace("n > LIMIT", "n > LIMIT + 1");
    let old = reviewed(GUARDED, Vec::new());
    let comparison = compare(&old, &reviewed(&changed, vec![finding(3, 1)]));
    assert!(has(&comparison, "finding") && has(&comparison, "finding.tainted-index"));
    let comparison = compare(&old, &reviewed(&changed, vec![finding(5, 1)]));
    assert!(!has(&comparison, "finding") && has(&comparison, "finding.beside"));
}

#[test]
fn a_finding_that_stays_is_none() {
    let changed = format!("int other;\n\n{}", GUARDED.replace("n > LIMIT", "n > LIMIT + 1"));
    let old = reviewed(GUARDED, vec![finding(3, 1)]);
    // Two lines further down, once under the same fingerprint, once under another.
    for print in [1, 2] {
        assert!(!has(&compare(&old, &reviewed(&changed, vec![finding(5, print)])), "finding"));
    }
}

#[test]
fn a_finding_that_goes_is_told() {
    let old = reviewed(BARE, vec![finding(3, 1)]);
    let new = reviewed(&BARE.replace("table[n]", "table[n % LIMIT]"), Vec::new());
    assert!(has(&compare(&old, &new), "finding.gone"));
}
