use crate::Rule;

pub const RULE: Rule = Rule {
    id: "tls-verification-disabled",
    version: 1,
    title: "Peer certificate is not verified",
    cwe: &[295],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};
