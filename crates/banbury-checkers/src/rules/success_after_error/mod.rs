use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, BlockId, Const, Op, Operand, Place, Rvalue, Terminator};

use crate::names::words;
use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "success-after-error",
    version: 1,
    title: "Error reported to the log, success to the caller",
    cwe: &[393, 252, 754],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

/// What the result is known to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unreached,
    Zero,
    Other,
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if shape.calls.len() < 2 || !shape.function.gaps.is_empty() {
        return;
    }
    let Some(result) = returned(shape) else { return };
    if !zero_is_success(shape, result) {
        return;
    }
    let states = states(shape, result);
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let id = BlockId(index as u32);
        let Terminator::Goto(to) = block.term else { continue };
        if states[index] != State::Zero || touched(shape, id, result) {
            continue;
        }
        let Some(call) = shape.calls.iter().find(|c| c.at.block == id && reports_error(shape, c)) else { continue };
        // Others come to the same end with an error in the result.
        let shared = shape.predecessors().get(to.index()).is_some_and(|p| {
            p.iter().any(|b| *b != id && leaves_with_error(shape, *b, to, result, &states))
        });
        if !shared || !ends(shape, to, result) {
            continue;
        }
        let name = shape.place_text(result);
        let message = format!("an error is logged, but '{name}' is still 0, which callers take for success");
        out.push(shape.issue(RULE.id, 393, call.span, message));
    }
}

/// The variable that the function returns.
fn returned<'a>(shape: &Shape<'a>) -> Option<&'a Place> {
    let mut found: Option<&Place> = None;
    for block in &shape.function.blocks {
        let Terminator::Return(Some(Operand::Copy(place))) = &block.term else { continue };
        let id = place.as_local()?;
        if shape.is_temporary(id) || found.is_some_and(|f| f != place) {
            continue;
        }
        found = Some(place);
    }
    let place = found?;
    let id = place.as_local()?;
    let number = shape.place_type(place).is_some_and(|ty| shape.program.types.int_info(ty).is_some_and(|i| i.0 > 8));
    (number && !shape.is_addressed(id) && id.0 >= shape.function.params).then_some(place)
}

/// Somewhere the result of a call is put into the variable and tested for not being zero.
fn zero_is_success(shape: &Shape<'_>, result: &Place) -> bool {
    shape.tests().any(|t| {
        let on_result = matches!(t.condition.left, Operand::Copy(p) if p == result);
        let against_zero = t.condition.right.is_none();
        on_result && against_zero && matches!(t.condition.op, BinOp::Ne) && leads_out(shape, t.then)
            || on_result && against_zero && t.condition.op == BinOp::Eq && leads_out(shape, t.other)
    })
}

/// The block leaves the function at once, or goes to where others leave it.
fn leads_out(shape: &Shape<'_>, from: BlockId) -> bool {
    let mut at = from;
    for _ in 0..4 {
        match shape.block(at).map(|b| &b.term) {
            Some(Terminator::Return(_)) => return true,
            Some(Terminator::Goto(to)) => at = *to,
            _ => return false,
        }
    }
    false
}

fn states(shape: &Shape<'_>, result: &Place) -> Vec<State> {
    let count = shape.function.blocks.len();
    let mut at_start = vec![State::Unreached; count];
    if count > 0 {
        at_start[0] = State::Other;
    }
    let mut at_end = vec![State::Unreached; count];
    let mut work = vec![BlockId(0)];
    while let Some(id) = work.pop() {
        let end = after(shape, id, result, at_start[id.index()]);
        at_end[id.index()] = end;
        for (next, state) in edges(shape, id, result, end) {
            let old = at_start[next.index()];
            let new = match (old, state) {
                (State::Unreached, s) => s,
                (a, b) if a == b => a,
                _ => State::Other,
            };
            if new != old {
                at_start[next.index()] = new;
                work.push(next);
            }
        }
    }
    at_end
}

fn after(shape: &Shape<'_>, id: BlockId, result: &Place, before: State) -> State {
    let Some(block) = shape.block(id) else { return before };
    block.instrs.iter().fold(before, |state, instr| match &instr.op {
        Op::Assign { dst, src } if dst == result => match src {
            Rvalue::Use(o) | Rvalue::Cast(_, o) if is_zero(shape, o) => State::Zero,
            _ => State::Other,
        },
        Op::Call { dst: Some(dst), .. } if dst == result => State::Other,
        _ => state,
    })
}

