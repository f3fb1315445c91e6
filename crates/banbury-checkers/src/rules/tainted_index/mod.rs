use crate::Rule;

pub const RULE: Rule = Rule {
    id: "tainted-index",
    version: 1,
    title: "Index from untrusted input without a bound",
    cwe: &[129, 787, 125],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};
