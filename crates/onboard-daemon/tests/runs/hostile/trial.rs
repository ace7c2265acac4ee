//! One case through a daemon: the run, what it said, what is on record.

use super::files::SECRET;
use super::{Case, Report, Setting};
use crate::brokers;
use crate::house::House;
use crate::networks;
use crate::tests::kernel_holds_memory;
use onboard_daemon::binding::EVERY;
use onboard_daemon::handle::Published;
use onboard_domain::violation::{Action, Violation};
use onboard_domain::{AgentId, Event, RunId};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::mpsc::Receiver;

/// The policy of the project that is attacked.
const POLICY: &str = "background_agent_safety:
  action_restrictions:
    system:
      forbidden_commands: [rm]
";

/// The case of a forbidden file that has a second name, which no other project has.
const SECOND_NAME: &str = "6";

/// What a case came to.
pub struct Tried {
    /// `attempt: outcome`, a line each.
    pub said: String,
    /// How the run ended, and why.
    pub end: String,
    /// What was recorded against this agent and this run.
    pub records: Vec<Violation>,
}

/// Runs the case and checks it.
pub fn trial(case: &Case) -> Tried {
    let mut house = House::new();
    if matches!(case.setting, Setting::Network | Setting::Brokered) {
        networked(&mut house);
    }
    if case.setting == Setting::Brokered {
        brokers::give(&house, "forge", "forge.example", &["hostile"], &[EVERY]);
    }
    let sockets = project(&house, case);
    let mut tried = attempt(case, &house, "hostile");
    checked(case, &mut tried);
    sockets.are_silent();
    tried
}

/// Cases that say nothing of a network, one after the other, by agents that have one: it opens
/// nothing else.
pub fn with_a_network(cases: &[&Case]) {
    let mut house = House::new();
    networked(&mut house);
    let sockets = project(&house, cases[0]);
    for case in cases {
        let mut tried = attempt(case, &house, &format!("hostile-{}", case.number));
        checked(case, &mut tried);
    }
    sockets.are_silent();
}

impl Case {
    /// Whether it comes to the same for an agent that has a network.
    pub fn is_alike(&self) -> bool {
        // What the environment is differs, and what a network refuses; limits take long, and are
        // the same counters.
        let number: u32 = self.number.trim_end_matches(char::is_alphabetic).parse().unwrap_or(0);
        self.setting == Setting::Plain && number < 54 && ![6, 47, 53].contains(&number)
    }
}

/// Has the house run its agents with a network.
fn networked(house: &mut House) {
    networks::world(house, "");
    let names = networks::INSIDE.map(|(name, _)| name);
    networks::allow(house, "", &[&["good.example", networks::TURNING], &names[..]].concat());
}

fn checked(case: &Case, tried: &mut Tried) {
    // A program that needs more than its share of the machine is held back whatever it does.
    tried.records.retain(|v| v.action != Action::Throttled || case.report.expects(v.rule));
    // Where memory of nobody can't be counted, there is none.
    let said = match case.report {
        Report::ByMemory(..) if !kernel_holds_memory() => tried.said.replace("EPERM", "allowed"),
        _ => tried.said.clone(),
    };
    case.expect.assert_eq(&said);
    let words: Vec<String> = tried.records.iter().map(words).collect();
    match &case.report {
        Report::Records(expected) => {
            for (rule, part) in *expected {
                let is = |v: &Violation| v.rule == *rule && words_of(v).contains(part);
                assert!(tried.records.iter().any(is), "{rule} {part}: not among {words:#?}");
            }
        }
        Report::Nothing(_) => assert_eq!(words, Vec::<String>::new()),
        Report::ByMemory(held, uncounted) => {
            let (rule, part) = if kernel_holds_memory() { held } else { uncounted };
            let is = |v: &Violation| v.rule == *rule && words_of(v).contains(part);
            assert!(tried.records.iter().any(is), "{rule} {part}: not among {words:#?}");
        }
        Report::ByGroups(rule, _) => {
            let count = tried.records.iter().filter(|v| v.rule == *rule).count();
            assert_eq!(count, usize::from(kernel_holds_memory()), "{words:#?}");
        }
    }
}

