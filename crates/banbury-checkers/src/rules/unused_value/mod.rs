use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::observe::Issue;
use banbury_ir::{
    Base, Callee, Const, Index, Instr, LocalId, Op, Operand, Place, Proj, RecordKind, Rvalue, Terminator, Type,
    TypeId,
};

use rustc_hash::FxHashSet;

use crate::shape::{Shape, Source, for_operands};

pub const RULE: Rule = Rule {
    id: "unused-value",
    version: 1,
    title: "Value is never used",
    cwe: &[563],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -8.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let opaque = shape.instrs().any(|(_, i)| matches!(i.op, Op::Opaque));
    if opaque || !shape.function.gaps.is_empty() {
        return;
    }
    let liveness = Liveness::new(shape);
    liveness.dead_stores(shape, out);
    never_used(shape, out);
}

/// Declared, and that is all.
fn never_used(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for index in shape.function.params as usize..shape.function.locals.len() {
        let id = LocalId(index as u32);
        let local = &shape.function.locals[index];
        if local.name.is_empty() || local.span.is_none() || shape.is_addressed(id) || shape.reads(id) > 0 {
            continue;
        }
        let written = shape.instrs().any(|(_, i)| match &i.op {
            Op::Assign { dst, .. } | Op::Zero(dst) | Op::Call { dst: Some(dst), .. } => dst.base == Base::Local(id),
            _ => false,
        });
        if !written && is_plain(shape, local.ty) {
            let message = format!("'{}' is declared and never used", local.name);
            let mut issue = shape.issue(RULE.id, 563, local.span, message);
            issue.features.push(("unused.declared", 1.0));
            out.push(issue);
        }
    }
}

/// A type without effects of its own at the end of its life.
fn is_plain(shape: &Shape<'_>, ty: TypeId) -> bool {
    match shape.program.types.get(ty) {
        Type::Int { .. } | Type::Bool | Type::Float(_) | Type::Pointer(_) => true,
        Type::Array(of, _) => is_plain(shape, *of),
        Type::Record(id) => shape.program.types.record(*id).is_some_and(|r| r.kind == RecordKind::Struct),
        _ => false,
    }
}

/// A variable, or a field of one.
type Slot = (LocalId, Option<Symbol>);

/// Backward liveness of named locals and their direct fields, as sets of bits.
struct Liveness {
    slots: Vec<Slot>,
    /// Positions in `slots`, by local.
    of_local: Vec<Vec<usize>>,
    /// At the end of each block.
    out: Vec<Vec<bool>>,
    /// Variables whose address was taken on some way to the block's start.
    escaped: Vec<Vec<LocalId>>,
}

impl Liveness {
    fn new(shape: &Shape<'_>) -> Liveness {
        let mut slots: Vec<Slot> = Vec::new();
        let mut known: FxHashSet<Slot> = FxHashSet::default();
        for (_, instr) in shape.instrs() {
            if let Some(slot) = written(shape, &instr.op)
                && known.insert(slot) {
                    slots.push(slot);
                }
        }
        let blocks = shape.function.blocks.len();
        let mut of_local = vec![Vec::new(); shape.function.locals.len()];
        for (position, (id, _)) in slots.iter().enumerate() {
            if let Some(list) = of_local.get_mut(id.index()) {
                list.push(position);
            }
        }
        let mut liveness = Liveness { out: vec![vec![false; slots.len()]; blocks], slots, of_local, escaped: Vec::new() };
        liveness.escaped = escapes(shape);
        if !liveness.slots.is_empty() {
            liveness.fixpoint(shape);
        }
        liveness
    }

    fn fixpoint(&mut self, shape: &Shape<'_>) {
        let mut work: Vec<usize> = (0..self.out.len()).collect();
        let mut entry: Vec<Option<Vec<bool>>> = vec![None; self.out.len()];
        while let Some(index) = work.pop() {
            let block = &shape.function.blocks[index];
            let mut live = vec![false; self.slots.len()];
            for next in block.term.successors() {
                if let Some(Some(after)) = entry.get(next.index()) {
                    live.iter_mut().zip(after).for_each(|(a, b)| *a |= b);
                }
            }
            self.out[index].clone_from(&live);
            self.terminator(&block.term, &mut live);
            for instr in block.instrs.iter().rev() {
                self.instr(shape, &instr.op, &mut live);
            }
            if entry[index].as_ref() != Some(&live) {
                entry[index] = Some(live);
                let before = shape.predecessors().get(index).cloned().unwrap_or_default();
                work.extend(before.iter().map(|b| b.index()));
            }
        }
    }

