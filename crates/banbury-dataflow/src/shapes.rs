//! Buffers and the lengths that travel with them, recognised by shape and name: `(buf, len)` in a
//! parameter list, `{ data, len }` in a record.

use banbury_ir::{
    Block, Callee, FieldRef, Function, Op, Operand, Place, Program, Proj, Record, RecordId, Rvalue, Type,
    TypeTable,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::models::{Effect, Models, Size, Slot};

/// Whether a name speaks of a length.
pub fn is_length_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Counts of bits say little about bytes.
    if name.contains("bit") {
        return false;
    }
    ["len", "length", "size", "sz", "nbytes", "cnt", "count", "left", "remain", "avail", "octets"]
        .iter()
        .any(|word| name.contains(word))
        || matches!(name.as_str(), "n" | "nb" | "l" | "num")
}

/// A name that cannot mean much else: `n` and `count` may count anything.
fn is_clear_length(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_length_name(&name) && (name.ends_with("len") || name.ends_with("length") || name.ends_with("nbytes"))
}

fn is_buffer_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "buf", "data", "ptr", "pkt", "packet", "msg", "payload", "val", "body", "str", "raw", "bytes",
        "base", "src", "in", "octet", "frame", "pdu", "p", "s", "d", "cp", "bp", "pos", "start", "tlv", "ie",
        "opt", "content", "text", "key", "chunk", "out", "dst", "dest",
    ]
    .iter()
    .any(|word| if word.len() <= 2 { name == *word } else { name.contains(word) })
}

/// For each parameter that is a buffer: the parameter that holds its length, and bytes per unit.
pub fn length_params(types: &TypeTable, f: &Function) -> Vec<Option<(u32, u32)>> {
    let n = f.params as usize;
    let is_length = |q: usize| {
        types.int_info(f.locals[q].ty).is_some_and(|(bits, _)| bits >= 8)
            && is_length_name(f.locals[q].name.as_str())
    };
    let mut out = vec![None; n];
    for (p, length) in out.iter_mut().enumerate() {
        let local = &f.locals[p];
        let Type::Pointer(to) = types.get(local.ty) else { continue };
        let unit = match types.get(*to) {
            Type::Void | Type::Int { bits: 8, .. } => 1,
            _ => continue,
        };
        let own = local.name.as_str();
        // `foo` and `foo_len`, wherever they stand; else the very next parameter.
        let by_name = (0..n).find(|&q| {
            let other = f.locals[q].name.as_str();
            types.int_info(f.locals[q].ty).is_some_and(|(bits, _)| bits >= 8)
                && q != p
                && own.len() > 1
                && other.starts_with(own)
                && is_length_name(&other[own.len()..])
        });
        // Right behind a pointer to bytes, a length needs no help from the pointer's name.
        let clear = |q: usize| is_clear_length(f.locals[q].name.as_str());
        let next =
            (p + 1 < n).then_some(p + 1).filter(|&q| is_length(q) && (is_buffer_name(own) || clear(q)));
        // The only length of the only buffer.
        let only = || {
            let lengths = || (0..n).filter(|&q| is_length(q));
            let bytes = |q: &usize| {
                matches!(types.get(f.locals[*q].ty), Type::Pointer(to)
                    if matches!(types.get(*to), Type::Void | Type::Int { bits: 8, .. }))
            };
            let alone = lengths().count() == 1 && (0..n).filter(bytes).count() == 1 && is_buffer_name(own);
            lengths().next().filter(|_| alone)
        };
        *length = by_name.or(next).or_else(only).map(|q| (q as u32, unit));
    }
    out
}

/// The member that holds the length of the buffer member at `index`.
pub fn length_field(types: &TypeTable, record: &Record, index: u32) -> Option<u32> {
    let field = record.fields.get(index as usize)?;
    let Type::Pointer(to) = types.get(field.ty) else { return None };
    if !matches!(types.get(*to), Type::Void | Type::Int { bits: 8, .. }) {
        return None;
    }
    let is_length = |i: usize| {
        record.fields.get(i).is_some_and(|f| {
            types.int_info(f.ty).is_some_and(|(bits, _)| bits >= 8) && is_length_name(f.name.as_str())
        })
    };
    let own = field.name.as_str();
    let by_name = record.fields.iter().enumerate().position(|(i, f)| {
        let other = f.name.as_str();
        own.len() > 1 && other.len() > own.len() && other.starts_with(own) && is_length(i)
    });
    let i = index as usize;
    let beside = [i + 1, i.wrapping_sub(1)].into_iter().find(|&q| is_buffer_name(own) && is_length(q));
    let only = || {
        let mut all = (0..record.fields.len()).filter(|&q| is_length(q));
        let first = all.next()?;
        (all.next().is_none() && is_buffer_name(own)).then_some(first)
    };
    by_name.or(beside).or_else(only).map(|q| q as u32)
}

