//! From issues to findings.

use banbury_base::{Feature, FileId, Finding, PathStep, StepKind, Symbol, Weight};
use banbury_dataflow::models::Models;
use banbury_dataflow::observe::Issue;
use banbury_dataflow::{Analysis, AnalysisOptions, Earlier, Kept, analyse, analyse_again};
use banbury_ir::{FuncId, Program};
use rustc_hash::FxHashMap;

use crate::fingerprint::{sink_digest, with_ordinal};
use crate::rule::rule;
use crate::weights::table;

/// What to review and how.
#[derive(Clone, Debug, Default)]
pub struct ReviewOptions {
    /// Only these rules; all if empty.
    pub only: Vec<String>,
    /// Not these rules.
    pub except: Vec<String>,
    /// Budgets of the analysis.
    pub analysis: AnalysisOptions,
}

/// What the rules say of a release.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// Heaviest first; then by path, line and rule.
    pub findings: Vec<Finding>,
    /// Functions that were not analysed to the end, and why.
    pub unanalysed: Vec<(FuncId, String)>,
    /// How many functions were interpreted; of the others an earlier review told.
    pub interpreted: usize,
}

/// Analyses the release under all rules.
pub fn review(program: &Program, models: &Models, options: &ReviewOptions) -> Review {
    let observers = crate::observers();
    let analysis = analyse(program, models, &observers, &options.analysis);
    conclude(program, analysis, options)
}

/// As [`review`], with the same result, sparing what an earlier one found out about functions
/// that have not changed. Models and options must be the same.
pub fn review_again(
    program: &Program,
    models: &Models,
    options: &ReviewOptions,
    earlier: Earlier,
) -> (Review, Kept) {
    let observers = crate::observers();
    let (analysis, kept) = analyse_again(program, models, &observers, &options.analysis, earlier);
    (conclude(program, analysis, options), kept)
}

fn conclude(program: &Program, analysis: Analysis, options: &ReviewOptions) -> Review {
    Review {
        findings: weigh(program, analysis.issues, options),
        unanalysed: analysis.unanalysed,
        interpreted: analysis.interpreted,
    }
}

/// Turns issues into findings: one per rule, place and function, with weight and fingerprint.
pub fn weigh(program: &Program, issues: Vec<Issue>, options: &ReviewOptions) -> Vec<Finding> {
    let functions: FxHashMap<(FileId, Symbol), FuncId> = program
        .functions
        .iter()
        .enumerate()
        .map(|(index, f)| ((f.file, f.name), FuncId(index as u32)))
        .collect();
    let mut weighed: Vec<(f32, Issue)> = issues
        .into_iter()
        .filter(|issue| wanted(options, issue.rule))
        .filter_map(|issue| Some((table().weigh(rule(issue.rule)?, &issue.features), issue)))
        .collect();
    // Equal rule, place and function: the heaviest, then the one with the shortest path.
    let path = |file: FileId| program.file_paths.get(file.index()).map_or("", String::as_str);
    weighed.sort_by(|(wa, a), (wb, b)| {
        let place = |i: &Issue| (path(i.span.file), i.span.line, i.span.col, i.rule, i.function.as_str());
        place(a)
            .cmp(&place(b))
            .then(wb.total_cmp(wa))
            .then(a.steps.len().cmp(&b.steps.len()))
            .then_with(|| a.message.cmp(&b.message))
    });
    weighed.dedup_by(|(_, a), (_, b)| a.rule == b.rule && a.span == b.span && a.function == b.function);

    let mut ordinals: FxHashMap<banbury_base::Digest, u32> = FxHashMap::default();
    let mut findings: Vec<Finding> = Vec::with_capacity(weighed.len());
    for (weight, issue) in weighed {
        let Some(rule) = rule(issue.rule) else { continue };
        let function = functions.get(&(issue.span.file, issue.function)).map(|id| program.function(*id));
        let hasher = sink_digest(program, function, rule.id, issue.function, issue.span, &issue.message);
        let ordinal = ordinals.entry(hasher.finish()).or_insert(0);
        let fingerprint = with_ordinal(hasher, *ordinal);
        *ordinal += 1;
        findings.push(finding(issue, rule, weight, fingerprint));
    }
    findings.sort_by(|a, b| {
        let place = |f: &Finding| (path(f.span.file), f.span.line, f.rule.as_str(), f.span.col);
        b.weight.0.total_cmp(&a.weight.0).then_with(|| place(a).cmp(&place(b)))
    });
    findings
}

fn wanted(options: &ReviewOptions, id: &str) -> bool {
    let named = |list: &[String]| list.iter().any(|name| name == id);
    (options.only.is_empty() || named(&options.only)) && !named(&options.except)
}

fn finding(issue: Issue, rule: &crate::Rule, weight: f32, fingerprint: banbury_base::Digest) -> Finding {
    let mut path = issue.steps;
    path.push(PathStep {
        kind: StepKind::Sink,
        span: issue.span,
        function: issue.function,
        message: issue.message.clone(),
    });
    let features =
        issue.features.iter().map(|(name, value)| Feature { name: Symbol::new(name), value: *value });
    Finding {
        rule: Symbol::new(rule.id),
        rule_version: rule.version,
        cwe: issue.cwe,
        span: issue.span,
        function: issue.function,
        message: issue.message,
        path,
        features: features.collect(),
        weight: Weight(weight),
        fingerprint,
    }
}
