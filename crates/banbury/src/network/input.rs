//! Where an inventory comes from.

use std::path::{Path, PathBuf};

use anyhow::bail;
use banbury_network::{ImportReport, Importer, Inventory, Mapping, TableId};

use super::{bytes_of, file_name, files_of, open, text_of};
use crate::terminal;

/// Where the inventory comes from; several sources add up.
#[derive(clap::Args)]
pub struct Input {
    /// Folder with one file per table: nodes.csv, sites.csv ... or nodes.json ...
    #[arg(required_unless_present_any = ["netbox", "netbox_url", "rfc8345", "nrm"])]
    pub inventory: Option<PathBuf>,
    #[command(flatten)]
    pub other: OtherInput,
}

#[derive(clap::Args)]
pub struct OtherInput {
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
    /// A centre's folder, or a bundle of it: what its signed evaluations allow of releases
    #[arg(long, value_name = "CENTRE")]
    evaluations: Vec<PathBuf>,
    /// Public key of the centre's log, as you got it from elsewhere
    #[arg(long, value_name = "KEY", requires = "evaluations")]
    log_key: Option<String>,
    /// Leave out rows and controls that are not understood, and say so, instead of refusing them all
    #[arg(long)]
    pub keep_going: bool,
}

impl Input {
    pub fn read(&self) -> anyhow::Result<Option<Inventory>> {
        let (inventory, report) = self.other.read(self.inventory.as_deref())?;
        tell(&report, inventory.is_some());
        Ok(inventory)
    }
}

impl OtherInput {
    pub fn read(&self, folder: Option<&Path>) -> anyhow::Result<(Option<Inventory>, ImportReport)> {
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
        for centre in &self.evaluations {
            let table = crate::approvals::table(centre, self.log_key.clone(), &[])?;
            importer.csv(TableId::evaluations, &file_name(centre), table.as_bytes());
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
        use anyhow::Context;

        const MOST_PAGES: u32 = 100_000;
        const MOST_BYTES: u64 = 256 << 20;
        let token = std::env::var("BANBURY_NETBOX_TOKEN").context("BANBURY_NETBOX_TOKEN is not set")?;
        // Tokens of NetBox 4.5 and later begin with `nbt_` and go by another scheme than the older.
        let scheme = if token.starts_with("nbt_") { "Bearer" } else { "Token" };
        let base = format!("{}/api/", url.trim_end_matches('/'));
        for source in &self.mapping()?.sources {
            let mut next = Some(format!("{base}{}/?limit=500", source.endpoint));
            for number in 1..=MOST_PAGES {
                let Some(page) = next.take() else { break };
                if !page.starts_with(&base) {
                    bail!("{} names {page} as its next page, which is not on {url}", source.endpoint);
                }
                let body = ureq::get(&page)
                    .header("Authorization", &format!("{scheme} {token}"))
                    .header("Accept", "application/json")
                    .call()
                    .and_then(|answer| answer.into_body().with_config().limit(MOST_BYTES).read_to_vec())
                    .with_context(|| {
                        format!(
                            "{page} cannot be read; the token in BANBURY_NETBOX_TOKEN must be one of that \
                             NetBox that may view what the mapping reads"
                        )
                    })?;
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

/// The inventory of a folder of tables; what was not understood is said on standard error.
pub fn folder(folder: &Path) -> anyhow::Result<Option<Inventory>> {
    let mut importer = Importer::new();
    tables(folder, &mut importer)?;
    let (inventory, report) = importer.finish(false);
    tell(&report, inventory.is_some());
    Ok(inventory)
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

/// Says on standard error what was not understood.
pub fn tell(report: &ImportReport, usable: bool) {
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
