//! From types as written to types of the table.

use banbury_base::Symbol;
use banbury_ir::{Field, FloatKind, GlobalId, Record, RecordId, RecordKind, Type, TypeId, TypeTable};
use smallvec::SmallVec;

use super::consts::eval;
use super::layout::{Slot, lay_out};
use super::typing::type_of;
use super::world::{NameId, NameKind, Tag, World};
use crate::ast::{Builtin, EnumSpec, Expr, Member, Param, RecordSpec, TypeExpr, VarDecl};

/// How deep declarations may refer to each other before lookup gives up.
const MAX_DEPTH: u32 = 120;

/// What is being worked out at the moment, so that cycles end.
#[derive(Default)]
pub(crate) struct Guard {
    pub depth: u32,
    records: Vec<RecordId>,
    entries: Vec<NameId>,
    /// Values so far of enums in progress.
    enums: Vec<(u32, Vec<i64>)>,
}

/// What a name means inside a function.
#[derive(Clone, Copy)]
pub(crate) enum LocalMeaning {
    Type(TypeId),
    Constant(i64),
    Variable(TypeId),
}

/// Where a type or constant expression stands: a file, or a scope in a function of that file.
pub(crate) trait Env<'w> {
    fn world(&self) -> &'w World<'w>;
    fn file(&self) -> u32;
    fn guard(&mut self) -> &mut Guard;

    fn lookup(&mut self, name: Symbol) -> Option<NameId> {
        self.world().lookup(self.file(), name)
    }
    fn local(&mut self, _name: Symbol) -> Option<LocalMeaning> {
        None
    }
    fn local_tag(&mut self, _tag: Symbol) -> Option<TypeId> {
        None
    }
    fn bind_tag(&mut self, _tag: Symbol, _ty: TypeId) {}
    fn bind_constant(&mut self, _name: Symbol, _value: i64) {}
    /// A variable with static storage that a function declares.
    fn local_global(&mut self, _name: Symbol) -> Option<(GlobalId, TypeId)> {
        None
    }
    fn in_function(&self) -> bool {
        false
    }
    /// Class whose member function this is.
    fn class(&self) -> Option<Symbol> {
        None
    }
}

/// File scope.
pub(crate) struct FileEnv<'w> {
    pub world: &'w World<'w>,
    pub file: u32,
    pub guard: Guard,
}

impl<'w> FileEnv<'w> {
    pub fn new(world: &'w World<'w>, file: u32) -> Self {
        FileEnv { world, file, guard: Guard::default() }
    }
}

impl<'w> Env<'w> for FileEnv<'w> {
    fn world(&self) -> &'w World<'w> {
        self.world
    }
    fn file(&self) -> u32 {
        self.file
    }
    fn guard(&mut self) -> &mut Guard {
        &mut self.guard
    }
}

/// Runs `work` at the file scope of `file`, keeping the guard.
fn at_file<'w, R>(env: &mut impl Env<'w>, file: u32, work: impl FnOnce(&mut FileEnv<'w>) -> R) -> R {
    let guard = std::mem::take(env.guard());
    let mut inner = FileEnv { world: env.world(), file, guard };
    inner.guard.depth += 1;
    let result = work(&mut inner);
    inner.guard.depth -= 1;
    *env.guard() = inner.guard;
    result
}

/// Runs `work` in the file of an entry, unless the entry is being worked out already.
pub(crate) fn at_entry<'w, R>(
    env: &mut impl Env<'w>,
    id: NameId,
    work: impl FnOnce(&mut FileEnv<'w>) -> R,
) -> Option<R> {
    if env.guard().depth > MAX_DEPTH || env.guard().entries.contains(&id) {
        return None;
    }
    let file = env.world().entries[id.0 as usize].file;
    Some(at_file(env, file, |env| {
        env.guard.entries.push(id);
        let result = work(env);
        env.guard.entries.pop();
        result
    }))
}

/// The type of a declarator: `ty` with `base` in place of [`TypeExpr::Base`].
pub(crate) fn resolve<'w>(env: &mut impl Env<'w>, base: &TypeExpr, ty: &TypeExpr) -> TypeId {
    let base = match ty {
        TypeExpr::Base => return resolve_base(env, base),
        _ => match mentions_base(ty) {
            true => resolve_base(env, base),
            false => TypeTable::UNKNOWN,
        },
    };
    resolve_in(env, base, ty)
}

