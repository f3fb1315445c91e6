//! Inventories back into the documented folder.

use std::fmt::Write as _;

use crate::inventory::{Inventory, TableId};

/// A table as CSV with all columns that have a value somewhere, in the order of the schema.
pub fn table_csv(inventory: &Inventory, table: TableId) -> String {
    let columns = used_columns(inventory, table);
    let mut out = String::new();
    let header: Vec<&str> = columns.iter().map(|&c| table.columns()[c].name).collect();
    out.push_str(&header.join(","));
    out.push('\n');
    let mut cell = String::new();
    for row in 0..inventory.len(table) {
        for (i, &column) in columns.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            cell.clear();
            inventory.write_cell(table, row, column, &mut cell);
            if cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
                out.push('"');
                out.push_str(&cell.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(&cell);
            }
        }
        out.push('\n');
    }
    out
}

/// A table as a JSON list of objects, one on a line; values that are not recorded are left out.
pub fn table_json(inventory: &Inventory, table: TableId) -> String {
    let columns = used_columns(inventory, table);
    let mut out = String::from("[");
    let mut cell = String::new();
    for row in 0..inventory.len(table) {
        out.push_str(if row == 0 { "\n{" } else { ",\n{" });
        let mut first = true;
        for &column in &columns {
            cell.clear();
            inventory.write_cell(table, row, column, &mut cell);
            if !cell.is_empty() {
                let comma = if first { "" } else { "," };
                let value = serde_json::Value::String(cell.clone());
                let _ = write!(out, "{comma}\"{}\":{value}", table.columns()[column].name);
                first = false;
            }
        }
        out.push('}');
    }
    out.push_str("\n]\n");
    out
}

fn used_columns(inventory: &Inventory, table: TableId) -> Vec<usize> {
    let mut cell = String::new();
    (0..table.columns().len())
        .filter(|&column| {
            table.columns()[column].need != crate::inventory::Need::May
                || (0..inventory.len(table)).any(|row| {
                    cell.clear();
                    inventory.write_cell(table, row, column, &mut cell);
                    !cell.is_empty()
                })
        })
        .collect()
}
