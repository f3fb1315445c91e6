use crate::Rule;

pub const RULE: Rule = Rule {
    id: "format-string",
    version: 1,
    title: "Format string from untrusted input",
    cwe: &[134],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};
