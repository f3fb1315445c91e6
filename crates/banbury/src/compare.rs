use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_engine::intake::{self, IntakeOptions, Manifest, Source};
use banbury_engine::{
    CompareOptions, Ledger, Progress, Reading, ReviewOptions, Silent, Verdict, write_beside_and_rename,
};
use banbury_report::change::{
    ChangeReport, TerminalOptions, write_html, write_json, write_sarif, write_terminal,
};
use clap::ValueEnum;

use crate::{Global, assemble, config, progress, review, terminal};

/// Compare two releases and rank their changes, those that deserve a reviewer's eyes first
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury compare release-4.1.tar.gz release-4.2.tar.gz
  banbury compare ./repo@v2.7.2 ./repo@v2.7.5 --html changes.html
  banbury compare old new --ledger ledger.jsonl                    leave out what was read before
  banbury compare old new --ledger ledger.jsonl --by 'A. Reader' \\
      --mark 0d5f2c...=fine                                        record a verdict

Weights are decibans: 0 is even odds that a change is the one defect planted in a release.

Exit codes: 0 nothing at or above the threshold, 1 changes at or above it, 2 usage or unreadable input.")]
pub struct Args {
    /// Folder, archive or REPO@REV: the release that is approved
    old: String,

    /// Folder, archive or REPO@REV: the release that follows
    new: String,

    /// Write JSON (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,

    /// Write SARIF 2.1.0 (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sarif: Option<PathBuf>,

    /// Write one self-contained page (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    /// Format of --output
    #[arg(long, value_enum, value_name = "FORMAT", requires = "output", help_heading = "Output")]
    format: Option<Format>,

    /// Write to this file in the format of --format
    #[arg(long, value_name = "FILE", requires = "format", help_heading = "Output")]
    output: Option<PathBuf>,

    /// Print at most this many groups of changes; 0 is all
    #[arg(long, value_name = "N", default_value_t = 25, help_heading = "Output")]
    limit: usize,

    /// Print only the summary
    #[arg(long, help_heading = "Output")]
    summary: bool,

    /// List changes of at least this weight, in decibans [default: all]
    #[arg(long, value_name = "DB", allow_negative_numbers = true, help_heading = "What is shown")]
    min_weight: Option<f32>,

    /// Who has read what: read from and, with --mark, appended to this file
    #[arg(long, value_name = "FILE", help_heading = "Ledger")]
    ledger: Option<PathBuf>,

    /// Record a verdict: fine, question or defect (can be repeated)
    #[arg(long, value_name = "FINGERPRINT=VERDICT", requires_all = ["ledger", "by"], help_heading = "Ledger")]
    mark: Vec<String>,

    /// Who gives the verdicts
    #[arg(long, value_name = "NAME", help_heading = "Ledger")]
    by: Option<String>,

    /// Leave out files and folders that match (can be repeated)
    #[arg(long, value_name = "GLOB", help_heading = "What is read")]
    exclude: Vec<String>,

    /// Compare the text alone: no review of either release, in a fraction of the time
    #[arg(long, help_heading = "Analysis")]
    text_only: bool,

    /// Read further library models (can be repeated)
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    models: Vec<PathBuf>,

    /// Keep results, in $XDG_CACHE_HOME/banbury or the given folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, help_heading = "Analysis")]
    cache: Option<Option<PathBuf>>,

    /// Threads to use [default: all cores]
    #[arg(short, long, value_name = "N", help_heading = "Analysis")]
    jobs: Option<usize>,

    /// Read this configuration [default: banbury.toml of the working directory, if any]
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Sarif,
    Html,
}

pub fn run(args: &Args, global: Global) -> anyhow::Result<ExitCode> {
    review::workers(args.jobs)?.install(|| run_on_workers(args, global))
}

