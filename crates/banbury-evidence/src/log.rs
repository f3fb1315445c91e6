//! The append-only log as static files: entries, hash tiles and a signed checkpoint, after the
//! C2SP specifications tlog-tiles, tlog-checkpoint and signed-note. Any web server can serve the
//! folder, and any client of those specifications can check it.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;

use signed_note::{Note, Signer, Verifier, VerifierList};
use tlog_tiles::{
    Checkpoint, EMPTY_HASH, Error as TlogError, Hash, HashReader, RecordProof, Tile, TreeProof, prove_record,
    prove_tree, record_hash, stored_hash_index, stored_hashes_for_record_hash, tree_hash,
};

use crate::files::{Files, Folder};

/// Hashes to a tile are two to this power, by specification.
const HEIGHT: u8 = 8;
const WIDTH: u64 = 1 << HEIGHT;
/// An entry's length is sixteen bits wide in a bundle.
pub const MAX_ENTRY: usize = u16::MAX as usize;
pub const CHECKPOINT: &str = "checkpoint";

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("the checkpoint is malformed")]
    MalformedCheckpoint,
    #[error("the checkpoint is not signed by {0}")]
    NotSigned(String),
    #[error("the checkpoint is of the log `{0}`, not `{1}`")]
    OtherLog(String, String),
    #[error("an entry of {0} bytes is longer than the log takes ({MAX_ENTRY})")]
    TooLong(usize),
    #[error("{0} is missing or damaged")]
    Damaged(String),
    #[error("the log holds {size} entries, there is no number {number}")]
    NoEntry { number: u64, size: u64 },
    #[error("proof: {0}")]
    Proof(String),
}

impl From<TlogError> for LogError {
    fn from(error: TlogError) -> Self {
        LogError::Proof(error.to_string())
    }
}

/// Where a hash tile of the tree of `size` lies, and how wide it is there.
fn hash_tile(level: u8, index: u64, size: u64) -> Option<(String, u32)> {
    let hashes = size.checked_shr(u32::from(level) * u32::from(HEIGHT)).unwrap_or(0);
    let width = hashes.saturating_sub(index * WIDTH).min(WIDTH);
    (width > 0).then(|| (tile_path(&level.to_string(), index, width), width as u32))
}

/// Where the entries of the tree of `size` from `index * 256` on lie, and how many there are.
pub fn entry_bundle(index: u64, size: u64) -> Option<(String, u32)> {
    let width = size.saturating_sub(index * WIDTH).min(WIDTH);
    (width > 0).then(|| (tile_path("entries", index, width), width as u32))
}

/// `tile/0/x001/234.p/5`: the index in groups of three digits, the width where it is not full.
fn tile_path(level: &str, mut index: u64, width: u64) -> String {
    let mut number = format!("{:03}", index % 1000);
    while index >= 1000 {
        index /= 1000;
        number = format!("x{:03}/{number}", index % 1000);
    }
    match width {
        WIDTH => format!("tile/{level}/{number}"),
        _ => format!("tile/{level}/{number}.p/{width}"),
    }
}

/// All files of the tree of `size`, checkpoint apart.
pub fn tile_paths(size: u64) -> Vec<String> {
    let bundles = (0..size.div_ceil(WIDTH)).filter_map(|index| entry_bundle(index, size));
    let mut paths: Vec<String> = bundles.map(|(path, _)| path).collect();
    for level in 0..8 {
        let hashes = size >> (u32::from(level) * u32::from(HEIGHT));
        if hashes == 0 {
            break;
        }
        let tiles = (0..hashes.div_ceil(WIDTH)).filter_map(|index| hash_tile(level, index, size));
        paths.extend(tiles.map(|(path, _)| path));
    }
    paths
}

/// Hashes of the tree of `size` from its tiles.
pub struct TileHashes<'f> {
    pub files: &'f dyn Files,
    pub size: u64,
}

impl HashReader for TileHashes<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        let mut known: HashMap<String, Vec<u8>> = HashMap::new();
        let mut out = Vec::with_capacity(indexes.len());
        for &index in indexes {
            let narrow = Tile::from_index(HEIGHT, index);
            let (level, number) = (narrow.level(), narrow.level_index());
            let (path, width) = hash_tile(level, number, self.size).ok_or(TlogError::InvalidTile)?;
            if !known.contains_key(&path) {
                let data = self.files.read(&path).ok().flatten().ok_or(TlogError::InvalidTile)?;
                known.insert(path.clone(), data);
            }
            let tile = Tile::new(HEIGHT, level, number, width, false);
            out.push(tile.hash_at_index(&known[&path], index)?);
        }
        Ok(out)
    }
}

