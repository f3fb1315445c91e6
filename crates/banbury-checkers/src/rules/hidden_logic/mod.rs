use crate::Rule;

pub const RULE: Rule = Rule {
    id: "hidden-logic",
    version: 1,
    title: "Hidden trigger for a destructive or privileged operation",
    cwe: &[506, 510, 511],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
