use crate::Rule;

pub const RULE: Rule = Rule {
    id: "memory-leak",
    version: 1,
    title: "Memory is lost without being freed",
    cwe: &[401],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
