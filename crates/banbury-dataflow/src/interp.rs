//! The abstract interpreter of one function: walks the control-flow graph with a bounded number
//! of states per block, executes instructions, and leaves a [`Summary`] and issues behind.

use std::collections::BTreeMap;
use std::rc::Rc;

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{
    Base, BinOp, BlockId, Callee, Const, FieldRef, FuncId, Function, Index, Init, Instr, LocalId, Op,
    Operand, Place, Program, Proj, RecordId, Rvalue, Terminator, Type, TypeId, TypeTable, UnOp,
};
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use crate::Shared;
use crate::join::{join, widen};
use crate::observe::Issue;
use crate::state::{Content, Life, Object, State, Trace};
use crate::summary::{AccessKind, Obligation, Site};
use crate::value::{Arena, Atom, AtomKind, MAX, MIN, NullOrigin, V};

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
/// Objects followed from one pointer.
const MAX_REACHED: usize = 12;
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
    pub block: u32,
    pub instr: u32,
    /// Where resources were acquired that are released or handed on somewhere in the function.
    pub given_up: FxHashSet<Span>,
    /// Blocks that a back edge leads to.
    headers: Vec<bool>,
}

/// An evaluated place.
pub(crate) struct Target {
    pub addr: V,
    pub ty: TypeId,
    pub name: Symbol,
    pub field: Option<(RecordId, u32)>,
    /// Goes through a pointer or an array index.
    pub indirect: bool,
}

