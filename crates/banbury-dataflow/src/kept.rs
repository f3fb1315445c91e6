//! What a review leaves for the next one of the same release: of each function its issues and
//! its summary.
//!
//! The results of a function are used again, it is *clean*, if its digest is known from before
//! and the summaries that it asks for are what they were: its callees are clean, or came out the
//! same when they were interpreted again. So a change goes no further than callers can see it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use banbury_base::{Digest, PathStep, StableHasher, StepKind, Symbol};
use banbury_ir::{FuncId, Program};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::digests::Digests;
use crate::observe::Issue;
use crate::portable::{KeptSummary, Meanings, Numbering, Place};
use crate::summary::Summary;

/// Results of a review by function.
#[derive(Default, Serialize, Deserialize)]
pub struct Kept {
    /// Names what every function depends on.
    context: Digest,
    meanings: Meanings,
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
    /// Which function it is.
    identity: Digest,
    /// And what decides its analysis besides the summaries of others.
    digest: Digest,
    line: u32,
    asked: Vec<Asked>,
    issues: Vec<KeptIssue>,
    of_text: Vec<KeptIssue>,
    reason: Option<String>,
    summary: Option<KeptSummary>,
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

/// What the analysis of one function gave.
#[derive(Default)]
pub(crate) struct Interpreted {
    pub issues: Vec<Issue>,
    /// What rules say of the function's text and graph, once they were asked.
    pub of_text: Option<Vec<Issue>>,
    pub reason: Option<String>,
    pub asked: Vec<Asked>,
    /// For the next review, if anybody may ask for it and there will be one.
    pub summary: Option<KeptSummary>,
    /// It broke off, which it may not do the next time.
    pub failed: bool,
}

/// What is known of a function before those that call it are looked at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Changed,
    /// Its callers cannot tell it from what it was.
    SameSummary,
    /// Its results are used again.
    Clean,
    /// And nothing that it calls has changed, directly or not.
    Untouched,
}

/// The results of an earlier review, and how they fit this one.
pub(crate) struct Reuse<'a> {
    context: Digest,
    /// By function of this review: what is kept of it.
    earlier: Vec<Option<KeptFunction>>,
    is_cold: bool,
    pub digests: Vec<Digest>,
    pub identities: Vec<Digest>,
    pub numbering: Numbering<'a>,
    standing: Vec<AtomicU8>,
    /// By the first member: the component's summaries were made again.
    pub replayed: Vec<OnceLock<()>>,
}

impl<'a> Reuse<'a> {
    pub fn new(
        program: &'a Program,
        context: Digest,
        functions: Vec<Digest>,
        digests: Digests<'_>,
        earlier: Earlier,
    ) -> Reuse<'a> {
        let count = functions.len();
        let kept = earlier.kept.filter(|kept| kept.context == context).unwrap_or_default();
        let numbering = Numbering::new(program, &digests, &earlier.texts, kept.meanings);
        let mut known: FxHashMap<Digest, KeptFunction> =
            kept.functions.into_iter().map(|function| (function.identity, function)).collect();
        let is_cold = known.is_empty();
        let mut earlier: Vec<_> = digests.identities.iter().map(|identity| known.remove(identity)).collect();
        // Without its summary the function is interpreted for those that ask for it.
        earlier.par_iter_mut().flatten().for_each(|function| {
            function.summary = function.summary.take().filter(|summary| numbering.is_resolved(summary));
        });
        Reuse {
            context,
            earlier,
            is_cold,
            digests: functions,
            identities: digests.identities,
            numbering,
            standing: (0..count).map(|_| AtomicU8::new(Standing::Changed as u8)).collect(),
            replayed: (0..count).map(|_| OnceLock::new()).collect(),
        }
    }

    /// Nothing is left of an earlier review.
    pub fn is_cold(&self) -> bool {
        self.is_cold
    }

    fn unchanged(&self, id: FuncId) -> Option<&KeptFunction> {
        self.earlier[id.index()].as_ref().filter(|function| function.digest == self.digests[id.index()])
    }

    /// Whom the function asked when it was as it is now.
    pub fn asked(&self, id: FuncId) -> Option<&[Asked]> {
        self.unchanged(id).map(|function| function.asked.as_slice())
    }

    pub fn standing(&self, id: FuncId) -> Standing {
        match self.standing[id.index()].load(Ordering::Acquire) {
            0 => Standing::Changed,
            1 => Standing::SameSummary,
            2 => Standing::Clean,
            _ => Standing::Untouched,
        }
    }

    pub fn set_standing(&self, id: FuncId, standing: Standing) {
        self.standing[id.index()].store(standing as u8, Ordering::Release);
    }

    pub fn is_clean(&self, id: FuncId) -> bool {
        self.standing(id) >= Standing::Clean
    }

    /// What the function gave, put in terms of this review. What speaks of a place that is gone
    /// is not used.
    pub fn revive(&self, program: &Program, id: FuncId) -> Option<Interpreted> {
        let kept = self.unchanged(id)?;
        let all = |issues: &[KeptIssue]| -> Option<Vec<Issue>> {
            issues.iter().map(|issue| issue.revive(&self.numbering)).collect()
        };
        // Sentences about the text may name lines.
        let same_line = program.function(id).span.line == kept.line;
        Some(Interpreted {
            issues: all(&kept.issues)?,
            of_text: if same_line { all(&kept.of_text) } else { None },
            reason: kept.reason.clone(),
            asked: kept.asked.clone(),
            summary: None,
            failed: false,
        })
    }

    /// The summary that is kept of the function.
    pub fn summary(&self, id: FuncId) -> Option<Summary> {
        self.numbering.decode(self.earlier[id.index()].as_ref()?.summary.as_ref()?)
    }

    pub fn has_summary(&self, id: FuncId) -> bool {
        self.earlier[id.index()].as_ref().is_some_and(|function| function.summary.is_some())
    }

    /// Whether callers see in the function what they saw before.
    pub fn is_same_summary(&self, id: FuncId, now: Option<&KeptSummary>) -> bool {
        let earlier = self.earlier[id.index()].as_ref().and_then(|function| function.summary.as_ref());
        earlier.is_some() && earlier == now
    }

    /// What the next review may use.
    pub fn keep(mut self, program: &Program, results: &mut [(FuncId, Interpreted)]) -> Kept {
        let numbering = &self.numbering;
        let keep = |(id, result): &mut (FuncId, Interpreted)| {
            let all = |issues: &[Issue]| issues.iter().map(|issue| KeptIssue::of(issue, numbering)).collect();
            KeptFunction {
                identity: self.identities[id.index()],
                digest: self.digests[id.index()],
                line: program.function(*id).span.line,
                asked: std::mem::take(&mut result.asked),
                issues: all(&result.issues),
                of_text: all(result.of_text.as_deref().unwrap_or_default()),
                reason: result.reason.clone(),
                summary: result.summary.take(),
            }
        };
        let mut functions = Vec::with_capacity(results.len());
        for result in results.iter_mut().filter(|(_, result)| !result.failed) {
            let mut kept = keep(result);
            let id = result.0;
            if self.standing[id.index()].load(Ordering::Acquire) >= Standing::Clean as u8 {
                kept.summary = self.earlier[id.index()].take().and_then(|function| function.summary);
            }
            functions.push(kept);
        }
        Kept { context: self.context, functions, meanings: self.numbering.into_meanings() }
    }
}

