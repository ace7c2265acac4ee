//! A stage for `step`: a script of inputs goes in, what was decided comes out as text.
//!
//! A line is one turn; lines that begin with `&` join the turn before. After every turn the state
//! is sound, and what was appended folds to the same bytes from its stored form.

use expect_test::Expect;
use jiff::tz::TimeZone;
use onboard_daemon::input::{Exit, Input};
use onboard_daemon::step::{Escalations, Step, World, step};
use onboard_domain::council::{Ballot, Fact, Vote};
use onboard_domain::state::{Process, Usage};
use onboard_domain::violation::Sensor;
use onboard_domain::{
    Actor, AgentCall, AgentId, AgentSpec, Batch, Command, Effect, Event, Generation, MotionId,
    ProjectId, RunId, State, Time, Via, Violation,
};
use onboard_policy::{
    Authority, Council, Escalation, Policy, StorageQuota, default_layer, merge, parse_layer,
};
use onboard_scheduler::{HostSample, ScheduleCache, Settings, Zones};
use serde_json::{Map, Value, json};

/// 2026-01-05, a Monday, 00:00 UTC.
pub const MIDNIGHT: Time = Time(1_767_571_200_000);

/// The folder of the stage's project.
const ROOT: &str = "/home/ada/loom";

struct Utc;

impl Zones for Utc {
    fn host(&self) -> TimeZone {
        TimeZone::UTC
    }

    fn named(&self, name: &str) -> Option<TimeZone> {
        TimeZone::get(name).ok()
    }
}

pub struct Stage {
    pub state: State,
    /// The same, folded from stored bytes only.
    twin: State,
    pub journal: Vec<Batch>,
    now: Time,
    wake: Option<Time>,
    cache: ScheduleCache,
    settings: Settings,
    specs: Vec<AgentSpec>,
    pub council: Council,
    pub told: String,
    /// What a user's policy says, if there is one.
    pub policy: Option<String>,
}

/// The policy and the council of the stage's project.
struct Rules {
    policy: Policy,
    council: Council,
}

impl Escalations for Rules {
    fn escalation(&self, _: &str) -> Escalation {
        self.policy.escalation()
    }

    fn storage(&self, _: &str) -> StorageQuota {
        self.policy.storage()
    }

    fn council(&self) -> Council {
        self.council.clone()
    }
}

/// Plays a script and compares what was decided.
#[track_caller]
pub fn check(script: &str, expect: Expect) {
    expect.assert_eq(&Stage::play(script).told);
}

impl Stage {
    pub fn new() -> Stage {
        Stage {
            state: State::default(),
            twin: State::default(),
            journal: Vec::new(),
            now: MIDNIGHT,
            wake: None,
            cache: ScheduleCache::default(),
            settings: Settings { settle_ms: 0, ..Settings::default() },
            specs: Vec::new(),
            council: Council::default(),
            told: String::new(),
            policy: None,
        }
    }

    pub fn play(script: &str) -> Stage {
        let mut stage = Stage::new();
        stage.perform(script);
        stage
    }

    /// Plays further lines.
    pub fn perform(&mut self, script: &str) {
        let lines: Vec<&str> =
            script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let mut rest = lines.as_slice();
        while let Some((first, later)) = rest.split_first() {
            let joined = later.iter().take_while(|line| line.starts_with('&')).count();
            rest = &later[joined..];
            if let Some(agent) = first.strip_prefix("agent ") {
                self.define(agent);
                continue;
            }
            // What was said before is only the way here.
            if *first == "---" {
                self.told.clear();
                continue;
            }
            let mut inputs = Vec::new();
            for line in std::iter::once(first).chain(&later[..joined]) {
                self.told += &format!("> {}\n", line.trim_start_matches("& "));
                inputs.extend(self.input(line.trim_start_matches("& ")));
            }
            self.turn(inputs);
        }
    }

    /// `NAME = SCHEDULE | JSON that changes the plain spec`.
    fn define(&mut self, text: &str) {
        let (name, rest) = text.split_once(" = ").expect("agent NAME = SCHEDULE");
        let (schedule, changes) = rest.split_once(" | ").unwrap_or((rest, "{}"));
        let mut spec = json!({
            "name": name, "description": "", "program": "built_in", "schedule": schedule,
            "priority": "medium", "classes": {"cpu": "low", "memory": "low", "io": "low"},
            "retry": {"attempts": 0, "backoff_ms": 1000, "backoff_max_ms": 1000},
            "origin": "built-in", "hash": "h",
        });
        let changes: Map<String, Value> = serde_json::from_str(changes).expect("changes");
        for (key, value) in changes {
            spec[key] = value;
        }
        let spec: AgentSpec = serde_json::from_value(spec).expect("a spec");
        self.specs.retain(|known| known.name != spec.name);
        self.specs.push(spec);
    }

