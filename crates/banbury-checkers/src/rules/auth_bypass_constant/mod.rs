use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BlockId, Op, Rvalue, Terminator};

use crate::names;
use crate::rules::hard_coded_credential::can_be_secret;
use crate::shape::{Shape, shorten};

pub const RULE: Rule = Rule {
    id: "auth-bypass-constant",
    version: 1,
    title: "Authentication succeeds on a constant in the program text",
    cwe: &[798, 506, 510],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 2.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.calls.iter().any(|c| compares(c.callee.as_str())) {
        return;
    }
    let decides = names::is_authentication(shape.function.name.as_str());
    for test in shape.tests() {
        let Some(call) = shape.called(test.condition.left) else { continue };
        if test.condition.right.is_some() || !compares(call.callee.as_str()) {
            continue;
        }
        let [a, b, ..] = call.args else { continue };
        let (text, value) = match (shape.literal(a), shape.literal(b)) {
            (Some(text), None) => (text, b),
            (None, Some(text)) => (text, a),
            _ => continue,
        };
        if !can_be_secret(text.as_str()) {
            continue;
        }
        let name = shape.last_name(value);
        let password = names::is_password(name.as_str());
        let Some(equal) = test.equal_edge() else { continue };
        let success = decides && is_rare(text.as_str()) && grants(shape, test.block, equal);
        if !password && !success {
            continue;
        }
        let shown = if name.is_empty() { shape.operand_text(value) } else { name.to_string() };
        let message = format!(
            "'{shown}' is compared with the constant \"{}\", and equality grants access",
            shorten(text.as_str())
        );
        let mut issue = shape.issue(RULE.id, 798, call.span, message);
        if password {
            issue.features.push(("credential.password", 1.0));
        }
        if success {
            issue.features.push(("credential.grants", 1.0));
        }
        out.push(issue);
    }
}

/// Too long and too odd to be a word of a protocol.
fn is_rare(text: &str) -> bool {
    let digits = text.bytes().any(|b| b.is_ascii_digit());
    let letters = text.bytes().any(|b| b.is_ascii_alphabetic());
    text.len() >= 16 || text.len() >= 10 && digits && letters
}

pub(crate) fn compares(name: &str) -> bool {
    matches!(
        name,
        "strcmp" | "strcasecmp" | "strncmp" | "strncasecmp" | "memcmp" | "bcmp" | "g_strcmp0" | "strcoll"
            | "ogs_strcasecmp" | "ogs_strncasecmp" | "CRYPTO_memcmp" | "wcscmp" | "stricmp" | "_stricmp"
    )
}

/// The equal side returns a constant, or sets something that says "authenticated".
fn grants(shape: &Shape<'_>, from: BlockId, equal: BlockId) -> bool {
    shape.guarded(from, equal).iter().filter_map(|b| shape.block(*b)).any(|block| {
        let sets = block.instrs.iter().any(|i| match &i.op {
            Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } => {
                shape.int(value).is_some_and(|v| v != 0)
                    && names::is_authentication(shape.place_name(dst).as_str())
            }
            _ => false,
        });
        sets || matches!(&block.term, Terminator::Return(Some(v)) if shape.int(v).is_some_and(|v| v >= 0))
    })
}
