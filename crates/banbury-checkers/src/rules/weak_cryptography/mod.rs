use crate::Rule;

pub const RULE: Rule = Rule {
    id: "weak-cryptography",
    version: 1,
    title: "Broken or weak cryptographic algorithm",
    cwe: &[327, 328],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
