//! What the plan needs to know of this host, gathered once a launch.

use crate::lacking::{Lacking, Part};
use crate::links::{self, Links};
use crate::mask;
use crate::plan;
use crate::profile::{Profile, ProfileError};
use crate::sys::files::Identity;
use crate::sys::{self, files};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A user and group of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
}

/// Nobody, by the number every distribution gives it.
const NOBODY: Account = Account { uid: 65534, gid: 65534 };

/// A top-level entry of the host's root that programs need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemEntry {
    pub path: String,
    /// The target if it is a symlink, as on hosts that merged `/bin` into `/usr`.
    pub link: Option<String>,
}

/// A place that was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its path, without links.
    pub path: String,
    /// What is there, which has to be the same when it is shown.
    pub is: Identity,
}

/// Facts about the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Whether we are the host's root and may prepare mounts with its rights.
    pub is_root: bool,
    /// Who the run is on the host.
    pub account: Account,
    /// The project.
    pub project: Source,
    /// The profile's further folders, in its order.
    pub read_only: Vec<Source>,
    /// Programs and libraries.
    pub system: Vec<SystemEntry>,
    /// Files of `/etc` that exist of those programs need.
    pub etc: Vec<String>,
    /// Landlock's interface version, if it is there.
    pub landlock: Option<u32>,
    /// Files of forbidden commands, resolved, below what programs are seen from.
    pub commands: Vec<String>,
    /// Whether its kernel hands calls over to another process.
    pub can_notify: bool,
    /// Whether its kernel has IPv6.
    pub has_v6: bool,
    /// Whether masks can be file systems of ours, which tell who tried; asked if there are any.
    pub can_watch: bool,
    /// Folders of the project in which a forbidden path is missing: there are none but their own
    /// names during a run. Relative to it, outer ones first; empty: the project's own.
    pub fixed: BTreeSet<String>,
    /// What can't be known of this project.
    pub lacking: Lacking,
    /// The most files a process may have open here.
    pub most_open_files: u64,
}

/// Top-level folders with programs and libraries, on the distributions we know.
const SYSTEM: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];

/// The few files of `/etc` without which programs start slowly or wrongly: the loader's cache, the
/// choice among alternatives, the time zone. None holds a secret.
const ETC: [&str; 3] = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];

/// What programs that speak TLS need beside: whom to trust. Nowhere here is a private key.
const TRUST: [&str; 5] = [
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/ca-certificates/extracted",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
];

fn etc(network: bool) -> Vec<String> {
    let trust = if network { &TRUST[..] } else { &[] };
    let wanted = ETC.iter().chain(trust).filter(|path| Path::new(path).exists());
    wanted.map(|path| (*path).to_owned()).collect()
}

impl Host {
    /// Looks at the host on behalf of `profile`; says which path of it cannot be used.
    pub fn survey(profile: &Profile) -> Result<Self, ProfileError> {
        let own =
            Account { uid: sys::process::effective_uid(), gid: sys::process::effective_gid() };
        let Placed { source: project, folder, owner } = resolve(&profile.project)?;
        let folder = ProjectFolder(folder);
        let fixed = check_forbidden(&folder, &profile.forbidden)?;
        let lacking = check_folders(&folder, &profile.forbidden)?;
        let beside = profile.read_only.iter();
        let beside =
            beside.map(|entry| beside_project(&entry.host, &project.path, &profile.forbidden));
        let read_only = beside.collect::<Result<_, _>>()?;
        Ok(Self {
            is_root: own.uid == 0,
            account: account_for(own, owner),
            project,
            read_only,
            system: SYSTEM.iter().filter_map(|path| system_entry(path)).collect(),
            etc: etc(profile.network.is_some()),
            landlock: sys::landlock::version().ok(),
            commands: commands(&profile.forbidden_commands),
            can_notify: sys::notify::is_available(),
            has_v6: profile.network.is_some() && sys::network::has_v6(),
            can_watch: !profile.forbidden.is_empty() && mask::can_watch(),
            fixed,
            lacking,
            most_open_files: sys::process::hard_rlimit(libc::RLIMIT_NOFILE).unwrap_or(u64::MAX),
        })
    }
}

