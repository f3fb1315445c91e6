//! Defects that the review finds in one release and not in the other.

use banbury_base::{Finding, Symbol};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::features::Features;

/// What the review says of a release, whatever it weighs.
#[derive(Clone, Debug, Default)]
pub struct Review {
    /// Paths of files, by the number in a finding's span.
    pub paths: Vec<String>,
    pub findings: Vec<Finding>,
}

impl Review {
    fn path(&self, file: banbury_base::FileId) -> &str {
        self.paths.get(file.index()).map_or("", String::as_str)
    }
}

/// Where the lines of a file stand in the other release.
pub(crate) struct LineMap<'a> {
    pub path: &'a str,
    /// By line, from 0 (of no use); 0 for a line that the other release does not have.
    /// None if the files are equal.
    pub lines: Option<Vec<u32>>,
}

/// By path.
pub(crate) type LineMaps<'a> = FxHashMap<&'a str, LineMap<'a>>;

impl LineMap<'_> {
    fn get(&self, line: u32) -> Option<u32> {
        match &self.lines {
            None => Some(line),
            Some(lines) => lines.get(line as usize).copied().filter(|line| *line != 0),
        }
    }
}

/// A finding at one line: its sink, or a step on the way there.
#[derive(Clone, Copy, Debug)]
struct Sign {
    line: u32,
    function: Symbol,
    rule: Symbol,
    weight: f32,
    is_sink: bool,
}

/// What one release has and the other has not, by file, each sorted by line.
#[derive(Default)]
pub(crate) struct Signs {
    by_file: FxHashMap<String, Vec<Sign>>,
}

impl Signs {
    /// Findings of `release` that `other` does not have: neither by fingerprint, nor one of the
    /// same rule at the line that corresponds. `maps` leads from `other` to `release`.
    pub fn new(release: &Review, other: &Review, maps: &LineMaps<'_>) -> Signs {
        let prints: FxHashSet<_> = other.findings.iter().map(|finding| finding.fingerprint).collect();
        let places: FxHashSet<(Symbol, &str, u32)> = other
            .findings
            .iter()
            .filter_map(|finding| {
                let map = maps.get(other.path(finding.span.file))?;
                Some((finding.rule, map.path, map.get(finding.span.line)?))
            })
            .collect();
        let mut by_file: FxHashMap<String, Vec<Sign>> = FxHashMap::default();
        for finding in &release.findings {
            let place = (finding.rule, release.path(finding.span.file), finding.span.line);
            if prints.contains(&finding.fingerprint) || places.contains(&place) {
                continue;
            }
            for (path, sign) in signs(release, finding) {
                by_file.entry(path.to_owned()).or_default().push(sign);
            }
        }
        by_file.values_mut().for_each(|signs| signs.sort_by_key(|sign| sign.line));
        Signs { by_file }
    }

    /// Whether a finding's sink is on the lines.
    pub fn has_sink(&self, path: &str, first: u32, last: u32) -> bool {
        self.at(path, first, last).any(|sign| sign.is_sink)
    }

    fn at(&self, path: &str, first: u32, last: u32) -> impl Iterator<Item = &Sign> {
        let signs = self.by_file.get(path).map_or(&[][..], Vec::as_slice);
        let start = signs.partition_point(|sign| sign.line < first);
        signs[start..].iter().take_while(move |sign| sign.line <= last)
    }

    /// What appeared at the lines of an edit, and beside it in its function.
    pub fn appeared(&self, path: &str, function: &str, lines: (u32, u32), out: &mut Features) {
        for sign in self.at(path, lines.0, lines.1) {
            out.set(if sign.is_sink { "finding" } else { "finding.on-path" });
            out.set(rule_reason(sign.rule));
            out.value("finding.weight", scaled(sign.weight));
        }
        let beside = self.by_file.get(path).into_iter().flatten();
        for sign in beside.filter(|sign| sign.is_sink && sign.function.as_str() == function) {
            if sign.line < lines.0 || sign.line > lines.1 {
                out.set("finding.beside");
                out.value("finding.beside-weight", scaled(sign.weight));
            }
        }
    }

    /// Whether what an edit removed took a finding with it.
    pub fn vanished(&self, path: &str, lines: (u32, u32), out: &mut Features) {
        if self.has_sink(path, lines.0, lines.1) {
            out.set("finding.gone");
        }
    }
}

/// Weights of findings that nobody should see count little.
fn scaled(weight: f32) -> f32 {
    ((weight + 10.0) / 10.0).clamp(0.0, 3.0)
}

fn signs<'r>(release: &'r Review, finding: &'r Finding) -> Vec<(&'r str, Sign)> {
    let sign = |line: u32, is_sink: bool, function: Symbol| Sign {
        line,
        function,
        rule: finding.rule,
        weight: finding.weight.0,
        is_sink,
    };
    let mut out = vec![(release.path(finding.span.file), sign(finding.span.line, true, finding.function))];
    let steps = finding.path.iter().filter(|step| step.span != finding.span && !step.span.is_none());
    out.extend(steps.map(|step| (release.path(step.span.file), sign(step.span.line, false, step.function))));
    out
}

/// The reason's name: one for each rule.
fn rule_reason(rule: Symbol) -> &'static str {
    Symbol::new(&format!("finding.{rule}")).as_str()
}
