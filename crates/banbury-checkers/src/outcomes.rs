//! Where the values that decide something come from: the result of a call, what a call stored,
//! a parameter, a member.

use banbury_base::Symbol;
use banbury_ir::{Base, BlockId, Const, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator};

use crate::shape::{CallSite, Point, Shape};

/// Where a value comes from.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    Null,
    /// The result of a call.
    Result(CallSite<'a>),
    /// What a call stored through a pointer to it.
    Stored(CallSite<'a>),
    Param(LocalId),
    Member,
    Errno,
    Other,
}

/// Blocks searched for the definitions of a variable.
const MAX_BLOCKS: usize = 48;
const MAX_DEPTH: u32 = 8;
const MAX_ORIGINS: usize = 12;
/// Definitions looked at: constants leave no origin, but ways to them multiply.
const MAX_DEFINITIONS: u32 = 200;

struct Found<'a> {
    origins: Vec<Origin<'a>>,
    left: u32,
}

impl Found<'_> {
    fn new() -> Self {
        Found { origins: Vec::new(), left: MAX_DEFINITIONS }
    }
}

impl<'a> Shape<'a> {
    /// Where the operand's value at a point comes from, arithmetic looked through.
    pub(crate) fn origins(&self, operand: &'a Operand, at: Point) -> Vec<Origin<'a>> {
        let mut out = Found::new();
        self.operand_origins(operand, at, 0, &mut out);
        out.origins
    }

    /// Where the local's value at a point comes from.
    pub(crate) fn local_origins_at(&self, id: LocalId, at: Point) -> Vec<Origin<'a>> {
        let mut out = Found::new();
        self.local_origins(id, at, 0, &mut out);
        out.origins
    }

    fn operand_origins(&self, operand: &'a Operand, at: Point, depth: u32, out: &mut Found<'a>) {
        if depth > MAX_DEPTH || out.origins.len() >= MAX_ORIGINS {
            return;
        }
        match operand {
            Operand::Const(Const::Int(0, _)) => out.origins.push(Origin::Null),
            Operand::Const(_) => {}
            Operand::Copy(place) => match place.as_local() {
                Some(id) => self.local_origins(id, at, depth, out),
                None => out.origins.push(self.member_origin(place)),
            },
        }
    }

    fn member_origin(&self, place: &'a Place) -> Origin<'a> {
        if let Base::Global(id) = place.base {
            if self.program.globals.get(id.index()).is_some_and(|g| g.name == "errno") {
                return Origin::Errno;
            }
        }
        match (place.base, &*place.proj) {
            (Base::Local(id), [Proj::Deref]) => {
                match self.only_definition(id).and_then(|at| self.call_at(at)) {
                    Some(call) if call.callee.as_str().contains("errno") => Origin::Errno,
                    _ => Origin::Other,
                }
            }
            (_, [.., Proj::Field(_)]) => Origin::Member,
            _ => Origin::Other,
        }
    }

    fn local_origins(&self, id: LocalId, at: Point, depth: u32, out: &mut Found<'a>) {
        if let Some(definition) = self.only_definition(id) {
            self.definition_origins(definition, depth, out);
            return;
        }
        let mut seen = vec![false; self.function.blocks.len()];
        let mut work = vec![at];
        for _ in 0..MAX_BLOCKS {
            let Some(from) = work.pop() else { return };
            if self.found_in_block(id, from, depth, out) {
                continue;
            }
            if from.block == BlockId(0) && id.0 < self.function.params {
                out.origins.push(Origin::Param(id));
            }
            for &before in &self.predecessors()[from.block.index()] {
                if !std::mem::replace(&mut seen[before.index()], true) {
                    let instr = self.block(before).map_or(0, |b| b.instrs.len());
                    work.push(Point { block: before, instr });
                }
            }
        }
    }

    /// Looks for the last definition of the local before a point of a block.
    fn found_in_block(&self, id: LocalId, from: Point, depth: u32, out: &mut Found<'a>) -> bool {
        let Some(block) = self.block(from.block) else { return true };
        for (index, instr) in block.instrs.iter().enumerate().take(from.instr).rev() {
            let here = Point { block: from.block, instr: index };
            match &instr.op {
                Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } if dst.as_local() == Some(id) => {
                    self.definition_origins(here, depth, out);
                    return true;
                }
                Op::Call { args, .. } if self.is_addressed(id) => {
                    if !args.iter().any(|a| self.is_address_of(a, id)) {
                        continue;
                    }
                    out.origins.push(self.call_at(here).map_or(Origin::Other, Origin::Stored));
                    return true;
                }
                Op::Declare(declared) if *declared == id => return true,
                _ => {}
            }
        }
        false
    }

