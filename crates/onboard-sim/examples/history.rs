//! Writes a journal of made-up days: `history JOURNAL PROJECTS EVENTS`.
//!
//! The production `step` decides everything: projects of seven agents live through ordinary days
//! with commits until there are so many events. Prints one JSON line.

use onboard_domain::{AgentId, Answer, Batch, Command, Effect, ProjectId, State, Time};
use onboard_journal::{Draft, Journal, SqliteJournal};
use onboard_scheduler::{HostSample, Settings};
use onboard_sim::clock::Clock;
use onboard_sim::journal::Keeping;
use onboard_sim::nature::{Fate, Look, Nature, Plan};
use onboard_sim::random::Random;
use onboard_sim::shell::Shell;
use onboard_sim::town::{Deed, Town};
use onboard_sim::zones::BundledZones;
use onboard_sim::{Faults, crowd};
use std::path::Path;

/// 5 January 2026.
const BEGIN: Time = Time(1_767_600_000_000);
const HOUR_MS: i64 = 3_600_000;
/// Batches written in one transaction: nobody waits for these.
const GROUP: usize = 4_000;

/// An ordinary town whose batches are kept.
struct Recorded {
    town: Town,
    journal: SqliteJournal,
    group: Vec<(i64, Vec<u8>)>,
    events: usize,
    batches: u64,
}

impl Recorded {
    fn write(&mut self) {
        let drafts: Vec<Draft<'_>> =
            self.group.iter().map(|(time_ms, body)| Draft { time_ms: *time_ms, body }).collect();
        let head = self.journal.head().expect("a head").seq;
        self.journal.append_many(head, &drafts).expect("appends");
        self.group.clear();
    }
}

impl Nature for Recorded {
    type Deed = Deed;

    fn plan(&mut self, now: Time, look: Look<'_>) -> Plan {
        self.town.plan(now, look)
    }

    fn host(&mut self, now: Time) -> HostSample {
        self.town.host(now)
    }

    fn fate(&mut self, effect: &Effect) -> Fate {
        self.town.fate(effect)
    }

    fn durable(&mut self, batch: &Batch, state: &State) {
        self.town.durable(batch, state);
        self.events += batch.events.len();
        self.batches += 1;
        self.group.push((batch.time.0, batch.encode()));
        if self.group.len() >= GROUP {
            self.write();
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, projects, events] = arguments.as_slice() else {
        panic!("usage: history JOURNAL PROJECTS EVENTS");
    };
    let journal = SqliteJournal::open(Path::new(path)).expect("a journal");
    let town = Town::new(1, Faults::none());
    let nature = Recorded { town, journal, group: Vec::new(), events: 0, batches: 0 };
    let zones = BundledZones::at("Europe/Berlin").expect("a zone");
    let keeping = Keeping::Sample { every: u64::MAX };
    let mut shell = Shell::new(nature, zones, Clock::at(BEGIN), Settings::default(), keeping);
    let projects = register(&mut shell, projects.parse().expect("a number"));
    live(&mut shell, &projects, events.parse().expect("a number"));
    shell.nature.write();
    let (events, batches) = (shell.nature.events, shell.nature.batches);
    println!("{{\"events\":{events},\"batches\":{batches}}}");
}

fn register(shell: &mut Shell<Recorded, BundledZones>, projects: u32) -> Vec<ProjectId> {
    let crew = crowd::crew().expect("a crew");
    let mut ids = Vec::new();
    for number in 0..projects {
        let name = format!("project-{number}");
        let root = format!("/home/ada/{name}");
        let (git, plan) = (String::new(), String::new());
        let command = Command::RegisterProject { root, name, agents: crew.clone(), git, plan };
        let answer = shell.command("measured", command).expect("a daemon").expect("a project");
        let Answer::Project { project, agents } = answer else { panic!("not a project") };
        start(shell, agents);
        ids.push(project);
    }
    ids
}

fn start(shell: &mut Shell<Recorded, BundledZones>, agents: Vec<AgentId>) {
    let started = shell.command("measured", Command::Start { agents });
    started.expect("a daemon").expect("started");
}

/// Every hour each project has a commit in one case of four.
fn live(shell: &mut Shell<Recorded, BundledZones>, projects: &[ProjectId], events: usize) {
    let mut people = Random::new(1, 3);
    while shell.nature.events < events {
        for project in projects {
            if people.chance(250) {
                let commit = format!("{:016x}", people.below(u64::MAX));
                shell.change(*project, commit, "plan".into(), people.between(0, HOUR_MS));
            }
        }
        let hour = shell.clock.real() + HOUR_MS;
        shell.live_until(hour);
        assert!(!shell.is_broken(), "the simulation broke a rule");
    }
}
