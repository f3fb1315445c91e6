//! `schema`: tables, network functions, templates.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use banbury_network::{Need, ROLES, TableId};

#[derive(clap::Args)]
pub struct Args {
    /// A table, or `roles` for the network functions, or `templates` for the checks
    what: Option<String>,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
