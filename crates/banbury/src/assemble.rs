//! Turns what the engine found into what the report shows.

use banbury_base::Weight;
use banbury_engine::intake::{FileClass, Manifest};
use banbury_engine::{Outcome, State, Triage};
use banbury_frontend::Language;
use banbury_report::{
    Baseline, FaultRow, FileInfo, Item, Note, PartialRow, Report, Revision, RuleInfo, SkippedRow,
};

/// What the user named, without the folder it lies in.
pub fn target_name(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        Some("" | "." | "..") | None => "release".to_owned(),
        Some(name) => name.to_owned(),
    }
}

pub fn rules() -> Vec<RuleInfo> {
    let mut rules: Vec<RuleInfo> = banbury_engine::rules()
        .iter()
        .map(|rule| RuleInfo {
            id: rule.id.to_owned(),
            version: rule.version,
            title: rule.title.to_owned(),
            cwe: rule.cwe.to_vec(),
            readme: rule.readme.to_owned(),
            default_visible: rule.default_visible,
            base_weight: rule.base_weight,
        })
        .collect();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

pub fn report(
    target: String,
    manifest: &Manifest,
    outcome: &Outcome,
    triage: &Triage,
    min_weight: Weight,
) -> Report {
    let item = |triaged: &banbury_engine::Triaged| Item {
        finding: outcome.findings[triaged.index].clone(),
        unchanged: triaged.state == State::Unchanged,
        suppressed: triaged.suppressed.clone(),
    };
    let revision = manifest.revision.clone();
    Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        target,
        revision: revision.map(|r| Revision { commit: r.commit, repository: r.repository }),
        release: manifest.digest,
        min_weight,
        rules: rules(),
        files: files(manifest, outcome),
        findings: triage.findings.iter().map(item).collect(),
        hidden: hidden(triage, min_weight),
        baseline: triage.baseline.map(|b| Baseline { new: b.new, persisting: b.persisting, fixed: b.fixed }),
        partial: outcome
            .partial_functions
            .iter()
            .map(|row| PartialRow {
                file: row.file,
                line: row.line,
                function: row.name.clone(),
                reason: row.reason.clone(),
            })
            .collect(),
        skipped: manifest
            .skipped
            .iter()
            .map(|(reason, count)| SkippedRow {
                reason: reason.words().to_owned(),
                count: count.count,
                examples: count.examples.clone(),
            })
            .collect(),
        other_files: manifest.other_files,
        notes: notes(manifest, triage),
        faults: outcome
            .faults
            .iter()
            .map(|fault| FaultRow { stage: fault.stage.clone(), message: fault.message.clone() })
            .collect(),
        incomplete: manifest.incomplete,
    }
}

fn files(manifest: &Manifest, outcome: &Outcome) -> Vec<FileInfo> {
    let rows = outcome.files.iter().cloned().chain(std::iter::repeat_with(Default::default));
    let file = |(file, row): (&banbury_engine::intake::ManifestFile, banbury_engine::FileRow)| FileInfo {
        path: file.path.clone(),
        text: file.text.clone(),
        digest: file.digest,
        language: if file.language == Language::Cpp { "cplusplus" } else { "c" },
        classes: classes(file.class),
        lines: row.lines,
        functions: row.functions,
        partial: row.partial,
        errors: row.errors.into_iter().map(|(span, reason)| (span.line, reason)).collect(),
        undecided: row.undecided,
        missing_includes: row.missing_includes,
    };
    manifest.files.iter().zip(rows).map(file).collect()
}

fn classes(class: FileClass) -> Vec<&'static str> {
    let named = [(class.generated, "generated"), (class.test, "test"), (class.third_party, "third-party")];
    named.into_iter().filter(|(set, _)| *set).map(|(_, name)| name).collect()
}

fn hidden(triage: &Triage, min_weight: Weight) -> Vec<(String, u64)> {
    let hidden = triage.hidden;
    let rows = [
        (format!("below {:+.1} dB (--all shows them)", min_weight.0), hidden.below_weight),
        ("of rules that are off or not asked for".to_owned(), hidden.rule_off),
        ("in tests (--include-tests shows them)".to_owned(), hidden.in_tests),
        ("in generated code".to_owned(), hidden.in_generated),
        ("in third-party code".to_owned(), hidden.in_third_party),
    ];
    rows.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn notes(manifest: &Manifest, triage: &Triage) -> Vec<Note> {
    let general = manifest.notes.iter().map(|text| Note { place: None, text: text.clone() });
    let faults = triage
        .suppression_faults
        .iter()
        .map(|fault| Note { place: Some((fault.file, fault.line)), text: fault.words() });
    general.chain(faults).collect()
}
