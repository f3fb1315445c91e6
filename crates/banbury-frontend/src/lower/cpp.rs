//! What C++ adds: objects with methods, references, construction and destruction, exceptions.

use banbury_base::Symbol;
use banbury_ir::{
    BinOp, Callee, Const, LocalId, Op, Operand, Place, Proj, RecordId, RecordKind, Rvalue, Terminator, Type,
    TypeId, TypeTable,
};

use super::Lowerer;
use super::consts::{size_type, type_name};
use super::expr::Typed;
use super::place::Lvalue;
use super::scope::Binding;
use super::types::{Env, entry_type, find_member, size_of};
use super::typing::class_type;
use super::world::NameKind;
use crate::ast::{BinaryOp, Block, Expr, ExprKind, FunctionDef, Init, Stmt, TypeExpr, VarDecl};

impl Lowerer<'_> {
    fn class_record(&self, ty: TypeId) -> Option<RecordId> {
        match self.types().get(ty) {
            Type::Record(id) => Some(*id),
            _ => None,
        }
    }

    pub(super) fn is_class(&self, ty: TypeId) -> bool {
        let record = self.class_record(ty).and_then(|id| self.types().record(id));
        record.is_some_and(|record| record.kind == RecordKind::Class)
    }

    /// A class of a library, of which only the name is known.
    pub(super) fn is_opaque_class(&self, ty: TypeId) -> bool {
        let record = self.class_record(ty).and_then(|id| self.types().record(id));
        record.is_some_and(|r| r.kind == RecordKind::Class && r.fields.is_empty() && r.size.is_none())
    }

    fn class_name(&self, ty: TypeId) -> Option<Symbol> {
        let record = self.class_record(ty)?;
        self.types().record(record).map(|r| r.name).filter(|name| !name.is_empty())
    }

    /// The first parameter of a member function.
    pub(super) fn bind_this(&mut self, class: Symbol) {
        let ty = class_type(self, class);
        let pointer = self.types().pointer_to(ty);
        let id = self.b.local(Symbol::new("this"), pointer);
        self.scopes.bind(Symbol::new("this"), Binding::Local(id));
    }

    fn this(&mut self) -> Option<Lvalue> {
        match self.scopes.get(Symbol::new("this"))? {
            Binding::Local(id) => Some(Lvalue::local(id, self.b.locals[id.index()].ty)),
            _ => None,
        }
    }

    /// A member of the object named without `this->`.
    pub(super) fn implicit_member(&mut self, name: Symbol) -> Option<Lvalue> {
        let class = self.class?;
        let this = self.this();
        if let Some(this) = this
            && let Some(record) = self.types().pointee(this.ty)
            && let Some(id) = self.class_record(record)
            && find_member(self, id, name, 0).is_some()
        {
            return Some(self.field(this.then(Proj::Deref, record), name));
        }
        // A static data member.
        let qualified = Symbol::new(&format!("{class}::{name}"));
        let id = self.lookup(qualified)?;
        let NameKind::Variable { .. } = self.world.entries[id.0 as usize].kind else { return None };
        let ty = entry_type(self, id);
        let global = self.undeclared_global(qualified, ty);
        Some(Lvalue::global(global, ty))
    }

    pub(super) fn bind_reference(&mut self, id: LocalId, init: Option<&Init>) {
        self.references.insert(id);
        let init = match init {
            Some(Init::Expr(expr)) => expr,
            Some(Init::Construct(arguments, _)) if arguments.len() == 1 => &arguments[0],
            Some(Init::List(entries, _)) => match entries.first().map(|e| &e.value) {
                Some(Init::Expr(expr)) => expr,
                _ => return,
            },
            _ => return,
        };
        let (address, ty) = self.address_of(init);
        if self.b.locals[id.index()].ty == self.types().pointer_to(TypeTable::UNKNOWN) {
            self.b.locals[id.index()].ty = ty;
        }
        self.b.store(Place::local(id), address);
    }

    /// The place that a call returning a reference denotes.
    pub(super) fn reference_result(&mut self, expr: &Expr) -> Option<Lvalue> {
        let ExprKind::Call(callee, _) = &expr.kind else { return None };
        let name = match &callee.kind {
            ExprKind::Ident(name) => *name,
            _ => return None,
        };
        let id = self.lookup(name)?;
        let NameKind::Function { ty: TypeExpr::Function { ret, .. }, .. } =
            &self.world.entries[id.0 as usize].kind
        else {
            return None;
        };
        if !matches!(**ret, TypeExpr::Reference(_)) {
            return None;
        }
        let (pointer, ty) = self.rvalue(expr);
        let place = self.operand_place(pointer, ty);
        Some(self.deref(place))
    }

    /// `*object` and `object->`: iterators and smart pointers.
    pub(super) fn deref_object(&mut self, object: Lvalue) -> Lvalue {
        let Some(record) = self.class_record(object.ty) else {
            return object.then(Proj::Deref, TypeTable::UNKNOWN);
        };
        let element = self.world.element_of(record).unwrap_or(TypeTable::UNKNOWN);
        let class = self.class_name(object.ty).unwrap_or_default();
        let (address, _) = self.address(object);
        let pointer = self.types().pointer_to(element);
        let callee = Callee::Direct(Symbol::new(&format!("{class}::operator*")));
        let (value, ty) = self.finish_call(callee, pointer, vec![address], true);
        self.operand_place(value, ty).then(Proj::Deref, element)
    }

    /// `object[index]` of a container.
    pub(super) fn subscript_operator(&mut self, object: Lvalue, index: &Expr) -> Lvalue {
        let record = self.class_record(object.ty);
        let element = record.and_then(|id| self.world.element_of(id)).unwrap_or(TypeTable::UNKNOWN);
        let class = self.class_name(object.ty).unwrap_or_default();
        let (address, _) = self.address(object);
        let (index, _) = self.rvalue(index);
        let pointer = self.types().pointer_to(element);
        let callee = Callee::Direct(Symbol::new(&format!("{class}::operator[]")));
        let (value, ty) = self.finish_call(callee, pointer, vec![address, index], true);
        self.operand_place(value, ty).then(Proj::Deref, element)
    }

    /// An operator of class objects is a call: `a << b` is `operator<<(a, b)`.
    pub(super) fn operator_call(&mut self, sign: &str, left: Typed, right: Option<Typed>) -> Typed {
        let result = match sign {
            "==" | "!=" | "<" | "<=" | ">" | ">=" => TypeTable::BOOL,
            "-ptr" => TypeTable::UNKNOWN,
            _ => left.1,
        };
        let mut args = vec![left.0];
        args.extend(right.map(|right| right.0));
        let callee = Callee::Direct(Symbol::new(&format!("operator{sign}")));
        self.finish_call(callee, result, args, true)
    }

    pub(super) fn overloads_assignment(&mut self, ty: TypeId, _from: TypeId) -> bool {
        if !self.is_class(ty) {
            return false;
        }
        if self.is_opaque_class(ty) {
            return true;
        }
        let Some(class) = self.class_name(ty) else { return false };
        self.lookup(Symbol::new(&format!("{class}::operator="))).is_some()
    }

    pub(super) fn assignment_operator(
        &mut self,
        op: Option<BinaryOp>,
        place: Lvalue,
        value: Typed,
    ) -> Lvalue {
        let sign = op.map_or("=".to_owned(), |op| format!("{}=", super::consts::ir_op(op).sign()));
        let class = self.class_name(place.ty).unwrap_or_default();
        let (address, _) = self.address(place.clone());
        let callee = Callee::Direct(Symbol::new(&format!("{class}::operator{sign}")));
        self.finish_call(callee, TypeTable::VOID, vec![address, value.0], false);
        place
    }

    fn constructor(&mut self, ty: TypeId) -> Option<Symbol> {
        let class = self.class_name(ty)?;
        let last = class.as_str().rsplit("::").next().unwrap_or_default();
        Some(Symbol::new(&format!("{class}::{last}")))
    }

    /// `T x;` of class type.
    pub(super) fn default_construct(&mut self, place: Lvalue) {
        let Some(constructor) = self.constructor(place.ty) else { return };
        if self.lookup(constructor).is_some() || self.is_opaque_class(place.ty) {
            let (address, _) = self.address(place);
            self.finish_call(Callee::Direct(constructor), TypeTable::VOID, vec![address], false);
        }
    }

    /// `T x(arguments)`
    pub(super) fn construct(&mut self, place: Lvalue, arguments: &[Expr]) {
        let arguments: Vec<&Expr> = arguments.iter().collect();
        self.construct_refs(place, &arguments);
    }

    pub(super) fn construct_refs(&mut self, place: Lvalue, arguments: &[&Expr]) {
        let Some(constructor) = self.constructor(place.ty) else {
            return self.construct_scalar(place, arguments.first().copied());
        };
        let (address, _) = self.address(place);
        let mut args = vec![address];
        for argument in arguments {
            args.push(self.rvalue(argument).0);
        }
        self.finish_call(Callee::Direct(constructor), TypeTable::VOID, args, false);
    }

    fn construct_scalar(&mut self, place: Lvalue, argument: Option<&Expr>) {
        let value = match argument {
            Some(argument) => {
                let (value, from) = self.rvalue(argument);
                self.convert(value, from, place.ty)
            }
            None => self.zero(place.ty),
        };
        self.b.store(place.place(), value);
    }

    /// `T x = value` where a conversion constructs the object.
    pub(super) fn constructs_from(&mut self, to: TypeId, from: TypeId) -> bool {
        to != from && self.is_class(to) && from != TypeTable::UNKNOWN
    }

    pub(super) fn construct_from(&mut self, place: Lvalue, (value, _): Typed) {
        let Some(constructor) = self.constructor(place.ty) else { return };
        let (address, _) = self.address(place);
        self.finish_call(Callee::Direct(constructor), TypeTable::VOID, vec![address, value], false);
    }

    /// The end of a local object's life.
    pub(super) fn destroy(&mut self, id: LocalId) {
        let ty = self.b.locals[id.index()].ty;
        if self.references.contains(&id) || self.class_record(ty).is_none() {
            return;
        }
        let Some(destructor) = self.destructor(ty) else { return };
        let (address, _) = self.address(Lvalue::local(id, ty));
        self.finish_call(Callee::Direct(destructor), TypeTable::VOID, vec![address], false);
    }

    fn destructor(&mut self, ty: TypeId) -> Option<Symbol> {
        let class = self.class_name(ty)?;
        let last = class.as_str().rsplit("::").next().unwrap_or_default();
        let name = Symbol::new(&format!("{class}::~{last}"));
        self.lookup(name).map(|_| name)
    }

    /// The class among `class` and its bases that declares a method.
    fn method_class(&mut self, class: Symbol, name: Symbol, depth: u32) -> Option<Symbol> {
        let qualified = Symbol::new(&format!("{class}::{name}"));
        if let Some(id) = self.lookup(qualified)
            && matches!(self.world.entries[id.0 as usize].kind, NameKind::Function { .. })
        {
            return Some(class);
        }
        if depth > 8 {
            return None;
        }
        let ty = class_type(self, class);
        let id = self.class_record(ty)?;
        super::types::ensure_defined(self, id);
        let bases = self.types().record(id)?.bases.clone();
        bases.into_iter().find_map(|base| self.method_class(base, name, depth + 1))
    }

    /// `object.method(arguments)`; `None` if the member is a field that holds a pointer.
    pub(super) fn method_call(
        &mut self,
        base: &Expr,
        name: Symbol,
        arrow: bool,
        arguments: &[Expr],
        wanted: bool,
    ) -> Option<Typed> {
        let base_ty = super::typing::type_of(self, base);
        let types = self.types();
        let object_ty = match types.get(base_ty) {
            Type::Pointer(to) => *to,
            _ => base_ty,
        };
        let class = self.class_name(object_ty)?;
        let through_pointer = arrow || types.is_pointer(base_ty) || self.is_reference(base);
        let declared = self.method_class(class, name, 0);
        if declared.is_none() && !self.is_class(object_ty) {
            return None;
        }
        let object = match (arrow, types.is_pointer(base_ty)) {
            (true, true) => self.rvalue(base).0,
            (true, false) => {
                let place = self.place(base);
                let place = self.deref_object(place);
                self.address(place).0
            }
            _ => {
                let place = self.place(base);
                match types.is_pointer(place.ty) {
                    true => Operand::Copy(place.place()),
                    false => self.address(place).0,
                }
            }
        };
        Some(self.call_method(declared.unwrap_or(class), name, object, arguments, wanted, through_pointer))
    }

    fn is_reference(&self, expr: &Expr) -> bool {
        let ExprKind::Ident(name) = &expr.kind else { return false };
        matches!(self.scopes.get(*name), Some(Binding::Local(id)) if self.references.contains(&id))
    }

    fn call_method(
        &mut self,
        class: Symbol,
        name: Symbol,
        object: Operand,
        arguments: &[Expr],
        wanted: bool,
        through_pointer: bool,
    ) -> Typed {
        let qualified = Symbol::new(&format!("{class}::{name}"));
        let ty = match self.lookup(qualified) {
            Some(id) => entry_type(self, id),
            None => TypeTable::UNKNOWN,
        };
        let ret = match self.types().get(ty) {
            Type::Function { ret, .. } => *ret,
            _ => TypeTable::UNKNOWN,
        };
        let mut args = Vec::with_capacity(arguments.len() + 1);
        if !self.world.static_methods.contains(&qualified) {
            args.push(object);
        }
        args.extend(self.arguments(Some(qualified), ty, arguments));
        let callee = match through_pointer && self.is_virtual(class, name) {
            true => Callee::Virtual(class, name),
            false => Callee::Direct(qualified),
        };
        self.finish_call(callee, ret, args, wanted)
    }

    fn is_virtual(&mut self, class: Symbol, name: Symbol) -> bool {
        self.world.virtuals.contains(&(class, name))
    }

    /// `method(arguments)` inside another method.
    pub(super) fn implicit_this_call(
        &mut self,
        name: Symbol,
        arguments: &[Expr],
        wanted: bool,
    ) -> Option<Typed> {
        let class = self.class?;
        if self.scopes.get(name).is_some() || name.as_str().contains("::") {
            return None;
        }
        let declared = self.method_class(class, name, 0)?;
        let object = match self.this() {
            Some(this) => Operand::Copy(this.place()),
            None => Operand::Const(Const::Int(0, self.types().pointer_to(TypeTable::VOID))),
        };
        Some(self.call_method(declared, name, object, arguments, wanted, true))
    }

    /// `: member(value), Base(arguments)`
    pub(super) fn constructor_inits(&mut self, def: &FunctionDef) {
        for (name, arguments, span) in &def.ctor_inits {
            self.b.span = *span;
            match self.implicit_member(*name) {
                Some(member) if arguments.is_empty() && self.class_record(member.ty).is_none() => {
                    self.construct_scalar(member, None);
                }
                Some(member) => self.construct(member, arguments),
                None => self.construct_base(*name, arguments),
            }
        }
    }

    fn construct_base(&mut self, base: Symbol, arguments: &[Expr]) {
        let Some(this) = self.this() else { return };
        let ty = class_type(self, base);
        let Some(constructor) = self.constructor(ty) else { return };
        let mut args = vec![Operand::Copy(this.place())];
        for argument in arguments {
            args.push(self.rvalue(argument).0);
        }
        self.finish_call(Callee::Direct(constructor), TypeTable::VOID, args, false);
    }

    pub(super) fn cpp_expression(&mut self, expr: &Expr) -> Typed {
        match &expr.kind {
            ExprKind::This => match self.this() {
                Some(this) => (Operand::Copy(this.place()), this.ty),
                None => self.unknown(),
            },
            ExprKind::New { ty, count, args, nothrow } => {
                let ty = type_name(self, ty);
                self.new_object(ty, count.as_deref(), args, *nothrow)
            }
            ExprKind::Delete { array, value } => self.delete(value, *array),
            ExprKind::Throw(value) => {
                let args = value.as_ref().map(|value| self.rvalue(value).0).into_iter().collect();
                let callee = Callee::Direct(Symbol::new("__throw"));
                self.b.emit(Op::Call { dst: None, callee, args });
                self.unreachable();
                (self.zero(TypeTable::I32), TypeTable::VOID)
            }
            ExprKind::Construct(ty, arguments) => {
                let ty = type_name(self, ty);
                self.temporary_object(ty, arguments)
            }
            ExprKind::Lambda(name) if !name.is_empty() => {
                (Operand::Const(Const::Func(*name)), TypeTable::UNKNOWN)
            }
            _ => self.unknown(),
        }
    }

    fn new_object(&mut self, ty: TypeId, count: Option<&Expr>, arguments: &[Expr], nothrow: bool) -> Typed {
        let size_ty = size_type(self.types());
        let size = match size_of(self, ty) {
            Some(size) => Operand::Const(Const::Int(size as i64, size_ty)),
            None => Operand::Const(Const::UnknownInt(size_ty)),
        };
        let bytes = match count {
            Some(count) => {
                let (count, from) = self.rvalue(count);
                let count = self.convert(count, from, size_ty);
                self.binary(BinOp::Mul, count, size, size_ty)
            }
            None => size,
        };
        let name = match (count.is_some(), nothrow) {
            (true, false) => "operator new[]",
            (false, false) => "operator new",
            (true, true) => "operator new[] nothrow",
            (false, true) => "operator new nothrow",
        };
        let pointer = self.types().pointer_to(ty);
        let void_pointer = self.types().pointer_to(TypeTable::VOID);
        let (raw, _) = self.finish_call(Callee::Direct(Symbol::new(name)), void_pointer, vec![bytes], true);
        let object = self.b.compute(pointer, Rvalue::Cast(pointer, raw));
        if count.is_none() {
            self.construct_new(object.clone(), ty, arguments);
        }
        (object, pointer)
    }

    fn construct_new(&mut self, object: Operand, ty: TypeId, arguments: &[Expr]) {
        let pointer = self.types().pointer_to(ty);
        let place = self.operand_place(object, pointer).then(Proj::Deref, ty);
        match self.class_record(ty) {
            Some(_) if arguments.is_empty() => self.default_construct(place),
            Some(_) => self.construct(place, arguments),
            None if arguments.is_empty() => {}
            None => self.construct_scalar(place, arguments.first()),
        }
    }

    fn delete(&mut self, value: &Expr, array: bool) -> Typed {
        let (pointer, ty) = self.rvalue(value);
        if let Some(to) = self.types().pointee(ty)
            && !array
            && let Some(destructor) = self.destructor(to)
        {
            self.finish_call(Callee::Direct(destructor), TypeTable::VOID, vec![pointer.clone()], false);
        }
        let name = if array { "operator delete[]" } else { "operator delete" };
        self.finish_call(Callee::Direct(Symbol::new(name)), TypeTable::VOID, vec![pointer], false)
    }

    /// `Class(arguments)`, which looks like a call.
    pub(super) fn object_of_class(&mut self, name: Symbol, arguments: &[Expr]) -> Option<Typed> {
        self.world.is_class_name(self.file, name).then(|| {
            let ty = class_type(self, name);
            self.temporary_object(ty, arguments)
        })
    }

    fn temporary_object(&mut self, ty: TypeId, arguments: &[Expr]) -> Typed {
        if self.class_record(ty).is_none() {
            let Some(argument) = arguments.first() else { return (self.zero(ty), ty) };
            let (value, from) = self.rvalue(argument);
            return match from {
                TypeTable::UNKNOWN => (self.b.compute(ty, Rvalue::Cast(ty, value)), ty),
                _ => (self.convert(value, from, ty), ty),
            };
        }
        let id = self.b.local(Symbol::new("<object>"), ty);
        self.b.emit(Op::Declare(id));
        self.construct(Lvalue::local(id, ty), arguments);
        (Operand::local(id), ty)
    }

    /// `for (T x : range)`: any number of rounds, each with an element.
    pub(super) fn range_for(&mut self, var: &VarDecl, range: &Expr, body: &Stmt) {
        self.scopes.push();
        let range_ty = super::typing::type_of(self, range);
        let place = self.place(range);
        let element = match self.types().get(range_ty) {
            Type::Array(of, _) => *of,
            Type::Record(id) => self.world.element_of(*id).unwrap_or(TypeTable::UNKNOWN),
            _ => TypeTable::UNKNOWN,
        };
        let (address, _) = self.address(place);
        let (head, inside, exit) = (self.b.block(), self.b.block(), self.b.block());
        self.b.fall_into(head);
        let callee = Callee::Direct(Symbol::new("__builtin_range_next"));
        let pointer = self.types().pointer_to(element);
        let (next, _) = self.finish_call(callee, pointer, vec![address], true);
        self.b.terminate(Terminator::Branch { cond: next.clone(), then: inside, other: exit });
        self.start_block(inside);
        self.range_variable(var, next, element);
        self.loop_body(body, exit, head);
        self.b.goto(head);
        self.start_block(exit);
        self.leave_scope(true);
    }

    fn range_variable(&mut self, var: &VarDecl, next: Operand, element: TypeId) {
        let base = super::types::resolve_base(self, &var.base);
        let Some(declarator) = var.declarators.first() else { return };
        let mut ty = super::types::resolve_in(self, base, &declarator.ty);
        let is_reference = matches!(declarator.ty, TypeExpr::Reference(_));
        if matches!(var.base, TypeExpr::TypeOf(None)) {
            ty = if is_reference { self.types().pointer_to(element) } else { element };
        }
        let id = self.b.local(declarator.name, ty);
        self.b.emit(Op::Declare(id));
        self.scopes.bind(declarator.name, Binding::Local(id));
        let value = match is_reference {
            true => {
                self.references.insert(id);
                next
            }
            false => {
                let pointer = self.types().pointer_to(element);
                Operand::Copy(self.operand_place(next, pointer).then(Proj::Deref, element).place())
            }
        };
        self.b.emit(Op::Assign { dst: Place::local(id), src: Rvalue::Use(value) });
    }

    /// Any statement of the body may throw; handlers start where the body does.
    pub(super) fn try_stmt(&mut self, body: &Block, handlers: &[(Option<VarDecl>, Block)]) {
        let end = self.b.block();
        let mut targets = Vec::new();
        for _ in handlers {
            let (handler, next) = (self.b.block(), self.b.block());
            let cond = Operand::Const(Const::UnknownInt(TypeTable::I32));
            self.b.terminate(Terminator::Branch { cond, then: handler, other: next });
            self.start_block(next);
            targets.push(handler);
        }
        self.block(body, true);
        self.b.goto(end);
        for ((variable, block), target) in handlers.iter().zip(targets) {
            self.start_block(target);
            self.scopes.push();
            if let Some(variable) = variable {
                self.declaration(variable);
            }
            self.block(block, true);
            self.leave_scope(true);
            self.b.goto(end);
        }
        self.start_block(end);
    }
}
