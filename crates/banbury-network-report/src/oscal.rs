use banbury_base::StableHasher;
use banbury_network::{CheckResult, ControlResult, Overall, Status, Verdict, status_text};
use serde_json::{Value, json};

/// Assessment results after NIST OSCAL 1.1.2. `network` names what was assessed. Identifiers are
/// made from the content: the same result gives the same bytes.
pub fn assessment_results(result: &CheckResult, network: &str) -> Value {
    let start = format!("{}T00:00:00Z", result.as_of);
    let mut observations = Vec::new();
    let mut findings = Vec::new();
    for control in &result.results {
        let mut related = Vec::new();
        for verdict in &control.verdicts {
            let id = uuid(&["observation", network, &control.control, &verdict.subject]);
            related.push(json!({ "observation-uuid": id }));
            observations.push(observation(&id, control, verdict, network, &start));
        }
        findings.push(finding(control, related, network));
    }
    let mut body = json!({
        "uuid": uuid(&["result", network, &start]),
        "title": format!("Deployment controls on {}", result.as_of),
        "description": format!("{} nodes judged by {} controls", result.nodes, result.results.len()),
        "start": start,
        "reviewed-controls": { "control-selections": [{
            "include-controls": result.results.iter().map(|c| json!({ "control-id": c.control.to_lowercase() })).collect::<Vec<_>>(),
        }] },
        "findings": findings,
    });
    if !observations.is_empty() {
        body["observations"] = Value::Array(observations);
    }
    json!({ "assessment-results": {
        "uuid": uuid(&["assessment", network, &start]),
        "metadata": {
            "title": format!("Deployment controls: {network}"),
            "last-modified": start,
            "version": result.as_of.to_string(),
            "oscal-version": "1.1.2",
        },
        "import-ap": { "href": "#" },
        "results": [body],
    } })
}

fn observation(id: &str, control: &ControlResult, verdict: &Verdict, network: &str, start: &str) -> Value {
    let mut description = verdict.evidence.steps.join("\n");
    if description.is_empty() {
        description = status_text(&verdict.status);
    }
    let mut props = vec![json!({ "name": "status", "value": status_text(&verdict.status) })];
    for (name, value) in &verdict.evidence.figures {
        let value = serde_json::to_value(value).unwrap_or_default();
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !text.trim().is_empty() {
            props.push(json!({ "name": name, "value": text }));
        }
    }
    json!({
        "uuid": id,
        "title": format!("{}: {}", control.control, verdict.subject),
        "description": description,
        "props": props,
        "methods": ["TEST"],
        "subjects": [{
            "subject-uuid": uuid(&["subject", network, &verdict.subject]),
            "type": if control.title.is_empty() { "component" } else { "inventory-item" },
            "title": verdict.subject,
        }],
        "collected": start,
    })
}

fn finding(control: &ControlResult, related: Vec<Value>, network: &str) -> Value {
    let (state, reason) = match control.overall {
        Overall::Compliant | Overall::NotInForce => ("satisfied", "pass"),
        Overall::Exempted => ("satisfied", "other"),
        Overall::Violated => ("not-satisfied", "fail"),
        Overall::WillBeViolated => ("not-satisfied", "other"),
        Overall::Unknown => ("not-satisfied", "other"),
    };
    let violated = control.verdicts.iter().filter(|v| v.status == Status::Violated).count();
    let unknown: u64 = control.unknown.iter().map(|u| u.subjects).sum();
    let mut description = format!(
        "{} subjects, {} compliant, {violated} violated, {} otherwise, {unknown} unknown",
        control.subjects,
        control.compliant,
        control.verdicts.len() - violated
    );
    for row in &control.unknown {
        description.push_str(&format!("\nunknown for {}: {}", row.subjects, row.missing));
    }
    let mut status = json!({ "state": state, "reason": reason });
    if !control.remedy.is_empty() {
        status["remarks"] = Value::String(control.remedy.clone());
    }
    let mut out = json!({
        "uuid": uuid(&["finding", network, &control.control]),
        "title": if control.title.is_empty() { &control.control } else { &control.title },
        "description": description,
        "target": { "type": "objective-id", "target-id": control.control.to_lowercase(), "status": status },
    });
    if !related.is_empty() {
        out["related-observations"] = Value::Array(related);
    }
    out
}

/// A name-based identifier in the form that OSCAL asks for.
fn uuid(parts: &[&str]) -> String {
    let mut hasher = StableHasher::new();
    parts.iter().for_each(|part| {
        hasher.str(part);
    });
    let hex = hasher.finish().to_string();
    let variant = ['8', '9', 'a', 'b'][usize::from(hex.as_bytes()[16] & 3)];
    format!("{}-{}-5{}-{variant}{}-{}", &hex[0..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}
