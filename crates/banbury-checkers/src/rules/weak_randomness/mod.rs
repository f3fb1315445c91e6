use crate::Rule;

pub const RULE: Rule = Rule {
    id: "weak-randomness",
    version: 1,
    title: "Predictable random numbers in a security decision",
    cwe: &[338, 330],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
