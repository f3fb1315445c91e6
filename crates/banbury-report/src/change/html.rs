use std::io::{self, Write};

use banbury_base::text::escape_markup;
use banbury_change::{Entry, words};

use super::ChangeReport;
use super::lines::{Line, Texts};

/// Entries with their lines on the page; the rest is listed without.
const WITH_LINES: usize = 1000;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem}\
h1{font-size:1.4rem}article{border-top:1px solid #ccc;padding:.8rem 0}h2{font-size:1rem;margin:0}\
.at{color:#555}table{border-collapse:collapse;width:100%;table-layout:fixed}\
td{font:13px/1.35 ui-monospace,monospace;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere;padding:0 .4rem}\
td.old{background:#fdecea}td.new{background:#e9f6ec}ul{margin:.3rem 0;padding-left:1.2rem;color:#333}\
code{font-size:.85em;color:#777}@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}\
td.old{background:#3a1d1b}td.new{background:#17301d}.at,ul{color:#aaa}}";

/// Writes one page that needs nothing else and runs no script.
pub fn write_html(report: &ChangeReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let title = format!("{} compared with {}", report.new_name, report.old_name);
    writeln!(
        out,
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title><style>{STYLE}</style><h1>{0}</h1>",
        escape_markup(&title)
    )?;
    let totals = &report.comparison.totals;
    writeln!(
        out,
        "<p>{} changed lines, {} of them layout, comments and moves. {} changed lines have been read by nobody.</p><ul>",
        totals.changed_lines,
        totals.cosmetic_lines,
        report.unread_lines()
    )?;
    for milestone in report.milestones() {
        writeln!(
            out,
            "<li>The first {} changes ({} lines) hold {} % of the evidence.</li>",
            milestone.entries, milestone.lines, milestone.evidence
        )?;
    }
    for note in &report.notes {
        writeln!(out, "<li>{}</li>", escape_markup(note))?;
    }
    writeln!(out, "</ul>")?;
    let texts = Texts::new(report);
    for (index, entry) in report.listed().enumerate() {
        write_entry(report, &texts, index, entry, out)?;
    }
    writeln!(out, "</html>")
}

fn write_entry(
    report: &ChangeReport<'_>,
    texts: &Texts<'_>,
    index: usize,
    entry: &Entry,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "<article><h2>{}. {} [{:+.1} dB]</h2><div class=\"at\">{}:{} <code>{}</code>{}</div>",
        index + 1,
        escape_markup(&entry.title),
        entry.weight,
        escape_markup(&entry.file),
        entry.line_start,
        entry.fingerprint,
        report
            .read
            .get(&entry.fingerprint)
            .map(|read| format!(" {}", escape_markup(read)))
            .unwrap_or_default()
    )?;
    if index < WITH_LINES {
        let (old, new) = texts.excerpt(entry);
        let cell = |lines: &[Line]| {
            lines
                .iter()
                .map(|(number, text)| format!("{number:>5} {}", escape_markup(text)))
                .collect::<Vec<_>>()
                .join("\n")
        };
        writeln!(
            out,
            "<table><tr><td class=\"old\">{}</td><td class=\"new\">{}</td></tr></table><ul>",
            cell(&old),
            cell(&new)
        )?;
        for reason in entry.reasons.iter().filter(|reason| reason.decibans.abs() >= 1.0).take(6) {
            writeln!(out, "<li>{:+.1} dB: {}</li>", reason.decibans, escape_markup(&words(reason.name)))?;
        }
        writeln!(out, "</ul>")?;
    }
    writeln!(out, "</article>")
}
