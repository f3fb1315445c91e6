//! Use and second release of what was released.

use banbury_base::{Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, Callee, Const, Instr, Op, Operand, Place, Rvalue};

use super::facts::{Facts, Release, assigns, is_own, prints, result_of};
use super::touch::Touch;
use super::walk::{Flow, Key, Step};
use super::{span_of, step};
use crate::shape::{Point, Shape, Source};

pub(super) fn after_release(shape: &Shape<'_>, facts: &Facts, releases: &[Release], out: &mut Vec<Issue>) {
    for release in releases.iter().filter(|r| r.always) {
        let mut known = shape.dominating(release.at.block);
        known.push((Key::Truth(release.slot.clone()), true));
        let from = Point { block: release.at.block, instr: release.at.instr + 1 };
        let mut found: Vec<(Span, Option<Point>)> = Vec::new();
        shape.walk(from, known, &mut |step| match step {
            Step::Instr(at, instr) => {
                let (flow, bad) = judge(shape, instr, &release.slot);
                if bad {
                    found.push((instr.span, Some(at)));
                }
                flow
            }
            Step::Test(block, cond) if shape.reads_behind(cond, &release.slot) => {
                found.push((shape.block(block).map_or(Span::NONE, |b| b.term_span), None));
                Flow::Stop
            }
            _ => Flow::Go,
        });
        found.sort();
        found.dedup();
        for (span, at) in found.into_iter().take(2) {
            if !span.is_none() {
                report(shape, facts, release, span, at, out);
            }
        }
    }
}

/// Whether to go on behind the instruction, and whether it uses what is gone.
fn judge(shape: &Shape<'_>, instr: &Instr, slot: &Place) -> (Flow, bool) {
    let callee = match &instr.op {
        Op::Call { callee: Callee::Direct(name), .. } => Some(*name),
        _ => None,
    };
    for touch in shape.touches(instr, slot) {
        match touch {
            Touch::Passed(index) => {
                // A closed descriptor is still a number that a message may name.
                let number = || {
                    callee.is_some_and(prints)
                        && shape.place_type(slot).is_some_and(|ty| shape.program.types.int_info(ty).is_some())
                };
                let used = !shows_address(shape, instr) && uses_it(shape, callee, index) && !number();
                return (Flow::Stop, used);
            }
            Touch::PassedInside(_) | Touch::Read => return (Flow::Stop, true),
            Touch::Container(_) if callee.is_some_and(prints) => {}
            Touch::Address(_) | Touch::Container(_) | Touch::Overwritten { .. } | Touch::Gone => {
                return (Flow::Stop, false);
            }
            Touch::Copied | Touch::CopiedInside => {}
        }
    }
    // Anybody may set a global.
    let called = matches!(&instr.op, Op::Call { .. });
    let known = callee.is_some_and(|c| shape.model(c).is_some() || prints(c));
    if called && !known && matches!(slot.base, Base::Global(_)) {
        return (Flow::Stop, false);
    }
    (Flow::Go, false)
}

/// Library functions that only look at the value of the pointer.
fn uses_it(shape: &Shape<'_>, callee: Option<Symbol>, index: usize) -> bool {
    let Some(name) = callee else { return true };
    match shape.model(name) {
        Some(model) => model.effects.iter().any(|e| !matches!(e, Effect::Tag(_))) || index > 0,
        None => true,
    }
}

/// A message with the address, not what is there.
fn shows_address(shape: &Shape<'_>, instr: &Instr) -> bool {
    let Op::Call { args, .. } = &instr.op else { return false };
    args.iter().any(|a| match shape.source(a) {
        Source::Const(Const::Str { text, .. }) => text.as_str().contains("%p"),
        _ => false,
    })
}

fn report(
    shape: &Shape<'_>,
    facts: &Facts,
    release: &Release,
    span: Span,
    at: Option<Point>,
    out: &mut Vec<Issue>,
) {
    let again = at.and_then(|at| shape.instr(at)).is_some_and(|i| match &i.op {
        Op::Call { callee, args, .. } => facts
            .releases(shape, callee, args)
            .and_then(|r| args.get(r.arg))
            .and_then(|a| shape.slot(a))
            .is_some_and(|slot| *slot == release.slot),
        _ => false,
    });
    // `key_free(p); free(p);`: what it holds, then the memory itself.
    let callee = |at: Point| match shape.instr(at).map(|i| &i.op) {
        Some(Op::Call { callee: Callee::Direct(name), .. }) => Some(*name),
        _ => None,
    };
    if again && release.guessed && at.and_then(callee) != callee(release.at) {
        return;
    }
    let text = shape.place_text(&release.slot);
    let (rule, cwe, message) = if again {
        ("double-free", 415, format!("'{text}' was released before on a path to here"))
    } else {
        ("use-after-free", 416, format!("'{text}' is used after it was released"))
    };
    let mut issue = shape.issue(rule, cwe, span, message);
    issue.steps.push(step(shape, span_of(shape, release), "released here"));
    issue.features.push(("freed.path", 1.0));
    let straight = at.is_some_and(|at| shape.dominates(release.at.block, at.block) && at > release.at);
    if !straight {
        issue.features.push(("freed.some-path", 1.0));
    }
    if !release.slot.proj.is_empty() {
        issue.features.push(("freed.member", 1.0));
    }
    out.push(issue);
}

