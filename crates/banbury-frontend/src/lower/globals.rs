//! Static initialisers: what a variable holds before anything runs.

use banbury_base::Symbol;
use banbury_ir::{Const, GlobalId, Init as IrInit, RecordKind, Type, TypeId, TypeTable};
use rayon::prelude::*;

use super::consts::{eval, type_name};
use super::init::array_length;
use super::types::{Env, FileEnv, entry_type, find_member, size_of};
use super::typing::type_of;
use super::world::{NameId, NameKind, World};
use crate::ast::{BinaryOp, Designator, Expr, ExprKind, Init, InitEntry, UnaryOp};

/// Longest range designator that is spelled out.
const MAX_RANGE: u64 = 1024;
const MAX_DEPTH: u32 = 100;

/// The types and initial values of all declared globals.
pub(crate) fn initialise_globals(world: &mut World<'_>) {
    let entries = world.global_entries();
    let shared: &World<'_> = world;
    let types: Vec<TypeId> = entries.par_iter().map(|entry| global_type(shared, *entry)).collect();
    for (global, ty) in world.globals.iter_mut().zip(&types) {
        global.ty = *ty;
    }
    let shared: &World<'_> = world;
    let inits: Vec<IrInit> = entries
        .par_iter()
        .zip(&types)
        .map(|(entry, ty)| entry.map_or(IrInit::Unknown, |entry| global_init(shared, entry, *ty)))
        .collect();
    for (global, init) in world.globals.iter_mut().zip(inits) {
        global.init = init;
    }
}

fn global_type(world: &World<'_>, entry: Option<NameId>) -> TypeId {
    let Some(id) = entry else { return TypeTable::UNKNOWN };
    let mut env = FileEnv::new(world, world.entries[id.0 as usize].file);
    let ty = entry_type(&mut env, id);
    let NameKind::Variable { declarator, .. } = &world.entries[id.0 as usize].kind else { return ty };
    match (world.types.get(ty), declarator.counting_init()) {
        (Type::Array(of, None), Some(init)) => match array_length(&mut env, init, *of) {
            Some(count) => world.types.array_of(*of, Some(count)),
            None => ty,
        },
        _ => ty,
    }
}

fn global_init(world: &World<'_>, id: NameId, ty: TypeId) -> IrInit {
    let entry = &world.entries[id.0 as usize];
    let NameKind::Variable { specs, declarator, .. } = &entry.kind else { return IrInit::Unknown };
    match &declarator.init {
        Some(init) => static_init(&mut FileEnv::new(world, entry.file), init, ty),
        None if specs.is_extern => IrInit::Unknown,
        None => IrInit::Zero,
    }
}

/// The value of an initialiser for an object of type `ty`. A `char` array initialised by a
/// string is [`Const::Str`].
pub(super) fn static_init<'w>(env: &mut impl Env<'w>, init: &Init, ty: TypeId) -> IrInit {
    if env.guard().depth > MAX_DEPTH {
        return IrInit::Unknown;
    }
    env.guard().depth += 1;
    let value = match init {
        Init::Expr(expr) => scalar(env, expr, ty),
        Init::Construct(..) => IrInit::Unknown,
        Init::List(entries, _) => list(env, entries, ty),
    };
    env.guard().depth -= 1;
    value
}

fn scalar<'w>(env: &mut impl Env<'w>, expr: &Expr, ty: TypeId) -> IrInit {
    let types = &env.world().types;
    match &expr.kind {
        ExprKind::Str { text, len, wide } => {
            return IrInit::Const(Const::Str { text: *text, len: *len, wide: *wide });
        }
        ExprKind::Float(value) if matches!(types.get(ty), Type::Float(_)) => {
            return IrInit::Const(Const::Float(*value, ty));
        }
        ExprKind::CompoundLiteral(literal, init) if type_name(env, literal) == ty => {
            return static_init(env, init, ty);
        }
        _ => {}
    }
    if let Some(value) = eval(env, expr) {
        return match types.get(ty) {
            Type::Int { .. } | Type::Bool | Type::Pointer(_) => {
                let (bits, ty) = super::consts::convert(types, value, ty);
                IrInit::Const(Const::Int(bits, ty))
            }
            Type::Float(_) => IrInit::Const(Const::Float(types.int_value(value.0, value.1) as f64, ty)),
            _ => IrInit::Const(Const::Int(value.0, value.1)),
        };
    }
    address_constant(env, expr).map_or(IrInit::Unknown, IrInit::Const)
}