    fn read(&self, place: &Place, live: &mut [bool]) {
        for proj in &place.proj {
            if let Proj::At(Index::Local(id)) | Proj::Elem(Index::Local(id)) = proj {
                self.read_slot(*id, None, live);
            }
        }
        let Base::Local(id) = place.base else { return };
        let field = match place.proj.first() {
            Some(Proj::Field(field)) if !field.name.is_empty() => Some(field.name),
            _ => None,
        };
        self.read_slot(id, field, live);
    }

    fn read_slot(&self, id: LocalId, field: Option<Symbol>, live: &mut [bool]) {
        for &position in self.of_local.get(id.index()).map_or(&[][..], Vec::as_slice) {
            let slot_field = self.slots[position].1;
            if field.is_none() || slot_field.is_none() || slot_field == field {
                live[position] = true;
            }
        }
    }

    fn read_operand(&self, operand: &Operand, live: &mut [bool]) {
        if let Operand::Copy(place) = operand {
            self.read(place, live);
        }
    }

    fn terminator(&self, term: &Terminator, live: &mut [bool]) {
        match term {
            Terminator::Branch { cond: value, .. }
            | Terminator::Switch { value, .. }
            | Terminator::Return(Some(value)) => self.read_operand(value, live),
            _ => {}
        }
    }

    /// Takes what is live after the instruction to what is live before it.
    fn instr(&self, shape: &Shape<'_>, op: &Op, live: &mut [bool]) {
        if let Some(slot) = written(shape, op) {
            self.kill(slot, live);
        }
        match op {
            Op::Assign { dst, src } => {
                self.read_target(dst, live);
                for_operands(src, |o| self.read_operand(o, live));
                if let Rvalue::AddrOf(place) = src {
                    self.read(place, live);
                }
            }
            Op::Call { dst, callee, args } => {
                if let Some(dst) = dst {
                    self.read_target(dst, live);
                }
                if let Callee::Indirect(pointer) = callee {
                    self.read_operand(pointer, live);
                }
                args.iter().for_each(|a| self.read_operand(a, live));
            }
            Op::Declare(id) | Op::Dead(id) => self.kill((*id, None), live),
            Op::Zero(_) | Op::Opaque => {}
        }
    }

    fn kill(&self, (id, field): Slot, live: &mut [bool]) {
        for &position in self.of_local.get(id.index()).map_or(&[][..], Vec::as_slice) {
            if field.is_none() || self.slots[position].1 == field {
                live[position] = false;
            }
        }
    }

    /// A write through a pointer or to an element reads the pointer and the index.
    fn read_target(&self, dst: &Place, live: &mut [bool]) {
        let through = dst.is_behind_pointer();
        if through {
            self.read(dst, live);
        } else {
            for proj in &dst.proj {
                if let Proj::Elem(Index::Local(id)) = proj {
                    self.read_slot(*id, None, live);
                }
            }
        }
    }

    fn dead_stores(&self, shape: &Shape<'_>, out: &mut Vec<Issue>) {
        for (index, block) in shape.function.blocks.iter().enumerate() {
            let mut live = self.out[index].clone();
            self.terminator(&block.term, &mut live);
            for (position, instr) in block.instrs.iter().enumerate().rev() {
                if let Some(slot) = written(shape, &instr.op) {
                    let own = self.of_local.get(slot.0.index()).map_or(&[][..], Vec::as_slice);
                    let at = own.iter().copied().find(|at| self.slots[*at] == slot);
                    let dead = at.is_some_and(|at| !live[at]);
                    if dead && !self.escaped_before(shape, index, position, slot.0) {
                        report(shape, instr, slot, out);
                    }
                }
                self.instr(shape, &instr.op, &mut live);
            }
        }
    }

