use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {error}")]
pub struct OutputError {
    path: String,
    error: io::Error,
}

/// Files that are being written.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes files that are half written. For a program that is about to end.
pub fn remove_unfinished() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        let _ = fs::remove_file(path);
    }
}

/// Writes a file so that it is there whole or not at all: beside its place, then renamed.
pub fn write_beside_and_rename(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), OutputError> {
    let fail = |error| OutputError { path: path.display().to_string(), error };
    // A pipe or device (`/dev/stdout`, a process substitution) takes no rename.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir()) {
        let mut out = io::BufWriter::new(fs::OpenOptions::new().write(true).open(path).map_err(fail)?);
        return write(&mut out).and_then(|()| out.flush()).map_err(fail);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(part.clone());
    let attempt = || -> io::Result<()> {
        let mut out = io::BufWriter::with_capacity(1 << 16, fs::File::create(&part)?);
        write(&mut out)?;
        out.flush()?;
        drop(out);
        fs::rename(&part, path)
    };
    let result = attempt();
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != part);
    result.map_err(|error| {
        let _ = fs::remove_file(&part);
        fail(error)
    })
}
