//! A way round a loop on which nothing changes: taken once, it is taken for ever.

use banbury_base::Symbol;
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, BlockId, Callee, Instr, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator};

use super::RULE;
use crate::loops::Loop;
use crate::names::words;
use crate::ownership::walk::Known;
use crate::shape::{Point, Shape, for_operands};

/// Blocks of a loop that is looked at, and visits of blocks on the search.
const MAX_BODY: usize = 60;
const MAX_VISITS: usize = 400;

pub(super) fn loops(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for Loop { head, body } in shape.loops().into_iter().filter(|l| l.len() <= MAX_BODY) {
        if !goes_on(shape, &body) {
            continue;
        }
        let turning = turning(shape, &body);
        let Some(path) = way_round(shape, head, &body, &turning) else { continue };
        let span = path.iter().find_map(|b| match shape.block(*b) {
            Some(block) if matches!(block.term, Terminator::Branch { .. }) => Some(block.term_span),
            _ => None,
        });
        let Some(span) = span.filter(|s| !s.is_none()) else { continue };
        let in_macro = path.iter().any(|b| shape.block(*b).is_some_and(|b| !b.term_macro.is_empty()));
        let message = "there is a way round this loop on which nothing changes".to_owned();
        let mut issue = shape.issue(RULE.id, 835, span, message);
        issue.features.push(("loop.no-progress", 1.0));
        if in_macro {
            issue.features.push(("site.macro", 1.0));
        }
        out.push(issue);
    }
}

/// The loop does something for a variable that one of its exits is about.
fn goes_on(shape: &Shape<'_>, body: &[bool]) -> bool {
    let blocks = || (0..body.len()).filter(|i| body[*i]).map(|i| BlockId(i as u32));
    let assigned: Vec<Base> = blocks()
        .filter_map(|b| shape.block(b))
        .flat_map(|b| &b.instrs)
        .filter_map(|i| match &i.op {
            Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } => Some(dst),
            _ => None,
        })
        .filter(|p| p.as_local().is_some_and(|id| !shape.is_temporary(id)))
        .map(|p| p.base)
        .collect();
    blocks().any(|b| match shape.block(b).map(|b| &b.term) {
        Some(Terminator::Branch { cond, then, other }) => {
            let exits = !body[then.index()] || !body[other.index()];
            exits && shape.places_read(cond).iter().any(|p| assigned.contains(&p.base))
        }
        _ => false,
    })
}

/// Variables that rounds compute from what they held before, if only by way of others:
/// `hit = find(at); at = hit + 1`.
fn turning(shape: &Shape<'_>, body: &[bool]) -> Vec<LocalId> {
    let mut feeds: Vec<(LocalId, Vec<LocalId>)> = Vec::new();
    for block in (0..body.len()).filter(|i| body[*i]).filter_map(|i| shape.block(BlockId(i as u32))) {
        for (id, read) in block.instrs.iter().filter_map(|instr| shape.named_assignment(instr)) {
            feeds.push((id, read.iter().filter_map(|p| p.base_local()).collect()));
        }
    }
    let turns = |id: LocalId| {
        let (mut seen, mut work) = (Vec::new(), vec![id]);
        while let Some(at) = work.pop() {
            for &from in feeds.iter().filter(|f| f.0 == at).flat_map(|f| &f.1) {
                if from == id {
                    return true;
                }
                if !seen.contains(&from) {
                    seen.push(from);
                    work.push(from);
                }
            }
        }
        false
    };
    let mut all: Vec<LocalId> = feeds.iter().map(|f| f.0).filter(|id| turns(*id)).collect();
    all.sort();
    all.dedup();
    all
}

fn way_round(shape: &Shape<'_>, head: BlockId, body: &[bool], turning: &[LocalId]) -> Option<Vec<BlockId>> {
    let mut work: Vec<(Vec<BlockId>, Known)> = vec![(vec![head], Known::new())];
    let mut visits = 0;
    while let Some((path, mut known)) = work.pop() {
        visits += 1;
        if visits > MAX_VISITS {
            return None;
        }
        let at = *path.last()?;
        let block = shape.block(at)?;
        let mut stands = true;
        for (instr, i) in block.instrs.iter().enumerate() {
            if changes(shape, Point { block: at, instr }, i, turning) {
                stands = false;
                break;
            }
            shape.learn(i, &mut known);
        }
        if !stands || !on_own_variables(shape, &block.term) {
            continue;
        }
        for (next, known) in shape.ways(&block.term, known) {
            if next == head {
                if path.len() > 1 && again(shape, &path, head, known) {
                    return Some(path);
                }
            } else if body[next.index()] && !path.contains(&next) && path.len() < 30 {
                let mut path = path.clone();
                path.push(next);
                work.push((path, known));
            }
        }
    }
    None
}