/// Hashes that are not on the disk yet, before those that are.
struct Growing<'f> {
    old: TileHashes<'f>,
    new: HashMap<u64, Hash>,
}

impl HashReader for Growing<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, TlogError> {
        let one = |index: &u64| match self.new.get(index) {
            Some(hash) => Ok(*hash),
            None => Ok(self.old.read_hashes(&[*index])?[0]),
        };
        indexes.iter().map(one).collect()
    }
}

/// Entries of one bundle; `None` if its lengths do not add up.
pub fn split_bundle(mut data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    while !data.is_empty() {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        out.push(entry);
        data = rest;
    }
    Some(out)
}

/// A checkpoint that `verifier` signed, in the text of a note.
pub fn open_checkpoint(note: &[u8], verifier: Box<dyn Verifier>) -> Result<Checkpoint, LogError> {
    let name = verifier.name().to_owned();
    let note = Note::from_bytes(note).map_err(|_| LogError::MalformedCheckpoint)?;
    let checkpoint = Checkpoint::from_bytes(note.text()).map_err(|_| LogError::MalformedCheckpoint)?;
    if checkpoint.origin() != name {
        return Err(LogError::OtherLog(checkpoint.origin().to_owned(), name));
    }
    match note.verify(&VerifierList::new(vec![verifier])) {
        Ok((verified, _)) if !verified.is_empty() => Ok(checkpoint),
        _ => Err(LogError::NotSigned(name)),
    }
}

/// Size and root of a checkpoint whose signature nobody looked at.
pub fn unverified_checkpoint(note: &[u8]) -> Result<Checkpoint, LogError> {
    let note = Note::from_bytes(note).map_err(|_| LogError::MalformedCheckpoint)?;
    Checkpoint::from_bytes(note.text()).map_err(|_| LogError::MalformedCheckpoint)
}

/// The log in a folder, open for appending: one writer at a time.
pub struct Log {
    folder: Folder,
    size: u64,
    /// Held as long as the log is open.
    _lock: File,
}

impl Log {
    /// Opens the log of a folder, an empty one where there is none. Waits for another writer.
    pub fn open(folder: Folder, verifier: Box<dyn Verifier>) -> Result<Self, LogError> {
        fs::create_dir_all(&folder.0)?;
        let lock = File::create(folder.0.join("lock"))?;
        lock.lock()?;
        let size = match folder.read(CHECKPOINT)? {
            Some(note) => open_checkpoint(&note, verifier)?.size(),
            None => 0,
        };
        let log = Log { folder, size, _lock: lock };
        log.drop_unfinished()?;
        Ok(log)
    }

