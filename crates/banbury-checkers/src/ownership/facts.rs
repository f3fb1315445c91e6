//! What the functions of a release do with memory they are given: which release it, which only
//! look at it, which make it. Read off how the release uses them where no model says it.

use std::cell::RefCell;

use banbury_base::{FileId, Symbol};
use banbury_dataflow::models::{Effect, Models, Slot};
use banbury_ir::{
    Base, BlockId, Callee, FuncId, Function, Instr, Op, Operand, Place, Program, Proj, RecordId, Rvalue,
    Terminator,
};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use super::touch::Touch;
use super::walk::{Flow, Key, Step};
use crate::names::words;
use crate::shape::{Point, Shape, Source};

/// A call that releases one of its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Releases {
    pub arg: usize,
    /// On every path of the callee.
    pub always: bool,
    /// Known by nothing but the name of a function that is not here: it may release only what the
    /// object holds.
    pub guessed: bool,
}

/// A release of what a place points to.
#[derive(Clone, Debug)]
pub(crate) struct Release {
    pub at: Point,
    pub slot: Place,
    pub always: bool,
    /// As in [`Releases`].
    pub guessed: bool,
}

#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct FieldUse {
    /// Functions that release what the field points to.
    pub functions: u32,
    /// Of these, such that set the field afterwards.
    pub cleared: u32,
}

#[derive(Default)]
pub(crate) struct Facts {
    releasers: Vec<Option<Releases>>,
    fresh: Vec<bool>,
    /// (callee, argument): what is passed is released by the caller afterwards, on every path.
    borrows: FxHashSet<(Symbol, usize)>,
    /// (callee, out argument): how often the caller releases the result afterwards.
    makers: FxHashMap<(Symbol, Option<usize>), u32>,
    fields: FxHashMap<(RecordId, u32), FieldUse>,
    /// Members on the way to something that is released for good, and to new memory.
    released: FxHashSet<(RecordId, u32)>,
    filled: FxHashSet<(RecordId, u32)>,
    /// Functions with a release in them.
    pub relevant: Vec<FuncId>,
}

impl Facts {
    pub(crate) fn new(program: &Program, models: &Models) -> Facts {
        let count = program.functions.len();
        let mut facts = Facts { releasers: vec![None; count], fresh: vec![false; count], ..Facts::default() };
        facts.find_releasers(program, models);
        facts.find_fresh(program, models);
        facts.relevant = (0..count as u32)
            .into_par_iter()
            .map(FuncId)
            .filter(|&id| facts.may_release(program, models, id))
            .collect();
        let seen: Vec<Seen> =
            facts.relevant.par_iter().map(|&id| facts.seen_in(&Shape::of(program, models, id))).collect();
        for one in seen {
            facts.borrows.extend(one.borrows);
            for maker in one.makers {
                *facts.makers.entry(maker).or_default() += 1;
            }
            facts.released.extend(one.released);
            for (field, cleared) in one.fields {
                let entry = facts.fields.entry(field).or_default();
                entry.functions += 1;
                entry.cleared += u32::from(cleared);
            }
        }
        let filled: Vec<Vec<(RecordId, u32)>> =
            program.functions.par_iter().map(|f| facts.filled_in(program, models, f)).collect();
        facts.filled = filled.into_iter().flatten().collect();
        facts
    }

    /// Whether some function puts new memory behind the member, and none releases it for good.
    pub(crate) fn is_forgotten(&self, record: RecordId, index: u32) -> bool {
        self.filled.contains(&(record, index)) && !self.released.contains(&(record, index))
    }

    /// Whether some function releases the member, or something in it, for good.
    pub(crate) fn is_released(&self, field: (RecordId, u32)) -> bool {
        self.released.contains(&field)
    }

