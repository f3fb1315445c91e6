//! Evaluations: all of them by product, and one in full.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use banbury_evidence::act::Act;
use banbury_evidence::centre::Evaluation;
use banbury_evidence::overview::blockers;
use banbury_evidence::policy::{Hidden, Page, Sight};
use banbury_store::{RunRow, Tally};
use serde_json::Value;

use super::{Frame, day, done, number, page, url};
use crate::exchange::{Answered, Exchange, Fault};
use crate::picture::{Bar, trend};

/// What there is to say of an evaluation in figures.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Figures {
    pub evaluation: String,
    pub vendor: String,
    pub product: String,
    pub release: String,
    pub after: Option<String>,
    pub opened: String,
    pub findings: i64,
    pub new: i64,
    pub fixed: i64,
    pub reappeared: i64,
    pub open: i64,
    /// Undecided and of at least ten decibans.
    pub open_heavy: i64,
    pub confirmed: i64,
    pub accepted: i64,
    pub false_positive: i64,
    pub changes: i64,
    pub unread: i64,
    pub unread_lines: i64,
    /// Functions that the last run analysed in full, and all of them.
    pub analysed: i64,
    pub functions: i64,
    pub lines: i64,
    pub signed: bool,
    pub sign_offs: usize,
    pub blockers: Vec<String>,
}

impl Figures {
    fn count(&mut self, tally: &[Tally], hide: &BTreeSet<Hidden>) {
        let shown = tally.iter().filter(|one| !one.embargoed || !hide.contains(&Hidden::Embargoed));
        for one in shown {
            if one.standing == "fixed" {
                self.fixed += one.count;
                continue;
            }
            self.findings += one.count;
            match one.standing.as_str() {
                "new" => self.new += one.count,
                "reappeared" => self.reappeared += one.count,
                _ => {}
            }
            match one.verdict.as_str() {
                "open" => {
                    self.open += one.count;
                    self.open_heavy += if one.heavy { one.count } else { 0 };
                }
                "confirmed" => self.confirmed += one.count,
                "accepted risk" => self.accepted += one.count,
                "false positive" => self.false_positive += one.count,
                _ => {}
            }
        }
    }

    fn cover(&mut self, runs: &[RunRow]) {
        let totals = runs.iter().rev().find_map(|run| run.totals.as_ref());
        let figure = |name: &str| totals.and_then(|totals| totals[name].as_i64()).unwrap_or(0);
        self.analysed = figure("functions_fully_analysed");
        self.functions = figure("functions");
        self.lines = figure("lines");
    }

    pub fn coverage(&self) -> String {
        match self.functions {
            0 => "not known".to_owned(),
            all => format!("{:.1} %", 100.0 * self.analysed as f64 / all as f64),
        }
    }
}

/// Figures of one evaluation as somebody sees it.
pub fn figures(x: &Exchange<'_>, name: &str, sight: &Sight) -> Result<Figures, Fault> {
    let tally = x.app.index.tally(name)?;
    let readings = x.app.index.readings(name)?;
    let runs = x.app.index.runs(name)?;
    let store = x.app.store();
    let centre = store.centre();
    let known = centre.evaluations.get(name).ok_or(Fault::NotFound)?;
    let mut out = Figures {
        evaluation: name.to_owned(),
        vendor: known.vendor.clone(),
        product: known.product.clone(),
        release: known.release.clone(),
        after: known.after.clone(),
        opened: known.opened.clone(),
        sign_offs: known.sign_offs.len(),
        ..Figures::default()
    };
    out.count(&tally, &sight.hide);
    out.cover(&runs);
    for (verdict, count, lines) in readings {
        out.changes += count;
        if verdict.is_none() {
            (out.unread, out.unread_lines) = (count, lines);
        }
    }
    if let Some(policy) = &centre.policy {
        out.signed = known.is_signed(policy, &centre.people);
        if !out.signed {
            out.blockers = blockers(known, out.open as usize, policy.sign_off.people);
        }
    }
    Ok(out)
}

/// Names of the evaluations that the visitor may see.
pub fn visible(x: &Exchange<'_>, on: Page) -> Result<(Vec<String>, Sight), Fault> {
    let sight = x.sight(on)?;
    let organisation = &x.visitor()?.organisation;
    let store = x.app.store();
    let mine = |one: &Evaluation| !sight.own_vendor || one.vendor == *organisation;
    let all = store.centre().evaluations.iter().filter(|(_, one)| mine(one));
    Ok((all.map(|(name, _)| name.clone()).collect(), sight))
}

struct Product {
    vendor: String,
    name: String,
    picture: String,
    rows: Vec<Line>,
}

struct Line {
    link: String,
    figures: Figures,
    findings: String,
    open: String,
    unread: String,
    opened: String,
}

