//! `banbury evaluation`: the acts of an evaluation, without a server.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use banbury_engine::write_beside_and_rename;
use banbury_evidence::act::{Act, ArtefactKind, Assurance, Role, Severity, Verdict};
use banbury_evidence::approval::{Equivalence, Terms};
use banbury_evidence::files::{Bundle, Files, Folder, write_tar};
use banbury_evidence::overview::{Overview, Row, overview};
use banbury_evidence::policy::Hidden;
use banbury_evidence::results::read_sarif;
use banbury_evidence::store::{Store, is_evidence};
use banbury_evidence::verify::{Known, verify};
use banbury_evidence::{Sha256, attest, keys};
use clap::Subcommand;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::evidence::read_key;
use crate::review::to_stdout;

/// Evaluate releases, with every act in a log that nobody can quietly change
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury evaluation found centre --name centre.example --admin root
  banbury evaluation person centre ann --role lead --organisation Centre --key ann.pub --as root
  banbury evaluation new centre core-2.7 --vendor Orbital --product Core --release 2.7 --as ann
  banbury review core-2.7.tar --sarif core.sarif
  banbury evaluation add centre core-2.7 core-2.7.tar --kind source --as eve
  banbury evaluation results centre core-2.7 core.sarif --of core-2.7.tar --as eve
  banbury evaluation status centre core-2.7
  banbury evaluation decide centre core-2.7 3f2a false-positive --reason 'capped in decode()' --as eve
  banbury evaluation sign centre core-2.7 --assurance approved --site-class cell --key ann.key --as ann
  banbury evaluation export centre centre.tar
  banbury evaluation approvals centre.tar -o inventory/evaluations.csv

What a role may do is in the centre's policy; every refusal says why and leaves nothing behind.

Exit codes: 0 done, 1 refused, or `status` of an evaluation that is not signed, 2 usage or unreadable input.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// For what and until when a sign-off holds.
#[derive(clap::Args)]
struct TermsArgs {
    /// Kind, criticality or sensitivity of sites that this is for, as in the inventory (can be
    /// repeated); all sites when not given
    #[arg(long, value_name = "CLASS", value_parser = site_class)]
    site_class: Vec<String>,
    /// Last day on which it holds
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: Option<banbury_network::Date>,
    /// Whether the binary was shown to come from the reviewed source: shown, not-shown, unknown
    #[arg(long, value_parser = named::<Equivalence>, default_value = "unknown")]
    equivalence: Equivalence,
}

/// Centre, evaluation and actor of an act.
#[derive(clap::Args)]
struct At {
    /// Folder of the centre
    centre: PathBuf,
    /// Name of the evaluation
    evaluation: String,
    /// Who does this
    #[arg(long = "as", value_name = "PERSON", env = "BANBURY_PERSON")]
    actor: String,
}

