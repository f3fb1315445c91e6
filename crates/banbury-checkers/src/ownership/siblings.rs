//! A destructor that releases all members of a kind but one.

use banbury_dataflow::observe::Issue;
use banbury_ir::{Proj, RecordId};

use super::facts::{Facts, Release};
use super::{span_of, step};
use crate::shape::Shape;

/// Members of one record that the function releases in the same way.
struct Group<'r> {
    record: RecordId,
    /// What leads to the record, and from its member to the pointer.
    before: &'r [Proj],
    behind: &'r [Proj],
    members: Vec<(u32, &'r Release)>,
}

pub(super) fn forgotten(shape: &Shape<'_>, facts: &Facts, releases: &[Release], out: &mut Vec<Issue>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for release in releases {
        for (at, proj) in release.slot.proj.iter().enumerate() {
            let Proj::Field(field) = proj else { continue };
            let Some(record) = field.record else { continue };
            let (before, behind) = (&release.slot.proj[..at], &release.slot.proj[at + 1..]);
            let known = groups.iter_mut().find(|g| {
                g.record == record
                    && g.before == before
                    && g.behind == behind
                    && g.members.first().is_some_and(|m| m.1.slot.base == release.slot.base)
            });
            match known {
                Some(group) => group.members.push((field.index, release)),
                None => groups.push(Group { record, before, behind, members: vec![(field.index, release)] }),
            }
        }
    }
    for group in groups {
        report(shape, facts, &group, out);
    }
}

fn report(shape: &Shape<'_>, facts: &Facts, group: &Group<'_>, out: &mut Vec<Issue>) {
    let mut numbers: Vec<u32> = group.members.iter().map(|m| m.0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let Some(record) = shape.program.types.record(group.record) else { return };
    if numbers.len() < 3 {
        return;
    }
    let kind = |index: u32| record.fields.get(index as usize).map(|f| f.ty);
    for index in 0..record.fields.len() as u32 {
        let alike = numbers.iter().filter(|&&n| kind(n) == kind(index)).count();
        if numbers.contains(&index) || alike < 3 || alike * 2 < numbers.len() {
            continue;
        }
        if !facts.is_forgotten(group.record, index) {
            continue;
        }
        let nearest =
            group.members.iter().filter(|m| m.0 < index).max_by_key(|m| m.0).or(group.members.first());
        let Some((_, release)) = nearest else { continue };
        let field = record.fields[index as usize].name;
        let message =
            format!("'{field}' is filled as its neighbours are, but never released as they are here");
        let mut issue = shape.issue("memory-leak", 401, span_of(shape, release), message);
        issue.steps.push(step(shape, span_of(shape, group.members[0].1), "members are released from here"));
        issue.features.push(("leak.sibling", 1.0));
        out.push(issue);
    }
}
