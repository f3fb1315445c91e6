//! Where the analysis is plugged in. Until the analysis crates are here, a scan for a few calls
//! stands in, so that everything around it can be used and tested.

use banbury_base::{Feature, FileId, Finding, PathStep, Span, StableHasher, StepKind, Symbol, Weight};
use banbury_frontend::{Coverage, FileCoverage, Options, SourceFile};
use banbury_ir::Program;

pub use banbury_checkers::{Review, ReviewOptions as CheckOptions, Rule, rules};

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ModelError(pub String);

#[derive(Default)]
pub struct Models;

impl Models {
    pub fn builtin() -> Models {
        Models
    }

    pub fn add_toml(&mut self, name: &str, text: &str) -> Result<(), ModelError> {
        let parsed: Result<toml::Table, _> = toml::from_str(text);
        parsed.map(drop).map_err(|error| ModelError(format!("{name}: {error}")))
    }
}

pub fn program(files: &[SourceFile], _options: &Options) -> (Program, Coverage) {
    let file_paths = files.iter().map(|file| file.path.clone()).collect();
    let program = Program { file_paths, ..Program::default() };
    let lines = |file: &SourceFile| memchr::memchr_iter(b'\n', &file.text).count() as u32;
    let coverage = files.iter().map(|file| FileCoverage { lines: lines(file), ..Default::default() });
    (program, coverage.collect())
}

pub(crate) fn check(
    files: &[SourceFile],
    _program: &Program,
    _models: &Models,
    _options: &CheckOptions,
) -> Review {
    let mut findings = Vec::new();
    for (index, file) in files.iter().enumerate() {
        for (line, text) in file.text.split(|&byte| byte == b'\n').enumerate() {
            let Some(at) = memchr::memmem::find(text, b"gets(") else { continue };
            if at > 0 && (text[at - 1].is_ascii_alphanumeric() || text[at - 1] == b'_') {
                continue;
            }
            let span = Span::new(FileId(index as u32), line as u32 + 1, at as u32 + 1, 4);
            let message = "`gets` writes a line of any length into the buffer".to_owned();
            let function = Symbol::new("f");
            findings.push(Finding {
                rule: Symbol::new("dangerous-function"),
                rule_version: 1,
                cwe: 242,
                span,
                function,
                message: message.clone(),
                path: vec![PathStep { kind: StepKind::Sink, span, function, message }],
                features: vec![Feature { name: Symbol::new("rule"), value: 1.0 }],
                weight: Weight(10.0),
                fingerprint: StableHasher::new().str(&file.path).bytes(text.trim_ascii()).finish(),
            });
        }
    }
    Review { findings, unanalysed: Vec::new() }
}
