use crate::Rule;

pub const RULE: Rule = Rule {
    id: "integer-overflow",
    version: 1,
    title: "Integer overflow",
    cwe: &[190, 680],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -2.0,
};
