//! The JSON interface: the same figures as the pages, for programs.

use banbury_evidence::policy::{Hidden, Page};
use serde_json::{Value, json};

use crate::exchange::{Answer, Answered, Exchange, Fault};
use crate::pages::evaluations::{figures, runs, visible};
use crate::pages::findings::{after, filter, redact};
use crate::pages::{changes as change_pages, finding as finding_page, jobs, log as log_page};

const ROWS: usize = 200;

pub fn openapi(_: &Exchange<'_>) -> Answered {
    Ok(Answer::Json(crate::openapi::document()))
}

pub fn evaluations(x: &Exchange<'_>) -> Answered {
    let (names, sight) = visible(x, Page::Evaluations)?;
    let all: Result<Vec<_>, Fault> = names.iter().map(|name| figures(x, name, &sight)).collect();
    Ok(Answer::Json(json!({"evaluations": all?})))
}

pub fn evaluation(x: &Exchange<'_>) -> Answered {
    let name = x.evaluation(Page::Evaluations)?;
    let sight = x.sight(Page::Evaluations)?;
    let figures = figures(x, &name, &sight)?;
    let runs = runs(x, &name, &sight)?;
    Ok(Answer::Json(json!({"figures": figures, "runs": runs})))
}

pub fn findings(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Findings)?;
    let sight = x.sight(Page::Findings)?;
    let filter = filter(x, &evaluation, &sight)?;
    let mut page = x.app.index.findings(&filter, after(x)?, ROWS)?;
    page.rows.iter_mut().for_each(|row| redact(row, &sight));
    Ok(Answer::Json(json!({"findings": page.rows, "next": page.next})))
}

pub fn finding(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Findings)?;
    let sight = x.sight(Page::Findings)?;
    let mut row = x.app.index.finding(&evaluation, x.part("finding"))?.ok_or(Fault::NotFound)?;
    if row.embargoed && sight.hide.contains(&Hidden::Embargoed) {
        return Err(Fault::NotFound);
    }
    let steps = match sight.hide.contains(&Hidden::Code) {
        true => Vec::new(),
        false => finding_page::steps(&finding_page::result(x, &row).unwrap_or_default()),
    };
    redact(&mut row, &sight);
    Ok(Answer::Json(json!({"finding": row, "steps": steps})))
}

pub fn changes(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Changes)?;
    let sight = change_pages::sight(x)?;
    let (mut rows, next) = x.app.index.changes(&change_pages::filter(x, &evaluation), after(x)?, ROWS)?;
    if sight.hide.contains(&Hidden::People) {
        rows.iter_mut().for_each(|row| row.by = None);
    }
    Ok(Answer::Json(json!({"changes": rows, "next": next})))
}

pub fn job(x: &Exchange<'_>) -> Answered {
    Ok(Answer::Json(json!(jobs::state(x)?)))
}

pub fn log(x: &Exchange<'_>) -> Answered {
    let before =
        x.asked("before").map(|text| text.parse::<i64>().map_err(|_| bad_number(text))).transpose()?;
    let rows = x.app.index.entries(before, ROWS)?;
    let next = rows.last().filter(|last| last.number > 0).map(|last| last.number);
    let entries: Vec<Value> = rows.iter().filter_map(|row| serde_json::from_str(&row.json).ok()).collect();
    Ok(Answer::Json(json!({"entries": entries, "next": next})))
}

fn bad_number(text: &str) -> Fault {
    Fault::Bad(format!("`{text}` is no number"))
}

pub fn entry(x: &Exchange<'_>) -> Answered {
    let text = x.part("number");
    let number = text.parse().map_err(|_| bad_number(text))?;
    Ok(Answer::Json(json!(log_page::proof(x, number)?)))
}

pub fn checkpoint(x: &Exchange<'_>) -> Answered {
    Ok(Answer::File("checkpoint".into(), "text/plain; charset=utf-8", log_page::checkpoint(x)?))
}
