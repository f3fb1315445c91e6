use crate::Rule;

pub const RULE: Rule = Rule {
    id: "unchecked-length-read",
    version: 1,
    title: "Read of more bytes than were received",
    cwe: &[125],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
