//! Calls: library models, summaries of functions with a body, and everything else.

use banbury_base::Symbol;
use banbury_ir::{Callee, FuncId, Operand, Place, Type, TypeId, TypeTable};

use crate::interp::Interp;
use crate::models::FnModel;
use crate::observe::{CallEvent, Context, ValueView};
use crate::state::State;
use crate::value::{AtomKind, V};

/// Arguments of the call at hand.
pub(crate) struct Call<'c> {
    pub name: Symbol,
    pub args: Vec<V>,
    pub operands: &'c [Operand],
    pub dst: Option<&'c Place>,
    pub ret_ty: TypeId,
}

/// What is known of a name that is called, the same at every call in a function.
#[derive(Clone, Copy)]
pub(crate) struct KnownCallee<'a> {
    pub defined: Option<FuncId>,
    pub model: Option<&'a FnModel>,
    /// Some rule looks at the call.
    pub observed: bool,
}

impl<'a> Interp<'a> {
    fn known_callee(&mut self, name: Symbol) -> KnownCallee<'a> {
        if let Some(known) = self.callees.get(&name) {
            return *known;
        }
        let defined = self.shared.resolve(self.f.file, name);
        let known = self.know(name, defined);
        self.callees.insert(name, known);
        known
    }

    fn know(&self, name: Symbol, defined: Option<FuncId>) -> KnownCallee<'a> {
        let shared = self.shared;
        let model = shared.models.get(name);
        let observed = shared.observers.iter().any(|o| o.wants(name, model) || o.wants(name, None));
        let model = model.filter(|_| shared.prefers_model(self.f.file, defined));
        KnownCallee { defined, model, observed }
    }

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
        let unknown = matches!(callee, Callee::Direct(_)) && {
            let known = self.known_callee(name);
            known.model.is_none() && known.defined.is_none()
        };
        let lenient = std::mem::replace(&mut self.lenient, unknown);
        let args: Vec<V> = operands.iter().map(|o| self.operand(&mut st, o)).collect();
        self.lenient = lenient;
        let mut target = None;
        if let Callee::Indirect(operand) = callee {
            let v = self.operand(&mut st, operand);
            if let Some(AtomKind::AddrFunc(f)) = self.a.as_atom(v).map(|a| self.a.info(a).kind.clone()) {
                name = f;
                let found = self.shared.resolve(self.f.file, name);
                self.note_asked(name, true, found);
            } else {
                self.check_deref(&mut st, v, Symbol::EMPTY);
                target = self.shared.pointer_target(&self.a, v);
                if let Some(t) = target {
                    name = self.program.function(t).name;
                    self.note_asked(name, false, target);
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
        let KnownCallee { defined, model, observed } = match target {
            None => self.known_callee(name),
            target => self.know(name, target),
        };
        if observed {
            self.observe(&mut st, &call, model);
        }
        if let Some(model) = model {
            self.apply_model(st, &call, model, out);
            return;
        }
        match defined.and_then(|id| Some((id, self.shared.summary(self.fid, id)?))) {
            Some((id, summary)) => self.apply_summary(st, &call, id, &summary, out),
            None => {
                self.apply_unknown(&mut st, &call, defined.is_some());
                out.push(st);
            }
        }
    }

    /// The definition that a virtual call reaches: by the object's own class where it was made
    /// in sight, else the only one there is.
    fn virtual_target(&mut self, args: &[V], class: Symbol, method: Symbol) -> Option<FuncId> {
        let made = args.first().and_then(|&v| self.dynamic_class(v));
        let own = made.and_then(|class| {
            let name = Symbol::new(&format!("{class}::{method}"));
            let found = self.shared.resolve(self.f.file, name);
            self.note_asked(name, true, found);
            found
        });
        own.or_else(|| self.shared.only_override(self.f.file, class, method))
    }

    /// A later review has to ask the same.
    fn note_asked(&mut self, name: Symbol, here: bool, found: Option<FuncId>) {
        if let Some(asked) = self.shared.asked(self.fid, name, here, found) {
            if !self.asked.contains(&asked) {
                self.asked.push(asked);
            }
        }
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
    pub fn apply_unknown(&mut self, st: &mut State, call: &Call<'_>, defined: bool) {
        for &arg in &call.args {
            self.escape(st, arg, 0);
            self.scramble(st, arg, 0);
        }
        if defined {
            self.scramble_globals(st);
        } else {
            self.scramble_macro_arguments(st, call);
        }
        let v = self.typed_fresh(call.ret_ty, call.name);
        // What is computed from untrusted bytes by code we cannot see may be untrusted; claiming
        // it would be guessing, so it is not carried on.
        self.finish(st, call, v);
    }

    /// By its name a macro that is defined elsewhere: it may set the variables it is given.
    fn scramble_macro_arguments(&mut self, st: &mut State, call: &Call<'_>) {
        let name = call.name.as_str();
        if !name.bytes().any(|b| b.is_ascii_uppercase()) || name.bytes().any(|b| b.is_ascii_lowercase()) {
            return;
        }
        for operand in call.operands {
            let Operand::Copy(place) = operand else { continue };
            let Some(local) = place.as_local().filter(|l| self.scalar[l.index()]) else { continue };
            let declared = &self.f.locals[local.index()];
            if !declared.name.is_empty() {
                let v = self.typed_fresh(declared.ty, declared.name);
                st.locals[local.index()] = v;
            }
        }
    }

    pub fn finish(&mut self, st: &mut State, call: &Call<'_>, v: V) {
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
            let behind = self.taint_at(st, v);
            if behind != 0 {
                taint = behind;
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

    pub fn operand_name(&self, operand: &Operand) -> Symbol {
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
}