fn mentions_base(ty: &TypeExpr) -> bool {
    match ty {
        TypeExpr::Base => true,
        TypeExpr::Pointer(to) | TypeExpr::Reference(to) | TypeExpr::Array(to, _) => mentions_base(to),
        TypeExpr::Function { ret, .. } => mentions_base(ret),
        _ => false,
    }
}

pub(crate) fn resolve_base<'w>(env: &mut impl Env<'w>, base: &TypeExpr) -> TypeId {
    resolve_in(env, TypeTable::UNKNOWN, base)
}

/// The type of `ty`, in which [`TypeExpr::Base`] is `base`.
pub(crate) fn resolve_in<'w>(env: &mut impl Env<'w>, base: TypeId, ty: &TypeExpr) -> TypeId {
    if env.guard().depth > MAX_DEPTH {
        return TypeTable::UNKNOWN;
    }
    env.guard().depth += 1;
    let id = resolve_unguarded(env, base, ty);
    env.guard().depth -= 1;
    id
}

fn resolve_unguarded<'w>(env: &mut impl Env<'w>, base: TypeId, ty: &TypeExpr) -> TypeId {
    let types = &env.world().types;
    match ty {
        TypeExpr::Base => base,
        TypeExpr::Builtin(builtin) => builtin_type(types, *builtin),
        TypeExpr::Named(name) => named_type(env, *name),
        TypeExpr::Record(spec) => record_type(env, spec),
        TypeExpr::Enum(spec) => enum_type(env, spec),
        // A reference is a pointer that uses follow by themselves.
        TypeExpr::Pointer(to) | TypeExpr::Reference(to) => {
            let to = resolve_in(env, base, to);
            types.pointer_to(to)
        }
        TypeExpr::Array(of, count) => {
            let of = resolve_in(env, base, of);
            let count = count.as_ref().and_then(|count| constant_count(env, count));
            types.array_of(of, count)
        }
        TypeExpr::Function { ret, params, variadic } => {
            let ret = resolve_in(env, base, ret);
            function_type(env, ret, params, *variadic)
        }
        TypeExpr::TypeOf(Some(expr)) => type_of(env, expr),
        TypeExpr::Template(name, arguments) => template_type(env, *name, arguments),
        TypeExpr::TypeOf(None) | TypeExpr::Unknown => TypeTable::UNKNOWN,
    }
}

fn constant_count<'w>(env: &mut impl Env<'w>, count: &Expr) -> Option<u64> {
    let (value, ty) = eval(env, count)?;
    let value = env.world().types.int_value(value, ty);
    u64::try_from(value).ok()
}

fn function_type<'w>(env: &mut impl Env<'w>, ret: TypeId, params: &[Param], variadic: bool) -> TypeId {
    let types = &env.world().types;
    let mut list: SmallVec<[TypeId; 8]> = SmallVec::new();
    for param in params {
        let ty = parameter_type(env, param);
        list.push(ty);
    }
    // `f(void)` has no parameters; `f()` says nothing about them.
    let unspecified = params.is_empty();
    if let [only] = list.as_slice()
        && *only == TypeTable::VOID
    {
        list.clear();
    }
    let variadic = variadic || unspecified;
    types.intern(Type::Function { ret, params: list.into_vec().into_boxed_slice(), variadic })
}

/// Arrays and functions decay as parameters.
pub(crate) fn parameter_type<'w>(env: &mut impl Env<'w>, param: &Param) -> TypeId {
    let types = &env.world().types;
    let ty = resolve(env, &param.base, &param.ty);
    match types.get(ty) {
        Type::Array(of, _) => types.pointer_to(*of),
        Type::Function { .. } => types.pointer_to(ty),
        _ => ty,
    }
}

/// The type of a built-in name on this target.
pub(crate) fn builtin_type(types: &TypeTable, builtin: Builtin) -> TypeId {
    let wide = types.pointer_bytes >= 8;
    match builtin {
        Builtin::Void => TypeTable::VOID,
        Builtin::Bool => TypeTable::BOOL,
        Builtin::Char | Builtin::SChar => TypeTable::I8,
        Builtin::UChar => TypeTable::U8,
        Builtin::Short => TypeTable::I16,
        Builtin::UShort => TypeTable::U16,
        Builtin::Int | Builtin::WChar => TypeTable::I32,
        Builtin::UInt => TypeTable::U32,
        Builtin::Long if wide => TypeTable::I64,
        Builtin::ULong if wide => TypeTable::U64,
        Builtin::Long => TypeTable::I32,
        Builtin::ULong => TypeTable::U32,
        Builtin::LongLong => TypeTable::I64,
        Builtin::ULongLong => TypeTable::U64,
        Builtin::Int128 => types.intern(Type::Int { bits: 128, signed: true }),
        Builtin::UInt128 => types.intern(Type::Int { bits: 128, signed: false }),
        Builtin::Float => TypeTable::F32,
        Builtin::Double => TypeTable::F64,
        Builtin::LongDouble => types.intern(Type::Float(FloatKind::Wide)),
    }
}

