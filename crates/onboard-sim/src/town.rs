//! The made-up world of a simulation: agents of the seven kinds, ordinary days and bad ones.

use crate::crowd::{self, Kind};
use crate::faults::{Fault, Faults};
use crate::nature::{Fate, Look, Nature, Plan};
use crate::random::Random;
use crate::tally::Tally;
use crate::weather::Weather;
use onboard_daemon::input::Exit;
use onboard_domain::council::Subject;
use onboard_domain::lease::Mode;
use onboard_domain::state::{BlobRef, Trigger, Usage};
use onboard_domain::violation::{Action, Rule, Sensor};
use onboard_domain::{
    AgentCall, AgentId, Batch, Effect, Evidence, EvidenceKind, Finding, Fingerprint, ProjectId,
    Severity, State, Time, Violation,
};
use onboard_scheduler::HostSample;
use std::collections::BTreeMap;

/// Distinct findings that an agent of a project may have, so that many are seen again.
const FINDINGS: u64 = 40;

/// Most attempts of one run, and different things that are tried: more than a run may have on record.
const STORM: u64 = 160;

/// What the driver plans for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// An hour begins: commits, people, and what goes wrong are planned.
    Hour,
    Commit(ProjectId),
    /// A person looks at findings.
    Review(ProjectId),
    StormEnds,
    Kill,
    Clock,
    Burst,
    Emergency,
    LiftEmergency,
    Resume(AgentId),
    Start(AgentId),
}

/// The world.
#[derive(Debug)]
pub struct Town {
    pub weather: Weather,
    pub tally: Tally,
    faults: Faults,
    agents: Random,
    effects: Random,
    /// Agents that fail every run until a time, and those that are hostile until one.
    flapping: BTreeMap<AgentId, Time>,
    hostile: BTreeMap<AgentId, Time>,
    running: u64,
}

impl Town {
    /// A world of a seed.
    pub fn new(seed: u64, faults: Faults) -> Town {
        Town {
            weather: Weather::new(seed),
            tally: Tally::default(),
            faults,
            agents: Random::new(seed, 1),
            effects: Random::new(seed, 2),
            flapping: BTreeMap::new(),
            hostile: BTreeMap::new(),
            running: 0,
        }
    }

    /// Nothing goes wrong from now on.
    pub fn heal(&mut self) {
        self.faults = Faults::none();
        self.flapping.clear();
        self.hostile.clear();
        self.weather.storm(0);
    }

