//! Import: rows in, an [`Inventory`] out, and a report of everything that was not understood.
//!
//! Nothing changes half-way: [`Importer::finish`] gives an inventory only if every row was
//! understood, or if the caller accepted to go on without the others.

mod csv;
pub mod netbox;
mod nrm;
mod records;
mod rfc8345;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::inventory::{Inventory, Need, TABLE_NAMES, TableId};
use crate::roles::Roles;
use crate::strings::Sym;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The row, or the file, cannot be used.
    Error,
    /// Understood, but worth a look.
    Warning,
}

/// Something in the input that was not understood.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Problem {
    pub severity: Severity,
    pub file: String,
    /// Line of a CSV file, number of the record of a JSON file; 0 for the file as a whole.
    pub row: u32,
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{}", self.file)?;
        if self.row > 0 {
            write!(f, ":{}", self.row)?;
        }
        write!(f, ": {severity}: {}", self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// What an import read and what it did not understand.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    /// Rows read, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Rows left out because they could not be used, by table.
    pub skipped: BTreeMap<&'static str, u64>,
    /// In the order of reading; at most [`ImportReport::LIMIT`].
    pub problems: Vec<Problem>,
    /// Problems beyond the limit.
    pub more_problems: u64,
    pub errors: u64,
}

impl ImportReport {
    pub const LIMIT: usize = 10_000;
}

/// Reads tables, file by file, into an inventory.
#[derive(Default)]
pub struct Importer {
    inventory: Inventory,
    report: ImportReport,
    seen: [bool; TABLE_NAMES.len()],
    /// Tables of which a file was refused as a whole: what refers to them is not told again.
    refused: [bool; TABLE_NAMES.len()],
    /// Columns that may hold nothing may be left out: small tables of tests.
    brief: bool,
    joins: netbox::Joins,
}

impl Importer {
    pub fn new() -> Importer {
        Importer::default()
    }

    /// For tables written by hand: only columns that must hold something have to be there.
    pub fn brief() -> Importer {
        Importer { brief: true, ..Importer::default() }
    }

    fn file(&mut self, name: &str) -> u32 {
        self.inventory.files.push(name.to_owned());
        (self.inventory.files.len() - 1) as u32
    }

    fn problem(&mut self, severity: Severity, file: u32, row: u32, message: String, remedy: &str) {
        if severity == Severity::Error {
            self.report.errors += 1;
        }
        if self.report.problems.len() >= ImportReport::LIMIT {
            self.report.more_problems += 1;
            return;
        }
        let file = self.inventory.files.get(file as usize).cloned().unwrap_or_default();
        self.report.problems.push(Problem { severity, file, row, message, remedy: remedy.to_owned() });
    }

    /// Reports something the caller found wrong with the input, such as a file it could not open.
    pub fn refuse(&mut self, file: &str, message: String, remedy: &str) {
        let file = self.file(file);
        self.problem(Severity::Error, file, 0, message, remedy);
    }

    fn row(&mut self, table: TableId, cells: &[&str], file: u32, line: u32) {
        self.seen[table as usize] = true;
        *self.report.rows.entry(table.name()).or_default() += 1;
        if let Err(problem) = self.inventory.push(table, cells, file, line) {
            *self.report.skipped.entry(table.name()).or_default() += 1;
            let need = table.columns().iter().find(|c| c.name == problem.column);
            let remedy = match need {
                Some(column) => format!("{} in `{}`: {}", "correct the cell", column.name, column.about),
                None => "correct the cell".to_owned(),
            };
            let message = format!("`{}` {}", problem.column, problem.reason);
            self.problem(Severity::Error, file, line, message, &remedy);
        }
    }

    /// Whether all columns that must be there are; reports the others.
    fn check_columns(&mut self, table: TableId, file: u32, present: &[bool]) -> bool {
        let mut complete = true;
        for (column, &there) in table.columns().iter().zip(present) {
            if !there && (column.need == Need::Must || (column.need == Need::Want && !self.brief)) {
                complete = false;
                self.refused[table as usize] = true;
                let message = format!("the column `{}` is missing", column.name);
                let remedy = format!("add it ({}); cells may be empty where it is not known", column.about);
                self.problem(Severity::Error, file, 1, message, &remedy);
            }
        }
        complete
    }

