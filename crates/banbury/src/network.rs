//! `banbury network`: deployment controls. Files, the clock and the terminal; everything else is
//! in `banbury-network`.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_network::{
    CheckResult, Control, ControlTests, Date, Hostile, ImportReport, Importer, Inventory, Mapping, Need,
    Overall, Pack, Plan, PlanProblem, PlanSettings, Profile, ROLES, Regime, SqlEngine, TableId, WhatIf,
    WhatIfOptions, When, World, status_text,
};
use banbury_network_report::Page;
use clap::{Subcommand, ValueEnum};

use crate::terminal;

/// Where a product may stand in a network, and what it could do there
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
    /// The smallest set of nodes whose removal cuts a service
    Cut(CutArgs),
    /// A schedule of replacements that meets the controls by their deadlines
    Plan(PlanArgs),
    /// What is otherwise between two inventories, or between two days
    Diff(DiffArgs),
    /// Read an inventory and report what was not understood, row by row
    Import(ImportArgs),
    /// Write an inventory as a folder of CSV or JSON tables
    Export(ExportArgs),
    /// The tables of an inventory, or the network functions
    Schema(SchemaArgs),
    /// List, show and test controls
    Controls(ControlsArgs),
}

/// Where the inventory comes from; several sources add up.
#[derive(clap::Args)]
struct Input {
    /// Folder with one file per table: nodes.csv, sites.csv ... or nodes.json ...
    #[arg(required_unless_present_any = ["netbox", "netbox_url", "rfc8345", "nrm"])]
    inventory: Option<PathBuf>,
    #[command(flatten)]
    other: OtherInput,
}

