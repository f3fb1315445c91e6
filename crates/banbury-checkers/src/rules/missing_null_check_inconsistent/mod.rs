use crate::Rule;

pub const RULE: Rule = Rule {
    id: "missing-null-check-inconsistent",
    version: 1,
    title: "Pointer dereferenced here, tested for null elsewhere",
    cwe: &[476],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -1.0,
};