impl<'a> Interp<'a> {
    pub fn new(shared: &'a Shared<'a>, fid: FuncId) -> Self {
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
            a: Arena::new(),
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
            block: 0,
            instr: 0,
            given_up: FxHashSet::default(),
            headers: Vec::new(),
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
    fn sprinting(&self) -> bool {
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
        self.reduce(&mut back, 1, block);
        let state = slot.as_mut()?;
        let first_back = back.first()?.clone();
        match state.phase {
            1 if unroll => {
                state.phase = 2;
                state.back.push(first_back);
                Some(back)
            }
            1 | 2 => {
                state.phase = 3;
                let mut base = std::mem::take(&mut state.base);
                base.append(&mut forward);
                self.reduce(&mut base, 1, block);
                let mut backs = std::mem::take(&mut state.back);
                backs.push(first_back);
                let base = base.pop()?;
                // The first round shows the step most plainly; later rounds must agree with it.
                let mut wide = widen(&mut self.a, &base, &backs[0], block.0);
                if backs.len() > 1 {
                    wide.epoch = self.a.next_number();
                }
                Some(vec![wide])
            }
            _ => None,
        }
    }

    /// Merges states down to `keep`, first those with equal environments.
    fn reduce(&mut self, states: &mut Vec<State>, keep: usize, block: BlockId) {
        let mut i = 0;
        while i < states.len() {
            let mut j = i + 1;
            while j < states.len() {
                if states[i].same_environment(&states[j]) {
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
            out.push((default, st));
        }
    }

    fn note(&mut self, st: &mut State, cond: V, taken: bool) {
        if self.a.constant(cond).is_some() {
            return;
        }
        st.trace = Some(Rc::new(Trace { span: self.span, taken, cond, before: st.trace.take() }));
    }

    // ---- instructions ----

    fn exec(&mut self, st: &mut State, instr: &Instr) {
        match &instr.op {
            Op::Assign { dst, src } => self.assign(st, dst, src),
            Op::Declare(id) => self.declare(st, *id),
            Op::Dead(id) => {
                let atom = self.local_atom(*id);
                if st.object(atom).is_some_and(|o| o.exposed) {
                    let span = self.span;
                    st.object_mut(atom).life = Life::Dead(span);
                }
            }
            Op::Zero(place) => {
                let Some(target) = self.place(st, place, AccessKind::Write) else { return };
                self.zero(st, &target);
            }
            Op::Opaque => self.scramble_all(st),
            Op::Call { .. } => {}
        }
    }

    fn declare(&mut self, st: &mut State, id: LocalId) {
        if self.scalar[id.index()] {
            st.locals[id.index()] = V::UNINIT;
        }
        let atom = self.local_atom(id);
        self.forget_cells(st, atom);
        let object = st.object_mut(atom);
        *object = Default::default();
        object.content = Content::Uninit;
    }

    fn zero(&mut self, st: &mut State, target: &Target) {
        let addr = self.a.plain(target.addr);
        if let Some(local) = self.scalar_local(addr) {
            st.locals[local.index()] = V::ZERO;
            return;
        }
        let Some((base, offset)) = self.a.split(addr) else { return };
        let size = self.types().size_of(target.ty).map(i128::from);
        match self.a.constant(offset) {
            Some(0) if self.covers(st, base, size) => {
                self.forget_cells(st, base);
                let object = st.object_mut(base);
                object.content = Content::Zero;
                object.taint = 0;
                object.strlen = Some(V::ZERO);
                object.filled = None;
            }
            Some(start) => {
                let end = size.map_or(start + 1, |s| start + s);
                self.forget_range(st, base, start, end);
                self.zero_fields(st, addr, target.ty, 0);
            }
            None => self.forget_cells(st, base),
        }
    }

    /// Writes zero cells for the scalar members of a record (nested ones to some depth).
    fn zero_fields(&mut self, st: &mut State, addr: V, ty: TypeId, depth: u32) {
        match self.types().get(ty) {
            Type::Record(record) if depth < 3 => {
                let Some(record) = self.types().record(*record) else { return };
                for field in record.fields.iter().take(40) {
                    if let Some(offset) = field.offset {
                        let at = self.a.plus(addr, i128::from(offset));
                        self.zero_fields(st, at, field.ty, depth + 1);
                    }
                }
            }
            Type::Array(..) | Type::Record(_) => {}
            _ => st.set_cell(addr, V::ZERO),
        }
    }

    fn covers(&mut self, st: &State, base: Atom, size: Option<i128>) -> bool {
        let object = self.object_size(st, base);
        match (object.and_then(|v| self.a.constant(v)), size) {
            (Some(object), Some(size)) => size >= object,
            _ => false,
        }
    }

    fn assign(&mut self, st: &mut State, dst: &Place, src: &Rvalue) {
        // Whole records are copied member by member.
        if let Rvalue::Use(Operand::Copy(from)) = src {
            if let Some(ty) = self.f.place_type(dst, &self.program.globals, self.types()) {
                if matches!(self.types().get(ty), Type::Record(_) | Type::Array(..)) {
                    self.copy_record(st, dst, from, ty);
                    return;
                }
            }
        }
        let v = self.rvalue(st, src, dst);
        self.store_place(st, dst, v);
    }

    fn copy_record(&mut self, st: &mut State, dst: &Place, from: &Place, ty: TypeId) {
        let Some(source) = self.place(st, from, AccessKind::Read) else { return };
        let Some(target) = self.place(st, dst, AccessKind::Write) else { return };
        let size = self.types().size_of(ty).unwrap_or(0);
        let size = self.a.int(i128::from(size));
        self.copy_memory(st, target.addr, source.addr, Some(size));
    }

    pub fn store_place(&mut self, st: &mut State, dst: &Place, v: V) {
        if let Some(local) = dst.as_local() {
            if self.scalar[local.index()] {
                let v = self.named(v, self.f.locals[local.index()].name);
                st.locals[local.index()] = v;
                self.set_unknown_record(st, local);
                return;
            }
        }
        let Some(target) = self.place(st, dst, AccessKind::Write) else { return };
        self.store(st, target.addr, v, target.ty);
    }

    /// A variable of a type that is not known may have members, which are set now.
    fn set_unknown_record(&mut self, st: &mut State, local: LocalId) {
        if !matches!(self.types().get(self.f.locals[local.index()].ty), Type::Unknown) {
            return;
        }
        let atom = self.local_atom(local);
        if st.object(atom).is_some_and(|o| o.content == Content::Uninit) {
            self.forget_cells(st, atom);
            st.object_mut(atom).content = Content::Unknown(self.a.next_number());
        }
    }

    /// Gives an anonymous atom the name of the variable that receives it.
    fn named(&mut self, v: V, name: Symbol) -> V {
        if !name.is_empty() && v != V::UNINIT {
            if let Some(atom) = self.a.as_atom(v) {
                if self.a.info(atom).name.is_empty() {
                    self.a.info_mut(atom).name = name;
                }
            }
        }
        v
    }

    fn rvalue(&mut self, st: &mut State, src: &Rvalue, dst: &Place) -> V {
        match src {
            Rvalue::Use(operand) => self.operand(st, operand),
            Rvalue::AddrOf(place) => self.address_of(st, place),
            Rvalue::Cast(ty, operand) => {
                let v = self.operand(st, operand);
                let from = self.operand_type(operand);
                if let Some(op) = self.narrowed_arithmetic(operand, *ty) {
                    return self.narrow(st, v, op, *ty);
                }
                self.cast(st, v, from, *ty)
            }
            Rvalue::Unary(op, operand) => {
                let v = self.operand(st, operand);
                match op {
                    UnOp::Neg => {
                        let negative = self.a.scale(v, -1);
                        match self.operand_type(operand).and_then(|t| self.types().int_info(t)) {
                            Some((bits, false)) => self.modulo(st, negative, bits, false),
                            _ => negative,
                        }
                    }
                    UnOp::Not => {
                        let negative = self.a.scale(v, -1);
                        let exact = self.a.plus(negative, -1);
                        match self.operand_type(operand).and_then(|t| self.types().int_info(t)) {
                            Some((bits @ ..=64, false)) => {
                                let all = self.a.int((1i128 << bits) - 1);
                                self.a.sub(all, v)
                            }
                            _ => exact,
                        }
                    }
                    UnOp::LogicalNot => self.compare(st, BinOp::Eq, v, V::ZERO, false),
                }
            }
            Rvalue::Binary(op, x, y) => {
                let a = self.operand(st, x);
                let b = self.operand(st, y);
                let ty = self.operand_type(x).filter(|t| self.types().int_info(*t).is_some());
                let ty = ty.or_else(|| self.operand_type(y));
                let result = self.f.place_type(dst, &self.program.globals, self.types());
                self.binary(st, *op, a, b, ty, result)
            }
            Rvalue::PtrAdd { ptr, index, elem, negative } => {
                let p = self.operand(st, ptr);
                let i = self.operand(st, index);
                let size = i128::from(self.types().size_of(*elem).unwrap_or(1));
                let offset = self.a.scale(i, if *negative { -size } else { size });
                self.as_pointer(p);
                self.a.add(p, offset)
            }
        }
    }

    /// `x = x + 1` with a signed `x` narrower than `int`: the sum is made in `int` by the
    /// instruction before and then converted back.
    fn narrowed_arithmetic(&self, operand: &Operand, to: TypeId) -> Option<BinOp> {
        let (bits, true) = self.types().int_info(to)? else { return None };
        let Operand::Copy(place) = operand else { return None };
        let temporary = place.as_local().filter(|l| self.f.locals[l.index()].name.is_empty())?;
        let block = &self.f.blocks[self.block as usize];
        let before = block.instrs.get((self.instr as usize).checked_sub(1)?)?;
        match &before.op {
            Op::Assign { dst, src: Rvalue::Binary(op @ (BinOp::Add | BinOp::Sub | BinOp::Mul), ..) }
                if dst.as_local() == Some(temporary) && (8..32).contains(&bits) =>
            {
                Some(*op)
            }
            _ => None,
        }
    }

    fn narrow(&mut self, st: &mut State, v: V, op: BinOp, to: TypeId) -> V {
        let Some((bits, signed)) = self.types().int_info(to).filter(|_| v != V::UNINIT) else { return v };
        self.check_narrow(st, v, bits, op == BinOp::Sub);
        self.modulo(st, v, bits, signed)
    }

    /// Marks a lone atom that is used as an address.
    pub fn as_pointer(&mut self, v: V) {
        if self.a.base(v).is_none() {
            if let Some(atom) = self.a.as_atom(v) {
                if v != V::UNINIT {
                    self.a.set_pointer(atom, true);
                }
            }
        }
    }

    fn address_of(&mut self, st: &mut State, place: &Place) -> V {
        let Some(target) = self.place_address(st, place) else { return self.a.unknown() };
        let mut addr = target.addr;
        if let Base::Local(id) = place.base {
            if !place.proj.iter().any(|p| matches!(p, Proj::Deref | Proj::At(_))) {
                let atom = self.local_atom(id);
                st.object_mut(atom).exposed = true;
            }
        }
        if let Some((start, bytes)) = self.array_member(st, place) {
            let mark = self.a.atom(AtomKind::Sub(start, bytes), 0, 0);
            let mark = self.a.of_atom(mark);
            addr = self.a.add(addr, mark);
        }
        addr
    }

    /// For `&x.array[i]`: address and size of an array that is a member with more members behind
    /// it (a trailing array may stand for any number of elements).
    fn array_member(&mut self, st: &mut State, place: &Place) -> Option<(V, u64)> {
        let (last, before) = place.proj.split_last()?;
        let Proj::Elem(_) = last else { return None };
        let array = Place { base: place.base, proj: before.into() };
        let Some(Proj::Field(field)) = before.last() else { return None };
        let ty = self.f.place_type(&array, &self.program.globals, self.types())?;
        // A trailing array of one element or none stands for any number of them.
        let open_ended =
            matches!(self.types().get(ty), Type::Array(_, count) if count.is_none_or(|c| c <= 1));
        if open_ended && self.is_trailing(field) {
            return None;
        }
        let bytes = self.types().size_of(ty).filter(|&b| b > 0)?;
        let start = self.place_address(st, &array)?.addr;
        Some((self.a.plain(start), bytes))
    }

    pub fn is_trailing(&self, field: &FieldRef) -> bool {
        let Some(record) = field.record.and_then(|r| self.types().record(r)) else { return true };
        let last = record.fields.len().saturating_sub(1);
        field.index as usize >= last || record.kind == banbury_ir::RecordKind::Union
    }

    // ---- numbers ----

    pub fn compare(&mut self, st: &mut State, op: BinOp, a: V, b: V, unsigned: bool) -> V {
        if let Some(truth) = st.decide(&mut self.a, op, a, b) {
            return self.a.int(i128::from(truth));
        }
        if a == V::UNINIT || b == V::UNINIT {
            let atom = self.a.fresh(0, 1);
            return self.a.of_atom(atom);
        }
        // `cond != 0`, where the condition is itself a comparison.
        if op == BinOp::Ne && b == V::ZERO {
            if let Some(atom) = self.a.as_atom(a) {
                if matches!(self.a.info(atom).kind, AtomKind::Cmp(..)) {
                    return a;
                }
            }
        }
        let atom = self.a.atom(AtomKind::Cmp(op, a, b, unsigned), 0, 1);
        let taint = match self.a.taint_of(a) {
            0 => self.a.taint_of(b),
            t => t,
        };
        self.a.info_mut(atom).taint = taint;
        self.a.of_atom(atom)
    }

    pub fn binary(
        &mut self,
        st: &mut State,
        op: BinOp,
        a: V,
        b: V,
        ty: Option<TypeId>,
        result: Option<TypeId>,
    ) -> V {
        if a == V::UNINIT || b == V::UNINIT {
            return self.typed_fresh(result.unwrap_or(TypeTable::UNKNOWN), Symbol::EMPTY);
        }
        if op.is_comparison() {
            let unsigned = ty.and_then(|t| self.types().int_info(t)).is_some_and(|(_, signed)| !signed)
                || ty.is_some_and(|t| self.types().is_pointer(t));
            return self.compare(st, op, a, b, unsigned);
        }
        let info = result.and_then(|t| self.types().int_info(t));
        match op {
            BinOp::Add => {
                let v = self.a.add(a, b);
                self.check_fits(st, v, info, false, (a, b));
                self.wrapped(st, v, info)
            }
            BinOp::Sub => {
                let v = self.a.sub(a, b);
                self.check_fits(st, v, info, true, (a, b));
                self.wrapped(st, v, info)
            }
            BinOp::Mul => self.multiply(st, a, b, info),
            BinOp::PtrDiff => {
                let d = self.a.sub(a, b);
                let size = ty
                    .and_then(|t| self.types().pointee(t))
                    .and_then(|t| self.types().size_of(t))
                    .map_or(1, i128::from)
                    .max(1);
                self.divide(st, BinOp::Div, d, size)
            }
            BinOp::Div | BinOp::Rem => {
                self.check_divisor(st, b);
                match st.constant(&self.a, b) {
                    Some(k) if k > 0 => match op {
                        BinOp::Div => self.divide(st, op, a, k),
                        _ => self.remainder(st, a, k),
                    },
                    _ if op == BinOp::Rem => self.remainder_of_unknown(st, a, b, info),
                    _ => self.nonlinear(st, op, a, b, info, None),
                }
            }
            BinOp::Shl => match st.constant(&self.a, b) {
                Some(k) if (0..63).contains(&k) => {
                    let by = self.a.int(1i128 << k);
                    // Bits shifted out of an unsigned value are meant to go.
                    match info {
                        Some((_, false)) => self.quiet(|this| this.multiply(st, a, by, info)),
                        _ => self.multiply(st, a, by, info),
                    }
                }
                _ => self.nonlinear(st, op, a, b, info, None),
            },
            BinOp::Shr => match st.constant(&self.a, b) {
                Some(k) if (0..63).contains(&k) && st.bounds(&self.a, a).0 >= 0 => {
                    let (lo, hi) = st.bounds(&self.a, a);
                    if lo == hi {
                        return self.a.int(lo >> k);
                    }
                    self.nonlinear(st, op, a, b, info, Some((lo >> k, if hi >= MAX { MAX } else { hi >> k })))
                }
                _ => self.nonlinear(st, op, a, b, info, None),
            },
            BinOp::And => self.bit_and(st, a, b, info),
            BinOp::Or | BinOp::Xor => {
                let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
                if let (Some(p), Some(q)) = (st.constant(&self.a, a), st.constant(&self.a, b)) {
                    return self.a.int(if op == BinOp::Or { p | q } else { p ^ q });
                }
                if b == V::ZERO {
                    return a;
                }
                if a == V::ZERO {
                    return b;
                }
                let bounds = (x.0 >= 0 && y.0 >= 0 && x.1 < MAX && y.1 < MAX).then(|| {
                    let top = x.1.max(y.1);
                    let all = (top as u128 + 1).next_power_of_two() as i128 - 1;
                    (if op == BinOp::Or { x.0.max(y.0) } else { 0 }, all)
                });
                self.nonlinear(st, op, a, b, info, bounds)
            }
            _ => self.nonlinear(st, op, a, b, info, None),
        }
    }

    fn bit_and(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
        if let (Some(p), Some(q)) = (st.constant(&self.a, a), st.constant(&self.a, b)) {
            return self.a.int(p & q);
        }
        for (v, (lo, hi), (mask_lo, mask)) in [(a, x, y), (b, y, x)] {
            if mask_lo == mask && mask >= 0 && lo >= 0 && hi <= mask && (mask + 1) & mask == 0 {
                return v;
            }
        }
        let top = match (x.0 >= 0, y.0 >= 0) {
            (true, true) => x.1.min(y.1),
            (true, false) => x.1,
            (false, true) => y.1,
            _ => return self.nonlinear(st, BinOp::And, a, b, info, None),
        };
        self.nonlinear(st, BinOp::And, a, b, info, Some((0, top)))
    }

    fn multiply(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let v = match (st.constant(&self.a, a), st.constant(&self.a, b)) {
            (_, Some(k)) => self.a.scale(a, k),
            (Some(k), _) => self.a.scale(b, k),
            _ => {
                let (x, y) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
                let corners = [(x.0, y.0), (x.0, y.1), (x.1, y.0), (x.1, y.1)]
                    .map(|(p, q)| p.clamp(-(1 << 63), 1 << 64).saturating_mul(q.clamp(-(1 << 62), 1 << 62)));
                let lo = corners.iter().min().copied().unwrap_or(MIN).max(MIN);
                let hi = corners.iter().max().copied().unwrap_or(MAX).min(MAX);
                self.nonlinear(st, BinOp::Mul, a, b, None, Some((lo, hi)))
            }
        };
        self.check_fits(st, v, info, false, (a, b));
        self.wrapped(st, v, info)
    }

    fn divide(&mut self, st: &mut State, op: BinOp, a: V, k: i128) -> V {
        if k == 1 {
            return a;
        }
        let lin = self.a.lin(a).clone();
        if lin.k % k == 0 && lin.terms.iter().all(|&(_, c)| i128::from(c) % k == 0) {
            let mut out = self.a.int(lin.k / k);
            for (atom, c) in lin.terms {
                let atom = self.a.of_atom(atom);
                let term = self.a.scale(atom, i128::from(c) / k);
                out = self.a.add(out, term);
            }
            return out;
        }
        let (lo, hi) = st.bounds(&self.a, a);
        let by = self.a.int(k);
        let bounds = (if lo <= MIN { MIN } else { lo / k }, if hi >= MAX { MAX } else { hi / k });
        let v = self.nonlinear(st, op, a, by, None, Some(bounds));
        // k * v <= a for non-negative a.
        if lo >= 0 {
            let scaled = self.a.scale(v, k);
            let d = self.a.sub(scaled, a);
            st.assume_le0(&mut self.a, d);
        }
        v
    }

    fn remainder(&mut self, st: &mut State, a: V, k: i128) -> V {
        let (lo, hi) = st.bounds(&self.a, a);
        if lo == hi {
            return self.a.int(lo % k);
        }
        if lo >= 0 && hi < k {
            return a;
        }
        let by = self.a.int(k);
        let bounds = (if lo >= 0 { 0 } else { 1 - k }, (k - 1).min(if hi < 0 { 0 } else { hi }));
        self.nonlinear(st, BinOp::Rem, a, by, None, Some(bounds))
    }

    /// `a % b` lies below `b`, whatever the two are.
    fn remainder_of_unknown(&mut self, st: &mut State, a: V, b: V, info: Option<(u16, bool)>) -> V {
        let ((lo, hi), by) = (st.bounds(&self.a, a), st.bounds(&self.a, b));
        let bounds = (lo >= 0 && by.0 >= 0).then(|| (0, hi.min((by.1 - 1).max(0))));
        let v = self.nonlinear(st, BinOp::Rem, a, b, info, bounds);
        if bounds.is_some() {
            let d = self.a.sub(v, b);
            let below = self.a.plus(d, 1);
            st.assume_le0(&mut self.a, below);
        }
        v
    }

    fn nonlinear(
        &mut self,
        st: &mut State,
        op: BinOp,
        a: V,
        b: V,
        info: Option<(u16, bool)>,
        bounds: Option<(i128, i128)>,
    ) -> V {
        let by_type = info.map_or((MIN, MAX), int_bounds);
        let atom = self.a.atom(AtomKind::Op(op, a, b, info.map_or(0, |i| i.0)), by_type.0, by_type.1);
        let taint = match self.a.taint_of(a) {
            0 => self.a.taint_of(b),
            t => t,
        };
        let name = self.name_of(a);
        let target = self.a.info_mut(atom);
        target.taint = taint;
        if target.name.is_empty() {
            target.name = name;
        }
        if let Some((lo, hi)) = bounds {
            let old = st.bounds_of_atom(&self.a, atom);
            let new = (lo.max(old.0), hi.min(old.1));
            if new.0 <= new.1 {
                st.set_bounds(atom, new);
            }
        }
        self.a.of_atom(atom)
    }

    /// The value modulo the range of a type, where wrapping is what the language defines.
    fn modulo(&mut self, st: &mut State, v: V, bits: u16, signed: bool) -> V {
        if v == V::UNINIT {
            return v;
        }
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo >= min && hi <= max {
            return v;
        }
        let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
        self.a.info_mut(atom).taint = self.a.taint_of(v);
        self.a.of_atom(atom)
    }

    /// The value as a variable of the type holds it. Values that may not fit keep their exact
    /// form: what happens when they do not is for [`Need::Fits`] to say.
    fn wrapped(&mut self, st: &mut State, v: V, info: Option<(u16, bool)>) -> V {
        let Some((bits, signed)) = info else { return v };
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds((bits, signed));
        if lo > max || hi < min {
            let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
            return self.a.of_atom(atom);
        }
        v
    }

    pub fn cast(&mut self, st: &mut State, v: V, from: Option<TypeId>, to: TypeId) -> V {
        if v == V::UNINIT {
            return v;
        }
        let types = self.types();
        if types.is_pointer(to) {
            self.as_pointer(v);
            self.shape_memory(v, to);
            return v;
        }
        let Some((bits, signed)) = types.int_info(to) else { return v };
        if types.int_info(to) == Some((1, false)) && !matches!(from.map(|f| types.get(f)), Some(Type::Bool)) {
            return self.compare(st, BinOp::Ne, v, V::ZERO, false);
        }
        if self.a.base(v).is_some() {
            return v;
        }
        if matches!(from.map(|f| types.get(f)), Some(Type::Float(_))) {
            let out = self.typed_fresh(to, self.name_of(v));
            self.inherit_taint(out, v);
            return out;
        }
        let (min, max) = int_bounds((bits, signed));
        if let Some(k) = self.a.constant(v) {
            self.check_converts(st, v, from, to);
            return self.a.int(wrap(k, bits, signed));
        }
        let (lo, hi) = st.bounds(&self.a, v);
        if lo >= min && hi <= max {
            return v;
        }
        let source = from.and_then(|f| types.int_info(f));
        self.check_converts(st, v, from, to);
        // An unsigned difference that may have wrapped keeps its exact form.
        if let Some((from_bits, false)) = source {
            if bits >= from_bits && lo < 0 && hi <= max {
                return v;
            }
        }
        let atom = self.a.atom(AtomKind::Wrap(v, bits, signed), min, max);
        let taint = self.a.taint_of(v);
        let name = self.name_of(v);
        let target = self.a.info_mut(atom);
        target.taint = taint;
        if target.name.is_empty() {
            target.name = name;
        }
        target.ty = to;
        self.a.of_atom(atom)
    }

    /// New memory is what its address is first converted to.
    fn shape_memory(&mut self, v: V, to: TypeId) {
        let Some(atom) = self.a.as_atom(v) else { return };
        let info = self.a.info(atom);
        let raw = || {
            self.types()
                .pointee(info.ty)
                .is_none_or(|t| matches!(self.types().get(t), Type::Void | Type::Unknown))
        };
        if matches!(info.kind, AtomKind::Alloc(..)) && raw() {
            self.a.info_mut(atom).ty = to;
        }
    }

    pub fn inherit_taint(&mut self, to: V, from: V) {
        let taint = self.a.taint_of(from);
        if taint != 0 {
            if let Some(atom) = self.a.as_atom(to) {
                self.a.info_mut(atom).taint = taint;
            }
        }
    }

    pub fn name_of(&self, v: V) -> Symbol {
        if v == V::UNINIT {
            return Symbol::EMPTY;
        }
        let lin = self.a.lin(v);
        lin.terms.iter().map(|&(a, _)| self.a.info(a).name).find(|n| !n.is_empty()).unwrap_or_default()
    }

    pub fn type_bounds(&self, ty: TypeId) -> (i128, i128) {
        match self.types().get(ty) {
            Type::Int { bits, signed } => int_bounds((*bits, *signed)),
            Type::Bool => (0, 1),
            Type::Pointer(_) => (0, u64::MAX as i128),
            _ => (MIN, MAX),
        }
    }

    pub fn may_be_pointer(&self, ty: TypeId) -> bool {
        matches!(self.types().get(ty), Type::Pointer(_) | Type::Unknown)
    }

    pub fn typed_fresh(&mut self, ty: TypeId, name: Symbol) -> V {
        let (lo, hi) = self.type_bounds(ty);
        let atom = self.a.fresh(lo, hi);
        let pointer = self.types().is_pointer(ty);
        let span = self.span;
        self.a.set_pointer(atom, pointer);
        let info = self.a.info_mut(atom);
        info.name = name;
        info.span = span;
        info.ty = ty;
        self.a.of_atom(atom)
    }

    pub fn operand_type(&self, operand: &Operand) -> Option<TypeId> {
        match operand {
            Operand::Copy(place) => self.f.place_type(place, &self.program.globals, self.types()),
            Operand::Const(Const::Int(_, ty) | Const::Float(_, ty) | Const::UnknownInt(ty)) => Some(*ty),
            _ => None,
        }
    }

    pub fn operand(&mut self, st: &mut State, operand: &Operand) -> V {
        match operand {
            Operand::Copy(place) => self.read_place(st, place),
            Operand::Const(constant) => self.constant(constant),
        }
    }

    fn constant(&mut self, constant: &Const) -> V {
        match constant {
            Const::Int(bits, ty) => {
                let k = self.types().int_value(*bits, *ty);
                self.a.int(k)
            }
            Const::Float(..) => self.a.unknown(),
            Const::Str { text, wide, .. } => {
                let atom =
                    self.a.atom(AtomKind::AddrStr(*text, if *wide { 4 } else { 1 }), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            Const::Func(name) => {
                let atom = self.a.atom(AtomKind::AddrFunc(*name), 1, u64::MAX as i128);
                self.a.of_atom(atom)
            }
            Const::GlobalAddr(id, offset) => {
                let atom = self.global_atom(*id);
                let v = self.a.of_atom(atom);
                self.a.plus(v, i128::from(*offset))
            }
            Const::UnknownInt(ty) => self.typed_fresh(*ty, Symbol::EMPTY),
        }
    }

    // ---- places and memory ----

    pub fn local_atom(&mut self, id: LocalId) -> Atom {
        // A record passed by value is, until it is written, the caller's: its members are looked
        // up there when the summary is applied.
        if id.0 < self.f.params && matches!(self.types().get(self.f.locals[id.index()].ty), Type::Record(_)) {
            let atom = self.a.atom(AtomKind::Param(id.0), 1, u64::MAX as i128);
            self.a.info_mut(atom).pointer = true;
            return atom;
        }
        self.a.atom(AtomKind::AddrLocal(id), 1, u64::MAX as i128)
    }

    /// Whether the address is that of this function's own copy of a record.
    pub fn is_record_param(&self, atom: Atom) -> bool {
        match self.a.info(atom).kind {
            AtomKind::Param(i) => self
                .f
                .locals
                .get(i as usize)
                .is_some_and(|l| matches!(self.types().get(l.ty), Type::Record(_))),
            _ => false,
        }
    }

    pub fn global_atom(&mut self, id: banbury_ir::GlobalId) -> Atom {
        self.a.atom(AtomKind::AddrGlobal(id), 1, u64::MAX as i128)
    }

    /// The scalar local that lives at the address.
    pub fn scalar_local(&self, addr: V) -> Option<LocalId> {
        let atom = self.a.as_atom(addr)?;
        match self.a.info(atom).kind {
            AtomKind::AddrLocal(id) if self.scalar.get(id.index()) == Some(&true) => Some(id),
            _ => None,
        }
    }

    pub fn read_place(&mut self, st: &mut State, place: &Place) -> V {
        if let Some(local) = place.as_local() {
            if self.scalar[local.index()] {
                let v = st.locals[local.index()];
                if v == V::UNINIT {
                    return self.read_uninit_local(st, local);
                }
                return v;
            }
        }
        let Some(target) = self.place(st, place, AccessKind::Read) else { return self.a.unknown() };
        if matches!(self.types().get(target.ty), Type::Array(..) | Type::Record(_)) {
            return target.addr;
        }
        let v = self.load(st, target.addr, target.ty, target.name, target.field);
        if v == V::UNINIT {
            self.report_uninit(st, target.name);
            let v = self.typed_fresh(target.ty, target.name);
            self.store(st, target.addr, v, target.ty);
            return v;
        }
        v
    }

    fn read_uninit_local(&mut self, st: &mut State, local: LocalId) -> V {
        let decl = &self.f.locals[local.index()];
        let v = self.typed_fresh(decl.ty, decl.name);
        let atom = self.local_atom(local);
        if !decl.name.is_empty() && !st.object(atom).is_some_and(|o| o.exposed) {
            self.report_uninit(st, decl.name);
        }
        st.locals[local.index()] = v;
        v
    }

    /// Address and type of a place, with the checks of every step on the way.
    pub fn place(&mut self, st: &mut State, place: &Place, kind: AccessKind) -> Option<Target> {
        let target = self.place_address(st, place)?;
        if target.indirect {
            let bits = target
                .field
                .and_then(|(record, index)| self.types().record(record)?.fields.get(index as usize)?.bits);
            let size = match bits {
                Some(bits) => u64::from(bits).div_ceil(8),
                None => self.types().size_of(target.ty).unwrap_or(1),
            };
            let size = self.a.int(i128::from(size.max(1)));
            self.check_access(st, target.addr, size, kind, target.name, true);
        }
        Some(target)
    }

    /// As [`Interp::place`], without the final access.
    pub fn place_address(&mut self, st: &mut State, place: &Place) -> Option<Target> {
        let (atom, mut ty, mut name) = match place.base {
            Base::Local(id) => {
                let local = self.f.locals.get(id.index())?;
                (self.local_atom(id), local.ty, local.name)
            }
            Base::Global(id) => {
                let global = self.program.globals.get(id.index())?;
                (self.global_atom(id), global.ty, global.name)
            }
        };
        let mut addr = self.a.of_atom(atom);
        let mut field_of = None;
        let mut indirect = false;
        for proj in &place.proj {
            match proj {
                Proj::Deref | Proj::At(_) => {
                    let pointee = self.types().pointee(ty).unwrap_or(TypeTable::UNKNOWN);
                    let mut ptr = match self.types().get(ty) {
                        Type::Array(..) => addr,
                        _ => self.load(st, addr, ty, name, field_of),
                    };
                    if ptr == V::UNINIT {
                        self.report_uninit(st, name);
                        ptr = self.typed_fresh(ty, name);
                        self.store(st, addr, ptr, ty);
                    }
                    self.as_pointer(ptr);
                    self.check_deref(st, ptr, name);
                    addr = ptr;
                    if let Proj::At(index) = proj {
                        let i = self.index(st, *index);
                        let size = i128::from(self.types().size_of(pointee).unwrap_or(1));
                        let offset = self.a.scale(i, size);
                        addr = self.a.add(ptr, offset);
                    }
                    ty = pointee;
                    field_of = None;
                    indirect = true;
                }
                Proj::Elem(index) => {
                    let (elem, count) = match self.types().get(ty) {
                        Type::Array(elem, count) => (*elem, *count),
                        _ => (TypeTable::UNKNOWN, None),
                    };
                    let i = self.index(st, *index);
                    let size = i128::from(self.types().size_of(elem).unwrap_or(1));
                    let trailing = match place.proj.iter().rev().find(|p| matches!(p, Proj::Field(_))) {
                        Some(Proj::Field(field)) => count.is_none_or(|c| c <= 1) && self.is_trailing(field),
                        _ => false,
                    };
                    if let (Some(count), false) = (count, trailing) {
                        self.check_index(st, i, count, place, name);
                    }
                    let offset = self.a.scale(i, size);
                    addr = self.a.add(addr, offset);
                    ty = elem;
                    field_of = None;
                }
                Proj::Field(field) => {
                    let known = field.record.and_then(|r| {
                        let f = self.types().record(r)?.fields.get(field.index as usize)?;
                        Some((f.ty, f.offset))
                    });
                    let offset = match known.and_then(|k| k.1) {
                        Some(offset) => self.a.int(i128::from(offset)),
                        None => {
                            let atom = self.a.atom(AtomKind::FieldOffset(field.name), 0, 1 << 16);
                            self.a.of_atom(atom)
                        }
                    };
                    addr = self.a.add(addr, offset);
                    ty = known.map_or(TypeTable::UNKNOWN, |k| k.0);
                    name = field.name;
                    field_of = field.record.map(|r| (r, field.index));
                }
            }
        }
        Some(Target { addr, ty, name, field: field_of, indirect })
    }

    fn index(&mut self, st: &mut State, index: Index) -> V {
        match index {
            Index::Const(k) => self.a.int(i128::from(k)),
            Index::Local(id) => self.read_place(st, &Place::local(id)),
        }
    }

    pub fn load(
        &mut self,
        st: &mut State,
        addr: V,
        ty: TypeId,
        name: Symbol,
        field: Option<(RecordId, u32)>,
    ) -> V {
        let addr = self.a.plain(addr);
        if let Some(local) = self.scalar_local(addr) {
            return st.locals[local.index()];
        }
        if let Some(v) = st.cell(addr) {
            return self.fit(st, v, ty);
        }
        let Some(base) = self.a.base(addr) else { return self.typed_fresh(ty, name) };
        let object = st.object(base).copied().unwrap_or_default();
        let kind = self.a.info(base).kind.clone();
        let epoch = match object.content {
            Content::Zero => {
                let constant = self.a.split(addr).and_then(|(_, offset)| self.a.constant(offset));
                if constant.is_some() || !st.cells.iter().any(|c| self.a.base(c.0) == Some(base)) {
                    return V::ZERO;
                }
                // Some element, of which others than zero were set.
                self.a.next_number()
            }
            Content::Uninit if !st.cells.iter().any(|c| self.a.base(c.0) == Some(base)) => return V::UNINIT,
            Content::Uninit => self.a.next_number(),
            Content::Unknown(epoch) => epoch,
            Content::Initial => {
                if let Some(v) = self.initial_value(&kind, addr) {
                    return v;
                }
                if matches!(kind, AtomKind::AddrGlobal(_)) { st.epoch } else { 0 }
            }
        };
        let (lo, hi) = self.type_bounds(ty);
        let atom = self.a.atom(AtomKind::Load(addr, epoch), lo, hi);
        let taint = match object.taint {
            0 => self.a.info(base).taint,
            t => t,
        };
        let pointer = self.types().is_pointer(ty);
        let span = self.span;
        if self.a.info(atom).span.is_none() {
            let pointer = pointer || self.a.info(atom).pointer;
            self.a.set_pointer(atom, pointer);
            let info = self.a.info_mut(atom);
            info.name = name;
            info.span = span;
            info.ty = ty;
            info.taint = taint;
        }
        if let Some(field) = field {
            self.fields(atom, field);
        }
        let v = self.a.of_atom(atom);
        st.set_cell(addr, v);
        v
    }

    /// Remembers which member a loaded value is.
    fn fields(&mut self, atom: Atom, field: (RecordId, u32)) {
        self.a.info_mut(atom).field = Some(field);
    }

    /// A value read with another width than it was written with.
    fn fit(&mut self, st: &mut State, v: V, ty: TypeId) -> V {
        if v == V::UNINIT || self.a.base(v).is_some() {
            return v;
        }
        let Some(info) = self.types().int_info(ty) else { return v };
        let (lo, hi) = st.bounds(&self.a, v);
        let (min, max) = int_bounds(info);
        if hi <= max && (lo >= min || !info.1) {
            return v;
        }
        if let Some(k) = self.a.constant(v) {
            return self.a.int(wrap(k, info.0, info.1));
        }
        v
    }

    /// Contents of string literals and of globals that nothing writes.
    fn initial_value(&mut self, kind: &AtomKind, addr: V) -> Option<V> {
        let (_, offset) = self.a.split(addr)?;
        let offset = self.a.constant(offset)?;
        match kind {
            AtomKind::AddrStr(text, width) => {
                let index = usize::try_from(offset / i128::from(*width)).ok()?;
                let mut chars = text.as_str().chars();
                match chars.nth(index) {
                    Some(c) => Some(self.a.int(i128::from(c as u32))),
                    None if index == text.as_str().chars().count() => Some(V::ZERO),
                    None => None,
                }
            }
            AtomKind::AddrGlobal(id) => {
                if !self.shared.is_constant(*id) {
                    return None;
                }
                let global = &self.program.globals[id.index()];
                let (init, _) =
                    find_init(self.types(), &global.init, global.ty, u64::try_from(offset).ok()?)?;
                match init {
                    Init::Zero => Some(V::ZERO),
                    Init::Const(constant) => Some(self.constant(&constant.clone())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    pub fn store(&mut self, st: &mut State, addr: V, v: V, ty: TypeId) {
        let addr = self.a.plain(addr);
        if let Some(local) = self.scalar_local(addr) {
            st.locals[local.index()] = v;
            return;
        }
        let Some((base, offset)) = self.a.split(addr) else { return };
        let size = i128::from(self.types().size_of(ty).unwrap_or(1).max(1));
        self.forget_overlap(st, base, offset, size);
        let constant = self.a.constant(offset);
        let taint = self.a.taint_of(v);
        if constant.is_none() {
            let epoch = self.a.next_number();
            let object = st.object_mut(base);
            object.touched = true;
            if object.content == Content::Zero || object.content == Content::Uninit {
                object.content = Content::Unknown(epoch);
            }
            if taint != 0 {
                object.taint = taint;
            }
        }
        self.update_strlen(st, base, offset, v, size);
        st.set_cell(addr, v);
        self.escape_if_stored(st, base, v);
    }

    /// A zero ends the string; another element may lengthen it.
    fn update_strlen(&mut self, st: &mut State, base: Atom, offset: V, v: V, size: i128) {
        let Some(object) = st.object(base).copied() else { return };
        if object.strlen.is_none() && object.filled.is_none() {
            return;
        }
        let zero = st.constant(&self.a, v) == Some(0);
        let filled = object.filled.and_then(|n| self.a.constant(n));
        match (self.a.constant(offset), filled, zero) {
            (Some(at), Some(n), true) if at <= n && size > 0 => {
                let len = self.a.int(at / size);
                st.object_mut(base).strlen = Some(len);
            }
            (_, _, true) if object.strlen.is_none() => {}
            (Some(at), _, true) => {
                let len = object.strlen.and_then(|n| self.a.constant(n));
                let new = self.a.int(at / size.max(1));
                let object = st.object_mut(base);
                object.strlen =
                    if len.is_some_and(|n| n <= at / size.max(1)) { object.strlen } else { Some(new) };
            }
            (Some(at), _, false) if self.lengthens(st, base, at, v, size, &object) => {
                let len = self.a.int(at / size.max(1) + 1);
                st.object_mut(base).strlen = Some(len);
            }
            _ => {
                st.object_mut(base).strlen = None;
            }
        }
    }

    /// Another element behind the last one of a string in zeroed memory.
    fn lengthens(&mut self, st: &State, base: Atom, at: i128, v: V, size: i128, object: &Object) -> bool {
        let len = object.strlen.and_then(|n| self.a.constant(n));
        let next = self.a.of_atom(base);
        let next = self.a.plus(next, at + size);
        st.constant(&self.a, v).is_some_and(|k| k != 0)
            && len.is_some_and(|n| n.saturating_mul(size) == at)
            && object.content == Content::Zero
            && st.cell(next).is_none()
    }

    /// A pointer stored where others can see it is theirs as well.
    pub fn escape_if_stored(&mut self, st: &mut State, into: Atom, v: V) {
        if v == V::UNINIT {
            return;
        }
        let own = match self.a.info(into).kind {
            AtomKind::AddrLocal(_) => true,
            AtomKind::Param(_) if self.is_record_param(into) => true,
            _ => matches!(st.object(into), Some(o) if matches!(o.life, Life::Owned { .. })),
        };
        if !own {
            self.escape(st, v, 0);
        }
    }

    /// Bases that the value reaches: its own, and through what is stored there.
    fn reached(&self, st: &State, v: V, depth: u32) -> SmallVec<[Atom; 8]> {
        let mut out: SmallVec<[Atom; 8]> = SmallVec::new();
        let Some(first) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { return out };
        out.push(first);
        let (mut from, mut level) = (0, 0);
        while level < depth && from < out.len() {
            let to = out.len();
            for &(addr, inner) in &st.cells {
                let Some(base) = self.a.base(addr) else { continue };
                if inner != V::UNINIT && out[from..to].contains(&base) {
                    if let Some(next) = self.a.base(inner) {
                        if out.len() < MAX_REACHED && !out.contains(&next) {
                            out.push(next);
                        }
                    }
                }
            }
            from = to;
            level += 1;
        }
        out
    }

    /// The object the value points to, and what is stored in it, is known elsewhere from now on.
    pub fn escape(&mut self, st: &mut State, v: V, depth: u32) {
        if v == V::UNINIT {
            return;
        }
        for base in self.reached(st, v, 3u32.saturating_sub(depth)) {
            if st.object(base).is_none() && !crate::summary::is_entry_atom(&self.a, base) {
                continue;
            }
            let object = st.object_mut(base);
            if let Life::Owned { family, span } = object.life {
                self.given_up.insert(span);
                object.life = Life::Escaped { family };
            }
            object.exposed = true;
        }
    }

    pub fn forget_cells(&mut self, st: &mut State, base: Atom) {
        let arena = &self.a;
        st.cells.retain(|c| arena.base(c.0) != Some(base));
    }

    pub fn forget_range(&mut self, st: &mut State, base: Atom, start: i128, end: i128) {
        let base_v = self.a.of_atom(base);
        let cells = std::mem::take(&mut st.cells);
        for (addr, v) in cells {
            let inside = self.a.base(addr) == Some(base) && {
                let d = self.a.sub(addr, base_v);
                self.a.constant(d).is_none_or(|k| k >= start && k < end)
            };
            if !inside {
                st.cells.push((addr, v));
            }
        }
    }

    /// Drops the cells that a store of `size` bytes at `base + offset` may change.
    fn forget_overlap(&mut self, st: &mut State, base: Atom, offset: V, size: i128) {
        let base_v = self.a.of_atom(base);
        let mut i = 0;
        while i < st.cells.len() {
            let addr = st.cells[i].0;
            if self.a.base(addr) != Some(base) {
                i += 1;
                continue;
            }
            let other = self.a.sub(addr, base_v);
            let d = self.a.sub(other, offset);
            let (lo, hi) = st.bounds(&self.a, d);
            // The cell's own width is not kept; eight bytes cover every scalar.
            let apart = lo >= size || hi <= -8 || (lo == hi && lo != 0 && lo.abs() >= size.min(8)) || {
                let (x, y) = (self.a.lin(other).terms.len(), self.a.lin(offset).terms.len());
                lo == hi && lo != 0 && x == y
            };
            if apart || d == V::ZERO {
                i += 1;
            } else {
                st.cells.remove(i);
            }
        }
    }

    /// Code we cannot see may have changed the objects that the value reaches.
    pub fn scramble(&mut self, st: &mut State, v: V, depth: u32) {
        if v == V::UNINIT || self.a.base(v).is_none() {
            return;
        }
        let bases = self.reached(st, v, 2u32.saturating_sub(depth));
        self.scramble_bases(st, bases);
    }

    /// The contents of these objects are unknown from now on.
    pub fn scramble_bases(&mut self, st: &mut State, mut bases: SmallVec<[Atom; 8]>) {
        bases.retain(|base| match self.a.info(*base).kind {
            AtomKind::AddrStr(..) | AtomKind::AddrFunc(_) => false,
            AtomKind::AddrGlobal(id) => !self.shared.is_constant(id),
            _ => true,
        });
        if bases.is_empty() {
            return;
        }
        let arena = &self.a;
        st.cells.retain(|c| arena.base(c.0).is_none_or(|b| !bases.contains(&b)));
        let epoch = self.a.next_number();
        for base in bases {
            if let AtomKind::AddrLocal(id) = self.a.info(base).kind {
                if self.scalar[id.index()] {
                    let local = &self.f.locals[id.index()];
                    let (ty, name) = (local.ty, local.name);
                    st.locals[id.index()] = self.typed_fresh(ty, name);
                    continue;
                }
            }
            let object = st.object_mut(base);
            object.content = Content::Unknown(epoch);
            object.strlen = None;
            object.filled = None;
        }
    }

    pub fn scramble_globals(&mut self, st: &mut State) {
        let epoch = self.a.next_number();
        st.epoch = epoch;
        let shared = self.shared;
        let arena = &self.a;
        st.cells.retain(|c| match arena.base(c.0).map(|b| &arena.info(b).kind) {
            Some(AtomKind::AddrGlobal(id)) => shared.is_constant(*id),
            _ => true,
        });
    }

    fn scramble_all(&mut self, st: &mut State) {
        self.scramble_globals(st);
        for local in 0..st.locals.len() {
            let decl = &self.f.locals[local];
            if !decl.name.is_empty() {
                st.locals[local] = self.typed_fresh(decl.ty, decl.name);
            }
        }
        st.cells.clear();
        let epoch = self.a.next_number();
        for (_, object) in &mut st.objects {
            object.content = Content::Unknown(epoch);
            object.strlen = None;
            object.filled = None;
            if let Life::Owned { family, .. } = object.life {
                object.life = Life::Escaped { family };
            }
        }
    }

    /// Bytes of the object behind a base address.
    pub fn object_size(&mut self, st: &State, base: Atom) -> Option<V> {
        if let Some(size) = st.object(base).and_then(|o| o.size) {
            return Some(size);
        }
        let bytes = match self.a.info(base).kind {
            AtomKind::AddrLocal(id) => self.types().size_of(self.f.locals[id.index()].ty)?,
            AtomKind::Param(i) if self.is_record_param(base) => {
                self.types().size_of(self.f.locals[i as usize].ty)?
            }
            AtomKind::AddrGlobal(id) => {
                let global = &self.program.globals[id.index()];
                self.types().size_of(global.ty)?
            }
            AtomKind::AddrStr(text, width) => (text.as_str().chars().count() as u64 + 1) * u64::from(width),
            _ => return None,
        };
        Some(self.a.int(i128::from(bytes)))
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

/// The pair of states that differ least.
fn closest(states: &[State]) -> (usize, usize) {
    let mut best = (usize::MAX, 0, 1);
    for i in 0..states.len() {
        for j in i + 1..states.len() {
            let (x, y) = (&states[i], &states[j]);
            let locals = x.locals.iter().zip(&y.locals).filter(|(a, b)| a != b).count();
            let cells = x.cells.iter().filter(|c| y.cell(c.0) != Some(c.1)).count();
            let objects = x.objects.iter().filter(|(atom, o)| y.object(*atom) != Some(o)).count();
            let distance = locals * 2 + cells + objects * 3;
            if distance < best.0 {
                best = (distance, i, j);
            }
        }
    }
    (best.1, best.2)
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

pub(crate) fn int_bounds((bits, signed): (u16, bool)) -> (i128, i128) {
    match (bits, signed) {
        (1, _) => (0, 1),
        (bits, _) if bits > 64 => (MIN, MAX),
        (bits, true) => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        (bits, false) => (0, (1i128 << bits) - 1),
    }
}

pub(crate) fn wrap(k: i128, bits: u16, signed: bool) -> i128 {
    if bits > 64 {
        return k;
    }
    let modulus = 1i128 << bits;
    let low = k.rem_euclid(modulus);
    if signed && bits > 1 && low >= modulus / 2 { low - modulus } else { low }
}

/// The initialiser of the scalar at a byte offset.
fn find_init<'i>(types: &TypeTable, init: &'i Init, ty: TypeId, offset: u64) -> Option<(&'i Init, TypeId)> {
    static ZERO: Init = Init::Zero;
    match init {
        Init::Zero => Some((&ZERO, ty)),
        Init::Const(_) if offset == 0 => Some((init, ty)),
        Init::List(entries) => {
            let (index, inner, rest) = match types.get(ty) {
                Type::Array(of, _) => {
                    let size = types.size_of(*of).filter(|&s| s > 0)?;
                    (offset / size, *of, offset % size)
                }
                Type::Record(record) => {
                    let record = types.record(*record)?;
                    let (i, field) = record
                        .fields
                        .iter()
                        .enumerate()
                        .rev()
                        .find(|(_, f)| f.offset.is_some_and(|o| o <= offset))?;
                    (i as u64, field.ty, offset - field.offset?)
                }
                _ => (0, ty, offset),
            };
            match entries.iter().find(|e| u64::from(e.0) == index) {
                Some((_, entry)) => find_init(types, entry, inner, rest),
                None => Some((&ZERO, inner)),
            }
        }
        _ => None,
    }
}
