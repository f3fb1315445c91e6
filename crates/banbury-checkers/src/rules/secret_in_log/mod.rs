use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Operand, Type};

use crate::names;
use crate::shape::{CallSite, Shape};

pub const RULE: Rule = Rule {
    id: "secret-in-log",
    version: 1,
    title: "Secret written to a log",
    cwe: &[532, 534],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        if !writes_log(shape, call) {
            continue;
        }
        for argument in call.args {
            let name = shape.last_name(argument);
            if name.is_empty() || !names::is_secret(name.as_str()) || !holds_text(shape, argument) {
                continue;
            }
            let message = format!("'{name}' is written to the log by '{}'", call.callee);
            let mut issue = shape.issue(RULE.id, 532, call.span, message);
            if !names::is_password(name.as_str()) {
                issue.features.push(("secret.key", 1.0));
            }
            out.push(issue);
            break;
        }
    }
}

fn writes_log(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    let name = call.callee.as_str();
    if matches!(name, "syslog" | "vsyslog" | "printk" | "printf" | "puts") {
        return true;
    }
    if name == "fprintf" || name == "fputs" {
        let stream = if name == "fprintf" { call.args.first() } else { call.args.get(1) };
        return stream.is_some_and(|s| matches!(shape.last_name(s).as_str(), "stderr" | "stdout"));
    }
    let words = names::words(name);
    words.iter().any(|w| {
        matches!(w.as_str(), "log" | "logger" | "zlog" | "debug" | "trace" | "logf" | "logmsg" | "dlog")
    }) && !words.iter().any(|w| {
        // The debugging variant of an allocator logs where it is called from.
        matches!(w.as_str(), "in" | "on" | "out" | "off" | "get" | "set" | "alloc" | "realloc" | "dup" | "free")
    })
}

/// A pointer to bytes, or an array of them.
fn holds_text(shape: &Shape<'_>, argument: &Operand) -> bool {
    let Some(to) = shape.type_of(argument).and_then(|ty| shape.program.types.pointee(ty)) else { return false };
    matches!(shape.program.types.get(to), Type::Int { bits: 8, .. } | Type::Unknown | Type::Void)
}
