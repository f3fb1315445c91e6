use crate::Rule;

pub const RULE: Rule = Rule {
    id: "any-address-listener",
    version: 1,
    title: "Service listens on every address",
    cwe: &[1327],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -6.0,
};
