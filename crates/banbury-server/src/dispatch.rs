//! From HTTP to handlers and back: sessions, permissions, forgery, limits and headers, in one place
//! for all routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::routing::{MethodFilter, on};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::accounts;
use crate::app::App;
use crate::exchange::{Answer, Answered, Exchange, Fault, Upload, Visitor};
use crate::pages;
use crate::routes::{Method, Needs, ROUTES, Route};

const COOKIE: &str = "banbury-session";
/// Largest form or JSON body, in bytes.
const MAX_FORM: usize = 256 << 10;
/// Fields of a form with files.
const MAX_FIELDS: usize = 64;

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let app = app.clone();
        let method = match route.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
        };
        let handle = move |params: RawPathParams, request: Request| {
            let app = app.clone();
            async move {
                let parts = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                dispatch(app, route, parts, request).await
            }
        };
        router = router.route(route.path, on(method, handle));
    }
    // Limits are set here by route; nothing is read before the sender is known.
    router.fallback(nowhere).method_not_allowed_fallback(nowhere).layer(DefaultBodyLimit::disable())
}

async fn nowhere() -> Response<Body> {
    respond(Err(Fault::NotFound), None, false, false)
}

async fn dispatch(
    app: Arc<App>,
    route: &'static Route,
    parts: BTreeMap<String, String>,
    request: Request,
) -> Response<Body> {
    let secure = app.options.secure;
    match exchange(app, route, parts, request).await {
        Ok(response) => response,
        Err(fault) => respond(Err(fault), None, route.is_api(), secure),
    }
}

async fn exchange(
    app: Arc<App>,
    route: &'static Route,
    parts: BTreeMap<String, String>,
    request: Request,
) -> Result<Response<Body>, Fault> {
    let sent = request.headers().clone();
    check_host(&app, &sent)?;
    if route.method == Method::Post {
        check_origin(&sent)?;
    }
    let visitor = identify(app.clone(), sent.clone()).await?;
    permit(&app, route, visitor.as_ref())?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
    let body = match route.method {
        Method::Post => read_body(&app, route, visitor.as_ref(), &sent, request).await?,
        Method::Get => Parsed::default(),
    };
    let shared = app.clone();
    let answering = tokio::task::spawn_blocking(move || {
        let Parsed { form, uploads } = body;
        let api = route.is_api();
        let exchange = Exchange { app: &shared, visitor, path, parts, query, form, uploads, api };
        let answered = (route.handle)(&exchange);
        (answered, exchange.visitor)
    });
    let (answered, visitor) = answering.await.map_err(|error| Fault::Internal(error.to_string()))?;
    match answered {
        Ok(Answer::Events(job)) => events(&app, job),
        answered => Ok(respond(answered, visitor.as_ref(), route.is_api(), app.options.secure)),
    }
}

/// A name that this machine or its user chose: a page of another site that made its own name point
/// here (DNS rebinding) is not answered.
fn check_host(app: &App, headers: &HeaderMap) -> Result<(), Fault> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let known = ["localhost", "127.0.0.1", "[::1]"].contains(&name)
        || app.options.hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    match known {
        true => Ok(()),
        false => Err(Fault::Bad(format!("this server is not `{name}`; --host-name makes it so"))),
    }
}

/// Whatever changes something comes from a page of this server. Browsers say where a request is from.
fn check_origin(headers: &HeaderMap) -> Result<(), Fault> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign = match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_none_or(|(_, from)| from != host),
        (None, Some(_), None) => true,
        (None, None, _) => false,
    };
    if foreign { Err(Fault::Forbidden("the request comes from another site".into())) } else { Ok(()) }
}

async fn identify(app: Arc<App>, headers: HeaderMap) -> Result<Option<Visitor>, Fault> {
    let find = move || match bearer(&headers) {
        Some(token) => accounts::by_token(&app, token),
        None => match cookie(&headers) {
            Some(token) => accounts::by_session(&app, token),
            None => Ok(None),
        },
    };
    let found = tokio::task::spawn_blocking(find).await;
    Ok(found.map_err(|error| Fault::Internal(error.to_string()))??)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';')).find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

fn permit(app: &App, route: &Route, visitor: Option<&Visitor>) -> Result<(), Fault> {
    if route.needs == Needs::Nothing {
        return Ok(());
    }
    let visitor = visitor.ok_or(Fault::SignIn)?;
    let store = app.store();
    let policy = store.centre().policy.as_ref();
    let allowed = policy.is_some_and(|policy| match route.needs {
        Needs::Nothing | Needs::Account => true,
        Needs::See(page) => policy.sight(&visitor.roles, page).is_some(),
        Needs::Do(act) => policy.allows(&visitor.roles, act),
    });
    match allowed {
        true => Ok(()),
        false => Err(Fault::Forbidden(format!("the policy does not let you do this, {}", visitor.name))),
    }
}

