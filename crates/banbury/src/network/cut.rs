//! `cut`: what would cut a service.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use banbury_network::{Profile, TableId, World};

use super::input::Input;
use super::today;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[arg(long)]
    service: String,
    /// Give up when more nodes are needed
    #[arg(long, default_value_t = 8)]
    limit: usize,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
