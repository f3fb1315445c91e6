use crate::Rule;

pub const RULE: Rule = Rule {
    id: "path-traversal",
    version: 1,
    title: "Untrusted input in a file name",
    cwe: &[22, 23, 36],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
