use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use banbury_base::{Digest, StableHasher};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::write_beside_and_rename;

/// Results kept beside each stage's name. A unit is named by the digest of everything that
/// decides it, the program itself included; it is written beside and renamed, so that existence
/// means done, and ends with the digest of its contents, so that one that is damaged is not used.
/// A cache that cannot be read or written costs time, never a result.
#[derive(Clone)]
pub struct Cache {
    folder: PathBuf,
    program: Digest,
}

/// Results kept for each stage, and their bytes together; the oldest go first.
const KEEP: usize = 32;
const KEEP_BYTES: u64 = 1 << 30;
/// Bytes of the digest that a file ends with.
const SEAL: usize = 16;

impl Cache {
    /// A cache in this folder, which is made when something is stored.
    pub fn open(folder: PathBuf) -> Cache {
        let program = std::env::current_exe().and_then(|path| digest_of(&path)).unwrap_or_default();
        let program =
            StableHasher::new().str(env!("CARGO_PKG_VERSION")).bytes(&program.0.to_le_bytes()).finish();
        Cache { folder, program }
    }

    fn path(&self, stage: &str, key: Digest) -> PathBuf {
        let mut name = StableHasher::new();
        for part in [self.program.0, key.0] {
            name.u64(part as u64).u64((part >> 64) as u64);
        }
        self.folder.join(stage).join(format!("{}.bin", name.finish()))
    }

    pub(crate) fn load<T: DeserializeOwned>(&self, stage: &str, key: Digest) -> Option<T> {
        let bytes = self.load_bytes(stage, key)?;
        let value = postcard::from_bytes(&bytes).ok();
        if value.is_none() {
            tracing::warn!("{}: not used: it is not understood", self.path(stage, key).display());
        }
        value
    }

    pub(crate) fn store<T: Serialize>(&self, stage: &str, key: Digest, value: &T) {
        match postcard::to_allocvec(value) {
            Ok(bytes) => self.store_bytes(stage, key, &bytes),
            Err(error) => tracing::warn!("the cache is not written: {error}"),
        }
    }

    /// What [`Cache::store_bytes`] was given, if it is there and whole.
    pub(crate) fn load_bytes(&self, stage: &str, key: Digest) -> Option<Vec<u8>> {
        let path = self.path(stage, key);
        let mut bytes = fs::read(&path).ok()?;
        let body = bytes.len().checked_sub(SEAL)?;
        if bytes[body..] != checksum(&bytes[..body]) {
            tracing::warn!("{}: not used: it is damaged", path.display());
            return None;
        }
        bytes.truncate(body);
        Some(bytes)
    }

    pub(crate) fn store_bytes(&self, stage: &str, key: Digest, bytes: &[u8]) {
        let path = self.path(stage, key);
        let Some(folder) = path.parent() else { return };
        let result = fs::create_dir_all(folder).map_err(|error| error.to_string()).and_then(|()| {
            write_beside_and_rename(&path, |out| {
                out.write_all(bytes)?;
                out.write_all(&checksum(bytes))
            })
            .map_err(|error| error.to_string())
        });
        match result {
            Ok(()) => prune(folder),
            Err(error) => tracing::warn!("the cache is not written: {error}"),
        }
    }
}

/// The digest of a file's bytes, without holding all of them: the program may be large.
fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = fs::File::open(path)?;
    let mut hasher = StableHasher::new();
    let mut part = vec![0; 1 << 16];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hasher.finish()),
            len => hasher.bytes(&part[..len]),
        };
    }
}

fn checksum(body: &[u8]) -> [u8; SEAL] {
    StableHasher::new().bytes(body).finish().0.to_le_bytes()
}

fn prune(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some((about.modified().ok()?, entry.path(), about.len()))
        })
        .collect();
    files.sort();
    let mut bytes = 0;
    // The newest stays, whatever its size.
    for (nth, (_, path, len)) in files.iter().rev().enumerate() {
        bytes += len;
        if nth > 0 && (nth >= KEEP || bytes > KEEP_BYTES) {
            let _ = fs::remove_file(path);
        }
    }
}
