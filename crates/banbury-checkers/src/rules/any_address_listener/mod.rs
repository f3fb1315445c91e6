use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Callee, Op, Operand, Rvalue};

use crate::shape::Shape;

pub const RULE: Rule = Rule {
    id: "any-address-listener",
    version: 1,
    title: "Service listens on every address",
    cwe: &[1327],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -6.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    let Some(bind) = shape.calls.iter().find(|c| c.callee == "bind") else { return };
    for (_, instr) in shape.instrs() {
        let (dst, any) = match &instr.op {
            Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } => (dst, is_any(shape, value)),
            Op::Call { dst: Some(dst), callee: Callee::Direct(name), args } => {
                (dst, *name == "htonl" && args.first().is_some_and(|a| is_any(shape, a)))
            }
            _ => continue,
        };
        let name = shape.place_name(dst);
        if any && matches!(name.as_str(), "s_addr" | "sin6_addr" | "sin_addr") {
            let message = format!(
                "'{}' is the wildcard address: 'bind' on line {} listens on every interface",
                shape.place_text(dst),
                bind.span.line
            );
            out.push(shape.issue(RULE.id, 1327, instr.span, message));
        }
    }
}

fn is_any(shape: &Shape<'_>, value: &Operand) -> bool {
    if shape.int(value) == Some(0) || matches!(shape.last_name(value).as_str(), "INADDR_ANY" | "in6addr_any") {
        return true;
    }
    shape.called(value).is_some_and(|call| {
        call.callee == "htonl"
            && call.args.first().is_some_and(|a| shape.int(a) == Some(0) || shape.last_name(a) == "INADDR_ANY")
    })
}