    fn escaped_before(&self, shape: &Shape<'_>, block: usize, position: usize, id: LocalId) -> bool {
        if !shape.is_addressed(id) {
            return false;
        }
        let here = shape.function.blocks[block].instrs.iter().take(position).any(|i| takes_address(&i.op, id));
        here || self.escaped.get(block).is_some_and(|e| e.contains(&id))
    }
}

fn takes_address(op: &Op, id: LocalId) -> bool {
    matches!(op, Op::Assign { src: Rvalue::AddrOf(place), .. } if place.base == Base::Local(id)
        && !place.is_behind_pointer())
}

/// For each block, the variables whose address was taken on some way to it.
fn escapes(shape: &Shape<'_>) -> Vec<Vec<LocalId>> {
    let mut out: Vec<Vec<LocalId>> = vec![Vec::new(); shape.function.blocks.len()];
    for (at, instr) in shape.instrs() {
        let Op::Assign { src: Rvalue::AddrOf(place), .. } = &instr.op else { continue };
        let Base::Local(id) = place.base else { continue };
        if shape.is_temporary(id) || out.iter().all(|o| o.contains(&id)) {
            continue;
        }
        let Some(block) = shape.block(at.block) else { continue };
        for next in block.term.successors() {
            for (index, reached) in shape.reachable(next, |_| false).iter().enumerate() {
                if *reached && !out[index].contains(&id) {
                    out[index].push(id);
                }
            }
        }
    }
    out
}

/// The named variable or field that the instruction gives a new value as a whole.
fn written(shape: &Shape<'_>, op: &Op) -> Option<Slot> {
    let dst = match op {
        Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } => dst,
        _ => return None,
    };
    let Base::Local(id) = dst.base else { return None };
    if shape.name_of(id).is_empty() {
        return None;
    }
    match &dst.proj[..] {
        [] => Some((id, None)),
        [Proj::Field(field)] if !field.name.is_empty() => {
            let record = shape.function.locals.get(id.index()).map(|l| shape.program.types.get(l.ty));
            let is_union = match record {
                Some(Type::Record(r)) => shape.program.types.record(*r).is_none_or(|r| r.kind == RecordKind::Union),
                _ => true,
            };
            (!is_union).then_some((id, Some(field.name)))
        }
        _ => None,
    }
}

fn report(shape: &Shape<'_>, instr: &Instr, (id, field): Slot, out: &mut Vec<Issue>) {
    if !instr.in_macro.is_empty() || instr.span.is_none() {
        return;
    }
    let Some(local) = shape.function.locals.get(id.index()) else { return };
    // A value that only makes sure that the variable has one.
    let initialiser = local.span.line == instr.span.line && id.0 >= shape.function.params;
    if !is_plain(shape, local.ty) || initialiser && shape.reads(id) > 0 {
        return;
    }
    let name = match field {
        Some(field) => format!("{}.{field}", shape.name_of(id)),
        None => shape.name_of(id).to_string(),
    };
    let (value, feature) = match &instr.op {
        Op::Call { callee: Callee::Direct(callee), .. } => (format!("the result of '{callee}'"), "unused.call"),
        Op::Assign { src: Rvalue::Use(value) | Rvalue::Cast(_, value), .. } => match shape.source(value) {
            Source::Const(Const::Int(bits, ty)) => {
                let number = shape.program.types.int_value(*bits, *ty);
                // `int rc = 0;`, `p = NULL`: a habit rather than a slip.
                let habit = matches!(number, 0 | -1);
                (format!("the value {number}"), if habit { "unused.default" } else { "unused.constant" })
            }
            // A macro that nobody explained moved a variable on.
            Source::Const(Const::UnknownInt(_)) => return,
            Source::Const(Const::Str { .. }) => ("the text".to_owned(), "unused.constant"),
            Source::Call(call) => (format!("the result of '{}'", call.callee), "unused.call"),
            _ => (format!("'{}'", shape.operand_text(value)), "unused.computed"),
        },
        _ => ("the value".to_owned(), "unused.computed"),
    };
    let message = format!("{value} is assigned to '{name}' and never used");
    let mut issue = shape.issue(RULE.id, 563, instr.span, message);
    issue.features.push((feature, 1.0));
    out.push(issue);
}