impl KeptIssue {
    fn of(issue: &Issue, numbering: &Numbering<'_>) -> KeptIssue {
        let step =
            |step: &PathStep| (step.kind, numbering.place(step.span), step.function, step.message.clone());
        KeptIssue {
            rule: Symbol::new(issue.rule),
            cwe: issue.cwe,
            place: numbering.place(issue.span),
            function: issue.function,
            message: issue.message.clone(),
            steps: issue.steps.iter().map(step).collect(),
            features: issue.features.iter().map(|&(name, value)| (Symbol::new(name), value)).collect(),
        }
    }

    fn revive(&self, numbering: &Numbering<'_>) -> Option<Issue> {
        let step = |(kind, place, function, message): &(StepKind, Place, Symbol, String)| {
            let span = numbering.span(*place)?;
            Some(PathStep { kind: *kind, span, function: *function, message: message.clone() })
        };
        Some(Issue {
            rule: self.rule.as_str(),
            cwe: self.cwe,
            steps: self.steps.iter().map(step).collect::<Option<_>>()?,
            span: numbering.span(self.place)?,
            function: self.function,
            message: self.message.clone(),
            features: self.features.iter().map(|&(name, value)| (name.as_str(), value)).collect(),
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use banbury_base::StableHasher;
    use banbury_frontend::{Language, Options, SourceFile};

    use super::{Earlier, Kept};
    use crate::{Analysis, AnalysisOptions, Models, analyse, analyse_again};

    const CALLEES: &str = "\
#include <string.h>
static int odd(int n) { return n == 0 ? 0 : n > 9; }
void copy(char *to, const char *from, unsigned n) {
    unsigned copied = n;
    if (odd(n)) copied++;
    memcpy(to, from, n);
}
";
    const CALLERS: &str = "\
void copy(char *to, const char *from, unsigned n);
void small(const char *from) { char to[8]; copy(to, from, 16); }
void middle(char *to, const char *from) { copy(to, from, 16); }
void outer(const char *from) { char to[8]; middle(to, from); }
";

    fn review(callees: &str, kept: Option<Kept>) -> (Analysis, Kept) {
        let file = |path: &str, text: &str| SourceFile {
            path: path.to_owned(),
            text: Arc::from(text.as_bytes()),
            language: Language::C,
        };
        let files = [file("callees.c", callees), file("callers.c", CALLERS)];
        let (program, _) = banbury_frontend::build(&files, &Options::default());
        let texts = files.iter().map(|file| StableHasher::new().bytes(&file.text).finish()).collect();
        let (models, options) = (Models::builtin(), AnalysisOptions::default());
        let again = analyse_again(&program, models, &[], &options, Earlier { kept, texts });
        let alone = analyse(&program, models, &[], &options);
        assert_eq!(again.0.issues, alone.issues);
        again
    }

    /// Functions interpreted after the edit, and then after it was taken back.
    fn interpreted(from: &str, to: &str) -> (usize, usize) {
        let edited = CALLEES.replace(from, to);
        assert_ne!(edited, CALLEES);
        let (first, kept) = review(CALLEES, None);
        assert_eq!(first.interpreted, 5);
        let (second, kept) = review(&edited, Some(kept));
        (second.interpreted, review(CALLEES, Some(kept)).0.interpreted)
    }

    #[test]
    fn a_change_that_callers_cannot_see_goes_no_further() {
        assert_eq!(interpreted("{ return n == 0", "{ int unseen = 3; return n == 0"), (1, 1));
        assert_eq!(interpreted("static", "/* above */\nstatic"), (0, 0));
    }

    #[test]
    fn a_change_that_callers_see_reaches_them() {
        // `outer` sees nothing of it in `middle`.
        assert_eq!(interpreted("n > 9", "n > 9 ? 7 : 0"), (4, 4));
    }
}
