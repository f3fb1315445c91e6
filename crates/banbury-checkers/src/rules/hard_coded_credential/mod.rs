use crate::Rule;

pub const RULE: Rule = Rule {
    id: "hard-coded-credential",
    version: 1,
    title: "Password or key in the program text",
    cwe: &[259, 798, 321],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
