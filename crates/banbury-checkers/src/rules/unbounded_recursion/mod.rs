use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unbounded-recursion",
    version: 1,
    title: "Recursion without a bound",
    cwe: &[674],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
