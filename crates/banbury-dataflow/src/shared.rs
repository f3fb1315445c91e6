//! The whole-release part of the analysis: what all functions share, and the order of work.

use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use banbury_base::{Digest, FileId, StableHasher, Symbol};
use banbury_ir::{
    Base, Callee, Const, FuncId, GlobalId, Index, LocalId, Op, Operand, Place, Program, Proj, RecordId,
    Rvalue, Terminator,
};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::digests::Digests;
use crate::finish::Outcome;
use crate::graph::CallGraph;
use crate::interp::Interp;
use crate::kept::{Asked, Earlier, Interpreted, Kept, Reuse, Standing, together};
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
    /// How many functions were interpreted; of the others an earlier review told.
    pub interpreted: usize,
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
    waves: Vec<Vec<Vec<FuncId>>>,
    /// What an earlier review found out.
    reuse: Option<Reuse<'a>>,
    length_params: Vec<Vec<Option<(u32, u32)>>>,
    length_fields: FxHashMap<(RecordId, u32), u32>,
    /// Of members that are not in `length_fields`.
    lengths_by_use: FxHashMap<(RecordId, u32), u32>,
    is_length: rustc_hash::FxHashSet<(RecordId, u32)>,
}

impl<'a> Shared<'a> {
    fn new(program: &'a Program, models: &'a Models, observers: &'a [&'a dyn Observer]) -> Self {
        let length_params: Vec<_> =
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
        let mut lengths_by_use = shapes::lengths_by_use(program, models, &length_params);
        lengths_by_use.retain(|member, _| !length_fields.contains_key(member));
        is_length.extend(lengths_by_use.iter().map(|(member, length)| (member.0, *length)));
        let graph = CallGraph::new(program);
        let waves = graph.waves();
        let mut places = vec![(0, 0); program.functions.len()];
        for (number, wave) in waves.iter().enumerate() {
            for (component, members) in wave.iter().enumerate() {
                for id in members {
                    places[id.index()] = (number as u32, component as u32);
                }
            }
        }
        Shared {
            program,
            models,
            observers,
            graph,
            constants: constant_globals(program),
            summaries: (0..program.functions.len()).map(|_| OnceLock::new()).collect(),
            places,
            waves,
            reuse: None,
            length_params,
            length_fields,
            lengths_by_use,
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
        if !self.is_seen(from, id) {
            return None;
        }
        if let Some(reuse) = &self.reuse {
            let other = self.places[from.index()] != self.places[id.index()];
            if other && reuse.is_clean(id) {
                self.recall(reuse, id);
            }
        }
        self.summaries[id.index()].get().cloned()
    }

    /// Reads the summary that is kept of a clean function.
    fn recall(&self, reuse: &Reuse<'_>, id: FuncId) {
        let slot = &self.summaries[id.index()];
        if slot.get().is_some() {
            return;
        }
        match reuse.summary(id) {
            Some(summary) => drop(slot.set(Arc::new(summary))),
            None => self.replay(reuse, id),
        }
    }

    /// Makes a summary that could not be kept again, after those that it needs itself: a search
    /// without recursion, since chains of calls are long.
    fn replay(&self, reuse: &Reuse<'_>, id: FuncId) {
        let slot = |id: FuncId| &reuse.replayed[self.component(id)[0].index()];
        let mut stack = vec![(id, false)];
        while let Some((id, needs_are_met)) = stack.pop() {
            if slot(id).get().is_some() {
                continue;
            }
            let members = self.component(id);
            if needs_are_met {
                slot(id).get_or_init(|| members.iter().for_each(|&member| drop(interpret(self, member))));
                continue;
            }
            stack.push((id, true));
            for &member in members {
                let open = self.callees(reuse, member).filter(|&callee| {
                    let is_kept = reuse.has_summary(callee) || slot(callee).get().is_some();
                    !members.contains(&callee) && reuse.is_clean(callee) && !is_kept
                });
                stack.extend(open.map(|callee| (callee, false)));
            }
        }
    }

    pub fn is_seen(&self, from: FuncId, id: FuncId) -> bool {
        let (own, other) = (self.places[from.index()], self.places[id.index()]);
        other.0 < own.0 || other == own
    }

    fn component(&self, id: FuncId) -> &[FuncId] {
        let (wave, component) = self.places[id.index()];
        &self.waves[wave as usize][component as usize]
    }

    /// What a call that the graph does not show came to.
    pub fn asked(&self, from: FuncId, name: Symbol, here: bool, found: Option<FuncId>) -> Option<Asked> {
        let reuse = self.reuse.as_ref()?;
        let seen = found.is_some_and(|id| self.is_seen(from, id));
        let found = found.map_or_else(Digest::default, |id| reuse.identities[id.index()]);
        Some(Asked { name, here, found, seen })
    }

    /// Functions of which the interpretation of a function asks for the summary, or asked when it
    /// was as it is now.
    fn callees<'s>(&'s self, reuse: &'s Reuse<'_>, id: FuncId) -> impl Iterator<Item = FuncId> + 's {
        let asked = reuse.asked(id).unwrap_or_default().iter().filter(|asked| asked.seen);
        let asked = asked.filter_map(move |asked| self.resolve_asked(id, asked));
        self.graph.callees[id.index()].iter().copied().chain(asked)
    }

    fn resolve_asked(&self, id: FuncId, asked: &Asked) -> Option<FuncId> {
        let file = if asked.here { self.program.function(id).file } else { FileId::NONE };
        self.resolve(file, asked.name)
    }

    /// How the component fits what is kept of it, as seen by its own code and those it calls.
    fn standing(&self, reuse: &Reuse<'_>, members: &[FuncId]) -> Standing {
        let own = |&id: &FuncId| {
            let Some(asked) = reuse.asked(id) else { return Standing::Changed };
            let asks_the_same = asked.iter().all(|asked| {
                let found = self.resolve_asked(id, asked);
                self.asked(id, asked.name, asked.here, found).as_ref() == Some(asked)
            });
            if !asks_the_same {
                return Standing::Changed;
            }
            let callees = self.callees(reuse, id).filter(|callee| !members.contains(callee));
            match callees.map(|callee| reuse.standing(callee)).min() {
                Some(Standing::Changed) => Standing::Changed,
                Some(Standing::SameSummary | Standing::Clean) => Standing::Clean,
                Some(Standing::Untouched) | None => Standing::Untouched,
            }
        };
        members.iter().map(own).min().unwrap_or(Standing::Changed)
    }

    /// The results of an earlier review, if they hold for the component.
    fn revive(&self, reuse: &Reuse<'_>, members: &[FuncId]) -> Option<Vec<(FuncId, Interpreted)>> {
        let standing = self.standing(reuse, members);
        if standing < Standing::Clean {
            return None;
        }
        let revived = members.iter().map(|&id| Some((id, reuse.revive(self.program, id)?)));
        let mut revived: Vec<_> = revived.collect::<Option<_>>()?;
        if standing < Standing::Untouched {
            // Rules on the text may look at what is called.
            revived.iter_mut().for_each(|(_, result)| result.of_text = None);
        }
        members.iter().for_each(|&id| reuse.set_standing(id, standing));
        Some(revived)
    }

    /// What decides the analysis of each function besides the summaries of others.
    fn function_digests(&self, digests: &Digests<'_>) -> Vec<Digest> {
        let ids = || (0..self.program.functions.len() as u32).into_par_iter().map(FuncId);
        let texts: Vec<Digest> = ids().map(|id| digests.text(id)).collect();
        let named = |list: &[FuncId]| together(list.iter().map(|id| digests.identities[id.index()]));
        let own = ids().map(|id| {
            let members = self.component(id);
            let (called, pointed) = self.named_in(id, digests, &texts);
            let place = members.iter().position(|&member| member == id).unwrap_or(0) as u128;
            let flags = u128::from(self.is_root(id)) << 1 | u128::from(self.is_summary_wanted(id));
            let callees = named(&self.graph.callees[id.index()]);
            together([
                texts[id.index()],
                called,
                pointed,
                callees,
                named(members),
                Digest(place << 2 | flags),
            ])
        });
        own.collect()
    }

    /// What each name that is called comes to, in order of the text, and what is in functions
    /// that are only pointed to.
    fn named_in(&self, id: FuncId, digests: &Digests<'_>, texts: &[Digest]) -> (Digest, Digest) {
        let f = self.program.function(id);
        let mut called = StableHasher::new();
        let mut pointed = StableHasher::new();
        let mut point = |operand: &Operand| {
            if let Operand::Const(Const::Func(name)) = operand
                && let Some(target) = self.resolve(f.file, *name)
            {
                let text = texts[target.index()].0;
                pointed.u64(text as u64).u64((text >> 64) as u64);
            }
        };
        for instr in f.blocks.iter().flat_map(|b| &b.instrs) {
            match &instr.op {
                Op::Call { callee, args, .. } => {
                    args.iter().for_each(&mut point);
                    if let Callee::Direct(name) = callee {
                        let target = self.resolve(f.file, *name);
                        let target = target.map_or(0, |id| digests.identities[id.index()].0);
                        // Rules ask whether a name is defined at all.
                        let defined = self.program.by_name.contains_key(name);
                        called.u64(target as u64).u64((target >> 64) as u64).u64(u64::from(defined));
                    }
                }
                Op::Assign { src: Rvalue::Use(value) | Rvalue::Cast(_, value), .. } => point(value),
                _ => {}
            }
        }
        (called.finish(), pointed.finish())
    }

    /// What any function may depend on: members that hold one function, members that calls
    /// show to belong together, and who derives from whom.
    fn context(&self, digests: &Digests<'_>) -> Digest {
        let members = self.graph.members.iter().filter(|(_, held)| held.len() == 1);
        let mut parts: Vec<Digest> = members
            .map(|((record, index), held)| {
                let found = self.resolve(FileId::NONE, held[0]);
                let found = found.map_or_else(Digest::default, |id| digests.identities[id.index()]);
                let name = StableHasher::new().str(held[0].as_str()).u64(u64::from(*index)).finish();
                together([digests.record_identity(*record), name, found])
            })
            .collect();
        parts.extend(self.lengths_by_use.iter().map(|(&(record, buffer), &length)| {
            let members = Digest(u128::from(buffer) << 32 | u128::from(length));
            together([digests.record_identity(record), members])
        }));
        parts.extend(
            self.graph
                .lineage()
                .map(|(base, derived)| StableHasher::new().str(base.as_str()).str(derived.as_str()).finish()),
        );
        parts.sort_unstable();
        together(parts)
    }

    /// Somebody may ask for the function's summary: by its name, or through a pointer.
    pub fn is_summary_wanted(&self, id: FuncId) -> bool {
        self.graph.has_caller[id.index()] || self.is_found_otherwise(id)
    }

    /// It may be called in ways that the call graph does not show.
    fn is_found_otherwise(&self, id: FuncId) -> bool {
        found_otherwise(self.program, &self.graph, id)
    }

    /// Gives back what only functions up to this wave asked for: all summaries of a large
    /// release take more memory than its code.
    fn forget_summaries(&mut self, wave: usize, callers: &mut [u32]) {
        for &id in self.waves[wave].iter().flatten() {
            for callee in std::mem::take(&mut self.graph.callees[id.index()]) {
                callers[callee.index()] -= 1;
                if callers[callee.index()] == 0 && !found_otherwise(self.program, &self.graph, callee) {
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
        let member = (record, index);
        self.length_fields.get(&member).or_else(|| self.lengths_by_use.get(&member)).copied()
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
            let through = place.is_behind_pointer();
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
    let results = walk(&mut shared);
    conclude(&shared, results)
}

/// As [`analyse`], with the same result, sparing what an earlier review under the same models
/// found out about functions that have not changed.
pub fn analyse_again(
    program: &Program,
    models: &Models,
    observers: &[&dyn Observer],
    _options: &AnalysisOptions,
    earlier: Earlier,
) -> (Analysis, Kept) {
    let mut shared = Shared::new(program, models, observers);
    let digests = Digests::new(program, &shared.constants);
    let functions = shared.function_digests(&digests);
    let context = shared.context(&digests);
    shared.reuse = Some(Reuse::new(program, context, functions, digests, earlier));
    let mut results = walk(&mut shared);
    let revived = |id: &FuncId| shared.reuse.as_ref().is_some_and(|reuse| reuse.is_clean(*id));
    let interpreted = results.iter().filter(|(id, _)| !revived(id)).count();
    let kept = shared.reuse.take().map(|reuse| reuse.keep(program, &mut results));
    (Analysis { interpreted, ..conclude(&shared, results) }, kept.unwrap_or_default())
}

/// Interprets all functions, those that are called before those that call them.
fn walk(shared: &mut Shared<'_>) -> Vec<(FuncId, Interpreted)> {
    let mut callers = vec![0; shared.program.functions.len()];
    for callee in shared.graph.callees.iter().flatten() {
        callers[callee.index()] += 1;
    }
    let mut results: Vec<(FuncId, Interpreted)> = Vec::with_capacity(callers.len());
    for number in 0..shared.waves.len() {
        let one = |members: &Vec<FuncId>| interpret_component(shared, members);
        results.par_extend(shared.waves[number].par_iter().flat_map_iter(one));
        if shared.reuse.as_ref().is_none_or(Reuse::is_cold) {
            shared.forget_summaries(number, &mut callers);
        }
    }
    results.sort_by_key(|r| r.0);
    results.par_iter_mut().for_each(|(id, result)| {
        result.of_text.get_or_insert_with(|| look_at(shared, *id));
    });
    results
}

fn interpret_component(shared: &Shared<'_>, members: &[FuncId]) -> Vec<(FuncId, Interpreted)> {
    let Some(reuse) = &shared.reuse else {
        return members.iter().map(|&id| (id, interpret(shared, id))).collect();
    };
    if let Some(revived) = shared.revive(reuse, members) {
        return revived;
    }
    let mut results: Vec<_> = members.iter().map(|&id| (id, interpret(shared, id))).collect();
    for (id, result) in &mut results {
        let summary = shared.summaries[id.index()].get();
        let function = shared.program.function(*id);
        result.summary = summary.map(|summary| reuse.numbering.encode(function, summary));
        if !result.failed && reuse.is_same_summary(*id, result.summary.as_ref()) {
            reuse.set_standing(*id, Standing::SameSummary);
        }
    }
    results
}

/// Puts the results together, and adds what rules say of the release as a whole.
fn conclude(shared: &Shared<'_>, results: Vec<(FuncId, Interpreted)>) -> Analysis {
    let mut analysis = Analysis { interpreted: results.len(), ..Analysis::default() };
    for (id, mut result) in results {
        analysis.issues.append(&mut result.issues);
        analysis.issues.append(&mut result.of_text.unwrap_or_default());
        if let Some(reason) = result.reason {
            analysis.unanalysed.push((id, reason));
        }
    }
    for observer in shared.observers {
        observer.program(shared.program, shared.models, &mut analysis.issues);
    }
    analysis
}

thread_local! {
    /// Arenas that this thread used for the function before.
    static SPARE: Cell<Option<[Arena; 2]>> = const { Cell::new(None) };
}

fn found_otherwise(program: &Program, graph: &CallGraph, id: FuncId) -> bool {
    let name = program.function(id).name;
    graph.address_taken.contains(&name) || name.as_str().contains("::")
}

/// Interprets a function and leaves its summary behind.
fn interpret(shared: &Shared<'_>, id: FuncId) -> Interpreted {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let [own, to] = SPARE.take().unwrap_or_default();
        let mut interp = Interp::new(shared, id, own);
        interp.run();
        let (outcome, mut spare) = interp.finish_function(to);
        spare.iter_mut().for_each(Arena::reset);
        SPARE.set(Some(spare));
        outcome
    }));
    match outcome {
        Ok(Outcome { summary, issues, complete, asked }) => {
            if let Some(summary) = summary {
                let _ = shared.summaries[id.index()].set(Arc::new(summary));
            }
            let reason = (!complete).then(|| "the step budget ran out".to_owned());
            Interpreted { issues, reason, asked, ..Interpreted::default() }
        }
        Err(_) => {
            let reason = Some("the analysis failed here".to_owned());
            Interpreted { reason, failed: true, ..Interpreted::default() }
        }
    }
}

/// What rules say of the function's text and graph.
fn look_at(shared: &Shared<'_>, id: FuncId) -> Vec<Issue> {
    let function = shared.program.function(id);
    let cx = Context {
        program: shared.program,
        models: shared.models,
        func: id,
        function,
        span: function.span,
        in_macro: Symbol::EMPTY,
    };
    let mut issues = Vec::new();
    for observer in shared.observers {
        observer.function(&cx, &mut issues);
    }
    issues
}