#[derive(Subcommand)]
enum Command {
    /// Make a centre: a folder with a log, its key and a policy
    Found {
        centre: PathBuf,
        /// Name of the centre, and of its log
        #[arg(long)]
        name: String,
        /// The first administrator
        #[arg(long, value_name = "PERSON")]
        admin: String,
    },
    /// Enter a person, or change roles or key
    Person {
        centre: PathBuf,
        person: String,
        /// administrator, lead, evaluator, vendor-engineer, operator, overseer, auditor
        #[arg(long, value_parser = named::<Role>, required = true)]
        role: Vec<Role>,
        #[arg(long)]
        organisation: String,
        /// File with the person's public key, for signing
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[arg(long = "as", value_name = "PERSON", env = "BANBURY_PERSON")]
        actor: String,
    },
    /// Put another policy in force
    Policy {
        centre: PathBuf,
        file: PathBuf,
        #[arg(long = "as", value_name = "PERSON", env = "BANBURY_PERSON")]
        actor: String,
    },
    /// Open an evaluation of a release
    New {
        #[command(flatten)]
        at: At,
        #[arg(long)]
        vendor: String,
        #[arg(long)]
        product: String,
        #[arg(long)]
        release: String,
        /// The evaluation of the release before
        #[arg(long, value_name = "EVALUATION")]
        after: Option<String>,
    },
    /// Name an artefact by its hash; the file itself stays where it is
    Add {
        #[command(flatten)]
        at: At,
        file: PathBuf,
        /// source, binary, document, inventory
        #[arg(long, value_parser = named::<ArtefactKind>, default_value = "source")]
        kind: ArtefactKind,
    },
    /// Take in a tool's results: SARIF 2.1.0 of any tool
    Results {
        #[command(flatten)]
        at: At,
        sarif: PathBuf,
        /// The artefact that the tool looked at
        #[arg(long, value_name = "FILE")]
        of: Option<PathBuf>,
        /// Your private key: attests the run (in-toto test result)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Decide on a finding
    Decide {
        #[command(flatten)]
        at: At,
        /// Its name, or the beginning of it
        finding: String,
        /// confirmed, false-positive, accepted-risk, fixed, duplicate, open
        #[arg(value_parser = named::<Verdict>)]
        verdict: Verdict,
        #[arg(long)]
        reason: String,
        /// Until when a risk is accepted
        #[arg(long, value_name = "YYYY-MM-DD")]
        until: Option<String>,
    },
    /// Say how bad a finding is in this product
    Severity {
        #[command(flatten)]
        at: At,
        finding: String,
        /// low, medium, high, critical
        #[arg(value_parser = named::<Severity>)]
        severity: Severity,
        #[arg(long)]
        reason: String,
    },
    /// Comment on the evaluation or on one finding
    Comment {
        #[command(flatten)]
        at: At,
        text: String,
        #[arg(long)]
        finding: Option<String>,
    },
    /// Hide a finding from vendor and operators, or show it again
    Embargo {
        #[command(flatten)]
        at: At,
        finding: String,
        #[arg(long)]
        reason: String,
        /// End the embargo
        #[arg(long)]
        lift: bool,
    },
    /// Declare an interest: who has one does not sign
    Conflict {
        #[command(flatten)]
        at: At,
        interest: String,
    },
    /// Note something on how the centre works, as an overseer
    Remark {
        #[command(flatten)]
        at: At,
        text: String,
    },
    /// Sign the evaluation off with your own key
    Sign {
        #[command(flatten)]
        at: At,
        /// approved, approved-with-conditions, rejected
        #[arg(long, value_parser = named::<Assurance>)]
        assurance: Assurance,
        #[arg(long)]
        condition: Vec<String>,
        #[command(flatten)]
        terms: TermsArgs,
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Set the sign-offs aside
    Reopen {
        #[command(flatten)]
        at: At,
        #[arg(long)]
        reason: String,
    },
    /// Show where evaluations stand
    Status {
        centre: PathBuf,
        evaluation: Option<String>,
        /// What one may see who is not of the centre: vendor, operator, government, or the policy's
        #[arg(long)]
        view: Option<String>,
        #[arg(long)]
        json: bool,
    },
    /// Write what signed evaluations allow as the table `evaluations` of a network inventory
    Approvals {
        /// Folder of the centre, or a bundle that `export` wrote
        centre: PathBuf,
        /// Public key of the log, as you got it from elsewhere
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
        /// Name of the product's software platform in the inventory, where it is another
        #[arg(long, value_name = "PRODUCT=PLATFORM", value_parser = pair)]
        platform: Vec<(String, String)>,
        /// File to write; standard output when not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Write the whole centre as one file; private keys stay behind
    Export { centre: PathBuf, out: PathBuf },
    /// Unpack a bundle into a folder to read, if everything in it holds
    Import {
        bundle: PathBuf,
        centre: PathBuf,
        /// Public key of the log, as you got it from elsewhere
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
    },
}

/// A value by the name that entries give it.
fn named<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(Value::from(text)).map_err(|error| error.to_string())
}

/// A class of site: the table `evaluations` separates them by semicolons.
fn site_class(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a class has a name".to_owned()),
        name if name.contains(';') => Err("one class each time".to_owned()),
        name => Ok(name.to_owned()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (product, platform) = text.split_once('=').ok_or("it is PRODUCT=PLATFORM")?;
    Ok((product.to_owned(), platform.to_owned()))
}

pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Found { centre, name, admin } => found(&centre, &name, &admin),
        Command::Person { centre, person, role, organisation, key, actor } => {
            let key = key.map(|path| read_public(&path)).transpose()?;
            let act = Act::Person { person, roles: role, organisation, key };
            write(&mut Store::open(&centre)?, &actor, act)
        }
        Command::Policy { centre, file, actor } => {
            let mut store = Store::open(&centre)?;
            let policy = store.put(&read(&file)?)?;
            write(&mut store, &actor, Act::Policy { policy })
        }
        Command::Status { centre, evaluation, view, json } => {
            status(&centre, evaluation.as_deref(), view.as_deref(), json)
        }
        Command::Approvals { centre, log_key, platform, output } => {
            let table = crate::approvals::table(&centre, log_key, &platform)?;
            match output {
                Some(path) => write_beside_and_rename(&path, |file| file.write_all(table.as_bytes()))?,
                None => to_stdout(|out| out.write_all(table.as_bytes()))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Export { centre, out } => export(&centre, &out),
        Command::Import { bundle, centre, log_key } => import(&bundle, &centre, log_key),
        Command::Results { at, sarif, of, key } => results(&at, &sarif, of.as_deref(), key.as_deref()),
        command => act(command),
    }
}

impl Command {
    /// Where the act of an evaluation takes place.
    fn at(&self) -> Option<&At> {
        match self {
            Command::New { at, .. }
            | Command::Add { at, .. }
            | Command::Results { at, .. }
            | Command::Decide { at, .. }
            | Command::Severity { at, .. }
            | Command::Comment { at, .. }
            | Command::Embargo { at, .. }
            | Command::Conflict { at, .. }
            | Command::Remark { at, .. }
            | Command::Sign { at, .. }
            | Command::Reopen { at, .. } => Some(at),
            _ => None,
        }
    }
}

/// The acts that belong to an evaluation.
fn act(command: Command) -> anyhow::Result<ExitCode> {
    let at = command.at().context("not an act of an evaluation")?;
    let (mut store, actor) = (Store::open(&at.centre)?, at.actor.clone());
    let act = make(command, &store)?;
    write(&mut store, &actor, act)
}

fn make(command: Command, store: &Store) -> anyhow::Result<Act> {
    Ok(match command {
        Command::New { at, vendor, product, release, after } => {
            Act::Open { evaluation: at.evaluation, vendor, product, release, after }
        }
        Command::Add { at, file, kind } => {
            let (content, bytes) = hash_file(&file)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Act::Artefact { evaluation: at.evaluation, name, kind, content, bytes }
        }
        Command::Decide { at, finding, verdict, reason, until } => {
            let finding = full_name(store, &at.evaluation, &finding)?;
            Act::Disposition { evaluation: at.evaluation, finding, verdict, reason, until }
        }
        Command::Severity { at, finding, severity, reason } => {
            let finding = full_name(store, &at.evaluation, &finding)?;
            Act::Severity { evaluation: at.evaluation, finding, severity, reason }
        }
        Command::Comment { at, text, finding } => {
            let finding = finding.map(|name| full_name(store, &at.evaluation, &name)).transpose()?;
            Act::Comment { evaluation: at.evaluation, finding, text: store.put(text.as_bytes())? }
        }
        Command::Embargo { at, finding, reason, lift } => {
            let (evaluation, finding) = (at.evaluation.clone(), full_name(store, &at.evaluation, &finding)?);
            match lift {
                true => Act::Release { evaluation, finding, reason },
                false => Act::Embargo { evaluation, finding, reason },
            }
        }
        Command::Conflict { at, interest } => Act::Conflict { evaluation: at.evaluation, interest },
        Command::Remark { at, text } => {
            Act::Remark { evaluation: Some(at.evaluation), text: store.put(text.as_bytes())? }
        }
        Command::Sign { at, assurance, condition, terms, key } => {
            let terms = Terms {
                site_classes: terms.site_class.into_iter().collect(),
                expires_on: terms.expires.map(|day| day.to_string()),
                equivalence: terms.equivalence,
            };
            sign_off(store, at.evaluation, assurance, condition, &terms, &key)?
        }
        Command::Reopen { at, reason } => Act::Reopen { evaluation: at.evaluation, reason },
        _ => bail!("not an act of an evaluation"),
    })
}

fn write(store: &mut Store, actor: &str, act: Act) -> anyhow::Result<ExitCode> {
    use banbury_evidence::store::StoreError;
    let name = act.name();
    match store.act(actor, act) {
        Ok(number) => {
            to_stdout(|out| writeln!(out, "entry {number}: {name} by {actor}"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ StoreError::Refused(_)) => {
            crate::terminal::error(&error.to_string());
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(error.into()),
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn read_public(path: &Path) -> anyhow::Result<String> {
    let text = String::from_utf8(read(path)?).with_context(|| path.display().to_string())?;
    keys::verifier(&text).with_context(|| path.display().to_string())?;
    Ok(text.trim().to_owned())
}

fn hash_file(path: &Path) -> anyhow::Result<(Sha256, u64)> {
    if path.is_dir() {
        bail!("{} is a folder; an artefact is one file, as the vendor handed it in", path.display());
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut hasher = banbury_evidence::hash::Hasher::default();
    let mut input = BufReader::with_capacity(1 << 20, file);
    let mut block = vec![0; 1 << 20];
    loop {
        match input.read(&mut block).with_context(|| path.display().to_string())? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&block[..n]),
        }
    }
}

fn found(centre: &Path, name: &str, admin: &str) -> anyhow::Result<ExitCode> {
    let mut store = Store::found(centre, name)?;
    let act = Act::Person {
        person: admin.to_owned(),
        roles: vec![Role::Administrator],
        organisation: name.to_owned(),
        key: None,
    };
    store.act(admin, act)?;
    let key = store.centre().log_key.clone();
    to_stdout(|out| {
        writeln!(out, "{key}")?;
        writeln!(out, "Hand this public key to whoever oversees the centre; it proves the log is this one.")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The one finding whose name begins like this.
fn full_name(store: &Store, evaluation: &str, beginning: &str) -> anyhow::Result<String> {
    let Some(known) = store.centre().evaluations.get(evaluation) else { return Ok(beginning.to_owned()) };
    let names: BTreeSet<String> = known
        .runs
        .iter()
        .filter_map(|run| store.blobs().findings(run.results))
        .flat_map(|names| {
            names.iter().filter(|name| name.starts_with(beginning)).cloned().collect::<Vec<_>>()
        })
        .collect();
    match (names.contains(beginning), names.len()) {
        (true, _) | (_, 0) => Ok(beginning.to_owned()),
        (_, 1) => Ok(names.into_iter().next().unwrap_or_default()),
        (_, several) => bail!("{several} findings have names that begin with {beginning}"),
    }
}

fn results(at: &At, sarif: &Path, of: Option<&Path>, key: Option<&Path>) -> anyhow::Result<ExitCode> {
    let bytes = read(sarif)?;
    let runs = read_sarif(&bytes).with_context(|| sarif.display().to_string())?;
    let artefact = of.map(hash_file).transpose()?.map(|(hash, _)| hash);
    let mut store = Store::open(&at.centre)?;
    let results = store.put(&bytes)?;
    let mut code = ExitCode::SUCCESS;
    for run in runs {
        let attestation = match key {
            Some(key) => {
                let name =
                    of.and_then(Path::file_name).map_or("results".into(), |name| name.to_string_lossy());
                let subject = [(name.into_owned(), artefact.unwrap_or(results))];
                let result = if run.findings.is_empty() { "PASSED" } else { "WARNED" };
                let said = json!({"result": result, "configuration": [],
                    "url": "", "tool": run.tool, "version": run.version, "results": {"sha256": results.to_string()}});
                let statement = attest::statement(&subject, attest::RUN, said);
                Some(store.put(&attest::sign(&statement, &keys::signer(&read_key(key)?)?)?)?)
            }
            None => None,
        };
        let act = Act::Run {
            evaluation: at.evaluation.clone(),
            tool: run.tool,
            version: run.version,
            artefact,
            results,
            findings: run.findings.len() as u64,
            attestation,
        };
        code = write(&mut store, &at.actor, act)?;
        if code != ExitCode::SUCCESS {
            break;
        }
    }
    Ok(code)
}

/// A SLSA verification summary of the evaluation's artefacts, signed by the person.
fn sign_off(
    store: &Store,
    evaluation: String,
    assurance: Assurance,
    conditions: Vec<String>,
    terms: &Terms,
    key: &Path,
) -> anyhow::Result<Act> {
    let statement = attest::verdict(store.centre(), &evaluation, assurance, &conditions, terms);
    let statement = statement.with_context(|| format!("there is no evaluation `{evaluation}`"))?;
    let envelope = attest::sign(&statement, &keys::signer(&read_key(key)?)?)?;
    Ok(Act::SignOff { evaluation, assurance, conditions, statement: store.put(&envelope)? })
}

fn status(
    centre: &Path,
    evaluation: Option<&str>,
    view: Option<&str>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let store = Store::open(centre)?;
    let policy = store.centre().policy.as_ref().context("the centre has no policy")?;
    let hide = match view {
        Some(name) => {
            policy.view.get(name).with_context(|| format!("the policy has no view `{name}`"))?.hide.clone()
        }
        None => BTreeSet::new(),
    };
    let names: Vec<&str> = match evaluation {
        Some(name) => vec![name],
        None => store.centre().evaluations.keys().map(String::as_str).collect(),
    };
    let mut all = Vec::new();
    for name in names {
        let one = overview(store.files(), store.centre(), name, &hide);
        all.push(one.with_context(|| format!("there is no evaluation `{name}`"))?);
    }
    to_stdout(|out| {
        if as_json {
            serde_json::to_writer_pretty(&mut *out, &all)?;
            return writeln!(out);
        }
        for one in &all {
            print_overview(one, evaluation.is_some(), hide.contains(&Hidden::Code), out)?;
        }
        Ok(())
    })?;
    Ok(if all.iter().all(|one| one.signed) { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn print_overview(
    one: &Overview,
    whole: bool,
    hide_code: bool,
    out: &mut dyn std::io::Write,
) -> std::io::Result<()> {
    let count = |test: &dyn Fn(&Row) -> bool| one.findings.iter().filter(|row| test(row)).count();
    let state = if one.signed { "signed" } else { "open" };
    writeln!(out, "{}  {} {} {}  {state}", one.evaluation, one.vendor, one.product, one.release)?;
    let standings = ["new", "persisting", "reappeared", "fixed"]
        .map(|standing| format!("{} {standing}", count(&|row| row.standing == standing)));
    writeln!(out, "  findings   {}", standings.join(", "))?;
    let verdicts = ["open", "confirmed", "false positive", "accepted risk", "fixed", "duplicate"]
        .map(|verdict| (verdict, count(&|row| row.standing != "fixed" && row.verdict == verdict)));
    let verdicts: Vec<String> =
        verdicts.iter().filter(|(_, n)| *n > 0).map(|(verdict, n)| format!("{n} {verdict}")).collect();
    writeln!(out, "  decisions  {}", verdicts.join(", "))?;
    for sign_off in &one.sign_offs {
        writeln!(out, "  sign-off   {sign_off}")?;
    }
    for blocker in &one.blockers {
        writeln!(out, "  blocked    {blocker}")?;
    }
    if !whole {
        return Ok(());
    }
    for row in &one.findings {
        let name: String = row.name.chars().take(10).collect();
        let weight = row.weight.map_or(String::new(), |weight| format!(" {weight:+.0} dB"));
        writeln!(out, "  {name:<10} {:<10} {:<14} {}{weight}", row.standing, row.verdict, row.rule)?;
        if !hide_code {
            writeln!(out, "             {}:{}: {}", row.file, row.line, row.message)?;
        }
        if let Some(reason) = &row.reason {
            let by = row.by.as_ref().map_or(String::new(), |by| format!(", {by}"));
            let from =
                row.carried_from.as_ref().map_or(String::new(), |from| format!(", carried from {from}"));
            writeln!(out, "             {reason}{by}{from}")?;
        }
    }
    Ok(())
}

fn export(centre: &Path, out: &Path) -> anyhow::Result<ExitCode> {
    let store = Store::open(centre)?;
    let report = verify(store.files(), &Known::default())?;
    if let Some(fault) = report.faults.first() {
        bail!("not exported: {} {}; see `banbury evidence verify`", fault.file, fault.what);
    }
    write_beside_and_rename(out, |file| write_tar(store.files(), is_evidence, file))?;
    to_stdout(|out| writeln!(out, "{} entries, root {}", report.size, report.root))?;
    Ok(ExitCode::SUCCESS)
}

fn import(bundle: &Path, centre: &Path, log_key: Option<String>) -> anyhow::Result<ExitCode> {
    let file = File::open(bundle).with_context(|| format!("cannot read {}", bundle.display()))?;
    let files = Bundle::read_tar(file).with_context(|| bundle.display().to_string())?;
    let report = verify(&files, &Known { log_key, ..Known::default() })?;
    if let Some(fault) = report.faults.first() {
        crate::terminal::error(&format!("not imported: {} {}", fault.file, fault.what));
        return Ok(ExitCode::from(1));
    }
    let folder = Folder(centre.to_owned());
    if centre.exists() && !folder.list()?.is_empty() {
        bail!("{} is not empty", centre.display());
    }
    for (path, content) in &files.0 {
        folder.write(path, content).with_context(|| path.clone())?;
    }
    to_stdout(|out| writeln!(out, "{} entries, root {}", report.size, report.root))?;
    Ok(ExitCode::SUCCESS)
}
