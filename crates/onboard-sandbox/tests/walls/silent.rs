//! A file system that takes requests and never answers: who asks waits where no signal reaches.

#![allow(unsafe_code)]

use crate::raw::call;
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The longest wait for somebody to ask.
const PATIENCE: Duration = Duration::from_secs(60);

/// Mounted until it is dropped, which ends every wait.
pub struct Silent {
    device: File,
    asked: Receiver<()>,
    /// Requests that wait for their answers; nothing when the test is over, and all are answered.
    owed: Arc<Mutex<Option<Vec<[u8; 8]>>>>,
    place: CString,
}

/// What is answered all the same.
#[derive(Clone, Copy, Default)]
pub struct Answered {
    /// This process's own questions: that a folder is there, whatever its name.
    pub own: bool,
    /// Everybody's, what a name is: a file where it has a dot, else a folder. Nobody gets into either.
    pub names: bool,
}

impl Silent {
    /// Mounts it over a folder; the caller is root.
    pub fn mount(place: &Path, answered: Answered) -> Silent {
        let device = File::options().read(true).write(true).open("/dev/fuse").expect("the device");
        let place = CString::new(place.as_os_str().as_bytes()).expect("a path");
        let options =
            format!("fd={},rootmode=40755,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let options = CString::new(options).expect("options");
        let kind = c"fuse".as_ptr() as u64;
        let mount = [kind, place.as_ptr() as u64, kind, 0, options.as_ptr() as u64, 0];
        call(libc::SYS_mount, mount).expect("mounted");
        let (asking, asked) = channel();
        let mut requests = device.try_clone().expect("the device");
        let owed = Arc::new(Mutex::new(Some(Vec::new())));
        let owing = Arc::clone(&owed);
        std::thread::spawn(move || {
            let mut request = [0; 1 << 16];
            while let Ok(length) = requests.read(&mut request) {
                let answer = answer(&request[..length], answered);
                if let Some(answer) = &answer {
                    requests.write_all(answer).expect("an answer");
                } else if !UNANSWERED.contains(&word(&request, 4)) {
                    let unique = request[8..16].try_into().expect("eight bytes");
                    match &mut *owing.lock().expect("no panic") {
                        Some(owed) => owed.push(unique),
                        None => nothing_there(&requests, unique),
                    }
                    // Nobody listens any more when the test is over.
                    let _ = asking.send(());
                }
            }
        });
        Silent { device, asked, owed, place }
    }

    /// Waits until somebody waits for an answer.
    pub fn await_request(&self) {
        self.asked.recv_timeout(PATIENCE).expect("somebody asks");
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        let detach = libc::MNT_DETACH as u64;
        call(libc::SYS_umount2, [self.place.as_ptr() as u64, detach, 0, 0, 0, 0]).expect("gone");
        // What was asked is answered at last: that it is not there.
        for unique in self.owed.lock().expect("no panic").take().into_iter().flatten() {
            nothing_there(&self.device, unique);
        }
    }
}

/// Who asked may be gone.
fn nothing_there(mut device: &File, unique: [u8; 8]) {
    let mut answer = 16_u32.to_le_bytes().to_vec();
    answer.extend((-libc::ENOENT).to_le_bytes());
    answer.extend(unique);
    let _ = device.write_all(&answer);
}

const INIT: u32 = 26;
const LOOK_UP: u32 = 1;
/// Nobody waits for an answer to these: that a file may be forgotten, that a wait was interrupted.
const UNANSWERED: [u32; 3] = [2, 36, 42];
const GET_ATTRIBUTES: u32 = 3;
/// Not known here: then the ones above are asked for.
const MORE_ATTRIBUTES: u32 = 52;

fn word(request: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(request[at..at + 4].try_into().expect("four bytes"))
}

/// Whether a thread of this process asks.
fn is_own(request: &[u8]) -> bool {
    Path::new(&format!("/proc/self/task/{}", word(request, 32))).exists()
}

/// Answers the first request, which makes the file system work, and what else is answered.
fn answer(request: &[u8], answered: Answered) -> Option<Vec<u8>> {
    let is_name = [LOOK_UP, GET_ATTRIBUTES].contains(&word(request, 4));
    let is_told = answered.names && (is_name || word(request, 4) == MORE_ATTRIBUTES);
    let is_answered = (answered.own && is_own(request)) || is_told;
    let is_file = match word(request, 4) {
        LOOK_UP => answered.names && request[40..].contains(&b'.'),
        _ => word(request, 16) == u32::from(FILE),
    };
    let number = u64::from(if is_file { FILE } else { FOLDER });
    let body = match word(request, 4) {
        INIT => return Some(init(request)),
        _ if !is_answered => return None,
        // An entry: the file's number, and nothing of it to be remembered but what it is.
        LOOK_UP => {
            [&[number, 0, 0, ALWAYS, 0].map(u64::to_le_bytes).concat(), &*is(is_file)].concat()
        }
        GET_ATTRIBUTES => [&[ALWAYS, 0].map(u64::to_le_bytes).concat(), &*is(is_file)].concat(),
        _ => {
            let error = (-libc::ENOSYS).to_le_bytes();
            return Some([&16_u32.to_le_bytes(), &error, &request[8..16]].concat());
        }
    };
    let length = u32::try_from(16 + body.len()).expect("short").to_le_bytes();
    Some([&length, &[0; 4], &request[8..16], &body[..]].concat())
}

/// Seconds for which what a file is may be remembered.
const ALWAYS: u64 = 1 << 20;
/// The numbers of every folder but the first, and of every file.
const FOLDER: u8 = 2;
const FILE: u8 = 3;

/// What a folder of everybody's is, or a file.
fn is(is_file: bool) -> Vec<u8> {
    let mut attributes = [0; 88];
    let (number, mode) = if is_file { (FILE, 0o100_644_u32) } else { (FOLDER, 0o40755) };
    attributes[0] = number;
    attributes[60..64].copy_from_slice(&mode.to_le_bytes());
    attributes[64..68].copy_from_slice(&2_u32.to_le_bytes());
    attributes.to_vec()
}

fn init(request: &[u8]) -> Vec<u8> {
    let mut body = [0_u8; 64];
    body[..4].copy_from_slice(&7_u32.to_le_bytes());
    body[4..8].copy_from_slice(&31_u32.to_le_bytes());
    // Bytes of a write.
    body[20..24].copy_from_slice(&4096_u32.to_le_bytes());
    let mut out = Vec::new();
    out.extend(80_u32.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(&request[8..16]);
    out.extend(body);
    out
}
