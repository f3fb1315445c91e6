//! Assertions on what a call gave back.

use banbury_base::{FileId, Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{BinOp, BlockId, Operand, Terminator};
use rustc_hash::FxHashSet;

use crate::habits::{Habits, end_of};
use crate::names::words;
use crate::outcomes::{Origin, is_allocator, is_creator, is_handler};
use crate::shape::{CallSite, Point, Shape};

use super::RULE;

/// Words of the name of a function that looks something up.
const FINDS: &[&str] =
    &["find", "lookup", "search", "get", "by", "locate", "match", "first", "next", "last", "retrieve"];

/// A condition whose failure stops the process.
struct Assertion<'a> {
    condition: &'a Operand,
    at: Point,
    /// What the condition must be, where it stands for itself.
    wanted: Option<bool>,
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

/// An assertion on an outcome.
pub(crate) struct Found {
    about: About,
    pub callee: Symbol,
    span: Span,
    function: Symbol,
    in_macro: Symbol,
}

pub(crate) fn program(habits: &Habits<'_>, out: &mut Vec<Issue>) {
    let known: FxHashSet<(u32, u32)> =
        out.iter().filter(|i| i.rule == RULE.id).map(|i| (i.span.file.0, i.span.line)).collect();
    for (index, fact) in habits.facts.iter().enumerate() {
        let judge = Judge { habits, file: habits.program.functions[index].file };
        for found in &fact.assertions {
            if !known.contains(&(found.span.file.0, found.span.line)) {
                out.extend(judge.issue(found));
            }
        }
    }
}

struct Judge<'a> {
    habits: &'a Habits<'a>,
    file: FileId,
}

impl Judge<'_> {
    fn issue(&self, found: &Found) -> Option<Issue> {
        let callee = found.callee;
        let (feature, message) = match found.about {
            About::Pointer => {
                let feature = self.pointer_feature(callee)?;
                (feature, format!("an assertion stops the process if '{callee}' gives nothing"))
            }
            About::Status => {
                let feature = self.status_feature(callee)?;
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
        let habit = self.habits.callee(callee);
        if !callee.is_empty() && habit.tested > 0 {
            features.push(("assert.handled", habit.share_tested()));
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
    fn pointer_feature(&self, callee: Symbol) -> Option<&'static str> {
        if let Some(model) = self.habits.models.get(callee) {
            let empty = model.effects.iter().any(|e| matches!(e, Effect::MayReturnNull | Effect::MayBeNull(_)));
            return empty.then_some("assert.missing");
        }
        if is_allocator(callee) {
            return None;
        }
        if let Some(id) = self.habits.program.resolve(self.file, callee) {
            if !self.habits.may_be_null(id, 4) {
                return None;
            }
        }
        let finds = words(callee.as_str()).iter().any(|w| FINDS.contains(&w.as_str()));
        Some(match (finds, is_creator(callee)) {
            (true, _) => "assert.missing",
            (_, true) => "assert.created",
            _ => "assert.result",
        })
    }

    /// What a failure of the call says; `None` for a library that fails for want of resources.
    fn status_feature(&self, callee: Symbol) -> Option<&'static str> {
        if let Some(model) = self.habits.models.get(callee) {
            return model.has_tag("decoder").then_some("assert.decoded");
        }
        self.habits.program.resolve(self.file, callee)?;
        let decodes = words(callee.as_str()).iter().any(|w| {
            matches!(w.as_str(), "parse" | "decode" | "dec" | "interpret" | "unpack" | "extract" | "deserialize")
        });
        Some(if decodes { "assert.decoded" } else { "assert.status" })
    }
}

/// The assertions of a function that speak of an outcome.
pub(crate) fn found(shape: &Shape<'_>, failing: &[bool]) -> Vec<Found> {
    let mut out = Vec::new();
    for assertion in assertions(shape, failing) {
        if let Some((about, callee)) = about(shape, &assertion) {
            let Assertion { span, in_macro, .. } = assertion;
            out.push(Found { about, callee, span, function: shape.function.name, in_macro });
        }
    }
    out
}

/// Every condition that must hold for the process to go on.
fn assertions<'a>(shape: &Shape<'a>, failing: &[bool]) -> Vec<Assertion<'a>> {
    let mut out = Vec::new();
    for call in &shape.calls {
        let Some((argument, truth)) = asserted(shape, call) else { continue };
        for (condition, at) in shape.conditions_of(argument, call.at) {
            let wanted = std::ptr::eq(condition, argument).then_some(truth);
            out.push(Assertion { condition, at, wanted, span: call.span, in_macro: call.in_macro });
        }
    }
    for (index, block) in shape.function.blocks.iter().enumerate() {
        let Terminator::Branch { cond, then, other } = &block.term else { continue };
        let (bad, truth) = match (failing[then.index()], failing[other.index()]) {
            (true, false) => (*then, false),
            (false, true) => (*other, true),
            _ => continue,
        };
        let (span, in_macro) = stop_in(shape, bad, failing).unwrap_or((block.term_span, block.term_macro));
        for (condition, at) in shape.conditions_of(cond, end_of(shape, BlockId(index as u32))) {
            let wanted = std::ptr::eq(condition, cond).then_some(truth);
            out.push(Assertion { condition, at, wanted, span, in_macro });
        }
    }
    out
}

/// The argument of an asserting call, and what it must be. An unknown function with `assert` in
/// its name is taken for a macro whose definition is not here.
fn asserted<'a>(shape: &Shape<'a>, call: &CallSite<'a>) -> Option<(&'a Operand, bool)> {
    let (index, truth) = match shape.model(call.callee) {
        Some(model) => model.effects.iter().find_map(|e| match e {
            Effect::Assert(i) => Some((usize::from(*i), true)),
            Effect::AssertNot(i) => Some((usize::from(*i), false)),
            _ => None,
        })?,
        None if shape.program.by_name.contains_key(&call.callee) => return None,
        None => {
            let named = words(call.callee.as_str()).iter().any(|w| w == "assert");
            named.then_some((0, true))?
        }
    };
    Some((call.args.get(index)?, truth))
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
    // Null is what is wanted: nothing was to be found.
    let null_wanted = assertion.wanted.is_some_and(|truth| (condition.op == BinOp::Eq) == truth);
    if pointer && condition.right.is_none() && null_wanted {
        return None;
    }
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

