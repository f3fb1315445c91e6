//! Signing an evaluation off. The statement is made here and signed where the key is: in the
//! browser, or by `banbury evidence sign`. The server never sees a private key.

use askama::Template;
use banbury_evidence::act::{Act, Assurance};
use banbury_evidence::approval::{Equivalence, Terms};
use banbury_evidence::policy::Page;
use banbury_evidence::{attest, keys};
use serde_json::{Value, json};

use super::{Frame, done, page, url};
use crate::exchange::{Answer, Answered, Exchange, Fault};

#[derive(Template)]
#[template(path = "sign_off.html")]
struct Form {
    frame: Frame,
    evaluation: String,
    link: String,
    has_key: bool,
    blockers: Vec<String>,
}

pub fn form(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let sight = x.sight(Page::Evaluations)?;
    let figures = super::evaluations::figures(x, &evaluation, &sight)?;
    page(&Form {
        frame: Frame::new(x, &format!("Sign {evaluation} off")),
        link: format!("/evaluations/{}", url(&evaluation)),
        has_key: key(x).is_ok(),
        blockers: figures.blockers,
        evaluation,
    })
}

/// The visitor's public key, as the log has it.
fn key(x: &Exchange<'_>) -> Result<String, Fault> {
    let store = x.app.store();
    let person = store.centre().people.get(&x.visitor()?.name);
    let none = || Fault::Bad("you have no key in the log; an administrator enters one".into());
    person.and_then(|person| person.key.clone()).ok_or_else(none)
}

fn conditions(x: &Exchange<'_>) -> Vec<String> {
    let lines = x.field("conditions").unwrap_or_default().lines();
    lines.map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// For what and until when, as the form says.
fn terms(x: &Exchange<'_>) -> Terms {
    let classes = x.field("classes").unwrap_or_default().split([',', ';']).map(str::trim);
    Terms {
        site_classes: classes.filter(|class| !class.is_empty()).map(str::to_owned).collect(),
        expires_on: x.field("expires").map(str::to_owned),
        equivalence: Equivalence::Unknown,
    }
}

/// The statement as text, which is what is signed.
pub fn statement(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let assurance: Assurance = x.word("assurance")?;
    let store = x.app.store();
    let said = attest::verdict(store.centre(), &evaluation, assurance, &conditions(x), &terms(x));
    let said = said.ok_or(Fault::NotFound)?;
    Ok(Answer::Json(json!({"payload": said.to_string(), "payloadType": attest::PAYLOAD_TYPE})))
}

pub fn sign(x: &Exchange<'_>) -> Answered {
    let evaluation = x.evaluation(Page::Evaluations)?;
    let envelope = x.required("envelope")?.as_bytes();
    let verifier = keys::verifier(&key(x)?).map_err(|error| Fault::Internal(error.to_string()))?;
    let said = attest::open(envelope, &verifier).map_err(|error| Fault::Bad(error.to_string()))?;
    let predicate = &said["predicate"];
    if predicate["evaluation"].as_str() != Some(&evaluation) {
        return Err(Fault::Bad("the statement is about another evaluation".into()));
    }
    // What is written down is what was signed, not what a form says beside it.
    let word = |value: &Value| serde_json::from_value::<Assurance>(value.clone());
    let assurance =
        word(&predicate["assurance"]).map_err(|_| Fault::Bad("the statement gives no assurance".into()))?;
    let conditions = predicate["conditions"].as_array().into_iter().flatten();
    let conditions: Vec<String> = conditions.filter_map(|one| one.as_str().map(str::to_owned)).collect();
    let expected = {
        let store = x.app.store();
        attest::verdict(store.centre(), &evaluation, assurance, &conditions, &Terms::default())
            .ok_or(Fault::NotFound)?
    };
    if said["subject"] != expected["subject"] {
        return Err(Fault::Bad("the statement names other artefacts than the evaluation has".into()));
    }
    let statement = x.app.put(envelope)?;
    let to = format!("/evaluations/{}", url(&evaluation));
    let act = Act::SignOff { evaluation, assurance, conditions, statement };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    done(x, entry, &to)
}
