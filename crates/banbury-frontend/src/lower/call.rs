//! Calls: whom, with which conversions, and whether they come back.

use banbury_base::Symbol;
use banbury_ir::{Callee, Const, FloatKind, Op, Operand, Place, Terminator, Type, TypeId, TypeTable};

use super::Lowerer;
use super::consts::{eval, promote, type_name};
use super::expr::Typed;
use super::place::{Named, has_effects};
use super::typing::callee_type;
use crate::ast::{Expr, ExprKind, TypeExpr, TypeName, UnaryOp};

impl Lowerer<'_> {
    /// `callee(arguments)`; the value is a temporary if `wanted`.
    pub(super) fn call(&mut self, callee: &Expr, arguments: &[Expr], wanted: bool) -> Typed {
        match &callee.kind {
            ExprKind::Ident(name) => self.call_name(*name, arguments, wanted),
            ExprKind::Unary(UnaryOp::Deref | UnaryOp::AddrOf, inner) if self.is_function(inner) => {
                self.call(inner, arguments, wanted)
            }
            ExprKind::Member { base, name, arrow } => {
                match self.method_call(base, *name, *arrow, arguments, wanted) {
                    Some(value) => value,
                    None => self.call_pointer(callee, arguments, wanted),
                }
            }
            _ => self.call_pointer(callee, arguments, wanted),
        }
    }

    fn is_function(&mut self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Ident(name) => matches!(self.named(*name), Named::Function(..)),
            _ => false,
        }
    }

    fn call_name(&mut self, name: Symbol, arguments: &[Expr], wanted: bool) -> Typed {
        // Looked up first: few calls are of a built-in, and the text of a name costs.
        if self.scopes.get(name).is_none()
            && self.is_builtin_name(name)
            && let Some(value) = self.builtin(name, arguments)
        {
            return value;
        }
        if let Some(value) = self.implicit_this_call(name, arguments, wanted) {
            return value;
        }
        match self.named(name) {
            Named::Place(place) => {
                let (pointer, ty) = self.load(place);
                let pointer =
                    if arguments.iter().any(has_effects) { self.settle(pointer, ty) } else { pointer };
                self.call_value(pointer, ty, arguments, wanted)
            }
            Named::Function(name, ty) => {
                let args = self.arguments(Some(name), ty, arguments);
                self.call_direct(name, ty, args, wanted)
            }
            _ => {
                if let Some(object) = self.object_of_class(name, arguments) {
                    return object;
                }
                let name = plain_builtin(name);
                let ty = self.function_type(name);
                let args = self.arguments(Some(name), ty, arguments);
                self.call_direct(name, ty, args, wanted)
            }
        }
    }

    /// The type of a function by name, if anything declares it.
    fn function_type(&mut self, name: Symbol) -> TypeId {
        match self.named(name) {
            Named::Function(_, ty) => ty,
            _ => TypeTable::UNKNOWN,
        }
    }

    fn call_pointer(&mut self, callee: &Expr, arguments: &[Expr], wanted: bool) -> Typed {
        let callee = match &callee.kind {
            // `(*fp)(...)`
            ExprKind::Unary(UnaryOp::Deref, inner) => inner,
            _ => callee,
        };
        let (pointer, ty) = self.rvalue(callee);
        let pointer = if arguments.iter().any(has_effects) { self.settle(pointer, ty) } else { pointer };
        self.call_value(pointer, ty, arguments, wanted)
    }

    fn call_value(&mut self, pointer: Operand, ty: TypeId, arguments: &[Expr], wanted: bool) -> Typed {
        if let Operand::Const(Const::Func(name)) = pointer {
            let args = self.arguments(Some(name), ty, arguments);
            return self.call_direct(name, ty, args, wanted);
        }
        if self.is_class(ty) {
            let mut args = vec![pointer];
            args.extend(self.arguments(None, TypeTable::UNKNOWN, arguments));
            let callee = Callee::Direct(Symbol::new("operator()"));
            return self.finish_call(callee, TypeTable::UNKNOWN, args, wanted);
        }
        let args = self.arguments(None, ty, arguments);
        let ret = self.return_type(ty);
        self.finish_call(Callee::Indirect(pointer), ret, args, wanted)
    }

    pub(super) fn call_direct(
        &mut self,
        name: Symbol,
        ty: TypeId,
        args: Vec<Operand>,
        wanted: bool,
    ) -> Typed {
        let ret = self.return_type(ty);
        let value = self.finish_call(Callee::Direct(name), ret, args, wanted);
        if self.world.is_noreturn(self.file, name) {
            self.unreachable();
        }
        value
    }

    fn return_type(&self, ty: TypeId) -> TypeId {
        let types = self.types();
        match callee_type(types, ty).map(|ty| types.get(ty)) {
            Some(Type::Function { ret, .. }) => *ret,
            _ => TypeTable::UNKNOWN,
        }
    }

    pub(super) fn finish_call(
        &mut self,
        callee: Callee,
        ret: TypeId,
        args: Vec<Operand>,
        wanted: bool,
    ) -> Typed {
        if !wanted || ret == TypeTable::VOID {
            self.b.emit(Op::Call { dst: None, callee, args });
            return (self.zero(TypeTable::I32), TypeTable::VOID);
        }
        let temp = self.b.temp(ret);
        self.b.emit(Op::Call { dst: Some(Place::local(temp)), callee, args });
        (Operand::local(temp), ret)
    }

    /// Arguments converted to the parameters' types, or promoted where there is no parameter.
    pub(super) fn arguments(&mut self, name: Option<Symbol>, ty: TypeId, arguments: &[Expr]) -> Vec<Operand> {
        let types = self.types();
        let params: &[TypeId] = match callee_type(types, ty).map(|ty| types.get(ty)) {
            Some(Type::Function { params, .. }) => params,
            _ => &[],
        };
        let references = name.map(|name| self.reference_parameters(name)).unwrap_or_default();
        let mut list = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            let by_reference = references.get(index).copied().unwrap_or(false);
            let (mut value, from) = match by_reference {
                true => self.address_of(argument),
                false => self.rvalue(argument),
            };
            let to = params.get(index).copied().unwrap_or_else(|| default_promotion(types, from));
            if !by_reference {
                value = self.convert(value, from, to);
            }
            if arguments[index + 1..].iter().any(has_effects) {
                value = self.settle(value, from);
            }
            list.push(value);
        }
        list
    }

    pub(super) fn is_builtin_name(&mut self, name: Symbol) -> bool {
        *self.builtins.entry(name).or_insert_with(|| {
            let text = name.as_str();
            text.starts_with("__builtin_") || text.starts_with("va_")
        })
    }

    /// Compiler built-ins that are no calls.
    fn builtin(&mut self, name: Symbol, arguments: &[Expr]) -> Option<Typed> {
        let text = name.as_str();
        match (text, arguments) {
            ("__builtin_expect" | "__builtin_expect_with_probability", [value, rest @ ..]) => {
                rest.iter().for_each(|e| self.effect_of_constant(e));
                Some(self.rvalue(value))
            }
            ("__builtin_constant_p", [value]) => {
                let known = eval(self, value).is_some();
                Some(self.constant((i64::from(known), TypeTable::I32)))
            }
            ("__builtin_choose_expr", [cond, then, other]) => {
                let first = eval(self, cond).is_none_or(|(value, _)| value != 0);
                Some(self.rvalue(if first { then } else { other }))
            }
            ("__builtin_assume_aligned", [value, ..]) => Some(self.rvalue(value)),
            ("__builtin_unreachable" | "__builtin_trap", _) => {
                let callee = Callee::Direct(name);
                self.b.emit(Op::Call { dst: None, callee, args: Vec::new() });
                self.b.terminate(Terminator::Unreachable);
                Some((self.zero(TypeTable::I32), TypeTable::VOID))
            }
            (
                "va_start" | "va_end" | "va_copy" | "__builtin_va_start" | "__builtin_va_end"
                | "__builtin_va_copy",
                _,
            ) => Some(self.va_call(text, arguments)),
            _ => None,
        }
    }

    fn effect_of_constant(&mut self, expr: &Expr) {
        if has_effects(expr) {
            self.effect(expr);
        }
    }

    /// `va_start(list, last)`: the list is changed in place.
    fn va_call(&mut self, text: &str, arguments: &[Expr]) -> Typed {
        let name = match text.starts_with("__builtin_") {
            true => Symbol::new(text),
            false => Symbol::new(&format!("__builtin_{text}")),
        };
        let mut args = Vec::new();
        for (index, argument) in arguments.iter().enumerate() {
            args.push(match index {
                0 => self.address_of(argument).0,
                _ => self.rvalue(argument).0,
            });
        }
        self.b.emit(Op::Call { dst: None, callee: Callee::Direct(name), args });
        (self.zero(TypeTable::I32), TypeTable::VOID)
    }

    pub(super) fn va_arg(&mut self, list: &Expr, ty: &TypeName) -> Typed {
        let ty = type_name(self, ty);
        let address = self.address_of(list).0;
        self.finish_call(Callee::Direct(Symbol::new("__builtin_va_arg")), ty, vec![address], true)
    }

    /// Which parameters of a function are C++ references.
    fn reference_parameters(&mut self, name: Symbol) -> Vec<bool> {
        use super::types::Env;
        let Some(id) = self.lookup(name) else { return Vec::new() };
        let super::world::NameKind::Function { ty: TypeExpr::Function { params, .. }, .. } =
            &self.world.entries[id.0 as usize].kind
        else {
            return Vec::new();
        };
        params.iter().map(|p| matches!(p.ty, TypeExpr::Reference(_))).collect()
    }
}

/// Small integers become `int`, `float` becomes `double`.
fn default_promotion(types: &TypeTable, ty: TypeId) -> TypeId {
    match types.get(ty) {
        Type::Float(FloatKind::F32) => TypeTable::F64,
        _ => promote(types, ty),
    }
}

/// `__builtin_memcpy` is `memcpy`.
fn plain_builtin(name: Symbol) -> Symbol {
    let Some(plain) = name.as_str().strip_prefix("__builtin_") else { return name };
    let known = [
        "memcpy",
        "memmove",
        "memset",
        "memcmp",
        "memchr",
        "strlen",
        "strcpy",
        "strncpy",
        "strcat",
        "strncat",
        "strcmp",
        "strncmp",
        "strchr",
        "strrchr",
        "strstr",
        "printf",
        "sprintf",
        "snprintf",
        "vsnprintf",
        "puts",
        "malloc",
        "calloc",
        "realloc",
        "free",
        "abort",
        "exit",
        "alloca",
        "abs",
        "labs",
    ];
    if known.contains(&plain) { Symbol::new(plain) } else { name }
}
