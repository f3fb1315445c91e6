//! `banbury.toml`. It is read from the working directory or given by name, never taken from the
//! release: whoever hands in a release does not decide how it is reviewed.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    pub exclude: Vec<String>,
    pub min_weight: Option<f32>,
    pub target: Option<String>,
    /// `NAME` or `NAME=VALUE`
    pub defines: Vec<String>,
    pub undefines: Vec<String>,
    pub include_dirs: Vec<String>,
    /// Model files, relative to the configuration.
    pub models: Vec<PathBuf>,
    pub include_tests: bool,
    pub exclude_generated: bool,
    pub exclude_third_party: bool,
    pub rules: Rules,
    pub classes: Classes,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rules {
    pub on: Vec<String>,
    pub off: Vec<String>,
}

/// Globs of paths.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Classes {
    pub generated: Vec<String>,
    pub test: Vec<String>,
    pub third_party: Vec<String>,
    pub product: Vec<String>,
}

const NAME: &str = "banbury.toml";

/// Reads the named configuration, or `banbury.toml` of the working directory if it is there.
pub fn read(path: Option<&Path>) -> anyhow::Result<Config> {
    let path = match path {
        Some(path) => path,
        None if Path::new(NAME).is_file() => Path::new(NAME),
        None => return Ok(Config::default()),
    };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut config: Config = toml::from_str(&text).with_context(|| path.display().to_string())?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for model in &mut config.models {
        *model = folder.join(&*model);
    }
    Ok(config)
}
