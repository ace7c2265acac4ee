//! Carrying out the plan's steps, in the process each belongs to.

use crate::cgroup::Version;
use crate::filter::{self, Filter};
use crate::fix;
use crate::host::is_missing;
use crate::lacking::{Lacking, Part};
use crate::mask::{self, Folders};
use crate::network;
use crate::plan::{INSIDE_ID, MASK_DIR, MASK_FILE, PROJECT_SLOT, Step};
use crate::profile::{HOST_FD, PROJECT_DIR};
use crate::sys::files::Identity;
use crate::sys::mount::attr;
use crate::sys::{files, landlock, mount, privilege, process};
use crate::wire::{self, Message};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// The host name inside.
const HOST_NAME: &str = "sandbox";

/// What the kernel counts for a user, in the run's own user namespace: enough for a program that
/// watches a project, and a small part of what a user has. It makes no further namespace.
const COUNTS: [(&str, u32); 3] =
    [("max_inotify_instances", 16), ("max_inotify_watches", 8192), ("max_user_namespaces", 0)];

/// Of every mask, whatever is behind it.
const MASK_ATTRIBUTES: u64 = attr::READ_ONLY | attr::NO_SUID | attr::NO_DEV | attr::NO_EXEC;

/// A step that could not be carried out.
#[derive(Debug)]
pub struct Failure {
    pub index: usize,
    pub error: io::Error,
}

impl Failure {
    /// As the message that reports it.
    pub fn message(&self) -> Message {
        let errno = self.error.raw_os_error().unwrap_or(libc::EPROTO);
        Message::Failed { step: self.index, errno }
    }
}

/// The state steps leave for later ones.
pub struct Builder {
    trees: Vec<Option<OwnedFd>>,
    root: Option<OwnedFd>,
    /// Version 1 control groups, opened to be entered.
    groups: Vec<File>,
    /// The version 2 control group the first process is born into.
    pub birth_group: Option<OwnedFd>,
    /// Devices for masks that are watched, and which of those masks cover a folder.
    devices: VecDeque<OwnedFd>,
    watched: usize,
    folders: Folders,
    /// What can't be built here, and need not be.
    lacking: Lacking,
    /// What the caller gets when everything is built, in the order of the steps that made it.
    gifts: Vec<OwnedFd>,
    /// The agent's end of the socket to its host.
    host: OwnedFd,
    /// Init's socket to the caller.
    pub init: OwnedFd,
    /// The socket that hangs up when the launcher dies.
    pub launcher: Option<OwnedFd>,
}

impl Builder {
    /// `host` and `init` must lie above the descriptors the agent gets: the agent's process shares
    /// this structure with init, so it can lay out its own table but not move what init uses.
    pub fn new(host: OwnedFd, init: OwnedFd) -> Self {
        let (trees, groups, gifts) = (Vec::new(), Vec::new(), Vec::new());
        let (root, birth_group, launcher) = (None, None, None);
        let (devices, watched, folders) = (VecDeque::new(), 0, Folders::default());
        Self {
            trees,
            root,
            groups,
            birth_group,
            devices,
            watched,
            folders,
            lacking: Lacking::default(),
            gifts,
            host,
            init,
            launcher,
        }
    }