    /// Which faults are on.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    fn goes_wrong(&mut self, fault: Fault, permille: u64) -> bool {
        self.faults.has(fault) && self.agents.chance(permille)
    }

    fn exit(&mut self, now: Time, agent: AgentId) -> Exit {
        if self.flaps(now, agent) {
            return Exit::Code { code: 1, last_words: "the tool is not there".into() };
        }
        if self.goes_wrong(Fault::Crash, 60) {
            let last_words = "segmentation fault".to_owned();
            return match self.agents.below(4) {
                0 => Exit::OutOfMemory { limit_mb: 512 },
                1 => Exit::Signal { signal: 11, last_words },
                2 => Exit::Fault { why: "it could not be started".into() },
                _ => Exit::Code { code: 101, last_words: "panicked".into() },
            };
        }
        // Ordinary days have their failures too.
        if self.agents.chance(3) {
            return Exit::Code { code: 2, last_words: "could not read the index".into() };
        }
        Exit::Code { code: 0, last_words: String::new() }
    }

    fn flaps(&mut self, now: Time, agent: AgentId) -> bool {
        if self.flapping.get(&agent).is_some_and(|until| *until > now) {
            return true;
        }
        if self.goes_wrong(Fault::Flap, 2) {
            let until = now.plus(self.agents.between(600_000, 40_000_000));
            self.flapping.insert(agent, until);
            return true;
        }
        false
    }

    /// Now and then an agent tries something; for hours, one tries whatever there is, in storms.
    fn tries(&mut self, now: Time, agent: AgentId) -> Vec<Violation> {
        if !self.faults.has(Fault::Hostile) {
            return Vec::new();
        }
        if self.agents.chance(1) {
            let until = now.plus(self.agents.between(600_000, 20_000_000));
            self.hostile.insert(agent, until);
        }
        let is_hostile = self.hostile.get(&agent).is_some_and(|until| *until > now);
        let many = match (is_hostile, self.agents.below(100)) {
            (true, 0..=9) => self.agents.below(STORM),
            (true, _) => self.agents.below(6),
            (false, 0) => 1,
            (false, _) => 0,
        };
        (0..many).map(|_| self.attempt()).collect()
    }

    fn attempt(&mut self) -> Violation {
        let rule = Rule::ALL[self.agents.below(Rule::ALL.len() as u64) as usize];
        let target = format!("target-{}", self.agents.below(STORM));
        let action = Action::ALL[self.agents.below(Action::ALL.len() as u64) as usize];
        let times = 1 + self.agents.below(1_000);
        let seen = Violation::new(Sensor::Notifier, rule, "tries", target.as_bytes());
        // Most are plain refusals.
        let seen = if self.agents.chance(200) { seen.with(action) } else { seen };
        seen.times(times)
    }

    fn calls(&mut self, kind: &Kind, look: Look<'_>) -> Vec<AgentCall> {
        let mut calls = Vec::new();
        if !look.agent.inbox.is_empty() {
            calls.push(AgentCall::ReadInbox { limit: 50 });
        }
        let finds = self.agents.chance(kind.finds_permille);
        if finds {
            self.report(kind, &mut calls);
        }
        if self.agents.chance(20) {
            calls.push(self.put(look));
            let blob = BlobRef { sha256: format!("{:064x}", look.id.0), bytes: 2_048 };
            calls.push(AgentCall::SaveCheckpoint { name: "progress".into(), blob, under: None });
        }
        if self.faults.has(Fault::Hostile) && self.agents.chance(4) {
            let text = format!("I can't go on: {}", self.agents.below(3));
            calls.extend(vec![AgentCall::AskPerson { text }; 1 + self.agents.below(6) as usize]);
        }
        if self.faults.has(Fault::Traffic) {
            self.flood(kind, &mut calls);
        }
        if let Some(request) = self.request(look) {
            // Whoever asks ends there, or has its answer.
            calls.push(request);
        }
        let summary = if finds { "something to look at" } else { "" };
        calls.push(AgentCall::Finish { nothing_to_report: !finds, summary: summary.into() });
        calls
    }

    /// Before it acts an agent asks, and asks the same again in the run that goes on with the answer.
    fn request(&mut self, look: Look<'_>) -> Option<AgentCall> {
        let asked = |action: String, what: String, expires_ms: i64| AgentCall::RequestApproval {
            action,
            what,
            reason: "it is time".into(),
            expires_ms,
        };
        if let Trigger::Answered { approval } = &look.run.trigger {
            let motion = look.state.motions.get(approval)?;
            let Subject::Act { action, what, .. } = &motion.subject else { return None };
            return Some(asked(action.clone(), what.clone(), 3_600_000));
        }
        if !self.goes_wrong(Fault::Silent, 15) {
            return None;
        }
        let (action, what) = (self.agents.below(3), self.agents.below(6));
        let expires_ms = self.agents.skewed(1_000, 3 * 86_400_000);
        Some(asked(format!("release.part-{action}"), format!("publish {what}"), expires_ms))
    }

    fn report(&mut self, kind: &Kind, calls: &mut Vec<AgentCall>) {
        for _ in 0..=self.agents.below(3) {
            calls.push(AgentCall::RecordFinding(finding(kind, self.agents.below(FINDINGS))));
        }
        if let Some(event) = kind.emits.filter(|_| self.agents.chance(400)) {
            calls.push(AgentCall::EmitEvent { kind: event.into(), data: "{}".into() });
        }
        if let Some(to) = kind.writes_to {
            calls.push(AgentCall::SendMessage { to: to.into(), body: "please look".into() });
        }
    }

    fn put(&mut self, look: Look<'_>) -> AgentCall {
        let key = format!("key-{}", self.agents.below(20));
        let shared = &look.state.projects[&look.agent.project].shared;
        let version = shared.get(&key).map_or(0, |value| value.version);
        // Some writers go by what they read long ago.
        let expect = match self.agents.below(3) {
            0 => None,
            1 => Some(version),
            _ => Some(version + 1),
        };
        AgentCall::PutState { key, value: format!("{}", look.id.0), expect, under: None }
    }

    /// A name, or a path that overlaps some of the others.
    fn leased(&mut self) -> String {
        const PATHS: [&str; 5] = ["src", "src/a.rs", "src/b", "src/b/c.rs", "docs/"];
        match self.agents.below(8) as usize {
            at @ 0..5 => format!("file:{}", PATHS[at]),
            at => format!("lease-{at}"),
        }
    }

    fn flood(&mut self, kind: &Kind, calls: &mut Vec<AgentCall>) {
        let many = if self.agents.chance(5) { 130 } else { self.agents.below(4) };
        for _ in 0..many {
            let to = crowd::KINDS[self.agents.below(8) as usize % 7].name;
            calls.push(match self.agents.below(7) {
                0 | 1 => AgentCall::SendMessage { to: to.into(), body: "hello".into() },
                2 => AgentCall::EmitEvent { kind: "project.milestone".into(), data: "1".into() },
                3 => {
                    let event = kind.emits.unwrap_or("project.milestone.completed");
                    AgentCall::EmitEvent { kind: event.into(), data: String::new() }
                }
                4 => AgentCall::TakeLease {
                    name: self.leased(),
                    ttl_ms: self.agents.between(0, 3_700_000),
                    mode: if self.agents.chance(40) { Mode::Shared } else { Mode::Exclusive },
                    wait_ms: self.agents.below(3) as i64 * 30_000,
                    tell: false,
                },
                5 => AgentCall::ReleaseLease { name: self.leased() },
                _ => AgentCall::SendMessage { to: "nobody".into(), body: String::new() },
            });
        }
    }

    fn life_ms(&mut self, kind: &Kind) -> Option<i64> {
        if self.goes_wrong(Fault::Hang, 12) {
            return None;
        }
        let (low, high) = kind.takes_ms;
        let slower = if self.goes_wrong(Fault::Slow, 50) { 20 } else { 1 };
        Some(self.agents.skewed(low, high) * slower)
    }
}

