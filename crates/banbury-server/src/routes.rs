//! All routes: what each needs and who answers. The router, the authorisation and the description of
//! the interface are made from this one table.

use banbury_evidence::policy::Page;

use crate::exchange::{Answered, Exchange};
use crate::{api, pages};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// What somebody must be allowed to use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: whoever reaches the server.
    Nothing,
    /// To be signed in.
    Account,
    /// A page that the policy shows to one of the person's roles.
    See(Page),
    /// An act that the policy lets one of the person's roles do.
    Do(&'static str),
}

pub(crate) type Handle = fn(&Exchange<'_>) -> Answered;

pub struct Route {
    pub method: Method,
    /// With parts in braces.
    pub path: &'static str,
    pub needs: Needs,
    pub about: &'static str,
    /// Fields of the query or the body, for programs.
    pub fields: &'static [Field],
    /// Whether files may come with it.
    pub upload: bool,
    pub(crate) handle: Handle,
}

/// A field that a program may send.
pub struct Field {
    pub name: &'static str,
    pub about: &'static str,
    pub required: bool,
    pub several: bool,
}

const fn get(path: &'static str, needs: Needs, about: &'static str, handle: Handle) -> Route {
    Route { method: Method::Get, path, needs, about, fields: &[], upload: false, handle }
}

const fn post(path: &'static str, needs: Needs, about: &'static str, handle: Handle) -> Route {
    Route { method: Method::Post, path, needs, about, fields: &[], upload: false, handle }
}

impl Route {
    const fn with(mut self, fields: &'static [Field]) -> Route {
        self.fields = fields;
        self
    }

    const fn with_files(mut self) -> Route {
        self.upload = true;
        self
    }

    /// Whether it is for programs.
    pub fn is_api(&self) -> bool {
        self.path.starts_with("/api/")
    }
}

const fn field(name: &'static str, about: &'static str) -> Field {
    Field { name, about, required: false, several: false }
}

const fn needed(name: &'static str, about: &'static str) -> Field {
    Field { name, about, required: true, several: false }
}

const fn several(name: &'static str, about: &'static str) -> Field {
    Field { name, about, required: true, several: true }
}

use Needs::{Account, Do, Nothing, See};

/// Every route there is.
pub static ROUTES: &[Route] = &[
    get("/", Account, "The first page that is of use", pages::people::home),
    get("/style.css", Nothing, "Style sheet", pages::assets::style),
    get("/icon.svg", Nothing, "Icon", pages::assets::icon),
    get("/keys.js", Nothing, "Keyboard shortcuts", pages::assets::keys),
    get("/progress.js", Nothing, "Progress of a job", pages::assets::progress),
    get("/sign.js", Nothing, "Signing in the browser", pages::assets::sign),
    get("/sign-in", Nothing, "Form to sign in", pages::people::sign_in_form),
    post("/sign-in", Nothing, "Sign in", pages::people::sign_in),
    post("/sign-out", Account, "Sign out", pages::people::sign_out),
    get("/welcome", Nothing, "Form to set a password with an invitation", pages::people::welcome_form),
    post("/welcome", Nothing, "Set a password with an invitation", pages::people::welcome),
    get("/account", Account, "One's own account", pages::people::account),
    post("/account/password", Account, "Another password", pages::people::change_password),
    post("/account/tokens", Account, "A token for programs", pages::people::new_token),
    post("/account/end", Account, "End all of one's sessions and tokens", pages::people::end_own),
    get("/people", See(Page::People), "Who works here and what each may do", pages::people::list),
    post("/people", Do("person"), "Enter a person", pages::people::enter),
    post("/people/{person}/invite", Do("person"), "Make an invitation", pages::people::invite),
    post("/people/{person}/end", Do("person"), "End a person's sessions", pages::people::end_sessions),
    post("/people/{person}/dismiss", Do("dismiss"), "Dismiss a person", pages::people::dismiss),
    get("/evaluations", See(Page::Evaluations), "All evaluations", pages::evaluations::list),
    get("/evaluations/new", Do("open"), "Form to open an evaluation", pages::evaluations::form),
    post("/evaluations", Do("open"), "Open an evaluation", pages::evaluations::open),
    get("/evaluations/{evaluation}", See(Page::Evaluations), "One evaluation", pages::evaluations::show),
    get("/evaluations/{evaluation}/review", Do("run"), "Form to start a review", pages::jobs::form),
    post("/evaluations/{evaluation}/review", Do("run"), "Start a review", pages::jobs::start).with_files(),
    post("/evaluations/{evaluation}/results", Do("run"), "Take in SARIF", pages::jobs::results).with_files(),
    post(
        "/evaluations/{evaluation}/conflict",
        Do("conflict"),
        "Declare an interest",
        pages::evaluations::conflict,
    ),
    post(
        "/evaluations/{evaluation}/remark",
        Do("remark"),
        "An overseer's remark",
        pages::evaluations::remark,
    ),
    post("/evaluations/{evaluation}/reopen", Do("reopen"), "Reopen", pages::evaluations::reopen),
    get("/evaluations/{evaluation}/sign-off", Do("sign-off"), "Form to sign", pages::sign_off::form),
    post(
        "/evaluations/{evaluation}/statement",
        Do("sign-off"),
        "What is to be signed",
        pages::sign_off::statement,
    ),
    post("/evaluations/{evaluation}/sign-off", Do("sign-off"), "Hand in a signature", pages::sign_off::sign),
    get("/evaluations/{evaluation}/findings", See(Page::Findings), "Findings", pages::findings::list),
    get(
        "/evaluations/{evaluation}/findings/{finding}",
        See(Page::Findings),
        "One finding",
        pages::finding::show,
    ),
    post(
        "/evaluations/{evaluation}/decide",
        Do("disposition"),
        "Decide on findings",
        pages::findings::decide,
    ),
    post("/evaluations/{evaluation}/assign", Do("assign"), "Assign findings", pages::findings::assign),
    post("/evaluations/{evaluation}/severity", Do("severity"), "Rate findings", pages::findings::severity),
    post("/evaluations/{evaluation}/comment", Do("comment"), "Comment", pages::findings::comment),
    post(
        "/evaluations/{evaluation}/embargo",
        Do("embargo"),
        "Hide from the vendor",
        pages::findings::embargo,
    ),
    post("/evaluations/{evaluation}/release", Do("release"), "End an embargo", pages::findings::release),
    get(
        "/evaluations/{evaluation}/changes",
        See(Page::Changes),
        "Changes since the release before",
        pages::changes::list,
    ),
    post(
        "/evaluations/{evaluation}/read",
        Do("reading"),
        "Say what one thinks of a change",
        pages::changes::read,
    ),
    get("/jobs", See(Page::Jobs), "Reviews that run or ran", pages::jobs::list),
    get("/jobs/{job}", See(Page::Jobs), "One job", pages::jobs::show),
    get("/jobs/{job}/events", See(Page::Jobs), "A job's progress as it happens", pages::jobs::events),
    post("/jobs/{job}/stop", Do("run"), "Stop a job", pages::jobs::stop),
    get("/network", See(Page::Network), "Deployment controls", pages::network::show),
    get("/network/what-if", See(Page::Network), "If a vendor were hostile", pages::network::what_if),
    get("/log", See(Page::Log), "The log and how the centre works", pages::log::show),
    get("/log/{number}", See(Page::Log), "One entry and its proof", pages::log::entry),
    get("/report", See(Page::Report), "The annual report", pages::report::show),
    get("/rules/{rule}", Account, "What a rule checks", pages::rules::show),
    get("/api/v1/openapi.json", Account, "This description", api::openapi),
    get("/api/v1/evaluations", See(Page::Evaluations), "All evaluations", api::evaluations),
    post("/api/v1/evaluations", Do("open"), "Open an evaluation", pages::evaluations::open).with(&[
        needed("evaluation", "Its name"),
        needed("vendor", "Whose product it is"),
        needed("product", "The product"),
        needed("release", "The release"),
        field("after", "The evaluation of the release before"),
    ]),
    get("/api/v1/evaluations/{evaluation}", See(Page::Evaluations), "One evaluation", api::evaluation),
    get(
        "/api/v1/evaluations/{evaluation}/findings",
        See(Page::Findings),
        "Findings, heaviest first",
        api::findings,
    )
    .with(&[
        field("verdict", "open, confirmed, false positive, accepted risk, fixed, duplicate"),
        field("standing", "new, persisting, reappeared; fixed: gone since the release before"),
        field("rule", "Rule"),
        field("assigned", "Who is to look at them"),
        field("file", "Beginning of the path"),
        field("weight", "Least weight in decibans"),
        field("after", "`next` of the page before"),
    ]),
    get(
        "/api/v1/evaluations/{evaluation}/findings/{finding}",
        See(Page::Findings),
        "One finding",
        api::finding,
    ),
    post(
        "/api/v1/evaluations/{evaluation}/decide",
        Do("disposition"),
        "Decide on findings",
        pages::findings::decide,
    )
    .with(&[
        several("finding", "Names of findings"),
        needed("verdict", "confirmed, false-positive, accepted-risk, fixed, duplicate, open"),
        needed("reason", "Why"),
        field("until", "Until when a risk is accepted, YYYY-MM-DD"),
    ]),
    post("/api/v1/evaluations/{evaluation}/assign", Do("assign"), "Assign findings", pages::findings::assign)
        .with(&[
            several("finding", "Names of findings"),
            field("to", "Who is to look at them; nobody, if empty"),
        ]),
    post("/api/v1/evaluations/{evaluation}/comment", Do("comment"), "Comment", pages::findings::comment)
        .with(&[
            field("finding", "On which finding; on the evaluation, if empty"),
            needed("text", "The comment"),
        ]),
    get(
        "/api/v1/evaluations/{evaluation}/changes",
        See(Page::Changes),
        "Changes, heaviest first",
        api::changes,
    )
    .with(&[
        field("verdict", "unread, fine, question, defect"),
        field("file", "Beginning of the path"),
        field("after", "`next` of the page before"),
    ]),
    post(
        "/api/v1/evaluations/{evaluation}/read",
        Do("reading"),
        "Say what one thinks of a change",
        pages::changes::read,
    )
    .with(&[
        several("change", "Names of changes"),
        needed("verdict", "fine, question, defect"),
        field("note", "Why"),
    ]),
    get("/api/v1/jobs/{job}", See(Page::Jobs), "One job", api::job),
    get("/api/v1/log", See(Page::Log), "Entries, the last first", api::log)
        .with(&[field("before", "`next` of the page before")]),
    get("/api/v1/log/{number}", See(Page::Log), "One entry and the proof that it is in the log", api::entry),
    get("/api/v1/checkpoint", Account, "The log's signed checkpoint", api::checkpoint),
];