fn named_type<'w>(env: &mut impl Env<'w>, name: Symbol) -> TypeId {
    if let Some(LocalMeaning::Type(ty)) = env.local(name) {
        return ty;
    }
    if let Some(ty) = env.local_tag(name) {
        return ty;
    }
    if let Some(id) = env.lookup(name)
        && matches!(env.world().entries[id.0 as usize].kind, NameKind::Typedef { .. })
    {
        return entry_type(env, id);
    }
    let world = env.world();
    let file = env.file();
    if let Some(tag) = world.lookup_tag(file, name) {
        return tag_type(env, tag);
    }
    match name.as_str().rsplit_once("::") {
        Some(("std", _)) | None if name.as_str().starts_with("std::") => {
            world.types.intern(Type::Record(world.opaque_record(name, RecordKind::Class, &[])))
        }
        Some((_, last)) => {
            let last = Symbol::new(last);
            match world.lookup(file, last) {
                Some(id) if matches!(world.entries[id.0 as usize].kind, NameKind::Typedef { .. }) => {
                    entry_type(env, id)
                }
                _ => world.lookup_tag(file, last).map_or(TypeTable::UNKNOWN, |tag| tag_type(env, tag)),
            }
        }
        None => TypeTable::UNKNOWN,
    }
}

fn tag_type<'w>(env: &mut impl Env<'w>, tag: Tag) -> TypeId {
    match tag {
        Tag::Record(id) => env.world().types.intern(Type::Record(id)),
        Tag::Enum(set) => enum_set_type(env, set),
    }
}

fn template_type<'w>(env: &mut impl Env<'w>, name: Symbol, arguments: &[TypeExpr]) -> TypeId {
    let mut resolved: SmallVec<[TypeId; 4]> = SmallVec::new();
    for argument in arguments {
        let ty = resolve_base(env, argument);
        resolved.push(ty);
    }
    let world = env.world();
    match world.lookup_tag(env.file(), name) {
        Some(tag) => tag_type(env, tag),
        None => world.types.intern(Type::Record(world.opaque_record(name, RecordKind::Class, &resolved))),
    }
}

/// The type of a name at file scope: of a typedef, variable, or function.
pub(crate) fn entry_type<'w>(env: &mut impl Env<'w>, id: NameId) -> TypeId {
    let entry = &env.world().entries[id.0 as usize];
    if let Some(&ty) = entry.ty.get() {
        return ty;
    }
    let ty = at_entry(env, id, |env| match &entry.kind {
        NameKind::Typedef { base, ty } => resolve(env, base, ty),
        NameKind::Variable { base, declarator, .. } => resolve(env, base, &declarator.ty),
        NameKind::Function { base: Some(base), ty, .. } => resolve(env, base, ty),
        NameKind::Function { base: None, ty, .. } => resolve_base(env, ty),
        NameKind::Constant { .. } => TypeTable::I32,
    });
    let Some(ty) = ty else { return TypeTable::UNKNOWN };
    *entry.ty.get_or_init(|| ty)
}

fn record_type<'w>(env: &mut impl Env<'w>, spec: &RecordSpec) -> TypeId {
    let world = env.world();
    if let Some(id) = world.record_of(spec) {
        return world.types.intern(Type::Record(id));
    }
    if spec.members.is_some() {
        return local_record(env, spec);
    }
    if let Some(ty) = env.local_tag(spec.tag) {
        return ty;
    }
    match world.lookup_tag(env.file(), spec.tag) {
        Some(Tag::Record(id)) => world.types.intern(Type::Record(id)),
        _ => world.types.intern(Type::Record(world.opaque_record(spec.tag, spec.kind, &[]))),
    }
}

/// A record that a function defines for itself.
fn local_record<'w>(env: &mut impl Env<'w>, spec: &RecordSpec) -> TypeId {
    let types = &env.world().types;
    let id = types.declare_record();
    let ty = types.intern(Type::Record(id));
    if !spec.tag.is_empty() {
        env.bind_tag(spec.tag, ty);
    }
    let record = build_record(env, spec, spec.tag);
    types.define_record(id, record);
    ty
}

