//! Blocks and locals of the function that is being lowered.

use banbury_base::{Span, Symbol};
use banbury_ir::{
    Block, BlockId, Gap, Instr, Local, LocalId, Op, Operand, Place, Rvalue, Terminator, TypeId,
};

pub(crate) struct Builder {
    pub locals: Vec<Local>,
    /// How many of the locals are parameters, which come first.
    pub params: u32,
    pub blocks: Vec<Block>,
    pub current: BlockId,
    pub gaps: Vec<Gap>,
    /// Where the statement or expression stands that is being lowered.
    pub span: Span,
    pub in_macro: Symbol,
}

impl Builder {
    pub fn new(span: Span) -> Self {
        let mut builder = Builder {
            locals: Vec::new(),
            params: 0,
            blocks: Vec::new(),
            current: BlockId(0),
            gaps: Vec::new(),
            span,
            in_macro: Symbol::EMPTY,
        };
        builder.current = builder.block();
        builder
    }

    /// A new block, so far without a way out.
    pub fn block(&mut self) -> BlockId {
        self.blocks.push(Block {
            instrs: Vec::new(),
            term: Terminator::Unreachable,
            term_span: self.span,
            term_macro: self.in_macro,
        });
        BlockId(self.blocks.len() as u32 - 1)
    }

    pub fn local(&mut self, name: Symbol, ty: TypeId) -> LocalId {
        self.locals.push(Local { name, ty, span: self.span });
        LocalId(self.locals.len() as u32 - 1)
    }

    pub fn temp(&mut self, ty: TypeId) -> LocalId {
        self.local(Symbol::EMPTY, ty)
    }

    pub fn emit(&mut self, op: Op) {
        let instr = Instr { op, span: self.span, in_macro: self.in_macro };
        self.blocks[self.current.index()].instrs.push(instr);
    }

    /// Ends the current block; what follows is dead until somebody starts a block.
    pub fn terminate(&mut self, term: Terminator) {
        let block = &mut self.blocks[self.current.index()];
        block.term = term;
        block.term_span = self.span;
        block.term_macro = self.in_macro;
        self.current = self.block();
    }

    pub fn goto(&mut self, to: BlockId) {
        let block = &mut self.blocks[self.current.index()];
        block.term = Terminator::Goto(to);
        block.term_span = self.span;
        block.term_macro = self.in_macro;
        self.current = self.block();
    }

    /// Ends the current block with a jump to `next` and goes on there.
    pub fn fall_into(&mut self, next: BlockId) {
        let block = &mut self.blocks[self.current.index()];
        block.term = Terminator::Goto(next);
        block.term_span = self.span;
        block.term_macro = self.in_macro;
        self.current = next;
    }

    pub fn gap(&mut self, span: Span, reason: impl Into<String>) {
        self.gaps.push(Gap { span, reason: reason.into() });
    }

    /// The value of `rvalue` in a fresh temporary.
    pub fn compute(&mut self, ty: TypeId, src: Rvalue) -> Operand {
        let temp = self.temp(ty);
        self.emit(Op::Assign { dst: Place::local(temp), src });
        Operand::local(temp)
    }

    pub fn is_parameter(&self, id: LocalId) -> bool {
        id.0 < self.params
    }

    pub fn is_temp(&self, id: LocalId) -> bool {
        self.locals[id.index()].name.is_empty()
    }

    /// `dst = value`. Where the value is the temporary just computed, computes it in place.
    pub fn store(&mut self, dst: Place, value: Operand) {
        if let Operand::Copy(place) = &value
            && let Some(temp) = place.as_local()
            && self.is_temp(temp)
            && temp.index() + 1 == self.locals.len()
            && !mentions(&dst, temp)
            && let Some(last) = self.blocks[self.current.index()].instrs.last_mut()
        {
            let target = match &mut last.op {
                Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } => dst,
                _ => return self.emit(Op::Assign { dst, src: Rvalue::Use(value) }),
            };
            if target.as_local() == Some(temp) {
                *target = dst;
                self.locals.pop();
                return;
            }
        }
        self.emit(Op::Assign { dst, src: Rvalue::Use(value) });
    }

    /// Leaves only blocks that control can reach, with chains of jumps joined.
    pub fn finish(&mut self) {
        join(&mut self.blocks);
        self.locals.shrink_to_fit();
        self.gaps.shrink_to_fit();
    }
}

