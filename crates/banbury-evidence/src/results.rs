//! Findings of any tool, from SARIF 2.1.0, under names that last.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::hash::Sha256;

/// A finding as one run shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The same from release to release: the tool's own fingerprint where it gives one.
    pub name: String,
    pub rule: String,
    pub message: String,
    pub file: String,
    pub line: u64,
    pub function: String,
    /// Decibans, where the tool weighs.
    pub weight: Option<f64>,
    pub level: String,
    /// Where the whole result stands in the log, in bytes.
    pub at: Range<u64>,
}

/// One run of a log.
#[derive(Clone, Debug, Default)]
pub struct Results {
    pub tool: String,
    pub version: String,
    pub findings: Vec<Shown>,
}

#[derive(Debug, thiserror::Error)]
#[error("not a SARIF 2.1.0 log: {0}")]
pub struct SarifError(String);

/// A log, its results as they stand there: one at a time is taken apart, as there may be a million.
#[derive(Deserialize)]
struct Log<'l> {
    #[serde(default)]
    version: Value,
    #[serde(borrow)]
    runs: Option<Vec<Run<'l>>>,
}

#[derive(Deserialize)]
struct Run<'l> {
    #[serde(default)]
    tool: Value,
    #[serde(borrow)]
    results: Option<Vec<&'l RawValue>>,
}

/// Reads the runs of a log. Results that the log calls absent or suppressed do not count.
pub fn read_sarif(bytes: &[u8]) -> Result<Vec<Results>, SarifError> {
    let wrong = |error: serde_json::Error| SarifError(error.to_string());
    // Some writers begin with a byte-order mark.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let log: Log<'_> = serde_json::from_slice(text).map_err(wrong)?;
    if log.version.as_str() != Some("2.1.0") {
        return Err(SarifError(format!("its version is {}", log.version)));
    }
    let runs = log.runs.ok_or_else(|| SarifError("it has no runs".into()))?;
    runs.into_iter().map(|run| read_run(run, bytes).map_err(wrong)).collect()
}

fn read_run(run: Run<'_>, bytes: &[u8]) -> serde_json::Result<Results> {
    let about = json!({"tool": run.tool});
    let driver = &about["tool"]["driver"];
    let version = driver["semanticVersion"].as_str().or(driver["version"].as_str());
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut findings = Vec::new();
    for raw in run.results.into_iter().flatten() {
        let result: Value = serde_json::from_str(raw.get())?;
        let absent = result["baselineState"].as_str() == Some("absent");
        let suppressed = result["suppressions"].as_array().is_some_and(|list| !list.is_empty());
        if absent || suppressed {
            continue;
        }
        // Both lie in one piece of memory.
        let start = (raw.get().as_ptr().addr() - bytes.as_ptr().addr()) as u64;
        let mut shown = read_result(&result, &about, start..start + raw.get().len() as u64);
        // Two findings alike in everything are told apart by their order.
        let count = seen.entry(shown.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            shown.name = format!("{}#{count}", shown.name);
        }
        findings.push(shown);
    }
    Ok(Results {
        findings,
        tool: driver["name"].as_str().unwrap_or("unknown").to_owned(),
        version: version.unwrap_or_default().to_owned(),
    })
}

fn read_result(result: &Value, run: &Value, at: Range<u64>) -> Shown {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let index = result["ruleIndex"].as_u64().or(result["rule"]["index"].as_u64());
    let by_index = || {
        let rule = run["tool"]["driver"]["rules"].get(usize::try_from(index?).ok()?)?;
        rule["id"].as_str()
    };
    let rule =
        result["ruleId"].as_str().or(result["rule"]["id"].as_str()).or_else(by_index).unwrap_or_default();
    let place = &result["locations"][0]["physicalLocation"];
    let message = text(&result["message"]["text"]);
    let file = text(&place["artifactLocation"]["uri"]);
    Shown {
        name: name(result, rule, &file, function(result), &message),
        function: function(result).to_owned(),
        at,
        rule: rule.to_owned(),
        line: place["region"]["startLine"].as_u64().unwrap_or(0),
        weight: result["properties"]["weight"].as_f64(),
        level: result["level"].as_str().unwrap_or("warning").to_owned(),
        message,
        file,
    }
}

