//! SARIF 2.1.0 (OASIS Standard, 27 March 2020, with Errata 01).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use banbury_base::{Digest, FileId, PathStep, Span, StepKind};
use serde_json::{Map, Value, json};

use crate::Report;
use crate::excerpt::{Lines, decimal, line_tables, utf16_columns};
use crate::model::{Item, RuleInfo};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Name and version of the fingerprint's definition.
const FINGERPRINT: &str = "banbury/v1";
const ROOT: &str = "SRCROOT";

/// Writes the report as a SARIF log with one run.
pub fn write_sarif(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let writer = Writer { report, lines: line_tables(report) };
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [writer.run()]});
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

#[derive(Debug, thiserror::Error)]
#[error("not a SARIF 2.1.0 log: {0}")]
pub struct BaselineError(String);

/// The fingerprints in a SARIF log that this program wrote, with how often each stands there.
/// Results that the log itself calls absent do not count.
pub fn fingerprints(log: &[u8]) -> Result<BTreeMap<Digest, u32>, BaselineError> {
    let log: Value = serde_json::from_slice(log).map_err(|error| BaselineError(error.to_string()))?;
    let runs = log.get("runs").and_then(Value::as_array).ok_or_else(|| BaselineError("no runs".into()))?;
    let mut counts = BTreeMap::new();
    let mut foreign = 0;
    for result in runs.iter().filter_map(|run| run.get("results")?.as_array()).flatten() {
        if result.get("baselineState").and_then(Value::as_str) == Some("absent") {
            continue;
        }
        let text = result.get("partialFingerprints").and_then(|all| all.get(FINGERPRINT)?.as_str());
        match text.and_then(|text| u128::from_str_radix(text, 16).ok()) {
            Some(number) => *counts.entry(Digest(number)).or_default() += 1,
            None => foreign += 1,
        }
    }
    match (counts.is_empty(), foreign) {
        (true, 1..) => {
            Err(BaselineError(format!("{foreign} results, none with a {FINGERPRINT} fingerprint")))
        }
        _ => Ok(counts),
    }
}

struct Writer<'r> {
    report: &'r Report,
    lines: BTreeMap<FileId, Lines<'r>>,
}

