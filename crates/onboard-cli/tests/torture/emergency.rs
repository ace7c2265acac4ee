//! The emergency shutdown without the daemon's help.

use crate::processes::{self, eventually};
use crate::turn;
use crate::world::{FORKER, SLEEPER, World};
use onboard_domain::Command;
use onboard_web::api::{AgentRow, CommandAnswer, DaemonView, ProblemKind};
use onboard_web::client::ClientError;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::{Signal, geteuid};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

const AGENTS: [(&str, &str); 3] =
    [("forker", FORKER), ("sleeper-a", SLEEPER), ("sleeper-b", SLEEPER)];

/// How long agents may take to start, and to end.
const LIMIT: Duration = Duration::from_secs(20);

/// Trees that don't want to end.
const HOSTILE: [(&str, &str); 4] = [
    // As many as it may have, and each tries again.
    ("bomb", "b() { b & b & wait; b; }\nb\n"),
    ("deaf", "trap '' TERM INT HUP QUIT USR1 USR2 TSTP\nwhile :; do sleep 1000; done\n"),
    (
        "still",
        "sh -c 'kill -STOP $$' \"$1\" &\nsetsid sh -c 'kill -STOP $$' \"$1\" &\nkill -STOP $$\n",
    ),
    (
        "nested",
        "for i in 1 2 3; do setsid sh -c \"trap '' HUP TERM; (setsid sleep 1000 &) ; sleep 1000\" & done\nwait\n",
    ),
];

fn restart_all(world: &World) -> Result<CommandAnswer, ClientError> {
    let rows: Vec<AgentRow> = world.client().items("/agents", &[])?;
    let agents = || AGENTS.iter().chain(&HOSTILE);
    let own = rows.iter().filter(|row| agents().any(|(name, _)| *name == row.name));
    let agents = own.map(|row| row.id.parse().expect("an id")).collect();
    // Started agents that were ended wait for their schedules; this runs them now.
    world.client().command(Command::Restart { agents, now: false }, "a trial")
}

/// Processes of agents; six of them when all run and the forker has forked.
fn running(world: &World) -> Result<(), String> {
    all_run(world, AGENTS.len())
}

/// A run that has a place has no process yet, and the daemon is stopped in what follows.
fn all_run(world: &World, agents: usize) -> Result<(), String> {
    let found = processes::marked(&world.marker).len();
    let rows: Vec<AgentRow> = world.client().items("/agents", &[]).map_err(|e| e.to_string())?;
    let has_process = |row: &&AgentRow| row.live.as_ref().is_some_and(|live| live.pid.is_some());
    let running = rows.iter().filter(has_process).count();
    match running == agents && found > 0 {
        true => Ok(()),
        false => Err(format!("{running} runs, {found} marked processes")),
    }
}

#[test]
fn a_hung_daemon_does_not_keep_agents_alive_and_the_latch_holds() {
    let _turn = turn();
    processes::adopt_orphans();
    let world = World::new(&AGENTS);
    let mut daemon = world.start().expect("a daemon");
    world.client().register(&world.project(), "a trial").expect("registered");
    restart_all(&world).expect("started");
    eventually(LIMIT, || running(&world)).expect("all run");

    daemon.signal(Signal::STOP);
    let shutdown = world.run(&["background-agents", "emergency-shutdown", "--reason", "a trial"]);
    let told = String::from_utf8_lossy(&shutdown.stdout).into_owned();
    assert!(shutdown.status.success(), "{told}{}", String::from_utf8_lossy(&shutdown.stderr));
    assert_eq!(told.matches('✓').count(), AGENTS.len(), "{told}");
    let left = processes::marked(&world.marker);
    assert!(left.is_empty(), "proven dead, and yet: {left:?}");

    // It wakes, finds them gone and must start nothing, however it was asked.
    daemon.signal(Signal::CONT);
    let emergency = || -> Result<(), String> {
        let view: DaemonView = world.client().get("/daemon", &[]).map_err(|e| e.to_string())?;
        match (&view.emergency, view.active_runs) {
            (Some(_), 0) => Ok(()),
            (emergency, runs) => Err(format!("{emergency:?}, {runs} runs")),
        }
    };
    eventually(LIMIT, emergency).expect("it knows of the emergency");
    refuses(&world);

    daemon.kill();
    let _daemon = world.start().expect("a daemon after it");
    eventually(LIMIT, emergency).expect("the latch survives a restart");
    refuses(&world);

    // Pausing agents may be resumed by name; that does not lift it, nor does an empty reason.
    let without = world.run(&["background-agents", "resume", "--reason", " ", "--no-input"]);
    assert!(!without.status.success());
    refuses(&world);
    let lifted = world.run(&["background-agents", "resume", "--reason", "mended", "--no-input"]);
    assert!(lifted.status.success(), "{}", String::from_utf8_lossy(&lifted.stderr));
    restart_all(&world).expect("they may be started");
    eventually(LIMIT, || running(&world)).expect("they run again");
}

