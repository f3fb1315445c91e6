use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Operand, TypeId};

use crate::shape::{Shape, Source};

pub const RULE: Rule = Rule {
    id: "mismatched-close",
    version: 1,
    title: "Resource closed with the wrong function",
    cwe: &[404, 762],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 4.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let Some(argument) = call.args.first() else { continue };
        let message = match call.callee.as_str() {
            name @ ("fclose" | "pclose") if is_number(shape, argument) => {
                format!("'{name}' gets '{}', a descriptor, which 'close' closes", shape.operand_text(argument))
            }
            "close" if is_stream(shape, argument) => {
                format!("'close' gets '{}', a pointer, which 'fclose' closes", shape.operand_text(argument))
            }
            "fclose" if opened_by(shape, argument, "popen") => {
                format!("'fclose' gets '{}' from 'popen', which 'pclose' closes", shape.operand_text(argument))
            }
            "pclose" if opened_by(shape, argument, "fopen") => {
                format!("'pclose' gets '{}' from 'fopen', which 'fclose' closes", shape.operand_text(argument))
            }
            _ => continue,
        };
        out.push(shape.issue(RULE.id, 404, call.span, message));
    }
}

/// The type of the value before any conversion.
fn original_type(shape: &Shape<'_>, argument: &Operand) -> Option<TypeId> {
    match shape.source(argument) {
        Source::Place(place) => shape.place_type(place),
        Source::Call(call) => shape.place_type(call.dst?),
        _ => None,
    }
}

fn is_number(shape: &Shape<'_>, argument: &Operand) -> bool {
    let bits = original_type(shape, argument).and_then(|ty| shape.program.types.int_info(ty));
    bits.is_some_and(|(bits, signed)| bits == 32 && signed)
}

fn is_stream(shape: &Shape<'_>, argument: &Operand) -> bool {
    original_type(shape, argument).is_some_and(|ty| shape.is_pointer(ty))
}

fn opened_by(shape: &Shape<'_>, argument: &Operand, opener: &str) -> bool {
    shape.called(argument).is_some_and(|call| call.callee == *opener)
}
