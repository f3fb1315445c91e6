//! A reader of the tar format (POSIX ustar and pax, GNU long names) that holds one entry at a
//! time and never more of a name than [`MAX_NAME`]. Format: POSIX.1-2024, pax, "Interchange
//! Format"; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

const BLOCK: usize = 512;
/// Longest name or pax header that is read.
const MAX_NAME: u64 = 1 << 20;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EntryKind {
    File,
    Directory,
    Symlink,
    /// A further name of a file that came before.
    HardLink,
    /// Devices, pipes, sparse files.
    Special,
    /// No file: global headers and the like.
    Metadata,
}

pub(super) struct Entry {
    pub(super) path: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryKind,
    pub(super) size: u64,
}

pub(super) struct Reader<R> {
    inner: R,
    /// Bytes of the current entry, with padding, that were not read yet.
    left: u64,
    padding: u64,
}

/// What preceding headers say about the next entry.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

impl<R: Read> Reader<R> {
    pub(super) fn new(inner: R) -> Self {
        Reader { inner, left: 0, padding: 0 }
    }

    /// The next entry, or `None` at the end of the archive.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<Entry>> {
        let mut extension = Extension::default();
        let mut first = true;
        loop {
            self.skip()?;
            let Some(header) = self.header()? else { return Ok(None) };
            if !checksum_fits(&header) {
                let what = if first { "not a tar archive" } else { "a header is damaged" };
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            first = false;
            let size = number(&header[124..136])?;
            self.left = size;
            self.padding = size.wrapping_neg() % BLOCK as u64;
            match header[156] {
                b'L' => extension.path = Some(self.name(size)?),
                b'K' => extension.link = Some(self.name(size)?),
                b'x' => {
                    let records = self.bounded(size)?;
                    pax_records(&records, &mut extension);
                }
                flag => return self.entry(&header, flag, size, extension).map(Some),
            }
        }
    }

    fn entry(&mut self, header: &[u8; BLOCK], flag: u8, size: u64, ext: Extension) -> io::Result<Entry> {
        let path = ext.path.unwrap_or_else(|| ustar_path(header));
        let kind = match flag {
            b'0' | 0 | b'7' if path.ends_with(b"/") => EntryKind::Directory,
            b'0' | 0 | b'7' => EntryKind::File,
            b'5' => EntryKind::Directory,
            b'1' => EntryKind::HardLink,
            b'2' => EntryKind::Symlink,
            b'g' | b'V' | b'M' | b'D' | b'X' => EntryKind::Metadata,
            _ => EntryKind::Special,
        };
        let size = ext.size.unwrap_or(size);
        // Links and devices have no content, whatever their size field says.
        let stored = if matches!(flag, b'1'..=b'6') { 0 } else { size };
        self.left = stored;
        self.padding = stored.wrapping_neg() % BLOCK as u64;
        let link = ext.link.unwrap_or_else(|| cut(&header[157..257]).to_vec());
        Ok(Entry { path, link, kind, size: stored })
    }

    /// The content of the entry that was just given. The caller has checked its size.
    pub(super) fn read_content(&mut self, entry: &Entry) -> io::Result<Vec<u8>> {
        // The size is a claim, so memory grows with what is really there.
        let mut content = Vec::with_capacity(entry.size.min(1 << 20) as usize);
        let read = self.inner.by_ref().take(self.left).read_to_end(&mut content)? as u64;
        let missing = self.left - read;
        self.left = 0;
        if missing > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends inside a file"));
        }
        Ok(content)
    }

    fn name(&mut self, size: u64) -> io::Result<Vec<u8>> {
        Ok(cut(&self.bounded(size)?).to_vec())
    }

    fn bounded(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > MAX_NAME {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a name is longer than 1 MB"));
        }
        let mut bytes = Vec::new();
        self.inner.by_ref().take(size).read_to_end(&mut bytes)?;
        self.left = 0;
        Ok(bytes)
    }

    fn skip(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.left).saturating_add(std::mem::take(&mut self.padding));
        io::copy(&mut self.inner.by_ref().take(rest), &mut io::sink())?;
        Ok(())
    }

    /// A header block; `None` at a block of zeros or the end of the stream.
    fn header(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        match filled {
            BLOCK if block.iter().any(|&byte| byte != 0) => Ok(Some(block)),
            0 | BLOCK => Ok(None),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends inside a header")),
        }
    }
}

fn checksum_fits(header: &[u8; BLOCK]) -> bool {
    let Ok(stated) = number(&header[148..156]) else { return false };
    let sum = |value: fn(u8) -> i64| -> i64 {
        header.iter().enumerate().map(|(at, &b)| value(if (148..156).contains(&at) { b' ' } else { b })).sum()
    };
    // Old writers summed signed bytes.
    let stated = stated as i64;
    stated == sum(i64::from) || stated == sum(|byte| i64::from(byte as i8))
}

/// A number field: octal digits, or base 256 when the first bit is set.
fn number(field: &[u8]) -> io::Result<u64> {
    if field[0] & 0x80 != 0 {
        let (high, low) = field.split_at(field.len() - 8);
        if field[0] != 0x80 || high[1..].iter().any(|&byte| byte != 0) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a number field is out of range"));
        }
        return Ok(low.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)));
    }
    let mut value: u64 = 0;
    for &byte in field.iter().skip_while(|&&byte| byte == b' ') {
        match byte {
            b'0'..=b'7' => value = value.wrapping_mul(8).wrapping_add(u64::from(byte - b'0')),
            0 | b' ' => break,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "a number field is damaged")),
        }
    }
    Ok(value)
}

fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

fn ustar_path(header: &[u8; BLOCK]) -> Vec<u8> {
    let name = cut(&header[..100]);
    let prefix = cut(&header[345..500]);
    // GNU headers use the prefix field for times.
    if prefix.is_empty() || &header[257..263] != b"ustar\0" {
        return name.to_vec();
    }
    [prefix, b"/", name].concat()
}

/// Records of the form `LENGTH KEY=VALUE\n`.
fn pax_records(mut records: &[u8], extension: &mut Extension) {
    while let Some(space) = memchr::memchr(b' ', records) {
        let length = std::str::from_utf8(&records[..space]).ok().and_then(|text| text.parse().ok());
        let Some(length) = length.filter(|&length: &usize| length > space + 1 && length <= records.len())
        else {
            return;
        };
        let record = records[space + 1..length].strip_suffix(b"\n").unwrap_or(&records[space + 1..length]);
        records = &records[length..];
        let Some(equals) = memchr::memchr(b'=', record) else { continue };
        let value = &record[equals + 1..];
        match &record[..equals] {
            b"path" => extension.path = Some(value.to_vec()),
            b"linkpath" => extension.link = Some(value.to_vec()),
            b"size" => extension.size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()),
            _ => {}
        }
    }
}
