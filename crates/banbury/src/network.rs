//! `banbury network`: deployment controls. Files, the clock and the terminal; everything else is
//! in `banbury-network`.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_network::{
    CheckResult, Control, Date, Hostile, ImportReport, Importer, Inventory, Mapping, Overall, Pack, Profile, Regime,
    Severity, Status, TableId, WhatIf, WhatIfOptions, When, World,
};
use clap::{Subcommand, ValueEnum};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Judge a network by controls. Exit code 0: compliant, 1: violations, 2: unreadable input
    Check(CheckArgs),
    /// Suppose a vendor, product or release hostile, or lost
    Whatif(WhatIfArgs),
}

/// Where the inventory comes from.
#[derive(clap::Args)]
struct Input {
    /// Folder with one file per table: nodes.csv, sites.csv ... or nodes.json ...
    inventory: PathBuf,
    /// Folder with pages of NetBox's REST interface: dcim_devices.json, dcim_devices.2.json ...
    #[arg(long, value_name = "FOLDER")]
    netbox: Option<PathBuf>,
    /// Which NetBox fields become which columns
    #[arg(long, value_name = "FILE", default_value = "controls/netbox.toml")]
    mapping: PathBuf,
    /// Leave out rows that are not understood instead of refusing the inventory
    #[arg(long)]
    keep_going: bool,
}

#[derive(clap::Args)]
struct Rules {
    /// Folder of controls, one folder per regime
    #[arg(long, value_name = "FOLDER", default_value = "controls")]
    controls: PathBuf,
    /// Only these regimes (names of their folders)
    #[arg(long, value_name = "NAME")]
    regime: Vec<String>,
    /// Only these controls
    #[arg(long, value_name = "ID")]
    control: Vec<String>,
    /// Day to judge; today when not given
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(clap::Args)]
struct Output {
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// File to write; standard output when not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(clap::Args)]
struct CheckArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    rules: Rules,
    /// Also look for violations to come until this day, with plans carried out
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct WhatIfArgs {
    #[command(flatten)]
    input: Input,
    /// Vendor, by identifier, name or alias; with all it controls
    #[arg(long)]
    vendor: Option<String>,
    /// Software platform or product
    #[arg(long)]
    product: Option<String>,
    /// Release of the product
    #[arg(long, requires = "product")]
    release: Option<String>,
    /// Part of a vendor that its owner must hold to control it [%]
    #[arg(long, default_value_t = 50.0)]
    control_pct: f64,
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(args) => check(&args),
        Command::Whatif(args) => what_if(&args),
    }
}

