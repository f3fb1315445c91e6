use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::observe::Issue;

use crate::names;
use crate::shape::Shape;

pub const RULE: Rule = Rule {
    id: "cleartext-transmission",
    version: 1,
    title: "Secret sent without encryption",
    cwe: &[319],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

/// Functions that put bytes on the wire as they are: the argument with the bytes.
fn payload(name: &str) -> Option<usize> {
    match name {
        "send" | "sendto" | "sctp_send" | "sctp_sendmsg" | "ogs_send" | "ogs_sendto" | "ogs_sctp_sendmsg" => Some(1),
        _ => None,
    }
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let Some(argument) = payload(call.callee.as_str()).and_then(|i| call.args.get(i)) else { continue };
        let name = shape.last_name(argument);
        if name.is_empty() || !names::is_secret(name.as_str()) || encrypted(shape, name) {
            continue;
        }
        let message = format!("'{name}' is sent with '{}' without encryption", call.callee);
        out.push(shape.issue(RULE.id, 319, call.span, message));
    }
}

/// Something that encrypts also gets the value in this function.
fn encrypted(shape: &Shape<'_>, name: Symbol) -> bool {
    shape.calls.iter().any(|call| {
        names::mentions(call.callee.as_str(), &["crypt", "seal", "aead", "cipher", "wrap"])
            && call.args.iter().any(|a| shape.last_name(a) == name)
    })
}
