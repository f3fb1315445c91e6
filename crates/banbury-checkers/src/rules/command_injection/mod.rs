use crate::Rule;

pub const RULE: Rule = Rule {
    id: "command-injection",
    version: 1,
    title: "Untrusted input in a command line",
    cwe: &[78],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};
