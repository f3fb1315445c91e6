use crate::Rule;

pub const RULE: Rule = Rule {
    id: "double-free",
    version: 1,
    title: "Memory freed twice",
    cwe: &[415],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
