//! The `banbury` command line: one file per subcommand, dispatched here.

mod approvals;
mod assemble;
mod compare;
mod config;
mod evaluation;
mod evidence;
mod explain;
mod generate;
mod ir;
mod models;
mod network;
mod progress;
mod review;
mod rules;
mod serve;
mod terminal;
mod unpack;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Security review of telecom source releases, without a build.
#[derive(Parser)]
#[command(name = "banbury", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 no findings, 1 findings at or above the threshold, 2 usage or unreadable input."
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    global: Global,
}

/// Options of every subcommand.
#[derive(clap::Args, Clone, Copy)]
pub struct Global {
    /// Print nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Say more about what is done (-v, -vv); goes to standard error
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Subcommand)]
enum Command {
    Review(Box<review::Args>),
    Compare(Box<compare::Args>),
    Explain(explain::Args),
    Rules(rules::Args),
    Ir(ir::Args),
    Models(models::Args),
    Network(Box<network::Args>),
    Evaluation(evaluation::Args),
    Evidence(evidence::Args),
    Serve(serve::Args),
    #[command(hide = true)]
    Unpack(unpack::Args),
    Generate(generate::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging(cli.global);
    banbury_engine::install_panic_hook();
    // Without the handler ^C still ends the program, but may leave a `.part` file.
    let _ = ctrlc::set_handler(|| {
        progress::clear();
        banbury_engine::remove_unfinished();
        TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).clear();
        std::process::exit(130);
    });
    let global = cli.global;
    let run = move || match cli.command {
        Command::Review(args) => review::run(&args, global),
        Command::Compare(args) => compare::run(&args, global),
        Command::Explain(args) => explain::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Ir(args) => ir::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Network(args) => network::run(*args),
        Command::Evaluation(args) => evaluation::run(args),
        Command::Evidence(args) => evidence::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Unpack(args) => unpack::run(&args),
        Command::Generate(args) => generate::run(&args),
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    progress::clear();
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).clear();
    match result {
        Ok(Ok(code)) => code,
        Ok(Err(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            terminal::error(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
        Err(_) => {
            terminal::error("error: banbury broke off; please report this with the output of -vv");
            ExitCode::from(2)
        }
    }
}

/// Folders that go away when the program ends, however it does.
static TEMPORARY: Mutex<Vec<tempfile::TempDir>> = Mutex::new(Vec::new());

/// Removes a folder at the end of the program.
fn at_end(folder: tempfile::TempDir) {
    TEMPORARY.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
}

fn start_logging(global: Global) {
    let level = match (global.quiet, global.verbose) {
        (true, _) => tracing::Level::ERROR,
        (_, 0) => tracing::Level::WARN,
        (_, 1) => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .without_time()
        .init();
}

/// Whether the reader of our output went away (`banbury ... | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}
