use crate::Rule;

pub const RULE: Rule = Rule {
    id: "toctou",
    version: 1,
    title: "Check and use of a file by name",
    cwe: &[367],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
