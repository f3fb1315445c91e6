//! Controls against a network, on a day and on the days to come.

use std::collections::BTreeMap;

use crate::control::{Control, Pack};
use crate::date::Date;
use crate::inventory::{Inventory, TableId};
use crate::rules::{Finding, Outcome};
use crate::verdict::{CheckResult, ControlResult, Overall, Status, SubjectKind, Unknown, Verdict};
use crate::world::World;

/// When to judge.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub as_of: Date,
    /// Look for violations to come until this day, with plans carried out; not at all when none.
    pub until: Option<Date>,
}

/// Judges a network by all controls of all packs.
pub fn check(inventory: &Inventory, packs: &[Pack], when: When) -> CheckResult {
    let mut results = Vec::new();
    for pack in packs {
        let mut worlds = Worlds { inventory, pack, as_of: when.as_of, made: BTreeMap::new() };
        for control in &pack.controls {
            results.push(judge(control, &mut worlds, when));
        }
    }
    CheckResult { as_of: when.as_of, nodes: inventory.nodes.len() as u64, results }
}

/// Worlds of the days that controls ask about, made once each.
struct Worlds<'a> {
    inventory: &'a Inventory,
    pack: &'a Pack,
    as_of: Date,
    made: BTreeMap<Date, World<'a>>,
}

impl<'a> Worlds<'a> {
    fn on(&mut self, date: Date) -> &World<'a> {
        let Worlds { inventory, pack, as_of, made } = self;
        // A handful of days at a time keeps memory flat.
        if made.len() > 3 && !made.contains_key(&date) {
            made.retain(|day, _| day == as_of);
        }
        made.entry(date).or_insert_with(|| {
            if date == *as_of {
                World::now(inventory, &pack.regime.profile, date)
            } else {
                World::projected(inventory, &pack.regime.profile, date)
            }
        })
    }
}

fn judge(control: &Control, worlds: &mut Worlds<'_>, when: When) -> ControlResult {
    let binding = control.binding_from();
    let in_force = binding <= when.as_of;
    let first = if in_force { when.as_of } else { binding };
    let mut outcome = Outcome::default();
    control.check.run(worlds.on(first), &control.scope, &mut outcome);
    let mut verdicts: Vec<Verdict> = Vec::new();
    let mut seen: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    for finding in std::mem::take(&mut outcome.findings) {
        let status = if in_force { Status::Violated } else { Status::WillBeViolated { on: binding } };
        seen.insert(finding.subject.clone());
        let status = exemption(control, worlds.inventory, &finding.subject, first).unwrap_or(status);
        verdicts.push(verdict(control, worlds.inventory, finding, status));
    }
    if let Some(until) = when.until {
        for day in days_to_come(worlds.inventory, first, until) {
            let mut later = Outcome::default();
            control.check.run(worlds.on(day), &control.scope, &mut later);
            for finding in later.findings {
                let known = verdicts.iter().position(|v| v.subject == finding.subject);
                let exempt = exemption(control, worlds.inventory, &finding.subject, day).is_some();
                // A subject exempted today is violated on the day after its exemption.
                let lapses = known.is_some_and(|i| matches!(verdicts[i].status, Status::Exempted { .. }));
                if exempt || (seen.contains(&finding.subject) && !lapses) {
                    continue;
                }
                seen.insert(finding.subject.clone());
                if let Some(i) = known {
                    verdicts.remove(i);
                }
                verdicts.push(verdict(control, worlds.inventory, finding, Status::WillBeViolated { on: day }));
            }
        }
    }
    verdicts.sort_by(|a, b| a.subject.cmp(&b.subject));
    verdicts.dedup_by(|a, b| a.subject == b.subject);
    let unknown: Vec<Unknown> = outcome.unknown.into_values().collect();
    let undecided: u64 = unknown.iter().map(|u| u.subjects).sum();
    let now = verdicts.iter().filter(|v| !matches!(v.status, Status::WillBeViolated { on } if on != first)).count() as u64;
    let has = |wanted: fn(&Status) -> bool| verdicts.iter().any(|v| wanted(&v.status));
    let overall = if has(|s| *s == Status::Violated) {
        Overall::Violated
    } else if has(|s| matches!(s, Status::WillBeViolated { .. })) {
        Overall::WillBeViolated
    } else if undecided > 0 {
        Overall::Unknown
    } else if !in_force {
        Overall::NotInForce
    } else if !verdicts.is_empty() {
        Overall::Exempted
    } else {
        Overall::Compliant
    };
    ControlResult {
        control: control.id.clone(),
        regime: worlds.pack.regime.id.clone(),
        version: control.version,
        title: control.title.clone(),
        overall,
        verified: control.source.verified,
        deadline: control.deadline.known(),
        subjects: outcome.subjects,
        compliant: outcome.subjects.saturating_sub(now + undecided),
        verdicts,
        unknown,
        shares: outcome.shares,
        remedy: control.remedy.clone(),
    }
}

