//! Runs the pairs of releases in `fixtures/*.md`: a block per file and side, then what is said of
//! the change first, or that nothing is.

use std::collections::BTreeMap;

use banbury_change::{Comparison, Entry, File, Release, compare, words};

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
    Release { files: files.iter().map(file).collect() }
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