    /// Carries out one step. The steps that make a process are their process's business.
    pub fn carry_out(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::NewSession => {
                process::reset_signals()?;
                process::new_session()
            }
            Step::ScheduleOrdinarily => process::schedule_ordinarily(),
            Step::LeaveGroups => privilege::leave_groups(),
            Step::OpenGroup { version, path } => self.open_group(*version, path),
            Step::EnterGroups => self.enter_groups(),
            Step::Take { slot, source, attributes, is } => {
                self.take(*slot, source, *attributes, *is)
            }
            Step::OpenMasks { count } => {
                let devices = (0..*count).map(|_| mask::open_device());
                self.devices = devices.collect::<io::Result<_>>()?;
                Ok(())
            }
            Step::BecomeUser => privilege::become_user(INSIDE_ID, INSIDE_ID),
            Step::DieWithLauncher => self.die_with_launcher(),
            Step::PrivateMounts => mount::make_all_private(),
            Step::BringUpNetwork { v6 } => network::bring_up(*v6),
            Step::OpenEnd(place) => {
                self.gifts.push(place.open()?);
                Ok(())
            }
            Step::NewRoot { bytes } => self.new_root(*bytes),
            Step::MakeDir { path, mode } => files::make_dir_at(self.root()?, below(path), *mode),
            Step::MakeLink { path, target } => {
                files::make_symlink_at(self.root()?, below(path), target)
            }
            Step::MakeFile { path, mode, text } => {
                files::make_file_at(self.root()?, below(path), *mode)?.write_all(text.as_bytes())
            }
            Step::Attach { slot, target } => self.attach(*slot, target),
            Step::MountTmp { bytes, files, executable } => {
                self.mount_tmp(*bytes, *files, *executable)
            }
            Step::MountProc { required } => self.mount_proc(*required),
            Step::Mask { path, watched } => self.mask(path, *watched),
            Step::MaskProgram { path } => self.mask_program(path),
            Step::ShareMasks { .. } => self.share_masks(),
            Step::FixNames { path } => self.fix_names(path),
            Step::LimitCounts => self.limit_counts(),
            Step::SealRoot => mount::make_read_only(self.root()?),
            Step::PivotRoot => self.pivot_root(),
            Step::SetHostName => process::set_host_name(HOST_NAME),
            Step::AwaitGo => self.await_go(),
            Step::NewGroupNamespace => process::unshare(libc::CLONE_NEWCGROUP),
            Step::ArrangeFiles => self.arrange_files(),
            Step::EnterProject => std::env::set_current_dir(PROJECT_DIR),
            Step::Limit { resource, value } => process::set_rlimit(resource.number(), *value),
            Step::DropCapabilities => privilege::drop_capabilities(),
            Step::NoNewPrivileges => privilege::no_new_privileges(),
            Step::Landlock { version, grants, network } => {
                let grants = grants.iter().map(|(path, rights)| (path.as_str(), *rights));
                landlock::restrict(*version, grants, *network)
            }
            Step::FilterCalls(filter) => self.filter_calls(*filter),
            Step::CloseFiles => files::close_from_on_exec(HOST_FD.cast_unsigned() + 1),
            Step::Execute { argv, env } => Err(process::exec(argv, env)),
            // Never reached by a plan the compiler made: these belong to the launcher and init.
            Step::NewNamespaces | Step::MapUser { .. } | Step::Fork => {
                Err(io::Error::from_raw_os_error(libc::EPROTO))
            }
        }
    }

    /// Forgets what only building and the agent needed: the sockets to the caller and to the
    /// launcher remain.
    pub fn keep_sockets(self) -> (OwnedFd, Option<OwnedFd>) {
        (self.init, self.launcher)
    }

    fn root(&self) -> io::Result<BorrowedFd<'_>> {
        self.root
            .as_ref()
            .map(AsFd::as_fd)
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EPROTO))
    }

    fn tree(&self, slot: usize) -> io::Result<BorrowedFd<'_>> {
        match self.trees.get(slot) {
            Some(Some(tree)) => Ok(tree.as_fd()),
            _ => Err(io::Error::from_raw_os_error(libc::EPROTO)),
        }
    }

    /// Opened with the launcher's rights, by which the kernel later judges the entering.
    fn open_group(&mut self, version: Version, path: &str) -> io::Result<()> {
        match version {
            Version::One => {
                let tasks = File::options().write(true).open(format!("{path}/tasks"))?;
                self.groups.push(tasks);
            }
            Version::Two => self.birth_group = Some(files::open_path(path)?),
        }
        Ok(())
    }

    /// A thread that moves itself waits for nobody. Moving another's process makes the kernel wait
    /// until every processor has passed through the scheduler: milliseconds.
    fn enter_groups(&mut self) -> io::Result<()> {
        self.groups.drain(..).try_for_each(|mut tasks| tasks.write_all(b"0"))
    }

    fn take(
        &mut self,
        slot: usize,
        source: &str,
        attributes: u64,
        is: Option<Identity>,
    ) -> io::Result<()> {
        if self.trees.len() <= slot {
            self.trees.resize_with(slot + 1, || None);
        }
        let tree = match is {
            None => mount::clone_tree(None, source, attributes)?,
            Some(is) => mount::clone_tree(Some(judged(source, is)?.as_fd()), "", attributes)?,
        };
        self.trees[slot] = Some(tree);
        Ok(())
    }

    /// The launcher may have died before the request, so its socket is looked at after it.
    fn die_with_launcher(&self) -> io::Result<()> {
        process::die_with_parent()?;
        let Some(launcher) = &self.launcher else {
            return Err(io::Error::from_raw_os_error(libc::EPROTO));
        };
        let state = process::poll_readable(&[launcher.as_fd()], Some(std::time::Duration::ZERO))?;
        if state[0].hung_up { Err(io::Error::from_raw_os_error(libc::EPIPE)) } else { Ok(()) }
    }

    fn new_root(&mut self, bytes: u64) -> io::Result<()> {
        let size = bytes.to_string();
        let options = [("size", size.as_str()), ("mode", "0755")];
        let tree = mount::new_filesystem("tmpfs", &options, attr::NO_SUID | attr::NO_DEV)?;
        mount::attach(tree.as_fd(), files::open_path("/")?.as_fd())?;
        self.root = Some(tree);
        Ok(())
    }

    fn attach(&self, slot: usize, target: &str) -> io::Result<()> {
        let (root, tree) = (self.root()?, self.tree(slot)?);
        if files::is_dir(tree)? {
            files::make_dir_at(root, below(target), 0o755)?;
        } else {
            files::make_file_at(root, below(target), 0o644)?;
        }
        let place = files::open_path_at(root, target, files::Resolve::InRoot)?;
        mount::attach(tree, place.as_fd())
    }

    fn mount_tmp(&mut self, bytes: u64, count: u64, executable: bool) -> io::Result<()> {
        let (size, count) = (bytes.to_string(), count.to_string());
        let options = [("size", size.as_str()), ("nr_inodes", count.as_str()), ("mode", "1777")];
        let no_exec = if executable { 0 } else { attr::NO_EXEC };
        let attributes = attr::NO_SUID | attr::NO_DEV | no_exec;
        let tmp = self.mount_at("/tmp", "tmpfs", &options, attributes)?;
        self.gifts.push(tmp);
        Ok(())
    }

    /// Where the host lets nobody mount a new `/proc` (a container that covers parts of its own),
    /// the run gets none: less than others have, never more.
    fn mount_proc(&mut self, required: bool) -> io::Result<()> {
        let options = [("hidepid", "invisible"), ("subset", "pid")];
        let attributes = attr::NO_SUID | attr::NO_DEV | attr::NO_EXEC;
        match self.mount_at("/proc", "proc", &options, attributes) {
            Err(e) if !required && is_refusal(&e) => {
                self.lacking.add(Part::Proc);
                Ok(())
            }
            other => other.map(drop),
        }
    }

    fn mount_at(
        &self,
        target: &str,
        kind: &str,
        options: &[(&str, &str)],
        attributes: u64,
    ) -> io::Result<OwnedFd> {
        let tree = mount::new_filesystem(kind, options, attributes)?;
        let place = files::open_path_at(self.root()?, target, files::Resolve::InRoot)?;
        mount::attach(tree.as_fd(), place.as_fd())?;
        Ok(tree)
    }

    fn mask_program(&self, path: &str) -> io::Result<()> {
        let place = files::open_path_at(self.root()?, path, files::Resolve::InRoot)?;
        self.cover_with(&place, MASK_FILE)
    }

    /// Covers a path of the project. A missing one needs no cover, and nothing is created for it.
    fn mask(&mut self, path: &str, watched: bool) -> io::Result<()> {
        let device = match watched {
            true => self
                .devices
                .pop_front()
                .ok_or_else(|| io::Error::from_raw_os_error(libc::EPROTO))?,
            false => return self.cover(path, None).map(drop),
        };
        let is_folder = self.cover(path, Some(device.as_fd()))?;
        self.folders.set(self.watched, is_folder);
        self.watched += 1;
        // Without a mount it serves nothing, which its owner sees.
        self.gifts.push(device);
        Ok(())
    }

    /// The covers that masks without a device of their own are copies of.
    fn share_masks(&mut self) -> io::Result<()> {
        for (cover, is_folder) in [(MASK_DIR, true), (MASK_FILE, false)] {
            let missing = || io::Error::from_raw_os_error(libc::EPROTO);
            let device = self.devices.pop_front().ok_or_else(missing)?;
            match mask_filesystem(device.as_fd(), is_folder) {
                Err(_) => self.lacking.add(Part::Masks),
                Ok(tree) => {
                    let place = files::open_path_at(self.root()?, cover, files::Resolve::InRoot)?;
                    mount::attach(tree.as_fd(), place.as_fd())?;
                }
            }
            self.folders.set(self.watched, is_folder);
            self.watched += 1;
            self.gifts.push(device);
        }
        Ok(())
    }

    fn fix_names(&mut self, path: &str) -> io::Result<()> {
        let project = self.tree(PROJECT_SLOT)?;
        let folder = match path {
            "" => project.try_clone_to_owned()?,
            path => match files::open_path_at(project, path, files::Resolve::BeneathNoLinks) {
                // Gone since it was looked at: what it would be in is not fixed.
                Err(e) if is_missing(&e) => {
                    self.lacking.add(Part::Names);
                    return Ok(());
                }
                other => other?,
            },
        };
        match fix::fix(folder.as_fd())? {
            Some(view) if path.is_empty() => self.trees[PROJECT_SLOT] = Some(view),
            Some(_) => {}
            None => self.lacking.add(Part::Names),
        }
        Ok(())
    }

    /// The kernel counts watches of files for their user, on the host as well, where an agent could
    /// use up what its owner's editor needs. A container may keep these files from us.
    fn limit_counts(&mut self) -> io::Result<()> {
        let limited = COUNTS.iter().try_for_each(|(name, most)| {
            std::fs::write(format!("/proc/sys/user/{name}"), most.to_string())
        });
        match limited {
            Err(e) if is_out_of_reach(&e) => {
                self.lacking.add(Part::Counts);
                Ok(())
            }
            other => other,
        }
    }

    fn cover_with(&self, place: &OwnedFd, cover: &str) -> io::Result<()> {
        let cover = mount::clone_tree(Some(self.root()?), below(cover), MASK_ATTRIBUTES)?;
        mount::attach(cover.as_fd(), place.as_fd())
    }

    /// Whether it covered a folder.
    fn cover(&mut self, path: &str, device: Option<BorrowedFd<'_>>) -> io::Result<bool> {
        let project = self.tree(PROJECT_SLOT)?;
        let place = match files::open_path_at(project, path, files::Resolve::BeneathNoLinks) {
            Err(e) if is_missing(&e) => return Ok(false),
            other => other?,
        };
        let is_folder = files::is_dir(place.as_fd())?;
        if let Some(device) = device {
            match mask_filesystem(device, is_folder) {
                // A host may have the device and refuse the mount; then the mask is a silent one.
                Err(_) => self.lacking.add(Part::Masks),
                Ok(cover) => {
                    mount::attach(cover.as_fd(), place.as_fd())?;
                    return Ok(is_folder);
                }
            }
        }
        self.cover_with(&place, if is_folder { MASK_DIR } else { MASK_FILE })?;
        Ok(is_folder)
    }

    fn pivot_root(&self) -> io::Result<()> {
        files::change_dir(self.root()?)?;
        mount::pivot_to_working_dir()
    }

    /// The gifts are the caller's alone from here on.
    fn await_go(&mut self) -> io::Result<()> {
        let gifts: Vec<BorrowedFd<'_>> = self.gifts.iter().map(AsFd::as_fd).collect();
        let ready = Message::Ready { folders: self.folders, lacking: self.lacking };
        wire::send_with_files(self.init.as_fd(), ready, &gifts)?;
        self.gifts.clear();
        match wire::receive(self.init.as_fd())? {
            Some(Message::Go) => Ok(()),
            _ => Err(io::Error::from_raw_os_error(libc::ECANCELED)),
        }
    }

    /// From here on the process may not do what it watches but once more: to become the program.
    fn filter_calls(&self, filter: Filter) -> io::Result<()> {
        let program = filter::compile(filter);
        match privilege::install_filter(&program, filter.notify)? {
            Some(listener) => {
                wire::send_with_files(self.init.as_fd(), Message::Watched, &[listener.as_fd()])
            }
            None => Ok(()),
        }
    }

    /// Files 1 and 2 are in place since the launcher started.
    fn arrange_files(&self) -> io::Result<()> {
        files::place(self.host.as_fd(), HOST_FD)?;
        silence(&[0])
    }
}

