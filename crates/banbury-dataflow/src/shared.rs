//! The whole-release part of the analysis: what all functions share, and the order of work.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use banbury_base::{FileId, Symbol};
use banbury_ir::{
    Base, FuncId, GlobalId, Index, LocalId, Op, Operand, Place, Program, Proj, RecordId, Rvalue, Terminator,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::finish::Outcome;
use crate::graph::CallGraph;
use crate::interp::Interp;
use crate::models::Models;
use crate::observe::{Context, Issue, Observer};
use crate::shapes;
use crate::summary::Summary;
use crate::value::{Arena, V};

#[derive(Clone, Debug, Default)]
pub struct AnalysisOptions {}

/// Result of [`analyse`].
#[derive(Default)]
pub struct Analysis {
    /// In order of function, then of discovery: the same for any number of threads.
    pub issues: Vec<Issue>,
    /// Functions whose analysis was cut short, and why.
    pub unanalysed: Vec<(FuncId, String)>,
}

pub struct Shared<'a> {
    pub program: &'a Program,
    pub models: &'a Models,
    pub observers: &'a [&'a dyn Observer],
    graph: CallGraph,
    constants: Vec<bool>,
    /// What later functions may still ask for.
    summaries: Vec<OnceLock<Arc<Summary>>>,
    /// Wave and component of each function.
    places: Vec<(u32, u32)>,
    length_params: Vec<Vec<Option<(u32, u32)>>>,
    length_fields: FxHashMap<(RecordId, u32), u32>,
    is_length: rustc_hash::FxHashSet<(RecordId, u32)>,
}

impl<'a> Shared<'a> {
    fn new(program: &'a Program, models: &'a Models, observers: &'a [&'a dyn Observer]) -> Self {
        let length_params =
            program.functions.par_iter().map(|f| shapes::length_params(&program.types, f)).collect();
        let mut length_fields = FxHashMap::default();
        let mut is_length = rustc_hash::FxHashSet::default();
        for number in 0..program.types.record_count() {
            let id = RecordId(number as u32);
            let Some(record) = program.types.record(id) else { continue };
            for index in 0..record.fields.len() as u32 {
                if let Some(sibling) = shapes::length_field(&program.types, record, index) {
                    length_fields.insert((id, index), sibling);
                    is_length.insert((id, sibling));
                }
            }
            is_length.extend(shapes::length_members(&program.types, record).into_iter().map(|i| (id, i)));
        }
        Shared {
            program,
            models,
            observers,
            graph: CallGraph::new(program),
            constants: constant_globals(program),
            summaries: (0..program.functions.len()).map(|_| OnceLock::new()).collect(),
            places: vec![(0, 0); program.functions.len()],
            length_params,
            length_fields,
            is_length,
        }
    }

    pub fn resolve(&self, from: FileId, name: Symbol) -> Option<FuncId> {
        if name.is_empty() { None } else { self.program.resolve(from, name) }
    }

    /// A model speaks for the function unless the release has its own `static` one.
    pub fn prefers_model(&self, file: FileId, defined: Option<FuncId>) -> bool {
        defined.is_none_or(|id| {
            let f = self.program.function(id);
            !(f.is_static && f.file == file)
        })
    }

    /// The summary for a function that calls it: those of earlier waves and of its own component.
    /// What else happens to be done by then depends on the threads.
    pub fn summary(&self, from: FuncId, id: FuncId) -> Option<Arc<Summary>> {
        let (own, other) = (self.places[from.index()], self.places[id.index()]);
        if other.0 < own.0 || other == own { self.summaries[id.index()].get().cloned() } else { None }
    }

    /// Somebody may ask for the function's summary: by its name, or through a pointer.
    pub fn is_summary_wanted(&self, id: FuncId) -> bool {
        self.graph.has_caller[id.index()] || self.is_found_otherwise(id)
    }

    /// It may be called in ways that the call graph does not show.
    fn is_found_otherwise(&self, id: FuncId) -> bool {
        let name = self.program.function(id).name;
        self.graph.address_taken.contains(&name) || name.as_str().contains("::")
    }

    /// Gives back what only functions up to this wave asked for: all summaries of a large
    /// release take more memory than its code.
    fn forget_summaries(&mut self, wave: &[Vec<FuncId>], callers: &mut [u32]) {
        for &id in wave.iter().flatten() {
            for callee in std::mem::take(&mut self.graph.callees[id.index()]) {
                callers[callee.index()] -= 1;
                if callers[callee.index()] == 0 && !self.is_found_otherwise(callee) {
                    self.summaries[callee.index()].take();
                }
            }
        }
    }

    /// Nothing writes the global after its initialiser.
    pub fn is_constant(&self, id: GlobalId) -> bool {
        self.constants.get(id.index()).copied().unwrap_or(false)
    }

    pub fn is_root(&self, id: FuncId) -> bool {
        !self.graph.has_caller[id.index()]
            || self.graph.address_taken.contains(&self.program.function(id).name)
    }

    pub fn length_param(&self, id: FuncId, param: u32) -> Option<(u32, u32)> {
        *self.length_params[id.index()].get(param as usize)?
    }

    /// Whether the parameter is the length of another one.
    pub fn is_length_param(&self, id: FuncId, param: u32) -> bool {
        self.length_params[id.index()].iter().flatten().any(|l| l.0 == param)
    }

    pub fn length_field(&self, record: RecordId, index: u32) -> Option<u32> {
        self.length_fields.get(&(record, index)).copied()
    }

    pub fn is_length_field(&self, record: RecordId, index: u32) -> bool {
        self.is_length.contains(&(record, index))
    }

    /// The only definition that a virtual call can reach.
    pub fn only_override(&self, from: FileId, class: Symbol, method: Symbol) -> Option<FuncId> {
        match self.graph.overrides(self.program, from, class, method).as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// The only function that a member ever holds.
    pub fn pointer_target(&self, arena: &Arena, v: V) -> Option<FuncId> {
        if v == V::UNINIT {
            return None;
        }
        let atom = arena.as_atom(v)?;
        let field = arena.info(atom).field?;
        match self.graph.members.get(&field)?.as_slice() {
            [only] => self.program.resolve(FileId::NONE, *only),
            _ => None,
        }
    }

    /// Whether the local's value is used anywhere in the function.
    pub fn is_read(&self, id: FuncId, local: LocalId) -> bool {
        let f = self.program.function(id);
        f.blocks.iter().any(|b| {
            b.instrs.iter().any(|i| op_reads(&i.op, local))
                || match &b.term {
                    Terminator::Branch { cond: o, .. }
                    | Terminator::Switch { value: o, .. }
                    | Terminator::Return(Some(o)) => operand_reads(o, local),
                    _ => false,
                }
        })
    }
}

