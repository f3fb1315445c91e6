//! Files by relative path, in a folder or in a bundle: what is read to verify, wherever it lies.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Largest file of a bundle, and of all its files together.
const MAX_FILE: u64 = 4 << 30;
const MAX_BUNDLE: u64 = 16 << 30;

/// Read access to evidence. Paths are relative, with `/`.
pub trait Files {
    /// The content, or `None` where there is no such file.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
    /// All paths, sorted.
    fn list(&self) -> io::Result<Vec<String>>;
}

impl<T: Files + ?Sized> Files for &T {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        (**self).read(path)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        (**self).list()
    }
}

/// Files of a folder.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.0.join(path)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut out = Vec::new();
        collect(&self.0, "", &mut out)?;
        out.sort();
        Ok(out)
    }
}

fn collect(folder: &Path, prefix: &str, out: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), &format!("{name}/"), out)?,
            false => out.push(name),
        }
    }
    Ok(())
}

impl Folder {
    /// Writes a file that is there whole and on the disk, or not at all.
    pub fn write(&self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = self.0.join(path);
        let folder = path.parent().unwrap_or(&self.0);
        fs::create_dir_all(folder)?;
        let mut part = path.file_name().unwrap_or_default().to_owned();
        part.push(".part");
        let part = folder.join(part);
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, &path)?;
        // Without this the new name may be lost with the power.
        File::open(folder)?.sync_all()
    }

    pub fn remove(&self, path: &str) -> io::Result<()> {
        match fs::remove_file(self.0.join(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Files of one tar archive, held in memory.
#[derive(Debug, Default)]
pub struct Bundle(pub BTreeMap<String, Vec<u8>>);

impl Files for Bundle {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.keys().cloned().collect())
    }
}

impl Bundle {
    /// Reads a bundle. Links, absolute paths, `..`, a path that comes twice and sizes beyond
    /// the limits are errors: an honest bundle has none.
    pub fn read_tar(input: impl Read) -> io::Result<Self> {
        let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidData, message);
        let mut files = BTreeMap::new();
        let mut total = 0;
        for entry in tar::Archive::new(input).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.to_string_lossy().into_owned();
            let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
            if !plain || !entry.header().entry_type().is_file() {
                return Err(invalid(format!(
                    "{path}: only files with plain relative paths belong in a bundle"
                )));
            }
            let size = entry.size();
            total += size;
            if size > MAX_FILE || total > MAX_BUNDLE {
                return Err(invalid(format!(
                    "{path}: the bundle is larger than 16 GiB, or this file than 4 GiB"
                )));
            }
            let mut content = Vec::new();
            entry.read_to_end(&mut content)?;
            if files.insert(path.clone(), content).is_some() {
                return Err(invalid(format!("{path} comes twice")));
            }
        }
        Ok(Bundle(files))
    }
}

/// Writes files as a tar archive; the same files make the same bytes.
pub fn write_tar(files: &dyn Files, keep: impl Fn(&str) -> bool, out: impl Write) -> io::Result<()> {
    let mut archive = tar::Builder::new(out);
    for path in files.list()?.into_iter().filter(|path| keep(path)) {
        let Some(content) = files.read(&path)? else { continue };
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_cksum();
        archive.append_data(&mut header, &path, content.as_slice())?;
    }
    archive.into_inner()?.flush()
}