/// The way can be taken a second time with what is known after the first.
fn again(shape: &Shape<'_>, path: &[BlockId], head: BlockId, mut known: Known) -> bool {
    for (index, at) in path.iter().enumerate() {
        let Some(block) = shape.block(*at) else { return false };
        for instr in &block.instrs {
            shape.learn(instr, &mut known);
        }
        let to = path.get(index + 1).copied().unwrap_or(head);
        match shape.ways(&block.term, known).into_iter().find(|w| w.0 == to) {
            Some((_, next)) => known = next,
            None => return false,
        }
    }
    true
}

/// The instruction may make the next round different.
fn changes(shape: &Shape<'_>, at: Point, instr: &Instr, turning: &[LocalId]) -> bool {
    match &instr.op {
        Op::Assign { dst, src } => {
            let Some(id) = dst.as_local().filter(|id| !turning.contains(id)) else { return true };
            if shape.is_temporary(id) && shape.only_definition(id) == Some(at) {
                return false;
            }
            let mut read = Vec::new();
            if let Rvalue::AddrOf(place) = src {
                read.push(place);
            }
            for_operands(src, |o| read.extend(shape.places_read(o)));
            shape.is_addressed(id) || read.iter().any(|p| !still(shape, p) || p.base == dst.base)
        }
        Op::Call { dst, callee: Callee::Direct(name), .. } => {
            dst.as_ref().is_some_and(|d| d.as_local().is_none()) || !only_looks(shape, *name)
        }
        Op::Call { .. } | Op::Opaque => true,
        Op::Zero(place) => place.as_local().is_none(),
        Op::Declare(_) | Op::Dead(_) => false,
    }
}

/// What the place holds is nobody else's to change: a variable, or bytes behind one.
fn still(shape: &Shape<'_>, place: &Place) -> bool {
    let Base::Local(id) = place.base else { return false };
    let behind = place.is_behind_pointer();
    let field = place.proj.iter().any(|p| matches!(p, Proj::Field(_)));
    !(shape.is_addressed(id) || behind && field)
}

fn on_own_variables(shape: &Shape<'_>, term: &Terminator) -> bool {
    match term {
        Terminator::Branch { cond: Operand::Copy(place), .. } => {
            let mut read = Vec::new();
            match place.as_local().filter(|id| shape.is_temporary(*id)).and_then(|id| shape.only_definition(id)) {
                Some(at) => match shape.instr(at).map(|i| &i.op) {
                    Some(Op::Assign { src, .. }) => for_operands(src, |o| read.extend(shape.places_read(o))),
                    Some(Op::Call { .. }) => return true,
                    _ => read.push(place),
                },
                None => read.push(place),
            }
            read.iter().all(|p| still(shape, p))
        }
        Terminator::Goto(_) => true,
        _ => false,
    }
}

/// The call gives the same answer as long as nothing else is called.
fn only_looks(shape: &Shape<'_>, name: Symbol) -> bool {
    if let Some(model) = shape.model(name) {
        return model.effects.iter().all(|e| {
            matches!(
                e,
                Effect::Read(..) | Effect::StringLength(_) | Effect::NonNull(_) | Effect::Range(..) | Effect::Derive(..)
                    | Effect::Inside(..) | Effect::MayReturnNull
            )
        }) && !model.effects.is_empty();
    }
    let words = words(name.as_str());
    let looks = words.iter().any(|w| {
        matches!(
            w.as_str(),
            "find" | "lookup" | "exists" | "has" | "is" | "contains" | "search" | "empty" | "cmp" | "compare" | "get"
        )
    });
    looks
        && !words.iter().any(|w| {
            matches!(
                w.as_str(),
                "next" | "pop" | "read" | "recv" | "wait" | "poll" | "rand" | "random" | "alloc" | "create" | "new" | "line"
                    | "time" | "char" | "token" | "advance" | "event" | "msg" | "message" | "packet" | "byte" | "bits" | "bit"
                    | "u8" | "u16" | "u32" | "int" | "ready" | "status" | "state" | "running" | "stopped" | "done"
            )
        })
}

