//! Every README is a test: each fenced C block is analysed as a file of its own, and exactly the
//! lines marked `/* finding: RULE */` are reported.

use std::collections::BTreeSet;
use std::sync::Arc;

use banbury_checkers::{ReviewOptions, Rule, review, rules};
use banbury_dataflow::models::Models;
use banbury_frontend::{Language, Options, SourceFile};

const HEADINGS: [&str; 7] = [
    "## What it checks",
    "## Why it matters in a network element",
    "## Example",
    "## Fixed",
    "## False positives",
    "## False negatives",
    "## References",
];

/// Blocks that the interpreter does not get right yet, by rule and heading. When one of them is
/// right the test says so, and its line here goes.
const PENDING: [(&str, &str); 1] = [("null-dereference", "Example")];

/// Code blocks with the heading they stand under.
fn blocks(readme: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut heading = String::new();
    let mut block: Option<String> = None;
    for line in readme.lines() {
        match &mut block {
            Some(text) if line == "```" => {
                out.push((heading.clone(), std::mem::take(text)));
                block = None;
            }
            Some(text) => {
                text.push_str(line);
                text.push('\n');
            }
            None if line == "```c" => block = Some(String::new()),
            None => {
                if let Some(text) = line.strip_prefix("## ") {
                    heading = text.to_owned();
                }
            }
        }
    }
    out
}

/// Lines that the block says are reported, with the rule.
fn expected(block: &str) -> BTreeSet<(u32, String)> {
    let mut out = BTreeSet::new();
    for (line, text) in (1..).zip(block.lines()) {
        for marker in text.split("/* finding: ").skip(1) {
            if let Some(id) = marker.split(" */").next() {
                out.insert((line, id.to_owned()));
            }
        }
    }
    out
}

/// Lines that are reported, of the rules that matter for the block: the README's own and those
/// that it marks.
fn reported(block: &str, wanted: &BTreeSet<String>, models: &Models) -> BTreeSet<(u32, String)> {
    let file = SourceFile {
        path: "example.c".to_owned(),
        text: Arc::from(block.as_bytes().to_vec()),
        language: Language::C,
    };
    let (program, _) = banbury_frontend::build(&[file], &Options::default());
    let review = review(&program, models, &ReviewOptions::default());
    review
        .findings
        .iter()
        .filter(|f| wanted.contains(f.rule.as_str()))
        .map(|f| (f.span.line, f.rule.to_string()))
        .collect()
}

fn check(rule: &Rule, models: &Models) -> Vec<String> {
    let mut errors = Vec::new();
    for (heading, block) in blocks(rule.readme) {
        let expected = expected(&block);
        let mut wanted: BTreeSet<String> = expected.iter().map(|e| e.1.clone()).collect();
        wanted.insert(rule.id.to_owned());
        let reported = reported(&block, &wanted, models);
        if PENDING.contains(&(rule.id, heading.as_str())) {
            if expected == reported {
                errors.push(format!("{}, {heading}: right now, take it off the list", rule.id));
            }
            continue;
        }
        for (line, id) in expected.difference(&reported) {
            errors.push(format!("{}, {heading}, line {line}: {id} is not reported", rule.id));
        }
        for (line, id) in reported.difference(&expected) {
            errors.push(format!("{}, {heading}, line {line}: {id} is reported", rule.id));
        }
    }
    errors
}

#[test]
fn headings() {
    for rule in rules() {
        let mut rest = rule.readme;
        assert!(rest.starts_with(&format!("# {}\n", rule.title)), "{}: title", rule.id);
        for heading in HEADINGS {
            let at = rest.find(&format!("\n{heading}\n"));
            let at = at.unwrap_or_else(|| panic!("{}: {heading} is missing or out of order", rule.id));
            rest = &rest[at + 1..];
        }
    }
}

#[test]
fn every_example_marks_a_line() {
    for rule in rules() {
        let examples: Vec<_> = blocks(rule.readme).into_iter().filter(|b| b.0 == "Example").collect();
        assert!(!examples.is_empty(), "{} has no example", rule.id);
        for (_, block) in examples {
            assert!(expected(&block).iter().any(|e| e.1 == rule.id), "{}: no marked line", rule.id);
        }
    }
}

#[test]
fn blocks_are_reported_as_marked() {
    let models = Models::builtin();
    let errors: Vec<String> = rules().iter().flat_map(|rule| check(rule, models)).collect();
    assert!(errors.is_empty(), "{} differences:\n{}", errors.len(), errors.join("\n"));
}
