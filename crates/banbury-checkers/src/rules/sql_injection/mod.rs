use crate::Rule;

pub const RULE: Rule = Rule {
    id: "sql-injection",
    version: 1,
    title: "Untrusted input in an SQL statement",
    cwe: &[89],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
