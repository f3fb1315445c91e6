//! Walks along the paths from a point of a function, with what the decisions on the way say of
//! plain conditions: `if (failed) free(p); ... if (!failed) use(p)` is no way from the first to
//! the second.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use banbury_ir::{
    Base, BinOp, BlockId, Callee, Const, Index, Instr, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator,
};
use rustc_hash::{FxHashSet, FxHasher};

use crate::shape::{Point, Shape, Source};

/// Blocks visited on one walk.
const MAX_VISITS: usize = 800;
/// Conditions remembered.
const MAX_KNOWN: usize = 24;

/// A condition on a place.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Key {
    /// It is not zero.
    Truth(Place),
    /// `place op number`, with `op` one of `==`, `<`, `<=`.
    Number(BinOp, Place, i128),
    /// `place op place`.
    Places(BinOp, Place, Place),
}

pub(crate) type Known = Vec<(Key, bool)>;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Go,
    Stop,
}

/// What a walk comes across.
pub(crate) enum Step<'a> {
    Instr(Point, &'a Instr),
    /// The condition or value that the block ends with.
    Test(BlockId, &'a Operand),
    /// The end of the function, and the blocks on the way there.
    Return(BlockId, Option<&'a Operand>, Vec<BlockId>),
}

impl<'a> Shape<'a> {
    /// Shows every step that can follow the point to `see`, which says where to stop.
    pub(crate) fn walk(&self, from: Point, known: Known, see: &mut dyn FnMut(Step<'a>) -> Flow) {
        let mut seen: FxHashSet<(BlockId, u64)> = FxHashSet::default();
        // The nearest first: what is close to the point is seen before the limit is reached.
        let mut work = VecDeque::from([(from, known, usize::MAX)]);
        // Visited blocks with the number of the visit before.
        let mut visits: Vec<(BlockId, usize)> = Vec::new();
        while let Some((at, mut known, before)) = work.pop_front() {
            let Some(block) = self.block(at.block).filter(|_| visits.len() < MAX_VISITS) else { continue };
            let visit = visits.len();
            visits.push((at.block, before));
            let mut stopped = false;
            for (instr, body) in block.instrs.iter().enumerate().skip(at.instr) {
                if see(Step::Instr(Point { block: at.block, instr }, body)) == Flow::Stop {
                    stopped = true;
                    break;
                }
                self.learn(body, &mut known);
            }
            if stopped {
                continue;
            }
            match &block.term {
                Terminator::Branch { cond: value, .. } | Terminator::Switch { value, .. } => {
                    if see(Step::Test(at.block, value)) == Flow::Stop {
                        continue;
                    }
                }
                Terminator::Return(value) => {
                    see(Step::Return(at.block, value.as_ref(), trail(&visits, visit)));
                }
                _ => {}
            }
            for (next, known) in self.ways(&block.term, known) {
                let mut hasher = FxHasher::default();
                known.hash(&mut hasher);
                if seen.insert((next, hasher.finish())) {
                    work.push_back((Point { block: next, instr: 0 }, known, visit));
                }
            }
        }
    }

    /// Where control goes from the end of the block, with what is known there.
    pub(crate) fn ways(&self, term: &'a Terminator, known: Known) -> Vec<(BlockId, Known)> {
        match term {
            Terminator::Goto(to) => vec![(*to, known)],
            Terminator::Branch { cond, then, other } => {
                let condition = self.key(cond);
                let truth = match &condition {
                    Some((key, positive)) => decide(&known, key).map(|t| t == *positive),
                    None => self.evaluate(cond).map(|k| k != 0),
                };
                let mut out = Vec::with_capacity(2);
                for (to, taken) in [(*then, true), (*other, false)] {
                    if truth.is_some_and(|t| t != taken) {
                        continue;
                    }
                    let mut known = known.clone();
                    if let (Some((key, positive)), None) = (&condition, truth) {
                        remember(&mut known, key.clone(), *positive == taken);
                    }
                    out.push((to, known));
                }
                out
            }
            Terminator::Switch { value, cases, default } => self.cases(value, cases, *default, known),
            Terminator::Return(_) | Terminator::Unreachable => Vec::new(),
        }
    }

    fn cases(
        &self,
        value: &'a Operand,
        cases: &[(i128, i128, BlockId)],
        default: BlockId,
        known: Known,
    ) -> Vec<(BlockId, Known)> {
        let place = match self.source(value) {
            Source::Place(place) => Some(place.clone()),
            _ => None,
        };
        let number = place.as_ref().and_then(|p| number_of(&known, p));
        let mut out = Vec::new();
        for &(lo, hi, to) in cases {
            if number.is_some_and(|k| k < lo || k > hi) {
                continue;
            }
            let mut known = known.clone();
            if let (Some(place), true) = (&place, lo == hi) {
                remember(&mut known, Key::Number(BinOp::Eq, place.clone(), lo), true);
            }
            out.push((to, known));
        }
        if number.is_none_or(|k| !cases.iter().any(|c| k >= c.0 && k <= c.1)) {
            out.push((default, known));
        }
        out
    }

    /// The condition that the operand stands for, and whether it is meant as it stands.
    fn key(&self, operand: &'a Operand) -> Option<(Key, bool)> {
        let condition = self.condition(operand);
        let place = |o: &'a Operand| match self.source(o) {
            Source::Place(place) => Some(place.clone()),
            Source::Call(_) => match o {
                Operand::Copy(place) => Some(place.clone()),
                Operand::Const(_) => None,
            },
            _ => None,
        };
        let number = |o: &'a Operand| self.evaluate(o);
        let (op, positive) = match condition.op {
            BinOp::Ne => (BinOp::Eq, false),
            BinOp::Ge => (BinOp::Lt, false),
            BinOp::Gt => (BinOp::Le, false),
            op => (op, true),
        };
        let left = place(condition.left);
        let Some(right) = condition.right else {
            return Some((Key::Truth(left?), !positive));
        };
        if let Some(k) = number(right) {
            let left = left?;
            return Some(match (op, k) {
                (BinOp::Eq, 0) => (Key::Truth(left), !positive),
                _ => (Key::Number(op, left, k), positive),
            });
        }
        Some((Key::Places(op, left?, place(right)?), positive))
    }

    /// What an instruction changes of what is known.
    pub(crate) fn learn(&self, instr: &'a Instr, known: &mut Known) {
        match &instr.op {
            Op::Assign { dst, src } => {
                let value = match src {
                    Rvalue::Use(o) | Rvalue::Cast(_, o) => self.value_of(o, known),
                    _ => None,
                };
                forget(known, dst);
                if let Some(value) = value {
                    match value {
                        Value::Number(k) => {
                            remember(known, Key::Truth(dst.clone()), k != 0);
                            remember(known, Key::Number(BinOp::Eq, dst.clone(), k), true);
                        }
                        Value::Truth(t) => remember(known, Key::Truth(dst.clone()), t),
                    }
                }
            }
            Op::Call { dst, args, callee } => {
                if !known.is_empty() {
                    let quiet = matches!(callee, Callee::Direct(name) if super::facts::prints(*name));
                    for arg in args.iter().filter(|_| !quiet) {
                        match self.source(arg) {
                            Source::Value(Rvalue::AddrOf(place)) => {
                                forget(known, place);
                                forget_behind(known, place.base);
                            }
                            Source::Place(place) => forget_behind(known, place.base),
                            _ => {}
                        }
                    }
                }
                if let Some(dst) = dst {
                    forget(known, dst);
                }
            }
            Op::Zero(place) => forget(known, place),
            Op::Declare(id) | Op::Dead(id) => forget(known, &Place::local(*id)),
            Op::Opaque => known.clear(),
        }
    }

    fn value_of(&self, operand: &'a Operand, known: &Known) -> Option<Value> {
        match self.source(operand) {
            Source::Const(Const::Int(bits, ty)) => {
                Some(Value::Number(self.program.types.int_value(*bits, *ty)))
            }
            Source::Place(place) => match number_of(known, place) {
                Some(k) => Some(Value::Number(k)),
                None => decide(known, &Key::Truth(place.clone())).map(Value::Truth),
            },
            Source::Call(_) => match operand {
                Operand::Copy(place) => decide(known, &Key::Truth(place.clone())).map(Value::Truth),
                Operand::Const(_) => None,
            },
            _ => None,
        }
    }

    /// What holds whenever control gets to the block: what the branches above it were about, and
    /// the numbers that variables are set to on every way to it.
    pub(crate) fn dominating(&self, block: BlockId) -> Known {
        let mut keys: Vec<(Key, bool, BlockId)> = Vec::new();
        let mut at = block;
        for _ in 0..64 {
            let Some(up) = self.dominator(at) else { break };
            if let Some(Terminator::Branch { cond, then, other }) = self.block(up).map(|b| &b.term) {
                for (to, taken) in [(*then, true), (*other, false)] {
                    let only = self.predecessors().get(to.index()).is_some_and(|p| p.len() == 1);
                    if only && then != other && self.dominates(to, block) {
                        if let Some((key, positive)) = self.key(cond) {
                            keys.push((key, positive == taken, up));
                        }
                    }
                }
            }
            at = up;
        }
        if !keys.is_empty() {
            self.drop_changed(&mut keys);
        }
        let mut known = Known::new();
        for (key, truth, _) in keys {
            remember(&mut known, key, truth);
        }
        for (place, k) in self.numbers_at(block) {
            remember(&mut known, Key::Truth(place.clone()), k != 0);
            remember(&mut known, Key::Number(BinOp::Eq, place, k), true);
        }
        known
    }

    /// Drops conditions on what is assigned in a place that does not come before the branch.
    fn drop_changed(&self, keys: &mut Vec<(Key, bool, BlockId)>) {
        for (at, instr) in self.instrs() {
            let dst = match &instr.op {
                Op::Assign { dst, .. } | Op::Zero(dst) => dst,
                Op::Call { dst: Some(dst), .. } => dst,
                _ => continue,
            };
            keys.retain(|(key, _, block)| !mentions(key, dst) || self.dominates(at.block, *block));
        }
    }

    /// Variables that hold a certain number at the start of the block.
    fn numbers_at(&self, block: BlockId) -> Vec<(Place, i128)> {
        let numbers = self.numbers();
        let Some(Some(state)) = numbers.get(block.index()) else { return Vec::new() };
        state.iter().map(|&(id, k)| (Place::local(id), k)).collect()
    }

    /// For the start of each block, the variables that hold a certain number, by number.
    pub(crate) fn find_numbers(&self) -> Vec<Option<Vec<(LocalId, i128)>>> {
        let mut at: Vec<Option<Vec<(LocalId, i128)>>> = vec![None; self.function.blocks.len()];
        let mut work = vec![BlockId(0)];
        if let Some(first) = at.first_mut() {
            *first = Some(Vec::new());
        }
        while let Some(id) = work.pop() {
            let (Some(block), Some(Some(state))) = (self.block(id), at.get(id.index())) else { continue };
            let mut state = state.clone();
            for instr in &block.instrs {
                self.follow_numbers(instr, &mut state);
            }
            for next in block.term.successors() {
                let Some(slot) = at.get_mut(next.index()) else { continue };
                let merged = match slot {
                    None => state.clone(),
                    Some(old) => old.iter().copied().filter(|n| state.contains(n)).collect(),
                };
                if slot.as_ref() != Some(&merged) {
                    *slot = Some(merged);
                    work.push(next);
                }
            }
        }
        at
    }

    fn follow_numbers(&self, instr: &'a Instr, state: &mut Vec<(LocalId, i128)>) {
        let (dst, src) = match &instr.op {
            Op::Assign { dst, src } => (dst, Some(src)),
            Op::Call { dst: Some(dst), .. } => (dst, None),
            Op::Declare(id) => {
                state.retain(|n| n.0 != *id);
                return;
            }
            _ => return,
        };
        let Some(id) = dst.as_local().filter(|id| !self.is_temporary(*id) && !self.is_addressed(*id)) else {
            return;
        };
        state.retain(|n| n.0 != id);
        if let Some(Rvalue::Use(o) | Rvalue::Cast(_, o)) = src {
            if let Source::Const(Const::Int(bits, ty)) = self.source(o) {
                if state.len() < 12 {
                    state.push((id, self.program.types.int_value(*bits, *ty)));
                }
            }
        }
    }
}

fn trail(visits: &[(BlockId, usize)], last: usize) -> Vec<BlockId> {
    let mut out = Vec::new();
    let mut at = last;
    while let Some(&(block, before)) = visits.get(at) {
        out.push(block);
        at = before;
    }
    out.reverse();
    out
}

enum Value {
    Number(i128),
    Truth(bool),
}

pub(crate) fn remember(known: &mut Known, key: Key, truth: bool) {
    if known.len() < MAX_KNOWN && !known.iter().any(|(k, _)| *k == key) {
        known.push((key, truth));
    }
}

fn number_of(known: &Known, place: &Place) -> Option<i128> {
    known.iter().find_map(|(key, truth)| match key {
        Key::Number(BinOp::Eq, p, k) if p == place && *truth => Some(*k),
        Key::Truth(p) if p == place && !truth => Some(0),
        _ => None,
    })
}

/// Whether the condition holds by what is known.
fn decide(known: &Known, key: &Key) -> Option<bool> {
    if let Some((_, truth)) = known.iter().find(|(k, _)| k == key) {
        return Some(*truth);
    }
    match key {
        Key::Truth(place) => number_of(known, place).map(|k| k != 0),
        Key::Number(op, place, k) => {
            let n = number_of(known, place)?;
            Some(match op {
                BinOp::Eq => n == *k,
                BinOp::Lt => n < *k,
                BinOp::Le => n <= *k,
                _ => return None,
            })
        }
        Key::Places(..) => None,
    }
}

fn forget(known: &mut Known, dst: &Place) {
    known.retain(|(key, _)| !mentions(key, dst));
}

/// Forgets what is known of memory that can be reached over the variable.
fn forget_behind(known: &mut Known, base: Base) {
    let behind = |p: &Place| p.base == base && p.is_behind_pointer();
    known.retain(|(key, _)| match key {
        Key::Truth(p) | Key::Number(_, p, _) => !behind(p),
        Key::Places(_, p, q) => !behind(p) && !behind(q),
    });
}

fn mentions(key: &Key, dst: &Place) -> bool {
    match key {
        Key::Truth(p) | Key::Number(_, p, _) => depends(p, dst),
        Key::Places(_, p, q) => depends(p, dst) || depends(q, dst),
    }
}

/// Whether the place is another one, or holds something else, after `dst` is assigned.
pub(crate) fn depends(place: &Place, dst: &Place) -> bool {
    let overlaps =
        place.base == dst.base && (place.proj.starts_with(&dst.proj) || dst.proj.starts_with(&place.proj));
    overlaps || dst.as_local().is_some_and(|id| indexed_by(place, id))
}

fn indexed_by(place: &Place, id: LocalId) -> bool {
    place
        .proj
        .iter()
        .any(|p| matches!(p, Proj::At(Index::Local(i)) | Proj::Elem(Index::Local(i)) if *i == id))
        && place.base != Base::Local(id)
}
