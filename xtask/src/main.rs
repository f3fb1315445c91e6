//! Chores of the project: `cargo xtask COMMAND`.

mod advisories;
mod layers;
mod licences;
mod new_rule;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};
use serde_json::Value;

const USAGE: &str = "\
cargo xtask layers             dependencies point down only, and layers 0-2 do no input or output
cargo xtask licences           every dependency has a licence from the list
cargo xtask advisories DB      no dependency has an advisory (DB: a clone of the RustSec database)
cargo xtask new-rule NAME      a folder for a new rule, registered";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["layers"] => layers::check(),
        ["licences"] => licences::check(),
        ["advisories", database] => advisories::check(database),
        ["new-rule", name] => new_rule::create(name),
        _ => bail!("usage:\n{USAGE}"),
    }
}

fn root() -> PathBuf {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    own.parent().map(PathBuf::from).unwrap_or(own)
}

/// What `cargo metadata` says of the workspace, with or without its dependencies.
fn metadata(with_dependencies: bool) -> anyhow::Result<Value> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--format-version", "1", "--locked"]).current_dir(root());
    if !with_dependencies {
        command.arg("--no-deps");
    }
    let output = command.output().context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or("")
}
