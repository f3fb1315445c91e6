//! What callers must know of a function, free of the function's own arena.
//!
//! A summary is a handful of *exits* (what holds and what changed, by class of return value, so
//! that "non-zero means the out-parameter is unset" survives) and the *obligations* that the
//! function could not discharge itself because they depend on what its caller passes.

use std::sync::Arc;

use banbury_base::{PathStep, Span, Symbol};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::models::SinkKind;
use crate::portable::{features, text};
use crate::state::State;
use crate::value::{Arena, Atom, AtomInfo, AtomKind, Frozen, Lin, NullOrigin, Taint, Terms, V};

/// Self-contained result of analysing a function. Expressions index into `arena`.
pub struct Summary {
    pub arena: Frozen,
    pub exits: Vec<Exit>,
    /// All exits in one, for callers that do not look at the result.
    pub merged: Option<Exit>,
    pub obligations: Vec<Obligation>,
    /// No path returns.
    pub never_returns: bool,
    /// Ends the process abnormally on every path (`abort` and its wrappers).
    pub aborts: bool,
    /// Some path ends in a call that does not return.
    pub may_stop: bool,
    /// Was the function analysed to its end?
    pub complete: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Exit {
    pub ret: Option<V>,
    /// Why the result is null, if it is: the function found nothing, or had no memory.
    pub null: Option<NullOrigin>,
    /// Bounds of entry atoms on this exit.
    pub facts: Vec<(Atom, (i128, i128))>,
    pub cons: Vec<V>,
    pub neq: Vec<(Atom, i128)>,
    /// Address, value.
    pub writes: Vec<(V, V)>,
    /// Base address whose other contents are unknown afterwards.
    pub scrambled: Vec<V>,
    /// Base address, first byte and end of a member that was written, taint in `arena`.
    pub parts: Vec<(V, i128, i128, u32)>,
    /// Base address of which some element was set.
    pub touched: Vec<V>,
    /// Base address whose contents are untrusted afterwards, taint in `arena`.
    pub tainted: Vec<(V, u32)>,
    /// Base address, elements before the first zero, bytes that are not zero.
    pub strings: Vec<(V, Option<V>, Option<V>)>,
    /// Base address, family, place of the release.
    pub freed: Vec<(V, Symbol, Span)>,
    /// Base address of what is released on some paths.
    pub maybe_freed: Vec<V>,
    /// Kept by the callee: stored in memory that outlives the call.
    pub escaped: Vec<V>,
    /// Allocated by the callee and handed out: atom, size, family, zeroed, place.
    pub allocated: Vec<(Atom, Option<V>, Symbol, bool, Span)>,
}

/// What must hold on entry for a place in the function (or its callees) to be safe.
#[derive(Clone, Debug)]
pub struct Obligation {
    pub need: Need,
    pub guard_facts: Arc<[(Atom, (i128, i128))]>,
    pub guard_cons: Vec<V>,
    /// Values that these atoms do not have.
    pub guard_not: Arc<[(Atom, i128)]>,
    pub site: Site,
    /// Calls between this function and the site, outermost first.
    pub chain: Arc<[PathStep]>,
}

/// Lists of which many are equal, kept once: the needs of a function mostly come through the
/// same calls and under the same conditions.
pub struct Lists<T>(Vec<Arc<[T]>>);

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Lists(Vec::new())
    }
}