    /// Members that the function sets to new memory.
    fn filled_in(&self, program: &Program, models: &Models, function: &Function) -> Vec<(RecordId, u32)> {
        let mut out = Vec::new();
        let mut made: FxHashSet<u32> = FxHashSet::default();
        for instr in function.blocks.iter().flat_map(|b| &b.instrs) {
            let dst = match &instr.op {
                Op::Call { dst: Some(dst), callee: Callee::Direct(name), .. } => {
                    if !self.makes(program, models, function.file, *name) {
                        continue;
                    }
                    dst
                }
                Op::Assign {
                    dst,
                    src: Rvalue::Use(Operand::Copy(from)) | Rvalue::Cast(_, Operand::Copy(from)),
                } => {
                    if !from.as_local().is_some_and(|id| made.contains(&id.0)) {
                        continue;
                    }
                    dst
                }
                _ => continue,
            };
            match dst.as_local() {
                Some(id) => {
                    made.insert(id.0);
                }
                None => out.extend(fields_of(dst)),
            }
        }
        out
    }

    fn makes(&self, program: &Program, models: &Models, from: FileId, callee: Symbol) -> bool {
        if let Some(model) = models.get(callee) {
            return model.effects.iter().any(|e| matches!(e, Effect::Allocate { slot: Slot::Return, .. }));
        }
        match program.resolve(from, callee) {
            Some(id) => self.fresh[id.index()],
            None => sounds_making(callee),
        }
    }

    pub(crate) fn borrowed(&self, callee: Symbol, arg: usize) -> bool {
        self.borrows.contains(&(callee, arg))
    }

    pub(crate) fn made(&self, callee: Symbol, arg: Option<usize>) -> u32 {
        self.makers.get(&(callee, arg)).copied().unwrap_or(0)
    }

    pub(crate) fn field(&self, slot: &Place) -> FieldUse {
        last_field(slot).and_then(|f| self.fields.get(&f)).copied().unwrap_or_default()
    }

    /// Whether the function returns memory that nobody else knows.
    pub(crate) fn is_fresh(&self, shape: &Shape<'_>, callee: Symbol) -> bool {
        if let Some(id) = shape.program.resolve(shape.function.file, callee) {
            if shape.model(callee).is_none() {
                return self.fresh[id.index()];
            }
        }
        match shape.model(callee) {
            Some(model) => model.effects.iter().any(
                |e| matches!(e, Effect::Allocate { slot: Slot::Return, family, .. } if *family != "stack" && *family != "talloc"),
            ),
            None => sounds_making(callee),
        }
    }

    /// The argument that a call releases.
    pub(crate) fn releases(&self, shape: &Shape<'_>, callee: &Callee, args: &[Operand]) -> Option<Releases> {
        match callee {
            Callee::Direct(name) => {
                let named = || by_name(shape, *name, args);
                self.named(shape.program, shape.models, shape.function.file, *name, named)
            }
            Callee::Indirect(Operand::Copy(place)) => {
                let Some(Proj::Field(field)) = place.proj.iter().rev().find(|p| matches!(p, Proj::Field(_)))
                else {
                    return None;
                };
                // `r->class->free(r)` ends what the object holds; its memory is the caller's.
                let own = args.first().and_then(|arg| shape.slot(arg)).is_some_and(|object| {
                    object.base == place.base && place.proj[..].starts_with(&object.proj)
                });
                if own {
                    return None;
                }
                matches!(field.name.as_str(), "free" | "dealloc" | "free_fn" | "mem_free")
                    .then_some(Releases { arg: 0, always: true, guessed: false })
            }
            _ => None,
        }
    }

    fn named(
        &self,
        program: &Program,
        models: &Models,
        from: FileId,
        name: Symbol,
        by_name: impl FnOnce() -> Option<Releases>,
    ) -> Option<Releases> {
        if let Some(model) = models.get(name) {
            return model.effects.iter().find_map(|e| match e {
                Effect::Release { arg, .. } => Some(Releases {
                    arg: usize::from(*arg),
                    always: !model.has_tag("realloc"),
                    guessed: false,
                }),
                _ => None,
            });
        }
        match program.resolve(from, name) {
            Some(id) => self.releasers[id.index()],
            None => by_name(),
        }
    }

