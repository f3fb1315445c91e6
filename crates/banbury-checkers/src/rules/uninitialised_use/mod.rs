use crate::Rule;

pub const RULE: Rule = Rule {
    id: "uninitialised-use",
    version: 1,
    title: "Use of an uninitialised value",
    cwe: &[457, 665],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
