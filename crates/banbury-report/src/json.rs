use std::io::{self, Write};

use serde_json::{Value, json};

use crate::Report;
use crate::excerpt::decimal;
use crate::model::{FileInfo, Item};

/// Version of the JSON format; goes up when a field changes its meaning or goes away.
const FORMAT: u32 = 1;

/// Writes the report as one JSON object.
pub fn write_json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let path = |file: banbury_base::FileId| report.file(file).map(|file| file.path.as_str());
    let document = json!({
        "format": FORMAT,
        "tool": {"name": "banbury", "version": report.version},
        "target": report.target,
        "revision": report.revision,
        "release": report.release.to_string(),
        "min_weight": decimal(report.min_weight.0),
        "totals": report.totals(),
        "baseline": report.baseline,
        "hidden": report.hidden.iter().map(|(why, count)| json!({"reason": why, "count": count})).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(|item| finding(report, item)).collect::<Vec<_>>(),
        "files": report.files.iter().map(file).collect::<Vec<_>>(),
        "partial_functions": report.partial.iter().map(|row| json!({
            "file": path(row.file), "line": row.line, "function": row.function, "reason": row.reason,
        })).collect::<Vec<_>>(),
        "skipped": report.skipped,
        "other_files": report.other_files,
        "notes": report.notes.iter().map(|note| json!({
            "text": note.text,
            "file": note.place.and_then(|(file, _)| path(file)),
            "line": note.place.map(|(_, line)| line),
        })).collect::<Vec<_>>(),
        "faults": report.faults,
        "complete": !report.incomplete && report.faults.is_empty(),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn finding(report: &Report, item: &Item) -> Value {
    let finding = &item.finding;
    let place = |span: banbury_base::Span| {
        json!({
            "file": report.file(span.file).map(|file| file.path.as_str()),
            "line": span.line, "column": span.col, "length": span.len,
        })
    };
    json!({
        "rule": finding.rule,
        "rule_version": finding.rule_version,
        "cwe": finding.cwe,
        "message": finding.message,
        "place": place(finding.span),
        "function": finding.function,
        "weight": decimal(finding.weight.0),
        "features": finding.features.iter().map(|f| json!({"name": f.name, "value": decimal(f.value)})).collect::<Vec<_>>(),
        "fingerprint": finding.fingerprint.to_string(),
        "path": finding.path.iter().map(|step| json!({
            "kind": step.kind, "place": place(step.span), "function": step.function, "message": step.message,
        })).collect::<Vec<_>>(),
        "state": if item.unchanged { "unchanged" } else { "new" },
        "suppressed": item.suppressed,
        "classes": report.file(finding.span.file).map(|file| file.classes.as_slice()),
    })
}

fn file(file: &FileInfo) -> Value {
    json!({
        "path": file.path,
        "digest": file.digest.to_string(),
        "language": file.language,
        "classes": file.classes,
        "lines": file.lines,
        "functions": file.functions,
        "partial": file.partial,
        "missing_includes": file.missing_includes,
        "not_parsed": file.errors.iter().map(|(line, why)| json!({"line": line, "reason": why})).collect::<Vec<_>>(),
        "undecided": file.undecided.iter().map(|(line, arm)| json!({"line": line, "arm": arm})).collect::<Vec<_>>(),
    })
}
