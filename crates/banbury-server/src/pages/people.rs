//! Signing in, one's own account, and who works here.

use askama::Template;
use banbury_evidence::act::{Act, Role};
use banbury_evidence::keys;

use super::{Frame, PLACES, done, page, role_word, role_words, url};
use crate::accounts::{self, SHORTEST, hash_password, hashed};
use crate::app::now;
use crate::exchange::{Answer, Answered, Exchange, Fault};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    frame: Frame,
    person: String,
    code: String,
    shortest: usize,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    organisation: String,
    shortest: usize,
    tokens: Vec<(String, String)>,
    /// Shown once.
    token: String,
}

#[derive(Template)]
#[template(path = "people.html")]
struct People {
    frame: Frame,
    rows: Vec<PersonRow>,
    roles: Vec<(&'static str, &'static str)>,
    may_enter: bool,
    may_dismiss: bool,
    /// Person and address of a new invitation; shown once.
    invitation: Option<(String, String)>,
}

struct PersonRow {
    name: String,
    link: String,
    roles: String,
    organisation: String,
    has_key: bool,
    has_account: bool,
    dismissed: bool,
}

/// The first page of those that the visitor may see.
pub fn home(x: &Exchange<'_>) -> Answered {
    let first = PLACES.iter().find(|(page, _, _)| x.sight(*page).is_ok());
    Ok(Answer::To(first.map_or("/account", |(_, to, _)| to).to_owned()))
}

pub fn sign_in_form(x: &Exchange<'_>) -> Answered {
    page(&SignIn { frame: Frame::new(x, "Sign in") })
}

pub fn sign_in(x: &Exchange<'_>) -> Answered {
    let person = x.required("person")?;
    let token = accounts::sign_in(x.app, person, x.required("password")?)?;
    Ok(Answer::SignedIn(token, "/".into()))
}

pub fn sign_out(x: &Exchange<'_>) -> Answered {
    if let Some(session) = &x.visitor()?.session {
        x.app.accounts.end(session)?;
    }
    Ok(Answer::SignedOut)
}

fn invited(x: &Exchange<'_>, code: &str) -> Result<String, Fault> {
    let no_longer = || Fault::Bad("this invitation is used up or too old; ask for another".into());
    x.app.accounts.invited(&hashed(code), now())?.ok_or_else(no_longer)
}

pub fn welcome_form(x: &Exchange<'_>) -> Answered {
    let code = x.asked("code").ok_or_else(|| Fault::Bad("an invitation has a code".into()))?;
    let person = invited(x, code)?;
    page(&Welcome {
        frame: Frame::new(x, "Set a password"),
        person,
        code: code.to_owned(),
        shortest: SHORTEST,
    })
}

pub fn welcome(x: &Exchange<'_>) -> Answered {
    let code = x.required("code")?;
    let person = invited(x, code)?;
    let password = new_password(x)?;
    if !x.app.accounts.use_up(&hashed(code))? {
        return Err(Fault::Bad("this invitation is used up; ask for another".into()));
    }
    x.app.accounts.set_password(&person, &password)?;
    Ok(Answer::SignedIn(accounts::begin(x.app, &person)?, "/".into()))
}

fn new_password(x: &Exchange<'_>) -> Result<String, Fault> {
    let password = x.required("password")?;
    if x.required("again")? != password {
        return Err(Fault::Bad("the two passwords differ".into()));
    }
    hash_password(password)
}

pub fn account(x: &Exchange<'_>) -> Answered {
    account_page(x, String::new())
}

fn account_page(x: &Exchange<'_>, token: String) -> Answered {
    let visitor = x.visitor()?;
    let tokens = x.app.accounts.tokens(&visitor.name)?;
    let day = |made: i64| {
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(made.max(0) as u64);
        humantime::format_rfc3339_seconds(time).to_string()
    };
    page(&Account {
        frame: Frame::new(x, "Your account"),
        organisation: visitor.organisation.clone(),
        shortest: SHORTEST,
        tokens: tokens.into_iter().map(|(name, made)| (name, day(made))).collect(),
        token,
    })
}

