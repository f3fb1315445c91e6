//! A folder, archive, git revision or single file becomes a manifest: path, text, digest,
//! language and class of every source file. Nothing is extracted to disk.

mod archive;
mod classify;
mod compile_commands;
mod folder;
mod git;
mod glob;
mod includes;
mod language;
mod limits;
mod tar;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use banbury_base::{Digest, StableHasher};
use banbury_frontend::{FileOptions, Language};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

pub use classify::{ClassGlobs, FileClass};
pub use limits::Limits;

use crate::Progress;

/// Where a release is read from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    Folder(PathBuf),
    File(PathBuf),
    Archive(PathBuf),
    GitRevision { repository: PathBuf, revision: String },
}

#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error("{0}: no such file or folder")]
    NotFound(String),
    #[error("{path}: {error}")]
    Io { path: String, error: std::io::Error },
    #[error("{path}: {reason}")]
    Archive { path: String, reason: String },
    #[error("git: {0}")]
    Git(String),
    #[error("{path}: not a compilation database: {reason}")]
    CompileCommands { path: String, reason: String },
}

/// Why a file did not become part of the review.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    Excluded,
    TooLarge,
    Binary,
    Unreadable,
    Link,
    LinkOutside,
    Special,
    UnsafeName,
    Repeated,
    Submodule,
    NestedArchive,
    OtherLanguage,
}

impl SkipReason {
    /// The reason in words that follow a count.
    pub fn words(self) -> &'static str {
        match self {
            SkipReason::Excluded => "excluded by pattern",
            SkipReason::TooLarge => "larger than the size limit",
            SkipReason::Binary => "named like source but binary",
            SkipReason::Unreadable => "could not be read",
            SkipReason::Link => "symbolic links inside the tree (read under the name they point to)",
            SkipReason::LinkOutside => "symbolic links that lead out of the tree",
            SkipReason::Special => "devices, pipes, sockets or dangling hard links",
            SkipReason::UnsafeName => "archive entries with an absolute or climbing name",
            SkipReason::Repeated => "archive entries that repeat a name (the last one is read)",
            SkipReason::Submodule => "git submodules (not part of the revision)",
            SkipReason::NestedArchive => "archives inside the release",
            SkipReason::OtherLanguage => "source in a language that is not analysed",
        }
    }
}

/// How many files one reason kept out, with the first few names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct SkipCount {
    pub count: u64,
    pub examples: Vec<String>,
}

pub type Skipped = BTreeMap<SkipReason, SkipCount>;

const EXAMPLES: usize = 5;

#[derive(Clone, Debug, Default)]
pub struct IntakeOptions {
    /// Globs of paths to leave out.
    pub exclude: Vec<String>,
    /// Further globs for the classes of files.
    pub classes: ClassGlobs,
    pub limits: Limits,
    /// A compilation database given by name; otherwise one is looked for in the release.
    pub compile_commands: Option<PathBuf>,
    /// Keep the bytes of every file in [`Manifest::everything`], source or not.
    pub everything: bool,
}

/// One source file of a release.
#[derive(Clone)]
pub struct ManifestFile {
    /// Relative to the root of the release, `/`-separated.
    pub path: String,
    pub text: Arc<[u8]>,
    pub digest: Digest,
    pub language: Language,
    pub class: FileClass,
}

/// What a git revision is called.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Revision {
    /// The full object name.
    pub commit: String,
    /// Address of the remote `origin`, without user name and password.
    pub repository: Option<String>,
}

/// A release, ready for the front end. Files are sorted by path.
#[derive(Clone, Default)]
pub struct Manifest {
    pub files: Vec<ManifestFile>,
    pub skipped: Skipped,
    /// Files that are no source in any known language.
    pub other_files: u64,
    /// Facts about the intake that a reader must know, as full sentences.
    pub notes: Vec<String>,
    /// True if the release was not read to its end.
    pub incomplete: bool,
    pub revision: Option<Revision>,
    /// Definitions and include directories by file, from a compilation database.
    pub file_options: BTreeMap<u32, FileOptions>,
    /// Name of the whole content: paths and digests of all files.
    pub digest: Digest,
    /// Every file with its bytes as they are, if that was asked for.
    pub everything: Vec<(String, Arc<[u8]>)>,
}

