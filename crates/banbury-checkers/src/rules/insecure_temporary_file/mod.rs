use crate::Rule;

pub const RULE: Rule = Rule {
    id: "insecure-temporary-file",
    version: 1,
    title: "Temporary file with a predictable name",
    cwe: &[377],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
