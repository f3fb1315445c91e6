//! Judging needs against states: what is proven safe, what is a defect, and what only the
//! caller can tell and therefore goes into the summary.

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{BinOp, Place, Type, TypeId};

use crate::interp::{Interp, int_bounds};
use crate::models::{SinkKind, SourceKind};
use crate::observe::Issue;
use crate::state::{Content, Life, State, is_named};
use crate::summary::{
    AccessKind, Need, Obligation, Site, entry_constraints, entry_facts, is_entry, mentions_entry,
};
use crate::value::{Atom, AtomKind, MAX, MIN, NullOrigin, V};

/// Obligations a summary may carry.
const MAX_OBLIGATIONS: usize = 40;
/// Calls that an obligation may travel up.
const MAX_CHAIN: usize = 6;

/// Why a need is not met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub message: String,
    pub features: Vec<(&'static str, f32)>,
    pub steps: Vec<PathStep>,
}

pub(crate) enum Verdict {
    Safe,
    Bad(Evidence),
    Open,
}

impl Interp<'_> {
    // ---- the needs of each kind of instruction ----

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
        if i == V::UNINIT {
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
            Some(banbury_ir::Op::Assign { dst, .. }) => dst == place,
            Some(banbury_ir::Op::Call { dst: Some(dst), .. }) => dst == place,
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
        }
        if let Some((start, bytes)) = self.a.sub_object(addr) {
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
            if self.a.constant(object) == Some(0) {
                return;
            }
            let end = self.a.add(offset, size);
            let excess = self.a.sub(end, object);
            let mut site = self.site(what, region);
            if matches!(self.a.info(base).kind, AtomKind::AddrLocal(_) | AtomKind::AddrGlobal(_)) {
                site.features.push(("object.known", 1.0));
            }
            self.require_within(st, excess, offset, kind, site);
            return;
        }
        if is_named(&self.a, base) {
            return;
        }
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
        if let Some(length) = self.paired_length(st, base) {
            let with_extent = self.a.add(excess, extent);
            let logical = self.a.sub(with_extent, length);
            if st.proves_le0(&mut self.a, logical) {
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
                Some(self.load(st, at, ty, name, Some((record, sibling))))
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
        if interesting {
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
        if !tainted && k.is_none() && !is_entry(&self.a, v) {
            return;
        }
        let sign_change = source.1 != signed;
        let mut site = self.site(self.name_of(v), "");
        if sign_change && !signed && source.0 < 32 && bits > source.0 {
            site.features.push(("convert.extended", 1.0));
        }
        self.require(st, Need::Converts(v, bits, signed, sign_change && bits >= source.0), site);
    }

    // ---- deciding ----

    /// Judges a need; reports it, passes it to the callers, or drops it.
    pub fn require(&mut self, st: &mut State, need: Need, site: Site) {
        self.require_from(st, need, site, Vec::new());
    }

    pub fn require_from(&mut self, st: &mut State, need: Need, site: Site, chain: Vec<PathStep>) {
        if self.muted {
            return;
        }
        match self.judge(st, &need, &site) {
            Verdict::Safe => {}
            Verdict::Bad(evidence) => self.report(st, &need, &site, &chain, evidence),
            Verdict::Open => self.export(st, need, site, chain),
        }
    }

    /// Whether a callee's need is in doubt here, or the caller's to meet.
    pub fn worth_guarding(&mut self, st: &mut State, need: &Need, site: &Site) -> bool {
        match self.judge(st, need, site) {
            Verdict::Safe => false,
            Verdict::Bad(_) => true,
            Verdict::Open => {
                let has_extent =
                    self.a.lin(need.value()).terms.len() > 1 || mentions_entry(&self.a, need.value());
                self.obligations.len() < MAX_OBLIGATIONS && has_extent
            }
        }
    }

    fn export(&mut self, st: &State, need: Need, site: Site, chain: Vec<PathStep>) {
        let v = need.value();
        let depends = is_entry(&self.a, v) && mentions_entry(&self.a, v)
            || matches!(need, Need::Trusted(..))
                && self
                    .a
                    .base(v)
                    .is_some_and(|b| crate::summary::is_entry_atom(&self.a, b) && mentions_entry(&self.a, v));
        if !depends || self.obligations.len() >= MAX_OBLIGATIONS || chain.len() > MAX_CHAIN {
            return;
        }
        if self.obligations.iter().any(|o| o.site.span == site.span && same_kind(&o.need, &need)) {
            return;
        }
        let obligation = Obligation {
            need,
            guard_facts: entry_facts(&self.a, st, 10),
            guard_cons: entry_constraints(&self.a, st, 8),
            site,
            chain,
        };
        self.obligations.push(obligation);
    }

    fn judge(&mut self, st: &mut State, need: &Need, site: &Site) -> Verdict {
        let v = need.value();
        if v == V::UNINIT {
            return Verdict::Safe;
        }
        match *need {
            Need::Within { excess, under, .. } => self.judge_within(st, excess, under),
            Need::NonNull(v) => self.judge_non_null(st, v, site),
            Need::Live(v) => self.judge_live(st, v),
            Need::Initialised(v) => self.judge_initialised(st, v),
            Need::NonZero(v) => self.judge_non_zero(st, v),
            Need::Holds(v) => self.judge_holds(st, v),
            Need::Trusted(v, kind, pointee) => self.judge_trusted(st, v, kind, pointee),
            Need::Releasable(v, family) => self.judge_releasable(st, v, family),
            Need::Bounded(v, kind) => self.judge_bounded(st, v, kind),
            Need::Fits(v, bits, signed, subtraction) => self.judge_fits(st, v, bits, signed, subtraction),
            Need::Converts(v, bits, signed, sign) => self.judge_converts(st, v, bits, signed, sign),
        }
    }

    fn judge_within(&mut self, st: &mut State, excess: V, under: bool) -> Verdict {
        if st.proves_le0(&mut self.a, excess) {
            return Verdict::Safe;
        }
        let (lo, hi) = st.bounds(&self.a, excess);
        if lo > 0 {
            let by = if lo == hi { format!("{lo}") } else { format!("at least {lo}") };
            return Verdict::Bad(Evidence {
                message: format!(
                    "{by} {} outside",
                    if lo == 1 { "element or byte" } else { "elements or bytes" }
                ),
                features: vec![("bound.certain", 1.0)],
                steps: Vec::new(),
            });
        }
        let upper = st.upper(&mut self.a, excess);
        let lin = self.a.lin(excess).clone();
        let (mut taint, mut narrowed, mut related, mut counted) = (0, true, false, false);
        for &(atom, c) in &lin.terms {
            let info = self.a.info(atom);
            let bounds = st.bounds_of_atom(&self.a, atom);
            let (side, default) = if c > 0 { (bounds.1, info.hi) } else { (bounds.0, info.lo) };
            if c < 0 && side == default {
                // How much there is at least is not known: no check was seen to be too weak.
                narrowed = false;
            }
            if c > 0 || under {
                if info.taint != 0 {
                    taint = info.taint;
                }
                if side == default && (side >= MAX || side <= MIN || !matches!(info.kind, AtomKind::Fresh(_)))
                {
                    narrowed = false;
                }
                related |= st
                    .cons
                    .iter()
                    .any(|&k| self.a.lin(k).terms.iter().any(|&(x, d)| x == atom && (d > 0) == (c > 0)));
            }
            counted |= matches!(info.kind, AtomKind::Extent(_));
        }
        if counted {
            // How large the object is, nobody here knows.
            return Verdict::Open;
        }
        if taint != 0 {
            // Related to another unknown by a comparison: somebody looked at it.
            if related && upper >= i128::from(i32::MAX) {
                return Verdict::Open;
            }
            let known = self.a.taint(taint).cloned();
            let mut features = vec![("bound.tainted", 1.0)];
            if known.as_ref().is_some_and(|t| t.inferred) {
                features.push(("taint.inferred", 1.0));
            }
            let limit = limit_text(upper);
            return Verdict::Bad(Evidence {
                message: format!("untrusted value exceeds the bound by up to {limit}"),
                features,
                steps: known.map(|t| t.steps).unwrap_or_default(),
            });
        }
        if narrowed && !related && upper > 0 && upper < 1 << 24 && !lin.terms.is_empty() {
            return Verdict::Bad(Evidence {
                message: format!("the check allows up to {upper} too many"),
                features: vec![("bound.weak-check", 1.0)],
                steps: Vec::new(),
            });
        }
        Verdict::Open
    }

    fn judge_non_null(&mut self, st: &mut State, v: V, _site: &Site) -> Verdict {
        if let Some(base) = self.a.base(v) {
            if st.object(base).is_some_and(|o| matches!(o.life, Life::Freed { .. } | Life::Dead(_))) {
                return self.judge_live(st, v);
            }
        }
        let (lo, hi) = st.bounds(&self.a, v);
        if lo > 0
            || self.a.base(v).is_some_and(|b| is_named(&self.a, b) && st.bounds_of_atom(&self.a, b).0 > 0)
        {
            return Verdict::Safe;
        }
        let reason = st.null_reason(&self.a, v);
        if lo == 0 && hi == 0 {
            let mut features = vec![("null.certain", 1.0)];
            let mut steps = Vec::new();
            if let Some((origin, span, atom)) = reason {
                features.push(origin_feature(origin));
                steps.push(self.null_step(origin, span, atom));
            } else if self.a.constant(v).is_none() {
                // Known only because it was compared with null on the way here.
                features.push(("null.checked-before", 1.0));
            }
            return Verdict::Bad(Evidence { message: "is null here".into(), features, steps });
        }
        if let Some((origin, span, atom)) = reason {
            let steps = if span.is_none() { Vec::new() } else { vec![self.null_step(origin, span, atom)] };
            return Verdict::Bad(Evidence {
                message: "may be null".into(),
                features: vec![origin_feature(origin)],
                steps,
            });
        }
        Verdict::Open
    }

    fn null_step(&self, origin: NullOrigin, span: Span, atom: Atom) -> PathStep {
        let name = self.a.info(atom).name;
        let message = match origin {
            NullOrigin::Allocation => "memory is allocated; null on failure".into(),
            NullOrigin::Lookup => format!("{} may be null from here", quoted(name)),
            NullOrigin::Assigned => "null on some path".into(),
            NullOrigin::Optional => format!("{} is optional", quoted(name)),
        };
        self.step(StepKind::Source, span, message)
    }

    fn judge_live(&mut self, st: &mut State, v: V) -> Verdict {
        let Some(base) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { return Verdict::Safe };
        match st.object(base).map(|o| o.life) {
            Some(Life::Freed { span, .. }) => Verdict::Bad(Evidence {
                message: "was released before".into(),
                features: vec![("freed.certain", 1.0)],
                steps: vec![self.step(StepKind::Source, span, "released here".into())],
            }),
            Some(Life::Dead(span)) => Verdict::Bad(Evidence {
                message: "is out of scope".into(),
                features: vec![("freed.scope", 1.0)],
                steps: vec![self.step(StepKind::Source, span, "its scope ends here".into())],
            }),
            _ => Verdict::Open,
        }
    }

    /// A string that is read before anything was stored in its object.
    fn judge_initialised(&self, st: &State, v: V) -> Verdict {
        let Some(base) = self.a.base(v) else { return Verdict::Open };
        let untouched = st.object(base).is_some_and(|o| o.content == Content::Uninit)
            && !st.cells.iter().any(|c| self.a.base(c.0) == Some(base));
        match untouched {
            true => Verdict::Bad(Evidence {
                message: "is read before it is set".into(),
                features: vec![("uninit.certain", 1.0)],
                steps: Vec::new(),
            }),
            false if is_named(&self.a, base) => Verdict::Safe,
            false => Verdict::Open,
        }
    }

    fn judge_non_zero(&mut self, st: &mut State, v: V) -> Verdict {
        let (lo, hi) = st.bounds(&self.a, v);
        if lo > 0 || hi < 0 {
            return Verdict::Safe;
        }
        if let Some(atom) = self.a.as_atom(v) {
            if st.neq.contains(&(atom, 0)) {
                return Verdict::Safe;
            }
        }
        if lo == 0 && hi == 0 {
            return Verdict::Bad(Evidence {
                message: "is zero".into(),
                features: vec![("zero.certain", 1.0)],
                steps: Vec::new(),
            });
        }
        if self.looked_at(st, v) {
            return Verdict::Safe;
        }
        match self.a.taint(self.a.taint_of(v)).cloned() {
            Some(taint) => Verdict::Bad(Evidence {
                message: "is untrusted and may be zero".into(),
                features: taint_features(&taint),
                steps: taint.steps,
            }),
            None => Verdict::Open,
        }
    }

    fn judge_holds(&mut self, st: &mut State, cond: V) -> Verdict {
        let verdict = self.judge_condition(st, cond);
        let Verdict::Bad(mut evidence) = verdict else { return verdict };
        // Null because a lookup found nothing: certain on this path, but is the path?
        let origin = self.null_in(cond).map(|n| n.0).filter(|o| *o != NullOrigin::Assigned);
        if let (Some(origin), Some(certain)) =
            (origin, evidence.features.iter().position(|f| f.0 == "assert.certain"))
        {
            evidence.features.remove(certain);
            evidence.features.push(("assert.lookup", 1.0));
            evidence.features.push(origin_feature(origin));
        }
        Verdict::Bad(evidence)
    }

    fn judge_condition(&mut self, st: &mut State, cond: V) -> Verdict {
        match st.constant(&self.a, cond) {
            Some(0) => {
                return Verdict::Bad(Evidence {
                    message: "does not hold".into(),
                    features: vec![("assert.certain", 1.0)],
                    steps: Vec::new(),
                });
            }
            Some(_) => return Verdict::Safe,
            None => {}
        }
        let mut taint = self.a.taint_of(cond);
        let mut null = None;
        if let Some(atom) = self.a.as_atom(cond) {
            if let AtomKind::Cmp(op, a, b, _) = self.a.info(atom).kind {
                if let Some(truth) = st.decide(&mut self.a, op, a, b) {
                    return match truth {
                        true => Verdict::Safe,
                        false => Verdict::Bad(Evidence {
                            message: "does not hold".into(),
                            features: vec![("assert.certain", 1.0)],
                            steps: Vec::new(),
                        }),
                    };
                }
                taint = if taint != 0 { taint } else { self.a.taint_of(a) };
                null = st.null_reason(&self.a, a);
            } else {
                null = st.null_reason(&self.a, cond);
            }
        }
        if let Some(taint) = self.a.taint(taint).cloned() {
            return Verdict::Bad(Evidence {
                message: "depends on untrusted data".into(),
                features: taint_features(&taint),
                steps: taint.steps,
            });
        }
        if let Some((origin, span, atom)) = null {
            if origin != NullOrigin::Assigned {
                return Verdict::Bad(Evidence {
                    message: "asserts what may be null".into(),
                    features: vec![("assert.lookup", 1.0), origin_feature(origin)],
                    steps: vec![self.null_step(origin, span, atom)],
                });
            }
        }
        Verdict::Open
    }

    fn judge_trusted(&mut self, st: &mut State, v: V, kind: SinkKind, pointee: bool) -> Verdict {
        if self.a.constant(v).is_some() {
            return Verdict::Safe;
        }
        let mut taint = self.a.taint_of(v);
        if let (Some(base), true) = (self.a.base(v), pointee) {
            if matches!(self.a.info(base).kind, AtomKind::AddrStr(..)) {
                return Verdict::Safe;
            }
            if let Some(object) = st.object(base) {
                taint = if object.taint != 0 {
                    object.taint
                } else if taint != 0 {
                    taint
                } else {
                    0
                };
            }
            if let AtomKind::AddrLocal(_) = self.a.info(base).kind {
                taint = st.object(base).map_or(0, |o| o.taint);
            }
        }
        match self.a.taint(taint).filter(|t| t.kind != SourceKind::Random).cloned() {
            Some(taint) => Verdict::Bad(Evidence {
                message: format!("untrusted data {}", sink_text(kind)),
                features: taint_features(&taint),
                steps: taint.steps,
            }),
            None => Verdict::Open,
        }
    }

    fn judge_releasable(&mut self, st: &mut State, v: V, family: Symbol) -> Verdict {
        if st.constant(&self.a, v) == Some(0) {
            return Verdict::Safe;
        }
        // A descriptor is no pointer, but has a life as well.
        let whole = self.a.as_atom(v).map(|atom| (atom, V::ZERO));
        let split = self.a.split(v).map(|(base, offset)| (base, self.a.plain(offset)));
        let Some((base, offset)) = split.or(whole) else { return Verdict::Open };
        match self.a.info(base).kind {
            AtomKind::AddrLocal(_)
            | AtomKind::AddrGlobal(_)
            | AtomKind::AddrStr(..)
            | AtomKind::AddrFunc(_) => {
                // Other families release what an object holds, wherever the object itself lies.
                if !matches!(family.as_str(), "malloc" | "new" | "new[]" | "k" | "g") {
                    return Verdict::Safe;
                }
                return Verdict::Bad(Evidence {
                    message: "was not allocated on the heap".into(),
                    features: vec![("free.not-heap", 1.0)],
                    steps: Vec::new(),
                });
            }
            _ => {}
        }
        let life = st.object(base).map_or(Life::Static, |o| o.life);
        if matches!(life, Life::Escaped { family } if family == "stack") {
            return Verdict::Bad(Evidence {
                message: "was not allocated on the heap".into(),
                features: vec![("free.not-heap", 1.0)],
                steps: Vec::new(),
            });
        }
        if let Life::Freed { span, .. } = life {
            return Verdict::Bad(Evidence {
                message: "was released before".into(),
                features: vec![("freed.certain", 1.0), ("free.double", 1.0)],
                steps: vec![self.step(StepKind::Source, span, "released here first".into())],
            });
        }
        let (lo, hi) = st.bounds(&self.a, offset);
        let allocated = matches!(life, Life::Owned { .. } | Life::Escaped { .. });
        if (lo > 0 || hi < 0) && (allocated || self.a.constant(offset).is_some()) {
            if allocated {
                return Verdict::Bad(Evidence {
                    message: "does not point to the start of its memory".into(),
                    features: vec![("free.offset", 1.0)],
                    steps: Vec::new(),
                });
            }
        } else if allocated && lo == 0 && hi > 0 && self.a.constant(offset).is_none() {
            return Verdict::Bad(Evidence {
                message: "may not point to the start of its memory".into(),
                features: vec![("free.offset", 0.5)],
                steps: Vec::new(),
            });
        }
        if let Life::Owned { family: own, span } | Life::Freed { family: own, span } = life {
            if own != family && !family.is_empty() && !own.is_empty() {
                return Verdict::Bad(Evidence {
                    message: format!(
                        "was allocated by the {own} family and is released by the {family} family"
                    ),
                    features: vec![("free.family", 1.0)],
                    steps: vec![self.step(StepKind::Source, span, format!("allocated here ({own})"))],
                });
            }
            return Verdict::Safe;
        }
        Verdict::Open
    }

    fn judge_bounded(&mut self, st: &mut State, v: V, kind: SinkKind) -> Verdict {
        if self.a.constant(v).is_some() {
            return Verdict::Safe;
        }
        let (_, hi) = st.bounds(&self.a, v);
        let limit = if kind == SinkKind::AllocationSize { 1 << 24 } else { 1 << 20 };
        if hi <= limit {
            return Verdict::Safe;
        }
        let related = st.cons.iter().any(|&k| {
            self.a
                .lin(k)
                .terms
                .iter()
                .any(|&(x, d)| d > 0 && self.a.lin(v).terms.iter().any(|&(y, c)| x == y && c > 0))
        });
        if related {
            return Verdict::Safe;
        }
        match self.a.taint(self.a.taint_of(v)).cloned() {
            Some(taint) => Verdict::Bad(Evidence {
                message: format!("untrusted value without an upper bound {}", sink_text(kind)),
                features: taint_features(&taint),
                steps: taint.steps,
            }),
            None => Verdict::Open,
        }
    }

    /// Whether a decision on the way compared what the value is made of with another unknown:
    /// `abs(x) < sqrt(max)` before `x * x`, `fabs(x) > epsilon` before a division by `x`.
    fn looked_at(&self, st: &State, v: V) -> bool {
        let mut parts = Vec::new();
        self.parts(v, 3, &mut parts);
        let mut node = st.trace.as_ref();
        for _ in 0..8 {
            let Some(trace) = node else { return false };
            node = trace.before.as_ref();
            let Some(atom) = self.a.as_atom(trace.cond).filter(|_| trace.cond != V::UNINIT) else { continue };
            let AtomKind::Cmp(_, a, b, _) = self.a.info(atom).kind else { continue };
            if self.a.constant(a).is_some() || self.a.constant(b).is_some() {
                continue;
            }
            let mut compared = Vec::new();
            self.parts(a, 3, &mut compared);
            self.parts(b, 3, &mut compared);
            if compared.iter().any(|c| parts.contains(c)) {
                return true;
            }
        }
        false
    }

    /// Atoms that the value is computed from.
    fn parts(&self, v: V, depth: u32, out: &mut Vec<Atom>) {
        if v == V::UNINIT || depth == 0 || out.len() > 16 {
            return;
        }
        for &(atom, _) in &self.a.lin(v).terms {
            match self.a.info(atom).kind {
                AtomKind::Op(_, a, b, _) => {
                    self.parts(a, depth - 1, out);
                    self.parts(b, depth - 1, out);
                }
                AtomKind::Wrap(inner, ..) | AtomKind::Derived(inner, false, _) => {
                    self.parts(inner, depth - 1, out);
                }
                _ => {}
            }
            out.push(atom);
        }
    }

    fn judge_fits(&mut self, st: &mut State, v: V, bits: u16, signed: bool, subtraction: bool) -> Verdict {
        let (min, max) = int_bounds((bits, signed));
        let over = self.a.plus(v, -max);
        let negative = self.a.scale(v, -1);
        let under = self.a.plus(negative, min);
        let (safe_over, safe_under) = (st.proves_le0(&mut self.a, over), st.proves_le0(&mut self.a, under));
        if safe_over && safe_under {
            return Verdict::Safe;
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let direction = if !safe_under && (subtraction || safe_over) { "below" } else { "above" };
        if lo > max || hi < min {
            return Verdict::Bad(Evidence {
                message: format!(
                    "is {} the range of {bits}-bit values",
                    if lo > max { "above" } else { "below" }
                ),
                features: vec![("wrap.certain", 1.0)],
                steps: Vec::new(),
            });
        }
        let lin = self.a.lin(v).clone();
        // A comparison that mentions the value means that somebody looked.
        let compared = st
            .cons
            .iter()
            .any(|&k| self.a.lin(k).terms.iter().any(|&(x, _)| lin.terms.iter().any(|&(y, _)| x == y)));
        if self.looked_at(st, v) {
            return Verdict::Safe;
        }
        match self.a.taint(self.a.taint_of(v)).cloned() {
            Some(taint) if !compared => {
                let mut features = taint_features(&taint);
                if lin.terms.len() > 1 {
                    features.push(("wrap.several", 1.0));
                }
                Verdict::Bad(Evidence {
                    message: format!("may go {direction} the range of {bits}-bit values"),
                    features,
                    steps: taint.steps,
                })
            }
            Some(_) => Verdict::Open,
            None => Verdict::Open,
        }
    }

    fn judge_converts(&mut self, st: &mut State, v: V, bits: u16, signed: bool, sign: bool) -> Verdict {
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo >= min && hi <= max {
            return Verdict::Safe;
        }
        if lo > max || hi < min {
            let verb = if sign { "changes its sign" } else { "is truncated" };
            return Verdict::Bad(Evidence {
                message: format!("{verb} when converted to {bits} bits"),
                features: vec![("convert.certain", 1.0)],
                steps: Vec::new(),
            });
        }
        match self.a.taint(self.a.taint_of(v)).cloned() {
            Some(taint) => Verdict::Bad(Evidence {
                message: format!(
                    "untrusted value may {} when converted to {bits} bits",
                    if sign { "change its sign" } else { "be truncated" }
                ),
                features: taint_features(&taint),
                steps: taint.steps,
            }),
            None => Verdict::Open,
        }
    }

    // ---- reporting ----

    pub fn report_uninit(&mut self, st: &State, name: Symbol) {
        if name.is_empty() || self.lenient || self.muted {
            return;
        }
        let evidence = Evidence {
            message: "is read before it is set".into(),
            features: vec![("uninit.certain", 1.0)],
            steps: Vec::new(),
        };
        let site = self.site(name, "stack");
        let v = V::ZERO;
        self.report(st, &Need::Initialised(v), &site, &[], evidence);
    }

    pub fn report(&mut self, st: &State, need: &Need, site: &Site, chain: &[PathStep], evidence: Evidence) {
        let (rule, cwe) = classify(need, site, &evidence);
        if !self.issue_keys.insert((rule, site.span, site.function)) {
            return;
        }
        let message = sentence(need, site, &evidence);
        let mut steps = evidence.steps;
        if !chain.is_empty() {
            steps.extend(self.branch_steps(st, 3));
            steps.extend(chain.iter().cloned());
        } else {
            steps.extend(self.branch_steps(st, 5));
        }
        let mut features = evidence.features;
        features.extend(site.features.iter().copied());
        if !chain.is_empty() {
            features.push(("path.calls", chain.len() as f32));
        }
        if self.f.blocks.len() > 200 {
            features.push(("function.large", 1.0));
        }
        if !site.in_macro.is_empty() {
            features.push(("site.macro", 1.0));
        }
        self.issues.push(Issue {
            rule,
            cwe,
            span: site.span,
            function: site.function,
            message,
            steps,
            features,
        });
    }

    /// The last decisions on the way, oldest first.
    fn branch_steps(&self, st: &State, limit: usize) -> Vec<PathStep> {
        let mut steps = Vec::new();
        let mut node = st.trace.as_ref();
        while let Some(trace) = node {
            if steps.len() >= limit {
                break;
            }
            let outcome = if trace.taken { "true" } else { "false" };
            steps.push(self.step(StepKind::Branch, trace.span, format!("the condition is {outcome}")));
            node = trace.before.as_ref();
        }
        steps.reverse();
        steps
    }
}

fn same_kind(a: &Need, b: &Need) -> bool {
    match (a, b) {
        (Need::Within { under: x, .. }, Need::Within { under: y, .. }) => x == y,
        _ => std::mem::discriminant(a) == std::mem::discriminant(b) && a.value() == b.value(),
    }
}

fn quoted(name: Symbol) -> String {
    if name.is_empty() { "the value".into() } else { format!("'{name}'") }
}

fn limit_text(k: i128) -> String {
    if k >= 1 << 31 { "any amount".into() } else { k.to_string() }
}

fn taint_features(taint: &crate::value::Taint) -> Vec<(&'static str, f32)> {
    let name = match taint.kind {
        SourceKind::Network => "taint.network",
        SourceKind::File => "taint.file",
        SourceKind::Environment => "taint.environment",
        SourceKind::Console => "taint.console",
        SourceKind::Ipc => "taint.ipc",
        SourceKind::CommandLine => "taint.command-line",
        SourceKind::Random => "taint.random",
    };
    let mut out = vec![(name, 1.0)];
    if taint.inferred {
        out.push(("taint.inferred", 1.0));
    }
    out
}

fn origin_feature(origin: NullOrigin) -> (&'static str, f32) {
    match origin {
        NullOrigin::Allocation => ("null.allocation", 1.0),
        NullOrigin::Lookup => ("null.lookup", 1.0),
        NullOrigin::Assigned => ("null.assigned", 1.0),
        NullOrigin::Optional => ("null.optional", 1.0),
    }
}

fn sink_text(kind: SinkKind) -> &'static str {
    match kind {
        SinkKind::Command => "becomes part of a command",
        SinkKind::Path => "becomes part of a file name",
        SinkKind::Format => "is used as a format string",
        SinkKind::Sql => "becomes part of an SQL statement",
        SinkKind::Ldap => "becomes part of an LDAP filter",
        SinkKind::Library => "selects a library to load",
        SinkKind::Configuration => "sets a configuration value",
        SinkKind::Log => "goes into a log",
        SinkKind::LoopCount => "bounds a loop",
        SinkKind::AllocationSize => "is an allocation size",
        SinkKind::Resource => "sets how long or how much of a resource is used",
    }
}

/// Rule and CWE number of an unmet need.
fn classify(need: &Need, site: &Site, evidence: &Evidence) -> (&'static str, u32) {
    let has = |name: &str| evidence.features.iter().chain(&site.features).any(|f| f.0 == name);
    match need {
        Need::Within { kind, under, index, .. } => {
            if has("address.tainted") {
                return ("tainted-index", 123);
            }
            let paired = has("length.paired") && !has("bound.certain") && !has("bound.tainted");
            if paired && *kind == AccessKind::Read {
                return ("unchecked-length-read", 125);
            }
            let cwe = match (kind, under, site.region) {
                (AccessKind::Write, true, _) => 124,
                (AccessKind::Read, true, _) => 127,
                (AccessKind::Write, false, "stack") => 121,
                (AccessKind::Write, false, "heap") => 122,
                (AccessKind::Write, false, _) => 787,
                (AccessKind::Read, false, "stack" | "heap" | "static") => 126,
                (AccessKind::Read, false, _) => 125,
            };
            let rule = match (has("bound.tainted"), index, kind) {
                (true, true, _) => "tainted-index",
                (true, false, AccessKind::Write) => "tainted-copy-length",
                (_, _, AccessKind::Write) => "buffer-overflow",
                (_, _, AccessKind::Read) => "buffer-overread",
            };
            (rule, cwe)
        }
        Need::NonNull(_) | Need::Live(_) if has("freed.certain") => ("use-after-free", 416),
        Need::NonNull(_) | Need::Live(_) if has("freed.scope") => ("use-after-free", 562),
        Need::NonNull(_) if has("null.allocation") => ("null-dereference", 690),
        Need::NonNull(_) => ("null-dereference", 476),
        Need::Live(_) => ("use-after-free", 416),
        Need::Initialised(_) => ("uninitialised-use", 457),
        Need::NonZero(_) => ("divide-by-zero", 369),
        Need::Holds(_) => ("reachable-assertion", 617),
        Need::Trusted(_, kind, _) => match kind {
            SinkKind::Command => ("command-injection", 78),
            SinkKind::Path => ("path-traversal", 22),
            SinkKind::Format => ("format-string", 134),
            SinkKind::Sql => ("sql-injection", 89),
            SinkKind::Ldap => ("command-injection", 90),
            SinkKind::Library => ("command-injection", 114),
            SinkKind::Configuration => ("command-injection", 15),
            _ => ("resource-exhaustion", 400),
        },
        Need::Releasable(_, family) => {
            // Files, sockets and the like; whatever else is released is memory with a destructor.
            let memory = !matches!(
                family.as_str(),
                "file"
                    | "fd"
                    | "dir"
                    | "pipe"
                    | "dl"
                    | "gz"
                    | "sem"
                    | "mq"
                    | "iconv"
                    | "apr_file"
                    | "pcap"
                    | "usrsctp"
            );
            if has("free.double") {
                if memory { ("double-free", 415) } else { ("operation-on-closed-resource", 675) }
            } else if has("free.family") {
                if memory { ("bad-free", 762) } else { ("mismatched-close", 404) }
            } else if has("free.offset") {
                ("bad-free", 761)
            } else {
                ("bad-free", 590)
            }
        }
        Need::Bounded(_, SinkKind::AllocationSize) => ("tainted-allocation-size", 789),
        Need::Bounded(_, SinkKind::LoopCount) => ("unbounded-loop", 606),
        Need::Bounded(..) => ("resource-exhaustion", 400),
        Need::Fits(_, _, _, subtraction) => match (subtraction, evidence.message.contains("below")) {
            (true, _) | (_, true) => ("integer-underflow", 191),
            _ => ("integer-overflow", 190),
        },
        Need::Converts(_, _, signed, sign) => match (sign, signed) {
            (true, false) if has("convert.extended") => ("sign-conversion", 194),
            (true, false) => ("sign-conversion", 195),
            (true, true) => ("sign-conversion", 196),
            _ => ("integer-truncation", 197),
        },
    }
}

fn sentence(need: &Need, site: &Site, evidence: &Evidence) -> String {
    let what = quoted(site.what);
    match need {
        Need::Within { kind, under, index, .. } => {
            if evidence.features.iter().any(|f| f.0 == "address.tainted") {
                return format!("write through {what}: {}", evidence.message);
            }
            let verb = if *kind == AccessKind::Write { "write" } else { "read" };
            let side = if *under { "before the start" } else { "past the end" };
            let how = if *index { "array index: " } else { "" };
            let region = if site.region.is_empty() { String::new() } else { format!(" ({})", site.region) };
            format!("{how}{verb} {side} of {what}{region}: {}", evidence.message)
        }
        Need::NonNull(_) | Need::Live(_) => format!("{what} {} and is dereferenced", evidence.message),
        Need::Initialised(_) => format!("{what} {}", evidence.message),
        Need::NonZero(_) => format!("division by {what}, which {}", evidence.message),
        Need::Holds(_) => format!("an assertion stops the process and {}", evidence.message),
        Need::Trusted(..) => format!("{} ({what})", evidence.message),
        Need::Releasable(..) => format!("{what} is released but {}", evidence.message),
        Need::Bounded(..) => format!("{what}: {}", evidence.message),
        Need::Fits(..) => format!("the result of arithmetic on {what} {}", evidence.message),
        Need::Converts(..) => format!("{what}: {}", evidence.message),
    }
}