fn op_reads(op: &Op, local: LocalId) -> bool {
    match op {
        Op::Assign { dst, src } => {
            let value = match src {
                Rvalue::Use(o) | Rvalue::Unary(_, o) | Rvalue::Cast(_, o) => operand_reads(o, local),
                Rvalue::Binary(_, a, b) => operand_reads(a, local) || operand_reads(b, local),
                Rvalue::AddrOf(p) => p.base == Base::Local(local) || indexes(p, local),
                Rvalue::PtrAdd { ptr, index, .. } => operand_reads(ptr, local) || operand_reads(index, local),
            };
            value || (!dst.proj.is_empty() && dst.base == Base::Local(local)) || indexes(dst, local)
        }
        Op::Call { args, callee, dst } => {
            args.iter().any(|a| operand_reads(a, local))
                || matches!(callee, banbury_ir::Callee::Indirect(o) if operand_reads(o, local))
                || dst.as_ref().is_some_and(|d| !d.proj.is_empty() && d.base == Base::Local(local))
        }
        _ => false,
    }
}

fn operand_reads(operand: &Operand, local: LocalId) -> bool {
    matches!(operand, Operand::Copy(place) if place.base == Base::Local(local) || indexes(place, local))
}

fn indexes(place: &Place, local: LocalId) -> bool {
    place
        .proj
        .iter()
        .any(|p| matches!(p, Proj::At(Index::Local(l)) | Proj::Elem(Index::Local(l)) if *l == local))
}