/// What came with a request.
#[derive(Default)]
struct Parsed {
    form: Vec<(String, String)>,
    uploads: Vec<Upload>,
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

async fn read_body(
    app: &App,
    route: &Route,
    visitor: Option<&Visitor>,
    sent: &HeaderMap,
    request: Request,
) -> Result<Parsed, Fault> {
    let text = |name: &str| sent.get(name).and_then(|value| value.to_str().ok());
    let kind = text("content-type").unwrap_or_default();
    let csrf = text("x-csrf-token").map(str::to_owned);
    if route.upload && kind.starts_with("multipart/form-data") {
        return read_files(app, visitor, csrf, request).await;
    }
    let too_large = |_| Fault::TooLarge(MAX_FORM as u64);
    let bytes = to_bytes(request.into_body(), MAX_FORM).await.map_err(too_large)?;
    let form = if kind.starts_with("application/json") { json_fields(&bytes)? } else { pairs(&bytes) };
    check_csrf(visitor, csrf.as_deref(), &form)?;
    Ok(Parsed { form, uploads: Vec::new() })
}

/// The fields of a JSON object; a list gives a field several times.
fn json_fields(bytes: &[u8]) -> Result<Vec<(String, String)>, Fault> {
    let bad = || Fault::Bad("the body is not a JSON object of texts and lists of texts".into());
    let value: Value = serde_json::from_slice(bytes).map_err(|_| bad())?;
    let mut out = Vec::new();
    for (name, value) in value.as_object().ok_or_else(bad)? {
        match value {
            Value::Null => {}
            Value::String(text) => out.push((name.clone(), text.clone())),
            Value::Array(list) => {
                for one in list {
                    out.push((name.clone(), one.as_str().ok_or_else(bad)?.to_owned()));
                }
            }
            _ => return Err(bad()),
        }
    }
    Ok(out)
}

/// A session's requests repeat a secret of the session. Programs with a token have no cookie that
/// somebody else could make use of.
fn check_csrf(
    visitor: Option<&Visitor>,
    header: Option<&str>,
    form: &[(String, String)],
) -> Result<(), Fault> {
    let Some(visitor) = visitor.filter(|visitor| visitor.session.is_some()) else { return Ok(()) };
    let field = form.iter().find(|(name, _)| name == "csrf").map(|(_, value)| value.as_str());
    let given = header.or(field).unwrap_or_default();
    match accounts::same(given.as_bytes(), visitor.csrf.as_bytes()) {
        true => Ok(()),
        false => Err(Fault::Forbidden("the form is not of this session; load the page again".into())),
    }
}

/// Reads a form with files, which go to the disk as they come. Fields come before files, so that the
/// session's secret is checked before anything is written.
async fn read_files(
    app: &App,
    visitor: Option<&Visitor>,
    csrf: Option<String>,
    request: Request,
) -> Result<Parsed, Fault> {
    let bad = |error: axum::extract::multipart::MultipartError| Fault::Bad(error.body_text());
    let mut parsed = Parsed::default();
    let mut multipart =
        Multipart::from_request(request, &()).await.map_err(|error| Fault::Bad(error.body_text()))?;
    let mut room = app.options.max_upload;
    for _ in 0..MAX_FIELDS {
        let Some(mut field) = multipart.next_field().await.map_err(bad)? else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let Some(file) = field.file_name().map(str::to_owned) else {
            let mut value = Vec::new();
            while let Some(piece) = field.chunk().await.map_err(bad)? {
                value.extend_from_slice(&piece);
                if value.len() > MAX_FORM {
                    return Err(Fault::TooLarge(MAX_FORM as u64));
                }
            }
            parsed.form.push((name, String::from_utf8_lossy(&value).into_owned()));
            continue;
        };
        check_csrf(visitor, csrf.as_deref(), &parsed.form)?;
        let upload = Upload { name: plain_name(&file), path: app.jobs.new_file() };
        let io = |error: std::io::Error| Fault::Internal(error.to_string());
        let mut out = tokio::fs::File::create(&upload.path).await.map_err(io)?;
        let mut empty = true;
        while let Some(piece) = field.chunk().await.map_err(bad)? {
            room = room.checked_sub(piece.len() as u64).ok_or(Fault::TooLarge(app.options.max_upload))?;
            out.write_all(&piece).await.map_err(io)?;
            empty &= piece.is_empty();
        }
        out.flush().await.map_err(io)?;
        if !empty {
            parsed.uploads.push(upload);
        }
    }
    check_csrf(visitor, csrf.as_deref(), &parsed.form)?;
    Ok(parsed)
}

/// The last part of a name that somebody else chose.
fn plain_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).take(200).collect();
    if plain.trim_matches('.').is_empty() { "upload".to_owned() } else { plain }
}

