//! What a start behind the walls costs, beside a plain start and `bwrap` with the same namespaces.
//!
//! `start_cost [ROUNDS]`: each round starts `/bin/true` once in every way, so that what else the
//! machine does meets all alike. "sensors" has what "walls" has, and a masked file, a forbidden
//! command and the ends of a network, so that every sensor there is watches. Prints the median and
//! the quartiles of each in microseconds, and the ratio of the medians to `bwrap`'s where that is
//! installed, else to the plain start's. Ends with one JSON line of the medians and quartiles.

#[path = "../tests/walls/permit.rs"]
mod permit;

use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{AgentFiles, Limits, Network, Profile, launch, launcher_main_if_asked};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Instant;

const DEFAULT_ROUNDS: usize = 200;

type Way<'a> = (&'a str, Box<dyn FnMut(usize) + 'a>);

fn main() {
    launcher_main_if_asked();
    let rounds = std::env::args().nth(1).map_or(DEFAULT_ROUNDS, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a project");
    let project = folder.path().canonicalize().expect("a project");
    std::fs::write(project.join(".env"), "A=1").expect("a file to mask");
    let groups = Layout::find().expect("control groups");
    let none = Layout::default();
    let mut ways: Vec<Way<'_>> = vec![
        ("plain", Box::new(|_| plain(Command::new("/bin/true")))),
        ("walls", Box::new(|n| walls(&none, profile(&project, &format!("none-{n}"))))),
        ("sensors", Box::new(|n| walls(&none, watched(profile(&project, &format!("all-{n}")))))),
    ];
    if !groups.hierarchies.is_empty() {
        ways.push((
            "walls, control groups",
            Box::new(|n| walls(&groups, profile(&project, &n.to_string()))),
        ));
    }
    let bwrap = Command::new("bwrap").arg("--version").stdout(Stdio::null()).status().is_ok();
    if bwrap {
        ways.push(("bwrap", Box::new(|_| plain(bubblewrap(&project)))));
    }
    let reference = if bwrap { "bwrap" } else { "plain" };
    report(
        &ways.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        reference,
        measure(&mut ways, rounds),
    );
}

fn measure(ways: &mut [Way<'_>], rounds: usize) -> Vec<Vec<u128>> {
    let mut times = vec![Vec::with_capacity(rounds); ways.len()];
    // The first round fills caches and is not counted.
    for round in 0..=rounds {
        for (index, (_, start)) in ways.iter_mut().enumerate() {
            let before = Instant::now();
            start(round);
            if round > 0 {
                times[index].push(before.elapsed().as_micros());
            }
        }
    }
    times.iter_mut().for_each(|t| t.sort_unstable());
    times
}

fn report(names: &[&str], reference: &str, times: Vec<Vec<u128>>) {
    let median = |t: &[u128]| t[t.len() / 2];
    let base = names.iter().position(|n| *n == reference).map_or(1, |i| median(&times[i]));
    for (name, t) in names.iter().zip(&times) {
        let (low, high) = (t[t.len() / 4], t[t.len() * 3 / 4]);
        let ratio = median(t) as f64 / base as f64;
        println!("{name:24} {:6} us ({low} to {high})  {ratio:.2} x {reference}", median(t));
    }
    let json = |(name, t): (&&str, &Vec<u128>)| {
        format!("\"{name}\":[{},{},{}]", t[t.len() / 4], median(t), t[t.len() * 3 / 4])
    };
    let ways: Vec<String> = names.iter().zip(&times).map(json).collect();
    println!("{{{}}}", ways.join(","));
}

fn plain(mut command: Command) {
    let command = command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
    assert!(command.status().expect("a start").success());
}

/// The same namespaces, folders and private file systems.
fn bubblewrap(project: &std::path::Path) -> Command {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--uid", "1000", "--gid", "1000", "--die-with-parent"]);
    command.args(["--new-session", "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"]);
    command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]);
    for name in ["bin", "sbin", "lib", "lib64"] {
        command.args(["--symlink", &format!("usr/{name}"), &format!("/{name}")]);
    }
    for file in ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"] {
        command.args(["--ro-bind-try", file, file]);
    }
    command.args(["--size", "67108864", "--tmpfs", "/tmp", "--ro-bind"]).arg(project);
    command.args(["/project", "--chdir", "/project", "/bin/true"]);
    command
}

/// The profile, and in it something for each sensor to watch.
fn watched(profile: Profile) -> Profile {
    Profile {
        forbidden: vec![".env".into()],
        forbidden_commands: vec!["ssh".into()],
        network: Some(Network::default()),
        ..profile
    }
}

fn profile(project: &std::path::Path, run: &str) -> Profile {
    Profile {
        instance: "start-cost".into(),
        run: format!("{}-{run}", std::process::id()),
        argv: vec!["/bin/true".into()],
        env: Vec::new(),
        project: project.to_owned(),
        forbidden: Vec::new(),
        forbidden_commands: Vec::new(),
        read_only: Vec::new(),
        network: None,
        limits: Limits::default(),
        works_in_tmp: false,
        must_enforce: Vec::new(),
    }
}

fn walls(layout: &Layout, profile: Profile) {
    let null = || std::fs::File::options().write(true).open("/dev/null").expect("null");
    let (_host, agent) = UnixStream::pair().expect("pair");
    let files = AgentFiles {
        stdout: null().into(),
        stderr: std::io::stderr().as_fd().try_clone_to_owned().expect("descriptor"),
        host: agent.into(),
    };
    let running = launch(permit::permitted(profile), files, layout, |_| Ok(())).expect("a start");
    running.wait_for_end(std::time::Duration::from_secs(60)).expect("an end");
}
