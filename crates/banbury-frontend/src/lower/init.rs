//! Initialisers of automatic variables.

use banbury_base::Symbol;
use banbury_ir::{Callee, Const, Index, LocalId, Op, Operand, Proj, Rvalue, Type, TypeId, TypeTable};

use super::Lowerer;
use super::consts::{eval, size_type, type_name, wrap};
use super::place::Lvalue;
use super::types::find_member;
use super::typing::{decay, type_of};
use crate::ast::{Designator, Expr, ExprKind, Init, InitEntry, TypeName};

/// Longest string that is written element by element.
const SHORT_STRING: u32 = 64;
/// Most elements that one range designator or list is spelled out for.
const MAX_RANGE: u64 = 64;

impl Lowerer<'_> {
    pub(super) fn initialise_local(&mut self, id: LocalId, ty: TypeId, init: Option<&Init>) {
        let place = Lvalue::local(id, ty);
        match init {
            Some(init) => self.initialise(place, init),
            None => self.default_construct(place),
        }
    }

    /// `place = init`
    pub(super) fn initialise(&mut self, place: Lvalue, init: &Init) {
        match init {
            Init::Expr(expr) => self.initialise_expr(place, expr),
            Init::Construct(arguments, _) => self.construct(place, arguments),
            Init::List(entries, _) => self.initialise_list(place, entries),
        }
    }

    fn initialise_expr(&mut self, place: Lvalue, expr: &Expr) {
        if let ExprKind::Str { text, len, wide } = &expr.kind
            && let Type::Array(of, count) = self.types().get(place.ty)
        {
            return self.initialise_string(place, *of, *count, (*text, *len, *wide));
        }
        if let ExprKind::CompoundLiteral(ty, init) = &expr.kind
            && type_name(self, ty) == place.ty
        {
            return self.initialise(place, init);
        }
        let (value, from) = self.rvalue(expr);
        if self.constructs_from(place.ty, from) {
            return self.construct_from(place, (value, from));
        }
        let value = self.convert(value, from, place.ty);
        self.b.store(place.place(), value);
    }

    fn initialise_string(
        &mut self,
        place: Lvalue,
        element: TypeId,
        count: Option<u64>,
        (text, len, wide): (Symbol, u32, bool),
    ) {
        let room = count.unwrap_or(u64::from(len) + 1);
        if u64::from(len) + 1 < room {
            self.b.emit(Op::Zero(place.place()));
        }
        let written = (u64::from(len) + 1).min(room);
        if len > SHORT_STRING {
            return self.copy_string(place, element, written, (text, len, wide));
        }
        let values: Vec<i64> = text.as_str().chars().map(|c| i64::from(u32::from(c))).collect();
        for index in 0..written {
            let bits = values.get(index as usize).copied().unwrap_or(0);
            let bits = wrap(self.types(), bits, element);
            let dst = place.clone().then(Proj::Elem(Index::Const(index as i64)), element);
            let src = Rvalue::Use(Operand::Const(Const::Int(bits, element)));
            self.b.emit(Op::Assign { dst: dst.place(), src });
        }
    }

    fn copy_string(
        &mut self,
        place: Lvalue,
        element: TypeId,
        count: u64,
        (text, len, wide): (Symbol, u32, bool),
    ) {
        let size = self.types().size_of(element).unwrap_or(1);
        let (address, _) = self.load(place);
        let bytes = Const::Int(count.saturating_mul(size) as i64, size_type(self.types()));
        let args = vec![address, Operand::Const(Const::Str { text, len, wide }), Operand::Const(bytes)];
        self.b.emit(Op::Call { dst: None, callee: Callee::Direct(Symbol::new("__builtin_memcpy")), args });
    }

    fn initialise_list(&mut self, place: Lvalue, entries: &[InitEntry]) {
        let types = self.types();
        match types.get(place.ty) {
            Type::Array(..) | Type::Record(_) if !self.is_opaque_class(place.ty) => {
                self.b.emit(Op::Zero(place.place()));
                let mut walk = ListWalk { entries, next: 0 };
                self.fill(&place, &mut walk, true);
            }
            Type::Record(_) => {
                let arguments: Vec<&Expr> = expressions(entries);
                self.construct_refs(place, &arguments);
            }
            // `int x = { 1 };`
            _ => match entries.first() {
                Some(entry) => self.initialise(place, &entry.value),
                None => {
                    let zero = self.zero(place.ty);
                    self.b.store(place.place(), zero);
                }
            },
        }
    }

    /// Fills an aggregate from a list; with `braced` the whole list is for it, else what it needs
    /// is taken from the front (brace elision).
    fn fill(&mut self, place: &Lvalue, walk: &mut ListWalk<'_>, braced: bool) {
        let mut position = 0u64;
        while let Some(entry) = walk.entries.get(walk.next) {
            if let Some((first, rest)) = entry.designators.split_first() {
                if !braced {
                    return;
                }
                walk.next += 1;
                position = self.designated(place, first, rest, &entry.value, position);
                continue;
            }
            let Some(member) = self.subobject(place, position) else {
                if !braced {
                    return;
                }
                walk.next += 1;
                continue;
            };
            position += 1;
            self.fill_member(member, entry, walk);
            if !braced && self.subobject(place, position).is_none() {
                return;
            }
        }
    }

    fn fill_member(&mut self, member: Lvalue, entry: &InitEntry, walk: &mut ListWalk<'_>) {
        let elided = self.nested(|this| match &entry.value {
            Init::Expr(expr) if this.needs_descent(member.ty, expr) => {
                this.fill(&member, walk, false);
                true
            }
            value => {
                walk.next += 1;
                this.initialise_member(member, value);
                true
            }
        });
        if elided.is_none() {
            walk.next = walk.entries.len();
        }
    }

    /// The aggregate around is zero already.
    fn initialise_member(&mut self, member: Lvalue, value: &Init) {
        match value {
            Init::List(entries, _) if self.is_aggregate(member.ty) => {
                let mut walk = ListWalk { entries, next: 0 };
                self.fill(&member, &mut walk, true);
            }
            Init::Expr(expr) if is_zero(expr) && !self.is_aggregate(member.ty) => {}
            value => self.initialise(member, value),
        }
    }

    fn is_aggregate(&self, ty: TypeId) -> bool {
        matches!(self.types().get(ty), Type::Array(..) | Type::Record(_)) && !self.is_opaque_class(ty)
    }

    /// An aggregate whose braces are left out takes several entries.
    fn needs_descent(&mut self, ty: TypeId, expr: &Expr) -> bool {
        match self.types().get(ty) {
            Type::Array(..) => !matches!(expr.kind, ExprKind::Str { .. }),
            Type::Record(_) if !self.is_opaque_class(ty) => {
                let from = type_of(self, expr);
                !matches!(self.types().get(from), Type::Record(_) | Type::Unknown)
            }
            _ => false,
        }
    }

    /// The member or element at a position in order.
    fn subobject(&mut self, place: &Lvalue, position: u64) -> Option<Lvalue> {
        let types = self.types();
        match types.get(place.ty) {
            Type::Array(of, count) => {
                let within = count.is_none_or(|count| position < count);
                within.then(|| place.clone().then(Proj::Elem(Index::Const(position as i64)), *of))
            }
            Type::Record(id) => {
                super::types::ensure_defined(self, *id);
                let record = types.record(*id)?;
                // A list without designators is for the first member of a union.
                if record.kind == banbury_ir::RecordKind::Union && position > 0 {
                    return None;
                }
                let field = record.fields.get(usize::try_from(position).ok()?)?;
                let step =
                    banbury_ir::FieldRef { name: field.name, record: Some(*id), index: position as u32 };
                Some(place.clone().then(Proj::Field(step), field.ty))
            }
            _ => None,
        }
    }

    /// `.a.b[1] = value`. Returns the position after it.
    fn designated(
        &mut self,
        place: &Lvalue,
        first: &Designator,
        rest: &[Designator],
        value: &Init,
        position: u64,
    ) -> u64 {
        match first {
            Designator::Field(name) => self.designated_field(place, *name, rest, value),
            Designator::Index(index) => {
                let index = eval(self, index).map_or(position, |(v, _)| v.max(0) as u64);
                self.designated_element(place, index, rest, value);
                index.saturating_add(1)
            }
            Designator::Range(low, high) => {
                let low = eval(self, low).map_or(0, |(v, _)| v.max(0) as u64);
                let high = eval(self, high).map_or(low, |(v, _)| v.max(0) as u64);
                if high.saturating_sub(low) >= MAX_RANGE {
                    self.opaque();
                } else {
                    (low..=high).for_each(|index| self.designated_element(place, index, rest, value));
                }
                high.saturating_add(1)
            }
        }
    }

    fn designated_element(&mut self, place: &Lvalue, index: u64, rest: &[Designator], value: &Init) {
        let of = self.types().pointee(place.ty).unwrap_or(TypeTable::UNKNOWN);
        let member = place.clone().then(Proj::Elem(Index::Const(index as i64)), of);
        self.designated_value(member, rest, value);
    }

    fn designated_field(&mut self, place: &Lvalue, name: Symbol, rest: &[Designator], value: &Init) -> u64 {
        let index = match self.types().get(place.ty) {
            Type::Record(id) => find_member(self, *id, name, 0).map_or(0, |(path, _)| path[0].index),
            _ => 0,
        };
        let member = self.field(place.clone(), name);
        self.designated_value(member, rest, value);
        u64::from(index) + 1
    }

    fn designated_value(&mut self, member: Lvalue, rest: &[Designator], value: &Init) {
        match rest.split_first() {
            Some((first, rest)) => {
                self.nested(|this| this.designated(&member, first, rest, value, 0));
            }
            None => self.initialise_member(member, value),
        }
    }

    /// `(T){ ... }`: a fresh local.
    pub(super) fn compound_literal(&mut self, ty: &TypeName, init: &Init) -> Lvalue {
        let mut ty = type_name(self, ty);
        if let Type::Array(of, None) = self.types().get(ty)
            && let Some(count) = self.initialiser_length(init, *of)
        {
            ty = self.types().array_of(*of, Some(count));
        }
        let id = self.b.local(Symbol::new("<literal>"), ty);
        self.b.emit(Op::Declare(id));
        let place = Lvalue::local(id, ty);
        self.initialise(place.clone(), init);
        place
    }

    /// The number of elements that an initialiser gives an array without a length.
    pub(super) fn initialiser_length(&mut self, init: &Init, element: TypeId) -> Option<u64> {
        array_length(self, init, element)
    }
}

