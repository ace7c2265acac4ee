//! The texts of the policies that people agreed to, for a daemon that starts while changed ones wait:
//! one file a project, with the defaults that they were merged with, for a newer program's may differ.
//! What is read back counts only where the journal has its hash.

use crate::blobs::hex;
use crate::plain;
use onboard_policy::Authority;
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Bytes of such a file: three policy files and the defaults of 256 KiB each, and what JSON adds at most,
/// six for one.
const BYTES_MAX: u64 = 4 * 6 * 256 * 1024 + 16 * 1024;

/// A policy file: whose, as people know it, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) whose: Authority,
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Keeps the texts for the project at `root` in `folder`, in place of the ones before.
///
/// # Errors
/// When they can't be written.
pub(crate) fn keep(folder: &Path, root: &Path, texts: &[Text]) -> io::Result<()> {
    let word = |whose| match whose {
        Authority::Defaults => "defaults",
        Authority::Organisation => "organisation",
        Authority::User => "user",
        Authority::Project => "project",
    };
    let rows: Vec<[&str; 3]> =
        texts.iter().map(|text| [word(text.whose), &text.name, &text.text]).collect();
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let place = file(folder, root);
    let new = place.with_extension("new");
    // Not synced: one that is torn has another hash, and then nothing runs, as without it.
    fs::write(&new, serde_json::to_vec(&rows).map_err(io::Error::other)?)?;
    fs::rename(&new, &place)
}

/// The texts that were kept; `None` where there are none that can be read.
pub(crate) fn load(folder: &Path, root: &Path) -> Option<Vec<Text>> {
    let bytes = plain::read_checked(&file(folder, root), BYTES_MAX, |_| Ok(())).ok()??;
    let rows: Vec<[String; 3]> = serde_json::from_slice(&bytes).ok()?;
    let text = |[whose, name, text]: [String; 3]| {
        let whose = match whose.as_str() {
            "defaults" => Authority::Defaults,
            "organisation" => Authority::Organisation,
            "user" => Authority::User,
            "project" => Authority::Project,
            _ => return None,
        };
        Some(Text { whose, name, text })
    };
    rows.into_iter().map(text).collect()
}

fn file(folder: &Path, root: &Path) -> PathBuf {
    let name = hex(&Sha256::digest(root.as_os_str().as_encoded_bytes()));
    folder.join(format!("{name}.json"))
}