fn respond(answered: Answered, visitor: Option<&Visitor>, api: bool, secure: bool) -> Response<Body> {
    let response = Response::builder();
    let html = |status, text: String| (status, "text/html; charset=utf-8", Body::from(text));
    let json = |status, value: Value| (status, "application/json", Body::from(value.to_string()));
    let mut location = None;
    let mut set_cookie = None;
    let mut disposition = None;
    let flags = if secure { "; Secure" } else { "" };
    let (status, kind, body) = match answered {
        Ok(Answer::Page(text)) => html(StatusCode::OK, text),
        Ok(Answer::Json(value)) => json(StatusCode::OK, value),
        Ok(Answer::To(to)) => {
            location = Some(to);
            html(StatusCode::SEE_OTHER, String::new())
        }
        Ok(Answer::File(name, kind, bytes)) => {
            let plain: String =
                name.chars().filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c)).collect();
            disposition = Some(format!("attachment; filename=\"{plain}\""));
            (StatusCode::OK, kind, Body::from(bytes))
        }
        Ok(Answer::Asset(kind, bytes)) => (StatusCode::OK, kind, Body::from(bytes)),
        Ok(Answer::SignedIn(token, to)) => {
            set_cookie = Some(format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict{flags}"));
            location = Some(to);
            html(StatusCode::SEE_OTHER, String::new())
        }
        Ok(Answer::SignedOut) => {
            set_cookie = Some(format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{flags}"));
            location = Some("/sign-in".to_owned());
            html(StatusCode::SEE_OTHER, String::new())
        }
        Ok(Answer::Events(_)) => html(StatusCode::OK, String::new()),
        Err(Fault::SignIn) if !api => {
            location = Some("/sign-in".to_owned());
            html(StatusCode::SEE_OTHER, String::new())
        }
        Err(fault) => {
            let status = status(&fault);
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                tracing::error!(%fault, "a request failed");
            }
            match api {
                true => json(status, json!({"error": fault.to_string()})),
                false => html(status, pages::fault_page(visitor, status.as_u16(), &fault)),
            }
        }
    };
    let mut response = response.status(status).header(header::CONTENT_TYPE, kind);
    let more = [
        (header::LOCATION, location),
        (header::SET_COOKIE, set_cookie),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    for (name, value) in more.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        response = response.header(name, value);
    }
    finish(response.body(body))
}

fn status(fault: &Fault) -> StatusCode {
    match fault {
        Fault::NotFound => StatusCode::NOT_FOUND,
        Fault::Forbidden(_) => StatusCode::FORBIDDEN,
        Fault::Refused(_) => StatusCode::CONFLICT,
        Fault::Bad(_) => StatusCode::BAD_REQUEST,
        Fault::SignIn => StatusCode::UNAUTHORIZED,
        Fault::Later => StatusCode::TOO_MANY_REQUESTS,
        Fault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Fault::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Headers of every answer: nothing from elsewhere, nothing inline, in nobody's frame, in no cache.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), usb=()"),
    ("cache-control", "no-store"),
];

fn finish(response: Result<Response<Body>, axum::http::Error>) -> Response<Body> {
    let mut response = response.unwrap_or_else(|_| {
        // A header that cannot be sent, such as an address with a line break in it.
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A job's states as server-sent events, until it is done.
fn events(app: &App, job: u64) -> Result<Response<Body>, Fault> {
    let mut watch = app.jobs.watch(job).ok_or(Fault::NotFound)?;
    // The state that there is now is the first event.
    watch.mark_changed();
    let next = |watch: Option<tokio::sync::watch::Receiver<crate::jobs::State>>| async move {
        let mut watch = watch?;
        watch.changed().await.ok()?;
        let state = watch.borrow_and_update().clone();
        let event = format!("data: {}\n\n", serde_json::to_string(&state).unwrap_or_default());
        Some((Ok::<_, std::io::Error>(event), (!state.is_done()).then_some(watch)))
    };
    let body = Body::from_stream(futures_util::stream::unfold(Some(watch), next));
    let response = Response::builder().header(header::CONTENT_TYPE, "text/event-stream");
    Ok(finish(response.body(body)))
}
