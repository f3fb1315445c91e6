use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bounds on what a release may cost to read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// A larger file is left out.
    pub max_file_bytes: u64,
    /// Source text that is held at once.
    pub max_source_bytes: u64,
    /// Entries of an archive.
    pub max_entries: u64,
    /// Bytes that an archive unpacks to.
    pub max_unpacked_bytes: u64,
    /// Unpacked bytes for each packed byte, looked at once `ratio_from` bytes were unpacked.
    pub max_ratio: u64,
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_file_bytes: 50 << 20,
            max_source_bytes: 8 << 30,
            max_entries: 5_000_000,
            max_unpacked_bytes: 64 << 30,
            max_ratio: 300,
            ratio_from: 64 << 20,
        }
    }
}

/// Counts the bytes read through it.
pub(super) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R) -> (Self, Arc<AtomicU64>) {
        let count = Arc::new(AtomicU64::new(0));
        (Counted { inner, count: Arc::clone(&count) }, count)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Stops a stream that unpacks to more than the limits allow.
pub(super) struct Guarded<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    unpacked: u64,
    limits: Limits,
}

impl<R> Guarded<R> {
    pub(super) fn new(inner: R, packed: Arc<AtomicU64>, limits: Limits) -> Self {
        Guarded { inner, packed, unpacked: 0, limits }
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.unpacked += read as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        self.limits.check(packed, self.unpacked).map_err(io::Error::other)?;
        Ok(read)
    }
}

impl Limits {
    /// Whether an archive may go on unpacking; if not, why.
    pub(super) fn check(&self, packed: u64, unpacked: u64) -> Result<(), String> {
        if unpacked > self.max_unpacked_bytes {
            return Err(format!("it unpacks to more than {} MB", self.max_unpacked_bytes >> 20));
        }
        if unpacked > self.ratio_from && unpacked / packed.max(1) > self.max_ratio {
            return Err(format!("it unpacks to more than {} times its size", self.max_ratio));
        }
        Ok(())
    }
}
