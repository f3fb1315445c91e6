use crate::Rule;

pub const RULE: Rule = Rule {
    id: "integer-underflow",
    version: 1,
    title: "Integer underflow",
    cwe: &[191],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -2.0,
};
