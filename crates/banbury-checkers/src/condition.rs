//! Conditions in one normal form, and which way they go.

use banbury_ir::{BinOp, BlockId, Const, Operand, Rvalue, Terminator, UnOp};

use crate::shape::{CallSite, Shape, Source};

/// `left op right`, where a bare value is `value != 0`.
#[derive(Clone, Copy)]
pub(crate) struct Condition<'a> {
    pub op: BinOp,
    pub left: &'a Operand,
    /// `None` stands for zero.
    pub right: Option<&'a Operand>,
}

/// A branch with its condition.
pub(crate) struct Test<'a> {
    pub block: BlockId,
    pub condition: Condition<'a>,
    pub then: BlockId,
    pub other: BlockId,
}

impl<'a> Test<'a> {
    /// Where control goes if the two sides are equal, and if they are not; `None` unless the
    /// condition is an (in)equality.
    pub(crate) fn equal_edge(&self) -> Option<BlockId> {
        match self.condition.op {
            BinOp::Eq => Some(self.then),
            BinOp::Ne => Some(self.other),
            _ => None,
        }
    }
}

fn inverted(op: BinOp) -> Option<BinOp> {
    Some(match op {
        BinOp::Eq => BinOp::Ne,
        BinOp::Ne => BinOp::Eq,
        BinOp::Lt => BinOp::Ge,
        BinOp::Ge => BinOp::Lt,
        BinOp::Le => BinOp::Gt,
        BinOp::Gt => BinOp::Le,
        _ => return None,
    })
}

impl<'a> Shape<'a> {
    /// The condition that the operand stands for.
    pub(crate) fn condition(&self, operand: &'a Operand) -> Condition<'a> {
        self.condition_to(operand, 0)
    }

    fn condition_to(&self, operand: &'a Operand, depth: u32) -> Condition<'a> {
        let plain = Condition { op: BinOp::Ne, left: operand, right: None };
        if depth > 8 {
            return plain;
        }
        match self.source(operand) {
            Source::Value(Rvalue::Binary(op, left, right)) if op.is_comparison() => {
                let zero = |o: &'a Operand| self.int(o) == Some(0);
                if matches!(op, BinOp::Eq | BinOp::Ne) && (zero(right) || zero(left)) {
                    let value = if zero(right) { left } else { right };
                    let inner = self.condition_to(value, depth + 1);
                    let is_condition = inner.right.is_some();
                    if is_condition {
                        return match op {
                            BinOp::Ne => inner,
                            _ => inverted(inner.op).map_or(plain, |op| Condition { op, ..inner }),
                        };
                    }
                    return Condition { op: *op, left: value, right: None };
                }
                Condition { op: *op, left, right: Some(right) }
            }
            Source::Value(Rvalue::Unary(UnOp::LogicalNot, inner)) => {
                let inner = self.condition_to(inner, depth + 1);
                inverted(inner.op).map_or(plain, |op| Condition { op, ..inner })
            }
            _ => plain,
        }
    }

    /// All branches, in block order.
    pub(crate) fn tests(&self) -> impl Iterator<Item = Test<'a>> + '_ {
        self.function.blocks.iter().enumerate().filter_map(|(index, block)| match &block.term {
            Terminator::Branch { cond, then, other } if then != other => Some(Test {
                block: BlockId(index as u32),
                condition: self.condition(cond),
                then: *then,
                other: *other,
            }),
            _ => None,
        })
    }

    /// The number that the operand is for certain, with constant expressions evaluated.
    pub(crate) fn evaluate(&self, operand: &'a Operand) -> Option<i128> {
        self.evaluate_to(operand, 0)
    }

    fn evaluate_to(&self, operand: &'a Operand, depth: u32) -> Option<i128> {
        if depth > 6 {
            return None;
        }
        match self.source(operand) {
            Source::Const(Const::Int(bits, ty)) => Some(self.program.types.int_value(*bits, *ty)),
            Source::Const(Const::Str { .. }) => None,
            Source::Value(Rvalue::Unary(op, a)) => {
                let a = self.evaluate_to(a, depth + 1)?;
                Some(match op {
                    UnOp::Neg => a.checked_neg()?,
                    UnOp::Not => !a,
                    UnOp::LogicalNot => i128::from(a == 0),
                })
            }
            Source::Value(Rvalue::Binary(op, a, b)) => {
                let a = self.evaluate_to(a, depth + 1)?;
                let b = self.evaluate_to(b, depth + 1)?;
                fold(*op, a, b)
            }
            _ => None,
        }
    }

    /// Successors of the block that its condition does not rule out.
    pub(crate) fn live_successors(&self, id: BlockId) -> Vec<BlockId> {
        let Some(block) = self.block(id) else { return Vec::new() };
        if let Terminator::Branch { cond, then, other } = &block.term {
            return match self.evaluate(cond) {
                Some(0) => vec![*other],
                Some(_) => vec![*then],
                None => vec![*then, *other],
            };
        }
        block.term.successors().to_vec()
    }

    /// The call whose result the operand is.
    pub(crate) fn called(&self, operand: &'a Operand) -> Option<CallSite<'a>> {
        match self.origin(operand) {
            Source::Call(call) => Some(call),
            _ => None,
        }
    }
}

fn fold(op: BinOp, a: i128, b: i128) -> Option<i128> {
    Some(match op {
        BinOp::Add => a.checked_add(b)?,
        BinOp::Sub => a.checked_sub(b)?,
        BinOp::Mul => a.checked_mul(b)?,
        BinOp::Div => a.checked_div(b)?,
        BinOp::Rem => a.checked_rem(b)?,
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::Eq => i128::from(a == b),
        BinOp::Ne => i128::from(a != b),
        BinOp::Lt => i128::from(a < b),
        BinOp::Le => i128::from(a <= b),
        BinOp::Gt => i128::from(a > b),
        BinOp::Ge => i128::from(a >= b),
        BinOp::Shl | BinOp::Shr | BinOp::PtrDiff => return None,
    })
}