impl<T: PartialEq> Lists<T> {
    pub fn share(&mut self, list: Vec<T>) -> Arc<[T]> {
        if let Some(known) = self.0.iter().find(|known| ***known == *list) {
            return known.clone();
        }
        let list: Arc<[T]> = list.into();
        self.0.push(list.clone());
        list
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AccessKind {
    Read,
    Write,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub enum Need {
    /// `excess <= 0`: bytes beyond the end (or before the start, if `under`) of an object.
    Within {
        excess: V,
        kind: AccessKind,
        under: bool,
        index: bool,
    },
    NonNull(V),
    /// Not released before.
    Live(V),
    /// Set before it is read.
    Initialised(V),
    NonZero(V),
    /// An assertion on the value.
    Holds(V),
    /// Untrusted data must not get here; the flag says whether what it points to counts.
    Trusted(V, SinkKind, bool),
    /// Releasing this: it must be the start of memory of that family.
    Releasable(V, Symbol),
    /// A size or count that must have a bound.
    Bounded(V, SinkKind),
    /// Arithmetic that must fit: value, bits, signed, and whether it is a subtraction.
    Fits(V, u16, bool, bool),
    /// Conversion that must keep the value.
    Converts(V, u16, bool, bool),
}

impl Need {
    pub fn value(&self) -> V {
        match *self {
            Need::Within { excess: v, .. }
            | Need::NonNull(v)
            | Need::Live(v)
            | Need::Initialised(v)
            | Need::NonZero(v)
            | Need::Holds(v)
            | Need::Trusted(v, ..)
            | Need::Releasable(v, _)
            | Need::Bounded(v, _)
            | Need::Fits(v, ..)
            | Need::Converts(v, ..) => v,
        }
    }

    pub fn with_value(self, new: V) -> Need {
        let mut need = self;
        match &mut need {
            Need::Within { excess: v, .. }
            | Need::NonNull(v)
            | Need::Live(v)
            | Need::Initialised(v)
            | Need::NonZero(v)
            | Need::Holds(v)
            | Need::Trusted(v, ..)
            | Need::Releasable(v, _)
            | Need::Bounded(v, _)
            | Need::Fits(v, ..)
            | Need::Converts(v, ..) => *v = new,
        }
        need
    }
}

/// Where and what the needing place is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub span: Span,
    pub function: Symbol,
    pub in_macro: Symbol,
    /// What is accessed, for the sentence: a variable, field or callee.
    pub what: Symbol,
    /// Kind of object: "stack", "heap", "static" or "".
    #[serde(with = "text")]
    pub region: text::Text,
    /// Further facts for the weight.
    #[serde(with = "features")]
    pub features: Vec<(&'static str, f32)>,
}

/// Copies what a summary needs out of a function's arena.
pub struct Exporter<'a> {
    from: &'a Arena,
    pub to: Arena,
    atoms: FxHashMap<Atom, Atom>,
    taints: FxHashMap<u32, u32>,
}

impl<'a> Exporter<'a> {
    /// `to` is an arena without contents.
    pub fn new(from: &'a Arena, to: Arena) -> Self {
        Exporter { from, to, atoms: FxHashMap::default(), taints: FxHashMap::default() }
    }

    pub fn value(&mut self, v: V) -> V {
        let from = self.from;
        let lin = from.lin(v);
        let mut terms = Terms::new();
        for &(atom, c) in &lin.terms {
            if matches!(from.info(atom).kind, AtomKind::Sub(..)) {
                continue;
            }
            let atom = self.atom(atom);
            // Two that differ in marks only become one.
            match terms.binary_search_by_key(&atom, |t| t.0) {
                Ok(at) => terms[at].1 = terms[at].1.saturating_add(c),
                Err(at) => terms.insert(at, (atom, c)),
            }
        }
        terms.retain(|t| t.1 != 0);
        self.to.intern(Lin { k: lin.k, terms })
    }

    pub fn taint(&mut self, id: u32) -> u32 {
        if id == 0 {
            return 0;
        }
        if let Some(&done) = self.taints.get(&id) {
            return done;
        }
        let taint: Taint = self.from.taints[id as usize - 1].clone();
        let new = self.to.add_taint(taint);
        self.taints.insert(id, new);
        new
    }

    pub fn atom(&mut self, atom: Atom) -> Atom {
        if let Some(&done) = self.atoms.get(&atom) {
            return done;
        }
        let info: AtomInfo = self.from.info(atom).clone();
        let kind = match info.kind.clone() {
            AtomKind::Load(addr, 0) => AtomKind::Load(self.value(addr), 0),
            AtomKind::Extent(base) => AtomKind::Extent(self.atom(base)),
            AtomKind::Before(base) => AtomKind::Before(self.atom(base)),
            AtomKind::StrLen(addr, 0, width) => AtomKind::StrLen(self.value(addr), 0, width),
            AtomKind::Derived(v, behind, by) => AtomKind::Derived(self.value(v), behind, by),
            AtomKind::Op(op, a, b, bits) => AtomKind::Op(op, self.value(a), self.value(b), bits),
            AtomKind::Cmp(op, a, b, unsigned) => AtomKind::Cmp(op, self.value(a), self.value(b), unsigned),
            AtomKind::Wrap(v, bits, signed) => AtomKind::Wrap(self.value(v), bits, signed),
            kind @ (AtomKind::Param(_)
            | AtomKind::AddrGlobal(_)
            | AtomKind::AddrFunc(_)
            | AtomKind::AddrStr(..)
            | AtomKind::FieldOffset(_)
            | AtomKind::BitField(_)
            | AtomKind::Uninit) => kind,
            // The callee's own business: just some value.
            _ => AtomKind::Fresh(1_000_000 + atom.0),
        };
        let taint = self.taint(info.taint);
        let new = self.to.atom(kind, info.lo, info.hi);
        self.to.set_pointer(new, info.pointer);
        let target = self.to.info_mut(new);
        target.lo = info.lo;
        target.hi = info.hi;
        target.taint = taint;
        target.null = info.null;
        target.name = info.name;
        target.span = info.span;
        target.ty = info.ty;
        target.field = info.field;
        self.atoms.insert(atom, new);
        new
    }
}

/// Whether an expression depends only on what the caller provides (and constants).
pub fn is_entry(arena: &Arena, v: V) -> bool {
    entry(arena, v, &mut { STEPS })
}

pub fn is_entry_atom(arena: &Arena, atom: Atom) -> bool {
    entry_atom(arena, atom, &mut { STEPS })
}

/// Expressions share their parts (a hash of a hash of ...): walked as trees they may be
/// exponentially large, so that a walk ends after so many atoms with "no".
const STEPS: u32 = 1024;

fn entry(arena: &Arena, v: V, steps: &mut u32) -> bool {
    arena.lin(v).terms.iter().all(|&(atom, _)| entry_atom(arena, atom, steps))
}

fn entry_atom(arena: &Arena, atom: Atom, steps: &mut u32) -> bool {
    let Some(left) = steps.checked_sub(1) else { return false };
    *steps = left;
    match arena.info(atom).kind {
        AtomKind::Param(_)
        | AtomKind::AddrGlobal(_)
        | AtomKind::AddrFunc(_)
        | AtomKind::AddrStr(..)
        | AtomKind::FieldOffset(_)
        | AtomKind::BitField(_)
        | AtomKind::Sub(..) => true,
        AtomKind::Load(addr, 0) | AtomKind::StrLen(addr, 0, _) => entry(arena, addr, steps),
        AtomKind::Extent(base) | AtomKind::Before(base) => entry_atom(arena, base, steps),
        AtomKind::Op(_, a, b, _) | AtomKind::Cmp(_, a, b, _) => {
            entry(arena, a, steps) && entry(arena, b, steps)
        }
        AtomKind::Wrap(v, ..) | AtomKind::Derived(v, ..) => entry(arena, v, steps),
        _ => false,
    }
}

/// Whether the expression mentions something the caller decides.
pub fn mentions_entry(arena: &Arena, v: V) -> bool {
    mentions(arena, v, &mut { STEPS })
}

fn mentions(arena: &Arena, v: V, steps: &mut u32) -> bool {
    arena.lin(v).terms.iter().any(|&(atom, _)| {
        let Some(left) = steps.checked_sub(1) else { return false };
        *steps = left;
        match arena.info(atom).kind {
            AtomKind::Param(_)
            | AtomKind::Load(_, 0)
            | AtomKind::Extent(_)
            | AtomKind::Before(_)
            | AtomKind::StrLen(_, 0, _) => true,
            AtomKind::Op(_, a, b, _) | AtomKind::Cmp(_, a, b, _) => {
                mentions(arena, a, steps) || mentions(arena, b, steps)
            }
            AtomKind::Wrap(v, ..) | AtomKind::Derived(v, ..) => mentions(arena, v, steps),
            _ => false,
        }
    })
}

/// Whether the expression mentions a parameter, or memory that one leads to.
pub fn mentions_parameter(arena: &Arena, v: V) -> bool {
    from_parameter(arena, v, &mut { STEPS })
}

fn from_parameter(arena: &Arena, v: V, steps: &mut u32) -> bool {
    arena.lin(v).terms.iter().any(|&(atom, _)| atom_from_parameter(arena, atom, steps))
}

fn atom_from_parameter(arena: &Arena, atom: Atom, steps: &mut u32) -> bool {
    let Some(left) = steps.checked_sub(1) else { return true };
    *steps = left;
    match arena.info(atom).kind {
        AtomKind::Param(_) => true,
        AtomKind::Load(v, _) | AtomKind::StrLen(v, ..) | AtomKind::Wrap(v, ..) | AtomKind::Derived(v, ..) => {
            from_parameter(arena, v, steps)
        }
        AtomKind::Extent(base) | AtomKind::Before(base) => atom_from_parameter(arena, base, steps),
        AtomKind::Op(_, a, b, _) | AtomKind::Cmp(_, a, b, _) => {
            from_parameter(arena, a, steps) || from_parameter(arena, b, steps)
        }
        _ => false,
    }
}

/// The facts of a state that speak of entry values only, for guards and exits.
pub fn entry_facts(arena: &Arena, state: &State, limit: usize) -> Vec<(Atom, (i128, i128))> {
    state
        .facts
        .iter()
        .filter(|(atom, bounds)| {
            let info = arena.info(*atom);
            *bounds != (info.lo, info.hi) && is_entry_atom(arena, *atom)
        })
        .take(limit)
        .copied()
        .collect()
}

/// Values that entry values are known not to have.
pub fn entry_exceptions(arena: &Arena, state: &State, limit: usize) -> Vec<(Atom, i128)> {
    state.neq.iter().filter(|(atom, _)| is_entry_atom(arena, *atom)).take(limit).copied().collect()
}

pub fn entry_constraints(arena: &Arena, state: &State, limit: usize) -> Vec<V> {
    state.cons.iter().rev().copied().filter(|&c| is_entry(arena, c)).take(limit).collect()
}