    fn input(&mut self, line: &str) -> Option<Input> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split(' ').collect();
        Some(match verb {
            "began" => Input::Began { version: "1.0.0".into(), pid: 7 },
            "launched" | "refused" | "gone" => self.news(verb, &words),
            "call" => {
                let (run, call) = rest.split_once(' ').expect("call RUN JSON");
                let (run, generation) = self.run(run);
                let call: AgentCall = serde_json::from_str(call).expect(call);
                Input::Call { token: 1, run, generation, call }
            }
            "observed" => Input::Observed {
                project: words[0].parse::<ProjectId>().expect("a project"),
                git: words[1].into(),
                plan: words[2].into(),
            },
            "leapt" => {
                let ms: i64 = rest.parse().expect("milliseconds");
                // The journal's time has gone there; back it never goes.
                self.now = self.now.plus(ms.max(0));
                Input::Leapt { ms }
            }
            "wait" => {
                self.wait(rest);
                Input::Timer
            }
            "worked" => {
                let (id, news) = rest.split_once(' ').expect("worked ID JSON");
                let proposal = id.parse().expect("a proposal");
                Input::Proposal { proposal, news: serde_json::from_str(news).expect(news) }
            }
            "tried" => {
                let (run, generation) = self.run(words[0]);
                let rule = serde_json::from_value(words[1].into()).expect("a rule");
                let targets = words[2..].iter();
                let one =
                    |target: &&str| Violation::new(Sensor::Mask, rule, "open", target.as_bytes());
                Input::Violations { run, generation, violations: targets.map(one).collect() }
            }
            "root" => self.of_another(Actor::Person { uid: 0, name: "root".into() }, rest),
            "agent-says" => {
                let name = onboard_domain::AgentName::new("alpha").expect("a name");
                self.of_another(Actor::Agent { run: RunId(0), name }, rest)
            }
            "back" => return self.step_back(rest),
            _ => self.command(verb, rest, &words),
        })
    }

    fn command(&self, verb: &str, rest: &str, words: &[&str]) -> Input {
        let agents = || words.iter().map(|name| self.agent(name)).collect::<Vec<_>>();
        let command = match verb {
            "register" => Command::RegisterProject {
                root: if rest.is_empty() { ROOT } else { rest }.into(),
                name: "loom".into(),
                agents: self.specs.clone(),
                git: "g1".into(),
                plan: "p1".into(),
            },
            "start" => Command::Start { agents: agents() },
            "decide" => {
                let [id, decision, reason] = words.try_into().expect("decide ID JSON REASON");
                let decision = serde_json::from_str(decision).expect(decision);
                let proposal = id.parse().expect("a proposal");
                Command::DecideProposal { proposal, decision, reason: reason.into() }
            }
            "approve" | "reject" | "abstain" => {
                let motion: MotionId = words[0].parse().expect("a motion");
                let known = self.state.motions.get(&motion);
                let digest = known.map_or_else(String::new, |motion| motion.digest.clone());
                let ballot = serde_json::from_value(verb.into()).expect("a ballot");
                Command::Vote { motion, digest, ballot, reason: words[1..].join(" ") }
            }
            "stop" => Command::Stop { agents: agents(), now: false },
            "stop-now" => Command::Stop { agents: agents(), now: true },
            "restart" => Command::Restart { agents: agents(), now: false },
            "pause" => Command::Pause { agents: agents() },
            "resume" => Command::Resume { agents: agents() },
            "run" => Command::Run { agent: self.agent(words[0]) },
            "terminate" => Command::Terminate { agent: self.agent(words[0]) },
            "configure" => {
                let spec = self.specs.iter().find(|spec| spec.name.as_str() == words[1]);
                let spec = Box::new(spec.expect("a defined agent").clone());
                Command::Configure { agent: self.agent(words[0]), spec }
            }
            "emergency" => Command::EmergencyShutdown { reason: rest.into() },
            "lift" => Command::LiftEmergency { reason: rest.into() },
            "shutdown" => Command::Shutdown,
            "shutdown-now" => Command::ShutdownNow,
            "cmd" => serde_json::from_str(rest).expect(rest),
            _ => panic!("unknown line {verb}"),
        };
        let actor = Actor::Person { uid: 1000, name: "ada".into() };
        Input::Command { token: 1, actor, via: Via::Cli, why: String::new(), command }
    }

    /// What root asks for, or an agent.
    fn of_another(&self, actor: Actor, rest: &str) -> Input {
        let (verb, rest) = rest.split_once(' ').expect("a command");
        let words: Vec<&str> = rest.split(' ').collect();
        match self.command(verb, rest, &words) {
            Input::Command { token, via, why, command, .. } => {
                Input::Command { token, actor, via, why, command }
            }
            other => other,
        }
    }

    fn news(&self, verb: &str, words: &[&str]) -> Input {
        let (run, generation) = self.run(words[0]);
        let text = |from: usize| words[from.min(words.len())..].join(" ");
        let number = |at: usize| words[at].parse::<i32>().expect("a number");
        let exit = match (verb, words.get(1).copied()) {
            ("launched", _) => {
                let process = Process { pid: 40, start_ticks: 9 };
                let (deadline_ms, degraded) = (60_000, Vec::new());
                return Input::Launched { run, generation, process, deadline_ms, degraded };
            }
            ("refused", _) => {
                let (rule, why) = (words[1].into(), text(2));
                return Input::LaunchRefused { run, generation, rule, why };
            }
            (_, Some("exit")) => Exit::Code { code: number(2), last_words: text(3) },
            (_, Some("signal")) => Exit::Signal { signal: number(2), last_words: text(3) },
            (_, Some("oom")) => Exit::OutOfMemory { limit_mb: 64 },
            _ => Exit::Fault { why: text(2) },
        };
        let usage = Usage { cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5 };
        Input::Gone { run, generation, exit, usage }
    }

    /// `r0`, at the generation it has; `r0/g7` at another.
    fn run(&self, text: &str) -> (RunId, Generation) {
        let (run, generation) = text.split_once('/').unwrap_or((text, ""));
        let run: RunId = run.parse().expect("a run");
        let present = self.state.runs.get(&run).map_or(Generation(1), |run| run.generation);
        (run, generation.parse().unwrap_or(present))
    }

    /// An agent by name, or by number where there is none of that name.
    fn agent(&self, name: &str) -> AgentId {
        let named = self.state.agent_named(ProjectId(0), name);
        named.unwrap_or_else(|| name.parse().expect("an agent"))
    }

    /// Lets time pass, waking when asked to.
    fn wait(&mut self, length: &str) {
        let (number, unit) = length.split_at(length.len() - 1);
        let number: i64 = number.parse().expect("a length of time");
        let until = self.now.plus(number * if unit == "s" { 1_000 } else { 60_000 });
        while let Some(wake) = self.wake.filter(|wake| *wake < until) {
            self.now = wake;
            self.told += &format!("  … {} ms\n", wake.since(MIDNIGHT));
            self.turn(vec![Input::Timer]);
        }
        self.now = until;
    }

    /// The daemon dies and comes back: what it knows is what the journal says.
    fn step_back(&mut self, _: &str) -> Option<Input> {
        self.state = self.twin.clone();
        self.state.reindex();
        self.cache = ScheduleCache::default();
        Some(Input::Began { version: "1.0.0".into(), pid: 8 })
    }

    pub fn turn(&mut self, inputs: Vec<Input>) -> Step {
        let host = HostSample { cores: 2, at: self.now, ..HostSample::default() };
        let mut layers = vec![default_layer().expect("the defaults")];
        layers.extend(
            self.policy
                .as_ref()
                .map(|text| parse_layer(text, "policy.yaml", Authority::User).expect("a policy")),
        );
        let policy = merge(&layers).expect("a policy");
        let world = World {
            now: self.now,
            host: &host,
            settings: &self.settings,
            zones: &Utc,
            policies: &Rules { policy: policy.clone(), council: self.council.clone() },
        };
        let decided = step(&mut self.state, &world, &mut self.cache, inputs).expect("legal");
        self.wake = decided.wake;
        self.tell(&decided);
        self.prove(&decided.batch);
        decided
    }

    fn prove(&mut self, batch: &Batch) {
        assert_eq!(onboard_domain::check::check(&self.state), Vec::<String>::new());
        if !batch.events.is_empty() || !batch.causes.is_empty() {
            let stored = Batch::decode(&batch.encode()).expect("what was encoded");
            self.twin.apply_batch(&stored).expect("what was decided");
            self.journal.push(stored);
        }
        if self.twin != self.state {
            assert_eq!(self.twin.digest(), self.state.digest(), "replay differs from live state");
        }
    }

    fn tell(&mut self, decided: &Step) {
        for event in &decided.batch.events {
            self.told += &format!("  {}\n", event_text(event));
        }
        for effect in &decided.effects {
            self.told += &format!("  ! {}\n", effect_text(effect));
        }
        for (_, reply) in &decided.replies {
            self.told += &match reply {
                Ok(answer) => format!("  = {}\n", plain(answer)),
                Err(refusal) => format!("  refused {}: {refusal}\n", plain(&refusal.kind)),
            };
        }
        for (_, answer) in &decided.answers {
            self.told += &match answer {
                Ok(answer) => format!("  = {}\n", plain(answer)),
                Err(refusal) => format!("  refused {}: {}\n", refusal.code, refusal.message),
            };
        }
    }
}

