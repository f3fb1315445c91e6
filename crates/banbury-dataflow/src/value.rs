//! Values of one function's analysis.
//!
//! Every scalar, and every address, is a linear expression over *atoms*: integers the analysis
//! cannot look into (a parameter, what a load gave, the address of an object, the result of a
//! multiplication of two unknowns). Expressions are interned, so equality is an integer compare.
//! A pointer is an expression with exactly one address atom of coefficient one, its *base*; the
//! rest is the offset in bytes. That makes `p < end`, `len - (p - start)` and `buf + off + n`
//! ordinary arithmetic, and a bounds check is a proof that one expression is not positive.

use std::hash::{Hash, Hasher};

use banbury_base::{PathStep, Span, Symbol};
use banbury_ir::{BinOp, GlobalId, LocalId, TypeId};
use hashbrown::HashTable;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::models::SourceKind;
use crate::portable::bound;

/// An interned linear expression.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct V(pub u32);

impl V {
    pub const ZERO: V = V(0);
    pub const ONE: V = V(1);
    /// The indeterminate value of a variable that was not assigned.
    pub const UNINIT: V = V(2);
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Atom(pub u32);

pub type Terms = SmallVec<[(Atom, i64); 2]>;

/// `k + sum of coefficient * atom`, atoms ascending, no zero coefficient.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lin {
    pub k: i128,
    pub terms: Terms,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum AtomKind {
    Uninit,
    /// Value of a parameter on entry.
    Param(u32),
    /// What was in memory at the address; epoch 0 is function entry.
    Load(V, u32),
    AddrLocal(LocalId),
    AddrGlobal(GlobalId),
    AddrFunc(Symbol),
    /// A string literal (text, bytes per element).
    AddrStr(Symbol, u8),
    /// Memory allocated at a call (site number, instance).
    Alloc(u32, u32),
    /// Bytes from the base address to the end of its object.
    Extent(Atom),
    /// Bytes from the start of the object to the base address.
    Before(Atom),
    /// Elements before the first zero at the address, in an epoch (bytes per element).
    StrLen(V, u32, u8),
    /// Result of an operation that is not linear.
    Op(BinOp, V, V, u16),
    /// What a library function makes of the value or, if the flag is set, of what it points to
    /// (number of the function).
    Derived(V, bool, u32),
    /// Comparison: 1 if it holds.
    Cmp(BinOp, V, V, bool),
    /// Value forced into an integer type.
    Wrap(V, u16, bool),
    /// Offset of a field whose record is not known.
    FieldOffset(Symbol),
    /// Zero; tells the bit-fields that share a byte apart.
    BitField(Symbol),
    /// Zero; marks an address as that of an array inside an object: (start, bytes).
    Sub(V, u64),
    /// Merge of several values at a block (block, slot key, visit).
    Phi(u32, u64, u32),
    /// Anything else, numbered.
    Fresh(u32),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NullOrigin {
    /// An allocator that can fail.
    Allocation,
    /// A function that returns null when it finds nothing.
    Lookup,
    /// A null constant that reaches here on some path.
    Assigned,
    /// An optional member of a received message.
    Optional,
}

/// Whether an atom counts the rounds of a loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Counter {
    No,
    /// By the first round.
    Likely,
    /// A second round added the same.
    Steady,
    /// Grows by amounts that differ.
    Grows,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtomInfo {
    pub kind: AtomKind,
    #[serde(with = "bound")]
    pub lo: i128,
    #[serde(with = "bound")]
    pub hi: i128,
    /// It can serve as the base of an address; set by [`Arena::set_pointer`].
    pub pointer: bool,
    /// Number of expressions there were when the atom was made.
    #[serde(skip)]
    first: u32,
    /// Index into [`Arena::taints`] plus one; 0 for trusted.
    pub taint: u32,
    /// May be null, for this reason.
    pub null: Option<(NullOrigin, Span)>,
    /// Counts the rounds of a loop, each of which adds the same.
    pub counter: Counter,
    /// Variable, field or callee it came from.
    pub name: Symbol,
    pub span: Span,
    pub ty: TypeId,
    /// The member it was loaded from.
    pub field: Option<(banbury_ir::RecordId, u32)>,
    /// The number by which a callee says that it failed.
    pub failure: bool,
}

/// Where untrusted bytes entered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Taint {
    pub kind: SourceKind,
    pub steps: Vec<PathStep>,
    /// Inferred (a received buffer by its shape), not modelled.
    pub inferred: bool,
    /// The bytes themselves filled the whole object: even addresses in it come from outside.
    pub raw: bool,
}

pub struct Arena {
    pub atoms: Vec<AtomInfo>,
    atom_ids: HashTable<Known>,
    lins: Vec<Lin>,
    /// Base of each expression.
    bases: Vec<Option<Atom>>,
    lin_ids: HashTable<Known>,
    /// Small constants that were asked for, to spare the search; 0 for none but zero itself.
    ints: Vec<u32>,
    pub taints: Vec<Taint>,
    fresh: u32,
}

/// An entry of a table: the number of what is found there, and half of its hash, which spares
/// most comparisons and growing a look at everything.
#[derive(Clone, Copy)]
struct Known {
    hash: u32,
    number: u32,
}

impl Known {
    fn spread(hash: u32) -> u64 {
        u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

fn hash_of(value: &impl Hash) -> u32 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    (hasher.finish() >> 32) as u32
}

/// The number of the equal thing, if there is one.
fn find(table: &HashTable<Known>, hash: u32, equal: impl Fn(usize) -> bool) -> Option<u32> {
    let same = |known: &Known| known.hash == hash && equal(known.number as usize);
    table.find(Known::spread(hash), same).map(|known| known.number)
}

fn remember(table: &mut HashTable<Known>, hash: u32, number: u32) {
    table.insert_unique(Known::spread(hash), Known { hash, number }, |known| Known::spread(known.hash));
}

/// Makes a table empty, and small again if one large function made it large.
fn empty(table: &mut HashTable<Known>) {
    if table.capacity() > MOST_KEPT {
        *table = HashTable::new();
    } else {
        table.clear();
    }
}

/// Entries of an arena that is used again; beyond that its memory is given back.
const MOST_KEPT: usize = 1 << 13;
/// Constants from zero on that are found without a search.
const SMALL: usize = 256;

/// Bounds that stand for "no bound": far outside every 64-bit type, so that sums do not wrap.
pub const MIN: i128 = -(1 << 100);
pub const MAX: i128 = 1 << 100;

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    pub fn new() -> Arena {
        let mut arena = Arena {
            atoms: Vec::new(),
            atom_ids: HashTable::new(),
            lins: Vec::new(),
            bases: Vec::new(),
            lin_ids: HashTable::new(),
            ints: Vec::new(),
            taints: Vec::new(),
            fresh: 0,
        };
        arena.reset();
        arena
    }

