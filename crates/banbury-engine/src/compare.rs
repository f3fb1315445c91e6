//! Two releases in, a ranked list of their differences out.

use banbury_change::{Comparison, File, Release};

use crate::intake::Manifest;
use crate::stage::guarded;
use crate::{Cache, Fault, Progress, ReviewError, ReviewOptions};

/// All that a comparison found out.
#[derive(Clone, Default)]
pub struct Compared {
    pub old: Release,
    pub new: Release,
    pub comparison: Comparison,
    pub faults: Vec<Fault>,
}

/// What a comparison is based on.
#[derive(Clone, Debug, Default)]
pub struct CompareOptions {
    /// How both releases are reviewed; the text alone is compared if None.
    pub review: Option<ReviewOptions>,
}

/// Compares two releases, read with [`crate::intake::IntakeOptions::everything`]. The same
/// releases give the same result, whatever the number of threads and whether or not their
/// reviews were cached.
///
/// # Errors
/// A library model that is not understood.
pub fn compare(
    old: &Manifest,
    new: &Manifest,
    options: &CompareOptions,
    cache: Option<&Cache>,
    progress: &dyn Progress,
) -> Result<Compared, ReviewError> {
    let mut compared = Compared { old: release(old), new: release(new), ..Compared::default() };
    if let Some(review) = &options.review {
        for (manifest, release) in [(old, &mut compared.old), (new, &mut compared.new)] {
            let outcome = crate::review(manifest, review, cache, progress)?;
            release.review = banbury_change::Review {
                paths: manifest.files.iter().map(|file| file.path.clone()).collect(),
                findings: outcome.findings,
            };
            compared.faults.extend(outcome.faults);
        }
    }
    let files = compared.old.files.len() + compared.new.files.len();
    progress.stage("Comparing", Some(files as u64));
    let (old, new) = (&compared.old, &compared.new);
    let done = guarded("comparison", &mut compared.faults, || banbury_change::compare(old, new));
    compared.comparison = done.unwrap_or_default();
    tracing::info!(entries = compared.comparison.entries.len(), "comparison done");
    Ok(compared)
}

fn release(manifest: &Manifest) -> Release {
    let file =
        |(path, bytes): &(String, std::sync::Arc<[u8]>)| File { path: path.clone(), bytes: bytes.clone() };
    Release { files: manifest.everything.iter().map(file).collect(), ..Release::default() }
}
