//! `import`: what of an inventory was not understood.

use std::io::Write;
use std::process::ExitCode;

use super::input::Input;
use super::{Format, Output};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.output.only("import", &[Format::Text, Format::Json])?;
    let (inventory, report) = args.input.other.read(args.input.inventory.as_deref())?;
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => serde_json::to_writer_pretty(&mut out, &report)?,
        Format::Text => {
            for problem in &report.problems {
                writeln!(out, "{problem}")?;
            }
            for (table, rows) in &report.rows {
                let skipped = report.skipped.get(table).copied().unwrap_or(0);
                writeln!(out, "{table:<16} {rows:>9} rows, {skipped} not understood")?;
            }
        }
        Format::Html | Format::Oscal => {}
    }
    out.flush()?;
    Ok(if inventory.is_some() && report.errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
