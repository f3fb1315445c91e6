use crate::Rule;

pub const RULE: Rule = Rule {
    id: "use-after-free",
    version: 1,
    title: "Use of memory after it was freed",
    cwe: &[416],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