    /// As new, but for the memory it has: making and growing an arena for every function costs
    /// more than what is done with it.
    pub fn reset(&mut self) {
        self.atoms.clear();
        self.lins.clear();
        self.bases.clear();
        self.taints.clear();
        if self.lins.capacity() > MOST_KEPT {
            (self.atoms, self.lins, self.bases) = (Vec::new(), Vec::new(), Vec::new());
        }
        empty(&mut self.atom_ids);
        empty(&mut self.lin_ids);
        self.ints.clear();
        self.ints.resize(SMALL, 0);
        self.fresh = 0;
        self.int(0);
        self.int(1);
        let uninit = self.atom(AtomKind::Uninit, MIN, MAX);
        let v = self.of_atom(uninit);
        debug_assert_eq!(v, V::UNINIT);
    }

    /// What a summary keeps: everything but the tables to find it by, and no spare room.
    pub fn freeze(&self) -> Frozen {
        let mut terms = Vec::with_capacity(self.lins.iter().map(|l| l.terms.len()).sum());
        let mut lins = Vec::with_capacity(self.lins.len());
        for lin in &self.lins {
            terms.extend_from_slice(&lin.terms);
            lins.push((lin.k, terms.len() as u32));
        }
        Frozen {
            atoms: self.atoms.as_slice().into(),
            lins: lins.into_boxed_slice(),
            terms: terms.into_boxed_slice(),
            taints: self.taints.as_slice().into(),
        }
    }

    pub fn lin(&self, v: V) -> &Lin {
        &self.lins[v.0 as usize]
    }

    pub fn info(&self, atom: Atom) -> &AtomInfo {
        &self.atoms[atom.0 as usize]
    }

    pub fn info_mut(&mut self, atom: Atom) -> &mut AtomInfo {
        &mut self.atoms[atom.0 as usize]
    }

    /// Interned expressions: the measure of the work a function has been.
    pub fn len(&self) -> usize {
        self.lins.len()
    }

    pub fn is_empty(&self) -> bool {
        self.lins.is_empty()
    }

    pub fn intern(&mut self, lin: Lin) -> V {
        let hash = hash_of(&lin);
        if let Some(number) = find(&self.lin_ids, hash, |at| self.lins[at] == lin) {
            return V(number);
        }
        let v = V(self.lins.len() as u32);
        self.lins.push(lin);
        remember(&mut self.lin_ids, hash, v.0);
        self.bases.push(self.find_base(v));
        v
    }

