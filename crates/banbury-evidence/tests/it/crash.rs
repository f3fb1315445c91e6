//! A writer that is killed at any moment loses nothing that it acknowledged and leaves nothing
//! half written.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{RELEASE, centre, dispose};
use banbury_evidence::act::Verdict;
use banbury_evidence::store::Store;
use banbury_evidence::verify::{Known, verify};

const KILLS: u64 = 200;
const FOLDER: &str = "BANBURY_CRASH_TEST";

/// The writer: this program again, told by the environment where the centre is.
#[test]
#[ignore = "it is started, and killed, by the test below"]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let mut store = Store::open(&folder).unwrap();
    let mut out = std::io::stdout();
    loop {
        let number = store.act("eve", dispose(RELEASE, "f3", Verdict::Confirmed)).unwrap();
        writeln!(out, "ack {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn killed_two_hundred_times() {
    let folder = tempfile::tempdir().unwrap();
    drop(centre(folder.path()));
    let mut acknowledged = 0;
    for round in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["crash::writer", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over start, replay and many appends.
        std::thread::sleep(Duration::from_micros(2_000 + (round * 7_919) % 48_000));
        child.kill().unwrap();
        let mut said = String::new();
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        child.wait().unwrap();
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let numbers = whole.lines().filter_map(|line| line.strip_prefix("ack ")?.parse::<u64>().ok());
        acknowledged = numbers.max().unwrap_or(acknowledged).max(acknowledged);

        let store = Store::open(folder.path()).unwrap();
        assert!(store.centre().size > acknowledged, "round {round}");
        let faults = verify(store.files(), &Known::default()).unwrap().faults;
        assert!(faults.iter().all(|fault| fault.file.ends_with(".part")), "round {round}: {faults:?}");
    }
    assert!(acknowledged > 50, "the writer hardly got to write: {acknowledged}");
}