/// Where programs are looked for by name.
const PROGRAM_FOLDERS: [&str; 6] =
    ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"];

/// The files of programs with these names. One that is a link to a program of another name is left
/// out: that one may be many programs in one, and is watched for by its arguments instead.
fn commands(names: &[String]) -> Vec<String> {
    let at = |name: &String| PROGRAM_FOLDERS.map(|folder| Path::new(folder).join(name));
    let real = names.iter().flat_map(at).filter_map(|path| path.canonicalize().ok());
    let named = real.filter(|path| {
        let is_named =
            path.file_name().is_some_and(|file| names.iter().any(|name| **name == *file));
        is_named && path.is_file() && SYSTEM.iter().any(|folder| path.starts_with(folder))
    });
    let texts: BTreeSet<String> = named.filter_map(|path| Some(path.to_str()?.into())).collect();
    texts.into_iter().collect()
}

/// Who the run is on the host: ourselves if we are an ordinary user; never root. Root's runs get
/// the project's owner, who can read it, or nobody, who reads what everybody may: files of root
/// with mode 0600 stay closed to them.
fn account_for(own: Account, project_owner: Account) -> Account {
    if own.uid != 0 {
        return own;
    }
    match project_owner {
        Account { uid: 0, .. } => NOBODY,
        Account { uid, gid: 0 } => Account { uid, gid: NOBODY.gid },
        owner => owner,
    }
}

/// Where a path leads, held fast: whoever changes the names meanwhile doesn't change what is judged.
struct Placed {
    source: Source,
    folder: OwnedFd,
    owner: Account,
}

fn resolve(path: &Path) -> Result<Placed, ProfileError> {
    let failed = |error| ProfileError::HostPath(path.to_owned(), error);
    if !path.is_absolute() {
        return Err(failed(io::Error::other("not absolute")));
    }
    let real: PathBuf = path.canonicalize().map_err(failed)?;
    let text = real.to_str().ok_or_else(|| failed(io::Error::other("not UTF-8")))?;
    let folder = files::open_plain(text).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP) => ProfileError::Replaced(path.to_owned()),
        _ => failed(error),
    })?;
    let is = files::identity(folder.as_fd()).map_err(failed)?;
    let metadata = folder.try_clone().and_then(|f| std::fs::File::from(f).metadata());
    let metadata = metadata.map_err(failed)?;
    let owner = Account { uid: metadata.uid(), gid: metadata.gid() };
    Ok(Placed { source: Source { path: text.to_owned(), is }, folder, owner })
}

/// A folder or file that is seen beside the project, without the project's masks: named by itself, and
/// apart from all that is forbidden. A single file that is named is meant, wherever it is.
fn beside_project(
    path: &Path,
    project: &str,
    forbidden: &[String],
) -> Result<Source, ProfileError> {
    let Placed { source, folder, .. } = resolve(path)?;
    let real = Path::new(&source.path);
    if real != path {
        return Err(ProfileError::Linked(path.into(), real.into()));
    }
    let failed = |error| ProfileError::HostPath(path.to_owned(), error);
    let is_folder = files::is_dir(folder.as_fd()).map_err(failed)?;
    let is_shown = |path: &&String| {
        let path = Path::new(project).join(path);
        path.starts_with(real) || is_folder && real.starts_with(&path)
    };
    match forbidden.iter().find(is_shown) {
        Some(shown) => Err(ProfileError::ForbiddenShown(shown.clone(), path.into())),
        None => Ok(source),
    }
}

fn system_entry(path: &str) -> Option<SystemEntry> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    let link = metadata
        .is_symlink()
        .then(|| std::fs::read_link(path).ok()?.into_os_string().into_string().ok())
        .flatten();
    (metadata.is_dir() || link.is_some()).then(|| SystemEntry { path: path.to_owned(), link })
}

/// A project's folder, where the paths that a policy names are looked at.
#[derive(Debug)]
pub struct ProjectFolder(OwnedFd);

/// What is at a path of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Missing,
    Folder,
    File,
}

impl ProjectFolder {
    /// Opens it by its path on the host.
    pub fn open(project: &str) -> Result<Self, ProfileError> {
        let failed = |error| ProfileError::HostPath(project.into(), error);
        files::open_path(project).map(Self).map_err(failed)
    }

