use std::process::ExitCode;

use crate::{assemble, review};

/// List the rules
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let rules = assemble::rules();
    review::to_stdout(|out| {
        if args.json {
            let row = |rule: &banbury_report::RuleInfo| {
                serde_json::json!({
                    "id": rule.id, "version": rule.version, "title": rule.title, "cwe": rule.cwe,
                    "default_visible": rule.default_visible, "weight": rule.base_weight,
                })
            };
            serde_json::to_writer_pretty(&mut *out, &rules.iter().map(row).collect::<Vec<_>>())?;
            return writeln!(out);
        }
        let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
        for rule in &rules {
            let cwe: Vec<String> = rule.cwe.iter().map(u32::to_string).collect();
            let off = if rule.default_visible { "" } else { ", off by default" };
            writeln!(out, "{:width$}  {} (CWE {}{off})", rule.id, rule.title, cwe.join(", "))?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
