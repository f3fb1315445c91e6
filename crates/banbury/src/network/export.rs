//! `export`: an inventory as a folder of tables.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_network::TableId;

use super::input::Input;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Folder to write; must not exist yet
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// Write JSON lists instead of CSV
    #[arg(long)]
    json: bool,
}

/// Writes beside and renames, so that the folder is there whole or not at all.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
