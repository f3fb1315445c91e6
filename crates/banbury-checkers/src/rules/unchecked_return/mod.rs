use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unchecked-return",
    version: 1,
    title: "Result of a call is not checked",
    cwe: &[252, 253],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -6.0,
};
