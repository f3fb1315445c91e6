//! Two releases in, a ranked list of their differences out.

use banbury_change::{Comparison, File, Release};

use crate::intake::Manifest;
use crate::stage::guarded;
use crate::{Fault, Progress};

/// All that a comparison found out.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    pub comparison: Comparison,
    pub faults: Vec<Fault>,
}

/// The files of a release that was read with [`crate::intake::IntakeOptions::everything`].
pub fn release(manifest: &Manifest) -> Release {
    let file =
        |(path, bytes): &(String, std::sync::Arc<[u8]>)| File { path: path.clone(), bytes: bytes.clone() };
    Release { files: manifest.everything.iter().map(file).collect() }
}

/// Compares two releases. The same releases give the same result, whatever the number of threads.
pub fn compare(old: &Release, new: &Release, progress: &dyn Progress) -> Compared {
    let mut compared = Compared::default();
    progress.stage("Comparing", Some((old.files.len() + new.files.len()) as u64));
    let done = guarded("comparison", &mut compared.faults, || banbury_change::compare(old, new));
    compared.comparison = done.unwrap_or_default();
    tracing::info!(entries = compared.comparison.entries.len(), "comparison done");
    compared
}