/// Nothing can be started.
#[track_caller]
fn refuses(world: &World) {
    match restart_all(world) {
        Err(ClientError::Problem(problem)) => assert_eq!(problem.kind, ProblemKind::Forbidden),
        other => panic!("{other:?}"),
    }
    let left = processes::marked(&world.marker);
    assert!(left.is_empty(), "{left:?}");
}

/// Whatever a tree does, its end is one signal to its first process, and the kernel's word for it.
#[test]
fn hostile_trees_end_with_the_rest() {
    let _turn = turn();
    processes::adopt_orphans();
    let world = World::new(&HOSTILE);
    let daemon = world.start().expect("a daemon");
    world.client().register(&world.project(), "a trial").expect("registered");
    restart_all(&world).expect("started");
    eventually(LIMIT, || all_run(&world, HOSTILE.len())).expect("all run");
    daemon.signal(Signal::STOP);
    let shutdown = world.run(&["background-agents", "emergency-shutdown", "--reason", "a trial"]);
    let told = String::from_utf8_lossy(&shutdown.stdout).into_owned();
    assert!(shutdown.status.success(), "{told}{}", String::from_utf8_lossy(&shutdown.stderr));
    assert_eq!(told.matches("killed and proven gone").count(), HOSTILE.len(), "{told}");
    let left = processes::marked(&world.marker);
    assert!(left.is_empty(), "proven dead, and yet: {left:?}");
}

/// A daemon that dies takes its agents along, however they are made.
#[test]
fn a_dead_daemon_takes_hostile_trees_along() {
    let _turn = turn();
    processes::adopt_orphans();
    let world = World::new(&HOSTILE);
    let mut daemon = world.start().expect("a daemon");
    world.client().register(&world.project(), "a trial").expect("registered");
    restart_all(&world).expect("started");
    eventually(LIMIT, || all_run(&world, HOSTILE.len())).expect("all run");
    daemon.kill();
    let none = || match processes::marked(&world.marker) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    };
    eventually(LIMIT, none).expect("nobody outlives it");
}

/// A state folder that takes nothing more: full, for root, whom no mode keeps out; closed, for others.
struct Shut {
    state: PathBuf,
    is_root: bool,
}

impl Shut {
    fn of(world: &World) -> Shut {
        let (state, is_root) = (world.paths().state, geteuid().is_root());
        fs::create_dir_all(&state).expect("a folder");
        if is_root {
            let size = Some(c"size=8m,mode=700");
            mount("trial", &state, "tmpfs", MountFlags::empty(), size).expect("a small disk");
        }
        Shut { state, is_root }
    }

    fn shut(&self) {
        if self.is_root {
            let mut ballast = fs::File::create(self.state.join("ballast")).expect("a file");
            while ballast.write_all(&[1; 4096]).is_ok() {}
        } else {
            fs::set_permissions(&self.state, fs::Permissions::from_mode(0o500)).expect("a mode");
        }
    }

    fn open(&self) {
        if self.is_root {
            fs::remove_file(self.state.join("ballast")).expect("room");
        } else {
            fs::set_permissions(&self.state, fs::Permissions::from_mode(0o700)).expect("a mode");
        }
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        if self.is_root {
            // Whoever still has a file of it open keeps it; the folder above can be removed.
            let _ = unmount(&self.state, UnmountFlags::DETACH);
        }
    }
}

#[test]
fn a_latch_holds_where_nothing_can_be_written() {
    let _turn = turn();
    processes::adopt_orphans();
    let world = World::new(&AGENTS);
    let disk = Shut::of(&world);
    let mut daemon = world.start().expect("a daemon");
    world.client().register(&world.project(), "a trial").expect("registered");
    restart_all(&world).expect("started");
    eventually(LIMIT, || running(&world)).expect("all run");
    // Hung, so that what holds is the command's own doing.
    daemon.signal(Signal::STOP);
    disk.shut();
    let shutdown = world.run(&["background-agents", "emergency-shutdown", "--reason", "a trial"]);
    let told = String::from_utf8_lossy(&shutdown.stdout).into_owned();
    let said = String::from_utf8_lossy(&shutdown.stderr).into_owned();
    assert!(shutdown.status.success(), "{told}{said}");
    assert_eq!(told.matches('✓').count(), AGENTS.len(), "{told}");
    assert!(said.contains("which a restart of the machine empties"), "{said}");
    let left = processes::marked(&world.marker);
    assert!(left.is_empty(), "proven dead, and yet: {left:?}");
    daemon.kill();
    disk.open();
    let _daemon = world.start().expect("a daemon, when there is room");
    let emergency = || -> Result<(), String> {
        let view: DaemonView = world.client().get("/daemon", &[]).map_err(|e| e.to_string())?;
        view.emergency.map(drop).ok_or_else(|| "no emergency".to_owned())
    };
    eventually(LIMIT, emergency).expect("the latch is found, and recorded");
    refuses(&world);
    let lifted = world.run(&["background-agents", "resume", "--reason", "room", "--no-input"]);
    assert!(lifted.status.success(), "{}", String::from_utf8_lossy(&lifted.stderr));
    restart_all(&world).expect("they may be started");
    eventually(LIMIT, || running(&world)).expect("they run again");
}
