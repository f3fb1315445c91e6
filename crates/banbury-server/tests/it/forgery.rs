//! Requests that a page of somebody else's may make a browser send, and what answers carry.

use banbury_evidence::store::Store;
use banbury_server::routes::{Method, ROUTES};

use crate::common::Site;

const DECISION: &str = "finding=f2&verdict=confirmed&reason=read";

#[test]
fn a_form_of_another_session_does_nothing() {
    let mut site = Site::new();
    let eve = site.person("eve");
    let path = "/evaluations/core-2/decide";
    let mut forged = eve.clone();
    forged.csrf = String::new();
    assert_eq!(forged.post(path, DECISION).status, 403);
    forged.csrf = site.person("max").csrf;
    assert_eq!(forged.post(path, DECISION).status, 403);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let mut forged = eve.clone();
        forged.headers.push((name.into(), value.into()));
        assert_eq!(forged.post(path, DECISION).status, 403, "{name}: {value}");
    }
    assert_eq!(eve.post(path, DECISION).status, 303);
    site.stop();
    let store = Store::open(&site.centre()).unwrap();
    assert_eq!(store.centre().evaluations["core-2"].dispositions.len(), 1);
}

#[test]
fn another_name_for_this_machine_is_not_answered() {
    let site = Site::new();
    let mut client = site.person("eve");
    client.headers.push(("Host".into(), "evil.example".into()));
    assert_eq!(client.get("/evaluations").status, 400);
    client.headers[0].1 = "centre.example:443".into();
    assert_eq!(client.get("/evaluations").status, 200);
}

#[test]
fn pages_load_nothing_from_elsewhere_and_run_nothing_inline() {
    let site = Site::new();
    let client = site.person("olga");
    for route in ROUTES.iter().filter(|route| route.method == Method::Get && !route.path.contains("events")) {
        let path = route.path.replace("{evaluation}", "core-2").replace("{finding}", "f2");
        let path = path.replace("{number}", "3").replace("{rule}", "buffer-overflow");
        let answer = client.get(&path);
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let is_page = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        if is_page {
            let page = answer.body.to_lowercase();
            for inline in [
                " style=",
                "<style",
                " onclick",
                " onload",
                "javascript:",
                "<script>",
                "src=\"http",
                "href=\"http",
            ] {
                assert!(!page.contains(inline), "{path} has {inline}");
            }
            // What tools and vendors wrote is text.
            for foreign in ["<i>f", "<u>", "<b>x</b>"] {
                assert!(!page.contains(foreign), "{path} has {foreign}");
            }
        }
    }
}