impl Source {
    /// Reads `PATH` or `REPO@REV`. A path that exists is always a path.
    pub fn parse(text: &str) -> Result<Source, IntakeError> {
        let path = PathBuf::from(text);
        match std::fs::metadata(&path) {
            Ok(meta) if meta.is_dir() => return Ok(Source::Folder(path)),
            Ok(_) if archive::looks_like_archive(&path) => return Ok(Source::Archive(path)),
            Ok(_) => return Ok(Source::File(path)),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(IntakeError::Io { path: text.to_owned(), error });
            }
            Err(_) => {}
        }
        match text.rsplit_once('@') {
            Some((repository, revision)) if !revision.is_empty() => {
                let repository = if repository.is_empty() { "." } else { repository };
                match Path::new(repository).is_dir() {
                    true => Ok(Source::GitRevision {
                        repository: repository.into(),
                        revision: revision.to_owned(),
                    }),
                    false => Err(IntakeError::NotFound(repository.to_owned())),
                }
            }
            _ => Err(IntakeError::NotFound(text.to_owned())),
        }
    }
}

/// Reads a release.
pub fn read(
    source: &Source,
    options: &IntakeOptions,
    progress: &dyn Progress,
) -> Result<Manifest, IntakeError> {
    progress.stage("Reading", None);
    let mut collector = Collector::new(options);
    match source {
        Source::Folder(path) => folder::read(path, &mut collector)?,
        Source::File(path) => folder::read_one(path, &mut collector)?,
        Source::Archive(path) => archive::read(path, &mut collector)?,
        Source::GitRevision { repository, revision } => git::read(repository, revision, &mut collector)?,
    }
    collector.finish()
}

/// Takes in files and counts what stays out.
struct Collector<'a> {
    options: &'a IntakeOptions,
    files: Vec<(String, Vec<u8>)>,
    databases: Vec<(String, Vec<u8>)>,
    kept_bytes: u64,
    manifest: Manifest,
}

/// What to do with an entry, known from its name and size.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Read,
    Leave,
}

impl<'a> Collector<'a> {
    fn new(options: &'a IntakeOptions) -> Self {
        Collector {
            options,
            files: Vec::new(),
            databases: Vec::new(),
            kept_bytes: 0,
            manifest: Manifest::default(),
        }
    }

