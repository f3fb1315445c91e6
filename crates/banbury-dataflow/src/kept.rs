//! What a review leaves for the next one of the same release: the issues of functions that will
//! turn out not to have changed.
//!
//! A function is *clean* if its digest is known from before and the functions that it calls are
//! clean. Summaries are not kept: the few that changed functions ask for are made again.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use banbury_base::{Digest, FileId, PathStep, Span, StableHasher, StepKind, Symbol};
use banbury_ir::{FuncId, Program};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::observe::Issue;

/// Results of a review by function.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// Names what every function depends on.
    context: Digest,
    /// What the lines of places are counted from.
    anchors: Vec<Digest>,
    functions: Vec<KeptFunction>,
}

/// What an earlier review left, and the digest of the text of each file of this one.
#[derive(Default)]
pub struct Earlier {
    pub kept: Option<Kept>,
    pub texts: Vec<Digest>,
}

#[derive(Serialize, Deserialize)]
struct KeptFunction {
    digest: Digest,
    line: u32,
    asked: Vec<Asked>,
    issues: Vec<KeptIssue>,
    of_text: Vec<KeptIssue>,
    reason: Option<String>,
}

/// A function that was called in a way which the call graph does not show.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Asked {
    pub name: Symbol,
    /// Looked up as from the function's own file.
    pub here: bool,
    /// Identity of what was found.
    pub found: Digest,
    /// Its summary was there.
    pub seen: bool,
}

#[derive(Serialize, Deserialize)]
struct KeptIssue {
    rule: Symbol,
    cwe: u32,
    place: Place,
    function: Symbol,
    message: String,
    steps: Vec<(StepKind, Place, Symbol, String)>,
    features: Vec<(Symbol, f32)>,
}

/// A span whose line is counted from an anchor.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Place {
    /// Index into the anchors plus one; 0 if there is no file.
    anchor: u32,
    line: u32,
    col: u16,
    len: u16,
}

/// What the analysis of one function gave, apart from its summary.
#[derive(Clone, Default)]
pub(crate) struct Interpreted {
    pub issues: Vec<Issue>,
    /// What rules say of the function's text and graph, once they were asked.
    pub of_text: Option<Vec<Issue>>,
    pub reason: Option<String>,
    pub asked: Vec<Asked>,
    /// It broke off, which it may not do the next time.
    pub failed: bool,
}

/// The results of an earlier review, put in terms of this one.
pub(crate) struct Reuse {
    context: Digest,
    known: FxHashMap<Digest, Interpreted>,
    pub digests: Vec<Digest>,
    pub identities: Vec<Digest>,
    texts: Vec<Digest>,
    clean: Vec<AtomicBool>,
    /// A function that has changed asks for the summary, directly or not.
    needed: Vec<AtomicBool>,
    /// By the first member: the component's summaries were made again.
    pub replayed: Vec<OnceLock<()>>,
}

impl Reuse {
    pub fn new(
        program: &Program,
        context: Digest,
        digests: Vec<Digest>,
        identities: Vec<Digest>,
        earlier: Earlier,
    ) -> Reuse {
        let count = digests.len();
        let mut reuse = Reuse {
            context,
            known: FxHashMap::default(),
            digests,
            identities,
            texts: earlier.texts,
            clean: (0..count).map(|_| AtomicBool::new(false)).collect(),
            needed: (0..count).map(|_| AtomicBool::new(false)).collect(),
            replayed: (0..count).map(|_| OnceLock::new()).collect(),
        };
        if let Some(kept) = earlier.kept.filter(|kept| kept.context == context) {
            reuse.known = reuse.revive(program, kept);
        }
        reuse
    }

    /// Nothing is left of an earlier review.
    pub fn is_cold(&self) -> bool {
        self.known.is_empty()
    }

    /// What the function gave when it was as it is now.
    pub fn known(&self, id: FuncId) -> Option<&Interpreted> {
        self.known.get(&self.digests[id.index()])
    }

    pub fn is_clean(&self, id: FuncId) -> bool {
        self.clean[id.index()].load(Ordering::Acquire)
    }

    pub fn set_clean(&self, id: FuncId) {
        self.clean[id.index()].store(true, Ordering::Release);
    }

    pub fn is_needed(&self, id: FuncId) -> bool {
        self.needed[id.index()].load(Ordering::Acquire)
    }

    pub fn set_needed(&self, component: &[FuncId]) {
        component.iter().for_each(|id| self.needed[id.index()].store(true, Ordering::Release));
    }

    /// What the next review may use.
    pub fn keep(&self, program: &Program, results: &[(FuncId, Interpreted)]) -> Kept {
        let mut anchoring = Anchoring::new(self, program);
        let kept = results.iter().filter(|(_, result)| !result.failed);
        let functions = kept.map(|(id, result)| KeptFunction {
            digest: self.digests[id.index()],
            line: program.function(*id).span.line,
            asked: result.asked.clone(),
            issues: result.issues.iter().map(|issue| anchoring.issue(issue)).collect(),
            of_text: result.of_text.iter().flatten().map(|issue| anchoring.issue(issue)).collect(),
            reason: result.reason.clone(),
        });
        let functions = functions.collect();
        Kept { context: self.context, anchors: anchoring.anchors, functions }
    }

