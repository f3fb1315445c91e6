use crate::Rule;

pub const RULE: Rule = Rule {
    id: "secret-in-log",
    version: 1,
    title: "Secret written to a log",
    cwe: &[532, 534],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
