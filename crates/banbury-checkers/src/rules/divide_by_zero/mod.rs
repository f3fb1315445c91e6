use crate::Rule;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, Op, Operand, Place, Proj, Rvalue};

use crate::shape::{Shape, Source, for_operands};

pub const RULE: Rule = Rule {
    id: "divide-by-zero",
    version: 1,
    title: "Division by zero",
    cwe: &[369],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 1.0,
};

/// Division by a member that the function never looks at.
pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    for (_, instr) in shape.instrs() {
        let Op::Assign { src: Rvalue::Binary(BinOp::Div | BinOp::Rem, _, divisor), .. } = &instr.op else { continue };
        let Source::Place(place) = shape.source(divisor) else { continue };
        let behind = place.proj.iter().any(|p| matches!(p, Proj::Deref));
        let Some(Proj::Field(field)) = place.proj.last().filter(|_| behind) else { continue };
        let number = shape.place_type(place).is_some_and(|ty| shape.program.types.int_info(ty).is_some());
        if !number || !instr.in_macro.is_empty() || looked_at(shape, field.name) {
            continue;
        }
        let message = format!("division by '{}', which nothing here compares with zero", field.name);
        let mut issue = shape.issue(RULE.id, 369, instr.span, message);
        issue.features.push(("zero.unchecked-member", 1.0));
        out.push(issue);
    }
}

/// The function compares, tests or sets a member of that name.
fn looked_at(shape: &Shape<'_>, name: banbury_base::Symbol) -> bool {
    let named = |p: &Place| matches!(p.proj.last(), Some(Proj::Field(f)) if f.name == name);
    let read = |o: &Operand| matches!(o, Operand::Copy(p) if named(p));
    let compared = shape.instrs().any(|(_, i)| match &i.op {
        Op::Assign { dst, src } => {
            let mut found = named(dst);
            if matches!(src, Rvalue::Binary(op, ..) if op.is_comparison()) || matches!(src, Rvalue::Unary(..)) {
                for_operands(src, |o| found |= read(o) || matches!(shape.source(o), Source::Place(p) if named(p)));
            }
            found
        }
        Op::Call { dst: Some(dst), .. } => named(dst),
        _ => false,
    });
    compared || shape.tests().any(|t| read(t.condition.left))
}
