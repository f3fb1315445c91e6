//! Changes since the release before: ranked, old and new side by side, and who has read them.

use askama::Template;
use banbury_evidence::Sha256;
use banbury_evidence::act::{Act, Reading};
use banbury_evidence::policy::{Hidden, Page, Sight};
use banbury_store::{ChangeFilter, ChangeRow};

use super::findings::after;
use super::{Frame, decibans, done, number, page, url, with_query};
use crate::code::{Line, lines, path_of, shown};
use crate::exchange::{Answered, Exchange, Fault};

const ROWS: usize = 25;
/// Lines shown of each side.
const LINES: i64 = 40;
const MANY: usize = 500;

struct Row {
    change: ChangeRow,
    weight: String,
    file: String,
    reasons: Vec<(String, String)>,
    old: Vec<Line>,
    new: Vec<Line>,
}

#[derive(Template)]
#[template(path = "changes.html")]
struct List {
    frame: Frame,
    evaluation: String,
    link: String,
    here: String,
    before: String,
    rows: Vec<Row>,
    next: String,
    first: String,
    verdict: String,
    file: String,
    /// Words, query value, changes, changed lines.
    counts: Vec<(String, &'static str, String, String)>,
    named: bool,
    /// Whether the texts of both releases are here.
    texts: bool,
    may_read: bool,
}

/// The filter that the query asks for.
pub fn filter(x: &Exchange<'_>, evaluation: &str) -> ChangeFilter {
    ChangeFilter {
        evaluation: evaluation.to_owned(),
        verdict: x.asked("verdict").map(str::to_owned),
        file: x.asked("file").map(str::to_owned),
    }
}

/// Changes show code; a view without code has none of them.
pub fn sight(x: &Exchange<'_>) -> Result<Sight, Fault> {
    let sight = x.sight(Page::Changes)?;
    match sight.hide.contains(&Hidden::Code) {
        true => Err(Fault::Forbidden("your view leaves code out".into())),
        false => Ok(sight),
    }
}

pub fn list(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Changes)?;
    let named = !sight(x)?.hide.contains(&Hidden::People);
    let filter = filter(x, &evaluation);
    let (rows, next) = x.app.index.changes(&filter, after(x)?, ROWS)?;
    let counts = counts(x, &evaluation)?;
    let sides = {
        let store = x.app.store();
        let known = store.centre().evaluations.get(&evaluation);
        known.and_then(|known| known.comparison.as_ref()).map(|one| (one.before, one.artefact))
    };
    let (before, artefact) = sides.ok_or(Fault::NotFound)?;
    let link = format!("/evaluations/{}", url(&evaluation));
    let base = format!("{link}/changes");
    let kept: Vec<(&str, &str)> =
        ["verdict", "file"].into_iter().filter_map(|name| Some((name, x.asked(name)?))).collect();
    let next = next.map(|next| next.to_string());
    let next = next.map(|next| with_query(&base, &[kept.as_slice(), &[("after", &next)]].concat()));
    page(&List {
        frame: Frame::new(x, &format!("Changes of {evaluation}")),
        here: with_query(&base, &kept),
        before: x.app.store().centre().evaluations[&evaluation].after.clone().unwrap_or_default(),
        first: x.asked("after").map(|_| with_query(&base, &kept)).unwrap_or_default(),
        texts: x.app.sources.folder(before).exists() && x.app.sources.folder(artefact).exists(),
        rows: rows.into_iter().map(|change| row(x, change, before, artefact, named)).collect(),
        next: next.unwrap_or_default(),
        verdict: filter.verdict.unwrap_or_default(),
        file: filter.file.unwrap_or_default(),
        may_read: x.may("reading"),
        evaluation,
        link,
        counts,
        named,
    })
}

fn counts(x: &Exchange<'_>, evaluation: &str) -> Result<Vec<(String, &'static str, String, String)>, Fault> {
    let readings = x.app.index.readings(evaluation)?;
    let all = ["", "unread", "question", "defect", "fine"].map(|wanted| {
        let fits = |verdict: &Option<String>| match wanted {
            "" => true,
            "unread" => verdict.is_none(),
            other => verdict.as_deref() == Some(other),
        };
        let (count, lines) = readings
            .iter()
            .filter(|(verdict, ..)| fits(verdict))
            .fold((0, 0), |(count, lines), (_, more, of)| (count + more, lines + of));
        let words = if wanted.is_empty() { "all" } else { wanted };
        (words.to_owned(), wanted, number(count), number(lines))
    });
    Ok(all.into())
}

fn row(x: &Exchange<'_>, mut change: ChangeRow, before: Sha256, artefact: Sha256, named: bool) -> Row {
    let side = |artefact: Sha256, path: &str, first: i64, last: i64| {
        let first_line = usize::try_from(first.max(1)).unwrap_or(1);
        let last = last.min(first + LINES - 1);
        let text = x.app.sources.text(artefact, &path_of(path)).filter(|_| last >= first);
        text.map(|text| lines(&text, first_line, usize::try_from(last).unwrap_or(0))).unwrap_or_default()
    };
    let old = side(before, &change.old.file, change.old.first, change.old.last);
    let new = match change.side.as_str() {
        "old" => Vec::new(),
        _ => side(artefact, &change.file, change.first_line, change.last_line),
    };
    let reasons = change.reasons.iter().filter(|one| one.decibans.abs() >= 1.0).take(6);
    if !named {
        change.by = None;
    }
    Row {
        weight: decibans(change.weight),
        file: shown(&path_of(&change.file)),
        reasons: reasons
            .map(|one| (format!("{:+.0}", one.decibans), banbury_change::words(&one.name).to_string()))
            .collect(),
        old,
        new,
        change,
    }
}

pub fn read(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Changes)?;
    let verdict: Reading = x.word("verdict")?;
    let note = x.field("note").unwrap_or_default().to_owned();
    if note.is_empty() && verdict != Reading::Fine {
        return Err(Fault::Bad("a question or a defect needs a note".into()));
    }
    let acts: Vec<Act> = x
        .fields("change")
        .filter(|name| !name.is_empty())
        .map(|change| Act::Reading {
            evaluation: evaluation.clone(),
            change: change.to_owned(),
            verdict,
            note: note.clone(),
        })
        .collect();
    if acts.is_empty() || acts.len() > MANY {
        return Err(Fault::Bad(format!("choose at least one change and at most {MANY}")));
    }
    let entry = x.app.act(&x.visitor()?.name, acts)?;
    done(x, entry, &format!("/evaluations/{}/changes", url(&evaluation)))
}
