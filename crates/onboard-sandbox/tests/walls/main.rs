//! The walls on the real kernel: hostile programs that run into each of them, as root and as an
//! ordinary user.
//!
//! This program is its own launcher and its own hostile agent, so it decides what it is before it
//! starts a thread; therefore it brings its own small harness, which speaks the protocol of the
//! usual test runners (`--list`, `--exact NAME`, filters). As root every test exists twice:
//! `root::…` and `ordinary::…`, the latter in a process of an ordinary user.
//!
//! `lack.rs` beside it is for the tests of the command line.

mod arena;
mod gaps;
mod hostile;
mod network;
mod permit;
mod raw;
mod silent;
mod sly;
mod tests;
mod watched;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode, Stdio};

/// The user `ordinary::` tests run as when root runs them.
const ORDINARY: u32 = 65534;

fn main() -> ExitCode {
    onboard_sandbox::launcher_main_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("hostile") => hostile::main(&arguments[1..]),
        Some("caller") => arena::caller(&arguments[1], false),
        Some("freezing-caller") => arena::caller(&arguments[1], true),
        _ => harness(&arguments),
    }
}

fn all() -> impl Iterator<Item = &'static (&'static str, tests::Test)> {
    tests::ALL.iter().chain(watched::ALL).chain(gaps::ALL)
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

fn harness(arguments: &[String]) -> ExitCode {
    let users: &[&str] = if is_root() { &["root", "ordinary"] } else { &["ordinary"] };
    let names: Vec<String> = users
        .iter()
        .flat_map(|user| all().map(move |(name, _)| format!("{user}::{name}")))
        .collect();
    let has = |flag: &str| arguments.iter().any(|a| a == flag);
    if has("--list") {
        if !has("--ignored") {
            names.iter().for_each(|name| println!("{name}: test"));
        }
        return ExitCode::SUCCESS;
    }
    let is_skip = |at: usize| at > 0 && arguments[at - 1] == "--skip";
    let (skips, filters): (Vec<_>, Vec<_>) = (0..arguments.len())
        .filter(|at| !arguments[*at].starts_with('-'))
        .partition(|at| is_skip(*at));
    let names_it = |at: &usize, name: &String| match has("--exact") {
        true => arguments[*at] == *name,
        false => name.contains(&arguments[*at]),
    };
    let fits = |name: &&String| {
        !skips.iter().any(|at| names_it(at, name))
            && (filters.is_empty() || filters.iter().any(|at| names_it(at, name)))
    };
    let chosen: Vec<&String> = names.iter().filter(fits).collect();
    let mut failed = 0;
    for name in &chosen {
        let start = std::time::Instant::now();
        let passed = catch_unwind(AssertUnwindSafe(|| run(name))).unwrap_or(false);
        failed += usize::from(!passed);
        let word = if passed { "ok" } else { "FAILED" };
        println!("test {name} ... {word} ({} ms)", start.elapsed().as_millis());
    }
    let (word, passed) = (if failed == 0 { "ok" } else { "FAILED" }, chosen.len() - failed);
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

fn run(name: &str) -> bool {
    let (user, test) = name.split_once("::").expect("user::test");
    if user == "ordinary" && is_root() {
        return as_ordinary(name);
    }
    let (_, body) = all().find(|(n, _)| *n == test).expect("known test");
    body(&arena::Arena::new(is_root()));
    true
}

/// Runs the same test in a process that has no rights, from a copy such a process can reach.
fn as_ordinary(name: &str) -> bool {
    use std::os::unix::process::CommandExt;
    let folder = arena::open_folder();
    let copy = folder.path().join("walls");
    std::fs::copy("/proc/self/exe", &copy).expect("copy");
    Command::new(copy)
        .args(["--exact", name])
        .uid(ORDINARY)
        .gid(ORDINARY)
        .env("TMPDIR", std::env::temp_dir())
        .current_dir("/")
        // Its lines repeat this program's; what it has to say of a failure is on stderr.
        .stdout(Stdio::null())
        .status()
        .expect("ordinary process")
        .success()
}
