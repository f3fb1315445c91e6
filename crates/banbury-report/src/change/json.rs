use std::io::{self, Write};

use serde_json::{Value, json};

use super::ChangeReport;

/// Version of the JSON format; goes up when a field changes its meaning or goes away.
const FORMAT: u32 = 1;

/// Writes the ranked list, heaviest first.
pub fn write_json(report: &ChangeReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let document = json!({
        "format": FORMAT,
        "tool": {"name": "banbury", "version": report.version},
        "old": report.old_name,
        "new": report.new_name,
        "complete": report.complete,
        "notes": report.notes,
        "totals": report.comparison.totals,
        "unread_lines": report.unread_lines(),
        "path": report.milestones().iter().map(|milestone| json!({
            "evidence_percent": milestone.evidence, "entries": milestone.entries, "lines": milestone.lines,
        })).collect::<Vec<_>>(),
        "entries": report.listed().map(|entry| {
            let mut value = serde_json::to_value(entry).unwrap_or(Value::Null);
            value["read"] = json!(report.read.get(&entry.fingerprint));
            value
        }).collect::<Vec<_>>(),
    });
    serde_json::to_writer(&mut *out, &document)?;
    writeln!(out)
}
