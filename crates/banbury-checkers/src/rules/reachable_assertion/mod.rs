use crate::Rule;

pub const RULE: Rule = Rule {
    id: "reachable-assertion",
    version: 1,
    title: "Assertion that received data can make fail",
    cwe: &[617],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};

mod results;

pub(crate) use results::{Found, found, program};