fn function(result: &Value) -> &str {
    let logical = &result["locations"][0]["logicalLocations"][0];
    logical["fullyQualifiedName"].as_str().or(logical["name"].as_str()).unwrap_or("")
}

/// A tool's fingerprint if there is one (of several the first by name, `fingerprints` before
/// `partialFingerprints`), otherwise a hash of what does not move with the lines.
fn name(result: &Value, rule: &str, file: &str, function: &str, message: &str) -> String {
    for key in ["fingerprints", "partialFingerprints"] {
        let given = result[key].as_object().into_iter().flatten();
        let given: BTreeMap<&str, &str> =
            given.filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect();
        // semgrep writes this where one must log in to get one.
        if let Some((_, value)) = given.iter().find(|(_, v)| !v.is_empty() && **v != "requires login") {
            return (*value).to_owned();
        }
    }
    let text = [rule, file, function, message].join("\n");
    Sha256::of(text.as_bytes()).to_string()[..32].to_owned()
}

/// How a finding stands to earlier releases of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lineage {
    New,
    Persisting,
    Reappeared,
    Fixed,
}

/// Compares the findings of a release with those of earlier ones, latest first. Gives the standing
/// of every finding that is there now or was there in the release before.
pub fn lineage(now: &BTreeSet<String>, before: &[BTreeSet<String>]) -> BTreeMap<String, Lineage> {
    let last = before.first();
    let mut out = BTreeMap::new();
    for finding in now {
        let standing = if last.is_some_and(|last| last.contains(finding)) {
            Lineage::Persisting
        } else if before.iter().any(|earlier| earlier.contains(finding)) {
            Lineage::Reappeared
        } else {
            Lineage::New
        };
        out.insert(finding.clone(), standing);
    }
    for finding in last.into_iter().flatten().filter(|finding| !now.contains(*finding)) {
        out.insert(finding.clone(), Lineage::Fixed);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_finding_has_a_history() {
        let now = set(&["a", "b", "c"]);
        let standing = lineage(&now, &[set(&["b", "d"]), set(&["c", "d", "e"])]);
        let expected = [
            ("a", Lineage::New),
            ("b", Lineage::Persisting),
            ("c", Lineage::Reappeared),
            ("d", Lineage::Fixed),
        ];
        assert_eq!(standing.into_iter().collect::<Vec<_>>(), expected.map(|(n, l)| (n.to_owned(), l)));
    }

    #[test]
    fn a_result_is_found_again_where_it_stands() {
        let log = b"\xef\xbb\xbf{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"t\"}}, \"results\": [ {\"ruleId\": \"A\"}, {\"ruleId\": \"B\"} ]}]}";
        let runs = read_sarif(log).unwrap();
        let at = |n: usize| runs[0].findings[n].at.start as usize..runs[0].findings[n].at.end as usize;
        assert_eq!((&log[at(0)], &log[at(1)]), (&br#"{"ruleId": "A"}"#[..], &br#"{"ruleId": "B"}"#[..]));
    }

    #[test]
    fn names_do_not_move_with_the_lines() {
        let log = |line: u32, fingerprints: &str| {
            let text = format!(
                r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"t","rules":[{{"id":"R"}}]}}}},
                "results":[{{"ruleIndex":0,"message":{{"text":"m"}}{fingerprints},"locations":[{{"physicalLocation":
                {{"artifactLocation":{{"uri":"a.c"}},"region":{{"startLine":{line}}}}}}}]}}]}}]}}"#
            );
            read_sarif(text.as_bytes()).unwrap()[0].findings[0].clone()
        };
        assert_eq!(log(1, "").name, log(2, "").name);
        assert_eq!(log(1, "").rule, "R");
        assert_eq!(log(1, r#","partialFingerprints":{"x/v1":"abc"}"#).name, "abc");
        assert_eq!(log(1, r#","fingerprints":{"x":"requires login"}"#).name, log(1, "").name);
    }
}
