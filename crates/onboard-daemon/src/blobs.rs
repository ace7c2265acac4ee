//! Content too large for the journal, by its hash: the agents' checkpoints and patches.
//!
//! A blob is durable before the event that names it. One that nothing names any more is swept at a
//! start, and whenever much was stored since; one that is about to be named is claimed meanwhile.

use onboard_domain::State;
use onboard_domain::state::BlobRef;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes stored between sweeps: sixty of the largest checkpoints, little beside a repository.
const SWEEP_AFTER: u64 = 256 * 1024 * 1024;

/// The folder of blobs; clones are of the same.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
    claims: Arc<Mutex<Claims>>,
}

/// What a sweep must leave although no event names it yet.
#[derive(Debug, Default)]
struct Claims {
    held: BTreeMap<String, usize>,
    stored_since_sweep: u64,
}

/// A blob that no sweep removes while this is kept: until its event is durable.
#[derive(Debug)]
pub struct Stored {
    pub blob: BlobRef,
    claims: Arc<Mutex<Claims>>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = claims.held.get_mut(&self.blob.sha256) {
            *count -= 1;
            if *count == 0 {
                claims.held.remove(&self.blob.sha256);
            }
        }
    }
}

impl Blobs {
    /// Opens the folder, creating it.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn open(folder: PathBuf) -> io::Result<Blobs> {
        fs::create_dir_all(&folder)?;
        Ok(Blobs::at(folder))
    }

    /// The folder as it is, for another process that only reads: nothing is made, and what it reads
    /// may be swept meanwhile.
    pub fn at(folder: PathBuf) -> Blobs {
        Blobs { folder, claims: Arc::default() }
    }

    /// Stores content durably and names it. Storing it again changes nothing.
    ///
    /// # Errors
    /// When it can't be written and synced.
    pub fn put(&self, content: &[u8]) -> io::Result<Stored> {
        let sha256 = hex(&Sha256::digest(content));
        let stored = self.claim(BlobRef { sha256, bytes: content.len() as u64 });
        let path = self.path(&stored.blob);
        if !path.exists() {
            let (new, mut file) = tempfile_in(&self.folder, &stored.blob.sha256)?;
            file.write_all(content)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
        }
        // Also where it was there: whoever put it there may not be this far yet.
        File::open(&self.folder)?.sync_all()?;
        Ok(stored)
    }

    /// Keeps what is stored from being swept, and says where it is.
    pub fn hold(&self, blob: &BlobRef) -> (Stored, PathBuf) {
        (self.claim(BlobRef { bytes: 0, ..blob.clone() }), self.path(blob))
    }

    fn claim(&self, blob: BlobRef) -> Stored {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        *claims.held.entry(blob.sha256.clone()).or_default() += 1;
        claims.stored_since_sweep += blob.bytes;
        Stored { blob, claims: Arc::clone(&self.claims) }
    }

    /// Reads content back and checks it against its hash.
    ///
    /// # Errors
    /// When it is not there, can't be read, or is not what was stored.
    pub fn get(&self, blob: &BlobRef) -> io::Result<Vec<u8>> {
        // One byte more than there should be is enough to tell that it is not what was stored.
        let mut content = Vec::new();
        File::open(self.path(blob))?.take(blob.bytes + 1).read_to_end(&mut content)?;
        if hex(&Sha256::digest(&content)) != blob.sha256 {
            let why = format!("{} does not hold what its name says", self.path(blob).display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(content)
    }

    /// Whether so much was stored since the last sweep that another is due.
    pub fn is_sweep_due(&self) -> bool {
        let claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.stored_since_sweep >= SWEEP_AFTER
    }

    /// Removes blobs that are neither named by `named` (asked once no more claims can come) nor
    /// claimed, and leftovers of interrupted writes.
    ///
    /// # Errors
    /// When the folder can't be read or a file can't be removed.
    pub fn sweep(&self, named: impl FnOnce() -> BTreeSet<String>) -> io::Result<usize> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let named = named();
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // A file under way is called after the blob that it will be.
            let of = name.split('.').next().unwrap_or_default();
            if !named.contains(&name) && !claims.held.contains_key(of) {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
        claims.stored_since_sweep = 0;
        Ok(removed)
    }

    fn path(&self, blob: &BlobRef) -> PathBuf {
        self.folder.join(&blob.sha256)
    }
}

/// What the agents and proposals of a state name.
pub fn named(state: &State) -> BTreeSet<String> {
    let checkpoints = state.agents.values().flat_map(|agent| agent.checkpoints.values());
    let patches = state.proposals.values().map(|proposal| &proposal.proposed.patch);
    checkpoints.chain(patches).map(|blob| blob.sha256.clone()).collect()
}

/// A new file beside its later place; the thread's name keeps two writers of one content apart.
fn tempfile_in(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    let path = folder.join(format!("{name}.{:?}.new", std::thread::current().id()));
    let file = File::create(&path)?;
    // The folder is the user's alone. Facts are mounted into sandboxes, whose user is another.
    file.set_permissions(Permissions::from_mode(0o644))?;
    Ok((path, file))
}

/// Bytes as lower-case hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Blobs;
    use std::collections::BTreeSet;

    #[test]
    fn content_comes_back_and_unnamed_content_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let stored = blobs.put(b"half way").unwrap();
        assert_eq!(blobs.put(b"half way").unwrap().blob, stored.blob);
        assert_eq!(blobs.get(&stored.blob).unwrap(), b"half way");
        let swept = || blobs.sweep(BTreeSet::new).unwrap();
        assert_eq!(swept(), 0, "claimed");
        let blob = stored.blob.clone();
        drop(stored);
        assert_eq!(blobs.sweep(|| BTreeSet::from([blob.sha256.clone()])).unwrap(), 0, "named");
        assert_eq!(swept(), 1);
        assert!(blobs.get(&blob).is_err());
    }

    #[test]
    fn changed_content_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().to_path_buf()).unwrap();
        let blob = blobs.put(b"half way").unwrap().blob.clone();
        std::fs::write(folder.path().join(&blob.sha256), b"all the way").unwrap();
        assert_eq!(blobs.get(&blob).unwrap_err().kind(), std::io::ErrorKind::InvalidData);
    }
}