/// See [`Lowerer::initialiser_length`].
pub(super) fn array_length<'w>(
    env: &mut impl super::types::Env<'w>,
    init: &Init,
    element: TypeId,
) -> Option<u64> {
    match init {
        Init::Expr(Expr { kind: ExprKind::Str { len, .. }, .. }) => Some(u64::from(*len) + 1),
        Init::Expr(Expr { kind: ExprKind::CompoundLiteral(_, init), .. }) => array_length(env, init, element),
        Init::List(entries, _) => list_length(env, entries, element),
        _ => None,
    }
}

fn list_length<'w>(
    env: &mut impl super::types::Env<'w>,
    entries: &[InitEntry],
    element: TypeId,
) -> Option<u64> {
    if let [InitEntry { value: value @ Init::Expr(Expr { kind: ExprKind::Str { .. }, .. }), designators }] =
        entries
        && designators.is_empty()
        && env.world().types.int_info(element).is_some()
    {
        return array_length(env, value, element);
    }
    let leaves = leaf_count(&env.world().types, element, 0).max(1);
    let (mut next, mut longest, mut pending) = (0u64, 0u64, 0u64);
    for entry in entries {
        match entry.designators.first() {
            Some(Designator::Index(index)) => {
                next = eval(env, index)?.0.max(0) as u64;
                pending = 0;
            }
            Some(Designator::Range(_, high)) => {
                next = eval(env, high)?.0.max(0) as u64;
                pending = 0;
            }
            _ => {}
        }
        let whole = leaves == 1 || !matches!(&entry.value, Init::Expr(e) if !fills(env, e, element));
        match whole {
            true => (next, pending) = (next.saturating_add(u64::from(pending > 0) + 1), 0),
            // Without inner braces several entries make one element.
            false => {
                pending += 1;
                if pending == leaves {
                    (next, pending) = (next.saturating_add(1), 0);
                }
            }
        }
        longest = longest.max(next.saturating_add(u64::from(pending > 0)));
    }
    Some(longest)
}

