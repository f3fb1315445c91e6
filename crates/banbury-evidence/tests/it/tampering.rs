//! Every change of the store is detected, and located where what is left allows it.

use std::collections::BTreeMap;

use crate::common::{RELEASE, centre, dispose, sign};
use banbury_evidence::act::Verdict;
use banbury_evidence::files::{Bundle, Files, write_tar};
use banbury_evidence::log::{CHECKPOINT, is_consistent, split_bundle, unverified_checkpoint};
use banbury_evidence::store::{Store, is_evidence};
use banbury_evidence::verify::{Known, verify};

/// Numbers that look random and are the same in every run (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

fn bundle(store: &Store) -> Bundle {
    let mut bytes = Vec::new();
    write_tar(store.files(), is_evidence, &mut bytes).unwrap();
    Bundle::read_tar(bytes.as_slice()).unwrap()
}

/// A signed-off centre whose log is longer than one tile, its key, and its key file.
fn large() -> (Bundle, Known) {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, people) = centre(folder.path());
    let changes = (0..300).map(|n| {
        let verdict = if n % 2 == 0 { Verdict::FalsePositive } else { Verdict::Confirmed };
        dispose(RELEASE, "f2", verdict)
    });
    store.act_all("eve", changes.collect()).unwrap();
    let act = sign(&store, &people.lead, RELEASE);
    store.act("ann", act).unwrap();
    let act = sign(&store, &people.second, RELEASE);
    store.act("bob", act).unwrap();
    let known = Known { log_key: Some(store.centre().log_key.clone()), ..Known::default() };
    (bundle(&store), known)
}

fn faults(files: &Bundle, known: &Known) -> usize {
    verify(files, known).unwrap().faults.len()
}

#[test]
fn the_untouched_store_has_no_fault() {
    let (files, known) = large();
    let report = verify(&files, &known).unwrap();
    assert_eq!(report.faults, []);
    assert_eq!(report.size, 313);
    assert_eq!(faults(&files, &Known::default()), 0, "its own key will do for consistency");
}

#[test]
fn a_thousand_modifications_are_all_detected() {
    let (files, known) = large();
    let paths: Vec<String> = files.0.keys().cloned().collect();
    let mut numbers = Numbers(7);
    for round in 0..1_000 {
        let mut changed = Bundle(files.0.clone());
        let path = &paths[numbers.below(paths.len())];
        let what = modify(&mut changed.0, path, round % 6, &mut numbers);
        if changed.0 != files.0 {
            assert!(faults(&changed, &known) > 0, "round {round}: {what} of {path} went undetected");
        }
    }
}

fn modify(
    files: &mut BTreeMap<String, Vec<u8>>,
    path: &str,
    kind: u32,
    numbers: &mut Numbers,
) -> &'static str {
    let content = files.get_mut(path).unwrap();
    let at = numbers.below(content.len());
    match kind {
        0 => {
            content[at] ^= 1 << numbers.below(8);
            "a flipped bit"
        }
        1 => {
            content.remove(at);
            "a lost byte"
        }
        2 => {
            content.truncate(at);
            "a truncation"
        }
        3 => {
            files.remove(path);
            "the removal"
        }
        4 => {
            let other = numbers.below(content.len());
            content.swap(at, other);
            "a swap of bytes"
        }
        _ => {
            let copy = content.clone();
            files.insert(format!("{path}.copy"), copy);
            "a copy"
        }
    }
}

/// Entries of the first bundle, changed and put back in its place.
fn with_entries(files: &Bundle, change: impl Fn(&mut Vec<Vec<u8>>)) -> Bundle {
    let path = "tile/entries/000";
    let mut entries: Vec<Vec<u8>> =
        split_bundle(&files.0[path]).unwrap().into_iter().map(<[u8]>::to_vec).collect();
    change(&mut entries);
    let mut changed = Bundle(files.0.clone());
    let mut data = Vec::new();
    for entry in entries {
        data.extend((entry.len() as u16).to_be_bytes());
        data.extend(entry);
    }
    changed.0.insert(path.into(), data);
    changed
}

#[test]
fn the_first_bad_entry_is_named() {
    let (files, known) = large();
    let first = |files: &Bundle| verify(files, &known).unwrap().faults[0].entry;
    let reworded = with_entries(&files, |entries| {
        let text = String::from_utf8(entries[40].clone()).unwrap();
        entries[40] = text.replace("\"read\"", "\"good\"").into_bytes();
    });
    assert_eq!(first(&reworded), Some(40));
    assert_eq!(first(&with_entries(&files, |entries| entries.swap(50, 52))), Some(50));
    assert_eq!(first(&with_entries(&files, |entries| entries[70] = entries[69].clone())), Some(70));
    let shorter = with_entries(&files, |entries| {
        entries.remove(90);
    });
    assert_eq!(first(&shorter), Some(90));
}

/// Whoever keeps the log may also change its tiles: the chain from entry to entry still tells.
#[test]
fn an_entry_that_was_changed_together_with_its_tile_is_named() {
    let (files, known) = large();
    let mut changed = with_entries(&files, |entries| {
        let text = String::from_utf8(entries[40].clone()).unwrap();
        entries[40] = text.replace("\"read\"", "\"good\"").into_bytes();
    });
    let entry = split_bundle(&changed.0["tile/entries/000"]).unwrap()[40].to_vec();
    let tile = changed.0.get_mut("tile/0/000").unwrap();
    tile[40 * 32..41 * 32].copy_from_slice(&tlog_tiles::record_hash(&entry).0);
    let report = verify(&changed, &known).unwrap();
    assert!(report.faults.iter().any(|fault| fault.entry == Some(41)), "{:?}", report.faults);
}

#[test]
fn a_rewritten_history_does_not_agree_with_an_earlier_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = centre(folder.path());
    let seen = store.files().read(CHECKPOINT).unwrap().unwrap();
    let fork = tempfile::tempdir().unwrap();
    copy(folder.path(), fork.path());
    store.act("eve", dispose(RELEASE, "f3", Verdict::Confirmed)).unwrap();
    let known = Known { checkpoints: vec![seen], ..Known::default() };
    assert_eq!(verify(store.files(), &known).unwrap().faults, []);

    // The same key signs another history from the same point: two readers compare notes.
    let mut other = Store::open(fork.path()).unwrap();
    other.act("eve", dispose(RELEASE, "f3", Verdict::FalsePositive)).unwrap();
    let theirs = other.files().read(CHECKPOINT).unwrap().unwrap();
    let known = Known { checkpoints: vec![theirs.clone()], ..Known::default() };
    assert_eq!(verify(store.files(), &known).unwrap().faults.len(), 1);
    let ours = unverified_checkpoint(&store.files().read(CHECKPOINT).unwrap().unwrap()).unwrap();
    let theirs = unverified_checkpoint(&theirs).unwrap();
    assert!(!is_consistent(store.files(), &ours, &theirs).unwrap());
}

#[test]
fn a_restored_old_backup_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = centre(folder.path());
    let backup = bundle(&store);
    store.act("eve", dispose(RELEASE, "f3", Verdict::Confirmed)).unwrap();
    let seen = store.files().read(CHECKPOINT).unwrap().unwrap();
    let known = Known { checkpoints: vec![seen], ..Known::default() };
    let report = verify(&backup, &known).unwrap();
    assert!(report.faults[0].what.contains("now has"), "{:?}", report.faults);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