fn run_on_workers(args: &Args, global: Global) -> anyhow::Result<ExitCode> {
    let config = config::read(args.config.as_deref())?;
    let options = IntakeOptions {
        exclude: [config.exclude.as_slice(), args.exclude.as_slice()].concat(),
        everything: true,
        ..IntakeOptions::default()
    };
    let read = ledger(args)?;
    let line = progress::Line::start(global.quiet);
    let progress: &dyn Progress = line.as_ref().map_or(&Silent as &dyn Progress, |line| line);
    let (old_manifest, new_manifest) = rayon::join(
        || intake::read(&Source::parse(&args.old)?, &options, progress),
        || intake::read(&Source::parse(&args.new)?, &options, progress),
    );
    let (old_manifest, new_manifest) = (old_manifest?, new_manifest?);
    for (manifest, name) in [(&old_manifest, &args.old), (&new_manifest, &args.new)] {
        if manifest.everything.is_empty() {
            bail!("{name}: no file found");
        }
    }
    let model_paths = [config.models.as_slice(), args.models.as_slice()].concat();
    let review =
        ReviewOptions { models: banbury_engine::read_models(&model_paths)?, ..ReviewOptions::default() };
    let options = CompareOptions { review: (!args.text_only).then_some(review) };
    let cache = review::cache(args.cache.as_ref())?;
    let compared = banbury_engine::compare(&old_manifest, &new_manifest, &options, cache.as_ref(), progress)?;
    if let Some(line) = line {
        line.finish();
    }
    let mut notes = notes(&old_manifest, "old");
    notes.extend(self::notes(&new_manifest, "new"));
    notes.extend(compared.faults.iter().map(|fault| format!("{} broke off: {}", fault.stage, fault.message)));
    let known = compared.comparison.entries.iter().map(|entry| entry.fingerprint);
    let report = ChangeReport {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        old_name: assemble::target_name(&args.old),
        new_name: assemble::target_name(&args.new),
        old: &compared.old,
        new: &compared.new,
        comparison: &compared.comparison,
        read: known.filter_map(|print| Some((print, read.get(&print)?.clone()))).collect(),
        min_weight: args.min_weight.unwrap_or(f32::NEG_INFINITY),
        notes,
        complete: compared.faults.is_empty() && !old_manifest.incomplete && !new_manifest.incomplete,
    };
    write_outputs(args, global, &report)?;
    if !report.complete {
        return Ok(ExitCode::from(2));
    }
    let threshold = args.min_weight.unwrap_or(0.0);
    Ok(ExitCode::from(u8::from(report.open().any(|entry| entry.weight >= threshold))))
}

/// What intake left out, for those who must know.
fn notes(manifest: &Manifest, which: &str) -> Vec<String> {
    let skipped = manifest.skipped.iter().map(|(reason, skipped)| {
        format!("{which}: {} left out, {}: {}", skipped.count, reason.words(), skipped.examples.join(", "))
    });
    skipped.chain(manifest.notes.iter().map(|note| format!("{which}: {note}"))).collect()
}

/// Records what is to be marked; gives what was read so far.
fn ledger(args: &Args) -> anyhow::Result<BTreeMap<banbury_base::Digest, String>> {
    let Some(path) = &args.ledger else { return Ok(BTreeMap::new()) };
    for mark in &args.mark {
        let (print, verdict) = mark.split_once('=').context("--mark takes FINGERPRINT=VERDICT")?;
        if print.len() != 32 || u128::from_str_radix(print, 16).is_err() {
            bail!("{print} is no fingerprint of a change");
        }
        let verdict = match verdict {
            "fine" => Verdict::Fine,
            "question" => Verdict::Question,
            "defect" => Verdict::Defect,
            _ => bail!("a verdict is fine, question or defect, not {verdict}"),
        };
        let by = args.by.clone().unwrap_or_default();
        let on = crate::network::today().to_string();
        Ledger::append(
            path,
            &Reading { fingerprint: print.to_owned(), verdict, by, on, note: String::new() },
        )?;
    }
    let words = |reading: &Reading| {
        let verdict = match reading.verdict {
            Verdict::Fine => "fine",
            Verdict::Question => "question",
            Verdict::Defect => "defect",
        };
        format!("{verdict}, {} on {}", reading.by, reading.on)
    };
    let ledger = Ledger::read(path)?;
    // A defect stays on the list until it is mended.
    let done = ledger.readings.iter().filter(|(_, reading)| reading.verdict != Verdict::Defect);
    Ok(done.map(|(print, reading)| (*print, words(reading))).collect())
}

fn write_outputs(args: &Args, global: Global, report: &ChangeReport<'_>) -> anyhow::Result<()> {
    type Write1 = fn(&ChangeReport<'_>, &mut dyn Write) -> std::io::Result<()>;
    let of = |format: Format| args.output.as_ref().filter(|_| args.format == Some(format));
    let outputs: [(Option<&PathBuf>, Write1); 6] = [
        (args.json.as_ref(), write_json),
        (args.sarif.as_ref(), write_sarif),
        (args.html.as_ref(), write_html),
        (of(Format::Json), write_json),
        (of(Format::Sarif), write_sarif),
        (of(Format::Html), write_html),
    ];
    let mut printed = false;
    for (path, write) in outputs.into_iter().filter_map(|(path, write)| Some((path?, write))) {
        if path.as_os_str() == "-" {
            printed = true;
            review::to_stdout(|out| write(report, out))?;
        } else {
            write_beside_and_rename(path, |out| write(report, out))?;
        }
    }
    if !global.quiet && !printed {
        let options = TerminalOptions {
            colour: terminal::colour(),
            width: terminal::width(),
            limit: args.limit,
            summary_only: args.summary,
        };
        review::to_stdout(|out| write_terminal(report, options, out))?;
    }
    Ok(())
}
