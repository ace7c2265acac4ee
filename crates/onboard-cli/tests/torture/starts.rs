//! Sandboxed starts, one after the other and many at once: when they have ended, nothing of them is
//! left on the host.
//!
//! `SOAK_STARTS` and `SOAK_PARALLEL` choose how many; `cargo xtask soak --starts` sets them.

use crate::leaks::{Counts, Place};
use crate::processes::{eventually, marked};
use crate::world::{Daemon, World};
use crate::{number, turn};
use onboard_daemon::start::instance;
use onboard_domain::{AgentId, Command};
use onboard_web::api::{AgentRow, DaemonView};
use onboard_web::client::Client;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Starts one after the other, and at once, in the tests.
const STARTS: u64 = 60;
const PARALLEL: u64 = 50;
/// How long a round may take: a debug build on a busy machine.
const ROUND_LIMIT: Duration = Duration::from_secs(120);
/// How long after its end what a run took may be seen.
const REST_LIMIT: Duration = Duration::from_secs(30);
/// Sequential starts between two words about how far it is.
const TELL_EVERY: u64 = 100;

/// Waits until the project's file `go` says so, and has done its work. The file is there all the
/// while: the names of a project's folder are those that it had when the run started.
const WAITER: &str = r#"
call heartbeat '{}'
until grep -q now /project/go; do sleep 0.2; done
call finish '{"nothing_to_report":true,"summary":"went"}'
"#;

/// Masks for what is forbidden by default, a network with one host.
const POLICY: &str = "background_agent_safety:\n  action_restrictions:\n    network:\n      allowed_domains: [good.example]\n";

/// Room for all at once, as they are told to need little.
const SETTINGS: &str = "daemon: {max_running: 150, cpu_percent: 10000, memory_mb: 200000}\n";

struct Soak {
    world: World,
    daemon: Daemon,
    client: Client,
    agents: Vec<AgentId>,
    temporary: PathBuf,
}

#[test]
fn starts_leave_nothing_behind() {
    let _turn = turn();
    let starts = number("SOAK_STARTS").unwrap_or(STARTS);
    let parallel = number("SOAK_PARALLEL").unwrap_or(PARALLEL);
    let soak = Soak::new(parallel);
    let place = soak.place();
    // Caches fill, and what is made once is made.
    let busy = soak.together(&place);
    soak.one(0);
    let before = soak.rest(&place, None);
    sees(&busy.more_than(&before));
    let start = Instant::now();
    for at in 0..starts {
        soak.one(at);
        if (at + 1).is_multiple_of(TELL_EVERY) {
            println!("{} starts one after the other", at + 1);
        }
    }
    println!("{starts} starts one after the other, {:.1} s", start.elapsed().as_secs_f64());
    println!("{}", soak.rest(&place, Some(&before)).beside(&before));
    let start = Instant::now();
    let rounds = starts.div_ceil(parallel).max(1);
    // The test has one round of them: starts one after the other are what takes its time.
    let rounds = if number("SOAK_STARTS").is_some() { rounds } else { 1 };
    for _ in 0..rounds {
        soak.together(&place);
    }
    println!(
        "{} starts, {parallel} at a time, {:.1} s",
        rounds * parallel,
        start.elapsed().as_secs_f64()
    );
    println!("{}", soak.rest(&place, Some(&before)).beside(&before));
}

/// What can't be seen while agents work would not be missed after them.
fn sees(more: &[String]) {
    for kind in ["children", "descriptors: socket", "namespaces", "records of runs", "threads"] {
        assert!(more.iter().any(|line| line.starts_with(kind)), "no more {kind} among {more:#?}");
    }
}

