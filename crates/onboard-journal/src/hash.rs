//! The hash that chains entries, and the one that seals snapshots.

use std::fmt;

use sha2::{Digest, Sha256};

/// Separates an entry's hash from every other use of SHA-256, and from later formats.
const ENTRY_DOMAIN: &[u8] = b"onboard-journal entry 1\0";

/// Separates a snapshot's seal from an entry's hash.
const SNAPSHOT_DOMAIN: &[u8] = b"onboard-journal snapshot 1\0";

/// Separates the witness's seal from both.
const WITNESS_DOMAIN: &[u8] = b"onboard-journal witness 1\0";

/// A SHA-256 value. Shown as 64 lowercase hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What the first entry of a journal has in the place of a predecessor.
    pub const ZERO: Hash = Hash([0; 32]);

    /// Takes the 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// The plain SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The hash of one entry: over its predecessor's hash, its sequence, time, length and body.
    ///
    /// All numbers are big-endian, so the value is the same on every machine.
    pub fn of_entry(prev: &Hash, seq: u64, time_ms: i64, body: &[u8]) -> Hash {
        let mut sha = Sha256::new();
        sha.update(ENTRY_DOMAIN);
        sha.update(prev.0);
        sha.update(seq.to_be_bytes());
        sha.update(time_ms.to_be_bytes());
        sha.update((body.len() as u64).to_be_bytes());
        sha.update(body);
        Hash(sha.finalize().into())
    }

    /// The seal of a snapshot: over the entry it stands at, its state's digest and its bytes.
    pub(crate) fn of_snapshot(seq: u64, at: &Hash, digest: &Hash, bytes: &[u8]) -> Hash {
        let mut sha = Sha256::new();
        sha.update(SNAPSHOT_DOMAIN);
        sha.update(seq.to_be_bytes());
        sha.update(at.0);
        sha.update(digest.0);
        sha.update((bytes.len() as u64).to_be_bytes());
        sha.update(bytes);
        Hash(sha.finalize().into())
    }

    /// The seal of a witness record.
    pub(crate) fn of_witness(seq: u64, at: &Hash) -> Hash {
        let mut sha = Sha256::new();
        sha.update(WITNESS_DOMAIN);
        sha.update(seq.to_be_bytes());
        sha.update(at.0);
        Hash(sha.finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
