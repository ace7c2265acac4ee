//! The emergency latch: a file that every dispatch reads, so that it holds even when the journal,
//! or the daemon, can't be reached.

use crate::input::Input;
use onboard_domain::{Actor, Command, State, Via};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FILE: &str = "emergency.json";

/// What stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    pub reason: String,
    /// Milliseconds since 1970-01-01 UTC, by the clock of whoever set it.
    pub since_ms: i64,
}

fn path(state_folder: &Path) -> PathBuf {
    state_folder.join(FILE)
}

/// Sets the latch durably. One that is set stays as it is.
///
/// # Errors
/// When the file can't be written and synced.
pub fn set(state_folder: &Path, latch: &Latch) -> io::Result<()> {
    if is_set(state_folder) {
        return Ok(());
    }
    let new = state_folder.join(format!("{FILE}.{}.new", std::process::id()));
    let text = serde_json::to_vec(latch).map_err(io::Error::other)?;
    let mut file = File::create(&new)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&new, path(state_folder))?;
    File::open(state_folder)?.sync_all()
}

/// Removes the latch.
///
/// # Errors
/// When the file is there and can't be removed.
pub fn clear(state_folder: &Path) -> io::Result<()> {
    match fs::remove_file(path(state_folder)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => File::open(state_folder)?.sync_all(),
    }
}

/// Whether nothing may be started. Anything but a clear "no such file" counts as set.
pub fn is_set(state_folder: &Path) -> bool {
    !matches!(fs::symlink_metadata(path(state_folder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// The latch's text; one that can't be read is still a latch.
pub fn read(state_folder: &Path) -> Option<Latch> {
    if !is_set(state_folder) {
        return None;
    }
    let text = fs::read(path(state_folder)).unwrap_or_default();
    Some(serde_json::from_slice(&text).unwrap_or_else(|_| Latch {
        reason: "the latch file is there and can't be read".into(),
        since_ms: i64::MAX,
    }))
}

/// What a starting daemon makes of a latch file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtStart {
    /// File and journal agree.
    Agree,
    /// Set while no daemon could record it: record it now.
    Declare(Latch),
    /// The journal has an emergency without a file: write the file.
    SetFile,
}

/// Compares the file with the journal. A file without an emergency always counts: it may be one
/// that a lifting left behind when the daemon died before it answered, but no clock can tell that
/// from one that a person has set since, and lifting twice is cheap.
pub fn at_start(state: &State, latch: Option<Latch>) -> AtStart {
    match (state.emergency.is_some(), latch) {
        (true, Some(_)) | (false, None) => AtStart::Agree,
        (true, None) => AtStart::SetFile,
        (false, Some(latch)) => AtStart::Declare(latch),
    }
}

/// The request that records a latch file; `why` is how it was found.
pub(crate) fn declaration(latch: Latch, why: &str) -> Input {
    Input::Command {
        token: 0,
        actor: Actor::Daemon,
        via: Via::Daemon,
        why: why.into(),
        command: Command::EmergencyShutdown { reason: latch.reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onboard_domain::Time;
    use onboard_domain::state::Emergency;

    #[test]
    fn set_survives_and_clears() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        let latch = Latch { reason: "smoke".into(), since_ms: 5 };
        set(folder.path(), &latch).unwrap();
        set(folder.path(), &Latch { reason: "again".into(), since_ms: 6 }).unwrap();
        assert_eq!(read(folder.path()), Some(latch));
        clear(folder.path()).unwrap();
        clear(folder.path()).unwrap();
        assert!(!is_set(folder.path()));
    }

    #[test]
    fn a_file_without_sense_is_still_a_latch() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), b"{").unwrap();
        assert!(is_set(folder.path()));
        assert_eq!(read(folder.path()).unwrap().since_ms, i64::MAX);
    }

    #[test]
    fn a_starting_daemon_compares_file_and_journal() {
        let latch = Latch { reason: "smoke".into(), since_ms: 5 };
        let mut state = State::default();
        assert_eq!(at_start(&state, None), AtStart::Agree);
        assert_eq!(at_start(&state, Some(latch.clone())), AtStart::Declare(latch.clone()));
        state.emergency = Some(Emergency { since: Time(9), reason: "smoke".into() });
        assert_eq!(at_start(&state, Some(latch)), AtStart::Agree);
        assert_eq!(at_start(&state, None), AtStart::SetFile);
    }
}
