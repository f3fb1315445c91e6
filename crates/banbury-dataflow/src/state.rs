//! Abstract states: what is known on one set of paths to a point of a function.

use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use banbury_base::{Span, Symbol};
use banbury_ir::BinOp;

use crate::value::{Arena, Atom, AtomKind, MAX, MIN, NullOrigin, V};

/// What an object's bytes are where no cell says more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// As on entry of the function, or as statically initialised.
    Initial,
    Uninit,
    Zero,
    /// Something, since the epoch.
    Unknown(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// Not an object that is released.
    Static,
    /// Allocated here, still owned here.
    Owned {
        family: Symbol,
        span: Span,
    },
    /// Handed on: stored somewhere or given to code that may keep it.
    Escaped {
        family: Symbol,
    },
    Freed {
        family: Symbol,
        span: Span,
    },
    /// Went out of scope.
    Dead(Span),
    /// Freed on some of the merged paths.
    Maybe,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object {
    /// Bytes, where known.
    pub size: Option<V>,
    pub content: Content,
    pub life: Life,
    /// Taint of the contents.
    pub taint: u32,
    /// Elements before the first zero, where known.
    pub strlen: Option<V>,
    /// Bytes from the start that are known not to be zero.
    pub filled: Option<V>,
    /// Its address was given away: unknown code may change it.
    pub exposed: bool,
    /// Some element of it was set, at a place that is not known.
    pub touched: bool,
    /// It has one owner more than before: a release ends only one of the references.
    pub shared: bool,
    /// A member that was written as a whole.
    pub part: Option<Part>,
}

/// Bytes of an object that hold something since an epoch, of a taint of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    pub lo: i128,
    pub hi: i128,
    pub epoch: u32,
    pub taint: u32,
}

impl Default for Object {
    fn default() -> Self {
        Object {
            size: None,
            content: Content::Initial,
            life: Life::Static,
            taint: 0,
            strlen: None,
            filled: None,
            exposed: false,
            shared: false,
            touched: false,
            part: None,
        }
    }
}

/// One decision on the way, newest first.
#[derive(Debug)]
pub struct Trace {
    pub span: Span,
    /// The block that ended in it.
    pub block: u32,
    /// At the head of a loop, before its first round.
    pub enters: bool,
    pub taken: bool,
    pub cond: V,
    pub before: Option<Rc<Trace>>,
}

/// A list that copies of a state share until one of them changes it: most copies of a state
/// change little of it.
#[derive(Clone, Debug)]
pub struct Copied<T>(Rc<Vec<T>>);

impl<T> Default for Copied<T> {
    fn default() -> Self {
        Copied(Rc::default())
    }
}

impl<T> From<Vec<T>> for Copied<T> {
    fn from(list: Vec<T>) -> Self {
        Copied(Rc::new(list))
    }
}

impl<T> Deref for Copied<T> {
    type Target = Vec<T>;
    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Clone> DerefMut for Copied<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        Rc::make_mut(&mut self.0)
    }
}

impl<'c, T> IntoIterator for &'c Copied<T> {
    type Item = &'c T;
    type IntoIter = std::slice::Iter<'c, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'c, T: Clone> IntoIterator for &'c mut Copied<T> {
    type Item = &'c mut T;
    type IntoIter = std::slice::IterMut<'c, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: PartialEq> PartialEq for Copied<T> {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl<T: Clone> Copied<T> {
    /// Keeps what is wanted; nothing is copied if that is all.
    pub fn keep(&mut self, mut wanted: impl FnMut(&T) -> bool) {
        let Some(first) = self.iter().position(|x| !wanted(x)) else { return };
        let mut index = 0;
        self.retain(|x| {
            let kept = index < first || index > first && wanted(x);
            index += 1;
            kept
        });
    }
}

#[derive(Clone, Debug)]
pub struct State {
    /// Scalar locals, by [`banbury_ir::LocalId`].
    pub locals: Copied<V>,
    /// Cells of memory by address, sorted.
    pub cells: Copied<(V, V)>,
    /// Bounds of atoms that are tighter than by type, sorted.
    pub facts: Copied<(Atom, (i128, i128))>,
    /// Expressions known not to be positive.
    pub cons: Copied<V>,
    /// (expression, not this value)
    pub neq: Copied<(Atom, i128)>,
    pub objects: Copied<(Atom, Object)>,
    /// Number of the last event that may have changed memory everywhere.
    pub epoch: u32,
    pub trace: Option<Rc<Trace>>,
}

