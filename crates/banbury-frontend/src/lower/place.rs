//! Expressions as places: what can be assigned to, or have its address taken.

use banbury_base::Symbol;
use banbury_ir::{
    Base, Const, FieldRef, Global, GlobalId, Index, Init, LocalId, Op, Operand, Place, Proj, Rvalue, Type,
    TypeId, TypeTable,
};
use smallvec::SmallVec;

use super::Lowerer;
use super::consts::{Value, entry_constant};
use super::scope::Binding;
use super::types::{Env, entry_type, find_member};
use super::world::NameKind;
use crate::ast::{BinaryOp, Expr, ExprKind, UnaryOp};

/// A place with its type.
#[derive(Clone, Debug)]
pub(super) struct Lvalue {
    base: Base,
    proj: SmallVec<[Proj; 4]>,
    pub ty: TypeId,
    /// Width, if it is a bit-field.
    pub bits: Option<u16>,
}

impl Lvalue {
    pub fn local(id: LocalId, ty: TypeId) -> Self {
        Lvalue { base: Base::Local(id), proj: SmallVec::new(), ty, bits: None }
    }

    pub fn global(id: GlobalId, ty: TypeId) -> Self {
        Lvalue { base: Base::Global(id), proj: SmallVec::new(), ty, bits: None }
    }

    fn of(place: &Place, ty: TypeId) -> Self {
        Lvalue { base: place.base, proj: SmallVec::from_slice(&place.proj), ty, bits: None }
    }

    pub fn then(mut self, proj: Proj, ty: TypeId) -> Self {
        self.proj.push(proj);
        (self.ty, self.bits) = (ty, None);
        self
    }

    pub fn place(&self) -> Place {
        Place { base: self.base, proj: self.proj.as_slice().into() }
    }
}

/// What an identifier stands for.
pub(super) enum Named {
    Place(Lvalue),
    Constant(Value),
    Function(Symbol, TypeId),
    Unknown,
}