#[derive(Template)]
#[template(path = "evaluations.html")]
struct List {
    frame: Frame,
    products: Vec<Product>,
    may_open: bool,
}

pub fn list(x: &Exchange<'_>) -> Answered {
    let (names, sight) = visible(x, Page::Evaluations)?;
    let mut products: BTreeMap<(String, String), Vec<Figures>> = BTreeMap::new();
    for name in names {
        let one = figures(x, &name, &sight)?;
        products.entry((one.vendor.clone(), one.product.clone())).or_default().push(one);
    }
    let products = products.into_iter().map(|((vendor, name), mut releases)| {
        releases.sort_by(|a, b| (&a.opened, &a.evaluation).cmp(&(&b.opened, &b.evaluation)));
        let bars: Vec<Bar> = releases.iter().map(bar).collect();
        let picture = trend(&format!("Findings of {name} by release"), &bars);
        releases.reverse();
        Product { vendor, name, picture, rows: releases.into_iter().map(line).collect() }
    });
    let products = products.collect();
    page(&List { frame: Frame::new(x, "Evaluations"), products, may_open: x.may("open") })
}

fn bar(one: &Figures) -> Bar {
    let other = one.findings - one.confirmed - one.open;
    Bar {
        name: one.release.clone(),
        parts: vec![
            ("confirmed", "confirmed", one.confirmed),
            ("open-heavy", "undecided, 10 dB or more", one.open_heavy),
            ("open-light", "undecided, lighter", one.open - one.open_heavy),
            ("settled", "settled otherwise", other),
        ],
    }
}

fn line(figures: Figures) -> Line {
    Line {
        link: format!("/evaluations/{}", url(&figures.evaluation)),
        findings: number(figures.findings),
        open: number(figures.open),
        unread: if figures.changes > 0 { number(figures.unread) } else { "–".into() },
        opened: day(&figures.opened).to_owned(),
        figures,
    }
}

#[derive(Template)]
#[template(path = "evaluation_new.html")]
struct New {
    frame: Frame,
    earlier: Vec<String>,
}

pub fn form(x: &Exchange<'_>) -> Answered {
    let earlier = x.app.store().centre().evaluations.keys().cloned().collect();
    page(&New { frame: Frame::new(x, "Open an evaluation"), earlier })
}

pub fn open(x: &Exchange<'_>) -> Answered {
    let text = |name: &str| Ok::<_, Fault>(x.required(name)?.trim().to_owned());
    let evaluation = text("evaluation")?;
    let act = Act::Open {
        evaluation: evaluation.clone(),
        vendor: text("vendor")?,
        product: text("product")?,
        release: text("release")?,
        after: x.field("after").map(str::to_owned),
    };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    done(x, entry, &format!("/evaluations/{}", url(&evaluation)))
}

struct Remark {
    by: String,
    at: String,
    text: String,
}

struct RunLine {
    at: String,
    by: String,
    tool: String,
    findings: String,
    lines: String,
    functions: String,
}

#[derive(Template)]
#[template(path = "evaluation.html")]
struct Show {
    frame: Frame,
    link: String,
    figures: Figures,
    picture: String,
    runs: Vec<RunLine>,
    artefacts: Vec<(String, String, String, String)>,
    sign_offs: Vec<String>,
    conflicts: Vec<String>,
    comments: Vec<Remark>,
    remarks: Vec<Remark>,
    may: May,
    named: bool,
    discussed: bool,
    sees_findings: bool,
    sees_changes: bool,
}

/// Which forms the page has.
struct May {
    review: bool,
    comment: bool,
    sign: bool,
    reopen: bool,
    conflict: bool,
    remark: bool,
}