/// Cells kept; beyond that the oldest are forgotten.
const MAX_CELLS: usize = 160;
const MAX_OBJECTS: usize = 96;
const MAX_CONSTRAINTS: usize = 40;

impl State {
    pub fn new(locals: usize) -> State {
        State {
            locals: vec![V::UNINIT; locals].into(),
            cells: Copied::default(),
            facts: Copied::default(),
            cons: Copied::default(),
            neq: Copied::default(),
            objects: Copied::default(),
            epoch: 0,
            trace: None,
        }
    }

    // ---- cells and objects ----

    pub fn cell(&self, addr: V) -> Option<V> {
        self.cells.binary_search_by_key(&addr, |c| c.0).ok().map(|i| self.cells[i].1)
    }

    pub fn set_cell(&mut self, addr: V, value: V) {
        match self.cells.binary_search_by_key(&addr, |c| c.0) {
            Ok(i) if self.cells[i].1 == value => {}
            Ok(i) => self.cells[i].1 = value,
            Err(i) => self.cells.insert(i, (addr, value)),
        }
    }

    /// Forgets the oldest cells when there are too many. Their objects hold something unknown
    /// from then on.
    pub fn trim_cells(&mut self, arena: &mut Arena) {
        if self.objects.len() > MAX_OBJECTS {
            // What unknown pointers point to is the least worth remembering.
            self.objects.keep(|(atom, o)| {
                o.life != Life::Static
                    || o.taint != 0
                    || is_named(arena, *atom)
                    || matches!(arena.info(*atom).kind, AtomKind::Param(_) | AtomKind::Load(_, 0))
            });
        }
        if self.cells.len() <= MAX_CELLS {
            return;
        }
        let dropped: Vec<(V, V)> = self.cells.drain(..MAX_CELLS / 2).collect();
        let epoch = arena.next_number();
        let mut last = None;
        for (addr, _) in dropped {
            let base = arena.base(addr);
            if base != last {
                if let Some(base) = base {
                    self.object_mut(base).content = Content::Unknown(epoch);
                }
                last = base;
            }
        }
    }

    pub fn object(&self, atom: Atom) -> Option<&Object> {
        self.objects.binary_search_by_key(&atom, |o| o.0).ok().map(|i| &self.objects[i].1)
    }

    pub fn object_mut(&mut self, atom: Atom) -> &mut Object {
        let i = match self.objects.binary_search_by_key(&atom, |o| o.0) {
            Ok(i) => i,
            Err(i) => {
                self.objects.insert(i, (atom, Object::default()));
                i
            }
        };
        &mut self.objects[i].1
    }

    // ---- numbers ----

    pub fn bounds_of_atom(&self, arena: &Arena, atom: Atom) -> (i128, i128) {
        match self.facts.binary_search_by_key(&atom, |f| f.0) {
            Ok(i) => self.facts[i].1,
            Err(_) => {
                let info = arena.info(atom);
                (info.lo, info.hi)
            }
        }
    }

    pub fn set_bounds(&mut self, atom: Atom, bounds: (i128, i128)) {
        match self.facts.binary_search_by_key(&atom, |f| f.0) {
            Ok(i) if self.facts[i].1 == bounds => {}
            Ok(i) => self.facts[i].1 = bounds,
            Err(i) => self.facts.insert(i, (atom, bounds)),
        }
    }

    /// Smallest and largest value by the bounds of the atoms alone.
    pub fn bounds(&self, arena: &Arena, v: V) -> (i128, i128) {
        let lin = arena.lin(v);
        let (mut lo, mut hi) = (lin.k, lin.k);
        for &(atom, c) in &lin.terms {
            let (a, b) = self.bounds_of_atom(arena, atom);
            let c = i128::from(c);
            let (x, y) = if c >= 0 { (mul(a, c), mul(b, c)) } else { (mul(b, c), mul(a, c)) };
            lo = (lo + x).clamp(MIN, MAX);
            hi = (hi + y).clamp(MIN, MAX);
            if a <= MIN || b >= MAX {
                // An unbounded side stays unbounded whatever is added.
                if x <= MIN {
                    lo = MIN;
                }
                if y >= MAX {
                    hi = MAX;
                }
            }
        }
        (lo, hi)
    }

    /// The value, if only one is possible.
    pub fn constant(&self, arena: &Arena, v: V) -> Option<i128> {
        if let Some(k) = arena.constant(v) {
            return Some(k);
        }
        let (lo, hi) = self.bounds(arena, v);
        (lo == hi).then_some(lo)
    }

