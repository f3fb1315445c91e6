use crate::Rule;

pub const RULE: Rule = Rule {
    id: "resource-leak",
    version: 1,
    title: "Resource is lost without being closed",
    cwe: &[772, 773, 775, 404],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