    /// Functions that release a parameter, from those that call the library to their callers.
    fn find_releasers(&mut self, program: &Program, models: &Models) {
        let handed: Vec<Vec<Handed>> = program.functions.par_iter().map(handed_on).collect();
        let mut open: Vec<FuncId> = (0..program.functions.len() as u32)
            .map(FuncId)
            .filter(|id| !handed[id.index()].is_empty())
            .collect();
        for _ in 0..4 {
            let found: Vec<(FuncId, Releases)> = open
                .par_iter()
                .filter_map(|&id| {
                    let function = program.function(id);
                    let (param, guessed) = handed[id.index()].iter().find_map(|h| {
                        let by_name = || {
                            let guess = Releases { arg: h.arg, always: true, guessed: true };
                            ends_in_free(h.callee).then_some(guess)
                        };
                        self.named(program, models, function.file, h.callee, by_name)
                            .filter(|r| r.arg == h.arg)
                            .map(|r| (h.param, r.guessed))
                    })?;
                    let shape = Shape::of(program, models, id);
                    let always = self.always_releases(&shape, param);
                    Some((id, Releases { arg: param, always, guessed }))
                })
                .collect();
            if found.is_empty() {
                return;
            }
            for &(id, releases) in &found {
                self.releasers[id.index()] = Some(releases);
            }
            open.retain(|id| self.releasers[id.index()].is_none());
        }
    }

    fn always_releases(&self, shape: &Shape<'_>, param: usize) -> bool {
        let slot = Place::local(banbury_ir::LocalId(param as u32));
        let releases = self.releases_in(shape);
        let (mut kept, mut gone) = (false, false);
        let known = vec![(Key::Truth(slot.clone()), true)];
        shape.walk(Point { block: BlockId(0), instr: 0 }, known, &mut |step| match step {
            Step::Instr(at, instr) => {
                if releases.iter().any(|r| r.at == at && r.slot == slot && r.always) {
                    gone = true;
                    return Flow::Stop;
                }
                let lost = shape.touches(instr, &slot).iter().any(|t| matches!(t, Touch::Overwritten { .. }));
                kept |= lost;
                if lost { Flow::Stop } else { Flow::Go }
            }
            Step::Return(..) => {
                kept = true;
                Flow::Stop
            }
            Step::Test(..) => Flow::Go,
        });
        gone && !kept
    }

    fn find_fresh(&mut self, program: &Program, models: &Models) {
        let mut open: Vec<FuncId> = (0..program.functions.len() as u32)
            .map(FuncId)
            .filter(|id| program.types.is_pointer(program.function(*id).ret))
            .collect();
        for _ in 0..3 {
            let found: Vec<FuncId> = open
                .par_iter()
                .copied()
                .filter(|&id| {
                    calls_maker(program.function(id), |name| {
                        models.get(name).is_some_and(|m| {
                            m.effects.iter().any(|e| matches!(e, Effect::Allocate { slot: Slot::Return, .. }))
                        }) || program
                            .resolve(program.function(id).file, name)
                            .map_or_else(|| sounds_making(name), |callee| self.fresh[callee.index()])
                    }) && self.returns_fresh(&Shape::of(program, models, id))
                })
                .collect();
            if found.is_empty() {
                return;
            }
            for &id in &found {
                self.fresh[id.index()] = true;
            }
            open.retain(|id| !self.fresh[id.index()]);
        }
    }

