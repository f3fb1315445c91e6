//! Numbers that a message brought along, known by their shape where no source is in sight: the
//! length member beside a buffer, a length octet, a loop counter that runs up to one of them.

use banbury_base::Symbol;
use banbury_ir::{BinOp, Op, Operand, Rvalue, Type};
use smallvec::SmallVec;

use crate::interp::Interp;
use crate::numbers::all_bits;
use crate::observe::Issue;
use crate::reports::{limit_text, quoted};
use crate::shapes::is_length_name;
use crate::state::{State, is_named};
use crate::summary::{AccessKind, Need, Site};
use crate::value::{Arena, Atom, AtomKind, Counter, MAX, MIN, V};
use crate::verdicts::{Evidence, Verdict};

impl Interp<'_> {
    /// The expression at the last round of a loop: where the only limit of a counter in it is a
    /// comparison with another unknown, that limit takes the counter's place.
    pub fn last_round(&mut self, st: &State, v: V) -> Option<(Atom, V)> {
        let lin = self.a.lin(v).clone();
        for &(atom, c) in &lin.terms {
            let info = self.a.info(atom);
            let counts = match info.counter {
                Counter::Steady => true,
                // What else the loop does with the address is not known.
                Counter::Likely => c == 1,
                Counter::Grows | Counter::No => false,
            };
            if c <= 0 || info.hi < MAX || !counts {
                continue;
            }
            let Some((limit, d)) = self.only_limit(st, atom) else { continue };
            if c % d != 0 || self.a.lin(limit).terms.len() < 2 {
                continue;
            }
            let by = self.a.scale(limit, i128::from(c / d));
            let last = self.a.sub(v, by);
            // Something else stops the counter before.
            if st.bounds(&self.a, last).1 > st.bounds(&self.a, v).1 {
                continue;
            }
            return Some((atom, last));
        }
        None
    }

    /// The only constraint that keeps the atom from growing, the tightest of those that differ by
    /// a constant.
    fn only_limit(&self, st: &State, atom: Atom) -> Option<(V, i64)> {
        let mut found: Option<(V, i64)> = None;
        for &k in &st.cons {
            let lin = self.a.lin(k);
            let Some(&(_, d)) = lin.terms.iter().find(|t| t.0 == atom && t.1 > 0) else { continue };
            match found {
                Some((old, _)) if self.a.lin(old).terms != lin.terms => return None,
                Some((old, _)) if self.a.lin(old).k >= lin.k => {}
                _ => found = Some((k, d)),
            }
        }
        found
    }

    /// A received length in the expression that nothing on the way compared with any limit, and
    /// the feature that says how it was recognised.
    pub fn unlimited_length(&mut self, st: &State, v: V) -> Option<(Atom, &'static str)> {
        let lin = self.a.lin(v).clone();
        let &[(first, c)] = lin.terms.as_slice() else { return None };
        if c <= 0 {
            return None;
        }
        let mut atom = first;
        for _ in 0..3 {
            if self.is_limited(st, atom) {
                return None;
            }
            let Some(inner) = self.unwrapped(atom) else { break };
            atom = inner;
        }
        let shape = self.length_shape(atom)?;
        // A caller in sight is asked what it passes.
        let asked = shape == "length.param" && !self.shared.is_root(self.fid);
        (!asked && shape != "length.named").then_some((atom, shape))
    }

    fn is_limited(&mut self, st: &State, atom: Atom) -> bool {
        let top = self.natural_top(st, atom);
        if st.bounds_of_atom(&self.a, atom).1 < top {
            return true;
        }
        let v = self.a.of_atom(atom);
        st.upper(&mut self.a, v) < top
    }

    /// How large the atom is if nothing was compared with it.
    fn natural_top(&self, st: &State, atom: Atom) -> i128 {
        let info = self.a.info(atom);
        match info.kind {
            // Octets put together have as many bits as these.
            AtomKind::Op(BinOp::Or | BinOp::Xor, a, b, _) => {
                let top = st.bounds(&self.a, a).1.max(st.bounds(&self.a, b).1);
                all_bits(top).map_or(info.hi, |all| all.min(info.hi))
            }
            _ => info.hi,
        }
    }

    /// What was converted into the atom, apart from a constant.
    fn unwrapped(&self, atom: Atom) -> Option<Atom> {
        let AtomKind::Wrap(inner, ..) = self.a.info(atom).kind else { return None };
        match self.a.lin(inner).terms.as_slice() {
            [(inner, 1)] => Some(*inner),
            _ => None,
        }
    }

    /// How the atom is recognised as a length that came with a message, if it is one.
    pub fn length_shape(&self, atom: Atom) -> Option<&'static str> {
        let info = self.a.info(atom);
        match info.kind {
            AtomKind::Load(at, _) => {
                if let Some((record, index)) = info.field {
                    if self.is_kernels(record) {
                        return None;
                    }
                    if self.shared.is_length_field(record, index) {
                        return Some("length.member");
                    }
                    let named = info.name.as_str().to_ascii_lowercase().contains("len");
                    return (named && self.takes_octets()).then_some("length.named");
                }
                if self.octet_of_buffer(at, info.ty) && is_length_name(info.name.as_str()) {
                    return Some("length.octet");
                }
                // `int *length`: how much there is, in and out.
                let base = self.a.as_atom(at)?;
                let pointer = self.a.info(base);
                (matches!(pointer.kind, AtomKind::Param(_)) && is_length_name(pointer.name.as_str()))
                    .then_some("length.param")
            }
            AtomKind::Param(i) => self.shared.is_length_param(self.fid, i).then_some("length.param"),
            _ => None,
        }
    }

    /// Whether the function is given raw octets to work on: of what others counted, its lengths are
    /// no message's.
    fn takes_octets(&self) -> bool {
        let octets = |ty| matches!(self.types().get(ty), Type::Int { bits: 8, signed: false });
        self.f.param_ids().any(|id| self.types().pointee(self.f.locals[id.index()].ty).is_some_and(octets))
    }

    /// An unsigned octet loaded from memory that is neither a variable nor a literal.
    fn octet_of_buffer(&self, at: V, ty: banbury_ir::TypeId) -> bool {
        self.number_of_buffer(at, ty) && self.types().int_info(ty) == Some((8, false))
    }

    /// An unsigned number loaded from such memory.
    fn number_of_buffer(&self, at: V, ty: banbury_ir::TypeId) -> bool {
        let outside = self.a.base(at).is_some_and(|b| {
            matches!(
                self.a.info(b).kind,
                AtomKind::Param(_) | AtomKind::Load(..) | AtomKind::Phi(..) | AtomKind::Fresh(_)
            )
        });
        outside && matches!(self.types().get(ty), Type::Int { bits: 8.., signed: false })
    }

    /// For a difference that must not go below zero: the length it is taken from, and what is
    /// known of it at least. `None` where a comparison with another unknown may protect it.
    pub fn reduced_length(&mut self, st: &State, v: V) -> Option<(Atom, &'static str, i128)> {
        let lin = self.a.lin(v).clone();
        let mut positive = lin.terms.iter().filter(|t| t.1 > 0);
        let (&(mut atom, c), None) = (positive.next()?, positive.next()) else { return None };
        let subtracted = lin.terms.len() > 1 || lin.k < 0;
        // What a loop counted or a merge left is not known well enough.
        let vague = lin.terms.iter().any(|&(x, d)| {
            d < 0 && (self.a.info(x).counter != Counter::No || st.bounds_of_atom(&self.a, x).1 >= MAX)
        });
        if vague
            || !subtracted
            || lin.k < -(1 << 16)
            || c > 8
            || lin.k == -1 && (self.counts_down() || self.is_mask())
        {
            return None;
        }
        let mut least = 0;
        for _ in 0..3 {
            let related =
                st.cons.iter().any(|&k| self.a.lin(k).terms.iter().any(|&(x, d)| x == atom && d < 0));
            if related || st.neq.iter().any(|n| n.0 == atom) {
                return None;
            }
            least = least.max(st.bounds_of_atom(&self.a, atom).0);
            let Some(inner) = self.unwrapped(atom) else { break };
            atom = inner;
        }
        let shape = self.length_shape(atom)?;
        let unchecked = least <= self.a.info(atom).lo.max(0);
        if unchecked && shape == "length.param" && !self.shared.is_root(self.fid) {
            return None;
        }
        Some((atom, shape, least))
    }

    /// An object of known size is exceeded by as much as a received length says.
    pub fn judge_length(
        &mut self,
        st: &mut State,
        excess: V,
        under: bool,
        kind: AccessKind,
    ) -> Option<Verdict> {
        if under {
            return None;
        }
        if let Some(verdict) = self.judge_announced(st, excess) {
            return Some(verdict);
        }
        let last = self.last_round(st, excess);
        let (counter, v) = last.map_or((None, excess), |(atom, v)| (Some(atom), v));
        if let Some((atom, shape)) = self.unlimited_length(st, v) {
            let (lin, name) = (self.a.lin(v), self.a.info(atom).name);
            let c = lin.terms.first().map_or(1, |t| i128::from(t.1));
            let capacity = -lin.k / c.max(1);
            return Some(Verdict::Bad(Evidence {
                message: format!(
                    "the length is {}, which nothing compared with the {capacity} there",
                    quoted(name)
                ),
                features: vec![("bound.unchecked-length", 1.0), (shape, 1.0)],
                steps: Vec::new(),
                counter,
            }));
        }
        if counter.is_none() {
            // Reading goes on until it finds what it looks for.
            return if kind == AccessKind::Write { self.judge_endless(st, excess) } else { None };
        }
        let taint = self.a.taint(self.a.taint_of(v)).cloned()?;
        let top = st.upper(&mut self.a, v);
        let mut features = vec![("bound.tainted", 1.0)];
        if taint.inferred {
            features.push(("taint.inferred", 1.0));
        }
        (top > 0).then(|| {
            Verdict::Bad(Evidence {
                message: format!(
                    "an untrusted value bounds the loop and exceeds the bound by up to {}",
                    limit_text(top)
                ),
                features,
                steps: taint.steps,
                counter,
            })
        })
    }

    /// Bytes are copied out of a buffer, as many as numbers in the same buffer say: a tag, a length
    /// and a value. What the copy goes to is of known size.
    fn judge_announced(&mut self, st: &mut State, excess: V) -> Option<Verdict> {
        let from = self.copied_from?;
        let (terms, room) = (self.a.lin(excess).terms.clone(), -self.a.lin(excess).k);
        if terms.iter().any(|t| t.1 <= 0) {
            return None;
        }
        let mut parts = Vec::new();
        self.parts(excess, 4, &mut parts);
        let mut feature = "length.announced";
        let mut name = None;
        for &part in &parts {
            if self.is_limited(st, part) {
                return None;
            }
            let info = self.a.info(part);
            match info.kind {
                AtomKind::Load(at, _)
                    if self.a.base(at) == Some(from) && self.number_of_buffer(at, info.ty) =>
                {
                    if info.field.is_some() {
                        feature = "length.member";
                    }
                    name = name.or(Some(info.name));
                }
                AtomKind::Op(..) | AtomKind::Wrap(..) | AtomKind::Derived(..) => {}
                _ => return None,
            }
        }
        let capacity = if let [(_, c)] = terms.as_slice() { room / i128::from(*c) } else { room };
        Some(Verdict::Bad(Evidence {
            message: format!(
                "the length is in what is copied, at {}, and nothing compared it with the {capacity} there",
                quoted(name?)
            ),
            features: vec![("bound.unchecked-length", 1.0), (feature, 1.0)],
            ..Evidence::default()
        }))
    }

    /// Each round of a loop gets further in an object of known size, and no comparison stops it.
    fn judge_endless(&mut self, st: &State, excess: V) -> Option<Verdict> {
        let &[(atom, c)] = self.a.lin(excess).terms.as_slice() else { return None };
        let info = self.a.info(atom);
        let limited = st.cons.iter().any(|&k| self.a.lin(k).terms.iter().any(|t| t.0 == atom && t.1 > 0));
        if c <= 0 || info.counter == Counter::No || st.bounds_of_atom(&self.a, atom).1 < MAX || limited {
            return None;
        }
        if self.is_stopped(st, atom) {
            return None;
        }
        Some(Verdict::Bad(Evidence {
            message: "every round of the loop gets further, and no comparison stops it".into(),
            features: vec![("bound.endless", 1.0)],
            steps: Vec::new(),
            counter: Some(atom),
        }))
    }

    /// Whether a decision on the way looked at how far the rounds got, or at what an object of
    /// known size has there: it may end in a terminator.
    fn is_stopped(&self, st: &State, counter: Atom) -> bool {
        let mut node = st.trace.as_ref();
        while let Some(trace) = node {
            node = trace.before.as_ref();
            let mut parts = Vec::new();
            match self.a.as_atom(trace.cond).map(|c| self.a.info(c).kind.clone()) {
                Some(AtomKind::Cmp(_, a, b, _)) => {
                    self.parts(a, 3, &mut parts);
                    self.parts(b, 3, &mut parts);
                }
                _ => self.parts(trace.cond, 3, &mut parts),
            }
            let tells = |&part: &Atom| match self.a.info(part).kind {
                AtomKind::Load(addr, _) => {
                    let own = self.a.base(addr).is_some_and(|base| {
                        is_named(&self.a, base) || st.object(base).is_some_and(|o| o.size.is_some())
                    });
                    own && self.a.lin(addr).terms.iter().any(|t| t.0 == counter)
                }
                _ => part == counter,
            };
            if parts.iter().any(tells) {
                return true;
            }
        }
        false
    }

    /// `--list->length`: one element less of what is counted, no octets that a peer announced.
    fn counts_down(&self) -> bool {
        let block = &self.f.blocks[self.block as usize];
        match block.instrs.get(self.instr as usize).map(|i| &i.op) {
            Some(Op::Assign {
                dst,
                src: Rvalue::Binary(BinOp::Sub | BinOp::Add, Operand::Copy(from), _),
            }) => dst == from,
            _ => false,
        }
    }

    /// `hash & (size - 1)`: the difference is the mask of a power of two.
    fn is_mask(&self) -> bool {
        let block = &self.f.blocks[self.block as usize];
        let at = self.instr as usize;
        let Some(Op::Assign { dst: mask, .. }) = block.instrs.get(at).map(|i| &i.op) else { return false };
        let is_mask = |operand: &Operand| matches!(operand, Operand::Copy(place) if place == mask);
        block.instrs[at + 1..].iter().take(3).any(|instr| match &instr.op {
            Op::Assign { src: Rvalue::Binary(BinOp::And, a, b), .. } => is_mask(a) || is_mask(b),
            _ => false,
        })
    }

    /// An index that is a `char` as it was loaded, and so may be negative.
    pub fn check_char_index(&mut self, st: &mut State, i: V, name: Symbol) {
        let Some(atom) = self.a.as_atom(i).filter(|_| i != V::UNINIT) else { return };
        let info = self.a.info(atom);
        let plain = matches!(self.types().get(info.ty), Type::Int { bits: 8, signed: true });
        if !plain || !matches!(info.kind, AtomKind::Load(..)) || st.bounds_of_atom(&self.a, atom).0 >= 0 {
            return;
        }
        let evidence = Evidence {
            message: "the index is a 'char', which is negative for half of its values".into(),
            features: vec![("index.char", 1.0)],
            ..Evidence::default()
        };
        let need = Need::Within { excess: i, kind: AccessKind::Read, under: true, index: true };
        let site = self.site(name, "");
        if !self.muted {
            self.report(st, &need, &site, &[], evidence);
        }
    }

    /// A difference that must not go below zero, taken from a received length.
    pub fn judge_reduced(&mut self, st: &mut State, v: V, what: &str) -> Option<Verdict> {
        let (atom, shape, least) = self.reduced_length(st, v)?;
        let name = quoted(self.a.info(atom).name);
        let mut features = vec![("wrap.length", 1.0), (shape, 1.0)];
        let message = if least > 0 {
            features.push(("length.compared", 1.0));
            format!("{what}: the check before only makes {name} at least {least}")
        } else {
            format!("{what}: nothing checked how large {name} is at least")
        };
        Some(Verdict::Bad(Evidence { message, features, ..Evidence::default() }))
    }

    /// Bytes from the base to where a pointer comparison on the way says that the buffer ends.
    pub fn known_ends(&mut self, st: &State, base: Atom) -> SmallVec<[V; 2]> {
        let mut ends: SmallVec<[V; 2]> = SmallVec::new();
        let bytes = self
            .types()
            .pointee(self.a.info(base).ty)
            .is_some_and(|to| matches!(self.types().get(to), Type::Void | Type::Int { bits: 8, .. }));
        if !bytes {
            return ends;
        }
        let base_v = self.a.of_atom(base);
        let pointer = |arena: &Arena, t: &(Atom, i64)| t.1 == -1 && arena.info(t.0).pointer;
        for i in 0..st.cons.len() {
            let lin = self.a.lin(st.cons[i]);
            if !lin.terms.contains(&(base, 1)) {
                continue;
            }
            // Equal pointers say nothing of an end.
            let opposite = st.cons.iter().any(|&k| self.a.lin(k).terms.contains(&(base, -1)));
            if opposite {
                continue;
            }
            let Some(end) = lin.terms.iter().find(|t| pointer(&self.a, t)).map(|t| t.0) else { continue };
            let end = self.a.of_atom(end);
            let length = self.a.sub(end, base_v);
            if !ends.contains(&length) && ends.len() < 2 {
                ends.push(length);
            }
        }
        let mut node = st.trace.clone();
        for _ in 0..12 {
            let Some(trace) = node else { break };
            node = trace.before.clone();
            let Some((less, greater)) = self.ordered(trace.cond, trace.taken) else { continue };
            if self.a.base(less) != Some(base) || self.a.base(greater) != Some(base) {
                continue;
            }
            let (length, plain) = (self.a.sub(greater, base_v), self.a.sub(less, base_v));
            let (mut length, plain) = (self.a.plain(length), self.a.plain(plain));
            // `end - 1`, to look ahead by one.
            let k = self.a.lin(length).k;
            if k < 0 {
                length = self.a.plus(length, -k);
            }
            let known = self.a.constant(length).is_some() || plain == V::ZERO;
            if !known && !ends.contains(&length) && ends.len() < 2 {
                ends.push(length);
            }
        }
        ends
    }

    /// The two sides of a comparison, the one found not to be greater first.
    fn ordered(&self, cond: V, taken: bool) -> Option<(V, V)> {
        let atom = self.a.as_atom(cond).filter(|_| cond != V::UNINIT)?;
        let AtomKind::Cmp(op, a, b, _) = self.a.info(atom).kind else { return None };
        if a == V::UNINIT || b == V::UNINIT {
            return None;
        }
        match (op, taken) {
            (BinOp::Lt | BinOp::Le, true) | (BinOp::Gt | BinOp::Ge, false) => Some((a, b)),
            (BinOp::Lt | BinOp::Le, false) | (BinOp::Gt | BinOp::Ge, true) => Some((b, a)),
            _ => None,
        }
    }

    /// Reports an access that a check with the buffer's length comes before, but does not cover.
    pub fn report_short(
        &mut self,
        st: &mut State,
        base: Atom,
        (logical, length): (V, V),
        kind: AccessKind,
        site: &Site,
    ) -> bool {
        if self.muted {
            return false;
        }
        let Some(by) = self.left_over(st, logical, length) else { return false };
        let here = |i: &Issue| i.span.file == site.span.file && i.span.line == site.span.line;
        if self.issues.iter().any(|i| here(i) && i.features.iter().any(|f| f.0 == "length.short")) {
            return true;
        }
        let mut features = vec![("length.paired", 1.0), ("length.short", 1.0)];
        // Further reads of the buffer rest on the same check.
        if !self.issue_keys.insert(("length.short", self.a.info(base).span, self.f.name)) {
            features.push(("repeated", 1.0));
        }
        // A loop over units of several bytes: the length may be known to be a multiple.
        let unit = |t: &(Atom, i64)| {
            let info = self.a.info(t.0);
            let counter = info.counter != Counter::No;
            t.1 > 1 && counter || t.1 > 0 && !counter && info.hi >= MAX
        };
        if self.a.lin(logical).terms.iter().any(unit) {
            features.push(("length.loop", 1.0));
        }
        // Text mostly ends in a zero that its length does not count.
        if self.is_text(base) && by <= 4 && kind == AccessKind::Read {
            features.push(("length.text", 1.0));
        }
        let evidence = Evidence {
            message: format!("the check with the length leaves up to {by} too many"),
            features,
            ..Evidence::default()
        };
        let need = Need::Within { excess: logical, kind, under: false, index: false };
        self.report(st, &need, site, &[], evidence);
        true
    }

    /// Whether the access is through a pointer to `char` (signed, as on most machines).
    fn is_text(&self, base: Atom) -> bool {
        self.types()
            .pointee(self.a.info(base).ty)
            .is_some_and(|to| matches!(self.types().get(to), Type::Int { bits: 8, signed: true }))
    }

    /// Bytes beyond the length that the comparisons with it allow.
    fn left_over(&mut self, st: &mut State, logical: V, length: V) -> Option<i128> {
        let upper = st.upper(&mut self.a, logical);
        if !(1..=1 << 12).contains(&upper) || st.bounds(&self.a, logical).0 > 0 {
            return None;
        }
        // What could be said without any comparison with the length.
        let lin = self.a.lin(logical).clone();
        let of_length = self.a.lin(length).terms.clone();
        let mut blind = lin.k;
        for &(atom, c) in &lin.terms {
            let (lo, hi) = match of_length.iter().any(|t| t.0 == atom) {
                true => (self.a.info(atom).lo, self.a.info(atom).hi),
                false => st.bounds_of_atom(&self.a, atom),
            };
            let end = if c > 0 { hi } else { lo };
            if end >= MAX || end <= MIN {
                return Some(upper);
            }
            blind += end * i128::from(c);
        }
        (upper < blind).then_some(upper)
    }

    /// After a round from the extrapolated state: what did not change as a counter does is none.
    pub fn verify_counters(&mut self, before: &State, after: &State) {
        if self.loop_issues.is_empty() {
            return;
        }
        for (&a, &b) in before.locals.iter().zip(&after.locals) {
            if a == b || a == V::UNINIT || b == V::UNINIT {
                continue;
            }
            let counted =
                self.a.lin(a).terms.iter().map(|t| t.0).find(|&t| self.loop_issues.iter().any(|l| l.0 == t));
            let Some(atom) = counted else { continue };
            let d = self.a.sub(b, a);
            let grows = self.a.info(atom).counter == Counter::Grows && after.bounds(&self.a, d).0 > 0;
            if self.a.constant(d).is_none() && !grows {
                self.a.info_mut(atom).counter = Counter::No;
            }
        }
    }

    /// Takes back what was said of counters that are none.
    pub fn drop_loop_issues(&mut self) {
        let loops = std::mem::take(&mut self.loop_issues);
        for (atom, index) in loops.into_iter().rev() {
            if self.a.info(atom).counter == Counter::No && index < self.issues.len() {
                self.issues.remove(index);
            }
        }
    }
}
