use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Const, Op, Operand, Rvalue, Type, TypeId};

use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "sizeof-confusion",
    version: 1,
    title: "Size of a pointer where the size of its target is meant",
    cwe: &[467],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let pointer = i128::from(shape.program.types.pointer_bytes);
    for call in &shape.calls {
        let (size, target) = match call.callee.as_str() {
            "malloc" => (call.args.first(), allocated(shape, call)),
            "calloc" => (call.args.get(1), allocated(shape, call)),
            "memset" | "bzero" | "explicit_bzero" => {
                let size = call.args.get(if call.callee == "memset" { 2 } else { 1 });
                (size, call.args.first().and_then(|a| pointed(shape, a)))
            }
            "memcpy" | "memmove" => (call.args.get(2), call.args.first().and_then(|a| pointed(shape, a))),
            _ => continue,
        };
        let (Some(size), Some(target)) = (size, target) else { continue };
        if shape.int(size) != Some(pointer) || !is_size(shape, size) {
            continue;
        }
        if call.args.first().is_some_and(|a| seen_as(shape, a, pointer)) {
            continue;
        }
        let Some(bytes) = record_bytes(shape, target).filter(|b| i128::from(*b) > pointer) else { continue };
        let name = shape.program.types.name(target);
        let message = format!("'{}' gets {pointer}, the size of a pointer; '{name}' has {bytes} bytes", call.callee);
        out.push(shape.issue(RULE.id, 467, call.span, message));
    }
}

/// `sizeof` gives an unsigned number as wide as a pointer; a plain `8` is an `int`.
fn is_size(shape: &Shape<'_>, size: &Operand) -> bool {
    matches!(size, Operand::Const(Const::Int(_, ty))
        if shape.program.types.int_info(*ty) == Some((shape.program.types.pointer_bytes as u16 * 8, false)))
}

/// What the pointer points to, before conversions; a pointer, never an array or a record itself.
fn pointed(shape: &Shape<'_>, argument: &Operand) -> Option<TypeId> {
    let Source::Place(place) = shape.source(argument) else { return None };
    match shape.program.types.get(shape.place_type(place)?) {
        Type::Pointer(to) => Some(*to),
        _ => None,
    }
}

/// The pointer is converted on the way to one whose target has just that size.
fn seen_as(shape: &Shape<'_>, argument: &Operand, size: i128) -> bool {
    let mut operand = argument;
    for _ in 0..8 {
        let Operand::Copy(place) = operand else { return false };
        let Some(Op::Assign { src: Rvalue::Cast(ty, from), .. }) =
            place.as_local().and_then(|id| shape.only_definition(id)).and_then(|at| shape.instr(at)).map(|i| &i.op)
        else {
            return false;
        };
        let target = shape.program.types.pointee(*ty);
        if target.and_then(|to| shape.program.types.size_of(to)).map(i128::from) == Some(size) {
            return true;
        }
        operand = from;
    }
    false
}

/// What the result is taken to point to.
fn allocated(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<TypeId> {
    let id = call.dst?.as_local()?;
    shape.instrs().find_map(|(_, instr)| match &instr.op {
        Op::Assign { dst, src: Rvalue::Use(Operand::Copy(from)) | Rvalue::Cast(_, Operand::Copy(from)) }
            if from.as_local() == Some(id) =>
        {
            match shape.program.types.get(shape.place_type(dst)?) {
                Type::Pointer(to) => Some(*to),
                _ => None,
            }
        }
        _ => None,
    })
}

fn record_bytes(shape: &Shape<'_>, ty: TypeId) -> Option<u64> {
    matches!(shape.program.types.get(ty), Type::Record(_)).then(|| shape.program.types.size_of(ty)).flatten()
}
