//! Checking evidence without believing whoever keeps it.
//!
//! Nothing here uses the code that writes: every hash is computed again from the entries, every
//! entry is checked against the policy in force when it was written, every content against its
//! name. The first bad entry is named where what is left allows it.

use std::collections::BTreeSet;
use std::io;

use signed_note::{Note, Verifier, VerifierList};
use tlog_tiles::{Checkpoint, EMPTY_HASH, Hash, node_hash, record_hash};

use crate::act::{Act, Entry};
use crate::attest;
use crate::centre::Centre;
use crate::files::Files;
use crate::hash::Sha256;
use crate::keys::{self, CosignatureVerifier};
use crate::log::{
    CHECKPOINT, entry_bundle, is_consistent, open_checkpoint, split_bundle, tile_paths, unverified_checkpoint,
};
use crate::store::{Blobs, blob_path, is_evidence};

/// What does not hold, and at which entry if that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub entry: Option<u64>,
    pub file: String,
    pub what: String,
}

/// What the reader knows from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Public key of the log. Without it the log vouches for itself, which proves nothing against
    /// whoever keeps it.
    pub log_key: Option<String>,
    /// Checkpoints seen earlier: the log must have grown from them.
    pub checkpoints: Vec<Vec<u8>>,
    /// Public keys of witnesses that must have cosigned the checkpoint or one seen earlier.
    pub witnesses: Vec<String>,
}

#[derive(Debug, Default)]
pub struct Report {
    pub origin: String,
    pub size: u64,
    pub root: String,
    pub log_key: String,
    pub witnesses: Vec<String>,
    /// Faults, first bad entry first.
    pub faults: Vec<Fault>,
    /// State after the entries that hold.
    pub centre: Centre,
}

/// Checks everything. An error is about reading; what is wrong with the evidence is a fault.
pub fn verify(files: &dyn Files, known: &Known) -> io::Result<Report> {
    let mut check = Check { files, report: Report::default() };
    if let Some((checkpoint, note)) = check.checkpoint(known)? {
        check.witnesses(&note, known);
        let entries = check.entries(&checkpoint)?;
        check.tree(&checkpoint, &entries)?;
        check.acts(&entries)?;
        check.earlier(&checkpoint, known);
        check.strangers(checkpoint.size())?;
    }
    let mut report = check.report;
    report.faults.sort_by_key(|fault| fault.entry.unwrap_or(u64::MAX));
    Ok(report)
}

struct Check<'f> {
    files: &'f dyn Files,
    report: Report,
}

