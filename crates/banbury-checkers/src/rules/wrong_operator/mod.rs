use crate::Rule;
use banbury_base::Symbol;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, Const, Op, Operand, Rvalue, Terminator, UnOp};

use crate::shape::{Shape, Source};

pub const RULE: Rule = Rule {
    id: "wrong-operator",
    version: 1,
    title: "Logical and bitwise operators mixed up",
    cwe: &[480],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for (_, instr) in shape.instrs() {
        let Op::Assign { src: Rvalue::Binary(op, a, b), .. } = &instr.op else { continue };
        if !instr.in_macro.is_empty() {
            continue;
        }
        let found = match op {
            BinOp::Eq | BinOp::Ne => address_test(shape, a, b).or_else(|| address_test(shape, b, a)),
            BinOp::And => negated_mask(shape, a, b).or_else(|| negated_mask(shape, b, a)),
            _ => None,
        };
        if let Some(message) = found {
            out.push(shape.issue(RULE.id, 480, instr.span, message));
        }
    }
    for block in &shape.function.blocks {
        let Terminator::Branch { cond, .. } = &block.term else { continue };
        if !block.term_macro.is_empty() {
            continue;
        }
        let found = match shape.source(cond) {
            Source::Const(Const::Func(name)) => defined(shape, *name)
                .then(|| format!("the address of function '{name}' is tested, which is never null: a call may be meant")),
            Source::Value(Rvalue::Binary(BinOp::Or, a, b)) => {
                let mask = shape.int(b).or_else(|| shape.int(a)).filter(|v| *v != 0);
                mask.map(|m| format!("'| {m}' makes the condition always true: '&' may be meant"))
            }
            _ => None,
        };
        if let Some(message) = found {
            out.push(shape.issue(RULE.id, 480, block.term_span, message));
        }
    }
}

fn defined(shape: &Shape<'_>, name: Symbol) -> bool {
    shape.program.resolve(shape.function.file, name).is_some()
}

/// `f == NULL` where `f` is a function of the release.
fn address_test(shape: &Shape<'_>, a: &Operand, b: &Operand) -> Option<String> {
    let Source::Const(Const::Func(name)) = shape.source(a) else { return None };
    let null = shape.int(b) == Some(0);
    (null && defined(shape, *name)).then(|| {
        format!("the address of function '{name}' is compared with null, which it never is: a call may be meant")
    })
}

/// `!flags & MASK`: the negation comes first.
fn negated_mask(shape: &Shape<'_>, a: &Operand, b: &Operand) -> Option<String> {
    let Source::Value(Rvalue::Unary(UnOp::LogicalNot, inner)) = shape.source(a) else { return None };
    let mask = shape.int(b).filter(|m| *m != 0 && *m != 1)?;
    let text = shape.operand_text(inner);
    Some(format!("'!{text} & {mask}' is '(!{text}) & {mask}', which is always 0: '!({text} & {mask})' may be meant"))
        .filter(|_| mask & 1 == 0)
}
