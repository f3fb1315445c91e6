//! What a library model says of a call, applied to a state.

use banbury_base::{StepKind, Symbol};
use banbury_ir::{BinOp, Type, TypeId, TypeTable};

use crate::calls::Call;
use crate::formats::formatted_length;
use crate::interp::Interp;
use crate::models::{Effect, Failure, FnModel, SinkKind, Size, Slot, SourceKind};
use crate::state::{Content, Life, State, negate};
use crate::summary::{AccessKind, Need};
use crate::value::{Atom, AtomKind, MAX, NullOrigin, Taint, V};

impl Interp<'_> {
    pub fn apply_model(&mut self, mut st: State, call: &Call<'_>, model: &FnModel, out: &mut Vec<State>) {
        let mut ret: Option<V> = None;
        let mut null_ret: Option<V> = None;
        let mut ends = false;
        let mut failed: Option<(State, Failure)> = None;
        let reallocates = model.has_tag("realloc");
        let content_set = |slot: Slot| {
            model.effects.iter().any(|e| matches!(e, Effect::Copy(d, ..) | Effect::Append(d, ..) | Effect::Fill(d, ..) if *d == slot))
        };
        self.check_size_arguments(&mut st, call, model);
        if let Some(v) = self.container(&mut st, call, model) {
            ret = Some(v);
        }
        if model.has_tag("reference.up") {
            self.share(&mut st, call);
        }
        for effect in &model.effects {
            match effect {
                Effect::NonNull(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        let name = self.arg_name(call, *i);
                        self.check_deref(&mut st, v, name);
                    }
                }
                Effect::Read(slot, size) => self.model_access(&mut st, call, *slot, size, AccessKind::Read),
                Effect::Write(slot, size) => {
                    let size = self.text_size(&st, call, model, size);
                    self.model_access(&mut st, call, *slot, &size, AccessKind::Write);
                    if !content_set(*slot) {
                        if let Some(v) = self.slot(call, *slot) {
                            let n = self.size(&mut st, call, &size);
                            let ty = self.pointee_of(call, *slot);
                            self.scramble_as(&mut st, v, ty, n, 2);
                        }
                    }
                }
                Effect::Copy(dst, src, size) => {
                    if let (Some(d), Some(s)) = (self.slot(call, *dst).or(ret), self.slot(call, *src)) {
                        let n = self.size(&mut st, call, size);
                        self.copy_memory(&mut st, d, s, n);
                    }
                }
                Effect::Append(dst, src, size) => self.append(&mut st, call, *dst, *src, size),
                Effect::Fill(dst, value, size) => {
                    let value = call.args.get(usize::from(*value)).copied().unwrap_or(V::ZERO);
                    if let Some(d) = self.slot(call, *dst) {
                        let n = self.size(&mut st, call, size);
                        self.fill(&mut st, d, value, n);
                    }
                }
                Effect::Taint(slot, kind) => self.taint_slot(&mut st, call, *slot, *kind, model, &mut ret),
                Effect::Derive(to, from) => self.derive(&mut st, call, *to, *from, model, &mut ret),
                Effect::Same(i) => ret = call.args.get(usize::from(*i)).copied(),
                Effect::Inside(i, may_fail) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        ret = Some(self.inside(&mut st, v));
                        if *may_fail {
                            null_ret = Some(self.null_atom(call.ret_ty, NullOrigin::Lookup, call.name));
                        }
                    }
                }
                Effect::StringLength(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        let width = if call.name.as_str().contains("wcs") { 4 } else { 1 };
                        ret = Some(self.strlen(&mut st, v, width));
                    }
                }
                Effect::Allocate { slot, size, family, zeroed, may_fail } => {
                    let n = self.size(&mut st, call, size);
                    let mut may_fail = *may_fail;
                    if let Some(failure) = failure_of(model).filter(|_| may_fail && call.dst.is_some()) {
                        if let Some(p) = self.slot(call, *slot) {
                            let mut without = st.clone();
                            self.scramble(&mut without, p, 2);
                            failed = Some((without, failure));
                            may_fail = false;
                        }
                    }
                    let v = self.allocate(&mut st, call, n, *family, *zeroed, may_fail);
                    match slot {
                        Slot::Return => ret = Some(v),
                        other => {
                            if let Some(p) = self.slot(call, *other) {
                                let ty = self.pointee_of(call, *other);
                                self.store(&mut st, p, v, ty);
                            }
                        }
                    }
                }
                Effect::Release { arg, family } => {
                    if let Some(&v) = call.args.get(usize::from(*arg)) {
                        let name = self.arg_name(call, *arg);
                        // A library that is part of the release allocates for it by its own means.
                        let own = self.shared.resolve(self.f.file, call.name).is_some();
                        let family = if own { Symbol::EMPTY } else { *family };
                        self.release(&mut st, v, family, name, reallocates);
                    }
                }
                Effect::Open { slot: Slot::Return, family, failure } => {
                    let v = self.open(&mut st, call, *family, *failure);
                    ret = Some(v);
                }
                Effect::Open { .. } => {}
                Effect::Range(lo, hi) => {
                    let v = ret.unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                    if let Some(atom) = self.a.as_atom(v) {
                        st.set_bounds(atom, (i128::from(*lo), i128::from(*hi)));
                    }
                    ret = Some(v);
                }
                Effect::AtMost(lo, arg) => {
                    let v = ret.unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                    if let (Some(atom), Some(&limit)) = (self.a.as_atom(v), call.args.get(usize::from(*arg)))
                    {
                        let top = st.bounds(&self.a, limit).1.max(i128::from(*lo));
                        st.set_bounds(atom, (i128::from(*lo), top));
                        let d = self.a.sub(v, limit);
                        st.assume_le0(&mut self.a, d);
                    }
                    ret = Some(v);
                }
                Effect::MayBeNull(slot) => {
                    if let Some(p) = self.slot(call, *slot) {
                        let ty = self.pointee_of(call, *slot);
                        let v = self.null_atom(ty, NullOrigin::Lookup, call.name);
                        self.store(&mut st, p, v, ty);
                    }
                }
                Effect::MayReturnNull => {
                    null_ret = Some(self.null_atom(call.ret_ty, NullOrigin::Lookup, call.name));
                }
                Effect::NoReturn => {
                    self.saw_leave |= !model.effects.contains(&Effect::Abort);
                    ends = true;
                }
                Effect::Abort => {
                    self.reached_abort(&mut st);
                    ends = true;
                }
                Effect::Assert(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        if v == V::ZERO && self.decided_before(&st, call, usize::from(*i)) {
                            self.reached_abort(&mut st);
                            self.may_stop = true;
                            return;
                        }
                        let site = self.site(call.name, "");
                        self.require(&mut st, Need::Holds(v), site);
                        if !st.assume(&mut self.a, v, true) {
                            return;
                        }
                    }
                }
                Effect::AssertNot(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        let cond = self.compare(&mut st, banbury_ir::BinOp::Eq, v, V::ZERO, false);
                        let site = self.site(call.name, "");
                        self.require(&mut st, Need::Holds(cond), site);
                        if !st.assume(&mut self.a, v, false) {
                            return;
                        }
                    }
                }
                Effect::Sink(slot, kind) => self.sink(&mut st, call, *slot, *kind, usize::from(model.params)),
                Effect::FormatString { format, .. } => {
                    if let Some(&v) = call.args.get(usize::from(*format)) {
                        let site = self.site(self.arg_name(call, *format), "");
                        self.require(&mut st, Need::Trusted(v, SinkKind::Format, true), site);
                    }
                }
                Effect::ScanString { format, first } => self.scan(&mut st, call, model, *format, *first),
                Effect::TakesOwnership(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
                        self.escape(&mut st, v, 0);
                    }
                }
                Effect::Sanitize(..)
                | Effect::CheckReturn(_)
                | Effect::Fails(_)
                | Effect::Dangerous(..)
                | Effect::Lock(_)
                | Effect::Unlock(_)
                | Effect::Wipe(_)
                | Effect::Callback(..)
                | Effect::Tag(_) => {}
                #[allow(unreachable_patterns)]
                _ => {}
            }
        }
        self.scramble_unspoken(&mut st, call, model);
        if ends {
            self.may_stop = true;
            return;
        }
        if let (Some(v), Some(_)) = (null_ret, call.dst) {
            // Not found: a state of its own, so that later tests tell the two apart.
            let mut missing = st.clone();
            if let Some(atom) = self.a.as_atom(v) {
                missing.set_bounds(atom, (0, 0));
            }
            self.finish(&mut missing, call, v);
            out.push(missing);
        }
        let v = ret.unwrap_or_else(|| {
            let v = self.typed_fresh(call.ret_ty, call.name);
            if null_ret.is_some() {
                if let Some(atom) = self.a.as_atom(v) {
                    self.a.set_pointer(atom, true);
                    st.set_bounds(atom, (1, u64::MAX as i128));
                }
            }
            v
        });
        if let Some((mut without, failure)) = failed {
            let told = self.typed_fresh(call.ret_ty, call.name);
            self.assume_failure(&mut without, told, failure, true);
            self.assume_failure(&mut st, v, failure, false);
            self.finish(&mut without, call, told);
            out.push(without);
        }
        self.finish(&mut st, call, v);
        out.push(st);
    }

    /// The result says that the call failed, or that it did not.
    fn assume_failure(&mut self, st: &mut State, v: V, failure: Failure, failed: bool) {
        let (op, limit) = match failure {
            Failure::Negative => (BinOp::Lt, 0),
            Failure::Null | Failure::Zero => (BinOp::Eq, 0),
            Failure::NonZero => (BinOp::Ne, 0),
            Failure::Value(k) => (BinOp::Eq, i128::from(k)),
        };
        let limit = self.a.int(limit);
        let op = if failed { op } else { negate(op) };
        st.assume_cmp(&mut self.a, op, v, limit, false);
    }

    /// What an argument points to that the model says nothing of may be set: the address of a
    /// pointer is passed to receive another one, that of a structure to have it filled.
    fn scramble_unspoken(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel) {
        // A container's methods write nothing but its elements, which are `container`'s business.
        if model.is_of_container() {
            return;
        }
        for index in 0..call.args.len() {
            let v = call.args[index];
            if v == V::UNINIT || self.a.base(v).is_none() {
                continue;
            }
            let local = self.scalar_local(v);
            let slot = Slot::Arg(index as u8);
            let spoken = model.effects.iter().any(|e| match e {
                Effect::Read(s, _)
                | Effect::Write(s, _)
                | Effect::Append(s, ..)
                | Effect::Fill(s, ..)
                | Effect::Taint(s, _)
                | Effect::Derive(s, _)
                | Effect::MayBeNull(s)
                | Effect::Allocate { slot: s, .. }
                | Effect::Open { slot: s, .. } => *s == slot || *s == Slot::Pointee(index as u8),
                Effect::Copy(to, from, _) => *to == slot || *from == slot,
                Effect::Release { arg, .. } | Effect::TakesOwnership(arg) => usize::from(*arg) == index,
                Effect::Sink(s, _) | Effect::Sanitize(s, _) => *s == slot,
                Effect::StringLength(i) | Effect::Same(i) | Effect::Inside(i, _) => usize::from(*i) == index,
                Effect::ScanString { .. } | Effect::FormatString { .. } => true,
                _ => false,
            });
            let receives = local.is_none_or(|id| {
                st.locals[id.index()] == V::UNINIT || self.types().is_pointer(self.f.locals[id.index()].ty)
            });
            if !spoken && receives {
                self.scramble(st, v, 2);
            }
        }
    }

    /// `assert(0)` where the program should not get, and `assert(a && b)` after `a` was decided:
    /// whether it can fail is a matter of the last decision.
    fn decided_before(&self, st: &State, call: &Call<'_>, index: usize) -> bool {
        let literal = matches!(call.operands.get(index), Some(banbury_ir::Operand::Const(_)));
        literal || st.trace.as_ref().is_some_and(|t| t.span.line == self.span.line)
    }

    /// A container stands for its elements as long as they are all the same value, which lies
    /// where the container does; otherwise only their taint is known.
    fn container(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel) -> Option<V> {
        let this = call.args.first().copied().filter(|&v| v != V::UNINIT)?;
        if model.has_tag("container.at") {
            return Some(this);
        }
        if model.has_tag("container.get") {
            let v = self.load(st, this, call.ret_ty, call.name, None);
            return Some(if v == V::UNINIT { self.typed_fresh(call.ret_ty, call.name) } else { v });
        }
        let at = model.marked("container.put").find_map(|slot| match slot {
            Slot::Arg(i) => Some(usize::from(i)),
            Slot::Rest => call.args.len().checked_sub(1).filter(|&i| i > 0),
            _ => None,
        })?;
        let (&v, ty) = (call.args.get(at)?, call.operands.get(at).and_then(|o| self.operand_type(o))?);
        if matches!(self.types().get(ty), Type::Record(_) | Type::Array(..)) {
            self.scramble(st, this, 1);
            return None;
        }
        let base = self.a.base(this)?;
        let here = self.a.plain(this);
        let known = st.cell(here);
        let first = known.is_none() && st.object(base).is_some_and(|o| o.content == Content::Uninit);
        let stored = match known {
            Some(old) if old != v => {
                let other = self.typed_fresh(ty, call.name);
                self.inherit_taint(other, if self.a.taint_of(v) != 0 { v } else { old });
                other
            }
            None if !first => {
                let other = self.typed_fresh(ty, call.name);
                self.inherit_taint(other, v);
                other
            }
            _ => v,
        };
        self.store(st, here, stored, ty);
        // Whoever takes it out of the container releases it.
        self.hand_on(st, v);
        None
    }

    fn check_size_arguments(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel) {
        for slot in model.marked("size") {
            let Slot::Arg(i) = slot else { continue };
            let index = usize::from(i);
            let from = call.operands.get(index).and_then(|o| self.operand_type(o));
            if let (Some(&v), Some(from)) = (call.args.get(index), from) {
                let name = self.arg_name(call, i);
                self.check_size_argument(st, v, from, name);
            }
        }
    }

    pub fn arg_name(&self, call: &Call<'_>, i: u8) -> Symbol {
        let index = usize::from(i);
        let own = call.operands.get(index).map_or(Symbol::EMPTY, |o| self.operand_name(o));
        if own.is_empty() { call.args.get(index).map_or(Symbol::EMPTY, |&v| self.name_of(v)) } else { own }
    }

    pub fn slot(&self, call: &Call<'_>, slot: Slot) -> Option<V> {
        match slot {
            Slot::Arg(i) | Slot::Pointee(i) => {
                call.args.get(usize::from(i)).copied().filter(|&v| v != V::UNINIT)
            }
            _ => None,
        }
    }

    pub fn pointee_of(&self, call: &Call<'_>, slot: Slot) -> TypeId {
        let (Slot::Arg(i) | Slot::Pointee(i)) = slot else { return TypeTable::UNKNOWN };
        call.operands
            .get(usize::from(i))
            .and_then(|o| self.operand_type(o))
            .and_then(|t| self.types().pointee(t))
            .unwrap_or(TypeTable::UNKNOWN)
    }

    pub fn size(&mut self, st: &mut State, call: &Call<'_>, size: &Size) -> Option<V> {
        let arg = |i: u8| call.args.get(usize::from(i)).copied().filter(|&v| v != V::UNINIT);
        match size {
            Size::Const(k) => Some(self.a.int(i128::from(*k))),
            Size::Arg { arg: i, scale, plus } => {
                let v = arg(*i)?;
                let v = self.a.scale(v, i128::from(*scale));
                Some(self.a.plus(v, i128::from(*plus)))
            }
            Size::Product(i, j) => {
                let (x, y) = (arg(*i)?, arg(*j)?);
                match (st.constant(&self.a, x), st.constant(&self.a, y)) {
                    (_, Some(k)) => Some(self.a.scale(x, k)),
                    (Some(k), _) => Some(self.a.scale(y, k)),
                    _ => {
                        let size_t = Some((64, false));
                        let ty = if size_t.is_some() { Some(TypeTable::U64) } else { None };
                        Some(self.binary(st, banbury_ir::BinOp::Mul, x, y, ty, ty))
                    }
                }
            }
            Size::Strlen { arg: i, scale, plus } => {
                let v = arg(*i)?;
                let width = u8::try_from(*scale).unwrap_or(1).max(1);
                let len = self.strlen(st, v, width);
                let bytes = self.a.scale(len, i128::from(*scale));
                Some(self.a.plus(bytes, i128::from(*plus)))
            }
            Size::Unbounded | Size::Unknown => None,
        }
    }

    /// Bytes that a `sprintf`-like call writes, where its format is a literal.
    fn text_size(&self, st: &State, call: &Call<'_>, model: &FnModel, size: &Size) -> Size {
        if *size != Size::Unbounded || !model.has_tag("format.into-buffer") {
            return size.clone();
        }
        let Some((format, first)) = model.effects.iter().find_map(|e| match e {
            Effect::FormatString { format, first } => Some((*format, *first)),
            _ => None,
        }) else {
            return Size::Unknown;
        };
        let literal = call.args.get(usize::from(format)).and_then(|&v| self.literal(v));
        let Some(text) = literal else {
            // A wrapper that hands a format and its values on: no text is too long for it.
            return if first == 0 { Size::Unbounded } else { Size::Unknown };
        };
        match formatted_length(text.as_str(), |nth| self.text_argument(st, call, first, nth)) {
            Some(n) => Size::Const(n + 1),
            None => Size::Unknown,
        }
    }

    pub fn literal(&self, v: V) -> Option<Symbol> {
        let atom = self.a.as_atom(v)?;
        match self.a.info(atom).kind {
            AtomKind::AddrStr(text, _) => Some(text),
            _ => None,
        }
    }

    /// Least length of the string passed for the n-th conversion, where known.
    fn text_argument(&self, st: &State, call: &Call<'_>, first: u8, nth: usize) -> Option<u64> {
        let v = *call.args.get(usize::from(first) + nth)?;
        if let Some(text) = self.literal(v) {
            return Some(text.as_str().chars().count() as u64);
        }
        let base = self.a.base(v)?;
        let len = st.object(base)?.strlen?;
        self.a.as_atom(v)?;
        u64::try_from(st.bounds(&self.a, len).0).ok()
    }

    fn model_access(&mut self, st: &mut State, call: &Call<'_>, slot: Slot, size: &Size, kind: AccessKind) {
        let Some(addr) = self.slot(call, slot) else { return };
        let (Slot::Arg(i) | Slot::Pointee(i)) = slot else { return };
        let name = self.arg_name(call, i);
        match size {
            Size::Unknown => {}
            // As long as the string there is: nothing to compare it with.
            Size::Strlen { arg, .. } if kind == AccessKind::Read && *arg == i => {}
            Size::Unbounded => self.unbounded_access(st, addr, kind, name),
            size => {
                let Some(n) = self.size(st, call, size) else { return };
                let (_, hi) = st.bounds(&self.a, n);
                if hi <= 0 {
                    return;
                }
                self.copied_from = self.copied_to(call, slot).filter(|_| kind == AccessKind::Write);
                self.check_access(st, addr, n, kind, name, false);
                self.copied_from = None;
            }
        }
    }

    /// The buffer that the call copies from into the slot.
    fn copied_to(&self, call: &Call<'_>, slot: Slot) -> Option<Atom> {
        let model = self.shared.models.get(call.name)?;
        let from = model.effects.iter().find_map(|effect| match effect {
            Effect::Copy(to, from, _) if *to == slot => Some(*from),
            _ => None,
        })?;
        let v = self.slot(call, from).filter(|v| *v != V::UNINIT)?;
        self.a.base(v)
    }

    /// Input of any length goes into a buffer of a certain length.
    pub fn unbounded_access(&mut self, st: &mut State, addr: V, kind: AccessKind, name: Symbol) {
        let any = self.a.fresh(1, MAX);
        let span = self.span;
        let step = self.step(StepKind::Source, span, "input of any length".into());
        let taint = self.a.add_taint(Taint {
            kind: SourceKind::File,
            steps: vec![step],
            inferred: false,
            raw: false,
        });
        self.a.info_mut(any).taint = taint;
        let n = self.a.of_atom(any);
        self.check_access(st, addr, n, kind, name, false);
    }

    pub fn region(&self, st: &State, base: Atom) -> &'static str {
        match self.a.info(base).kind {
            AtomKind::AddrLocal(_) => "stack",
            AtomKind::Param(_) if self.is_record_param(base) => "stack",
            AtomKind::AddrGlobal(_) | AtomKind::AddrStr(..) => "static",
            AtomKind::Alloc(..) => match st.object(base).map(|o| o.life) {
                Some(Life::Owned { family, .. } | Life::Escaped { family }) if family == "stack" => "stack",
                _ => "heap",
            },
            _ => "",
        }
    }
}

/// How the function's result tells that it failed.
fn failure_of(model: &FnModel) -> Option<Failure> {
    model.effects.iter().find_map(|e| match e {
        Effect::CheckReturn(failure) | Effect::Fails(failure) => Some(*failure),
        _ => None,
    })
}
