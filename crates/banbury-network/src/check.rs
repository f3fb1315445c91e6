//! Controls against a network, on a day and on the days to come.

use std::collections::BTreeMap;

use crate::control::{Control, Pack};
use crate::date::Date;
use crate::inventory::{Inventory, TableId};
use crate::rules::{Check, Finding, Outcome};
use crate::verdict::{
    CheckResult, ControlResult, Evidence, Figure, Overall, Status, SubjectKind, Unknown, Verdict,
};
use crate::world::World;

/// When to judge.
#[derive(Clone, Copy, Debug)]
pub struct When {
    pub as_of: Date,
    /// Look for violations to come until this day, with plans carried out; not at all when none.
    pub until: Option<Date>,
}

/// Runs checks that are written in SQL. This crate has none: a caller that has one hands it in.
pub trait SqlEngine {
    /// The rows of the answer: names and values of the columns. One column is called `subject`.
    fn select(&self, world: &World<'_>, query: &str) -> Result<Vec<SqlRow>, String>;
}

/// A row of an answer: column and value.
pub type SqlRow = Vec<(String, Figure)>;

/// Judges a network by all controls of all packs.
pub fn check(inventory: &Inventory, packs: &[Pack], when: When, sql: Option<&dyn SqlEngine>) -> CheckResult {
    let mut results = Vec::new();
    for pack in packs {
        let mut worlds = Worlds { inventory, pack, as_of: when.as_of, made: BTreeMap::new(), sql };
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
    sql: Option<&'a dyn SqlEngine>,
}

impl<'a> Worlds<'a> {
    fn on(&mut self, date: Date) -> &World<'a> {
        let Worlds { inventory, pack, as_of, made, .. } = self;
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

fn run(control: &Control, worlds: &mut Worlds<'_>, day: Date, out: &mut Outcome) {
    let sql = worlds.sql;
    let world = worlds.on(day);
    match (&control.check, sql) {
        (Check::Sql(check), Some(engine)) => match engine.select(world, &check.query) {
            Ok(rows) => rows.into_iter().for_each(|row| sql_finding(world.inventory, row, out)),
            Err(message) => out.undecided(&format!("the query failed: {message}")),
        },
        _ => control.check.run(world, &control.scope, out),
    }
}

fn sql_finding(inventory: &Inventory, row: SqlRow, out: &mut Outcome) {
    let mut subject = String::new();
    let mut evidence = Evidence::default();
    for (column, value) in row {
        match value {
            Figure::Text(text) if column == "subject" => subject = text,
            value if column == "subject" => subject = serde_json::to_string(&value).unwrap_or_default(),
            value => {
                evidence.figures.insert(column, value);
            }
        }
    }
    out.subjects += 1;
    let found = [
        (SubjectKind::Node, TableId::nodes),
        (SubjectKind::Site, TableId::sites),
        (SubjectKind::Link, TableId::links),
        (SubjectKind::Service, TableId::services),
        (SubjectKind::Region, TableId::regions),
    ]
    .into_iter()
    .find_map(|(kind, table)| Some((kind, inventory.find(table, &subject)?)));
    let (kind, row) = found.map_or((SubjectKind::Row, None), |(kind, row)| (kind, Some(row)));
    out.findings.push(Finding { subject, kind, row, evidence });
}

fn judge(control: &Control, worlds: &mut Worlds<'_>, when: When) -> ControlResult {
    let binding = control.binding_from();
    let in_force = binding <= when.as_of;
    let first = if in_force { when.as_of } else { binding };
    let mut outcome = Outcome::default();
    run(control, worlds, first, &mut outcome);
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
            run(control, worlds, day, &mut later);
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
                verdicts.push(verdict(
                    control,
                    worlds.inventory,
                    finding,
                    Status::WillBeViolated { on: day },
                ));
            }
        }
    }
    verdicts.sort_by(|a, b| a.subject.cmp(&b.subject));
    verdicts.dedup_by(|a, b| a.subject == b.subject);
    let unknown: Vec<Unknown> = outcome.unknown.into_values().collect();
    let undecided: u64 = unknown.iter().map(|u| u.subjects).sum();
    let now =
        verdicts.iter().filter(|v| !matches!(v.status, Status::WillBeViolated { on } if on != first)).count()
            as u64;
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
        verified: !control.source.unchecked(),
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
    // Numbers of texts compare faster than texts; a text without a number is in no row.
    let numbers = inventory.pools.ids.find(&control.id).zip(inventory.pools.ids.find(subject));
    let from_inventory = numbers.and_then(|(rule, subject)| {
        inventory.waivers.iter().find(|w| {
            w.rule.0 == rule && w.subject.0 == subject && w.granted_on <= day && day <= w.expires_on
        })
    });
    if let Some(waiver) = from_inventory {
        return Some(Status::Exempted {
            by: inventory.id(waiver.authority.0).to_owned(),
            waiver: inventory.id(waiver.id.0).to_owned(),
            until: waiver.expires_on,
        });
    }
    let own = control
        .exception
        .iter()
        .find(|e| e.subject == subject && e.granted_on <= day && day <= e.expires_on)?;
    Some(Status::Exempted {
        by: own.approved_by.clone(),
        waiver: own.document.clone(),
        until: own.expires_on,
    })
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

/// Runs a test beside a control; gives what is otherwise than it says.
pub fn run_control_test(
    regime: &crate::control::Regime,
    control: &Control,
    test: &crate::control::ControlTest,
    sql: Option<&dyn SqlEngine>,
) -> Vec<String> {
    if matches!(control.check, crate::rules::Check::Sql(_)) && sql.is_none() {
        return vec!["the check is in SQL: build with the feature `sql`".to_owned()];
    }
    let mut importer = crate::import::Importer::brief();
    for (name, text) in &test.tables {
        match TableId::from_name(name) {
            Some(table) => importer.csv(table, &format!("{name}.csv"), text.trim_start().as_bytes()),
            None => return vec![format!("there is no table `{name}`")],
        }
    }
    let (inventory, report) = importer.finish(false);
    let Some(inventory) = inventory else {
        return report.problems.iter().map(ToString::to_string).collect();
    };
    let pack = Pack { regime: regime.clone(), controls: vec![control.clone()] };
    let result = check(&inventory, &[pack], When { as_of: test.as_of, until: None }, sql);
    let mut wrong = Vec::new();
    let Some(result) = result.results.first() else { return vec!["the control gave no result".to_owned()] };
    let mut compare = |what: &str, expected: &[String], found: Vec<String>| {
        let expected: std::collections::BTreeSet<String> = expected.iter().cloned().collect();
        let found: std::collections::BTreeSet<String> = found.into_iter().collect();
        for subject in expected.difference(&found) {
            wrong.push(format!("`{subject}` should be {what}"));
        }
        for subject in found.difference(&expected) {
            wrong.push(format!("`{subject}` should not be {what}"));
        }
    };
    let with = |wanted: fn(&Status) -> bool| -> Vec<String> {
        result.verdicts.iter().filter(|v| wanted(&v.status)).map(|v| v.subject.clone()).collect()
    };
    compare("violated", &test.violated, with(|s| *s == Status::Violated));
    compare(
        "violated on a coming day",
        &test.will_be_violated,
        with(|s| matches!(s, Status::WillBeViolated { .. })),
    );
    compare("exempted", &test.exempted, with(|s| matches!(s, Status::Exempted { .. })));
    compare("unknown", &test.unknown, result.unknown.iter().flat_map(|u| u.first.iter().cloned()).collect());
    wrong
}
