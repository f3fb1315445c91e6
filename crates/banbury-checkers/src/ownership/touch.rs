//! What an instruction does with a place that holds a pointer.

use banbury_ir::{Const, Instr, Op, Operand, Place, Proj, Rvalue};
use smallvec::SmallVec;

use crate::shape::{Shape, Source, for_operands};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Touch {
    /// Its value is an argument of the call.
    Passed(usize),
    /// A pointer to somewhere in what it points to is an argument.
    PassedInside(usize),
    /// The address of the place, or of the record it is in, is an argument.
    Address(usize),
    /// An argument is a pointer over which the place can be reached.
    Container(usize),
    /// What it points to is read or written.
    Read,
    /// Its value, or its address, is kept in another place.
    Copied,
    /// A pointer to somewhere in what it points to is kept in another place.
    CopiedInside,
    /// It holds something else from here on.
    Overwritten { null: bool },
    /// Out of scope, declared anew, or no longer known.
    Gone,
}

pub(crate) type Touches = SmallVec<[Touch; 4]>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Relation {
    Value,
    Behind,
    Container,
    Address,
    Inside,
}

fn through(proj: Option<&Proj>) -> bool {
    matches!(proj, Some(Proj::Deref | Proj::At(_)))
}

fn relation(place: &Place, slot: &Place) -> Option<Relation> {
    if place.base != slot.base {
        return None;
    }
    if place.proj == slot.proj {
        return Some(Relation::Value);
    }
    if place.proj.starts_with(&slot.proj) && through(place.proj.get(slot.proj.len())) {
        return Some(Relation::Behind);
    }
    (slot.proj.starts_with(&place.proj) && through(slot.proj.get(place.proj.len())))
        .then_some(Relation::Container)
}

fn address_relation(place: &Place, slot: &Place) -> Option<Relation> {
    if place.base != slot.base {
        return None;
    }
    if slot.proj.starts_with(&place.proj) {
        let rest = &slot.proj[place.proj.len()..];
        let pointer = rest.iter().any(|p| through(Some(p)));
        return Some(if pointer { Relation::Container } else { Relation::Address });
    }
    (place.proj.starts_with(&slot.proj) && through(place.proj.get(slot.proj.len())))
        .then_some(Relation::Inside)
}

impl<'a> Shape<'a> {
    /// How the operand relates to the place. Reading *through* the place counts where it
    /// happens, not where the result is used.
    fn related(&self, operand: &'a Operand, slot: &Place) -> Option<Relation> {
        if let Operand::Copy(place) = operand {
            if let Some(relation) = relation(place, slot) {
                return Some(relation);
            }
        }
        match self.source(operand) {
            Source::Place(place) => relation(place, slot).filter(|r| *r != Relation::Behind),
            Source::Value(Rvalue::AddrOf(place)) => address_relation(place, slot),
            Source::Value(Rvalue::PtrAdd { ptr, .. }) => match self.related(ptr, slot) {
                Some(Relation::Value | Relation::Inside) => Some(Relation::Inside),
                _ => None,
            },
            _ => None,
        }
    }

    /// The place whose value the operand is, without an index on the way.
    pub(crate) fn slot(&self, operand: &'a Operand) -> Option<&'a Place> {
        let Source::Place(place) = self.source(operand) else { return None };
        place.proj.iter().all(|p| matches!(p, Proj::Deref | Proj::Field(_))).then_some(place)
    }

    /// The place whose address the operand is.
    pub(crate) fn address(&self, operand: &'a Operand) -> Option<&'a Place> {
        match self.source(operand) {
            Source::Value(Rvalue::AddrOf(place)) => Some(place),
            _ => None,
        }
    }

    pub(crate) fn reads_behind(&self, operand: &'a Operand, slot: &Place) -> bool {
        matches!(operand, Operand::Copy(place) if relation(place, slot) == Some(Relation::Behind))
    }

    /// Whether the place holds something else after the instruction.
    pub(crate) fn replaces(&self, instr: &Instr, slot: &Place) -> bool {
        let written = |dst: &Place| dst.base == slot.base && slot.proj.starts_with(&dst.proj);
        match &instr.op {
            Op::Assign { dst, .. } | Op::Zero(dst) => written(dst),
            Op::Call { dst, .. } => dst.as_ref().is_some_and(written),
            Op::Declare(id) | Op::Dead(id) => slot.base == banbury_ir::Base::Local(*id),
            Op::Opaque => true,
        }
    }

    /// What the instruction does with the place, in order.
    pub(crate) fn touches(&self, instr: &'a Instr, slot: &Place) -> Touches {
        let mut out = Touches::new();
        match &instr.op {
            Op::Assign { dst, src } => {
                self.source_touches(dst, src, slot, &mut out);
                let null = matches!(src, Rvalue::Use(o) | Rvalue::Cast(_, o) if matches!(o, Operand::Const(Const::Int(0, _))));
                written(dst, slot, null, &mut out);
            }
            Op::Call { dst, args, .. } => {
                for (index, arg) in args.iter().enumerate() {
                    match self.related(arg, slot) {
                        Some(Relation::Value) => out.push(Touch::Passed(index)),
                        Some(Relation::Behind) => out.push(Touch::Read),
                        Some(Relation::Container) => out.push(Touch::Container(index)),
                        Some(Relation::Address) => out.push(Touch::Address(index)),
                        Some(Relation::Inside) => out.push(Touch::PassedInside(index)),
                        None => {}
                    }
                }
                if let Some(dst) = dst {
                    written(dst, slot, false, &mut out);
                }
            }
            Op::Zero(place) => written(place, slot, true, &mut out),
            Op::Declare(id) | Op::Dead(id) => {
                if slot.base == banbury_ir::Base::Local(*id) {
                    out.push(Touch::Gone);
                }
            }
            Op::Opaque => out.push(Touch::Gone),
        }
        out
    }

    fn source_touches(&self, dst: &Place, src: &'a Rvalue, slot: &Place, out: &mut Touches) {
        let kept =
            !dst.as_local().is_some_and(|id| self.is_temporary(id) && self.only_definition(id).is_some());
        match src {
            Rvalue::Use(o) | Rvalue::Cast(_, o) => match self.related(o, slot) {
                Some(Relation::Behind) => out.push(Touch::Read),
                Some(Relation::Value | Relation::Address) if kept => out.push(Touch::Copied),
                Some(Relation::Inside) if kept => out.push(Touch::CopiedInside),
                _ => {}
            },
            Rvalue::AddrOf(place) if kept => match address_relation(place, slot) {
                Some(Relation::Address) => out.push(Touch::Copied),
                Some(Relation::Inside) => out.push(Touch::CopiedInside),
                _ => {}
            },
            Rvalue::PtrAdd { ptr, .. } if kept => match self.related(ptr, slot) {
                Some(Relation::Value | Relation::Inside) => out.push(Touch::CopiedInside),
                Some(Relation::Behind) => out.push(Touch::Read),
                _ => {}
            },
            _ => for_operands(src, |o| {
                if self.reads_behind(o, slot) {
                    out.push(Touch::Read);
                }
            }),
        }
    }
}

fn written(dst: &Place, slot: &Place, null: bool, out: &mut Touches) {
    if relation(dst, slot) == Some(Relation::Behind) {
        out.push(Touch::Read);
    }
    if dst.base == slot.base && slot.proj.starts_with(&dst.proj) {
        out.push(Touch::Overwritten { null });
    }
}