impl Soak {
    fn new(parallel: u64) -> Soak {
        let names: Vec<String> = (0..parallel).map(|at| format!("waiter-{at}")).collect();
        let agents: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), WAITER)).collect();
        let world = World::new(&agents);
        for forbidden in [".env", ".netrc"] {
            fs::write(world.project().join(forbidden), "key = value\n").expect("a file");
        }
        fs::create_dir(world.project().join(".ssh")).expect("a folder");
        let paths = world.paths();
        fs::create_dir_all(&paths.config).expect("a folder");
        fs::write(paths.user_policy(), POLICY).expect("a policy");
        fs::write(paths.user_config(), SETTINGS).expect("settings");
        let temporary = world.project().with_file_name("tmp");
        fs::create_dir(&temporary).expect("a folder");
        let mut command = world.program(&["daemon", "run"]);
        command.env("TMPDIR", &temporary);
        let daemon = world.launch(command).ready().expect("a daemon");
        let client = world.client();
        client.register(&world.project(), "a soak").expect("registered");
        let rows: Vec<AgentRow> = client.items("/agents", &[("limit", "500")]).expect("agents");
        let own = rows.iter().filter(|row| row.name.starts_with("waiter-"));
        let agents: Vec<AgentId> = own.map(|row| row.id.parse().expect("an id")).collect();
        assert_eq!(agents.len() as u64, parallel);
        Soak { world, daemon, client, agents, temporary }
    }

    fn place(&self) -> Place<'_> {
        let paths = self.world.paths();
        Place {
            daemon: self.daemon.pid(),
            marker: &self.world.marker,
            instance: instance(&paths.state),
            folders: [
                ("records of runs", paths.state.join("runs")),
                ("runtime files", paths.runtime.clone()),
                ("temporary files", self.temporary.clone()),
            ],
        }
    }

    /// One start of one agent, to its end.
    fn one(&self, at: u64) {
        fs::write(self.world.project().join("go"), "now").expect("a file");
        let agent = self.agents[at as usize % self.agents.len()];
        self.run(&[agent]);
        self.ended();
    }

    /// A start of every agent; all have a process at the same time, and end. What is counted while
    /// they work.
    fn together(&self, place: &Place<'_>) -> Counts {
        fs::write(self.world.project().join("go"), "wait").expect("a file");
        self.run(&self.agents);
        eventually(ROUND_LIMIT, || {
            // Of a run only the agent itself has the marker, once it is executed.
            let found = marked(&self.world.marker).len();
            let all = found >= self.agents.len();
            all.then_some(()).ok_or(format!("{found} of {} work", self.agents.len()))
        })
        .expect("all at once");
        let busy = place.count();
        fs::write(self.world.project().join("go"), "now").expect("a file");
        self.ended();
        let rows: Vec<AgentRow> =
            self.client.items("/agents", &[("limit", "500")]).expect("agents");
        for row in rows.iter().filter(|row| row.name.starts_with("waiter-")) {
            let last = row.last_run.as_ref().expect("it ran");
            assert_eq!(last.result, "nothing_to_report", "{}: {}", row.name, last.why);
        }
        busy
    }

    fn run(&self, agents: &[AgentId]) {
        for agent in agents {
            self.client.command(Command::Run { agent: *agent }, "a soak").expect("it runs");
        }
    }

    fn ended(&self) {
        eventually(ROUND_LIMIT, || {
            let view: DaemonView = self.client.get("/daemon", &[]).map_err(|e| e.to_string())?;
            match view.queued_runs + view.active_runs {
                0 => Ok(()),
                left => Err(format!("{left} runs have not ended")),
            }
        })
        .expect("they end");
    }

    /// The counts once everything has come to rest: no more of anything than `before`.
    fn rest(&self, place: &Place<'_>, before: Option<&Counts>) -> Counts {
        let mut last = place.count();
        let counted = eventually(REST_LIMIT, || {
            let now = place.count();
            let settled = now == std::mem::replace(&mut last, now.clone());
            let more = before.map_or_else(Vec::new, |before| now.more_than(before));
            match (settled, more.is_empty()) {
                (true, true) => Ok(now),
                (false, true) => Err("the counts still change".into()),
                _ => Err(format!("left behind:\n{}", more.join("\n"))),
            }
        });
        counted.unwrap_or_else(|why| panic!("{why}"))
    }
}
