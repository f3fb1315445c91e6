use crate::Rule;
use banbury_dataflow::models::{Effect, Slot};
use banbury_dataflow::observe::Issue;
use banbury_ir::{Operand, Place, Proj, Rvalue};

use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "format-string",
    version: 1,
    title: "Format string from untrusted input",
    cwe: &[134],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};

/// A format that was put together in a buffer from text that is no literal.
pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let Some(format) = format_of(shape, call) else { continue };
        let Some(buffer) = call.args.get(format).and_then(|a| buffer(shape, a)) else { continue };
        let composed = shape
            .calls
            .iter()
            .find(|c| c.at < call.at && writes_text(shape, c, buffer) && shape.leads_to(c.at, call.at));
        let Some(writer) = composed else { continue };
        let message =
            format!("the format is put together by '{}' from text that may hold conversions", writer.callee);
        let mut issue = shape.issue(RULE.id, 134, call.span, message);
        issue.features.push(("format.composed", 1.0));
        out.push(issue);
    }
}

fn format_of(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<usize> {
    shape.model(call.callee)?.effects.iter().find_map(|e| match e {
        Effect::FormatString { format, .. } => Some(usize::from(*format)),
        _ => None,
    })
}

/// The array that the operand points to the start of.
fn buffer<'a>(shape: &Shape<'a>, operand: &'a Operand) -> Option<&'a Place> {
    match shape.source(operand) {
        Source::Value(Rvalue::AddrOf(place)) => Some(place),
        Source::Value(Rvalue::PtrAdd { ptr, .. }) => buffer(shape, ptr),
        _ => None,
    }
}

/// Whether the call puts text that is no literal into the buffer.
fn writes_text<'a>(shape: &Shape<'a>, call: &CallSite<'a>, into: &Place) -> bool {
    let Some(model) = shape.model(call.callee) else { return false };
    let here = |slot: &Slot| match slot {
        Slot::Arg(i) | Slot::Pointee(i) => {
            call.args.get(usize::from(*i)).and_then(|a| buffer(shape, a)).is_some_and(|p| same_array(p, into))
        }
        _ => false,
    };
    let open = |i: usize| call.args.get(i).is_some_and(|a| shape.literal(a).is_none());
    let copied = model.effects.iter().any(|e| match e {
        Effect::Copy(to, Slot::Arg(from) | Slot::Pointee(from), _)
        | Effect::Append(to, Slot::Arg(from) | Slot::Pointee(from), _) => here(to) && open(usize::from(*from)),
        _ => false,
    });
    let written = model.effects.iter().any(|e| matches!(e, Effect::Write(to, _) if here(to)));
    let printed = model.effects.iter().any(|e| match e {
        Effect::FormatString { format, first } => {
            let text = call.args.get(usize::from(*format)).and_then(|a| shape.literal(a));
            text.is_some_and(|t| {
                strings(t.as_str()).into_iter().any(|nth| open(usize::from(*first) + nth))
            })
        }
        _ => false,
    });
    copied || written && printed
}

fn same_array(a: &Place, b: &Place) -> bool {
    let whole = |p: &Place| match p.proj.last() {
        Some(Proj::Elem(_)) => p.proj.len() - 1,
        _ => p.proj.len(),
    };
    a.base == b.base && a.proj[..whole(a)] == b.proj[..whole(b)]
}

/// Positions of the arguments that are printed as text.
fn strings(format: &str) -> Vec<usize> {
    let mut out = Vec::new();
    let mut nth = 0;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        for c in chars.by_ref() {
            match c {
                '*' => nth += 1,
                '%' => break,
                's' => {
                    out.push(nth);
                    nth += 1;
                    break;
                }
                c if c.is_ascii_alphabetic() && !matches!(c, 'l' | 'h' | 'z' | 'j' | 't' | 'q' | 'L') => {
                    nth += 1;
                    break;
                }
                _ => {}
            }
        }
    }
    out
}
