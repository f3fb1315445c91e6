use std::collections::BTreeSet;
use std::io::{self, Write};

use banbury_change::{Entry, Side, words};
use serde_json::{Value, json};

use super::ChangeReport;

/// Writes the ranked list as a SARIF 2.1.0 log. `rank` falls from 100 to 0 along the list.
pub fn write_sarif(report: &ChangeReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let count = report.listed().count().max(1) as f64;
    let results: Vec<Value> = report
        .listed()
        .enumerate()
        .map(|(index, entry)| result(entry, 100.0 * (1.0 - index as f64 / count)))
        .collect();
    let rules: BTreeSet<&str> = report.listed().map(rule).collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "banbury",
                "semanticVersion": report.version,
                "rules": rules.iter().map(|id| json!({"id": id, "shortDescription": {"text": words(id)}})).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": report.complete}],
            "originalUriBaseIds": {
                "SRCROOT": {"description": {"text": "Root of the new release"}},
                "OLDROOT": {"description": {"text": "Root of the old release"}},
            },
            "results": results,
            "properties": {"old": report.old_name, "new": report.new_name, "totals": report.comparison.totals},
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn rule(entry: &Entry) -> &'static str {
    entry.class.unwrap_or("changed")
}

fn result(entry: &Entry, rank: f64) -> Value {
    let root = if entry.side == Side::New { "SRCROOT" } else { "OLDROOT" };
    let side = if entry.side == Side::New { "new" } else { "old" };
    json!({
        "ruleId": rule(entry),
        "kind": "review",
        "level": "note",
        "rank": (rank * 1000.0).round() / 1000.0,
        "message": {"text": entry.title},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&entry.file), "uriBaseId": root},
            "region": {"startLine": entry.line_start.max(1), "endLine": entry.line_end.max(entry.line_start).max(1)},
        }}],
        "partialFingerprints": {"banbury-change/v1": entry.fingerprint.to_string()},
        "properties": {"side": side, "weight": entry.weight, "group": entry.group, "reasons": entry.reasons,
            "function": entry.function, "changedLines": entry.changed_lines,
            // Where it stood before, as the location is that of one side only; no lines if it is new.
            "oldFile": entry.old_file, "oldLines": entry.old_lines},
    })
}

fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'+' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
