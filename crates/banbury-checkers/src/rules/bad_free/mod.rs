use crate::Rule;

pub const RULE: Rule = Rule {
    id: "bad-free",
    version: 1,
    title: "Free of something the allocator did not return",
    cwe: &[590, 761, 762],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
