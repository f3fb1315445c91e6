//! Constant expressions: array sizes, case labels, enum values, static initialisers.

use banbury_ir::{BinOp, Type, TypeId, TypeTable};

use super::init::array_length;
use super::types::{
    Env, LocalMeaning, at_entry, constant_value, entry_type, find_member, resolve, resolve_base, size_of,
};
use super::typing::type_of;
use super::world::{NameId, NameKind, is_plain};
use crate::ast::{BinaryOp, Designator, Expr, ExprKind, Init, TypeExpr, TypeName, UnaryOp};

/// A constant: its bits (see [`TypeTable::int_value`]) and type.
pub(crate) type Value = (i64, TypeId);

/// How deep an expression may nest before folding gives up.
const MAX_DEPTH: u32 = 200;

/// `bits` as a value of `ty`: cut to its width and extended by its signedness.
pub(crate) fn wrap(types: &TypeTable, bits: i64, ty: TypeId) -> i64 {
    let (width, signed) = match types.get(ty) {
        Type::Bool => return i64::from(bits != 0),
        Type::Int { bits, signed } => (*bits, *signed),
        Type::Pointer(_) => ((types.pointer_bytes * 8) as u16, false),
        _ => return bits,
    };
    match (width, signed) {
        (64.., _) => bits,
        (width, true) => (bits << (64 - width)) >> (64 - width),
        (width, false) => ((bits as u64) << (64 - width) >> (64 - width)) as i64,
    }
}

/// The type of an integer literal.
pub(crate) fn literal_type(types: &TypeTable, value: u64, unsigned: bool, longs: u8, based: bool) -> TypeId {
    let wide_long = types.pointer_bytes >= 8 || longs >= 2;
    let min_bits = if longs > 0 && wide_long { 64 } else { 32 };
    let fits = |bits: u32, signed: bool| match signed {
        true => value <= (u64::MAX >> (65 - bits)),
        false => bits == 64 || value <= (u64::MAX >> (64 - bits)),
    };
    let order = [
        (32, true, TypeTable::I32),
        (32, false, TypeTable::U32),
        (64, true, TypeTable::I64),
        (64, false, TypeTable::U64),
    ];
    let allowed = |signed: bool| if signed { !unsigned } else { unsigned || based };
    let found = order
        .into_iter()
        .find(|&(bits, signed, _)| bits >= min_bits && allowed(signed) && fits(bits, signed));
    found.map_or(TypeTable::U64, |(_, _, ty)| ty)
}

/// Integer promotion: what is narrower than `int` becomes `int`.
pub(crate) fn promote(types: &TypeTable, ty: TypeId) -> TypeId {
    match types.get(ty) {
        Type::Bool => TypeTable::I32,
        Type::Int { bits, .. } if *bits < 32 => TypeTable::I32,
        _ => ty,
    }
}

/// The common type of an arithmetic operation.
pub(crate) fn common_type(types: &TypeTable, a: TypeId, b: TypeId) -> TypeId {
    let rank = |ty: TypeId| match types.get(ty) {
        Type::Float(kind) => match kind {
            banbury_ir::FloatKind::F32 => Some(1),
            banbury_ir::FloatKind::F64 => Some(2),
            banbury_ir::FloatKind::Wide => Some(3),
        },
        _ => None,
    };
    match (rank(a), rank(b)) {
        (Some(x), Some(y)) => return if x >= y { a } else { b },
        (Some(_), None) => return a,
        (None, Some(_)) => return b,
        (None, None) => {}
    }
    let (a, b) = (promote(types, a), promote(types, b));
    match (types.int_info(a), types.int_info(b)) {
        (Some((x, _)), Some((y, _))) if x > y => a,
        (Some((x, _)), Some((y, _))) if y > x => b,
        (Some((_, signed)), Some(_)) => {
            if signed {
                b
            } else {
                a
            }
        }
        (Some(_), None) => b,
        _ => a,
    }
}

