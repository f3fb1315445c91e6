use std::process::ExitCode;

use anyhow::bail;

use crate::{review, terminal};

/// Explain a rule: what it checks, why, and what it gets wrong
#[derive(clap::Args)]
#[command(after_help = "Example:\n  banbury explain tainted-index")]
pub struct Args {
    /// Id of the rule, or a CWE number such as CWE-787
    rule: String,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let cwe = args.rule.to_ascii_uppercase().strip_prefix("CWE-").and_then(|number| number.parse().ok());
    let named = |rule: &&&banbury_engine::Rule| {
        rule.id == args.rule || cwe.is_some_and(|cwe: u32| rule.cwe.contains(&cwe))
    };
    let rules: Vec<_> = banbury_engine::rules().iter().filter(named).collect();
    if rules.is_empty() {
        bail!("there is no rule {} (`banbury rules` lists them)", args.rule);
    }
    review::to_stdout(|out| {
        for rule in rules {
            let cwe: Vec<String> = rule.cwe.iter().map(|cwe| format!("CWE-{cwe}")).collect();
            writeln!(out, "{} (version {}, {})\n", rule.id, rule.version, cwe.join(", "))?;
            writeln!(out, "{}", banbury_report::render_markdown(rule.readme, terminal::colour()))?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