    /// Removes tiles of a tree that never got its checkpoint: a writer was interrupted.
    fn drop_unfinished(&self) -> Result<(), LogError> {
        let kept: BTreeSet<String> = tile_paths(self.size).into_iter().collect();
        for path in
            self.folder.list()?.iter().filter(|path| path.starts_with("tile/") && !kept.contains(*path))
        {
            self.folder.remove(path)?;
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends entries and signs the new checkpoint. When this returns they are on the disk; when
    /// it does not, the old checkpoint stands and whatever else was written is not looked at.
    pub fn append(&mut self, entries: &[Vec<u8>], signer: &dyn Signer) -> Result<(), LogError> {
        if let Some(entry) = entries.iter().find(|entry| entry.len() > MAX_ENTRY) {
            return Err(LogError::TooLong(entry.len()));
        }
        let size = self.size + entries.len() as u64;
        let mut hashes =
            Growing { old: TileHashes { files: &self.folder, size: self.size }, new: HashMap::new() };
        for (number, entry) in (self.size..).zip(entries) {
            let stored = stored_hashes_for_record_hash(number, record_hash(entry), &hashes)?;
            let first = stored_hash_index(0, number);
            hashes.new.extend((first..).zip(stored));
        }
        let root = if size == 0 { EMPTY_HASH } else { tree_hash(size, &hashes)? };
        for tile in Tile::new_tiles(HEIGHT, self.size, size) {
            let (path, _) =
                hash_tile(tile.level(), tile.level_index(), size).ok_or(LogError::MalformedCheckpoint)?;
            let wide = Tile::new(HEIGHT, tile.level(), tile.level_index(), tile.width(), false);
            self.folder.write(&path, &wide.read_data(&hashes)?)?;
        }
        self.write_entries(entries, size)?;
        let checkpoint =
            Checkpoint::new(signer.name(), size, root, "").map_err(|_| LogError::MalformedCheckpoint)?;
        let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|_| LogError::MalformedCheckpoint)?;
        note.add_sigs(&[signer]).map_err(|error| LogError::Proof(error.to_string()))?;
        self.folder.write(CHECKPOINT, &note.to_bytes())?;
        self.drop_partial(size)?;
        self.size = size;
        Ok(())
    }

    fn write_entries(&self, entries: &[Vec<u8>], size: u64) -> Result<(), LogError> {
        let first = self.size / WIDTH;
        for index in first..size.div_ceil(WIDTH) {
            let Some((path, _)) = entry_bundle(index, size) else { continue };
            let mut data = match entry_bundle(index, self.size) {
                Some((old, _)) => self.folder.read(&old)?.ok_or(LogError::Damaged(old))?,
                None => Vec::new(),
            };
            let from = (index * WIDTH).max(self.size) - self.size;
            let to = ((index + 1) * WIDTH).min(size) - self.size;
            for entry in &entries[from as usize..to as usize] {
                data.extend((entry.len() as u16).to_be_bytes());
                data.extend(entry);
            }
            self.folder.write(&path, &data)?;
        }
        Ok(())
    }

    /// Removes the partial tiles of the old tree that the new one has wider.
    fn drop_partial(&self, size: u64) -> Result<(), LogError> {
        let kept: BTreeSet<String> = tile_paths(size).into_iter().collect();
        let old = (0..8u8).filter_map(|level| {
            let hashes = self.size >> (u32::from(level) * u32::from(HEIGHT));
            hash_tile(level, hashes / WIDTH, self.size)
        });
        let entries = entry_bundle(self.size / WIDTH, self.size);
        for (path, _) in old.chain(entries).filter(|(path, _)| !kept.contains(path)) {
            self.folder.remove(&path)?;
        }
        Ok(())
    }
}

/// All entries of the tree of `size`.
pub fn read_entries(files: &dyn Files, size: u64) -> Result<Vec<Vec<u8>>, LogError> {
    let mut out = Vec::new();
    for index in 0..size.div_ceil(WIDTH) {
        let Some((path, width)) = entry_bundle(index, size) else { break };
        let data = files.read(&path)?.ok_or_else(|| LogError::Damaged(path.clone()))?;
        match split_bundle(&data) {
            Some(entries) if entries.len() == width as usize => {
                out.extend(entries.into_iter().map(<[u8]>::to_vec));
            }
            _ => return Err(LogError::Damaged(path)),
        }
    }
    Ok(out)
}

/// Proof that the entry is the one with that number in the tree of `size`.
pub fn inclusion_proof(files: &dyn Files, size: u64, number: u64) -> Result<RecordProof, LogError> {
    if number >= size {
        return Err(LogError::NoEntry { number, size });
    }
    Ok(prove_record(size, number, &TileHashes { files, size })?)
}

/// Whether a proof leads from an entry's bytes to the root of a checkpoint.
pub fn is_included(proof: &RecordProof, tree: &Checkpoint, number: u64, entry: &[u8]) -> bool {
    tlog_tiles::check_record(proof, tree.size(), *tree.hash(), number, record_hash(entry)).is_ok()
}

/// Proof that the tree of `old` entries is the beginning of the one of `size`.
pub fn consistency_proof(files: &dyn Files, size: u64, old: u64) -> Result<TreeProof, LogError> {
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    Ok(prove_tree(size, old, &TileHashes { files, size })?)
}

/// Whether the tree of checkpoint `old` is the beginning of the one of `new`.
pub fn is_consistent(files: &dyn Files, new: &Checkpoint, old: &Checkpoint) -> Result<bool, LogError> {
    if old.size() > new.size() || old.origin() != new.origin() {
        return Ok(false);
    }
    if old.size() == 0 {
        return Ok(true);
    }
    if old.size() == new.size() {
        return Ok(old.hash() == new.hash());
    }
    let proof = consistency_proof(files, new.size(), old.size())?;
    Ok(tlog_tiles::check_tree(&proof, new.size(), *new.hash(), old.size(), *old.hash()).is_ok())
}
