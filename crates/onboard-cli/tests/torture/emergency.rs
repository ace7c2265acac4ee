//! The emergency shutdown without the daemon's help.

use crate::processes::{self, eventually};
use crate::turn;
use crate::world::{FORKER, SLEEPER, World};
use onboard_domain::Command;
use onboard_web::api::{AgentRow, CommandAnswer, DaemonView, ProblemKind};
use onboard_web::client::ClientError;
use rustix::process::Signal;
use std::time::Duration;

const AGENTS: [(&str, &str); 3] =
    [("forker", FORKER), ("sleeper-a", SLEEPER), ("sleeper-b", SLEEPER)];

/// How long agents may take to start, and to end.
const LIMIT: Duration = Duration::from_secs(20);

fn restart_all(world: &World) -> Result<CommandAnswer, ClientError> {
    let rows: Vec<AgentRow> = world.client().items("/agents", &[])?;
    let own = rows.iter().filter(|row| AGENTS.iter().any(|(name, _)| *name == row.name));
    let agents = own.map(|row| row.id.parse().expect("an id")).collect();
    // Started agents that were ended wait for their schedules; this runs them now.
    world.client().command(Command::Restart { agents, now: false }, "a trial")
}

/// Processes of agents; six of them when all run and the forker has forked.
fn running(world: &World) -> Result<(), String> {
    let found = processes::marked(&world.marker).len();
    let daemon: DaemonView = world.client().get("/daemon", &[]).map_err(|e| e.to_string())?;
    match daemon.active_runs == AGENTS.len() && found > 0 {
        true => Ok(()),
        false => Err(format!("{} runs, {found} marked processes", daemon.active_runs)),
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
