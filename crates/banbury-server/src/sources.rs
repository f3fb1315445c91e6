//! Texts of artefacts that were reviewed here, to show findings and changes in. They are no evidence
//! and never exported; an evaluation without them shows what the tool quoted.

use std::fs;
use std::path::PathBuf;

use banbury_evidence::Sha256;

/// Files by artefact and path, each under the hash of its path.
pub struct Sources(PathBuf);

impl Sources {
    pub fn new(folder: PathBuf) -> Self {
        Sources(folder)
    }

    /// The folder of an artefact's files.
    pub fn folder(&self, artefact: Sha256) -> PathBuf {
        self.0.join(artefact.to_string())
    }

    /// The artefact itself, as it was handed in.
    pub fn artefact(&self, artefact: Sha256) -> PathBuf {
        self.0.join(format!("{artefact}.artefact"))
    }

    /// A file of an artefact. Paths come from a vendor's archive and from tools; only their hash
    /// reaches the file system.
    pub fn text(&self, artefact: Sha256, path: &str) -> Option<String> {
        let name = Sha256::of(path.as_bytes()).to_string();
        let bytes = fs::read(self.folder(artefact).join(name)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}
