//! Pointers that are used without the test that they get elsewhere.

use banbury_base::{Span, Symbol};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{
    Base, BinOp, BlockId, LocalId, Op, Operand, Place, Proj, Rvalue, Terminator,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::habits::{Facts, Habits, Member, end_of};
use crate::outcomes::{Origin, is_allocator, is_creator, is_handler};
use crate::shape::{Point, Shape, for_operands};

use super::RULE;

/// A pointer that is dereferenced without a test.
pub(crate) struct Found {
    pub member: Option<Member>,
    pub callee: Symbol,
    /// Tested later in the same function.
    later: bool,
    what: String,
    span: Span,
    function: Symbol,
    in_macro: Symbol,
}

/// Members with which a record says whether another one is there.
const PRESENCE: &[&str] = &["presence", "present", "is_present", "len", "length", "size", "flags", "type", "choice"];

/// A place that must not be null where it is used.
struct Use<'a> {
    place: &'a [Proj],
    base: Base,
    at: Point,
    span: Span,
    in_macro: Symbol,
}

pub(crate) fn note(shape: &Shape<'_>, failing: &[bool], facts: &mut Facts) {
    let uses = uses(shape);
    let tests = NullTests::new(shape, failing);
    let mut seen = FxHashSet::default();
    for &member in &tests.members {
        if seen.insert(member) {
            facts.members.push(member);
        }
    }
    unchecked_results(shape, &uses, &tests, facts);
    unchecked_members(shape, &uses, &tests, facts);
    tested_later(shape, &uses, &tests, facts);
}

/// Every place that is dereferenced or passed where null is not allowed.
fn uses<'a>(shape: &Shape<'a>) -> Vec<Use<'a>> {
    let mut out = Vec::new();
    for (at, instr) in shape.instrs() {
        let mut add = |place: &'a Place, whole: bool| {
            let last = place.proj.len();
            for (index, proj) in place.proj.iter().enumerate() {
                if matches!(proj, Proj::Deref | Proj::At(_)) {
                    let (span, in_macro) = (instr.span, instr.in_macro);
                    out.push(Use { place: &place.proj[..index], base: place.base, at, span, in_macro });
                }
            }
            if whole {
                let (span, in_macro) = (instr.span, instr.in_macro);
                out.push(Use { place: &place.proj[..last], base: place.base, at, span, in_macro });
            }
        };
        let mut operand = |o: &'a Operand, whole: bool| {
            if let Operand::Copy(place) = o {
                add(place, whole);
            }
        };
        match &instr.op {
            Op::Assign { dst, src } => {
                for_operands(src, |o| operand(o, false));
                add(dst, false);
            }
            Op::Call { dst, args, .. } => {
                let model = shape.call_at(at).and_then(|c| shape.model(c.callee));
                for (index, arg) in args.iter().enumerate() {
                    let whole = model.is_some_and(|m| {
                        m.effects.iter().any(|e| matches!(e, Effect::NonNull(i) if usize::from(*i) == index))
                    });
                    operand(arg, whole);
                }
                if let Some(dst) = dst {
                    add(dst, false);
                }
            }
            _ => {}
        }
    }
    out
}

/// Where a function compares which places with null.
struct NullTests<'a> {
    /// (base, projections, block, in a macro or an assertion)
    places: Vec<(Base, &'a [Proj], BlockId, bool)>,
    /// Calls whose result is looked at, asserted or not.
    results: FxHashSet<Point>,
    members: Vec<Member>,
}

impl<'a> NullTests<'a> {
    fn new(shape: &Shape<'a>, failing: &[bool]) -> Self {
        let mut tests = NullTests { places: Vec::new(), results: FxHashSet::default(), members: Vec::new() };
        for test in shape.tests() {
            let asserted = failing[test.then.index()] != failing[test.other.index()];
            let in_macro = shape.block(test.block).is_some_and(|b| !b.term_macro.is_empty());
            for operand in [Some(test.condition.left), test.condition.right].into_iter().flatten() {
                tests.add(shape, operand, end_of(shape, test.block), asserted || in_macro);
                let null = matches!(test.condition.op, BinOp::Eq | BinOp::Ne) && test.condition.right.is_none();
                if null && !asserted {
                    tests.add_member(shape, operand);
                }
            }
        }
        for (at, instr) in shape.instrs() {
            let Op::Call { args, .. } = &instr.op else { continue };
            let Some(call) = shape.call_at(at) else { continue };
            let asserts = match shape.model(call.callee) {
                Some(m) => m.effects.iter().any(|e| matches!(e, Effect::Assert(_) | Effect::AssertNot(_))),
                None => !shape.program.by_name.contains_key(&call.callee),
            };
            if asserts {
                args.iter().for_each(|a| tests.add(shape, a, at, true));
            }
        }
        tests
    }