    /// Every value that is returned is null or was made here and kept nowhere else.
    fn returns_fresh(&self, shape: &Shape<'_>) -> bool {
        let mut made = false;
        let mut slots: Vec<&Place> = Vec::new();
        for block in &shape.function.blocks {
            let Terminator::Return(Some(value)) = &block.term else { continue };
            match shape.source(value) {
                Source::Const(_) => {}
                Source::Call(call) if self.is_fresh(shape, call.callee) => made = true,
                Source::Place(place) if place.as_local().is_some_and(|l| l.0 >= shape.function.params) => {
                    slots.push(place);
                }
                _ => return false,
            }
        }
        slots.dedup();
        for slot in slots {
            for (at, instr) in shape.instrs() {
                for touch in shape.touches(instr, slot) {
                    let fine = match touch {
                        Touch::Overwritten { null } => {
                            let call = self.maker_at(shape, at, instr);
                            made |= call.is_some();
                            null || call.is_some()
                        }
                        Touch::Passed(_) | Touch::PassedInside(_) => match &instr.op {
                            Op::Call { callee: Callee::Direct(name), .. } => {
                                shape.model(*name).is_some() || prints(*name)
                            }
                            _ => false,
                        },
                        Touch::Read | Touch::Gone => true,
                        _ => false,
                    };
                    if !fine {
                        return false;
                    }
                }
            }
        }
        made
    }

    /// The call of a maker whose result the instruction assigns.
    fn maker_at(&self, shape: &Shape<'_>, at: Point, instr: &Instr) -> Option<Symbol> {
        let callee = result_of(shape, at, instr)?;
        self.is_fresh(shape, callee).then_some(callee)
    }

    fn may_release(&self, program: &Program, models: &Models, id: FuncId) -> bool {
        let function = program.function(id);
        function.blocks.iter().flat_map(|b| &b.instrs).any(|i| match &i.op {
            Op::Call { callee: Callee::Direct(name), .. } => {
                let by_name =
                    || ends_in_free(*name).then_some(Releases { arg: 0, always: false, guessed: true });
                sounds_releasing(*name)
                    || self.named(program, models, function.file, *name, by_name).is_some()
            }
            Op::Call { callee: Callee::Indirect(Operand::Copy(place)), .. } => {
                matches!(place.proj.last(), Some(Proj::Field(f)) if f.name == "free" || f.name == "dealloc")
            }
            Op::Assign { dst, .. } => is_free_list(dst),
            _ => false,
        })
    }

    /// Every release of the function, in block order.
    pub(crate) fn releases_in<'a>(&self, shape: &Shape<'a>) -> Vec<Release> {
        let mut out = Vec::new();
        for (at, instr) in shape.instrs() {
            match &instr.op {
                Op::Call { callee, args, .. } => {
                    let Some(releases) = self.releases(shape, callee, args) else { continue };
                    let Some(slot) = args.get(releases.arg).and_then(|a| shape.slot(a)) else { continue };
                    let Releases { always, guessed, .. } = releases;
                    out.push(Release { at, slot: slot.clone(), always, guessed });
                }
                Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } if is_free_list(dst) => {
                    if let Some(slot) = shape.slot(value) {
                        out.push(Release { at, slot: slot.clone(), always: true, guessed: false });
                    }
                }
                _ => {}
            }
        }
        out
    }

    fn seen_in(&self, shape: &Shape<'_>) -> Seen {
        let mut seen = Seen::default();
        let releases = self.releases_in(shape);
        let mut slots: Vec<&Place> = Vec::new();
        let mut known: FxHashSet<&Place> = FxHashSet::default();
        slots.extend(releases.iter().map(|r| &r.slot).filter(|slot| known.insert(*slot)));
        for (_, instr) in shape.instrs() {
            let Op::Call { callee, args, .. } = &instr.op else { continue };
            let ends = matches!(callee, Callee::Direct(name) if sounds_releasing(*name));
            if ends || self.releases(shape, callee, args).is_some() {
                for place in args.iter().filter_map(|a| shape.address(a).or_else(|| shape.slot(a))) {
                    if !refilled(shape, place) {
                        seen.released.extend(fields_of(place));
                    }
                }
            }
        }
        for slot in slots {
            if let Some(field) = last_field(slot) {
                let cleared = releases.iter().filter(|r| r.slot == *slot).any(|r| sets_after(shape, r));
                seen.fields.push((field, cleared));
            }
            if !is_own(shape, slot) {
                continue;
            }
            let lead = Lead::new(shape, slot, &releases);
            for (at, instr) in shape.instrs().filter(|(_, i)| involves(i, slot)) {
                let Op::Call { callee: Callee::Direct(name), .. } = &instr.op else {
                    if let Some(callee) = result_of(shape, at, instr).filter(|_| lead.some(shape, at)) {
                        if assigns(instr, slot) {
                            seen.makers.push((callee, None));
                        }
                    }
                    continue;
                };
                let touches = shape.touches(instr, slot);
                if touches.is_empty() || releases.iter().any(|r| r.at == at) {
                    continue;
                }
                for touch in touches {
                    match touch {
                        Touch::Passed(i) | Touch::PassedInside(i) if lead.every(shape, at) => {
                            seen.borrows.push((*name, i));
                        }
                        Touch::Address(i) if lead.some(shape, at) => {
                            if slot.proj.is_empty() {
                                seen.makers.push((*name, Some(i)));
                            } else {
                                seen.borrows.push((*name, i));
                            }
                        }
                        Touch::Overwritten { .. } if lead.some(shape, at) => {
                            seen.makers.push((*name, None));
                        }
                        _ => {}
                    }
                }
            }
        }
        seen
    }
}