/// `&x`, `array`, `function`, `&table[3].name`, with casts.
fn address_constant<'w>(env: &mut impl Env<'w>, expr: &Expr) -> Option<Const> {
    match &expr.kind {
        ExprKind::Cast(_, inner) => match &inner.kind {
            ExprKind::Str { text, len, wide } => Some(Const::Str { text: *text, len: *len, wide: *wide }),
            _ => address_constant(env, inner),
        },
        ExprKind::Unary(UnaryOp::AddrOf, place) => place_address(env, place).map(|(constant, _)| constant),
        ExprKind::Ident(_) | ExprKind::Index(..) | ExprKind::Member { .. } => {
            let (constant, ty) = place_address(env, expr)?;
            // Only what decays is an address without `&`.
            let decays = matches!(env.world().types.get(ty), Type::Array(..) | Type::Function { .. });
            decays.then_some(constant)
        }
        ExprKind::Binary(BinaryOp::Add, base, index) => {
            let constant = address_constant(env, base)?;
            let base = type_of(env, base);
            let element = env.world().types.pointee(base)?;
            let size = i64::try_from(size_of(env, element)?).ok()?;
            shift(constant, eval(env, index)?.0.checked_mul(size)?)
        }
        _ => None,
    }
}

fn shift(constant: Const, by: i64) -> Option<Const> {
    match constant {
        Const::GlobalAddr(id, offset) => Some(Const::GlobalAddr(id, offset.checked_add(by)?)),
        other => (by == 0).then_some(other),
    }
}

fn place_address<'w>(env: &mut impl Env<'w>, place: &Expr) -> Option<(Const, TypeId)> {
    match &place.kind {
        ExprKind::Ident(name) => named_address(env, *name),
        ExprKind::Index(base, index) => {
            let (constant, ty) = place_address(env, base)?;
            let element = env.world().types.pointee(ty)?;
            let size = i64::try_from(size_of(env, element)?).ok()?;
            let offset = eval(env, index)?.0.checked_mul(size)?;
            Some((shift(constant, offset)?, element))
        }
        ExprKind::Member { base, name, arrow: false } => {
            let (constant, ty) = place_address(env, base)?;
            let types = &env.world().types;
            let Type::Record(record) = types.get(ty) else { return None };
            let (path, field) = find_member(env, *record, *name, 0)?;
            let mut total = 0u64;
            for step in &path {
                total += types.record(step.record?)?.fields.get(step.index as usize)?.offset?;
            }
            Some((shift(constant, i64::try_from(total).ok()?)?, field.ty))
        }
        _ => None,
    }
}

fn named_address<'w>(env: &mut impl Env<'w>, name: Symbol) -> Option<(Const, TypeId)> {
    if let Some((id, ty)) = env.local_global(name) {
        return Some((Const::GlobalAddr(id, 0), ty));
    }
    let id = env.lookup(name)?;
    let ty = entry_type(env, id);
    let world = env.world();
    match &world.entries[id.0 as usize].kind {
        NameKind::Function { .. } => Some((Const::Func(name), ty)),
        NameKind::Variable { .. } if matches!(world.types.get(ty), Type::Function { .. }) => {
            Some((Const::Func(name), ty))
        }
        NameKind::Variable { .. } => {
            let global: GlobalId = world.global_of(env.file(), name, id)?;
            Some((Const::GlobalAddr(global, 0), ty))
        }
        _ => None,
    }
}

fn list<'w>(env: &mut impl Env<'w>, entries: &[InitEntry], ty: TypeId) -> IrInit {
    match env.world().types.get(ty) {
        Type::Array(of, _) => {
            if let [
                InitEntry {
                    designators,
                    value: Init::Expr(Expr { kind: ExprKind::Str { text, len, wide }, .. }),
                },
            ] = entries
                && designators.is_empty()
                && env.world().types.int_info(*of).is_some()
            {
                return IrInit::Const(Const::Str { text: *text, len: *len, wide: *wide });
            }
        }
        Type::Record(_) => {}
        _ => return entries.first().map_or(IrInit::Zero, |entry| static_init(env, &entry.value, ty)),
    }
    let mut next = 0;
    let mut out = Vec::new();
    fill(env, ty, entries, &mut next, true, &mut out);
    out.shrink_to_fit();
    IrInit::List(out)
}

fn fill<'w>(
    env: &mut impl Env<'w>,
    ty: TypeId,
    entries: &[InitEntry],
    next: &mut usize,
    braced: bool,
    out: &mut Vec<(u32, IrInit)>,
) {
    let mut position = 0u64;
    while let Some(entry) = entries.get(*next) {
        if let Some((first, rest)) = entry.designators.split_first() {
            if !braced {
                return;
            }
            *next += 1;
            position = designated(env, ty, first, rest, &entry.value, out).unwrap_or(position + 1);
            continue;
        }
        let Some(member) = member_at(env, ty, position) else {
            if !braced {
                return;
            }
            *next += 1;
            continue;
        };
        let value = member_value(env, member, entries, next);
        push(out, position, value);
        position += 1;
        if !braced && member_at(env, ty, position).is_none() {
            return;
        }
    }
}

