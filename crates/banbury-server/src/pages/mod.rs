//! The pages. Each file has the handlers of one subject and what their templates show.

pub mod assets;
pub mod changes;
pub mod evaluations;
pub mod finding;
pub mod findings;
pub mod jobs;
pub mod log;
pub mod network;
pub mod people;
pub mod report;
pub mod rules;
pub mod sign_off;

use askama::Template;
use banbury_evidence::act::Role;
use banbury_evidence::policy::Page;
use serde_json::json;

use crate::exchange::{Answer, Answered, Exchange, Fault, Visitor};

/// What surrounds every page.
pub struct Frame {
    pub title: String,
    pub centre: String,
    pub person: String,
    pub roles: String,
    pub csrf: String,
    /// Address, words, whether the page belongs to it.
    pub places: Vec<(&'static str, &'static str, bool)>,
    /// What the last act was, or why there was none.
    pub notice: String,
}

/// First pages by what they show.
const PLACES: [(Page, &str, &str); 6] = [
    (Page::Evaluations, "/evaluations", "Evaluations"),
    (Page::Network, "/network", "Network"),
    (Page::Jobs, "/jobs", "Jobs"),
    (Page::Log, "/log", "Oversight"),
    (Page::Report, "/report", "Report"),
    (Page::People, "/people", "People"),
];

impl Frame {
    pub fn new(x: &Exchange<'_>, title: &str) -> Frame {
        let store = x.app.store();
        let centre = store.centre();
        let visitor = x.visitor.as_ref();
        let sees = |page: Page| {
            let policy = centre.policy.as_ref();
            visitor.zip(policy).is_some_and(|(visitor, policy)| policy.sight(&visitor.roles, page).is_some())
        };
        let here = x.path.as_str();
        Frame {
            title: title.to_owned(),
            centre: centre.name.clone(),
            person: visitor.map(|visitor| visitor.name.clone()).unwrap_or_default(),
            roles: visitor.map(|visitor| role_words(&visitor.roles)).unwrap_or_default(),
            csrf: visitor.map(|visitor| visitor.csrf.clone()).unwrap_or_default(),
            places: PLACES
                .iter()
                .filter(|(page, _, _)| sees(*page))
                .map(|(_, to, words)| (*to, *words, here.starts_with(to)))
                .collect(),
            notice: x
                .asked("done")
                .map(|entry| format!("Written down as entry {entry}."))
                .unwrap_or_default(),
        }
    }
}

pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Administrator => "administrator",
        Role::Lead => "lead",
        Role::Evaluator => "evaluator",
        Role::VendorEngineer => "vendor engineer",
        Role::Operator => "operator",
        Role::Overseer => "overseer",
        Role::Auditor => "auditor",
    }
}

fn role_words(roles: &[Role]) -> String {
    roles.iter().map(|role| role_word(*role)).collect::<Vec<_>>().join(", ")
}

pub fn page(template: &impl Template) -> Answered {
    template.render().map(Answer::Page).map_err(|error| Fault::Internal(error.to_string()))
}

/// The answer to an act that was written down: its number, or the page to go on with.
pub fn done(x: &Exchange<'_>, entry: u64, to: &str) -> Answered {
    if x.api {
        return Ok(Answer::Json(json!({"entry": entry})));
    }
    // A form may say where to go on, on this server only.
    let to = x.field("to-page").filter(|to| is_local(to)).unwrap_or(to);
    let mark = if to.contains('?') { '&' } else { '?' };
    Ok(Answer::To(format!("{to}{mark}done={entry}")))
}

fn is_local(to: &str) -> bool {
    to.starts_with('/') && !to.starts_with("//") && !to.contains('\\') && !to.contains(char::is_control)
}

/// A part of an address.
pub fn url(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// The address of this list with one value of the query changed; an empty one goes away.
pub fn with_query(base: &str, query: &[(&str, &str)]) -> String {
    let kept = query.iter().filter(|(_, value)| !value.is_empty());
    let text: Vec<String> = kept.map(|(name, value)| format!("{name}={}", url(value))).collect();
    if text.is_empty() { base.to_owned() } else { format!("{base}?{}", text.join("&")) }
}

/// The day of an RFC 3339 time.
pub fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}

/// Weight in decibans, for reading.
pub fn decibans(weight: Option<f64>) -> String {
    weight.map_or("not weighed".to_owned(), |weight| format!("{weight:+.1} dB"))
}

pub use banbury_base::text::thousands as number;

/// [`number`] for templates, which hand on references.
pub fn figure(n: &i64) -> String {
    number(*n)
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    frame: Frame,
    status: u16,
    text: String,
}

/// The page for a request that was not done.
pub fn fault_page(visitor: Option<&Visitor>, status: u16, fault: &Fault) -> String {
    let text = match fault {
        Fault::Internal(_) => "Something broke off; the server's own log says what.".to_owned(),
        other => other.to_string(),
    };
    let frame = Frame {
        title: "Not done".into(),
        centre: String::new(),
        person: visitor.map(|visitor| visitor.name.clone()).unwrap_or_default(),
        roles: String::new(),
        csrf: visitor.map(|visitor| visitor.csrf.clone()).unwrap_or_default(),
        places: vec![("/", "Back to work", false)],
        notice: String::new(),
    };
    FaultPage { frame, status, text }.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_here() {
        assert!(is_local("/evaluations/a?x=1"));
        for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nx: y", ""] {
            assert!(!is_local(elsewhere), "{elsewhere}");
        }
        assert_eq!(url("a b/#2"), "a%20b%2F%232");
        assert_eq!(
            (number(0), number(999), number(-1_234_567)),
            ("0".into(), "999".into(), "-1,234,567".into())
        );
    }
}
