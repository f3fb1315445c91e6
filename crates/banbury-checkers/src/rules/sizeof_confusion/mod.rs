use crate::Rule;

pub const RULE: Rule = Rule {
    id: "sizeof-confusion",
    version: 1,
    title: "Size of a pointer where the size of its target is meant",
    cwe: &[467],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
