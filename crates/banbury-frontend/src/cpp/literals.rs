//! Values of numbers, characters and strings as C++ spells them.

use crate::ast::ExprKind;
use banbury_base::Symbol;

/// `0x1Fu`, `1'000`, `1.5e3f`, `0b101LL`; `None` if it is none of these.
pub(super) fn number(text: &str) -> Option<ExprKind> {
    let clean: String = text.chars().filter(|&c| c != '\'').collect();
    let lower = clean.to_ascii_lowercase();
    let hex = lower.starts_with("0x");
    let is_float = if hex { lower.contains(['.', 'p']) } else { lower.contains(['.', 'e']) };
    if is_float && !lower.starts_with("0b") {
        return Some(ExprKind::Float(float(&lower, hex)));
    }
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'0'..=b'9', ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let (digits, suffix) = digits.split_at(end);
    let value = if digits.is_empty() { 0 } else { u64::from_str_radix(digits, radix).unwrap_or(u64::MAX) };
    let longs = suffix.chars().filter(|&c| c == 'l').count().min(2) as u8;
    let unsigned = suffix.contains('u');
    suffix.chars().all(|c| matches!(c, 'u' | 'l' | 'z')).then_some(ExprKind::Int {
        value,
        unsigned,
        longs: if suffix.contains('z') { 1 } else { longs },
        based: radix != 10,
    })
}

fn float(lower: &str, hex: bool) -> f64 {
    if !hex {
        return lower.trim_end_matches(['f', 'l']).parse().unwrap_or(0.0);
    }
    let (mantissa, exponent) = lower[2..].split_once('p').unwrap_or((&lower[2..], "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = whole.chars().fold(0.0, |v, c| v * 16.0 + f64::from(c.to_digit(16).unwrap_or(0)));
    let mut place = 1.0 / 16.0;
    for c in fraction.chars() {
        value += f64::from(c.to_digit(16).unwrap_or(0)) * place;
        place /= 16.0;
    }
    let exponent: i32 = exponent.trim_end_matches(['f', 'l']).parse().unwrap_or(0);
    value * 2f64.powi(exponent.clamp(-2000, 2000))
}

/// Contents of a string literal with prefix and quotes, and whether it is wide. Bytes above 127
/// of a narrow one stay bytes (as Latin-1).
pub(super) fn string(literal: &[u8]) -> (Vec<char>, bool) {
    let quote = literal.iter().position(|&b| b == b'"').unwrap_or(0);
    let (prefix, rest) = literal.split_at(quote);
    let wide = matches!(prefix.first(), Some(b'L' | b'U')) || prefix == b"u" || prefix == b"uR";
    let body = rest.strip_prefix(b"\"").unwrap_or(rest);
    let body = body.strip_suffix(b"\"").unwrap_or(body);
    let contents = if prefix.ends_with(b"R") { units(raw(body), wide) } else { unescape(body, wide) };
    (contents, wide)
}

/// What stands between `delimiter(` and `)delimiter`.
fn raw(body: &[u8]) -> &[u8] {
    let Some(open) = body.iter().position(|&b| b == b'(') else { return body };
    let end = body.len().saturating_sub(open + 1);
    body.get(open + 1..end).unwrap_or_default()
}

fn units(bytes: &[u8], wide: bool) -> Vec<char> {
    if wide {
        String::from_utf8_lossy(bytes).chars().collect()
    } else {
        bytes.iter().map(|&b| b as char).collect()
    }
}

fn unescape(bytes: &[u8], wide: bool) -> Vec<char> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|&b| b == b'\\') {
        out.extend(units(&rest[..at], wide));
        rest = &rest[at + 1..];
        let (code, used) = escape(rest);
        rest = &rest[used..];
        match code {
            Some(code) if wide || code < 256 => out.extend(char::from_u32(code)),
            // A universal character name in a narrow literal stands for its UTF-8 bytes.
            Some(code) => {
                let mut buffer = [0; 4];
                let text = char::from_u32(code).unwrap_or('?').encode_utf8(&mut buffer);
                out.extend(text.bytes().map(char::from));
            }
            None => {}
        }
    }
    out.extend(units(rest, wide));
    out
}

/// Value of the escape after the backslash and how many bytes it takes.
fn escape(rest: &[u8]) -> (Option<u32>, usize) {
    let digits = |from: usize, most: usize, radix: u32| {
        let run = rest.iter().skip(from).take(most).take_while(|&&b| (b as char).is_digit(radix)).count();
        let value = rest[from..from + run]
            .iter()
            .fold(0u32, |v, &b| v.wrapping_mul(radix).wrapping_add((b as char).to_digit(radix).unwrap_or(0)));
        (value, from + run)
    };
    let Some(&first) = rest.first() else { return (None, 0) };
    let simple = |c: u8| (Some(u32::from(c)), 1);
    match first {
        b'n' => simple(b'\n'),
        b't' => simple(b'\t'),
        b'r' => simple(b'\r'),
        b'a' => simple(7),
        b'b' => simple(8),
        b'v' => simple(11),
        b'f' => simple(12),
        b'e' => simple(27),
        b'\n' => (None, 1),
        b'x' => {
            let (value, used) = digits(1, 8, 16);
            (Some(value & 0xff_ffff), used)
        }
        b'u' | b'U' => {
            let (value, used) = digits(1, if first == b'u' { 4 } else { 8 }, 16);
            (Some(value), used)
        }
        b'0'..=b'7' => {
            let (value, used) = digits(0, 3, 8);
            (Some(value & 0xff), used)
        }
        other => simple(other),
    }
}

/// A character constant with prefix and quotes; several characters make the value GCC gives.
pub(super) fn character(literal: &[u8]) -> i64 {
    let quote = literal.iter().position(|&b| b == b'\'').unwrap_or(0);
    let (prefix, rest) = literal.split_at(quote);
    let wide = !prefix.is_empty();
    let body = rest.strip_prefix(b"'").unwrap_or(rest);
    let body = body.strip_suffix(b"'").unwrap_or(body);
    let units = unescape(body, wide);
    match units.as_slice() {
        [one] if wide => i64::from(u32::from(*one)),
        [one] => i64::from(u32::from(*one) as u8 as i8),
        many => i64::from(many.iter().fold(0i32, |v, &c| (v << 8) | (u32::from(c) as i32 & 0xff))),
    }
}

/// A string expression out of its contents.
pub(super) fn string_kind(contents: &[char], wide: bool) -> ExprKind {
    let text: String = contents.iter().collect();
    ExprKind::Str { text: Symbol::new(&text), len: contents.len() as u32, wide }
}

/// What `<inttypes.h>` makes of `PRIu64` and its like on LP64, whose headers are rarely at hand.
pub(super) fn format_macro(name: &str) -> String {
    let rest = name.strip_prefix("PRI").or_else(|| name.strip_prefix("SCN"));
    let Some((conversion, width)) = rest.and_then(|rest| rest.split_at_checked(1)) else {
        return String::new();
    };
    match width.trim_start_matches("LEAST").trim_start_matches("FAST") {
        "64" | "MAX" | "PTR" => format!("l{conversion}"),
        "16" if name.starts_with("SCN") => format!("h{conversion}"),
        "8" if name.starts_with("SCN") => format!("hh{conversion}"),
        "8" | "16" | "32" => conversion.to_string(),
        _ => String::new(),
    }
}
