use crate::Rule;

pub const RULE: Rule = Rule {
    id: "resource-exhaustion",
    version: 1,
    title: "Untrusted input decides how much of a resource is used",
    cwe: &[400, 770],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
