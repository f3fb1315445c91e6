//! SQL over an inventory: SQLite in memory, loaded with the tables that a query names.
//!
//! Beside the tables of the inventory there are the views `node_resolved`, `share_by_region`,
//! `reach_admin`, `near_sensitive` and `vendor_out`; `docs/network.md` describes their columns.
//! A query is one SELECT: it can change nothing and reach no file.

use std::cell::RefCell;
use std::collections::BTreeSet;

use banbury_network::rules::{CapShare, Group, Measure, RoleSet};
use banbury_network::{Date, Figure, Kind, Roles, SqlEngine, SqlRow, TableId, World};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, params_from_iter};

/// Rows an answer may have; more is a mistake in the query.
const MOST_ROWS: usize = 1_000_000;
/// Instructions of SQLite's machine after which a query is ended.
const MOST_STEPS: u64 = 2_000_000_000;

/// The engine. It keeps what it loaded until the day or the network changes.
#[derive(Default)]
pub struct Sqlite {
    loaded: RefCell<Option<Loaded>>,
}

struct Loaded {
    /// Address of the inventory, day, and whether plans are carried out.
    of: (usize, Date, bool),
    connection: Connection,
    tables: BTreeSet<&'static str>,
}

const VIEWS: &[&str] = &["node_resolved", "share_by_region", "reach_admin", "near_sensitive", "vendor_out"];

impl SqlEngine for Sqlite {
    fn select(&self, world: &World<'_>, query: &str) -> Result<Vec<SqlRow>, String> {
        let trimmed = query.trim().trim_end_matches(';');
        let first = trimmed.split_whitespace().next().unwrap_or("").to_ascii_lowercase();
        if first != "select" && first != "with" {
            return Err("a check is one SELECT (or WITH ... SELECT)".to_owned());
        }
        let mut slot = self.loaded.borrow_mut();
        let of = (std::ptr::from_ref(world.inventory) as usize, world.date, world.projected);
        if slot.as_ref().is_none_or(|l| l.of != of) {
            let connection = Connection::open_in_memory().map_err(|e| e.to_string())?;
            *slot = Some(Loaded { of, connection, tables: BTreeSet::new() });
        }
        let Some(loaded) = slot.as_mut() else { return Err("no database".to_owned()) };
        loaded.need(world, trimmed).map_err(|e| e.to_string())?;
        loaded.query(trimmed)
    }
}

fn names(query: &str) -> BTreeSet<String> {
    query.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map(str::to_ascii_lowercase).collect()
}

impl Loaded {
    fn need(&mut self, world: &World<'_>, query: &str) -> rusqlite::Result<()> {
        let words = names(query);
        for &table in TableId::ALL {
            if words.contains(table.name()) && self.tables.insert(table.name()) {
                self.table(world, table)?;
            }
        }
        for view in VIEWS {
            if words.contains(*view) && self.tables.insert(view) {
                match *view {
                    "node_resolved" => self.node_resolved(world)?,
                    "share_by_region" => self.share_by_region(world)?,
                    "reach_admin" => self.reach_admin(world)?,
                    "near_sensitive" => self.near_sensitive(world)?,
                    _ => self.vendor_out(world)?,
                }
            }
        }
        Ok(())
    }

    fn query(&self, query: &str) -> Result<Vec<SqlRow>, String> {
        let mut steps = 0u64;
        self.connection.progress_handler(
            10_000,
            Some(move || {
                steps += 10_000;
                steps > MOST_STEPS
            }),
        );
        let mut statement = self.connection.prepare(query).map_err(|e| e.to_string())?;
        if !statement.readonly() {
            return Err("a check may only read".to_owned());
        }
        let columns: Vec<String> = statement.column_names().iter().map(|c| (*c).to_owned()).collect();
        if !columns.iter().any(|c| c == "subject") {
            return Err("the answer needs a column `subject`".to_owned());
        }
        let mut rows = statement.query([]).map_err(|e| e.to_string())?;
        let mut out = Vec::new();
        while let Some(row) = rows.next().map_err(|e| e.to_string())? {
            if out.len() >= MOST_ROWS {
                return Err(format!("the answer has more than {MOST_ROWS} rows"));
            }
            let mut cells = Vec::with_capacity(columns.len());
            for (i, column) in columns.iter().enumerate() {
                let value = match row.get_ref(i).map_err(|e| e.to_string())? {
                    ValueRef::Null => Figure::Text(String::new()),
                    ValueRef::Integer(n) => u64::try_from(n).map_or(Figure::Number(n as f64), Figure::Count),
                    ValueRef::Real(x) => Figure::Number(x),
                    ValueRef::Text(t) | ValueRef::Blob(t) => {
                        Figure::Text(String::from_utf8_lossy(t).into_owned())
                    }
                };
                cells.push((column.clone(), value));
            }
            out.push(cells);
        }
        Ok(out)
    }

    fn fill(
        &mut self,
        name: &str,
        columns: &str,
        rows: impl Iterator<Item = Vec<Value>>,
        index: &str,
    ) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(&format!("CREATE TABLE {name} ({columns})"))?;
        let marks = vec!["?"; columns.split(',').count()].join(",");
        {
            let mut insert = transaction.prepare(&format!("INSERT INTO {name} VALUES ({marks})"))?;
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        if !index.is_empty() {
            transaction.execute_batch(&format!("CREATE INDEX {name}_{index} ON {name} ({index})"))?;
        }
        transaction.commit()
    }

