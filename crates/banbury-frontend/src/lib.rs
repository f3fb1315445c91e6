//! Source text to IR. No build is needed: each file is lexed and parsed once, macros and types
//! come from the headers it includes, and a region that does not parse costs that region alone.
//!
//! [`build`] is the entry: files in, [`banbury_ir::Program`] and an honest [`Coverage`] out.

pub mod ast;
pub mod cpp;
mod driver;
mod ids;
mod kept;
pub mod lexer;
mod lower;
pub mod parser;
pub mod preprocess;
pub mod token;

use std::sync::Arc;

use banbury_base::Span;
use serde::{Deserialize, Serialize};

pub use driver::{build, build_again};

/// A file of the release. Its [`banbury_base::FileId`] is its position in the list.
#[derive(Clone)]
pub struct SourceFile {
    /// Relative to the root of the release, `/`-separated, unique.
    pub path: String,
    /// UTF-8 or any superset of ASCII; other bytes are kept as they are.
    pub text: Arc<[u8]>,
    pub language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    C,
    Cpp,
}

/// What a build would have told: definitions, include paths, target.
#[derive(Clone, Debug)]
pub struct Options {
    /// `-D NAME[=VALUE]`
    pub defines: Vec<(String, String)>,
    /// `-U NAME`
    pub undefines: Vec<String>,
    /// `-I DIR`, relative to the root of the release.
    pub include_dirs: Vec<String>,
    /// Per file (by index): further defines and include directories of `compile_commands.json`.
    pub per_file: std::collections::BTreeMap<u32, FileOptions>,
    /// 8 for LP64, 4 for ILP32.
    pub pointer_bytes: u64,
}

#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    pub defines: Vec<(String, String)>,
    pub undefines: Vec<String>,
    pub include_dirs: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            defines: Vec::new(),
            undefines: Vec::new(),
            include_dirs: Vec::new(),
            per_file: Default::default(),
            pointer_bytes: 8,
        }
    }
}

/// What of one file reached the IR.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileCoverage {
    pub lines: u32,
    pub functions: u32,
    /// Functions with at least one gap.
    pub partial: u32,
    /// Regions at file scope that were skipped.
    pub errors: Vec<(Span, String)>,
    /// `#if` groups whose condition was not decided by a known configuration, with the line and
    /// the arm taken (1-based; 0 for none).
    pub undecided: Vec<(u32, u32)>,
    /// Includes that name no file of the release.
    pub missing_includes: u32,
}

pub type Coverage = Vec<FileCoverage>;
