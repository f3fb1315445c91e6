use crate::Rule;
use banbury_base::{PathStep, StepKind};
use banbury_dataflow::models::Effect;
use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, FuncId, Op, Place, Proj};

use crate::names;
use crate::shape::{CallSite, Shape};
use crate::track::{States, Step, Tracker, UNTOUCHED, subject};

pub const RULE: Rule = Rule {
    id: "lock-misuse",
    version: 1,
    title: "Lock not released, released twice, or released unheld",
    cwe: &[667, 764, 765, 832],
    readme: include_str!("README.md"),
    default_visible: true,
    base_weight: 0.0,
};

const HELD: States = 2;
const RELEASED: States = 4;
const FRESH: States = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Acquire,
    Release,
    Create,
}

pub(crate) fn function(shape: &Shape<'_>, out: &mut Vec<Issue>) {
    if !shape.function.gaps.is_empty() {
        return;
    }
    let mut steps: Vec<(Action, Step<'_>)> = Vec::new();
    for call in &shape.calls {
        let Some((action, index)) = action(shape, call, 0) else { continue };
        let Some(place) = call.args.get(index).and_then(|a| subject(shape, a)) else { continue };
        // Locks that are only tried: whether they are held is in the result.
        let tried = shape.model(call.callee).is_some_and(|m| m.has_tag("lock.try"));
        if tried || names::mentions(call.callee.as_str(), &["try", "timed", "interruptible", "killable"]) {
            return;
        }
        let becomes = match action {
            Action::Acquire if tested(shape, call) => HELD | UNTOUCHED,
            Action::Acquire => HELD,
            Action::Release => RELEASED,
            Action::Create => FRESH,
        };
        steps.push((action, Step { call: *call, place, becomes }));
    }
    if !steps.iter().any(|(action, _)| *action != Action::Create) {
        return;
    }
    let (actions, steps): (Vec<Action>, Vec<Step<'_>>) = steps.into_iter().unzip();
    let tracker = Tracker::run(shape, &steps, false);
    for (action, step) in actions.iter().zip(&steps) {
        repeated(shape, *action, step, tracker.before(step.call.at, &step.place), out);
    }
    let acquired = |s: &&(&Action, &Step<'_>)| *s.0 == Action::Acquire;
    let pairs: Vec<(&Action, &Step<'_>)> = actions.iter().zip(&steps).collect();
    for (_, step) in pairs.iter().filter(acquired) {
        let released = pairs.iter().any(|(a, s)| **a == Action::Release && s.place == step.place);
        kept(shape, &tracker, step, released, out);
    }
}

/// The second of two operations that must not follow each other.
fn repeated(shape: &Shape<'_>, action: Action, step: &Step<'_>, before: States, out: &mut Vec<Issue>) {
    let text = shape.place_text(&step.place);
    let callee = step.call.callee;
    let shared = names::mentions(callee.as_str(), &["rdlock", "_read", "shared", "recursive", "sem_"]);
    let (cwe, message) = match (action, before) {
        (Action::Acquire, HELD) if !shared => (764, format!("'{callee}' acquires '{text}', which is held already")),
        (Action::Release, RELEASED) if !shared => {
            (765, format!("'{callee}' releases '{text}', which was released before and not acquired since"))
        }
        (Action::Release, FRESH) => (832, format!("'{callee}' releases '{text}', which was never acquired")),
        _ => return,
    };
    out.push(shape.issue(RULE.id, cwe, step.call.span, message));
}

/// A return with the lock held, where another path releases it or nobody else can.
fn kept(shape: &Shape<'_>, tracker: &Tracker<'_, '_>, step: &Step<'_>, released: bool, out: &mut Vec<Issue>) {
    let text = shape.place_text(&step.place);
    let name = shape.function.name.as_str();
    let is_lock_function = names::mentions(name, &["lock", "acquire", "enter", "begin", "suspend", "_get"]);
    if released && !is_lock_function {
        for (block, states) in tracker.at_returns(&step.place) {
            let Some(body) = shape.block(block).filter(|_| states == HELD) else { continue };
            let message = format!(
                "returns with '{text}' held: acquired by '{}' on line {}", step.call.callee, step.call.span.line
            );
            let mut issue = shape.issue(RULE.id, 667, body.term_span, message);
            issue.steps.push(PathStep {
                kind: StepKind::Source,
                span: step.call.span,
                function: shape.function.name,
                message: format!("'{}' acquires '{text}'", step.call.callee),
            });
            out.push(issue);
        }
    } else if !released && own(shape, &step.place) {
        let held = tracker.at_returns(&step.place).iter().any(|(_, states)| states & HELD != 0);
        if held {
            let message = format!("'{}' acquires '{text}', which nothing releases", step.call.callee);
            out.push(shape.issue(RULE.id, 667, step.call.span, message));
        }
    }
}

/// A variable that only this function can name.
fn own(shape: &Shape<'_>, place: &Place) -> bool {
    let function = shape.function;
    match place.base {
        Base::Local(id) => {
            id.0 >= function.params && !place.is_behind_pointer()
                && !shape.place_type(place).is_some_and(|ty| shape.is_pointer(ty))
        }
        Base::Global(id) => shape.program.globals.get(id.index()).is_some_and(|g| {
            let inside = g.span.line > function.span.line && g.span.line <= function.end_line;
            g.is_static && g.span.file == function.file && inside
        }),
    }
}

/// A branch looks at what the call returned.
fn tested(shape: &Shape<'_>, call: &CallSite<'_>) -> bool {
    call.dst.is_some_and(|dst| match dst.as_local() {
        Some(id) => shape.reads(id) > 0,
        None => true,
    })
}

/// What the call does to a lock, and the argument that names the lock. Functions of the release
/// that wrap one such call count as that call.
fn action(shape: &Shape<'_>, call: &CallSite<'_>, depth: u32) -> Option<(Action, usize)> {
    let own = shape.program.resolve(shape.function.file, call.callee);
    if let Some(id) = own {
        let name = call.callee.as_str();
        let may = names::mentions(name, &["lock", "mutex", "mtx", "acquire", "release", "enter", "leave", "sem_"]);
        return if may && depth < 2 && id != shape.func { wrapped(shape, id, depth) } else { None };
    }
    let name = call.callee.as_str();
    if matches!(name, "pthread_mutex_init" | "pthread_spin_init" | "pthread_rwlock_init" | "spin_lock_init" | "mtx_init") {
        return Some((Action::Create, 0));
    }
    shape.model(call.callee)?.effects.iter().find_map(|e| match e {
        Effect::Lock(arg) => Some((Action::Acquire, usize::from(*arg))),
        Effect::Unlock(arg) => Some((Action::Release, usize::from(*arg))),
        _ => None,
    })
}

fn wrapped(shape: &Shape<'_>, id: FuncId, depth: u32) -> Option<(Action, usize)> {
    let function = shape.program.function(id);
    if function.blocks.len() > 16 || function.params == 0 {
        return None;
    }
    let inner = Shape::of(shape.program, shape.models, id);
    let mut found: Option<(Action, usize)> = None;
    for call in &inner.calls {
        let Some((action, index)) = action(&inner, call, depth + 1) else { continue };
        let place = call.args.get(index).and_then(|a| subject(&inner, a))?;
        let argument = match place.base {
            Base::Local(local) if local.0 < function.params => local.index(),
            // A constructor puts the new lock where a parameter points.
            _ if action == Action::Create => stored(&inner)?,
            _ => return None,
        };
        match found {
            None => found = Some((action, argument)),
            Some(known) if known == (action, argument) => {}
            Some(_) => return None,
        }
    }
    found
}

/// The parameter through which the function stores a result.
fn stored(shape: &Shape<'_>) -> Option<usize> {
    shape.instrs().find_map(|(_, instr)| match &instr.op {
        Op::Assign { dst: Place { base: Base::Local(id), proj }, .. }
            if id.0 < shape.function.params && matches!(proj.first(), Some(Proj::Deref | Proj::At(_))) =>
        {
            Some(id.index())
        }
        _ => None,
    })
}
