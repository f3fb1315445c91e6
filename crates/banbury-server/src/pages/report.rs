//! The annual report: the same figures every year, with the method and its limits beside them.

use std::collections::BTreeMap;

use askama::Template;
use banbury_evidence::log::unverified_checkpoint;
use banbury_evidence::policy::Page;

use super::evaluations::{Figures, figures, visible};
use super::{Frame, number, page};
use crate::exchange::{Answered, Exchange, Fault};
use crate::picture::{Bar, trend};

struct Act {
    words: &'static str,
    this: i64,
    last: i64,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Show {
    frame: Frame,
    year: i32,
    years: Vec<i32>,
    evaluations: Vec<Figures>,
    carried: usize,
    sum: Sum,
    acts: Vec<Act>,
    people: Vec<(String, i64)>,
    pace: Vec<(String, i64, String, String)>,
    picture: String,
    size: String,
    root: String,
    made: String,
    network: bool,
}

#[derive(Default)]
struct Sum {
    findings: String,
    confirmed: String,
    open_heavy: String,
    lines: String,
    unread: String,
}

const ACTS: [(&str, &str); 8] = [
    ("open", "evaluations opened"),
    ("run", "tool runs taken in"),
    ("comparison", "releases compared with the one before"),
    ("disposition", "decisions on findings"),
    ("reading", "changes read"),
    ("remark", "remarks of overseers"),
    ("sign-off", "sign-offs"),
    ("reopen", "evaluations reopened"),
];

fn year_of(at: &str) -> i32 {
    at.get(..4).and_then(|year| year.parse().ok()).unwrap_or(0)
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let (last_at, size) = {
        let store = x.app.store();
        (store.centre().last_at.clone(), store.centre().size)
    };
    let latest = year_of(&last_at);
    let year = match x.asked("year") {
        Some(text) => text.parse().map_err(|_| Fault::Bad(format!("`{text}` is no year")))?,
        None => latest,
    };
    let (names, sight) = visible(x, Page::Report)?;
    let all: Result<Vec<Figures>, Fault> = names.iter().map(|name| figures(x, name, &sight)).collect();
    let all = all?;
    let first = all.iter().map(|one| year_of(&one.opened)).min().unwrap_or(latest);
    let carried = all.iter().filter(|one| year_of(&one.opened) < year && !one.signed).count();
    let mut evaluations: Vec<Figures> = all.into_iter().filter(|one| year_of(&one.opened) == year).collect();
    evaluations.sort_by(|a, b| (&a.vendor, &a.product, &a.opened).cmp(&(&b.vendor, &b.product, &b.opened)));
    let tree = unverified_checkpoint(&super::log::checkpoint(x)?).ok();
    page(&Show {
        frame: Frame::new(x, &format!("Report for {year}")),
        sum: sum(&evaluations),
        acts: acts(x, year)?,
        people: people(x, year)?,
        pace: pace(x, &evaluations)?,
        picture: picture(&evaluations),
        years: (first..=latest).rev().take(20).collect(),
        size: number(size as i64),
        root: tree.map(|tree| tree.hash().to_string()).unwrap_or_default(),
        made: last_at,
        network: x.app.network.is_some(),
        evaluations,
        carried,
        year,
    })
}

fn sum(all: &[Figures]) -> Sum {
    let of = |figure: fn(&Figures) -> i64| number(all.iter().map(figure).sum::<i64>());
    Sum {
        findings: of(|one| one.findings),
        confirmed: of(|one| one.confirmed),
        open_heavy: of(|one| one.open_heavy),
        lines: of(|one| one.lines),
        unread: of(|one| one.unread),
    }
}

fn picture(all: &[Figures]) -> String {
    let bars: Vec<Bar> = all
        .iter()
        .map(|one| Bar {
            name: one.release.clone(),
            parts: vec![
                ("confirmed", "confirmed", one.confirmed),
                ("open-heavy", "undecided, 10 dB or more", one.open_heavy),
                ("open-light", "undecided, lighter", one.open - one.open_heavy),
                ("settled", "settled otherwise", one.findings - one.open - one.confirmed),
            ],
        })
        .collect();
    trend("Findings by evaluation", &bars)
}

fn counts(x: &Exchange<'_>, year: i32) -> Result<Vec<(String, String, i64)>, Fault> {
    Ok(x.app.index.acts(&format!("{year:04}"), &format!("{:04}", year + 1))?)
}

fn acts(x: &Exchange<'_>, year: i32) -> Result<Vec<Act>, Fault> {
    let (this, last) = (counts(x, year)?, counts(x, year - 1)?);
    let of = |all: &[(String, String, i64)], act: &str| {
        all.iter().filter(|(_, one, _)| one == act).map(|(.., count)| count).sum()
    };
    Ok(ACTS.iter().map(|(act, words)| Act { words, this: of(&this, act), last: of(&last, act) }).collect())
}

/// Decisions and readings by organisation: who judges.
fn people(x: &Exchange<'_>, year: i32) -> Result<Vec<(String, i64)>, Fault> {
    let mut by: BTreeMap<String, i64> = BTreeMap::new();
    let counts = counts(x, year)?;
    let store = x.app.store();
    for (actor, _, count) in counts.iter().filter(|(_, act, _)| act == "disposition" || act == "reading") {
        let organisation = store.centre().people.get(actor).map(|one| one.organisation.clone());
        *by.entry(organisation.unwrap_or_default()).or_default() += count;
    }
    Ok(by.into_iter().collect())
}

fn pace(x: &Exchange<'_>, evaluations: &[Figures]) -> Result<Vec<(String, i64, String, String)>, Fault> {
    let all = x.app.index.pace()?.into_iter();
    let here = all.filter(|one| evaluations.iter().any(|known| known.evaluation == one.evaluation));
    let words = |one: banbury_store::Pace| {
        (one.evaluation, one.decided, super::log::days(one.mean), super::log::days(one.longest))
    };
    Ok(here.map(words).collect())
}