    /// Files have other numbers now and functions stand elsewhere; what speaks of one that is
    /// gone is not used.
    fn revive(&self, program: &Program, kept: Kept) -> FxHashMap<Digest, Interpreted> {
        let files = (0..program.file_paths.len()).map(|n| {
            let file = FileId(n as u32);
            (self.file_anchor(program, file), (file, 0))
        });
        let functions = self.identities.iter().zip(&program.functions);
        let functions = functions.map(|(&identity, f)| (identity, (f.file, f.span.line)));
        let starts: FxHashMap<Digest, (FileId, u32)> = files.chain(functions).collect();
        let lines: FxHashMap<Digest, u32> =
            self.digests.iter().zip(&program.functions).map(|(&digest, f)| (digest, f.span.line)).collect();
        let anchors: Vec<_> = kept.anchors.iter().map(|anchor| starts.get(anchor).copied()).collect();
        let functions = kept.functions.into_iter().filter_map(|function| {
            // Sentences about the text may name lines.
            let same_line = *lines.get(&function.digest)? == function.line;
            let all = |issues: Vec<KeptIssue>| -> Option<Vec<Issue>> {
                issues.into_iter().map(|issue| issue.revive(&anchors)).collect()
            };
            let result = Interpreted {
                issues: all(function.issues)?,
                of_text: if same_line { all(function.of_text) } else { None },
                reason: function.reason,
                asked: function.asked,
                failed: false,
            };
            Some((function.digest, result))
        });
        functions.collect()
    }

    /// Names the file with all its text: a place outside of functions stays only in the same.
    fn file_anchor(&self, program: &Program, file: FileId) -> Digest {
        let path = program.file_paths.get(file.index()).map_or("", String::as_str);
        let text = self.texts.get(file.index()).copied().unwrap_or_default();
        together([StableHasher::new().str(path).finish(), text])
    }
}

/// Counts lines from where functions begin.
struct Anchoring<'r> {
    reuse: &'r Reuse,
    program: &'r Program,
    anchors: Vec<Digest>,
    functions: FxHashMap<FuncId, u32>,
    files: FxHashMap<FileId, u32>,
}

impl<'r> Anchoring<'r> {
    fn new(reuse: &'r Reuse, program: &'r Program) -> Self {
        let (functions, files) = (FxHashMap::default(), FxHashMap::default());
        Anchoring { reuse, program, anchors: Vec::new(), functions, files }
    }

    fn issue(&mut self, issue: &Issue) -> KeptIssue {
        let step = |step: &PathStep| (step.kind, self.place(step.span), step.function, step.message.clone());
        let steps = issue.steps.iter().map(step).collect();
        KeptIssue {
            rule: Symbol::new(issue.rule),
            cwe: issue.cwe,
            place: self.place(issue.span),
            function: issue.function,
            message: issue.message.clone(),
            steps,
            features: issue.features.iter().map(|&(name, value)| (Symbol::new(name), value)).collect(),
        }
    }

    fn place(&mut self, span: Span) -> Place {
        let Span { file, line, col, len } = span;
        if file == FileId::NONE {
            return Place { anchor: 0, line, col, len };
        }
        let Anchoring { reuse, program, anchors, .. } = self;
        let mut add = |digest: Digest| {
            anchors.push(digest);
            anchors.len() as u32
        };
        match only_function_at(program, span) {
            Some(id) => {
                let identity = || add(reuse.identities[id.index()]);
                let anchor = *self.functions.entry(id).or_insert_with(identity);
                Place { anchor, line: line.wrapping_sub(program.function(id).span.line), col, len }
            }
            None => {
                let text = || add(reuse.file_anchor(program, file));
                Place { anchor: *self.files.entry(file).or_insert_with(text), line, col, len }
            }
        }
    }
}

/// The function that the line is in, if no other begins or ends there.
fn only_function_at(program: &Program, span: Span) -> Option<FuncId> {
    let functions = &program.functions;
    let after = functions.partition_point(|f| (f.file, f.span.line) <= (span.file, span.line));
    let at = after.checked_sub(1)?;
    let inside = functions[at].file == span.file && span.line <= functions[at].end_line;
    let alone = at == 0
        || functions[at - 1].file != span.file
        || functions[at - 1].end_line < functions[at].span.line;
    (inside && alone).then_some(FuncId(at as u32))
}

impl KeptIssue {
    fn revive(self, anchors: &[Option<(FileId, u32)>]) -> Option<Issue> {
        let span = |place: Place| {
            let Place { anchor, line, col, len } = place;
            let Some(index) = (anchor as usize).checked_sub(1) else {
                return Some(Span { file: FileId::NONE, line, col, len });
            };
            let (file, first) = (*anchors.get(index)?)?;
            Some(Span { file, line: line.wrapping_add(first), col, len })
        };
        let steps = self.steps.into_iter().map(|(kind, place, function, message)| {
            Some(PathStep { kind, span: span(place)?, function, message })
        });
        Some(Issue {
            rule: self.rule.as_str(),
            cwe: self.cwe,
            steps: steps.collect::<Option<_>>()?,
            span: span(self.place)?,
            function: self.function,
            message: self.message,
            features: self.features.into_iter().map(|(name, value)| (name.as_str(), value)).collect(),
        })
    }
}

/// One digest of many, in this order.
pub(crate) fn together(digests: impl IntoIterator<Item = Digest>) -> Digest {
    let mut hasher = StableHasher::new();
    for digest in digests {
        hasher.u64(digest.0 as u64).u64((digest.0 >> 64) as u64);
    }
    hasher.finish()
}
