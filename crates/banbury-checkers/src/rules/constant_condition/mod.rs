use crate::Rule;

pub const RULE: Rule = Rule {
    id: "constant-condition",
    version: 1,
    title: "Condition is always true or always false",
    cwe: &[561, 570, 571],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -8.0,
};