fn mentions(place: &Place, local: LocalId) -> bool {
    use banbury_ir::{Base, Index, Proj};
    place.base == Base::Local(local)
        || place
            .proj
            .iter()
            .any(|p| matches!(p, Proj::At(Index::Local(i)) | Proj::Elem(Index::Local(i)) if *i == local))
}

/// Calls `f` on each target of a terminator.
pub(crate) fn each_target(term: &mut Terminator, mut f: impl FnMut(&mut BlockId)) {
    match term {
        Terminator::Goto(to) => f(to),
        Terminator::Branch { then, other, .. } => {
            f(then);
            f(other);
        }
        Terminator::Switch { cases, default, .. } => {
            cases.iter_mut().for_each(|case| f(&mut case.2));
            f(default);
        }
        Terminator::Return(_) | Terminator::Unreachable => {}
    }
}

fn join(blocks: &mut Vec<Block>) {
    skip_empty(blocks);
    let predecessors = count_predecessors(blocks);
    merge_chains(blocks, &predecessors);
    renumber(blocks);
}

/// Jumps to a block that only jumps on go where it goes.
fn skip_empty(blocks: &mut [Block]) {
    let next: Vec<Option<BlockId>> = blocks
        .iter()
        .map(|block| match block.term {
            Terminator::Goto(to) if block.instrs.is_empty() => Some(to),
            _ => None,
        })
        .collect();
    for block in blocks.iter_mut() {
        each_target(&mut block.term, |to| {
            // Bounded: a loop of empty blocks leads nowhere.
            for _ in 0..32 {
                match next[to.index()] {
                    Some(further) if further != *to => *to = further,
                    _ => break,
                }
            }
        });
    }
}

/// Number of edges into each block that is reachable; 0 for the others.
fn count_predecessors(blocks: &mut [Block]) -> Vec<u32> {
    let mut count = vec![0u32; blocks.len()];
    let mut work = vec![BlockId(0)];
    count[0] = 1;
    while let Some(block) = work.pop() {
        each_target(&mut blocks[block.index()].term, |to| {
            count[to.index()] += 1;
            if count[to.index()] == 1 {
                work.push(*to);
            }
        });
    }
    count
}

fn merge_chains(blocks: &mut [Block], predecessors: &[u32]) {
    for index in 0..blocks.len() {
        if predecessors[index] == 0 {
            continue;
        }
        while let Terminator::Goto(to) = blocks[index].term {
            if to.index() == index || to.index() == 0 || predecessors[to.index()] != 1 {
                break;
            }
            let next = &mut blocks[to.index()];
            let instrs = std::mem::take(&mut next.instrs);
            let term = std::mem::replace(&mut next.term, Terminator::Unreachable);
            let (span, in_macro) = (next.term_span, next.term_macro);
            let block = &mut blocks[index];
            block.instrs.extend(instrs);
            (block.term, block.term_span, block.term_macro) = (term, span, in_macro);
        }
    }
}

fn renumber(blocks: &mut Vec<Block>) {
    let reachable = count_predecessors(blocks);
    let mut number = vec![BlockId(0); blocks.len()];
    let mut next = 0;
    for (index, count) in reachable.iter().enumerate() {
        if *count > 0 {
            number[index] = BlockId(next);
            next += 1;
        }
    }
    let mut index = 0;
    blocks.retain(|_| {
        index += 1;
        reachable[index - 1] > 0
    });
    for block in blocks.iter_mut() {
        each_target(&mut block.term, |to| *to = number[to.index()]);
        block.instrs.shrink_to_fit();
    }
    blocks.shrink_to_fit();
}
