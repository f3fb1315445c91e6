use crate::Rule;

pub const RULE: Rule = Rule {
    id: "wrong-operator",
    version: 1,
    title: "Logical and bitwise operators mixed up",
    cwe: &[480],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