#[derive(Default)]
struct Seen {
    borrows: Vec<(Symbol, usize)>,
    makers: Vec<(Symbol, Option<usize>)>,
    fields: Vec<((RecordId, u32), bool)>,
    released: Vec<(RecordId, u32)>,
}

/// The function sets the place, or something in it, to something else than null.
fn refilled(shape: &Shape<'_>, place: &Place) -> bool {
    shape.instrs().any(|(_, instr)| match &instr.op {
        Op::Assign { dst, src } => {
            let null = matches!(src, Rvalue::Use(Operand::Const(_)) | Rvalue::Cast(_, Operand::Const(_)));
            !null && dst.base == place.base && dst.proj.starts_with(&place.proj)
        }
        Op::Call { dst: Some(dst), .. } => dst.base == place.base && dst.proj.starts_with(&place.proj),
        _ => false,
    })
}

fn fields_of(place: &Place) -> impl Iterator<Item = (RecordId, u32)> + '_ {
    place.proj.iter().filter_map(|p| match p {
        Proj::Field(field) => Some((field.record?, field.index)),
        _ => None,
    })
}

/// A quick look: only what passes it can touch the place. Arguments may be temporaries that hold
/// anything.
fn involves(instr: &Instr, slot: &Place) -> bool {
    match &instr.op {
        Op::Call { .. } | Op::Opaque => true,
        Op::Assign { dst, .. } | Op::Zero(dst) => dst.base == slot.base,
        Op::Declare(_) | Op::Dead(_) => false,
    }
}

/// Whether a release of a place follows, from every point.
pub(crate) struct Lead<'p> {
    slot: &'p Place,
    releases: Vec<Point>,
    /// At the start of each block: on some path, on every path that returns.
    some: Vec<bool>,
    every: Vec<bool>,
}

impl<'p> Lead<'p> {
    pub(crate) fn new(shape: &Shape<'_>, slot: &'p Place, releases: &[Release]) -> Self {
        let count = shape.function.blocks.len();
        let points: Vec<Point> = releases.iter().filter(|r| r.slot == *slot).map(|r| r.at).collect();
        if points.is_empty() {
            let never = vec![false; count];
            return Lead { slot, releases: points, some: never.clone(), every: never };
        }
        let mut lead = Lead { slot, releases: points, some: vec![false; count], every: vec![true; count] };
        // What each block settles by itself.
        let settled: Vec<Option<bool>> = (0..count)
            .map(|index| lead.settled(shape, Point { block: BlockId(index as u32), instr: 0 }))
            .collect();
        let mut changed = true;
        while changed {
            changed = false;
            for index in (0..count).rev() {
                let block = &shape.function.blocks[index];
                let some = settled[index].unwrap_or_else(|| lead.onwards(&block.term, false));
                let every = settled[index].unwrap_or_else(|| lead.onwards(&block.term, true));
                changed |= some != lead.some[index] || every != lead.every[index];
                (lead.some[index], lead.every[index]) = (some, every);
            }
        }
        lead
    }

