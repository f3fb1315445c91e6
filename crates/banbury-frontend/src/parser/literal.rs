//! Values of numbers, character constants and strings.

use banbury_base::Symbol;

use crate::ast::ExprKind;
use crate::token::TokenKind;

use super::{PResult, Parser};

/// A decoded number, kept per spelling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Int { value: u64, unsigned: bool, longs: u8, based: bool },
    Float(f64),
}

impl Number {
    pub(super) fn into_expr(self) -> ExprKind {
        match self {
            Number::Int { value, unsigned, longs, based } => ExprKind::Int { value, unsigned, longs, based },
            Number::Float(value) => ExprKind::Float(value),
        }
    }

    /// Reads a preprocessing number. What is no number becomes as much of one as it holds.
    pub(super) fn read(text: &str) -> Number {
        let plain;
        let text = match text.contains('\'') {
            true => {
                plain = text.replace('\'', "");
                plain.as_str()
            }
            false => text,
        };
        let bytes = text.as_bytes();
        let (radix, digits) = match bytes {
            [b'0', b'x' | b'X', rest @ ..] => (16, rest),
            [b'0', b'b' | b'B', rest @ ..] => (2, rest),
            [b'0', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => (8, rest),
            _ => (10, bytes),
        };
        let is_float = match radix {
            16 => digits.iter().any(|b| matches!(b, b'.' | b'p' | b'P')),
            2 => false,
            _ => digits.iter().any(|b| matches!(b, b'.' | b'e' | b'E')),
        };
        match is_float {
            true if radix == 16 => Number::Float(hex_float(digits)),
            true => Number::Float(decimal_float(text)),
            false => integer(digits, radix),
        }
    }
}

fn integer(digits: &[u8], radix: u32) -> Number {
    let length = digits.iter().take_while(|b| (**b as char).is_digit(radix)).count();
    let (digits, suffix) = digits.split_at(length);
    let value = digits.iter().fold(0u64, |value, b| {
        let digit = (*b as char).to_digit(radix).unwrap_or(0);
        value.wrapping_mul(u64::from(radix)).wrapping_add(u64::from(digit))
    });
    if radix == 10 && matches!(suffix, [b'f' | b'F']) {
        return Number::Float(value as f64);
    }
    let unsigned = suffix.iter().any(|b| matches!(b, b'u' | b'U'));
    let longs = suffix.iter().filter(|b| matches!(b, b'l' | b'L')).count().min(2) as u8;
    Number::Int { value, unsigned, longs, based: radix != 10 }
}

fn decimal_float(text: &str) -> f64 {
    let end = text.bytes().rposition(|b| b.is_ascii_digit() || b == b'.').map_or(0, |at| at + 1);
    text.get(..end).and_then(|t| t.parse().ok()).unwrap_or(0.0)
}

/// `hh.hhpdd`, without its `0x`.
fn hex_float(digits: &[u8]) -> f64 {
    let mut value = 0.0f64;
    let mut exponent = 0i32;
    let mut fraction = false;
    let mut rest = digits.iter().copied();
    for b in rest.by_ref() {
        match b {
            b'.' => fraction = true,
            b'p' | b'P' => break,
            _ => {
                let Some(digit) = (b as char).to_digit(16) else { break };
                value = value * 16.0 + f64::from(digit);
                exponent = exponent.saturating_sub(if fraction { 4 } else { 0 });
            }
        }
    }
    let mut negative = false;
    let mut power = 0i32;
    for b in rest {
        match b {
            b'-' => negative = true,
            b'0'..=b'9' => power = power.saturating_mul(10).saturating_add(i32::from(b - b'0')),
            _ => {}
        }
    }
    value * 2f64.powi(exponent.saturating_add(if negative { -power } else { power }))
}

/// The value of a character constant with quotes and prefix, as C computes it: plain characters
/// are signed, several are packed big-endian into an `int`.
pub(super) fn character(text: &str) -> i64 {
    let inner = unquoted(text, '\'');
    let wide = text.starts_with(['L', 'u', 'U']);
    if let (true, Some(c)) = (wide, single_char(inner)) {
        return i64::from(c as u32);
    }
    let mut decoded = String::new();
    decode_into(inner, &mut decoded);
    let mut chars = decoded.chars();
    match (chars.next(), chars.next()) {
        (None, _) => 0,
        (Some(c), None) if wide => i64::from(c as u32),
        (Some(c), None) => i64::from((c as u32) as u8 as i8),
        _ => decoded.chars().fold(0i32, |value, c| (value << 8) | (c as i32 & 0xff)).into(),
    }
}

/// The only character, if there is no escape.
fn single_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|&c| c != '\\' && chars.next().is_none())
}

/// The text between the quotes.
fn unquoted(text: &str, quote: char) -> &str {
    let from = text.find(quote).map_or(0, |at| at + 1);
    let inner = text.get(from..).unwrap_or("");
    inner.strip_suffix(quote).unwrap_or(inner)
}

