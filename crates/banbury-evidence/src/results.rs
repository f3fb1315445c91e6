//! Findings of any tool, from SARIF 2.1.0, under names that last.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

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
    /// Decibans, where the tool weighs.
    pub weight: Option<f64>,
    pub level: String,
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

/// Reads the runs of a log. Results that the log calls absent or suppressed do not count.
pub fn read_sarif(bytes: &[u8]) -> Result<Vec<Results>, SarifError> {
    // Some writers begin with a byte-order mark.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let log: Value = serde_json::from_slice(bytes).map_err(|error| SarifError(error.to_string()))?;
    if log["version"].as_str() != Some("2.1.0") {
        return Err(SarifError(format!("its version is {}", log["version"])));
    }
    let runs = log["runs"].as_array().ok_or_else(|| SarifError("it has no runs".into()))?;
    Ok(runs.iter().map(read_run).collect())
}

fn read_run(run: &Value) -> Results {
    let driver = &run["tool"]["driver"];
    let version = driver["semanticVersion"].as_str().or(driver["version"].as_str());
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let findings = run["results"].as_array().into_iter().flatten().filter_map(|result| {
        let absent = result["baselineState"].as_str() == Some("absent");
        let suppressed = result["suppressions"].as_array().is_some_and(|list| !list.is_empty());
        if absent || suppressed {
            return None;
        }
        let mut shown = read_result(result, run);
        // Two findings alike in everything are told apart by their order.
        let count = seen.entry(shown.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            shown.name = format!("{}#{count}", shown.name);
        }
        Some(shown)
    });
    Results {
        findings: findings.collect(),
        tool: driver["name"].as_str().unwrap_or("unknown").to_owned(),
        version: version.unwrap_or_default().to_owned(),
    }
}

fn read_result(result: &Value, run: &Value) -> Shown {
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
        name: name(result, rule, &file, &message),
        rule: rule.to_owned(),
        line: place["region"]["startLine"].as_u64().unwrap_or(0),
        weight: result["properties"]["weight"].as_f64(),
        level: result["level"].as_str().unwrap_or("warning").to_owned(),
        message,
        file,
    }
}

/// A tool's fingerprint if there is one (of several the first by name, `fingerprints` before
/// `partialFingerprints`), otherwise a hash of what does not move with the lines.
fn name(result: &Value, rule: &str, file: &str, message: &str) -> String {
    for key in ["fingerprints", "partialFingerprints"] {
        let given = result[key].as_object().into_iter().flatten();
        let given: BTreeMap<&str, &str> =
            given.filter_map(|(k, v)| Some((k.as_str(), v.as_str()?))).collect();
        // semgrep writes this where one must log in to get one.
        if let Some((_, value)) = given.iter().find(|(_, v)| !v.is_empty() && **v != "requires login") {
            return (*value).to_owned();
        }
    }
    let logical = &result["locations"][0]["logicalLocations"][0];
    let function = logical["fullyQualifiedName"].as_str().or(logical["name"].as_str()).unwrap_or("");
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
