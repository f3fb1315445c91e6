use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Const, Operand, Terminator};

use crate::shape::{CallSite, Shape, Source};

pub const RULE: Rule = Rule {
    id: "tls-verification-disabled",
    version: 1,
    title: "Peer certificate is not verified",
    cwe: &[295],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        if let Some(message) = disabled(shape, call) {
            out.push(shape.issue(RULE.id, 295, call.span, message));
        }
    }
}

fn disabled(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<String> {
    let is = |index: usize, value: i128, name: &str| {
        call.args.get(index).is_some_and(|a| {
            shape.int(a) == Some(value) || shape.last_name(a) == *name || shape.operand_text(a) == name
        })
    };
    match call.callee.as_str() {
        name @ ("SSL_CTX_set_verify" | "SSL_set_verify" | "wolfSSL_CTX_set_verify" | "wolfSSL_set_verify") => {
            if is(1, 0, "SSL_VERIFY_NONE") || is(1, 0, "WOLFSSL_VERIFY_NONE") {
                return Some(format!("'{name}' turns the verification of the peer's certificate off"));
            }
            let callback = call.args.get(2).and_then(|a| match shape.source(a) {
                Source::Const(Const::Func(name)) => Some(*name),
                _ => None,
            })?;
            accepts_everything(shape, callback)
                .then(|| format!("'{callback}', given to '{name}', accepts every certificate"))
        }
        "curl_easy_setopt" => {
            let peer = is(1, 64, "CURLOPT_SSL_VERIFYPEER");
            let host = is(1, 81, "CURLOPT_SSL_VERIFYHOST");
            let off = call.args.get(2).and_then(|a| shape.int(a)) == Some(0);
            (off && (peer || host)).then(|| {
                let what = if peer { "CURLOPT_SSL_VERIFYPEER" } else { "CURLOPT_SSL_VERIFYHOST" };
                format!("{what} is set to 0: any server is believed")
            })
        }
        "mbedtls_ssl_conf_authmode" => is(1, 0, "MBEDTLS_SSL_VERIFY_NONE")
            .then(|| "the authentication mode is MBEDTLS_SSL_VERIFY_NONE: any server is believed".to_owned()),
        _ => None,
    }
}

/// Every return of the function is the constant 1.
fn accepts_everything(shape: &Shape<'_>, name: Symbol) -> bool {
    let Some(id) = shape.program.resolve(shape.function.file, name) else { return false };
    let function = shape.program.function(id);
    let one = |value: &Operand| matches!(value, Operand::Const(Const::Int(1, _)));
    let mut returns = function.blocks.iter().filter_map(|b| match &b.term {
        Terminator::Return(value) => Some(value),
        _ => None,
    });
    let mut any = false;
    let all = returns.all(|value| {
        any = true;
        value.as_ref().is_some_and(one)
    });
    any && all && function.gaps.is_empty()
}
