//! Archives, read as a stream: the format is known by its first bytes, not by its name.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use rustc_hash::FxHashMap;

use super::limits::{Counted, Guarded};
use super::tar::{self, EntryKind};
use super::{Collector, IntakeError, SkipReason, Want, path_text};

/// Memory that a compressed stream may ask for; `xz -9` needs 65 MB, `zstd --long` 128 MB.
const MAX_DICTIONARY: u32 = 256 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Zip,
    Gzip,
    Xz,
    Bzip2,
    Zstd,
    Tar,
}

fn format(head: &[u8]) -> Option<Format> {
    match head {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Format::Zip),
        [0x1f, 0x8b, ..] => Some(Format::Gzip),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Format::Xz),
        [b'B', b'Z', b'h', ..] => Some(Format::Bzip2),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Format::Zstd),
        _ if head.get(257..262) == Some(b"ustar") => Some(Format::Tar),
        _ => None,
    }
}

fn head(file: &mut File) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    file.by_ref().take(512).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(head)
}

pub(super) fn looks_like_archive(path: &Path) -> bool {
    let named = path.extension().is_some_and(|extension| extension == "tar");
    named || File::open(path).and_then(|mut file| head(&mut file)).is_ok_and(|head| format(&head).is_some())
}

pub(super) fn read(path: &Path, collector: &mut Collector<'_>) -> Result<(), IntakeError> {
    let name = || path.display().to_string();
    let io = |error| IntakeError::Io { path: name(), error };
    let mut file = File::open(path).map_err(io)?;
    let head = head(&mut file).map_err(io)?;
    let before = collector.files.len();
    let outcome = match format(&head) {
        Some(Format::Zip) => read_zip(file, collector),
        other => read_tar(file, other.unwrap_or(Format::Tar), collector),
    };
    match outcome {
        Ok(()) => {}
        // What was read before the fault is reviewed, and the report says so.
        Err(reason) if collector.files.len() > before => collector.cut_short(&reason),
        Err(reason) => return Err(IntakeError::Archive { path: name(), reason }),
    }
    strip_common_folder(&mut collector.files, &mut collector.databases);
    Ok(())
}

fn read_tar(file: File, format: Format, collector: &mut Collector<'_>) -> Result<(), String> {
    let (packed, count) = Counted::new(BufReader::with_capacity(1 << 16, file));
    let stream: Box<dyn Read> = match format {
        Format::Gzip => Box::new(flate2::read::MultiGzDecoder::new(packed)),
        Format::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(packed)),
        Format::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(packed, true, MAX_DICTIONARY >> 10)),
        Format::Zstd => Box::new(
            ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, u64::from(MAX_DICTIONARY))
                .map_err(|error| error.to_string())?,
        ),
        Format::Tar | Format::Zip => Box::new(packed),
    };
    let limits = *collector.limits();
    let guarded = Guarded::new(stream, count, limits);
    let mut reader = tar::Reader::new(BufReader::with_capacity(1 << 16, guarded));
    let mut entries = 0;
    let mut hard_links: Vec<(String, Option<String>)> = Vec::new();
    while let Some(entry) = reader.next_entry().map_err(|error| error.to_string())? {
        entries += 1;
        if entries > limits.max_entries {
            return Err(format!("it has more than {} entries", limits.max_entries));
        }
        let raw = path_text(&entry.path);
        let path = match (entry.kind, safe_name(&raw)) {
            (EntryKind::Directory | EntryKind::Metadata, _) => continue,
            (_, None) => {
                collector.skip(SkipReason::UnsafeName, &raw);
                continue;
            }
            (EntryKind::Symlink, Some(path)) => {
                let outside = !stays_inside(&path, &path_text(&entry.link));
                let reason = if outside { SkipReason::LinkOutside } else { SkipReason::Link };
                collector.skip(reason, &path);
                continue;
            }
            (EntryKind::Special, Some(path)) => {
                collector.skip(SkipReason::Special, &path);
                continue;
            }
            (EntryKind::HardLink, Some(path)) => {
                if collector.want(&path, None) == Want::Read {
                    hard_links.push((path, safe_name(&path_text(&entry.link))));
                }
                continue;
            }
            (EntryKind::File, Some(path)) => path,
        };
        if collector.want(&path, Some(entry.size)) == Want::Read {
            let bytes = reader.read_content(&entry).map_err(|error| error.to_string())?;
            if !collector.add(path, bytes) {
                return Ok(());
            }
        }
    }
    copy_hard_links(&hard_links, collector);
    Ok(())
}

