//! Summaries of functions with a body, put in terms of the caller.

use std::sync::Arc;

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{FuncId, Type, TypeId, TypeTable};

use crate::calls::Call;
use crate::interp::Interp;
use crate::state::{Content, Life, State};
use crate::summary::{AccessKind, Exit, Need, Summary};
use crate::value::{Atom, AtomKind, MAX, MIN, NullOrigin, V};

impl Interp<'_> {
    pub fn apply_summary(
        &mut self,
        mut st: State,
        call: &Call<'_>,
        id: FuncId,
        summary: &Arc<Summary>,
        out: &mut Vec<State>,
    ) {
        let mut import = Import::new(summary);
        for obligation in &summary.obligations {
            self.meet(&mut st, call, id, &mut import, obligation);
        }
        if summary.never_returns {
            self.may_stop = true;
            match summary.aborts {
                true => self.reached_abort(&mut st),
                false => self.saw_leave = true,
            }
            return;
        }
        if !summary.complete && summary.exits.is_empty() {
            self.apply_unknown(&mut st, call, true);
            out.push(st);
            return;
        }
        let before = out.len();
        let single = summary.merged.as_ref().filter(|_| call.dst.is_none() || self.states_kept(2) == 1);
        let exits: Vec<&Exit> = single.map_or_else(|| summary.exits.iter().collect(), |one| vec![one]);
        for exit in exits {
            let mut next = st.clone();
            let mut import = Import::new(summary);
            if self.apply_exit(&mut next, call, &mut import, exit) {
                self.hand_on_unfollowed(&mut next, call, id);
                out.push(next);
            }
        }
        if out.len() == before && !summary.exits.is_empty() {
            // With these arguments the callee stops.
            if summary.may_stop && summary.complete {
                self.may_stop = true;
                return;
            }
            // Every exit contradicts what we know: one of the two is wrong; go on with less.
            self.apply_unknown(&mut st, call, true);
            out.push(st);
        }
    }

    /// Arguments that a result by value or the callee's list of further arguments may hold: what
    /// becomes of them is not followed.
    fn hand_on_unfollowed(&mut self, st: &mut State, call: &Call<'_>, id: FuncId) {
        let callee = self.program.function(id);
        let named = match self.types().get(callee.ret) {
            Type::Record(_) => 0,
            _ if callee.is_variadic => callee.params as usize,
            _ => return,
        };
        call.args.iter().skip(named).for_each(|&arg| self.escape(st, arg, 3));
    }

    fn meet(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        id: FuncId,
        import: &mut Import<'_>,
        obligation: &crate::summary::Obligation,
    ) {
        let v = self.import(st, call, import, obligation.need.value());
        let need = obligation.need.with_value(v);
        // Quick way out for the most common need.
        if let Need::NonNull(v) = need {
            if v != V::UNINIT && st.bounds(&self.a, v).0 > 0 {
                if let Some(base) = self.a.base(v) {
                    if st.object(base).is_none_or(|o| !matches!(o.life, Life::Freed { .. } | Life::Dead(_))) {
                        return;
                    }
                }
            }
        }
        // Most needs are met, or nothing speaks against them: the guards need no second look.
        if !self.worth_guarding(st, &need, &obligation.site, obligation.chain.len() + 1) {
            return;
        }
        let mut guarded = st.clone();
        for &(atom, (lo, hi)) in obligation.guard_facts.iter() {
            let v = self.import_atom(&mut guarded, call, import, atom);
            if !self.assume_within(&mut guarded, v, (lo, hi)) {
                return;
            }
        }
        for &(atom, k) in obligation.guard_not.iter() {
            let v = self.import_atom(&mut guarded, call, import, atom);
            let d = self.a.plus(v, -k);
            if v != V::UNINIT && !guarded.assume_nonzero(&mut self.a, d) {
                return;
            }
        }
        for &c in &obligation.guard_cons {
            let v = self.import(&mut guarded, call, import, c);
            if !guarded.assume_le0(&mut self.a, v) {
                return;
            }
        }
        if self.found_by_reading(st, &guarded, &need, import, obligation) {
            return;
        }
        let mut chain = Vec::with_capacity(obligation.chain.len() + 1);
        chain.push(PathStep {
            kind: StepKind::Call,
            span: self.span,
            function: self.f.name,
            message: format!("calls '{}'", self.program.function(id).name),
        });
        chain.extend(obligation.chain.iter().cloned());
        let mut site = obligation.site.clone();
        // What the callee could not size, the caller may.
        if let (Need::Within { excess, kind, under: false, index }, "") = (need, site.region) {
            if let Some((need, region)) = self.resolve_extents(&mut guarded, excess, kind, index, &mut site) {
                site.region = region;
                if site.features.iter().any(|f| f.0 == "length.paired") && region.is_empty() {
                    self.require_from(&mut guarded, need, site, chain);
                    return;
                }
                site.features.retain(|f| f.0 != "length.paired");
                self.require_from(&mut guarded, need, site, chain);
                return;
            }
        }
        self.require_from(&mut guarded, need, site, chain);
    }

    /// Whether the callee gets beyond the object only if the object holds what nobody here knows
    /// it to hold: it reads on until it finds the end there.
    fn found_by_reading(
        &mut self,
        st: &State,
        guarded: &State,
        need: &Need,
        import: &Import<'_>,
        obligation: &crate::summary::Obligation,
    ) -> bool {
        let Need::Within { under: false, excess, .. } = obligation.need else { return false };
        if guarded.bounds(&self.a, need.value()).0 <= 0 {
            return false;
        }
        let arena = &import.summary.arena;
        let object = arena.lin(excess).1.iter().find_map(|&(atom, _)| match arena.info(atom).kind {
            AtomKind::Extent(base) => Some(base),
            _ => None,
        });
        let Some(object) = object else { return false };
        let is_content = |atom: Atom| match arena.info(atom).kind {
            AtomKind::Load(at, _) => arena.lin(at).1.iter().any(|&(a, c)| a == object && c == 1),
            _ => false,
        };
        let here = |atom: Atom| {
            import.atoms.get(atom.0 as usize).copied().filter(|&v| v != NOT_YET && v != V::UNINIT)
        };
        let open = |atom: Atom, holds: &dyn Fn((i128, i128)) -> bool| {
            is_content(atom) && here(atom).is_some_and(|v| !holds(st.bounds(&self.a, v)))
        };
        obligation
            .guard_facts
            .iter()
            .any(|&(atom, (lo, hi))| open(atom, &|known| known.0 >= lo && known.1 <= hi))
            || obligation.guard_not.iter().any(|&(atom, k)| open(atom, &|known| k < known.0 || k > known.1))
    }

    /// Region of the object whose extent the imported need was about, for the sentence.
    fn resolve_extents(
        &mut self,
        st: &mut State,
        excess: V,
        kind: AccessKind,
        index: bool,
        site: &mut crate::summary::Site,
    ) -> Option<(Need, &'static str)> {
        let base = self.a.lin(excess).terms.iter().find_map(|&(atom, _)| match self.a.info(atom).kind {
            AtomKind::Extent(base) => Some(base),
            _ => None,
        });
        let need = Need::Within { excess, kind, under: false, index };
        match base {
            None => Some((need, "stack or heap")),
            Some(base) => {
                let length = self.paired_length(st, base);
                match length {
                    Some(length) => {
                        let extent = self.extent(base);
                        let bytes = self.a.add(excess, extent);
                        let logical = self.a.sub(bytes, length);
                        if st.proves_le0(&mut self.a, logical) {
                            return Some((Need::Within { excess: V::ZERO, kind, under: false, index }, ""));
                        }
                        if !site.features.iter().any(|f| f.0 == "length.paired") {
                            site.features.push(("length.paired", 1.0));
                        }
                        Some((need, ""))
                    }
                    None => {
                        // The length that went with the buffer is not this caller's.
                        site.features.retain(|f| f.0 != "length.paired");
                        Some((need, ""))
                    }
                }
            }
        }
    }

    /// Assumes bounds of a value; false if they cannot be.
    fn assume_within(&mut self, st: &mut State, v: V, (lo, hi): (i128, i128)) -> bool {
        let known = st.bounds(&self.a, v);
        if hi < MAX && known.1 > hi {
            let over = self.a.plus(v, -hi);
            if !st.assume_le0(&mut self.a, over) {
                return false;
            }
        }
        if lo > -MAX && known.0 < lo {
            let negative = self.a.scale(v, -1);
            let under = self.a.plus(negative, lo);
            return st.assume_le0(&mut self.a, under);
        }
        true
    }

    fn apply_exit(&mut self, st: &mut State, call: &Call<'_>, import: &mut Import<'_>, exit: &Exit) -> bool {
        for &(atom, (lo, hi)) in &exit.facts {
            let v = self.import_atom(st, call, import, atom);
            if v == V::UNINIT {
                continue;
            }
            if lo == hi {
                let d = self.a.plus(v, -lo);
                if !st.assume_zero(&mut self.a, d) {
                    return false;
                }
                continue;
            }
            if !self.assume_within(st, v, (lo, hi)) {
                return false;
            }
        }
        for &c in &exit.cons {
            let v = self.import(st, call, import, c);
            if !st.assume_le0(&mut self.a, v) {
                return false;
            }
        }
        for &(atom, k) in &exit.neq {
            let v = self.import_atom(st, call, import, atom);
            let d = self.a.plus(v, -k);
            if !st.assume_nonzero(&mut self.a, d) {
                return false;
            }
        }
        // Everything is read before anything is written.
        let writes: Vec<(V, V)> = exit
            .writes
            .iter()
            .map(|&(addr, v)| (self.import(st, call, import, addr), self.import(st, call, import, v)))
            .collect();
        let scrambled: Vec<V> = exit.scrambled.iter().map(|&v| self.import(st, call, import, v)).collect();
        let parts: Vec<(V, i128, i128, u32)> = exit
            .parts
            .iter()
            .map(|&(v, lo, hi, t)| (self.import(st, call, import, v), lo, hi, self.import_taint(import, t)))
            .collect();
        let tainted: Vec<(V, u32, TypeId)> = exit
            .tainted
            .iter()
            .map(|&(v, t)| {
                let ty = pointee_type(self, import, v);
                (self.import(st, call, import, v), self.import_taint(import, t), ty)
            })
            .collect();
        let freed: Vec<(V, Symbol, Span)> =
            exit.freed.iter().map(|&(v, f, s)| (self.import(st, call, import, v), f, s)).collect();
        let touched: Vec<V> = exit.touched.iter().map(|&v| self.import(st, call, import, v)).collect();
        let strings = self.import_strings(st, call, import, exit);
        let maybe_freed: Vec<V> =
            exit.maybe_freed.iter().map(|&v| self.import(st, call, import, v)).collect();
        let escaped: Vec<V> = exit.escaped.iter().map(|&v| self.import(st, call, import, v)).collect();
        let ret = exit.ret.map(|v| self.import(st, call, import, v));
        for &(atom, size, family, zeroed, _) in &exit.allocated {
            let v = self.import_atom(st, call, import, atom);
            let size = size.map(|s| self.import(st, call, import, s));
            if let Some(atom) = self.a.as_atom(v) {
                let span = self.span;
                let object = st.object_mut(atom);
                object.size = size;
                object.content = if zeroed { Content::Zero } else { Content::Unknown(0) };
                object.life = Life::Owned { family, span };
            }
        }
        let types: Vec<TypeId> = exit.scrambled.iter().map(|&v| pointee_type(self, import, v)).collect();
        for (v, ty) in scrambled.into_iter().zip(types) {
            self.scramble_as(st, v, ty, None, 2);
        }
        self.write_parts(st, parts);
        for (addr, v) in writes {
            let ty = self.value_type(v);
            self.as_pointer(addr);
            // The callee had what the variable held before.
            let plain = self.a.plain(addr);
            if let Some(local) = self.scalar_local(plain) {
                self.hand_on(st, st.locals[local.index()]);
            }
            self.store(st, addr, v, ty);
        }
        for v in touched {
            self.touch(st, v);
        }
        for (base, length, filled) in strings {
            let object = st.object_mut(base);
            (object.strlen, object.filled) = (length, filled);
        }
        for v in escaped {
            // What is stored there escaped in the callee, or is not known to it.
            self.escape(st, v, 3);
        }
        for (v, taint, ty) in tainted {
            if v == V::UNINIT {
                continue;
            }
            if let Some((base, lo, hi)) = self.member_range(st, v, ty, None) {
                self.write_part(st, base, lo, hi, taint);
                continue;
            }
            let plain = self.a.plain(v);
            if let Some(local) = self.scalar_local(plain) {
                if let Some(atom) = self.a.as_atom(st.locals[local.index()]) {
                    self.a.info_mut(atom).taint = taint;
                }
            } else if let Some(base) = self.a.base(plain) {
                st.object_mut(base).taint = taint;
            }
        }
        for v in maybe_freed {
            self.release_maybe(st, v);
        }
        for (v, family, span) in freed {
            let Some(base) = self.released_object(st, v) else { continue };
            self.forget_cells(st, base);
            if let Some(Life::Owned { span, .. }) = st.object(base).map(|o| o.life) {
                self.given_up.insert(span);
            }
            st.object_mut(base).life = Life::Freed { family, span };
        }
        if let (Some(v), Some(_)) = (ret, call.dst) {
            let v = match exit.null {
                _ if v == V::UNINIT => self.typed_fresh(call.ret_ty, call.name),
                Some(origin) if v == V::ZERO => self.returned_null(st, call, origin),
                _ if import.summary.exits.len() > 1 => self.returned_failure(st, call, v),
                _ => v,
            };
            self.finish(st, call, v);
        } else if call.dst.is_some() {
            let v = self.typed_fresh(call.ret_ty, call.name);
            self.finish(st, call, v);
        }
        true
    }

    /// Null on some of the callee's paths: whether those can be taken from here, the callee's
    /// other results do not tell.
    fn returned_null(&mut self, st: &mut State, call: &Call<'_>, origin: NullOrigin) -> V {
        let v = self.null_atom(call.ret_ty, origin, call.name);
        if let Some(atom) = self.a.as_atom(v) {
            st.set_bounds(atom, (0, 0));
        }
        v
    }

    /// A small negative number among other results: as with null, the path is the callee's secret.
    fn returned_failure(&mut self, st: &mut State, call: &Call<'_>, v: V) -> V {
        let Some(k) = self.a.constant(v).filter(|k| (-4095..0).contains(k)) else { return v };
        let v = self.typed_fresh(call.ret_ty, call.name);
        if let Some(atom) = self.a.as_atom(v) {
            st.set_bounds(atom, (k, k));
            self.a.info_mut(atom).failure = true;
        }
        v
    }

    /// The callee releases it on some of its paths: whether it is still owned is not known.
    fn release_maybe(&mut self, st: &mut State, v: V) {
        if v == V::UNINIT {
            return;
        }
        let Some(base) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { return };
        match st.object(base).map(|o| o.life) {
            Some(Life::Owned { span, .. }) => {
                self.given_up.insert(span);
                st.object_mut(base).life = Life::Maybe;
            }
            Some(Life::Escaped { .. }) => st.object_mut(base).life = Life::Maybe,
            None if crate::summary::is_entry_atom(&self.a, base) => st.object_mut(base).life = Life::Maybe,
            _ => {}
        }
    }

    /// Members that the callee wrote, in the object that its pointer points into.
    fn write_parts(&mut self, st: &mut State, parts: Vec<(V, i128, i128, u32)>) {
        for (v, lo, hi, taint) in parts {
            if v == V::UNINIT {
                continue;
            }
            let plain = self.a.plain(v);
            let Some((base, offset)) = self.a.split(plain).filter(|_| self.scalar_local(plain).is_none())
            else {
                continue;
            };
            match self.a.constant(offset) {
                Some(at) => self.write_part(st, base, at + lo, at + hi, taint),
                None => self.scramble(st, plain, 2),
            }
        }
    }

    /// Some element was set: nothing is known of the object's first contents any more.
    fn touch(&mut self, st: &mut State, v: V) {
        let Some(base) = self.a.base(v).filter(|_| v != V::UNINIT) else { return };
        let epoch = self.a.next_number();
        let known = st.object(base).is_some();
        if !known && !crate::summary::is_entry_atom(&self.a, base) {
            return;
        }
        let object = st.object_mut(base);
        // This function's callers must know as well.
        object.touched = true;
        if object.content == Content::Uninit || object.content == Content::Zero {
            object.content = Content::Unknown(epoch);
        }
    }

    /// What the callee knows of strings, for the objects that start where its pointer points.
    fn import_strings(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        import: &mut Import<'_>,
        exit: &Exit,
    ) -> Vec<(Atom, Option<V>, Option<V>)> {
        let mut out = Vec::new();
        for &(base, length, filled) in &exit.strings {
            let at = self.import(st, call, import, base);
            if at == V::UNINIT {
                continue;
            }
            let length = length.map(|v| self.import(st, call, import, v));
            let filled = filled.map(|v| self.import(st, call, import, v));
            if let Some(base) = self.a.as_atom(at).filter(|&a| self.a.info(a).pointer) {
                out.push((base, length, filled));
            }
        }
        out
    }

    fn value_type(&self, v: V) -> TypeId {
        match self.a.as_atom(v) {
            Some(atom) if v != V::UNINIT => self.a.info(atom).ty,
            _ => TypeTable::UNKNOWN,
        }
    }

    fn import_taint(&mut self, import: &Import<'_>, id: u32) -> u32 {
        let Some(taint) = import.summary.arena.taint(id) else { return 0 };
        let mut taint = taint.clone();
        if taint.steps.len() < 8 {
            taint.steps.push(self.step(StepKind::Propagation, self.span, "comes back from the call".into()));
        }
        self.a.add_taint(taint)
    }

    fn import(&mut self, st: &mut State, call: &Call<'_>, import: &mut Import<'_>, v: V) -> V {
        let known = import.values[v.0 as usize];
        if known != NOT_YET {
            return known;
        }
        let summary = import.summary;
        let (k, terms) = summary.arena.lin(v);
        let mut out = self.a.int(k);
        for &(atom, c) in terms {
            let term = self.import_atom(st, call, import, atom);
            if term == V::UNINIT {
                out = V::UNINIT;
                break;
            }
            let scaled = self.a.scale(term, i128::from(c));
            out = self.a.add(out, scaled);
        }
        import.values[v.0 as usize] = out;
        out
    }

    fn import_atom(&mut self, st: &mut State, call: &Call<'_>, import: &mut Import<'_>, atom: Atom) -> V {
        let known = import.atoms[atom.0 as usize];
        if known != NOT_YET {
            return known;
        }
        let summary = import.summary;
        let info = summary.arena.info(atom);
        let v = match info.kind {
            AtomKind::Uninit => V::UNINIT,
            AtomKind::Param(i) => match call.args.get(i as usize) {
                Some(&v) => {
                    if info.pointer && v != V::UNINIT {
                        self.as_pointer(v);
                    }
                    v
                }
                None => self.a.unknown(),
            },
            AtomKind::Load(addr, 0) => {
                let at = self.import(st, call, import, addr);
                self.import_load(st, at, info)
            }
            AtomKind::AddrGlobal(id) => {
                let atom = self.global_atom(id);
                self.a.of_atom(atom)
            }
            AtomKind::AddrFunc(name) => {
                let atom = self.a.atom(AtomKind::AddrFunc(name), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            AtomKind::AddrStr(text, width) => {
                let atom = self.a.atom(AtomKind::AddrStr(text, width), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            AtomKind::BitField(name) => {
                let atom = self.a.atom(AtomKind::BitField(name), 0, 0);
                self.a.of_atom(atom)
            }
            AtomKind::FieldOffset(name) => {
                let atom = self.a.atom(AtomKind::FieldOffset(name), 0, 1 << 16);
                self.a.of_atom(atom)
            }
            AtomKind::Extent(base) => {
                let p = self.import_atom(st, call, import, base);
                self.extent_at(st, p)
            }
            AtomKind::Before(base) => {
                let p = self.import_atom(st, call, import, base);
                self.distance_before(st, p)
            }
            AtomKind::StrLen(addr, 0, width) => {
                let p = self.import(st, call, import, addr);
                match p {
                    V::UNINIT => self.a.unknown(),
                    p => self.strlen(st, p, width),
                }
            }
            AtomKind::Op(op, a, b, bits) => {
                let (x, y) = (self.import(st, call, import, a), self.import(st, call, import, b));
                let ty = match bits {
                    8 => Some(TypeTable::U8),
                    16 => Some(TypeTable::U16),
                    32 if info.lo < 0 => Some(TypeTable::I32),
                    32 => Some(TypeTable::U32),
                    64 if info.lo < 0 => Some(TypeTable::I64),
                    64 => Some(TypeTable::U64),
                    _ => None,
                };
                self.quiet(|this| this.binary(st, op, x, y, ty, ty))
            }
            AtomKind::Derived(from, behind, by) => {
                let x = self.import(st, call, import, from);
                self.derived_here(st, x, behind, by, info)
            }
            AtomKind::Cmp(op, a, b, unsigned) => {
                let (x, y) = (self.import(st, call, import, a), self.import(st, call, import, b));
                self.compare(st, op, x, y, unsigned)
            }
            AtomKind::Wrap(v, bits, signed) => {
                let x = self.import(st, call, import, v);
                let ty = self.types().intern(Type::Int { bits, signed });
                self.quiet(|this| this.cast(st, x, None, ty))
            }
            _ => {
                let v = self.typed_fresh(info.ty, info.name);
                let taint = self.import_taint(import, info.taint);
                let span = self.span;
                if let Some(new) = self.a.as_atom(v) {
                    self.a.set_pointer(new, info.pointer);
                    let target = self.a.info_mut(new);
                    target.lo = info.lo;
                    target.hi = info.hi;
                    target.taint = taint;
                    target.null = info.null.map(|(origin, _)| (origin, span));
                    target.field = info.field;
                }
                v
            }
        };
        import.atoms[atom.0 as usize] = v;
        v
    }

    /// Runs without leaving issues behind: the callee's own arithmetic was judged there.
    pub fn quiet<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> R {
        let before = std::mem::replace(&mut self.muted, true);
        let result = run(self);
        self.muted = before;
        result
    }

    fn import_load(&mut self, st: &mut State, at: V, info: &crate::value::AtomInfo) -> V {
        if at == V::UNINIT {
            return self.a.unknown();
        }
        self.as_pointer(at);
        let plain = self.a.plain(at);
        if let Some(local) = self.scalar_local(plain) {
            let v = st.locals[local.index()];
            if v == V::UNINIT {
                let fresh = self.typed_fresh(info.ty, info.name);
                return fresh;
            }
            return v;
        }
        let v = self.load(st, at, info.ty, info.name, info.field);
        if v == V::UNINIT { self.typed_fresh(info.ty, info.name) } else { v }
    }

    /// What the callee derived from its input, in terms of what that is here.
    fn derived_here(
        &mut self,
        st: &mut State,
        from: V,
        behind: bool,
        by: u32,
        info: &crate::value::AtomInfo,
    ) -> V {
        if from == V::UNINIT || self.a.constant(from).is_some() {
            return self.typed_fresh(info.ty, info.name);
        }
        let plain = self.a.plain(from);
        let unchanged = self.a.base(from).is_some_and(|b| {
            crate::summary::is_entry_atom(&self.a, b)
                && st.object(b).is_none_or(|o| o.content == Content::Initial && o.part.is_none())
        });
        let v = if behind && !unchanged {
            self.typed_fresh(info.ty, info.name)
        } else {
            let atom = self.a.atom(AtomKind::Derived(plain, behind, by), info.lo, info.hi);
            self.a.info_mut(atom).name = info.name;
            self.a.info_mut(atom).ty = info.ty;
            self.a.of_atom(atom)
        };
        let taint = if behind { self.taint_behind(st, from) } else { self.a.taint_of(from) };
        if let (Some(atom), true) = (self.a.as_atom(v), taint != 0) {
            self.a.info_mut(atom).taint = taint;
        }
        v
    }

    /// Bytes from the start of an object to an address in it.
    pub fn distance_before(&mut self, st: &mut State, p: V) -> V {
        if p == V::UNINIT {
            return self.a.unknown();
        }
        self.as_pointer(p);
        let Some((base, offset)) = self.a.split(p) else { return self.a.unknown() };
        let offset = self.a.plain(offset);
        if crate::state::is_named(&self.a, base) || self.object_size(st, base).is_some() {
            return offset;
        }
        let before = self.a.atom(AtomKind::Before(base), MIN, MAX);
        let before = self.a.of_atom(before);
        self.a.add(before, offset)
    }

    /// Bytes from an address to the end of its object.
    pub fn extent_at(&mut self, st: &mut State, p: V) -> V {
        if p == V::UNINIT {
            return self.a.unknown();
        }
        self.as_pointer(p);
        if let Some((start, bytes)) = self.a.sub_object(p) {
            let plain = self.a.plain(p);
            let rel = self.a.sub(plain, start);
            if self.a.base(rel).is_none() {
                let size = self.a.int(i128::from(bytes));
                return self.a.sub(size, rel);
            }
        }
        let Some((base, offset)) = self.a.split(p) else { return self.a.unknown() };
        let offset = self.a.plain(offset);
        let size = match self.object_size(st, base) {
            Some(size) => size,
            None => self.extent(base),
        };
        self.a.sub(size, offset)
    }
}

/// What a base address of the callee's points to.
fn pointee_type(this: &Interp<'_>, import: &Import<'_>, v: V) -> TypeId {
    let arena = &import.summary.arena;
    let ty = match arena.lin(v) {
        (0, &[(atom, 1)]) => this.types().pointee(arena.info(atom).ty),
        _ => None,
    };
    ty.unwrap_or(TypeTable::UNKNOWN)
}

/// One application of a summary: what its atoms are here.
struct Import<'s> {
    summary: &'s Summary,
    atoms: Vec<V>,
    values: Vec<V>,
}

const NOT_YET: V = V(u32::MAX);

impl<'s> Import<'s> {
    fn new(summary: &'s Summary) -> Self {
        let (values, atoms) = summary.arena.sizes();
        Import { summary, atoms: vec![NOT_YET; atoms], values: vec![NOT_YET; values] }
    }
}
