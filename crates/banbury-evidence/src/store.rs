//! A centre in a folder: the log, the content that its entries name, and the log's private key.
//! The entries are the only truth; everything shown is computed from them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::act::{Act, Entry, VERSION};
use crate::centre::{Centre, Content, Refused};
use crate::files::{Files, Folder};
use crate::hash::Sha256;
use crate::keys::{self, KeyError};
use crate::log::{CHECKPOINT, Log, LogError, read_entries};
use crate::policy::{self, Policy};
use crate::results::read_sarif;

const KEY: &str = "keys/log.private";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0} holds a centre already")]
    Exists(String),
    #[error("{0} holds no centre; `banbury evaluation found` makes one")]
    NoCentre(String),
    #[error("refused: {0}")]
    Refused(#[from] Refused),
    #[error("entry {0} is not what it should be: {1}; `banbury evidence verify` says more")]
    Damaged(u64, String),
    #[error("the content {0} is missing or is not what its name says")]
    Content(Sha256),
}

/// Path of some content.
pub fn blob_path(hash: Sha256) -> String {
    let text = hash.to_string();
    format!("blobs/{}/{}", &text[..2], &text[2..])
}

/// Content by hash; what is damaged counts as missing.
pub fn read_blob(files: &dyn Files, hash: Sha256) -> io::Result<Option<Vec<u8>>> {
    Ok(files.read(&blob_path(hash))?.filter(|content| Sha256::of(content) == hash))
}

/// Content that entries are checked against.
pub struct Blobs<F> {
    files: F,
    /// Names of the findings of results that were looked at.
    findings: Mutex<BTreeMap<Sha256, Option<Arc<BTreeSet<String>>>>>,
}

impl<F: Files> Blobs<F> {
    pub fn new(files: F) -> Self {
        Blobs { files, findings: Mutex::default() }
    }

    /// Names of all findings in a run's results.
    pub fn findings(&self, results: Sha256) -> Option<Arc<BTreeSet<String>>> {
        let mut known = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(results).or_insert_with(|| self.names(results).map(Arc::new)).clone()
    }

    fn names(&self, results: Sha256) -> Option<BTreeSet<String>> {
        let bytes = read_blob(&self.files, results).ok().flatten()?;
        let runs = read_sarif(&bytes).ok()?;
        Some(runs.into_iter().flat_map(|run| run.findings).map(|finding| finding.name).collect())
    }
}

impl<F: Files> Content for Blobs<F> {
    fn policy(&self, hash: Sha256) -> Result<Policy, String> {
        let missing = || format!("the policy {hash} is missing");
        let bytes = read_blob(&self.files, hash).ok().flatten().ok_or_else(missing)?;
        let text = String::from_utf8(bytes).map_err(|_| missing())?;
        Policy::parse(&text).map_err(|error| error.to_string())
    }

    fn has_finding(&self, results: Sha256, finding: &str) -> Option<bool> {
        Some(self.findings(results)?.contains(finding))
    }
}

/// A centre that is open for acts. One at a time: opening waits for another to be closed.
pub struct Store {
    folder: Folder,
    log: Log,
    private: String,
    centre: Centre,
    blobs: Blobs<Folder>,
    /// The time that acts are given; the clock's where there is none.
    pub now: Option<SystemTime>,
}

impl Store {
    /// Makes a centre with a new key and the policy that new centres have.
    pub fn found(path: &Path, name: &str) -> Result<Self, StoreError> {
        Self::found_at(path, name, None)
    }

