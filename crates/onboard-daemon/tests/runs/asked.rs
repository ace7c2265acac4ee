//! What `policy try` answers, beside what the kernel and the proxy do: each attempt is asked about
//! first, and then made by a real agent behind its walls.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "inside the sandbox, what a program can start and connect to is what is tried"
)]

use crate::house::House;
use crate::networks;
use expect_test::{Expect, expect};
use onboard_daemon::asked::{Asked, Said};
use onboard_policy::{PolicyInForce, Walls};
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::view::Outcome;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Command, ExitCode, Stdio};

const PROXY: &str = "127.0.0.1:3128";

/// Inside the sandbox: attempts, two words each; a line of what came of each.
pub fn main(words: &[String]) -> ExitCode {
    for pair in words.chunks(2) {
        let came = match pair[0].as_str() {
            "read" => read(&pair[1]),
            "write" => {
                OpenOptions::new().write(true).create(true).truncate(false).open(&pair[1]).map(drop)
            }
            "exec" => exec(&pair[1]),
            "connect" => connect(&pair[1]),
            other => panic!("unknown word {other}"),
        };
        let word = match came {
            Ok(()) => "allowed".into(),
            Err(error) if is_missing(&error) => "missing".into(),
            Err(error) => format!("denied ({})", crate::raw::errno_word(&error)),
        };
        println!("{} {}: {word}", pair[0], pair[1]);
    }
    ExitCode::SUCCESS
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// A byte of a file, or a name of a folder.
fn read(path: &str) -> io::Result<()> {
    let mut file = File::open(path)?;
    match file.metadata()?.is_dir() {
        true => std::fs::read_dir(path)?.next().transpose().map(drop),
        false => file.read(&mut [0]).map(drop),
    }
}

fn exec(line: &str) -> io::Result<()> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let _ = child.kill();
    child.wait().map(drop)
}

