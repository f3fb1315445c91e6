//! `whatif`: supposes equipment hostile, or lost.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_network::{Date, Hostile, Profile, WhatIf, WhatIfOptions, World};

use super::input::Input;
use super::{Format, Output, today};

#[derive(clap::Args)]
pub struct Args {
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

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.output.only("whatif", &[Format::Text, Format::Json, Format::Html])?;
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
        Format::Html => {
            out.write_all(banbury_network_report::what_if_html(&inventory, &result).as_bytes())?;
        }
        Format::Oscal => {}
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn what_if_text(out: &mut dyn Write, w: &WhatIf) -> std::io::Result<()> {
    writeln!(out, "If {} were hostile ({} live nodes; {})", w.hostile, w.nodes, w.vendors.join(", "))?;
    let rows = [
        ("services disrupted", w.services_disrupted.len()),
        ("  whose ends stay connected", w.services_reroutable as usize),
        ("  over a route as wide as was sold", w.services_with_capacity as usize),
        ("  with room for all of these at once", w.services_carried as usize),
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
    services_text(out, w)?;
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

fn services_text(out: &mut dyn Write, w: &WhatIf) -> std::io::Result<()> {
    const SHOWN: usize = 15;
    if w.services_hit.is_empty() {
        return Ok(());
    }
    let figure = |g: Option<f64>| g.map_or("?".to_owned(), |g| format!("{g:.1}"));
    writeln!(
        out,
        "\n{:<14} {:>9} {:<10} {:>11} {:>11} {:>8}",
        "service", "paths", "ends", "sold Gbit/s", "left Gbit/s", "carried"
    )?;
    for s in w.services_hit.iter().take(SHOWN) {
        let ends = match s.connected {
            Some(true) => "connected",
            Some(false) => "cut apart",
            None => "?",
        };
        let carried = match s.carried {
            Some(true) => "yes",
            Some(false) => "no",
            None if s.paths_left > 0 => "",
            None => "?",
        };
        let left = if s.connected == Some(false) { "0.0".to_owned() } else { figure(s.capacity_left_gbps) };
        writeln!(
            out,
            "{:<14} {:>9} {ends:<10} {:>11} {left:>11} {carried:>8}",
            s.service,
            format!("{} of {}", s.paths_left, s.paths),
            figure(s.capacity_sold_gbps)
        )?;
    }
    if w.services_hit.len() > SHOWN {
        writeln!(out, "and {} more: see the JSON", w.services_hit.len() - SHOWN)?;
    }
    Ok(())
}
