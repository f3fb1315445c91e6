//! Reviews in the background. A vendor's files are read by child processes: one that dies or is
//! stopped takes nothing with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use banbury_evidence::Sha256;
use banbury_evidence::act::{Act, ArtefactKind};
use banbury_evidence::hash::Hasher;
use banbury_evidence::results::read_sarif;
use serde::Serialize;
use tokio::sync::watch;

use crate::app::{App, now};
use crate::exchange::Fault;

/// Jobs that are remembered after they are done.
const KEPT: usize = 200;
/// Lines of a job's log that are kept.
const LINES: usize = 200;

#[derive(Clone, Debug, Serialize)]
pub struct State {
    pub id: u64,
    pub evaluation: String,
    pub by: String,
    pub subject: String,
    /// Seconds since 1970.
    pub begun: i64,
    pub ended: Option<i64>,
    /// What is being done, or was done last.
    pub stage: String,
    pub outcome: Outcome,
    pub log: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Waiting,
    Running,
    Done,
    Failed,
    Stopped,
}

impl State {
    pub fn is_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Waiting | Outcome::Running)
    }

    pub fn word(&self) -> &'static str {
        match self.outcome {
            Outcome::Waiting => "waiting",
            Outcome::Running => "running",
            Outcome::Done => "done",
            Outcome::Failed => "failed",
            Outcome::Stopped => "stopped",
        }
    }
}

struct Job {
    state: watch::Sender<State>,
    stop: bool,
    child: Option<Child>,
}

/// What is to be reviewed.
pub struct Task {
    pub evaluation: String,
    pub by: String,
    /// What the person who asked called it.
    pub name: String,
    pub subject: Subject,
    pub min_weight: String,
}

pub enum Subject {
    /// A file that belongs to the job from here on.
    Upload(PathBuf),
    /// A file or folder of the server's own.
    Folder(PathBuf),
}

pub struct Jobs {
    folder: PathBuf,
    next: AtomicU64,
    files: AtomicU64,
    all: Mutex<BTreeMap<u64, Job>>,
    /// Held by the job that runs: two would only slow each other down.
    turn: Mutex<()>,
}

impl Jobs {
    pub fn new(folder: PathBuf) -> std::io::Result<Self> {
        // What a server that was killed left behind.
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(Jobs {
            folder,
            next: AtomicU64::new(1),
            files: AtomicU64::new(1),
            all: Mutex::default(),
            turn: Mutex::default(),
        })
    }

    /// A name for a file that nobody else uses.
    pub fn new_file(&self) -> PathBuf {
        self.folder.join(format!("file-{}", self.files.fetch_add(1, Ordering::Relaxed)))
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Job>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn watch(&self, id: u64) -> Option<watch::Receiver<State>> {
        self.all().get(&id).map(|job| job.state.subscribe())
    }

    pub fn state(&self, id: u64) -> Option<State> {
        self.all().get(&id).map(|job| job.state.borrow().clone())
    }

    /// The last first.
    pub fn list(&self) -> Vec<State> {
        self.all().values().rev().map(|job| job.state.borrow().clone()).collect()
    }

    fn change(&self, id: u64, change: impl FnOnce(&mut State)) {
        if let Some(job) = self.all().get(&id) {
            job.state.send_modify(change);
        }
    }

    fn stage(&self, id: u64, text: &str) {
        self.change(id, |state| {
            state.stage = text.to_owned();
            state.log.push(text.to_owned());
        });
    }

    /// Ends a job's child process.
    pub fn stop(&self, id: u64) -> Result<(), Fault> {
        let mut all = self.all();
        let job = all.get_mut(&id).ok_or(Fault::NotFound)?;
        job.stop = true;
        if let Some(child) = &mut job.child {
            child.kill().map_err(|error| Fault::Internal(error.to_string()))?;
        }
        Ok(())
    }

    fn add(&self, task: &Task) -> u64 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let state = State {
            id,
            evaluation: task.evaluation.clone(),
            by: task.by.clone(),
            subject: task.name.clone(),
            begun: now(),
            ended: None,
            stage: "waiting for another job".into(),
            outcome: Outcome::Waiting,
            log: Vec::new(),
        };
        let mut all = self.all();
        all.insert(id, Job { state: watch::Sender::new(state), stop: false, child: None });
        while all.len() > KEPT {
            let done = all.iter().find(|(_, job)| job.state.borrow().is_done()).map(|(id, _)| *id);
            let Some(done) = done else { break };
            all.remove(&done);
        }
        id
    }
}

