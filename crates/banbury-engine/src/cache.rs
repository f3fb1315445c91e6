use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use banbury_base::{Digest, StableHasher};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::write_beside_and_rename;

/// Results kept beside each stage's name. A unit is named by the digest of everything that
/// decides it, the program itself included; it is written beside and renamed, so that existence
/// means done. A cache that cannot be read or written costs time, never a result.
pub struct Cache {
    folder: PathBuf,
    program: Digest,
}

/// Results kept for each stage; the oldest go first.
const KEEP: usize = 32;

impl Cache {
    /// A cache in this folder, which is made when something is stored.
    pub fn open(folder: PathBuf) -> Cache {
        let program = std::env::current_exe().and_then(fs::read).unwrap_or_default();
        let program = StableHasher::new().str(env!("CARGO_PKG_VERSION")).bytes(&program).finish();
        Cache { folder, program }
    }

    fn path(&self, stage: &str, key: Digest) -> PathBuf {
        let mut name = StableHasher::new();
        for part in [self.program.0, key.0] {
            name.u64(part as u64).u64((part >> 64) as u64);
        }
        self.folder.join(stage).join(format!("{}.json", name.finish()))
    }

    pub(crate) fn load<T: DeserializeOwned>(&self, stage: &str, key: Digest) -> Option<T> {
        let path = self.path(stage, key);
        let file = fs::File::open(&path).ok()?;
        match serde_json::from_reader(BufReader::with_capacity(1 << 16, file)) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!("{}: not used: {error}", path.display());
                None
            }
        }
    }

    pub(crate) fn store<T: Serialize>(&self, stage: &str, key: Digest, value: &T) {
        let path = self.path(stage, key);
        let Some(folder) = path.parent() else { return };
        let result = fs::create_dir_all(folder).map_err(|error| error.to_string()).and_then(|()| {
            write_beside_and_rename(&path, |out| serde_json::to_writer(out, value).map_err(Into::into))
                .map_err(|error| error.to_string())
        });
        match result {
            Ok(()) => prune(folder),
            Err(error) => tracing::warn!("the cache is not written: {error}"),
        }
    }
}

fn prune(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    files.sort();
    let excess = files.len().saturating_sub(KEEP);
    for (_, path) in &files[..excess] {
        let _ = fs::remove_file(path);
    }
}