/// Converts a constant.
pub(crate) fn convert(types: &TypeTable, (bits, from): Value, to: TypeId) -> Value {
    match types.get(to) {
        Type::Bool | Type::Int { .. } | Type::Pointer(_) => (wrap(types, bits, to), to),
        _ => (bits, from),
    }
}

/// Folds `a op b` on constants of the operation's type `ty`. The result of a comparison is an
/// `int`. `None` for a division by zero and for what overflows a shift.
pub(crate) fn fold(types: &TypeTable, op: BinOp, a: i64, b: i64, ty: TypeId) -> Option<Value> {
    let (x, y) = (types.int_value(a, ty), types.int_value(b, ty));
    let truth = |t: bool| Some((i64::from(t), TypeTable::I32));
    let result = match op {
        BinOp::Add => x.checked_add(y)?,
        BinOp::Sub => x.checked_sub(y)?,
        BinOp::Mul => x.checked_mul(y)?,
        BinOp::Div => x.checked_div(y)?,
        BinOp::Rem => x.checked_rem(y)?,
        BinOp::And => x & y,
        BinOp::Or => x | y,
        BinOp::Xor => x ^ y,
        BinOp::Shl => x.checked_shl(u32::try_from(y).ok().filter(|y| *y < 64)?)?,
        BinOp::Shr => x.checked_shr(u32::try_from(y).ok().filter(|y| *y < 64)?)?,
        BinOp::Eq => return truth(x == y),
        BinOp::Ne => return truth(x != y),
        BinOp::Lt => return truth(x < y),
        BinOp::Le => return truth(x <= y),
        BinOp::Gt => return truth(x > y),
        BinOp::Ge => return truth(x >= y),
        BinOp::PtrDiff => return None,
    };
    Some((wrap(types, result as i64, ty), ty))
}

/// The IR's operator.
pub(crate) fn ir_op(op: BinaryOp) -> BinOp {
    match op {
        BinaryOp::Add => BinOp::Add,
        BinaryOp::Sub => BinOp::Sub,
        BinaryOp::Mul => BinOp::Mul,
        BinaryOp::Div => BinOp::Div,
        BinaryOp::Rem => BinOp::Rem,
        BinaryOp::And => BinOp::And,
        BinaryOp::Or => BinOp::Or,
        BinaryOp::Xor => BinOp::Xor,
        BinaryOp::Shl => BinOp::Shl,
        BinaryOp::Shr => BinOp::Shr,
        BinaryOp::Eq => BinOp::Eq,
        BinaryOp::Ne => BinOp::Ne,
        BinaryOp::Lt => BinOp::Lt,
        BinaryOp::Le => BinOp::Le,
        BinaryOp::Gt => BinOp::Gt,
        BinaryOp::Ge => BinOp::Ge,
    }
}

/// The value of a constant integer expression.
pub(crate) fn eval<'w>(env: &mut impl Env<'w>, expr: &Expr) -> Option<Value> {
    if env.guard().depth > MAX_DEPTH {
        return None;
    }
    env.guard().depth += 1;
    let value = eval_unguarded(env, expr);
    env.guard().depth -= 1;
    value
}