/// Globals that no instruction assigns and whose address goes nowhere it could be written.
fn constant_globals(program: &Program) -> Vec<bool> {
    let mut constant: Vec<bool> = program.globals.iter().map(|g| !g.is_extern).collect();
    let mut written = |place: &Place, address: bool| {
        if let Base::Global(id) = place.base {
            let through = place.proj.iter().any(|p| matches!(p, Proj::Deref | Proj::At(_)));
            let is_const = program.globals[id.index()].is_const;
            if !(through || address && is_const) {
                constant[id.index()] = false;
            }
        }
    };
    for f in &program.functions {
        for instr in f.blocks.iter().flat_map(|b| &b.instrs) {
            match &instr.op {
                Op::Assign { dst, src } => {
                    written(dst, false);
                    if let Rvalue::AddrOf(place) = src {
                        written(place, true);
                    }
                }
                Op::Call { dst: Some(dst), .. } => written(dst, false),
                Op::Zero(place) => written(place, false),
                _ => {}
            }
        }
    }
    for global in &program.globals {
        mark_addresses(&global.init, &mut constant, program);
    }
    constant
}

/// Addresses in initialisers let others write.
fn mark_addresses(init: &banbury_ir::Init, constant: &mut [bool], program: &Program) {
    match init {
        banbury_ir::Init::Const(banbury_ir::Const::GlobalAddr(id, _)) => {
            if !program.globals[id.index()].is_const {
                constant[id.index()] = false;
            }
        }
        banbury_ir::Init::List(entries) => {
            for (_, entry) in entries {
                mark_addresses(entry, constant, program);
            }
        }
        _ => {}
    }
}

/// Analyses a whole release. Deterministic for any number of threads.
pub fn analyse(
    program: &Program,
    models: &Models,
    observers: &[&dyn Observer],
    _options: &AnalysisOptions,
) -> Analysis {
    let mut shared = Shared::new(program, models, observers);
    let waves = shared.graph.waves();
    let mut callers = vec![0; program.functions.len()];
    for callee in shared.graph.callees.iter().flatten() {
        callers[callee.index()] += 1;
    }
    for (number, wave) in waves.iter().enumerate() {
        for (component, members) in wave.iter().enumerate() {
            for id in members {
                shared.places[id.index()] = (number as u32, component as u32);
            }
        }
    }
    let mut results: Vec<(FuncId, Vec<Issue>, Option<String>)> = Vec::new();
    for wave in waves {
        let mut done: Vec<_> = wave
            .par_iter()
            .flat_map_iter(|component| component.iter().map(|&id| analyse_function(&shared, id)))
            .collect();
        results.append(&mut done);
        shared.forget_summaries(&wave, &mut callers);
    }
    results.sort_by_key(|r| r.0);
    let mut analysis = Analysis::default();
    for (id, mut issues, reason) in results {
        analysis.issues.append(&mut issues);
        if let Some(reason) = reason {
            analysis.unanalysed.push((id, reason));
        }
    }
    for observer in observers {
        observer.program(program, models, &mut analysis.issues);
    }
    analysis
}

thread_local! {
    /// Arenas that this thread used for the function before.
    static SPARE: Cell<Option<[Arena; 2]>> = const { Cell::new(None) };
}

fn analyse_function(shared: &Shared<'_>, id: FuncId) -> (FuncId, Vec<Issue>, Option<String>) {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let [own, to] = SPARE.take().unwrap_or_default();
        let mut interp = Interp::new(shared, id, own);
        interp.run();
        let (outcome, mut spare) = interp.finish_function(to);
        spare.iter_mut().for_each(Arena::reset);
        SPARE.set(Some(spare));
        outcome
    }));
    let (mut issues, reason) = match outcome {
        Ok(Outcome { summary, issues, complete }) => {
            if let Some(summary) = summary {
                let _ = shared.summaries[id.index()].set(Arc::new(summary));
            }
            (issues, (!complete).then(|| "the step budget ran out".to_owned()))
        }
        Err(_) => (Vec::new(), Some("the analysis failed here".to_owned())),
    };
    let function = shared.program.function(id);
    let cx = Context {
        program: shared.program,
        models: shared.models,
        func: id,
        function,
        span: function.span,
        in_macro: Symbol::EMPTY,
    };
    for observer in shared.observers {
        observer.function(&cx, &mut issues);
    }
    (id, issues, reason)
}
