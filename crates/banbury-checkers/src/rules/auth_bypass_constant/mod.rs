use crate::Rule;

pub const RULE: Rule = Rule {
    id: "auth-bypass-constant",
    version: 1,
    title: "Authentication succeeds on a constant in the program text",
    cwe: &[798, 506, 510],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