    fn add(&mut self, shape: &Shape<'a>, operand: &'a Operand, at: Point, weak: bool) {
        let condition = shape.condition(operand);
        for side in [Some(condition.left), condition.right].into_iter().flatten() {
            for origin in shape.origins(side, at) {
                if let Origin::Result(call) | Origin::Stored(call) = origin {
                    self.results.insert(call.at);
                }
            }
            if let crate::shape::Source::Place(place) = shape.source(side) {
                self.places.push((place.base, &place.proj, at.block, weak));
            }
        }
    }

    fn add_member(&mut self, shape: &Shape<'a>, operand: &'a Operand) {
        if !shape.is_pointer_operand(operand) {
            return;
        }
        if let crate::shape::Source::Place(place) = shape.source(operand) {
            if let Some(Proj::Field(field)) = place.proj.last() {
                self.members.extend(field.record.map(|r| (r, field.index)));
            }
        }
    }

    /// Whether the place, or a sibling that says whether it is there, is tested before the use.
    fn guards(&self, shape: &Shape<'_>, used: &Use<'_>) -> bool {
        let (parent, _) = used.place.split_at(used.place.len().saturating_sub(1));
        self.places.iter().any(|(base, proj, block, _)| {
            if *base != used.base || !shape.dominates(*block, used.at.block) {
                return false;
            }
            let sibling = proj.len() == used.place.len()
                && proj.starts_with(parent)
                && matches!(proj.last(), Some(Proj::Field(f)) if PRESENCE.contains(&f.name.as_str()));
            *proj == used.place || sibling
        })
    }
}

/// Results of calls that are dereferenced although nothing looks at them.
fn unchecked_results(shape: &Shape<'_>, uses: &[Use<'_>], tests: &NullTests<'_>, facts: &mut Facts) {
    let mut results: FxHashMap<LocalId, bool> = FxHashMap::default();
    for call in shape.calls.iter().filter(|c| !tests.results.contains(&c.at)) {
        if let Some(id) = call.dst.and_then(Place::as_local) {
            results.insert(id, true);
        }
    }
    // The result may go through a temporary first.
    for (_, instr) in shape.instrs() {
        if let Op::Assign { dst, src: Rvalue::Use(Operand::Copy(from)) | Rvalue::Cast(_, Operand::Copy(from)) } =
            &instr.op
        {
            if let (Some(to), Some(from)) = (dst.as_local(), from.as_local()) {
                if results.contains_key(&from) {
                    results.insert(to, true);
                }
            }
        }
    }
    let mut told = FxHashSet::default();
    for used in uses.iter().filter(|u| u.place.is_empty()) {
        let Base::Local(id) = used.base else { continue };
        if !results.contains_key(&id) || !pointer_local(shape, id) {
            continue;
        }
        let operand = Operand::local(id);
        // The operand is made here: only its origins outlive it.
        for (at, callee) in results_of(shape, &operand, used.at) {
            if tests.results.contains(&at) || !told.insert(at) {
                continue;
            }
            facts.unchecked.push(Found {
                member: None,
                callee,
                later: false,
                what: shape.place_text(&Place::local(id)),
                span: used.span,
                function: shape.function.name,
                in_macro: used.in_macro,
            });
        }
    }
}

fn results_of(shape: &Shape<'_>, operand: &Operand, at: Point) -> Vec<(Point, Symbol)> {
    let Operand::Copy(place) = operand else { return Vec::new() };
    let Some(id) = place.as_local() else { return Vec::new() };
    shape
        .local_origins_at(id, at)
        .into_iter()
        .filter_map(|o| match o {
            Origin::Result(call) => Some((call.at, call.callee)),
            _ => None,
        })
        .collect()
}

fn pointer_local(shape: &Shape<'_>, id: LocalId) -> bool {
    shape.function.locals.get(id.index()).is_some_and(|l| shape.is_pointer(l.ty))
}

/// Members that are dereferenced without a test in this function.
fn unchecked_members(shape: &Shape<'_>, uses: &[Use<'_>], tests: &NullTests<'_>, facts: &mut Facts) {
    let mut told = FxHashSet::default();
    for used in uses {
        let Some(Proj::Field(field)) = used.place.last() else { continue };
        let Some(record) = field.record else { continue };
        // What a call returned has no name by which its tests could be known.
        if matches!(used.base, Base::Local(id) if shape.is_temporary(id)) {
            continue;
        }
        let member = (record, field.index);
        if told.contains(&member) || tests.guards(shape, used) || assigned(shape, used) {
            continue;
        }
        told.insert(member);
        let place = Place { base: used.base, proj: used.place.into() };
        facts.unchecked.push(Found {
            member: Some(member),
            callee: Symbol::EMPTY,
            later: false,
            what: shape.place_text(&place),
            span: used.span,
            function: shape.function.name,
            in_macro: used.in_macro,
        });
    }
}

