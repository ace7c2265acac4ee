//! Attacks on files: of the project, of the host, and on the masks over what is forbidden.

use crate::raw::{call, errno_word, say};
use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What the forbidden file of the project holds.
pub const SECRET: &str = "the-crown-jewels";

/// Opens in the race: enough to lose some hundreds of them, within seconds of a tenth of a core.
const RACES: usize = 4_000;

/// A path as the kernel takes it. Leaked: these programs end at once.
pub fn path(text: &str) -> u64 {
    CString::new(text).expect("a path").into_raw() as u64
}

pub fn flags(bits: i32) -> u64 {
    u64::from(bits.cast_unsigned())
}

/// The working directory, as the calls with `at` name it.
const HERE: i32 = libc::AT_FDCWD;

fn at(number: i64, arguments: [u64; 4]) -> io::Result<i64> {
    let [a, b, c, d] = arguments;
    call(number, [flags(HERE), a, b, c, d, 0])
}

pub fn forbidden_paths() {
    say("read .env", fs::read("/project/.env"));
    say("list .ssh", fs::read_dir("/project/.ssh"));
    say("read .ssh/id", fs::read("/project/.ssh/id"));
    say("stat .ssh/id", fs::metadata("/project/.ssh/id"));
    say("may read readme", fs::read("/project/readme"));
}

pub fn other_spellings() {
    say("read docs/../.env", fs::read("docs/../.env"));
    say("read .//.env", fs::read(".//.env"));
    say("read /proc/self/cwd/.env", fs::read("/proc/self/cwd/.env"));
    say("read /proc/self/root/project/.env", fs::read("/proc/self/root/project/.env"));
    say("list .ssh/", fs::read_dir(".ssh/"));
}

pub fn links_of_its_own() {
    say("read link to .env", fs::read("/project/link"));
    say("read chain of links", fs::read("/project/chain"));
    let own = symlink("/project/.env", "/tmp/own").and_then(|()| fs::read("/tmp/own"));
    say("read own link", own);
    let relative = symlink("../project/.ssh", "/tmp/dir").and_then(|()| fs::read("/tmp/dir/id"));
    say("read through own relative link", relative);
    let looped = symlink("/tmp/loop", "/tmp/loop").and_then(|()| fs::read("/tmp/loop"));
    say("read loop", looped);
}

pub fn hard_links() {
    say("link readme into project", fs::hard_link("/project/readme", "/project/copy"));
    say("link readme into tmp", fs::hard_link("/project/readme", "/tmp/copy"));
    say("link .env into tmp", fs::hard_link("/project/.env", "/tmp/env"));
}

pub fn hard_link_from_before() {
    let found = fs::read_to_string("/project/hard");
    say("read a hard link to .env made by the user", found);
}

pub fn rename_mounts() {
    say("rename project", fs::rename("/project", "/tmp/project"));
    say("rename .ssh", fs::rename("/project/.ssh", "/project/ssh"));
    say("rename .env", fs::rename("/project/.env", "/project/env"));
    say("rename docs", fs::rename("/project/docs", "/project/old"));
}

pub fn rename_onto() {
    fs::write("/tmp/x", "x").expect("tmp");
    say("rename onto readme", fs::rename("/tmp/x", "/project/readme"));
    say("rename into docs", fs::rename("/tmp/x", "/project/docs/x"));
    // Its word depends on which kind of mask this user can have.
    let into = fs::rename("/tmp/x", "/project/.ssh/x");
    println!("rename into .ssh: {}", if into.is_ok() { "allowed" } else { "refused" });
    say("rename onto .env", fs::rename("/tmp/x", "/project/.env"));
}

pub fn truncate_by_reading() {
    let open = at(libc::SYS_openat, [path("/project/readme"), flags(libc::O_TRUNC), 0, 0]);
    say("open to read, truncating", open);
}

pub fn other_ways_to_open() {
    let readme = path("/project/readme");
    #[cfg(target_arch = "x86_64")]
    {
        say("creat", call(libc::SYS_creat, [readme, 0o600, 0, 0, 0, 0]));
        say("open", call(libc::SYS_open, [readme, flags(libc::O_RDWR), 0, 0, 0, 0]));
    }
    let how = [flags(libc::O_WRONLY), 0, 0];
    let size = size_of_val(&how) as u64;
    say("openat2", at(libc::SYS_openat2, [readme, how.as_ptr() as u64, size, 0]));
    let beneath = [flags(libc::O_WRONLY), 0, 0x08];
    let relative = [path("readme"), beneath.as_ptr() as u64, size, 0];
    say("openat2, RESOLVE_BENEATH", at(libc::SYS_openat2, relative));
    let unnamed = flags(libc::O_TMPFILE | libc::O_RDWR);
    say("O_TMPFILE", at(libc::SYS_openat, [path("/project"), unnamed, 0o600, 0]));
    let held = OpenOptions::new().read(true).custom_flags(libc::O_PATH).open("/project/readme");
    let again = held.and_then(|held| {
        OpenOptions::new().write(true).open(format!("/proc/self/fd/{}", held.as_raw_fd()))
    });
    say("O_PATH, then to write", again);
}

