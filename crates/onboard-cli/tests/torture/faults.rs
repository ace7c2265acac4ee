//! What may go wrong around the daemon: a second one, a full disk, a folder that can't be written,
//! a damaged journal. It says what is wrong, answers nothing that it can't keep, and goes on when
//! the fault is mended.

use crate::clients::{self, Asked, Outcome, Sent};
use crate::ledger::Ledger;
use crate::turn;
use crate::world::{Daemon, SLEEPER, World};
use onboard_domain::Command;
use onboard_journal::{SqliteJournal, verify};
use onboard_web::api::DaemonView;
use std::io::Write;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

const AGENTS: [(&str, &str); 1] = [("sleeper", SLEEPER)];

/// Bytes of a setting that fills the disk: a fraction of the room, so that many are answered.
const FILLING_BYTES: usize = 20_000;

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn register(world: &World) {
    world.client().register(&world.project(), "a trial").expect("the project is registered");
}

/// Changes the agent's settings, in `count` commands or until one is not answered.
fn configure(world: &World, journal: &Path, count: usize, filling: usize) -> Vec<Sent> {
    let mut ledger = Ledger::default();
    ledger.read_on(journal).expect("the journal");
    let worker = clients::workers(&ledger, &world.project(), 1).remove(0);
    let (agent, spec) = worker.agents[0].clone();
    let client = world.client();
    let mut sent = Vec::new();
    for number in 0..count {
        let why = format!("filling {number:06}");
        let mut spec = Box::new(spec.clone());
        spec.settings.insert("filling".into(), format!("{why}{}", "x".repeat(filling)));
        let command = Command::Configure { agent, spec: spec.clone() };
        let outcome = clients::outcome(client.command(command, &why));
        let is_lost = matches!(outcome, Outcome::Unknown);
        sent.push(Sent { why, command: Asked::Configure(agent, spec), outcome });
        if is_lost {
            break;
        }
    }
    sent
}

/// Everything that was answered is in the journal, whose chain is whole.
#[track_caller]
fn compare(sent: &[Sent], journal: &Path) {
    let mut ledger = Ledger::default();
    ledger.read_on(journal).expect("the journal");
    for sent in sent {
        sent.check(&ledger).unwrap();
    }
    let journal = SqliteJournal::open_read_only(journal).expect("the journal");
    verify(&journal, |_, _| {}).expect("its chain");
}

#[test]
fn a_second_daemon_is_refused_and_told_of_the_first() {
    let _turn = turn();
    let world = World::new(&AGENTS);
    let first = world.start().expect("a first daemon");
    let said = world.start().err().expect("the second is refused");
    assert!(said.contains(&format!("process {} ", first.pid())), "{said}");
    let daemon: DaemonView = world.client().get("/daemon", &[]).expect("the first answers on");
    assert_eq!(daemon.pid, first.pid().cast_unsigned());
}

/// A state folder on a small file system of its own, in namespaces of its own, so that root and
/// an ordinary user can have it alike. It lives as long as the process that holds it.
struct SmallDisk<'a> {
    world: &'a World,
    holder: Child,
}