    /// Whether a release or something else comes first in the rest of the block.
    fn settled(&self, shape: &Shape<'_>, at: Point) -> Option<bool> {
        let block = shape.block(at.block)?;
        for (instr, body) in block.instrs.iter().enumerate().skip(at.instr) {
            if self.releases.contains(&Point { block: at.block, instr }) {
                return Some(true);
            }
            if shape.replaces(body, self.slot) {
                return Some(false);
            }
        }
        None
    }

    fn onwards(&self, term: &Terminator, every: bool) -> bool {
        let next = term.successors();
        match (term, every) {
            (Terminator::Unreachable, every) => every,
            (Terminator::Return(_), _) => false,
            (_, true) => next.iter().all(|b| self.every[b.index()]),
            (_, false) => next.iter().any(|b| self.some[b.index()]),
        }
    }

    fn from(&self, shape: &Shape<'_>, at: Point, every: bool) -> bool {
        let Some(block) = shape.block(at.block) else { return false };
        self.settled(shape, at).unwrap_or_else(|| self.onwards(&block.term, every))
    }

    fn after(at: Point) -> Point {
        Point { block: at.block, instr: at.instr + 1 }
    }

    pub(crate) fn some(&self, shape: &Shape<'_>, at: Point) -> bool {
        self.from(shape, Self::after(at), false)
    }

    pub(crate) fn every(&self, shape: &Shape<'_>, at: Point) -> bool {
        self.from(shape, Self::after(at), true)
    }

    pub(crate) fn some_from(&self, block: BlockId) -> bool {
        self.some.get(block.index()).copied().unwrap_or(false)
    }

    /// On some path, whichever way a test of the result of the call at hand goes.
    pub(crate) fn either_way(&self, shape: &Shape<'_>, at: Point) -> bool {
        let Some(block) = shape.block(at.block) else { return false };
        if let Terminator::Branch { cond, then, other } = &block.term {
            let tested = shape.condition(cond).left;
            let by_place = match shape.source(tested) {
                Source::Place(place) => results(shape, at).contains(place),
                _ => false,
            };
            let by_value = matches!(shape.source(tested), Source::Call(call) if call.at == at);
            let released = self.releases.iter().any(|r| r.block == at.block && r.instr > at.instr);
            if (by_place || by_value) && !released {
                return self.some[then.index()] && self.some[other.index()];
            }
        }
        self.some(shape, at)
    }
}

/// A parameter given to a call.
struct Handed {
    callee: Symbol,
    arg: usize,
    param: usize,
}

fn handed_on(function: &Function) -> Vec<Handed> {
    let mut out = Vec::new();
    let mut casts: FxHashMap<u32, usize> = FxHashMap::default();
    for instr in function.blocks.iter().flat_map(|b| &b.instrs) {
        let param = |operand: &Operand, casts: &FxHashMap<u32, usize>| match operand {
            Operand::Copy(place) => {
                let id = place.as_local()?;
                if id.0 < function.params { Some(id.index()) } else { casts.get(&id.0).copied() }
            }
            Operand::Const(_) => None,
        };
        match &instr.op {
            Op::Assign { dst, src: Rvalue::Cast(_, from) | Rvalue::Use(from) } => {
                if let (Some(dst), Some(param)) = (dst.as_local(), param(from, &casts)) {
                    if function.locals[dst.index()].name.is_empty() {
                        casts.insert(dst.0, param);
                    }
                }
            }
            Op::Call { callee: Callee::Direct(name), args, .. } => {
                for (arg, operand) in args.iter().enumerate() {
                    if let Some(param) = param(operand, &casts) {
                        out.push(Handed { callee: *name, arg, param });
                    }
                }
            }
            _ => {}
        }
    }
    out
}

