//! The worklist of findings, and what is done to one or many of them.

use std::collections::BTreeMap;

use askama::Template;
use banbury_evidence::act::Act;
use banbury_evidence::policy::{Hidden, Page, Sight};
use banbury_store::{FindingFilter, FindingRow, Tally};

use super::{Frame, decibans, done, number, page, url, with_query};
use crate::exchange::{Answered, Exchange, Fault};

/// Rows of a page.
pub const ROWS: usize = 50;
/// Findings that one act of many may name.
const MANY: usize = 500;
/// Rules and people offered as filters.
const OFFERED: usize = 200;

pub struct Choice {
    pub value: String,
    pub words: String,
    pub chosen: bool,
}

fn choices<'c>(all: impl IntoIterator<Item = (&'c str, String)>, chosen: Option<&str>) -> Vec<Choice> {
    let one = |(value, words): (&str, String)| Choice {
        value: value.to_owned(),
        words,
        chosen: chosen == Some(value),
    };
    all.into_iter().map(one).collect()
}

struct Row {
    row: FindingRow,
    link: String,
    weight: String,
    file: String,
}

#[derive(Template)]
#[template(path = "findings.html")]
struct List {
    frame: Frame,
    evaluation: String,
    link: String,
    here: String,
    rows: Vec<Row>,
    /// How many there are, where that can be told without looking at each.
    total: String,
    next: String,
    first: String,
    standings: Vec<Choice>,
    verdicts: Vec<Choice>,
    rules: Vec<Choice>,
    people: Vec<Choice>,
    file: String,
    weight: String,
    code: bool,
    named: bool,
    may_decide: bool,
    may_assign: bool,
}

/// The filter that the query asks for, within what the visitor sees.
pub fn filter(x: &Exchange<'_>, evaluation: &str, sight: &Sight) -> Result<FindingFilter, Fault> {
    let text = |name: &str| x.asked(name).map(str::to_owned);
    let weight = x.asked("weight").map(|text| {
        let number = text.trim().parse::<f64>().ok().filter(|weight| weight.is_finite());
        number.ok_or_else(|| Fault::Bad(format!("`{text}` is no weight in decibans")))
    });
    Ok(FindingFilter {
        evaluation: evaluation.to_owned(),
        verdict: text("verdict"),
        standing: text("standing"),
        rule: text("rule"),
        assigned: text("assigned").filter(|_| !sight.hide.contains(&Hidden::People)),
        file: text("file").filter(|_| !sight.hide.contains(&Hidden::Code)),
        min_weight: weight.transpose()?,
        hide_embargoed: sight.hide.contains(&Hidden::Embargoed),
    })
}

/// The query's filters, to be kept in links.
pub fn kept<'x>(x: &'x Exchange<'_>) -> Vec<(&'static str, &'x str)> {
    ["verdict", "standing", "rule", "assigned", "file", "weight"]
        .into_iter()
        .filter_map(|name| Some((name, x.asked(name)?)))
        .collect()
}

pub fn after(x: &Exchange<'_>) -> Result<Option<i64>, Fault> {
    let number = |text: &str| text.parse().map_err(|_| Fault::Bad(format!("`{text}` is no place in a list")));
    x.asked("after").map(number).transpose()
}

/// Takes out of a row what the visitor's view leaves out.
pub fn redact(row: &mut FindingRow, sight: &Sight) {
    if sight.hide.contains(&Hidden::People) {
        (row.by, row.assigned) = (None, None);
    }
    if sight.hide.contains(&Hidden::Code) {
        (row.message, row.file, row.function, row.line) = Default::default();
    }
}

pub fn list(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Findings)?;
    let sight = x.sight(Page::Findings)?;
    let filter = filter(x, &evaluation, &sight)?;
    let found = x.app.index.findings(&filter, after(x)?, ROWS)?;
    let mut tally = x.app.index.tally(&evaluation)?;
    tally.retain(|one| !filter.hide_embargoed || !one.embargoed);
    let here_now: Vec<Tally> = tally.iter().filter(|one| stands(&filter, one)).cloned().collect();
    let link = format!("/evaluations/{}", url(&evaluation));
    let base = format!("{link}/findings");
    let kept = kept(x);
    let here = with_query(&base, &kept);
    let row = |mut row: FindingRow| {
        redact(&mut row, &sight);
        Row {
            link: with_query(&format!("{base}/{}", url(&row.name)), &kept),
            weight: decibans(row.weight),
            file: crate::code::shown(&crate::code::path_of(&row.file)),
            row,
        }
    };
    let next = found.next.map(|next| next.to_string());
    let next = next.map(|next| with_query(&base, &[kept.as_slice(), &[("after", &next)]].concat()));
    let named = !sight.hide.contains(&Hidden::People);
    page(&List {
        frame: Frame::new(x, &format!("Findings of {evaluation}")),
        rows: found.rows.into_iter().map(row).collect(),
        total: total(&filter, &tally),
        next: next.unwrap_or_default(),
        first: x.asked("after").map(|_| here.clone()).unwrap_or_default(),
        standings: counted(&tally, |one| &one.standing, filter.standing.as_deref()),
        verdicts: counted(&here_now, |one| &one.verdict, filter.verdict.as_deref()),
        rules: counted(&here_now, |one| &one.rule, filter.rule.as_deref()),
        people: if named { people(x, filter.assigned.as_deref()) } else { Vec::new() },
        file: filter.file.clone().unwrap_or_default(),
        weight: x.asked("weight").unwrap_or_default().to_owned(),
        code: !sight.hide.contains(&Hidden::Code),
        may_decide: x.may("disposition"),
        may_assign: x.may("assign"),
        evaluation,
        link,
        here,
        named,
    })
}

