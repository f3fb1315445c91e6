use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unbounded-loop",
    version: 1,
    title: "Loop bound from untrusted input, or loop without exit",
    cwe: &[835, 606, 834],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
