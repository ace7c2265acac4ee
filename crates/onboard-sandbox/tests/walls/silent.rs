//! A file system that takes requests and never answers: who asks waits where no signal reaches.
//!
//! The daemon's tests have this file too.

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
    /// Requests that wait for their answers.
    owed: Arc<Mutex<Vec<[u8; 8]>>>,
    place: CString,
}

impl Silent {
    /// Mounts it over a folder; the caller is root.
    pub fn mount(place: &Path) -> Silent {
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
        let owed = Arc::new(Mutex::new(Vec::new()));
        let owing = Arc::clone(&owed);
        std::thread::spawn(move || {
            let mut request = [0; 1 << 16];
            while let Ok(length) = requests.read(&mut request) {
                let answer = answer(&request[..length]);
                if let Some(answer) = &answer {
                    requests.write_all(answer).expect("an answer");
                } else if word(&request, 4) == LOOK_UP {
                    let unique = request[8..16].try_into().expect("eight bytes");
                    owing.lock().expect("no panic").push(unique);
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
        for unique in self.owed.lock().expect("no panic").drain(..) {
            let mut answer = 16_u32.to_le_bytes().to_vec();
            answer.extend((-libc::ENOENT).to_le_bytes());
            answer.extend(unique);
            let _ = (&self.device).write_all(&answer);
        }
    }
}

const INIT: u32 = 26;
const LOOK_UP: u32 = 1;

fn word(request: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(request[at..at + 4].try_into().expect("four bytes"))
}

/// The one answer there is: that of the first request, which makes the file system work.
fn answer(request: &[u8]) -> Option<Vec<u8>> {
    if word(request, 4) != INIT {
        return None;
    }
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
    Some(out)
}
