//! The type of an expression without lowering it, for `sizeof`, `typeof` and `_Generic`.

use banbury_base::Symbol;
use banbury_ir::{BinOp, Type, TypeId, TypeTable};

use super::consts::{
    common_type, constant_type, difference_type, entry_constant, eval, ir_op, literal_type, promote,
    size_type,
};
use super::types::{Env, LocalMeaning, entry_type, find_member, resolve};
use super::world::{NameId, NameKind};
use crate::ast::{BinaryOp, Expr, ExprKind, StmtKind, TypeName, UnaryOp};

const MAX_DEPTH: u32 = 200;

/// The type of `expr`; arrays and functions are not decayed.
pub(crate) fn type_of<'w>(env: &mut impl Env<'w>, expr: &Expr) -> TypeId {
    if env.guard().depth > MAX_DEPTH {
        return TypeTable::UNKNOWN;
    }
    env.guard().depth += 1;
    let ty = type_unguarded(env, expr);
    env.guard().depth -= 1;
    ty
}

fn type_unguarded<'w>(env: &mut impl Env<'w>, expr: &Expr) -> TypeId {
    let types = &env.world().types;
    match &expr.kind {
        ExprKind::Ident(name) => name_type(env, *name),
        ExprKind::Int { value, unsigned, longs, based } => {
            literal_type(types, *value, *unsigned, *longs, *based)
        }
        ExprKind::Float(_) => TypeTable::F64,
        ExprKind::Char(_) | ExprKind::Logical { .. } => TypeTable::I32,
        ExprKind::Str { len, wide, .. } => {
            let element = if *wide { TypeTable::I32 } else { TypeTable::I8 };
            types.array_of(element, Some(u64::from(*len) + 1))
        }
        ExprKind::Unary(op, inner) => unary_type(env, *op, inner),
        ExprKind::Binary(op, left, right) => binary_type(env, *op, left, right),
        ExprKind::Assign(_, left, _) => type_of(env, left),
        ExprKind::Conditional(cond, then, other) => {
            let then = type_of(env, then.as_deref().unwrap_or(cond));
            let other = type_of(env, other);
            conditional_type(types, then, other)
        }
        ExprKind::Call(callee, arguments) => call_type(env, callee, arguments),
        ExprKind::Index(base, index) => {
            let base = type_of(env, base);
            match types.pointee(base) {
                Some(element) => element,
                None => {
                    let index = type_of(env, index);
                    types.pointee(index).unwrap_or(TypeTable::UNKNOWN)
                }
            }
        }
        ExprKind::Member { base, name, arrow } => member_type(env, base, *name, *arrow),
        ExprKind::Cast(ty, _) | ExprKind::CompoundLiteral(ty, _) | ExprKind::Construct(ty, _) => {
            named(env, ty)
        }
        ExprKind::VaArg(_, ty) => named(env, ty),
        ExprKind::SizeofExpr(_)
        | ExprKind::SizeofType(_)
        | ExprKind::AlignofType(_)
        | ExprKind::Offsetof(..) => size_type(types),
        ExprKind::StmtExpr(block) => match block.stmts.last().map(|s| &s.kind) {
            Some(StmtKind::Expr(last)) => type_of(env, last),
            _ => TypeTable::VOID,
        },
        ExprKind::Comma(_, right) => type_of(env, right),
        ExprKind::Generic(value, choices) => {
            generic_choice(env, value, choices).map_or(TypeTable::UNKNOWN, |chosen| type_of(env, chosen))
        }
        ExprKind::LabelAddr(_) => types.pointer_to(TypeTable::VOID),
        ExprKind::This => match env.class() {
            Some(class) => {
                let class = class_type(env, class);
                types.pointer_to(class)
            }
            None => TypeTable::UNKNOWN,
        },
        ExprKind::New { ty, .. } => {
            let ty = named(env, ty);
            types.pointer_to(ty)
        }
        ExprKind::Delete { .. } | ExprKind::Throw(_) => TypeTable::VOID,
        ExprKind::Lambda(_) | ExprKind::Unknown(_) => TypeTable::UNKNOWN,
    }
}

/// The record of a class by name.
pub(crate) fn class_type<'w>(env: &mut impl Env<'w>, class: Symbol) -> TypeId {
    super::types::resolve_base(env, &crate::ast::TypeExpr::Named(class))
}

fn named<'w>(env: &mut impl Env<'w>, ty: &TypeName) -> TypeId {
    resolve(env, &ty.base, &ty.ty)
}

/// The branch of a `_Generic` whose type is that of the controlling expression.
pub(crate) fn generic_choice<'w, 'e>(
    env: &mut impl Env<'w>,
    value: &Expr,
    choices: &'e [(Option<TypeName>, Expr)],
) -> Option<&'e Expr> {
    let ty = type_of(env, value);
    let ty = decay(&env.world().types, ty);
    let mut default = None;
    for (choice, expr) in choices {
        match choice {
            None => default = Some(expr),
            Some(name) if named(env, name) == ty => return Some(expr),
            Some(_) => {}
        }
    }
    default
}

/// The type of a use of the value: arrays and functions become pointers.
pub(crate) fn decay(types: &TypeTable, ty: TypeId) -> TypeId {
    match types.get(ty) {
        Type::Array(of, _) => types.pointer_to(*of),
        Type::Function { .. } => types.pointer_to(ty),
        _ => ty,
    }
}

