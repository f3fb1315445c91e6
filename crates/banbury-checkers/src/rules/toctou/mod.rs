use crate::Rule;
use banbury_base::{PathStep, StepKind};
use banbury_dataflow::models::{Effect, SinkKind, Slot};
use banbury_dataflow::observe::Issue;
use banbury_ir::{Const, Operand, Rvalue};

use crate::shape::{CallSite, Point, Shape, Source};

pub const RULE: Rule = Rule {
    id: "toctou",
    version: 1,
    title: "Check and use of a file by name",
    cwe: &[367],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -3.0,
};

/// The path that a function with the tag gets: the first argument that the model calls a path.
fn path<'a>(shape: &Shape<'a>, call: &CallSite<'a>, tag: &str) -> Option<&'a Operand> {
    let model = shape.model(call.callee).filter(|m| m.has_tag(tag))?;
    let named = model.effects.iter().find_map(|e| match e {
        Effect::Sink(Slot::Pointee(i) | Slot::Arg(i), SinkKind::Path) => Some(*i),
        _ => None,
    });
    let first = model.effects.iter().find_map(|e| match e {
        Effect::NonNull(i) => Some(*i),
        _ => None,
    });
    call.args.get(usize::from(named.or(first)?))
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let checks: Vec<(&CallSite<'_>, String)> = shape
        .calls
        .iter()
        .filter_map(|c| Some((c, identity(shape, path(shape, c, "toctou.check")?)?)))
        .collect();
    if checks.is_empty() {
        return;
    }
    let mut reported: Vec<(Point, String)> = Vec::new();
    for call in &shape.calls {
        let Some(used) = path(shape, call, "toctou.use") else { continue };
        let Some(key) = identity(shape, used) else { continue };
        let earlier = checks
            .iter()
            .find(|(c, checked)| *checked == key && shape.leads_to(c.at, call.at) && decides(shape, c, call))
            .map(|(c, _)| *c);
        // One finding for each check, at the first use.
        if let Some(earlier) = earlier.filter(|e| !reported.contains(&(e.at, key.clone()))) {
            reported.push((earlier.at, key.clone()));
            let message = format!(
                "'{key}' is checked by '{}' on line {} and used by name again in '{}': it can be another file by then",
                earlier.callee, earlier.span.line, call.callee
            );
            let mut issue = shape.issue(RULE.id, 367, call.span, message);
            issue.steps.push(PathStep {
                kind: StepKind::Source,
                span: earlier.span,
                function: shape.function.name,
                message: format!("'{}' looks at '{key}'", earlier.callee),
            });
            if matches!(earlier.callee.as_str(), "access" | "faccessat" | "eaccess" | "euidaccess") {
                issue.features.push(("toctou.access", 1.0));
            }
            out.push(issue);
        }
    }
}

/// The use happens because of the check: some branch between them looks at the check's result.
fn decides(shape: &Shape<'_>, check: &CallSite<'_>, action: &CallSite<'_>) -> bool {
    shape.tests().any(|t| {
        let at = Point { block: t.block, instr: usize::MAX };
        let on_result = shape.called(t.condition.left).is_some_and(|c| c.at == check.at)
            || check.dst.is_some_and(|dst| matches!(shape.source(t.condition.left), Source::Place(p) if p == dst));
        on_result && shape.leads_to(at, action.at)
    })
}

fn identity(shape: &Shape<'_>, path: &Operand) -> Option<String> {
    match shape.source(path) {
        Source::Const(Const::Str { text, .. }) => Some(text.to_string()),
        Source::Place(place) | Source::Value(Rvalue::AddrOf(place)) => {
            let text = shape.place_text(place);
            Some(text.strip_suffix("[0]").map_or(text.clone(), str::to_owned))
        }
        _ => None,
    }
}