    /// The same, with another time than the clock's.
    pub fn found_at(path: &Path, name: &str, now: Option<SystemTime>) -> Result<Self, StoreError> {
        let folder = Folder(path.to_owned());
        if folder.read(CHECKPOINT)?.is_some() || folder.read(KEY)?.is_some() {
            return Err(StoreError::Exists(path.display().to_string()));
        }
        let key = keys::generate(name)?;
        let log = Log::open(folder.clone(), Box::new(keys::verifier(&key.public)?))?;
        folder.write(KEY, key.private.as_bytes())?;
        private_to_owner(&path.join(KEY))?;
        let blobs = Blobs::new(folder.clone());
        let centre = Centre::default();
        let mut store = Store { folder, log, private: key.private, centre, blobs, now };
        let policy = store.put(policy::DEFAULT.as_bytes())?;
        let act = Act::Found { centre: name.to_owned(), log_key: key.public, policy };
        store.act("centre", act)?;
        Ok(store)
    }

    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let folder = Folder(path.to_owned());
        let missing = || StoreError::NoCentre(path.display().to_string());
        let private = folder.read(KEY)?.ok_or_else(missing)?;
        let private = String::from_utf8(private).map_err(|_| missing())?;
        let public = keys::public_of(&private)?;
        let log = Log::open(folder.clone(), Box::new(keys::verifier(&public)?))?;
        let blobs = Blobs::new(folder.clone());
        let centre = replay(&folder, log.size(), &blobs)?;
        Ok(Store { folder, log, private, centre, blobs, now: None })
    }

    pub fn centre(&self) -> &Centre {
        &self.centre
    }

    pub fn files(&self) -> &Folder {
        &self.folder
    }

    pub fn blobs(&self) -> &Blobs<Folder> {
        &self.blobs
    }

    /// Keeps some content and gives its name.
    pub fn put(&self, content: &[u8]) -> Result<Sha256, StoreError> {
        let hash = Sha256::of(content);
        if read_blob(&self.folder, hash)?.is_none() {
            self.folder.write(&blob_path(hash), content)?;
        }
        Ok(hash)
    }

    pub fn get(&self, hash: Sha256) -> Result<Vec<u8>, StoreError> {
        read_blob(&self.folder, hash)?.ok_or(StoreError::Content(hash))
    }

    /// Writes an act down, if the policy lets the actor do it. When this returns it is on the disk.
    pub fn act(&mut self, actor: &str, act: Act) -> Result<u64, StoreError> {
        self.act_all(actor, vec![act])
    }

    /// Writes several acts of one actor, all or none; gives the number of the first.
    pub fn act_all(&mut self, actor: &str, acts: Vec<Act>) -> Result<u64, StoreError> {
        let first = self.log.size();
        let at = self.time();
        let mut written = Vec::with_capacity(acts.len());
        let result = self
            .take(actor, &at, acts, &mut written)
            .and_then(|()| Ok(self.log.append(&written, &keys::signer(&self.private)?)?));
        // What could not be written down did not happen.
        if result.is_err() && self.centre.size != first {
            self.centre = replay(&self.folder, first, &self.blobs)?;
        }
        result.map(|()| first)
    }

    fn take(
        &mut self,
        actor: &str,
        at: &str,
        acts: Vec<Act>,
        written: &mut Vec<Vec<u8>>,
    ) -> Result<(), StoreError> {
        for act in acts {
            if let Some(missing) = act.blobs().into_iter().find(|&hash| !self.has(hash)) {
                return Err(StoreError::Content(missing));
            }
            let (number, prev) = (self.centre.size, self.centre.last);
            let entry = Entry { v: VERSION, number, prev, at: at.to_owned(), actor: actor.to_owned(), act };
            self.centre.apply(&entry, &self.blobs)?;
            written.push(entry.to_bytes());
        }
        Ok(())
    }

    fn has(&self, hash: Sha256) -> bool {
        read_blob(&self.folder, hash).is_ok_and(|content| content.is_some())
    }

    /// Now, but never before the last entry: a clock that was set back shows as entries of one time.
    fn time(&self) -> String {
        let now = self.now.unwrap_or_else(SystemTime::now);
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let text = humantime::format_rfc3339_seconds(now).to_string();
        text.max(self.centre.last_at.clone())
    }
}

/// The state that the first `size` entries amount to.
pub fn replay(files: &dyn Files, size: u64, content: &dyn Content) -> Result<Centre, StoreError> {
    let mut centre = Centre::default();
    for (number, bytes) in (0..).zip(read_entries(files, size)?) {
        let entry = Entry::from_bytes(&bytes)
            .ok_or_else(|| StoreError::Damaged(number, "it cannot be read".into()))?;
        centre.apply(&entry, content).map_err(|error| StoreError::Damaged(number, error.to_string()))?;
    }
    Ok(centre)
}

#[cfg(unix)]
fn private_to_owner(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn private_to_owner(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether a file of a centre is evidence: keys, a server's own files and what is being written are not.
pub fn is_evidence(path: &str) -> bool {
    // `server/` holds what a web server keeps for itself: accounts, an index that can be made anew.
    !path.starts_with("keys/") && !path.starts_with("server/") && path != "lock" && !path.ends_with(".part")
}
