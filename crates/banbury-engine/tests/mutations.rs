//! Damaged archives: a few thousand mutations of small ones. None may panic, hang or hold more
//! than the limits allow. The same mutations each time.

use std::fs;
use std::io::Write;
use std::path::Path;

use banbury_engine::Silent;
use banbury_engine::intake::{self, IntakeOptions, Source};

/// Marsaglia's xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.next(6) {
            let at = self.next(bytes.len());
            match self.next(6) {
                0 => bytes.truncate(at.max(8)),
                1 => {
                    let byte = self.next(256) as u8;
                    bytes.insert(at, byte);
                }
                2 => {
                    let piece: Vec<u8> = bytes[at..(at + 40).min(bytes.len())].to_vec();
                    bytes.extend(piece);
                }
                3 => bytes[at] ^= 1 << self.next(8),
                4 => bytes[at] = [0, 0xff, 0x80, b'/', b'7'][self.next(5)],
                _ => bytes[at] = self.next(256) as u8,
            }
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut seeds: Vec<Vec<u8>> = ["tiny.tar.xz", "tiny.tar.bz2", "tiny.tar.zst"]
        .iter()
        .map(|name| fs::read(fixtures.join(name)).expect("fixture"))
        .collect();
    let mut plain = Vec::new();
    let mut reader = bzip2::read::MultiBzDecoder::new(&seeds[1][..]);
    std::io::Read::read_to_end(&mut reader, &mut plain).expect("fixture");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).expect("memory");
    seeds.extend([plain, gzip.finish().expect("memory")]);

    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for name in ["a/b.c", "a/c.h"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).expect("memory");
        zip.write_all(&b"int x;\n".repeat(50)).expect("memory");
    }
    seeds.push(zip.finish().expect("memory").into_inner());
    seeds
}

#[test]
fn damaged_archives_do_no_harm() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("x.tar");
    let source = Source::Archive(path.clone());
    let mut options = IntakeOptions::default();
    options.limits.max_source_bytes = 1 << 20;
    options.limits.max_unpacked_bytes = 16 << 20;
    let mut random = Random(0x5eed);
    for seed in seeds() {
        for _ in 0..400 {
            let mut bytes = seed.clone();
            random.mutate(&mut bytes);
            fs::write(&path, &bytes).expect("file");
            if let Ok(manifest) = intake::read(&source, &options, &Silent) {
                for file in &manifest.files {
                    assert!(!file.path.starts_with('/') && !file.path.split('/').any(|part| part == ".."));
                }
            }
        }
    }
}
