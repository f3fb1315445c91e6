//! Format strings of the `scanf` and `printf` families.

pub(crate) enum ScanKind {
    /// `%s`, `%[`: with a width or without.
    Text(Option<u32>),
    Other,
}

/// Conversions of a `scanf` format that store something.
pub(crate) fn scan_conversions(format: &str) -> Vec<ScanKind> {
    let mut out = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            continue;
        }
        let suppressed = chars.next_if_eq(&'*').is_some();
        let mut width = None;
        while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = Some(width.unwrap_or(0u32).saturating_mul(10).saturating_add(d));
            chars.next();
        }
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L' | 'z' | 'j' | 't' | 'q')).is_some() {}
        let kind = match chars.next() {
            Some('s' | 'S') => ScanKind::Text(width),
            Some('[') => {
                chars.next_if_eq(&'^');
                chars.next_if_eq(&']');
                for c in chars.by_ref() {
                    if c == ']' {
                        break;
                    }
                }
                ScanKind::Text(width)
            }
            None => break,
            Some(_) => ScanKind::Other,
        };
        if !suppressed {
            out.push(kind);
        }
    }
    out
}

/// Least number of characters a format produces, `None` if a string's length is not known.
/// `text(n)` is the length of the string for the n-th value.
pub(crate) fn formatted_length(format: &str, text: impl Fn(usize) -> Option<u64>) -> Option<u64> {
    let mut total = 0u64;
    let mut nth = 0usize;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            total += 1;
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            total += 1;
            continue;
        }
        let mut width = 0u64;
        let mut precision = None;
        while chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '#' | '0')).is_some() {}
        if chars.next_if_eq(&'*').is_some() {
            nth += 1;
        }
        while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = width.saturating_mul(10).saturating_add(u64::from(d));
            chars.next();
        }
        if chars.next_if_eq(&'.').is_some() {
            let mut p = 0u64;
            if chars.next_if_eq(&'*').is_some() {
                return None;
            }
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                p = p.saturating_mul(10).saturating_add(u64::from(d));
                chars.next();
            }
            precision = Some(p);
        }
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L' | 'z' | 'j' | 't' | 'q')).is_some() {}
        let length = match chars.next()? {
            's' | 'S' => {
                let n = text(nth)?;
                precision.map_or(n, |p| n.min(p))
            }
            'c' => 1,
            _ => precision.unwrap_or(1).max(1),
        };
        nth += 1;
        total = total.saturating_add(length.max(width));
    }
    Some(total)
}
