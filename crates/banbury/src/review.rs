use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use banbury_base::Weight;
use banbury_engine::intake::{self, ClassGlobs, IntakeOptions, Source};
use banbury_engine::{Cache, Progress, ReviewOptions, Silent, TriageOptions, write_beside_and_rename};
use banbury_frontend::Options;
use banbury_report::{Report, TerminalOptions, Timing};
use clap::ValueEnum;

use crate::config::{self, Config};
use crate::{Global, assemble, progress, terminal};

/// Review a release and list its defects, most certain first
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  banbury review ./open5gs                        a folder
  banbury review release-4.2.tar.xz --html r.html an archive; nothing is unpacked to disk
  banbury review ./repo@v2.7.5 --sarif r.sarif    a git revision
  banbury review . --baseline last.sarif          only what is new since then
  banbury review . --sarif - --quiet | jq .       for another program

Exit codes: 0 no findings, 1 findings at or above the threshold, 2 usage or unreadable input.")]
pub struct Args {
    /// Folder, file, archive (.tar, .tar.gz, .tar.xz, .tar.bz2, .tar.zst, .zip) or REPO@REV
    path: String,

    /// Write SARIF 2.1.0 (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    sarif: Option<PathBuf>,

    /// Write JSON (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    json: Option<PathBuf>,

    /// Write one self-contained page (- is standard output)
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    html: Option<PathBuf>,

    /// Print at most this many findings; 0 is all
    #[arg(long, value_name = "N", default_value_t = 100, help_heading = "Output")]
    limit: usize,

    /// Print only the summary
    #[arg(long, help_heading = "Output")]
    summary: bool,

    /// Show findings of at least this weight of evidence, in decibans [default: 0]
    #[arg(long, value_name = "DB", allow_negative_numbers = true, help_heading = "What is shown")]
    min_weight: Option<f32>,

    /// Show findings of every weight, and of rules that are off by default
    #[arg(long, help_heading = "What is shown")]
    all: bool,

    /// Show only findings of this rule (can be repeated)
    #[arg(long = "rule", value_name = "RULE", help_heading = "What is shown")]
    rules: Vec<String>,

    /// Show findings in tests
    #[arg(long, help_heading = "What is shown")]
    include_tests: bool,

    /// Hide findings in generated code
    #[arg(long, help_heading = "What is shown")]
    exclude_generated: bool,

    /// Hide findings in third-party code
    #[arg(long, help_heading = "What is shown")]
    exclude_third_party: bool,

    /// Show only findings that an earlier SARIF log does not hold
    #[arg(long, value_name = "SARIF", help_heading = "What is shown")]
    baseline: Option<PathBuf>,

    /// Take no notice of suppressions in the source
    #[arg(long, help_heading = "What is shown")]
    ignore_suppressions: bool,

    /// Leave out files and folders that match (can be repeated)
    #[arg(long, value_name = "GLOB", help_heading = "What is read")]
    exclude: Vec<String>,

    /// Leave out files larger than this many megabytes
    #[arg(long, value_name = "MB", default_value_t = 50, help_heading = "What is read")]
    max_file_size: u64,

    /// Take definitions and include paths from this file [default: the release's own, if any]
    #[arg(long, value_name = "FILE", help_heading = "What is read")]
    compile_commands: Option<PathBuf>,

    #[command(flatten)]
    build: BuildArgs,

    /// Read further library models (can be repeated)
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    models: Vec<PathBuf>,

    /// Threads to use [default: all cores]
    #[arg(short, long, value_name = "N", help_heading = "Analysis")]
    jobs: Option<usize>,

    /// Keep results and use those of unchanged parts, in $XDG_CACHE_HOME/banbury or the given folder
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, help_heading = "Analysis")]
    cache: Option<Option<PathBuf>>,

    /// Read this configuration [default: banbury.toml of the working directory, if any]
    #[arg(long, value_name = "FILE", help_heading = "Analysis")]
    config: Option<PathBuf>,
}

