//! A small file beside the journal that remembers the last acknowledged entry.
//!
//! SQLite ends its write-ahead log at the first frame whose checksum is wrong, because after a
//! crash that is how an unfinished write looks. When the frames were finished and damaged later,
//! or the file was cut, acknowledged entries vanish without an error and their numbers would be
//! given out again. So after each commit the place of the last entry is written here. The write
//! is not synced: after a power cut the witness may lag behind, it never runs ahead, and so it is
//! a lower bound for where the journal must end.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::chain::{Break, Why};
use crate::entry::Head;
use crate::hash::Hash;

/// Sequence, the entry's hash, the seal over both.
const RECORD_BYTES: usize = 8 + 32 + 32;

/// The file that belongs to the journal at `path`.
pub(crate) fn path_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-head");
    PathBuf::from(name)
}

/// The place the witness at `path` remembers. None when there is no witness or it is not whole:
/// then it proves nothing, and the journal stands on its own chain.
pub(crate) fn read(path: &Path) -> io::Result<Option<Head>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(decode(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The witness a writer keeps open.
pub(crate) struct Witness(File);

impl Witness {
    /// Opens or creates the file, writes `head` and waits until it is on the device.
    pub(crate) fn open(path: &Path, head: &Head) -> io::Result<Witness> {
        let file =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
        file.write_all_at(&encode(head), 0)?;
        file.set_len(RECORD_BYTES as u64)?;
        file.sync_all()?;
        Ok(Witness(file))
    }

    /// Remembers `head`.
    pub(crate) fn record(&self, head: &Head) -> io::Result<()> {
        self.0.write_all_at(&encode(head), 0)
    }
}

/// Compares what is remembered with the journal: its head, and the hash it has at that place
/// (none when the entry was compacted away or is missing).
pub(crate) fn compare(seen: &Head, head: &Head, there: Option<Hash>) -> Result<(), Break> {
    if seen.seq > head.seq {
        return Err(Break {
            seq: head.seq + 1,
            why: Why::LostTail,
            found: format!("entry {} to be the last", head.seq),
            expected: format!("entry {} with hash {}", seen.seq, seen.hash),
        });
    }
    match there {
        Some(hash) if hash != seen.hash => Err(Break {
            seq: seen.seq,
            why: Why::Rewritten,
            found: hash.to_string(),
            expected: seen.hash.to_string(),
        }),
        _ => Ok(()),
    }
}

fn encode(head: &Head) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    record[..8].copy_from_slice(&head.seq.to_be_bytes());
    record[8..40].copy_from_slice(head.hash.as_bytes());
    record[40..].copy_from_slice(Hash::of_witness(head.seq, &head.hash).as_bytes());
    record
}

fn decode(bytes: &[u8]) -> Option<Head> {
    let bytes: &[u8; RECORD_BYTES] = bytes.try_into().ok()?;
    let seq = u64::from_be_bytes(bytes[..8].try_into().ok()?);
    let hash = Hash::from_bytes(bytes[8..40].try_into().ok()?);
    let head = Head { seq, hash };
    (encode(&head) == *bytes).then_some(head)
}