/// Gives a file that has several names its text under each.
fn copy_hard_links(links: &[(String, Option<String>)], collector: &mut Collector<'_>) {
    if links.is_empty() {
        return;
    }
    let by_name: FxHashMap<String, usize> =
        collector.files.iter().enumerate().map(|(index, (path, _))| (path.clone(), index)).collect();
    for (path, target) in links {
        let Some(&index) = target.as_ref().and_then(|target| by_name.get(target)) else {
            collector.skip(SkipReason::Special, path);
            continue;
        };
        let text = collector.files[index].1.clone();
        if !collector.add(path.clone(), text) {
            return;
        }
    }
}

fn read_zip(file: File, collector: &mut Collector<'_>) -> Result<(), String> {
    let packed = file.metadata().map_err(|error| error.to_string())?.len();
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let limits = *collector.limits();
    if archive.len() as u64 > limits.max_entries {
        return Err(format!("it has more than {} entries", limits.max_entries));
    }
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let mut entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                collector.skip(SkipReason::Unreadable, &format!("entry {index}: {error}"));
                continue;
            }
        };
        let raw = path_text(entry.name_raw());
        if entry.is_dir() {
            continue;
        }
        let Some(path) = safe_name(&raw) else {
            collector.skip(SkipReason::UnsafeName, &raw);
            continue;
        };
        if entry.is_symlink() {
            let mut target = Vec::new();
            let _ = entry.take(4096).read_to_end(&mut target);
            let outside = !stays_inside(&path, &path_text(&target));
            collector.skip(if outside { SkipReason::LinkOutside } else { SkipReason::Link }, &path);
            continue;
        }
        if collector.want(&path, Some(entry.size())) == Want::Leave {
            continue;
        }
        // The size in the header is a claim: what is unpacked counts.
        let mut bytes = Vec::new();
        let read = entry.by_ref().take(limits.max_file_bytes + 1).read_to_end(&mut bytes);
        unpacked += bytes.len() as u64;
        limits.check(packed, unpacked)?;
        match read {
            Err(_) => collector.skip(SkipReason::Unreadable, &path),
            Ok(_) if bytes.len() as u64 > limits.max_file_bytes => {
                collector.skip(SkipReason::TooLarge, &path)
            }
            Ok(_) => {
                if !collector.add(path, bytes) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// A name below the root, or `None` if it is absolute or climbs.
fn safe_name(raw: &str) -> Option<String> {
    let raw = raw.replace('\\', "/");
    if raw.starts_with('/') || raw.as_bytes().get(1) == Some(&b':') {
        return None;
    }
    let mut parts = Vec::new();
    for part in raw.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn stays_inside(path: &str, target: &str) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut depth = path.matches('/').count();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => depth += 1,
        }
    }
    true
}

/// Most archives hold one folder named after the release; paths start below it, so that they are
/// the same from release to release.
fn strip_common_folder(files: &mut [(String, Vec<u8>)], databases: &mut [(String, Vec<u8>)]) {
    let folder = |path: &str| path.split_once('/').map(|(folder, _)| folder.to_owned());
    let Some(common) = files.first().and_then(|(path, _)| folder(path)) else { return };
    if files.iter().chain(databases.iter()).all(|(path, _)| folder(path).as_ref() == Some(&common)) {
        for (path, _) in files.iter_mut().chain(databases.iter_mut()) {
            path.drain(..=common.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{safe_name, stays_inside};

    #[test]
    fn names() {
        assert_eq!(safe_name("./a//b.c").as_deref(), Some("a/b.c"));
        assert_eq!(safe_name("a\\b.c").as_deref(), Some("a/b.c"));
        for bad in ["/etc/passwd", "../x.c", "a/../../x.c", "C:\\x.c", "", "."] {
            assert_eq!(safe_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn link_targets() {
        assert!(stays_inside("a/b/link", "../c"));
        assert!(!stays_inside("a/link", "../../c"));
        assert!(!stays_inside("a/link", "/etc"));
    }
}
