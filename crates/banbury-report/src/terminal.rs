use std::io::{self, Write};
use std::ops::Range;
use std::time::Duration;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use banbury_base::text::thousands;
use banbury_base::{FileId, PathStep, Span};

use crate::Report;
use crate::excerpt::{Lines, decibans, plain, shown};
use crate::model::Item;

#[derive(Clone, Copy, Debug)]
pub struct TerminalOptions {
    pub colour: bool,
    pub width: usize,
    /// Findings to print; all if 0.
    pub limit: usize,
    /// Only the summary.
    pub summary_only: bool,
}

/// What a review cost. Not part of the report, which is the same each time.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub wall: Duration,
    pub cpu: Option<Duration>,
    /// Bytes.
    pub peak_memory: Option<u64>,
}

/// Lines between two steps that are shown in one excerpt.
const NEAR: u32 = 20;

/// Writes the list of findings, most certain first, and the summary.
pub fn write_terminal(
    report: &Report,
    options: TerminalOptions,
    timing: Option<Timing>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !options.summary_only {
        let renderer = if options.colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(options.width);
        let total = report.visible().count();
        let limit = if options.limit == 0 { total } else { options.limit };
        for item in report.visible().take(limit) {
            write_finding(report, item, &renderer, out)?;
        }
        if total > limit {
            writeln!(out, "{} more findings are not printed (--limit 0 prints all).\n", total - limit)?;
        }
    }
    write_summary(report, timing, out)
}

fn write_finding(report: &Report, item: &Item, renderer: &Renderer, out: &mut dyn Write) -> io::Result<()> {
    let finding = &item.finding;
    let title = plain(&finding.message);
    let level = match finding.weight.0 {
        weight if weight >= 10.0 => Level::ERROR,
        weight if weight >= 0.0 => Level::WARNING,
        _ => Level::NOTE,
    };
    let id = format!("{}, CWE-{}, {}", finding.rule, finding.cwe, decibans(finding.weight.0));
    let excerpts = excerpts(report, &finding.path);
    let mut group = Group::with_title(level.primary_title(title.into_owned()).id(id));
    for excerpt in &excerpts {
        let mut snippet = Snippet::source(excerpt.source.as_str())
            .line_start(excerpt.first_line as usize)
            .path(excerpt.path.as_str());
        for (kind, range, label) in &excerpt.marks {
            snippet = snippet.annotation(kind.span(range.clone()).label(label.as_str()));
        }
        group = group.element(snippet);
    }
    let classes = report.file(finding.span.file).map_or(&[][..], |file| &file.classes);
    if !classes.is_empty() {
        group = group.element(Level::NOTE.message(format!("this file is {}", class_words(classes))));
    }
    writeln!(out, "{}\n", renderer.render(&[group]))
}

fn class_words(classes: &[&str]) -> String {
    let words = |class: &&str| match *class {
        "generated" => "generated",
        "test" => "a test",
        _ => "third-party code",
    };
    classes.iter().map(words).collect::<Vec<_>>().join(" and ")
}

/// Consecutive steps that stand near each other.
struct Excerpt {
    path: String,
    first_line: u32,
    source: String,
    marks: Vec<(AnnotationKind, Range<usize>, String)>,
}

fn excerpts(report: &Report, path: &[PathStep]) -> Vec<Excerpt> {
    let mut groups: Vec<Vec<(usize, &PathStep)>> = Vec::new();
    for (index, step) in path.iter().enumerate().filter(|(_, step)| !step.span.is_none()) {
        let near = |group: &Vec<(usize, &PathStep)>| {
            let file = group[0].1.span.file;
            let (low, high) = bounds(group);
            let line = step.span.line;
            file == step.span.file && line + NEAR >= low && line <= high + NEAR
        };
        match groups.last_mut() {
            Some(group) if near(group) => group.push((index, step)),
            _ => groups.push(vec![(index, step)]),
        }
    }
    groups.iter().filter_map(|group| excerpt(report, group, path.len())).collect()
}

fn bounds(group: &[(usize, &PathStep)]) -> (u32, u32) {
    let lines = group.iter().map(|(_, step)| step.span.line);
    (lines.clone().min().unwrap_or(1), lines.max().unwrap_or(1))
}

