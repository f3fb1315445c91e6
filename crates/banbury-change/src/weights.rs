//! Coefficients of reasons, as data.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    /// Where the numbers come from.
    #[allow(dead_code)]
    pub origin: String,
    /// What every change weighs.
    pub base: f32,
    /// Decibans of what a change is; the heaviest counts.
    pub classes: BTreeMap<String, f32>,
    /// Decibans per unit of what lies around it.
    pub context: BTreeMap<String, f32>,
}

const TEXT: &str = include_str!("../weights.toml");

/// The embedded table.
pub(crate) fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| toml::from_str(TEXT).unwrap_or_default())
}

/// Of a change that is nothing in particular.
const NO_CLASS: f32 = -26.0;

/// One reason for an entry's place in the list.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Reason {
    pub name: &'static str,
    pub value: f32,
    pub decibans: f32,
}

/// What the table says of an edit.
pub(crate) struct Weighed {
    pub weight: f32,
    /// The heaviest of its classes.
    pub class: Option<&'static str>,
    /// Those that move it most first.
    pub reasons: Vec<Reason>,
}

impl Table {
    pub(crate) fn weigh(&self, features: Vec<(&'static str, f32)>) -> Weighed {
        let class = |name: &str| self.classes.get(name).copied();
        let told = features
            .iter()
            .filter_map(|(name, _)| Some((class(name)?, *name)))
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)));
        let reason = |(name, value)| match class(name) {
            Some(decibans) if told.is_some_and(|told| told.1 == name) => Reason { name, value, decibans },
            Some(_) => Reason { name, value, decibans: 0.0 },
            None => self.context_reason(name, value),
        };
        let mut reasons: Vec<Reason> = features.into_iter().map(reason).collect();
        let weight = self.base
            + told.map_or(NO_CLASS, |_| 0.0)
            + reasons.iter().map(|reason| reason.decibans).sum::<f32>();
        sort(&mut reasons);
        Weighed { weight: round(weight), class: told.map(|told| told.1), reasons }
    }

    /// A reason that lies around an edit.
    pub(crate) fn context_reason(&self, name: &'static str, value: f32) -> Reason {
        let decibans = self.context.get(name).map_or(0.0, |coefficient| coefficient * value);
        Reason { name, value, decibans }
    }

    /// Whether the reason says what a change is.
    pub(crate) fn is_class(&self, name: &str) -> bool {
        self.classes.contains_key(name)
    }
}

/// Those that move a weight most first.
pub(crate) fn sort(reasons: &mut [Reason]) {
    reasons.sort_by(|a, b| b.decibans.abs().total_cmp(&a.decibans.abs()).then_with(|| a.name.cmp(b.name)));
}

/// A hundredth of a deciban is noise, and sums differ with their order.
pub(crate) fn round(weight: f32) -> f32 {
    (weight * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_table_parses() {
        let table: Table = toml::from_str(TEXT).expect("weights.toml");
        assert!(!table.classes.is_empty() && !table.context.is_empty());
    }

    #[test]
    fn the_heaviest_class_counts() {
        let table = Table {
            classes: [("a".into(), 5.0), ("b".into(), 3.0)].into(),
            context: [("c".into(), -1.0)].into(),
            ..Table::default()
        };
        assert_eq!(table.weigh(vec![("a", 1.0), ("b", 1.0), ("c", 2.0)]).weight, 3.0);
    }
}
