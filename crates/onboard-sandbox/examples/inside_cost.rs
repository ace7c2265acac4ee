//! What the walls and their sensors cost a program at work, beside `bwrap` with the same
//! namespaces, which watches nothing.
//!
//! `inside_cost ROUNDS`: each round runs one script behind ours and behind `bwrap`'s walls, in
//! turns; the script times itself, so that no start counts. It starts Python again and again, walks
//! a tree with `find`, and compiles. There is no processor limit on either side: what waits for its
//! tenth of a core says nothing of sensors. Ends with one JSON line: of each work the milliseconds
//! of every round, of ours and of `bwrap`'s.

#[path = "../tests/walls/permit.rs"]
mod permit;

use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::{AgentFiles, Limits, Network, Profile, launch, launcher_main_if_asked};
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const WORKS: [&str; 3] = ["python", "find", "compile"];

/// Prints the microseconds of each of the works, in their order.
const SCRIPT: &str = "
t() { local a=${EPOCHREALTIME/./}; \"$@\"; local b=${EPOCHREALTIME/./}; echo $((b - a)); }
python() { for i in 1 2 3 4 5 6 7 8 9 10; do python3 -I -S -c pass; done; }
walk() { for i in 1 2 3; do find /usr/lib -name nothing > /dev/null 2>&1; done; }
compile() { for i in 1 2 3; do cc -O2 -c /project/work.c -o /tmp/work.o; done; }
walk
t python; t walk; t compile
";

/// Some hundred lines that a compiler has work with, and headers that it looks for.
fn source() -> String {
    let mut text = String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n");
    for n in 0..100 {
        text.push_str(&format!(
            "int f{n}(const char *s, int k) {{ int t = {n}; for (int i = 0; s[i]; i++) \
             t = t * 31 + s[i] % (k + {n} + 1); return t ^ (int)strlen(s); }}\n"
        ));
    }
    text
}

fn main() {
    launcher_main_if_asked();
    let rounds: usize = std::env::args().nth(1).map_or(5, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a project");
    let project = folder.path().canonicalize().expect("a project");
    std::fs::write(project.join("work.c"), source()).expect("a source");
    std::fs::write(project.join(".env"), "A=1").expect("a file to mask");
    let mut ours = vec![Vec::new(); WORKS.len()];
    let mut other = vec![Vec::new(); WORKS.len()];
    // The first round fills caches and is not counted.
    for round in 0..=rounds {
        for (times, text) in
            [(&mut ours, behind_ours(&project, round)), (&mut other, behind_bwrap(&project))]
        {
            let said: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
            assert_eq!(said.len(), WORKS.len(), "the script said: {text}");
            if round > 0 {
                times.iter_mut().zip(said).for_each(|(times, us)| times.push(us / 1000.0));
            }
        }
    }
    let works: Vec<String> = WORKS
        .iter()
        .zip(ours.iter().zip(&other))
        .map(|(name, (ours, other))| format!("\"{name}\":[{ours:?},{other:?}]"))
        .collect();
    println!("{{{}}}", works.join(","));
}

fn behind_ours(project: &Path, round: usize) -> String {
    let profile = Profile {
        instance: "inside-cost".into(),
        run: format!("{}-{round}", std::process::id()),
        argv: ["/bin/bash", "-c", SCRIPT].map(Into::into).to_vec(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        project: project.to_owned(),
        forbidden: vec![".env".into()],
        forbidden_commands: vec!["ssh".into()],
        read_only: Vec::new(),
        network: Some(Network::default()),
        limits: Limits { cpu_percent: 100, ..Limits::default() },
        works_in_tmp: false,
        must_enforce: Vec::new(),
    };
    let (mut said, out) = std::io::pipe().expect("a pipe");
    let (_host, agent) = UnixStream::pair().expect("pair");
    let files = AgentFiles {
        stdout: out.into(),
        stderr: std::io::stderr().as_fd().try_clone_to_owned().expect("descriptor"),
        host: agent.into(),
    };
    let permitted = permit::permitted(profile);
    let running = launch(permitted, files, &Layout::default(), |_| Ok(())).expect("a start");
    let mut text = String::new();
    said.read_to_string(&mut text).expect("what it says");
    running.wait_for_end(Duration::from_secs(60)).expect("an end");
    text
}

fn behind_bwrap(project: &Path) -> String {
    let mut command = Command::new("bwrap");
    command.args(["--unshare-all", "--uid", "1000", "--gid", "1000", "--die-with-parent"]);
    command.args(["--new-session", "--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"]);
    command.args(["--setenv", "PATH", "/usr/bin:/bin"]);
    command.args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]);
    for name in ["bin", "sbin", "lib", "lib64"] {
        command.args(["--symlink", &format!("usr/{name}"), &format!("/{name}")]);
    }
    for file in ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"] {
        command.args(["--ro-bind-try", file, file]);
    }
    command.args(["--size", "67108864", "--tmpfs", "/tmp", "--ro-bind"]).arg(project);
    command.args(["/project", "--chdir", "/project", "/bin/bash", "-c", SCRIPT]);
    let ended = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().expect("bwrap");
    String::from_utf8_lossy(&ended.stdout).into_owned()
}