/// Starts a review on a thread of its own; gives its number.
pub fn start(app: &Arc<App>, task: Task) -> u64 {
    let id = app.jobs.add(&task);
    let app = app.clone();
    std::thread::spawn(move || run_to_end(&app, id, task));
    id
}

/// Reviews now, and waits for the end.
pub fn run(app: &App, task: Task) -> Result<State, Fault> {
    let id = app.jobs.add(&task);
    run_to_end(app, id, task);
    app.jobs.state(id).ok_or(Fault::NotFound)
}

fn run_to_end(app: &App, id: u64, task: Task) {
    let _turn = app.jobs.turn.lock().unwrap_or_else(PoisonError::into_inner);
    app.jobs.change(id, |state| state.outcome = Outcome::Running);
    let result = Work { app, id, task: &task }.all();
    let stopped = app.jobs.all().get(&id).is_some_and(|job| job.stop);
    if let Subject::Upload(path) = &task.subject {
        // Gone already where it became an artefact.
        let _ = fs::remove_file(path);
    }
    app.jobs.change(id, |state| {
        state.ended = Some(now());
        state.outcome = match &result {
            Ok(()) => Outcome::Done,
            Err(_) if stopped => Outcome::Stopped,
            Err(text) => {
                state.log.push(text.clone());
                state.stage.clone_from(text);
                Outcome::Failed
            }
        };
    });
}

/// One job at work. Errors are sentences for whoever started it.
struct Work<'a> {
    app: &'a App,
    id: u64,
    task: &'a Task,
}

type Worked<T> = Result<T, String>;

