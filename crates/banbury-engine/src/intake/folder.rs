use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Collector, IntakeError, SkipReason, Want, path_text};

/// Folders of version control systems; nothing in them is part of the release.
const VERSION_CONTROL: [&str; 5] = [".git", ".svn", ".hg", ".bzr", "CVS"];

/// Reads a folder. Symbolic links are never followed.
pub(super) fn read(root: &Path, collector: &mut Collector<'_>) -> Result<(), IntakeError> {
    let real_root = fs::canonicalize(root)
        .map_err(|error| IntakeError::Io { path: root.display().to_string(), error })?;
    let mut walk = Walk { real_root: &real_root, collector, wanted: Vec::new() };
    walk.folder(&real_root, "", true)?;
    let wanted = walk.wanted;

    let limit = collector.limits().max_file_bytes;
    for chunk in wanted.chunks(4096) {
        let read: Vec<Result<Vec<u8>, SkipReason>> =
            chunk.par_iter().map(|(path, _)| read_file(path, limit)).collect();
        for ((_, name), result) in chunk.iter().zip(read) {
            match result {
                Ok(bytes) => {
                    if !collector.add(name.clone(), bytes) {
                        return Ok(());
                    }
                }
                Err(reason) => collector.skip(reason, name),
            }
        }
    }
    Ok(())
}

/// Reads one file, whatever it is called.
pub(super) fn read_one(path: &Path, collector: &mut Collector<'_>) -> Result<(), IntakeError> {
    let name = path_text(path.file_name().unwrap_or_default().as_encoded_bytes());
    let io = |error| IntakeError::Io { path: path.display().to_string(), error };
    let meta = fs::metadata(path).map_err(io)?;
    if !meta.is_file() {
        collector.skip(SkipReason::Special, &name);
    } else if meta.len() > collector.limits().max_file_bytes {
        collector.skip(SkipReason::TooLarge, &name);
    } else {
        collector.add(name, fs::read(path).map_err(io)?);
    }
    Ok(())
}

fn read_file(path: &Path, limit: u64) -> Result<Vec<u8>, SkipReason> {
    let file = fs::File::open(path).map_err(|_| SkipReason::Unreadable)?;
    let length = file.metadata().map_err(|_| SkipReason::Unreadable)?.len();
    if length > limit {
        return Err(SkipReason::TooLarge);
    }
    let mut bytes = Vec::with_capacity(length as usize);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|_| SkipReason::Unreadable)?;
    if bytes.len() as u64 > limit { Err(SkipReason::TooLarge) } else { Ok(bytes) }
}

struct Walk<'w, 'c> {
    real_root: &'w Path,
    collector: &'w mut Collector<'c>,
    wanted: Vec<(PathBuf, String)>,
}

impl Walk<'_, '_> {
    fn folder(&mut self, start: &Path, name: &str, is_root: bool) -> Result<(), IntakeError> {
        let mut todo = vec![(start.to_path_buf(), name.to_owned(), is_root)];
        while let Some((folder, name, is_root)) = todo.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if is_root => {
                    return Err(IntakeError::Io { path: folder.display().to_string(), error });
                }
                Err(_) => {
                    self.collector.skip(SkipReason::Unreadable, &format!("{name}/"));
                    continue;
                }
            };
            for entry in entries {
                let Ok(entry) = entry else {
                    self.collector.skip(SkipReason::Unreadable, &format!("{name}/"));
                    break;
                };
                let own = path_text(entry.file_name().as_encoded_bytes());
                let path = if name.is_empty() { own.clone() } else { format!("{name}/{own}") };
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => {
                        let hidden = VERSION_CONTROL.contains(&own.as_str());
                        if !hidden && !self.collector.excludes_folder(&path) {
                            todo.push((entry.path(), path, false));
                        }
                    }
                    Ok(kind) if kind.is_file() => {
                        if self.collector.want(&path, None) == Want::Read {
                            self.wanted.push((entry.path(), path));
                        }
                    }
                    Ok(kind) if kind.is_symlink() => self.link(&entry.path(), &path),
                    Ok(_) => self.collector.skip(SkipReason::Special, &path),
                    Err(_) => self.collector.skip(SkipReason::Unreadable, &path),
                }
            }
        }
        // Names decide the order, not the file system.
        self.wanted.sort_by(|a, b| a.1.cmp(&b.1));
        Ok(())
    }

    fn link(&mut self, link: &Path, path: &str) {
        let inside = fs::canonicalize(link).is_ok_and(|target| target.starts_with(self.real_root));
        // Loops and dangling links have no target; they lead nowhere inside the tree.
        let reason = if inside { SkipReason::Link } else { SkipReason::LinkOutside };
        self.collector.skip(reason, path);
    }
}