fn enum_type<'w>(env: &mut impl Env<'w>, spec: &EnumSpec) -> TypeId {
    let world = env.world();
    if let Some(constants) = &spec.constants
        && (env.in_function() || world.lookup_tag(env.file(), spec.tag).is_none())
    {
        return local_enum(env, spec.tag, constants);
    }
    if let Some(ty) = env.local_tag(spec.tag) {
        return ty;
    }
    match world.lookup_tag(env.file(), spec.tag) {
        Some(Tag::Enum(set)) => enum_set_type(env, set),
        _ => TypeTable::U32,
    }
}

fn local_enum<'w>(env: &mut impl Env<'w>, tag: Symbol, constants: &[(Symbol, Option<Expr>)]) -> TypeId {
    let mut next = 0i64;
    let mut values = Vec::new();
    for (name, value) in constants {
        if let Some(expr) = value
            && let Some((value, _)) = eval(env, expr)
        {
            next = value;
        }
        env.bind_constant(*name, next);
        values.push(next);
        next = next.wrapping_add(1);
    }
    let ty = type_for_values(&values);
    if !tag.is_empty() {
        env.bind_tag(tag, ty);
    }
    ty
}

/// As GCC has it: unsigned unless a constant is negative, wider if one does not fit.
fn type_for_values(values: &[i64]) -> TypeId {
    let low = values.iter().min().copied().unwrap_or(0);
    let high = values.iter().max().copied().unwrap_or(0);
    match low < 0 {
        false if high <= i64::from(u32::MAX) => TypeTable::U32,
        false => TypeTable::U64,
        true if low >= i64::from(i32::MIN) && high <= i64::from(i32::MAX) => TypeTable::I32,
        true => TypeTable::I64,
    }
}

fn enum_set_type<'w>(env: &mut impl Env<'w>, set: u32) -> TypeId {
    match enum_values(env, set) {
        Some(values) => type_for_values(values),
        None => TypeTable::U32,
    }
}

/// The constants of an enum, or `None` while they are being worked out.
fn enum_values<'w>(env: &mut impl Env<'w>, set: u32) -> Option<&'w [i64]> {
    let entry = &env.world().enums[set as usize];
    if let Some(values) = entry.values.get() {
        return Some(values);
    }
    if env.guard().depth > MAX_DEPTH || env.guard().enums.iter().any(|(active, _)| *active == set) {
        return None;
    }
    let constants = entry.spec.constants.as_deref().unwrap_or_default();
    let values = at_file(env, entry.file, |env| {
        env.guard.enums.push((set, Vec::with_capacity(constants.len())));
        let mut next = 0i64;
        for (_, value) in constants {
            if let Some(expr) = value
                && let Some((value, _)) = eval(env, expr)
            {
                next = value;
            }
            if let Some((_, values)) = env.guard.enums.last_mut() {
                values.push(next);
            }
            next = next.wrapping_add(1);
        }
        env.guard.enums.pop().map(|(_, values)| values).unwrap_or_default()
    });
    Some(entry.values.get_or_init(|| values.into_boxed_slice()))
}

/// The value of an enum's constant.
pub(crate) fn constant_value<'w>(env: &mut impl Env<'w>, set: u32, position: u32) -> Option<i64> {
    if let Some((_, values)) = env.guard().enums.iter().find(|(active, _)| *active == set) {
        return values.get(position as usize).copied();
    }
    enum_values(env, set)?.get(position as usize).copied()
}

/// Completes the record of a file-scope definition, if it is not yet.
pub(crate) fn ensure_defined<'w>(env: &mut impl Env<'w>, id: RecordId) {
    let world = env.world();
    if world.types.record(id).is_some() || env.guard().records.contains(&id) {
        return;
    }
    if env.guard().depth > MAX_DEPTH {
        return;
    }
    let Some(entry) = world.records.get(id.0 as usize) else { return };
    let record = at_file(env, entry.file, |env| {
        env.guard.records.push(id);
        let record = build_record(env, entry.spec, entry.name);
        env.guard.records.pop();
        record
    });
    world.types.define_record(id, record);
}

/// The record that a type holds by value, whose size its own size depends on.
fn held_record(types: &TypeTable, mut ty: TypeId) -> Option<RecordId> {
    loop {
        match types.get(ty) {
            Type::Array(of, _) => ty = *of,
            Type::Record(id) => return Some(*id),
            _ => return None,
        }
    }
}

