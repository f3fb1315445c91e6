//! The end of a function's analysis: leaks, exits by class of result, and what the callers are
//! asked for.

use banbury_base::{PathStep, Span, StepKind};
use rustc_hash::FxHashSet;

use crate::interp::Interp;
use crate::join::join;
use crate::kept::Asked;
use crate::observe::Issue;
use crate::state::{Content, Life, State};
use crate::summary::{
    AccessKind, Exit, Exporter, Lists, Need, Obligation, Site, Summary, entry_constraints, entry_facts,
    is_entry, is_entry_atom, mentions_entry,
};
use crate::value::{Arena, Atom, AtomKind, NullOrigin, V};

const MAX_EXITS: usize = 4;
const MAX_WRITES: usize = 24;
const MAX_FACTS: usize = 28;
/// Objects whose contents changed, or that were kept.
const MAX_BASES: usize = 16;

/// What the analysis of a function gives.
pub(crate) struct Outcome {
    /// For those who call it, if anybody may.
    pub summary: Option<Summary>,
    pub issues: Vec<Issue>,
    pub complete: bool,
    pub asked: Vec<Asked>,
}

impl Interp<'_> {
    /// `spare` is an arena without contents; it comes back with the function's own, to be used
    /// again.
    pub fn finish_function(mut self, spare: Arena) -> (Outcome, [Arena; 2]) {
        self.drop_loop_issues();
        let exits = std::mem::take(&mut self.exits);
        for (state, ret, _) in &exits {
            self.note_kept(state, *ret);
        }
        for (state, ret, span) in &exits {
            self.check_leaks(state, *ret, *span);
        }
        if self.shared.is_root(self.fid) {
            self.report_root();
        }
        let (summary, spare) = match self.shared.is_summary_wanted(self.fid) {
            true => {
                let (summary, spare) = self.summarise(exits, spare);
                (Some(summary), spare)
            }
            false => (None, spare),
        };
        let Interp { issues, complete, asked, a, .. } = self;
        (Outcome { summary, issues, complete, asked }, [a, spare])
    }

    fn summarise(&mut self, exits: Vec<(State, Option<V>, Span)>, spare: Arena) -> (Summary, Arena) {
        let never_returns = exits.is_empty() && self.complete;
        let null = self.null_result(&exits);
        let merged = self.merge_exits(exits);
        let all = merged.iter().skip(1).fold(merged.first().cloned(), |all, next| {
            let mut joined = join(&mut self.a, &all?.0, &next.0, u32::MAX);
            let ret = joined.locals.first().copied();
            joined.trace = None;
            Some((joined, ret))
        });
        let mut exporter = Exporter::new(&self.a, spare);
        let one = all.filter(|_| merged.len() > 1).map(|(s, r)| export_exit(self, &mut exporter, &s, r));
        let mut out: Vec<Exit> =
            merged.iter().map(|(state, ret)| export_exit(self, &mut exporter, state, *ret)).collect();
        for exit in &mut out {
            exit.null = null;
        }
        let (mut facts, mut exceptions, mut chains) = (Lists::default(), Lists::default(), Lists::default());
        let obligations = self
            .obligations
            .iter()
            .map(|o| Obligation {
                need: o.need.with_value(exporter.value(o.need.value())),
                guard_facts: facts.share(o.guard_facts.iter().map(|&(a, b)| (exporter.atom(a), b)).collect()),
                guard_not: exceptions
                    .share(o.guard_not.iter().map(|&(a, k)| (exporter.atom(a), k)).collect()),
                guard_cons: o.guard_cons.iter().map(|&c| exporter.value(c)).collect(),
                site: o.site.clone(),
                chain: chains.share(o.chain.to_vec()),
            })
            .collect();
        let summary = Summary {
            arena: exporter.to.freeze(),
            exits: out,
            merged: one,
            obligations,
            never_returns,
            aborts: never_returns && self.saw_abort && !self.saw_leave,
            may_stop: self.may_stop,
            complete: self.complete,
        };
        (summary, exporter.to)
    }

    /// Why a pointer that the function returns is null, where it is not always.
    fn null_result(&self, exits: &[(State, Option<V>, Span)]) -> Option<NullOrigin> {
        if !self.types().is_pointer(self.f.ret) {
            return None;
        }
        let is_null = |e: &&(State, Option<V>, Span)| e.1 == Some(V::ZERO);
        if exits.iter().all(|e| is_null(&e)) {
            return None;
        }
        let no_memory = |st: &State| {
            st.facts.iter().any(|&(atom, bounds)| {
                let origin = self.a.info(atom).null.map(|n| n.0);
                bounds == (0, 0) && origin == Some(NullOrigin::Allocation)
            })
        };
        let allocation = exits.iter().filter(is_null).any(|e| no_memory(&e.0));
        Some(if allocation { NullOrigin::Allocation } else { NullOrigin::Lookup })
    }

    /// Memory and resources that this function owns and nobody else knows when it returns.
    fn check_leaks(&mut self, st: &State, ret: Option<V>, at: Span) {
        if self.f.name == "main" {
            return;
        }
        let kept = self.reachable(st, ret);
        for &(atom, object) in st.objects.iter() {
            let Life::Owned { family, span } = object.life else { continue };
            if kept.contains(&atom) {
                continue;
            }
            let (lo, hi) = st.bounds_of_atom(&self.a, atom);
            let info = self.a.info(atom);
            // Null, or a failed open: there is nothing to release.
            if hi <= 0 && info.pointer
                || hi < 0
                || (info.pointer && lo <= 0 && info.null.is_some() && hi == 0)
            {
                continue;
            }
            let memory =
                matches!(family.as_str(), "malloc" | "new" | "new[]" | "k" | "g" | "talloc" | "mmap");
            let (rule, cwe) = if memory {
                ("memory-leak", 401)
            } else if matches!(family.as_str(), "file" | "fd") {
                ("resource-leak", 775)
            } else {
                ("resource-leak", 772)
            };
            let unchecked = lo <= 0 && info.pointer;
            if !self.issue_keys.insert((rule, span, self.f.name)) {
                continue;
            }
            let steps = vec![self.step(StepKind::Source, span, format!("acquired here ({family})"))];
            let mut features = vec![("leak.function", 1.0)];
            if !self.given_up.contains(&span) {
                features.push(("leak.never-released", 1.0));
            }
            if unchecked {
                features.push(("leak.unchecked", 1.0));
            }
            self.issues.push(Issue {
                rule,
                cwe,
                span: if at.is_none() { span } else { at },
                function: self.f.name,
                message: format!(
                    "{} is not released on this path",
                    if memory { "memory" } else { "a resource" }
                ),
                steps,
                features,
            });
        }
    }

    /// What an exit hands to the caller is not forgotten by the function.
    fn note_kept(&mut self, st: &State, ret: Option<V>) {
        if !st.objects.iter().any(|(_, o)| matches!(o.life, Life::Owned { .. })) {
            return;
        }
        let kept = self.reachable(st, ret);
        for (atom, object) in st.objects.iter() {
            if let (Life::Owned { span, .. }, true) = (object.life, kept.contains(atom)) {
                self.given_up.insert(span);
            }
        }
    }

    /// Objects that can still be reached after the return.
    fn reachable(&self, st: &State, ret: Option<V>) -> FxHashSet<Atom> {
        let mut kept = FxHashSet::default();
        let mut work: Vec<V> = ret.into_iter().collect();
        for &(addr, v) in st.cells.iter() {
            let own = self.a.base(addr).is_some_and(|b| match self.a.info(b).kind {
                AtomKind::AddrLocal(_) => true,
                AtomKind::Param(_) if self.is_record_param(b) => true,
                _ => matches!(st.object(b), Some(o) if matches!(o.life, Life::Owned { .. })),
            });
            if !own {
                work.push(v);
            }
        }
        while let Some(v) = work.pop() {
            if v == V::UNINIT {
                continue;
            }
            // Any atom in the value may be what it was computed from.
            for &(atom, _) in &self.a.lin(v).terms {
                if kept.insert(atom) {
                    for &(addr, inner) in st.cells.iter() {
                        if self.a.base(addr) == Some(atom) {
                            work.push(inner);
                        }
                    }
                }
            }
        }
        kept
    }

    /// Nobody calls this function by name: what it needs of its buffers, a peer decides.
    fn report_root(&mut self) {
        let open = std::mem::take(&mut self.obligations);
        for o in &open {
            if o.site.features.iter().any(|f| f.0 == "length.paired") {
                let mut site = o.site.clone();
                if self.is_short(o) {
                    site.features.push(("length.weak", 1.0));
                }
                self.report_unchecked_length(&o.need, &site, &o.chain);
            }
        }
        self.obligations = open;
    }

    /// A buffer is used beyond what is known of the length that belongs to it.
    pub fn report_unchecked_length(&mut self, need: &Need, site: &Site, chain: &[PathStep]) {
        let Need::Within { kind, under: false, .. } = *need else { return };
        let (rule, cwe) = unchecked_length(kind);
        if !self.issue_keys.insert((rule, site.span, site.function)) {
            return;
        }
        let mut features = site.features.clone();
        if !self.issue_keys.insert(("repeated", Span::NONE, site.function)) {
            features.push(("repeated", 1.0));
        }
        features.push(("path.calls", chain.len() as f32));
        let verb = if kind == AccessKind::Read { "reads" } else { "writes" };
        let what = if site.what.is_empty() { "a buffer".into() } else { format!("'{}'", site.what) };
        self.issues.push(Issue {
            rule,
            cwe,
            span: site.span,
            function: site.function,
            message: format!("{verb} {what} without a check that its length reaches that far"),
            steps: chain.to_vec(),
            features,
        });
    }

    /// The length was compared with a number that is smaller than what is accessed.
    fn is_short(&self, o: &Obligation) -> bool {
        let lin = self.a.lin(o.need.value());
        let [(extent, -1)] = lin.terms.as_slice() else { return false };
        let AtomKind::Extent(base) = self.a.info(*extent).kind else { return false };
        let Some(length) = self.length_atom(base) else { return false };
        let known = o.guard_facts.iter().find(|f| f.0 == length);
        known.is_some_and(|&(_, (lo, _))| lo > 0 && lo < lin.k)
    }

    /// The entry value that is the length of the buffer.
    fn length_atom(&self, base: Atom) -> Option<Atom> {
        match self.a.info(base).kind {
            AtomKind::Param(p) => {
                let (q, 1) = self.shared.length_param(self.fid, p)? else { return None };
                self.a.existing(&AtomKind::Param(q))
            }
            AtomKind::Load(..) => {
                let (record, index) = self.a.info(base).field?;
                let sibling = self.shared.length_field(record, index)?;
                let loaded = self.a.atoms.iter().position(|i| {
                    i.field == Some((record, sibling)) && matches!(i.kind, AtomKind::Load(_, 0))
                })?;
                Some(Atom(loaded as u32))
            }
            _ => None,
        }
    }

    fn merge_exits(&mut self, exits: Vec<(State, Option<V>, Span)>) -> Vec<(State, Option<V>)> {
        let mut classes: Vec<(u32, State)> = Vec::new();
        let returns = exits.iter().any(|e| e.1.is_some());
        for (mut state, ret, _) in exits {
            let class = self.exit_class(&state, ret);
            let known = ret.and_then(|v| if v == V::UNINIT { None } else { state.constant(&self.a, v) });
            let ret = known.map(|k| self.a.int(k)).or(ret);
            let returned = returns.then(|| ret.unwrap_or(V::UNINIT));
            state.locals = returned.into_iter().collect::<Vec<V>>().into();
            self.drop_private(&mut state);
            match classes.iter_mut().find(|c| c.0 == class) {
                Some((_, known)) => *known = join(&mut self.a, known, &state, u32::MAX),
                None => classes.push((class, state)),
            }
        }
        classes.sort_by_key(|c| c.0);
        while classes.len() > MAX_EXITS {
            let Some((_, last)) = classes.pop() else { break };
            if let Some((_, known)) = classes.last_mut() {
                *known = join(&mut self.a, known, &last, u32::MAX);
            }
        }
        classes
            .into_iter()
            .map(|(_, s)| {
                let r = s.locals.first().copied();
                (s, r)
            })
            .collect()
    }

    /// Sign of the result and whether something of the caller's was released.
    fn exit_class(&self, st: &State, ret: Option<V>) -> u32 {
        let freed = st
            .objects
            .iter()
            .any(|(a, o)| matches!(o.life, Life::Freed { .. }) && is_entry_atom(&self.a, *a));
        let sign = match ret {
            None | Some(V::UNINIT) => 0,
            // Memory of its own is told apart from what the caller passed.
            Some(v)
                if st.bounds(&self.a, v).1 > 0
                    && self.a.base(v).is_some_and(|b| matches!(self.a.info(b).kind, AtomKind::Alloc(..))) =>
            {
                5
            }
            Some(v) => match st.bounds(&self.a, v) {
                (0, 0) => 1,
                (lo, _) if lo > 0 => 2,
                (_, hi) if hi < 0 => 3,
                _ => 4,
            },
        };
        sign * 2 + u32::from(freed)
    }

    /// What only this function's own variables know is of no use to callers.
    fn drop_private(&mut self, st: &mut State) {
        let own = |atom: Atom| {
            matches!(self.a.info(atom).kind, AtomKind::AddrLocal(_)) || self.is_record_param(atom)
        };
        st.cells.keep(|c| self.a.base(c.0).is_some_and(|b| !own(b)));
        st.objects.keep(|(a, _)| !own(*a));
    }
}

