//! Memory that an exit of a function forgets, though other exits release it.

use banbury_base::{Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, BlockId, Callee, Instr, Op, Operand, Place, Rvalue, Terminator};

use super::facts::{Facts, Lead, Release, is_own, prints, result_of, results, sounds_releasing};
use super::step;
use super::touch::Touch;
use super::walk::{Flow, Key, Step};
use crate::names::words;
use crate::shape::{Point, Shape, Source};

/// A pointer that comes to hold new memory.
struct Acquisition<'p> {
    at: Point,
    slot: &'p Place,
    callee: Symbol,
    /// Stored through this argument; the result otherwise.
    out: Option<usize>,
}

pub(super) fn on_exits(shape: &Shape<'_>, facts: &Facts, releases: &[Release], out: &mut Vec<Issue>) {
    for acquisition in acquisitions(shape) {
        let own: Vec<&Release> = releases.iter().filter(|r| r.slot == *acquisition.slot).collect();
        let fresh = acquisition.out.is_none() && facts.is_fresh(shape, acquisition.callee);
        let certain = fresh || acquisition.out.is_some() && own.len() > 1;
        if !own.is_empty() && !certain {
            continue;
        }
        let lead = Lead::new(shape, acquisition.slot, releases);
        let compared = lead.some(shape, acquisition.at);
        let member = !acquisition.slot.proj.is_empty();
        let others = own.is_empty()
            && member
            && !sounds_releasing(acquisition.callee)
            && facts.made(acquisition.callee, acquisition.out) >= 1;
        let wanted = if compared {
            certain
        } else {
            others && !releases.is_empty() || own.is_empty() && member && fresh
        };
        if !wanted {
            continue;
        }
        if let Some(lost) = forgotten(shape, facts, releases, &acquisition, &lead, compared) {
            out.push(issue(shape, &acquisition, lost, compared));
        }
    }
}

fn acquisitions<'a>(shape: &Shape<'a>) -> Vec<Acquisition<'a>> {
    let mut out = Vec::new();
    for (at, instr) in shape.instrs() {
        if let Some(dst) = assigned(instr).filter(|d| is_own(shape, d) && is_pointer(shape, d)) {
            if let Some(callee) = result_of(shape, at, instr) {
                out.push(Acquisition { at, slot: dst, callee, out: None });
            }
        }
        let Op::Call { callee: Callee::Direct(callee), args, .. } = &instr.op else { continue };
        // What the library stores through an argument is known.
        if shape.model(*callee).is_some() {
            continue;
        }
        for (index, arg) in args.iter().enumerate() {
            if let Some(slot) = shape.address(arg) {
                if slot.proj.is_empty() && is_own(shape, slot) && is_pointer(shape, slot) {
                    out.push(Acquisition { at, slot, callee: *callee, out: Some(index) });
                }
            }
        }
    }
    out
}

fn assigned(instr: &Instr) -> Option<&Place> {
    match &instr.op {
        Op::Assign { dst, .. } => Some(dst),
        Op::Call { dst, .. } => dst.as_ref(),
        _ => None,
    }
}

fn is_pointer(shape: &Shape<'_>, place: &Place) -> bool {
    shape.place_type(place).is_some_and(|ty| shape.program.types.is_pointer(ty))
}

/// Where memory is lost on a path from where it was got.
fn forgotten(
    shape: &Shape<'_>,
    facts: &Facts,
    releases: &[Release],
    acquisition: &Acquisition<'_>,
    lead: &Lead<'_>,
    compared: bool,
) -> Option<Span> {
    let slot = acquisition.slot;
    let shared = after_releases(shape, releases, slot);
    let mut known = shape.dominating(acquisition.at.block);
    known.retain(|(key, _)| *key != Key::Truth(slot.clone()));
    known.push((Key::Truth(slot.clone()), true));
    let failure = compared.then(|| failed_side(shape, acquisition, lead)).flatten();
    if let Some(Op::Assign {
        src: Rvalue::Use(Operand::Copy(from)) | Rvalue::Cast(_, Operand::Copy(from)),
        ..
    }) = shape.instr(acquisition.at).map(|i| &i.op)
    {
        known.push((Key::Truth(from.clone()), true));
    }
    let mut lost: Vec<Span> = Vec::new();
    let mut cleanup: Option<Span> = None;
    let from = Point { block: acquisition.at.block, instr: acquisition.at.instr + 1 };
    shape.walk(from, known, &mut |s| match s {
        Step::Instr(at, instr) => {
            if at.block != acquisition.at.block && failure == Some(at.block) {
                return Flow::Stop;
            }
            if at == acquisition.at && acquisition.out.is_none() {
                // Round a loop: the new one takes the place of the last.
                lost.push(instr.span);
                return Flow::Stop;
            }
            if matches!(&instr.op, Op::Dead(id) if slot.base == Base::Local(*id)) {
                lost.push(instr.span);
                return Flow::Stop;
            }
            if !compared && cleanup.is_none() && releases.iter().any(|r| r.at == at) {
                cleanup = Some(instr.span);
            }
            handed_on(shape, facts, releases, acquisition, lead, at, instr)
        }
        Step::Test(..) => Flow::Go,
        Step::Return(block, value, path) => {
            let returned = value.and_then(|v| shape.slot(v)).is_some_and(|p| p == slot);
            if failure != Some(block) && !returned {
                let own = path.iter().rev().find(|b| shared.get(b.index()) == Some(&false));
                let at = own.copied().unwrap_or(block);
                lost.push(shape.block(at).map_or(Span::NONE, |b| b.term_span));
            }
            Flow::Stop
        }
    });
    let place =
        if compared { lost.into_iter().min() } else { lost.into_iter().min().map(|l| cleanup.unwrap_or(l)) };
    place.filter(|s| !s.is_none())
}

