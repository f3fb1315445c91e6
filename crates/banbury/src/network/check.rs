//! `check`: judges a network by controls.

use std::io::Write;
use std::process::ExitCode;

use banbury_network::{
    CheckResult, Date, Hostile, Inventory, Overall, Pack, WhatIf, WhatIfOptions, When, World, status_text,
};
use banbury_network_report::Page;

use super::input::Input;
use super::regimes::Rules;
use super::{Format, Output, file_name, sql_engine, today};

#[derive(clap::Args)]
pub struct Args {
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

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
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
                "    unknown for {} ({}{}): {}",
                unknown.subjects,
                first.join(", "),
                if unknown.subjects > 5 { " and others, named in the JSON" } else { "" },
                unknown.missing
            )?;
        }
    }
    Ok(())
}
