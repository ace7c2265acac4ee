//! What a call names, read from its caller: best effort, bounded, nothing opened for reading.

use super::call::{Call, Kind, WRITE_FLAGS};
use super::judge;
use crate::sys::files::{Resolve, open_path, open_path_at};
use crate::sys::notify::{Notification, read_memory};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;

/// The longest path the kernel takes.
const PATH: usize = 4096;
/// Arguments of a program that are read, and bytes of each.
const ARGUMENTS: usize = 8;
const ARGUMENT: usize = 128;
/// The longest address of an internet family.
const ADDRESS: usize = 28;
/// What memory is read by: a read never fails because a later page is not there.
const PAGE: usize = 4096;

/// What was seen of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The short name of the process.
    pub comm: Vec<u8>,
    /// The path as it stands in memory; `None`: it can't be read.
    pub raw: Option<Vec<u8>>,
    /// The same from the root, without `.` and `..`, as far as its beginning is known.
    pub path: Option<Vec<u8>>,
    /// Where it leads through links; `None`: nowhere, or not known.
    pub resolved: Option<Vec<u8>>,
    pub arguments: Vec<Vec<u8>>,
    /// The call's own arguments, for calls that the filter refuses.
    pub registers: [u64; 6],
    /// The address that is to be reached, as it stands in memory.
    pub address: Vec<u8>,
    /// Whether an open wants to write.
    pub writes: bool,
    /// The call's number, as it was made.
    pub number: i32,
}

/// Looks at a call while its caller waits.
pub fn look(call: Call, notification: &Notification) -> Seen {
    let pid = notification.pid;
    let register = |at: u8| notification.arguments[at as usize];
    let mut seen = Seen {
        comm: comm(pid),
        registers: notification.arguments,
        number: notification.number,
        writes: true,
        ..Seen::default()
    };
    let (folder, path) = match call.kind {
        Kind::Refused { .. } => return seen,
        Kind::Reach { address, length } => {
            let mut bytes = [0; ADDRESS];
            let most = bytes.len().min(register(length) as u32 as usize);
            let read = read_memory(pid, register(address), &mut bytes[..most]);
            seen.address = bytes[..read].to_vec();
            return seen;
        }
        Kind::WriteOpen { file } => {
            seen.look_at_open(pid, register(file));
            return seen;
        }
        // Without a path these change the file that is open: `touch` and `cp -p` do it so.
        Kind::Write { folder: Some(folder), path } if register(path) == 0 => {
            seen.look_at_open(pid, register(folder));
            return seen;
        }
        Kind::Move { from_folder, from, folder, path } => {
            seen.look_at(pid, folder.map(register), register(path), false);
            // Where it may arrive, what counts is whether it may leave.
            if seen.is_harmless() {
                seen.look_at(pid, from_folder.map(register), register(from), false);
            }
            return seen;
        }
        Kind::Write { folder, path } => (folder, path),
        Kind::Open { folder, path, flags } => {
            seen.writes = register(flags) as u32 & WRITE_FLAGS != 0;
            (folder, path)
        }
        Kind::OpenByStructure { folder, path, structure } => {
            let mut flags = [0; 8];
            let read = read_memory(pid, register(structure), &mut flags);
            // What can't be read is taken for a write: the kernel will not open it either.
            seen.writes = read < 8 || u64::from_le_bytes(flags) as u32 & WRITE_FLAGS != 0;
            (Some(folder), path)
        }
        Kind::Execute { folder, path, arguments } => {
            seen.arguments = argument_list(pid, register(arguments));
            (folder, path)
        }
    };
    let is_program = matches!(call.kind, Kind::Execute { .. });
    seen.look_at(pid, folder.map(register), register(path), is_program);
    seen
}

impl Seen {
    /// Reads the path at this address, and finds where it leads.
    fn look_at(&mut self, pid: u32, folder: Option<u64>, address: u64, is_program: bool) {
        (self.path, self.resolved) = (None, None);
        self.raw = text(pid, address, PATH);
        let Some(raw) = &self.raw else { return };
        self.path = absolute(pid, folder, raw);
        let harmless = self.path.as_deref().is_some_and(judge::is_writable);
        // Links are followed where the name alone says nothing: below `/tmp`, for programs, and for
        // reads, since links of the project may lead to what is forbidden.
        if harmless || is_program || !self.writes {
            self.resolved = self.path.as_deref().and_then(|path| resolve(pid, path));
        }
    }

    /// Finds the file that is open under this number; a number that is not open changes nothing.
    fn look_at_open(&mut self, pid: u32, file: u64) {
        let place = absolute(pid, Some(file), b"");
        self.writes = place.is_some();
        (self.raw, self.path) = (place.clone(), place);
    }

    /// Whether the path is one that may be written, by its name and by where it leads.
    fn is_harmless(&self) -> bool {
        self.path.as_deref().is_some_and(judge::is_writable)
            && self.resolved.as_deref().is_none_or(judge::is_writable)
    }
}

fn comm(pid: u32) -> Vec<u8> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.strip_suffix(b"\n").map_or(name.clone(), <[u8]>::to_vec)
}

/// A text that ends in NUL, at most `max` bytes of it.
fn text(pid: u32, address: u64, max: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut piece = [0; PAGE];
    while bytes.len() < max {
        let from = address.checked_add(bytes.len() as u64)?;
        // To the end of the page: the next one may not be there.
        let left = (PAGE - (from as usize % PAGE)).min(max - bytes.len());
        let read = read_memory(pid, from, &mut piece[..left]);
        if read == 0 {
            return None;
        }
        match piece[..read].iter().position(|byte| *byte == 0) {
            Some(end) => {
                bytes.extend_from_slice(&piece[..end]);
                return Some(bytes);
            }
            None => bytes.extend_from_slice(&piece[..read]),
        }
    }
    Some(bytes)
}