fn calls_maker(function: &Function, is: impl Fn(Symbol) -> bool) -> bool {
    function
        .blocks
        .iter()
        .flat_map(|b| &b.instrs)
        .any(|i| matches!(&i.op, Op::Call { callee: Callee::Direct(name), dst: Some(_), .. } if is(*name)))
}

/// The callee whose result the instruction assigns, directly or through a temporary.
pub(crate) fn result_of(shape: &Shape<'_>, at: Point, instr: &Instr) -> Option<Symbol> {
    match &instr.op {
        Op::Call { callee: Callee::Direct(name), dst: Some(_), .. } => Some(*name),
        Op::Assign { .. } => match shape.instr(at).map(|i| &i.op) {
            Some(Op::Assign { src: Rvalue::Use(value) | Rvalue::Cast(_, value), .. }) => {
                match shape.source(value) {
                    Source::Call(call) => Some(call.callee),
                    _ => None,
                }
            }
            _ => None,
        },
        _ => None,
    }
}

/// Variables that the result of the call is put into, in its block.
pub(crate) fn results(shape: &Shape<'_>, at: Point) -> Vec<Place> {
    let mut out = Vec::new();
    if let Some(Op::Call { dst: Some(dst), .. }) = shape.instr(at).map(|i| &i.op) {
        out.push(dst.clone());
    }
    let rest = shape.block(at.block).map_or(&[][..], |b| &b.instrs);
    for instr in rest.iter().skip(at.instr + 1) {
        if let Op::Assign { dst, src: Rvalue::Use(value) | Rvalue::Cast(_, value) } = &instr.op {
            if matches!(shape.source(value), Source::Call(call) if call.at == at) {
                out.push(dst.clone());
            }
        }
    }
    out
}

pub(crate) fn assigns(instr: &Instr, slot: &Place) -> bool {
    match &instr.op {
        Op::Assign { dst, .. } => dst == slot,
        Op::Call { dst, .. } => dst.as_ref() == Some(slot),
        _ => false,
    }
}

/// A pointer variable of the function, or a member of one of its records.
pub(crate) fn is_own(shape: &Shape<'_>, slot: &Place) -> bool {
    let Base::Local(id) = slot.base else { return false };
    id.0 >= shape.function.params
        && !shape.name_of(id).is_empty()
        && slot.proj.iter().all(|p| matches!(p, Proj::Field(_)))
}

pub(crate) fn last_field(slot: &Place) -> Option<(RecordId, u32)> {
    match slot.proj.last()? {
        Proj::Field(field) => Some((field.record?, field.index)),
        _ => None,
    }
}

/// `pool->free[n] = p`: how a pool takes an object back.
fn is_free_list(dst: &Place) -> bool {
    let [.., Proj::Field(field), Proj::At(_) | Proj::Elem(_)] = &*dst.proj else { return false };
    matches!(field.name.as_str(), "free" | "freelist" | "free_list" | "free_nodes" | "free_items")
}

fn sets_after(shape: &Shape<'_>, release: &Release) -> bool {
    let Some(block) = shape.block(release.at.block) else { return false };
    block
        .instrs
        .iter()
        .skip(release.at.instr + 1)
        .any(|i| shape.touches(i, &release.slot).iter().any(|t| matches!(t, Touch::Overwritten { .. })))
}

/// What the names of functions say, worked out once for each.
mod said {
    pub(super) const FREE: u8 = 1;
    pub(super) const RELEASING: u8 = 2;
    pub(super) const PRINTING: u8 = 4;
    pub(super) const MAKING: u8 = 8;
}

thread_local! {
    static SAID: RefCell<FxHashMap<Symbol, u8>> = RefCell::new(FxHashMap::default());
}

fn says(name: Symbol, what: u8) -> bool {
    let all = SAID.with_borrow_mut(|said| *said.entry(name).or_insert_with(|| all_said(name)));
    all & what != 0
}

