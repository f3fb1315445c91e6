//! `diff`: what is otherwise between two inventories or days.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use banbury_network::{Date, When};

use super::input::{OtherInput, tell};
use super::regimes::Rules;
use super::{Format, Output, sql_engine, today};

#[derive(clap::Args)]
pub struct Args {
    before: PathBuf,
    /// The later inventory; the same one when two days are compared
    after: PathBuf,
    #[command(flatten)]
    other: OtherInput,
    #[command(flatten)]
    rules: Rules,
    /// Day of the later verdicts; `--as-of` when not given
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.output.only("diff", &[Format::Text, Format::Json])?;
    let packs = args.rules.packs(args.other.keep_going)?;
    let (before, report) = args.other.read(Some(&args.before))?;
    tell(&report, before.is_some());
    let (after, report) = args.other.read(Some(&args.after))?;
    tell(&report, after.is_some());
    let (Some(before), Some(after)) = (before, after) else { return Ok(ExitCode::from(2)) };
    let as_of = args.rules.as_of.unwrap_or_else(today);
    let to = args.to.unwrap_or(as_of);
    let engine = sql_engine();
    let judged = |inventory, as_of| {
        banbury_network::check(inventory, &packs, When { as_of, until: None }, engine.as_deref())
    };
    let (first, second) = (judged(&before, as_of), judged(&after, to));
    let verdicts = banbury_network::diff_results(&first, &second);
    let rows = banbury_network::diff_inventories(&before, &after);
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &serde_json::json!({ "rows": rows, "verdicts": verdicts }))?;
        }
        Format::Text => {
            for (table, d) in &rows {
                writeln!(
                    out,
                    "{table}: {} added, {} removed, {} cells changed",
                    d.added.len(),
                    d.removed.len(),
                    d.changed.len()
                )?;
                for (id, column, was, is) in d.changed.iter().take(50) {
                    writeln!(out, "    {id} {column}: `{was}` > `{is}`")?;
                }
            }
            for (control, subject, status) in &verdicts.new {
                writeln!(out, "+ {control} {subject} {status}")?;
            }
            for (control, subject, status) in &verdicts.gone {
                writeln!(out, "- {control} {subject} {status}")?;
            }
            for (control, subject, was, is) in &verdicts.changed {
                writeln!(out, "~ {control} {subject} {was} > {is}")?;
            }
            for (control, region, measure, was, is) in &verdicts.shares {
                writeln!(
                    out,
                    "  {control} {region} share of {measure}: {:.2} % > {:.2} %",
                    was * 100.0,
                    is * 100.0
                )?;
            }
        }
        Format::Html | Format::Oscal => {}
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
