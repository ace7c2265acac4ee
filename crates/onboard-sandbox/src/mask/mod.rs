//! The file systems that lie over forbidden paths: they hold nothing, refuse, and tell who tried.
//!
//! Each watched mask is a file system that the kernel asks us about, so an attempt cannot get past
//! the report: the process that tries waits in the kernel until the refusal is written, and that
//! is written after the report. One thread serves all masks of a run.

pub(crate) mod protocol;

use crate::allowance::Allowance;
use crate::profile::PROJECT_DIR;
use crate::report::Reports;
use crate::sys::event::Event;
use crate::sys::{self, process};
use crate::tree;
use onboard_domain::violation::{Rule, Sensor, Violation};
use protocol::{Answer, Attempt};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::sync::Arc;
use std::thread::JoinHandle;

/// The device by which a process serves a file system.
const DEVICE: &str = "/dev/fuse";

/// Its number, on every Linux.
const DEVICE_NUMBER: (u32, u32) = (10, 229);

/// Masks of a run that are watched each by itself: each costs its host a descriptor for as long as
/// the run lasts. Further ones share two, which tell that one of them was tried, not which.
pub(crate) const MAX_WATCHED: usize = 32;

/// The thread has a buffer on the heap, and calls little.
const STACK: usize = 128 * 1024;

/// Opens the device for one mask. It can serve only a file system of the user namespace in which it
/// was opened.
pub(crate) fn open_device() -> io::Result<OwnedFd> {
    let device = File::options()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(DEVICE)?;
    let (metadata, (major, minor)) = (device.metadata()?, DEVICE_NUMBER);
    let is_it =
        metadata.file_type().is_char_device() && metadata.rdev() == libc::makedev(major, minor);
    if is_it { Ok(device.into()) } else { Err(io::Error::from_raw_os_error(libc::ENODEV)) }
}

/// Whether this host lets us serve file systems.
pub(crate) fn can_watch() -> bool {
    open_device().is_ok()
}

/// The type of a mask's root, as in its mode: of nothing else of the mode is any bit set.
pub(crate) fn file_type(is_folder: bool) -> u32 {
    if is_folder { libc::S_IFDIR } else { libc::S_IFREG }
}

/// Which of a run's watched masks cover a folder: a bit each, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folders(pub(crate) u64);

impl Folders {
    pub(crate) fn set(&mut self, index: usize, is_folder: bool) {
        self.0 |= u64::from(is_folder) << index;
    }

    fn has(self, index: usize) -> bool {
        self.0 >> index & 1 == 1
    }
}

/// One mask that is served.
struct Mask {
    is_folder: bool,
    /// Seen from inside.
    path: String,
    device: File,
}

