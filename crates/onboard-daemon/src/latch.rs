//! The emergency latch: a file that every dispatch reads, so that it holds even when the journal,
//! or the daemon, can't be reached.
//!
//! Its place is the state folder. Where nothing can be written there (a full disk, one that is
//! read-only), it is the runtime folder, which is in memory: it holds until the machine is restarted.
//!
//! Whoever sets it writes it anew, with a mark of their own. Whoever lifts it takes away only what they
//! saw before they decided: one that somebody set since stays. A file is moved aside to be compared, and
//! counts as set there, so there is no moment without a latch.

use crate::handle::Paths;
use crate::input::Input;
use onboard_domain::{Actor, Command, State, Via};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

const FILE: &str = "emergency.json";
/// Where a latch is while it is compared with what is lifted.
const LIFTING: &str = "emergency.lifting.json";

/// What stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latch {
    pub reason: String,
    /// Milliseconds since 1970-01-01 UTC, by the clock of whoever set it.
    pub since_ms: i64,
}

/// The file's text: the latch, and what tells it from any other.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    latch: Latch,
    /// Absent in files of earlier versions.
    #[serde(default)]
    mark: String,
}

/// Latches as they were found: what a lift may take away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(Vec<Vec<u8>>);

/// How well a latch is set.
#[derive(Debug)]
pub enum Hold {
    /// For good.
    Durable,
    /// Until the machine is restarted: this kept it from being more.
    UntilRestart(io::Error),
}

fn folders(paths: &Paths) -> [&Path; 2] {
    [&paths.state, &paths.runtime].map(PathBuf::as_path)
}

fn places(paths: &Paths) -> impl Iterator<Item = PathBuf> + '_ {
    [FILE, LIFTING].into_iter().flat_map(|name| folders(paths).map(|folder| folder.join(name)))
}

fn is_there(file: &Path) -> bool {
    !matches!(fs::symlink_metadata(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// Sets the latch, durably if that can be. One that is set keeps its words, and is from now on this one:
/// a lift of what was there before does not take it away.
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
    let was_set = fs::symlink_metadata(&place).is_ok();
    let before = fs::read(&place).ok();
    let known = before.and_then(|text| serde_json::from_slice::<Stored>(&text).ok());
    let latch = known.map_or_else(|| latch.clone(), |known| known.latch);
    match write(folder, &place, latch) {
        // It can't be made this one, and still it holds.
        Err(_) if was_set => Ok(()),
        written => written,
    }
}

fn write(folder: &Path, place: &Path, latch: Latch) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let new = folder.join(format!("{FILE}.{}.new", std::process::id()));
    let text = serde_json::to_vec(&Stored { latch, mark: mark() }).map_err(io::Error::other)?;
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, place)?;
        File::open(folder)?.sync_all()
    });
    written.inspect_err(|_| {
        // What is left of a file that did not fit is in nobody's way.
        let _ = fs::remove_file(&new);
    })
}

/// The wall clock, the process and how often it did this: no two are the same.
fn mark() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (wall, pid) = (crate::clock::wall(), std::process::id());
    format!("{}.{pid}.{}", wall.0, COUNT.fetch_add(1, Ordering::Relaxed))
}

/// What is set now.
pub fn seen(paths: &Paths) -> Seen {
    Seen(places(paths).filter_map(|place| look(&place).ok()).collect())
}

/// What tells a file from any other, also where it has been moved: its text, or of one that can't be read
/// what the folder says of it.
fn look(file: &Path) -> io::Result<Vec<u8>> {
    fs::read(file).or_else(|_| {
        let meta = fs::symlink_metadata(file)?;
        let written = (meta.mtime(), meta.mtime_nsec());
        Ok(format!("unread: {} {} {written:?}", meta.ino(), meta.len()).into_bytes())
    })
}

/// Removes what was seen; true when nothing is set after that. What was set since stays.
///
/// # Errors
/// When a file is there and can't be read, moved or removed.
pub fn clear(paths: &Paths, seen: &Seen) -> io::Result<bool> {
    for folder in folders(paths) {
        let (place, aside) = (folder.join(FILE), folder.join(LIFTING));
        // One that a lift left behind that did not come to its end; nothing is put on one that is newer.
        if !remove_seen(&aside, seen)? || is_missing(fs::rename(&place, &aside))? {
            continue;
        }
        if !remove_seen(&aside, seen)? {
            // Set since: it goes back, unless one that is newer still has its place.
            match fs::hard_link(&aside, &place) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => is_missing(fs::remove_file(&aside))?,
            };
        }
        File::open(folder)?.sync_all()?;
    }
    Ok(!is_set(paths))
}

/// Removes a file if it is one that was seen; true when it is not there after that.
fn remove_seen(file: &Path, seen: &Seen) -> io::Result<bool> {
    match look(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(text) if seen.0.contains(&text) => is_missing(fs::remove_file(file)).map(|_| true),
        Ok(_) => Ok(false),
    }
}

/// Whether there was nothing to do it to.
fn is_missing(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Ok(()) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether nothing may be started. Anything but a clear "no such file" counts as set.
pub fn is_set(paths: &Paths) -> bool {
    places(paths).any(|place| is_there(&place))
}

/// The latch's text; one that can't be read is still a latch.
pub fn read(paths: &Paths) -> Option<Latch> {
    let place = places(paths).find(|place| is_there(place))?;
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
        let seen = seen(&paths);
        assert!(clear(&paths, &seen).unwrap());
        assert!(clear(&paths, &seen).unwrap());
        assert!(!is_set(&paths));
    }

    #[test]
    fn a_lift_takes_away_what_it_saw_and_nothing_newer() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        let latch = |reason: &str| Latch { reason: reason.into(), since_ms: 5 };
        let files = || fs::read_dir(&paths.state).unwrap().count();
        set(&paths, &latch("smoke")).unwrap();
        let lifted = seen(&paths);
        // In the same words: somebody else means another fire.
        set(&paths, &latch("smoke")).unwrap();
        assert!(!clear(&paths, &lifted).unwrap());
        assert_eq!((read(&paths), files()), (Some(latch("smoke")), 1));
        // Set after another lift took the first away.
        let lifted = seen(&paths);
        assert!(clear(&paths, &lifted).unwrap());
        set(&paths, &latch("water")).unwrap();
        assert!(!clear(&paths, &lifted).unwrap());
        assert_eq!((read(&paths), files()), (Some(latch("water")), 1));
        assert!(clear(&paths, &seen(&paths)).unwrap());
        assert_eq!(files(), 0);
    }

    #[test]
    fn a_lift_that_came_to_no_end_leaves_a_latch() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        set(&paths, &Latch { reason: "smoke".into(), since_ms: 5 }).unwrap();
        fs::rename(paths.state.join(FILE), paths.state.join(LIFTING)).unwrap();
        assert!(is_set(&paths));
        assert_eq!(read(&paths).unwrap().reason, "smoke");
        assert!(clear(&paths, &seen(&paths)).unwrap());
        assert!(!is_set(&paths));
    }

    #[test]
    fn a_latch_of_an_earlier_version_is_read_and_lifted() {
        let folder = tempfile::tempdir().unwrap();
        let paths = paths(folder.path());
        fs::create_dir(&paths.state).unwrap();
        fs::write(paths.state.join(FILE), br#"{"reason":"smoke","since_ms":5}"#).unwrap();
        assert_eq!(read(&paths), Some(Latch { reason: "smoke".into(), since_ms: 5 }));
        assert!(clear(&paths, &seen(&paths)).unwrap());
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
        assert!(clear(&paths, &seen(&paths)).unwrap());
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
