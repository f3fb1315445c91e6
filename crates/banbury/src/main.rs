//! The `banbury` command line.

mod network;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "banbury", version, about = "Equipment security evaluation centre as software")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Where a product may stand in a network, and what it could do there
    Network(network::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Network(args) => network::run(args),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
