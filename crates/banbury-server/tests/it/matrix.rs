//! Every role on every route, against the policy as a file.

use banbury_server::routes::{Method, Needs, ROUTES};
use serde_json::Value;

use crate::common::{Client, PEOPLE, Site};

/// What the policy's text says, read without the code under test.
fn allowed(policy: &toml::Value, role: &str, needs: Needs) -> bool {
    let lists = |list: Option<&toml::Value>, word: &str| {
        list.and_then(toml::Value::as_array)
            .is_some_and(|all| all.iter().any(|one| one.as_str() == Some(word)))
    };
    match needs {
        Needs::Nothing | Needs::Account => true,
        Needs::Do(act) => lists(policy["may"].get(role), act),
        Needs::See(page) => {
            let word = format!("{page:?}").to_lowercase();
            lists(policy["read"].get(role).and_then(|read| read.get("pages")), &word)
        }
    }
}

fn path(pattern: &str) -> String {
    let parts = [
        ("{evaluation}", "core-2"),
        ("{finding}", "f2"),
        ("{person}", "nobody"),
        ("{job}", "7"),
        ("{number}", "1"),
        ("{rule}", "buffer-overflow"),
    ];
    parts.iter().fold(pattern.to_owned(), |path, (name, value)| path.replace(name, value))
}

fn ask(client: &Client, method: Method, path: &str) -> u16 {
    match method {
        Method::Get => client.get(path).status,
        Method::Post => client.post(path, "").status,
    }
}

#[test]
fn no_role_differs_from_the_policy_on_any_route() {
    let site = Site::new();
    let policy: toml::Value = toml::from_str(banbury_evidence::policy::DEFAULT).unwrap();
    // These end the session that asks.
    let ending = ["/sign-out", "/account/end"];
    let mut pairs = 0;
    for (name, role, _) in PEOPLE {
        let word = serde_json::to_value(role).unwrap();
        let Value::String(role) = word else { panic!("a role is a word") };
        let client = site.person(name);
        for route in ROUTES.iter().filter(|route| !ending.contains(&route.path)) {
            let status = ask(&client, route.method, &path(route.path));
            let expected = allowed(&policy, &role, route.needs);
            assert_eq!(
                status != 403 && status != 401,
                expected,
                "{role} {:?} {}: {status}",
                route.method,
                route.path
            );
            assert_ne!(status, 500, "{role} {}", route.path);
            pairs += 1;
        }
    }
    assert!(pairs > 8 * 60, "{pairs}");
}

#[test]
fn nobody_gets_anywhere_without_signing_in() {
    let site = Site::new();
    for route in ROUTES.iter().filter(|route| route.needs != Needs::Nothing) {
        let path = path(route.path);
        let answer = match route.method {
            Method::Get => site.nobody().get(&path),
            Method::Post => site.nobody().post(&path, ""),
        };
        match route.is_api() {
            true => assert_eq!(answer.status, 401, "{path}"),
            false => {
                assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")), "{path}")
            }
        }
    }
}
