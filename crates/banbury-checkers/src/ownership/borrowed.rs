//! Text that belongs to one object, kept by another without a copy.

use banbury_dataflow::models::{Effect, Models};
use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, Callee, Function, Op, Operand, Place, Program, Proj, Rvalue, Type};

use super::facts::{Facts, last_field};
use crate::shape::{Shape, Source};

pub(super) fn kept(program: &Program, models: &Models, facts: &Facts, function: &Function) -> bool {
    let owned = |place: &Place| facts.field(place).functions > 0;
    let instrs = || function.blocks.iter().flat_map(|b| &b.instrs);
    let stores =
        instrs().any(|i| matches!(&i.op, Op::Assign { dst, .. } if is_text_member(program, function, dst)));
    stores
        && instrs().any(|i| match &i.op {
            Op::Assign {
                src: Rvalue::Use(Operand::Copy(from)) | Rvalue::Cast(_, Operand::Copy(from)),
                ..
            } => owned(from),
            Op::Call { callee: Callee::Direct(name), args, .. } => inside(models, *name)
                .is_some_and(|i| matches!(args.get(i), Some(Operand::Copy(p)) if owned(p))),
            _ => false,
        })
}

fn inside(models: &Models, name: banbury_base::Symbol) -> Option<usize> {
    models.get(name)?.effects.iter().find_map(|e| match e {
        Effect::Inside(i, _) => Some(usize::from(*i)),
        _ => None,
    })
}

/// A `char *` member of an object behind a pointer.
fn is_text_member(program: &Program, function: &Function, place: &Place) -> bool {
    let [.., Proj::Field(_)] = &*place.proj else { return false };
    let behind = place.proj.iter().any(|p| matches!(p, Proj::Deref));
    behind
        && function.place_type(place, &program.globals, &program.types).is_some_and(|ty| {
            let pointee = match program.types.get(ty) {
                Type::Pointer(to) => program.types.get(*to),
                _ => return false,
            };
            matches!(pointee, Type::Int { bits: 8, .. })
        })
}

pub(super) fn text(shape: &Shape<'_>, facts: &Facts, out: &mut Vec<Issue>) {
    for (_, instr) in shape.instrs() {
        let Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } = &instr.op else {
            continue;
        };
        if !is_text_member(shape.program, shape.function, dst) || !instr.in_macro.is_empty() {
            continue;
        }
        let Some(owner) = owner(shape, facts, value, 0) else { continue };
        let (Some(from), Some(to)) = (last_field(owner), last_field(dst)) else { continue };
        let released = facts.field(dst).functions > 0 || facts.is_released(to);
        if from == to || from.0 == to.0 || owner.base == dst.base || released || resets_owner(shape, owner) {
            continue;
        }
        let (whose, kept) = (shape.place_text(owner), shape.place_text(dst));
        let message = format!("'{kept}' keeps text that '{whose}' owns, without a copy");
        let mut issue = shape.issue("use-after-free", 416, instr.span, message);
        issue.features.push(("freed.borrowed", 1.0));
        out.push(issue);
    }
}

/// The member that owns what the operand points to.
fn owner<'a>(shape: &Shape<'a>, facts: &Facts, value: &'a Operand, depth: u32) -> Option<&'a Place> {
    match shape.source(value) {
        Source::Place(place) if place.as_local().is_none() => {
            let known = matches!(place.base, Base::Local(_)) && facts.field(place).functions > 0;
            known.then_some(place)
        }
        Source::Place(place) if depth == 0 => shape.instrs().find_map(|(_, i)| match &i.op {
            Op::Call { callee: Callee::Direct(name), args, dst: Some(dst) } if dst == place => {
                let i = inside(shape.models, *name)?;
                args.get(i).and_then(|a| owner(shape, facts, a, 1))
            }
            _ => None,
        }),
        Source::Call(call) => {
            let i = inside(shape.models, call.callee)?;
            call.args.get(i).and_then(|a| owner(shape, facts, a, 1))
        }
        _ => None,
    }
}

/// The member is emptied here: what it owned goes on to the other object.
fn resets_owner(shape: &Shape<'_>, owner: &Place) -> bool {
    shape.instrs().any(|(_, i)| match &i.op {
        Op::Assign { dst, src } => {
            dst == owner && matches!(src, Rvalue::Use(Operand::Const(_)) | Rvalue::Cast(_, Operand::Const(_)))
        }
        _ => false,
    })
}
