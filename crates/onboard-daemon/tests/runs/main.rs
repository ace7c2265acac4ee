//! The daemon with real agents behind real walls, as root and as an ordinary user.
//!
//! This program is its own launcher, and inside the sandbox it is the `ai_onboard` that scripts
//! speak to their host through; so it decides what it is before it starts a thread, and brings a
//! small harness that speaks the protocol of the usual test runners.

mod asked;
mod brokers;
mod calls;
mod hostile;
mod house;
mod networks;
#[path = "../../../onboard-sandbox/tests/walls/raw.rs"]
mod raw;
mod says;
#[path = "../../../onboard-sandbox/tests/walls/silent.rs"]
mod silent;
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The user `ordinary::` tests run as when root runs them.
const ORDINARY: u32 = 65534;

fn main() -> ExitCode {
    onboard_sandbox::launcher_main_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("says") => says::main(&arguments[1..]),
        Some("asked") => asked::main(&arguments[1..]),
        Some(word @ ("attack" | "inside")) => hostile::main(word, &arguments[1..]),
        Some("--attacks") => attacks(),
        Some("--attacks-of-one-user") => hostile::print(None),
        Some("daemon") => house::serve(&arguments[1..]),
        _ => harness(&arguments),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn harness(arguments: &[String]) -> ExitCode {
    let users: &[&str] = if is_root() { &["root", "ordinary"] } else { &["ordinary"] };
    let tests: Vec<String> = tests::ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
    let tests = [tests, hostile::all().iter().map(attack_name).collect()].concat();
    let of = |user: &&str| tests.iter().map(|name| format!("{user}::{name}")).collect::<Vec<_>>();
    let names: Vec<String> = users.iter().flat_map(of).collect();
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
        let passed = catch_unwind(AssertUnwindSafe(|| run(name))).unwrap_or(false);
        failed += usize::from(!passed);
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
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
    if let Some(case) = hostile::all().iter().find(|case| attack_name(case) == test) {
        hostile::trial(case);
        return true;
    }
    let (_, body) = tests::ALL.iter().find(|(n, _)| *n == test).expect("known test");
    body(house::House::new());
    true
}

fn attack_name(case: &hostile::Case) -> String {
    format!("attack_{}_{}", case.number, case.name.replace([' ', ','], "_").replace('\'', ""))
}

/// The table of all attacks, as root and as an ordinary user.
fn attacks() -> ExitCode {
    if !is_root() {
        return hostile::print(Some(""));
    }
    let folder = house::open_folder();
    let other = ordinary(&folder).arg("--attacks-of-one-user").output().expect("ordinary process");
    hostile::print(Some(&String::from_utf8_lossy(&other.stdout)))
}

/// Runs the same test in a process that has no rights.
fn as_ordinary(name: &str) -> bool {
    let folder = house::open_folder();
    ordinary(&folder)
        .args(["--exact", name])
        // Its lines repeat this program's; what it has to say of a failure is on stderr.
        .stdout(std::process::Stdio::null())
        .status()
        .expect("ordinary process")
        .success()
}

/// This program as a user without rights, from a copy such a process can reach.
#[allow(clippy::disallowed_methods, reason = "the trial's own process, not an agent's")]
fn ordinary(folder: &tempfile::TempDir) -> std::process::Command {
    use std::os::unix::process::CommandExt;
    let copy = folder.path().join("runs");
    std::fs::copy("/proc/self/exe", &copy).expect("copy");
    let mut command = std::process::Command::new(copy);
    command.uid(ORDINARY).gid(ORDINARY);
    command.env("TMPDIR", std::env::temp_dir()).current_dir("/");
    command.stderr(std::process::Stdio::inherit());
    command
}