pub fn change_without_opening() {
    let readme = path("/project/readme");
    say("truncate", call(libc::SYS_truncate, [readme, 0, 0, 0, 0, 0]));
    say("chmod", fs::set_permissions("/project/readme", Permissions::from_mode(0o777)));
    say("chown", std::os::unix::fs::chown("/project/readme", Some(1000), Some(1000)));
    say("utimensat", at(libc::SYS_utimensat, [readme, 0, 0, 0]));
    let (name, value) = (path("user.x"), path("x"));
    say("setxattr", call(libc::SYS_setxattr, [readme, name, value, 1, 0, 0]));
    say("removexattr", call(libc::SYS_removexattr, [readme, name, 0, 0, 0, 0]));
    let opened = File::open("/project/readme").expect("readme");
    say("fallocate what is open to read", {
        let fd = flags(opened.as_raw_fd());
        call(libc::SYS_fallocate, [fd, 0, 0, 1 << 20, 0, 0])
    });
    say("ftruncate what is open to read", opened.set_len(0));
}

pub fn remove() {
    say("unlink readme", fs::remove_file("/project/readme"));
    say("rmdir docs", fs::remove_dir("/project/docs"));
    say("remove the tree", fs::remove_dir_all("/project/src"));
}

pub fn make() {
    let new = |name: &str| path(&format!("/project/docs/{name}"));
    let kind = |kind: u32| u64::from(kind | 0o600);
    let node = |place: u64, of: u32, device: u64| {
        at(libc::SYS_mknodat, [place, kind(of), device, 0]).map(drop)
    };
    say("mkdir", fs::create_dir("/project/docs/new"));
    say("symlink", symlink("/etc", "/project/docs/link"));
    say("mkfifo", node(new("fifo"), libc::S_IFIFO, 0));
    say("mknod in project", node(new("sda"), libc::S_IFBLK, libc::makedev(8, 0)));
    say("block device in tmp", node(path("/tmp/sda"), libc::S_IFBLK, libc::makedev(8, 0)));
    say("memory device in tmp", node(path("/tmp/mem"), libc::S_IFCHR, libc::makedev(1, 1)));
}

/// A pipe of the project has somebody of the host at its other end, who may believe what comes.
pub fn pipe_of_the_project() {
    let now = |flags: i32| open_with(flags | libc::O_NONBLOCK);
    say("write to a pipe", now(libc::O_WRONLY));
    say("read and write a pipe", now(libc::O_RDWR));
}

fn open_with(bits: i32) -> io::Result<i64> {
    at(libc::SYS_openat, [path("/project/pipe"), flags(bits), 0, 0])
}

pub fn handles() {
    let none = [0; 6];
    say("name_to_handle_at", call(libc::SYS_name_to_handle_at, none));
    say("open_by_handle_at", call(libc::SYS_open_by_handle_at, none));
}

pub fn create_what_is_missing() {
    say("create .netrc", fs::write("/project/.netrc", "x"));
    say("create .aws", fs::create_dir("/project/.aws"));
}

pub fn write_into_masks() {
    say("write .env", fs::write("/project/.env", "x"));
    say("append to .env", OpenOptions::new().append(true).open("/project/.env"));
    say("create in .ssh", fs::write("/project/.ssh/new", "x"));
    say("open up .env", fs::set_permissions("/project/.env", Permissions::from_mode(0o777)));
    say("remove .env", fs::remove_file("/project/.env"));
}

/// Two paths of one length: one may be read, the other not.
const MAY: &[u8; 15] = b"/project/readm\0";
const MAY_NOT: &[u8; 15] = b"/project/./.env";

/// Changes the path while the kernel reads it.
pub fn race_for_a_path() {
    let buffer: Arc<Vec<AtomicU8>> = Arc::new((0..16).map(|_| AtomicU8::new(0)).collect());
    // The first attempt is a plain one.
    buffer.iter().zip(MAY_NOT).for_each(|(place, byte)| place.store(*byte, Ordering::Relaxed));
    let _ = at(libc::SYS_openat, [buffer.as_ptr() as u64, flags(libc::O_RDONLY), 0, 0]);
    let over = Arc::new(AtomicBool::new(false));
    let (flipped, ended) = (Arc::clone(&buffer), Arc::clone(&over));
    let flipper = std::thread::spawn(move || {
        while !ended.load(Ordering::Relaxed) {
            for text in [MAY, MAY_NOT] {
                let bytes = flipped.iter().zip(text);
                bytes.for_each(|(place, byte)| place.store(*byte, Ordering::Relaxed));
            }
        }
    });
    let mut read = 0;
    for _ in 0..RACES {
        let opened = at(libc::SYS_openat, [buffer.as_ptr() as u64, flags(libc::O_RDONLY), 0, 0]);
        let Ok(opened) = opened else { continue };
        let mut text = String::new();
        let named = File::open(format!("/proc/self/fd/{opened}"));
        let _ = named.and_then(|mut file| file.read_to_string(&mut text));
        let _ = call(libc::SYS_close, [opened.cast_unsigned(), 0, 0, 0, 0, 0]);
        read += usize::from(text.contains(SECRET));
    }
    over.store(true, Ordering::Relaxed);
    flipper.join().expect("thread");
    println!("read .env in a race: {}", if read == 0 { "never" } else { "allowed" });
}

