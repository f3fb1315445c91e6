use crate::Rule;

pub const RULE: Rule = Rule {
    id: "uncontrolled-search-path",
    version: 1,
    title: "Program or library looked up in a search path",
    cwe: &[426, 427],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};
