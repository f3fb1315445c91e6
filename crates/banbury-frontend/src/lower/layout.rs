//! Sizes and offsets of records by the System V ABI, which GCC and Clang follow on Linux.

use banbury_base::Symbol;
use banbury_ir::{Field, RecordKind, Type, TypeId, TypeTable};

/// A member before it has a place.
pub(crate) struct Slot {
    pub name: Symbol,
    pub ty: TypeId,
    pub bits: Option<u16>,
    /// An array with a count, which is a macro or constant that is not in sight.
    pub uncounted: bool,
}

pub(crate) struct Layout {
    pub fields: Vec<Field>,
    pub size: Option<u64>,
    pub align: u32,
}

/// Running position, in bits; `None` behind a member of unknown size.
struct Cursor {
    bit: Option<u64>,
    end: Option<u64>,
    align: u64,
}

/// Places `slots` in order (all at 0 in a union).
pub(crate) fn lay_out(types: &TypeTable, kind: RecordKind, packed: bool, slots: &[Slot]) -> Layout {
    let mut cursor = Cursor { bit: Some(0), end: Some(0), align: 1 };
    let mut fields = Vec::with_capacity(slots.len());
    for slot in slots {
        if kind == RecordKind::Union {
            cursor.bit = Some(0);
        }
        let offset = match slot.bits {
            Some(bits) => place_bits(types, slot, bits, packed, &mut cursor),
            None => place(types, slot, packed, &mut cursor),
        };
        cursor.end = match (cursor.end, cursor.bit) {
            (Some(end), Some(bit)) => Some(end.max(bit)),
            _ => None,
        };
        // An unnamed bit-field only takes room.
        if slot.bits.is_none() || !slot.name.is_empty() {
            fields.push(Field { name: slot.name, ty: slot.ty, offset, bits: slot.bits });
        }
    }
    let size = cursor.end.map(|end| round_up(end.div_ceil(8), cursor.align));
    Layout { fields, size, align: cursor.align.min(1 << 20) as u32 }
}

fn round_up(value: u64, to: u64) -> u64 {
    value.div_ceil(to.max(1)).saturating_mul(to.max(1))
}

fn place(types: &TypeTable, slot: &Slot, packed: bool, cursor: &mut Cursor) -> Option<u64> {
    let ty = slot.ty;
    let align = if packed { 1 } else { types.align_of(ty) };
    cursor.align = cursor.align.max(align);
    let offset = cursor.bit.map(|bit| round_up(bit.div_ceil(8), align));
    let size = match types.get(ty) {
        // A flexible array member takes no room of its own.
        Type::Array(_, None) if !slot.uncounted => Some(0),
        _ => types.size_of(ty),
    };
    cursor.bit = match (offset, size) {
        (Some(offset), Some(size)) => offset.checked_add(size).and_then(|end| end.checked_mul(8)),
        _ => None,
    };
    offset
}

/// A bit-field must not cross a boundary of its declared type, unless packed.
fn place_bits(types: &TypeTable, slot: &Slot, bits: u16, packed: bool, cursor: &mut Cursor) -> Option<u64> {
    let unit = types.size_of(slot.ty).unwrap_or(4).max(1) * 8;
    let bits = u64::from(bits);
    let bit = cursor.bit?;
    if bits == 0 {
        cursor.bit = Some(round_up(bit, unit));
        return Some(bit / 8);
    }
    let crosses = bit / unit != (bit + bits - 1) / unit;
    let start = if crosses && !packed { round_up(bit, unit) } else { bit };
    // Only a named bit-field makes the record as strict as its type.
    if !slot.name.is_empty() && !packed {
        cursor.align = cursor.align.max(types.align_of(slot.ty));
    }
    cursor.bit = Some(start + bits);
    Some(start / 8)
}
