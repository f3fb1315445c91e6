use crate::Rule;
use banbury_dataflow::observe::Issue;

use crate::shape::{CallSite, Shape};
use crate::track::{States, Step, Tracker, subject};

pub const RULE: Rule = Rule {
    id: "operation-on-closed-resource",
    version: 1,
    title: "Resource used or closed after it was closed",
    cwe: &[672, 675],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};

const CLOSED: States = 2;

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for call in &shape.calls {
        let Some(index) = closes(shape, call) else { continue };
        let Some(place) = call.args.get(index).and_then(|a| subject(shape, a)) else { continue };
        steps.push(Step { call: *call, place, becomes: CLOSED });
    }
    if steps.is_empty() {
        return;
    }
    let tracker = Tracker::run(shape, &steps, true);
    for step in &steps {
        if tracker.before(step.call.at, &step.place) == CLOSED {
            let text = shape.place_text(&step.place);
            let message = format!("'{}' closes '{text}', which was closed before", step.call.callee);
            out.push(shape.issue(RULE.id, 675, step.call.span, message));
        }
    }
    for call in &shape.calls {
        let Some(index) = uses(call.callee.as_str()) else { continue };
        let Some(place) = call.args.get(index).and_then(|a| subject(shape, a)) else { continue };
        if tracker.before(call.at, &place) == CLOSED {
            let text = shape.place_text(&place);
            let message = format!("'{}' uses '{text}' after it was closed", call.callee);
            out.push(shape.issue(RULE.id, 672, call.span, message));
        }
    }
}

/// The argument that the call closes.
fn closes(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<usize> {
    if shape.program.by_name.contains_key(&call.callee) {
        return None;
    }
    match call.callee.as_str() {
        "close" | "fclose" | "pclose" | "closedir" | "closesocket" | "gzclose" | "dlclose" => Some(0),
        _ => None,
    }
}

/// Functions that need an open resource: the argument with it.
fn uses(name: &str) -> Option<usize> {
    match name {
        "read" | "write" | "recv" | "send" | "recvfrom" | "sendto" | "recvmsg" | "sendmsg" | "ioctl" | "lseek"
        | "fsync" | "fstat" | "ftruncate" | "shutdown" | "accept" | "listen" | "bind" | "fprintf" | "fscanf"
        | "fflush" | "fseek" | "ftell" | "rewind" | "feof" | "fgetc" | "getc" | "readdir" | "fileno" => Some(0),
        "fputs" | "fputc" | "putc" | "ungetc" => Some(1),
        "fgets" | "getline" => Some(2),
        "fread" | "fwrite" => Some(3),
        _ => None,
    }
}