/// A new password ends every session; the one that asked for it goes on with a new one.
pub fn change_password(x: &Exchange<'_>) -> Answered {
    let person = &x.visitor()?.name;
    let password = new_password(x)?;
    let old = accounts::sign_in(x.app, person, x.required("old")?)?;
    x.app.accounts.end(&hashed(&old))?;
    x.app.accounts.set_password(person, &password)?;
    Ok(Answer::SignedIn(accounts::begin(x.app, person)?, "/account".into()))
}

pub fn new_token(x: &Exchange<'_>) -> Answered {
    let visitor = x.visitor()?;
    if visitor.session.is_none() {
        return Err(Fault::Forbidden("a token makes no tokens; sign in".into()));
    }
    let token = accounts::secret();
    x.app.accounts.add_token(&hashed(&token), &visitor.name, x.required("name")?, now())?;
    account_page(x, token)
}

pub fn end_own(x: &Exchange<'_>) -> Answered {
    x.app.accounts.end_all(&x.visitor()?.name)?;
    Ok(Answer::SignedOut)
}

pub fn list(x: &Exchange<'_>) -> Answered {
    people_page(x, None)
}

fn people_page(x: &Exchange<'_>, invitation: Option<(String, String)>) -> Answered {
    let with_account = x.app.accounts.people()?;
    let all = [
        Role::Administrator,
        Role::Lead,
        Role::Evaluator,
        Role::VendorEngineer,
        Role::Operator,
        Role::Overseer,
        Role::Auditor,
    ];
    let store = x.app.store();
    let rows = store.centre().people.iter().map(|(name, person)| PersonRow {
        name: name.clone(),
        link: url(name),
        roles: role_words(&person.roles),
        organisation: person.organisation.clone(),
        has_key: person.key.is_some(),
        has_account: with_account.contains(name),
        dismissed: person.dismissed,
    });
    let rows = rows.collect();
    drop(store);
    page(&People {
        frame: Frame::new(x, "People"),
        rows,
        roles: all.map(|role| (role_word(role), role_word(role))).to_vec(),
        may_enter: x.may("person"),
        may_dismiss: x.may("dismiss"),
        invitation,
    })
}

pub fn enter(x: &Exchange<'_>) -> Answered {
    let roles: Result<Vec<Role>, Fault> = x
        .fields("role")
        .map(|word| {
            let name = serde_json::Value::from(word.replace(' ', "-"));
            serde_json::from_value(name).map_err(|_| Fault::Bad(format!("there is no role `{word}`")))
        })
        .collect();
    let roles = roles?;
    if roles.is_empty() {
        return Err(Fault::Bad("choose at least one role".into()));
    }
    let key = x.field("key").map(|key| key.trim().to_owned());
    if let Some(key) = &key {
        keys::verifier(key).map_err(|error| Fault::Bad(error.to_string()))?;
    }
    let person = x.required("person")?.trim().to_owned();
    let organisation = x.required("organisation")?.trim().to_owned();
    let act = Act::Person { person, roles, organisation, key };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    done(x, entry, "/people")
}

/// The person that the path names.
fn known(x: &Exchange<'_>) -> Result<String, Fault> {
    let name = x.part("person").to_owned();
    x.app.store().centre().people.get(&name).filter(|one| !one.dismissed).ok_or(Fault::NotFound)?;
    Ok(name)
}

pub fn invite(x: &Exchange<'_>) -> Answered {
    let person = known(x)?;
    let code = x.app.invite(&person)?;
    people_page(x, Some((person, format!("/welcome?code={code}"))))
}

pub fn end_sessions(x: &Exchange<'_>) -> Answered {
    x.app.accounts.end_all(&known(x)?)?;
    Ok(Answer::To("/people".into()))
}

pub fn dismiss(x: &Exchange<'_>) -> Answered {
    let person = known(x)?;
    let act = Act::Dismiss { person: person.clone(), reason: x.required("reason")?.to_owned() };
    let entry = x.app.act(&x.visitor()?.name, vec![act])?;
    x.app.accounts.end_all(&person)?;
    done(x, entry, "/people")
}
