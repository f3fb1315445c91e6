use std::fmt;

use serde::{Deserialize, Serialize};

/// A 128-bit name of some content, the same on every machine and in every run. Not meant to
/// resist an attacker: evidence uses cryptographic hashes, fingerprints and cache keys use this.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Digest(pub u128);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Two independent 64-bit multiply-and-rotate lanes with a final avalanche (after the
/// finaliser of MurmurHash3, public domain). Order of writes matters; widths are framed.
#[derive(Clone)]
pub struct StableHasher {
    a: u64,
    b: u64,
}

impl Default for StableHasher {
    fn default() -> Self {
        StableHasher { a: 0x9e37_79b9_7f4a_7c15, b: 0xc2b2_ae3d_27d4_eb4f }
    }
}

impl StableHasher {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.a = (self.a ^ value).wrapping_mul(0xff51_afd7_ed55_8ccd).rotate_left(31);
        self.b = (self.b.rotate_left(29) ^ value).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        self
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u64(bytes.len() as u64);
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.u64(u64::from_le_bytes(chunk.try_into().expect("chunks of eight")));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let mut last = [0u8; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.u64(u64::from_le_bytes(last));
        }
        self
    }

    pub fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    pub fn finish(&self) -> Digest {
        let mix = |mut k: u64| {
            k ^= k >> 33;
            k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
            k ^= k >> 33;
            k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
            k ^ (k >> 33)
        };
        let high = mix(self.a.wrapping_add(self.b.rotate_left(17)));
        let low = mix(self.b ^ high);
        Digest((u128::from(high) << 64) | u128::from(low))
    }
}

#[cfg(test)]
mod tests {
    use super::StableHasher;

    #[test]
    fn framing_separates_concatenations() {
        let one = StableHasher::new().str("ab").str("c").finish();
        let two = StableHasher::new().str("a").str("bc").finish();
        assert_ne!(one, two);
    }

    #[test]
    fn digest_is_stable() {
        assert_eq!(StableHasher::new().str("x").finish(), StableHasher::new().str("x").finish());
    }
}