/// What a build would have said.
#[derive(clap::Args, Clone)]
pub struct BuildArgs {
    /// Define a macro (can be repeated)
    #[arg(short = 'D', value_name = "NAME[=VALUE]", help_heading = "What is read")]
    pub defines: Vec<String>,

    /// Undefine a macro (can be repeated)
    #[arg(short = 'U', value_name = "NAME", help_heading = "What is read")]
    pub undefines: Vec<String>,

    /// Look for headers here too, below the root of the release (can be repeated)
    #[arg(short = 'I', value_name = "DIR", help_heading = "What is read")]
    pub include_dirs: Vec<String>,

    /// Sizes of types [default: lp64]
    #[arg(long, value_enum, value_name = "MODEL", help_heading = "What is read")]
    pub target: Option<Target>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    Lp64,
    Ilp32,
}

impl BuildArgs {
    /// The front end's options; the command line comes after the configuration.
    pub fn options(&self, config: &Config) -> anyhow::Result<Options> {
        let both = |first: &[String], second: &[String]| [first, second].concat();
        let define = |text: &String| {
            let (name, value) = text.split_once('=').unwrap_or((text, "1"));
            (name.to_owned(), value.to_owned())
        };
        let target = match (self.target, config.target.as_deref()) {
            (Some(target), _) => target,
            (None, None) => Target::Lp64,
            (None, Some(text)) => match Target::from_str(text, false) {
                Ok(target) => target,
                Err(_) => bail!("target is lp64 or ilp32, not {text}"),
            },
        };
        Ok(Options {
            defines: both(&config.defines, &self.defines).iter().map(define).collect(),
            undefines: both(&config.undefines, &self.undefines),
            include_dirs: both(&config.include_dirs, &self.include_dirs),
            pointer_bytes: if target == Target::Lp64 { 8 } else { 4 },
            ..Options::default()
        })
    }
}

/// Stack of each worker; only what is used takes memory.
const STACK_BYTES: usize = 64 << 20;

pub fn run(args: &Args, global: Global) -> anyhow::Result<ExitCode> {
    workers(args.jobs)?.install(|| run_on_workers(args, global))
}

/// Threads with room for deep recursion; as many as there are cores if not told.
pub fn workers(jobs: Option<usize>) -> anyhow::Result<rayon::ThreadPool> {
    let threads = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES);
    Ok(threads.num_threads(jobs.unwrap_or(0)).build()?)
}

fn run_on_workers(args: &Args, global: Global) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let config = config::read(args.config.as_deref())?;
    let triage_options = triage_options(args, &config)?;
    let line = progress::Line::start(global.quiet);
    let progress: &dyn Progress = line.as_ref().map_or(&Silent as &dyn Progress, |line| line);

    let source = Source::parse(&args.path)?;
    let manifest = intake::read(&source, &intake_options(args, &config), progress)?;
    tracing::info!(files = manifest.files.len(), "intake done");
    let model_paths = [config.models.as_slice(), args.models.as_slice()].concat();
    let options = ReviewOptions {
        front_end: args.build.options(&config)?,
        models: banbury_engine::read_models(&model_paths)?,
    };
    let cache = cache(args.cache.as_ref())?;
    let outcome = banbury_engine::review(&manifest, &options, cache.as_ref(), progress)?;
    let triage = banbury_engine::triage(&manifest, &outcome, &triage_options);
    let name = assemble::target_name(&args.path);
    let report = assemble::report(name, &manifest, &outcome, &triage, triage_options.min_weight);
    if let Some(line) = line {
        line.finish();
    }

    let timing = Timing { wall: start.elapsed(), cpu: cpu_time(), peak_memory: peak_memory() };
    write_outputs(args, global, &report, timing)?;
    if report.files.is_empty() {
        bail!("{}: no C or C++ source found", args.path);
    }
    // What was read is reported; but a script must not take it for a whole review.
    if !report.faults.is_empty() || report.incomplete {
        return Ok(ExitCode::from(2));
    }
    Ok(ExitCode::from(u8::from(report.visible().next().is_some())))
}

