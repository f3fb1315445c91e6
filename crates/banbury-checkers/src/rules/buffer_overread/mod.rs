use crate::Rule;

pub const RULE: Rule = Rule {
    id: "buffer-overread",
    version: 1,
    title: "Read past the bounds of a buffer",
    cwe: &[126, 125, 127],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};