    /// Ends the import. With `keep_going` rows that could not be used are left out, otherwise
    /// any error means that there is no inventory.
    pub fn finish(mut self, keep_going: bool) -> (Option<Inventory>, ImportReport) {
        let maps = self.identifiers();
        self.references(&maps);
        drop(maps);
        self.vocabulary();
        self.names_of_sites();
        self.hosting_loops();
        if !self.seen[TableId::nodes as usize] && self.report.errors == 0 {
            let file = self.file("nodes.csv");
            self.problem(
                Severity::Error,
                file,
                0,
                "there is no table of nodes".to_owned(),
                "an inventory is a folder with at least nodes.csv or nodes.json; `banbury network schema` describes it",
            );
        }
        let Importer { inventory, report, .. } = self;
        let usable = report.errors == 0 || (keep_going && !inventory.nodes.is_empty());
        (usable.then_some(inventory), report)
    }

    /// The row of every identifier; of rows with one identifier the first stays.
    fn identifiers(&mut self) -> Vec<Vec<u32>> {
        let mut maps = Vec::new();
        for &table in TableId::ALL {
            let mut map: Vec<u32> = Vec::new();
            let mut doubles: Vec<usize> = Vec::new();
            let mut kept = 0u32;
            for row in 0..self.inventory.len(table) {
                let key = self.inventory.key(table, row);
                if key.is_empty() {
                    break;
                }
                if map.len() <= key.index() {
                    map.resize(key.index() + 1, u32::MAX);
                }
                if map[key.index()] == u32::MAX {
                    map[key.index()] = kept;
                    kept += 1;
                } else {
                    doubles.push(row);
                }
            }
            for &row in &doubles {
                let id = self.inventory.id(self.inventory.key(table, row)).to_owned();
                let (file, line) = self.inventory.place(table, row);
                *self.report.skipped.entry(table.name()).or_default() += 1;
                let message =
                    format!("`{}` was given before: `{id}` names two rows", table.columns()[0].name);
                self.problem(Severity::Error, file, line, message, "give each row its own identifier");
            }
            self.inventory.drop_rows(table, &doubles);
            maps.push(map);
        }
        maps
    }

