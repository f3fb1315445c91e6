//! What stops the process for good.

use banbury_dataflow::models::{Effect, Models};
use banbury_ir::{FuncId, Program, Terminator};
use rustc_hash::FxHashSet;

use crate::names::words;
use crate::shape::{CallSite, Shape};

/// Functions of the release that stop it.
pub(crate) struct Stops {
    functions: FxHashSet<FuncId>,
}

impl Stops {
    pub fn new(program: &Program, models: &Models) -> Stops {
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
                // Where it jumps back to a handler, a missing handler is all that stops it.
                let jumps = |c: &CallSite<'_>| shape.model(c.callee).is_some_and(|m| m.has_tag("jump.long"));
                if shape.calls.iter().any(|c| stops.is_stop(&shape, c)) && !shape.calls.iter().any(jumps) {
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
            words(call.callee.as_str())
                .iter()
                .any(|w| matches!(w.as_str(), "abort" | "panic" | "fatal" | "assert"))
        };
        shape.block(call.at.block).is_some_and(|b| matches!(b.term, Terminator::Unreachable)) && named()
    }

    /// Blocks from which control only gets to where the process stops.
    pub fn blocks(&self, shape: &Shape<'_>) -> Vec<bool> {
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