/// Blocks that can follow a release of the slot, up to where it gets another value.
fn after_releases(shape: &Shape<'_>, releases: &[Release], slot: &Place) -> Vec<bool> {
    let mut out = vec![false; shape.function.blocks.len()];
    let replaced =
        |id: BlockId| shape.block(id).is_some_and(|b| b.instrs.iter().any(|i| shape.replaces(i, slot)));
    for release in releases.iter().filter(|r| r.slot == *slot) {
        let start = release.at.block;
        for (index, reached) in shape.reachable(start, |b| b != start && replaced(b)).into_iter().enumerate()
        {
            out[index] |= reached;
        }
    }
    out
}

/// The side of a test of the call's result on which nothing was got: where no release follows,
/// while one follows on the other side.
fn failed_side(shape: &Shape<'_>, acquisition: &Acquisition<'_>, lead: &Lead<'_>) -> Option<BlockId> {
    acquisition.out?;
    let block = shape.block(acquisition.at.block)?;
    let Terminator::Branch { cond, then, other } = &block.term else { return None };
    let ours = match shape.source(shape.condition(cond).left) {
        Source::Call(call) => call.at == acquisition.at,
        Source::Place(place) => results(shape, acquisition.at).contains(place),
        _ => false,
    };
    if !ours {
        return None;
    }
    match (lead.some_from(*then), lead.some_from(*other)) {
        (true, false) => Some(*other),
        (false, true) => Some(*then),
        _ => None,
    }
}

/// Whether the memory is somebody else's after the instruction.
fn handed_on(
    shape: &Shape<'_>,
    facts: &Facts,
    releases: &[Release],
    acquisition: &Acquisition<'_>,
    lead: &Lead<'_>,
    at: Point,
    instr: &Instr,
) -> Flow {
    let slot = acquisition.slot;
    if releases.iter().any(|r| r.at == at && r.slot == *slot) {
        return Flow::Stop;
    }
    let touches = shape.touches(instr, slot);
    if touches.is_empty() {
        return Flow::Go;
    }
    let callee = match &instr.op {
        Op::Call { callee: Callee::Direct(name), .. } => Some(*name),
        _ => None,
    };
    for touch in touches {
        let stays = match touch {
            Touch::Read => true,
            Touch::Passed(0) if callee.is_some_and(fills) => true,
            Touch::Passed(i) | Touch::PassedInside(i) => {
                callee.is_some_and(|name| only_looks(shape, facts, lead, name, i, at))
            }
            Touch::Address(i) => callee.is_some_and(|name| {
                !slot.proj.is_empty() && (facts.borrowed(name, i) || shows(name)) || prints(name)
            }),
            Touch::Container(_) => true,
            Touch::Copied | Touch::CopiedInside | Touch::Overwritten { .. } => false,
            Touch::Gone => false,
        };
        if !stays {
            return Flow::Stop;
        }
    }
    Flow::Go
}

/// Functions named after turning something into text or another form.
fn shows(name: Symbol) -> bool {
    let words = words(name.as_str());
    words.iter().any(|w| {
        matches!(
            w.as_str(),
            "convert" | "encode" | "json" | "serialize" | "dump" | "pack" | "format" | "build"
        )
    })
}

fn only_looks(
    shape: &Shape<'_>,
    facts: &Facts,
    lead: &Lead<'_>,
    name: Symbol,
    arg: usize,
    at: Point,
) -> bool {
    if let Some(model) = shape.model(name) {
        return !model.effects.iter().any(|e| match e {
            Effect::TakesOwnership(i) => usize::from(*i) == arg,
            Effect::Release { arg: i, .. } => usize::from(*i) == arg,
            _ => false,
        });
    }
    if prints(name) || facts.borrowed(name, arg) {
        return true;
    }
    if arg > 0 && stores(name) || sounds_releasing(name) {
        return false;
    }
    lead.either_way(shape, at)
}

/// Functions that put something into what their first argument is.
fn fills(name: Symbol) -> bool {
    words(name.as_str())
        .last()
        .is_some_and(|w| matches!(w.as_str(), "add" | "append" | "insert" | "push" | "set"))
}

fn stores(name: Symbol) -> bool {
    words(name.as_str()).iter().any(|w| {
        matches!(
            w.as_str(),
            "add"
                | "insert"
                | "append"
                | "push"
                | "put"
                | "set"
                | "register"
                | "enqueue"
                | "attach"
                | "link"
                | "store"
                | "send"
                | "queue"
                | "save"
                | "submit"
                | "post"
                | "take"
                | "give"
                | "own"
                | "init"
                | "start"
                | "write"
        )
    })
}

fn issue(shape: &Shape<'_>, acquisition: &Acquisition<'_>, span: Span, compared: bool) -> Issue {
    let text = shape.place_text(acquisition.slot);
    let message = if compared {
        format!("'{text}' is released on other paths, but not on this one")
    } else {
        format!("'{text}' is never released here; elsewhere what '{}' returns is", acquisition.callee)
    };
    let mut issue = shape.issue("memory-leak", 401, span, message);
    if let Some(instr) = shape.instr(acquisition.at) {
        issue.steps.push(step(shape, instr.span, "acquired here"));
    }
    issue.features.push((if compared { "leak.compared" } else { "leak.others" }, 1.0));
    if acquisition.out.is_some() {
        issue.features.push(("leak.out-argument", 1.0));
    }
    issue
}
