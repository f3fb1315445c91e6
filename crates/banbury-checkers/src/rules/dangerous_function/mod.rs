use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::models::{Effect, Size};
use banbury_dataflow::observe::Issue;

use crate::names;
use crate::shape::{CallSite, Shape};

pub const RULE: Rule = Rule {
    id: "dangerous-function",
    version: 1,
    title: "Function that cannot be used safely",
    cwe: &[242, 676],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        if let Some(Effect::Dangerous(cwe, reason)) =
            shape.model(call.callee).and_then(|m| m.effects.iter().find(|e| matches!(e, Effect::Dangerous(cwe, _) if *cwe != 377)))
        {
            let through = through_macro(call).map(|m| format!(" (written as '{m}')")).unwrap_or_default();
            let message = format!("'{}'{through} {}", call.callee, spoken(call.callee, *reason));
            let mut issue = shape.issue(RULE.id, *cwe, call.span, message);
            let unbounded = shape
                .model(call.callee)
                .is_some_and(|m| m.effects.iter().any(|e| matches!(e, Effect::Write(_, Size::Unbounded))));
            let feature = if *cwe == 242 && unbounded { "certain" } else { "dangerous.discouraged" };
            issue.features.push((feature, 1.0));
            out.push(issue);
        }
        if let Some(name) = through_macro(call).filter(|m| claims_safety(m))
            && unbounded(call.callee.as_str()) {
                let message = format!("'{name}' reads like a bounded copy but is a macro for '{}'", call.callee);
                let mut issue = shape.issue(RULE.id, 676, call.span, message);
                issue.features.push(("fake-safe", 1.0));
                out.push(issue);
            }
    }
    fake_wrapper(shape, out);
}

fn spoken(callee: Symbol, reason: Symbol) -> String {
    match callee.as_str() {
        "gets" | "_getws" => "cannot be used safely: nothing bounds what it writes".to_owned(),
        "vfork" => "lets the child change the memory of its parent".to_owned(),
        "getpass" | "cuserid" => "is obsolete: it was withdrawn from POSIX".to_owned(),
        name if reason.is_empty() || reason == *name => "is discouraged by its library".to_owned(),
        _ => format!("is discouraged: {}", reason.as_str().replace(['-', '_'], " ")),
    }
}

fn through_macro(call: &CallSite<'_>) -> Option<&'static str> {
    let name = call.in_macro.as_str();
    (!name.is_empty() && name != call.callee.as_str()).then_some(name)
}

fn unbounded(name: &str) -> bool {
    matches!(
        name,
        "strcpy" | "strcat" | "sprintf" | "vsprintf" | "gets" | "wcscpy" | "wcscat" | "stpcpy" | "memcpy" | "memmove"
            | "scanf" | "sscanf"
    )
}

/// A name of the kind that promises a bound: `strcpy_s`, `SafeCopy`, `SECURE_STRCAT`.
fn claims_safety(name: &str) -> bool {
    let words = names::words(name);
    let copies = names::mentions(name, &["cpy", "copy", "cat", "printf", "mem", "str", "gets", "move", "scanf"]);
    let promises = words.last().is_some_and(|w| w == "s")
        || words.iter().any(|w| matches!(w.as_str(), "safe" | "secure" | "safely" | "sec" | "bounded"))
        || words.iter().any(|w| w.starts_with("safestr") || w.starts_with("safemem"))
        || words.iter().any(|w| matches!(w.as_str(), "strlcpy" | "strlcat" | "snprintf" | "strncpy" | "strncat"));
    copies && promises
}

/// A function that takes a size, promises safety, and copies without the size.
fn fake_wrapper(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let function = shape.function;
    if !claims_safety(function.name.as_str()) || function.params < 3 || !function.gaps.is_empty() {
        return;
    }
    let Some(copy) = shape.calls.iter().find(|c| {
        matches!(c.callee.as_str(), "strcpy" | "strcat" | "sprintf" | "vsprintf" | "wcscpy" | "wcscat" | "stpcpy")
    }) else {
        return;
    };
    let ignored = function.param_ids().find(|id| {
        let local = &function.locals[id.index()];
        let number = shape.program.types.int_info(local.ty).is_some();
        let words = names::words(local.name.as_str());
        let size = words.iter().any(|w| {
            matches!(w.as_str(), "size" | "len" | "length" | "max" | "n" | "count" | "siz" | "sz" | "dmax")
                || w.ends_with("size") || w.ends_with("max") || w.ends_with("len")
        });
        number && size && shape.reads(*id) == 0
    });
    if let Some(id) = ignored {
        let message = format!(
            "'{}' ignores its size '{}' and copies with '{}'", function.name, shape.name_of(id), copy.callee
        );
        let mut issue = shape.issue(RULE.id, 676, copy.span, message);
        issue.features.push(("fake-safe", 1.0));
        out.push(issue);
    }
}
