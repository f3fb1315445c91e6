use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, Block, Instr, Op, Operand, Place, Rvalue, Terminator};

use crate::names;
use crate::shape::{Shape, Source};

pub const RULE: Rule = Rule {
    id: "assignment-in-condition",
    version: 1,
    title: "Assignment where a comparison is meant, or the reverse",
    cwe: &[481, 482],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 3.0,
};

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for block in &shape.function.blocks {
        if let Terminator::Branch { cond, .. } = &block.term {
            assigned(shape, block, cond, out);
        }
    }
    compared(shape, out);
}

/// `if (a = 5)`: the last thing before the branch gives a named place a constant, and the branch
/// looks at that place or at the same constant.
fn assigned(shape: &Shape<'_>, block: &Block, cond: &Operand, out: &mut Vec<Issue>) {
    if !block.term_macro.is_empty() {
        return;
    }
    let last = block.instrs.iter().rev().find(|i| match &i.op {
        Op::Assign { dst, .. } => dst.as_local().is_none_or(|id| !shape.is_temporary(id)),
        Op::Dead(_) | Op::Declare(_) => false,
        _ => true,
    });
    let Some(Instr { op: Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) }, span, in_macro }) = last
    else {
        return;
    };
    let Some(constant) = shape.evaluate(value) else { return };
    if !in_macro.is_empty() || span.line != block.term_span.line {
        return;
    }
    // `if ((a = 5) != 0)` and `for (i = 0; i < n; ...)` compare; here nothing does.
    let bare = match cond {
        Operand::Copy(place) => place == dst,
        Operand::Const(_) => shape.evaluate(cond) == Some(constant),
    };
    if !bare || constant != 0 && chained(shape, dst) {
        return;
    }
    let always = if constant == 0 { "never" } else { "always" };
    let text = shape.place_text(dst);
    let message =
        format!("the condition assigns {constant} to '{text}' instead of comparing: it {always} holds");
    let mut issue = shape.issue(RULE.id, 481, *span, message);
    if names::mentions(&text, &["uid", "gid", "priv", "auth", "admin", "root", "role"]) {
        issue.features.push(("privilege", 1.0));
    }
    out.push(issue);
}

/// `(is(a) && (x = 1)) || (is(b) && (x = 2))`: conditions that choose a value on purpose.
fn chained(shape: &Shape<'_>, dst: &Place) -> bool {
    let blocks = shape.function.blocks.iter();
    let same = blocks.filter(|block| match &block.term {
        Terminator::Branch { cond, .. } => {
            let by_place = matches!(cond, Operand::Copy(place) if place == dst);
            let assigns = |i: &Instr| {
                matches!(&i.op, Op::Assign { dst: place, src: Rvalue::Use(Operand::Const(_)) | Rvalue::Cast(_, Operand::Const(_)) }
                    if place == dst && i.span.line == block.term_span.line)
            };
            (by_place || matches!(cond, Operand::Const(_))) && block.instrs.iter().any(assigns)
        }
        _ => false,
    });
    same.count() > 1
}

/// `x == 5;`: a comparison whose result nobody looks at.
fn compared(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for (_, instr) in shape.instrs() {
        let Op::Assign { dst, src: Rvalue::Binary(op, left, right) } = &instr.op else { continue };
        let Some(id) = dst.as_local() else { continue };
        if *op != BinOp::Eq || !shape.is_temporary(id) || shape.reads(id) > 0 || !instr.in_macro.is_empty() {
            continue;
        }
        let Source::Place(place) = shape.source(left) else { continue };
        if shape.place_name(place).is_empty() {
            continue;
        }
        let message = format!(
            "'{}' is compared with {} and the result is dropped: an assignment may be meant",
            shape.place_text(place),
            shape.operand_text(right)
        );
        out.push(shape.issue(RULE.id, 482, instr.span, message));
    }
}
