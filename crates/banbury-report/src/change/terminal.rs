use std::collections::BTreeMap;
use std::io::{self, Write};

use banbury_change::{Entry, words};

use super::ChangeReport;
use super::lines::{Line, Texts};

#[derive(Clone, Copy, Debug)]
pub struct TerminalOptions {
    pub colour: bool,
    pub width: usize,
    /// Entries to print; all if 0.
    pub limit: usize,
    /// Only the summary.
    pub summary_only: bool,
}

/// Writes the list, heaviest first, old and new side by side, and the summary.
pub fn write_terminal(
    report: &ChangeReport<'_>,
    options: TerminalOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !options.summary_only {
        let texts = Texts::new(report);
        let mut groups: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in report.open() {
            *groups.entry(entry.group).or_default() += 1;
        }
        let mut shown = std::collections::BTreeSet::new();
        let firsts: Vec<(usize, &Entry)> =
            report.open().enumerate().filter(|(_, entry)| shown.insert(entry.group)).collect();
        let limit = if options.limit == 0 { firsts.len() } else { options.limit };
        for (rank, entry) in firsts.iter().take(limit) {
            write_entry(&texts, *rank + 1, entry, groups[&entry.group], options, out)?;
        }
        if firsts.len() > limit {
            writeln!(
                out,
                "{} more groups of changes are not printed (--limit 0 prints all).\n",
                firsts.len() - limit
            )?;
        }
    }
    write_summary(report, out)
}

fn write_entry(
    texts: &Texts<'_>,
    rank: usize,
    entry: &Entry,
    alike: usize,
    options: TerminalOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (bold, red, green, plain) = match options.colour {
        true => ("\x1b[1m", "\x1b[31m", "\x1b[32m", "\x1b[0m"),
        false => ("", "", "", ""),
    };
    writeln!(out, "{bold}{rank}. {}{plain} [{:+.1} dB]", entry.title, entry.weight)?;
    let old = entry.old_file.as_deref().map(|old| format!(" (was {old})")).unwrap_or_default();
    writeln!(out, "   {}:{}{old}", entry.file, entry.line_start)?;
    let (before, after) = texts.excerpt(entry);
    let half = (options.width.max(60) - 10) / 2;
    let cell = |line: Option<&Line>| match line {
        Some((number, text)) => cut(&format!("{number:>5} {text}"), half),
        None => String::new(),
    };
    for row in 0..before.len().max(after.len()) {
        let (left, right) = (cell(before.get(row)), cell(after.get(row)));
        let pad = " ".repeat(half.saturating_sub(left.chars().count()));
        writeln!(out, "   {red}{left}{plain}{pad} | {green}{right}{plain}")?;
    }
    let reasons: Vec<String> = entry
        .reasons
        .iter()
        .filter(|reason| reason.decibans.abs() >= 1.0)
        .take(5)
        .map(|reason| format!("{} {:+.0}", words(reason.name), reason.decibans))
        .collect();
    writeln!(out, "   because: {}", reasons.join("; "))?;
    if alike > 1 {
        writeln!(out, "   and {} more places with the same edit", alike - 1)?;
    }
    writeln!(out, "   {}\n", entry.fingerprint)
}

fn cut(text: &str, width: usize) -> String {
    match text.chars().count() <= width {
        true => text.to_owned(),
        false => text.chars().take(width.saturating_sub(2)).chain("..".chars()).collect(),
    }
}

fn write_summary(report: &ChangeReport<'_>, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.comparison.totals;
    writeln!(out, "{} compared with {}", report.new_name, report.old_name)?;
    writeln!(
        out,
        "  files    {} equal, {} changed, {} added, {} removed, {} moved, {} in layout and comments only",
        totals.files_equal,
        totals.files_changed,
        totals.files_added,
        totals.files_removed,
        totals.files_moved,
        totals.files_cosmetic
    )?;
    writeln!(
        out,
        "  lines    {} added or removed, {} of them layout, comments and moves",
        totals.changed_lines, totals.cosmetic_lines
    )?;
    writeln!(out, "  changes  {}, {} of them read", report.comparison.entries.len(), report.read.len())?;
    writeln!(out, "  unread   {} changed lines have been read by nobody", report.unread_lines())?;
    for milestone in report.milestones() {
        writeln!(
            out,
            "  to cover {} % of the evidence, read the first {} changes: {} lines",
            milestone.evidence, milestone.entries, milestone.lines
        )?;
    }
    for note in &report.notes {
        writeln!(out, "  note     {note}")?;
    }
    Ok(())
}
