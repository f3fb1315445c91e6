//! What a release as a whole does with the results of its calls and with its members: what is
//! tested nearly everywhere ought to be tested everywhere.

use banbury_base::Symbol;
use banbury_dataflow::models::{Effect, Models};
use banbury_dataflow::observe::Issue;
use banbury_ir::{BlockId, FuncId, Program, RecordId, Terminator};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::outcomes::Origin;
use crate::rules;
use crate::shape::{Point, Shape};
use crate::stops::Stops;

/// A member of a record.
pub(crate) type Member = (RecordId, u32);

/// What is noted of one function.
#[derive(Default)]
pub(crate) struct Facts {
    pub assertions: Vec<rules::reachable_assertion::Found>,
    pub unchecked: Vec<rules::missing_null_check_inconsistent::Found>,
    /// Callees whose result an ordinary condition looks at.
    pub tested: Vec<Symbol>,
    /// Members that an ordinary condition compares with null.
    pub members: Vec<Member>,
    returns_null: bool,
    /// Callees whose result is returned.
    forwards: Vec<Symbol>,
}

/// How often results of a callee are tested, asserted, and used without either; a function
/// counts once.
#[derive(Clone, Copy, Default)]
pub(crate) struct Habit {
    pub tested: u32,
    pub asserted: u32,
    pub unchecked: u32,
}

impl Habit {
    pub fn share_tested(self) -> f32 {
        let all = self.tested + self.asserted + self.unchecked;
        if all == 0 { 0.0 } else { (f64::from(self.tested) / f64::from(all)) as f32 }
    }
}

pub(crate) struct Habits<'a> {
    pub program: &'a Program,
    pub models: &'a Models,
    pub facts: Vec<Facts>,
    callees: FxHashMap<Symbol, Habit>,
    members: FxHashMap<Member, Habit>,
}

/// Notes every function, then tells what stands out.
pub(crate) fn program(program: &Program, models: &Models, out: &mut Vec<Issue>) {
    let habits = Habits::new(program, models);
    rules::reachable_assertion::program(&habits, out);
    rules::missing_null_check_inconsistent::program(&habits, out);
}

impl<'a> Habits<'a> {
    fn new(program: &'a Program, models: &'a Models) -> Self {
        let stops = Stops::new(program, models);
        let facts: Vec<Facts> = (0..program.functions.len() as u32)
            .into_par_iter()
            .map(|id| facts_of(&Shape::of(program, models, FuncId(id)), &stops))
            .collect();
        let mut callees: FxHashMap<Symbol, Habit> = FxHashMap::default();
        let mut members: FxHashMap<Member, Habit> = FxHashMap::default();
        for fact in &facts {
            fact.tested.iter().for_each(|&c| callees.entry(c).or_default().tested += 1);
            fact.members.iter().for_each(|&m| members.entry(m).or_default().tested += 1);
            fact.assertions.iter().for_each(|a| callees.entry(a.callee).or_default().asserted += 1);
            for found in &fact.unchecked {
                match found.member {
                    Some(member) => members.entry(member).or_default().unchecked += 1,
                    None => callees.entry(found.callee).or_default().unchecked += 1,
                }
            }
        }
        Habits { program, models, facts, callees, members }
    }

    pub fn callee(&self, name: Symbol) -> Habit {
        self.callees.get(&name).copied().unwrap_or_default()
    }

    pub fn member(&self, member: Member) -> Habit {
        self.members.get(&member).copied().unwrap_or_default()
    }

    /// Whether some way through the function returns null.
    pub fn may_be_null(&self, id: FuncId, depth: u32) -> bool {
        let fact = &self.facts[id.index()];
        if fact.returns_null {
            return true;
        }
        let file = self.program.function(id).file;
        depth > 0
            && fact.forwards.iter().any(|&callee| match self.program.resolve(file, callee) {
                Some(next) => self.may_be_null(next, depth - 1),
                None => match self.models.get(callee) {
                    Some(model) => model.effects.contains(&Effect::MayReturnNull),
                    None => true,
                },
            })
    }
}

fn facts_of(shape: &Shape<'_>, stops: &Stops) -> Facts {
    let mut facts = Facts::default();
    let failing = stops.blocks(shape);
    facts.assertions = rules::reachable_assertion::found(shape, &failing);
    let mut seen = FxHashSet::default();
    for test in shape.tests().filter(|t| failing[t.then.index()] == failing[t.other.index()]) {
        for origin in shape.origins(test.condition.left, end_of(shape, test.block)) {
            if let Origin::Result(call) | Origin::Stored(call) = origin {
                if seen.insert(call.callee) {
                    facts.tested.push(call.callee);
                }
            }
        }
    }
    if shape.is_pointer(shape.function.ret) {
        returned(shape, &mut facts);
    }
    rules::missing_null_check_inconsistent::note(shape, &failing, &mut facts);
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

/// Just before the terminator of the block.
pub(crate) fn end_of(shape: &Shape<'_>, block: BlockId) -> Point {
    Point { block, instr: shape.block(block).map_or(0, |b| b.instrs.len()) }
}
