use crate::Rule;
use banbury_base::{PathStep, StepKind};
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
    base_weight: 0.0,
};

/// Functions that look at a file by name: the argument with the name.
fn check(name: &str) -> Option<usize> {
    match name {
        "access" | "stat" | "lstat" | "stat64" | "lstat64" | "euidaccess" | "eaccess" | "readlink" => Some(0),
        "faccessat" | "fstatat" => Some(1),
        _ => None,
    }
}

/// Functions that act on a file by name.
fn action(name: &str) -> Option<usize> {
    match name {
        "open" | "fopen" | "open64" | "fopen64" | "creat" | "chmod" | "chown" | "lchown" | "unlink" | "remove"
        | "rename" | "rmdir" | "truncate" | "execl" | "execv" | "execve" | "dlopen" | "freopen" => Some(0),
        "openat" | "unlinkat" | "fchmodat" | "fchownat" => Some(1),
        _ => None,
    }
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let checks: Vec<&CallSite<'_>> = shape.calls.iter().filter(|c| check(c.callee.as_str()).is_some()).collect();
    if checks.is_empty() {
        return;
    }
    for call in &shape.calls {
        let Some(path) = action(call.callee.as_str()).and_then(|i| call.args.get(i)) else { continue };
        let Some(key) = identity(shape, path) else { continue };
        let earlier = checks.iter().find(|c| {
            let same = check(c.callee.as_str())
                .and_then(|i| c.args.get(i))
                .and_then(|a| identity(shape, a))
                .is_some_and(|k| k == key);
            same && shape.leads_to(c.at, call.at) && decides(shape, c, call)
        });
        if let Some(earlier) = earlier {
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
