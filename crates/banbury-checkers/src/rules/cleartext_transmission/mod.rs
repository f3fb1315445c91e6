use crate::Rule;

pub const RULE: Rule = Rule {
    id: "cleartext-transmission",
    version: 1,
    title: "Secret sent without encryption",
    cwe: &[319],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