fn name_type<'w>(env: &mut impl Env<'w>, name: Symbol) -> TypeId {
    match env.local(name) {
        Some(LocalMeaning::Variable(ty) | LocalMeaning::Type(ty)) => return ty,
        Some(LocalMeaning::Constant(value)) => return constant_type(value),
        None => {}
    }
    let Some(id) = env.lookup(name) else { return TypeTable::UNKNOWN };
    match env.world().entries[id.0 as usize].kind {
        NameKind::Constant { .. } => entry_constant(env, id).map_or(TypeTable::I32, |(_, ty)| ty),
        NameKind::Typedef { .. } => TypeTable::UNKNOWN,
        NameKind::Function { .. } => entry_type(env, id),
        NameKind::Variable { .. } => variable_type(env, name, id),
    }
}

/// The type of a global; an array without a length has that of its definition.
fn variable_type<'w>(env: &mut impl Env<'w>, name: Symbol, id: NameId) -> TypeId {
    let ty = entry_type(env, id);
    let world = env.world();
    if !matches!(world.types.get(ty), Type::Array(_, None)) {
        return ty;
    }
    let known = world.global_of(env.file(), name, id).map(|global| world.globals[global.index()].ty);
    known.filter(|known| *known != TypeTable::UNKNOWN).unwrap_or(ty)
}

fn unary_type<'w>(env: &mut impl Env<'w>, op: UnaryOp, inner: &Expr) -> TypeId {
    let ty = type_of(env, inner);
    let types = &env.world().types;
    match op {
        UnaryOp::Not => TypeTable::I32,
        UnaryOp::AddrOf => types.pointer_to(ty),
        UnaryOp::Deref => match types.get(ty) {
            Type::Function { .. } => ty,
            _ => types.pointee(ty).unwrap_or(TypeTable::UNKNOWN),
        },
        UnaryOp::Plus | UnaryOp::Minus | UnaryOp::BitNot => promote(types, ty),
        _ => ty,
    }
}

fn binary_type<'w>(env: &mut impl Env<'w>, op: BinaryOp, left: &Expr, right: &Expr) -> TypeId {
    let left = type_of(env, left);
    let right = type_of(env, right);
    binary_result(&env.world().types, ir_op(op), left, right)
}

/// The type of `left op right`.
pub(crate) fn binary_result(types: &TypeTable, op: BinOp, left: TypeId, right: TypeId) -> TypeId {
    let (left, right) = (decay(types, left), decay(types, right));
    match op {
        _ if op.is_comparison() => TypeTable::I32,
        BinOp::Shl | BinOp::Shr => promote(types, left),
        BinOp::Sub if types.is_pointer(left) && types.is_pointer(right) => difference_type(types),
        _ if types.is_pointer(left) => left,
        _ if types.is_pointer(right) => right,
        _ => common_type(types, left, right),
    }
}

/// The type of `c ? then : other`.
pub(crate) fn conditional_type(types: &TypeTable, then: TypeId, other: TypeId) -> TypeId {
    let (then, other) = (decay(types, then), decay(types, other));
    let is_void_pointer = |ty: TypeId| types.pointee(ty) == Some(TypeTable::VOID);
    match (types.get(then), types.get(other)) {
        _ if then == other => then,
        (Type::Unknown, _) => other,
        (Type::Pointer(_), Type::Pointer(_)) if is_void_pointer(then) => other,
        (Type::Pointer(_), _) => then,
        (_, Type::Pointer(_)) => other,
        (Type::Record(_) | Type::Void, _) => then,
        _ => common_type(types, then, other),
    }
}

/// The function type that an expression of type `ty` calls.
pub(crate) fn callee_type(types: &TypeTable, ty: TypeId) -> Option<TypeId> {
    match types.get(ty) {
        Type::Function { .. } => Some(ty),
        Type::Pointer(to) if matches!(types.get(*to), Type::Function { .. }) => Some(*to),
        _ => None,
    }
}

fn call_type<'w>(env: &mut impl Env<'w>, callee: &Expr, arguments: &[Expr]) -> TypeId {
    if let ExprKind::Ident(name) = &callee.kind {
        match (name.as_str(), arguments) {
            ("__builtin_expect", [value, _]) => return type_of(env, value),
            ("__builtin_choose_expr", [cond, then, other]) => {
                let first = eval(env, cond).is_none_or(|(value, _)| value != 0);
                return type_of(env, if first { then } else { other });
            }
            _ if env.world().is_class_name(env.file(), *name) => return class_type(env, *name),
            _ => {}
        }
    }
    let ty = type_of(env, callee);
    let types = &env.world().types;
    match callee_type(types, ty).map(|ty| types.get(ty)) {
        Some(Type::Function { ret, .. }) => *ret,
        _ => TypeTable::UNKNOWN,
    }
}

fn member_type<'w>(env: &mut impl Env<'w>, base: &Expr, name: Symbol, arrow: bool) -> TypeId {
    let base = type_of(env, base);
    let types = &env.world().types;
    // A reference or a smart pointer is followed without an arrow.
    let record = match (types.get(base), arrow) {
        (Type::Pointer(to), _) => *to,
        (Type::Array(of, _), true) => *of,
        _ => base,
    };
    let Type::Record(record) = types.get(record) else { return TypeTable::UNKNOWN };
    find_member(env, *record, name, 0).map_or(TypeTable::UNKNOWN, |(_, field)| field.ty)
}