fn attempt(case: &Case, house: &House, name: &str) -> Tried {
    let published = house.handle().follow();
    // The mark is unique among processes of the host, so that what is left of the run is found.
    let mark = format!("{}-{}", case.number, std::process::id());
    let script = format!("exec ai_onboard attack {} {mark}", case.number);
    house.script(name, case.limits, &script);
    house.register();
    let run = house.run(name).expect("a run");
    let end = house.ended(run);
    assert_eq!(processes_with(&mark), 0, "processes outlive the run");
    assert_eq!(house.records(), 0, "the run left a record");
    untouched(house);
    // A run that was refused has no log.
    let log = if end.starts_with("refused") { String::new() } else { house.log(name, run) };
    let mut said = String::new();
    for line in log.lines().filter_map(|line| line.strip_prefix("info stdout ")) {
        if line.contains(": ") && line.len() < 200 {
            said += &format!("{line}\n");
        }
    }
    // The reason depends on what holds a limit on this host.
    let word = end.split(':').next().unwrap_or_default();
    said += &format!("{word}\n");
    Tried { said, end, records: records(&published, house.agent(name), run) }
}

/// The project that is attacked.
fn project(house: &House, case: &Case) -> Sockets {
    house.file("readme", "read me");
    house.file("readm", "me too");
    // Only the walls are in the way, not the file's mode.
    std::fs::set_permissions(house.project().join("readme"), Permissions::from_mode(0o666))
        .expect("mode");
    house.file("docs/page", "a page");
    house.file("src/main", "code");
    house.file(".env", SECRET);
    house.file(".ssh/id", SECRET);
    let more = match case.setting {
        Setting::SymlinkForbidden => "    file_system:\n      forbidden_paths: [link]\n",
        _ => "",
    };
    house.file(".ai_onboard/policy.yaml", &format!("{POLICY}{more}"));
    let at = |name: &str| house.project().join(name);
    std::os::unix::fs::symlink(".env", at("link")).expect("link");
    std::os::unix::fs::symlink("link", at("chain")).expect("link");
    if case.number == SECOND_NAME {
        std::fs::hard_link(at(".env"), at("hard")).expect("link");
    }
    rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::RWXU).expect("pipe");
    let sockets = Sockets {
        stream: UnixListener::bind(at("host.sock")).expect("socket"),
        datagrams: UnixDatagram::bind(at("host.dgram")).expect("socket"),
    };
    // Only the walls are in the way, not the files' modes.
    for name in ["pipe", "host.sock", "host.dgram"] {
        std::fs::set_permissions(at(name), Permissions::from_mode(0o666)).expect("mode");
    }
    sockets
}

/// Sockets of the host that lie in the project.
struct Sockets {
    stream: UnixListener,
    datagrams: UnixDatagram,
}

impl Sockets {
    /// Nobody came to them.
    fn are_silent(&self) {
        self.stream.set_nonblocking(true).expect("mode");
        self.datagrams.set_nonblocking(true).expect("mode");
        assert!(self.stream.accept().is_err(), "a connection came");
        assert!(self.datagrams.recv(&mut [0]).is_err(), "a datagram came");
    }
}

/// The project is as it was made: nothing is gone, changed or new.
fn untouched(house: &House) {
    let mut names: Vec<String> = std::fs::read_dir(house.project())
        .expect("the project")
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names.retain(|name| name != "hard");
    let whole = ".ai_onboard .env .ssh chain docs host.dgram host.sock link pipe readm readme src";
    assert_eq!(names.join(" "), whole);
    let text = |name: &str| std::fs::read_to_string(house.project().join(name)).expect("a file");
    let texts = ["readme", "docs/page", "src/main", ".env", ".ssh/id"].map(text);
    assert_eq!(texts, ["read me", "a page", "code", SECRET, SECRET]);
}

/// Records of violations until the run's end. All are of this run: whatever is recorded against
/// another one is a mistake.
fn records(published: &Receiver<Published>, agent: AgentId, run: RunId) -> Vec<Violation> {
    let mut found: Vec<Violation> = Vec::new();
    loop {
        // The end is seen in the state a moment before it is published.
        let batch = published.recv().expect("a daemon");
        for event in &batch.batch.events {
            match event {
                Event::ViolationRecorded { agent: of, run: in_run, violation } => {
                    assert_eq!((*of, *in_run), (agent, run), "{violation:?}");
                    match found.iter_mut().find(|known| known.is_like(violation)) {
                        Some(known) => known.count += violation.count,
                        None => found.push(Violation::clone(violation)),
                    }
                }
                Event::RunEnded { run: ended, .. } if *ended == run => return found,
                _ => {}
            }
        }
    }
}

fn words(violation: &Violation) -> String {
    let Violation { sensor, confidence, rule, count, .. } = violation;
    format!("{sensor} ({confidence}) {rule}: {} x{count}", words_of(violation))
}

/// What was tried, where, and what that was.
fn words_of(violation: &Violation) -> String {
    let resolved = violation.resolved.as_deref().unwrap_or_default();
    format!("{} {} {resolved}", violation.what, violation.target)
}

fn processes_with(mark: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(mark)).count()
}
