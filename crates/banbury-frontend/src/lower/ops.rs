//! Arithmetic, conversions, assignment.

use banbury_ir::{BinOp, Const, Operand, Rvalue, Type, TypeId, TypeTable};

use super::Lowerer;
use super::consts::{self, common_type, difference_type, ir_op, promote};
use super::expr::Typed;
use super::place::{Lvalue, has_effects};
use super::typing::binary_result;
use crate::ast::{BinaryOp, Expr, ExprKind, Init};

impl Lowerer<'_> {
    /// Makes an implicit or explicit conversion visible.
    pub(super) fn convert(&mut self, value: Operand, from: TypeId, to: TypeId) -> Operand {
        let types = self.types();
        if from == to || to == TypeTable::UNKNOWN || to == TypeTable::VOID {
            return value;
        }
        let is_float = |ty: TypeId| matches!(types.get(ty), Type::Float(_));
        match (&value, types.get(to)) {
            (Operand::Const(Const::Int(bits, ty)), Type::Float(_)) => {
                return Operand::Const(Const::Float(types.int_value(*bits, *ty) as f64, to));
            }
            (Operand::Const(Const::Int(bits, ty)), Type::Int { .. } | Type::Bool | Type::Pointer(_)) => {
                let (bits, ty) = consts::convert(types, (*bits, *ty), to);
                return Operand::Const(Const::Int(bits, ty));
            }
            (Operand::Const(Const::Float(value, _)), Type::Float(_)) => {
                return Operand::Const(Const::Float(*value, to));
            }
            _ => {}
        }
        let scalar = |ty: TypeId| matches!(types.get(ty), Type::Int { .. } | Type::Bool | Type::Float(_));
        let pointers = types.is_pointer(from) && types.is_pointer(to);
        let needed = match (types.get(from), types.get(to)) {
            (Type::Pointer(_), Type::Pointer(_)) => false,
            (Type::Unknown, _) => scalar(to),
            (_, Type::Pointer(_)) => scalar(from),
            (Type::Pointer(_), _) => scalar(to),
            _ => scalar(from) && scalar(to) || is_float(to),
        };
        match needed && !pointers {
            true => self.b.compute(to, Rvalue::Cast(to, value)),
            false => value,
        }
    }

    /// A condition as it is branched on; what tests a class object is a call.
    pub(super) fn truth_operand(&mut self, value: Operand, _ty: TypeId) -> Operand {
        value
    }

    pub(super) fn binary_expr(&mut self, op: BinOp, left: &Expr, right: &Expr) -> Typed {
        let (mut a, a_ty) = self.rvalue(left);
        if has_effects(right) {
            a = self.settle(a, a_ty);
        }
        let (b, b_ty) = self.rvalue(right);
        if self.is_class(a_ty) || self.is_class(b_ty) {
            return self.operator_call(op.sign(), (a, a_ty), Some((b, b_ty)));
        }
        self.operate(op, (a, a_ty), (b, b_ty))
    }

    /// `a op b` with the conversions of C.
    pub(super) fn operate(&mut self, op: BinOp, (a, a_ty): Typed, (b, b_ty): Typed) -> Typed {
        let types = self.types();
        let (a_ptr, b_ptr) = (types.is_pointer(a_ty), types.is_pointer(b_ty));
        if a_ty == TypeTable::UNKNOWN || b_ty == TypeTable::UNKNOWN {
            return self.operate_unknown(op, (a, a_ty), (b, b_ty));
        }
        if op.is_comparison() {
            return self.compare(op, (a, a_ty), (b, b_ty));
        }
        match op {
            BinOp::Sub if a_ptr && b_ptr => {
                let ty = difference_type(types);
                (self.b.compute(ty, Rvalue::Binary(BinOp::PtrDiff, a, b)), ty)
            }
            BinOp::Add | BinOp::Sub if a_ptr => self.offset(a, a_ty, b, op == BinOp::Sub),
            BinOp::Add if b_ptr => self.offset(b, b_ty, a, false),
            BinOp::Shl | BinOp::Shr => {
                let ty = promote(types, a_ty);
                let a = self.convert(a, a_ty, ty);
                let count_ty = promote(types, b_ty);
                let b = self.convert(b, b_ty, count_ty);
                (self.binary(op, a, b, ty), ty)
            }
            _ => {
                let ty = common_type(types, a_ty, b_ty);
                let a = self.convert(a, a_ty, ty);
                let b = self.convert(b, b_ty, ty);
                (self.binary(op, a, b, ty), ty)
            }
        }
    }

    fn operate_unknown(&mut self, op: BinOp, (a, a_ty): Typed, (b, b_ty): Typed) -> Typed {
        let ty = match op.is_comparison() {
            true => TypeTable::I32,
            false => binary_result(self.types(), op, a_ty, b_ty),
        };
        if self.types().is_pointer(a_ty) && matches!(op, BinOp::Add | BinOp::Sub) {
            return self.offset(a, a_ty, b, op == BinOp::Sub);
        }
        (self.b.compute(ty, Rvalue::Binary(op, a, b)), ty)
    }

    fn compare(&mut self, op: BinOp, (a, a_ty): Typed, (b, b_ty): Typed) -> Typed {
        let types = self.types();
        let ty = match (types.is_pointer(a_ty), types.is_pointer(b_ty)) {
            (true, _) => a_ty,
            (_, true) => b_ty,
            _ => common_type(types, a_ty, b_ty),
        };
        let a = self.convert(a, a_ty, ty);
        let b = self.convert(b, b_ty, ty);
        (self.binary(op, a, b, ty), TypeTable::I32)
    }

    fn offset(&mut self, ptr: Operand, ty: TypeId, index: Operand, negative: bool) -> Typed {
        let elem = self.types().pointee(ty).unwrap_or(TypeTable::UNKNOWN);
        if let Operand::Const(Const::Int(0, _)) = index {
            return (ptr, ty);
        }
        (self.b.compute(ty, Rvalue::PtrAdd { ptr, index, elem, negative }), ty)
    }

    /// `a op b`, both of type `ty` (but for the count of a shift), folded if constant.
    pub(super) fn binary(&mut self, op: BinOp, a: Operand, b: Operand, ty: TypeId) -> Operand {
        if let (Operand::Const(Const::Int(x, _)), Operand::Const(Const::Int(y, _))) = (&a, &b)
            && let Some((bits, ty)) = consts::fold(self.types(), op, *x, *y, ty)
        {
            return Operand::Const(Const::Int(bits, ty));
        }
        let result = if op.is_comparison() { TypeTable::I32 } else { ty };
        self.b.compute(result, Rvalue::Binary(op, a, b))
    }

    /// `left = right` or `left op= right`. Returns the place assigned to.
    pub(super) fn assignment(&mut self, op: Option<BinaryOp>, left: &Expr, right: &Expr) -> Lvalue {
        if let (None, ExprKind::CompoundLiteral(ty, init)) = (op, &right.kind)
            && !has_effects(left)
            && let Some(place) = self.assign_literal(left, ty, init)
        {
            return place;
        }
        let (mut value, from) = self.rvalue(right);
        if has_effects(left) {
            value = self.settle(value, from);
        }
        let place = self.place(left);
        if self.overloads_assignment(place.ty, from) {
            return self.assignment_operator(op, place, (value, from));
        }
        let (value, from) = match op {
            None => (value, from),
            Some(op) => {
                let old = self.load(place.clone());
                self.operate(ir_op(op), old, (value, from))
            }
        };
        let value = self.convert(value, from, place.ty);
        self.b.store(place.place(), value);
        place
    }

    /// `x = (T){ ... }` needs no temporary, unless the literal reads `x`.
    fn assign_literal(&mut self, left: &Expr, ty: &crate::ast::TypeName, init: &Init) -> Option<Lvalue> {
        let Init::List(entries, _) = init else { return None };
        if entries.iter().any(|e| !matches!(&e.value, Init::Expr(Expr { kind: ExprKind::Int { .. }, .. }))) {
            return None;
        }
        let ty = consts::type_name(self, ty);
        let place = self.place(left);
        if place.ty != ty || !matches!(self.types().get(ty), Type::Record(_)) {
            return None;
        }
        self.initialise(place.clone(), init);
        Some(place)
    }

    /// `++x` or `--x`. Returns the place.
    pub(super) fn step(&mut self, inner: &Expr, up: bool) -> Lvalue {
        let place = self.place(inner);
        self.step_place(place, up)
    }

    fn step_place(&mut self, place: Lvalue, up: bool) -> Lvalue {
        if self.is_class(place.ty) {
            let (address, ty) = self.address(place.clone());
            self.operator_call(if up { "++" } else { "--" }, (address, ty), None);
            return place;
        }
        let (old, ty) = self.load(place.clone());
        let one = Operand::Const(Const::Int(1, TypeTable::I32));
        let op = if up { BinOp::Add } else { BinOp::Sub };
        let (new, from) = self.operate(op, (old, ty), (one, TypeTable::I32));
        let new = self.convert(new, from, place.ty);
        self.b.store(place.place(), new);
        place
    }

    pub(super) fn post_step(&mut self, inner: &Expr, up: bool) -> Typed {
        let place = self.place(inner);
        let (old, ty) = self.load(place.clone());
        let old = match old {
            Operand::Copy(_) => self.b.compute(ty, Rvalue::Use(old)),
            old => old,
        };
        self.step_place(place, up);
        (old, ty)
    }
}
