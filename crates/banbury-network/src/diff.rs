//! What is otherwise between two inventories, or two days.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::inventory::{Inventory, TableId};
use crate::verdict::{CheckResult, Status};

#[derive(Clone, Debug, Default, Serialize)]
pub struct TableDiff {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    /// Identifier, column, before, after.
    pub changed: Vec<(String, String, String, String)>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct VerdictDiff {
    /// Control, subject, status.
    pub new: Vec<(String, String, String)>,
    pub gone: Vec<(String, String, String)>,
    /// Control, subject, status before and after.
    pub changed: Vec<(String, String, String, String)>,
    /// Control, region, measure, share before and after.
    pub shares: Vec<(String, String, String, f64, f64)>,
}

/// Rows added, removed and changed, by table; only tables with identifiers.
pub fn diff_inventories(before: &Inventory, after: &Inventory) -> BTreeMap<&'static str, TableDiff> {
    let mut out = BTreeMap::new();
    for &table in TableId::ALL {
        let rows = |inventory: &Inventory| -> BTreeMap<String, usize> {
            (0..inventory.len(table))
                .map(|row| (inventory.id(inventory.key(table, row)).to_owned(), row))
                .filter(|(id, _)| !id.is_empty())
                .collect()
        };
        let (old, new) = (rows(before), rows(after));
        let mut diff = TableDiff {
            added: new.keys().filter(|k| !old.contains_key(*k)).cloned().collect(),
            removed: old.keys().filter(|k| !new.contains_key(*k)).cloned().collect(),
            changed: Vec::new(),
        };
        let (mut a, mut b) = (String::new(), String::new());
        for (id, &old_row) in &old {
            let Some(&new_row) = new.get(id) else { continue };
            for (column, about) in table.columns().iter().enumerate() {
                a.clear();
                b.clear();
                before.write_cell(table, old_row, column, &mut a);
                after.write_cell(table, new_row, column, &mut b);
                if a != b {
                    diff.changed.push((id.clone(), about.name.to_owned(), a.clone(), b.clone()));
                }
            }
        }
        if !(diff.added.is_empty() && diff.removed.is_empty() && diff.changed.is_empty()) {
            out.insert(table.name(), diff);
        }
    }
    out
}

/// Verdicts that came, went or changed, and shares that moved.
pub fn diff_results(before: &CheckResult, after: &CheckResult) -> VerdictDiff {
    let rows = |result: &CheckResult| -> BTreeMap<(String, String), String> {
        let each = result.results.iter().flat_map(|r| r.verdicts.iter().map(move |v| (r, v)));
        each.map(|(r, v)| ((r.control.clone(), v.subject.clone()), status_text(&v.status))).collect()
    };
    let shares = |result: &CheckResult| -> BTreeMap<(String, String, String), f64> {
        let mut out = BTreeMap::new();
        for r in &result.results {
            for row in &r.shares {
                for (measure, &share) in &row.shares {
                    out.insert((r.control.clone(), row.region.clone(), measure.clone()), share);
                }
            }
        }
        out
    };
    let (old, new) = (rows(before), rows(after));
    let mut diff = VerdictDiff::default();
    for ((control, subject), status) in &new {
        match old.get(&(control.clone(), subject.clone())) {
            None => diff.new.push((control.clone(), subject.clone(), status.clone())),
            Some(was) if was != status => {
                diff.changed.push((control.clone(), subject.clone(), was.clone(), status.clone()));
            }
            Some(_) => {}
        }
    }
    for ((control, subject), status) in &old {
        if !new.contains_key(&(control.clone(), subject.clone())) {
            diff.gone.push((control.clone(), subject.clone(), status.clone()));
        }
    }
    let new_shares = shares(after);
    for (key, was) in shares(before) {
        if let Some(&now) = new_shares.get(&key).filter(|now| (**now - was).abs() > 1e-12) {
            diff.shares.push((key.0, key.1, key.2, was, now));
        }
    }
    diff
}

pub fn status_text(status: &Status) -> String {
    match status {
        Status::Violated => "violated".to_owned(),
        Status::WillBeViolated { on } => format!("will be violated on {on}"),
        Status::Exempted { by, until, .. } => format!("exempted by {by} until {until}"),
    }
}