fn member_value<'w>(
    env: &mut impl Env<'w>,
    member: TypeId,
    entries: &[InitEntry],
    next: &mut usize,
) -> IrInit {
    let entry = &entries[*next];
    if let Init::Expr(expr) = &entry.value
        && elides_braces(env, member, expr)
        && env.guard().depth < MAX_DEPTH
    {
        env.guard().depth += 1;
        let mut inner = Vec::new();
        let before = *next;
        fill(env, member, entries, next, false, &mut inner);
        // An empty member takes nothing; the entry must not be looked at forever.
        if *next == before {
            *next += 1;
        }
        env.guard().depth -= 1;
        return IrInit::List(inner);
    }
    *next += 1;
    static_init(env, &entry.value, member)
}

fn elides_braces<'w>(env: &mut impl Env<'w>, ty: TypeId, expr: &Expr) -> bool {
    match env.world().types.get(ty) {
        Type::Array(..) => !matches!(expr.kind, ExprKind::Str { .. }),
        Type::Record(_) => {
            let from = type_of(env, expr);
            !matches!(env.world().types.get(from), Type::Record(_) | Type::Unknown)
        }
        _ => false,
    }
}

fn push(out: &mut Vec<(u32, IrInit)>, position: u64, value: IrInit) {
    let Ok(position) = u32::try_from(position) else { return };
    match out.iter_mut().rev().take(64).find(|(at, _)| *at == position) {
        Some((_, IrInit::List(known))) if matches!(value, IrInit::List(_)) => {
            if let IrInit::List(more) = value {
                more.into_iter().for_each(|(at, value)| push(known, u64::from(at), value));
            }
        }
        Some(slot) => slot.1 = value,
        None => out.push((position, value)),
    }
}

fn member_at<'w>(env: &mut impl Env<'w>, ty: TypeId, position: u64) -> Option<TypeId> {
    let types = &env.world().types;
    match types.get(ty) {
        Type::Array(of, count) => count.is_none_or(|count| position < count).then_some(*of),
        Type::Record(id) => {
            super::types::ensure_defined(env, *id);
            let record = types.record(*id)?;
            if record.kind == RecordKind::Union && position > 0 {
                return None;
            }
            record.fields.get(usize::try_from(position).ok()?).map(|field| field.ty)
        }
        _ => None,
    }
}

/// Stores a designated value. Returns the position after it.
fn designated<'w>(
    env: &mut impl Env<'w>,
    ty: TypeId,
    first: &Designator,
    rest: &[Designator],
    value: &Init,
    out: &mut Vec<(u32, IrInit)>,
) -> Option<u64> {
    match first {
        Designator::Field(name) => {
            let Type::Record(record) = env.world().types.get(ty) else { return None };
            let (path, field) = find_member(env, *record, *name, 0)?;
            let mut value = nested_value(env, field.ty, rest, value);
            for step in path[1..].iter().rev() {
                value = IrInit::List(vec![(step.index, value)]);
            }
            push(out, u64::from(path[0].index), value);
            Some(u64::from(path[0].index) + 1)
        }
        Designator::Index(index) => {
            let index = u64::try_from(eval(env, index)?.0).ok()?;
            let element = env.world().types.pointee(ty)?;
            let value = nested_value(env, element, rest, value);
            push(out, index, value);
            Some(index.saturating_add(1))
        }
        Designator::Range(low, high) => {
            let low = u64::try_from(eval(env, low)?.0).ok()?;
            let high = u64::try_from(eval(env, high)?.0).ok()?;
            let element = env.world().types.pointee(ty)?;
            let value = nested_value(env, element, rest, value);
            for index in low..=high.min(low.saturating_add(MAX_RANGE)) {
                push(out, index, value.clone());
            }
            Some(high.saturating_add(1))
        }
    }
}

fn nested_value<'w>(env: &mut impl Env<'w>, ty: TypeId, rest: &[Designator], value: &Init) -> IrInit {
    let Some((first, rest)) = rest.split_first() else { return static_init(env, value, ty) };
    if env.guard().depth > MAX_DEPTH {
        return IrInit::Unknown;
    }
    env.guard().depth += 1;
    let mut inner = Vec::new();
    let done = designated(env, ty, first, rest, value, &mut inner);
    env.guard().depth -= 1;
    if done.is_some() { IrInit::List(inner) } else { IrInit::Unknown }
}
