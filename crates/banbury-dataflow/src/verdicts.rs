//! Judging needs against states: what is proven safe, what is a defect, and what only the
//! caller can tell and therefore goes into the summary.

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{BinOp, Callee, Op, Terminator};

use crate::interp::Interp;
use crate::models::{SinkKind, SourceKind};
use crate::numbers::int_bounds;
use crate::reports::{limit_text, origin_feature, quoted, same_kind, sink_text, taint_features};
use crate::state::{Content, Life, State, Trace, is_named};
use crate::summary::{
    AccessKind, Need, Obligation, Site, entry_constraints, entry_exceptions, entry_facts, is_entry,
    mentions_entry, mentions_parameter,
};
use crate::value::{Atom, AtomKind, MAX, MIN, NullOrigin, V};

/// Obligations a summary may carry.
pub(crate) const MAX_OBLIGATIONS: usize = 40;
/// Calls that an obligation may travel up.
const MAX_CHAIN: usize = 6;
/// The same for one that speaks of global variables alone: who calls the caller knows no more of
/// them, and such needs of a logger would end up in every function there is.
const MAX_GLOBAL_CHAIN: usize = 1;

/// Why a need is not met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    pub message: String,
    pub features: Vec<(&'static str, f32)>,
    pub steps: Vec<PathStep>,
    /// It holds only if this atom counts the rounds of a loop.
    pub counter: Option<Atom>,
}

pub(crate) enum Verdict {
    Safe,
    Bad(Evidence),
    Open,
}

