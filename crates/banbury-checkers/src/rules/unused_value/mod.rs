use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unused-value",
    version: 1,
    title: "Value is never used",
    cwe: &[563],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -8.0,
};
