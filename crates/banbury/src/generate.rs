use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{CommandFactory, Subcommand};
use clap_complete::Shell;

use crate::{Cli, review};

/// Generate shell completions and manual pages
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury generate completions bash > ~/.local/share/bash-completion/completions/banbury
  banbury generate man /usr/local/share/man/man1")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the completions for a shell
    Completions { shell: Shell },
    /// Write one manual page per subcommand into a folder
    Man { folder: PathBuf },
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "banbury", &mut text);
            review::to_stdout(|out| out.write_all(&text))?;
        }
        Command::Man { folder } => {
            std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            clap_mangen::generate_to(Cli::command(), folder).with_context(|| folder.display().to_string())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
