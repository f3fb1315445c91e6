//! `banbury unpack`: what intake reads of a release, as files that a server can show. Run by the
//! server in a process of its own, as archives are hostile.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use banbury_engine::intake::{self, IntakeOptions, Source};
use banbury_engine::{Progress, Silent};
use banbury_evidence::Sha256;

use crate::progress;

/// Write the text files of a release into a folder, each under the SHA-256 of its path
#[derive(clap::Args)]
pub struct Args {
    release: String,
    folder: PathBuf,
}

/// Larger files are left out: nobody reads them in a page.
const LARGEST: usize = 16 << 20;

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let line = progress::Line::start(true);
    let progress: &dyn Progress = line.as_ref().map_or(&Silent as &dyn Progress, |line| line);
    let options = IntakeOptions { everything: true, ..IntakeOptions::default() };
    let manifest = intake::read(&Source::parse(&args.release)?, &options, progress)?;
    progress.stage("Keeping the text of files", Some(manifest.everything.len() as u64));
    fs::create_dir_all(&args.folder).with_context(|| args.folder.display().to_string())?;
    let is_text = |bytes: &[u8]| bytes.len() <= LARGEST && !bytes[..bytes.len().min(8192)].contains(&0);
    for (path, bytes) in manifest.everything.iter().filter(|(_, bytes)| is_text(bytes)) {
        let file = args.folder.join(Sha256::of(path.as_bytes()).to_string());
        fs::write(&file, bytes).with_context(|| file.display().to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}