/// The thread that serves a run's masks. Dropped, it ends; every mask then refuses by itself.
#[derive(Debug)]
pub(crate) struct Masks {
    stop: Arc<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Masks {
    /// Serves the masks over `paths` of the project, for the run whose first process is `init`.
    pub(crate) fn serve(
        masks: Vec<(String, OwnedFd)>,
        folders: Folders,
        init: i32,
        reports: Reports,
        mut allowance: Allowance,
    ) -> io::Result<Masks> {
        let stop = Arc::new(Event::new()?);
        let (stopped, mut callers) = (Arc::clone(&stop), Callers { init, last: None });
        let mask = |(index, (path, device)): (usize, (String, OwnedFd))| Mask {
            is_folder: folders.has(index),
            path: format!("{PROJECT_DIR}/{path}"),
            device: File::from(device),
        };
        let masks: Vec<Mask> = masks.into_iter().enumerate().map(mask).collect();
        let serve = move || serve(masks, &stopped, &mut callers, &reports, &mut allowance);
        let builder = std::thread::Builder::new().name("masks".into()).stack_size(STACK);
        Ok(Masks { stop, thread: Some(builder.spawn(serve)?) })
    }
}

impl Drop for Masks {
    fn drop(&mut self) {
        self.stop.signal();
        // A panic in it was told when it happened; its masks are closed all the same.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Serves until it is stopped, or every mask is gone.
fn serve(
    mut masks: Vec<Mask>,
    stop: &Event,
    callers: &mut Callers,
    reports: &Reports,
    allowance: &mut Allowance,
) {
    let mut buffer = vec![0; protocol::BUFFER];
    while !masks.is_empty() {
        let fds: Vec<BorrowedFd<'_>> =
            [stop.as_fd()].into_iter().chain(masks.iter().map(|m| m.device.as_fd())).collect();
        let Ok(states) = sys::retry(|| process::poll_readable(&fds, None)) else { return };
        if states[0].readable {
            return;
        }
        let mut states = states[1..].iter();
        masks.retain(|mask| match states.next() {
            // Never mounted, because there is nothing to mask, or unmounted by the run's end.
            Some(state) if state.hung_up => false,
            Some(state) if state.readable => {
                let told = |attempt: &Attempt<'_>| {
                    reports.push(violation(&mask.path, attempt, callers));
                };
                let goes_on = serve_one(mask, &mut buffer, told);
                allowance.answered();
                goes_on
            }
            _ => true,
        });
    }
}

/// Answers one request; `false`: this mask is gone.
fn serve_one(mask: &Mask, buffer: &mut [u8], tell: impl FnOnce(&Attempt<'_>)) -> bool {
    let mut device = &mask.device;
    let length = match device.read(buffer) {
        Ok(length) => length,
        // Taken back by whoever asked, or by the kernel, before it was read.
        Err(e) => {
            let passing = [libc::EAGAIN, libc::EINTR, libc::ENOENT];
            return e.raw_os_error().is_some_and(|n| passing.contains(&n));
        }
    };
    let Some((answer, attempt)) = protocol::answer(&buffer[..length], file_type(mask.is_folder))
    else {
        return false;
    };
    if let Some(attempt) = attempt {
        tell(&attempt);
    }
    match answer {
        Answer::None => true,
        // Who asked may be gone; what matters is told.
        Answer::Bytes(bytes) => {
            let _ = device.write(&bytes);
            true
        }
    }
}

fn violation(mask: &str, attempt: &Attempt<'_>, callers: &mut Callers) -> Violation {
    let mut target = mask.as_bytes().to_vec();
    if let Some(name) = attempt.name {
        target.push(b'/');
        target.extend_from_slice(name);
    }
    let tried = Violation::new(Sensor::Mask, Rule::ForbiddenPath, attempt.what, &target);
    tried.by(&callers.name_of(attempt.thread).unwrap_or_default())
}

/// The run's processes, by the numbers that they have inside.
struct Callers {
    init: i32,
    /// Who asked last: inside, and its folder outside.
    last: Option<(u32, String)>,
}

impl Callers {
    /// The short name of the thread `inside`, which waits for us and so is there.
    fn name_of(&mut self, inside: u32) -> Option<Vec<u8>> {
        let is_still = |(number, folder): &(u32, String)| {
            *number == inside && number_inside(folder) == Some(inside)
        };
        if !self.last.as_ref().is_some_and(is_still) {
            self.last = Some((inside, self.find(inside)?));
        }
        let mut name = std::fs::read(format!("{}/comm", self.last.as_ref()?.1)).ok()?;
        name.pop_if(|last| *last == b'\n');
        Some(name)
    }

    fn find(&self, inside: u32) -> Option<String> {
        let processes = tree::descendants(self.init);
        let leaders = processes.iter().map(|pid| format!("/proc/{pid}"));
        let is_it = |folder: &String| number_inside(folder) == Some(inside);
        let mut found = leaders.clone().find(is_it);
        if found.is_none() {
            let threads = leaders.filter_map(|leader| std::fs::read_dir(leader + "/task").ok());
            let threads = threads.flatten().flatten();
            let mut folders = threads.filter_map(|t| t.path().into_os_string().into_string().ok());
            found = folders.find(is_it);
        }
        found
    }
}

/// The number that a thread has in its own namespace.
fn number_inside(folder: &str) -> Option<u32> {
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    line.split_ascii_whitespace().next_back()?.parse().ok()
}