#[derive(clap::Args)]
struct OtherInput {
    /// Folder with pages of NetBox's REST interface: dcim_devices.json, dcim_devices.2.json ...
    #[arg(long, value_name = "FOLDER")]
    netbox: Option<PathBuf>,
    /// A running NetBox to read instead, such as https://netbox.example.net; the token is taken from
    /// the environment variable BANBURY_NETBOX_TOKEN (needs a build with the feature `netbox-live`)
    #[arg(long, value_name = "URL", conflicts_with = "netbox")]
    netbox_url: Option<String>,
    /// Which NetBox fields become which columns
    #[arg(long, value_name = "FILE", default_value = "controls/netbox.toml")]
    mapping: PathBuf,
    /// Network topology in the JSON of RFC 8345
    #[arg(long, value_name = "FILE")]
    rfc8345: Vec<PathBuf>,
    /// Network resource model in the JSON of 3GPP TS 28.541
    #[arg(long, value_name = "FILE")]
    nrm: Vec<PathBuf>,
    /// Leave out rows and controls that are not understood, and say so, instead of refusing them all
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

#[derive(clap::Args)]
struct CutArgs {
    #[command(flatten)]
    input: Input,
    #[arg(long)]
    service: String,
    /// Give up when more nodes are needed
    #[arg(long, default_value_t = 8)]
    limit: usize,
}

#[derive(clap::Args)]
struct PlanArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    rules: Rules,
    /// Costs, budgets, crews and outage limits
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The cheapest plan (needs a build with the feature `milp`) instead of the greedy one
    #[arg(long)]
    optimal: bool,
    /// Time limit of the optimal plan [s]
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct DiffArgs {
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

#[derive(clap::Args)]
struct ImportArgs {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    output: Output,
}

#[derive(clap::Args)]
struct ExportArgs {
    #[command(flatten)]
    input: Input,
    /// Folder to write; must not exist yet
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Write JSON lists instead of CSV
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct SchemaArgs {
    /// A table, or `roles` for the network functions, or `templates` for the checks
    what: Option<String>,
}

#[derive(clap::Args)]
struct ControlsArgs {
    #[command(subcommand)]
    command: ControlsCommand,
}

#[derive(Subcommand)]
enum ControlsCommand {
    /// Every control, with its source and whether its figures were checked
    List(Rules),
    /// One control in full
    Show {
        id: String,
        #[command(flatten)]
        rules: Rules,
    },
    /// Run the tests beside the controls. Exit code 1 if one fails
    Test(Rules),
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Check(args) => check(&args),
        Command::Whatif(args) => what_if(&args),
        Command::Cut(args) => cut(&args),
        Command::Plan(args) => plan(&args),
        Command::Diff(args) => diff(&args),
        Command::Import(args) => import(&args),
        Command::Export(args) => export(&args),
        Command::Schema(args) => schema(&args),
        Command::Controls(args) => match args.command {
            ControlsCommand::List(rules) => list(&rules),
            ControlsCommand::Show { id, rules } => show(&id, &rules),
            ControlsCommand::Test(rules) => test(&rules),
        },
    }
}

#[cfg(feature = "sql")]
fn sql_engine() -> Option<Box<dyn SqlEngine>> {
    Some(Box::new(banbury_network_sql::Sqlite::default()))
}

#[cfg(not(feature = "sql"))]
fn sql_engine() -> Option<Box<dyn SqlEngine>> {
    None
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
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} is not a folder that can be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

impl Input {
    fn read(&self) -> anyhow::Result<Option<Inventory>> {
        let (inventory, report) = self.other.read(self.inventory.as_deref())?;
        tell(&report, inventory.is_some());
        Ok(inventory)
    }
}

impl OtherInput {
    fn read(&self, folder: Option<&Path>) -> anyhow::Result<(Option<Inventory>, ImportReport)> {
        let mut importer = Importer::new();
        if let Some(folder) = &self.netbox {
            self.netbox(folder, &mut importer)?;
        }
        if let Some(url) = &self.netbox_url {
            self.live(url, &mut importer)?;
        }
        for path in &self.rfc8345 {
            importer.rfc8345(&file_name(path), &bytes_of(path)?);
        }
        for path in &self.nrm {
            importer.nrm(&file_name(path), &bytes_of(path)?);
        }
        if let Some(folder) = folder {
            tables(folder, &mut importer)?;
        }
        Ok(importer.finish(self.keep_going))
    }

    fn mapping(&self) -> anyhow::Result<Mapping> {
        let text = text_of(&self.mapping)?;
        Mapping::parse(&text).map_err(|e| anyhow::anyhow!("{}: {e}", self.mapping.display()))
    }

    #[cfg(not(feature = "netbox-live"))]
    fn live(&self, _: &str, _: &mut Importer) -> anyhow::Result<()> {
        bail!(
            "this build makes no connections: build with --features netbox-live, or save the pages and use --netbox"
        )
    }

    /// Reads the pages of each endpoint, following `next` as long as it stays on the same server:
    /// the token goes nowhere else.
    #[cfg(feature = "netbox-live")]
    fn live(&self, url: &str, importer: &mut Importer) -> anyhow::Result<()> {
        #[derive(serde::Deserialize)]
        struct Page {
            next: Option<String>,
        }
        const MOST_PAGES: u32 = 100_000;
        const MOST_BYTES: u64 = 256 << 20;
        let token = std::env::var("BANBURY_NETBOX_TOKEN").context("BANBURY_NETBOX_TOKEN is not set")?;
        let base = format!("{}/api/", url.trim_end_matches('/'));
        for source in &self.mapping()?.sources {
            let mut next = Some(format!("{base}{}/?limit=500", source.endpoint));
            for number in 1..=MOST_PAGES {
                let Some(page) = next.take() else { break };
                if !page.starts_with(&base) {
                    bail!("{} names {page} as its next page, which is not on {url}", source.endpoint);
                }
                let body = ureq::get(&page)
                    .header("Authorization", &format!("Token {token}"))
                    .header("Accept", "application/json")
                    .call()
                    .and_then(|answer| answer.into_body().with_config().limit(MOST_BYTES).read_to_vec())
                    .with_context(|| format!("{page} cannot be read"))?;
                importer.netbox(source, &format!("{} page {number}", source.endpoint), body.as_slice());
                next =
                    serde_json::from_slice::<Page>(&body).with_context(|| format!("{page} is no page"))?.next;
            }
        }
        Ok(())
    }

    fn netbox(&self, folder: &Path, importer: &mut Importer) -> anyhow::Result<()> {
        let mapping = self.mapping()?;
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

/// The tables of a folder, in the order in which they refer to each other.
fn tables(folder: &Path, importer: &mut Importer) -> anyhow::Result<()> {
    let files = files_of(folder)?;
    for path in &files {
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let table = path.extension().is_some_and(|e| e == "csv" || e == "json");
        if table && TableId::from_name(&stem).is_none() {
            terminal::error(&format!(
                "{}: warning: there is no table `{stem}`; the file was left out",
                file_name(path)
            ));
        }
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
    Ok(())
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

/// Says on standard error what was not understood.
fn tell(report: &ImportReport, usable: bool) {
    const SHOWN: usize = 50;
    for problem in report.problems.iter().take(SHOWN) {
        terminal::error(&problem.to_string());
    }
    let more = report.problems.len().saturating_sub(SHOWN) as u64 + report.more_problems;
    if more > 0 {
        terminal::error(&format!("and {more} more"));
    }
    if !usable {
        terminal::error(&format!(
            "nothing was imported: {} errors; correct them, or leave the rows out with --keep-going",
            report.errors
        ));
    } else if report.errors > 0 {
        let skipped: u64 = report.skipped.values().sum();
        terminal::error(&format!("{} errors; {skipped} rows were left out", report.errors));
    }
}

impl Rules {
    /// With `keep_going` a control that is not understood is reported and left out.
    fn packs(&self, keep_going: bool) -> anyhow::Result<Vec<Pack>> {
        let mut packs = Vec::new();
        for folder in files_of(&self.controls)?.into_iter().filter(|p| p.is_dir()) {
            if !self.regime.is_empty() && !self.regime.iter().any(|r| *r == file_name(&folder)) {
                continue;
            }
            packs.push(self.pack(&folder, keep_going)?);
        }
        if packs.is_empty() {
            bail!(
                "{} holds no regime: a regime is a folder with regime.toml and one file per control",
                self.controls.display()
            );
        }
        Ok(packs)
    }

    fn pack(&self, folder: &Path, keep_going: bool) -> anyhow::Result<Pack> {
        let path = folder.join("regime.toml");
        let regime =
            Regime::parse(&text_of(&path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
        let mut controls = Vec::new();
        for path in files_of(folder)? {
            let name = file_name(&path);
            if !name.ends_with(".toml") || name.ends_with(".test.toml") || name == "regime.toml" {
                continue;
            }
            let control = match Control::parse(&text_of(&path)?) {
                Ok(control) => control,
                Err(message) if keep_going => {
                    terminal::error(&format!(
                        "{}: error: {message}; the control was left out",
                        path.display()
                    ));
                    continue;
                }
                Err(message) => bail!("{}: {message}", path.display()),
            };
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
                let file =
                    File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Box::new(BufWriter::new(file))
            }
            None => Box::new(BufWriter::new(std::io::stdout().lock())),
        })
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let packs = args.rules.packs(args.input.other.keep_going)?;
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let as_of = args.rules.as_of.unwrap_or_else(today);
    let engine = sql_engine();
    let when = When { as_of, until: args.until };
    let result = banbury_network::check(&inventory, &packs, when, engine.as_deref());
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => serde_json::to_writer(&mut out, &result)?,
        Format::Text => table(&mut out, &result)?,
        Format::Oscal => {
            let name = args.input.inventory.as_deref().map_or_else(|| "network".to_owned(), file_name);
            serde_json::to_writer_pretty(
                &mut out,
                &banbury_network_report::assessment_results(&result, &name),
            )?;
        }
        Format::Html => {
            let series = banbury_network::share_series(&inventory, &packs, as_of, 12);
            let what_ifs = damage_by_designated(&inventory, &packs, as_of);
            let page = Page {
                title: "Deployment controls",
                inventory: &inventory,
                result: &result,
                series: &series,
                what_ifs: &what_ifs,
            };
            out.write_all(banbury_network_report::html(&page).as_bytes())?;
        }
    }
    out.flush()?;
    Ok(if result.violations() > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// What each designated vendor that owns others or itself, but is not owned by one, could do.
fn damage_by_designated(inventory: &Inventory, packs: &[Pack], as_of: Date) -> Vec<WhatIf> {
    let mut out: Vec<WhatIf> = Vec::new();
    for pack in packs {
        let world = World::now(inventory, &pack.regime.profile, as_of);
        let mut covered = vec![false; world.vendors()];
        for vendor in (0..world.vendors()).filter(|&v| world.vendor_designated(v)) {
            let group = world.group(vendor);
            if (0..vendor).any(|v| world.vendor_designated(v) && world.group(v)[vendor]) || covered[vendor] {
                continue;
            }
            group.iter().enumerate().filter(|(_, m)| **m).for_each(|(v, _)| covered[v] = true);
            let what_if =
                banbury_network::what_if(&world, &Hostile::Vendor(vendor), &WhatIfOptions::default());
            if what_if.nodes > 0 && !out.iter().any(|w| w.hostile == what_if.hostile) {
                out.push(what_if);
            }
        }
    }
    out
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
            let status = status_text(&verdict.status);
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
            writeln!(
                out,
                "    unknown for {} ({}): {}",
                unknown.subjects,
                first.join(", "),
                unknown.missing
            )?;
        }
    }
    Ok(())
}

fn what_if(args: &WhatIfArgs) -> anyhow::Result<ExitCode> {
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let profile = Profile { control_pct: args.control_pct, ..Profile::default() };
    let world = World::now(&inventory, &profile, args.as_of.unwrap_or_else(today));
    let hostile = match (&args.vendor, &args.product, &args.release) {
        (Some(vendor), None, None) => Hostile::Vendor(
            world.find_vendor(vendor).with_context(|| format!("no vendor `{vendor}` in the inventory"))?,
        ),
        (None, Some(product), None) => Hostile::Product(product.clone()),
        (None, Some(product), Some(release)) => Hostile::Release(product.clone(), release.clone()),
        _ => bail!("say whose equipment is hostile: --vendor, or --product and perhaps --release"),
    };
    let result: WhatIf = banbury_network::what_if(&world, &hostile, &WhatIfOptions::default());
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => serde_json::to_writer(&mut out, &result)?,
        Format::Text => what_if_text(&mut out, &result)?,
        Format::Html | Format::Oscal => {
            bail!("`whatif` writes text or json; `check --format html` has the pictures")
        }
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn what_if_text(out: &mut dyn Write, w: &WhatIf) -> std::io::Result<()> {
    writeln!(out, "If {} were hostile ({} live nodes; {})", w.hostile, w.nodes, w.vendors.join(", "))?;
    let rows = [
        ("services disrupted", w.services_disrupted.len()),
        ("services exposed in the clear", w.services_exposed.len()),
        ("services left on fewer paths", w.services_on_fewer_paths.len()),
        ("government, defence, emergency services hit", w.government_services.len()),
        ("slices affected", w.slices_affected.len()),
        ("sites isolated", w.sites_isolated.len()),
        ("subscribers affected", w.subscribers_affected as usize),
        ("other vendors' nodes that can be taken over", w.takeover_nodes.len()),
        ("nodes left without timing", w.timing_lost as usize),
        ("nodes left without signalling", w.signalling_lost.len()),
    ];
    for (name, count) in rows {
        writeln!(out, "{count:>10}  {name}")?;
    }
    writeln!(
        out,
        "\n{:<12} {:>7} {:>9} {:>9} {:>12} {:>10} {:>10} {:>10}",
        "region", "nodes", "isolated", "one path", "subscribers", "takeover", "Gbit/s", "left"
    )?;
    for (region, r) in &w.by_region {
        writeln!(
            out,
            "{region:<12} {:>7} {:>9} {:>9} {:>12} {:>10} {:>10.0} {:>10.0}",
            r.nodes,
            r.sites_isolated,
            r.sites_on_one_path,
            r.subscribers_affected,
            r.takeover_nodes,
            r.capacity_gbps,
            r.capacity_left_gbps
        )?;
    }
    writeln!(out, "\nmost damaging nodes")?;
    for n in w.worst_nodes.iter().take(10) {
        writeln!(
            out,
            "  {} ({}): cuts off {} subscribers, {} services pass it, it administers {}",
            n.node, n.role, n.subscribers_cut_off, n.services, n.administers
        )?;
    }
    let mut shown = std::collections::BTreeSet::new();
    writeln!(out, "\nsecrets and functions in reach")?;
    for r in w.reached.iter().filter(|r| shown.insert(r.role.clone())) {
        writeln!(out, "  {} ({}): {}", r.node, r.role, r.path.join(" > "))?;
    }
    Ok(())
}

fn cut(args: &CutArgs) -> anyhow::Result<ExitCode> {
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let row = inventory
        .find(TableId::services, &args.service)
        .with_context(|| format!("no service `{}`", args.service))?;
    let service = &inventory.services[row];
    let ends =
        service.a_node.row().zip(service.z_node.row()).context("the service has no `a_node` and `z_node`")?;
    let profile = Profile::default();
    let world = World::now(&inventory, &profile, today());
    let mut out = std::io::stdout().lock();
    match banbury_network::cut(&world, ends.0, ends.1, args.limit) {
        None => writeln!(out, "its ends are neighbours, or more than {} nodes are needed", args.limit)?,
        Some(nodes) if nodes.is_empty() => writeln!(out, "its ends are not connected")?,
        Some(nodes) => {
            let names: Vec<&str> = nodes.iter().map(|&n| inventory.node_id(n)).collect();
            writeln!(out, "{} nodes: {}", names.len(), names.join(", "))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let packs = args.rules.packs(args.input.other.keep_going)?;
    let settings = match &args.settings {
        Some(path) => {
            PlanSettings::parse(&text_of(path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?
        }
        None => PlanSettings::default(),
    };
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    let as_of = args.rules.as_of.unwrap_or_else(today);
    let problem = banbury_network::plan_problem(&inventory, &packs, &settings, as_of);
    let plan = if args.optimal {
        optimal(&problem, &settings, args.seconds)?
    } else {
        banbury_network::greedy(&problem, &settings)
    };
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &serde_json::json!({ "problem": problem, "plan": plan }))?;
        }
        Format::Text => plan_text(&mut out, &problem, &plan)?,
        Format::Html | Format::Oscal => bail!("`plan` writes text or json"),
    }
    out.flush()?;
    Ok(if plan.feasible { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

#[cfg(any(feature = "milp", feature = "milp-rust"))]
fn optimal(problem: &PlanProblem, settings: &PlanSettings, seconds: f64) -> anyhow::Result<Plan> {
    Ok(banbury_network::optimal(problem, settings, seconds))
}

#[cfg(not(any(feature = "milp", feature = "milp-rust")))]
fn optimal(_: &PlanProblem, _: &PlanSettings, _: f64) -> anyhow::Result<Plan> {
    bail!("this build has no solver: build with --features milp, or leave --optimal out")
}

fn plan_text(out: &mut dyn Write, problem: &PlanProblem, plan: &Plan) -> std::io::Result<()> {
    let done = plan.quarter_of.iter().flatten().count();
    writeln!(
        out,
        "{} plan from {}: {done} of {} sites, cost {:.2}, no plan costs less than {:.2} (gap {:.2} %)",
        plan.method,
        problem.start,
        problem.units.len(),
        plan.cost,
        plan.bound,
        plan.gap_pct
    )?;
    for cap in &problem.caps {
        writeln!(
            out,
            "cap {} in {}: {:.1} must go by quarter {}",
            cap.control,
            cap.group,
            cap.excess,
            cap.due + 1
        )?;
    }
    for (control, count) in &problem.not_by_replacement {
        writeln!(out, "not cured by replacing equipment: {control}, {count} subjects")?;
    }
    if !plan.feasible {
        writeln!(out, "NO PLAN MEETS EVERYTHING; in conflict:")?;
        for line in &plan.conflicts {
            writeln!(out, "  {line}")?;
        }
    }
    writeln!(out, "{:>4} {:<11} {:>7} {:>12} {:>10}  sites", "", "quarter", "sites", "cost", "hours")?;
    for (q, (spent, hours)) in plan.spent.iter().zip(&plan.hours).enumerate() {
        let sites: Vec<&str> = plan
            .quarter_of
            .iter()
            .enumerate()
            .filter(|(_, quarter)| **quarter == Some(q as u32))
            .map(|(unit, _)| problem.units[unit].site.as_str())
            .collect();
        if sites.is_empty() {
            continue;
        }
        let mut shown = sites.iter().take(6).copied().collect::<Vec<_>>().join(", ");
        if sites.len() > 6 {
            shown.push_str(" ...");
        }
        let start = problem.start.quarter_start(q as u32);
        writeln!(out, "{:>4} {start}  {:>7} {spent:>12.2} {hours:>10.1}  {shown}", q + 1, sites.len())?;
    }
    Ok(())
}

fn diff(args: &DiffArgs) -> anyhow::Result<ExitCode> {
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
        Format::Html | Format::Oscal => bail!("`diff` writes text or json"),
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
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
        Format::Html | Format::Oscal => bail!("`import` writes text or json"),
    }
    out.flush()?;
    Ok(if inventory.is_some() && report.errors == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Writes beside and renames, so that the folder is there whole or not at all.
fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    let Some(inventory) = args.input.read()? else { return Ok(ExitCode::from(2)) };
    if args.to.exists() {
        bail!("{} exists already", args.to.display());
    }
    let mut beside = args.to.clone().into_os_string();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    std::fs::create_dir(&beside).with_context(|| format!("{} cannot be made", beside.display()))?;
    for &table in TableId::ALL.iter().filter(|&&t| inventory.len(t) > 0) {
        let (text, extension) = if args.json {
            (banbury_network::table_json(&inventory, table), "json")
        } else {
            (banbury_network::table_csv(&inventory, table), "csv")
        };
        let path = beside.join(format!("{}.{extension}", table.name()));
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    std::fs::rename(&beside, &args.to).with_context(|| format!("{} cannot be made", args.to.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn schema(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match args.what.as_deref() {
        Some("roles") => {
            for role in ROLES {
                writeln!(out, "{:<16} {:<13} {:<6} {}", role.name, role.domain, role.generation, role.about)?;
            }
        }
        Some("templates") => {
            for (name, about) in banbury_network::rules::TEMPLATES {
                writeln!(out, "{name:<22} {about}")?;
            }
        }
        Some(name) => {
            let table = TableId::from_name(name).with_context(|| format!("there is no table `{name}`"))?;
            writeln!(out, "{name}: {}", table.about())?;
            for column in table.columns() {
                let need = match column.need {
                    Need::Must => "must be there",
                    Need::Want => "may be empty",
                    Need::May => "may be left out",
                };
                writeln!(out, "  {:<20} {need:<16} {}", column.name, column.about)?;
            }
        }
        None => {
            for &table in TableId::ALL {
                writeln!(out, "{:<16} {}", table.name(), table.about())?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(rules: &Rules) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for pack in rules.packs(false)? {
        writeln!(out, "{}  {}", pack.regime.id, pack.regime.title)?;
        for control in &pack.controls {
            let mark = if control.source.verified { ' ' } else { '?' };
            let deadline = control.deadline.known().map_or(String::new(), |d| format!(" by {d}"));
            writeln!(
                out,
                "  {mark} {:<20} {:<22} {}{deadline}",
                control.id,
                control.check.template(),
                control.title
            )?;
        }
    }
    writeln!(out, "?: figures not checked against the document")?;
    Ok(ExitCode::SUCCESS)
}

fn show(id: &str, rules: &Rules) -> anyhow::Result<ExitCode> {
    for pack in rules.packs(false)? {
        if let Some(control) = pack.controls.iter().find(|c| c.id == id) {
            let mut out = std::io::stdout().lock();
            writeln!(out, "# {} ({})", pack.regime.title, pack.regime.id)?;
            if !control.source.verified {
                writeln!(out, "# The figures were not checked against the document.")?;
            }
            out.write_all(toml::to_string_pretty(control)?.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    bail!("there is no control `{id}`")
}

fn test(rules: &Rules) -> anyhow::Result<ExitCode> {
    let engine = sql_engine();
    let mut out = std::io::stdout().lock();
    let (mut passed, mut failed, mut untested) = (0, 0, 0);
    for folder in files_of(&rules.controls)?.into_iter().filter(|p| p.is_dir()) {
        if !rules.regime.is_empty() && !rules.regime.iter().any(|r| *r == file_name(&folder)) {
            continue;
        }
        let pack = rules.pack(&folder, false)?;
        for path in files_of(&folder)? {
            let name = file_name(&path);
            if !name.ends_with(".toml") || name.ends_with(".test.toml") || name == "regime.toml" {
                continue;
            }
            let control =
                Control::parse(&text_of(&path)?).map_err(|e| anyhow::anyhow!("{}: {e}", path.display()))?;
            if !pack.controls.iter().any(|c| c.id == control.id) {
                continue;
            }
            let beside = path.with_extension("test.toml");
            if !beside.exists() {
                untested += 1;
                writeln!(out, "no tests  {} ({})", control.id, name)?;
                continue;
            }
            let tests = ControlTests::parse(&text_of(&beside)?)
                .map_err(|e| anyhow::anyhow!("{}: {e}", beside.display()))?;
            for test in &tests.test {
                let wrong =
                    banbury_network::run_control_test(&pack.regime, &control, test, engine.as_deref());
                if wrong.is_empty() {
                    passed += 1;
                    continue;
                }
                failed += 1;
                writeln!(out, "FAILED    {} {}", control.id, test.name)?;
                for line in wrong {
                    writeln!(out, "          {line}")?;
                }
            }
        }
    }
    writeln!(out, "{passed} passed, {failed} failed, {untested} controls without tests")?;
    Ok(if failed > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
