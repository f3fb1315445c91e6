use crate::Rule;

pub const RULE: Rule = Rule {
    id: "sign-conversion",
    version: 1,
    title: "Negative value becomes a large unsigned one",
    cwe: &[195, 194],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -1.0,
};