pub fn wrong_pointers() {
    let open = |pointer: u64| at(libc::SYS_openat, [pointer, flags(libc::O_RDWR), 0, 0]);
    say("open an address that is not there", open(1));
    let long = vec![b'a'; 8192];
    say("open a path without an end", open(long.as_ptr() as u64));
    say("exec an address that is not there", call(libc::SYS_execve, [1, 0, 0, 0, 0, 0]));
    say("may read readme", fs::read("/project/readme"));
}

pub fn odd_names() {
    let write = |name: &[u8]| {
        let name = [b"/project/".as_slice(), name].concat();
        fs::write(std::ffi::OsStr::from_bytes(&name), "x")
    };
    say("create a name of two lines", write(b"two\nlines"));
    say("create a name with terminal codes", write(b"\x1b[31mred"));
    say("create a name that is no text", write(b"\xff\xfe"));
    say("create a name that turns text around", write("\u{202e}txt".as_bytes()));
    say("create a name of 255 bytes", write(&[b'n'; 255]));
}

pub fn large_files() {
    ignore_size_signal();
    let chunk = vec![1_u8; 1 << 20];
    let mut file = File::create("/tmp/big").expect("file");
    let written = (0..11).try_for_each(|_| file.write_all(&chunk));
    say("write 11 MiB", written);
    say("ftruncate to 11 MiB", file.set_len(11 << 20));
    let sparse = File::create("/tmp/sparse").expect("file");
    let fd = flags(sparse.as_raw_fd());
    say("fallocate 11 MiB", call(libc::SYS_fallocate, [fd, 0, 0, 11 << 20, 0, 0]));
    say("write far beyond the end", std::os::unix::fs::FileExt::write_at(&sparse, b"x", 11 << 20));
}

/// Ignores the signal that a file at its limit brings, as Python does.
fn ignore_size_signal() {
    // The kernel's `sigaction`: what is done, flags, restorer, mask.
    let action: [u64; 4] = [libc::SIG_IGN as u64, 0, 0, 0];
    let arguments = [flags(libc::SIGXFSZ), action.as_ptr() as u64, 0, 8, 0, 0];
    call(libc::SYS_rt_sigaction, arguments).expect("sigaction");
}

pub fn fill_tmp() {
    let chunk = vec![1_u8; 4 << 20];
    let full = (0..1_000).try_for_each(|n| fs::write(format!("/tmp/{n}"), &chunk));
    println!("fill tmp: {}", full.map_or_else(|e| errno_word(&e), |()| "allowed".into()));
    for n in 0..1_000 {
        let _ = fs::remove_file(format!("/tmp/{n}"));
    }
    let many = (0..100_000).try_for_each(|n| File::create(format!("/tmp/f{n}")).map(drop));
    println!("100,000 files: {}", many.map_or_else(|e| errno_word(&e), |()| "allowed".into()));
}

pub fn files_of_the_host() {
    for file in ["/etc/shadow", "/etc/ssh", "/root", "/home", "/var", "/run", "/boot"] {
        say(&format!("look at {file}"), fs::metadata(file));
    }
}

pub fn devices() {
    for device in ["/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/sda", "/dev/vda", "/dev/tty"] {
        say(&format!("open {device}"), OpenOptions::new().write(true).open(device));
    }
    say("may write /dev/null", fs::write("/dev/null", "x"));
}

pub fn the_first_process() {
    for file in ["mem", "environ", "cmdline", "root/etc", "fd", "maps"] {
        say(&format!("look at /proc/1/{file}"), fs::metadata(format!("/proc/1/{file}")));
    }
}

pub fn the_kernel_in_proc() {
    for file in ["sys/kernel/core_pattern", "sysrq-trigger", "kcore", "kallsyms", "keys"] {
        say(&format!("open /proc/{file}"), File::open(format!("/proc/{file}")));
    }
}

pub fn lift_masks() {
    let none = [0; 6];
    let remount = flags_of_mount(libc::MS_REMOUNT | libc::MS_BIND);
    let project = path("/project");
    say("umount2", call(libc::SYS_umount2, [path("/project/.env"), 2, 0, 0, 0, 0]));
    say("remount to write", call(libc::SYS_mount, [0, project, 0, remount, 0, 0]));
    say("fsopen", call(libc::SYS_fsopen, none));
    say("open_tree", call(libc::SYS_open_tree, none));
    say("move_mount", call(libc::SYS_move_mount, none));
    say("mount_setattr", call(libc::SYS_mount_setattr, none));
}

fn flags_of_mount(flags: libc::c_ulong) -> u64 {
    flags
}
