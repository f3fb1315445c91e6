use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Operand, Type};

use crate::names;
use crate::shape::{CallSite, Shape, shorten};

pub const RULE: Rule = Rule {
    id: "variadic-mismatch",
    version: 1,
    title: "Arguments do not fit the format string or the function",
    cwe: &[685, 686],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let Some(layout) = layout(shape, call) else { continue };
        let Some(format) = call.args.get(layout.format).and_then(|a| shape.literal(a)) else { continue };
        let parsed = if layout.scan { scan_format(format.as_str()) } else { print_format(format.as_str()) };
        let Some(wanted) = parsed else { continue };
        if let Some((cwe, feature, message)) = mismatch(shape, call, &layout, format, &wanted) {
            let mut issue = shape.issue(RULE.id, cwe, call.span, message);
            issue.features.extend(feature.map(|f| (f, 1.0)));
            if !call.in_macro.is_empty() {
                issue.features.push(("in-macro", 1.0));
            }
            out.push(issue);
        }
    }
}

struct Layout {
    format: usize,
    first: usize,
    scan: bool,
}

/// What a conversion takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Integer,
    Float,
    Text,
    Pointer,
}

/// Where the format string and its values are: from the model, or from a definition in the
/// release whose last parameter before `...` is a format.
fn layout(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<Layout> {
    let own = shape.program.resolve(shape.function.file, call.callee);
    if let Some(id) = own {
        let function = shape.program.function(id);
        let last = function.params.checked_sub(1)? as usize;
        let name = function.locals.get(last)?.name;
        let is_format = matches!(name.as_str(), "fmt" | "format" | "fmtstr" | "format_string" | "pszFormat");
        let prints = names::mentions(
            call.callee.as_str(),
            &["printf", "log", "msg", "warn", "err", "debug", "print", "info", "trace", "notice", "fail", "report"],
        );
        return (function.is_variadic && is_format && prints).then(|| Layout { format: last, first: last + 1, scan: false });
    }
    shape.model(call.callee)?.effects.iter().find_map(|e| match e {
        Effect::FormatString { format, first } if first > format => {
            Some(Layout { format: usize::from(*format), first: usize::from(*first), scan: false })
        }
        Effect::ScanString { format, first } if first > format => {
            Some(Layout { format: usize::from(*format), first: usize::from(*first), scan: true })
        }
        _ => None,
    })
}

fn mismatch(
    shape: &Shape<'_>,
    call: &CallSite<'_>,
    layout: &Layout,
    format: Symbol,
    wanted: &[Wanted],
) -> Option<(u32, Option<&'static str>, String)> {
    let given = call.args.get(layout.first..)?;
    let shown = shorten(format.as_str());
    if given.len() < wanted.len() {
        let message = format!(
            "{shown:?} takes {} values, '{}' gets {}", wanted.len(), call.callee, given.len()
        );
        return Some((685, Some("certain"), message));
    }
    if given.len() > wanted.len() {
        let message = format!(
            "{shown:?} takes {} values, '{}' gets {}", wanted.len(), call.callee, given.len()
        );
        return Some((685, Some("variadic.surplus"), message));
    }
    wanted.iter().zip(given).enumerate().find_map(|(index, (wanted, value))| {
        let ty = shape.type_of(value)?;
        let types = &shape.program.types;
        let wrong = match (wanted, types.get(ty)) {
            (Wanted::Text, Type::Int { .. } | Type::Bool | Type::Float(_)) => !is_zero(shape, value),
            (Wanted::Integer, Type::Pointer(to)) => {
                !layout.scan && !matches!(types.get(*to), Type::Unknown)
            }
            (Wanted::Integer, Type::Float(_)) | (Wanted::Float, Type::Int { .. } | Type::Pointer(_)) => !layout.scan,
            (Wanted::Pointer, Type::Int { .. }) => layout.scan && !is_zero(shape, value),
            _ => false,
        };
        wrong.then(|| {
            let message = format!(
                "value {} of {shown:?} is '{}' of type {}", index + 1, shape.operand_text(value), types.name(ty)
            );
            (686, None, message)
        })
    })
}

fn is_zero(shape: &Shape<'_>, value: &Operand) -> bool {
    shape.int(value) == Some(0)
}

/// The values that a `printf` format takes; `None` if it has a conversion we do not know.
fn print_format(text: &str) -> Option<Vec<Wanted>> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            continue;
        }
        while matches!(chars.peek(), Some('-' | '+' | ' ' | '#' | '0' | '\'')) {
            chars.next();
        }
        for _ in 0..2 {
            if chars.peek() == Some(&'*') {
                chars.next();
                out.push(Wanted::Integer);
            }
            while chars.peek().is_some_and(char::is_ascii_digit) {
                chars.next();
            }
            if chars.peek() == Some(&'.') {
                chars.next();
            }
        }
        while matches!(chars.peek(), Some('h' | 'l' | 'L' | 'q' | 'j' | 'z' | 't')) {
            chars.next();
        }
        match chars.next()? {
            'd' | 'i' | 'o' | 'u' | 'x' | 'X' | 'c' => out.push(Wanted::Integer),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'a' | 'A' => out.push(Wanted::Float),
            's' => out.push(Wanted::Text),
            'p' | 'n' => out.push(Wanted::Pointer),
            'm' => {}
            _ => return None,
        }
    }
    Some(out)
}

/// The places that a `scanf` format fills; `None` if it has a conversion we do not know.
fn scan_format(text: &str) -> Option<Vec<Wanted>> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            continue;
        }
        let mut stored = true;
        if chars.peek() == Some(&'*') {
            chars.next();
            stored = false;
        }
        while chars.peek().is_some_and(char::is_ascii_digit) {
            chars.next();
        }
        while matches!(chars.peek(), Some('h' | 'l' | 'L' | 'q' | 'j' | 'z' | 't' | 'm')) {
            chars.next();
        }
        match chars.next()? {
            'd' | 'i' | 'o' | 'u' | 'x' | 'X' | 'c' | 's' | 'n' | 'p' | 'e' | 'f' | 'g' | 'a' => {}
            '[' => {
                let mut first = true;
                if chars.peek() == Some(&'^') {
                    chars.next();
                }
                loop {
                    match chars.next()? {
                        ']' if !first => break,
                        _ => first = false,
                    }
                }
            }
            _ => return None,
        }
        if stored {
            out.push(Wanted::Pointer);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::{print_format, scan_format};

    #[test]
    fn counts_values() {
        let count = |text| print_format(text).map(|v| v.len());
        assert_eq!(count("%s %s"), Some(2));
        assert_eq!(count("100%% %*.*f %lld %m\n"), Some(4));
        assert_eq!(count("%-08zx|%.3s"), Some(2));
        assert_eq!(count("% bytes"), None);
        assert_eq!(count("%"), None);
        assert_eq!(count("%1$s"), None);
    }

    #[test]
    fn counts_places() {
        let count = |text| scan_format(text).map(|v| v.len());
        assert_eq!(count("%d,%*d %63[^]x]%n"), Some(3));
        assert_eq!(count("%ms"), Some(1));
    }
}