impl SmallDisk<'_> {
    fn mount<'a>(world: &'a World, size: &str) -> SmallDisk<'a> {
        let state = world.paths().state;
        std::fs::create_dir_all(&state).expect("a folder");
        let mut command = world.environment("unshare");
        command.args(["--map-root-user", "--mount", "--propagation", "private", "--"]);
        let script = "mount -t tmpfs -o size=$1,mode=700 trial \"$2\" && echo mounted && \
                      exec sleep 1000";
        command.args(["sh", "-c", script, "sh", size]).arg(state).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("unshare");
        let mut line = String::new();
        let stdout = holder.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("its word");
        assert_eq!(line, "mounted\n", "a small file system can be mounted");
        SmallDisk { world, holder }
    }

    fn inside(&self, program: &str) -> std::process::Command {
        let mut command = self.world.environment("nsenter");
        command.arg("--target").arg(self.holder.id().to_string());
        command.args(["--user", "--mount", "--preserve-credentials", "--", program]);
        command
    }

    fn remount(&self, how: &str) {
        let mut mount = self.inside("mount");
        // The mount alone: the file system's own options name users that are not known inside.
        mount.args(["-o", &format!("remount,bind,{how}")]).arg(self.world.paths().state);
        assert!(mount.status().expect("mount").success(), "remount,{how}");
    }

    fn start(&self) -> Result<Daemon, String> {
        let mut command = self.inside(env!("CARGO_BIN_EXE_ai_onboard"));
        command.args(["daemon", "run"]);
        self.world.launch(command).ready()
    }

    /// A copy of the journal, made while nothing is written: SQLite does not find its way through
    /// the folder below.
    fn journal(&self) -> PathBuf {
        let folder = self.world.paths().config.join("copied");
        // What an earlier reader left beside its copy does not fit this one.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for name in ["journal.db", "journal.db-wal"] {
            std::fs::copy(self.seen(name), folder.join(name)).expect("a copy");
        }
        folder.join("journal.db")
    }

    /// A file of the state folder, as it is seen from outside.
    fn seen(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let state = self.world.paths().state;
        root.join(state.strip_prefix("/").expect("a full path")).join(name)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // The file system goes with the last process that sees it.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

#[test]
fn a_full_disk_ends_the_daemon_and_costs_nothing_that_was_answered() {
    let _turn = turn();
    let world = World::new(&AGENTS);
    let disk = SmallDisk::mount(&world, "6m");
    std::fs::write(disk.seen("ballast"), vec![1; 2 << 20]).expect("ballast");
    let mut daemon = disk.start().expect("a daemon");
    register(&world);
    let sent = configure(&world, &disk.journal(), 1_000, FILLING_BYTES);
    assert!(matches!(sent.last().map(|sent| &sent.outcome), Some(Outcome::Unknown)));
    assert!(sent.len() > 10, "{} commands were answered before the disk was full", sent.len());
    let status = daemon.ended().expect("it ends");
    assert!(!status.success() && daemon.said().contains("disk full"), "{}", daemon.said());
    // What the daemon's end gave back is taken as well. Its first entry may still fit into what its
    // files have already; where it does not, the daemon says what is missing.
    let mut rest = std::fs::File::create(disk.seen("rest")).expect("a file");
    while rest.write_all(&[1; 4096]).is_ok() {}
    if let Some(again) = disk.start().err() {
        assert!(again.contains("full") || again.contains("No space left"), "{again}");
    }
    std::fs::remove_file(disk.seen("rest")).expect("room is made");
    std::fs::remove_file(disk.seen("ballast")).expect("room is made");
    let _daemon = disk.start().expect("it starts when there is room");
    compare(&sent, &disk.journal());
    let more = configure(&world, &disk.journal(), 3, 10);
    assert!(more.iter().all(|sent| matches!(sent.outcome, Outcome::Answered(_))));
}

#[test]
fn a_state_folder_that_can_not_be_written_is_named() {
    let _turn = turn();
    let world = World::new(&AGENTS);
    let disk = SmallDisk::mount(&world, "16m");
    let mut daemon = disk.start().expect("a daemon");
    register(&world);
    let sent = configure(&world, &disk.journal(), 5, 10);
    daemon.kill();
    disk.remount("ro");
    let said = disk.start().err().expect("it can't start");
    let state = world.paths().state.display().to_string();
    assert!(said.contains(&state) && said.to_lowercase().contains("read-only"), "{said}");
    disk.remount("rw");
    let _daemon = disk.start().expect("it starts when it can write");
    compare(&sent, &disk.journal());
}

/// What a damaged journal makes of a start, and of `audit verify`.
#[track_caller]
fn check_damage(damage: impl Fn(&Path, &mut Vec<u8>), names: &[&str]) {
    let _turn = turn();
    let world = World::new(&AGENTS);
    let path = world.paths().journal();
    let mut daemon = world.start().expect("a daemon");
    register(&world);
    let sent = configure(&world, &path, 30, 3_000);
    daemon.kill();
    // Into the file itself, where it is damaged.
    SqliteJournal::open(&path).and_then(|mut journal| journal.checkpoint()).expect("folds");
    let whole = std::fs::read(&path).expect("the journal");
    let mut damaged = whole.clone();
    damage(&path, &mut damaged);
    std::fs::write(&path, damaged).expect("the journal");
    let said = world.start().err().expect("it refuses to start");
    let proof = world.run(&["audit", "verify"]);
    assert!(!proof.status.success(), "the proof fails");
    for name in names {
        assert!(said.contains(name), "{name}: the daemon said {said}");
        assert!(stderr(&proof).contains(name), "{name}: the proof said {}", stderr(&proof));
    }
    std::fs::write(&path, whole).expect("the journal");
    let proof = world.run(&["audit", "verify"]);
    assert!(proof.status.success(), "mended, it is whole: {}", stderr(&proof));
    let _daemon = world.start().expect("mended, it starts");
    compare(&sent, &path);
}

/// Where the entry of this reason is stored.
fn place(bytes: &[u8], why: &str) -> usize {
    let cause = format!("\"why\":\"{why}\"");
    let found = bytes.windows(cause.len()).rposition(|window| window == cause.as_bytes());
    found.expect("the reason is in the file")
}

#[test]
fn a_changed_word_in_the_journal_is_named_by_its_entry() {
    // Entry 1 is the start, 2 the registration; the commands follow one by one.
    check_damage(
        |_, bytes| {
            let at = place(bytes, "filling 000009");
            bytes[at + 8] ^= 1;
        },
        &["journal.db", "entry 12"],
    );
}

#[test]
fn a_journal_cut_short_is_refused() {
    check_damage(|_, bytes| bytes.truncate(bytes.len() / 2 / 4096 * 4096), &["journal.db"]);
}

#[test]
fn a_page_of_noise_in_the_journal_is_refused() {
    check_damage(
        |_, bytes| {
            let page = place(bytes, "filling 000009") / 4096 * 4096;
            bytes[page..page + 4096].fill(0xA5);
        },
        &["journal.db"],
    );
}

#[test]
fn a_lost_end_of_the_journal_is_noticed() {
    let _turn = turn();
    let world = World::new(&AGENTS);
    let path = world.paths().journal();
    let mut daemon = world.start().expect("a daemon");
    register(&world);
    configure(&world, &path, 10, 100);
    daemon.kill();
    let log = path.with_extension("db-wal");
    let length = std::fs::metadata(&log).expect("the log").len();
    let file = std::fs::File::options().write(true).open(&log).expect("the log");
    file.set_len(length / 2).expect("it is cut");
    let said = world.start().err().expect("it refuses to start");
    assert!(said.contains("journal.db") && said.contains("entry"), "{said}");
    let proof = world.run(&["audit", "verify"]);
    assert!(!proof.status.success(), "the proof fails");
}
