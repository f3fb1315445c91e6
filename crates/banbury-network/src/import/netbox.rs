//! NetBox: pages of its REST interface, each endpoint mapped to a table by a data file.

use std::collections::BTreeMap;
use std::io::Read;

use rustc_hash::FxHashMap;
use serde::Deserialize;

use super::records::{Paths, Records, Slot, keys};
use super::{Importer, Severity};
use crate::inventory::TableId;
use crate::strings::Sym;

/// By endpoint, the identifiers that its records got, by the number the source gave them.
pub(super) type Joins = BTreeMap<String, FxHashMap<u64, Sym>>;

/// How the lists of a REST interface become tables. `controls/netbox.toml` is the one for NetBox.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    #[serde(rename = "source")]
    pub sources: Vec<SourceMapping>,
}

/// One endpoint and the table that its records go into.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceMapping {
    /// For example `dcim/devices`; its pages are files named `dcim_devices*.json`.
    pub endpoint: String,
    pub table: String,
    /// Path of the number under which records of other endpoints refer to this one.
    #[serde(default)]
    pub key: Option<String>,
    /// Column of the table to its place in the record.
    pub columns: BTreeMap<String, ColumnMapping>,
    /// Column to value in the source to value in the table; `*` is any other value.
    #[serde(default)]
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// Paths that must have a value for the record to count; others are passed over.
    #[serde(default)]
    pub only_with: Vec<String>,
}

/// Where a value stands in a record.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum ColumnMapping {
    /// Paths, the first with a value counts: `"custom_fields.node_id | name"`.
    Path(String),
    /// The record of another endpoint, named by its number; if that endpoint has no such number, the
    /// identifier at `name`.
    Join {
        join: String,
        path: String,
        #[serde(default)]
        name: Option<String>,
    },
    /// The same for every record.
    Constant { value: String },
}

impl Mapping {
    /// Reads a mapping file. Unknown tables and columns are errors.
    pub fn parse(text: &str) -> Result<Mapping, String> {
        let mapping: Mapping = toml::from_str(text).map_err(|e| e.to_string())?;
        for source in &mapping.sources {
            let table = TableId::from_name(&source.table)
                .ok_or_else(|| format!("`{}`: there is no table `{}`", source.endpoint, source.table))?;
            for column in source.columns.keys().chain(source.values.keys()) {
                if !table.columns().iter().any(|c| c.name == column) {
                    return Err(format!(
                        "`{}`: the table `{}` has no column `{column}`",
                        source.endpoint, source.table
                    ));
                }
            }
        }
        Ok(mapping)
    }
}

struct Plan<'a> {
    table: TableId,
    paths: Paths,
    /// For each column of the table.
    joins: Vec<Option<(&'a str, Option<usize>)>>,
    constants: Vec<Option<&'a str>>,
    values: Vec<Option<&'a BTreeMap<String, String>>>,
    present: Vec<bool>,
    key: Option<usize>,
    conditions: std::ops::Range<usize>,
    slots: usize,
}

fn plan(source: &SourceMapping) -> Option<Plan<'_>> {
    let table = TableId::from_name(&source.table)?;
    let columns = table.columns();
    let mut paths = Paths::new();
    let mut want = |text: &str, slot: usize| {
        for (rank, path) in text.split('|').enumerate() {
            paths.want(path.trim(), slot, rank.min(254) as u8);
        }
    };
    let mut joins = vec![None; columns.len()];
    let mut constants = vec![None; columns.len()];
    let mut present = vec![false; columns.len()];
    let mut names: Vec<(&str, usize)> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        match source.columns.get(column.name) {
            Some(ColumnMapping::Path(path)) => want(path, index),
            Some(ColumnMapping::Join { join, path, name }) => {
                want(path, index);
                if let Some(name) = name {
                    names.push((name, index));
                }
                joins[index] = Some((join.as_str(), None));
            }
            Some(ColumnMapping::Constant { value }) => constants[index] = Some(value.as_str()),
            None => continue,
        }
        present[index] = true;
    }
    let key = source.key.as_ref().map(|path| {
        want(path, columns.len());
        columns.len()
    });
    let first = columns.len() + 1;
    for (i, path) in source.only_with.iter().enumerate() {
        want(path, first + i);
    }
    let values = columns.iter().map(|c| source.values.get(c.name)).collect();
    let conditions = first..first + source.only_with.len();
    let mut slots = conditions.end;
    for (path, column) in names {
        want(path, slots);
        if let Some((_, name)) = &mut joins[column] {
            *name = Some(slots);
        }
        slots += 1;
    }
    Some(Plan { table, paths, joins, constants, values, present, key, conditions, slots })
}