fn is_zero(shape: &Shape<'_>, operand: &Operand) -> bool {
    match operand {
        Operand::Const(Const::Int(k, _)) => *k == 0,
        Operand::Copy(place) => place
            .as_local()
            .and_then(|id| shape.only_definition(id))
            .and_then(|at| shape.instr(at))
            .is_some_and(|i| match &i.op {
                Op::Assign { src: Rvalue::Use(o) | Rvalue::Cast(_, o), .. } => {
                    matches!(o, Operand::Const(Const::Int(0, _)))
                }
                _ => false,
            }),
        Operand::Const(_) => false,
    }
}

fn edges(shape: &Shape<'_>, id: BlockId, result: &Place, end: State) -> Vec<(BlockId, State)> {
    let Some(block) = shape.block(id) else { return Vec::new() };
    if let Terminator::Branch { cond, then, other } = &block.term {
        let condition = shape.condition(cond);
        let ours = matches!(shape.source(condition.left), Source::Place(p) if p == result);
        if ours && condition.right.is_none() {
            let (zero, not) = match condition.op {
                BinOp::Ne => (*other, *then),
                BinOp::Eq => (*then, *other),
                _ => return vec![(*then, end), (*other, end)],
            };
            return vec![(zero, State::Zero), (not, State::Other)];
        }
    }
    block.term.successors().into_iter().map(|next| (next, end)).collect()
}

fn touched(shape: &Shape<'_>, id: BlockId, result: &Place) -> bool {
    shape.block(id).is_some_and(|b| {
        b.instrs.iter().any(|i| match &i.op {
            Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } => dst == result,
            _ => false,
        })
    })
}

/// The call tells of something that went wrong.
fn reports_error(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    let words = words(call.callee.as_str());
    let says = |w: &String| {
        matches!(
            w.as_str(),
            "fail" | "failf" | "err" | "error" | "errx" | "log" | "printf" | "print" | "logger" | "crit" | "zlog" | "alert"
        ) || w.ends_with("err") || w.ends_with("error") || w.ends_with("log") || w.ends_with("printf")
    };
    let quiet = |w: &String| matches!(w.as_str(), "warn" | "warning" | "info" | "debug" | "dbg" | "trace" | "notice" | "snprintf" | "sprintf");
    words.iter().any(says)
        && !words.iter().any(quiet)
        && call.args.iter().filter_map(|a| shape.literal(a)).any(speaks_of_failure)
}

fn speaks_of_failure(text: Symbol) -> bool {
    let text = text.as_str().to_ascii_lowercase();
    ["fail", "unable to", "could not", "couldn't", "cannot", "can't", "error ", "not built", "was built without"]
        .iter()
        .any(|w| text.contains(w))
}

fn leaves_with_error(shape: &Shape<'_>, from: BlockId, to: BlockId, result: &Place, states: &[State]) -> bool {
    // Either the result was just found not to be zero, or it was set to an error.
    let set = shape.block(from).is_some_and(|b| {
        b.instrs.iter().any(|i| match &i.op {
            Op::Assign { dst, src: Rvalue::Use(o) | Rvalue::Cast(_, o) } if dst == result => {
                matches!(o, Operand::Const(_)) && !is_zero(shape, o)
            }
            _ => false,
        })
    });
    let tested = edges(shape, from, result, states[from.index()])
        .iter()
        .any(|(next, state)| *next == to && *state == State::Other)
        && matches!(shape.block(from).map(|b| &b.term), Some(Terminator::Branch { .. }));
    let behind_test = shape.predecessors().get(from.index()).is_some_and(|p| {
        p.len() == 1
            && p.iter().any(|up| {
                states[up.index()] == State::Other
                    && edges(shape, *up, result, State::Zero).iter().any(|(n, s)| *n == from && *s == State::Other)
            })
    });
    set || tested || behind_test
}

/// From here the function ends, and the result is not set again.
fn ends(shape: &Shape<'_>, from: BlockId, result: &Place) -> bool {
    let reached = shape.reachable(from, |_| false);
    let blocks = || (0..reached.len()).filter(|i| reached[*i]).map(|i| BlockId(i as u32));
    blocks().count() <= 12 && blocks().all(|b| !touched(shape, b, result)) && !reached[0]
}