/// Release of a pointer that was moved on from the start of its memory.
pub(super) fn of_moved(shape: &Shape<'_>, facts: &Facts, releases: &[Release], out: &mut Vec<Issue>) {
    let mut slots: Vec<&Place> =
        releases.iter().map(|r| &r.slot).filter(|s| s.as_local().is_some()).collect();
    slots.sort_by_key(|s| s.as_local());
    slots.dedup();
    for slot in slots {
        let made = shape.instrs().any(|(at, instr)| {
            assigns(instr, slot) && result_of(shape, at, instr).is_some_and(|c| facts.is_fresh(shape, c))
        });
        if !made {
            continue;
        }
        for (at, instr) in shape.instrs().filter(|(_, i)| moves(shape, i, slot)) {
            let mut found = None;
            let known = vec![(Key::Truth(slot.clone()), true)];
            shape.walk(Point { block: at.block, instr: at.instr + 1 }, known, &mut |s| match s {
                Step::Instr(at, _) if releases.iter().any(|r| r.at == at && r.slot == *slot) => {
                    found = Some(at);
                    Flow::Stop
                }
                Step::Instr(_, i) if moves(shape, i, slot) => Flow::Go,
                Step::Instr(_, i) => match shape
                    .touches(i, slot)
                    .iter()
                    .any(|t| matches!(t, Touch::Overwritten { .. } | Touch::Gone))
                {
                    true => Flow::Stop,
                    false => Flow::Go,
                },
                _ => Flow::Go,
            });
            let Some(span) = found.and_then(|at| shape.instr(at)).map(|i| i.span) else { continue };
            let text = shape.place_text(slot);
            let message = format!("'{text}' was moved on and no longer points to the start of its memory");
            let mut issue = shape.issue("bad-free", 763, span, message);
            issue.steps.push(step(shape, instr.span, "moved here"));
            issue.features.push(("free.moved", 1.0));
            out.push(issue);
            break;
        }
    }
}

/// `p++`, `p = p + n`, `p = strchr(p, ...)`, or `p = q` where `q` was got that way.
fn moves<'a>(shape: &Shape<'a>, instr: &'a Instr, slot: &Place) -> bool {
    match &instr.op {
        Op::Assign { dst, src } if dst == slot => match src {
            Rvalue::PtrAdd { ptr, .. } => shape.slot(ptr) == Some(slot),
            Rvalue::Use(value) | Rvalue::Cast(_, value) => from_inside(shape, value, slot, 0),
            _ => false,
        },
        Op::Call { callee: Callee::Direct(name), args, dst: Some(dst) } if dst == slot => {
            points_inside(shape, *name, args, slot)
        }
        _ => false,
    }
}

fn points_inside<'a>(shape: &Shape<'a>, name: Symbol, args: &'a [Operand], slot: &Place) -> bool {
    shape.model(name).is_some_and(|m| {
        m.effects.iter().any(|e| match e {
            Effect::Inside(i, true) => args.get(usize::from(*i)).is_some_and(|a| shape.slot(a) == Some(slot)),
            _ => false,
        })
    })
}

fn from_inside<'a>(shape: &Shape<'a>, value: &'a Operand, slot: &Place, depth: u32) -> bool {
    match shape.source(value) {
        Source::Value(Rvalue::PtrAdd { ptr, .. }) => shape.slot(ptr) == Some(slot),
        Source::Call(call) => points_inside(shape, call.callee, call.args, slot),
        Source::Place(place)
            if place != slot && depth < 2 && is_own(shape, place) && place.proj.is_empty() =>
        {
            shape.instrs().any(|(_, i)| match &i.op {
                Op::Assign { dst, src: Rvalue::Use(v) | Rvalue::Cast(_, v) } if dst == place => {
                    from_inside(shape, v, slot, depth + 1)
                }
                Op::Assign { dst, src: Rvalue::PtrAdd { ptr, .. } } if dst == place => {
                    shape.slot(ptr) == Some(slot)
                }
                Op::Call { callee: Callee::Direct(name), args, dst: Some(dst) } if dst == place => {
                    points_inside(shape, *name, args, slot)
                }
                _ => false,
            })
        }
        _ => false,
    }
}
