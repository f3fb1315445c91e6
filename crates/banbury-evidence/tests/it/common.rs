//! A small centre with something of everything in it.

use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use banbury_evidence::act::{Act, ArtefactKind, Assurance, Role, Verdict};
use banbury_evidence::keys::KeyPair;
use banbury_evidence::store::Store;
use banbury_evidence::{Sha256, attest, keys};
use serde_json::json;

pub const RELEASE: &str = "core-2.7";

/// A SARIF log with findings of these names.
pub fn sarif(names: &[&str]) -> Vec<u8> {
    let results: Vec<_> = names
        .iter()
        .map(|name| {
            json!({"ruleId": "buffer-overflow", "message": {"text": format!("about {name}")},
            "partialFingerprints": {"t/v1": name},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": "a.c"}, "region": {"startLine": 7}}}]})
        })
        .collect();
    let driver = json!({"driver": {"name": "tool", "version": "1"}});
    json!({"version": "2.1.0", "runs": [{"tool": driver, "results": results}]}).to_string().into_bytes()
}

pub fn person(store: &mut Store, by: &str, name: &str, role: Role) -> KeyPair {
    let key = keys::generate(name).unwrap();
    let act = Act::Person {
        person: name.into(),
        roles: vec![role],
        organisation: "Centre".into(),
        key: Some(key.public.clone()),
    };
    store.act(by, act).unwrap();
    key
}

pub struct People {
    pub lead: KeyPair,
    pub second: KeyPair,
}

/// A centre with people and an evaluation that has a run and dispositions.
pub fn centre(path: &Path) -> (Store, People) {
    let mut store = Store::found(path, "centre.example").unwrap();
    store.now = Some(UNIX_EPOCH + Duration::from_secs(1_795_000_000));
    person(&mut store, "root", "root", Role::Administrator);
    let lead = person(&mut store, "root", "ann", Role::Lead);
    let second = person(&mut store, "root", "bob", Role::Evaluator);
    person(&mut store, "root", "eve", Role::Evaluator);
    person(&mut store, "root", "olga", Role::Overseer);
    open(&mut store, RELEASE, None);
    run(&mut store, RELEASE, &["f1", "f2", "f3"]);
    for finding in ["f1", "f2"] {
        store.act("eve", dispose(RELEASE, finding, Verdict::Confirmed)).unwrap();
    }
    (store, People { lead, second })
}

pub fn open(store: &mut Store, name: &str, after: Option<&str>) {
    let act = Act::Open {
        evaluation: name.into(),
        vendor: "Orbital".into(),
        product: "Core".into(),
        release: name.into(),
        after: after.map(str::to_owned),
    };
    store.act("ann", act).unwrap();
}

pub fn run(store: &mut Store, name: &str, findings: &[&str]) {
    let source = Sha256::of(name.as_bytes());
    let act = Act::Artefact {
        evaluation: name.into(),
        name: format!("{name}.tar"),
        kind: ArtefactKind::Source,
        content: source,
        bytes: 10,
    };
    store.act("eve", act).unwrap();
    let results = store.put(&sarif(findings)).unwrap();
    let act = Act::Run {
        evaluation: name.into(),
        tool: "tool".into(),
        version: "1".into(),
        artefact: Some(source),
        results,
        findings: findings.len() as u64,
        attestation: None,
    };
    store.act("eve", act).unwrap();
}

pub fn dispose(name: &str, finding: &str, verdict: Verdict) -> Act {
    Act::Disposition {
        evaluation: name.into(),
        finding: finding.into(),
        verdict,
        reason: "read".into(),
        until: None,
    }
}

pub fn sign(store: &Store, key: &KeyPair, name: &str) -> Act {
    let subject = [(name.to_owned(), Sha256::of(name.as_bytes()))];
    let said = attest::statement(&subject, attest::VERDICT, json!({"evaluation": name}));
    let envelope = attest::sign(&said, &keys::signer(&key.private).unwrap()).unwrap();
    Act::SignOff {
        evaluation: name.into(),
        assurance: Assurance::Approved,
        conditions: Vec::new(),
        statement: store.put(&envelope).unwrap(),
    }
}