/// The members that say how much there is in another member: of what a pointer beside them points
/// to, or of an array of open length at the end.
pub fn length_members(types: &TypeTable, record: &Record) -> Vec<u32> {
    let open_ended = record.fields.last().is_some_and(|last| {
        matches!(types.get(last.ty), Type::Array(of, count)
            if count.is_none_or(|c| c <= 1) && types.int_info(*of).is_some())
    });
    let is_buffer = |i: usize, length: &str| {
        record.fields.get(i).is_some_and(|f| {
            let Type::Pointer(to) = types.get(f.ty) else { return false };
            let own = f.name.as_str();
            matches!(types.get(*to), Type::Void | Type::Int { .. })
                && (is_buffer_name(own) || own.len() > 1 && length.starts_with(own))
        })
    };
    (0..record.fields.len())
        .filter(|&i| {
            let field = &record.fields[i];
            types.int_info(field.ty).is_some_and(|(bits, _)| bits >= 8)
                && is_length_name(field.name.as_str())
                && (open_ended
                    || is_buffer(i + 1, field.name.as_str())
                    || i > 0 && is_buffer(i - 1, field.name.as_str()))
        })
        .map(|i| i as u32)
        .collect()
}

/// A member of a record that points to a buffer.
type Member = (RecordId, u32);

/// The lengths that calls pass along with buffer members: `memcpy(to, tlv->value, tlv->length)` tells
/// of a record whose names alone do not say which of several lengths belongs to the buffer. Members
/// that go with two lengths are left out.
pub fn lengths_by_use(
    program: &Program,
    models: &Models,
    params: &[Vec<Option<(u32, u32)>>],
) -> FxHashMap<Member, u32> {
    let pairs: Vec<(Member, u32)> =
        program.functions.par_iter().flat_map_iter(|f| pairs_in(program, models, params, f)).collect();
    let mut found: FxHashMap<Member, Option<u32>> = FxHashMap::default();
    for (member, length) in pairs {
        let known = found.entry(member).or_insert(Some(length));
        if *known != Some(length) {
            *known = None;
        }
    }
    found.into_iter().filter_map(|(member, length)| Some((member, length?))).collect()
}

fn pairs_in(
    program: &Program,
    models: &Models,
    params: &[Vec<Option<(u32, u32)>>],
    f: &Function,
) -> Vec<(Member, u32)> {
    let mut out = Vec::new();
    for block in &f.blocks {
        for (at, instr) in block.instrs.iter().enumerate() {
            let Op::Call { callee: Callee::Direct(name), args, .. } = &instr.op else { continue };
            if args.len() < 2 {
                continue;
            }
            let member = |i: usize| member_of(f, block, at, args.get(i)?);
            let mut pair = |buffer: usize, length: usize| {
                let (Some((owner, buffer)), Some((other, length))) = (member(buffer), member(length)) else {
                    return;
                };
                let record = buffer.record.filter(|r| length.record == Some(*r) && same_owner(owner, other));
                if let Some(record) =
                    record.filter(|r| is_pair(&program.types, *r, buffer.index, length.index))
                {
                    out.push(((record, buffer.index), length.index));
                }
            };
            if let Some(id) = program.resolve(f.file, *name) {
                let known = params[id.index()].iter().enumerate();
                known.for_each(|(p, length)| {
                    if let Some((q, 1)) = length {
                        pair(p, *q as usize)
                    }
                });
            } else if let Some(model) = models.get(*name) {
                for effect in &model.effects {
                    if let Effect::Read(Slot::Arg(p), Size::Arg { arg, scale: 1, plus: 0 }) = effect {
                        pair(usize::from(*p), usize::from(*arg));
                    }
                }
            }
        }
    }
    out
}

/// The member that the argument of the call at `at` is read from, looking through temporaries.
fn member_of<'p>(
    f: &Function,
    block: &'p Block,
    at: usize,
    argument: &'p Operand,
) -> Option<(&'p Place, &'p FieldRef)> {
    let mut operand = argument;
    for _ in 0..4 {
        let Operand::Copy(place) = operand else { return None };
        if let Some(Proj::Field(field)) = place.proj.last() {
            return Some((place, field));
        }
        let id = place.as_local().filter(|id| f.locals[id.index()].name.is_empty())?;
        operand = block.instrs[..at].iter().rev().find_map(|instr| match &instr.op {
            Op::Assign { dst, src: Rvalue::Use(from) | Rvalue::Cast(_, from) }
                if dst.as_local() == Some(id) =>
            {
                Some(from)
            }
            _ => None,
        })?;
    }
    None
}

fn same_owner(a: &Place, b: &Place) -> bool {
    a.base == b.base
        && a.proj.len() == b.proj.len()
        && a.proj[..a.proj.len() - 1] == b.proj[..b.proj.len() - 1]
}

fn is_pair(types: &TypeTable, record: RecordId, buffer: u32, length: u32) -> bool {
    let field = |index: u32| types.record(record).and_then(|r| r.fields.get(index as usize));
    let bytes = |f: &banbury_ir::Field| matches!(types.get(f.ty), Type::Pointer(to) if matches!(types.get(*to), Type::Void | Type::Int { bits: 8, .. }));
    field(buffer).is_some_and(bytes)
        && field(length).is_some_and(|f| types.int_info(f.ty).is_some_and(|i| i.0 >= 8))
}
