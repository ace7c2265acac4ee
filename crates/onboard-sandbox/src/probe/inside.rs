//! The program that tries the walls from inside: each trial says whether its wall held.

use crate::plan::INSIDE_ID;
use crate::profile::HOST_FD;
use crate::sys::process;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, Instant};

/// The file's name below the folder for further programs.
pub const NAME: &str = "ai_onboard-probe";
/// The file inside, and argument zero, by which our binary knows that it is this program.
pub const PROGRAM: &str = "/app/ai_onboard-probe";

/// What a trial prints when the wall held.
pub const HELD: &str = "held";

/// Runs the trial that argument one names. Ends with 0 whether walls held or not.
pub fn main() -> i32 {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("walls") => walls(),
        Some("memory") => take_memory(),
        Some("cpu") => spin(),
        Some("pids") => start_processes(),
        Some("reads") => read_disk(),
        Some("echo") => echo(),
        Some("reach") => reach(),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    i32::from(outcome.is_err())
}

/// A trial: the layer's word, and what is wrong if the wall does not hold.
type Trial = (&'static str, fn() -> Result<(), String>);

fn walls() -> io::Result<()> {
    let trials: [Trial; 11] = [
        ("user", user),
        ("files", files),
        ("forbidden paths", forbidden_paths),
        ("processes", processes),
        ("network", network),
        ("names", names),
        ("proc", own_proc),
        ("privileges", privileges),
        ("landlock", landlock),
        ("system calls", system_calls),
        ("file size", file_size),
    ];
    let mut out = io::stdout();
    for (layer, trial) in trials {
        let said = trial().err().unwrap_or_else(|| HELD.into());
        writeln!(out, "{layer}: {said}")?;
    }
    Ok(())
}

/// The wall holds if the act fails with one of these errors.
fn fails<T>(act: &str, outcome: io::Result<T>, errors: &[i32]) -> Result<(), String> {
    match outcome {
        Err(e) if e.raw_os_error().is_some_and(|n| errors.contains(&n)) => Ok(()),
        Err(e) => Err(format!("{act}: {e}")),
        Ok(_) => Err(format!("{act}: possible")),
    }
}

fn demand(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn user() -> Result<(), String> {
    let id = process::effective_uid();
    demand(id == INSIDE_ID, &format!("user {id} inside"))
}

fn files() -> Result<(), String> {
    fails("writing to the project", fs::write("visible", "x"), &[libc::EROFS])?;
    fails("writing to the root", fs::write("/x", "x"), &[libc::EROFS])?;
    fails("seeing the host's accounts", fs::read("/etc/shadow"), &[libc::ENOENT])?;
    fs::read("visible").map(drop).map_err(|e| format!("reading the project: {e}"))
}

fn forbidden_paths() -> Result<(), String> {
    fails("reading a masked file", fs::read("masked-file"), &[libc::EACCES])?;
    fails("reading in a masked folder", fs::read("masked-folder/file"), &[libc::EACCES])
}

fn processes() -> Result<(), String> {
    let (own, parent) = (std::process::id(), std::os::unix::process::parent_id());
    demand((own, parent) == (2, 1), &format!("process {own} below {parent}"))
}

#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a connection is tried because the wall has to refuse it"
)]
fn network() -> Result<(), String> {
    if let Ok(table) = fs::read_to_string("/proc/self/net/dev") {
        let others = table.lines().skip(2).filter(|line| !line.trim_start().starts_with("lo:"));
        demand(others.count() == 0, "an interface beside the loopback one")?;
    }
    let address = "127.0.0.1:9";
    fails("making a socket", std::net::TcpStream::connect(address), &[libc::EPERM])
}

/// Connects to an address that no machine has: its own network answers for all there are.
#[allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "nothing of it leaves")]
fn reach() -> io::Result<()> {
    let reached = std::net::TcpStream::connect("192.0.2.1:443");
    let said = reached.map_or_else(|error| format!("connecting: {error}"), |_| HELD.into());
    writeln!(io::stdout(), "{said}")
}

fn names() -> Result<(), String> {
    let Ok(groups) = fs::read_to_string("/proc/self/cgroup") else { return Ok(()) };
    demand(groups.lines().all(|line| line.ends_with(":/")), "the host's control groups show")
}

fn own_proc() -> Result<(), String> {
    let entries = fs::read_dir("/proc").map_err(|e| e.to_string())?.flatten();
    let names: Vec<String> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
    demand(!names.is_empty(), "there is none: the host lets nobody mount it")?;
    demand(!names.iter().any(|n| n == "1" || n == "sys"), "it shows more than own processes")
}

fn privileges() -> Result<(), String> {
    let Ok(status) = fs::read_to_string("/proc/self/status") else { return Ok(()) };
    let value = |key: &str| {
        status.lines().find_map(|l| l.strip_prefix(key)).map_or("", str::trim).to_owned()
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        demand(value(set).trim_matches('0').is_empty(), &format!("{set} {}", value(set)))?;
    }
    demand(value("NoNewPrivs:") == "1", "privileges can be gained")
}

/// Mounts and filter allow a socket file in `/tmp`; only Landlock, whose rules never grant it, is in
/// the way.
fn landlock() -> Result<(), String> {
    fails("making a socket file", process::make_socket_file("/tmp/socket"), &[libc::EACCES])
}

fn system_calls() -> Result<(), String> {
    fails("a new user namespace", process::unshare(libc::CLONE_NEWUSER), &[libc::EPERM])
}

/// The profile of the trial allows a MiB.
fn file_size() -> Result<(), String> {
    process::ignore_file_size_signal();
    let outcome = fs::write("/tmp/large", vec![0; (1 << 20) + 1]);
    fails("writing a larger file", outcome, &[libc::EFBIG])
}

/// Takes more than the trial's limit and keeps it until it is killed or refused.
fn take_memory() -> io::Result<()> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    // A bound for the case that nothing stops it.
    while kept.len() < 256 {
        let mut more = Vec::new();
        more.try_reserve_exact(1 << 20).map_err(|_| io::ErrorKind::OutOfMemory)?;
        more.resize(1 << 20, 1);
        kept.push(more);
    }
    println!("{}", super::NO_END);
    Ok(())
}

fn spin() -> io::Result<()> {
    let end = Instant::now() + Duration::from_millis(600);
    while Instant::now() < end {}
    Ok(())
}

/// Starts threads, which count as processes, until one is refused.
fn start_processes() -> io::Result<()> {
    // A bound for the case that nothing stops it.
    for started in 0..super::TRIAL_PROCESSES * 4 {
        let idle = || std::thread::park_timeout(Duration::from_secs(60));
        if let Err(error) = std::thread::Builder::new().spawn(idle) {
            println!("{started} threads, then {error}");
            return Ok(());
        }
    }
    println!("{}", super::NO_END);
    Ok(())
}

/// Reads our own binary past the page cache, and says how long it took.
fn read_disk() -> io::Result<()> {
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let mut page = Page([0; 4096]);
    let file = fs::File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(std::env::args().nth(2).unwrap_or_default())?;
    let start = Instant::now();
    for index in 0..super::TRIAL_READS {
        file.read_at(&mut page.0, index * 4096)?;
    }
    println!("{}", start.elapsed().as_millis());
    Ok(())
}

/// Answers each byte of the host until the host is gone.
fn echo() -> io::Result<()> {
    let mut host = process::inherited_socket(HOST_FD);
    let mut word = [0];
    while host.read(&mut word)? > 0 {
        host.write_all(&word)?;
    }
    Ok(())
}
