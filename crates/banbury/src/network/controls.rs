//! `controls`: lists, shows and tests them.

use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use banbury_network::{Control, ControlTests};
use clap::Subcommand;

use super::regimes::Rules;
use super::{file_name, files_of, sql_engine, text_of};

#[derive(clap::Args)]
#[command(after_help = "\
A rule of your own is a file; nothing is rebuilt:

  rules/own/regime.toml            rules/own/two-vendors.toml
    id = \"own\"                       id = \"OWN-1\"
    title = \"Our own rules\"          title = \"Two base-station vendors in every region\"
                                     [check]
                                     template = \"min_vendors\"
                                     roles = [\"gnb\", \"gnb-du\"]
                                     group = \"region\"
                                     min = 2

  banbury network controls test --controls rules
  banbury network check INVENTORY --controls rules

`banbury network schema templates` lists the checks, docs/network.md their parameters; tests go
beside a rule, in two-vendors.test.toml. `controls show ID` prints a rule to start from.")]
pub struct Args {
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

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        ControlsCommand::List(rules) => list(rules),
        ControlsCommand::Show { id, rules } => show(id, rules),
        ControlsCommand::Test(rules) => test(rules),
    }
}

fn list(rules: &Rules) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for pack in rules.packs(false)? {
        writeln!(out, "{}  {}", pack.regime.id, pack.regime.title)?;
        for control in &pack.controls {
            let mark = if control.source.unchecked() { '?' } else { ' ' };
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
            if control.source.unchecked() {
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