fn finding(kind: &Kind, number: u64) -> Finding {
    let severity = match number % 8 {
        0 => Severity::High,
        1 | 2 => Severity::Medium,
        3..=5 => Severity::Low,
        _ => Severity::Info,
    };
    Finding {
        rule: format!("{}/rule-{}", kind.name, number % 5),
        severity,
        title: format!("src/part_{number}.rs grows"),
        detail: String::new(),
        evidence: vec![Evidence {
            kind: EvidenceKind::File,
            text: "its length".into(),
            path: Some(format!("src/part_{number}.rs")),
            line: None,
            oid: None,
            value: None,
        }],
        action: "Split it.".into(),
        target: format!("src/part_{number}.rs"),
        fingerprint: Fingerprint(format!("{}-{number}", kind.name)),
        forecast: None,
        worded: None,
    }
}

impl Nature for Town {
    type Deed = Deed;

    fn plan(&mut self, now: Time, look: Look<'_>) -> Plan {
        let kind = crowd::kind(&look.agent.spec.name).unwrap_or(&crowd::KINDS[0]);
        let refused = self.goes_wrong(Fault::Refuse, 15).then(|| {
            ("sandbox.landlock".to_owned(), "this host can't keep the agent's walls".to_owned())
        });
        let life_ms = self.life_ms(kind);
        let exit = self.exit(now, look.agent_id);
        let calls = self.calls(kind, look);
        let wall = life_ms.unwrap_or(60_000).unsigned_abs();
        let tries = self.tries(now, look.agent_id);
        let usage = Usage {
            cpu_ms: wall * kind.cpu_permille / 1000,
            memory_peak_bytes: (kind.memory_mb << 20) + self.agents.below(32 << 20),
            throttled_ms: wall / 50,
        };
        Plan {
            refused,
            start_ms: self.agents.skewed(15, 400),
            life_ms,
            exit,
            usage,
            // What hangs takes no notice either.
            term_ms: life_ms.map(|life| life % 4_000),
            kill_ms: self.agents.skewed(5, 2_000),
            calls_at_ms: life_ms.unwrap_or(1_000) * 2 / 3,
            calls,
            tries,
            acks: self.agents.chance(900),
        }
    }

    fn host(&mut self, now: Time) -> HostSample {
        self.weather.sample(now, self.running)
    }

    fn fate(&mut self, effect: &Effect) -> Fate {
        if !self.faults.has(Fault::Effects) {
            return Fate::Once;
        }
        match self.effects.below(1000) {
            0..=19 => Fate::Twice,
            20..=24 if *effect != Effect::Exit => Fate::Lost,
            _ => Fate::Once,
        }
    }

    fn durable(&mut self, batch: &Batch, state: &State) {
        self.running = state.active.len() as u64;
        self.tally.count(batch, state);
    }
}
