//! The overseer's side of the log: cosigning a checkpoint only if it continues the last one seen.

use signed_note::Note;

use crate::files::Files;
use crate::keys::{self, Cosigner, KeyError};
use crate::log::{CHECKPOINT, LogError, is_consistent, open_checkpoint};

#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("the log had {old} entries when it was seen last and now has {new}")]
    Shrunk { old: u64, new: u64 },
    #[error(
        "the log's first {0} entries are no longer those that were seen last: it was rewritten or forked"
    )]
    Forked(u64),
    #[error("the note cannot be signed: {0}")]
    Note(String),
}

/// The checkpoint with the witness's signature added. `seen` is the checkpoint that this witness
/// cosigned last, which the log must have grown from; `seconds` is the time since 1970.
pub fn cosign(
    files: &dyn Files,
    log_key: &str,
    seen: Option<&[u8]>,
    private: &str,
    seconds: u64,
) -> Result<Vec<u8>, WitnessError> {
    let verifier = || Ok::<_, KeyError>(Box::new(keys::verifier(log_key)?));
    let missing = || LogError::Damaged(CHECKPOINT.into());
    let bytes = files.read(CHECKPOINT).map_err(LogError::Io)?.ok_or_else(missing)?;
    let new = open_checkpoint(&bytes, verifier()?)?;
    if let Some(seen) = seen {
        let old = open_checkpoint(seen, verifier()?)?;
        if old.size() > new.size() {
            return Err(WitnessError::Shrunk { old: old.size(), new: new.size() });
        }
        if !is_consistent(files, &new, &old)? {
            return Err(WitnessError::Forked(old.size()));
        }
    }
    let signer = Cosigner::new(private, seconds)?;
    let wrong = |error: &dyn std::fmt::Display| WitnessError::Note(error.to_string());
    // A later cosignature of one witness takes the place of the earlier.
    let mut note = Note::from_bytes(&bytes).map_err(|error| wrong(&error))?;
    note.add_sigs(&[&signer]).map_err(|error| wrong(&error))?;
    Ok(note.to_bytes())
}