impl Writer<'_> {
    fn run(&self) -> Value {
        let report = self.report;
        let mut run = json!({
            "tool": {"driver": {
                "name": "banbury",
                "semanticVersion": report.version,
                "rules": report.rules.iter().map(rule).collect::<Vec<_>>(),
                "notifications": [
                    {"id": "coverage", "shortDescription": {"text": "Code that is not fully analysed"}},
                    {"id": "intake", "shortDescription": {"text": "What was read, and what was not"}},
                    {"id": "fault", "shortDescription": {"text": "A stage that broke off"}},
                ],
                "supportedTaxonomies": [{"name": "CWE", "index": 0}],
            }},
            "taxonomies": [self.taxonomy()],
            "columnKind": "utf16CodeUnits",
            "originalUriBaseIds": {ROOT: {"description": {"text": "Root of the reviewed release"}}},
            "artifacts": self.artifacts(),
            "invocations": [{
                "executionSuccessful": report.faults.is_empty() && !report.incomplete,
                "toolExecutionNotifications": self.notifications(),
            }],
            "results": report.findings.iter().map(|item| self.result(item)).collect::<Vec<_>>(),
            "properties": {
                "release": report.release.to_string(),
                "target": report.target,
                "minWeight": decimal(report.min_weight.0),
                "totals": report.totals(),
                "baseline": report.baseline,
                "hidden": report.hidden.iter().map(|(why, count)| json!({"reason": why, "count": count})).collect::<Vec<_>>(),
                "skipped": report.skipped,
            },
        });
        // The format wants an absolute address.
        let revision = report.revision.as_ref();
        if let Some((revision, repository)) = revision.and_then(|r| Some((r, r.repository.as_ref()?))) {
            run["versionControlProvenance"] = json!([{
                "repositoryUri": repository,
                "revisionId": revision.commit,
                "mappedTo": {"uriBaseId": ROOT},
            }]);
        }
        run
    }

    fn taxonomy(&self) -> Value {
        let rules = self.report.rules.iter().flat_map(|rule| rule.cwe.iter().copied());
        let results = self.report.findings.iter().map(|item| item.finding.cwe);
        let numbers: BTreeSet<u32> = rules.chain(results).filter(|&cwe| cwe != 0).collect();
        let taxa = numbers.into_iter().map(|cwe| {
            json!({"id": cwe.to_string(), "helpUri": format!("https://cwe.mitre.org/data/definitions/{cwe}.html")})
        });
        json!({
            "name": "CWE",
            "organization": "MITRE",
            "informationUri": "https://cwe.mitre.org/",
            "shortDescription": {"text": "The MITRE Common Weakness Enumeration"},
            "isComprehensive": false,
            "taxa": taxa.collect::<Vec<_>>(),
        })
    }

    fn artifacts(&self) -> Vec<Value> {
        let artifact = |id: &FileId| {
            let file = self.report.file(*id)?;
            let mut artifact = json!({
                "location": {"uri": uri(&file.path), "uriBaseId": ROOT},
                "length": file.text.len(),
                "sourceLanguage": file.language,
                "properties": {"digest": file.digest.to_string()},
            });
            if !file.classes.is_empty() {
                artifact["properties"]["tags"] = json!(file.classes);
            }
            Some(artifact)
        };
        self.lines.keys().filter_map(artifact).collect()
    }

    fn notifications(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        let row = |id: &str, level: &str, text: String, place: Option<(FileId, u32)>| {
            let mut row = json!({"descriptor": {"id": id}, "level": level, "message": {"text": text}});
            if let Some((file, line)) = place.and_then(|(id, line)| Some((self.report.file(id)?, line))) {
                let mut location = json!({"artifactLocation": {"uri": uri(&file.path), "uriBaseId": ROOT}});
                if line > 0 {
                    location["region"] = json!({"startLine": line});
                }
                row["locations"] = json!([{"physicalLocation": location}]);
            }
            row
        };
        for fault in &self.report.faults {
            rows.push(row(
                "fault",
                "error",
                format!("The {} broke off: {}", fault.stage, fault.message),
                None,
            ));
        }
        for note in &self.report.notes {
            rows.push(row("intake", "warning", note.text.clone(), note.place));
        }
        for skipped in &self.report.skipped {
            let examples = skipped.examples.join(", ");
            let text = format!("Skipped: {} {} ({examples})", skipped.count, skipped.reason);
            rows.push(row("intake", "note", text, None));
        }
        let mut first_reason: BTreeMap<FileId, (u32, &str)> = BTreeMap::new();
        for partial in &self.report.partial {
            first_reason.entry(partial.file).or_insert((partial.line, &partial.reason));
        }
        for (index, file) in self.report.files.iter().enumerate() {
            let id = FileId(index as u32);
            if let Some((line, reason)) = first_reason.get(&id) {
                let count = format!("{} of {} functions", file.partial, file.functions);
                let text = format!("{count} are not fully analysed; the first, since: {reason}");
                rows.push(row("coverage", "note", text, Some((id, *line))));
            }
            if let Some((line, reason)) = file.errors.first() {
                let count = file.errors.len();
                let text =
                    format!("{count} regions outside of functions are not understood; the first: {reason}");
                rows.push(row("coverage", "note", text, Some((id, *line))));
            }
        }
        rows
    }

    fn result(&self, item: &Item) -> Value {
        let finding = &item.finding;
        let rule_index = self.report.rules.iter().position(|rule| rule.id == finding.rule.as_str());
        let mut result = json!({
            "ruleId": finding.rule,
            "level": level(finding.weight.0),
            "rank": rank(finding.weight.0),
            "message": {"text": finding.message},
            "locations": [self.location(finding.span, finding.function.as_str(), None)],
            "partialFingerprints": {FINGERPRINT: finding.fingerprint.to_string()},
            "properties": {
                "weight": decimal(finding.weight.0),
                "features": finding.features.iter()
                    .map(|feature| (feature.name.to_string(), json!(decimal(feature.value))))
                    .collect::<Map<String, Value>>(),
                "ruleVersion": finding.rule_version,
            },
        });
        if let Some(index) = rule_index {
            result["ruleIndex"] = json!(index);
        }
        if finding.cwe != 0 {
            result["taxa"] =
                json!([{"id": finding.cwe.to_string(), "toolComponent": {"name": "CWE", "index": 0}}]);
            result["properties"]["cwe"] = json!([format!("CWE-{}", finding.cwe)]);
        }
        if finding.path.len() > 1 {
            let steps: Vec<Value> = finding.path.iter().map(|step| self.step(step)).collect();
            result["codeFlows"] = json!([{"threadFlows": [{"locations": steps}]}]);
        }
        if self.report.baseline.is_some() {
            result["baselineState"] = json!(if item.unchanged { "unchanged" } else { "new" });
        }
        if let Some(reason) = &item.suppressed {
            result["suppressions"] = json!([{"kind": "inSource", "justification": reason}]);
        }
        let classes = self.report.file(finding.span.file).map_or(&[][..], |file| &file.classes);
        if !classes.is_empty() {
            result["properties"]["tags"] = json!(classes);
        }
        result
    }

    fn step(&self, step: &PathStep) -> Value {
        let kind = match step.kind {
            StepKind::Source => "acquire",
            StepKind::Propagation => "value",
            StepKind::Branch => "branch",
            StepKind::Call => "call",
            StepKind::Sink => "danger",
        };
        let importance = match step.kind {
            StepKind::Source | StepKind::Sink => "essential",
            _ => "important",
        };
        json!({
            "location": self.location(step.span, step.function.as_str(), Some(&step.message)),
            "kinds": [kind],
            "importance": importance,
        })
    }

    fn location(&self, span: Span, function: &str, message: Option<&str>) -> Value {
        let mut location = json!({});
        if let (Some(file), false) = (self.report.file(span.file), span.is_none()) {
            let mut region = json!({"startLine": span.line});
            if let Some(line) = self.lines.get(&span.file).and_then(|lines| lines.line(span.line)) {
                let (start, end) = utf16_columns(line, span);
                if span.col > 0 {
                    region["startColumn"] = json!(start);
                    region["endColumn"] = json!(end);
                }
                region["snippet"] = json!({"text": String::from_utf8_lossy(line)});
            }
            location["physicalLocation"] = json!({
                "artifactLocation": {"uri": uri(&file.path), "uriBaseId": ROOT},
                "region": region,
            });
        }
        if !function.is_empty() {
            location["logicalLocations"] = json!([{"name": function, "kind": "function"}]);
        }
        if let Some(message) = message {
            location["message"] = json!({"text": message});
        }
        location
    }
}

