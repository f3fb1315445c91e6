use crate::Rule;

pub const RULE: Rule = Rule {
    id: "lock-misuse",
    version: 1,
    title: "Lock not released, released twice, or released unheld",
    cwe: &[667, 764, 765, 832],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