    fn references(&mut self, maps: &[Vec<u32>]) {
        let mut dangling: Vec<(TableId, usize, &'static str, crate::cell::Kind, Sym)> = Vec::new();
        let mut more = 0u64;
        let rows = crate::cell::Rows { by_table: maps };
        let refused = &self.refused;
        self.inventory.resolve_all(&rows, &mut |table, row, column, kind, sym| {
            if let crate::cell::Kind::Reference(name) = kind
                && TableId::from_name(name).is_some_and(|t| refused[t as usize])
            {
                return;
            }
            if dangling.len() < ImportReport::LIMIT {
                dangling.push((table, row, column, kind, sym));
            } else {
                more += 1;
            }
        });
        for (table, row, column, kind, sym) in dangling {
            let target = if let crate::cell::Kind::Reference(name) = kind { name } else { "" };
            let (file, line) = self.inventory.place(table, row);
            let message =
                format!("`{column}` names `{}`, which is not in `{target}`", self.inventory.id(sym));
            let remedy =
                format!("add the row to `{target}`, correct the identifier, or leave the cell empty");
            self.problem(Severity::Error, file, line, message, &remedy);
        }
        self.report.errors += more;
        self.report.more_problems += more;
    }

    /// Words outside a vocabulary on which verdicts depend.
    fn vocabulary(&mut self) {
        const STATUSES: &[&str] =
            &["planned", "staged", "active", "offline", "failed", "inventory", "decommissioning", "retired"];
        const LINK_STATUSES: &[&str] =
            &["planned", "staged", "active", "offline", "decommissioning", "retired"];
        const UNITS: &[&str] = &["", "mbit/s", "gbit/s"];
        let roles = Roles::of(&self.inventory);
        let mut bad: Vec<(TableId, usize, String, String)> = Vec::new();
        let names = &self.inventory.pools.names;
        let mut verdicts: BTreeMap<(u8, Sym), Option<String>> = BTreeMap::new();
        let mut check = |table: TableId,
                         row: usize,
                         what: u8,
                         column: &str,
                         sym: Sym,
                         allowed: Option<&[&str]>| {
            let verdict = verdicts.entry((what, sym)).or_insert_with(|| {
                let word = names.get(sym);
                match allowed {
                    Some(list) if list.contains(&word) => None,
                    Some(list) => Some(format!("use one of {}", list.join(", "))),
                    None if roles.get(sym).is_some() => None,
                    None => Some(match roles.nearest(word) {
                        Some(near) => format!("perhaps `{near}`; functions of your own go into the table `roles`"),
                        None => "`banbury network schema roles` lists them; functions of your own go into the table \
                                 `roles`"
                            .to_owned(),
                    }),
                }
            });
            if let Some(remedy) = verdict {
                let message = match what {
                    0 => format!("`{}` is not a network function that is known", names.get(sym)),
                    _ => format!("`{column}` is `{}`", names.get(sym)),
                };
                bad.push((table, row, message, remedy.clone()));
            }
        };
        // Most rows say what the row before said.
        let mut last = (Sym::EMPTY, Sym::EMPTY, Sym::EMPTY);
        for (row, node) in self.inventory.nodes.iter().enumerate() {
            let this = (node.role.0, node.status.0, node.traffic_unit.0);
            if this != last || row == 0 {
                check(TableId::nodes, row, 0, "role", this.0, None);
                check(TableId::nodes, row, 1, "status", this.1, Some(STATUSES));
                check(TableId::nodes, row, 2, "traffic_unit", this.2, Some(UNITS));
            }
            last = this;
        }
        for (row, link) in self.inventory.links.iter().enumerate() {
            if row == 0 || link.status != self.inventory.links[row - 1].status {
                check(TableId::links, row, 3, "status", link.status.0, Some(LINK_STATUSES));
            }
        }
        for (row, flow) in self.inventory.admin_flows.iter().enumerate() {
            if row == 0 || flow.action != self.inventory.admin_flows[row - 1].action {
                check(TableId::admin_flows, row, 4, "action", flow.action.0, Some(&["allow", "deny"]));
            }
        }
        for (table, row, message, remedy) in bad {
            let (file, line) = self.inventory.place(table, row);
            self.problem(Severity::Error, file, line, message, &remedy);
        }
    }

    fn names_of_sites(&mut self) {
        let mut first: rustc_hash::FxHashMap<Sym, usize> = rustc_hash::FxHashMap::default();
        let mut doubles = Vec::new();
        for (row, site) in self.inventory.sites.iter().enumerate() {
            if !site.name.0.is_empty() {
                if let Some(&other) = first.get(&site.name.0) {
                    doubles.push((row, other));
                } else {
                    first.insert(site.name.0, row);
                }
            }
        }
        for (row, other) in doubles {
            let message = format!(
                "the sites `{}` and `{}` have one name, `{}`",
                self.inventory.site_id(other),
                self.inventory.site_id(row),
                self.inventory.id(self.inventory.sites[row].name.0)
            );
            let (file, line) = self.inventory.place(TableId::sites, row);
            self.problem(
                Severity::Warning,
                file,
                line,
                message,
                "if they are one place give their nodes one `site_id`, otherwise tell the names apart",
            );
        }
    }

    /// A host cannot run on what it hosts.
    fn hosting_loops(&mut self) {
        let nodes = &self.inventory.nodes;
        let mut done = vec![false; nodes.len()];
        let mut loops = Vec::new();
        let mut chain = Vec::new();
        for start in 0..nodes.len() {
            chain.clear();
            let mut at = start;
            while !done[at] {
                done[at] = true;
                chain.push(at);
                match nodes[at].host.row() {
                    Some(host) => {
                        if chain.contains(&host) {
                            loops.push(host);
                            break;
                        }
                        at = host;
                    }
                    None => break,
                }
                if chain.len() > 64 {
                    break;
                }
            }
        }
        for node in loops {
            let (file, line) = self.inventory.place(TableId::nodes, node);
            let message = format!("`{}` runs, through its hosts, on itself", self.inventory.node_id(node));
            self.problem(Severity::Warning, file, line, message, "correct `host_id` of one of them");
        }
    }
}