/// As programs ask a proxy; whether they are passed on.
fn connect(target: &str) -> io::Result<()> {
    let mut proxy = TcpStream::connect(PROXY)?;
    match target.strip_suffix(":80") {
        Some(host) => write!(proxy, "GET http://{host}/ HTTP/1.1\r\nHost: {host}\r\n\r\n")?,
        None => write!(proxy, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")?,
    }
    let mut status = [0; 12];
    proxy.read_exact(&mut status)?;
    match &status {
        b"HTTP/1.1 200" => Ok(()),
        other => Err(io::Error::other(String::from_utf8_lossy(&other[9..]).into_owned())),
    }
}

/// The project, and everything in it that could be taken for something else.
fn project(house: &House) {
    let at = |name: &str| house.project().join(name);
    house.file("readme", "read me");
    house.file("docs/page", "a page");
    house.file(".env", "secret");
    house.file(".ssh/id", "secret");
    house.file("secrets/deep/key", "secret");
    house.file("closed", "nobody's");
    house.file("tool.sh", "#!/bin/sh\nexit 0\n");
    house.file("remover", "#!/usr/bin/rm\n");
    house.file("lost", "#!/no/such/interpreter\n");
    let mode = |name: &str, mode| {
        std::fs::set_permissions(at(name), Permissions::from_mode(mode)).expect("mode");
    };
    mode("closed", 0);
    ["tool.sh", "remover", "lost"].iter().for_each(|name| mode(name, 0o755));
    std::fs::hard_link(at("readme"), at("readme-too")).expect("link");
    for (link, target) in [
        ("to-env", ".env"),
        ("chain", "to-env"),
        ("to-secrets", "secrets/deep"),
        ("to-host", "/etc/shadow"),
        ("to-readme", "./docs/../readme"),
        ("circle", "circle"),
        ("dangling", "nowhere"),
        ("to-rm", "/usr/bin/rm"),
    ] {
        symlink(target, at(link)).expect("link");
    }
    // A folder that nobody may search.
    std::fs::create_dir(at("shut")).expect("folder");
    mode("shut", 0o600);
}

const POLICY: &str = "background_agent_safety:
  action_restrictions:
    file_system:
      read_only_paths: [docs]
      forbidden_paths: [secrets/, not-yet, far/away]
    network:
      forbidden_protocols: [ssh]
    system:
      forbidden_commands: [rm, curl]
";

/// What is asked and tried; `HOST` stands for the project's folder on the host.
const ATTEMPTS: &[(&str, &str)] = &[
    ("read", "readme"),
    ("read", "./docs/../readme"),
    ("read", "/project/readme"),
    ("read", "readme/"),
    ("read", "readme/.."),
    ("read", "docs"),
    ("read", "README"),
    ("read", "no-such"),
    ("read", "no-such/../readme"),
    ("read", ".env"),
    ("read", ".ENV"),
    ("read", "docs/../.env"),
    ("read", "/proc/self/cwd/.env"),
    ("read", "/proc/self/root/project/.env"),
    ("read", "to-env"),
    ("read", "chain"),
    ("read", "to-secrets/key"),
    ("read", ".ssh/id"),
    ("read", "secrets"),
    ("read", "secrets/deep/key"),
    ("read", "secrets/none"),
    ("read", "not-yet"),
    ("read", "not-yet/deep/below"),
    ("read", "far/away/key"),
    ("read", "to-host"),
    ("read", "to-readme"),
    ("read", "circle"),
    ("read", "dangling"),
    ("read", "readme-too"),
    ("read", "closed"),
    ("read", "shut/inside"),
    ("read", "../project/readme"),
    ("read", "../../../etc/shadow"),
    ("read", "/etc/shadow"),
    ("read", "/etc/passwd"),
    ("read", "/root"),
    ("read", "HOST/readme"),
    ("read", "/usr/bin/env"),
    ("read", "/usr/bin/rm"),
    ("read", "/tmp"),
    ("read", "/tmp/x"),
    ("read", "/dev/null"),
    ("read", "/dev/mem"),
    ("read", "/"),
    ("read", "/proc/meminfo"),
    ("write", "readme"),
    ("write", "new"),
    ("write", "docs/page"),
    ("write", ".env"),
    ("write", "secrets/new"),
    ("write", "/etc/passwd"),
    ("write", "/usr/bin/env"),
    ("write", "/new"),
    ("write", "/tmp/x"),
    ("write", "/dev/null"),
    ("write", "/dev/kmsg"),
    ("write", "/proc/self/comm"),
    ("write", "circle"),
    ("exec", "true"),
    ("exec", "/usr/bin/env"),
    ("exec", "rm"),
    ("exec", "/usr/bin/rm"),
    ("exec", "./to-rm"),
    ("exec", "curl"),
    ("exec", "./tool.sh"),
    ("exec", "./remover"),
    ("exec", "./lost"),
    ("exec", "./readme"),
    ("exec", "./docs"),
    ("exec", "no-such-program"),
    ("exec", "/etc/passwd"),
    ("connect", "good.example:443"),
    ("connect", "GOOD.example.:443"),
    ("connect", "good.example:80"),
    ("connect", "good.example:22"),
    ("connect", "good.example:9999"),
    ("connect", "evil.example:443"),
    ("connect", "sub.good.example:443"),
    ("connect", "140.82.121.3:443"),
    ("connect", "127.0.0.1:80"),
    ("connect", "[::1]:443"),
];

/// The user's word: so many attempts are wanted here.
const USER: &str = "background_agent_safety:
  escalation: { warn: 200, throttle: 200, pause: 200, quarantine: 200 }
";

/// With one host allowed, and with none.
pub fn an_answer_is_what_the_kernel_does(mut house: House) {
    networks::world(&mut house, "");
    project(&house);
    house.file(".ai_onboard/policy.yaml", POLICY);
    let user = |more: &str| {
        std::fs::write(house.paths().user_policy(), format!("{USER}{more}")).expect("a policy");
    };
    user("  action_restrictions: { network: { allowed_domains: [good.example] } }\n");
    check(
        &house,
        ATTEMPTS,
        expect![[r#"
        read readme: allowed
        read ./docs/../readme: allowed
        read /project/readme: allowed
        read readme/: missing
        read readme/..: missing
        read docs: allowed
        read README: missing
        read no-such: missing
        read no-such/../readme: missing
        read .env: denied by forbidden_path
        read .ENV: missing
        read docs/../.env: denied by forbidden_path
        read /proc/self/cwd/.env: denied by forbidden_path
        read /proc/self/root/project/.env: denied by forbidden_path
        read to-env: denied by forbidden_path
        read chain: denied by forbidden_path
        read to-secrets/key: denied by forbidden_path
        read .ssh/id: denied by forbidden_path
        read secrets: denied by forbidden_path
        read secrets/deep/key: denied by forbidden_path
        read secrets/none: denied by forbidden_path
        read not-yet: denied by forbidden_path
        read not-yet/deep/below: denied by forbidden_path
        read far/away/key: denied by forbidden_path
        read to-host: denied by outside_path
        read to-readme: allowed
        read circle: denied
        read dangling: missing
        read readme-too: allowed
        read closed: denied
        read shut/inside: denied
        read ../project/readme: allowed
        read ../../../etc/shadow: denied by outside_path
        read /etc/shadow: denied by outside_path
        read /etc/passwd: allowed
        read /root: denied by outside_path
        read HOST/readme: missing
        read /usr/bin/env: allowed
        read /usr/bin/rm: denied by forbidden_command
        read /tmp: allowed
        read /tmp/x: missing
        read /dev/null: allowed
        read /dev/mem: denied by outside_path
        read /: allowed
        read /proc/meminfo: denied by outside_path
        write readme: denied by read_only_path
        write new: denied by read_only_path
        write docs/page: denied by read_only_path
        write .env: denied by forbidden_path
        write secrets/new: denied by forbidden_path
        write /etc/passwd: denied by outside_path
        write /usr/bin/env: denied by outside_path
        write /new: denied by outside_path
        write /tmp/x: allowed
        write /dev/null: allowed
        write /dev/kmsg: denied by outside_path
        write /proc/self/comm: denied by outside_path
        write circle: denied
        exec true: allowed
        exec /usr/bin/env: allowed
        exec rm: denied by forbidden_command
        exec /usr/bin/rm: denied by forbidden_command
        exec ./to-rm: denied by forbidden_command
        exec curl: denied by forbidden_command
        exec ./tool.sh: allowed
        exec ./remover: denied by forbidden_command
        exec ./lost: denied
        exec ./readme: denied
        exec ./docs: denied
        exec no-such-program: missing
        exec /etc/passwd: denied
        connect good.example:443: allowed
        connect GOOD.example.:443: allowed
        connect good.example:80: allowed
        connect good.example:22: denied by forbidden_protocol
        connect good.example:9999: denied by forbidden_port
        connect evil.example:443: denied by forbidden_host
        connect sub.good.example:443: denied by forbidden_host
        connect 140.82.121.3:443: denied by forbidden_host
        connect 127.0.0.1:80: denied by forbidden_host
        connect [::1]:443: denied by forbidden_host
    "#]],
    );
    user("");
    let connects = [("connect", "good.example:443"), ("read", "readme")];
    check(
        &house,
        &connects,
        expect![[r#"
        connect good.example:443: denied by denied_syscall
        read readme: allowed
    "#]],
    );
}

/// A run that would be refused is: nothing is allowed.
pub fn what_can_not_run_may_nothing(house: House) {
    project(&house);
    std::fs::hard_link(house.project().join(".env"), house.project().join("second")).expect("link");
    house.script("asker", "", "true");
    house.register();
    let ended = house.outcome("asker");
    assert!(ended.starts_with("refused: "), "{ended}");
}

fn check(house: &House, attempts: &[(&str, &str)], expect: Expect) {
    let host = house.project().to_string_lossy().into_owned();
    let attempts: Vec<(&str, String)> =
        attempts.iter().map(|(kind, target)| (*kind, target.replace("HOST", &host))).collect();
    let mut line = "exec ai_onboard asked".to_string();
    for (kind, target) in &attempts {
        write!(line, " {kind} '{target}'").expect("a string");
    }
    house.script("asker", "limits: { deadline: 2m }", &line);
    house.register();
    let said = ask(house, &attempts);
    let run = house.run("asker").expect("a run");
    assert_eq!(house.ended(run), "succeeded: ");
    let log = house.log("asker", run);
    let done = log.lines().filter_map(|line| line.strip_prefix("info stdout "));
    let (mut shown, mut wrong) = (String::new(), String::new());
    for ((said, (kind, target)), done) in said.iter().zip(&attempts).zip(done) {
        let did = done.strip_prefix(&format!("{kind} {target}: ")).expect("the same attempt");
        let agrees = match said.outcome {
            Outcome::Allowed => did == "allowed",
            Outcome::Missing => did == "missing",
            // What isn't visible isn't there.
            Outcome::Denied => did != "allowed",
            Outcome::Unknown => false,
        };
        let target = target.replace(&host, "HOST");
        let rule = said.rule.as_deref().map_or(String::new(), |rule| format!(" by {rule}"));
        let word = format!("{:?}", said.outcome).to_lowercase();
        writeln!(shown, "{kind} {target}: {word}{rule}").expect("a string");
        if !agrees {
            writeln!(wrong, "{kind} {target}: asked {said:?}, and the kernel: {did}")
                .expect("a string");
        }
    }
    assert_eq!(wrong, "");
    assert_eq!(shown.lines().count(), attempts.len(), "{log}");
    expect.assert_eq(&shown);
}

fn ask(house: &House, attempts: &[(&str, String)]) -> Vec<Said> {
    let policy = house.handle().policies().of(house.project()).in_force;
    let PolicyInForce::Sound(policy) = &*policy else { panic!("no policy") };
    let agent = house.agent("asker");
    let spec = house.handle().read(|state| state.agents[&agent].spec.clone());
    let root = house.project().to_string_lossy().into_owned();
    let program = std::env::current_exe().expect("own program");
    let layout = Layout::find().expect("layout");
    let asked =
        Asked::of(policy, &root, &spec, &Walls::all(), &program, &layout, &house.paths().state);
    let asked = asked.expect("it would run");
    let say = |(kind, target): &(&str, String)| match *kind {
        "read" => asked.read(target),
        "write" => asked.write(target),
        "exec" => asked.exec(std::slice::from_ref(target)),
        _ => asked.connect(target),
    };
    attempts.iter().map(say).collect()
}