impl Importer {
    /// Reads the pages of one endpoint, one record at a time. Endpoints that others refer to come
    /// first.
    pub fn netbox(&mut self, source: &SourceMapping, file: &str, reader: impl Read) {
        let file = self.file(file);
        let Some(plan) = plan(source) else { return };
        self.seen[plan.table as usize] = true;
        if !self.check_columns(plan.table, file, &plan.present) {
            return;
        }
        self.records(&plan, &source.endpoint, file, reader);
    }

    /// Reads a table from a JSON list of objects whose keys are the columns.
    pub fn json(&mut self, table: TableId, file: &str, reader: impl Read) {
        let columns = table.columns();
        let mapping = SourceMapping {
            endpoint: String::new(),
            table: table.name().to_owned(),
            key: None,
            columns: columns
                .iter()
                .map(|c| (c.name.to_owned(), ColumnMapping::Path(c.name.to_owned())))
                .collect(),
            values: BTreeMap::new(),
            only_with: Vec::new(),
        };
        let file = self.file(file);
        self.seen[table as usize] = true;
        if let Some(plan) = plan(&mapping) {
            self.records(&plan, "", file, reader);
        }
    }

    fn records(&mut self, plan: &Plan<'_>, endpoint: &str, file: u32, reader: impl Read) {
        let columns = plan.table.columns();
        let mut records = Records::new(reader);
        let mut slots = vec![Slot::default(); plan.slots];
        let mut element = Vec::new();
        let mut joined: Vec<String> = vec![String::new(); columns.len()];
        let mut number = 0u32;
        let mut ids: FxHashMap<u64, Sym> = self.joins.remove(endpoint).unwrap_or_default();
        loop {
            match records.next(&mut element) {
                Ok(true) => number += 1,
                Ok(false) => break,
                Err(message) => {
                    self.problem(Severity::Error, file, number + 1, message, "export the list again");
                    self.refused[plan.table as usize] = true;
                    break;
                }
            }
            if let Err(message) = plan.paths.read(&element, &mut slots) {
                self.problem(Severity::Error, file, number, message, "export the list again");
                *self.report.skipped.entry(plan.table.name()).or_default() += 1;
                continue;
            }
            if number == 1 && endpoint.is_empty() {
                for key in keys(&element) {
                    if !columns.iter().any(|c| c.name == key) {
                        let message = format!("the key `{key}` is not understood and was left out");
                        self.problem(
                            Severity::Warning,
                            file,
                            1,
                            message,
                            "`banbury network schema` lists the columns",
                        );
                    }
                }
            }
            if plan.conditions.clone().any(|slot| slots[slot].text.is_empty()) {
                continue;
            }
            for (column, slot) in joined.iter_mut().enumerate() {
                slot.clear();
                let Some((endpoint, name)) = plan.joins[column] else { continue };
                let text = &slots[column].text;
                if text.is_empty() {
                    continue;
                }
                let found = text.parse().ok().and_then(|n: u64| self.joins.get(endpoint)?.get(&n).copied());
                // One's own endpoint: a region's parent may come before or after it.
                let found = found.or_else(|| text.parse().ok().and_then(|n: u64| ids.get(&n).copied()));
                let named = name.map_or("", |n| slots[n].text.as_str());
                match found {
                    Some(sym) => slot.push_str(self.inventory.id(sym)),
                    None if !named.is_empty() => slot.push_str(named),
                    None => slot.push_str(&format!("{endpoint}/{text}")),
                }
            }
            let mut cells = [""; 32];
            for (index, cell) in cells.iter_mut().enumerate().take(columns.len()) {
                let text = match (plan.joins[index], plan.constants[index]) {
                    (Some(_), _) => joined[index].as_str(),
                    (None, Some(value)) => value,
                    (None, None) => slots[index].text.as_str(),
                };
                *cell = match plan.values[index] {
                    Some(values) => values.get(text).or_else(|| values.get("*")).map_or(text, String::as_str),
                    None => text,
                };
            }
            if let Some(key) = plan.key
                && let Ok(n) = slots[key].text.parse::<u64>()
            {
                let sym = self.inventory.pools.ids.intern(cells[0]);
                ids.insert(n, sym);
            }
            self.row(plan.table, &cells[..columns.len()], file, number);
        }
        if plan.key.is_some() {
            self.joins.insert(endpoint.to_owned(), ids);
        }
    }
}
