use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unchecked-length-write",
    version: 1,
    title: "Write past a length that came with the buffer",
    cwe: &[787],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