/// What was judged, if it is still there under its name.
///
/// # Errors
/// `ESTALE` when something else is, or a link leads there now.
fn judged(source: &str, is: Identity) -> io::Result<OwnedFd> {
    let replaced = || io::Error::from_raw_os_error(libc::ESTALE);
    let place = files::open_plain(source).map_err(|error| match error.raw_os_error() {
        Some(libc::ELOOP | libc::ENOTDIR) => replaced(),
        _ => error,
    })?;
    if files::identity(place.as_fd())? == is { Ok(place) } else { Err(replaced()) }
}

/// Points descriptors at `/dev/null`.
pub fn silence(numbers: &[i32]) -> io::Result<()> {
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    numbers.iter().try_for_each(|number| files::place(null.as_fd(), *number))
}

/// A file system that whoever reads `device` serves, with a root of this kind.
fn mask_filesystem(device: BorrowedFd<'_>, is_folder: bool) -> io::Result<OwnedFd> {
    let (device, id) = (device.as_raw_fd().to_string(), INSIDE_ID.to_string());
    let mode = format!("{:o}", mask::file_type(is_folder));
    let options = [("fd", &*device), ("rootmode", &mode), ("user_id", &id), ("group_id", &id)];
    mount::new_filesystem("fuse", &options, MASK_ATTRIBUTES)
}

