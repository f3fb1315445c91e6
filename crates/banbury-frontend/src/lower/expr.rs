//! Expressions as values, as conditions, and for their effects alone.

use banbury_base::{Span, Symbol};
use banbury_ir::{BlockId, Const, Op, Operand, Place, Rvalue, Terminator, Type, TypeId, TypeTable, UnOp};

use super::Lowerer;
use super::consts::{Value, eval, ir_op, literal_type, promote, size_type, type_name};
use super::place::{Named, has_effects};
use super::types::size_of;
use super::typing::{conditional_type, decay, generic_choice, type_of};
use crate::ast::{Expr, ExprKind, TypeName, UnaryOp};

/// A value with its type.
pub(super) type Typed = (Operand, TypeId);

impl Lowerer<'_> {
    pub(super) fn enter_expr(&mut self, expr: &Expr) -> (Span, Symbol) {
        let saved = (self.b.span, self.b.in_macro);
        if !expr.span.is_none() {
            (self.b.span, self.b.in_macro) = (expr.span, expr.in_macro);
        }
        saved
    }

    /// The value of an expression; arrays and functions become addresses.
    pub(super) fn rvalue(&mut self, expr: &Expr) -> Typed {
        let saved = self.enter_expr(expr);
        let value = self.nested(|this| this.rvalue_kind(expr));
        (self.b.span, self.b.in_macro) = saved;
        value.unwrap_or_else(|| self.unknown())
    }

    pub(super) fn unknown(&mut self) -> Typed {
        (Operand::Const(Const::UnknownInt(TypeTable::UNKNOWN)), TypeTable::UNKNOWN)
    }

    fn rvalue_kind(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::Ident(name) => self.identifier(*name),
            ExprKind::Int { value, unsigned, longs, based } => {
                let ty = literal_type(self.types(), *value, *unsigned, *longs, *based);
                self.constant((*value as i64, ty))
            }
            ExprKind::Float(value) => (Operand::Const(Const::Float(*value, TypeTable::F64)), TypeTable::F64),
            ExprKind::Char(value) => self.constant((*value, TypeTable::I32)),
            ExprKind::Str { text, len, wide } => {
                let element = if *wide { TypeTable::I32 } else { TypeTable::I8 };
                let text = Const::Str { text: *text, len: *len, wide: *wide };
                (Operand::Const(text), self.types().pointer_to(element))
            }
            ExprKind::Unary(op, inner) => self.unary(*op, inner),
            ExprKind::Binary(op, left, right) => self.binary_expr(ir_op(*op), left, right),
            ExprKind::Logical { .. } => self.truth_value(expr),
            ExprKind::Assign(op, left, right) => {
                let place = self.assignment(*op, left, right);
                self.load(place)
            }
            ExprKind::Conditional(cond, then, other) => self.conditional(cond, then.as_deref(), other),
            ExprKind::Call(callee, arguments) => self.call(callee, arguments, true),
            ExprKind::Index(..) | ExprKind::Member { .. } => {
                let place = self.place(expr);
                self.load(place)
            }
            ExprKind::CompoundLiteral(ty, init) => {
                let place = self.compound_literal(ty, init);
                self.load(place)
            }
            ExprKind::Cast(ty, inner) => self.cast(ty, inner),
            ExprKind::SizeofExpr(_)
            | ExprKind::SizeofType(_)
            | ExprKind::AlignofType(_)
            | ExprKind::Offsetof(..) => self.size_constant(expr),
            ExprKind::StmtExpr(block) => self.statement_expression(block),
            ExprKind::Comma(left, right) => {
                self.effect(left);
                self.rvalue(right)
            }
            ExprKind::VaArg(list, ty) => self.va_arg(list, ty),
            ExprKind::Generic(value, choices) => match generic_choice(self, value, choices) {
                Some(chosen) => self.rvalue(chosen),
                None => self.unknown(),
            },
            ExprKind::LabelAddr(name) => {
                let address = self.label_address(*name);
                (address, self.types().pointer_to(TypeTable::VOID))
            }
            ExprKind::Unknown(parts) => {
                for part in parts {
                    self.effect(part);
                }
                self.opaque();
                let span = self.b.span;
                self.b.gap(span, "expression not understood");
                self.unknown()
            }
            _ => self.cpp_expression(expr),
        }
    }

    pub(super) fn constant(&self, (bits, ty): Value) -> Typed {
        (Operand::Const(Const::Int(bits, ty)), ty)
    }

    fn identifier(&mut self, name: Symbol) -> Typed {
        match self.named(name) {
            Named::Place(place) => self.load(place),
            Named::Constant(value) => self.constant(value),
            Named::Function(name, ty) => {
                let ty = decay(self.types(), ty);
                (Operand::Const(Const::Func(name)), ty)
            }
            Named::Unknown => self.undeclared(name),
        }
    }

    pub(super) fn is_special(&self, name: Symbol) -> bool {
        matches!(
            name.as_str(),
            "NULL" | "nullptr" | "true" | "false" | "__func__" | "__FUNCTION__" | "__PRETTY_FUNCTION__"
        ) || is_macro_name(name)
    }

    fn undeclared(&mut self, name: Symbol) -> Typed {
        let types = self.types();
        match name.as_str() {
            "NULL" | "nullptr" => self.constant((0, types.pointer_to(TypeTable::VOID))),
            "true" => self.constant((1, TypeTable::I32)),
            "false" => self.constant((0, TypeTable::I32)),
            "__func__" | "__FUNCTION__" | "__PRETTY_FUNCTION__" => {
                let text = self.function;
                let len = text.as_str().len() as u32;
                (Operand::Const(Const::Str { text, len, wide: false }), types.pointer_to(TypeTable::I8))
            }
            // By convention a constant, defined in a header that is not there.
            _ if is_macro_name(name) => {
                (Operand::Const(Const::UnknownInt(TypeTable::UNKNOWN)), TypeTable::UNKNOWN)
            }
            _ => {
                let id = self.undeclared_global(name, TypeTable::UNKNOWN);
                (Operand::Copy(Place::global(id)), TypeTable::UNKNOWN)
            }
        }
    }

    /// Evaluates an expression whose value nobody wants.
    pub(super) fn effect(&mut self, expr: &Expr) {
        let saved = self.enter_expr(expr);
        match &expr.kind {
            ExprKind::Call(callee, arguments) => {
                self.nested(|this| this.call(callee, arguments, false));
            }
            ExprKind::Assign(op, left, right) => {
                self.nested(|this| this.assignment(*op, left, right));
            }
            ExprKind::Unary(UnaryOp::PreInc | UnaryOp::PostInc, inner) => {
                self.step(inner, true);
            }
            ExprKind::Unary(UnaryOp::PreDec | UnaryOp::PostDec, inner) => {
                self.step(inner, false);
            }
            ExprKind::Comma(left, right) => {
                self.nested(|this| {
                    this.effect(left);
                    this.effect(right);
                });
            }
            ExprKind::Cast(_, inner) => {
                self.nested(|this| this.effect(inner));
            }
            ExprKind::Conditional(cond, Some(then), other) => {
                self.nested(|this| this.conditional_effect(cond, then, other));
            }
            _ if has_effects(expr) => {
                self.rvalue(expr);
            }
            _ => {
                self.evaluate_for_nothing(expr);
            }
        }
        (self.b.span, self.b.in_macro) = saved;
    }

    /// `*p;` and `(void)x;` read, which may be a defect of its own.
    fn evaluate_for_nothing(&mut self, expr: &Expr) {
        if !matches!(expr.kind, ExprKind::Ident(_) | ExprKind::Int { .. } | ExprKind::Str { .. }) {
            self.rvalue(expr);
        }
    }

    fn conditional_effect(&mut self, cond: &Expr, then: &Expr, other: &Expr) {
        let (yes, no, end) = (self.b.block(), self.b.block(), self.b.block());
        self.condition(cond, yes, no);
        self.start_block(yes);
        self.effect(then);
        self.b.goto(end);
        self.start_block(no);
        self.effect(other);
        self.b.fall_into(end);
    }

    /// Branches on an expression. The current block ends.
    pub(super) fn condition(&mut self, expr: &Expr, then: BlockId, other: BlockId) {
        let saved = self.enter_expr(expr);
        let done = self.nested(|this| this.condition_kind(expr, then, other));
        if done.is_none() {
            let cond = Operand::Const(Const::UnknownInt(TypeTable::I32));
            self.b.terminate(Terminator::Branch { cond, then, other });
        }
        (self.b.span, self.b.in_macro) = saved;
    }

    fn condition_kind(&mut self, expr: &Expr, then: BlockId, other: BlockId) {
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Not, inner) => return self.condition(inner, other, then),
            ExprKind::Logical { and, left, right } => {
                let middle = self.b.block();
                match and {
                    true => self.condition(left, middle, other),
                    false => self.condition(left, then, middle),
                }
                self.start_block(middle);
                return self.condition(right, then, other);
            }
            ExprKind::Comma(left, right) => {
                self.effect(left);
                return self.condition(right, then, other);
            }
            ExprKind::Call(callee, arguments) => {
                if let (ExprKind::Ident(name), [value, _]) = (&callee.kind, arguments.as_slice())
                    && self.is_builtin_name(*name)
                    && *name == "__builtin_expect"
                {
                    return self.condition(value, then, other);
                }
            }
            _ => {}
        }
        let (cond, ty) = self.rvalue(expr);
        let cond = self.truth_operand(cond, ty);
        match cond {
            Operand::Const(Const::Int(value, _)) => self.b.goto(if value != 0 { then } else { other }),
            Operand::Const(Const::Str { .. } | Const::Func(_)) => self.b.goto(then),
            cond => self.b.terminate(Terminator::Branch { cond, then, other }),
        }
    }

    /// The value of `&&` or `||`: 1 or 0, by control flow.
    fn truth_value(&mut self, expr: &Expr) -> Typed {
        if let Some(value) = self.folded_logical(expr) {
            return self.constant(value);
        }
        let result = self.b.temp(TypeTable::I32);
        let (yes, no, end) = (self.b.block(), self.b.block(), self.b.block());
        self.condition(expr, yes, no);
        for (block, value) in [(yes, 1), (no, 0)] {
            self.start_block(block);
            let src = Rvalue::Use(Operand::Const(Const::Int(value, TypeTable::I32)));
            self.b.emit(Op::Assign { dst: Place::local(result), src });
            self.b.goto(end);
        }
        self.start_block(end);
        (Operand::local(result), TypeTable::I32)
    }

    fn folded_logical(&mut self, expr: &Expr) -> Option<Value> {
        (!has_effects(expr)).then(|| eval(self, expr)).flatten()
    }

    fn conditional(&mut self, cond: &Expr, then: Option<&Expr>, other: &Expr) -> Typed {
        if !has_effects(cond)
            && let Some((value, _)) = eval(self, cond)
        {
            return match (value != 0, then) {
                (true, Some(then)) => self.rvalue(then),
                (true, None) => self.rvalue(cond),
                (false, _) => self.rvalue(other),
            };
        }
        let then_ty = type_of(self, then.unwrap_or(cond));
        let other_ty = type_of(self, other);
        let ty = conditional_type(self.types(), then_ty, other_ty);
        let (yes, no, end) = (self.b.block(), self.b.block(), self.b.block());
        // In `a ?: b` the condition is evaluated once and is the value.
        let shared = match then {
            Some(_) => {
                self.condition(cond, yes, no);
                None
            }
            None => {
                let (value, value_ty) = self.rvalue(cond);
                let value = self.in_temp(value, value_ty);
                self.b.terminate(Terminator::Branch { cond: value.clone(), then: yes, other: no });
                Some((value, value_ty))
            }
        };
        let result = self.b.temp(ty);
        self.start_block(yes);
        let value = match (shared, then) {
            (Some(value), _) => value,
            (None, Some(then)) => self.rvalue(then),
            (None, None) => self.unknown(),
        };
        self.arm(result, ty, value, end);
        self.start_block(no);
        let value = self.rvalue(other);
        self.arm(result, ty, value, end);
        self.start_block(end);
        match ty {
            TypeTable::VOID => (self.zero(TypeTable::I32), TypeTable::VOID),
            _ => (Operand::local(result), ty),
        }
    }

    fn arm(&mut self, result: banbury_ir::LocalId, ty: TypeId, (value, from): Typed, end: BlockId) {
        if ty != TypeTable::VOID && from != TypeTable::VOID {
            let value = self.convert(value, from, ty);
            self.b.store(Place::local(result), value);
        }
        self.b.goto(end);
    }

    fn unary(&mut self, op: UnaryOp, inner: &Expr) -> Typed {
        match op {
            UnaryOp::AddrOf => self.address_of(inner),
            UnaryOp::Deref => {
                // `*f` of a function is the function.
                if let ExprKind::Ident(name) = &inner.kind
                    && let Named::Function(..) = self.named(*name)
                {
                    return self.rvalue(inner);
                }
                let place = self.dereferenced(inner);
                self.load(place)
            }
            UnaryOp::PreInc | UnaryOp::PreDec => {
                let place = self.step(inner, op == UnaryOp::PreInc);
                self.load(place)
            }
            UnaryOp::PostInc | UnaryOp::PostDec => self.post_step(inner, op == UnaryOp::PostInc),
            UnaryOp::Not => self.not(inner),
            UnaryOp::Plus | UnaryOp::Minus | UnaryOp::BitNot => self.arithmetic_unary(op, inner),
        }
    }

    fn not(&mut self, inner: &Expr) -> Typed {
        let (value, ty) = self.rvalue(inner);
        match value {
            Operand::Const(Const::Int(value, _)) => self.constant((i64::from(value == 0), TypeTable::I32)),
            value => {
                let value = self.truth_operand(value, ty);
                (self.b.compute(TypeTable::I32, Rvalue::Unary(UnOp::LogicalNot, value)), TypeTable::I32)
            }
        }
    }

    fn arithmetic_unary(&mut self, op: UnaryOp, inner: &Expr) -> Typed {
        let (value, from) = self.rvalue(inner);
        let ty = promote(self.types(), from);
        let value = self.convert(value, from, ty);
        match (op, value) {
            (UnaryOp::Plus, value) => (value, ty),
            (UnaryOp::Minus, Operand::Const(Const::Float(value, ty))) => {
                (Operand::Const(Const::Float(-value, ty)), ty)
            }
            (op, Operand::Const(Const::Int(value, ty))) => {
                let bits = if op == UnaryOp::Minus { value.wrapping_neg() } else { !value };
                self.constant((super::consts::wrap(self.types(), bits, ty), ty))
            }
            (op, value) => {
                let op = if op == UnaryOp::Minus { UnOp::Neg } else { UnOp::Not };
                (self.b.compute(ty, Rvalue::Unary(op, value)), ty)
            }
        }
    }

    fn cast(&mut self, ty: &TypeName, inner: &Expr) -> Typed {
        let to = type_name(self, ty);
        let (value, from) = self.rvalue(inner);
        if to == TypeTable::VOID {
            return (value, TypeTable::VOID);
        }
        let types = self.types();
        if to == from
            || matches!(types.get(to), Type::Record(_)) && matches!(types.get(from), Type::Record(_))
        {
            return (value, to);
        }
        // A pointer with a new type needs a temporary of that type.
        if types.is_pointer(to) && !matches!(value, Operand::Const(Const::Int(..))) {
            return (self.b.compute(to, Rvalue::Cast(to, value)), to);
        }
        match from {
            TypeTable::UNKNOWN => (self.b.compute(to, Rvalue::Cast(to, value)), to),
            _ => (self.convert(value, from, to), to),
        }
    }

    fn size_constant(&mut self, expr: &Expr) -> Typed {
        let ty = size_type(self.types());
        if let Some(value) = eval(self, expr) {
            return self.constant(value);
        }
        if let ExprKind::SizeofExpr(inner) = &expr.kind {
            let inner = type_of(self, inner);
            if let Some(size) = size_of(self, inner) {
                return self.constant((size as i64, ty));
            }
        }
        (Operand::Const(Const::UnknownInt(ty)), ty)
    }

    /// The operand, in a temporary unless it is one already or a constant.
    pub(super) fn in_temp(&mut self, operand: Operand, ty: TypeId) -> Operand {
        let is_temp = |place: &Place| place.as_local().is_some_and(|id| self.b.is_temp(id));
        match &operand {
            Operand::Copy(place) if is_temp(place) => operand,
            _ => self.b.compute(ty, Rvalue::Use(operand)),
        }
    }

    /// Keeps a value that was read before something that may change it.
    pub(super) fn settle(&mut self, operand: Operand, ty: TypeId) -> Operand {
        match operand {
            Operand::Const(_) => operand,
            operand => self.in_temp(operand, ty),
        }
    }
}

/// Names in capitals are macros by convention.
fn is_macro_name(name: Symbol) -> bool {
    let text = name.as_str();
    text.len() > 1
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        && text.bytes().any(|b| b.is_ascii_uppercase())
}
