use crate::Rule;
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BlockId, Terminator};

use crate::shape::Shape;

pub const RULE: Rule = Rule {
    id: "unbounded-recursion",
    version: 1,
    title: "Recursion without a bound",
    cwe: &[674],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

/// Every way from the entry to a return calls the function itself.
pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let own: Vec<_> = shape
        .calls
        .iter()
        .filter(|c| {
            c.callee == shape.function.name
                && c.in_macro.is_empty()
                && shape.model(c.callee).is_none()
                && shape.program.resolve(shape.function.file, c.callee) == Some(shape.func)
        })
        .collect();
    let Some(first) = own.first() else { return };
    if !shape.function.gaps.is_empty() {
        return;
    }
    let calls_itself = |id: BlockId| own.iter().any(|c| c.at.block == id);
    let before = shape.reachable(BlockId(0), calls_itself);
    let ends = before.iter().enumerate().any(|(index, reached)| {
        *reached
            && shape
                .block(BlockId(index as u32))
                .is_some_and(|b| matches!(b.term, Terminator::Return(_) | Terminator::Unreachable))
    });
    // Some other way out before the call: a call that does not return.
    let leaves = shape.calls.iter().any(|c| {
        shape.model(c.callee).is_some_and(|m| m.effects.iter().any(|e| matches!(e, Effect::NoReturn)))
    });
    let reaches_itself = own.iter().any(|c| {
        c.at.block == BlockId(0)
            || shape.predecessors().get(c.at.block.index()).is_some_and(|p| {
                p.iter().any(|b| before.get(b.index()).copied().unwrap_or(false))
            })
    });
    if !ends && !leaves && reaches_itself {
        let message = format!("every path through '{}' calls it again: the recursion has no end", shape.function.name);
        let mut issue = shape.issue(RULE.id, 674, first.span, message);
        issue.features.push(("certain", 1.0));
        out.push(issue);
    }
}
