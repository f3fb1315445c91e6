use crate::Rule;

pub const RULE: Rule = Rule {
    id: "assignment-in-condition",
    version: 1,
    title: "Assignment where a comparison is meant, or the reverse",
    cwe: &[481, 482],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
