//! Assertions on what a call gave back.

use banbury_base::{Span, Symbol};
use banbury_dataflow::models::{Effect, Models};
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, BlockId, FuncId, Operand, Program, Terminator};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::names::words;
use crate::outcomes::{Origin, is_handler};
use crate::shape::{CallSite, Point, Shape};

use super::RULE;

/// A condition whose failure stops the process.
struct Assertion<'a> {
    condition: &'a Operand,
    at: Point,
    span: Span,
    in_macro: Symbol,
}

/// What an assertion is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// A pointer that a call returned or stored.
    Pointer,
    /// Success of a call.
    Status,
    /// Something else that a call of a library stored.
    Stored,
    /// A number taken from octets or text.
    Number,
    /// The length of a buffer that was passed in.
    Length,
    /// Why a system call failed.
    Errno,
}

struct Found {
    about: About,
    callee: Symbol,
    span: Span,
    function: Symbol,
    in_macro: Symbol,
}

#[derive(Default)]
struct Facts {
    found: Vec<Found>,
    /// Callees whose result an ordinary condition looks at.
    tested: Vec<Symbol>,
    returns_null: bool,
    /// Callees whose result is returned.
    forwards: Vec<Symbol>,
}

/// How often results of a callee are tested, and asserted.
#[derive(Clone, Copy, Default)]
struct Habit {
    tested: u32,
    asserted: u32,
}

pub(crate) fn program(program: &Program, models: &Models, out: &mut Vec<Issue>) {
    let stops = Stops::new(program, models);
    let facts: Vec<Facts> = (0..program.functions.len() as u32)
        .into_par_iter()
        .map(|id| facts_of(&Shape::of(program, models, FuncId(id)), &stops))
        .collect();
    let mut habits: FxHashMap<Symbol, Habit> = FxHashMap::default();
    for fact in &facts {
        for &callee in &fact.tested {
            habits.entry(callee).or_default().tested += 1;
        }
        for found in &fact.found {
            habits.entry(found.callee).or_default().asserted += 1;
        }
    }
    let known: FxHashSet<(u32, u32)> =
        out.iter().filter(|i| i.rule == RULE.id).map(|i| (i.span.file.0, i.span.line)).collect();
    for (index, fact) in facts.iter().enumerate() {
        let file = program.functions[index].file;
        for found in &fact.found {
            if known.contains(&(found.span.file.0, found.span.line)) {
                continue;
            }
            let judge = Judge { program, models, facts: &facts, habits: &habits };
            if let Some(issue) = judge.issue(found, file) {
                out.push(issue);
            }
        }
    }
}

struct Judge<'a> {
    program: &'a Program,
    models: &'a Models,
    facts: &'a [Facts],
    habits: &'a FxHashMap<Symbol, Habit>,
}

impl Judge<'_> {
    fn issue(&self, found: &Found, file: banbury_base::FileId) -> Option<Issue> {
        let callee = found.callee;
        let (feature, message) = match found.about {
            About::Pointer => {
                let feature = self.pointer_feature(callee, file)?;
                (feature, format!("an assertion stops the process if '{callee}' gives nothing"))
            }
            About::Status => {
                let feature = self.status_feature(callee, file)?;
                (feature, format!("an assertion stops the process if '{callee}' fails"))
            }
            About::Stored => {
                ("assert.stored", format!("an assertion stops the process over what '{callee}' stored"))
            }
            About::Number => {
                ("assert.number", format!("an assertion stops the process over a number from '{callee}'"))
            }
            About::Length => {
                ("assert.length", "an assertion stops the process over the length of a buffer passed in".into())
            }
            About::Errno => ("assert.errno", "the process stops because a system call failed".into()),
        };
        let mut features = vec![(feature, 1.0)];
        if is_handler(found.function) {
            features.push(("assert.handler", 1.0));
        }
        let habit = self.habits.get(&callee).copied().unwrap_or_default();
        if !callee.is_empty() && habit.tested > 0 {
            let share = f64::from(habit.tested) / f64::from(habit.tested + habit.asserted);
            features.push(("assert.handled", share as f32));
        }
        if !found.in_macro.is_empty() {
            features.push(("site.macro", 1.0));
        }
        Some(Issue {
            rule: RULE.id,
            cwe: 617,
            span: found.span,
            function: found.function,
            message,
            steps: Vec::new(),
            features,
        })
    }

    /// What kind of call gave the pointer; `None` if it gives one always, or memory.
    fn pointer_feature(&self, callee: Symbol, file: banbury_base::FileId) -> Option<&'static str> {
        if let Some(model) = self.models.get(callee) {
            let empty = model.effects.iter().any(|e| matches!(e, Effect::MayReturnNull | Effect::MayBeNull(_)));
            return empty.then_some("assert.missing");
        }
        let names = words(callee.as_str());
        let has = |list: &[&str]| names.iter().any(|w| list.contains(&w.as_str()));
        let memory = ["strdup", "strndup", "memdup", "mstrcat", "msprintf", "alloc"];
        if has(&memory) || names.iter().any(|w| w.ends_with("alloc")) {
            return None;
        }
        if let Some(id) = self.program.resolve(file, callee) {
            if !self.may_be_null(id, 4) {
                return None;
            }
        }
        let creates = ["add", "new", "create", "build", "make", "dup", "clone", "init", "encode", "generate", "cycle"];
        let finds = ["find", "lookup", "search", "get", "by", "locate", "match", "first", "next", "last", "retrieve"];
        Some(match (has(&finds), has(&creates)) {
            (true, _) => "assert.missing",
            (_, true) => "assert.created",
            _ => "assert.result",
        })
    }

    fn may_be_null(&self, id: FuncId, depth: u32) -> bool {
        let fact = &self.facts[id.index()];
        if fact.returns_null {
            return true;
        }
        depth > 0
            && fact.forwards.iter().any(|&callee| match self.program.resolve(self.program.function(id).file, callee) {
                Some(next) => self.may_be_null(next, depth - 1),
                None => match self.models.get(callee) {
                    Some(model) => model.effects.contains(&Effect::MayReturnNull),
                    None => true,
                },
            })
    }

    /// What a failure of the call says; `None` for a library that fails for want of resources.
    fn status_feature(&self, callee: Symbol, file: banbury_base::FileId) -> Option<&'static str> {
        if let Some(model) = self.models.get(callee) {
            return model.has_tag("decoder").then_some("assert.decoded");
        }
        self.program.resolve(file, callee)?;
        let decodes = words(callee.as_str()).iter().any(|w| {
            matches!(w.as_str(), "parse" | "decode" | "dec" | "interpret" | "unpack" | "extract" | "deserialize")
        });
        Some(if decodes { "assert.decoded" } else { "assert.status" })
    }
}