impl Interp<'_> {
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

    /// Whether a callee's need is in doubt here, or the caller's to meet; `calls` lie between
    /// here and the place in need.
    pub fn worth_guarding(&mut self, st: &mut State, need: &Need, site: &Site, calls: usize) -> bool {
        // What holds at the place can only make such needs safe: if the callers are not asked for
        // them either, there is nothing to find out. Most needs of a logger end here, at each of
        // its thousands of calls.
        if self.is_forgotten(need, site) {
            return true;
        }
        let settled = self.stays_open(st, need) && !self.is_exported(need, site, calls);
        if settled && !self.may_be_bad(need) {
            return false;
        }
        match self.judge(st, need, site) {
            Verdict::Safe => false,
            Verdict::Bad(_) => true,
            Verdict::Open => {
                let has_extent =
                    self.a.lin(need.value()).terms.len() > 1 || mentions_entry(&self.a, need.value());
                self.obligations.len() < MAX_OBLIGATIONS && has_extent && !settled
            }
        }
    }

    /// Whether an open need can become safe at most when more is known of numbers.
    fn stays_open(&self, st: &State, need: &Need) -> bool {
        match *need {
            Need::NonNull(_) | Need::Live(_) | Need::Trusted(..) | Need::Initialised(_) => true,
            Need::Within { excess, .. } if excess != V::UNINIT => {
                let extent = |t: &(Atom, i64)| matches!(self.a.info(t.0).kind, AtomKind::Extent(_));
                self.a.lin(excess).terms.iter().any(extent) && st.bounds(&self.a, excess).0 <= 0
            }
            Need::Releasable(v, _) => {
                let life = self.a.base(v).and_then(|b| st.object(b)).map_or(Life::Static, |o| o.life);
                matches!(life, Life::Static | Life::Maybe)
            }
            _ => false,
        }
    }

    /// Whether judging a need that stays open may show a defect.
    fn may_be_bad(&self, need: &Need) -> bool {
        !matches!(need, Need::Within { .. })
    }

    /// Whether an open need goes into the summary.
    fn is_exported(&self, need: &Need, site: &Site, calls: usize) -> bool {
        let v = need.value();
        let depends = is_entry(&self.a, v) && mentions_entry(&self.a, v)
            || matches!(need, Need::Trusted(..))
                && self
                    .a
                    .base(v)
                    .is_some_and(|b| crate::summary::is_entry_atom(&self.a, b) && mentions_entry(&self.a, v));
        let known = |o: &Obligation| o.site.span == site.span && same_kind(&o.need, need);
        depends
            && self.obligations.len() < MAX_OBLIGATIONS
            && calls <= if mentions_parameter(&self.a, v) { MAX_CHAIN } else { MAX_GLOBAL_CHAIN }
            && !self.obligations.iter().any(known)
    }

    /// A buffer with its length beside it that no caller knows of: it was found on the way, so
    /// the length has to be looked at here.
    fn is_forgotten(&self, need: &Need, site: &Site) -> bool {
        let Need::Within { excess, under: false, kind, .. } = *need else { return false };
        let has = |name: &str| site.features.iter().any(|f| f.0 == name);
        if excess == V::UNINIT || !has("length.paired") || has("length.compared") {
            return false;
        }
        let foreign = |t: &(Atom, i64)| match self.a.info(t.0).kind {
            AtomKind::Extent(base) => !crate::summary::is_entry_atom(&self.a, base),
            _ => false,
        };
        self.a.lin(excess).terms.iter().any(foreign)
            && !self.issue_keys.contains(&(crate::finish::unchecked_length(kind).0, site.span, site.function))
    }

    fn export(&mut self, st: &State, need: Need, mut site: Site, chain: Vec<PathStep>) {
        if !self.is_exported(&need, &site, chain.len()) {
            if self.is_forgotten(&need, &site) {
                site.features.push(("length.forgotten", 1.0));
                self.report_unchecked_length(&need, &site, &chain);
            }
            return;
        }
        let obligation = Obligation {
            need,
            guard_facts: entry_facts(&self.a, st, 10).into(),
            guard_cons: entry_constraints(&self.a, st, 8),
            guard_not: entry_exceptions(&self.a, st, 6).into(),
            site,
            chain: chain.into(),
        };
        self.obligations.push(obligation);
    }

    fn judge(&mut self, st: &mut State, need: &Need, site: &Site) -> Verdict {
        let v = need.value();
        if v == V::UNINIT {
            return Verdict::Safe;
        }
        match *need {
            Need::Within { excess, under, kind, .. } => self.judge_within(st, excess, under, kind),
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

    fn judge_within(&mut self, st: &mut State, excess: V, under: bool, kind: AccessKind) -> Verdict {
        if st.proves_le0(&mut self.a, excess) {
            return Verdict::Safe;
        }
        let (lo, hi) = st.bounds(&self.a, excess);
        if lo > 0 {
            let by = if lo == hi { format!("{lo}") } else { format!("at least {lo}") };
            let mut features = vec![("bound.certain", 1.0)];
            features.extend(self.certain_only_if(st, excess, under));
            return Verdict::Bad(Evidence {
                message: format!(
                    "{by} {} outside",
                    if lo == 1 { "element or byte" } else { "elements or bytes" }
                ),
                features,
                steps: Vec::new(),
                counter: None,
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
                // What is left of a division is less than what it was divided by.
                let remainder = matches!(info.kind, AtomKind::Op(BinOp::Rem, _, by, _)
                    if self.a.constant(by).is_none());
                if info.taint != 0 && !remainder {
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
        if counted || self.starts_elsewhere(st, excess) {
            // How large the object is, or where it starts, nobody here knows.
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
                counter: None,
            });
        }
        if let Some(verdict) = self.judge_length(st, excess, under, kind) {
            return verdict;
        }
        if narrowed && !related && upper > 0 && upper < 1 << 24 && !lin.terms.is_empty() {
            return Verdict::Bad(Evidence {
                message: format!("the check allows up to {upper} too many"),
                features: vec![("bound.weak-check", 1.0)],
                steps: Vec::new(),
                counter: None,
            });
        }
        Verdict::Open
    }

    /// Whether an access lies before its object only if the pointer that was passed in does.
    fn starts_elsewhere(&mut self, st: &mut State, excess: V) -> bool {
        let is_before = |t: &&(Atom, i64)| matches!(self.a.info(t.0).kind, AtomKind::Before(_));
        let Some(&(before, c)) = self.a.lin(excess).terms.iter().find(is_before) else { return false };
        let before = self.a.of_atom(before);
        let before = self.a.scale(before, i128::from(c));
        let own = self.a.sub(excess, before);
        st.proves_le0(&mut self.a, own)
    }

    /// What a certain violation takes for granted about its path.
    fn certain_only_if(&self, st: &State, excess: V, under: bool) -> Option<(&'static str, f32)> {
        if self.a.lin(excess).terms.iter().any(|t| self.a.info(t.0).failure) {
            return Some(("path.failure", 1.0));
        }
        let mut node = st.trace.as_ref();
        while let Some(trace) = node {
            node = trace.before.as_ref();
            if under && trace.enters && !trace.taken {
                return Some(("path.no-rounds", 1.0));
            }
        }
        None
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
                // Known only because it was compared with null on the way here, or because a
                // callee that compared it came back.
                let Some(feature) = self.null_by_decision(st, v) else { return Verdict::Open };
                features.push((feature, 1.0));
                if self.decided_since(st, v) {
                    features.push(("null.guarded", 1.0));
                }
            }
            return Verdict::Bad(Evidence { message: "is null here".into(), features, steps, counter: None });
        }
        if let Some((origin, span, atom)) = reason {
            let steps = if span.is_none() { Vec::new() } else { vec![self.null_step(origin, span, atom)] };
            return Verdict::Bad(Evidence {
                message: "may be null".into(),
                features: vec![origin_feature(origin)],
                steps,
                counter: None,
            });
        }
        Verdict::Open
    }

    /// What the decision is worth by which a value is known to be null, if anything.
    fn null_by_decision(&self, st: &State, v: V) -> Option<&'static str> {
        match self.decided(st, v) {
            None => Some("null.implied"),
            Some(trace) if self.is_macros_test(trace) || self.may_stop_behind(trace) => None,
            Some(_) => Some("null.checked-before"),
        }
    }

    /// Whether the path needs another condition to hold after the pointer was found to be null:
    /// the two may belong together.
    fn decided_since(&self, st: &State, v: V) -> bool {
        let Some(found) = self.decided(st, v) else { return false };
        let mut node = st.trace.as_deref();
        while let Some(trace) = node.filter(|&trace| !std::ptr::eq(trace, found)) {
            if trace.taken && trace.span.line != found.span.line {
                return true;
            }
            node = trace.before.as_deref();
        }
        false
    }

    /// A macro is for others as well, whose pointers may be null.
    fn is_macros_test(&self, trace: &Trace) -> bool {
        !self.f.blocks[trace.block as usize].term_macro.is_empty()
    }

    /// `if (!p) fail(...);`, where nobody knows whether `fail` comes back.
    fn may_stop_behind(&self, trace: &Trace) -> bool {
        let Terminator::Branch { then, other, .. } = self.f.blocks[trace.block as usize].term else {
            return false;
        };
        let next = if trace.taken { then } else { other };
        self.f.blocks[next.index()].instrs.iter().any(|instr| match &instr.op {
            Op::Call { callee: Callee::Direct(name), .. } => {
                self.shared.resolve(self.f.file, *name).is_none() && self.shared.models.get(*name).is_none()
            }
            _ => false,
        })
    }

    /// The last of this function's own decisions that was about the value.
    fn decided<'s>(&self, st: &'s State, v: V) -> Option<&'s Trace> {
        let atoms = &self.a.lin(v).terms;
        let mut node = st.trace.as_ref();
        while let Some(trace) = node {
            node = trace.before.as_ref();
            let mut parts = Vec::new();
            self.parts(trace.cond, 2, &mut parts);
            if let Some(AtomKind::Cmp(_, a, b, _)) =
                self.a.as_atom(trace.cond).map(|c| self.a.info(c).kind.clone())
            {
                self.parts(a, 1, &mut parts);
                self.parts(b, 1, &mut parts);
            }
            if atoms.iter().any(|(atom, _)| parts.contains(atom)) {
                return Some(trace);
            }
        }
        None
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
                counter: None,
            }),
            Some(Life::Dead(span)) => Verdict::Bad(Evidence {
                message: "is out of scope".into(),
                features: vec![("freed.scope", 1.0)],
                steps: vec![self.step(StepKind::Source, span, "its scope ends here".into())],
                counter: None,
            }),
            _ => Verdict::Open,
        }
    }

    /// A string that is read before anything was stored in its object.
    fn judge_initialised(&mut self, st: &State, v: V) -> Verdict {
        let Some(base) = self.a.base(v) else { return Verdict::Open };
        // A string is read up to its terminator only.
        let start = self.a.plain(v);
        if st.cell(start).is_some_and(|first| first != V::UNINIT) {
            return Verdict::Safe;
        }
        let untouched = st.object(base).is_some_and(|o| o.content == Content::Uninit)
            && !st.cells.iter().any(|c| self.a.base(c.0) == Some(base));
        match untouched {
            true => Verdict::Bad(Evidence {
                message: "is read before it is set".into(),
                features: vec![("uninit.certain", 1.0)],
                steps: Vec::new(),
                counter: None,
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
                counter: None,
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
                counter: None,
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
                    counter: None,
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
                            counter: None,
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
                counter: None,
            });
        }
        if let Some((origin, span, atom)) = null {
            if origin != NullOrigin::Assigned {
                return Verdict::Bad(Evidence {
                    message: "asserts what may be null".into(),
                    features: vec![("assert.lookup", 1.0), origin_feature(origin)],
                    steps: vec![self.null_step(origin, span, atom)],
                    counter: None,
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
            let behind = self.taint_at(st, v);
            if behind != 0 || matches!(self.a.info(base).kind, AtomKind::AddrLocal(_)) {
                taint = behind;
            }
        }
        match self.a.taint(taint).filter(|t| t.kind != SourceKind::Random).cloned() {
            Some(taint) => Verdict::Bad(Evidence {
                message: format!("untrusted data {}", sink_text(kind)),
                features: taint_features(&taint),
                steps: taint.steps,
                counter: None,
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
                    counter: None,
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
                counter: None,
            });
        }
        if let (Life::Freed { span, .. }, false) = (life, self.is_inside(v)) {
            return Verdict::Bad(Evidence {
                message: "was released before".into(),
                features: vec![("freed.certain", 1.0), ("free.double", 1.0)],
                steps: vec![self.step(StepKind::Source, span, "released here first".into())],
                counter: None,
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
                    counter: None,
                });
            }
        } else if allocated && lo == 0 && hi > 0 && self.a.constant(offset).is_none() {
            return Verdict::Bad(Evidence {
                message: "may not point to the start of its memory".into(),
                features: vec![("free.offset", 0.5)],
                steps: Vec::new(),
                counter: None,
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
                    counter: None,
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
                counter: None,
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
    pub fn parts(&self, v: V, depth: u32, out: &mut Vec<Atom>) {
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
                // Without a sign it is defined, and often meant: clocks, hashes, serial numbers.
                features: vec![(if signed { "wrap.certain" } else { "wrap.unsigned" }, 1.0)],
                steps: Vec::new(),
                counter: None,
            });
        }
        if let (true, false, false, Some(verdict)) =
            (subtraction, signed, safe_under, self.judge_reduced(st, v, "wraps below zero"))
        {
            return verdict;
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
                    counter: None,
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
                counter: None,
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
                counter: None,
            }),
            None if sign && !signed && lo < 0 => {
                self.judge_reduced(st, v, "becomes huge below zero").unwrap_or(Verdict::Open)
            }
            None => Verdict::Open,
        }
    }
}