    /// Looks at a path without following any link.
    pub fn look(&self, path: &str) -> Result<Thing, ProfileError> {
        Ok(self.find(path)?.0)
    }

    /// Looks at a path that may not be read, as a launch does.
    pub fn look_at_forbidden(&self, path: &str) -> Result<Thing, ProfileError> {
        let (thing, found) = self.find(path)?;
        if let Some(found) = found {
            check_names(path, &found)?;
        }
        Ok(thing)
    }

    fn find(&self, path: &str) -> Result<(Thing, Option<OwnedFd>), ProfileError> {
        let unreadable = |error| ProfileError::ForbiddenUnreadable(path.to_owned(), error);
        match files::open_path_at(self.0.as_fd(), path, files::Resolve::BeneathNoLinks) {
            Ok(found) => match files::is_dir(found.as_fd()).map_err(unreadable)? {
                true => Ok((Thing::Folder, Some(found))),
                false => Ok((Thing::File, Some(found))),
            },
            Err(e) if is_missing(&e) => Ok((Thing::Missing, None)),
            Err(e) if e.raw_os_error() == Some(libc::ELOOP) => {
                Err(ProfileError::ForbiddenSymlink(path.to_owned()))
            }
            Err(e) => Err(unreadable(e)),
        }
    }
}

/// Looks at each forbidden path without following any link. One that is missing is fine: the agent
/// cannot make it, as the project is read-only. What somebody else makes there while a run goes on,
/// that run must not see: the folders that it would appear in.
fn check_forbidden(
    folder: &ProjectFolder,
    forbidden: &[String],
) -> Result<BTreeSet<String>, ProfileError> {
    let mut fixed = BTreeSet::new();
    for path in forbidden {
        let is_missing = folder.look_at_forbidden(path)? == Thing::Missing;
        if is_missing && plan::outermost(forbidden).any(|outer| outer == path.trim_end_matches('/'))
        {
            fixed.insert(folder_that_is(&folder.0, path));
        }
    }
    Ok(fixed)
}

/// The deepest folder above a missing path that is there; empty: the project's own.
fn folder_that_is(root: &OwnedFd, path: &str) -> String {
    let above = Path::new(path).ancestors().skip(1).filter_map(Path::to_str);
    let is_there = |path: &&str| {
        path.is_empty()
            || files::open_path_at(root.as_fd(), path, files::Resolve::BeneathNoLinks)
                .and_then(|place| files::is_dir(place.as_fd()))
                .unwrap_or(false)
    };
    above.into_iter().find(is_there).unwrap_or_default().to_owned()
}

/// Of the files in forbidden folders.
fn check_folders(folder: &ProjectFolder, forbidden: &[String]) -> Result<Lacking, ProfileError> {
    let mut lacking = Lacking::default();
    // By the descriptor, which names the folder that is judged.
    let project = format!("/proc/self/fd/{}", folder.0.as_raw_fd());
    match links::look(Path::new(&project), forbidden) {
        Links::None => {}
        Links::Second { forbidden, other } => {
            return Err(ProfileError::ForbiddenSecondName(forbidden, other));
        }
        Links::Unknown => lacking.add(Part::Links),
    }
    Ok(lacking)
}

/// Of a forbidden file itself.
fn check_names(path: &str, found: &OwnedFd) -> Result<(), ProfileError> {
    let unreadable = |error| ProfileError::ForbiddenUnreadable(path.to_owned(), error);
    let metadata = std::fs::File::from(found.try_clone().map_err(unreadable)?).metadata();
    let metadata = metadata.map_err(unreadable)?;
    match metadata.is_file() && metadata.nlink() > 1 {
        true => Err(ProfileError::ForbiddenLinked(path.to_owned(), metadata.nlink())),
        false => Ok(()),
    }
}

