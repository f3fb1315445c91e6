use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Op, Operand, Place, Terminator};

use crate::names::must_be_random;
use crate::shape::{Shape, for_operands};

pub const RULE: Rule = Rule {
    id: "weak-randomness",
    version: 1,
    title: "Predictable random numbers in a security decision",
    cwe: &[338, 330],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for call in &shape.calls {
        let predictable = shape.model(call.callee).is_some_and(|m| m.has_tag("crypto.weak-random"));
        if !predictable || shape.program.by_name.contains_key(&call.callee) {
            continue;
        }
        let Some(dst) = call.dst else { continue };
        if let Some(target) = secret_target(shape, dst, 0) {
            let message = format!("{target} is filled from '{}', whose output is predictable", call.callee);
            out.push(shape.issue(RULE.id, 338, call.span, message));
        }
    }
}

/// The name of what the value ends up in, if that must be unpredictable.
fn secret_target(shape: &Shape<'_>, place: &Place, depth: u32) -> Option<String> {
    let name = shape.place_name(place);
    let named = !name.is_empty();
    if named && must_be_random(name.as_str()) {
        return Some(format!("'{}'", shape.place_text(place)));
    }
    let id = place.as_local()?;
    if named || depth > 6 {
        return None;
    }
    for (_, instr) in shape.instrs() {
        if let Op::Assign { dst, src } = &instr.op {
            let mut read = false;
            for_operands(src, |o| read |= matches!(o, Operand::Copy(p) if p.as_local() == Some(id)));
            if read && dst != place
                && let Some(found) = secret_target(shape, dst, depth + 1) {
                    return Some(found);
                }
        }
    }
    let returned = shape.function.blocks.iter().any(|b| {
        matches!(&b.term, Terminator::Return(Some(Operand::Copy(p))) if p.as_local() == Some(id))
    });
    let own = shape.function.name;
    (returned && must_be_random(own.as_str())).then(|| format!("the result of '{own}'"))
}
