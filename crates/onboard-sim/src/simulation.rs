//! Days of made-up projects: commits, people, agents, and what goes wrong, from one seed.

use crate::clock::Clock;
use crate::crowd;
use crate::faults::{Fault, Faults};
use crate::journal::Keeping;
use crate::ledger::Violation;
use crate::random::{Random, mix};
use crate::report::Report;
use crate::shell::{Crash, Shell};
use crate::town::{Deed, Town};
use crate::weather::busy;
use crate::zones::BundledZones;
use onboard_domain::council::{Ballot, Kind, Seat, Status};
use onboard_domain::state::Desired;
use onboard_domain::{Actor, AgentId, AgentSpec, Answer, Command, ProjectId, RunId, State, Time};
use onboard_policy::{Council, Holder};
use onboard_scheduler::{Settings, Zones};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Monday, 5 January 2026, 09:00 in the made-up person's zone.
const BEGIN: Time = Time(1_767_600_000_000);

/// The person's zone: one with clock changes.
const ZONE: &str = "Europe/Berlin";

/// After the world is healed everything that waited has run within this: the longest open breaker
/// is a day, the longest queue of an ordinary day an hour or two.
const HEALED_MS: i64 = 26 * HOUR_MS;

/// With no faults a stretch of the journal is replayed once in so many batches: a whole state is
/// encoded for it, which costs as much as ten thousand steps.
const REPLAYED_EVERY: u64 = 250_000;

/// Violations after which a run of the simulation ends: the first ones tell, the rest follow.
const VIOLATIONS_MAX: usize = 10;

/// Commands in one burst.
const BURST: u64 = 30;

/// What is to be simulated. The same value gives the same report, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    pub seed: u64,
    pub projects: u32,
    pub days: u32,
    pub faults: Faults,
}

/// How far a simulation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub day: u32,
    pub days: u32,
    pub runs: u64,
    pub violations: usize,
}

/// How well people see to their projects: commits a day when busy, in permille.
#[derive(Clone, Copy, Debug)]
struct Habit {
    commits_permille: u64,
    /// How many in a thousand findings they dismiss.
    dismisses: u64,
}

struct Run<'a> {
    simulation: &'a Simulation,
    shell: Shell<Town, BundledZones>,
    people: Random,
    misfortune: Random,
    habits: Vec<Habit>,
    violations: Vec<Violation>,
    hours: u64,
    healed: bool,
}

impl Simulation {
    /// Lives through all days, checking after every step.
    ///
    /// # Errors
    /// When the made-up world itself can't be set up.
    pub fn run(&self, progress: &mut dyn FnMut(Progress)) -> Result<Report, String> {
        let mut run = Run::new(self)?;
        run.register()?;
        run.live(progress);
        Ok(run.report())
    }
}

