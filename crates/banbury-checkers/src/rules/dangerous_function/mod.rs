use crate::Rule;

pub const RULE: Rule = Rule {
    id: "dangerous-function",
    version: 1,
    title: "Function that cannot be used safely",
    cwe: &[242, 676],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
