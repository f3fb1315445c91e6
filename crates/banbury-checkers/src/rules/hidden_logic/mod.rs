use crate::Rule;
use banbury_base::{PathStep, StepKind};
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, Op, Operand, Place, Rvalue};

use crate::condition::Condition;
use crate::rules::auth_bypass_constant::compares;
use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "hidden-logic",
    version: 1,
    title: "Hidden trigger for a destructive or privileged operation",
    cwe: &[506, 510, 511],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    triggers(shape, out);
    peer_address(shape, out);
    fixed_peer(shape, out);
    file_to_peer(shape, out);
}

/// Calls that destroy, execute or give privileges.
fn is_drastic(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    match call.callee.as_str() {
        "unlink" | "unlinkat" | "remove" | "rmdir" | "system" | "popen" | "execl" | "execlp" | "execle" | "execv"
        | "execvp" | "execve" | "reboot" | "kill" | "truncate" | "_unlink" | "_wunlink" | "abort" => true,
        "setuid" | "seteuid" | "setgid" | "setegid" => call.args.first().is_some_and(|a| shape.int(a) == Some(0)),
        _ => false,
    }
}

/// `if (time > 1199163600) unlink(...)`, `if (rand() == 20000)`, `if (count == 20000)`,
/// `if (header == 0xdeadbeef) system(...)`.
fn triggers(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.calls.iter().any(|c| is_drastic(shape, c)) {
        return;
    }
    for test in shape.tests() {
        let Some(value) = test.condition.right.and_then(|r| shape.evaluate(r)) else { continue };
        let edge = match test.condition.op {
            BinOp::Eq | BinOp::Gt | BinOp::Ge => test.then,
            BinOp::Ne | BinOp::Lt | BinOp::Le => test.other,
            _ => continue,
        };
        let Some((cwe, what)) = trigger(shape, &test.condition, value) else { continue };
        let guarded = shape.guarded(test.block, edge);
        // What follows a long way after is not what the condition is for.
        let Some(call) = shape.calls_in(&guarded).find(|c| is_drastic(shape, c)) else { continue };
        let message = format!("'{}' runs when {what}", call.callee);
        let mut issue = shape.issue(RULE.id, cwe, call.span, message);
        if let Some(block) = shape.block(test.block) {
            issue.steps.push(PathStep {
                kind: StepKind::Branch,
                span: block.term_span,
                function: shape.function.name,
                message: format!("the condition holds when {what}"),
            });
        }
        out.push(issue);
    }
}

fn trigger(shape: &Shape<'_>, condition: &Condition<'_>, value: i128) -> Option<(u32, String)> {
    // Seconds since 1970 between 2000 and 2100.
    const DATES: std::ops::Range<i128> = 946_684_800..4_102_444_800;
    let equality = matches!(condition.op, BinOp::Eq | BinOp::Ne);
    let text = shape.operand_text(condition.left);
    match shape.origin(condition.left) {
        Source::Call(call) if is_clock(call.callee.as_str()) && DATES.contains(&value) => {
            Some((511, format!("the clock passes {value}")))
        }
        Source::Call(call) if equality && is_dice(call.callee.as_str()) && value > 1 => {
            Some((511, format!("'{}' returns {value}", call.callee)))
        }
        Source::Place(_) if DATES.contains(&value) && !equality && reads_clock(shape) => {
            Some((511, format!("'{text}', a time, passes {value}")))
        }
        Source::Place(place) if equality && value >= 1000 && counts(shape, place) => {
            Some((511, format!("the counter '{text}' reaches {value}")))
        }
        _ => None,
    }
}

fn is_clock(name: &str) -> bool {
    matches!(name, "time" | "time64" | "_time64" | "gettimeofday" | "clock_gettime" | "mktime" | "timegm")
}

fn is_dice(name: &str) -> bool {
    matches!(name, "rand" | "random" | "lrand48" | "mrand48" | "arc4random")
}

fn reads_clock(shape: &Shape<'_>) -> bool {
    shape.calls.iter().any(|c| is_clock(c.callee.as_str()))
}

/// The place is only ever counted up.
fn counts(shape: &Shape<'_>, place: &Place) -> bool {
    shape.instrs().any(|(_, instr)| match &instr.op {
        Op::Assign { dst, src } if dst == place => match src {
            Rvalue::Binary(BinOp::Add, a, _) => matches!(shape.source(a), Source::Place(p) if p == place),
            Rvalue::Use(from) | Rvalue::Cast(_, from) => matches!(shape.source(from),
                Source::Value(Rvalue::Binary(BinOp::Add, a, _))
                    if matches!(shape.source(a), Source::Place(p) if p == place)),
            _ => false,
        },
        _ => false,
    })
}