impl<'a> Run<'a> {
    fn new(simulation: &'a Simulation) -> Result<Run<'a>, String> {
        let Simulation { seed, projects, faults, .. } = simulation;
        let mut people = Random::new(*seed, 3);
        let habits = (0..*projects).map(|_| habit(&mut people)).collect();
        let keeping = if faults.is_empty() {
            Keeping::Sample { every: REPLAYED_EVERY }
        } else {
            Keeping::All
        };
        let town = Town::new(*seed, faults.clone());
        let zones = BundledZones::at(ZONE)?;
        let mut shell = Shell::new(town, zones, Clock::at(BEGIN), Settings::default(), keeping);
        shell.set_council(council(faults.has(Fault::Silent)));
        Ok(Run {
            simulation,
            shell,
            people,
            misfortune: Random::new(*seed, 4),
            habits,
            violations: Vec::new(),
            hours: 0,
            healed: false,
        })
    }

    fn register(&mut self) -> Result<(), String> {
        let crew = crowd::crew()?;
        for number in 0..self.simulation.projects {
            let name = format!("project-{number}");
            let root = format!("/home/ada/{name}");
            let command = Command::RegisterProject {
                root,
                name,
                agents: crew.clone(),
                git: String::new(),
                plan: String::new(),
            };
            let Some(Ok(Answer::Project { project, agents })) =
                self.shell.command("simulation", command)
            else {
                return Err(format!("project {number} was not registered"));
            };
            self.shell.change(project, "commit-0".into(), "plan-0".into(), 0);
            self.shell.command("simulation", Command::Start { agents });
            self.shell.live_until(self.shell.clock.real() + 1_000);
        }
        self.shell.plan_deed(0, Deed::Hour);
        Ok(())
    }

    fn live(&mut self, progress: &mut dyn FnMut(Progress)) {
        let end = i64::from(self.simulation.days) * DAY_MS;
        self.live_until(end, progress);
        if !self.simulation.faults.is_empty() && !self.is_over() {
            self.heal(end, progress);
        }
        self.shell.inspect();
        self.gather();
    }

    fn is_over(&self) -> bool {
        self.shell.is_broken() || self.violations.len() >= VIOLATIONS_MAX
    }

    fn live_until(&mut self, end: i64, progress: &mut dyn FnMut(Progress)) {
        while let Some(deed) = self.shell.live_until(end) {
            let new_day = deed == Deed::Hour && self.hours.is_multiple_of(24);
            self.perform(deed);
            self.gather();
            if new_day {
                progress(self.progress());
            }
            if self.is_over() {
                return;
            }
        }
        self.gather();
    }

    fn progress(&self) -> Progress {
        let day = u32::try_from(self.shell.clock.real() / DAY_MS).unwrap_or(u32::MAX);
        Progress {
            day: day.min(self.simulation.days),
            days: self.simulation.days,
            runs: self.shell.nature.tally.ended(),
            violations: self.violations.len(),
        }
    }

    fn gather(&mut self) {
        let room = VIOLATIONS_MAX.saturating_sub(self.violations.len());
        self.violations.extend(self.shell.ledger.take_found().into_iter().take(room));
    }

    fn perform(&mut self, deed: Deed) {
        match deed {
            Deed::Hour => self.hour(),
            Deed::Commit(project) => self.commit(project),
            Deed::Review(project) => self.review(project),
            Deed::StormEnds => self.shell.nature.weather.storm(0),
            Deed::Kill => self.kill(),
            Deed::Clock => self.shift_clock(),
            Deed::Burst => self.burst(),
            Deed::Emergency => {
                let reason = "something smells".into();
                self.command(Command::EmergencyShutdown { reason });
                let after = self.misfortune.between(MINUTE_MS, 3 * HOUR_MS);
                self.shell.plan_deed(after, Deed::LiftEmergency);
            }
            Deed::LiftEmergency => {
                self.command(Command::LiftEmergency { reason: "it was the toaster".into() });
            }
            Deed::Resume(agent) => self.command(Command::Resume { agents: vec![agent] }),
            Deed::Start(agent) => self.command(Command::Start { agents: vec![agent] }),
        }
    }

    fn command(&mut self, command: Command) {
        self.shell.command("a person", command);
    }

    /// Plans what the next hour brings.
    fn hour(&mut self) {
        self.hours += 1;
        let zone = self.shell.zones.host();
        let wall = self.shell.clock.wall();
        let (hour, weekday) = local(&zone, wall);
        self.shell.nature.weather.hour(hour, weekday);
        self.plan_commits(busy(hour, weekday));
        if hour == 10 {
            self.plan_reviews();
            self.look_after_incidents();
            self.look_after_approvals();
        }
        if !self.healed {
            self.plan_misfortune();
        }
        if self.hours.is_multiple_of(self.inspect_every()) {
            self.shell.inspect();
        }
        self.shell.plan_deed(HOUR_MS, Deed::Hour);
    }

    /// Whole states are compared every hour when things go wrong, else every twelve.
    fn inspect_every(&self) -> u64 {
        if self.simulation.faults.is_empty() { 12 } else { 1 }
    }

    fn plan_commits(&mut self, busy: u64) {
        for number in 0..self.habits.len() {
            // A busy day has about seven full hours.
            let permille = self.habits[number].commits_permille * busy / 7_000;
            let whole = permille / 1000;
            let more = u64::from(self.people.chance(permille % 1000));
            for _ in 0..whole + more {
                let after = self.people.between(0, HOUR_MS - 1);
                self.shell.plan_deed(after, Deed::Commit(project(number)));
            }
        }
    }

    fn plan_reviews(&mut self) {
        for number in 0..self.habits.len() {
            if self.people.chance(300) {
                let after = self.people.between(0, HOUR_MS);
                self.shell.plan_deed(after, Deed::Review(project(number)));
            }
        }
    }

    fn commit(&mut self, project: ProjectId) {
        let (_, plan) = self.shell.look_of(project);
        let commit = mix(self.people.below(u64::MAX));
        let plan = if self.people.chance(50) { format!("plan-{commit:x}") } else { plan };
        self.shell.change(project, format!("commit-{commit:016x}"), plan, 300);
    }

    /// A person goes through the newest findings of a project.
    fn review(&mut self, project: ProjectId) {
        let dismisses = self.habits[project.0 as usize].dismisses;
        let Some(known) = self.shell.state.projects.get(&project) else { return };
        let open = known.findings.iter().filter(|(_, known)| !known.accepted);
        let some: Vec<_> = open.map(|(fingerprint, _)| fingerprint.clone()).take(3).collect();
        for fingerprint in some {
            if self.people.chance(dismisses) {
                let reason = "we want it so".into();
                self.command(Command::DismissFinding { project, fingerprint, reason });
            } else {
                self.command(Command::AcceptFinding { project, fingerprint });
            }
        }
    }

    /// In the morning people look at what happened, or don't.
    fn look_after_incidents(&mut self) {
        self.lift_quarantines();
        if !self.simulation.faults.has(Fault::Hostile) {
            return;
        }
        let incidents = self.shell.state.incidents.iter();
        let open: Vec<_> =
            incidents.filter(|(_, i)| i.is_open()).map(|(id, i)| (*id, i.agent)).collect();
        for (incident, agent) in open {
            if !self.healed && !self.people.chance(400) {
                continue;
            }
            self.command(Command::NoteIncident { incident, text: "looked at it".into() });
            self.command(Command::CloseIncident { incident, reason: "understood".into() });
            self.command(Command::Resume { agents: vec![agent] });
        }
        if self.shell.state.emergency.is_some() && (self.healed || self.people.chance(500)) {
            self.command(Command::LiftEmergency { reason: "looked at all of them".into() });
        }
    }

    /// In the morning people answer, or one of them, or nobody.
    fn look_after_approvals(&mut self) {
        if !self.simulation.faults.has(Fault::Silent) {
            return;
        }
        let open = self.shell.state.motions.iter().filter(|(_, m)| m.status == Status::Open);
        let open: Vec<_> = open.map(|(id, motion)| (*id, motion.digest.clone())).collect();
        for (motion, digest) in open {
            for (uid, name) in [(1000, "ada"), (0, "root")] {
                if !self.healed && !self.people.chance(450) {
                    continue;
                }
                let no = !self.healed && self.people.chance(200);
                let ballot = if no { Ballot::Reject } else { Ballot::Approve };
                let (digest, reason) = (digest.clone(), "looked at it".into());
                let command = Command::Vote { motion, digest, ballot, reason };
                let actor = Actor::Person { uid, name: name.into() };
                self.shell.command_of(actor, "a person", command);
            }
        }
    }

    fn lift_quarantines(&mut self) {
        let agents = self.shell.state.agents.iter();
        let quarantined: Vec<AgentId> =
            agents.filter(|(_, agent)| agent.quarantine.is_some()).map(|(id, _)| *id).collect();
        for agent in quarantined {
            if self.healed || self.people.chance(500) {
                self.command(Command::LiftQuarantine { agent, reason: "mended".into() });
            }
        }
    }

    fn plan_misfortune(&mut self) {
        let table = [
            (Fault::Kill, 120, Deed::Kill),
            (Fault::Clock, 40, Deed::Clock),
            (Fault::Commands, 150, Deed::Burst),
            (Fault::Commands, 6, Deed::Emergency),
        ];
        for (fault, permille, deed) in table {
            if self.simulation.faults.has(fault) && self.misfortune.chance(permille) {
                let after = self.misfortune.between(0, HOUR_MS);
                self.shell.plan_deed(after, deed);
            }
        }
        if self.simulation.faults.has(Fault::Pressure) && self.misfortune.chance(70) {
            let strength = self.misfortune.between(300, 1000).unsigned_abs();
            self.shell.nature.weather.storm(strength);
            let after = self.misfortune.between(5 * MINUTE_MS, 5 * HOUR_MS);
            self.shell.plan_deed(after, Deed::StormEnds);
        }
    }

    fn kill(&mut self) {
        let crash =
            if self.misfortune.chance(500) { Crash::BeforeAppend } else { Crash::AfterAppend };
        let down_ms = self.misfortune.skewed(50, 8 * HOUR_MS);
        self.shell.arm(crash, down_ms);
    }

    fn shift_clock(&mut self) {
        let ms = self.misfortune.skewed(1_000, 10 * HOUR_MS);
        match self.misfortune.below(3) {
            0 => self.shell.suspend(ms),
            1 => self.shell.clock.shift_wall(ms / 4),
            _ => self.shell.clock.shift_wall(-ms / 4),
        }
    }

    fn burst(&mut self) {
        for _ in 0..=self.misfortune.below(BURST) {
            let agents = self.shell.state.next.agent;
            // One more than there are: some commands name nobody.
            let agent = AgentId(self.misfortune.below(u64::from(agents) + 1) as u32);
            self.any_command(agent);
        }
    }

    fn any_command(&mut self, agent: AgentId) {
        let agents = vec![agent];
        let later = self.misfortune.between(MINUTE_MS, 12 * HOUR_MS);
        match self.misfortune.below(11) {
            0 => {
                self.command(Command::Stop { agents, now: false });
                self.shell.plan_deed(later, Deed::Start(agent));
            }
            1 => {
                self.command(Command::Pause { agents });
                self.shell.plan_deed(later, Deed::Resume(agent));
            }
            2 => self.command(Command::Start { agents }),
            3 => self.command(Command::Restart { agents, now: false }),
            4 | 5 => self.command(Command::Run { agent }),
            6 => self.command(Command::Resume { agents }),
            7 => self.configure(agent),
            8 => self.command(Command::Terminate { agent }),
            9 => self.register_again(),
            _ => {
                let agents = vec![agent, AgentId(u32::MAX)];
                self.command(Command::Stop { agents, now: true });
            }
        }
    }

    /// A project is registered again, as when someone runs the command twice: what is there stays,
    /// what was terminated comes back.
    fn register_again(&mut self) {
        let number = self.misfortune.below(u64::from(self.simulation.projects)) as u32;
        let Some(known) = self.shell.state.projects.get(&ProjectId(number)) else { return };
        let (root, name) = (known.root.clone(), known.name.clone());
        let (git, plan) = (known.git.clone(), known.plan.clone());
        if let Ok(agents) = crowd::crew() {
            self.command(Command::RegisterProject { root, name, agents, git, plan });
        }
    }

    fn configure(&mut self, agent: AgentId) {
        let Some(known) = self.shell.state.agents.get(&agent) else { return };
        let mut spec: AgentSpec = known.spec.clone();
        match self.misfortune.below(4) {
            0 => spec.schedule = "every sometimes".into(),
            1 => spec.depends_on = vec![spec.name.clone()],
            2 => spec.limits.deadline_ms = Some(self.misfortune.between(60_000, 3_600_000)),
            _ => {
                let original =
                    crowd::kind(&spec.name).is_some_and(|k| k.name == spec.name.as_str());
                if let (true, Ok(crew)) = (original, crowd::crew()) {
                    let written = crew.into_iter().find(|written| written.name == spec.name);
                    spec = written.unwrap_or(spec);
                }
            }
        }
        self.command(Command::Configure { agent, spec: Box::new(spec) });
    }

    /// Nothing goes wrong any more: then everything that waits has to run.
    fn heal(&mut self, end: i64, progress: &mut dyn FnMut(Progress)) {
        self.healed = true;
        self.shell.nature.heal();
        self.live_until(end + 9 * HOUR_MS, progress);
        if self.is_over() {
            return;
        }
        self.command(Command::LiftEmergency { reason: "healed".into() });
        let agents: Vec<AgentId> = self.shell.state.agents.keys().copied().collect();
        self.command(Command::Resume { agents: agents.clone() });
        self.command(Command::Start { agents });
        self.lift_quarantines();
        let waiting: Vec<RunId> = self.shell.state.runs.keys().copied().collect();
        let since = self.shell.state.time;
        self.live_until(end + 9 * HOUR_MS + HEALED_MS, progress);
        if !self.is_over() {
            self.demand_progress(&waiting, since);
            self.gather();
        }
    }

    fn demand_progress(&mut self, waiting: &[RunId], since: Time) {
        let state = &self.shell.state;
        if !self.shell.is_up() {
            self.shell.ledger.report("progress after the world heals", "there is no daemon");
            return;
        }
        let mut found = Vec::new();
        for run in waiting.iter().filter(|run| state.runs.contains_key(run)) {
            found.push(format!("{run} has not ended"));
        }
        found.extend(idle_agents(state, since));
        for what in found {
            self.shell.ledger.report("progress after the world heals", what);
        }
    }

    fn report(mut self) -> Report {
        self.gather();
        let inputs = crate::report::Inputs {
            simulation: self.simulation,
            elapsed_ms: self.shell.clock.real(),
            places: u64::from(self.shell.settings.max_running),
            violations: self.violations,
            journal_bytes: self.shell.journal().bytes(),
            digest: self.shell.state.digest(),
        };
        Report::new(inputs, &self.shell.nature.tally)
    }
}

/// Whom the made-up world has to ask: one person, or two who both have to agree to what agents do.
fn council(two: bool) -> Council {
    let mut council = Council::default();
    if two {
        council.seats.insert(Seat::UserRepresentative, vec![Holder::Name("ada".into())]);
        council.seats.insert(Seat::SystemAdministrator, vec![Holder::Uid(0)]);
        if let Some(rule) = council.rules.get_mut(&Kind::AgentAction) {
            rule.quorum = 2;
        }
    }
    council
}

/// Agents that are on a clock, are wanted, and neither ran nor were due since `since`.
fn idle_agents(state: &State, since: Time) -> Vec<String> {
    let idle = state.agents.iter().filter(|(_, agent)| {
        let wanted = agent.desired == Desired::Started && agent.quarantine.is_none();
        let ran = agent.recent.back().is_some_and(|ended| ended.ended >= since);
        let ahead = agent.due.is_some_and(|due| due > since);
        wanted && !ran && !ahead && agent.live.is_empty()
    });
    idle.map(|(id, agent)| format!("{id} `{}` is on no schedule", agent.spec.name)).collect()
}

fn project(number: usize) -> ProjectId {
    ProjectId(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Most projects are quiet, some are busy.
fn habit(people: &mut Random) -> Habit {
    let commits_permille = match people.below(10) {
        0..=3 => people.below(150),
        4..=7 => 200 + people.below(2_000),
        _ => 3_000 + people.below(15_000),
    };
    Habit { commits_permille, dismisses: people.below(700) }
}

/// Hour and weekday (Monday 0) in a zone.
fn local(zone: &jiff::tz::TimeZone, wall: Time) -> (u64, u64) {
    let Ok(instant) = jiff::Timestamp::from_millisecond(wall.0) else { return (0, 0) };
    let there = zone.to_datetime(instant);
    let weekday = there.weekday().to_monday_zero_offset();
    (u64::from(there.hour().unsigned_abs()), u64::from(weekday.unsigned_abs()))
}
