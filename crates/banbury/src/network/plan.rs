//! `plan`: when to replace what.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use banbury_network::{Plan, PlanProblem, PlanSettings};

use super::input::Input;
use super::regimes::Rules;
use super::{Format, Output, text_of, today};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    rules: Rules,
    /// Costs, budgets, crews and outage limits
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// The cheapest plan by a mixed-integer programme (needs a build with the feature `milp`)
    #[arg(long)]
    optimal: bool,
    /// Time limit of the optimal plan [s]
    #[arg(long, default_value_t = 60.0)]
    seconds: f64,
    #[command(flatten)]
    output: Output,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    args.output.only("plan", &[Format::Text, Format::Json])?;
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
        banbury_network::plan(&problem, &settings)
    };
    let mut out = args.output.writer()?;
    match args.output.format {
        Format::Json => {
            serde_json::to_writer(&mut out, &serde_json::json!({ "problem": problem, "plan": plan }))?;
        }
        Format::Text => plan_text(&mut out, &problem, &plan, &banbury_network::greedy(&problem, &settings))?,
        Format::Html | Format::Oscal => {}
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

fn plan_text(out: &mut dyn Write, problem: &PlanProblem, plan: &Plan, greedy: &Plan) -> std::io::Result<()> {
    let done = plan.quarter_of.iter().flatten().count();
    write!(out, "{} plan from {}: {done} of {} sites", plan.method, problem.start, problem.units.len())?;
    match plan.feasible {
        true => writeln!(
            out,
            ", cost {:.2}, no plan costs less than {:.2} (gap {:.2} %)",
            plan.cost, plan.bound, plan.gap_pct
        )?,
        false => writeln!(out)?,
    }
    match greedy.feasible {
        true => writeln!(out, "a plan made one site at a time costs {:.2}", greedy.cost)?,
        false => writeln!(out, "there is no plan made one site at a time")?,
    }
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
