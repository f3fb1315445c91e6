use crate::Rule;

pub const RULE: Rule = Rule {
    id: "tainted-copy-length",
    version: 1,
    title: "Copy length from untrusted input without a bound",
    cwe: &[120, 787, 125],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