impl Lowerer<'_> {
    pub(super) fn named(&mut self, name: Symbol) -> Named {
        if let Some(binding) = self.scopes.get(name) {
            return self.bound(name, binding);
        }
        if let Some(member) = self.implicit_member(name) {
            return Named::Place(member);
        }
        match self.lookup_anyhow(name) {
            Some((found, id)) => self.declared(found, id),
            None => Named::Unknown,
        }
    }

    /// Namespaces are transparent: `a::b` may be declared as `b`.
    fn lookup_anyhow(&mut self, name: Symbol) -> Option<(Symbol, super::world::NameId)> {
        if let Some(id) = self.lookup(name) {
            return Some((name, id));
        }
        let mut rest = name.as_str();
        while let Some((_, shorter)) = rest.split_once("::") {
            rest = shorter;
            let name = Symbol::new(rest);
            if let Some(id) = self.lookup(name) {
                return Some((name, id));
            }
        }
        None
    }

    fn bound(&mut self, name: Symbol, binding: Binding) -> Named {
        match binding {
            Binding::Local(id) => {
                let ty = self.b.locals[id.index()].ty;
                let place = Lvalue::local(id, ty);
                match self.references.contains(&id) {
                    true => Named::Place(self.followed(place)),
                    false => Named::Place(place),
                }
            }
            Binding::Global(id, ty) => Named::Place(Lvalue::global(id, ty)),
            Binding::Function(ty) => Named::Function(name, ty),
            Binding::Constant(value) => Named::Constant((value, super::consts::constant_type(value))),
            Binding::Type(_) => Named::Unknown,
        }
    }

    fn followed(&self, place: Lvalue) -> Lvalue {
        let to = self.types().pointee(place.ty).unwrap_or(TypeTable::UNKNOWN);
        place.then(Proj::Deref, to)
    }

    fn declared(&mut self, name: Symbol, id: super::world::NameId) -> Named {
        match &self.world.entries[id.0 as usize].kind {
            NameKind::Typedef { .. } => Named::Unknown,
            NameKind::Constant { .. } => match entry_constant(self, id) {
                Some(value) => Named::Constant(value),
                None => Named::Unknown,
            },
            NameKind::Function { .. } => Named::Function(name, entry_type(self, id)),
            NameKind::Variable { declarator, .. } => {
                if let Some(value) = entry_constant(self, id) {
                    return Named::Constant(value);
                }
                let Some(global) = self.world.global_of(self.file, declarator.name, id) else {
                    return Named::Unknown;
                };
                let ty = match self.global_type(global) {
                    TypeTable::UNKNOWN => entry_type(self, id),
                    ty => ty,
                };
                match self.types().get(ty) {
                    // Declared with a typedef of a function type.
                    Type::Function { .. } => Named::Function(name, ty),
                    _ => Named::Place(Lvalue::global(global, ty)),
                }
            }
        }
    }

    /// A name that nothing declares, most likely of a header that is not there.
    pub(super) fn undeclared_global(&mut self, name: Symbol, ty: TypeId) -> GlobalId {
        if let Some(&id) = self.undeclared.get(&name) {
            return id;
        }
        let global = Global {
            name,
            ty,
            span: self.b.span,
            is_static: false,
            is_const: false,
            is_extern: true,
            init: Init::Unknown,
        };
        let id = self.add_static(global);
        self.undeclared.insert(name, id);
        id
    }

    /// The place that an expression denotes; a value that has none is put into a temporary.
    pub(super) fn place(&mut self, expr: &Expr) -> Lvalue {
        let saved = self.enter_expr(expr);
        let place = self.nested(|this| this.place_kind(expr));
        (self.b.span, self.b.in_macro) = saved;
        place.unwrap_or_else(|| {
            let temp = self.b.temp(TypeTable::UNKNOWN);
            Lvalue::local(temp, TypeTable::UNKNOWN)
        })
    }

    fn place_kind(&mut self, expr: &Expr) -> Lvalue {
        match &expr.kind {
            ExprKind::Ident(name) => match self.named(*name) {
                Named::Place(place) => place,
                Named::Unknown if !self.is_special(*name) => {
                    let id = self.undeclared_global(*name, TypeTable::UNKNOWN);
                    Lvalue::global(id, TypeTable::UNKNOWN)
                }
                _ => self.value_place(expr),
            },
            ExprKind::Unary(UnaryOp::Deref, inner) => self.dereferenced(inner),
            ExprKind::Index(base, index) => self.indexed(base, index),
            ExprKind::Member { base, name, arrow } => self.member(base, *name, *arrow),
            ExprKind::CompoundLiteral(ty, init) => self.compound_literal(ty, init),
            ExprKind::Assign(op, left, right) => self.assignment(*op, left, right),
            ExprKind::Unary(UnaryOp::PreInc, inner) => self.step(inner, true),
            ExprKind::Unary(UnaryOp::PreDec, inner) => self.step(inner, false),
            ExprKind::Comma(left, right) => {
                self.effect(left);
                self.place(right)
            }
            _ => self.value_place(expr),
        }
    }

    /// The value of an expression in a temporary.
    fn value_place(&mut self, expr: &Expr) -> Lvalue {
        if let Some(place) = self.reference_result(expr) {
            return place;
        }
        let (operand, ty) = self.rvalue(expr);
        self.operand_place(operand, ty)
    }

    pub(super) fn operand_place(&mut self, operand: Operand, ty: TypeId) -> Lvalue {
        match operand {
            Operand::Copy(place) => Lvalue::of(&place, ty),
            Operand::Const(_) => {
                let temp = self.b.temp(ty);
                self.b.emit(Op::Assign { dst: Place::local(temp), src: Rvalue::Use(operand) });
                Lvalue::local(temp, ty)
            }
        }
    }

    pub(super) fn dereferenced(&mut self, inner: &Expr) -> Lvalue {
        match &inner.kind {
            ExprKind::Unary(UnaryOp::AddrOf, place) => return self.place(place),
            ExprKind::Binary(BinaryOp::Add, base, index) if !has_effects(index) => {
                return self.indexed(base, index);
            }
            _ => {}
        }
        let pointer = self.base_place(inner);
        self.deref(pointer)
    }

    /// `*p` of a place that holds a pointer (or of an array).
    pub(super) fn deref(&mut self, pointer: Lvalue) -> Lvalue {
        match self.types().get(pointer.ty) {
            Type::Pointer(to) => pointer.then(Proj::Deref, *to),
            Type::Array(of, _) => pointer.then(Proj::Elem(Index::Const(0)), *of),
            Type::Function { .. } => pointer,
            _ => self.deref_object(pointer),
        }
    }

    /// An operand of `*`, `->` or `[]`: places stay places, values go into temporaries.
    fn base_place(&mut self, expr: &Expr) -> Lvalue {
        match &expr.kind {
            ExprKind::Ident(_)
            | ExprKind::Unary(UnaryOp::Deref, _)
            | ExprKind::Index(..)
            | ExprKind::Member { .. }
            | ExprKind::CompoundLiteral(..) => self.place(expr),
            _ => self.value_place(expr),
        }
    }

    fn indexed(&mut self, base: &Expr, index: &Expr) -> Lvalue {
        let base = self.base_place(base);
        let types = self.types();
        if types.pointee(base.ty).is_none() && !self.is_class(base.ty) {
            // `i[a]`: the other one is the array.
            let other = self.base_place(index);
            if types.pointee(other.ty).is_some() {
                let operand = Operand::Copy(base.place());
                let index = self.index(operand, base.ty);
                return self.element(other, index);
            }
            let operand = Operand::Copy(other.place());
            let index = self.index(operand, other.ty);
            return base.then(Proj::At(index), TypeTable::UNKNOWN);
        }
        if self.is_class(base.ty) {
            return self.subscript_operator(base, index);
        }
        let (operand, ty) = self.rvalue(index);
        let index = self.index(operand, ty);
        self.element(base, index)
    }

    fn element(&mut self, base: Lvalue, index: Index) -> Lvalue {
        match self.types().get(base.ty) {
            Type::Array(of, _) => base.then(Proj::Elem(index), *of),
            Type::Pointer(to) => base.then(Proj::At(index), *to),
            _ => base.then(Proj::At(index), TypeTable::UNKNOWN),
        }
    }

    /// An operand as an index: constants and plain locals as they are.
    pub(super) fn index(&mut self, operand: Operand, ty: TypeId) -> Index {
        match operand {
            Operand::Const(Const::Int(value, _)) => Index::Const(value),
            Operand::Copy(place) if place.as_local().is_some() => {
                Index::Local(place.as_local().unwrap_or(LocalId(0)))
            }
            other => Index::Local(match self.in_temp(other, ty) {
                Operand::Copy(place) => place.as_local().unwrap_or(LocalId(0)),
                Operand::Const(_) => LocalId(0),
            }),
        }
    }

    fn member(&mut self, base: &Expr, name: Symbol, arrow: bool) -> Lvalue {
        let mut record = match (arrow, &base.kind) {
            // `(&x)->y`
            (true, ExprKind::Unary(UnaryOp::AddrOf, place)) => self.place(place),
            (true, _) => {
                let pointer = self.base_place(base);
                self.deref(pointer)
            }
            (false, _) => self.place(base),
        };
        // A member of a reference, or `.` for `->` in code that does not compile.
        if let Type::Pointer(to) = self.types().get(record.ty) {
            record = record.then(Proj::Deref, *to);
        }
        self.field(record, name)
    }

    /// `.name`, through anonymous members.
    pub(super) fn field(&mut self, record: Lvalue, name: Symbol) -> Lvalue {
        let found = match self.types().get(record.ty) {
            Type::Record(id) => find_member(self, *id, name, 0),
            _ => None,
        };
        let Some((path, field)) = found else {
            let step = FieldRef { name, record: None, index: 0 };
            return record.then(Proj::Field(step), TypeTable::UNKNOWN);
        };
        let mut place = record;
        for step in path {
            let ty = step.record.and_then(|r| self.types().record(r));
            let ty = ty.and_then(|r| r.fields.get(step.index as usize)).map_or(field.ty, |f| f.ty);
            place = place.then(Proj::Field(step), ty);
        }
        place.bits = field.bits;
        place
    }

    /// The value held in a place; arrays become the address of their first element.
    pub(super) fn load(&mut self, place: Lvalue) -> (Operand, TypeId) {
        let types = self.types();
        match types.get(place.ty) {
            Type::Array(of, _) => {
                let pointer = types.pointer_to(*of);
                let first = place.then(Proj::Elem(Index::Const(0)), *of);
                (self.b.compute(pointer, Rvalue::AddrOf(first.place())), pointer)
            }
            Type::Function { .. } => {
                let pointer = types.pointer_to(place.ty);
                let mut place = place;
                if place.proj.last() == Some(&Proj::Deref) {
                    place.proj.pop();
                }
                (Operand::Copy(place.place()), pointer)
            }
            // A narrow bit-field is an `int` in arithmetic.
            _ if place.bits.is_some_and(|bits| bits < 32) && place.ty == TypeTable::U32 => {
                let value = Operand::Copy(place.place());
                (self.b.compute(TypeTable::I32, Rvalue::Cast(TypeTable::I32, value)), TypeTable::I32)
            }
            _ => (Operand::Copy(place.place()), place.ty),
        }
    }

    /// `&expr`
    pub(super) fn address_of(&mut self, expr: &Expr) -> (Operand, TypeId) {
        match &expr.kind {
            ExprKind::Ident(name) => {
                if let Named::Function(name, ty) = self.named(*name) {
                    return (Operand::Const(Const::Func(name)), self.types().pointer_to(ty));
                }
            }
            ExprKind::Unary(UnaryOp::Deref, inner) => return self.rvalue(inner),
            ExprKind::Cast(_, inner) if matches!(inner.kind, ExprKind::CompoundLiteral(..)) => {
                return self.address_of(inner);
            }
            _ => {}
        }
        let place = self.place(expr);
        self.address(place)
    }

    /// The address of a place; `&*p` is `p`.
    pub(super) fn address(&mut self, mut place: Lvalue) -> (Operand, TypeId) {
        let types = self.types();
        let pointer = types.pointer_to(place.ty);
        if place.proj.last() == Some(&Proj::Deref) {
            place.proj.pop();
            return (Operand::Copy(place.place()), pointer);
        }
        (self.b.compute(pointer, Rvalue::AddrOf(place.place())), pointer)
    }
}