fn today() -> Date {
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
    let entries = std::fs::read_dir(folder).with_context(|| format!("{} is not a folder that can be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

impl Input {
    fn read(&self) -> anyhow::Result<Option<Inventory>> {
        let mut importer = Importer::new();
        let files = files_of(&self.inventory)?;
        if let Some(folder) = &self.netbox {
            self.netbox(folder, &mut importer)?;
        }
        for &table in TableId::ALL {
            for path in files.iter().filter(|p| p.file_stem().is_some_and(|s| s == table.name())) {
                match path.extension().and_then(|e| e.to_str()) {
                    Some("csv") => importer.csv(table, &file_name(path), open(path)?),
                    Some("json") => importer.json(table, &file_name(path), open(path)?),
                    _ => {}
                }
            }
        }
        let (inventory, report) = importer.finish(self.keep_going);
        tell(&report, inventory.is_some());
        Ok(inventory)
    }

    fn netbox(&self, folder: &Path, importer: &mut Importer) -> anyhow::Result<()> {
        let text = text_of(&self.mapping)?;
        let mapping = Mapping::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", self.mapping.display()))?;
        let files = files_of(folder)?;
        for source in &mapping.sources {
            let stem = source.endpoint.replace('/', "_");
            for path in &files {
                let name = file_name(path);
                let rest = name.strip_prefix(&stem).and_then(|r| r.strip_suffix(".json"));
                if rest.is_some_and(|r| r.is_empty() || r.starts_with(['.', '_', '-'])) {
                    importer.netbox(source, &name, open(path)?);
                }
            }
        }
        Ok(())
    }
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).with_context(|| format!("{} is not text", path.display()))?;
    Ok(text)
}

/// Says on standard error what was not understood.
fn tell(report: &ImportReport, usable: bool) {
    const SHOWN: usize = 50;
    for problem in report.problems.iter().take(SHOWN) {
        eprintln!("{problem}");
    }
    let more = report.problems.len().saturating_sub(SHOWN) as u64 + report.more_problems;
    if more > 0 {
        eprintln!("and {more} more");
    }
    if !usable {
        eprintln!(
            "nothing was imported: {} errors; correct them, or leave the rows out with --keep-going",
            report.errors
        );
    } else if report.errors > 0 {
        let skipped: u64 = report.skipped.values().sum();
        eprintln!("{} errors; {skipped} rows were left out", report.errors);
    }
    debug_assert!(report.problems.iter().all(|p| p.severity == Severity::Warning || report.errors > 0));
}

impl Rules {
    fn packs(&self) -> anyhow::Result<Vec<Pack>> {
        let mut packs = Vec::new();
        for folder in files_of(&self.controls)?.into_iter().filter(|p| p.is_dir()) {
            if !self.regime.is_empty() && !self.regime.iter().any(|r| *r == file_name(&folder)) {
                continue;
            }
            packs.push(self.pack(&folder)?);
        }
        if packs.is_empty() {
            bail!("{} holds no regime: a regime is a folder with regime.toml and one file per control", self.controls.display());
        }
        Ok(packs)
    }

    fn pack(&self, folder: &Path) -> anyhow::Result<Pack> {
        let path = folder.join("regime.toml");
        let regime = Regime::parse(&text_of(&path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        let mut controls = Vec::new();
        for path in files_of(folder)? {
            let name = file_name(&path);
            if !name.ends_with(".toml") || name.ends_with(".test.toml") || name == "regime.toml" {
                continue;
            }
            let control = Control::parse(&text_of(&path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
            if self.control.is_empty() || self.control.contains(&control.id) {
                controls.push(control);
            }
        }
        controls.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = controls.windows(2).find(|pair| pair[0].id == pair[1].id) {
            bail!("{}: two controls have the identifier `{}`", folder.display(), pair[0].id);
        }
        Ok(Pack { regime, controls })
    }
}

impl Output {
    fn writer(&self) -> anyhow::Result<Box<dyn Write>> {
        Ok(match &self.output {
            Some(path) => {
                let file = File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(std::io::stdout().lock())),
        })
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let packs = args.rules.packs()?;
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let when = When { as_of: args.rules.as_of.unwrap_or_else(today), until: args.until };
    let result = banbury_network::check(&inventory, &packs, when);
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => serde_json::to_writer(&mut out, &result)?,
        Format::Text => table(&mut out, &result)?,
    }
    out.flush()?;
    Ok(if result.violations() > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn table(out: &mut dyn Write, result: &CheckResult) -> std::io::Result<()> {
    writeln!(out, "{} nodes on {}", result.nodes, result.as_of)?;
    for row in &result.results {
        let word = match row.overall {
            Overall::Compliant => "compliant",
            Overall::Violated => "VIOLATED",
            Overall::WillBeViolated => "will be violated",
            Overall::Exempted => "exempted",
            Overall::Unknown => "unknown",
            Overall::NotInForce => "not in force",
        };
        writeln!(out, "{word:<17} {:<24} {}", row.control, row.title)?;
        for verdict in row.verdicts.iter().take(20) {
            let status = match &verdict.status {
                Status::Violated => "violated".to_owned(),
                Status::WillBeViolated { on } => format!("will be violated on {on}"),
                Status::Exempted { by, until, .. } => format!("exempted by {by} until {until}"),
            };
            writeln!(out, "    {} {status}", verdict.subject)?;
            for step in &verdict.evidence.steps {
                writeln!(out, "        {step}")?;
            }
        }
        if row.verdicts.len() > 20 {
            writeln!(out, "    and {} more", row.verdicts.len() - 20)?;
        }
        for unknown in &row.unknown {
            let first: Vec<&str> = unknown.first.iter().take(5).map(String::as_str).collect();
            writeln!(out, "    unknown for {} ({}): {}", unknown.subjects, first.join(", "), unknown.missing)?;
        }
    }
    Ok(())
}

fn what_if(args: &WhatIfArgs) -> anyhow::Result<ExitCode> {
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let profile = Profile { control_pct: args.control_pct, ..Profile::default() };
    let world = World::now(&inventory, &profile, args.as_of.unwrap_or_else(today));
    let hostile = match (&args.vendor, &args.product, &args.release) {
        (Some(vendor), None, None) => {
            Hostile::Vendor(world.find_vendor(vendor).with_context(|| format!("no vendor `{vendor}` in the inventory"))?)
        }
        (None, Some(product), None) => Hostile::Product(product.clone()),
        (None, Some(product), Some(release)) => Hostile::Release(product.clone(), release.clone()),
        _ => bail!("say whose equipment is hostile: --vendor, or --product and perhaps --release"),
    };
    let result: WhatIf = banbury_network::what_if(&world, &hostile, &WhatIfOptions::default());
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => serde_json::to_writer(&mut out, &result)?,
        Format::Text => serde_json::to_writer_pretty(&mut out, &result)?,
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
