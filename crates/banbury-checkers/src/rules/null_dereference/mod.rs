use crate::Rule;

pub const RULE: Rule = Rule {
    id: "null-dereference",
    version: 1,
    title: "Dereference of a null pointer",
    cwe: &[476, 690],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