/// How many findings the filter lets through, if the counts made beforehand tell.
fn total(filter: &FindingFilter, tally: &[Tally]) -> String {
    if filter.file.is_some() || filter.assigned.is_some() || filter.min_weight.is_some() {
        return String::new();
    }
    let fits = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
    let all = tally.iter().filter(|one| {
        fits(&filter.verdict, &one.verdict) && stands(filter, one) && fits(&filter.rule, &one.rule)
    });
    number(all.map(|one| one.count).sum::<i64>())
}

/// What is gone is counted only where it is asked for.
fn stands(filter: &FindingFilter, one: &Tally) -> bool {
    filter.standing.as_deref().map_or(one.standing != "fixed", |standing| one.standing == standing)
}

/// Values of a column with their counts, most first.
fn counted(tally: &[Tally], column: impl Fn(&Tally) -> &str, chosen: Option<&str>) -> Vec<Choice> {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    tally.iter().for_each(|one| *counts.entry(column(one)).or_default() += one.count);
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| -count);
    counts.truncate(OFFERED);
    choices(counts.into_iter().map(|(value, count)| (value, format!("{value} ({})", number(count)))), chosen)
}

fn people(x: &Exchange<'_>, chosen: Option<&str>) -> Vec<Choice> {
    let store = x.app.store();
    let working = store.centre().people.iter().filter(|(_, one)| !one.dismissed);
    choices(working.take(OFFERED).map(|(name, _)| (name.as_str(), name.clone())), chosen)
}

/// Names of people who work here, for assigning.
pub fn colleagues(x: &Exchange<'_>, chosen: Option<&str>) -> Vec<Choice> {
    people(x, chosen)
}

/// The findings that a form names: at least one, and not more than many.
fn chosen(x: &Exchange<'_>) -> Result<Vec<String>, Fault> {
    let all: Vec<String> = x.fields("finding").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    match all.len() {
        0 => Err(Fault::Bad("choose at least one finding".into())),
        n if n > MANY => Err(Fault::Bad(format!("{n} findings at once are too many; {MANY} are the most"))),
        _ => Ok(all),
    }
}

/// Does one act to each finding that the form names, to all or to none.
fn each(x: &Exchange<'_>, act: impl Fn(String, String) -> Act) -> Answered {
    let evaluation = x.evaluation(Page::Findings)?;
    let sight = x.sight(Page::Findings)?;
    let chosen = chosen(x)?;
    if sight.hide.contains(&Hidden::Embargoed) {
        for name in &chosen {
            check_seen(x, &evaluation, name)?;
        }
    }
    let acts = chosen.into_iter().map(|finding| act(evaluation.clone(), finding)).collect();
    let entry = x.app.act(&x.visitor()?.name, acts)?;
    done(x, entry, &format!("/evaluations/{}/findings", url(&evaluation)))
}

/// Somebody who may not see a finding under embargo does not learn by an act that there is one.
fn check_seen(x: &Exchange<'_>, evaluation: &str, finding: &str) -> Result<(), Fault> {
    let row = x.app.index.finding(evaluation, finding)?;
    if row.is_some_and(|row| !row.embargoed) { Ok(()) } else { Err(Fault::NotFound) }
}

pub fn decide(x: &Exchange<'_>) -> Answered {
    let verdict = x.word("verdict")?;
    let reason = x.required("reason")?.to_owned();
    let until = x.field("until").map(str::to_owned);
    each(x, |evaluation, finding| Act::Disposition {
        evaluation,
        finding,
        verdict,
        reason: reason.clone(),
        until: until.clone(),
    })
}

pub fn assign(x: &Exchange<'_>) -> Answered {
    let to = x.field("to").unwrap_or_default().to_owned();
    each(x, |evaluation, finding| Act::Assign { evaluation, finding, to: to.clone() })
}

pub fn severity(x: &Exchange<'_>) -> Answered {
    let severity = x.word("severity")?;
    let reason = x.required("reason")?.to_owned();
    each(x, |evaluation, finding| Act::Severity { evaluation, finding, severity, reason: reason.clone() })
}

pub fn embargo(x: &Exchange<'_>) -> Answered {
    let reason = x.required("reason")?.to_owned();
    each(x, |evaluation, finding| Act::Embargo { evaluation, finding, reason: reason.clone() })
}

pub fn release(x: &Exchange<'_>) -> Answered {
    let reason = x.required("reason")?.to_owned();
    each(x, |evaluation, finding| Act::Release { evaluation, finding, reason: reason.clone() })
}

/// On one finding, or on the evaluation.
pub fn comment(x: &Exchange<'_>) -> Answered {
    let finding = x.field("finding").map(str::to_owned);
    let on = if finding.is_some() { Page::Findings } else { Page::Evaluations };
    let evaluation = x.evaluation(on)?;
    if let Some(finding) = &finding {
        if x.hides(on, Hidden::Embargoed)? {
            check_seen(x, &evaluation, finding)?;
        }
    }
    let text = x.app.put(x.required("text")?.as_bytes())?;
    let link = format!("/evaluations/{}", url(&evaluation));
    let to = finding.as_ref().map_or(link.clone(), |finding| format!("{link}/findings/{}", url(finding)));
    let entry = x.app.act(&x.visitor()?.name, vec![Act::Comment { evaluation, finding, text }])?;
    done(x, entry, &to)
}
