use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, Type};

use crate::condition::{Condition, Test};
use crate::shape::{Point, Shape, Source};

pub const RULE: Rule = Rule {
    id: "constant-condition",
    version: 1,
    title: "Condition is always true or always false",
    cwe: &[561, 570, 571],
    readme: include_str!("README.md"),
    default_visible: false,
    base_weight: -8.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for test in shape.tests() {
        let Some(block) = shape.block(test.block) else { continue };
        if !block.term_macro.is_empty() {
            continue;
        }
        let Some((always, message)) = decided(shape, &test) else { continue };
        let here = Point { block: test.block, instr: usize::MAX };
        if shape.leads_to(here, here) {
            continue;
        }
        let cwe = if always { 571 } else { 570 };
        out.push(shape.issue(RULE.id, cwe, block.term_span, message));
    }
}

fn decided(shape: &Shape<'_>, test: &Test<'_>) -> Option<(bool, String)> {
    let Condition { op, left, right } = test.condition;
    let zero = right.is_none_or(|r| shape.int(r) == Some(0));
    let text = shape.operand_text(left);
    if zero && matches!(shape.int_type(left), Some((bits, false)) if bits > 1) && shape.int(left).is_none() {
        let always = match op {
            BinOp::Lt => false,
            BinOp::Ge => true,
            _ => return None,
        };
        let word = if always { "always" } else { "never" };
        return Some((always, format!("'{text}' is unsigned: '{} 0' {word} holds", op.sign())));
    }
    let (Source::Place(a), Source::Place(b)) = (shape.source(left), shape.source(right?)) else { return None };
    let float = shape.place_type(a).is_some_and(|ty| matches!(shape.program.types.get(ty), Type::Float(_)));
    if a != b || float {
        return None;
    }
    let always = matches!(op, BinOp::Eq | BinOp::Le | BinOp::Ge);
    let word = if always { "always" } else { "never" };
    Some((always, format!("'{text}' is compared with itself: '{}' {word} holds", op.sign())))
}
