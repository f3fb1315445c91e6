use crate::Rule;
use banbury_dataflow::models::{Effect, Failure, Slot};
use banbury_dataflow::observe::Issue;
use banbury_ir::BinOp;

use crate::condition::Test;
use crate::names;
use crate::shape::{CallSite, Shape};

pub const RULE: Rule = Rule {
    id: "unchecked-return",
    version: 1,
    title: "Result of a call is not checked",
    cwe: &[252, 253],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -6.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.function.gaps.is_empty() {
        return;
    }
    for call in &shape.calls {
        let failure = shape.model(call.callee).and_then(|m| {
            // When closing fails there is seldom anything left to do.
            if m.effects.iter().any(|e| matches!(e, Effect::Release { .. })) {
                return None;
            }
            m.effects.iter().find_map(|e| match e {
                Effect::CheckReturn(failure) => Some(*failure),
                _ => None,
            })
        });
        if let Some(failure) = failure.filter(|_| !defined(shape, call))
            && unused(shape, call) {
                unchecked(shape, call, failure, out);
            }
    }
    for test in shape.tests() {
        compared(shape, &test, out);
    }
}

/// The release has its own function of that name.
fn defined(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    shape.program.by_name.contains_key(&call.callee)
}

/// Nothing ever looks at the result.
fn unused(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    match call.dst {
        None => true,
        Some(dst) => dst.as_local().is_some_and(|id| {
            shape.reads(id) == 0 && !shape.is_addressed(id) && id.0 >= shape.function.params
        }),
    }
}

fn failure_text(failure: Failure) -> String {
    match failure {
        Failure::Negative => "a negative number".to_owned(),
        Failure::Null => "a null pointer".to_owned(),
        Failure::NonZero => "a number other than 0".to_owned(),
        Failure::Zero => "0".to_owned(),
        Failure::Value(value) => value.to_string(),
    }
}

fn unchecked(shape: &Shape<'_>, call: &CallSite<'_>, failure: Failure, out: &mut Vec<Issue>) {
    let message = format!(
        "the result of '{}' is dropped: it is {} when the call fails",
        call.callee,
        failure_text(failure)
    );
    let mut issue = shape.issue(RULE.id, 252, call.span, message);
    if let Some(model) = shape.model(call.callee) {
        if model.has_tag("check-return.security") {
            issue.features.push(("unchecked.security", 1.0));
        } else if model.has_tag("check-return.minor") {
            issue.features.push(("unchecked.minor", 1.0));
        }
    }
    out.push(issue);
}

/// The result is compared in a way that does not see the failure.
fn compared(shape: &Shape<'_>, test: &Test<'_>, out: &mut Vec<Issue>) {
    let Some(call) = shape.called(test.condition.left) else { return };
    if defined(shape, &call) {
        return;
    }
    let failure = shape.model(call.callee).and_then(|m| {
        m.effects.iter().find_map(|e| match e {
            Effect::CheckReturn(f) | Effect::Fails(f) | Effect::Open { slot: Slot::Return, failure: f, .. } => Some(*f),
            Effect::Allocate { slot: Slot::Return, may_fail: true, .. } => Some(Failure::Null),
            _ => None,
        })
    });
    let Some(failure) = failure else { return };
    let right = match test.condition.right {
        None => 0,
        Some(right) => match shape.int(right) {
            Some(value) => value,
            None => return,
        },
    };
    let op = test.condition.op;
    let blind = match failure {
        Failure::Null => {
            matches!(op, BinOp::Lt | BinOp::Le | BinOp::Ge | BinOp::Gt) && right <= 0
                || matches!(op, BinOp::Eq | BinOp::Ne) && right == -1
        }
        // An unsigned result is never below zero.
        _ if is_unsigned(shape, &call) => matches!(op, BinOp::Lt | BinOp::Ge) && right == 0,
        Failure::Negative | Failure::Value(-1) => {
            matches!(op, BinOp::Eq | BinOp::Ne) && right == 0 && counts(shape, &call)
        }
        _ => false,
    };
    if blind && shape.block(test.block).is_some_and(|b| b.term_macro.is_empty()) {
        let message = format!(
            "the result of '{}' is {} when the call fails, which '{} {right}' does not see",
            call.callee,
            failure_text(failure),
            op.sign()
        );
        let mut issue = shape.issue(RULE.id, 253, call.span, message);
        issue.features.push(("unchecked.compared", 1.0));
        if failure != Failure::Null && !is_unsigned(shape, &call) {
            issue.features.push(("possible", 1.0));
        }
        out.push(issue);
    }
}

fn is_unsigned(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    let info = call.dst.and_then(|dst| shape.place_type(dst)).and_then(|ty| shape.program.types.int_info(ty));
    matches!(info, Some((_, false)))
}

/// Success is a number of things or a descriptor, rather than 0.
fn counts(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    let puts = names::mentions(call.callee.as_str(), &["puts", "putc"]);
    puts || shape.model(call.callee).is_some_and(|m| {
        m.effects.iter().any(|e| {
            matches!(
                e,
                Effect::FormatString { .. } | Effect::ScanString { .. } | Effect::Open { slot: Slot::Return, .. }
            )
        })
    })
}
