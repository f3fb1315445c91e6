//! Who may do what, and separation of duties.

use crate::common::{RELEASE, centre, dispose, sign};
use banbury_evidence::act::{Act, Verdict};
use banbury_evidence::centre::Refused;
use banbury_evidence::store::{Store, StoreError};

fn refused(store: &mut Store, by: &str, act: Act) -> Refused {
    let size = store.centre().size;
    let error = store.act(by, act).unwrap_err();
    assert_eq!(store.centre().size, size, "a refused act leaves nothing behind");
    match error {
        StoreError::Refused(refused) => refused,
        other => panic!("{other}"),
    }
}

#[test]
fn an_overseer_reads_everything_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = centre(folder.path());
    let act = dispose(RELEASE, "f1", Verdict::FalsePositive);
    assert!(matches!(refused(&mut store, "olga", act), Refused::NotAllowed { .. }));
    let text = store.put(b"the second reader was the first reader's student").unwrap();
    store.act("olga", Act::Remark { evaluation: Some(RELEASE.into()), text }).unwrap();
}

#[test]
fn nobody_signs_own_work() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, people) = centre(folder.path());
    store.act("bob", dispose(RELEASE, "f3", Verdict::FalsePositive)).unwrap();
    let act = sign(&store, &people.second, RELEASE);
    assert_eq!(refused(&mut store, "bob", act), Refused::OwnWork("bob".into(), "disposition"));
}

#[test]
fn two_people_sign_and_then_nothing_changes_unless_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, people) = centre(folder.path());
    let act = sign(&store, &people.lead, RELEASE);
    store.act("ann", act).unwrap();
    let again = sign(&store, &people.lead, RELEASE);
    assert_eq!(refused(&mut store, "ann", again), Refused::Signed("ann".into()));
    let act = sign(&store, &people.second, RELEASE);
    store.act("bob", act).unwrap();
    let late = dispose(RELEASE, "f3", Verdict::Confirmed);
    assert_eq!(refused(&mut store, "eve", late.clone()), Refused::Closed);
    store.act("ann", Act::Reopen { evaluation: RELEASE.into(), reason: "f3 was overlooked".into() }).unwrap();
    store.act("eve", late).unwrap();
}

#[test]
fn whoever_has_an_interest_does_not_sign() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, people) = centre(folder.path());
    store.act("bob", Act::Conflict { evaluation: RELEASE.into(), interest: "holds shares".into() }).unwrap();
    let act = sign(&store, &people.second, RELEASE);
    assert_eq!(refused(&mut store, "bob", act), Refused::Interest("bob".into()));
}

#[test]
fn a_decision_is_about_something_and_has_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = centre(folder.path());
    let act = dispose(RELEASE, "f9", Verdict::Confirmed);
    assert_eq!(refused(&mut store, "eve", act), Refused::NoFinding("f9".into()));
    let act = |verdict, reason: &str, until: Option<&str>| Act::Disposition {
        evaluation: RELEASE.into(),
        finding: "f1".into(),
        verdict,
        reason: reason.into(),
        until: until.map(str::to_owned),
    };
    assert_eq!(refused(&mut store, "eve", act(Verdict::FalsePositive, " ", None)), Refused::NoReason);
    assert_eq!(refused(&mut store, "eve", act(Verdict::AcceptedRisk, "low", None)), Refused::NoDate);
    assert_eq!(refused(&mut store, "eve", act(Verdict::AcceptedRisk, "low", Some("soon"))), Refused::NoDate);
    store.act("eve", act(Verdict::AcceptedRisk, "low", Some("2027-01-31"))).unwrap();
}

#[test]
fn whoever_left_does_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = centre(folder.path());
    store.act("root", Act::Dismiss { person: "eve".into(), reason: "left".into() }).unwrap();
    let act = dispose(RELEASE, "f3", Verdict::Confirmed);
    assert_eq!(refused(&mut store, "eve", act), Refused::Nobody("eve".into()));
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = centre(folder.path());
    let (size, last) = (store.centre().size, store.centre().last);
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!((store.centre().size, store.centre().last), (size, last));
    assert_eq!(store.centre().evaluations[RELEASE].dispositions.len(), 2);
}
