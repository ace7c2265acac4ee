//! The emergency latch: a file that every dispatch reads, so that it holds even when the journal,
//! or the daemon, can't be reached.
//!
//! Its place is the state folder. Where nothing can be written there (a full disk, one that is
//! read-only), it is the runtime folder, which is in memory: it holds until the machine is restarted.

use crate::handle::Paths;
use crate::input::Input;
use onboard_domain::{Actor, Command, State, Via};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

const FILE: &str = "emergency.json";

/// What stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    pub reason: String,
    /// Milliseconds since 1970-01-01 UTC, by the clock of whoever set it.
    pub since_ms: i64,
}

/// How well a latch is set.
#[derive(Debug)]
pub enum Hold {
    /// For good.
    Durable,
    /// Until the machine is restarted: this kept it from being more.
    UntilRestart(io::Error),
}

fn places(paths: &Paths) -> [PathBuf; 2] {
    [&paths.state, &paths.runtime].map(|folder| folder.join(FILE))
}

fn is_there(file: &Path) -> bool {
    !matches!(fs::symlink_metadata(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Sets the latch, durably if that can be. One that is set stays as it is.
///
/// # Errors
/// When neither file can be written and synced; why the first could not.
pub fn set(paths: &Paths, latch: &Latch) -> io::Result<Hold> {
    let Err(error) = set_in(&paths.state, latch) else { return Ok(Hold::Durable) };
    match set_in(&paths.runtime, latch) {
        Ok(()) => Ok(Hold::UntilRestart(error)),
        Err(_) => Err(error),
    }
}

fn set_in(folder: &Path, latch: &Latch) -> io::Result<()> {
    let place = folder.join(FILE);
    // One that can't be looked at counts as set, and is not written: the other place is tried.
    if fs::symlink_metadata(&place).is_ok() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = folder.join(format!("{FILE}.{}.new", std::process::id()));
    let text = serde_json::to_vec(latch).map_err(io::Error::other)?;
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, &place)?;
        File::open(folder)?.sync_all()
    });
    written.inspect_err(|_| {
        // What is left of a file that did not fit is in nobody's way.
        let _ = fs::remove_file(&new);
    })
}

/// Removes the latch.
///
/// # Errors
/// When a file is there and can't be removed.
pub fn clear(paths: &Paths) -> io::Result<()> {
    for place in places(paths) {
        match fs::remove_file(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(()) => File::open(place.parent().unwrap_or(&place))?.sync_all()?,
        }
    }
    Ok(())
}

/// Whether nothing may be started. Anything but a clear "no such file" counts as set.
pub fn is_set(paths: &Paths) -> bool {
    places(paths).iter().any(|place| is_there(place))
}

/// The latch's text; one that can't be read is still a latch.
pub fn read(paths: &Paths) -> Option<Latch> {
    let place = places(paths).into_iter().find(|place| is_there(place))?;
    let text = fs::read(place).unwrap_or_default();
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

    fn paths(folder: &Path) -> Paths {
        let at = |name: &str| folder.join(name);
        Paths { state: at("state"), runtime: at("run"), config: at("config") }
    }

    #[test]
    fn set_survives_and_clears() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        assert_eq!(read(&paths), None);
        let latch = Latch { reason: "smoke".into(), since_ms: 5 };
        assert!(matches!(set(&paths, &latch), Ok(Hold::Durable)));
        set(&paths, &Latch { reason: "again".into(), since_ms: 6 }).unwrap();
        assert_eq!(read(&paths), Some(latch));
        clear(&paths).unwrap();
        clear(&paths).unwrap();
        assert!(!is_set(&paths));
    }

    #[test]
    fn a_file_without_sense_is_still_a_latch() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        std::fs::create_dir(&paths.state).unwrap();
        std::fs::write(paths.state.join(FILE), b"{").unwrap();
        assert!(is_set(&paths));
        assert_eq!(read(&paths).unwrap().since_ms, i64::MAX);
    }

    #[test]
    fn where_the_state_folder_takes_nothing_the_runtime_folder_does() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        // No folder, and none can be made: for root as well.
        std::fs::write(&paths.state, "").unwrap();
        let latch = Latch { reason: "smoke".into(), since_ms: 5 };
        assert!(matches!(set(&paths, &latch), Ok(Hold::UntilRestart(_))));
        std::fs::remove_file(&paths.state).unwrap();
        assert_eq!(read(&paths), Some(latch.clone()));
        clear(&paths).unwrap();
        assert!(!is_set(&paths));
        std::fs::write(&paths.state, "").unwrap();
        std::fs::remove_dir_all(&paths.runtime).unwrap();
        std::fs::write(&paths.runtime, "").unwrap();
        assert!(set(&paths, &latch).is_err());
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