    fn table(&mut self, world: &World<'_>, table: TableId) -> rusqlite::Result<()> {
        let columns = table.columns();
        let list: Vec<String> = columns
            .iter()
            .map(|c| {
                let kind = match c.kind {
                    Kind::Number | Kind::Percent | Kind::Latitude | Kind::Longitude => "REAL",
                    Kind::Count | Kind::Flag => "INTEGER",
                    _ => "TEXT",
                };
                format!("{} {kind}", c.name)
            })
            .collect();
        let mut text = String::new();
        let rows = (0..world.inventory.len(table)).map(|row| {
            (0..columns.len())
                .map(|column| {
                    text.clear();
                    world.inventory.write_cell(table, row, column, &mut text);
                    match (columns[column].kind, text.as_str()) {
                        (_, "") => Value::Null,
                        (Kind::Flag, word) => Value::Integer(i64::from(word == "true")),
                        (Kind::Count, word) => word.parse().map_or(Value::Null, Value::Integer),
                        (Kind::Number | Kind::Percent | Kind::Latitude | Kind::Longitude, word) => {
                            word.parse().map_or(Value::Null, Value::Real)
                        }
                        (_, word) => Value::Text(word.to_owned()),
                    }
                })
                .collect()
        });
        self.fill(table.name(), &list.join(", "), rows, columns[0].name)
    }

    fn node_resolved(&mut self, world: &World<'_>) -> rusqlite::Result<()> {
        let inventory = world.inventory;
        let roles = Roles::of(inventory);
        let text = |t: &str| if t.is_empty() { Value::Null } else { Value::Text(t.to_owned()) };
        let rows = (0..inventory.nodes.len()).map(|node| {
            let row = &inventory.nodes[node];
            let site = row.site.row();
            let region = site.and_then(|s| inventory.sites[s].region.row());
            let (domain, generation) = roles.get(row.role.0).unwrap_or(("", ""));
            let written = inventory.name(row.generation.0);
            vec![
                text(inventory.node_id(node)),
                site.map_or(Value::Null, |s| text(inventory.site_id(s))),
                region.map_or(Value::Null, |r| text(inventory.id(inventory.regions[r].id.0))),
                text(inventory.name(row.role.0)),
                text(domain),
                text(if written.is_empty() { generation } else { written }),
                world.vendor(node).map_or(Value::Null, |v| text(world.vendor_name(v))),
                Value::Integer(i64::from(world.live(node))),
                Value::Integer(i64::from(world.designated(node))),
                row.traffic_mbps(&inventory.pools).map_or(Value::Null, Value::Real),
            ]
        });
        self.fill(
            "node_resolved",
            "node_id TEXT, site_id TEXT, region_id TEXT, role TEXT, domain TEXT, generation TEXT, vendor TEXT, \
             live INTEGER, designated INTEGER, traffic_mbps REAL",
            rows,
            "node_id",
        )
    }

    fn share_by_region(&mut self, world: &World<'_>) -> rusqlite::Result<()> {
        let inventory = world.inventory;
        let mut roles: Vec<&str> = inventory.nodes.iter().map(|n| inventory.name(n.role.0)).collect();
        roles.sort_unstable();
        roles.dedup();
        let mut rows = Vec::new();
        for role in roles {
            let cap = CapShare {
                roles: RoleSet::One(role.to_owned()),
                measure: Measure::Count,
                group: Group::Region,
                max_share: 1.0,
                at: None,
            };
            for row in banbury_network::shares(&cap, world) {
                for (measure, share) in row.shares {
                    rows.push(vec![
                        Value::Text(row.region.clone()),
                        Value::Text(role.to_owned()),
                        Value::Text(measure),
                        Value::Real(share),
                        Value::Integer(row.nodes as i64),
                    ]);
                }
            }
        }
        self.fill(
            "share_by_region",
            "region_id TEXT, role TEXT, measure TEXT, share REAL, nodes INTEGER",
            rows.into_iter(),
            "region_id",
        )
    }

    fn reach_admin(&mut self, world: &World<'_>) -> rusqlite::Result<()> {
        let rows = banbury_network::reach_admin(world).into_iter().map(|(node, from, hops)| {
            vec![
                Value::Text(world.inventory.node_id(node).to_owned()),
                Value::Text(world.inventory.node_id(from).to_owned()),
                Value::Integer(i64::from(hops)),
            ]
        });
        self.fill("reach_admin", "node_id TEXT, from_node TEXT, hops INTEGER", rows, "node_id")
    }

    fn near_sensitive(&mut self, world: &World<'_>) -> rusqlite::Result<()> {
        let inventory = world.inventory;
        let mut rows = Vec::new();
        for (site, location, km) in banbury_network::near_sensitive(world, 10.0) {
            rows.push(vec![
                Value::Text(inventory.site_id(site).to_owned()),
                Value::Text(inventory.id(inventory.locations[location].id.0).to_owned()),
                Value::Text(inventory.name(inventory.locations[location].class.0).to_owned()),
                Value::Real(km),
            ]);
        }
        self.fill(
            "near_sensitive",
            "site_id TEXT, location_id TEXT, class TEXT, distance_km REAL",
            rows.into_iter(),
            "site_id",
        )
    }

    fn vendor_out(&mut self, world: &World<'_>) -> rusqlite::Result<()> {
        let rows = banbury_network::vendor_out(world).into_iter().map(|(site, connected)| {
            vec![Value::Text(world.inventory.site_id(site).to_owned()), Value::Integer(i64::from(connected))]
        });
        self.fill("vendor_out", "site_id TEXT, connected INTEGER", rows, "site_id")
    }
}
