//! How the controls stand, at a glance and in full.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use banbury_network::{CheckResult, ControlResult, Overall, Verdict, status_text};

use super::text::{count, escape, number};
use super::{ORDER, standing, tiles_of};

/// Rows of one control's verdicts on the page.
const SHOWN: usize = 300;

pub(super) fn summary(out: &mut String, result: &CheckResult) {
    let of = |overall: Overall| result.results.iter().filter(|r| r.overall == overall).count() as u64;
    let (violated, later, unknown) =
        (of(Overall::Violated), of(Overall::WillBeViolated), of(Overall::Unknown));
    let all = result.results.len() as u64;
    let mut lead = match violated {
        0 => format!("None of {} is violated", count(all, "control")),
        n => format!("<b>{n} of {}</b> are violated", count(all, "control")),
    };
    if later > 0 {
        let _ = write!(lead, ", {later} will be unless something is done");
    }
    if unknown > 0 {
        let _ = write!(lead, ", {unknown} cannot be decided for want of data");
    }
    let _ = writeln!(out, "<p class=lead>{lead}.</p>");
    tiles_of(out, result);
    let mut regimes: BTreeMap<&str, Vec<&ControlResult>> = BTreeMap::new();
    result.results.iter().for_each(|r| regimes.entry(&r.regime).or_default().push(r));
    out.push_str("<div class=regimes>\n");
    for (regime, controls) in regimes {
        let _ = write!(out, "<div>{}</div><div class=chips>", escape(regime));
        for control in controls {
            let (word, class, sign) = standing(control.overall);
            let id = escape(&control.control);
            let title = escape(&control.title);
            let _ = write!(
                out,
                "<a class=\"chip {class}\" href=\"#{id}\" title=\"{id}: {title} ({word})\" aria-label=\"{id} {word}\">{sign}</a>"
            );
        }
        out.push_str("</div>\n");
    }
    out.push_str("</div>\n");
}

/// Every control from the worst to the best, with its verdicts folded away.
pub(super) fn details(out: &mut String, result: &CheckResult) {
    out.push_str("<h2>Controls</h2>\n");
    if result.results.iter().any(|r| !r.verified) {
        out.push_str("<p class=quiet>† The figures were not checked against the document.</p>\n");
    }
    for overall in ORDER {
        for control in result.results.iter().filter(|r| r.overall == overall) {
            detail(out, control);
        }
    }
}

fn detail(out: &mut String, control: &ControlResult) {
    let (word, class, _) = standing(control.overall);
    let id = escape(&control.control);
    let mark = if control.verified { "" } else { " †" };
    let unknown: u64 = control.unknown.iter().map(|u| u.subjects).sum();
    let not = control.verdicts.len() as u64;
    let figures = match not {
        0 => format!("{} of {}", number(control.compliant), count(control.subjects, "subject")),
        _ => format!("{} of {} not", number(not), count(control.subjects, "subject")),
    };
    let _ = writeln!(
        out,
        "<details id=\"{id}\"><summary><span class=\"word {class}\">{word}</span> <b>{id}</b>{mark} {} <small>{figures}</small>{}</summary>",
        escape(&control.title),
        parts(not, unknown, control.compliant, class)
    );
    if !control.remedy.is_empty() {
        let _ = writeln!(out, "<p>Remedy: {}</p>", escape(&control.remedy));
    }
    if !control.shares.is_empty() {
        out.push_str(
            "<table><tr><th>Region<th class=n>Nodes<th class=n>Cap<th>Share by every measure</tr>\n",
        );
        for row in &control.shares {
            let each: Vec<String> =
                row.shares.iter().map(|(m, s)| format!("{m} {:.2} %", s * 100.0)).collect();
            let _ = writeln!(
                out,
                "<tr><td>{}<td class=n>{}<td class=n>{:.0} %<td>{}</tr>",
                escape(&row.region),
                number(row.nodes),
                row.cap * 100.0,
                escape(&each.join(", "))
            );
        }
        out.push_str("</table>\n");
    }
    verdicts(out, &control.verdicts);
    for unknown in &control.unknown {
        let _ = writeln!(
            out,
            "<p>Unknown for {}: {}. First: {}</p>",
            number(unknown.subjects),
            escape(&unknown.missing),
            escape(&unknown.first.iter().take(20).cloned().collect::<Vec<_>>().join(", "))
        );
    }
    out.push_str("</details>\n");
}

/// How much of its subjects a control finds wanting, as a bar.
fn parts(not: u64, unknown: u64, compliant: u64, class: &str) -> String {
    let all = (not + unknown + compliant) as f64;
    if all == 0.0 {
        return String::new();
    }
    let wrong = if class == "compliant" { "exempted" } else { class };
    let mut x = 0.0;
    let mut out =
        "<svg class=part viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">".to_owned();
    for (n, class) in [(not, wrong), (unknown, "unknown"), (compliant, "compliant")] {
        if n > 0 {
            let width = (100.0 * n as f64 / all).max(1.0);
            let _ = write!(out, "<rect class={class} x=\"{x:.1}\" width=\"{width:.1}\" height=\"8\"/>");
            x += width;
        }
    }
    out.push_str("</svg>");
    out
}

fn verdicts(out: &mut String, verdicts: &[Verdict]) {
    if verdicts.is_empty() {
        return;
    }
    out.push_str("<div class=scroll><table><tr><th>Subject<th>Verdict<th>Derivation<th>Row</tr>\n");
    for verdict in verdicts.iter().take(SHOWN) {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td>{}</tr>",
            escape(&verdict.subject),
            escape(&status_text(&verdict.status)),
            escape(&verdict.evidence.steps.join("; ")),
            escape(&verdict.evidence.source)
        );
    }
    out.push_str("</table></div>\n");
    if verdicts.len() > SHOWN {
        let _ = writeln!(out, "<p>And {} more: see the JSON.</p>", number((verdicts.len() - SHOWN) as u64));
    }
}
