//! What each kind of instruction needs to be safe.

use banbury_base::Symbol;
use banbury_ir::{BinOp, Callee, Op, Operand, Place, Type, TypeId};

use crate::interp::Interp;
use crate::models::{SinkKind, Slot, SourceKind};
use crate::numbers::int_bounds;
use crate::reports::taint_features;
use crate::state::{Life, State, is_named};
use crate::summary::{AccessKind, Need, Site, is_entry, mentions_entry};
use crate::value::{Atom, AtomKind, MAX, V};
use crate::verdicts::{Evidence, MAX_OBLIGATIONS};

impl Interp<'_> {
    pub fn check_deref(&mut self, st: &mut State, ptr: V, name: Symbol) {
        let site = self.site(name, "");
        self.require(st, Need::NonNull(ptr), site);
        if ptr != V::UNINIT {
            if let Some(base) = self.a.base(ptr) {
                let (lo, hi) = st.bounds_of_atom(&self.a, base);
                if lo <= 0 && hi > 0 {
                    st.set_bounds(base, (1, hi));
                }
            }
        }
    }

    pub fn check_index(&mut self, st: &mut State, i: V, count: u64, place: &Place, name: Symbol) {
        // An array of no elements is as long as the memory behind it.
        if i == V::UNINIT || count == 0 {
            return;
        }
        let region = match place.base {
            _ if place
                .proj
                .iter()
                .any(|p| matches!(p, banbury_ir::Proj::Deref | banbury_ir::Proj::At(_))) =>
            {
                ""
            }
            banbury_ir::Base::Local(_) => "stack",
            banbury_ir::Base::Global(_) => "static",
        };
        let kind = if self.is_store(place) { AccessKind::Write } else { AccessKind::Read };
        let excess = self.a.plus(i, 1 - i128::from(count));
        let site = self.site(name, region);
        self.require(st, Need::Within { excess, kind, under: false, index: true }, site.clone());
        let under = self.a.scale(i, -1);
        self.require(st, Need::Within { excess: under, kind, under: true, index: true }, site);
        // From here on it was in bounds.
        st.assume_le0(&mut self.a, excess);
        st.assume_le0(&mut self.a, under);
    }

    /// Whether the instruction at hand writes to the place.
    fn is_store(&self, place: &Place) -> bool {
        let block = &self.f.blocks[self.block as usize];
        match block.instrs.get(self.instr as usize).map(|i| &i.op) {
            Some(Op::Assign { dst, .. }) => dst == place,
            Some(Op::Call { dst: Some(dst), .. }) => dst == place,
            _ => false,
        }
    }

    pub fn check_access(
        &mut self,
        st: &mut State,
        addr: V,
        size: V,
        kind: AccessKind,
        what: Symbol,
        scalar: bool,
    ) {
        let Some((base, offset)) = self.a.split(addr) else { return };
        self.check_live(st, base, addr, what);
        if kind == AccessKind::Write {
            self.check_address_source(st, base, what);
        } else if self.is_string_at(addr, size) {
            return;
        }
        if let Some((start, bytes)) = self.a.sub_object(addr).filter(|s| s.1 > 0) {
            let plain = self.a.plain(addr);
            let rel = self.a.sub(plain, start);
            if self.a.base(rel).is_none() {
                let end = self.a.add(rel, size);
                let excess = self.a.plus(end, -i128::from(bytes));
                let region = self.region(st, base);
                let site = self.site(what, region);
                self.require_within(st, excess, rel, kind, site);
                return;
            }
        }
        let offset = self.a.plain(offset);
        let region = self.region(st, base);
        if let Some(object) = self.object_size(st, base) {
            // Nobody means to allocate nothing: only a callee that failed says so.
            if st.constant(&self.a, object) == Some(0) {
                return;
            }
            let end = self.a.add(offset, size);
            let excess = self.a.sub(end, object);
            let mut site = self.site(what, region);
            if matches!(self.a.info(base).kind, AtomKind::AddrLocal(_) | AtomKind::AddrGlobal(_)) {
                site.features.push(("object.known", 1.0));
            }
            self.require_within(st, excess, offset, kind, site);
            // Said once: what gets further from the same place has the same cause.
            if self.a.taint_of(excess) != 0 {
                st.assume_le0(&mut self.a, excess);
            }
            return;
        }
        if is_named(&self.a, base) {
            return;
        }
        self.check_last_element(st, base, offset, kind, what);
        // A member behind a pointer of that record type: the type vouches for it.
        if scalar && self.type_vouches(base, offset, size) {
            return;
        }
        let extent = self.extent(base);
        let end = self.a.add(offset, size);
        let excess = self.a.sub(end, extent);
        let site = self.site(what, "");
        if !scalar && self.obligations.len() < MAX_OBLIGATIONS / 2 {
            // A caller may pass a pointer to before its object.
            let before = self.distance_before(st, addr);
            let under = self.a.scale(before, -1);
            self.require(st, Need::Within { excess: under, kind, under: true, index: false }, site.clone());
        }
        self.require_paired(st, base, excess, extent, kind, site);
    }

    /// No more than the string that was measured at the address, with its terminator.
    fn is_string_at(&mut self, addr: V, size: V) -> bool {
        let lin = self.a.lin(size);
        let (k, &[(atom, 1)]) = (lin.k, lin.terms.as_slice()) else { return false };
        match self.a.info(atom).kind {
            AtomKind::StrLen(at, _, width) if k <= i128::from(width) => at == self.a.plain(addr),
            _ => false,
        }
    }

    /// A pointer that was among the received bytes: the peer says where the write goes.
    fn check_address_source(&mut self, st: &State, base: Atom, what: Symbol) {
        if !matches!(self.a.info(base).kind, AtomKind::Load(..)) {
            return;
        }
        let Some(taint) = self.a.taint(self.a.info(base).taint).filter(|t| t.raw).cloned() else { return };
        let mut features = taint_features(&taint);
        features.push(("address.tainted", 1.0));
        let evidence = Evidence {
            message: "the address is part of untrusted data".into(),
            features,
            steps: taint.steps,
            counter: None,
        };
        let need = Need::Within { excess: V::ONE, kind: AccessKind::Write, under: false, index: false };
        let site = self.site(what, "");
        self.report(st, &need, &site, &[], evidence);
    }

    fn require_within(&mut self, st: &mut State, excess: V, start: V, kind: AccessKind, site: Site) {
        self.require(st, Need::Within { excess, kind, under: false, index: false }, site.clone());
        let under = self.a.scale(start, -1);
        if st.bounds(&self.a, under).1 > 0 {
            self.require(st, Need::Within { excess: under, kind, under: true, index: false }, site);
        }
    }

    pub fn extent(&mut self, base: Atom) -> V {
        let atom = self.a.atom(AtomKind::Extent(base), 0, MAX);
        self.a.of_atom(atom)
    }

    /// The pointer's type promises at least one element.
    fn type_vouches(&mut self, base: Atom, offset: V, size: V) -> bool {
        let (Some(offset), Some(size)) = (self.a.constant(offset), self.a.constant(size)) else {
            return false;
        };
        let Some(pointee) = self.types().pointee(self.a.info(base).ty) else { return false };
        match self.types().get(pointee) {
            Type::Record(_) => self.types().size_of(pointee).is_none_or(|s| offset + size <= i128::from(s)),
            Type::Int { bits: 8, .. } | Type::Void => false,
            _ => self.types().size_of(pointee).is_some_and(|s| offset >= 0 && offset + size <= i128::from(s)),
        }
    }

    /// A buffer whose length travels beside it: the parameter after it, or a sibling member.
    fn require_paired(
        &mut self,
        st: &mut State,
        base: Atom,
        excess: V,
        extent: V,
        kind: AccessKind,
        mut site: Site,
    ) {
        let bytes = self.a.add(excess, extent);
        for length in self.known_ends(st, base) {
            let logical = self.a.sub(bytes, length);
            if st.proves_le0(&mut self.a, logical)
                || self.report_short(st, base, (logical, length), kind, &site)
            {
                return;
            }
        }
        if let Some(length) = self.paired_length(st, base) {
            let logical = self.a.sub(bytes, length);
            if st.proves_le0(&mut self.a, logical)
                || self.report_short(st, base, (logical, length), kind, &site)
            {
                return;
            }
            site.features.push(("length.paired", 1.0));
            // No comparison speaks of the length at all.
            let length_atoms = self.a.lin(length).terms.clone();
            let compared =
                st.cons.iter().any(|&c| {
                    self.a.lin(c).terms.iter().any(|(a, _)| length_atoms.iter().any(|(b, _)| a == b))
                }) || length_atoms.iter().any(|&(a, _)| {
                    let info = self.a.info(a);
                    st.bounds_of_atom(&self.a, a) != (info.lo, info.hi)
                });
            if compared {
                site.features.push(("length.compared", 1.0));
            }
        }
        self.require(st, Need::Within { excess, kind, under: false, index: false }, site);
    }

    /// The length that belongs to the buffer, as a value in bytes.
    pub fn paired_length(&mut self, st: &mut State, base: Atom) -> Option<V> {
        match self.a.info(base).kind.clone() {
            AtomKind::Param(p) => {
                let (q, scale) = self.shared.length_param(self.fid, p)?;
                let local = &self.f.locals[q as usize];
                let (lo, hi) = self.type_bounds(local.ty);
                let atom = self.a.atom(AtomKind::Param(q), lo, hi);
                let v = self.a.of_atom(atom);
                Some(self.a.scale(v, i128::from(scale)))
            }
            AtomKind::Load(addr, _) => {
                let (record, index) = self.a.info(base).field?;
                let sibling = self.shared.length_field(record, index)?;
                let fields = &self.types().record(record)?.fields;
                let (own, other) = (fields.get(index as usize)?, fields.get(sibling as usize)?);
                let distance = i128::from(other.offset?) - i128::from(own.offset?);
                let at = self.a.plus(addr, distance);
                let (ty, name) = (other.ty, other.name);
                // The member may point further into the buffer by now, and its length be shorter.
                let moved =
                    st.cell(addr).filter(|&now| now != V::UNINIT && self.a.base(now) == Some(base))?;
                let length = self.load(st, at, ty, name, Some((record, sibling)));
                let base = self.a.of_atom(base);
                let by = self.a.sub(moved, base);
                let by = self.a.plain(by);
                (length != V::UNINIT).then(|| self.a.add(length, by))
            }
            _ => None,
        }
    }

    fn check_live(&mut self, st: &mut State, base: Atom, addr: V, what: Symbol) {
        let Some(object) = st.object(base) else { return };
        if matches!(object.life, Life::Freed { .. } | Life::Dead(_)) {
            let site = self.site(what, "");
            self.require(st, Need::Live(addr), site);
            // Once is enough.
            st.object_mut(base).life = Life::Maybe;
        }
    }

    /// A loop that counts up to what a peer says needs a limit of its own.
    pub fn check_loop_limit(&mut self, st: &mut State, cond: V) {
        let Some(atom) = self.a.as_atom(cond).filter(|_| cond != V::UNINIT) else { return };
        let AtomKind::Cmp(op, a, b, _) = self.a.info(atom).kind else { return };
        let limit = match op {
            BinOp::Lt | BinOp::Le => b,
            BinOp::Gt | BinOp::Ge if self.a.constant(b).is_none() => a,
            _ => return,
        };
        if limit == V::UNINIT || self.a.base(limit).is_some() {
            return;
        }
        let site = self.site(self.name_of(limit), "");
        self.require(st, Need::Bounded(limit, SinkKind::LoopCount), site);
    }

    /// The distance to something that was not found is no length.
    pub fn check_distance(&mut self, st: &mut State, a: V, b: V) {
        let null = |this: &Self, st: &State, v: V| v != V::UNINIT && st.bounds(&this.a, v) == (0, 0);
        let (x, y) = (null(self, st, a), null(self, st, b));
        if x == y {
            return;
        }
        let v = if x { a } else { b };
        let lookup = matches!(st.null_reason(&self.a, v), Some((crate::value::NullOrigin::Lookup, ..)));
        if lookup && self.a.constant(v).is_none() {
            let mut site = self.site(self.name_of(v), "");
            site.features.push(("null.distance", 1.0));
            self.require(st, Need::NonNull(v), site);
        }
    }

    /// `p[n - 1]` where `n` is the length that belongs to `p` and may be 0.
    fn check_last_element(&mut self, st: &mut State, base: Atom, offset: V, kind: AccessKind, what: Symbol) {
        let lin = self.a.lin(offset).clone();
        let [(atom, 1)] = lin.terms.as_slice() else { return };
        if lin.k >= 0 || st.bounds_of_atom(&self.a, *atom).0 != 0 || st.neq.contains(&(*atom, 0)) {
            return;
        }
        let Some(length) = self.paired_length(st, base) else { return };
        if self.a.as_atom(length) != Some(*atom) || st.bounds(&self.a, offset).0 >= 0 {
            return;
        }
        let evidence = Evidence {
            message: "the length may be 0".into(),
            features: vec![("bound.last-element", 1.0)],
            steps: Vec::new(),
            counter: None,
        };
        let need = Need::Within { excess: V::ONE, kind, under: true, index: false };
        let site = self.site(what, "");
        self.report(st, &need, &site, &[], evidence);
    }

    pub fn check_divisor(&mut self, st: &mut State, v: V) {
        let site = self.site(self.name_of(v), "");
        self.require(st, Need::NonZero(v), site);
        st.assume_nonzero(&mut self.a, v);
    }

    pub fn check_fits(
        &mut self,
        st: &mut State,
        v: V,
        info: Option<(u16, bool)>,
        subtraction: bool,
        (a, b): (V, V),
    ) {
        let Some((bits, signed)) = info else { return };
        // A macro that makes random numbers mixes them by wrapping.
        if !self.in_macro.is_empty() && self.is_random(v) {
            return;
        }
        if v == V::UNINIT || self.a.constant(v).is_some() && self.a.taint_of(a) == 0 {
            // A constant that does not fit is reported by compilers, but may be the point of a test.
            if self.a.constant(a).is_some() && self.a.constant(b).is_some() && bits >= 8 {
                let (lo, hi) = int_bounds((bits, signed));
                let k = self.a.constant(v).unwrap_or(0);
                if k > hi || (k < lo && (signed || st.trace.is_some())) {
                    let site = self.site(self.name_of(a), "");
                    self.require(st, Need::Fits(v, bits, signed, subtraction), site);
                }
            }
            return;
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo >= min && hi <= max {
            return;
        }
        let interesting = self.a.taint_of(v) != 0 || mentions_entry(&self.a, v) || lo > max || hi < min;
        let reduced = || subtraction && !signed && lo < min;
        if interesting || reduced() && self.reduced_length(st, v).is_some() {
            let site = self.site(self.name_of(v), "");
            self.require(st, Need::Fits(v, bits, signed, subtraction), site);
        }
    }

    /// Arithmetic in a signed type narrower than `int`.
    pub fn check_narrow(&mut self, st: &mut State, v: V, bits: u16, subtraction: bool) {
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, true));
        let certain = lo > max || hi < min;
        if lo >= min && hi <= max || !certain && self.a.taint_of(v) == 0 && !mentions_entry(&self.a, v) {
            return;
        }
        let site = self.site(self.name_of(v), "");
        self.require(st, Need::Fits(v, bits, true, subtraction), site);
    }

    fn is_random(&self, v: V) -> bool {
        v != V::UNINIT && self.a.taint(self.a.taint_of(v)).is_some_and(|t| t.kind == SourceKind::Random)
    }

    /// A signed number as a `size_t` argument: below zero it becomes huge.
    pub fn check_size_argument(&mut self, st: &mut State, v: V, from: TypeId, name: Symbol) {
        let Some((bits, true)) = self.types().int_info(from) else { return };
        if v == V::UNINIT || bits <= 1 || st.bounds(&self.a, v).0 >= 0 {
            return;
        }
        let mut site = self.site(name, "");
        site.features.push(("convert.size", 1.0));
        if bits < 32 {
            site.features.push(("convert.extended", 1.0));
        }
        self.require(st, Need::Converts(v, 64, false, true), site);
    }

    pub fn check_converts(&mut self, st: &mut State, v: V, from: Option<TypeId>, to: TypeId) {
        let Some((bits, signed)) = self.types().int_info(to) else { return };
        let Some(source) = from.and_then(|f| self.types().int_info(f)) else { return };
        if bits <= 1 || source.0 <= 1 {
            return;
        }
        let tainted = self.a.taint_of(v) != 0;
        // Cutting down a random number is how one is made to fit.
        if self.is_random(v) && (source.1 == signed || !self.in_macro.is_empty()) {
            return;
        }
        let k = st.constant(&self.a, v);
        let sign_change = source.1 != signed;
        let reduced = sign_change && !signed && k.is_none() && self.reduced_length(st, v).is_some();
        if !tainted && k.is_none() && !reduced && !is_entry(&self.a, v) {
            return;
        }
        let mut site = self.site(self.name_of(v), "");
        if sign_change && !signed && source.0 < 32 && bits > source.0 {
            site.features.push(("convert.extended", 1.0));
        }
        if self.becomes_size() {
            site.features.push(("convert.size", 1.0));
        }
        self.require(st, Need::Converts(v, bits, signed, reduced || sign_change && bits >= source.0), site);
    }

    /// Whether the value that the instruction at hand computes goes straight to a library function
    /// as a size.
    fn becomes_size(&self) -> bool {
        let block = &self.f.blocks[self.block as usize];
        let at = self.instr as usize;
        let Some(Op::Assign { dst, .. }) = block.instrs.get(at).map(|i| &i.op) else { return false };
        let is_it = |operand: &Operand| matches!(operand, Operand::Copy(place) if place == dst);
        block.instrs[at + 1..].iter().take(8).any(|later| match &later.op {
            Op::Call { callee: Callee::Direct(name), args, .. } => {
                let Some(model) = self.shared.models.get(*name) else { return false };
                model.marked("size").any(|slot| match slot {
                    Slot::Arg(i) => args.get(usize::from(i)).is_some_and(is_it),
                    _ => false,
                })
            }
            _ => false,
        })
    }
}
