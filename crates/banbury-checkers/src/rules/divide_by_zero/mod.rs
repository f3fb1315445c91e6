use crate::Rule;

pub const RULE: Rule = Rule {
    id: "divide-by-zero",
    version: 1,
    title: "Division by zero",
    cwe: &[369],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