fn facts_of(shape: &Shape<'_>, stops: &Stops) -> Facts {
    let mut facts = Facts::default();
    let failing = stops.blocks(shape);
    for assertion in assertions(shape, &failing) {
        if let Some((about, callee)) = about(shape, &assertion) {
            let Assertion { span, in_macro, .. } = assertion;
            facts.found.push(Found { about, callee, span, function: shape.function.name, in_macro });
        }
    }
    for test in shape.tests() {
        if failing[test.then.index()] != failing[test.other.index()] {
            continue;
        }
        let at = end_of(shape, test.block);
        for origin in shape.origins(test.condition.left, at) {
            if let Origin::Result(call) | Origin::Stored(call) = origin {
                facts.tested.push(call.callee);
            }
        }
    }
    let mut seen = FxHashSet::default();
    facts.tested.retain(|callee| seen.insert(*callee));
    if shape.is_pointer(shape.function.ret) {
        returned(shape, &mut facts);
    }
    facts
}

fn returned(shape: &Shape<'_>, facts: &mut Facts) {
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let Terminator::Return(Some(value)) = &block.term else { continue };
        for origin in shape.origins(value, end_of(shape, BlockId(index as u32))) {
            match origin {
                Origin::Null => facts.returns_null = true,
                Origin::Result(call) => facts.forwards.push(call.callee),
                _ => {}
            }
        }
    }
}

fn end_of(shape: &Shape<'_>, block: BlockId) -> Point {
    Point { block, instr: shape.block(block).map_or(0, |b| b.instrs.len()) }
}

/// Every condition that must hold for the process to go on.
fn assertions<'a>(shape: &Shape<'a>, failing: &[bool]) -> Vec<Assertion<'a>> {
    let mut out = Vec::new();
    for call in &shape.calls {
        let Some(argument) = asserted(shape, call) else { continue };
        for (condition, at) in shape.conditions_of(argument, call.at) {
            out.push(Assertion { condition, at, span: call.span, in_macro: call.in_macro });
        }
    }
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let Terminator::Branch { cond, then, other } = &block.term else { continue };
        let bad = match (failing[then.index()], failing[other.index()]) {
            (true, false) => *then,
            (false, true) => *other,
            _ => continue,
        };
        let (span, in_macro) = stop_in(shape, bad, failing).unwrap_or((block.term_span, block.term_macro));
        for (condition, at) in shape.conditions_of(cond, end_of(shape, BlockId(index as u32))) {
            out.push(Assertion { condition, at, span, in_macro });
        }
    }
    out
}

/// The argument of an asserting call. An unknown function with `assert` in its name is taken for
/// a macro whose definition is not here.
fn asserted<'a>(shape: &Shape<'a>, call: &CallSite<'a>) -> Option<&'a Operand> {
    let index = match shape.model(call.callee) {
        Some(model) => model.effects.iter().find_map(|e| match e {
            Effect::Assert(i) | Effect::AssertNot(i) => Some(usize::from(*i)),
            _ => None,
        })?,
        None if shape.program.by_name.contains_key(&call.callee) => return None,
        None => {
            let named = words(call.callee.as_str()).iter().any(|w| w == "assert");
            named.then_some(0)?
        }
    };
    call.args.get(index)
}