impl Work<'_> {
    fn all(&self) -> Worked<()> {
        let (artefact, path, bytes) = self.take_in()?;
        self.unpack(artefact, &path)?;
        self.review(artefact, &path, bytes)?;
        self.compare(artefact, &path)
    }

    fn stage(&self, text: &str) {
        self.app.jobs.stage(self.id, text);
    }

    /// Keeps what is to be reviewed under its hash; a folder as an archive that the same files always make.
    fn take_in(&self) -> Worked<(Sha256, PathBuf, u64)> {
        self.stage("taking in");
        let words = |error: std::io::Error| format!("{} cannot be read: {error}", self.task.name);
        let (file, name) = match &self.task.subject {
            Subject::Upload(path) => (path.clone(), self.task.name.clone()),
            Subject::Folder(path) => {
                let copy = self.app.jobs.new_file();
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if path.is_dir() {
                    let folder = banbury_evidence::files::Folder(path.clone());
                    let out = std::io::BufWriter::new(File::create(&copy).map_err(words)?);
                    // A link may lead out of the folder.
                    let kept = |name: &str| {
                        let link = path.join(name).symlink_metadata().is_ok_and(|meta| meta.is_symlink());
                        !link && !name.split('/').any(|part| part == ".git")
                    };
                    banbury_evidence::files::write_tar(&folder, kept, out).map_err(words)?;
                    (copy, format!("{name}.tar"))
                } else {
                    fs::copy(path, &copy).map_err(words)?;
                    (copy, name)
                }
            }
        };
        let (hash, bytes) = hash_file(&file).map_err(words)?;
        let folder = self.app.sources.artefact(hash);
        fs::create_dir_all(&folder).map_err(words)?;
        let path = folder.join(&name);
        fs::rename(&file, &path).map_err(words)?;
        Ok((hash, path, bytes))
    }

    fn unpack(&self, artefact: Sha256, path: &Path) -> Worked<()> {
        let folder = self.app.sources.folder(artefact);
        if folder.exists() {
            return Ok(());
        }
        let part = folder.with_extension("part");
        let _ = fs::remove_dir_all(&part);
        let arguments = ["unpack".as_ref(), path.as_os_str(), part.as_os_str()];
        self.child(&arguments)?;
        fs::rename(&part, &folder).map_err(|error| error.to_string())
    }

    fn review(&self, artefact: Sha256, path: &Path, bytes: u64) -> Worked<()> {
        let out = self.app.jobs.new_file();
        let weight = format!("--min-weight={}", self.task.min_weight);
        let arguments = [
            "review".as_ref(),
            path.as_os_str(),
            "--quiet".as_ref(),
            weight.as_ref(),
            "--sarif".as_ref(),
            out.as_os_str(),
        ];
        self.child(&arguments)?;
        let log = fs::read(&out).map_err(|error| format!("the review has left no results: {error}"))?;
        let _ = fs::remove_file(&out);
        let results = self.app.put(&log).map_err(|error| error.to_string())?;
        let mut acts = Vec::new();
        if !self.is_named(artefact) {
            acts.push(Act::Artefact {
                evaluation: self.task.evaluation.clone(),
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                kind: ArtefactKind::Source,
                content: artefact,
                bytes,
            });
        }
        acts.extend(runs(&self.task.evaluation, &log, results, Some(artefact))?);
        self.stage("writing down");
        self.app.act(&self.task.by, acts).map(|_| ()).map_err(|error| error.to_string())
    }

    fn is_named(&self, artefact: Sha256) -> bool {
        let store = self.app.store();
        let known = store.centre().evaluations.get(&self.task.evaluation);
        known.is_some_and(|known| known.artefacts.iter().any(|one| one.content == artefact))
    }

    /// Compares with the release before, where its artefact is here.
    fn compare(&self, artefact: Sha256, path: &Path) -> Worked<()> {
        let Some((before, old)) = self.artefact_before() else { return Ok(()) };
        let out = self.app.jobs.new_file();
        let arguments = [
            "compare".as_ref(),
            old.as_os_str(),
            path.as_os_str(),
            "--quiet".as_ref(),
            "--sarif".as_ref(),
            out.as_os_str(),
        ];
        self.child(&arguments)?;
        let log = fs::read(&out).map_err(|error| format!("the comparison has left no results: {error}"))?;
        let _ = fs::remove_file(&out);
        let changes = self.app.put(&log).map_err(|error| error.to_string())?;
        let run = read_sarif(&log).map_err(|error| error.to_string())?.into_iter().next();
        let run = run.ok_or("the comparison has no run")?;
        let act = Act::Comparison {
            evaluation: self.task.evaluation.clone(),
            tool: run.tool,
            version: run.version,
            before,
            artefact,
            changes,
            count: run.findings.len() as u64,
        };
        self.stage("writing down");
        self.app.act(&self.task.by, vec![act]).map(|_| ()).map_err(|error| error.to_string())
    }

    /// The source that was reviewed last of the release before.
    fn artefact_before(&self) -> Option<(Sha256, PathBuf)> {
        let store = self.app.store();
        let (_, before) = store.centre().history(&self.task.evaluation).into_iter().next()?;
        let hash = before.runs.iter().rev().find_map(|run| run.artefact)?;
        let mut files = fs::read_dir(self.app.sources.artefact(hash)).ok()?;
        Some((hash, files.next()?.ok()?.path()))
    }

    /// Runs the program to its end. Lines on its standard error are stages or remarks.
    fn child(&self, arguments: &[&std::ffi::OsStr]) -> Worked<()> {
        let program = &self.app.options.program;
        let mut child = Command::new(program)
            .args(arguments)
            // No configuration but the command line.
            .current_dir(&self.app.jobs.folder)
            .env("BANBURY_PROGRESS", "lines")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        let errors = child.stderr.take();
        if let Some(job) = self.app.jobs.all().get_mut(&self.id) {
            if job.stop {
                let _ = child.kill();
            }
            job.child = Some(child);
        }
        let mut last = String::new();
        for line in errors.into_iter().flat_map(|errors| BufReader::new(errors).lines()).map_while(Result::ok)
        {
            match line.strip_prefix("progress: ") {
                Some(stage) => self.stage(stage),
                None => {
                    last.clone_from(&line);
                    self.app.jobs.change(self.id, |state| {
                        if state.log.len() < LINES {
                            state.log.push(line);
                        }
                    });
                }
            }
        }
        let child = self.app.jobs.all().get_mut(&self.id).and_then(|job| job.child.take());
        let status = child.ok_or("the job is gone")?.wait().map_err(|error| error.to_string())?;
        // 1 is how the program says that it found something.
        match status.code() {
            Some(0 | 1) => Ok(()),
            _ if last.is_empty() => Err(format!("the program ended with {status}")),
            _ => Err(last),
        }
    }
}

fn hash_file(path: &Path) -> std::io::Result<(Sha256, u64)> {
    let mut hasher = Hasher::default();
    let mut input = File::open(path)?;
    let mut block = vec![0; 1 << 20];
    loop {
        match input.read(&mut block)? {
            0 => return Ok(hasher.finish()),
            n => hasher.update(&block[..n]),
        }
    }
}

/// The acts that take in a log's runs.
pub fn runs(evaluation: &str, log: &[u8], results: Sha256, artefact: Option<Sha256>) -> Worked<Vec<Act>> {
    let runs = read_sarif(log).map_err(|error| error.to_string())?;
    let act = |run: banbury_evidence::results::Results| Act::Run {
        evaluation: evaluation.to_owned(),
        tool: run.tool,
        version: run.version,
        artefact,
        results,
        findings: run.findings.len() as u64,
        attestation: None,
    };
    Ok(runs.into_iter().map(act).collect())
}
