//! Coefficients of features, as data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::Rule;

/// The table of coefficients.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Where the numbers come from.
    #[allow(dead_code)]
    pub origin: String,
    /// Decibans per unit of a feature, whatever the rule.
    #[serde(default)]
    pub features: BTreeMap<String, f32>,
    /// What a rule has otherwise.
    #[serde(default)]
    pub rules: BTreeMap<String, RuleWeights>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleWeights {
    /// Instead of the base weight that the rule declares.
    pub base: Option<f32>,
    /// Instead of the common coefficients.
    #[serde(default)]
    pub features: BTreeMap<String, f32>,
}

const TEXT: &str = include_str!("../weights.toml");

/// The embedded table.
pub(crate) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

impl Table {
    /// Decibans of a finding of the rule with these features.
    pub(crate) fn weigh(&self, rule: &Rule, features: &[(&'static str, f32)]) -> f32 {
        let own = self.rules.get(rule.id);
        let base = own.and_then(|r| r.base).unwrap_or(rule.base_weight);
        features.iter().fold(base, |sum, (name, value)| {
            let coefficient = own
                .and_then(|r| r.features.get(*name))
                .or_else(|| self.features.get(*name))
                .copied()
                .unwrap_or(0.0);
            sum + coefficient * value
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{TEXT, Table};
    use crate::rule::rule;

    #[test]
    fn embedded_table_parses_and_names_rules_that_exist() {
        let table: Table = toml::from_str(TEXT).expect("weights.toml");
        for id in table.rules.keys() {
            assert!(rule(id).is_some(), "weights.toml names {id}");
        }
    }

    #[test]
    fn features_add() {
        let mut table = Table::default();
        table.features.insert("taint.network".into(), 3.0);
        let rule = rule("tainted-index").expect("rule");
        let weight = table.weigh(rule, &[("taint.network", 1.0), ("unknown", 5.0)]);
        assert_eq!(weight, rule.base_weight + 3.0);
    }
}
