//! Members that keep pointing to what an error path released, while others release them too.

use banbury_dataflow::observe::Issue;
use banbury_ir::{Base, BlockId, Callee, LocalId, Op, Operand, Place, Proj, Rvalue};

use super::facts::{Facts, Release, sounds_releasing};
use super::span_of;
use super::touch::Touch;
use super::walk::{Flow, Key, Step};
use crate::shape::{Point, Shape};

pub(super) fn fields(shape: &Shape<'_>, facts: &Facts, releases: &[Release], out: &mut Vec<Issue>) {
    if sounds_releasing(shape.function.name) {
        return;
    }
    for release in releases.iter().filter(|r| r.always && outlives(shape, &r.slot)) {
        let uses = facts.field(&release.slot);
        if uses.functions < 2 || kept_nowhere(shape, releases, &release.slot) {
            continue;
        }
        if !left_behind(shape, facts, releases, release) {
            continue;
        }
        let text = shape.place_text(&release.slot);
        let message =
            format!("'{text}' still points to what is released here, and is released elsewhere as well");
        let mut issue = shape.issue("double-free", 415, span_of(shape, release), message);
        issue.features.push(("freed.left-behind", 1.0));
        if uses.cleared > 0 {
            issue.features.push(("freed.cleared-elsewhere", 1.0));
        }
        // Every error path of the function that does the same has the same cause.
        let twin =
            |i: &Issue| i.rule == issue.rule && i.message == issue.message && i.function == issue.function;
        if out.iter().any(twin) {
            issue.features.push(("repeated", 1.0));
        }
        out.push(issue);
    }
}

/// A member of something that is there when the function has returned.
fn outlives(shape: &Shape<'_>, slot: &Place) -> bool {
    let through = slot.proj.iter().any(|p| matches!(p, Proj::Deref));
    let field = matches!(slot.proj.last(), Some(Proj::Field(_)));
    let own = match slot.base {
        Base::Local(id) if id.0 < shape.function.params => !through,
        Base::Local(id) => !through || !from_outside(shape, id),
        Base::Global(_) => false,
    };
    field && !own
}

/// A shorthand for something in what a parameter points to.
fn from_outside(shape: &Shape<'_>, id: LocalId) -> bool {
    let Some(Op::Assign { src, .. }) =
        shape.only_definition(id).and_then(|at| shape.instr(at)).map(|i| &i.op)
    else {
        return false;
    };
    let place = match src {
        Rvalue::AddrOf(place) | Rvalue::Use(Operand::Copy(place)) | Rvalue::Cast(_, Operand::Copy(place)) => {
            place
        }
        _ => return false,
    };
    matches!(place.base, Base::Local(param) if param.0 < shape.function.params)
}

/// Every way through the function releases the member or finds it empty: a destructor.
fn kept_nowhere(shape: &Shape<'_>, releases: &[Release], slot: &Place) -> bool {
    let mut kept = false;
    let known = vec![(Key::Truth(slot.clone()), true)];
    shape.walk(Point { block: BlockId(0), instr: 0 }, known, &mut |step| match step {
        Step::Instr(at, _) => {
            let released = releases.iter().any(|r| r.at == at && r.slot == *slot);
            if released {
                return Flow::Stop;
            }
            Flow::Go
        }
        Step::Return(..) => {
            kept = true;
            Flow::Stop
        }
        Step::Test(..) => Flow::Go,
    });
    !kept
}

fn left_behind(shape: &Shape<'_>, facts: &Facts, releases: &[Release], release: &Release) -> bool {
    let (mut left, mut settled) = (false, false);
    let mut known = shape.dominating(release.at.block);
    known.push((Key::Truth(release.slot.clone()), true));
    let from = Point { block: release.at.block, instr: release.at.instr + 1 };
    shape.walk(from, known, &mut |step| match step {
        Step::Instr(at, instr) => {
            // The object itself goes as well.
            if releases.iter().any(|r| r.at == at && contains(&r.slot, &release.slot)) {
                settled = true;
                return Flow::Stop;
            }
            if let Op::Call { callee, args, .. } = &instr.op {
                let object = facts.releases(shape, callee, args).and_then(|r| args.get(r.arg));
                let takes = object.and_then(|o| shape.slot(o)).is_some_and(|o| o.base == release.slot.base);
                let ends = matches!(callee, Callee::Direct(name) if sounds_releasing(*name))
                    && args.iter().any(|a| shape.slot(a).is_some_and(|s| s.base == release.slot.base));
                if takes || ends {
                    settled = true;
                    return Flow::Stop;
                }
            }
            let touched = shape.touches(instr, &release.slot).iter().any(|t| {
                matches!(
                    t,
                    Touch::Overwritten { .. }
                        | Touch::Gone
                        | Touch::Container(_)
                        | Touch::Address(_)
                        | Touch::Passed(_)
                )
            });
            settled |= touched;
            if touched { Flow::Stop } else { Flow::Go }
        }
        Step::Return(..) => {
            left = true;
            Flow::Stop
        }
        Step::Test(..) => Flow::Go,
    });
    left && !settled
}

fn contains(object: &Place, member: &Place) -> bool {
    object.base == member.base
        && object.proj.len() < member.proj.len()
        && member.proj.starts_with(&object.proj)
}