    fn limits(&self) -> &'a Limits {
        &self.options.limits
    }

    fn skip(&mut self, reason: SkipReason, path: &str) {
        let entry = self.manifest.skipped.entry(reason).or_default();
        entry.count += 1;
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(path.to_owned());
        }
    }

    fn note(&mut self, text: String) {
        self.manifest.notes.push(text);
    }

    /// Marks the release as not read to its end.
    fn cut_short(&mut self, reason: &str) {
        self.manifest.incomplete = true;
        self.note(format!("The release was not read to its end: {reason}."));
    }

    /// Decides by name and, where it is known, by size.
    fn want(&mut self, path: &str, size: Option<u64>) -> Want {
        if is_database(path) {
            return match size {
                Some(size) if size > self.limits().max_file_bytes => Want::Leave,
                _ => Want::Read,
            };
        }
        let kind = language::kind_of_name(path);
        if self.options.everything && !kind.is_source() {
            return self.want_other(path, size);
        }
        if kind == language::NameKind::Other {
            self.manifest.other_files += 1;
            return Want::Leave;
        }
        if glob::any(&self.options.exclude, path) {
            self.skip(SkipReason::Excluded, path);
            return Want::Leave;
        }
        match kind {
            language::NameKind::NestedArchive => self.skip(SkipReason::NestedArchive, path),
            language::NameKind::OtherLanguage => self.skip(SkipReason::OtherLanguage, path),
            _ if size.is_some_and(|size| size > self.limits().max_file_bytes) => {
                self.skip(SkipReason::TooLarge, path);
            }
            _ => return Want::Read,
        }
        Want::Leave
    }

    /// What is no source is read only if everything is.
    fn want_other(&mut self, path: &str, size: Option<u64>) -> Want {
        self.manifest.other_files += 1;
        if glob::any(&self.options.exclude, path) {
            self.skip(SkipReason::Excluded, path);
        } else if size.is_some_and(|size| size > self.limits().max_file_bytes) {
            self.skip(SkipReason::TooLarge, path);
        } else {
            return Want::Read;
        }
        Want::Leave
    }

    /// Whether a whole folder is left out by pattern.
    fn excludes_folder(&mut self, path: &str) -> bool {
        let excluded = glob::any(&self.options.exclude, path);
        if excluded {
            self.skip(SkipReason::Excluded, &format!("{path}/"));
        }
        excluded
    }

    /// Takes the text of a wanted file. False when no more can be held.
    fn add(&mut self, path: String, bytes: Vec<u8>) -> bool {
        if is_database(&path) {
            self.databases.push((path, bytes));
            return true;
        }
        self.kept_bytes += bytes.len() as u64;
        if self.kept_bytes > self.limits().max_source_bytes {
            let limit = self.limits().max_source_bytes >> 20;
            self.cut_short(&format!("more than {limit} MB of source"));
            return false;
        }
        self.files.push((path, bytes));
        true
    }

    fn finish(mut self) -> Result<Manifest, IntakeError> {
        // A tar may hold a name twice; unpacking it would leave the last one.
        self.files.sort_by(|a, b| a.0.cmp(&b.0));
        let mut files: Vec<(String, Vec<u8>)> = Vec::with_capacity(self.files.len());
        for (path, bytes) in std::mem::take(&mut self.files) {
            match files.last_mut() {
                Some(last) if last.0 == path => {
                    last.1 = bytes;
                    self.skip(SkipReason::Repeated, &path);
                }
                _ => files.push((path, bytes)),
            }
        }

        if self.options.everything {
            self.manifest.everything =
                files.iter().map(|(path, bytes)| (path.clone(), bytes.as_slice().into())).collect();
            files.retain(|(path, _)| language::kind_of_name(path).is_source());
        }
        let texts: Vec<(String, Option<Vec<u8>>)> =
            files.into_par_iter().map(|(path, bytes)| (path, text::to_text(bytes))).collect();
        let mut sources = Vec::with_capacity(texts.len());
        for (path, text) in texts {
            match text {
                Some(text) => sources.push((path, text)),
                None => self.skip(SkipReason::Binary, &path),
            }
        }
        let (sources, unused) = includes::drop_unused_fragments(sources);
        self.manifest.other_files += unused;

        let languages = language::languages(&sources);
        let globs = &self.options.classes;
        let mut manifest_files: Vec<ManifestFile> = sources
            .into_par_iter()
            .zip(languages)
            .map(|((path, text), language)| {
                let class = classify::classify(&path, &text, globs);
                let digest = StableHasher::new().bytes(&text).finish();
                ManifestFile { path, text: text.into(), digest, language, class }
            })
            .collect();
        if let Some(note) = classify::drop_excessive_test_class(&mut manifest_files) {
            self.note(note);
        }

        let mut release = StableHasher::new();
        for file in &manifest_files {
            release.str(&file.path).u64(file.digest.0 as u64).u64((file.digest.0 >> 64) as u64);
        }
        self.manifest.digest = release.finish();
        self.manifest.files = manifest_files;
        self.apply_databases()?;
        Ok(self.manifest)
    }

    fn apply_databases(&mut self) -> Result<(), IntakeError> {
        let mut databases = std::mem::take(&mut self.databases);
        if let Some(path) = &self.options.compile_commands {
            let name = path.display().to_string();
            let bytes = std::fs::read(path).map_err(|error| IntakeError::Io { path: name.clone(), error })?;
            let database = compile_commands::parse(&bytes)
                .map_err(|reason| IntakeError::CompileCommands { path: name.clone(), reason })?;
            self.apply_database(&name, &database);
            return Ok(());
        }
        databases.sort();
        // The one nearest to the root speaks for the release.
        databases.sort_by_key(|(path, _)| path.matches('/').count());
        if let Some((path, bytes)) = databases.into_iter().next() {
            match compile_commands::parse(&bytes) {
                Ok(database) => self.apply_database(&path, &database),
                Err(reason) => self.note(format!("{path} is not used: {reason}.")),
            }
        }
        Ok(())
    }

    fn apply_database(&mut self, name: &str, database: &[compile_commands::Command]) {
        let paths: Vec<&str> = self.manifest.files.iter().map(|file| file.path.as_str()).collect();
        let (options, unmatched) = compile_commands::by_file(database, &paths);
        let mut text = format!("{name} gives the options of {} files", options.len());
        if unmatched > 0 {
            text.push_str(&format!("; {unmatched} of its entries name no file of the release"));
        }
        text.push('.');
        self.manifest.file_options = options;
        self.note(text);
    }
}

fn is_database(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts.next() == Some("compile_commands.json") && parts.count() <= 2
}

/// A name as text that stays unique: bytes that are no UTF-8 become `\xNN`.
fn path_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