fn eval_unguarded<'w>(env: &mut impl Env<'w>, expr: &Expr) -> Option<Value> {
    let types = &env.world().types;
    match &expr.kind {
        ExprKind::Int { value, unsigned, longs, based } => {
            Some((*value as i64, literal_type(types, *value, *unsigned, *longs, *based)))
        }
        ExprKind::Char(value) => Some((*value, TypeTable::I32)),
        ExprKind::Ident(name) => named_constant(env, *name),
        ExprKind::Unary(op, inner) => eval_unary(env, *op, inner),
        ExprKind::Binary(op, left, right) => eval_binary(env, ir_op(*op), left, right),
        ExprKind::Logical { and, left, right } => {
            let left = eval(env, left)?.0 != 0;
            let result = match left == *and {
                true => eval(env, right)?.0 != 0,
                false => left,
            };
            Some((i64::from(result), TypeTable::I32))
        }
        ExprKind::Conditional(cond, then, other) => {
            let cond_value = eval(env, cond)?;
            match (cond_value.0 != 0, then) {
                (true, Some(then)) => eval(env, then),
                (true, None) => Some(cond_value),
                (false, _) => eval(env, other),
            }
        }
        ExprKind::Cast(to, inner) => {
            let to = resolve(env, &to.base, &to.ty);
            let value = eval(env, inner)?;
            types.int_info(to).or(types.is_pointer(to).then_some((0, false)))?;
            Some(convert(types, value, to))
        }
        ExprKind::SizeofType(ty) => {
            let ty = resolve(env, &ty.base, &ty.ty);
            size_value(env, ty)
        }
        ExprKind::SizeofExpr(inner) => {
            let ty = measured_type(env, inner);
            size_value(env, ty)
        }
        ExprKind::AlignofType(ty) => {
            let ty = resolve(env, &ty.base, &ty.ty);
            size_of(env, ty)?;
            Some((types.align_of(ty) as i64, size_type(types)))
        }
        ExprKind::Offsetof(ty, path) => offset_of(env, ty, path),
        ExprKind::Call(callee, arguments) => eval_builtin(env, callee, arguments),
        ExprKind::Generic(..) => None,
        _ => None,
    }
}

/// `size_t`
pub(crate) fn size_type(types: &TypeTable) -> TypeId {
    if types.pointer_bytes >= 8 { TypeTable::U64 } else { TypeTable::U32 }
}

/// `ptrdiff_t`
pub(crate) fn difference_type(types: &TypeTable) -> TypeId {
    if types.pointer_bytes >= 8 { TypeTable::I64 } else { TypeTable::I32 }
}

/// The type that `sizeof` measures: a table of the file has as many elements as its initialiser.
fn measured_type<'w>(env: &mut impl Env<'w>, expr: &Expr) -> TypeId {
    let ty = type_of(env, expr);
    let world = env.world();
    let (ExprKind::Ident(name), Type::Array(of, None)) = (&expr.kind, world.types.get(ty)) else { return ty };
    let entry = if env.local(*name).is_none() { env.lookup(*name) } else { None };
    let Some(id) = entry else { return ty };
    let NameKind::Variable { declarator, .. } = &world.entries[id.0 as usize].kind else { return ty };
    let Some(init) = declarator.counting_init() else { return ty };
    match at_entry(env, id, |env| array_length(env, init, *of)).flatten() {
        Some(count) => world.types.array_of(*of, Some(count)),
        None => ty,
    }
}

fn size_value<'w>(env: &mut impl Env<'w>, ty: TypeId) -> Option<Value> {
    let size = size_of(env, ty)?;
    Some((i64::try_from(size).ok()?, size_type(&env.world().types)))
}

fn eval_builtin<'w>(env: &mut impl Env<'w>, callee: &Expr, arguments: &[Expr]) -> Option<Value> {
    let ExprKind::Ident(name) = &callee.kind else { return None };
    match (name.as_str(), arguments) {
        ("__builtin_expect", [value, _]) => eval(env, value),
        ("__builtin_constant_p", [value]) => {
            let known = eval(env, value).is_some();
            Some((i64::from(known), TypeTable::I32))
        }
        ("__builtin_choose_expr", [cond, then, other]) => {
            let chosen = if eval(env, cond)?.0 != 0 { then } else { other };
            eval(env, chosen)
        }
        ("__builtin_bswap16" | "__builtin_bswap32" | "__builtin_bswap64", [value]) => {
            let (value, _) = eval(env, value)?;
            Some(match name.as_str() {
                "__builtin_bswap16" => (i64::from((value as u16).swap_bytes()), TypeTable::U16),
                "__builtin_bswap32" => (i64::from((value as u32).swap_bytes()), TypeTable::U32),
                _ => (value.swap_bytes(), TypeTable::U64),
            })
        }
        _ => None,
    }
}

