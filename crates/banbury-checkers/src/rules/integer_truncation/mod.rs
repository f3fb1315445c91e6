use crate::Rule;

pub const RULE: Rule = Rule {
    id: "integer-truncation",
    version: 1,
    title: "Value does not fit the narrower type",
    cwe: &[197],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -3.0,
};