fn event_text(event: &Event) -> String {
    let mut value = serde_json::to_value(event).expect("an event");
    let Some((name, body)) = value.as_object_mut().and_then(|map| map.iter_mut().next()) else {
        return plain(event);
    };
    if let Some(body) = body.as_object_mut() {
        if let Some(spec) = body.get_mut("spec") {
            *spec = format!("{} {}", word(&spec["name"]), word(&spec["schedule"])).into();
        }
        if let Some(finding) = body.get_mut("finding") {
            let (mark, severity) = (word(&finding["fingerprint"]), word(&finding["severity"]));
            *finding = format!("{mark} {severity}").into();
        }
        if let Some(violation) = body.get_mut("violation") {
            let (rule, target) = (word(&violation["rule"]), word(&violation["target"]));
            *violation = format!("{rule} {target} x{}", violation["count"]).into();
        }
        if let Some(escalated) = body.get_mut("fact").and_then(|fact| fact.get_mut("escalated")) {
            let count = escalated["evidence"].as_array().map_or(0, Vec::len);
            escalated["evidence"] = format!("{count} seen").into();
        }
        if let ("motion", Some(text)) = (name.as_str(), motion_text(body)) {
            return text;
        }
        shorten(body);
    }
    format!("{name} {}", unquoted(body))
}