    /// Whether `v <= 0` follows.
    pub fn proves_le0(&self, arena: &mut Arena, v: V) -> bool {
        if self.bounds(arena, v).1 <= 0 {
            return true;
        }
        if arena.lin(v).terms.is_empty() {
            return false;
        }
        for i in 0..self.cons.len() {
            let c = self.cons[i];
            if !shares_atom(arena, v, c) {
                continue;
            }
            let rest = arena.sub(v, c);
            if self.bounds(arena, rest).1 <= 0 {
                return true;
            }
            for j in i..self.cons.len() {
                let d = self.cons[j];
                if shares_atom(arena, rest, d) {
                    let rest = arena.sub(rest, d);
                    if self.bounds(arena, rest).1 <= 0 {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Upper bound of an expression, by atoms and by one constraint.
    pub fn upper(&self, arena: &mut Arena, v: V) -> i128 {
        let mut best = self.bounds(arena, v).1;
        for i in 0..self.cons.len() {
            let c = self.cons[i];
            if shares_atom(arena, v, c) {
                let rest = arena.sub(v, c);
                best = best.min(self.bounds(arena, rest).1);
            }
        }
        best
    }

    /// Adds `v <= 0`; false if it cannot hold.
    pub fn assume_le0(&mut self, arena: &mut Arena, v: V) -> bool {
        let v = whole_units(arena, v);
        let (lo, hi) = self.bounds(arena, v);
        if lo > 0 {
            return false;
        }
        if hi <= 0 {
            return true;
        }
        let lin = arena.lin(v).clone();
        let positive = arena.scale(v, -1);
        let contradiction = arena.plus(positive, 1);
        if lin.terms.len() > 1 && self.proves_le0(arena, contradiction) {
            return false;
        }
        if lin.terms.len() > 1 && !self.cons.contains(&v) {
            if self.cons.len() >= MAX_CONSTRAINTS {
                self.cons.remove(0);
            }
            self.cons.push(v);
        }
        for (index, &(atom, c)) in lin.terms.iter().enumerate() {
            // c * atom <= -(rest), whose largest value is -(lower bound of the rest).
            let (a, b) = self.bounds_of_atom(arena, atom);
            let c128 = i128::from(c);
            let rest_lo = self.lower_without(arena, &lin, index);
            if rest_lo <= MIN {
                continue;
            }
            let limit = -rest_lo;
            let new = if c > 0 {
                (a, b.min(limit.div_euclid(c128)))
            } else {
                (a.max(-(limit.div_euclid(-c128))), b)
            };
            if new.0 > new.1 {
                return false;
            }
            if new != (a, b) {
                self.set_bounds(atom, new);
            }
        }
        true
    }

    /// Lower bound of the expression without its term at `skip`.
    fn lower_without(&self, arena: &Arena, lin: &crate::value::Lin, skip: usize) -> i128 {
        let mut lo = lin.k;
        for (index, &(atom, c)) in lin.terms.iter().enumerate() {
            if index == skip {
                continue;
            }
            let (a, b) = self.bounds_of_atom(arena, atom);
            let own = if c >= 0 { mul(a, i128::from(c)) } else { mul(b, i128::from(c)) };
            if own <= MIN {
                return MIN;
            }
            lo += own;
        }
        lo.max(MIN)
    }

    /// Adds `v == 0`.
    pub fn assume_zero(&mut self, arena: &mut Arena, v: V) -> bool {
        if let [(atom, c)] = arena.lin(v).terms.as_slice() {
            let (atom, c, k) = (*atom, i128::from(*c), arena.lin(v).k);
            if k % c != 0 {
                return false;
            }
            let value = -k / c;
            let (lo, hi) = self.bounds_of_atom(arena, atom);
            if value < lo || value > hi || self.neq.contains(&(atom, value)) {
                return false;
            }
            self.set_bounds(atom, (value, value));
            return true;
        }
        let negative = arena.scale(v, -1);
        self.assume_le0(arena, v) && self.assume_le0(arena, negative)
    }

    /// Adds `v != 0`.
    pub fn assume_nonzero(&mut self, arena: &mut Arena, v: V) -> bool {
        match arena.lin(v).terms.as_slice() {
            [] => arena.lin(v).k != 0,
            [(atom, c)] => {
                let (atom, c, k) = (*atom, i128::from(*c), arena.lin(v).k);
                if k % c != 0 {
                    return true;
                }
                let value = -k / c;
                let (lo, hi) = self.bounds_of_atom(arena, atom);
                if lo == value && hi == value {
                    return false;
                }
                if lo == value {
                    self.set_bounds(atom, (lo + 1, hi));
                } else if hi == value {
                    self.set_bounds(atom, (lo, hi - 1));
                } else if lo < value && value < hi && !self.neq.contains(&(atom, value)) {
                    if self.neq.len() < 24 {
                        self.neq.push((atom, value));
                    }
                }
                true
            }
            _ => {
                // A pointer plus an offset is null only if the pointer is; nothing else is kept.
                if let Some(base) = arena.base(v) {
                    let (lo, hi) = self.bounds_of_atom(arena, base);
                    if lo == 0 && hi > 0 && arena.lin(v).k == 0 {
                        self.set_bounds(base, (1, hi));
                    }
                }
                let (lo, hi) = self.bounds(arena, v);
                if lo == 0 && hi == 0 {
                    return false;
                }
                // Neither equal nor greater is less: `for (p = start; p != end; p++)`.
                let opposite = arena.scale(v, -1);
                for side in [v, opposite] {
                    if self.proves_le0(arena, side) {
                        let less = arena.plus(side, 1);
                        return self.assume_le0(arena, less);
                    }
                }
                true
            }
        }
    }

    /// Assumes that the condition value is (not) zero; false if that cannot be.
    pub fn assume(&mut self, arena: &mut Arena, cond: V, truth: bool) -> bool {
        if let Some(k) = arena.constant(cond) {
            return (k != 0) == truth;
        }
        if let Some(atom) = arena.as_atom(cond) {
            if let AtomKind::Cmp(op, a, b, unsigned) = arena.info(atom).kind {
                let (lo, hi) = self.bounds_of_atom(arena, atom);
                if (lo, hi) == (0, 0) && truth || (lo > 0) && !truth {
                    return false;
                }
                let value = i128::from(truth);
                self.set_bounds(atom, (value, value));
                let op = if truth { op } else { negate(op) };
                return self.assume_cmp(arena, op, a, b, unsigned);
            }
        }
        if truth { self.assume_nonzero(arena, cond) } else { self.assume_zero(arena, cond) }
    }

    pub fn assume_cmp(&mut self, arena: &mut Arena, op: BinOp, a: V, b: V, unsigned: bool) -> bool {
        if a == V::UNINIT || b == V::UNINIT {
            return true;
        }
        // A comparison inside a comparison: `(a < b) == 0`, `!!x`.
        if matches!(op, BinOp::Eq | BinOp::Ne) {
            for (x, y) in [(a, b), (b, a)] {
                if let (Some(k), Some(atom)) = (arena.constant(y), arena.as_atom(x)) {
                    if matches!(arena.info(atom).kind, AtomKind::Cmp(..)) && (k == 0 || k == 1) {
                        return self.assume(arena, x, (k == 1) == (op == BinOp::Eq));
                    }
                }
            }
        }
        let d = arena.sub(a, b);
        match op {
            BinOp::Eq => self.assume_zero(arena, d),
            BinOp::Ne => self.assume_nonzero(arena, d),
            BinOp::Lt | BinOp::Le => {
                let bound = if op == BinOp::Lt { arena.plus(d, 1) } else { d };
                if unsigned && arena.base(a).is_none() {
                    // The smaller side did not wrap below zero.
                    let negative = arena.scale(a, -1);
                    if !self.assume_le0(arena, negative) {
                        return true;
                    }
                }
                self.assume_le0(arena, bound)
            }
            BinOp::Gt => self.assume_cmp(arena, BinOp::Lt, b, a, unsigned),
            BinOp::Ge => self.assume_cmp(arena, BinOp::Le, b, a, unsigned),
            _ => true,
        }
    }

    /// Decides a comparison, if it can.
    pub fn decide(&self, arena: &mut Arena, op: BinOp, a: V, b: V) -> Option<bool> {
        if a == V::UNINIT || b == V::UNINIT {
            return None;
        }
        let d = arena.sub(a, b);
        let (lo, hi) = self.bounds(arena, d);
        match op {
            BinOp::Eq | BinOp::Ne => {
                let equal = if lo == 0 && hi == 0 {
                    true
                } else if lo > 0 || hi < 0 || self.distinct(arena, a, b, d) {
                    false
                } else {
                    return None;
                };
                Some(equal == (op == BinOp::Eq))
            }
            BinOp::Lt => {
                if hi < 0 {
                    return Some(true);
                }
                if lo >= 0 {
                    return Some(false);
                }
                let strict = arena.plus(d, 1);
                if self.proves_le0(arena, strict) {
                    return Some(true);
                }
                let reverse = arena.scale(d, -1);
                self.proves_le0(arena, reverse).then_some(false)
            }
            BinOp::Le => self.decide(arena, BinOp::Lt, b, a).map(|x| !x),
            BinOp::Gt => self.decide(arena, BinOp::Lt, b, a),
            BinOp::Ge => self.decide(arena, BinOp::Lt, a, b).map(|x| !x),
            _ => None,
        }
    }

    fn distinct(&self, arena: &Arena, a: V, b: V, d: V) -> bool {
        if let [(atom, c)] = arena.lin(d).terms.as_slice() {
            let (c, k) = (i128::from(*c), arena.lin(d).k);
            if k % c != 0 || self.neq.contains(&(*atom, -k / c)) {
                return true;
            }
        }
        // Addresses in two named objects are never equal.
        match (arena.base(a), arena.base(b)) {
            (Some(x), Some(y)) if x != y => is_named(arena, x) && is_named(arena, y),
            _ => false,
        }
    }

    pub fn maybe_null(&self, arena: &Arena, v: V) -> bool {
        self.bounds(arena, v).0 <= 0
    }

    /// Reason why the pointer may be null, if there is one worth telling.
    pub fn null_reason(&self, arena: &Arena, v: V) -> Option<(NullOrigin, Span, Atom)> {
        let atom = arena.as_atom(v).or_else(|| arena.base(v))?;
        let (lo, _) = self.bounds_of_atom(arena, atom);
        let (origin, span) = arena.info(atom).null?;
        (lo <= 0).then_some((origin, span, atom))
    }

    /// Whether what may fail failed in one of the two and did not in the other.
    pub fn differ_in_null(&self, other: &State, arena: &Arena) -> bool {
        let failed = |x: &State, y: &State| {
            x.facts.iter().any(|&(atom, bounds)| {
                bounds == (0, 0) && arena.info(atom).null.is_some() && y.bounds_of_atom(arena, atom).0 > 0
            })
        };
        failed(self, other) || failed(other, self)
    }

    /// Same environment: only the path facts differ.
    pub fn same_environment(&self, other: &State) -> bool {
        self.locals == other.locals && self.cells == other.cells && self.objects == other.objects
    }
}

/// Objects with an identity of their own, unlike what an unknown pointer points to.
pub fn is_named(arena: &Arena, atom: Atom) -> bool {
    matches!(
        arena.info(atom).kind,
        AtomKind::AddrLocal(_)
            | AtomKind::AddrGlobal(_)
            | AtomKind::AddrFunc(_)
            | AtomKind::AddrStr(..)
            | AtomKind::Alloc(..)
    )
}

/// `v <= 0` in units of `k`, where `v` is made of `n - n % k` and of multiples of `k`: what is
/// less than one unit above zero is none.
fn whole_units(arena: &mut Arena, v: V) -> V {
    let lin = arena.lin(v);
    let rest = lin.terms.iter().find_map(|&(atom, c)| match arena.info(atom).kind {
        AtomKind::Op(BinOp::Rem, of, by, _) if c.abs() == 1 => Some((atom, c, of, arena.constant(by)?)),
        _ => None,
    });
    let Some((atom, c, of, unit)) = rest.filter(|r| r.3 > 1) else { return v };
    let multiple = |t: &(Atom, i64)| t.0 == atom || i128::from(t.1) % unit == 0;
    let Some(n) = arena.as_atom(of).filter(|&n| lin.terms.contains(&(n, -c))) else { return v };
    if !lin.terms.iter().all(|t| t.0 == n || multiple(t)) {
        return v;
    }
    let up = (-lin.k).rem_euclid(unit);
    arena.plus(v, up)
}

fn shares_atom(arena: &Arena, a: V, b: V) -> bool {
    let (x, y) = (&arena.lin(a).terms, &arena.lin(b).terms);
    // Subtracting cancels only where the signs agree.
    x.iter().any(|&(p, c)| y.iter().any(|&(q, d)| p == q && (c > 0) == (d > 0)))
}

pub fn negate(op: BinOp) -> BinOp {
    match op {
        BinOp::Eq => BinOp::Ne,
        BinOp::Ne => BinOp::Eq,
        BinOp::Lt => BinOp::Ge,
        BinOp::Ge => BinOp::Lt,
        BinOp::Gt => BinOp::Le,
        BinOp::Le => BinOp::Gt,
        other => other,
    }
}

fn mul(a: i128, c: i128) -> i128 {
    if a <= MIN {
        return if c > 0 {
            MIN
        } else if c < 0 {
            MAX
        } else {
            0
        };
    }
    if a >= MAX {
        return if c > 0 {
            MAX
        } else if c < 0 {
            MIN
        } else {
            0
        };
    }
    a.saturating_mul(c).clamp(MIN, MAX)
}
