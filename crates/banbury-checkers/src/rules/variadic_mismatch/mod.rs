use crate::Rule;

pub const RULE: Rule = Rule {
    id: "variadic-mismatch",
    version: 1,
    title: "Arguments do not fit the format string or the function",
    cwe: &[685, 686],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