    fn definition_origins(&self, at: Point, depth: u32, out: &mut Found<'a>) {
        if out.left == 0 {
            return;
        }
        out.left -= 1;
        match self.instr(at).map(|i| &i.op) {
            Some(Op::Assign { src, .. }) => match src {
                Rvalue::Use(a) | Rvalue::Cast(_, a) | Rvalue::Unary(_, a) | Rvalue::PtrAdd { ptr: a, .. } => {
                    self.operand_origins(a, at, depth + 1, out);
                }
                Rvalue::Binary(_, a, b) => {
                    let before = out.origins.len();
                    self.operand_origins(a, at, depth + 1, out);
                    self.operand_origins(b, at, depth + 1, out);
                    // A zero in arithmetic is no null.
                    let mut index = 0;
                    out.origins.retain(|o| {
                        index += 1;
                        index <= before || !matches!(o, Origin::Null)
                    });
                }
                Rvalue::AddrOf(_) => out.origins.push(Origin::Other),
            },
            Some(Op::Call { .. }) => out.origins.push(self.call_at(at).map_or(Origin::Other, Origin::Result)),
            _ => out.origins.push(Origin::Other),
        }
    }

    /// Whether the argument is `&local` (or of a member of it).
    fn is_address_of(&self, operand: &Operand, id: LocalId) -> bool {
        let mut operand = operand;
        for _ in 0..4 {
            let Operand::Copy(place) = operand else { return false };
            let Some(at) = place.as_local().and_then(|temporary| self.only_definition(temporary)) else {
                return false;
            };
            match self.instr(at).map(|i| &i.op) {
                Some(Op::Assign { src: Rvalue::AddrOf(of), .. }) => return of.base == Base::Local(id),
                Some(Op::Assign { src: Rvalue::Use(from) | Rvalue::Cast(_, from), .. }) => operand = from,
                _ => return false,
            }
        }
        false
    }

    /// The values that decide a truth value which `&&`, `||` or `?:` put together: each with the
    /// point where it is looked at.
    pub(crate) fn conditions_of(&self, operand: &'a Operand, at: Point) -> Vec<(&'a Operand, Point)> {
        let Operand::Copy(place) = operand else { return Vec::new() };
        let Some(id) = place.as_local().filter(|&id| self.is_temporary(id) && !self.is_addressed(id)) else {
            return vec![(operand, at)];
        };
        if self.only_definition(id).is_some() {
            return vec![(operand, at)];
        }
        let mut out = Vec::new();
        for (here, instr) in self.instrs() {
            let Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } = &instr.op else {
                continue;
            };
            if dst.as_local() != Some(id) {
                continue;
            }
            match value {
                Operand::Const(Const::Int(0, _)) => self.branches_to(here.block, &mut out),
                Operand::Const(_) => {}
                value => out.push((value, here)),
            }
        }
        out
    }

    fn branches_to(&self, block: BlockId, out: &mut Vec<(&'a Operand, Point)>) {
        for &before in &self.predecessors()[block.index()] {
            let Some(from) = self.block(before) else { continue };
            if let Terminator::Branch { cond, .. } = &from.term {
                out.push((cond, Point { block: before, instr: from.instrs.len() }));
            }
        }
    }

    /// The type of what the operand's value is compared as, `true` for a pointer.
    pub(crate) fn is_pointer_operand(&self, operand: &Operand) -> bool {
        self.type_of(operand).is_some_and(|ty| self.is_pointer(ty))
    }
}

/// Words of a function's name that say that it takes what a peer sent.
pub(crate) fn is_handler(name: Symbol) -> bool {
    crate::names::words(name.as_str()).iter().any(|word| {
        matches!(
            word.as_str(),
            "handle"
                | "handler"
                | "recv"
                | "receive"
                | "received"
                | "rcv"
                | "rx"
                | "process"
                | "parse"
                | "parser"
                | "decode"
                | "dec"
                | "cb"
                | "callback"
                | "dispatch"
                | "input"
                | "incoming"
                | "on"
                | "read"
        )
    })
}

/// A function that gives memory: null when there is none left.
pub(crate) fn is_allocator(name: Symbol) -> bool {
    crate::names::words(name.as_str()).iter().any(|word| {
        word.ends_with("alloc")
            || matches!(word.as_str(), "strdup" | "strndup" | "memdup" | "mstrcat" | "msprintf" | "asprintf")
    })
}

/// A function that makes something new: null when a resource is used up.
pub(crate) fn is_creator(name: Symbol) -> bool {
    crate::names::words(name.as_str()).iter().any(|word| {
        matches!(
            word.as_str(),
            "add"
                | "new"
                | "create"
                | "build"
                | "make"
                | "dup"
                | "clone"
                | "copy"
                | "init"
                | "encode"
                | "generate"
                | "print"
        )
    })
}
