//! Loops of a function, and what their conditions look at.

use banbury_ir::{BlockId, Instr, LocalId, Op, Operand, Place, Terminator};

use crate::shape::{Shape, for_operands};

/// A natural loop: its head dominates every block in it.
pub(crate) struct Loop {
    pub head: BlockId,
    /// For each block of the function, whether it belongs to the loop.
    pub body: Vec<bool>,
}

impl Loop {
    pub fn contains(&self, block: BlockId) -> bool {
        self.body.get(block.index()).copied().unwrap_or(false)
    }

    pub fn blocks(&self) -> impl Iterator<Item = BlockId> {
        self.body.iter().enumerate().filter(|(_, inside)| **inside).map(|(index, _)| BlockId(index as u32))
    }

    pub fn len(&self) -> usize {
        self.body.iter().filter(|inside| **inside).count()
    }
}

impl<'a> Shape<'a> {
    /// The natural loops, by the number of the head.
    pub(crate) fn loops(&self) -> Vec<Loop> {
        (0..self.function.blocks.len() as u32).filter_map(|index| self.natural_loop(BlockId(index))).collect()
    }

    fn natural_loop(&self, head: BlockId) -> Option<Loop> {
        let before = &self.predecessors()[head.index()];
        let mut work: Vec<BlockId> = before.iter().copied().filter(|b| self.dominates(head, *b)).collect();
        if work.is_empty() {
            return None;
        }
        let mut body = vec![false; self.function.blocks.len()];
        body[head.index()] = true;
        while let Some(id) = work.pop() {
            if !body[id.index()] {
                body[id.index()] = true;
                work.extend(self.predecessors()[id.index()].iter().copied());
            }
        }
        Some(Loop { head, body })
    }

    /// Conditions on which control leaves the loop or stays in it.
    pub(crate) fn exit_conditions(&self, of: &Loop) -> Vec<&'a Operand> {
        of.blocks()
            .filter_map(|id| match &self.block(id)?.term {
                Terminator::Branch { cond, then, other } => {
                    (!of.contains(*then) || !of.contains(*other)).then_some(cond)
                }
                _ => None,
            })
            .collect()
    }

    /// Places that the operand is computed from, through temporaries and the arguments of calls.
    pub(crate) fn places_read(&self, operand: &'a Operand) -> Vec<&'a Place> {
        let mut out = Vec::new();
        self.collect_read(operand, 0, &mut out);
        out
    }

    /// The named variable that the instruction assigns, and what its value is computed from.
    pub(crate) fn named_assignment(&self, instr: &'a Instr) -> Option<(LocalId, Vec<&'a Place>)> {
        let mut read = Vec::new();
        let dst = match &instr.op {
            Op::Assign { dst, src } => {
                for_operands(src, |o| read.extend(self.places_read(o)));
                dst
            }
            Op::Call { dst: Some(dst), args, .. } => {
                args.iter().for_each(|o| read.extend(self.places_read(o)));
                dst
            }
            _ => return None,
        };
        Some((dst.as_local().filter(|id| !self.is_temporary(*id))?, read))
    }

    fn collect_read(&self, operand: &'a Operand, depth: u32, out: &mut Vec<&'a Place>) {
        let Operand::Copy(place) = operand else { return };
        let definition =
            place.as_local().filter(|id| self.is_temporary(*id)).and_then(|id| self.only_definition(id));
        if let Some(at) = definition.filter(|_| depth < 8) {
            match self.instr(at).map(|i| &i.op) {
                Some(Op::Assign { src, .. }) => {
                    for_operands(src, |o| self.collect_read(o, depth + 1, out));
                    return;
                }
                Some(Op::Call { args, .. }) => {
                    args.iter().for_each(|o| self.collect_read(o, depth + 1, out));
                    return;
                }
                _ => {}
            }
        }
        out.push(place);
    }
}