fn argument_list(pid: u32, address: u64) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    for at in 0..ARGUMENTS as u64 {
        let mut pointer = [0; 8];
        let Some(from) = address.checked_add(at * 8) else { break };
        if read_memory(pid, from, &mut pointer) < 8 || pointer == [0; 8] {
            break;
        }
        let Some(argument) = text(pid, u64::from_le_bytes(pointer), ARGUMENT) else { break };
        list.push(argument);
    }
    list
}

/// The path from the sandbox's root, without following links.
fn absolute(pid: u32, folder: Option<u64>, raw: &[u8]) -> Option<Vec<u8>> {
    if let Some(own) = own_link(raw) {
        let link = std::fs::read_link(format!("/proc/{pid}/{own}")).ok()?;
        return Some(normal(link.as_os_str().as_bytes()));
    }
    if raw.first() == Some(&b'/') {
        return Some(normal(raw));
    }
    let base = match folder.map(|folder| folder as i32) {
        None | Some(libc::AT_FDCWD) => format!("/proc/{pid}/cwd"),
        Some(number) => format!("/proc/{pid}/fd/{number}"),
    };
    let base = std::fs::read_link(base).ok()?;
    let mut whole = base.as_os_str().as_bytes().to_vec();
    if !raw.is_empty() {
        whole.push(b'/');
        whole.extend_from_slice(raw);
    }
    Some(normal(&whole))
}

/// What a link of the process's own means for others: an open file, or its program, as programs name
/// it that start themselves again.
fn own_link(raw: &[u8]) -> Option<String> {
    if [&b"/proc/self/exe"[..], b"/proc/thread-self/exe"].contains(&raw) {
        return Some("exe".into());
    }
    let names = ["/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"];
    let number = names.iter().find_map(|name| raw.strip_prefix(name.as_bytes()))?;
    let number: u32 = std::str::from_utf8(number).ok()?.parse().ok()?;
    Some(format!("fd/{number}"))
}

/// Without empty parts, `.` and `..`.
pub fn normal(path: &[u8]) -> Vec<u8> {
    // What has no folder is no path: `memfd:name (deleted)`, `pipe:[7]`.
    if path.first() != Some(&b'/') {
        return path.to_vec();
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let mut out = Vec::new();
    for part in parts {
        out.push(b'/');
        out.extend_from_slice(part);
    }
    if out.is_empty() { b"/".to_vec() } else { out }
}

/// Where a path of the sandbox leads, asked of the kernel inside the sandbox's own root.
fn resolve(pid: u32, path: &[u8]) -> Option<Vec<u8>> {
    resolve_links(pid, path, LINKS)
}

/// Links that are followed by their texts, where the kernel does not get to their end.
const LINKS: u32 = 8;

fn resolve_links(pid: u32, path: &[u8], left: u32) -> Option<Vec<u8>> {
    let root = open_path(&format!("/proc/{pid}/root")).ok()?;
    let text = std::str::from_utf8(path).ok()?;
    let place = open_path_at(root.as_fd(), text, Resolve::InRoot).ok();
    // A file that is to be made is not there yet, but its folder is.
    let (place, rest) = match place {
        Some(place) => (place, None),
        None => {
            let (folder, name) = text.rsplit_once('/')?;
            let folder = if folder.is_empty() { "/" } else { folder };
            (open_path_at(root.as_fd(), folder, Resolve::InRoot).ok()?, Some(name))
        }
    };
    let link = std::fs::read_link(format!("/proc/self/fd/{}", place.as_raw_fd())).ok()?;
    let mut whole = link.as_os_str().as_bytes().to_vec();
    if let Some(name) = rest {
        // A link into a mask: nobody gets to what it names, but its text can be read.
        let text = std::fs::read_link(format!("/proc/self/fd/{}/{name}", place.as_raw_fd()));
        if let (Ok(text), true) = (text, left > 0) {
            let text = text.as_os_str().as_bytes();
            let next = match text.first() {
                Some(b'/') => text.to_vec(),
                _ => [&whole, text].join(&b'/'),
            };
            return resolve_links(pid, &normal(&next), left - 1).or_else(|| Some(normal(&next)));
        }
        whole.push(b'/');
        whole.extend_from_slice(name.as_bytes());
    }
    Some(normal(&whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_brought_to_one_form() {
        for (raw, whole) in [
            ("/project/src/../.env", "/project/.env"),
            ("/project//a/./b/", "/project/a/b"),
            ("/../../etc", "/etc"),
            ("/", "/"),
            ("memfd:x (deleted)", "memfd:x (deleted)"),
        ] {
            assert_eq!(String::from_utf8(normal(raw.as_bytes())).as_deref(), Ok(whole));
        }
    }

    #[test]
    fn a_text_is_read_as_far_as_it_can_be() {
        let own = std::process::id();
        let whole = b"/some/path\0";
        assert_eq!(text(own, whole.as_ptr() as u64, 100).as_deref(), Some(&whole[..10]));
        assert_eq!(text(own, whole.as_ptr() as u64, 4).as_deref(), Some(&b"/som"[..]));
        assert_eq!(text(own, 0, 100), None);
        assert_eq!(text(own, u64::MAX, 100), None);
    }
}