/// Rule and CWE number of a use of a buffer whose length nobody looked at.
pub(crate) fn unchecked_length(kind: AccessKind) -> (&'static str, u32) {
    match kind {
        AccessKind::Read => ("unchecked-length-read", 125),
        AccessKind::Write => ("unchecked-length-write", 787),
    }
}

fn export_exit(this: &Interp<'_>, exporter: &mut Exporter<'_>, st: &State, ret: Option<V>) -> Exit {
    let arena = &this.a;
    let mut exit =
        Exit { ret: ret.map(|v| if v == V::UNINIT { v } else { exporter.value(v) }), ..Exit::default() };
    for (atom, bounds) in entry_facts(arena, st, 16) {
        exit.facts.push((exporter.atom(atom), bounds));
    }
    // The bounds of what comes back belong to it.
    if let Some(atom) = ret.filter(|&v| v != V::UNINIT).and_then(|v| arena.as_atom(v)) {
        let bounds = st.bounds_of_atom(arena, atom);
        let to = exporter.atom(atom);
        if !exit.facts.iter().any(|f| f.0 == to) && bounds != (arena.info(atom).lo, arena.info(atom).hi) {
            exit.facts.push((to, bounds));
        }
    }
    for c in entry_constraints(arena, st, 10) {
        exit.cons.push(exporter.value(c));
    }
    for &(atom, k) in st.neq.iter().filter(|n| is_entry_atom(arena, n.0)).take(4) {
        exit.neq.push((exporter.atom(atom), k));
    }
    let mut allocated = FxHashSet::default();
    let mut note_allocated = |exit: &mut Exit, exporter: &mut Exporter<'_>, v: V| {
        if v == V::UNINIT {
            return;
        }
        for &(atom, _) in &arena.lin(v).terms {
            let Some(object) = st.object(atom) else { continue };
            let (Life::Owned { family, .. } | Life::Escaped { family } | Life::Freed { family, .. }) =
                object.life
            else {
                continue;
            };
            if is_entry_atom(arena, atom) || !allocated.insert(atom) {
                continue;
            }
            if let Life::Freed { span, .. } = object.life {
                let to = exporter.atom(atom);
                exit.freed.push((exporter.to.of_atom(to), family, span));
                continue;
            }
            let size = object.size.filter(|&s| is_entry(arena, s)).map(|s| exporter.value(s));
            let to = exporter.atom(atom);
            let escaped = matches!(object.life, Life::Escaped { .. });
            if !escaped {
                exit.allocated.push((
                    to,
                    size,
                    family,
                    object.content == Content::Zero,
                    arena.info(atom).span,
                ));
            }
        }
    };
    if let Some(v) = ret {
        note_allocated(&mut exit, exporter, v);
    }
    for &(addr, v) in st.cells.iter() {
        if exit.writes.len() >= MAX_WRITES || v == V::UNINIT {
            continue;
        }
        let Some(base) = arena.base(addr) else { continue };
        let handed_out = matches!(arena.info(base).kind, AtomKind::Alloc(..));
        if !is_entry(arena, addr) && !handed_out || matches!(arena.info(base).kind, AtomKind::AddrStr(..)) {
            continue;
        }
        if handed_out && ret.and_then(|r| arena.base(r)) != Some(base) {
            continue;
        }
        let unchanged = arena
            .as_atom(v)
            .is_some_and(|a| matches!(arena.info(a).kind, AtomKind::Load(at, 0) if at == addr));
        if unchanged {
            continue;
        }
        note_allocated(&mut exit, exporter, v);
        // What is known of the value goes with it: a pointer was tested before it was stored.
        if let Some(atom) = arena.as_atom(v).or_else(|| arena.base(v)) {
            let bounds = st.bounds_of_atom(arena, atom);
            let info = arena.info(atom);
            if bounds != (info.lo, info.hi) && !is_entry_atom(arena, atom) && exit.facts.len() < MAX_FACTS {
                let to = exporter.atom(atom);
                if !exit.facts.iter().any(|f| f.0 == to) {
                    exit.facts.push((to, bounds));
                }
            }
        }
        let write = (exporter.value(addr), exporter.value(v));
        exit.writes.push(write);
    }
    for &(atom, object) in st.objects.iter() {
        if !is_entry_atom(arena, atom) {
            continue;
        }
        let base = arena_value(exporter, atom);
        let changed =
            matches!(object.content, Content::Unknown(e) if e != 0) || object.content == Content::Zero;
        if changed && exit.scrambled.len() < MAX_BASES {
            exit.scrambled.push(base);
        }
        if object.touched {
            exit.touched.push(base);
        }
        if let Some(part) = object.part.filter(|_| exit.parts.len() < MAX_BASES) {
            let taint = exporter.taint(part.taint);
            exit.parts.push((base, part.lo, part.hi, taint));
        }
        let known = |v: Option<V>| v.filter(|&v| v != V::UNINIT && is_entry(arena, v));
        let (length, filled) = (known(object.strlen), known(object.filled));
        if length.is_some() || filled.is_some() {
            let (length, filled) = (length.map(|v| exporter.value(v)), filled.map(|v| exporter.value(v)));
            exit.strings.push((base, length, filled));
        }
        if object.taint != 0 {
            let taint = exporter.taint(object.taint);
            exit.tainted.push((base, taint));
        }
        if let Life::Freed { family, span } = object.life {
            exit.freed.push((base, family, span));
        }
        if object.life == Life::Maybe && exit.maybe_freed.len() < MAX_BASES {
            exit.maybe_freed.push(base);
        }
        if object.exposed && exit.escaped.len() < MAX_BASES && mentions_entry(&exporter.to, base) {
            exit.escaped.push(base);
        }
    }
    exit
}

fn arena_value(exporter: &mut Exporter<'_>, atom: Atom) -> V {
    let to = exporter.atom(atom);
    exporter.to.of_atom(to)
}