fn intake_options(args: &Args, config: &Config) -> IntakeOptions {
    let mut options = IntakeOptions {
        exclude: [config.exclude.as_slice(), args.exclude.as_slice()].concat(),
        classes: ClassGlobs {
            generated: config.classes.generated.clone(),
            test: config.classes.test.clone(),
            third_party: config.classes.third_party.clone(),
            product: config.classes.product.clone(),
        },
        compile_commands: args.compile_commands.clone(),
        ..IntakeOptions::default()
    };
    options.limits.max_file_bytes = args.max_file_size.saturating_mul(1 << 20);
    options
}

fn triage_options(args: &Args, config: &Config) -> anyhow::Result<TriageOptions> {
    let rules = banbury_engine::rules();
    let known_rules: BTreeSet<String> = rules.iter().map(|rule| rule.id.to_owned()).collect();
    let hidden = rules.iter().filter(|rule| !rule.default_visible).map(|rule| rule.id.to_owned());
    for rule in args.rules.iter().chain(&config.rules.on).chain(&config.rules.off) {
        if !known_rules.contains(rule) {
            bail!("there is no rule {rule} (`banbury rules` lists them)");
        }
    }
    let baseline = match &args.baseline {
        Some(path) => {
            let name = || path.display().to_string();
            let log = std::fs::read(path).with_context(name)?;
            Some(banbury_report::sarif::fingerprints(&log).with_context(name)?)
        }
        None => None,
    };
    Ok(TriageOptions {
        min_weight: Weight(args.min_weight.or(config.min_weight).unwrap_or(0.0)),
        all: args.all,
        include_tests: args.include_tests || config.include_tests,
        exclude_generated: args.exclude_generated || config.exclude_generated,
        exclude_third_party: args.exclude_third_party || config.exclude_third_party,
        ignore_suppressions: args.ignore_suppressions,
        rules_on: config.rules.on.iter().cloned().collect(),
        rules_off: config.rules.off.iter().cloned().collect(),
        only_rules: args.rules.iter().cloned().collect(),
        hidden_rules: hidden.collect(),
        known_rules,
        baseline,
    })
}

/// The cache that `--cache[=DIR]` names.
pub fn cache(folder: Option<&Option<PathBuf>>) -> anyhow::Result<Option<Cache>> {
    let folder = match folder {
        None => return Ok(None),
        Some(Some(folder)) => folder.clone(),
        Some(None) => {
            let from =
                |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
            let base = from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")));
            base.context("--cache needs a folder: neither XDG_CACHE_HOME nor HOME is set")?.join("banbury")
        }
    };
    Ok(Some(Cache::open(folder)))
}

fn write_outputs(args: &Args, global: Global, report: &Report, timing: Timing) -> anyhow::Result<()> {
    type Write1 = fn(&Report, &mut dyn Write) -> std::io::Result<()>;
    let outputs: [(&Option<PathBuf>, Write1); 3] = [
        (&args.sarif, banbury_report::write_sarif),
        (&args.json, banbury_report::write_json),
        (&args.html, banbury_report::write_html),
    ];
    let on_stdout = outputs.iter().filter(|(path, _)| path.as_deref() == Some(Path::new("-"))).count();
    if on_stdout > 1 {
        bail!("only one report can go to standard output");
    }
    for (path, write) in outputs {
        match path.as_deref() {
            None => {}
            Some(path) if path == Path::new("-") => to_stdout(|out| write(report, out))?,
            Some(path) => write_beside_and_rename(path, |out| write(report, out))?,
        }
    }
    if on_stdout == 0 && !global.quiet {
        let options = TerminalOptions {
            colour: terminal::colour(),
            width: terminal::width(),
            limit: args.limit,
            summary_only: args.summary,
        };
        to_stdout(|out| banbury_report::write_terminal(report, options, Some(timing), out))?;
    }
    Ok(())
}

/// Writes data to standard output.
pub fn to_stdout(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    write(&mut out).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// Most bytes held so far, where the system tells it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// Processor time of this program so far, where the system tells it.
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold spaces and brackets.
    let mut fields = stat[stat.rfind(')')? + 2..].split(' ').skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    // Linux counts 100 ticks a second for user space on every architecture.
    Some(Duration::from_millis(ticks * 10))
}
