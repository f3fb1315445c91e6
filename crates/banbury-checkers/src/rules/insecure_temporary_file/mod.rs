use crate::Rule;
use banbury_dataflow::observe::Issue;

use crate::shape::{CallSite, Shape, Source, shorten};

pub const RULE: Rule = Rule {
    id: "insecure-temporary-file",
    version: 1,
    title: "Temporary file with a predictable name",
    cwe: &[377],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};

/// Values on Linux.
const CREATE: i128 = 0o100;
const EXCLUSIVE: i128 = 0o200;

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let name = call.callee.as_str();
        if matches!(name, "mktemp" | "tmpnam" | "tmpnam_r" | "tempnam" | "_wmktemp" | "_wtmpnam" | "_wtempnam") {
            if opened_exclusively(shape, call) {
                continue;
            }
            let message = format!("'{name}' returns a name that somebody else can create before it is opened");
            out.push(shape.issue(RULE.id, 377, call.span, message));
        } else if matches!(name, "fopen" | "fopen64" | "open" | "creat" | "open64") {
            fixed_name(shape, call, out);
        }
    }
}

/// Wherever the name is opened afterwards, it is with `O_EXCL`, which fails if somebody was faster.
fn opened_exclusively(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    let Some(name) = call.dst.map(|dst| shape.place_text(dst)) else { return false };
    let mut opens = shape.calls.iter().filter_map(|c| {
        let [path, flags, ..] = c.args else { return None };
        let same = match shape.source(path) {
            Source::Place(place) => shape.place_text(place) == name,
            Source::Call(from) => from.at == call.at,
            _ => false,
        };
        let open = matches!(c.callee.as_str(), "open" | "open64" | "_open" | "_wopen");
        (open && same && shape.leads_to(call.at, c.at)).then_some(flags)
    });
    let mut any = false;
    let all = opens.all(|flags| {
        any = true;
        shape.int(flags).is_some_and(|f| f & EXCLUSIVE != 0)
    });
    any && all
}

/// A fixed name in a directory that everybody may write, created without `O_EXCL`.
fn fixed_name(shape: &Shape<'_>, call: &CallSite<'_>, out: &mut Vec<Issue>) {
    let Some(path) = call.args.first().and_then(|a| shape.literal(a)) else { return };
    let text = path.as_str();
    if !["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|d| text.starts_with(d)) {
        return;
    }
    let creates = match (call.callee.as_str(), call.args.get(1)) {
        ("creat", _) => true,
        ("open" | "open64", Some(flags)) => {
            shape.int(flags).is_some_and(|f| f & CREATE != 0 && f & EXCLUSIVE == 0)
        }
        (_, Some(mode)) => shape.literal(mode).is_some_and(|m| {
            let mode = m.as_str();
            mode.starts_with(['w', 'a']) && !mode.contains('x')
        }),
        _ => false,
    };
    if creates {
        let message = format!("\"{}\" is created under a fixed name where everybody may write", shorten(text));
        let mut issue = shape.issue(RULE.id, 377, call.span, message);
        issue.features.push(("possible", 1.0));
        out.push(issue);
    }
}
