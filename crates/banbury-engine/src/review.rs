use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use banbury_base::{Digest, FileId, Finding, Span, StableHasher};
use banbury_checkers::{Review, ReviewOptions as CheckOptions};
use banbury_dataflow::{Earlier, Models};
use banbury_frontend::{FileCoverage, Language, Options, SourceFile};
use banbury_ir::Program;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::intake::Manifest;
use crate::stage::guarded;
use crate::{Cache, Progress};

#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    #[error("{path}: {error}")]
    ReadModel { path: String, error: std::io::Error },
    #[error("{0}")]
    Model(String),
}

/// What decides a review besides the release itself.
#[derive(Clone, Debug, Default)]
pub struct ReviewOptions {
    pub front_end: Options,
    /// Name and text of further library models.
    pub models: Vec<(String, String)>,
}

/// What of one file was analysed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    pub lines: u32,
    pub functions: u32,
    /// Functions with a gap or an analysis that ended early.
    pub partial: u32,
    /// Regions outside of functions that were not understood.
    pub errors: Vec<(Span, String)>,
    /// `#if` groups decided without a known configuration: line, arm taken.
    pub undecided: Vec<(u32, u32)>,
    pub missing_includes: u32,
}

/// A function that is not fully analysed, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartialFunction {
    pub file: FileId,
    pub line: u32,
    pub name: String,
    pub reason: String,
}

/// A stage that broke off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub stage: String,
    pub message: String,
}

/// All that a review found out, before anything is filtered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Most certain first.
    pub findings: Vec<Finding>,
    /// By file of the manifest.
    pub files: Vec<FileRow>,
    pub partial_functions: Vec<PartialFunction>,
    pub faults: Vec<Fault>,
}

/// Reads model files and checks that they are understood.
pub fn read_models(paths: &[PathBuf]) -> Result<Vec<(String, String)>, ReviewError> {
    let mut models = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ReviewError::ReadModel { path: name.clone(), error })?;
        Models::default().add_toml(&name, &text).map_err(|error| ReviewError::Model(error.to_string()))?;
        models.push((name, text));
    }
    Ok(models)
}

/// Reviews a release. The same release and options give the same outcome, whatever the number of
/// threads and whether or not it was cached.
pub fn review(
    manifest: &Manifest,
    options: &ReviewOptions,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Outcome, ReviewError> {
    let mut models = Models::builtin().clone();
    for (name, text) in &options.models {
        models.add_toml(name, text).map_err(|error| ReviewError::Model(error.to_string()))?;
    }
    let key = key(manifest, options);
    if let Some(outcome) = cache.and_then(|cache| cache.load("review", key)) {
        tracing::info!("the whole review comes from the cache");
        return Ok(outcome);
    }
    let parts = cache.map(|cache| (cache, parts_key(manifest, options)));
    let outcome = analyse(manifest, options, &models, parts, progress);
    // A broken stage may have been short of memory or stack; the next run tries again.
    if let Some(cache) = cache.filter(|_| outcome.faults.is_empty()) {
        cache.store("review", key, &outcome);
    }
    Ok(outcome)
}

fn analyse(
    manifest: &Manifest,
    options: &ReviewOptions,
    models: &Models,
    parts: Option<(&Cache, Digest)>,
    progress: &dyn Progress,
) -> Outcome {
    let files: Vec<SourceFile> = manifest
        .files
        .iter()
        .map(|file| SourceFile { path: file.path.clone(), text: file.text.clone(), language: file.language })
        .collect();
    let mut front_end = options.front_end.clone();
    front_end.per_file = manifest.file_options.clone();

    let mut outcome = Outcome::default();
    progress.stage("Parsing", Some(files.len() as u64));
    let mut parts = parts.map(|(cache, key)| Parts::new(cache, key, &files));
    let built = guarded("front end", &mut outcome.faults, || match &mut parts {
        Some(parts) => parts.build(&files, &front_end),
        None => banbury_frontend::build(&files, &front_end),
    });
    let Some((program, coverage)) = built else {
        outcome.files = vec![FileRow::default(); files.len()];
        return outcome;
    };
    tracing::info!(functions = program.functions.len(), "front end done");

    progress.stage("Analysing", Some(program.functions.len() as u64));
    let checked = guarded("analysis", &mut outcome.faults, || {
        let options = CheckOptions::default();
        match &parts {
            Some(parts) => parts.check(&program, models, &options),
            None => banbury_checkers::review(&program, models, &options),
        }
    });
    let Review { findings, unanalysed, interpreted } = checked.unwrap_or_default();
    tracing::info!(interpreted, findings = findings.len(), "analysis done");

    outcome.findings = findings;
    outcome.partial_functions = partial_functions(&program, &unanalysed);
    outcome.files = rows(coverage, files.len(), &outcome.partial_functions);
    outcome
}

fn partial_functions(program: &Program, unanalysed: &[(banbury_ir::FuncId, String)]) -> Vec<PartialFunction> {
    let mut reasons: Vec<Option<&str>> = program
        .functions
        .iter()
        .map(|function| function.gaps.first().map(|gap| gap.reason.as_str()))
        .collect();
    for (id, reason) in unanalysed {
        if let Some(slot) = reasons.get_mut(id.index()) {
            slot.get_or_insert(reason);
        }
    }
    let row = |(index, reason): (usize, Option<&str>)| {
        let function = &program.functions[index];
        Some(PartialFunction {
            file: function.file,
            line: function.span.line,
            name: function.name.to_string(),
            reason: reason?.to_owned(),
        })
    };
    reasons.into_iter().enumerate().filter_map(row).collect()
}

fn rows(coverage: Vec<FileCoverage>, files: usize, partial: &[PartialFunction]) -> Vec<FileRow> {
    let mut rows: Vec<FileRow> = coverage
        .into_iter()
        .map(|file| FileRow {
            lines: file.lines,
            functions: file.functions,
            partial: 0,
            errors: file.errors,
            undecided: file.undecided,
            missing_includes: file.missing_includes,
        })
        .collect();
    rows.resize(files, FileRow::default());
    for function in partial {
        if let Some(row) = rows.get_mut(function.file.index()) {
            row.partial += 1;
        }
    }
    rows
}

/// What is kept by file and by function, for a review of the release after it changed.
struct Parts<'c> {
    cache: &'c Cache,
    key: Digest,
    /// Digest of the bytes of each file.
    texts: Vec<Digest>,
    /// Writes what the front end left while its program is analysed.
    writing: Option<JoinHandle<()>>,
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        let _ = self.writing.take().map(JoinHandle::join);
    }
}

