use crate::Rule;

pub const RULE: Rule = Rule {
    id: "infinite-loop",
    version: 1,
    title: "Loop that never ends",
    cwe: &[835],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -2.0,
};