fn named_constant<'w>(env: &mut impl Env<'w>, name: banbury_base::Symbol) -> Option<Value> {
    match env.local(name) {
        Some(LocalMeaning::Constant(value)) => return Some((value, constant_type(value))),
        Some(_) => return None,
        None => {}
    }
    if let Some(id) = env.lookup(name) {
        return entry_constant(env, id);
    }
    match name.as_str() {
        "true" => Some((1, TypeTable::I32)),
        "false" => Some((0, TypeTable::I32)),
        "NULL" | "nullptr" => Some((0, env.world().types.pointer_to(TypeTable::VOID))),
        _ => None,
    }
}

/// Enum constants have type `int` unless they do not fit.
pub(crate) fn constant_type(value: i64) -> TypeId {
    match value {
        v if i32::try_from(v).is_ok() => TypeTable::I32,
        v if u32::try_from(v).is_ok() => TypeTable::U32,
        _ => TypeTable::I64,
    }
}

/// The value of an enum constant, or of a `const` variable with a constant initialiser.
pub(crate) fn entry_constant<'w>(env: &mut impl Env<'w>, id: NameId) -> Option<Value> {
    let entry = &env.world().entries[id.0 as usize];
    match &entry.kind {
        NameKind::Constant { set, position } => {
            let value = constant_value(env, *set, *position)?;
            Some((value, constant_type(value)))
        }
        NameKind::Variable { .. } => variable_constant(env, id),
        _ => None,
    }
}

/// The value of a `const` integer with a constant initialiser, which stands in the file that
/// declares it.
fn variable_constant<'w>(env: &mut impl Env<'w>, id: NameId) -> Option<Value> {
    let world = env.world();
    let entry = &world.entries[id.0 as usize];
    let NameKind::Variable { specs, declarator, .. } = &entry.kind else { return None };
    let Some(Init::Expr(init)) = &declarator.init else { return None };
    if !specs.is_const || !is_plain(&declarator.ty) || matches!(declarator.ty, TypeExpr::Array(..)) {
        return None;
    }
    if let Some(value) = entry.constant.get() {
        return *value;
    }
    let ty = entry_type(env, id);
    world.types.int_info(ty)?;
    let value = at_entry(env, id, |env| eval(env, init)).flatten();
    let value = value.map(|value| convert(&world.types, value, ty));
    *entry.constant.get_or_init(|| value)
}

fn eval_unary<'w>(env: &mut impl Env<'w>, op: UnaryOp, inner: &Expr) -> Option<Value> {
    let types = &env.world().types;
    if op == UnaryOp::AddrOf {
        return address_constant(env, inner);
    }
    let (bits, ty) = eval(env, inner)?;
    let promoted = promote(types, ty);
    match op {
        UnaryOp::Plus => Some((bits, promoted)),
        UnaryOp::Minus => Some((wrap(types, bits.wrapping_neg(), promoted), promoted)),
        UnaryOp::BitNot => Some((wrap(types, !bits, promoted), promoted)),
        UnaryOp::Not => Some((i64::from(bits == 0), TypeTable::I32)),
        _ => None,
    }
}

/// `&((T *)0)->member`, the old way to write `offsetof`.
fn address_constant<'w>(env: &mut impl Env<'w>, place: &Expr) -> Option<Value> {
    let types = &env.world().types;
    let (offset, ty) = place_offset(env, place)?;
    Some((offset, types.pointer_to(ty)))
}

fn place_offset<'w>(env: &mut impl Env<'w>, place: &Expr) -> Option<Value> {
    let types = &env.world().types;
    match &place.kind {
        ExprKind::Member { base, name, arrow } => {
            let (offset, ty) = match arrow {
                true => {
                    let (address, pointer) = eval(env, base)?;
                    (address, types.pointee(pointer)?)
                }
                false => place_offset(env, base)?,
            };
            let Type::Record(record) = types.get(ty) else { return None };
            let (more, ty) = path_offset(env, *record, *name)?;
            Some((offset.checked_add(more)?, ty))
        }
        ExprKind::Index(base, index) => {
            let (offset, ty) = place_offset(env, base)?;
            let element = types.pointee(ty)?;
            let (index, _) = eval(env, index)?;
            let size = i64::try_from(size_of(env, element)?).ok()?;
            Some((offset.checked_add(index.checked_mul(size)?)?, element))
        }
        ExprKind::Unary(UnaryOp::Deref, inner) => {
            let (address, pointer) = eval(env, inner)?;
            Some((address, types.pointee(pointer)?))
        }
        _ => None,
    }
}