/// Whether one expression initialises a whole element.
fn fills<'w>(env: &mut impl super::types::Env<'w>, expr: &Expr, element: TypeId) -> bool {
    if matches!(expr.kind, ExprKind::Str { .. }) {
        let types = &env.world().types;
        return !matches!(types.get(element), Type::Record(_));
    }
    let ty = type_of(env, expr);
    let types = &env.world().types;
    decay(types, ty) == decay(types, element) || matches!(types.get(ty), Type::Record(_))
}

fn leaf_count(types: &TypeTable, ty: TypeId, depth: u32) -> u64 {
    match types.get(ty) {
        Type::Array(of, Some(count)) if depth < 16 => {
            leaf_count(types, *of, depth + 1).saturating_mul(*count)
        }
        Type::Record(id) if depth < 16 => types.record(*id).map_or(1, |r| match r.kind {
            banbury_ir::RecordKind::Union => {
                r.fields.first().map_or(1, |f| leaf_count(types, f.ty, depth + 1))
            }
            _ => r.fields.iter().fold(0u64, |sum, f| sum.saturating_add(leaf_count(types, f.ty, depth + 1))),
        }),
        _ => 1,
    }
}

struct ListWalk<'e> {
    entries: &'e [InitEntry],
    next: usize,
}

fn is_zero(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Int { value: 0, .. } => true,
        ExprKind::Ident(name) => matches!(name.as_str(), "NULL" | "false"),
        _ => false,
    }
}

fn expressions(entries: &[InitEntry]) -> Vec<&Expr> {
    entries
        .iter()
        .filter_map(|entry| match &entry.value {
            Init::Expr(expr) => Some(expr),
            _ => None,
        })
        .collect()
}