fn rule(rule: &RuleInfo) -> Value {
    let tags = rule.cwe.iter().map(|cwe| format!("external/cwe/cwe-{cwe:03}"));
    let relationships = rule.cwe.iter().map(|cwe| {
        json!({
            "target": {"id": cwe.to_string(), "toolComponent": {"name": "CWE", "index": 0}},
            "kinds": ["superset"],
        })
    });
    let full = first_paragraph(&rule.readme).unwrap_or_else(|| rule.title.clone());
    json!({
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": full},
        "help": {"text": rule.readme, "markdown": rule.readme},
        "defaultConfiguration": {"enabled": rule.default_visible, "level": "warning"},
        "relationships": relationships.collect::<Vec<_>>(),
        "properties": {
            "version": rule.version,
            "tags": std::iter::once("security".to_owned()).chain(tags).collect::<Vec<_>>(),
        },
    })
}

/// The first paragraph that is no heading.
fn first_paragraph(readme: &str) -> Option<String> {
    let mut paragraphs = readme.split("\n\n").map(str::trim);
    let paragraph = paragraphs.find(|text| !text.is_empty() && !text.starts_with('#'))?;
    Some(paragraph.lines().collect::<Vec<_>>().join(" "))
}

fn level(weight: f32) -> &'static str {
    match weight {
        weight if weight >= 10.0 => "error",
        weight if weight >= 0.0 => "warning",
        _ => "note",
    }
}

/// Probability in percent that goes with the odds of a weight, to one decimal.
fn rank(weight: f32) -> f64 {
    let odds = 10f64.powf(f64::from(weight) / 10.0);
    let share = if odds.is_finite() { odds / (1.0 + odds) } else { 1.0 };
    (share * 1000.0).round() / 10.0
}

/// A relative reference (RFC 3986): everything but unreserved characters and `/` is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'+'
            | b','
            | b'='
            | b'@' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_addresses() {
        assert_eq!((rank(0.0), rank(10.0), rank(f32::MAX)), (50.0, 90.9, 100.0));
        assert_eq!(uri("a b/\u{e9}%.c"), "a%20b/%C3%A9%25.c");
    }

    #[test]
    fn foreign_logs() {
        assert!(fingerprints(b"[]").is_err());
        assert!(fingerprints(br#"{"runs": [{"results": [{"ruleId": "x"}]}]}"#).is_err());
        assert!(fingerprints(br#"{"runs": [{"results": []}]}"#).unwrap().is_empty());
    }
}
