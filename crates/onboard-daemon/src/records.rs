//! Records of running processes on disk: written before a process can execute anything, so that
//! whoever comes after this daemon can prove it dead.

use onboard_domain::RunId;
use onboard_sandbox::RunRecord;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The folder of records.
pub fn folder(state: &Path) -> PathBuf {
    state.join("runs")
}

fn file(state: &Path, run: RunId) -> PathBuf {
    folder(state).join(format!("{run}.json"))
}

/// Writes a run's record. It need not survive a power cut: neither do processes.
///
/// # Errors
/// When it can't be written.
pub fn write(state: &Path, run: RunId, record: &RunRecord) -> io::Result<()> {
    fs::create_dir_all(folder(state))?;
    let new = folder(state).join(format!("{run}.new"));
    let mut written = File::create(&new)?;
    written.write_all(&serde_json::to_vec(record).map_err(io::Error::other)?)?;
    fs::rename(new, file(state, run))
}

/// Forgets a run that is proven gone.
pub fn remove(state: &Path, run: RunId) {
    // A record that stays is looked at by the next daemon, which finds its process gone.
    drop(fs::remove_file(file(state, run)));
}

/// All records, with the run each is of.
///
/// A record that can't be read but is older than this boot is passed over: a power cut leaves such
/// files, and no process.
///
/// # Errors
/// When the folder or a record can't be read: then nothing may be taken for dead.
pub fn all(state: &Path) -> io::Result<Vec<(RunId, RunRecord)>> {
    let found = look(state);
    found.unread.into_iter().next().map_or(Ok(found.records), Err)
}

/// What records there are, as far as they can be read.
#[derive(Debug, Default)]
pub struct Found {
    pub records: Vec<(RunId, RunRecord)>,
    /// What could not be read: the folder, or a record.
    pub unread: Vec<io::Error>,
}

/// Looks for records, for whoever ends what it can: one that can't be read saves no other.
pub fn look(state: &Path) -> Found {
    let mut found = Found::default();
    let entries = match fs::read_dir(folder(state)) {
        Ok(entries) => entries,
        Err(error) => {
            found.unread.extend((error.kind() != io::ErrorKind::NotFound).then_some(error));
            return found;
        }
    };
    for entry in entries {
        match entry.and_then(|entry| read(&entry.path())) {
            Ok(record) => found.records.extend(record),
            Err(error) => found.unread.push(error),
        }
    }
    found
}

/// A record; `None` where the file is none, or one of an earlier boot that is torn.
fn read(path: &Path) -> io::Result<Option<(RunId, RunRecord)>> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(run) = name.strip_suffix(".json").and_then(|run| run.parse().ok()) else {
        return Ok(None);
    };
    let text = match fs::read(path) {
        // It ended since the folder was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    match serde_json::from_slice(&text) {
        Ok(record) => Ok(Some((run, record))),
        Err(_) if is_older_than_boot(path) => Ok(None),
        Err(error) => {
            let why = format!("{}: {error}", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, why))
        }
    }
}

fn is_older_than_boot(path: &Path) -> bool {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let booted = stat.lines().find_map(|line| line.strip_prefix("btime ")?.parse::<i64>().ok());
    let written = fs::metadata(path).map(|meta| meta.mtime());
    matches!((written, booted), (Ok(written), Some(booted)) if written < booted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_a_power_cut_left_is_no_process() {
        let state = tempfile::tempdir().unwrap();
        fs::create_dir(folder(state.path())).unwrap();
        let torn = File::create(file(state.path(), RunId(7))).unwrap();
        assert_eq!(all(state.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        // Whoever ends what can be found is told of each.
        drop(File::create(file(state.path(), RunId(8))).unwrap());
        assert_eq!(look(state.path()).unread.len(), 2);
        fs::remove_file(file(state.path(), RunId(8))).unwrap();
        torn.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(all(state.path()).unwrap(), Vec::new());
    }
}
