use crate::Rule;

mod uses;

pub(crate) use uses::{Found, note, program};

pub const RULE: Rule = Rule {
    id: "missing-null-check-inconsistent",
    version: 2,
    title: "Pointer dereferenced here, tested for null elsewhere",
    cwe: &[476],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -1.0,
};