/// Whether an error says that there is nothing at the path.
pub fn is_missing(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_run_is_never_root_on_the_host() {
        let account = |uid, gid| Account { uid, gid };
        let cases = [
            (account(1000, 1000), account(0, 0)),
            (account(1000, 1000), account(7, 7)),
            (account(0, 0), account(0, 0)),
            (account(0, 0), account(1000, 0)),
            (account(0, 0), account(1000, 100)),
        ];
        let lines: Vec<String> = cases
            .iter()
            .map(|(own, owner)| {
                let got = account_for(*own, *owner);
                format!("{} runs {}'s: {}:{}\n", own.uid, owner.uid, got.uid, got.gid)
            })
            .collect();
        expect![[r#"
            1000 runs 0's: 1000:1000
            1000 runs 7's: 1000:1000
            0 runs 0's: 65534:65534
            0 runs 1000's: 1000:65534
            0 runs 1000's: 1000:100
        "#]]
        .assert_eq(&lines.concat());
    }

    #[test]
    fn nothing_beside_the_project_shows_what_is_forbidden() {
        let dir = tempfile::tempdir().expect("folder");
        let top = dir.path().canonicalize().expect("path");
        std::fs::create_dir_all(top.join("loom/own/secret/deep")).expect("folder");
        std::fs::write(top.join("loom/own/secret/key"), "x").expect("file");
        std::fs::create_dir(top.join("loom/free")).expect("folder");
        std::os::unix::fs::symlink("..", top.join("loom/own/up")).expect("link");
        let project = top.join("loom");
        let forbidden = ["own/secret/".to_owned(), ".env".to_owned()];
        let lines: Vec<String> = [
            "own/secret/none",
            "own/secret",
            "own",
            "own/up",
            "..",
            "/",
            "own/up/free",
            "own/secret/deep",
            "own/secret/key",
            "free",
        ]
        .iter()
        .map(|path| {
            let path = project.join(path);
            match beside_project(&path, project.to_str().expect("UTF-8"), &forbidden) {
                Ok(real) => format!("{}\n", real.path),
                Err(e) => format!("{e}\n"),
            }
        })
        .collect();
        let said = lines.concat().replace(top.to_str().expect("UTF-8"), "TOP");
        expect![[r#"
            host path TOP/loom/own/secret/none cannot be used: No such file or directory (os error 2)
            forbidden path "own/secret/" would be seen by another name, in TOP/loom/own/secret
            forbidden path "own/secret/" would be seen by another name, in TOP/loom/own
            TOP/loom/own/up is a link or leads through one, to TOP/loom: name the folder itself
            TOP/loom/.. is a link or leads through one, to TOP: name the folder itself
            forbidden path "own/secret/" would be seen by another name, in /
            TOP/loom/own/up/free is a link or leads through one, to TOP/loom/free: name the folder itself
            forbidden path "own/secret/" would be seen by another name, in TOP/loom/own/secret/deep
            TOP/loom/own/secret/key
            TOP/loom/free
        "#]].assert_eq(&said);
    }

    #[test]
    fn a_forbidden_symlink_is_named() {
        let dir = tempfile::tempdir().expect("folder");
        std::fs::create_dir(dir.path().join("real")).expect("folder");
        std::os::unix::fs::symlink("real", dir.path().join("link")).expect("link");
        std::fs::write(dir.path().join("key"), "x").expect("file");
        std::fs::write(dir.path().join("twice"), "x").expect("file");
        std::fs::hard_link(dir.path().join("twice"), dir.path().join("other")).expect("link");
        let project = dir.path().canonicalize().expect("path");
        let folder = ProjectFolder::open(project.to_str().expect("UTF-8")).expect("project");
        let lines: Vec<String> =
            ["real", "link", "link/x", "missing", "real/missing/x", "key", "twice"]
                .iter()
                .map(|path| match check_forbidden(&folder, &[(*path).to_owned()]) {
                    Ok(fixed) => format!("{path}: fits {fixed:?}\n"),
                    Err(e) => format!("{e}\n"),
                })
                .collect();
        expect![[r#"
            real: fits {}
            forbidden path "link" is a symlink or leads through one
            forbidden path "link/x" is a symlink or leads through one
            missing: fits {""}
            real/missing/x: fits {"real"}
            key: fits {}
            forbidden file "twice" has 2 names (hard links), and can be read by the others: give it a copy of its own
        "#]]
        .assert_eq(&lines.concat());
    }
}
