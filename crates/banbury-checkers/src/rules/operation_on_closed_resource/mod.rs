use crate::Rule;

pub const RULE: Rule = Rule {
    id: "operation-on-closed-resource",
    version: 1,
    title: "Resource used or closed after it was closed",
    cwe: &[672, 675],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
