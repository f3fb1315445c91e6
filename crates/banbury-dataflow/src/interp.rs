//! The abstract interpreter of one function: walks the control-flow graph with a bounded number
//! of states per block, executes instructions, and leaves a [`Summary`] and issues behind.

use std::collections::BTreeMap;
use std::rc::Rc;

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{
    BinOp, BlockId, Callee, FuncId, Function, Op, Operand, Program, RecordId, Rvalue, Terminator, Type,
    TypeId, TypeTable,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Shared;
use crate::calls::KnownCallee;
use crate::join::{MAX_MERGED, join, widen};
use crate::kept::Asked;
use crate::observe::Issue;
use crate::state::{Content, State, Trace};
use crate::summary::{Obligation, Site};
use crate::value::{Arena, Atom, AtomKind, NullOrigin, V};

/// States kept apart at a block.
const MAX_STATES: usize = 4;
/// Interned expressions after which fewer states are kept, after which only one is, and after
/// which the function is given up: the measure of work that does not depend on a clock.
const WORK_FEW: usize = 2_000;
const WORK_ONE: usize = 5_000;
const WORK_MOST: usize = 60_000;
/// States that are merged into a block before further ones are left out: the exit block of a
/// generated function has a hundred predecessors that differ in nothing of interest.
const MAX_ARRIVALS: u32 = 16;
/// Blocks up to which a loop's second round is run before extrapolating.
const UNROLL_BLOCKS: usize = 60;

pub(crate) struct Interp<'a> {
    pub shared: &'a Shared<'a>,
    pub program: &'a Program,
    pub fid: FuncId,
    pub f: &'a Function,
    pub a: Arena,
    pub issues: Vec<Issue>,
    pub issue_keys: FxHashSet<(&'static str, Span, Symbol)>,
    pub obligations: Vec<Obligation>,
    pub exits: Vec<(State, Option<V>, Span)>,
    pub scalar: Vec<bool>,
    pub span: Span,
    pub in_macro: Symbol,
    pub sites: u32,
    pub steps_left: u32,
    /// With so few steps left, loops are no longer repeated and states no longer kept apart.
    pub sprint_at: u32,
    pub complete: bool,
    /// Nothing is required or reported: arithmetic of a callee is only replayed.
    pub muted: bool,
    /// Reading a variable that is not set is no finding: the reader may be a macro.
    pub lenient: bool,
    /// Some path ended in a call that ends the process abnormally.
    pub saw_abort: bool,
    /// Some path ended in a call that leaves the function without ending the process abnormally.
    pub saw_leave: bool,
    /// Some path ended in a call that does not return.
    pub may_stop: bool,
    pub block: u32,
    pub instr: u32,
    /// Where resources were acquired that are released or handed on somewhere in the function.
    pub given_up: FxHashSet<Span>,
    /// Blocks that a back edge leads to.
    headers: Vec<bool>,
    /// The block at hand was not reached along a back edge.
    first_visit: bool,
    /// What is known of the functions called so far.
    pub callees: FxHashMap<Symbol, KnownCallee<'a>>,
    /// Functions called in ways that the call graph does not show.
    pub asked: Vec<Asked>,
    /// Issues that are none if this atom is no counter after all.
    pub loop_issues: Vec<(Atom, usize)>,
    /// Where the bytes come from that the access being checked writes, if another buffer.
    pub copied_from: Option<Atom>,
}

/// An evaluated place.
pub(crate) struct Target {
    pub addr: V,
    pub ty: TypeId,
    pub name: Symbol,
    pub field: Option<(RecordId, u32)>,
    /// Goes through a pointer or an array index.
    pub indirect: bool,
    /// A member of a record that the kernel writes.
    pub kernels: bool,
}

impl<'a> Interp<'a> {
    /// `arena` is one without contents.
    pub fn new(shared: &'a Shared<'a>, fid: FuncId, arena: Arena) -> Self {
        let program = shared.program;
        let f = program.function(fid);
        let scalar = f
            .locals
            .iter()
            .map(|l| !matches!(program.types.get(l.ty), Type::Record(_) | Type::Array(..)))
            .collect();
        Interp {
            shared,
            program,
            fid,
            f,
            a: arena,
            issues: Vec::new(),
            issue_keys: FxHashSet::default(),
            obligations: Vec::new(),
            exits: Vec::new(),
            scalar,
            span: f.span,
            in_macro: Symbol::EMPTY,
            sites: 0,
            steps_left: 600 + 16 * f.blocks.len() as u32,
            sprint_at: 300 + 10 * f.blocks.len() as u32,
            complete: true,
            muted: false,
            lenient: false,
            saw_abort: false,
            saw_leave: false,
            may_stop: false,
            block: 0,
            instr: 0,
            given_up: FxHashSet::default(),
            headers: Vec::new(),
            first_visit: true,
            callees: FxHashMap::default(),
            asked: Vec::new(),
            loop_issues: Vec::new(),
            copied_from: None,
        }
    }

    pub fn types(&self) -> &'a TypeTable {
        &self.program.types
    }

    // ---- control flow ----

    pub fn run(&mut self) {
        let f = self.f;
        if f.blocks.is_empty() {
            return;
        }
        let order = reverse_post_order(f);
        let mut rank = vec![u32::MAX; f.blocks.len()];
        for (i, b) in order.iter().enumerate() {
            rank[b.index()] = i as u32;
        }
        self.headers = vec![false; f.blocks.len()];
        for &from in &order {
            for to in f.blocks[from.index()].term.successors() {
                self.headers[to.index()] |= rank[to.index()] <= rank[from.index()];
            }
        }
        let unroll = f.blocks.len() <= UNROLL_BLOCKS;
        let keep = if f.blocks.len() > 600 {
            1
        } else if f.blocks.len() > 250 {
            2
        } else {
            MAX_STATES
        };
        let mut pending: BTreeMap<u32, Pending> = BTreeMap::new();
        let mut loops: Vec<Option<LoopState>> = vec![None; f.blocks.len()];
        pending.insert(0, Pending { forward: vec![self.entry_state()], ..Pending::default() });
        while let Some((&r, _)) = pending.iter().next() {
            let Some(Pending { mut forward, back, .. }) = pending.remove(&r) else { break };
            let block = order[r as usize];
            self.block = block.0;
            let keep = self.states_kept(keep);
            self.first_visit = back.is_empty();
            let states = if back.is_empty() {
                self.reduce(&mut forward, keep, block);
                if let Some(slot) = loops.get_mut(block.index()) {
                    *slot = Some(LoopState { base: forward.clone(), back: Vec::new(), phase: 1 });
                }
                forward
            } else {
                match self.next_round(&mut loops[block.index()], back, forward, unroll, block) {
                    Some(states) => states,
                    None => continue,
                }
            };
            for state in states {
                if self.steps_left == 0 || self.a.len() > WORK_MOST {
                    self.complete = false;
                    return;
                }
                self.steps_left -= 1;
                for (to, next) in self.exec_block(block, state) {
                    let to_rank = rank[to.index()];
                    let entry = pending.entry(to_rank).or_default();
                    entry.arrivals += 1;
                    if entry.arrivals > MAX_ARRIVALS {
                        continue;
                    }
                    let list = if to_rank <= r { &mut entry.back } else { &mut entry.forward };
                    list.push(next);
                    // Merged as they come: comparing many states pairwise is what costs.
                    if list.len() > keep + 2 {
                        self.reduce(list, keep, to);
                    }
                }
            }
        }
    }

    /// The function has cost so much that it is only walked to its end.
    pub fn sprinting(&self) -> bool {
        self.steps_left < self.sprint_at || self.a.len() > WORK_ONE
    }

    /// Fewer states the more work the function has been.
    pub fn states_kept(&self, most: usize) -> usize {
        if self.sprinting() {
            return 1;
        }
        match self.a.len() {
            n if n > WORK_ONE => 1,
            n if n > WORK_FEW => most.min(2),
            _ => most,
        }
    }

    /// States for another visit of a loop header, or `None` when the loop is done.
    fn next_round(
        &mut self,
        slot: &mut Option<LoopState>,
        mut back: Vec<State>,
        mut forward: Vec<State>,
        unroll: bool,
        block: BlockId,
    ) -> Option<Vec<State>> {
        if slot.is_none() {
            // Irreducible entry: reached first along what looks like a back edge.
            forward.append(&mut back);
            self.reduce(&mut forward, 1, block);
            *slot = Some(LoopState { base: forward.clone(), back: Vec::new(), phase: 1 });
            return Some(forward);
        }
        if self.sprinting() {
            return None;
        }
        let state = slot.as_mut()?;
        if !matches!(state.phase, 1 | 2) {
            let wide = state.base.first().cloned()?;
            self.reduce(&mut back, 1, block);
            self.verify_counters(&wide, back.first()?);
            return None;
        }
        let mut base = std::mem::take(&mut state.base);
        base.append(&mut forward);
        let before = base.clone();
        self.reduce(&mut base, 1, block);
        let base = base.pop()?;
        for st in &mut back {
            keep_unchanged(st, &before, &base);
        }
        self.reduce(&mut back, 1, block);
        let first_back = back.first()?.clone();
        if state.phase == 1 && unroll {
            state.phase = 2;
            state.back.push(first_back);
            state.base.push(base);
            return Some(back);
        }
        state.phase = 3;
        let mut backs = std::mem::take(&mut state.back);
        backs.push(first_back);
        // The first round shows the step most plainly; later rounds must agree with it.
        let mut wide = widen(&mut self.a, &base, &backs[0], backs.get(1), block.0);
        if backs.len() > 1 {
            wide.epoch = self.a.next_number();
        }
        let kept = wide.clone();
        self.limit_loop(&base, &backs[0], &mut wide, block);
        if let Some(state) = slot.as_mut() {
            state.base = vec![kept];
        }
        Some(vec![wide])
    }

    /// A variable that a loop's condition keeps below a limit, and that grows by one at a time,
    /// does not exceed the limit: when the loop ends by its condition, it equals it.
    fn limit_loop(&mut self, base: &State, back: &State, wide: &mut State, block: BlockId) {
        let b = &self.f.blocks[block.index()];
        let Terminator::Branch { cond: Operand::Copy(cond), .. } = &b.term else { return };
        let compared = b.instrs.iter().rev().find_map(|i| match &i.op {
            Op::Assign { dst, src: Rvalue::Binary(op, x, y) } if dst == cond => Some((*op, x, y)),
            _ => None,
        });
        let Some((op, x, y)) = compared else { return };
        let mut sides = |st: &State| {
            let mut st = st.clone();
            self.quiet(|this| (this.loop_operand(&mut st, x, block), this.loop_operand(&mut st, y, block)))
        };
        let ((ax, ay), (bx, by), (wx, wy)) = (sides(base), sides(back), sides(wide));
        let all = [ax, ay, bx, by, wx, wy];
        if all.contains(&V::UNINIT) || ay != by || by != wy {
            return;
        }
        let step = self.a.sub(bx, ax);
        let Some(step) = self.a.constant(step).filter(|s| (1..=64).contains(&s.abs())) else { return };
        let slack = match (op, step > 0) {
            (BinOp::Lt, true) | (BinOp::Gt, false) => step.abs() - 1,
            (BinOp::Le, true) | (BinOp::Ge, false) => step.abs(),
            (BinOp::Ne, _) if step.abs() == 1 => 0,
            _ => return,
        };
        let mut excess = |x: V| {
            let (low, high) = if step > 0 { (x, ay) } else { (ay, x) };
            let d = self.a.sub(low, high);
            self.a.plus(d, -slack)
        };
        let (before, after) = (excess(ax), excess(wx));
        if base.proves_le0(&mut self.a, before) {
            wide.assume_le0(&mut self.a, after);
        }
    }

    /// Value of an operand of a loop's condition, before what the block converts it to.
    fn loop_operand(&mut self, st: &mut State, operand: &Operand, block: BlockId) -> V {
        if let Operand::Copy(place) = operand {
            let own = self.f.blocks[block.index()].instrs.iter().find_map(|i| match &i.op {
                Op::Assign { dst, src: Rvalue::Cast(_, inner) } if dst == place => Some(inner),
                _ => None,
            });
            if let Some(inner) = own {
                return self.operand(st, inner);
            }
            if place.as_local().is_some_and(|l| self.f.locals[l.index()].name.is_empty()) {
                return V::UNINIT;
            }
        }
        self.operand(st, operand)
    }

    /// Merges states down to `keep`, first those with equal environments.
    fn reduce(&mut self, states: &mut Vec<State>, keep: usize, block: BlockId) {
        let mut i = 0;
        while i < states.len() {
            let mut j = i + 1;
            while j < states.len() {
                let same = states[i].same_environment(&states[j]);
                if same && !states[i].differ_in_null(&states[j], &self.a) {
                    let other = states.remove(j);
                    states[i] = join(&mut self.a, &states[i], &other, block.0);
                } else {
                    j += 1;
                }
            }
            i += 1;
        }
        while states.len() > keep {
            let (i, j) = closest(states);
            let other = states.remove(j);
            states[i] = join(&mut self.a, &states[i], &other, block.0);
        }
    }

    fn entry_state(&mut self) -> State {
        let mut st = State::new(self.f.locals.len());
        for id in self.f.param_ids() {
            let local = &self.f.locals[id.index()];
            if !self.scalar[id.index()] {
                let atom = self.local_atom(id);
                if !self.is_record_param(atom) {
                    st.object_mut(atom).content = Content::Unknown(0);
                }
                self.a.info_mut(atom).name = local.name;
                continue;
            }
            let (lo, hi) = self.type_bounds(local.ty);
            let atom = self.a.atom(AtomKind::Param(id.0), lo, hi);
            let pointer = self.may_be_pointer(local.ty);
            self.a.set_pointer(atom, pointer);
            let info = self.a.info_mut(atom);
            info.name = local.name;
            info.span = local.span;
            info.ty = local.ty;
            st.locals[id.index()] = self.a.of_atom(atom);
        }
        self.taint_main(&mut st);
        st
    }

    /// The arguments of `main` come from outside.
    fn taint_main(&mut self, st: &mut State) {
        if self.f.name != "main" || self.f.params < 2 {
            return;
        }
        let step = PathStep {
            kind: StepKind::Source,
            span: self.f.span,
            function: self.f.name,
            message: "arguments of the command line".into(),
        };
        let taint = self.a.add_taint(crate::value::Taint {
            kind: crate::models::SourceKind::CommandLine,
            steps: vec![step],
            inferred: false,
            raw: false,
        });
        if let Some(base) = self.a.base(st.locals[1]) {
            st.object_mut(base).taint = taint;
        }
    }

    fn exec_block(&mut self, block: BlockId, state: State) -> Vec<(BlockId, State)> {
        let b = &self.f.blocks[block.index()];
        let mut state = state;
        state.trim_cells(&mut self.a);
        let mut states = vec![state];
        for (index, instr) in b.instrs.iter().enumerate() {
            self.span = instr.span;
            self.in_macro = instr.in_macro;
            self.instr = index as u32;
            if let Op::Call { dst, callee, args } = &instr.op {
                let mut next = Vec::new();
                // A block of a thousand calls must not outrun the budget.
                if self.a.len() > WORK_MOST {
                    self.complete = false;
                    return Vec::new();
                }
                for st in states {
                    self.exec_call(st, dst.as_ref(), callee, args, &mut next);
                }
                states = next;
                let keep = self.states_kept(MAX_STATES);
                if states.len() > keep {
                    self.reduce(&mut states, keep, block);
                }
                if states.is_empty() {
                    return Vec::new();
                }
            } else {
                for st in &mut states {
                    self.exec(st, instr);
                }
            }
        }
        self.span = b.term_span;
        self.in_macro = b.term_macro;
        self.instr = u32::MAX;
        let mut out = Vec::new();
        for st in states {
            self.exec_terminator(st, &b.term, &mut out);
        }
        out
    }

    fn exec_terminator(&mut self, mut st: State, term: &Terminator, out: &mut Vec<(BlockId, State)>) {
        match term {
            Terminator::Goto(to) => out.push((*to, st)),
            Terminator::Branch { cond, then, other } => {
                let v = self.operand(&mut st, cond);
                if self.headers.get(self.block as usize) == Some(&true) {
                    self.check_loop_limit(&mut st, v);
                }
                let truth = match v {
                    V::UNINIT => None,
                    v => st.constant(&self.a, v).map(|k| k != 0),
                };
                if truth != Some(false) {
                    let mut taken = st.clone();
                    if taken.assume(&mut self.a, v, true) {
                        self.note(&mut taken, v, true);
                        out.push((*then, taken));
                    }
                }
                if truth != Some(true) {
                    if st.assume(&mut self.a, v, false) {
                        self.note(&mut st, v, false);
                        out.push((*other, st));
                    }
                }
            }
            Terminator::Switch { value, cases, default } => self.exec_switch(st, value, cases, *default, out),
            Terminator::Return(value) => {
                let v = value.as_ref().map(|value| self.operand(&mut st, value));
                self.exits.push((st, v, self.span));
            }
            Terminator::Unreachable => {}
        }
    }

    fn exec_switch(
        &mut self,
        mut st: State,
        value: &Operand,
        cases: &[(i128, i128, BlockId)],
        default: BlockId,
        out: &mut Vec<(BlockId, State)>,
    ) {
        let v = self.operand(&mut st, value);
        let mut by_target: Vec<(BlockId, State)> = Vec::new();
        let mut rest_possible = true;
        for &(lo, hi, to) in cases {
            let mut taken = st.clone();
            let above = {
                let negative = self.a.scale(v, -1);
                self.a.plus(negative, lo)
            };
            let below = self.a.plus(v, -hi);
            let feasible = if lo == hi {
                taken.assume_zero(&mut self.a, below)
            } else {
                taken.assume_le0(&mut self.a, above) && taken.assume_le0(&mut self.a, below)
            };
            if feasible {
                self.note(&mut taken, v, true);
                // Labels that share a body make one state.
                match by_target.iter_mut().find(|(target, _)| *target == to) {
                    Some((_, known)) if known.same_environment(&taken) => {
                        *known = join(&mut self.a, known, &taken, to.0);
                    }
                    _ => by_target.push((to, taken)),
                }
            }
            if lo == hi && !st.assume_nonzero(&mut self.a, below) {
                rest_possible = false;
                break;
            }
        }
        out.append(&mut by_target);
        if rest_possible {
            self.note(&mut st, v, false);
            out.push((default, st));
        }
    }

    fn note(&mut self, st: &mut State, cond: V, taken: bool) {
        if self.a.constant(cond).is_some() {
            return;
        }
        let (span, block) = (self.span, self.block);
        let enters = self.first_visit && self.headers[block as usize];
        let before = st.trace.take();
        st.trace = Some(Rc::new(Trace { span, block, enters, taken, cond, before }));
    }

    pub fn step(&self, kind: StepKind, span: Span, message: String) -> PathStep {
        PathStep { kind, span, function: self.f.name, message }
    }

    pub fn site(&self, what: Symbol, region: &'static str) -> Site {
        Site {
            span: self.span,
            function: self.f.name,
            in_macro: self.in_macro,
            what,
            region,
            features: Vec::new(),
        }
    }

    pub fn null_atom(&mut self, ty: TypeId, origin: NullOrigin, name: Symbol) -> V {
        let v = self.typed_fresh(ty, name);
        let span = self.span;
        if let Some(atom) = self.a.as_atom(v) {
            self.a.set_pointer(atom, true);
            let info = self.a.info_mut(atom);
            info.lo = info.lo.max(0);
            info.null = Some((origin, span));
        }
        v
    }

    pub fn callee_name(&self, callee: &Callee) -> Symbol {
        match callee {
            Callee::Direct(name) => *name,
            Callee::Virtual(class, method) => Symbol::new(&format!("{class}::{method}")),
            Callee::Indirect(_) => Symbol::EMPTY,
        }
    }
}