pub fn show(x: &Exchange<'_>) -> Answered {
    let name = x.evaluation(Page::Evaluations)?;
    let sight = x.sight(Page::Evaluations)?;
    let named = !sight.hide.contains(&Hidden::People);
    let discussed = !sight.hide.contains(&Hidden::Comments);
    let figures = figures(x, &name, &sight)?;
    let runs = runs(x, &name, &sight)?.into_iter().map(|run| run_line(run, named)).collect();
    let picture = lineage_picture(x, &name, &sight)?;
    let store = x.app.store();
    let known = store.centre().evaluations.get(&name).ok_or(Fault::NotFound)?;
    let comments = known.comments.iter().filter(|(finding, ..)| finding.is_none() && discussed);
    let comments = comments.map(|(_, by, at, text)| (by.clone(), at.clone(), *text)).collect::<Vec<_>>();
    let remarks =
        store.centre().remarks.iter().filter(|(_, _, on, _)| on.as_ref() == Some(&name) && discussed);
    let remarks =
        remarks.map(|(number, by, _, text)| (by.clone(), format!("entry {number}"), *text)).collect();
    let sign_off = |one: &banbury_evidence::centre::SignOff| {
        let by = if named { format!(" by {}", one.by) } else { String::new() };
        let conditions = if one.conditions.is_empty() {
            String::new()
        } else {
            format!(": {}", one.conditions.join("; "))
        };
        format!("{}{by} on {}{conditions}", assurance_word(one.assurance), day(&one.at))
    };
    let template = Show {
        frame: Frame::new(x, &format!("{} {}", figures.product, figures.release)),
        link: format!("/evaluations/{}", url(&name)),
        artefacts: known.artefacts.iter().map(artefact_line).collect(),
        sign_offs: known.sign_offs.iter().map(sign_off).collect(),
        conflicts: if named { known.conflicts.iter().cloned().collect() } else { Vec::new() },
        may: May {
            review: x.may("run") && !figures.signed,
            comment: x.may("comment") && !figures.signed,
            sign: x.may("sign-off") && !figures.signed,
            reopen: x.may("reopen") && !known.sign_offs.is_empty(),
            conflict: x.may("conflict") && !figures.signed,
            remark: x.may("remark"),
        },
        sees_findings: x.sight(Page::Findings).is_ok(),
        sees_changes: x.sight(Page::Changes).is_ok() && figures.changes > 0,
        comments: texts(x, comments),
        remarks: texts(x, remarks),
        figures,
        picture,
        runs,
        named,
        discussed,
    };
    drop(store);
    page(&template)
}

fn texts(x: &Exchange<'_>, all: Vec<(String, String, banbury_evidence::Sha256)>) -> Vec<Remark> {
    all.into_iter().map(|(by, at, text)| Remark { by, at, text: x.app.text(text) }).collect()
}

fn assurance_word(one: banbury_evidence::act::Assurance) -> &'static str {
    use banbury_evidence::act::Assurance;
    match one {
        Assurance::Approved => "approved",
        Assurance::ApprovedWithConditions => "approved with conditions",
        Assurance::Rejected => "rejected",
    }
}

fn artefact_line(one: &banbury_evidence::centre::Artefact) -> (String, String, String, String) {
    let kind = serde_json::to_value(one.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
    (one.name.clone(), kind.unwrap_or_default(), number(one.bytes as i64), one.content.to_string())
}

/// Runs as somebody sees them: a count of all findings would tell of those under embargo.
pub fn runs(x: &Exchange<'_>, name: &str, sight: &Sight) -> Result<Vec<RunRow>, Fault> {
    let mut runs = x.app.index.runs(name)?;
    for run in &mut runs {
        if sight.hide.contains(&Hidden::Embargoed) {
            run.findings = None;
        }
        if sight.hide.contains(&Hidden::People) {
            run.by.clear();
        }
    }
    Ok(runs)
}

fn run_line(run: RunRow, named: bool) -> RunLine {
    let figure = |name: &str| run.totals.as_ref().and_then(|totals: &Value| totals[name].as_i64());
    let text = |value: Option<i64>| value.map_or("not told".to_owned(), number);
    RunLine {
        at: run.at.clone(),
        by: if named { run.by.clone() } else { String::new() },
        tool: format!("{} {}", run.tool, run.version),
        findings: run.findings.map_or("–".to_owned(), number),
        lines: text(figure("lines")),
        functions: match (figure("functions_fully_analysed"), figure("functions")) {
            (Some(done), Some(all)) => format!("{} of {}", number(done), number(all)),
            _ => "not told".to_owned(),
        },
    }
}

/// This release and those before it.
fn lineage_picture(x: &Exchange<'_>, name: &str, sight: &Sight) -> Result<String, Fault> {
    let mut names: Vec<String> = {
        let store = x.app.store();
        store.centre().history(name).into_iter().map(|(name, _)| name.to_owned()).collect()
    };
    names.reverse();
    names.push(name.to_owned());
    let bars: Result<Vec<Bar>, Fault> = names.iter().map(|name| Ok(bar(&figures(x, name, sight)?))).collect();
    Ok(trend("Findings by release", &bars?))
}

pub fn conflict(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let to = format!("/evaluations/{}", url(&evaluation));
    let act = Act::Conflict { evaluation, interest: x.required("interest")?.to_owned() };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    done(x, entry, &to)
}

pub fn remark(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let to = format!("/evaluations/{}", url(&evaluation));
    let text = x.app.put(x.required("text")?.as_bytes())?;
    let entry = x.app.act(&x.visitor()?.name, vec![Act::Remark { evaluation: Some(evaluation), text }])?;
    done(x, entry, &to)
}

pub fn reopen(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let to = format!("/evaluations/{}", url(&evaluation));
    let act = Act::Reopen { evaluation, reason: x.required("reason")?.to_owned() };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    done(x, entry, &to)
}