impl Check<'_> {
    fn fault(&mut self, entry: Option<u64>, file: &str, what: impl Into<String>) {
        self.report.faults.push(Fault { entry, file: file.to_owned(), what: what.into() });
    }

    /// The log's key, as the reader knows it or as the first entry gives it.
    fn log_key(&mut self, known: &Known, size: u64) -> io::Result<Option<String>> {
        if known.log_key.is_some() {
            return Ok(known.log_key.clone());
        }
        let Some((path, _)) = entry_bundle(0, size) else { return Ok(None) };
        let Some(data) = self.files.read(&path)? else { return Ok(None) };
        let first = split_bundle(&data).and_then(|entries| Entry::from_bytes(entries.first()?));
        Ok(first.and_then(|entry| match entry.act {
            Act::Found { log_key, .. } => Some(log_key),
            _ => None,
        }))
    }

    fn checkpoint(&mut self, known: &Known) -> io::Result<Option<(Checkpoint, Vec<u8>)>> {
        let Some(note) = self.files.read(CHECKPOINT)? else {
            self.fault(None, CHECKPOINT, "it is missing");
            return Ok(None);
        };
        let checkpoint = match unverified_checkpoint(&note) {
            Ok(checkpoint) => checkpoint,
            Err(error) => {
                self.fault(None, CHECKPOINT, error.to_string());
                return Ok(None);
            }
        };
        self.report.origin = checkpoint.origin().to_owned();
        self.report.size = checkpoint.size();
        self.report.root = checkpoint.hash().to_string();
        match self.log_key(known, checkpoint.size())?.map(|key| (keys::verifier(&key), key)) {
            Some((Ok(verifier), key)) => {
                self.report.log_key = key;
                if let Err(error) = open_checkpoint(&note, Box::new(verifier)) {
                    self.fault(None, CHECKPOINT, error.to_string());
                }
            }
            Some((Err(error), _)) => self.fault(None, CHECKPOINT, error.to_string()),
            None => {
                self.fault(Some(0), CHECKPOINT, "the first entry names no key of the log, and none was given")
            }
        }
        Ok(Some((checkpoint, note)))
    }

    /// A witness keeps what it cosigned, so its signature may be on the checkpoint or on an earlier
    /// one that the reader brings.
    fn witnesses(&mut self, note: &[u8], known: &Known) {
        let notes: Vec<&[u8]> =
            std::iter::once(note).chain(known.checkpoints.iter().map(Vec::as_slice)).collect();
        for key in &known.witnesses {
            match CosignatureVerifier::new(key) {
                Err(error) => self.fault(None, CHECKPOINT, error.to_string()),
                Ok(witness) => match notes.iter().find_map(|note| cosigned_size(note, key)) {
                    Some(size) => {
                        self.report.witnesses.push(format!("{} saw {size} entries", witness.name()))
                    }
                    None => {
                        let what = format!("the witness {} has not cosigned it", witness.name());
                        self.fault(None, CHECKPOINT, what);
                    }
                },
            }
        }
    }

    /// The entries, as far as they can be read.
    fn entries(&mut self, checkpoint: &Checkpoint) -> io::Result<Vec<Vec<u8>>> {
        let mut out: Vec<Vec<u8>> = Vec::new();
        for index in 0.. {
            let Some((path, width)) = entry_bundle(index, checkpoint.size()) else { break };
            let first = index * 256;
            let Some(data) = self.files.read(&path)? else {
                self.fault(Some(first), &path, "it is missing");
                return Ok(out);
            };
            let Some(entries) = split_bundle(&data).filter(|entries| entries.len() == width as usize) else {
                // What comes before the place where the lengths stop adding up can still be read.
                let readable = readable_prefix(&data, width as usize);
                let bad = first + readable.len() as u64;
                out.extend(readable);
                self.fault(Some(bad), &path, format!("it does not hold {width} entries"));
                return Ok(out);
            };
            out.extend(entries.into_iter().map(<[u8]>::to_vec));
        }
        Ok(out)
    }

    /// Computes the tree again, level by level, and compares it with the tiles and the root.
    fn tree(&mut self, checkpoint: &Checkpoint, entries: &[Vec<u8>]) -> io::Result<()> {
        let size = checkpoint.size();
        let mut level: Vec<Hash> = entries.iter().map(|entry| record_hash(entry)).collect();
        self.tiles(0, &level, size)?;
        if entries.len() as u64 != size {
            return Ok(());
        }
        if root(&level) != *checkpoint.hash() {
            // The chain from entry to entry, checked next, says where.
            self.fault(None, CHECKPOINT, "the entries do not make its root");
        }
        for number in 1u8.. {
            level = level.chunks_exact(256).map(root).collect();
            if level.is_empty() {
                break;
            }
            self.tiles(number, &level, size)?;
        }
        Ok(())
    }

    /// Compares the tiles of one level with hashes computed from the entries.
    fn tiles(&mut self, level: u8, hashes: &[Hash], size: u64) -> io::Result<()> {
        let paths = tile_paths(size);
        let prefix = format!("tile/{level}/");
        let tiles = paths.iter().filter(|path| path.starts_with(&prefix));
        for (path, (index, part)) in tiles.zip((0u64..).zip(hashes.chunks(256))) {
            // Above the lowest level a hash stands for many entries.
            let place = |at: usize| (level == 0).then_some(index * 256 + at as u64);
            let Some(data) = self.files.read(path)? else {
                self.fault(place(0), path, "it is missing");
                continue;
            };
            let stored = data.chunks(32);
            let differs = stored.zip(part).position(|(stored, computed)| stored != computed.0);
            if let Some(at) = differs {
                let what = match level {
                    0 => "the entry is not the one that was hashed",
                    _ => "a hash differs from the entries below it",
                };
                self.fault(place(at), path, what);
            } else if data.len() != part.len() * 32 && entries_complete(hashes, size, level) {
                self.fault(place(part.len()), path, "it has another length than the tree says");
            }
        }
        Ok(())
    }

    fn acts(&mut self, entries: &[Vec<u8>]) -> io::Result<()> {
        let blobs = Blobs::new(self.files);
        let mut centre = Centre::default();
        for (number, bytes) in (0u64..).zip(entries) {
            let Some(entry) = Entry::from_bytes(bytes) else {
                self.fault(Some(number), "", "it cannot be read");
                break;
            };
            for hash in entry.act.blobs() {
                self.blob(number, hash)?;
            }
            if let Err(error) = centre.apply(&entry, &blobs) {
                self.fault(Some(number), "", format!("`{}` by `{}`: {error}", entry.act.name(), entry.actor));
                break;
            }
            self.statement(&centre, &entry)?;
        }
        self.report.centre = centre;
        Ok(())
    }

    fn blob(&mut self, number: u64, hash: Sha256) -> io::Result<()> {
        let path = blob_path(hash);
        match self.files.read(&path)? {
            None => self.fault(Some(number), &path, "content that the entry names is missing"),
            Some(content) if Sha256::of(&content) != hash => {
                self.fault(Some(number), &path, "content is not what its name says");
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// A sign-off counts if the person's own key signed the statement about this evaluation.
    fn statement(&mut self, centre: &Centre, entry: &Entry) -> io::Result<()> {
        let Act::SignOff { statement, evaluation, .. } = &entry.act else { return Ok(()) };
        let Some(envelope) = self.files.read(&blob_path(*statement))? else { return Ok(()) };
        let key = centre.people.get(&entry.actor).and_then(|person| person.key.as_deref());
        let opened = match key.map(keys::verifier) {
            Some(Ok(verifier)) => attest::open(&envelope, &verifier).map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.to_string()),
            None => Err(format!("no key of `{}` is known", entry.actor)),
        };
        match opened {
            Err(error) => self.fault(Some(entry.number), &blob_path(*statement), error),
            Ok(said) if said["predicate"]["evaluation"].as_str() != Some(evaluation) => {
                self.fault(
                    Some(entry.number),
                    &blob_path(*statement),
                    "the statement is about something else",
                );
            }
            Ok(_) => {}
        }
        Ok(())
    }

    fn earlier(&mut self, checkpoint: &Checkpoint, known: &Known) {
        for note in &known.checkpoints {
            let old = match unverified_checkpoint(note) {
                Ok(old) => old,
                Err(error) => {
                    self.fault(None, "earlier checkpoint", error.to_string());
                    continue;
                }
            };
            if old.size() > checkpoint.size() {
                let what = format!("the log had {} entries and now has {}", old.size(), checkpoint.size());
                self.fault(Some(checkpoint.size()), CHECKPOINT, what);
            } else if !is_consistent(self.files, checkpoint, &old).unwrap_or(false) {
                let what =
                    format!("its first {} entries are not those of the earlier checkpoint", old.size());
                self.fault(None, CHECKPOINT, what);
            }
        }
    }

    /// Files that no entry accounts for.
    fn strangers(&mut self, size: u64) -> io::Result<()> {
        let mut expected: BTreeSet<String> = tile_paths(size).into_iter().collect();
        expected.insert(CHECKPOINT.to_owned());
        for path in self.files.list()? {
            let is_blob = path.starts_with("blobs/");
            if !is_evidence(&path) || expected.contains(&path) {
                continue;
            }
            match is_blob {
                // Written before its entry, which never came: harmless if it is what its name says.
                true if self.is_whole(&path)? => {}
                true => self.fault(None, &path, "content is not what its name says"),
                false => self.fault(None, &path, "nothing in the log accounts for this file"),
            }
        }
        Ok(())
    }

    fn is_whole(&self, path: &str) -> io::Result<bool> {
        let name: String = path.trim_start_matches("blobs/").split('/').collect();
        let content = self.files.read(path)?.unwrap_or_default();
        Ok(name.parse().is_ok_and(|hash: Sha256| Sha256::of(&content) == hash))
    }
}

/// Size of a checkpoint that the witness cosigned.
fn cosigned_size(note: &[u8], key: &str) -> Option<u64> {
    let witness = CosignatureVerifier::new(key).ok()?;
    let text = Note::from_bytes(note).ok()?;
    text.verify(&VerifierList::new(vec![Box::new(witness)])).ok()?;
    Some(unverified_checkpoint(note).ok()?.size())
}

/// Whether all hashes of the level could be computed.
fn entries_complete(hashes: &[Hash], size: u64, level: u8) -> bool {
    hashes.len() as u64 == size >> (8 * u32::from(level))
}

fn readable_prefix(mut data: &[u8], most: usize) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk::<2>() {
        let Some((entry, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))) else {
            break;
        };
        if out.len() == most {
            break;
        }
        out.push(entry.to_vec());
        data = rest;
    }
    out
}

/// Root of a Merkle tree over leaf hashes (RFC 9162, section 2.1.1).
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => EMPTY_HASH,
        [one] => *one,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(half);
            node_hash(root(left), root(right))
        }
    }
}