    pub fn int(&mut self, k: i128) -> V {
        let small = usize::try_from(k).ok().filter(|&k| k < SMALL);
        if let Some(known) = small.map(|k| self.ints[k]).filter(|&known| known != 0) {
            return V(known);
        }
        let v = self.intern(Lin { k, terms: Terms::new() });
        if let Some(k) = small {
            self.ints[k] = v.0;
        }
        v
    }

    pub fn of_atom(&mut self, atom: Atom) -> V {
        let mut terms = Terms::new();
        terms.push((atom, 1));
        self.intern(Lin { k: 0, terms })
    }

    /// The atom of that kind, made with these bounds if it is new.
    pub fn atom(&mut self, kind: AtomKind, lo: i128, hi: i128) -> Atom {
        let hash = hash_of(&kind);
        if let Some(number) = find(&self.atom_ids, hash, |at| self.atoms[at].kind == kind) {
            return Atom(number);
        }
        let atom = Atom(self.atoms.len() as u32);
        let pointer = matches!(
            kind,
            AtomKind::AddrLocal(_)
                | AtomKind::AddrGlobal(_)
                | AtomKind::AddrFunc(_)
                | AtomKind::AddrStr(..)
                | AtomKind::Alloc(..)
        );
        self.atoms.push(AtomInfo {
            kind,
            lo,
            hi,
            pointer,
            first: self.lins.len() as u32,
            taint: 0,
            null: None,
            counter: Counter::No,
            name: Symbol::EMPTY,
            span: Span::NONE,
            ty: banbury_ir::TypeTable::UNKNOWN,
            field: None,
            failure: false,
        });
        remember(&mut self.atom_ids, hash, atom.0);
        atom
    }

    pub fn existing(&self, kind: &AtomKind) -> Option<Atom> {
        find(&self.atom_ids, hash_of(kind), |at| self.atoms[at].kind == *kind).map(Atom)
    }

    pub fn fresh(&mut self, lo: i128, hi: i128) -> Atom {
        self.fresh += 1;
        self.atom(AtomKind::Fresh(self.fresh), lo, hi)
    }

    pub fn next_number(&mut self) -> u32 {
        self.fresh += 1;
        self.fresh
    }

    pub fn constant(&self, v: V) -> Option<i128> {
        let lin = self.lin(v);
        lin.terms.is_empty().then_some(lin.k)
    }

    /// The atom, if the expression is that atom alone.
    pub fn as_atom(&self, v: V) -> Option<Atom> {
        let lin = self.lin(v);
        match lin.terms.as_slice() {
            [(atom, 1)] if lin.k == 0 => Some(*atom),
            _ => None,
        }
    }

    /// `a + factor * b`, or `None` when a coefficient does not fit.
    fn combine(&mut self, a: V, b: V, factor: i64) -> Option<V> {
        // No term may have the coefficient 0.
        if factor == 0 {
            return Some(a);
        }
        let (x, y) = (&self.lins[a.0 as usize], &self.lins[b.0 as usize]);
        let k = x.k.checked_add(y.k.checked_mul(i128::from(factor))?)?;
        if k.abs() > MAX {
            return None;
        }
        let mut terms = Terms::new();
        let (mut i, mut j) = (0, 0);
        while i < x.terms.len() || j < y.terms.len() {
            let left = x.terms.get(i);
            let right = y.terms.get(j);
            match (left, right) {
                (Some(&(p, c)), Some(&(q, d))) if p == q => {
                    let sum = c.checked_add(d.checked_mul(factor)?)?;
                    if sum != 0 {
                        terms.push((p, sum));
                    }
                    i += 1;
                    j += 1;
                }
                (Some(&(p, c)), Some(&(q, _))) if p < q => {
                    terms.push((p, c));
                    i += 1;
                }
                (Some(&term), None) => {
                    terms.push(term);
                    i += 1;
                }
                (_, Some(&(q, d))) => {
                    terms.push((q, d.checked_mul(factor)?));
                    j += 1;
                }
                (None, None) => break,
            }
        }
        if terms.len() > 6 {
            return None;
        }
        Some(self.intern(Lin { k, terms }))
    }

    pub fn add(&mut self, a: V, b: V) -> V {
        self.combine(a, b, 1).unwrap_or_else(|| self.unknown())
    }

    pub fn sub(&mut self, a: V, b: V) -> V {
        self.combine(a, b, -1).unwrap_or_else(|| self.unknown())
    }

    pub fn scale(&mut self, a: V, factor: i128) -> V {
        let Ok(factor) = i64::try_from(factor) else { return self.unknown() };
        self.combine(V::ZERO, a, factor).unwrap_or_else(|| self.unknown())
    }

