//! What a user keeps with the daemon and nobody else may read: a folder of small files, one a name.

use rustix::fs::{Mode, OFlags, open};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Bytes of a file.
const FILE_MAX: u64 = 64 * 1024;
/// Letters of a name: it becomes a part of a host's name, of a path, and of a variable's.
const NAME_MAX: usize = 32;

/// Why something can't be kept or used.
#[derive(Debug)]
pub enum KeptError {
    /// What is wrong with it, and the mend.
    Wrong {
        what: String,
        mend: String,
    },
    File {
        path: PathBuf,
        error: io::Error,
    },
}

impl fmt::Display for KeptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong { what, mend } => write!(f, "{what}; {mend}"),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for KeptError {}

/// What is wrong, and the mend.
pub(crate) fn wrong(what: impl Into<String>, mend: impl Into<String>) -> KeptError {
    KeptError::Wrong { what: what.into(), mend: mend.into() }
}

/// A folder of files of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    folder: PathBuf,
    /// What people call the files, such as `credentials`, which is also the command that makes them.
    what: &'static str,
    most: usize,
}

impl Kept {
    pub(crate) fn new(folder: PathBuf, what: &'static str, most: usize) -> Kept {
        Kept { folder, what, most }
    }

    /// Keeps one; one of that name is replaced. Says whether there was one.
    pub(crate) fn put(&self, name: &str, value: &impl Serialize) -> Result<bool, KeptError> {
        check_name(name)?;
        let known = self.names()?;
        let is_known = known.iter().any(|known| known == name);
        if !is_known && known.len() >= self.most {
            return Err(wrong(
                format!("there are {} {}", self.most, self.what),
                "remove one first",
            ));
        }
        let at = |path: &Path, error| KeptError::File { path: path.into(), error };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| at(&self.folder, error))?;
        let path = self.path(name);
        let text = serde_json::to_vec(value).map_err(|error| at(&path, io::Error::other(error)))?;
        write(&path, &text).map_err(|error| at(&path, error))?;
        Ok(is_known)
    }

    /// Forgets one; says whether there was one.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, KeptError> {
        check_name(name)?;
        let path = self.path(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(KeptError::File { path, error }),
        }
    }

    /// The names of all, in their order.
    pub(crate) fn names(&self) -> Result<Vec<String>, KeptError> {
        let at = |error| KeptError::File { path: self.folder.clone(), error };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(at(error)),
        };
        let mut names = Vec::new();
        for entry in entries.take(2 * self.most) {
            let name = entry.map_err(at)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".json"));
            names.extend(name.filter(|name| check_name(name).is_ok()).map(Into::into));
        }
        names.sort();
        Ok(names)
    }

    /// One of them, which has a number `format` that is known here.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        name: &str,
        format: impl Fn(&T) -> bool,
    ) -> Result<T, KeptError> {
        check_name(name)?;
        let path = self.path(name);
        let text = read(&path).map_err(|error| KeptError::File { path: path.clone(), error })?;
        let stored: T = serde_json::from_slice(&text).map_err(|_| {
            // The parser's own words would show what stands there.
            let mend = format!("add it again: `ai_onboard {} add {name} …`", self.what);
            wrong(format!("{} is not what was written", path.display()), mend)
        })?;
        if !format(&stored) {
            let what = format!("{} is of a newer version", path.display());
            return Err(wrong(what, "update ai_onboard"));
        }
        Ok(stored)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }
}

/// Checks the name of a credential, a model or a webhook.
///
/// # Errors
/// When it could not be a part of a host's name.
pub fn check_name(name: &str) -> Result<(), KeptError> {
    let form = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-');
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(form)
        && !name.ends_with('-')
        && name.len() <= NAME_MAX;
    if is_name {
        return Ok(());
    }
    let what = format!("`{}` is no name", name.escape_debug());
    let mend = format!("write up to {NAME_MAX} lower-case letters, digits and `-`, a letter first");
    Err(wrong(what, mend))
}

/// Written beside it and renamed, so that it is whole or not there; nobody else could ever read it.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(open(&new, flags, Mode::RUSR | Mode::WUSR)?);
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// A file that is this user's own and nobody else's to read.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    let denied = |why: String| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if !meta.is_file() {
        return denied("it is no plain file".into());
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return denied(format!("it belongs to user {}", meta.uid()));
    }
    if meta.mode() & 0o077 != 0 {
        return denied(format!(
            "others may read it (mode {:o}): `chmod 600` it, and change the secret",
            meta.mode() & 0o777
        ));
    }
    let mut text = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut text)?;
    Ok(text)
}