fn path_offset<'w>(
    env: &mut impl Env<'w>,
    record: banbury_ir::RecordId,
    name: banbury_base::Symbol,
) -> Option<Value> {
    let types = &env.world().types;
    let (path, field) = find_member(env, record, name, 0)?;
    let mut total = 0i64;
    for step in &path {
        let at = types.record(step.record?)?.fields.get(step.index as usize)?;
        total = total.checked_add(i64::try_from(at.offset?).ok()?)?;
    }
    Some((total, field.ty))
}

fn offset_of<'w>(env: &mut impl Env<'w>, ty: &TypeName, path: &[Designator]) -> Option<Value> {
    let types = &env.world().types;
    let mut ty = resolve(env, &ty.base, &ty.ty);
    let mut total = 0i64;
    for step in path {
        match step {
            Designator::Field(name) => {
                let Type::Record(record) = types.get(ty) else { return None };
                let (more, inner) = path_offset(env, *record, *name)?;
                total = total.checked_add(more)?;
                ty = inner;
            }
            Designator::Index(index) => {
                let element = types.pointee(ty)?;
                let size = i64::try_from(size_of(env, element)?).ok()?;
                total = total.checked_add(eval(env, index)?.0.checked_mul(size)?)?;
                ty = element;
            }
            Designator::Range(..) => return None,
        }
    }
    Some((total, size_type(types)))
}

fn eval_binary<'w>(env: &mut impl Env<'w>, op: BinOp, left: &Expr, right: &Expr) -> Option<Value> {
    let types = &env.world().types;
    // A chain of operators leans left; walking it costs no stack.
    let a = eval(env, left)?;
    let b = eval(env, right)?;
    let ty = match op {
        BinOp::Shl | BinOp::Shr => promote(types, a.1),
        _ if types.is_pointer(a.1) && op.is_comparison() => a.1,
        _ if types.is_pointer(a.1) || types.is_pointer(b.1) => return pointer_arithmetic(env, op, a, b),
        _ => common_type(types, a.1, b.1),
    };
    let b = if matches!(op, BinOp::Shl | BinOp::Shr) { b } else { convert(types, b, ty) };
    fold(types, op, convert(types, a, ty).0, b.0, ty)
}

fn pointer_arithmetic<'w>(env: &mut impl Env<'w>, op: BinOp, a: Value, b: Value) -> Option<Value> {
    let types = &env.world().types;
    if op == BinOp::Sub && types.is_pointer(a.1) && types.is_pointer(b.1) {
        let size = i64::try_from(size_of(env, types.pointee(a.1)?)?).ok()?;
        return Some((a.0.checked_sub(b.0)?.checked_div(size)?, difference_type(types)));
    }
    let (pointer, index) = if types.is_pointer(a.1) { (a, b) } else { (b, a) };
    let size = i64::try_from(size_of(env, types.pointee(pointer.1)?)?).ok()?;
    let offset = index.0.checked_mul(size)?;
    match op {
        BinOp::Add => Some((pointer.0.checked_add(offset)?, pointer.1)),
        BinOp::Sub => Some((pointer.0.checked_sub(offset)?, pointer.1)),
        _ => None,
    }
}

/// Whether `ty` names a type without looking at an expression.
pub(crate) fn type_name<'w>(env: &mut impl Env<'w>, ty: &TypeName) -> TypeId {
    match ty.ty {
        TypeExpr::Base => resolve_base(env, &ty.base),
        _ => resolve(env, &ty.base, &ty.ty),
    }
}
