//! Buffers and the lengths that travel with them, recognised by shape and name: `(buf, len)` in a
//! parameter list, `{ data, len }` in a record.

use banbury_ir::{Function, Record, Type, TypeTable};

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
        let next = (p + 1 < n).then_some(p + 1).filter(|&q| is_length(q) && is_buffer_name(own));
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
