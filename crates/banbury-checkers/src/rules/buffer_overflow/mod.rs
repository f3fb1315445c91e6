use crate::Rule;

pub const RULE: Rule = Rule {
    id: "buffer-overflow",
    version: 1,
    title: "Write past the bounds of a buffer",
    cwe: &[121, 122, 787, 124, 123],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
