use crate::Rule;

pub const RULE: Rule = Rule {
    id: "missing-break",
    version: 1,
    title: "Case falls through into the next one",
    cwe: &[484],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -8.0,
};
