//! Compares two folders and prints the entries as JSON, for fitting weights:
//! `changes OLD NEW OUT [REVIEW_OF_OLD REVIEW_OF_NEW]`. A review that does not exist yet is made
//! and kept, so that only the comparison runs again when its reasons change.

use std::path::Path;

use banbury_base::Finding;
use banbury_change::{File, Release, Review, compare};
use banbury_engine::intake::{self, IntakeOptions, Source};
use banbury_engine::{ReviewOptions, Silent, review};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let (old, new) = (read(&args[1], args.get(4))?, read(&args[2], args.get(5))?);
    let comparison = compare(&old, &new);
    std::fs::write(&args[3], serde_json::to_string(&comparison.entries)?)?;
    Ok(())
}

fn read(root: &str, kept: Option<&String>) -> Result<Release, Box<dyn std::error::Error>> {
    let options = IntakeOptions { everything: true, ..IntakeOptions::default() };
    let manifest = intake::read(&Source::parse(root)?, &options, &Silent)?;
    let file = |(path, bytes): &(String, _)| File { path: path.clone(), bytes: Clone::clone(bytes) };
    let mut release = Release { files: manifest.everything.iter().map(file).collect(), ..Release::default() };
    if let Some(kept) = kept.map(Path::new) {
        if !kept.exists() {
            let outcome = review(&manifest, &ReviewOptions::default(), None, &Silent)?;
            std::fs::write(kept, serde_json::to_string(&outcome.findings)?)?;
        }
        let findings: Vec<Finding> = serde_json::from_slice(&std::fs::read(kept)?)?;
        let paths = manifest.files.iter().map(|file| file.path.clone()).collect();
        release.review = Review { paths, findings };
    }
    Ok(release)
}