/// Whether evaluating the expression may change something.
pub(super) fn has_effects(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Ident(_)
        | ExprKind::Int { .. }
        | ExprKind::Float(_)
        | ExprKind::Char(_)
        | ExprKind::Str { .. }
        | ExprKind::SizeofExpr(_)
        | ExprKind::SizeofType(_)
        | ExprKind::AlignofType(_)
        | ExprKind::Offsetof(..)
        | ExprKind::LabelAddr(_)
        | ExprKind::Lambda(_)
        | ExprKind::This => false,
        ExprKind::Unary(op, inner) => {
            matches!(op, UnaryOp::PreInc | UnaryOp::PreDec | UnaryOp::PostInc | UnaryOp::PostDec)
                || has_effects(inner)
        }
        ExprKind::Binary(_, left, right) | ExprKind::Index(left, right) => {
            has_effects(left) || has_effects(right)
        }
        ExprKind::Logical { left, right, .. } => has_effects(left) || has_effects(right),
        ExprKind::Member { base, .. } => has_effects(base),
        ExprKind::Cast(_, inner) => has_effects(inner),
        ExprKind::Conditional(cond, then, other) => {
            has_effects(cond) || then.as_ref().is_some_and(|then| has_effects(then)) || has_effects(other)
        }
        _ => true,
    }
}
