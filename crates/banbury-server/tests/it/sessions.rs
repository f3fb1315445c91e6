//! Signing in, and what a session is worth before and after.

use banbury_evidence::files::Folder;
use banbury_evidence::verify::{Known, verify};

use crate::common::{Client, PASSWORD, Site};

fn sign_in(client: &Client, person: &str, password: &str) -> crate::common::Answer {
    client.post("/sign-in", &format!("person={person}&password={}", password.replace(' ', "+")))
}

#[test]
fn a_planted_session_is_worth_nothing() {
    let site = Site::new();
    let eve = site.person("eve");
    let planted = "banbury-session=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let mut victim = site.nobody();
    victim.cookie = Some(planted.into());
    let answer = sign_in(&victim, "eve", PASSWORD);
    assert_eq!(answer.status, 303, "{}", answer.body);
    victim.take_session(&answer);
    assert_ne!(victim.cookie.as_deref(), Some(planted));
    let mut attacker = site.nobody();
    attacker.cookie = Some(planted.into());
    assert_eq!(attacker.get("/evaluations").status, 303);
    // Another sign-in is another session: that of the first goes on, on its own.
    assert_ne!(victim.cookie, eve.cookie);
    assert_eq!(victim.post("/sign-out", "").status, 303);
    assert_eq!(victim.get("/evaluations").status, 303);
    assert_eq!(eve.get("/evaluations").status, 200);
}

#[test]
fn guessing_locks_the_account() {
    let site = Site::new();
    site.person("eve");
    let client = site.nobody();
    for _ in 0..5 {
        assert_eq!(sign_in(&client, "eve", "a wrong password").status, 403);
    }
    assert_eq!(sign_in(&client, "eve", "a wrong password").status, 429);
    // Not even the right one is told apart now.
    assert_eq!(sign_in(&client, "eve", PASSWORD).status, 429);
    // Somebody who is not there is as wrong as somebody who is.
    assert_eq!(sign_in(&client, "nobody", PASSWORD).status, 403);
}

#[test]
fn an_invitation_is_good_once() {
    let mut site = Site::new();
    let root = site.person("root");
    let page = root.post("/people/max/invite", "");
    let code = page.body.split("/welcome?code=").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let form = format!("code={code}&password=another+long+one&again=another+long+one");
    assert_eq!(site.nobody().post("/welcome", &form.replace("again=another", "again=some")).status, 400);
    assert_eq!(site.nobody().post("/welcome", &form).status, 303);
    assert_eq!(site.nobody().post("/welcome", &form).status, 400);
    assert_eq!(sign_in(&site.nobody(), "max", "another long one").status, 303);
    site.stop();
}

#[test]
fn whoever_is_dismissed_is_out_at_once() {
    let site = Site::new();
    let (root, eve) = (site.person("root"), site.person("eve"));
    assert_eq!(eve.get("/evaluations").status, 200);
    assert_eq!(root.post("/people/eve/dismiss", "reason=left").status, 303);
    assert_eq!(eve.get("/evaluations").status, 303);
    assert_eq!(sign_in(&site.nobody(), "eve", PASSWORD).status, 403);
}

#[test]
fn a_token_may_what_its_owner_may() {
    let site = Site::new();
    let eve = site.person("eve");
    let page = eve.post("/account/tokens", "name=script").body;
    let token = page.split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let mut program = site.nobody();
    program.headers.push(("Authorization".into(), format!("Bearer {token}")));
    let body = br#"{"finding": ["f2", "f3"], "verdict": "confirmed", "reason": "read"}"#;
    let answer = program.send("POST", "/api/v1/evaluations/core-2/decide", Some("application/json"), body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let answer = program.get("/api/v1/evaluations/core-2/findings?verdict=confirmed");
    let findings: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(findings["findings"].as_array().unwrap().len(), 2);
    assert_eq!(program.get("/api/v1/log").status, 200);
    assert_eq!(program.send("POST", "/people", None, b"").status, 403);
    eve.post("/account/end", "");
    assert_eq!(program.get("/api/v1/evaluations").status, 401);
}

#[test]
fn a_restart_keeps_everything() {
    let mut site = Site::new();
    let mut eve = site.person("eve");
    let form = "finding=f0&verdict=false-positive&reason=capped+in+decode";
    assert_eq!(eve.post("/evaluations/core-2/decide", form).status, 303);
    let before = eve.get("/api/v1/evaluations/core-2/findings").body;
    site.stop();
    let report = verify(&Folder(site.centre()), &Known::default()).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
    // The index can be thrown away.
    std::fs::remove_file(site.centre().join("server/index.db")).unwrap();
    site.start();
    let mut again = site.nobody();
    (again.cookie, again.csrf) = (eve.cookie.take(), eve.csrf.clone());
    assert_eq!(again.get("/api/v1/evaluations/core-2/findings").body, before);
    assert!(before.contains("capped in decode"));
}
