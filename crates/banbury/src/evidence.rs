//! `banbury evidence`: keys, proofs and checks of a centre's log, by whoever does not trust it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use banbury_engine::write_beside_and_rename;
use banbury_evidence::act::Entry;
use banbury_evidence::files::{Bundle, Files, Folder};
use banbury_evidence::log::{CHECKPOINT, inclusion_proof, read_entries, unverified_checkpoint};
use banbury_evidence::verify::{Known, Report, verify};
use banbury_evidence::{keys, witness};
use clap::Subcommand;

use crate::review::to_stdout;

/// Check a centre's evidence without believing whoever keeps it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury evidence verify centre.tar --log-key \"$(cat centre.pub)\"
  banbury evidence verify centre/ --since checkpoint.last-week
  banbury evidence witness centre/ --key overseer.key --seen overseer.checkpoint
  banbury evidence keygen ann --out ann.key > ann.pub

CENTRE is a centre's folder, or a bundle that `banbury evaluation export` wrote.

Exit codes: 0 everything holds, 1 something does not, 2 usage or unreadable input.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a key: the private half into a file, the public half to standard output
    Keygen {
        /// Name of the person, log or witness
        name: String,
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Check every entry, hash, signature and content; name the first bad entry
    Verify {
        centre: PathBuf,
        /// Public key of the log, as you got it from elsewhere
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
        /// A checkpoint seen earlier, which the log must have grown from (can be repeated)
        #[arg(long, value_name = "FILE")]
        since: Vec<PathBuf>,
        /// Public key of a witness that must have cosigned (can be repeated)
        #[arg(long, value_name = "KEY")]
        witness: Vec<String>,
    },
    /// Print the entries of the log
    Log { centre: PathBuf },
    /// Print the proof that an entry is in the log (C2SP tlog-proof)
    Prove { centre: PathBuf, number: u64 },
    /// Cosign the checkpoint, if the log has only grown since it was seen last
    Witness {
        centre: PathBuf,
        /// Your private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where you keep the checkpoint that you saw last
        #[arg(long, value_name = "FILE")]
        seen: PathBuf,
        /// Public key of the log; from the log itself where there is none, which trusts it once
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
    },
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Keygen { name, out } => keygen(&name, &out),
        Command::Verify { centre, log_key, since, witness } => {
            let checkpoints = since.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
            let known = Known { log_key, checkpoints, witnesses: witness };
            let report = verify(&*open(&centre)?, &known).with_context(|| centre.display().to_string())?;
            print_report(&report, &known)
        }
        Command::Log { centre } => log(&*open(&centre)?),
        Command::Prove { centre, number } => prove(&*open(&centre)?, number),
        Command::Witness { centre, key, seen, log_key } => cosign(&centre, &key, &seen, log_key),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A private key from its file.
pub fn read_key(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A centre's files, from its folder or from a bundle.
pub fn open(path: &Path) -> anyhow::Result<Box<dyn Files>> {
    if path.is_dir() {
        return Ok(Box::new(Folder(path.to_owned())));
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let bundle = Bundle::read_tar(file).with_context(|| path.display().to_string())?;
    Ok(Box::new(bundle))
}

fn keygen(name: &str, out: &Path) -> anyhow::Result<ExitCode> {
    if out.exists() {
        bail!("{} is there already; a key is not overwritten", out.display());
    }
    let key = keys::generate(name)?;
    write_beside_and_rename(out, |file| writeln!(file, "{}", key.private))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(out, fs::Permissions::from_mode(0o600))?;
    }
    to_stdout(|out| writeln!(out, "{}", key.public))?;
    Ok(ExitCode::SUCCESS)
}

fn print_report(report: &Report, known: &Known) -> anyhow::Result<ExitCode> {
    to_stdout(|out| {
        writeln!(out, "Log         {}", report.origin)?;
        writeln!(out, "Entries     {}", report.size)?;
        writeln!(out, "Root        {}", report.root)?;
        let source = if known.log_key.is_some() { "" } else { " (its own word: give --log-key)" };
        writeln!(out, "Key         {}{source}", report.log_key)?;
        for witness in &report.witnesses {
            writeln!(out, "Witness     {witness}")?;
        }
        for fault in &report.faults {
            match (fault.entry, fault.file.as_str()) {
                (Some(entry), "") => writeln!(out, "fault: entry {entry}: {}", fault.what)?,
                (Some(entry), file) => writeln!(out, "fault: entry {entry} ({file}): {}", fault.what)?,
                (None, file) => writeln!(out, "fault: {file}: {}", fault.what)?,
            }
        }
        match report.faults.iter().find_map(|fault| fault.entry) {
            _ if report.faults.is_empty() => writeln!(out, "Everything holds."),
            Some(first) => writeln!(out, "First bad entry: {first}"),
            None => writeln!(out, "The evidence does not hold; no single entry can be named."),
        }
    })?;
    Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Size of the log, by its own checkpoint.
fn size(files: &dyn Files) -> anyhow::Result<u64> {
    let note = files.read(CHECKPOINT)?.context("there is no checkpoint: not a centre")?;
    Ok(unverified_checkpoint(&note)?.size())
}

fn log(files: &dyn Files) -> anyhow::Result<ExitCode> {
    let entries = read_entries(files, size(files)?)?;
    to_stdout(|out| {
        for bytes in &entries {
            out.write_all(bytes)?;
            writeln!(out)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn prove(files: &dyn Files, number: u64) -> anyhow::Result<ExitCode> {
    let proof = inclusion_proof(files, size(files)?, number)?;
    let note = files.read(CHECKPOINT)?.unwrap_or_default();
    to_stdout(|out| {
        writeln!(out, "c2sp.org/tlog-proof@v1\nindex {number}")?;
        for hash in proof {
            writeln!(out, "{hash}")?;
        }
        writeln!(out)?;
        out.write_all(&note)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn cosign(centre: &Path, key: &Path, seen: &Path, log_key: Option<String>) -> anyhow::Result<ExitCode> {
    let files = open(centre)?;
    let last = if seen.exists() { Some(read(seen)?) } else { None };
    let log_key = match log_key {
        Some(key) => key,
        None => first_key(&*files)?,
    };
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let note = match witness::cosign(&*files, &log_key, last.as_deref(), &read_key(key)?, seconds) {
        Ok(note) => note,
        Err(error @ (witness::WitnessError::Shrunk { .. } | witness::WitnessError::Forked(_))) => {
            crate::terminal::error(&format!("not cosigned: {error}"));
            return Ok(ExitCode::from(1));
        }
        Err(error) => return Err(error.into()),
    };
    write_beside_and_rename(seen, |out| out.write_all(&note))?;
    to_stdout(|out| out.write_all(&note))?;
    Ok(ExitCode::SUCCESS)
}

/// The key that the log's first entry names.
fn first_key(files: &dyn Files) -> anyhow::Result<String> {
    use banbury_evidence::act::Act;
    let entries = read_entries(files, size(files)?)?;
    match entries.first().and_then(|bytes| Entry::from_bytes(bytes)).map(|entry| entry.act) {
        Some(Act::Found { log_key, .. }) => Ok(log_key),
        _ => bail!("the log's first entry names no key; give --log-key"),
    }
}
