//! Calls: library models, summaries of functions with a body, and everything else.

use std::sync::Arc;

use banbury_base::{PathStep, Span, StepKind, Symbol};
use banbury_ir::{Callee, FuncId, Operand, Place, Type, TypeId, TypeTable};
use rustc_hash::FxHashMap;

use crate::interp::Interp;
use crate::models::{Effect, FnModel, SinkKind, Size, Slot, SourceKind};
use crate::observe::{CallEvent, Context, ValueView};
use crate::state::{Content, Life, Object, State};
use crate::summary::{AccessKind, Exit, Need, Summary};
use crate::value::{Atom, AtomKind, Lin, MAX, MIN, NullOrigin, Taint, V};

/// Arguments of the call at hand.
pub(crate) struct Call<'c> {
    pub name: Symbol,
    pub args: Vec<V>,
    pub operands: &'c [Operand],
    pub dst: Option<&'c Place>,
    pub ret_ty: TypeId,
}

impl Interp<'_> {
    pub fn exec_call(
        &mut self,
        mut st: State,
        dst: Option<&Place>,
        callee: &Callee,
        operands: &[Operand],
        out: &mut Vec<State>,
    ) {
        let mut name = self.callee_name(callee);
        // Where nothing is known of the callee it may be a macro that sets its arguments.
        let unknown = matches!(callee, Callee::Direct(_))
            && self.shared.models.get(name).is_none()
            && self.shared.resolve(self.f.file, name).is_none();
        let lenient = std::mem::replace(&mut self.lenient, unknown);
        let args: Vec<V> = operands.iter().map(|o| self.operand(&mut st, o)).collect();
        self.lenient = lenient;
        let mut target = None;
        if let Callee::Indirect(operand) = callee {
            let v = self.operand(&mut st, operand);
            if let Some(AtomKind::AddrFunc(f)) = self.a.as_atom(v).map(|a| self.a.info(a).kind.clone()) {
                name = f;
            } else {
                self.check_deref(&mut st, v, Symbol::EMPTY);
                target = self.shared.pointer_target(&self.a, v);
                if let Some(t) = target {
                    name = self.program.function(t).name;
                }
            }
        }
        if let Callee::Virtual(class, method) = callee {
            target = self.virtual_target(&args, *class, *method);
            if let Some(t) = target {
                name = self.program.function(t).name;
            }
        }
        let ret_ty = dst
            .and_then(|d| self.f.place_type(d, &self.program.globals, self.types()))
            .unwrap_or(TypeTable::UNKNOWN);
        let call = Call { name, args, operands, dst, ret_ty };
        let defined = target.or_else(|| self.shared.resolve(self.f.file, name));
        let model = self.shared.models.get(name).filter(|_| self.shared.prefers_model(self.f.file, defined));
        self.observe(&mut st, &call, model);
        if let Some(model) = model {
            self.apply_model(st, &call, model, out);
            return;
        }
        match defined.and_then(|id| Some((id, self.shared.summary(id)?))) {
            Some((id, summary)) => self.apply_summary(st, &call, id, &summary, out),
            None => {
                self.apply_unknown(&mut st, &call, defined.is_some());
                out.push(st);
            }
        }
    }

    /// The definition that a virtual call reaches: by the object's own class where it was made
    /// in sight, else the only one there is.
    fn virtual_target(&self, args: &[V], class: Symbol, method: Symbol) -> Option<FuncId> {
        let made = args.first().and_then(|&v| self.dynamic_class(v));
        let own = made.and_then(|c| self.shared.resolve(self.f.file, Symbol::new(&format!("{c}::{method}"))));
        own.or_else(|| self.shared.only_override(self.f.file, class, method))
    }

    /// Class of an object that was declared or allocated in this function.
    fn dynamic_class(&self, v: V) -> Option<Symbol> {
        let base = self.a.base(v).filter(|_| v != V::UNINIT)?;
        let info = self.a.info(base);
        let ty = match info.kind {
            AtomKind::AddrLocal(id) => self.f.locals[id.index()].ty,
            AtomKind::Alloc(..) => self.types().pointee(info.ty)?,
            _ => return None,
        };
        match self.types().get(ty) {
            Type::Record(record) => Some(self.types().record(*record)?.name),
            _ => None,
        }
    }

    /// A call of code that is not here (or is being analysed further up the stack).
    fn apply_unknown(&mut self, st: &mut State, call: &Call<'_>, defined: bool) {
        for &arg in &call.args {
            self.escape(st, arg, 0);
            self.scramble(st, arg, 0);
        }
        if defined {
            self.scramble_globals(st);
        }
        let v = self.typed_fresh(call.ret_ty, call.name);
        // What is computed from untrusted bytes by code we cannot see may be untrusted; claiming
        // it would be guessing, so it is not carried on.
        self.finish(st, call, v);
    }

    fn finish(&mut self, st: &mut State, call: &Call<'_>, v: V) {
        if let Some(dst) = call.dst {
            self.store_place(st, dst, v);
        }
    }

    fn observe(&mut self, st: &mut State, call: &Call<'_>, model: Option<&FnModel>) {
        let shared = self.shared;
        let wanted: Vec<_> = shared.observers.iter().filter(|o| o.wants(call.name, model)).collect();
        if wanted.is_empty() {
            return;
        }
        let views: Vec<ValueView> = (0..call.args.len()).map(|i| self.view(st, call, i)).collect();
        let cx = Context {
            program: self.program,
            models: shared.models,
            func: self.fid,
            function: self.f,
            span: self.span,
            in_macro: self.in_macro,
        };
        let event = CallEvent {
            callee: call.name,
            model,
            args: &views,
            result_used: call.dst.is_some_and(|d| {
                d.as_local()
                    .is_none_or(|l| shared.is_read(self.fid, l) || !self.f.locals[l.index()].name.is_empty())
            }),
            in_loop: false,
        };
        let mut issues = Vec::new();
        for observer in wanted {
            observer.call(&cx, &event, &mut issues);
        }
        for issue in issues {
            if self.issue_keys.insert((issue.rule, issue.span, issue.function)) {
                self.issues.push(issue);
            }
        }
    }

    fn view(&mut self, st: &mut State, call: &Call<'_>, index: usize) -> ValueView {
        let v = call.args[index];
        if v == V::UNINIT {
            return ValueView::default();
        }
        let (min, max) = st.bounds(&self.a, v);
        let mut view = ValueView { min, max, constant: st.constant(&self.a, v), ..ValueView::default() };
        let mut taint = self.a.taint_of(v);
        if let Some((base, offset)) = self.a.split(v) {
            match self.a.info(base).kind {
                AtomKind::AddrStr(text, _) if self.a.constant(offset) == Some(0) => view.string = Some(text),
                AtomKind::AddrFunc(name) => view.function = Some(name),
                _ => {}
            }
            if let Some(object) = st.object(base) {
                if object.taint != 0 {
                    taint = object.taint;
                }
            }
            if let Some(size) = self.object_size(st, base) {
                let offset = self.a.plain(offset);
                let left = self.a.sub(size, offset);
                view.object_bytes = st.constant(&self.a, left);
            }
        }
        if let Some(t) = self.a.taint(taint) {
            view.taint = Some(t.kind);
            view.taint_steps = t.steps.clone();
        }
        view.bounded = max < i128::from(i32::MAX);
        view.name = self.operand_name(&call.operands[index]);
        if view.name.is_empty() {
            view.name = self.name_of(v);
        }
        view.ty = self.operand_type(&call.operands[index]);
        view
    }

    fn operand_name(&self, operand: &Operand) -> Symbol {
        let Operand::Copy(place) = operand else { return Symbol::EMPTY };
        for proj in place.proj.iter().rev() {
            if let banbury_ir::Proj::Field(field) = proj {
                return field.name;
            }
        }
        match place.base {
            banbury_ir::Base::Local(id) => self.f.locals[id.index()].name,
            banbury_ir::Base::Global(id) => self.program.globals[id.index()].name,
        }
    }

    // ---- library models ----

    fn apply_model(&mut self, mut st: State, call: &Call<'_>, model: &FnModel, out: &mut Vec<State>) {
        let mut ret: Option<V> = None;
        let mut null_ret: Option<V> = None;
        let mut ends = false;
        let reallocates = model.has_tag("realloc");
        let content_set = |slot: Slot| {
            model.effects.iter().any(|e| matches!(e, Effect::Copy(d, ..) | Effect::Append(d, ..) | Effect::Fill(d, ..) if *d == slot))
        };
        self.check_size_arguments(&mut st, call, model);
        if let Some(v) = self.container(&mut st, call, model) {
            ret = Some(v);
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
                            self.scramble(&mut st, v, 2);
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
                Effect::Derive(to, from) => self.derive(&mut st, call, *to, *from, &mut ret),
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
                    let v = self.allocate(&mut st, call, n, *family, *zeroed, *may_fail);
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
                        self.release(&mut st, v, *family, name, reallocates);
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
                Effect::NoReturn => ends = true,
                Effect::Abort => {
                    self.reached_abort(&mut st);
                    ends = true;
                }
                Effect::Assert(i) => {
                    if let Some(&v) = call.args.get(usize::from(*i)) {
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
        if ends {
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
        self.finish(&mut st, call, v);
        out.push(st);
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

    fn slot(&self, call: &Call<'_>, slot: Slot) -> Option<V> {
        match slot {
            Slot::Arg(i) | Slot::Pointee(i) => {
                call.args.get(usize::from(i)).copied().filter(|&v| v != V::UNINIT)
            }
            _ => None,
        }
    }

    fn pointee_of(&self, call: &Call<'_>, slot: Slot) -> TypeId {
        let (Slot::Arg(i) | Slot::Pointee(i)) = slot else { return TypeTable::UNKNOWN };
        call.operands
            .get(usize::from(i))
            .and_then(|o| self.operand_type(o))
            .and_then(|t| self.types().pointee(t))
            .unwrap_or(TypeTable::UNKNOWN)
    }

    fn size(&mut self, st: &mut State, call: &Call<'_>, size: &Size) -> Option<V> {
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
        let Some(text) = literal else { return Size::Unknown };
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
                self.check_access(st, addr, n, kind, name, false);
                self.check_unchecked_length(st, addr, n, kind, name);
            }
        }
    }

    /// Input of any length goes into a buffer of a certain length.
    fn unbounded_access(&mut self, st: &mut State, addr: V, kind: AccessKind, name: Symbol) {
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

    /// A length that nothing compared goes with a source of the same record into an object of
    /// known size: copying what a peer sent as long as the peer says.
    fn check_unchecked_length(&mut self, st: &mut State, addr: V, n: V, kind: AccessKind, name: Symbol) {
        if kind != AccessKind::Write || self.a.taint_of(n) != 0 {
            return;
        }
        let Some((base, offset)) = self.a.split(addr) else { return };
        let capacity = match self.a.sub_object(addr) {
            Some((_, bytes)) => self.a.int(i128::from(bytes)),
            None => match self.object_size(st, base) {
                Some(size) => {
                    let offset = self.a.plain(offset);
                    self.a.sub(size, offset)
                }
                None => return,
            },
        };
        let Some(capacity) = st.constant(&self.a, capacity) else { return };
        let (_, hi) = st.bounds(&self.a, n);
        let lin = self.a.lin(n).clone();
        let [(atom, c)] = lin.terms.as_slice() else { return };
        let info = self.a.info(*atom).clone();
        let untouched = *c > 0
            && st.bounds_of_atom(&self.a, *atom).1 == info.hi
            && hi > capacity
            && !st.cons.iter().any(|&k| self.a.lin(k).terms.iter().any(|t| t.0 == *atom));
        let from_member = matches!(info.kind, AtomKind::Load(..))
            && info.field.is_some_and(|(r, i)| self.shared.is_length_field(r, i));
        if !untouched || !from_member {
            return;
        }
        let region = self.region(st, base);
        let mut site = self.site(name, region);
        site.features.push(("length.member", 1.0));
        let excess = self.a.plus(n, -capacity);
        let evidence = crate::checks::Evidence {
            message: format!(
                "the length is '{}', which nothing compared with the {capacity} bytes there",
                info.name
            ),
            features: vec![("bound.unchecked-length", 1.0)],
            steps: Vec::new(),
        };
        let need = Need::Within { excess, kind, under: false, index: false };
        self.report(st, &need, &site, &[], evidence);
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

    // ---- contents ----

    /// Elements before the first zero at the address.
    pub fn strlen(&mut self, st: &mut State, v: V, width: u8) -> V {
        let Some((base, offset)) = self.a.split(v) else {
            let atom = self.a.fresh(0, MAX);
            return self.a.of_atom(atom);
        };
        let offset = self.a.plain(offset);
        let at = self.a.constant(offset);
        if let (AtomKind::AddrStr(text, w), Some(at)) = (self.a.info(base).kind.clone(), at) {
            let len = text.as_str().chars().count() as i128 - at / i128::from(w.max(1));
            return self.a.int(len.max(0));
        }
        let object = st.object(base).copied().unwrap_or_default();
        if let (Some(len), Some(at)) = (object.strlen, at) {
            let len = self.a.plus(len, -(at / i128::from(width)));
            return len;
        }
        let epoch = match object.content {
            Content::Unknown(epoch) => epoch,
            Content::Initial => 0,
            _ => self.a.next_number(),
        };
        let plain = self.a.plain(v);
        let mut top = MAX;
        if let Some(size) = self.object_size(st, base) {
            let left = self.a.sub(size, offset);
            top = (st.bounds(&self.a, left).1 / i128::from(width) - 1).max(0);
        }
        let atom = self.a.atom(AtomKind::StrLen(plain, epoch, width), 0, MAX);
        let name = self.name_of(v);
        let taint = match object.taint {
            0 => self.a.info(base).taint,
            t => t,
        };
        let info = self.a.info_mut(atom);
        info.name = name;
        info.taint = taint;
        if top < MAX {
            let old = st.bounds_of_atom(&self.a, atom);
            st.set_bounds(atom, (old.0, old.1.min(top)));
        }
        self.a.of_atom(atom)
    }

    pub fn copy_memory(&mut self, st: &mut State, dst: V, src: V, n: Option<V>) {
        let (dst, src) = (self.a.plain(dst), self.a.plain(src));
        let Some((to, to_offset)) = self.a.split(dst) else { return };
        let source = self.a.split(src);
        let object = source.and_then(|(b, _)| st.object(b).copied()).unwrap_or_default();
        let taint = match object.taint {
            0 => source.map_or(0, |(b, _)| self.a.info(b).taint),
            t => t,
        };
        if let Some(local) = self.scalar_local(dst) {
            let decl = &self.f.locals[local.index()];
            let (ty, name) = (decl.ty, decl.name);
            let v = match st.cell(src) {
                Some(v) => v,
                None => {
                    let v = self.typed_fresh(ty, name);
                    if let Some(atom) = self.a.as_atom(v) {
                        self.a.info_mut(atom).taint = taint;
                    }
                    v
                }
            };
            st.locals[local.index()] = v;
            return;
        }
        let copied = self.cells_between(st, src, n);
        let strlen = self.copied_strlen(st, src, n, &object);
        match n.and_then(|n| st.constant(&self.a, n)).zip(self.a.constant(to_offset)) {
            Some((n, at)) => self.forget_range(st, to, at, at + n),
            None => self.forget_cells(st, to),
        }
        let epoch = self.a.next_number();
        let at_start = self.a.constant(to_offset) == Some(0);
        let target = st.object_mut(to);
        target.content = match (object.content, at_start) {
            (Content::Zero, true) => Content::Zero,
            (Content::Uninit, true) if source.is_some() => Content::Uninit,
            _ => Content::Unknown(epoch),
        };
        if taint != 0 {
            target.taint = taint;
        }
        target.strlen = if at_start { strlen } else { None };
        target.filled = if at_start { n.or(object.filled) } else { None };
        for (distance, v) in copied {
            let addr = self.a.plus(dst, distance);
            st.set_cell(addr, v);
            self.escape_if_stored(st, to, v);
        }
    }

    fn copied_strlen(&mut self, st: &mut State, src: V, n: Option<V>, object: &Object) -> Option<V> {
        let known = object.strlen.is_some() || self.literal(src).is_some();
        let len = if known { Some(self.strlen(st, src, 1)) } else { None };
        let n = n?;
        match len {
            Some(len) => {
                let d = self.a.sub(len, n);
                (st.bounds(&self.a, d).1 < 0).then_some(len)
            }
            None => {
                // `strcpy` of a string of unknown length: as long as its source.
                let less = self.a.plus(n, -1);
                let atom = self.a.as_atom(less)?;
                matches!(self.a.info(atom).kind, AtomKind::StrLen(..)).then_some(less)
            }
        }
    }

    /// Cells inside the source, by distance from its start.
    fn cells_between(&mut self, st: &State, src: V, n: Option<V>) -> Vec<(i128, V)> {
        let Some(base) = self.a.base(src) else { return Vec::new() };
        let limit = n.map_or(0, |n| st.bounds(&self.a, n).1).min(1 << 20);
        let mut out = Vec::new();
        for &(addr, v) in &st.cells {
            if self.a.base(addr) == Some(base) {
                let d = self.a.sub(addr, src);
                if let Some(k) = self.a.constant(d) {
                    if k >= 0 && k < limit && out.len() < 64 {
                        out.push((k, v));
                    }
                }
            }
        }
        out
    }

    fn fill(&mut self, st: &mut State, dst: V, value: V, n: Option<V>) {
        let dst = self.a.plain(dst);
        if let Some(local) = self.scalar_local(dst) {
            let zero = st.constant(&self.a, value) == Some(0);
            let decl = &self.f.locals[local.index()];
            st.locals[local.index()] = if zero { V::ZERO } else { self.typed_fresh(decl.ty, decl.name) };
            return;
        }
        let Some((base, offset)) = self.a.split(dst) else { return };
        let k = st.constant(&self.a, value);
        let at = self.a.constant(offset);
        let count = n.and_then(|n| st.constant(&self.a, n));
        match (at, count) {
            (Some(at), Some(count)) => self.forget_range(st, base, at, at + count),
            _ => self.forget_cells(st, base),
        }
        let size = self.object_size(st, base).and_then(|s| st.constant(&self.a, s));
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        let whole = at == Some(0) && (count.is_none() || size.is_none_or(|s| count.is_some_and(|c| c >= s)));
        object.content = match (k, whole) {
            (Some(0), true) => Content::Zero,
            _ if object.content == Content::Zero && k == Some(0) => Content::Zero,
            _ => Content::Unknown(epoch),
        };
        if whole {
            object.taint = 0;
        }
        if at == Some(0) {
            let zero = k == Some(0);
            object.strlen = if zero { Some(V::ZERO) } else { None };
            object.filled = if zero || k.is_none() { None } else { n };
        } else {
            object.strlen = None;
        }
    }

    fn append(&mut self, st: &mut State, call: &Call<'_>, dst: Slot, src: Slot, size: &Size) {
        let (Some(d), Some(s)) = (self.slot(call, dst), self.slot(call, src)) else { return };
        let width = if call.name.as_str().contains("wcs") { 4 } else { 1 };
        let old = self.strlen(st, d, width);
        let added = self.strlen(st, s, width);
        let limit = self.size(st, call, size);
        let mut n = self.a.scale(added, i128::from(width));
        if let Some(limit) = limit {
            let d = self.a.sub(limit, n);
            if st.bounds(&self.a, d).1 <= 0 {
                n = limit;
            } else if st.bounds(&self.a, d).0 < 0 {
                let top = st.bounds(&self.a, limit).1.min(st.bounds(&self.a, n).1);
                let atom = self.a.fresh(0, top.max(0));
                n = self.a.of_atom(atom);
            }
        }
        let start = self.a.scale(old, i128::from(width));
        let total = self.a.add(start, n);
        let end = self.a.plus(total, i128::from(width));
        let (Slot::Arg(i) | Slot::Pointee(i)) = dst else { return };
        let name = self.arg_name(call, i);
        let site = self.site(name, "");
        self.require(st, Need::Initialised(d), site);
        self.check_access(st, d, end, AccessKind::Write, name, false);
        let Some(base) = self.a.base(d) else { return };
        self.forget_cells(st, base);
        let taint = self.taint_behind(st, s);
        let len = self.a.add(old, added);
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        object.content = Content::Unknown(epoch);
        object.strlen = Some(len);
        if taint != 0 {
            object.taint = taint;
        }
    }

    fn source(&mut self, call: &Call<'_>, kind: SourceKind) -> u32 {
        let what = match kind {
            SourceKind::Network => "bytes received from the network",
            SourceKind::File => "bytes read from a file",
            SourceKind::Environment => "a value from the environment",
            SourceKind::Console => "input typed at the console",
            SourceKind::Ipc => "bytes from another process",
            SourceKind::CommandLine => "an argument of the command line",
            SourceKind::Random => "a random number",
        };
        let step = self.step(StepKind::Source, self.span, format!("{what} ('{}')", call.name));
        self.a.add_taint(Taint { kind, steps: vec![step], inferred: false, raw: false })
    }

    fn taint_slot(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        slot: Slot,
        kind: SourceKind,
        model: &FnModel,
        ret: &mut Option<V>,
    ) {
        let from_console =
            kind == SourceKind::File && call.operands.iter().any(|o| self.operand_name(o) == "stdin");
        let kind = if from_console { SourceKind::Console } else { kind };
        let taint = self.source(call, kind);
        match slot {
            Slot::Return => {
                let v = ret.unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                if let Some(atom) = self.a.as_atom(v) {
                    self.a.info_mut(atom).taint = taint;
                }
                *ret = Some(v);
            }
            Slot::Arg(_) | Slot::Pointee(_) => {
                if let Some(v) = self.slot(call, slot) {
                    // As many as the call says, not one element.
                    let several = model
                        .effects
                        .iter()
                        .any(|e| matches!(e, Effect::Write(to, size) if *to == slot_of_write(slot) && !matches!(size, Size::Const(_))));
                    let ty = if several { TypeTable::UNKNOWN } else { self.pointee_of(call, slot) };
                    let taint = if self.fills_object(st, call, model, v) { self.raw(taint) } else { taint };
                    self.taint_pointee(st, v, ty, taint);
                }
            }
            Slot::Rest | Slot::RestPointee => {}
        }
    }

    /// Whether the call stores as many bytes as the object at the address has.
    fn fills_object(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel, v: V) -> bool {
        let Some((base, offset)) = self.a.split(v) else { return false };
        if self.a.constant(offset) != Some(0) {
            return false;
        }
        let size = model.effects.iter().find_map(|e| match e {
            Effect::Write(_, size) => Some(size),
            _ => None,
        });
        let written = size.and_then(|size| self.size(st, call, size));
        let whole = self.object_size(st, base);
        match (written.and_then(|n| st.constant(&self.a, n)), whole.and_then(|n| st.constant(&self.a, n))) {
            (Some(written), Some(whole)) => written >= whole,
            _ => false,
        }
    }

    fn raw(&mut self, taint: u32) -> u32 {
        match self.a.taint(taint).cloned() {
            Some(known) => self.a.add_taint(Taint { raw: true, ..known }),
            None => taint,
        }
    }

    fn taint_pointee(&mut self, st: &mut State, v: V, ty: TypeId, taint: u32) {
        let plain = self.a.plain(v);
        if let Some(local) = self.scalar_local(plain) {
            let decl = &self.f.locals[local.index()];
            let (ty, name) = (decl.ty, decl.name);
            let fresh = self.typed_fresh(ty, name);
            if let Some(atom) = self.a.as_atom(fresh) {
                self.a.info_mut(atom).taint = taint;
            }
            st.locals[local.index()] = fresh;
            return;
        }
        let Some(base) = self.a.base(plain) else { return };
        let scalar =
            !matches!(self.types().get(ty), Type::Record(_) | Type::Array(..) | Type::Void | Type::Unknown)
                && self.types().size_of(ty).is_some_and(|s| s > 1);
        if scalar {
            let fresh = self.typed_fresh(ty, Symbol::EMPTY);
            if let Some(atom) = self.a.as_atom(fresh) {
                self.a.info_mut(atom).taint = taint;
            }
            self.store(st, plain, fresh, ty);
            return;
        }
        self.forget_cells(st, base);
        let epoch = self.a.next_number();
        let object = st.object_mut(base);
        object.content = Content::Unknown(epoch);
        object.taint = taint;
        object.strlen = None;
        object.filled = None;
    }

    /// The taint of a value or, for a pointer, of what it points to.
    pub fn taint_behind(&self, st: &State, v: V) -> u32 {
        if v == V::UNINIT {
            return 0;
        }
        if let Some(base) = self.a.base(v) {
            if let Some(object) = st.object(base) {
                if object.taint != 0 {
                    return object.taint;
                }
            }
        }
        self.a.taint_of(v)
    }

    fn derive(&mut self, st: &mut State, call: &Call<'_>, to: Slot, from: Slot, ret: &mut Option<V>) {
        let sources: Vec<V> = match from {
            Slot::Arg(_) | Slot::Pointee(_) => self.slot(call, from).into_iter().collect(),
            Slot::Rest | Slot::RestPointee => {
                call.args.iter().rev().take(call.args.len().saturating_sub(1)).copied().collect()
            }
            Slot::Return => ret.iter().copied().collect(),
        };
        let mut taint = 0;
        for &v in &sources {
            let t = match from {
                Slot::Arg(_) => self.a.taint_of(v),
                _ => self.taint_behind(st, v),
            };
            if t != 0 && v != V::UNINIT {
                taint = t;
                break;
            }
        }
        match to {
            Slot::Return => {
                let entry = self.entry_derived(st, call, &sources, from);
                let v = ret.or(entry).unwrap_or_else(|| self.typed_fresh(call.ret_ty, call.name));
                if let (Some(atom), true) = (self.a.as_atom(v), taint != 0) {
                    self.a.info_mut(atom).taint = taint;
                }
                *ret = Some(v);
            }
            Slot::Arg(_) | Slot::Pointee(_) => {
                if let (Some(v), true) = (self.slot(call, to), taint != 0) {
                    if let Some(base) = self.a.base(v) {
                        st.object_mut(base).taint = taint;
                    }
                }
            }
            _ => {}
        }
    }

    /// `ntohl(x)` or `atoi(s)` of an unchanged input is a function of it, so that a summary can
    /// carry it to the caller.
    fn entry_derived(&mut self, st: &State, call: &Call<'_>, sources: &[V], from: Slot) -> Option<V> {
        let (&[v], Slot::Arg(_) | Slot::Pointee(_)) = (sources, from) else { return None };
        let behind = matches!(from, Slot::Pointee(_));
        if v == V::UNINIT || self.a.base(v).is_some() != behind {
            return None;
        }
        self.derived(st, v, behind, call.name.as_str(), call.ret_ty)
    }

    fn derived(&mut self, st: &State, v: V, behind: bool, by: &str, ty: TypeId) -> Option<V> {
        if !matches!(self.types().get(ty), Type::Int { .. } | Type::Float(_)) {
            return None;
        }
        if behind {
            let base = self.a.base(v)?;
            let unchanged = st.object(base).is_none_or(|o| o.content == Content::Initial && !o.touched);
            if !unchanged || !crate::summary::is_entry_atom(&self.a, base) {
                return None;
            }
        }
        let by = by.bytes().fold(7u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
        let (lo, hi) = self.type_bounds(ty);
        let plain = self.a.plain(v);
        let atom = self.a.atom(AtomKind::Derived(plain, behind, by), lo, hi);
        let name = self.name_of(v);
        let taint = if behind { self.taint_behind(st, v) } else { self.a.taint_of(v) };
        let info = self.a.info_mut(atom);
        (info.name, info.taint, info.ty) = (name, taint, ty);
        Some(self.a.of_atom(atom))
    }

    fn inside(&mut self, st: &mut State, v: V) -> V {
        if v == V::UNINIT {
            return self.a.unknown();
        }
        self.as_pointer(v);
        let mut top = MAX;
        if let Some((base, offset)) = self.a.split(v) {
            if let Some(size) = self.object_size(st, base) {
                let offset = self.a.plain(offset);
                let left = self.a.sub(size, offset);
                top = st.bounds(&self.a, left).1.saturating_sub(1).max(0);
            }
        }
        let atom = self.a.fresh(0, top);
        let distance = self.a.of_atom(atom);
        self.a.add(v, distance)
    }

    fn allocate(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        n: Option<V>,
        family: Symbol,
        zeroed: bool,
        may_fail: bool,
    ) -> V {
        self.sites += 1;
        let number = self.a.next_number();
        let atom = self.a.atom(AtomKind::Alloc(self.sites, number), i128::from(!may_fail), u64::MAX as i128);
        let span = self.span;
        let info = self.a.info_mut(atom);
        info.span = span;
        info.name = Symbol::EMPTY;
        info.ty = call.ret_ty;
        if may_fail {
            info.null = Some((NullOrigin::Allocation, span));
        }
        let automatic = call.name == "alloca" || call.name == "__builtin_alloca";
        *st.object_mut(atom) = Object {
            size: n,
            // An allocator that is told no size hands out finished objects.
            content: match (zeroed, n) {
                (true, _) => Content::Zero,
                (false, Some(_)) => Content::Uninit,
                (false, None) => Content::Unknown(number),
            },
            life: match automatic {
                true => Life::Escaped { family: Symbol::new("stack") },
                false => Life::Owned { family, span },
            },
            ..Object::default()
        };
        self.a.of_atom(atom)
    }

    fn open(
        &mut self,
        st: &mut State,
        call: &Call<'_>,
        family: Symbol,
        failure: crate::models::Failure,
    ) -> V {
        let v = self.typed_fresh(call.ret_ty, call.name);
        let span = self.span;
        if let Some(atom) = self.a.as_atom(v) {
            if failure == crate::models::Failure::Null {
                self.a.set_pointer(atom, true);
            }
            let info = self.a.info_mut(atom);
            if failure == crate::models::Failure::Null {
                info.lo = 0;
                info.hi = u64::MAX as i128;
                info.null = Some((NullOrigin::Allocation, span));
            } else {
                info.lo = info.lo.max(-1);
            }
            st.object_mut(atom).life = Life::Owned { family, span };
        }
        v
    }

    pub fn release(&mut self, st: &mut State, v: V, family: Symbol, name: Symbol, reallocates: bool) {
        if v == V::UNINIT {
            return;
        }
        let site = self.site(name, "");
        self.require(st, Need::Releasable(v, family), site);
        let Some(base) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { return };
        if st.bounds_of_atom(&self.a, base).1 <= 0 && self.a.info(base).pointer {
            return;
        }
        let span = self.span;
        self.forget_cells(st, base);
        if let Some(Life::Owned { span, .. }) = st.object(base).map(|o| o.life) {
            self.given_up.insert(span);
        }
        let object = st.object_mut(base);
        object.content = Content::Unknown(0);
        object.life = if reallocates { Life::Maybe } else { Life::Freed { family, span } };
    }

    fn sink(&mut self, st: &mut State, call: &Call<'_>, slot: Slot, kind: SinkKind, fixed: usize) {
        match slot {
            Slot::Rest | Slot::RestPointee => {
                for index in fixed..call.args.len() {
                    let v = call.args[index];
                    if v != V::UNINIT {
                        let site = self.site(self.arg_name(call, index as u8), "");
                        self.require(st, Need::Trusted(v, kind, slot == Slot::RestPointee), site);
                    }
                }
            }
            Slot::Return => {}
            Slot::Arg(i) | Slot::Pointee(i) => {
                let Some(v) = self.slot(call, slot) else { return };
                let site = self.site(self.arg_name(call, i), "");
                let need = match kind {
                    SinkKind::AllocationSize | SinkKind::LoopCount | SinkKind::Resource => {
                        Need::Bounded(v, kind)
                    }
                    _ => Need::Trusted(v, kind, true),
                };
                self.require(st, need, site);
            }
        }
    }

    /// `scanf`: every out parameter receives an untrusted value; `%s` without a width is unbounded.
    fn scan(&mut self, st: &mut State, call: &Call<'_>, model: &FnModel, format: u8, first: u8) {
        let kind = model.effects.iter().find_map(|e| match e {
            Effect::Taint(Slot::RestPointee | Slot::Rest, kind) => Some(*kind),
            _ => None,
        });
        let inherited = model.effects.iter().find_map(|e| match e {
            Effect::Derive(Slot::RestPointee | Slot::Rest, from) => self.slot(call, *from),
            _ => None,
        });
        let taint = match (kind, inherited) {
            (Some(kind), _) => self.source(call, kind),
            (None, Some(v)) => self.taint_behind(st, v),
            _ => 0,
        };
        let text = call.args.get(usize::from(format)).and_then(|&v| self.literal(v));
        let conversions = text.map(|t| scan_conversions(t.as_str())).unwrap_or_default();
        for (nth, index) in (usize::from(first)..call.args.len()).enumerate() {
            let v = call.args[index];
            if v == V::UNINIT {
                continue;
            }
            let name = self.arg_name(call, index as u8);
            let conversion = conversions.get(nth);
            match conversion {
                Some(ScanKind::Text(None)) => self.unbounded_access(st, v, AccessKind::Write, name),
                Some(ScanKind::Text(Some(width))) => {
                    let n = self.a.int(i128::from(*width) + 1);
                    self.check_access(st, v, n, AccessKind::Write, name, false);
                }
                _ => {}
            }
            let mut ty = call
                .operands
                .get(index)
                .and_then(|o| self.operand_type(o))
                .and_then(|t| self.types().pointee(t))
                .unwrap_or(TypeTable::UNKNOWN);
            if matches!(conversion, Some(ScanKind::Text(_))) {
                ty = TypeTable::UNKNOWN;
            }
            let by = format!("{} {nth}", call.name);
            let plain = self.a.plain(v);
            match inherited.filter(|_| taint == 0).and_then(|from| self.derived(st, from, true, &by, ty)) {
                Some(value) => self.store(st, plain, value, ty),
                None => self.taint_pointee(st, v, ty, taint),
            }
        }
    }

    /// The process ends abnormally here: a defect if a peer can bring it about.
    pub fn reached_abort(&mut self, st: &mut State) {
        self.saw_abort = true;
        let Some(trace) = st.trace.clone() else { return };
        let taken = trace.taken;
        // The condition as it was before the decision: the state already assumes its outcome.
        let site = self.site(self.name_of(trace.cond), "");
        let mut before = st.clone();
        self.undo(&mut before, trace.cond);
        let cond = match taken {
            true => self.compare(&mut before, banbury_ir::BinOp::Eq, trace.cond, V::ZERO, false),
            false => trace.cond,
        };
        if self.a.constant(cond) == Some(0) {
            return;
        }
        let need = Need::Holds(cond);
        if let Some((origin, _)) = self.null_in(trace.cond) {
            if origin == NullOrigin::Lookup || origin == NullOrigin::Optional {
                self.require(&mut before, need, site);
                return;
            }
        }
        if self.a.taint_of(trace.cond) != 0 || crate::summary::mentions_entry(&self.a, trace.cond) {
            self.require(&mut before, need, site);
        }
    }

    pub fn null_in(&self, cond: V) -> Option<(NullOrigin, Span)> {
        let atom = self.a.as_atom(cond)?;
        match self.a.info(atom).kind {
            AtomKind::Cmp(_, a, b, _) => {
                [a, b].into_iter().find_map(|v| self.a.info(self.a.as_atom(v)?).null)
            }
            _ => self.a.info(atom).null,
        }
    }

    /// Forgets what the last decision taught about the atoms of its condition.
    fn undo(&mut self, st: &mut State, cond: V) {
        let mut atoms: Vec<Atom> = self.a.lin(cond).terms.iter().map(|t| t.0).collect();
        for &(atom, _) in &self.a.lin(cond).terms.clone() {
            if let AtomKind::Cmp(_, a, b, _) = self.a.info(atom).kind {
                atoms.extend(self.a.lin(a).terms.iter().map(|t| t.0));
                atoms.extend(self.a.lin(b).terms.iter().map(|t| t.0));
            }
        }
        st.facts.retain(|f| !atoms.contains(&f.0));
        st.neq.retain(|f| !atoms.contains(&f.0));
        let arena = &self.a;
        st.cons.retain(|&c| !arena.lin(c).terms.iter().any(|t| atoms.contains(&t.0)));
    }

    // ---- summaries ----

    fn apply_summary(
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
            if summary.aborts {
                self.reached_abort(&mut st);
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
                out.push(next);
            }
        }
        if out.len() == before && !summary.exits.is_empty() {
            // Every exit contradicts what we know: one of the two is wrong; go on with less.
            self.apply_unknown(&mut st, call, true);
            out.push(st);
        }
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
        if !self.worth_guarding(st, &need, &obligation.site) {
            return;
        }
        let mut guarded = st.clone();
        for &(atom, (lo, hi)) in &obligation.guard_facts {
            let v = self.import_atom(&mut guarded, call, import, atom);
            let over = self.a.plus(v, -hi);
            let negative = self.a.scale(v, -1);
            let under = self.a.plus(negative, lo);
            if hi < MAX && !guarded.assume_le0(&mut self.a, over)
                || lo > -MAX && !guarded.assume_le0(&mut self.a, under)
            {
                return;
            }
        }
        for &c in &obligation.guard_cons {
            let v = self.import(&mut guarded, call, import, c);
            if !guarded.assume_le0(&mut self.a, v) {
                return;
            }
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
            let over = self.a.plus(v, -hi);
            let negative = self.a.scale(v, -1);
            let under = self.a.plus(negative, lo);
            if hi < MAX && !st.assume_le0(&mut self.a, over)
                || lo > -MAX && !st.assume_le0(&mut self.a, under)
            {
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
        let tainted: Vec<(V, u32)> = exit
            .tainted
            .iter()
            .map(|&(v, t)| (self.import(st, call, import, v), self.import_taint(import, t)))
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
        let bases = scrambled.iter().filter(|&&v| v != V::UNINIT).filter_map(|&v| self.a.base(v)).collect();
        self.scramble_bases(st, bases);
        for (addr, v) in writes {
            let ty = self.value_type(v);
            self.as_pointer(addr);
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
        for (v, taint) in tainted {
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
            let Some(base) = self.a.base(v).or_else(|| self.a.as_atom(v)) else { continue };
            if st.bounds_of_atom(&self.a, base).1 <= 0 && self.a.info(base).pointer {
                continue;
            }
            self.forget_cells(st, base);
            if let Some(Life::Owned { span, .. }) = st.object(base).map(|o| o.life) {
                self.given_up.insert(span);
            }
            st.object_mut(base).life = Life::Freed { family, span };
        }
        if let (Some(v), Some(_)) = (ret, call.dst) {
            let v = if v == V::UNINIT { self.typed_fresh(call.ret_ty, call.name) } else { v };
            self.finish(st, call, v);
        } else if call.dst.is_some() {
            let v = self.typed_fresh(call.ret_ty, call.name);
            self.finish(st, call, v);
        }
        true
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

    /// Some element was set: nothing is known of the object's first contents any more.
    fn touch(&mut self, st: &mut State, v: V) {
        let Some(base) = self.a.base(v).filter(|_| v != V::UNINIT) else { return };
        let epoch = self.a.next_number();
        if let Some(object) = st.object(base).copied() {
            if object.content == Content::Uninit || object.content == Content::Zero {
                st.object_mut(base).content = Content::Unknown(epoch);
            }
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
        if let Some(&done) = import.values.get(&v) {
            return done;
        }
        let Lin { k, terms } = import.summary.arena.lin(v).clone();
        let mut out = self.a.int(k);
        for (atom, c) in terms {
            let term = self.import_atom(st, call, import, atom);
            if term == V::UNINIT {
                out = V::UNINIT;
                break;
            }
            let scaled = self.a.scale(term, i128::from(c));
            out = self.a.add(out, scaled);
        }
        import.values.insert(v, out);
        out
    }

    fn import_atom(&mut self, st: &mut State, call: &Call<'_>, import: &mut Import<'_>, atom: Atom) -> V {
        if let Some(&done) = import.atoms.get(&atom) {
            return done;
        }
        let info = import.summary.arena.info(atom).clone();
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
                self.import_load(st, at, &info)
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
                self.derived_here(st, x, behind, by, &info)
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
        import.atoms.insert(atom, v);
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
                && st.object(b).is_none_or(|o| o.content == Content::Initial)
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

/// `taint *p` goes with `write p n`.
fn slot_of_write(slot: Slot) -> Slot {
    match slot {
        Slot::Pointee(i) => Slot::Arg(i),
        other => other,
    }
}

/// One application of a summary: what its atoms are here.
struct Import<'s> {
    summary: &'s Summary,
    atoms: FxHashMap<Atom, V>,
    values: FxHashMap<V, V>,
}

impl<'s> Import<'s> {
    fn new(summary: &'s Summary) -> Self {
        Import { summary, atoms: FxHashMap::default(), values: FxHashMap::default() }
    }
}

enum ScanKind {
    /// `%s`, `%[`: with a width or without.
    Text(Option<u32>),
    Other,
}

/// Conversions of a `scanf` format that store something.
fn scan_conversions(format: &str) -> Vec<ScanKind> {
    let mut out = Vec::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            continue;
        }
        let suppressed = chars.next_if_eq(&'*').is_some();
        let mut width = None;
        while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = Some(width.unwrap_or(0u32).saturating_mul(10).saturating_add(d));
            chars.next();
        }
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L' | 'z' | 'j' | 't' | 'q')).is_some() {}
        let kind = match chars.next() {
            Some('s' | 'S') => ScanKind::Text(width),
            Some('[') => {
                chars.next_if_eq(&'^');
                chars.next_if_eq(&']');
                for c in chars.by_ref() {
                    if c == ']' {
                        break;
                    }
                }
                ScanKind::Text(width)
            }
            None => break,
            Some(_) => ScanKind::Other,
        };
        if !suppressed {
            out.push(kind);
        }
    }
    out
}

/// Least number of characters a format produces, `None` if a string's length is not known.
/// `text(n)` is the length of the string for the n-th value.
fn formatted_length(format: &str, text: impl Fn(usize) -> Option<u64>) -> Option<u64> {
    let mut total = 0u64;
    let mut nth = 0usize;
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            total += 1;
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            total += 1;
            continue;
        }
        let mut width = 0u64;
        let mut precision = None;
        while chars.next_if(|c| matches!(c, '-' | '+' | ' ' | '#' | '0')).is_some() {}
        if chars.next_if_eq(&'*').is_some() {
            nth += 1;
        }
        while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
            width = width.saturating_mul(10).saturating_add(u64::from(d));
            chars.next();
        }
        if chars.next_if_eq(&'.').is_some() {
            let mut p = 0u64;
            if chars.next_if_eq(&'*').is_some() {
                return None;
            }
            while let Some(d) = chars.peek().and_then(|c| c.to_digit(10)) {
                p = p.saturating_mul(10).saturating_add(u64::from(d));
                chars.next();
            }
            precision = Some(p);
        }
        while chars.next_if(|c| matches!(c, 'h' | 'l' | 'L' | 'z' | 'j' | 't' | 'q')).is_some() {}
        let length = match chars.next()? {
            's' | 'S' => {
                let n = text(nth)?;
                precision.map_or(n, |p| n.min(p))
            }
            'c' => 1,
            _ => precision.unwrap_or(1).max(1),
        };
        nth += 1;
        total = total.saturating_add(length.max(width));
    }
    Some(total)
}
