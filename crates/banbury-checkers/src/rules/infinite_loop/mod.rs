mod stuck;

use crate::Rule;
use banbury_base::{FileId, Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BlockId, Callee, Op, Terminator};

use crate::names;
use crate::shape::Shape;

pub const RULE: Rule = Rule {
    id: "infinite-loop",
    version: 1,
    title: "Loop that never ends",
    cwe: &[835],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: -2.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.function.gaps.is_empty() || shape.function.is_noreturn {
        return;
    }
    stuck::loops(shape, out);
    let ends = can_end(shape);
    let mut reported = vec![false; shape.function.blocks.len()];
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let head = BlockId(index as u32);
        let back = shape.predecessors().get(index).is_some_and(|p| p.iter().any(|b| b.0 >= head.0));
        if !back || reported[index] || ends[index] {
            continue;
        }
        let Some(body) = endless(shape, head) else { continue };
        for id in &body {
            if let Some(slot) = reported.get_mut(id.index()) {
                *slot = true;
            }
        }
        if !busy(shape, &body) || !reached(shape, head) {
            continue;
        }
        let span = entry_span(shape, head, &body).unwrap_or(block.term_span);
        if !span.is_none() {
            let message = "no condition, return or break ends this loop".to_owned();
            out.push(shape.issue(RULE.id, 835, span, message));
        }
    }
}

/// For each block, whether control can get from it to the end of the function.
fn can_end(shape: &Shape<'_>) -> Vec<bool> {
    let blocks = &shape.function.blocks;
    let mut out: Vec<bool> =
        blocks.iter().map(|b| matches!(b.term, Terminator::Return(_) | Terminator::Unreachable)).collect();
    let mut work: Vec<BlockId> = (0..blocks.len() as u32).map(BlockId).filter(|b| out[b.index()]).collect();
    while let Some(id) = work.pop() {
        for &before in shape.predecessors().get(id.index()).map_or(&[][..], Vec::as_slice) {
            if !out[before.index()] && shape.live_successors(before).contains(&id) {
                out[before.index()] = true;
                work.push(before);
            }
        }
    }
    out
}

/// The `while` or `for` of the loop: where control comes into it.
fn entry_span(shape: &Shape<'_>, head: BlockId, body: &[BlockId]) -> Option<Span> {
    let block = shape.block(head)?;
    if !matches!(block.term, Terminator::Goto(_)) {
        return Some(block.term_span);
    }
    let before = shape.predecessors().get(head.index())?.iter().find(|b| !body.contains(b))?;
    shape.block(*before).map(|b| b.term_span).filter(|s| !s.is_none())
}

/// Control gets to the block from the entry, with constant conditions evaluated.
fn reached(shape: &Shape<'_>, to: BlockId) -> bool {
    closure(shape, BlockId(0)).contains(&to)
}

fn closure(shape: &Shape<'_>, from: BlockId) -> Vec<BlockId> {
    let mut marks = vec![false; shape.function.blocks.len()];
    let mut order = vec![from];
    let mut next = 0;
    while let Some(&id) = order.get(next) {
        next += 1;
        for to in shape.live_successors(id) {
            if marks.get(to.index()) == Some(&false) {
                marks[to.index()] = true;
                order.push(to);
            }
        }
    }
    order
}

/// The blocks from which control cannot but come back to the head: everything reachable from it
/// reaches it again.
fn endless(shape: &Shape<'_>, head: BlockId) -> Option<Vec<BlockId>> {
    let body = closure(shape, head);
    (body.iter().any(|id| shape.live_successors(*id).contains(&head))).then_some(body)
}

/// Nothing in the loop waits for something or may leave it by another way.
fn busy(shape: &Shape<'_>, body: &[BlockId]) -> bool {
    body.iter().filter_map(|id| shape.block(*id)).flat_map(|b| &b.instrs).all(|instr| match &instr.op {
        Op::Call { callee: Callee::Direct(name), .. } => harmless(shape, shape.function.file, *name, 0),
        Op::Call { .. } | Op::Opaque => false,
        _ => true,
    })
}

/// The call returns at once, always: known library functions, or functions of the release that
/// call nothing else.
fn harmless(shape: &Shape<'_>, from: FileId, name: Symbol, depth: u32) -> bool {
    if depth > 4 {
        return false;
    }
    if let Some(id) = shape.program.resolve(from, name) {
        let function = shape.program.function(id);
        return !function.is_noreturn
            && function.gaps.is_empty()
            && function.blocks.iter().flat_map(|b| &b.instrs).all(|instr| match &instr.op {
                Op::Call { callee: Callee::Direct(inner), .. } => {
                    harmless(shape, function.file, *inner, depth + 1)
                }
                Op::Call { .. } | Op::Opaque => false,
                _ => true,
            });
    }
    if waits(name.as_str()) {
        return false;
    }
    shape.model(name).is_some_and(|m| {
        !m.effects.iter().any(|e| matches!(e, Effect::NoReturn | Effect::Abort | Effect::Assert(_) | Effect::Taint(..)))
    })
}

fn waits(name: &str) -> bool {
    matches!(name, "pause" | "select" | "pselect" | "poll" | "ppoll" | "accept" | "accept4" | "wait" | "waitpid" | "sched_yield")
        || names::mentions(name, &["sleep", "_wait", "sigwait", "recv", "read", "lock", "join", "throw", "jmp"])
}