fn verdict(control: &Control, inventory: &Inventory, finding: Finding, status: Status) -> Verdict {
    let Finding { subject, kind, row, mut evidence } = finding;
    if let Some(row) = row {
        let table = match kind {
            SubjectKind::Node => TableId::nodes,
            SubjectKind::Link => TableId::links,
            SubjectKind::Flow => TableId::admin_flows,
            SubjectKind::Access => TableId::remote_access,
            SubjectKind::Service => TableId::services,
            SubjectKind::Site => TableId::sites,
            SubjectKind::Region => TableId::regions,
            SubjectKind::Row => TableId::evaluations,
        };
        let place = inventory.source(table, row);
        evidence.source = format!("{}:{}", place.file, place.row);
    }
    let fingerprint = fingerprint(&control.id, &subject);
    Verdict { subject, kind, status, evidence, fingerprint }
}

/// FNV-1a of control and subject: an identity for comparing results, not a proof of anything.
fn fingerprint(control: &str, subject: &str) -> String {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in control.bytes().chain([0]).chain(subject.bytes()) {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{state:016x}")
}

fn exemption(control: &Control, inventory: &Inventory, subject: &str, day: Date) -> Option<Status> {
    let from_inventory = inventory.waivers.iter().find(|w| {
        inventory.id(w.rule.0) == control.id
            && inventory.id(w.subject.0) == subject
            && w.granted_on <= day
            && day <= w.expires_on
    });
    if let Some(waiver) = from_inventory {
        return Some(Status::Exempted {
            by: inventory.id(waiver.authority.0).to_owned(),
            waiver: inventory.id(waiver.id.0).to_owned(),
            until: waiver.expires_on,
        });
    }
    let own = control.exception.iter().find(|e| e.subject == subject && e.granted_on <= day && day <= e.expires_on)?;
    Some(Status::Exempted { by: own.approved_by.clone(), waiver: own.document.clone(), until: own.expires_on })
}

/// Days on which something planned happens. If they are very many, the quarter days instead.
fn days_to_come(inventory: &Inventory, after: Date, until: Date) -> Vec<Date> {
    let mut days = std::collections::BTreeSet::new();
    let mut add = |day: Date| {
        if day > after && day <= until {
            days.insert(day);
        }
    };
    for node in inventory.nodes.iter() {
        if let Some(day) = node.planned_removal.known() {
            add(day);
        }
        if let Some(day) = node.installed_on.known() {
            add(day);
        }
        if let Some(day) = node.support_end.known() {
            add(day.plus_days(1));
        }
    }
    inventory.software.iter().filter_map(|s| s.end_of_support.known()).for_each(|d| add(d.plus_days(1)));
    inventory.waivers.iter().filter_map(|w| w.expires_on.known()).for_each(|d| add(d.plus_days(1)));
    inventory.evaluations.iter().filter_map(|e| e.expires_on.known()).for_each(|d| add(d.plus_days(1)));
    inventory.designations.iter().for_each(|d| add(d.designated_on));
    if days.len() > 60 {
        days.clear();
        for quarter in 1..=120 {
            let day = after.quarter_start(quarter);
            if day > until {
                break;
            }
            days.insert(day);
        }
    }
    days.insert(until);
    days.retain(|&d| d > after);
    days.into_iter().collect()
}