/// Whether the kernel refused a mount as such, rather than failed at it.
fn is_refusal(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EPERM | libc::EINVAL))
}

/// Whether a file of the kernel's is kept from us, or not there.
fn is_out_of_reach(error: &io::Error) -> bool {
    let reasons = [libc::EPERM, libc::EACCES, libc::EROFS, libc::ENOENT];
    error.raw_os_error().is_some_and(|errno| reasons.contains(&errno))
}

/// An absolute path inside the new root, relative to it.
fn below(path: &str) -> &str {
    path.trim_start_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Whoever changes the names between the judgement and the launch gets nothing shown.
    #[test]
    fn what_is_shown_is_what_was_judged() {
        let top = tempfile::tempdir().expect("folder");
        let at = |name: &str| top.path().canonicalize().expect("path").join(name);
        let text = |name: &str| at(name).to_str().expect("UTF-8").to_owned();
        for folder in ["own/inner", "secret/inner"] {
            fs::create_dir_all(at(folder)).expect("folder");
        }
        let own = text("own/inner");
        let is = files::identity(files::open_plain(&own).expect("open").as_fd()).expect("known");
        let outcome = || match judged(&own, is) {
            Ok(_) => None,
            Err(error) => error.raw_os_error(),
        };
        assert_eq!(outcome(), None);
        fs::rename(at("own/inner"), at("aside")).expect("moved");
        assert_eq!(outcome(), Some(libc::ENOENT));
        symlink(at("aside"), at("own/inner")).expect("link");
        assert_eq!(outcome(), Some(libc::ESTALE), "a link, though to the same");
        fs::remove_file(at("own/inner")).expect("no link");
        fs::rename(at("secret/inner"), at("own/inner")).expect("moved");
        assert_eq!(outcome(), Some(libc::ESTALE), "another folder");
        fs::rename(at("own"), at("former")).expect("moved");
        symlink(at("secret"), at("own")).expect("link");
        fs::rename(at("aside"), at("secret/inner")).expect("moved");
        assert_eq!(outcome(), Some(libc::ESTALE), "a link above, and the same at its end");
        fs::remove_file(at("own")).expect("no link");
        fs::rename(at("secret"), at("own")).expect("moved");
        assert_eq!(outcome(), None, "back in its place");
    }
}