fn all_said(name: Symbol) -> u8 {
    let words = words(name.as_str());
    let releasing = releasing(&words);
    let mut out = 0;
    for (what, holds) in [
        (said::FREE, words.last().is_some_and(|w| w.ends_with("free"))),
        (said::RELEASING, releasing),
        (said::PRINTING, printing(&words)),
        (said::MAKING, !releasing && making(&words)),
    ] {
        if holds {
            out |= what;
        }
    }
    out
}

pub(crate) fn ends_in_free(name: Symbol) -> bool {
    says(name, said::FREE)
}

pub(crate) fn sounds_releasing(name: Symbol) -> bool {
    says(name, said::RELEASING)
}

pub(crate) fn prints(name: Symbol) -> bool {
    says(name, said::PRINTING)
}

/// Functions that are not here and are named as those that make memory.
fn sounds_making(name: Symbol) -> bool {
    says(name, said::MAKING)
}

fn releasing(words: &[String]) -> bool {
    words.iter().any(|w| {
        w.ends_with("free")
            || matches!(
                w.as_str(),
                "destroy"
                    | "delete"
                    | "del"
                    | "release"
                    | "unref"
                    | "dispose"
                    | "cleanup"
                    | "clear"
                    | "fini"
                    | "deinit"
                    | "close"
                    | "put"
                    | "remove"
                    | "drop"
                    | "discard"
                    | "reset"
                    | "destroyed"
                    | "dtor"
                    | "unregister"
                    | "decref"
                    | "unlink"
                    | "safefree"
                    | "cancel"
                    | "purge"
                    | "flush"
                    | "detach"
            )
    })
}

fn making(words: &[String]) -> bool {
    words.iter().any(|w| {
        w.ends_with("alloc")
            || w.ends_with("strdup")
            || w.ends_with("strndup")
            || w == "memdup"
            || w == "asprintf"
    })
}

fn printing(words: &[String]) -> bool {
    words.iter().any(|w| {
        matches!(
            w.as_str(),
            "log"
                | "debug"
                | "print"
                | "printf"
                | "trace"
                | "warn"
                | "warnx"
                | "err"
                | "error"
                | "info"
                | "notice"
                | "syslog"
                | "dbg"
                | "verbose"
                | "zlog"
                | "msg"
                | "abort"
                | "assert"
        ) || w.ends_with("log") && w.len() <= 6
            || w.ends_with("printf")
    })
}

/// What a function that is not here releases, by its name.
fn by_name(shape: &Shape<'_>, name: Symbol, args: &[Operand]) -> Option<Releases> {
    let words = words(name.as_str());
    let last = words.last()?;
    let always =
        last.ends_with("free") && words.iter().all(|w| !matches!(w.as_str(), "rcu" | "unref" | "later"));
    if !always
        && !matches!(last.as_str(), "destroy" | "delete" | "release" | "unref" | "dispose" | "safefree")
    {
        return None;
    }
    let handle = |o: &Operand| match o {
        Operand::Const(_) => true,
        Operand::Copy(place) => {
            let name = shape.place_name(place);
            crate::names::words(name.as_str()).iter().any(|w| {
                matches!(w.as_str(), "pool" | "cache" | "session" | "ctx" | "mem" | "heap" | "allocator")
            }) || place.as_local().is_some_and(|id| {
                shape.only_definition(id).and_then(|at| shape.instr(at)).is_some_and(
                    |i| matches!(&i.op, Op::Assign { src: Rvalue::AddrOf(p), .. } if words_of_pool(shape, p)),
                )
            })
        }
    };
    let arg = usize::from(args.len() > 1 && args.first().is_some_and(handle));
    Some(Releases { arg, always, guessed: true })
}

fn words_of_pool(shape: &Shape<'_>, place: &Place) -> bool {
    let name = shape.place_name(place);
    words(name.as_str()).iter().any(|w| matches!(w.as_str(), "pool" | "cache" | "heap"))
}
