//! `banbury network`: deployment controls. Files, the clock and the terminal; everything else is
//! in `banbury-network`.

mod check;
mod controls;
mod cut;
mod diff;
mod export;
mod import;
pub(crate) mod input;
mod plan;
pub(crate) mod regimes;
mod schema;
mod whatif;

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use banbury_network::{Date, SqlEngine};
use clap::{Subcommand, ValueEnum};

/// Where a product may stand in a network, and what it could do there
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a network by controls. Exit code 0: compliant, 1: violations, 2: unreadable input
    Check(check::Args),
    /// Suppose a vendor, product or release hostile, or lost
    Whatif(whatif::Args),
    /// The smallest set of nodes whose removal cuts a service
    Cut(cut::Args),
    /// A schedule of replacements that meets the controls by their deadlines
    Plan(plan::Args),
    /// What is otherwise between two inventories, or between two days
    Diff(diff::Args),
    /// Read an inventory and report what was not understood, row by row
    Import(import::Args),
    /// Write an inventory as a folder of CSV or JSON tables
    Export(export::Args),
    /// The tables of an inventory, or the network functions
    Schema(schema::Args),
    /// List, show and test controls
    Controls(controls::Args),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// A web page with pictures
    Html,
    /// OSCAL assessment results
    Oscal,
}

#[derive(clap::Args)]
struct Output {
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File to write; standard output when not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Output {
    /// Refuses, before any work and any file, a format that the command does not write.
    fn only(&self, command: &str, formats: &[Format]) -> anyhow::Result<()> {
        if formats.contains(&self.format) {
            return Ok(());
        }
        let names: Vec<String> = formats.iter().map(|f| format!("{f:?}").to_lowercase()).collect();
        anyhow::bail!("`{command}` writes {}", names.join(" or "))
    }

    fn writer(&self) -> anyhow::Result<Box<dyn Write>> {
        Ok(match &self.output {
            Some(path) => {
                let file =
                    File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(std::io::stdout().lock())),
        })
    }
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(args) => check::run(&args),
        Command::Whatif(args) => whatif::run(&args),
        Command::Cut(args) => cut::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Controls(args) => controls::run(&args),
    }
}

#[cfg(feature = "sql")]
pub(crate) fn sql_engine() -> Option<Box<dyn SqlEngine>> {
    Some(Box::new(banbury_network_sql::Sqlite::default()))
}

#[cfg(not(feature = "sql"))]
pub(crate) fn sql_engine() -> Option<Box<dyn SqlEngine>> {
    None
}

pub(crate) fn today() -> Date {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let epoch = Date::from_ymd(1970, 1, 1).unwrap_or(Date::NONE);
    epoch.plus_days(i32::try_from(since.as_secs() / 86_400).unwrap_or(0))
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("{} cannot be opened", path.display()))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Files of a folder, in the order of their names.
fn files_of(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} is not a folder that can be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(bytes)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).with_context(|| format!("{} is not text", path.display()))?;
    Ok(text)
}