#[derive(Default)]
struct Pending {
    forward: Vec<State>,
    back: Vec<State>,
    arrivals: u32,
}

#[derive(Clone)]
struct LoopState {
    base: Vec<State>,
    back: Vec<State>,
    phase: u8,
}

/// What a round of a loop left as one of the states before it had it did not change: it is what
/// the merge of those states has there.
fn keep_unchanged(back: &mut State, before: &[State], merged: &State) {
    if before.len() < 2 {
        return;
    }
    for (local, v) in back.locals.iter_mut().enumerate() {
        if *v != merged.locals[local] && before.iter().any(|st| st.locals[local] == *v) {
            *v = merged.locals[local];
        }
    }
    for &(addr, v) in &merged.cells {
        let now = back.cell(addr);
        if now.is_some() && now != Some(v) && before.iter().any(|st| st.cell(addr) == now) {
            back.set_cell(addr, v);
        }
    }
    for &(atom, bounds) in &merged.facts {
        if back.facts.binary_search_by_key(&atom, |f| f.0).is_err() {
            back.set_bounds(atom, bounds);
        }
    }
    for &c in &merged.cons {
        if !back.cons.contains(&c) && back.cons.len() < MAX_MERGED {
            back.cons.push(c);
        }
    }
}

/// The pair of states that differ least.
fn closest(states: &[State]) -> (usize, usize) {
    let mut best = (usize::MAX, 0, 1);
    for i in 0..states.len() {
        for j in i + 1..states.len() {
            let (x, y) = (&states[i], &states[j]);
            let locals = x.locals.iter().zip(&y.locals).filter(|(a, b)| a != b).count();
            let cells = missing(&x.cells, &y.cells);
            let objects = missing(&x.objects, &y.objects);
            let distance = locals * 2 + cells + objects * 3;
            if distance < best.0 {
                best = (distance, i, j);
            }
        }
    }
    (best.1, best.2)
}

/// Entries of a sorted list that another does not have.
fn missing<K: Ord, T: PartialEq>(of: &[(K, T)], from: &[(K, T)]) -> usize {
    if std::ptr::eq(of, from) {
        return 0;
    }
    let mut at = 0;
    let mut count = 0;
    for entry in of {
        while at < from.len() && from[at].0 < entry.0 {
            at += 1;
        }
        count += usize::from(from.get(at) != Some(entry));
    }
    count
}

fn reverse_post_order(f: &Function) -> Vec<BlockId> {
    let mut seen = vec![false; f.blocks.len()];
    let mut order = Vec::with_capacity(f.blocks.len());
    let mut stack = vec![(BlockId(0), 0usize)];
    seen[0] = true;
    while let Some((block, next)) = stack.pop() {
        let successors = f.blocks[block.index()].term.successors();
        // Visiting the last successor first puts loop bodies before loop exits.
        match successors.iter().rev().nth(next) {
            Some(&to) => {
                stack.push((block, next + 1));
                if to.index() < seen.len() && !seen[to.index()] {
                    seen[to.index()] = true;
                    stack.push((to, 0));
                }
            }
            None => order.push(block),
        }
    }
    order.reverse();
    order
}
