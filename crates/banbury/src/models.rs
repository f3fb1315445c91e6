use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use crate::review;

/// Work with library models
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check that model files are understood
    Check {
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let Command::Check { files } = &args.command;
    let models = banbury_engine::read_models(files)?;
    review::to_stdout(|out| models.iter().try_for_each(|(name, _)| writeln!(out, "{name}: ok")))?;
    Ok(ExitCode::SUCCESS)
}