/// The peer's address or host name is compared with a constant.
fn peer_address(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let [a, b, ..] = call.args else { continue };
        if !compares(call.callee.as_str()) {
            continue;
        }
        let (text, value) = match (shape.literal(a), shape.literal(b)) {
            (Some(text), None) => (text, b),
            (None, Some(text)) => (text, a),
            _ => continue,
        };
        if !is_address(text.as_str()) || !names_peer(shape, value) {
            continue;
        }
        let message = format!("the peer's address is compared with the constant \"{text}\": one peer is treated differently");
        out.push(shape.issue(RULE.id, 510, call.span, message));
    }
}

/// An IPv4 address or a host name with a domain; not the loopback or wildcard address.
fn is_address(text: &str) -> bool {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let parts: Vec<&str> = text.split('.').collect();
    let number = parts.len() == 4 && parts.iter().all(|p| p.parse::<u8>().is_ok());
    let host = parts.len() >= 2
        && parts.iter().all(|p| !p.is_empty())
        && parts.last().is_some_and(|p| p.len() >= 2 && p.bytes().all(|b| b.is_ascii_alphabetic()));
    let group = parts.first().and_then(|p| p.parse::<u8>().ok()).is_some_and(|n| n >= 224);
    plain && (number || host) && !(number && group) && !text.starts_with("127.") && !matches!(text, "0.0.0.0" | "255.255.255.255")
}

fn names_peer(shape: &Shape<'_>, value: &Operand) -> bool {
    match shape.origin(value) {
        Source::Call(call) => matches!(call.callee.as_str(), "inet_ntoa" | "inet_ntop"),
        Source::Place(place) | Source::Value(Rvalue::AddrOf(place)) => shape.calls.iter().any(|c| {
            let index = match c.callee.as_str() {
                "getnameinfo" | "inet_ntop" => 2,
                _ => return false,
            };
            c.args.get(index).is_some_and(|a| match shape.origin(a) {
                Source::Place(p) | Source::Value(Rvalue::AddrOf(p)) => p == place,
                _ => false,
            })
        }),
        _ => false,
    }
}

/// A connection to an address in the program text.
fn fixed_peer(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let Some(connect) = shape.calls.iter().find(|c| matches!(c.callee.as_str(), "connect" | "sendto")) else { return };
    for call in &shape.calls {
        let index = match call.callee.as_str() {
            "inet_addr" | "inet_aton" => 0,
            "inet_pton" => 1,
            _ => continue,
        };
        let Some(text) = call.args.get(index).and_then(|a| shape.literal(a)) else { continue };
        if is_address(text.as_str()) && shape.leads_to(call.at, connect.at) {
            let message = format!("'{}' goes to {text}, an address in the program text", connect.callee);
            let mut issue = shape.issue(RULE.id, 510, connect.span, message);
            issue.features.push(("hidden.fixed-peer", 1.0));
            out.push(issue);
        }
    }
}

/// A file with a fixed name is read and sent to a peer that did not ask for it.
fn file_to_peer(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let Some(send) = shape.calls.iter().find(|c| matches!(c.callee.as_str(), "send" | "sendto")) else { return };
    let Some(open) = shape.calls.iter().find(|c| {
        c.callee == "fopen" && c.args.first().is_some_and(|a| shape.literal(a).is_some())
    }) else {
        return;
    };
    let asked = shape.calls.iter().any(|c| matches!(c.callee.as_str(), "recv" | "recvfrom" | "recvmsg"));
    let connects = shape.calls.iter().any(|c| matches!(c.callee.as_str(), "accept" | "connect" | "accept4"));
    let (Some(buffer), Some(path)) = (send.args.get(1), open.args.first().and_then(|a| shape.literal(a))) else { return };
    let buffer = shape.last_name(buffer);
    let read = shape.calls.iter().any(|c| {
        matches!(c.callee.as_str(), "fgets" | "fread" | "fgetws")
            && c.args.first().is_some_and(|a| shape.last_name(a) == buffer)
    });
    if read && !asked && connects && !buffer.is_empty() {
        let message = format!("the contents of \"{path}\" are sent to a peer that did not ask for them");
        let mut issue = shape.issue(RULE.id, 506, send.span, message);
        issue.features.push(("hidden.file-transfer", 1.0));
        out.push(issue);
    }
}
