use banbury_base::{Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{
    Base, BinOp, BlockId, Callee, Index, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator, Type,
};

use crate::Rule;
use crate::loops::Loop;
use crate::outcomes::is_handler;
use crate::shape::{Point, Shape, Source};

pub const RULE: Rule = Rule {
    id: "unlimited-append",
    version: 1,
    title: "Element appended in every round of a loop without a limit",
    cwe: &[787, 121, 122],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

/// An element of an array of fixed size that is written, or handed to a call to be written.
struct Element {
    at: Point,
    span: Span,
    array: Place,
    count: u64,
    counter: Place,
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.function.gaps.is_empty() {
        return;
    }
    let loops = shape.loops();
    if loops.is_empty() {
        return;
    }
    let mut reported: Vec<Place> = Vec::new();
    for element in elements(shape, &loops) {
        let mut around: Vec<&Loop> = loops.iter().filter(|l| l.contains(element.at.block)).collect();
        around.sort_by_key(|l| l.len());
        let looked_at = around.last().is_some_and(|outer| is_looked_at(shape, outer, &element.counter));
        if looked_at || reported.contains(&element.array) {
            continue;
        }
        let Some(feature) = around.iter().find_map(|l| unlimited(shape, l, &element)) else { continue };
        let (counter, array) = (shape.place_text(&element.counter), shape.place_text(&element.array));
        let message = format!(
            "each round of the loop adds to '{array}', and nothing compares '{counter}' with the {} elements there",
            element.count
        );
        let cwe = if element.array.is_behind_pointer() { 787 } else { 121 };
        let mut issue = shape.issue(RULE.id, cwe, element.span, message);
        issue.features.push((feature, 1.0));
        if is_handler(shape.function.name) {
            issue.features.push(("append.handler", 1.0));
        }
        if !element.array.is_behind_pointer() && matches!(element.array.base, Base::Local(_)) {
            issue.features.push(("append.stack", 1.0));
        }
        out.push(issue);
        reported.push(element.array);
    }
}

fn elements(shape: &Shape<'_>, loops: &[Loop]) -> Vec<Element> {
    let mut out = Vec::new();
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let id = BlockId(index as u32);
        if !loops.iter().any(|l| l.contains(id)) {
            continue;
        }
        for (instr, body) in block.instrs.iter().enumerate() {
            let at = Point { block: id, instr };
            let place = match &body.op {
                Op::Assign { dst, src: Rvalue::AddrOf(place) } => match dst.as_local() {
                    Some(pointer) if is_handed_on(shape, at, pointer) => place,
                    _ => dst,
                },
                Op::Assign { dst, .. } | Op::Call { dst: Some(dst), .. } | Op::Zero(dst) => dst,
                _ => continue,
            };
            out.extend(element(shape, at, body.span, place));
        }
    }
    out
}

/// A call gets the address, or something is stored through it, behind `at` in its block.
fn is_handed_on(shape: &Shape<'_>, at: Point, pointer: LocalId) -> bool {
    let holds = |operand: &Operand| matches!(operand, Operand::Copy(p) if p.as_local() == Some(pointer));
    let Some(block) = shape.block(at.block) else { return false };
    block.instrs[at.instr + 1..].iter().any(|later| match &later.op {
        Op::Call { args, callee: Callee::Direct(name), .. } => args.iter().any(holds) && !only_reads(shape, *name),
        Op::Assign { dst, .. } | Op::Zero(dst) => {
            dst.base == Base::Local(pointer) && matches!(dst.proj.first(), Some(Proj::Deref | Proj::At(_)))
        }
        _ => false,
    })
}

/// A library function that writes nothing, or a name that says so.
fn only_reads(shape: &Shape<'_>, name: Symbol) -> bool {
    let Some(model) = shape.model(name) else {
        return crate::names::mentions(name.as_str(), &["cmp", "log", "print", "free", "equal", "match", "dump"]);
    };
    !model.effects.iter().any(|e| matches!(e, Effect::Write(..) | Effect::Copy(..) | Effect::Fill(..) | Effect::Append(..)))
}

/// The innermost array of fixed size on the way to the place that a counter indexes.
fn element(shape: &Shape<'_>, at: Point, span: Span, place: &Place) -> Option<Element> {
    place.proj.iter().enumerate().find_map(|(step, proj)| {
        let Proj::Elem(Index::Local(index)) = proj else { return None };
        let array = Place { base: place.base, proj: place.proj[..step].into() };
        let Some(&Type::Array(_, Some(count))) = shape.place_type(&array).map(|ty| shape.program.types.get(ty)) else {
            return None;
        };
        let counter = counter(shape, *index)?;
        (count > 1).then_some(Element { at, span, array, count, counter })
    })
}

/// The variable or member that the index is a copy of.
fn counter(shape: &Shape<'_>, index: LocalId) -> Option<Place> {
    if !shape.is_temporary(index) {
        return (!shape.is_addressed(index)).then(|| Place::local(index));
    }
    let Some(Op::Assign { src: Rvalue::Use(from) | Rvalue::Cast(_, from), .. }) =
        shape.instr(shape.only_definition(index)?).map(|i| &i.op)
    else {
        return None;
    };
    let Source::Place(place) = shape.source(from) else { return None };
    let indexed = place.proj.iter().any(|p| matches!(p, Proj::At(Index::Local(_)) | Proj::Elem(Index::Local(_))));
    let shared = place.as_local().is_some_and(|id| shape.is_addressed(id));
    (!indexed && !shared).then(|| place.clone())
}

/// Some condition in the loop is about the counter, or about what was computed from it, or asks a function
/// about the object that it is a member of.
fn is_looked_at(shape: &Shape<'_>, within: &Loop, counter: &Place) -> bool {
    let member = match counter.proj.last() {
        Some(Proj::Field(field)) => Some(field.name),
        _ => None,
    };
    let is_it = |p: &Place| p == counter || member.is_some() && shape.place_name(p) == member.unwrap_or_default();
    let derived = derived_from(shape, is_it);
    let about = |p: &&Place| is_it(p) || p.as_local().is_some_and(|id| derived.contains(&id));
    let asked = |condition: &Operand| match shape.source(condition) {
        Source::Call(call) => call.args.iter().any(|arg| {
            matches!(shape.source(arg), Source::Place(p) if member.is_some() && p.proj.is_empty() && p.base == counter.base)
        }),
        _ => false,
    };
    within.blocks().filter_map(|id| shape.block(id)).any(|block| match &block.term {
        Terminator::Branch { cond: value, .. } | Terminator::Switch { value, .. } => {
            shape.places_read(value).iter().any(about) || asked(compared(shape, value))
        }
        _ => false,
    })
}

/// The side of a comparison that is no constant.
fn compared<'a>(shape: &Shape<'a>, condition: &'a Operand) -> &'a Operand {
    match shape.source(condition) {
        Source::Value(Rvalue::Binary(_, a, b)) => if shape.int(a).is_some() { b } else { a },
        Source::Value(Rvalue::Unary(_, a)) => a,
        _ => condition,
    }
}

/// Variables computed from what `is_it` names.
fn derived_from(shape: &Shape<'_>, is_it: impl Fn(&Place) -> bool) -> Vec<LocalId> {
    let mut out: Vec<LocalId> = Vec::new();
    for _ in 0..3 {
        let before = out.len();
        for instr in shape.function.blocks.iter().flat_map(|b| &b.instrs) {
            let Some((id, read)) = shape.named_assignment(instr) else { continue };
            let from = |p: &&Place| is_it(p) || p.as_local().is_some_and(|id| out.contains(&id));
            if !out.contains(&id) && read.iter().any(from) {
                out.push(id);
            }
        }
        if out.len() == before {
            break;
        }
    }
    out
}

/// What keeps the loop going, if the counter only ever grows in it and nothing else counts rounds.
fn unlimited(shape: &Shape<'_>, of: &Loop, element: &Element) -> Option<&'static str> {
    let mut grows = false;
    for instr in of.blocks().filter_map(|id| shape.block(id)).flat_map(|b| &b.instrs) {
        match &instr.op {
            Op::Assign { dst, src } if *dst == element.counter => {
                if step(shape, src, dst)? <= 0 {
                    return None;
                }
                grows = true;
            }
            Op::Call { dst: Some(dst), .. } if *dst == element.counter => return None,
            Op::Zero(dst) if dst.base == element.counter.base => return None,
            _ => {}
        }
    }
    let conditions = shape.exit_conditions(of);
    if !grows || conditions.is_empty() || conditions.iter().any(|c| counts(shape, of, c)) {
        return None;
    }
    conditions.iter().find_map(|c| kind(shape, of, c))
}

/// By how much the assignment makes the place larger, if it adds a constant.
fn step(shape: &Shape<'_>, src: &Rvalue, place: &Place) -> Option<i128> {
    let value = match src {
        Rvalue::Use(from) | Rvalue::Cast(_, from) => match shape.source(from) {
            Source::Value(value) => value,
            _ => return None,
        },
        value => value,
    };
    let (sign, a, b) = match value {
        Rvalue::Binary(BinOp::Add, a, b) => (1, a, b),
        Rvalue::Binary(BinOp::Sub, a, b) => (-1, a, b),
        Rvalue::PtrAdd { ptr, index, .. } => (1, ptr, index),
        _ => return None,
    };
    let is_place = matches!(shape.source(a), Source::Place(p) if p == place);
    shape.int(b).filter(|_| is_place).map(|k| sign * k)
}

/// The condition is about something that goes up or down by a constant each round, or about a
/// pointer that walks an array of known size.
fn counts(shape: &Shape<'_>, of: &Loop, condition: &Operand) -> bool {
    shape.places_read(condition).iter().any(|place| {
        let pointer = shape.place_type(place).is_some_and(|ty| shape.is_pointer(ty));
        if let Base::Global(_) = place.base {
            return true;
        }
        if pointer || place.is_behind_pointer() {
            return place.base_local().is_some_and(|id| walks_table(shape, of, id));
        }
        of.blocks().filter_map(|id| shape.block(id)).flat_map(|b| &b.instrs).any(
            |i| matches!(&i.op, Op::Assign { dst, src } if dst == *place && step(shape, src, dst).is_some()),
        )
    })
}

/// The variable starts, outside of the loop, at something with static storage or on the stack.
fn walks_table(shape: &Shape<'_>, of: &Loop, id: LocalId) -> bool {
    shape.function.blocks.iter().enumerate().filter(|(index, _)| !of.body[*index]).flat_map(|(_, b)| &b.instrs).any(
        |i| match &i.op {
            Op::Assign { dst, src } if dst.as_local() == Some(id) => match src {
                Rvalue::AddrOf(place) => !place.is_behind_pointer(),
                Rvalue::Use(from) | Rvalue::Cast(_, from) => match shape.origin(from) {
                    Source::Const(banbury_ir::Const::GlobalAddr(..) | banbury_ir::Const::Str { .. }) => true,
                    Source::Place(place) => matches!(place.base, Base::Global(_)),
                    Source::Value(Rvalue::AddrOf(place)) => !place.is_behind_pointer(),
                    _ => false,
                },
                _ => false,
            },
            _ => false,
        },
    )
}

/// What the condition says the rounds are over: the elements of a list, bytes, or what a call gives.
fn kind(shape: &Shape<'_>, of: &Loop, condition: &Operand) -> Option<&'static str> {
    let read = shape.places_read(condition);
    let assigned = |id: LocalId| {
        of.blocks().filter_map(|b| shape.block(b)).flat_map(|b| &b.instrs).find_map(|i| match &i.op {
            Op::Assign { dst, src } if dst.as_local() == Some(id) => Some(Some(src)),
            Op::Call { dst: Some(dst), .. } if dst.as_local() == Some(id) => Some(None),
            _ => None,
        })
    };
    read.iter().find_map(|place| {
        let id = place.base_local()?;
        if place.is_behind_pointer() {
            let byte = shape.place_type(place).and_then(|ty| shape.program.types.int_info(ty)).is_some_and(|i| i.0 == 8);
            return (byte && assigned(id).is_some()).then_some("append.bytes");
        }
        let pointer = shape.place_type(place).is_some_and(|ty| shape.is_pointer(ty));
        match assigned(id)? {
            None => Some("append.call"),
            Some(Rvalue::PtrAdd { .. }) if pointer => Some("append.bytes"),
            Some(Rvalue::Use(from) | Rvalue::Cast(_, from)) if pointer => match shape.source(from) {
                Source::Place(next) if next.is_behind_pointer() => Some("append.list"),
                Source::Call(_) => Some("append.call"),
                Source::Value(Rvalue::PtrAdd { .. }) => Some("append.bytes"),
                _ => None,
            },
            _ => None,
        }
    })
}
