use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest;

/// SHA-256 of some content; its text is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    pub fn of(content: &[u8]) -> Self {
        Sha256(sha2::Sha256::digest(content).into())
    }
}

/// The hash of content that comes in pieces, and how many bytes it had.
#[derive(Default)]
pub struct Hasher {
    hash: sha2::Sha256,
    bytes: u64,
}

impl Hasher {
    pub fn update(&mut self, piece: &[u8]) {
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
    }

    pub fn finish(self) -> (Sha256, u64) {
        (Sha256(self.hash.finalize().into()), self.bytes)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct NoHash;

impl FromStr for Sha256 {
    type Err = NoHash;

    /// Upper case is refused: one content has one name.
    fn from_str(text: &str) -> Result<Self, NoHash> {
        let digit = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(NoHash),
        };
        let bytes = text.as_bytes();
        if bytes.len() != 64 {
            return Err(NoHash);
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Sha256(out))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
