//! One page that needs nothing else: data, style and script are inside, and its policy forbids
//! every request. The script only ever writes text, never markup.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use banbury_base::text::escape_markup;
use banbury_base::{FileId, Span, StepKind};
use serde_json::{Value, json};

use crate::Report;
use crate::excerpt::{Lines, decimal, line_tables, plain, shown};
use crate::model::Item;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Lines shown before and after each step.
const AROUND: u32 = 5;

/// Writes the report as one self-contained page.
pub fn write_html(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        out.write_all(before.as_bytes())?;
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        match name {
            "title" => {
                out.write_all(escape_markup(&format!("{} - Banbury review", report.target)).as_bytes())?
            }
            "style" => out.write_all(STYLE.as_bytes())?,
            "script" => out.write_all(SCRIPT.as_bytes())?,
            _ => write_data(report, out)?,
        }
        rest = after;
    }
    out.write_all(rest.as_bytes())
}

/// JSON inside of a script element: no `<` may stand in it.
fn write_data(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string(&data(report))?;
    out.write_all(text.replace('<', "\\u003c").as_bytes())
}

fn data(report: &Report) -> Value {
    let lines = line_tables(report);
    let rules: BTreeMap<&str, Value> = report
        .rules
        .iter()
        .filter(|rule| report.findings.iter().any(|item| item.finding.rule.as_str() == rule.id))
        .map(|rule| (rule.id.as_str(), json!({"title": rule.title, "readme": rule.readme})))
        .collect();
    let partial: Vec<Value> = report
        .partial
        .iter()
        .filter_map(|row| {
            Some(json!([report.file(row.file)?.path, row.line, row.function, plain(&row.reason)]))
        })
        .collect();
    json!({
        "version": report.version,
        "target": report.target,
        "commit": report.revision.as_ref().map(|revision| &revision.commit),
        "release": report.release.to_string(),
        "totals": report.totals(),
        "baseline": report.baseline,
        "hidden": report.hidden,
        "skipped": report.skipped,
        "notes": report.notes.iter().map(|note| note_text(report, note)).collect::<Vec<_>>(),
        "faults": report.faults,
        "rules": rules,
        "files": sources(report),
        "findings": report.findings.iter().map(|item| finding(item, &lines)).collect::<Vec<_>>(),
        "partial": partial,
    })
}

fn note_text(report: &Report, note: &crate::Note) -> String {
    match note.place.and_then(|(file, line)| Some((report.file(file)?, line))) {
        Some((file, line)) => format!("{}:{line}: {}", file.path, note.text),
        None => note.text.clone(),
    }
}

/// The files that findings stand in, with the lines around each step.
fn sources(report: &Report) -> BTreeMap<u32, Value> {
    let mut wanted: BTreeMap<FileId, BTreeSet<u32>> = BTreeMap::new();
    for step in report.findings.iter().flat_map(|item| &item.finding.path) {
        if !step.span.is_none() {
            let line = step.span.line;
            let around = line.saturating_sub(AROUND).max(1)..=line.saturating_add(AROUND);
            wanted.entry(step.span.file).or_default().extend(around);
        }
    }
    let source = |(id, numbers): (FileId, BTreeSet<u32>)| {
        let file = report.file(id)?;
        let lines = Lines::new(&file.text);
        let text: BTreeMap<u32, String> = numbers
            .into_iter()
            .filter_map(|number| Some((number, shown(lines.line(number)?, Span::new(id, number, 1, 0)).0)))
            .collect();
        Some((id.0, json!({"path": file.path, "classes": file.classes, "lines": text})))
    };
    wanted.into_iter().filter_map(source).collect()
}

/// Where the span is in the line as shown, in the units of the script's strings, from 1.
fn columns(line: &[u8], span: Span) -> (usize, usize) {
    let (text, range) = shown(line, span);
    let units = |text: &str| text.encode_utf16().count();
    (units(&text[..range.start]) + 1, units(&text[..range.end]) + 1)
}

fn finding(item: &Item, lines: &BTreeMap<FileId, Lines<'_>>) -> Value {
    let finding = &item.finding;
    let kind = |kind| match kind {
        StepKind::Source => "source",
        StepKind::Propagation => "value",
        StepKind::Branch => "branch",
        StepKind::Call => "call",
        StepKind::Sink => "sink",
    };
    let steps: Vec<Value> = finding
        .path
        .iter()
        .map(|step| {
            let span = step.span;
            let line = lines.get(&span.file).and_then(|lines| lines.line(span.line));
            let (start, end) = line.map_or((1, 1), |line| columns(line, span));
            json!([kind(step.kind), span.file.0, span.line, start, end, step.function, plain(&step.message)])
        })
        .collect();
    json!({
        "rule": finding.rule,
        "cwe": finding.cwe,
        "weight": decimal(finding.weight.0),
        "file": finding.span.file.0,
        "line": finding.span.line,
        "function": finding.function,
        "message": plain(&finding.message),
        "features": finding.features.iter().map(|f| json!([f.name, decimal(f.value)])).collect::<Vec<_>>(),
        "fingerprint": finding.fingerprint.to_string(),
        "unchanged": item.unchanged,
        "suppressed": item.suppressed,
        "steps": steps,
    })
}