/// Appends the bytes of a literal's inside, one character each.
fn decode_into(inner: &str, out: &mut String) {
    let mut rest = inner.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            push_bytes(c, out);
            continue;
        }
        match rest.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('a') => out.push('\x07'),
            Some('b') => out.push('\x08'),
            Some('f') => out.push('\x0c'),
            Some('v') => out.push('\x0b'),
            Some('e' | 'E') => out.push('\x1b'),
            Some('x') => {
                let mut value = 0u32;
                while let Some(digit) = rest.peek().and_then(|c| c.to_digit(16)) {
                    value = (value << 4) | digit;
                    rest.next();
                }
                out.push(char::from(value as u8));
            }
            Some(first @ '0'..='7') => {
                let mut value = first as u32 - '0' as u32;
                for _ in 0..2 {
                    let Some(digit) = rest.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + digit;
                    rest.next();
                }
                out.push(char::from(value as u8));
            }
            Some(kind @ ('u' | 'U')) => {
                let mut value = 0u32;
                for _ in 0..if kind == 'u' { 4 } else { 8 } {
                    let Some(digit) = rest.peek().and_then(|c| c.to_digit(16)) else { break };
                    value = (value << 4) | digit;
                    rest.next();
                }
                push_bytes(char::from_u32(value).unwrap_or('?'), out);
            }
            Some(other) => push_bytes(other, out),
            None => {}
        }
    }
}

/// One character per byte of the UTF-8 that compilers write into the program.
fn push_bytes(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c);
        return;
    }
    let mut buffer = [0; 4];
    out.extend(c.encode_utf8(&mut buffer).bytes().map(char::from));
}

/// The conversion that a macro of `<inttypes.h>` stands for on LP64: `PRIu64` is `lu`.
fn format_macro(name: &str) -> Option<(&'static str, char)> {
    let rest = name.strip_prefix("PRI").or_else(|| name.strip_prefix("SCN"))?;
    let conversion = rest.chars().next().filter(|c| "diouxX".contains(*c))?;
    let width = match rest.get(1..)?.trim_start_matches("LEAST").trim_start_matches("FAST") {
        "8" => "hh",
        "16" => "h",
        "32" => "",
        "64" | "MAX" | "PTR" => "l",
        _ => return None,
    };
    Some((width, conversion))
}

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Number {
        let text = self.bump().text;
        *self.numbers.entry(text).or_insert_with(|| Number::read(text.as_str()))
    }

    /// Adjacent string literals, and among them names of macros that nobody expanded:
    /// `"%" PRIu64 "\n"`, `LOG_PREFIX "text"`.
    pub(super) fn string(&mut self) -> PResult<ExprKind> {
        let mut decoded = String::new();
        let mut wide = false;
        loop {
            match self.kind() {
                TokenKind::Str => {
                    let text = self.bump().text.as_str();
                    wide |= text.starts_with(['L', 'U']) || text.starts_with("u\"") || text.starts_with("uR");
                    match text.split_once('"') {
                        Some((prefix, _)) if prefix.ends_with('R') => decode_raw(text, &mut decoded),
                        _ => decode_into(unquoted(text, '"'), &mut decoded),
                    }
                }
                TokenKind::Ident if self.kw().is_name() => {
                    if let Some((width, conversion)) = format_macro(self.bump().text.as_str()) {
                        decoded.push_str(width);
                        decoded.push(conversion);
                    }
                    self.skip_parens();
                }
                _ => break,
            }
        }
        let len = decoded.chars().count() as u32;
        Ok(ExprKind::Str { text: Symbol::new(&decoded), len, wide })
    }
}

/// `R"tag(text)tag"`
fn decode_raw(text: &str, out: &mut String) {
    let inner = unquoted(text, '"');
    let body = match inner.split_once('(') {
        Some((tag, rest)) => rest.strip_suffix(tag).unwrap_or(rest),
        None => inner,
    };
    body.strip_suffix(')').unwrap_or(body).chars().for_each(|c| push_bytes(c, out));
}

#[cfg(test)]
mod tests {
    use super::{Number, character, decode_into, format_macro};

    fn int(value: u64, unsigned: bool, longs: u8, based: bool) -> Number {
        Number::Int { value, unsigned, longs, based }
    }

    #[test]
    fn numbers() {
        assert_eq!(Number::read("0"), int(0, false, 0, false));
        assert_eq!(Number::read("42ul"), int(42, true, 1, false));
        assert_eq!(Number::read("0x1FULL"), int(31, true, 2, true));
        assert_eq!(Number::read("017"), int(15, false, 0, true));
        assert_eq!(Number::read("0b101"), int(5, false, 0, true));
        assert_eq!(Number::read("1'000"), int(1000, false, 0, false));
        assert_eq!(Number::read("1.5e3f"), Number::Float(1500.0));
        assert_eq!(Number::read("0x1.8p1"), Number::Float(3.0));
        assert_eq!(Number::read(".5L"), Number::Float(0.5));
        assert_eq!(Number::read("18446744073709551615"), int(u64::MAX, false, 0, false));
    }

    #[test]
    fn characters() {
        assert_eq!(character("'a'"), 97);
        assert_eq!(character("'\\n'"), 10);
        assert_eq!(character("'\\xff'"), -1);
        assert_eq!(character("L'\\xff'"), 255);
        assert_eq!(character("'ab'"), 0x6162);
        assert_eq!(character("'\\''"), 39);
        assert_eq!(character("''"), 0);
    }

    #[test]
    fn escapes() {
        let mut out = String::new();
        decode_into(r#"a\x41\0\101\"é"#, &mut out);
        assert_eq!(out, "aA\0A\"\u{c3}\u{a9}");
        assert_eq!(format_macro("PRIx64"), Some(("l", 'x')));
        assert_eq!(format_macro("PRINT"), None);
    }
}