/// A motion's step in a line: its subject by kind, votes by seat.
fn motion_text(body: &Map<String, Value>) -> Option<String> {
    let fact: Fact = serde_json::from_value(body.get("fact")?.clone()).ok()?;
    let id = &body["motion"];
    let text = match fact {
        Fact::Opened { subject, .. } => format!("opened: {}", subject.kind()),
        Fact::Voted { votes, .. } => {
            let vote = |vote: &Vote| match vote.ballot {
                Ballot::Approve => format!("{} yes", vote.seat),
                other => format!("{} {other} ({})", vote.seat, vote.reasons.join("; ")),
            };
            format!("voted: {}", votes.iter().map(vote).collect::<Vec<_>>().join(", "))
        }
        Fact::Decided { carried, why } => {
            format!("{}: {why}", if carried { "carried" } else { "lost" })
        }
        other => unquoted(&serde_json::to_value(other).ok()?),
    };
    Some(format!("motion v{id} {text}"))
}

/// Times are told from the stage's midnight, and long texts by their length.
fn shorten(body: &mut Map<String, Value>) {
    for value in body.values_mut() {
        match value {
            Value::Number(number) if number.as_i64().is_some_and(|n| n >= MIDNIGHT.0) => {
                let since = number.as_i64().unwrap_or_default() - MIDNIGHT.0;
                *value = format!("+{since}ms").into();
            }
            Value::String(text) if text.len() > 300 => *text = format!("[{} bytes]", text.len()),
            Value::Object(map) => shorten(map),
            _ => {}
        }
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn plain(value: &impl serde::Serialize) -> String {
    let mut value = serde_json::to_value(value).expect("a value");
    if let Value::Object(map) = &mut value {
        shorten(map);
    }
    unquoted(&value)
}

fn unquoted(value: &Value) -> String {
    value.to_string().replace('"', "").replace(',', ", ").replace(':', ": ")
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::Launch { run, generation } => format!("launch {run} {generation}"),
        Effect::Terminate { run, generation } => format!("terminate {run} {generation}"),
        Effect::Kill { run, generation, why } => format!("kill {run} {generation} {}", plain(why)),
        Effect::SetLatch { reason } => format!("set latch: {} bytes", reason.len()),
        Effect::ClearLatch => "clear latch".into(),
        Effect::Proposal { proposal, work } => format!("{} {proposal}", plain(work)),
        Effect::Exit => "exit".into(),
    }
}