/// Size in bytes, once all that it depends on is complete.
pub(crate) fn size_of<'w>(env: &mut impl Env<'w>, ty: TypeId) -> Option<u64> {
    if let Some(id) = held_record(&env.world().types, ty) {
        ensure_defined(env, id);
    }
    env.world().types.size_of(ty)
}

fn build_record<'w>(env: &mut impl Env<'w>, spec: &RecordSpec, name: Symbol) -> Record {
    let mut slots: Vec<Slot> = Vec::new();
    base_slots(env, spec, &mut slots);
    for member in spec.members.as_deref().unwrap_or_default() {
        if let Member::Field(vars) = member
            && !vars.specs.is_static
            && !vars.specs.is_typedef
        {
            member_slots(env, vars, &mut slots);
        }
    }
    for slot in &slots {
        if let Some(id) = held_record(&env.world().types, slot.ty) {
            ensure_defined(env, id);
        }
    }
    let laid_out = lay_out(&env.world().types, spec.kind, spec.packed, &slots);
    Record {
        kind: spec.kind,
        name,
        span: spec.span,
        fields: laid_out.fields,
        bases: spec.bases.clone(),
        size: laid_out.size,
        align: laid_out.align,
    }
}

/// Base classes come first, as members without a name; a class with virtual functions and no
/// such base starts with the pointer to their table.
fn base_slots<'w>(env: &mut impl Env<'w>, spec: &RecordSpec, slots: &mut Vec<Slot>) {
    let world = env.world();
    for base in &spec.bases {
        let ty = named_type(env, *base);
        slots.push(Slot { name: Symbol::EMPTY, ty, bits: None, uncounted: false });
    }
    let is_virtual = |m: &Member| matches!(m, Member::Method { is_virtual: true, .. });
    if spec.bases.is_empty() && spec.members.as_deref().unwrap_or_default().iter().any(is_virtual) {
        let ty = world.types.pointer_to(TypeTable::VOID);
        slots.push(Slot { name: Symbol::new("__vptr"), ty, bits: None, uncounted: false });
    }
}

fn member_slots<'w>(env: &mut impl Env<'w>, vars: &VarDecl, slots: &mut Vec<Slot>) {
    let base = resolve_base(env, &vars.base);
    if vars.declarators.is_empty() {
        // An anonymous struct or union. A tagged one without a declarator declares no member.
        let anonymous = match &vars.base {
            TypeExpr::Record(spec) => spec.tag.is_empty() && spec.members.is_some(),
            _ => false,
        };
        if anonymous {
            slots.push(Slot { name: Symbol::EMPTY, ty: base, bits: None, uncounted: false });
        }
        return;
    }
    for declarator in &vars.declarators {
        let ty = resolve_in(env, base, &declarator.ty);
        let bits =
            declarator.bits.as_ref().map(|bits| eval(env, bits).map_or(1, |(v, _)| v.clamp(0, 128) as u16));
        let counted = matches!(declarator.ty, TypeExpr::Array(_, Some(_)));
        let uncounted = counted && matches!(env.world().types.get(ty), Type::Array(_, None));
        slots.push(Slot { name: declarator.name, ty, bits, uncounted });
    }
}

/// Path from a record to a member, through anonymous members, and the member's type.
pub(crate) fn find_member<'w>(
    env: &mut impl Env<'w>,
    record: RecordId,
    name: Symbol,
    depth: u32,
) -> Option<(SmallVec<[banbury_ir::FieldRef; 2]>, Field)> {
    ensure_defined(env, record);
    let types = &env.world().types;
    let fields = &types.record(record)?.fields;
    for (index, field) in fields.iter().enumerate() {
        if field.name == name {
            let step = banbury_ir::FieldRef { name, record: Some(record), index: index as u32 };
            return Some((SmallVec::from_slice(&[step]), field.clone()));
        }
    }
    if depth > 16 {
        return None;
    }
    for (index, field) in fields.iter().enumerate() {
        if !field.name.is_empty() {
            continue;
        }
        let Type::Record(inner) = types.get(field.ty) else { continue };
        if let Some((mut path, found)) = find_member(env, *inner, name, depth + 1) {
            let step = banbury_ir::FieldRef { name: field.name, record: Some(record), index: index as u32 };
            path.insert(0, step);
            return Some((path, found));
        }
    }
    None
}