/// The function itself sets the member.
fn assigned(shape: &Shape<'_>, used: &Use<'_>) -> bool {
    shape.instrs().any(|(_, instr)| match &instr.op {
        Op::Assign { dst, src } => {
            let stored = dst.base == used.base && *dst.proj == *used.place;
            let address = matches!(src, Rvalue::AddrOf(p) if p.base == used.base && *p.proj == *used.place);
            stored || address
        }
        Op::Call { dst: Some(dst), .. } => dst.base == used.base && *dst.proj == *used.place,
        _ => false,
    })
}

/// Pointers that are dereferenced first and tested afterwards.
fn tested_later(shape: &Shape<'_>, uses: &[Use<'_>], tests: &NullTests<'_>, facts: &mut Facts) {
    let mut told = FxHashSet::default();
    for (base, proj, block, weak) in &tests.places {
        if *weak || !is_null_test(shape, *block) {
            continue;
        }
        let used = uses.iter().find(|u| {
            u.base == *base
                && u.place == *proj
                && u.in_macro.is_empty()
                && (u.at.block == *block || shape.dominates(u.at.block, *block))
        });
        let Some(used) = used else { continue };
        let stable = match base {
            Base::Local(id) if proj.is_empty() => {
                pointer_local(shape, *id)
                    && !shape.is_addressed(*id)
                    && (shape.is_never_assigned(*id) || shape.only_definition(*id).is_some())
            }
            Base::Local(id) => {
                !shape.is_addressed(*id)
                    && (shape.is_never_assigned(*id) || shape.only_definition(*id).is_some())
                    && !assigned(shape, used)
            }
            Base::Global(_) => false,
        };
        if !stable || tests.guards(shape, used) && used.at.block != *block || !told.insert((*base, *proj)) {
            continue;
        }
        let place = Place { base: *base, proj: (*proj).into() };
        facts.unchecked.push(Found {
            member: None,
            callee: Symbol::EMPTY,
            later: true,
            what: shape.place_text(&place),
            span: used.span,
            function: shape.function.name,
            in_macro: used.in_macro,
        });
    }
}

/// The block ends in a comparison of a pointer with null.
fn is_null_test(shape: &Shape<'_>, block: BlockId) -> bool {
    let Some(Terminator::Branch { cond, .. }) = shape.block(block).map(|b| &b.term) else { return false };
    let condition = shape.condition(cond);
    matches!(condition.op, BinOp::Eq | BinOp::Ne)
        && condition.right.is_none()
        && shape.is_pointer_operand(condition.left)
}

pub(crate) fn program(habits: &Habits<'_>, out: &mut Vec<Issue>) {
    let known: FxHashSet<(u32, u32)> = out
        .iter()
        .filter(|i| i.rule == "null-dereference")
        .map(|i| (i.span.file.0, i.span.line))
        .collect();
    for (index, fact) in habits.facts.iter().enumerate() {
        let file = habits.program.functions[index].file;
        for found in &fact.unchecked {
            if known.contains(&(found.span.file.0, found.span.line)) {
                continue;
            }
            let Some((message, mut features)) = judge(habits, file, found) else { continue };
            if is_handler(found.function) {
                features.push(("null.handler", 1.0));
            }
            if !found.in_macro.is_empty() {
                features.push(("site.macro", 1.0));
            }
            let (span, function) = (found.span, found.function);
            out.push(Issue { rule: RULE.id, cwe: 476, span, function, message, steps: Vec::new(), features });
        }
    }
}

type Judged = (String, Vec<(&'static str, f32)>);

fn judge(habits: &Habits<'_>, file: banbury_base::FileId, found: &Found) -> Option<Judged> {
    let what = &found.what;
    if found.later {
        return Some((format!("'{what}' is dereferenced here and tested for null below"), vec![("null.later", 1.0)]));
    }
    if let Some(member) = found.member {
        let habit = habits.member(member);
        if habit.tested == 0 || habit.tested < habit.unchecked {
            return None;
        }
        let message = format!("'{what}' is dereferenced without the null test that {} functions make", habit.tested);
        return Some((message, vec![("null.member", 1.0), ("null.habit", habit.share_tested())]));
    }
    let habit = habits.callee(found.callee);
    let empty = match (habits.models.get(found.callee), habits.program.resolve(file, found.callee)) {
        (Some(_), _) => return None,
        (None, Some(id)) => habits.may_be_null(id, 4),
        (None, None) => habit.tested > 1,
    };
    if !empty || habit.tested == 0 || is_allocator(found.callee) {
        return None;
    }
    let message = format!(
        "'{what}' is dereferenced although '{}' may give null, which {} other functions test",
        found.callee, habit.tested
    );
    let mut features = vec![("null.result", 1.0), ("null.habit", habit.share_tested())];
    if is_creator(found.callee) {
        features.push(("null.created", 1.0));
    }
    Some((message, features))
}