impl<'c> Parts<'c> {
    const FILES: &'static str = "files";
    const FUNCTIONS: &'static str = "functions";

    fn new(cache: &'c Cache, key: Digest, files: &[SourceFile]) -> Self {
        let texts = files.par_iter().map(|file| StableHasher::new().bytes(&file.text).finish());
        Parts { cache, key, texts: texts.collect(), writing: None }
    }

    fn build(&mut self, files: &[SourceFile], options: &Options) -> (Program, Vec<FileCoverage>) {
        let earlier = self.cache.load_bytes(Self::FILES, self.key);
        let (program, coverage, left) =
            banbury_frontend::build_again(files, &self.texts, options, earlier.as_deref());
        let (cache, key) = (self.cache.clone(), self.key);
        self.writing = Some(thread::spawn(move || cache.store_bytes(Self::FILES, key, &left)));
        (program, coverage)
    }

    fn check(&self, program: &Program, models: &Models, options: &CheckOptions) -> Review {
        let earlier = Earlier { kept: self.cache.load(Self::FUNCTIONS, self.key), texts: self.texts.clone() };
        let (review, left) = banbury_checkers::review_again(program, models, options, earlier);
        self.cache.store(Self::FUNCTIONS, self.key, &left);
        review
    }
}

/// Names everything that decides the outcome.
fn key(manifest: &Manifest, options: &ReviewOptions) -> Digest {
    let mut hasher = StableHasher::new();
    hasher.u64(manifest.digest.0 as u64).u64((manifest.digest.0 >> 64) as u64);
    for file in &manifest.files {
        hasher.u64(u64::from(file.language == Language::Cpp));
    }
    with_options(hasher, manifest, options)
}

/// Names what decides the outcome for functions that are the same, and tells releases of
/// different products apart: each keeps what its last review found out.
fn parts_key(manifest: &Manifest, options: &ReviewOptions) -> Digest {
    let mut hasher = StableHasher::new();
    let mut tops: Vec<&str> =
        manifest.files.iter().filter_map(|file| Some(file.path.split_once('/')?.0)).collect();
    tops.dedup();
    tops.iter().for_each(|top| {
        hasher.str(top);
    });
    with_options(hasher, manifest, options)
}

fn with_options(mut hasher: StableHasher, manifest: &Manifest, options: &ReviewOptions) -> Digest {
    let front_end = &options.front_end;
    let list = |hasher: &mut StableHasher, words: &[String]| {
        hasher.u64(words.len() as u64);
        for word in words {
            hasher.str(word);
        }
    };
    let pairs = |hasher: &mut StableHasher, pairs: &[(String, String)]| {
        hasher.u64(pairs.len() as u64);
        for (name, value) in pairs {
            hasher.str(name).str(value);
        }
    };
    pairs(&mut hasher, &front_end.defines);
    list(&mut hasher, &front_end.undefines);
    list(&mut hasher, &front_end.include_dirs);
    hasher.u64(front_end.pointer_bytes);
    for (index, file) in &manifest.file_options {
        hasher.u64(u64::from(*index));
        pairs(&mut hasher, &file.defines);
        list(&mut hasher, &file.undefines);
        list(&mut hasher, &file.include_dirs);
    }
    pairs(&mut hasher, &options.models);
    hasher.finish()
}