/// Place of the last call on the way down from a block that stops the process.
fn stop_in(shape: &Shape<'_>, from: BlockId, failing: &[bool]) -> Option<(Span, Symbol)> {
    let mut at = from;
    let mut found = None;
    for _ in 0..8 {
        let block = shape.block(at)?;
        if let Some(instr) = block.instrs.iter().rev().find(|i| matches!(i.op, banbury_ir::Op::Call { .. })) {
            found = Some((instr.span, instr.in_macro));
        }
        match block.term.successors().first() {
            Some(&next) if failing[next.index()] && next != at => at = next,
            _ => break,
        }
    }
    found
}

fn about<'a>(shape: &Shape<'a>, assertion: &Assertion<'a>) -> Option<(About, Symbol)> {
    let condition = shape.condition(assertion.condition);
    let ordered = !matches!(condition.op, BinOp::Eq | BinOp::Ne);
    let mut best: Option<(About, Symbol)> = None;
    let mut consider = |about: About, callee: Symbol| {
        if best.as_ref().is_none_or(|b| about > b.0) {
            best = Some((about, callee));
        }
    };
    let pointer = shape.is_pointer_operand(condition.left);
    let sides = [Some(condition.left), condition.right];
    for operand in sides.into_iter().flatten() {
        for origin in shape.origins(operand, assertion.at) {
            match origin {
                Origin::Errno => consider(About::Errno, Symbol::EMPTY),
                Origin::Result(call) if derives(shape, &call) => consider(About::Number, call.callee),
                Origin::Result(call) | Origin::Stored(call) if pointer => consider(About::Pointer, call.callee),
                Origin::Result(call) if !ordered => consider(About::Status, call.callee),
                Origin::Stored(call) if !shape.program.by_name.contains_key(&call.callee) => {
                    consider(About::Stored, call.callee);
                }
                Origin::Param(id) if ordered && is_buffer_length(shape, id) => {
                    consider(About::Length, Symbol::EMPTY);
                }
                _ => {}
            }
        }
    }
    best
}

/// A number made of octets or text: `ntohs`, `atoi`, `strlen`.
fn derives(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    shape.model(call.callee).is_some_and(|m| m.effects.iter().any(|e| matches!(e, Effect::Derive(..))))
}

/// An integer parameter that is named as a length and follows a pointer to octets.
fn is_buffer_length(shape: &Shape<'_>, id: banbury_ir::LocalId) -> bool {
    use banbury_ir::Type;
    let types = &shape.program.types;
    let Some(local) = shape.function.locals.get(id.index()) else { return false };
    let octets = |p: &banbury_ir::Local| match types.get(p.ty) {
        Type::Pointer(to) => matches!(types.get(*to), Type::Void | Type::Int { bits: 8, .. }),
        _ => false,
    };
    types.int_info(local.ty).is_some_and(|(bits, _)| bits >= 8)
        && words(local.name.as_str()).iter().any(|w| {
            matches!(w.as_str(), "len" | "length" | "size" | "sz" | "nbytes" | "octets" | "left" | "remaining")
        })
        && shape.function.locals.iter().take(id.index()).any(octets)
}

/// What stops the process for good.
struct Stops {
    functions: FxHashSet<FuncId>,
}

impl Stops {
    fn new(program: &Program, models: &Models) -> Stops {
        let mut stops = Stops { functions: FxHashSet::default() };
        let candidates: Vec<u32> = (0..program.functions.len() as u32)
            .filter(|&id| {
                let f = &program.functions[id as usize];
                !f.blocks.is_empty() && !f.blocks.iter().any(|b| matches!(b.term, Terminator::Return(_)))
            })
            .collect();
        for _ in 0..3 {
            let mut grown = false;
            for &id in &candidates {
                let shape = Shape::of(program, models, FuncId(id));
                if shape.calls.iter().any(|c| stops.is_stop(&shape, c)) {
                    grown |= stops.functions.insert(FuncId(id));
                }
            }
            if !grown {
                break;
            }
        }
        stops
    }

    fn is_stop(&self, shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
        if let Some(model) = shape.model(call.callee) {
            return model.effects.contains(&Effect::Abort);
        }
        if let Some(id) = shape.program.resolve(shape.function.file, call.callee) {
            return self.functions.contains(&id);
        }
        let named = || {
            words(call.callee.as_str()).iter().any(|w| matches!(w.as_str(), "abort" | "panic" | "fatal" | "assert"))
        };
        shape.block(call.at.block).is_some_and(|b| matches!(b.term, Terminator::Unreachable)) && named()
    }

    /// Blocks from which control only gets to where the process stops.
    fn blocks(&self, shape: &Shape<'_>) -> Vec<bool> {
        let mut failing = vec![false; shape.function.blocks.len()];
        for call in &shape.calls {
            if self.is_stop(shape, call) {
                failing[call.at.block.index()] = true;
            }
        }
        if !failing.contains(&true) {
            return failing;
        }
        loop {
            let mut grown = false;
            for (index, block) in shape.function.blocks.iter().enumerate() {
                let next = block.term.successors();
                if !failing[index] && !next.is_empty() && next.iter().all(|b| failing[b.index()]) {
                    failing[index] = true;
                    grown = true;
                }
            }
            if !grown {
                return failing;
            }
        }
    }
}
