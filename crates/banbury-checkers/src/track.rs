//! States of a few places along the paths of one function: sets of flags, joined by union. Rules
//! on locks and closed resources use it; whatever needs values belongs to the interpreter.

use banbury_ir::{Base, BlockId, Callee, Op, Operand, Place, Proj, Rvalue, Terminator};

use crate::shape::{CallSite, Point, Shape, Source};

/// A set of states that a place may be in.
pub(crate) type States = u8;

/// Nothing is known to have happened.
pub(crate) const UNTOUCHED: States = 1;

/// The call puts the place into the state.
pub(crate) struct Step<'a> {
    pub call: CallSite<'a>,
    pub place: Place,
    pub becomes: States,
}

pub(crate) struct Tracker<'s, 'a> {
    shape: &'s Shape<'a>,
    places: Vec<Place>,
    /// Steps by point, as (point, index of the place, state).
    steps: Vec<(Point, usize, States)>,
    entry: Vec<Option<Vec<States>>>,
    resets: bool,
}

impl<'s, 'a> Tracker<'s, 'a> {
    /// Runs to the fixpoint. With `resets`, a call of an unknown function forgets what is known
    /// of places that it can get at.
    pub(crate) fn run(shape: &'s Shape<'a>, steps: &[Step<'a>], resets: bool) -> Self {
        let mut places: Vec<Place> = Vec::new();
        let mut indexed = Vec::new();
        for step in steps {
            let index = places.iter().position(|p| *p == step.place).unwrap_or_else(|| {
                places.push(step.place.clone());
                places.len() - 1
            });
            indexed.push((step.call.at, index, step.becomes));
        }
        indexed.sort_by_key(|s| s.0);
        let entry = vec![None; shape.function.blocks.len()];
        let mut tracker = Tracker { shape, places, steps: indexed, entry, resets };
        tracker.fixpoint();
        tracker
    }

    fn fixpoint(&mut self) {
        let start = vec![UNTOUCHED; self.places.len()];
        let mut work = vec![BlockId(0)];
        if let Some(first) = self.entry.first_mut() {
            *first = Some(start);
        }
        while let Some(id) = work.pop() {
            let Some(Some(mut states)) = self.entry.get(id.index()).cloned() else { continue };
            let end = self.shape.block(id).map_or(0, |b| b.instrs.len());
            self.walk(id, end, &mut states);
            for next in self.shape.live_successors(id) {
                let Some(slot) = self.entry.get_mut(next.index()) else { continue };
                let changed = match slot {
                    None => {
                        *slot = Some(states.clone());
                        true
                    }
                    Some(old) => {
                        let mut changed = false;
                        for (a, b) in old.iter_mut().zip(&states) {
                            changed |= *a | b != *a;
                            *a |= b;
                        }
                        changed
                    }
                };
                if changed && !work.contains(&next) {
                    work.push(next);
                }
            }
        }
    }

    fn walk(&self, id: BlockId, end: usize, states: &mut [States]) {
        let Some(block) = self.shape.block(id) else { return };
        for (instr, body) in block.instrs.iter().enumerate().take(end) {
            let at = Point { block: id, instr };
            let mut steps = self.steps.iter().filter(|s| s.0 == at).peekable();
            let known = steps.peek().is_some();
            match &body.op {
                Op::Assign { dst, .. } | Op::Zero(dst) => self.forget(dst, states),
                Op::Call { dst, callee, args } => {
                    if !known {
                        self.forget_reachable(callee, args, states);
                    }
                    if let Some(dst) = dst {
                        self.forget(dst, states);
                    }
                }
                Op::Declare(local) => self.forget(&Place::local(*local), states),
                Op::Opaque => states.fill(UNTOUCHED),
                Op::Dead(_) => {}
            }
            for (_, index, becomes) in steps {
                states[*index] = *becomes;
            }
        }
    }

    /// A write to the place makes tracked places that start with it unknown.
    fn forget(&self, written: &Place, states: &mut [States]) {
        for (place, state) in self.places.iter().zip(states) {
            let prefix = place.base == written.base && place.proj.starts_with(&written.proj);
            let index = written.as_local().is_some_and(|id| {
                place.proj.iter().any(|p| {
                    matches!(p, Proj::At(banbury_ir::Index::Local(i)) | Proj::Elem(banbury_ir::Index::Local(i)) if *i == id)
                })
            });
            if prefix || index {
                *state = UNTOUCHED;
            }
        }
    }

    /// A call may change what it gets the address of, and with `resets` whatever is not a plain
    /// local.
    fn forget_reachable(&self, callee: &Callee, args: &[Operand], states: &mut [States]) {
        let modelled = matches!(callee, Callee::Direct(name) if self.shape.model(*name).is_some());
        for (place, state) in self.places.iter().zip(states) {
            let passed = args.iter().any(|a| match self.shape.source(a) {
                Source::Value(Rvalue::AddrOf(p)) => p.base == place.base,
                Source::Place(p) => {
                    p.base == place.base && place.proj.len() > p.proj.len() && place.proj.starts_with(&p.proj)
                }
                _ => false,
            });
            let private = matches!(place.base, Base::Local(id) if place.proj.is_empty() && !self.shape.is_addressed(id));
            if !modelled && (passed || (self.resets && !private)) {
                *state = UNTOUCHED;
            }
        }
    }

    /// The states of the place just before the point; 0 if control does not get there.
    pub(crate) fn before(&self, at: Point, place: &Place) -> States {
        let Some(index) = self.places.iter().position(|p| p == place) else { return 0 };
        let Some(Some(mut states)) = self.entry.get(at.block.index()).cloned() else { return 0 };
        self.walk(at.block, at.instr, &mut states);
        states.get(index).copied().unwrap_or(0)
    }

    /// The states of the place at each return that control gets to.
    pub(crate) fn at_returns(&self, place: &Place) -> Vec<(BlockId, States)> {
        let blocks = self.shape.function.blocks.iter().enumerate();
        blocks
            .filter(|(_, b)| matches!(b.term, Terminator::Return(_)))
            .map(|(index, b)| {
                let block = BlockId(index as u32);
                (block, self.before(Point { block, instr: b.instrs.len() }, place))
            })
            .filter(|(_, states)| *states != 0)
            .collect()
    }
}

/// The place an argument stands for: what its address is taken of, else the variable or field
/// that holds it.
pub(crate) fn subject<'a>(shape: &Shape<'a>, argument: &'a Operand) -> Option<Place> {
    match shape.source(argument) {
        Source::Place(place) | Source::Value(Rvalue::AddrOf(place)) => {
            (!shape.place_name(place).is_empty()).then(|| place.clone())
        }
        _ => None,
    }
}
