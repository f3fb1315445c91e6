//! Who owns memory: what is released twice or used after its release, what an exit forgets to
//! release though others do not, and pointers that are left behind. Works on the graph of each
//! function and on what the release shows of its own allocators and destructors, so that it does
//! not depend on whether the interpreter gets through a large function.

mod borrowed;
mod dangling;
mod facts;
mod leaks;
mod siblings;
mod touch;
mod uses;
pub(crate) mod walk;

use banbury_base::{PathStep, Span, StepKind};
use banbury_dataflow::models::Models;
use banbury_dataflow::observe::Issue;
use banbury_ir::{FuncId, Program};
use rayon::prelude::*;

use crate::shape::Shape;
use facts::{Facts, Release};

/// All of it, for the whole release.
pub(crate) fn program(program: &Program, models: &Models, out: &mut Vec<Issue>) {
    let facts = Facts::new(program, models);
    let found: Vec<Vec<Issue>> = facts
        .relevant
        .par_iter()
        .map(|&id| {
            let shape = Shape::of(program, models, id);
            let mut issues = Vec::new();
            let releases = facts.releases_in(&shape);
            if !shape.function.gaps.is_empty() {
                return issues;
            }
            uses::after_release(&shape, &facts, &releases, &mut issues);
            uses::of_moved(&shape, &facts, &releases, &mut issues);
            dangling::fields(&shape, &facts, &releases, &mut issues);
            leaks::on_exits(&shape, &facts, &releases, &mut issues);
            siblings::forgotten(&shape, &facts, &releases, &mut issues);
            issues
        })
        .collect();
    out.extend(found.into_iter().flatten());
    let kept: Vec<Vec<Issue>> = (0..program.functions.len() as u32)
        .into_par_iter()
        .map(FuncId)
        .filter(|id| borrowed::kept(program, models, &facts, program.function(*id)))
        .map(|id| {
            let mut issues = Vec::new();
            borrowed::text(&Shape::of(program, models, id), &facts, &mut issues);
            issues
        })
        .collect();
    out.extend(kept.into_iter().flatten());
}

fn step(shape: &Shape<'_>, span: Span, message: &str) -> PathStep {
    PathStep { kind: StepKind::Source, span, function: shape.function.name, message: message.into() }
}

fn span_of(shape: &Shape<'_>, release: &Release) -> Span {
    shape.instr(release.at).map_or(Span::NONE, |i| i.span)
}
