//! What each role comes for, and two at the same time.

use banbury_evidence::act::Verdict;
use banbury_evidence::files::Folder;
use banbury_evidence::store::Store;
use banbury_evidence::verify::{Known, verify};
use banbury_evidence::{attest, keys};
use serde_json::Value;

use crate::common::{Client, Site};

const LINK: &str = "/evaluations/core-2";

fn ok(client: &Client, path: &str) -> String {
    let answer = client.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.body
}

fn done(client: &Client, path: &str, form: &str) {
    let answer = client.post(path, form);
    assert_eq!(answer.status, 303, "{path}: {}", answer.body);
}

#[test]
fn an_evaluator_works_through_findings_and_changes() {
    let site = Site::new();
    let eve = site.person("eve");
    let list = ok(&eve, &format!("{LINK}/findings?verdict=open"));
    assert!(list.contains("about &#60;i&#62;f0"), "{list}");
    let page = ok(&eve, &format!("{LINK}/findings/f0"));
    for part in ["read here", "used here", "src/a.c", "as the tool quotes it"] {
        assert!(page.contains(part), "{part}");
    }
    done(&eve, &format!("{LINK}/comment"), "finding=f0&text=who+calls+this%3F");
    done(&eve, &format!("{LINK}/assign"), "finding=f0&finding=f2&to=max");
    done(&eve, &format!("{LINK}/severity"), "finding=f0&severity=high&reason=remote");
    done(&eve, &format!("{LINK}/decide"), "finding=f0&finding=f2&verdict=confirmed&reason=no+bound");
    let page = ok(&eve, &format!("{LINK}/findings/f0"));
    for part in ["who calls this?", "assigned to max", "severity high: remote", "confirmed: no bound"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(ok(&eve, &format!("{LINK}/findings?assigned=max")).matches("data-href").count() == 2);
    assert_eq!(eve.post(&format!("{LINK}/decide"), "finding=f9&verdict=confirmed&reason=x").status, 409);
    assert_eq!(eve.post(&format!("{LINK}/decide"), "finding=f0&verdict=confirmed").status, 400);
    let changes = ok(&eve, &format!("{LINK}/changes?verdict=unread"));
    assert_eq!(changes.matches("data-row>").count(), 2);
    done(&eve, &format!("{LINK}/read"), "change=c0&verdict=question&note=why");
    assert_eq!(ok(&eve, &format!("{LINK}/changes?verdict=unread")).matches("data-row>").count(), 1);
    assert_eq!(eve.post(&format!("{LINK}/read"), "change=c9&verdict=fine").status, 409);
}

#[test]
fn a_vendor_sees_its_own_product_and_no_embargo() {
    let site = Site::new();
    let vera = site.person("vera");
    let overview = ok(&vera, "/evaluations");
    assert!(overview.contains("core-2") && !overview.contains("Rival"));
    for path in ["/evaluations/other", "/evaluations/other/findings", "/api/v1/evaluations/other"] {
        assert_eq!(vera.get(path).status, 404, "{path}");
    }
    let list = ok(&vera, &format!("{LINK}/findings"));
    assert!(list.contains("f0") && !list.contains("f1&") && !list.contains(">eve<"));
    assert!(!ok(&vera, "/api/v1/evaluations/core-2/findings").contains("\"f1\""));
    assert_eq!(vera.get(&format!("{LINK}/findings/f1")).status, 404);
    // Four of five, whatever is counted.
    let seen: Value = serde_json::from_str(&ok(&vera, "/api/v1/evaluations/core-2")).unwrap();
    assert_eq!((&seen["figures"]["findings"], &seen["runs"][0]["findings"]), (&4.into(), &Value::Null));
    assert_eq!(vera.post(&format!("{LINK}/comment"), "finding=f1&text=x").status, 404);
    done(&vera, &format!("{LINK}/comment"), "finding=f0&text=fixed+in+2.1");
    let lead = site.person("ann");
    done(&lead, &format!("{LINK}/release"), "finding=f1&reason=patched");
    assert_eq!(vera.get(&format!("{LINK}/findings/f1")).status, 200);
}

#[test]
fn an_operator_sees_no_code() {
    let site = Site::new();
    let otto = site.person("otto");
    let (list, page) = (ok(&otto, &format!("{LINK}/findings")), ok(&otto, &format!("{LINK}/findings/f0")));
    let api = ok(&otto, "/api/v1/evaluations/core-2/findings/f0");
    for text in [list, page, api] {
        assert!(
            text.contains("buffer-overflow") && !text.contains("a.c") && !text.contains("decode"),
            "{text}"
        );
    }
}

#[test]
fn an_overseer_checks_the_log_and_says_so() {
    let site = Site::new();
    let olga = site.person("olga");
    let page = ok(&olga, "/log");
    assert!(page.contains("centre.example") && page.contains("embargo"));
    assert!(ok(&olga, "/log/3").contains("holds</span>"));
    let proof: Value = serde_json::from_str(&ok(&olga, "/api/v1/log/3")).unwrap();
    assert_eq!(proof["holds"], true);
    done(&olga, &format!("{LINK}/remark"), "text=who+read+the+changes%3F");
    assert!(ok(&olga, LINK).contains("who read the changes?"));
    let seen = ok(&olga, "/api/v1/checkpoint").into_bytes();
    let known = Known { checkpoints: vec![seen], ..Known::default() };
    assert!(verify(&Folder(site.centre()), &known).unwrap().faults.is_empty());
    ok(&site.person("axel"), "/report");
}

#[test]
fn two_sign_and_the_evaluation_is_closed() {
    let site = Site::new();
    let (ann, max) = (site.person("ann"), site.person("max"));
    for (client, index) in [(&ann, 1), (&max, 3)] {
        ok(client, &format!("{LINK}/sign-off"));
        let answer = client.post(&format!("{LINK}/statement"), "assurance=approved&conditions=read+the+rest");
        let statement: Value = serde_json::from_str(&answer.body).unwrap();
        let said: Value = serde_json::from_str(statement["payload"].as_str().unwrap()).unwrap();
        let sign = |key: usize| {
            let signer = keys::signer(&site.keys[key].private).unwrap();
            String::from_utf8(attest::sign(&said, &signer).unwrap()).unwrap()
        };
        let form = |envelope: &str| {
            let mut text = String::from("envelope=");
            envelope.bytes().for_each(|byte| text.push_str(&format!("%{byte:02X}")));
            text
        };
        // With somebody else's key it is no signature of this person.
        assert_eq!(client.post(&format!("{LINK}/sign-off"), &form(&sign(2))).status, 400);
        assert_eq!(client.post("/evaluations/core-1/sign-off", &form(&sign(index))).status, 400);
        done(client, &format!("{LINK}/sign-off"), &form(&sign(index)));
    }
    let eve = site.person("eve");
    assert!(ok(&eve, LINK).contains(">signed</span>"));
    let answer = eve.post(&format!("{LINK}/decide"), "finding=f0&verdict=confirmed&reason=late");
    assert_eq!(answer.status, 409);
    done(&ann, &format!("{LINK}/reopen"), "reason=f0");
    done(&eve, &format!("{LINK}/decide"), "finding=f0&verdict=confirmed&reason=late");
}

#[test]
fn an_administrator_enters_people_and_sees_no_findings() {
    let site = Site::new();
    let root = site.person("root");
    let key = &site.keys[2].public.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    done(&root, "/people", &format!("person=ida&organisation=Centre&role=evaluator&role=lead&key={key}"));
    assert!(ok(&root, "/people").contains("evaluator, lead"));
    assert_eq!(root.post("/people", "person=ida&organisation=Centre&role=king").status, 400);
    assert_eq!(root.get(&format!("{LINK}/findings")).status, 403);
}

/// Whatever the order: both are written down, one after the other, and the later one counts.
#[test]
fn two_evaluators_decide_at_the_same_time() {
    let mut site = Site::new();
    let (eve, max) = (site.person("eve"), site.person("max"));
    let work = |client: Client, verdict: &'static str| {
        std::thread::spawn(move || {
            for n in 0..10 {
                let form = format!("finding=f0&verdict={verdict}&reason=number+{n}");
                done(&client, &format!("{LINK}/decide"), &form);
            }
        })
    };
    let both = [work(eve.clone(), "confirmed"), work(max, "false-positive")];
    both.into_iter().for_each(|one| one.join().unwrap());
    let shown: Value = serde_json::from_str(&ok(&eve, "/api/v1/evaluations/core-2/findings/f0")).unwrap();
    site.stop();
    let store = Store::open(&site.centre()).unwrap();
    let last = &store.centre().evaluations["core-2"].dispositions["f0"];
    let word = if last.verdict == Verdict::Confirmed { "confirmed" } else { "false positive" };
    assert_eq!(shown["finding"]["verdict"], word);
    assert_eq!(shown["finding"]["by"], last.by.as_str());
    let report = verify(store.files(), &Known::default()).unwrap();
    assert!(report.faults.is_empty(), "{:?}", report.faults);
}
