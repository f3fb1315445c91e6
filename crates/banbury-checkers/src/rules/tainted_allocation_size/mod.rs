use crate::Rule;

pub const RULE: Rule = Rule {
    id: "tainted-allocation-size",
    version: 1,
    title: "Allocation size from untrusted input without a bound",
    cwe: &[789],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};