fn excerpt(report: &Report, group: &[(usize, &PathStep)], steps: usize) -> Option<Excerpt> {
    let file = report.file(group.first()?.1.span.file)?;
    let lines = Lines::new(&file.text);
    let (low, high) = bounds(group);
    let mut source = String::new();
    let mut marks = Vec::new();
    for number in low..=high.min(lines.count()) {
        let line = lines.line(number)?;
        for (index, step) in group.iter().filter(|(_, step)| step.span.line == number) {
            let (_, range) = shown(line, step.span);
            let range = source.len() + range.start..source.len() + range.end;
            let last = index + 1 == steps;
            let kind = if last { AnnotationKind::Primary } else { AnnotationKind::Context };
            let message = plain(&step.message);
            // The last step says what the title says.
            let label = match (steps, last) {
                (1, _) => String::new(),
                (_, true) => format!("{}.", index + 1),
                _ => format!("{}. {message}", index + 1),
            };
            marks.push((kind, range, label));
        }
        source.push_str(&shown(line, Span::new(FileId(0), number, 1, 0)).0);
        source.push('\n');
    }
    Some(Excerpt { path: file.path.clone(), first_line: low, source, marks })
}

fn write_summary(report: &Report, timing: Option<Timing>, out: &mut dyn Write) -> io::Result<()> {
    let totals = report.totals();
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));

    let classes: Vec<String> = [
        (totals.generated_files, "generated"),
        (totals.test_files, "test"),
        (totals.third_party_files, "third-party"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, class)| format!("{} {class}", thousands(count)))
    .collect();
    let classes = if classes.is_empty() { String::new() } else { format!(" ({})", classes.join(", ")) };
    row("Files", format!("{}{classes}", thousands(totals.files)));
    row("Lines", thousands(totals.lines));
    row("Functions", functions_words(totals.functions, totals.functions_fully_analysed));
    for (index, (reason, count)) in report.partial_reasons().into_iter().enumerate() {
        if index == 5 {
            row("", format!("other reasons: --json lists all {}", thousands(report.partial.len() as u64)));
            break;
        }
        row("", format!("{} {}", thousands(count), plain(reason)));
    }
    if totals.regions_not_understood > 0 {
        row(
            "Not parsed",
            format!("{} regions outside of functions", thousands(totals.regions_not_understood)),
        );
    }
    if totals.undecided_conditions > 0 {
        let count = thousands(totals.undecided_conditions);
        row("Conditions", format!("{count} #if groups decided without a known configuration"));
    }
    for skipped in &report.skipped {
        row("Skipped", format!("{} {}", thousands(skipped.count), skipped.reason));
    }
    if let Some(timing) = timing {
        let cpu = timing.cpu.map(|cpu| format!(", {:.2} s of one core", cpu.as_secs_f64()));
        let memory = timing.peak_memory.map(|bytes| format!(", {} MB", thousands(bytes >> 20)));
        let more = cpu.unwrap_or_default() + &memory.unwrap_or_default();
        row("Time", format!("{:.2} s{more}", timing.wall.as_secs_f64()));
    }
    row("Findings", thousands(report.visible().count() as u64));
    for (rule, count) in report.by_rule() {
        row("", format!("{} {rule}", thousands(count)));
    }
    if let Some(baseline) = report.baseline {
        let words = format!(
            "{} new, {} persisting, {} fixed",
            thousands(baseline.new),
            thousands(baseline.persisting),
            thousands(baseline.fixed)
        );
        row("Baseline", words);
    }
    let suppressed = report.findings.iter().filter(|item| item.suppressed.is_some()).count() as u64;
    if suppressed > 0 {
        row("Suppressed", format!("{} with a reason in the source", thousands(suppressed)));
    }
    for (reason, count) in &report.hidden {
        row("Not shown", format!("{} {reason}", thousands(*count)));
    }

    let mut last = String::new();
    for (name, value) in rows {
        let shown = if name == last { "" } else { name.as_str() };
        writeln!(out, "{shown:<11} {value}")?;
        if !name.is_empty() {
            last = name;
        }
    }
    for note in &report.notes {
        match note.place.and_then(|(file, line)| Some((report.file(file)?, line))) {
            Some((file, line)) => writeln!(out, "note: {}:{line}: {}", file.path, plain(&note.text))?,
            None => writeln!(out, "note: {}", plain(&note.text))?,
        }
    }
    for fault in &report.faults {
        writeln!(out, "error: the {} broke off: {}", fault.stage, plain(&fault.message))?;
    }
    Ok(())
}

fn functions_words(functions: u64, whole: u64) -> String {
    if functions == 0 {
        return "0".into();
    }
    // Never rounded up to 100 %.
    let share = (whole as f64 / functions as f64 * 1000.0).floor() / 10.0;
    format!("{}, {} fully analysed ({share:.1} %)", thousands(functions), thousands(whole))
}