    pub fn plus(&mut self, a: V, k: i128) -> V {
        if k == 0 {
            return a;
        }
        let b = self.int(k);
        self.add(a, b)
    }

    pub fn unknown(&mut self) -> V {
        let atom = self.fresh(MIN, MAX);
        self.of_atom(atom)
    }

    /// Base atom of an address: its only address-like term of coefficient one.
    pub fn base(&self, v: V) -> Option<Atom> {
        self.bases[v.0 as usize]
    }

    /// Says whether the atom serves as an address.
    pub fn set_pointer(&mut self, atom: Atom, pointer: bool) {
        let info = &mut self.atoms[atom.0 as usize];
        if info.pointer == pointer {
            return;
        }
        info.pointer = pointer;
        // Only expressions made after the atom can mention it.
        for index in info.first as usize..self.lins.len() {
            if self.lins[index].terms.iter().any(|t| t.0 == atom) {
                self.bases[index] = self.find_base(V(index as u32));
            }
        }
    }

    fn find_base(&self, v: V) -> Option<Atom> {
        let mut found = None;
        for &(atom, c) in &self.lin(v).terms {
            if self.info(atom).pointer {
                if c != 1 || found.is_some() {
                    return None;
                }
                found = Some(atom);
            }
        }
        found
    }

    /// The expression without [`AtomKind::Sub`] marks: what cells are keyed by.
    pub fn plain(&mut self, v: V) -> V {
        self.without(v, |kind| matches!(kind, AtomKind::Sub(..)))
    }

    /// The address of the byte in which a bit-field begins.
    pub fn whole_byte(&mut self, v: V) -> V {
        self.without(v, |kind| matches!(kind, AtomKind::BitField(_)))
    }

    fn without(&mut self, v: V, is_mark: fn(&AtomKind) -> bool) -> V {
        if !self.lin(v).terms.iter().any(|&(atom, _)| is_mark(&self.info(atom).kind)) {
            return v;
        }
        let lin = self.lin(v);
        let terms: Terms =
            lin.terms.iter().copied().filter(|&(atom, _)| !is_mark(&self.info(atom).kind)).collect();
        let k = lin.k;
        self.intern(Lin { k, terms })
    }

    /// The innermost array the address was derived from: (start address, bytes).
    pub fn sub_object(&self, v: V) -> Option<(V, u64)> {
        self.lin(v).terms.iter().rev().find_map(|&(a, _)| match self.info(a).kind {
            AtomKind::Sub(start, bytes) => Some((start, bytes)),
            _ => None,
        })
    }

    /// Splits an address into base atom and byte offset.
    pub fn split(&mut self, v: V) -> Option<(Atom, V)> {
        let base = self.base(v)?;
        let base_v = self.of_atom(base);
        Some((base, self.sub(v, base_v)))
    }

    /// The first taint among the expression's atoms (plus one; 0 for none).
    pub fn taint_of(&self, v: V) -> u32 {
        self.lin(v).terms.iter().map(|&(a, _)| self.info(a).taint).find(|&t| t != 0).unwrap_or(0)
    }

    pub fn add_taint(&mut self, taint: Taint) -> u32 {
        if let Some(index) = self.taints.iter().position(|t| *t == taint) {
            return index as u32 + 1;
        }
        self.taints.push(taint);
        self.taints.len() as u32
    }

    pub fn taint(&self, id: u32) -> Option<&Taint> {
        self.taints.get((id as usize).checked_sub(1)?)
    }
}

/// The expressions of a summary.
#[derive(Clone, Serialize, Deserialize)]
pub struct Frozen {
    pub(crate) atoms: Box<[AtomInfo]>,
    /// Constant, and where in `terms` the expression ends.
    lins: Box<[(i128, u32)]>,
    terms: Box<[(Atom, i64)]>,
    pub(crate) taints: Box<[Taint]>,
}

impl Frozen {
    pub fn lin(&self, v: V) -> (i128, &[(Atom, i64)]) {
        let at = v.0 as usize;
        let start = at.checked_sub(1).map_or(0, |before| self.lins[before].1);
        let (k, end) = self.lins[at];
        (k, &self.terms[start as usize..end as usize])
    }

    pub fn info(&self, atom: Atom) -> &AtomInfo {
        &self.atoms[atom.0 as usize]
    }

    pub fn taint(&self, id: u32) -> Option<&Taint> {
        self.taints.get((id as usize).checked_sub(1)?)
    }

    /// Expressions, then atoms.
    pub fn sizes(&self) -> (usize, usize) {
        (self.lins.len(), self.atoms.len())
    }
}
