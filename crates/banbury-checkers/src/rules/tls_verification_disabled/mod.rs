use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::models::{Effect, Slot};
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
    let model = shape.model(call.callee)?;
    model.effects.iter().find_map(|effect| {
        let Effect::Mark(slot, mark) = effect else { return None };
        let Slot::Arg(index) = slot else {
            return (*mark == "curl.setopt").then(|| curl(shape, call)).flatten();
        };
        let argument = call.args.get(usize::from(*index))?;
        match mark.as_str() {
            "tls.verify-mode" if !call.callee.as_str().starts_with("gnutls") => {
                is(shape, argument, 0, &["SSL_VERIFY_NONE", "MBEDTLS_SSL_VERIFY_NONE", "WOLFSSL_VERIFY_NONE"])
                    .then(|| format!("'{}' turns the verification of the peer's certificate off", call.callee))
            }
            "tls.verify-callback" => {
                let Source::Const(Const::Func(callback)) = shape.source(argument) else { return None };
                accepts_everything(shape, *callback)
                    .then(|| format!("'{callback}', given to '{}', accepts every certificate", call.callee))
            }
            _ => None,
        }
    })
}

/// The constant by value, or by name where its definition is not part of the release.
fn is(shape: &Shape<'_>, argument: &Operand, value: i128, names: &[&str]) -> bool {
    shape.int(argument) == Some(value) || names.contains(&shape.last_name(argument).as_str())
}

/// `curl_easy_setopt(handle, option, value)`
fn curl(shape: &Shape<'_>, call: &CallSite<'_>) -> Option<String> {
    let [_, option, value, ..] = call.args else { return None };
    let name = match () {
        () if is(shape, option, 64, &["CURLOPT_SSL_VERIFYPEER"]) => "CURLOPT_SSL_VERIFYPEER",
        () if is(shape, option, 81, &["CURLOPT_SSL_VERIFYHOST"]) => "CURLOPT_SSL_VERIFYHOST",
        () => return None,
    };
    (shape.int(value) == Some(0)).then(|| format!("{name} is set to 0: any server is believed"))
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
