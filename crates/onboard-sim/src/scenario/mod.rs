//! Stories in text files: a line is a command, and what follows from it is the expectation beside.
//!
//! | line | meaning |
//! |---|---|
//! | `zone NAME`, `begin DATE TIME`, `places N` | the host, before anything else |
//! | `votes KIND N` | ada represents the users, root administers the system, and so many of the two have to agree to such a decision |
//! | `project NAME`, `agent PROJECT/NAME key=value…` | who there is |
//! | `start`, `stop`, `pause`, `resume`, `restart`, `run`, `terminate` `AGENT…` | what a person says |
//! | `config AGENT key=value…` | the same keys as `agent` |
//! | `unquarantine AGENT REASON`, `emergency REASON`, `lift REASON` | the same |
//! | `note INCIDENT TEXT`, `close INCIDENT REASON` | the same |
//! | `approve MOTION REASON`, `reject MOTION REASON`, with `root` in front when it is root | a vote |
//! | `shutdown`, `daemon starts` | the daemon ends in order and begins again |
//! | `commit PROJECT`, `replan PROJECT` | a project changes |
//! | `does AGENT WORDS` | how its next runs go: `succeeds`, `fails`, `crashes`, `hangs`, `idles`, `refused`, `takes LENGTH`, `finds N`, `emits KIND`, `writes NAME`, `acks`, `leases NAME`, `tries RULE N` (so many different things), `repeats RULE N` (one thing), `asks TEXT`, `requests ACTION LENGTH` (an approval that expires after so long; its next run asks the same again) |
//! | `host calm`, `host pressed`, `host severe`, `host battery` | the weather |
//! | `wait LENGTH`, `until TIME`, `sleep LENGTH`, `clock LENGTH` | time passes, the machine sleeps, the clock is set |
//! | `daemon dies before LENGTH`, `daemon dies after LENGTH` | in its next step, before or after it is durable; how long it is down |
//! | `quiet`, `loud` | whether events are shown |
//! | `status`, `why AGENT`, `totals` | a look |
//!
//! A length is a sum such as `1h30m`; `-1h` where the clock goes back.

mod show;
mod stage;
mod words;

use crate::clock::Clock;
use crate::journal::Keeping;
use crate::shell::{Crash, Shell};
use crate::zones::BundledZones;
use onboard_domain::council::{Ballot, Kind, Seat};
use onboard_domain::state::Desired;
use onboard_domain::{
    Actor, AgentId, Answer, Command, IncidentId, MotionId, ProjectId, Refusal, Time,
};
use onboard_policy::{Council, Holder};
use onboard_scheduler::{Settings, explain};
use stage::Stage;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Lines that one story may print: more is a loop, not a story.
const LINES_MAX: usize = 5_000;

/// Longest single wait: ten years.
const WAIT_MAX_MS: i64 = 10 * 366 * 86_400_000;

/// The machine that a story begins with.
struct Scene {
    zone: String,
    begin: String,
    places: u32,
}

struct Story {
    scene: Scene,
    shell: Option<Shell<Stage, BundledZones>>,
    projects: BTreeMap<String, ProjectId>,
    commits: u32,
    council: Council,
    loud: bool,
    out: String,
}

/// Tells a story; returns each of its lines with what followed from it.
///
/// # Errors
/// Names the line that can't be understood.
pub fn tell(text: &str) -> Result<String, String> {
    let mut story = Story {
        scene: Scene { zone: "UTC".into(), begin: "2026-03-02 09:00".into(), places: 8 },
        shell: None,
        projects: BTreeMap::new(),
        commits: 0,
        council: Council::default(),
        loud: true,
        out: String::new(),
    };
    for (index, line) in text.lines().enumerate() {
        story.line(line).map_err(|why| format!("line {}: `{line}`: {why}", index + 1))?;
        if story.out.lines().count() > LINES_MAX {
            return Err(format!("line {}: more than {LINES_MAX} lines of output", index + 1));
        }
    }
    story.end()?;
    Ok(story.out)
}

/// An incident by its number, as people name it.
fn incident(text: &str) -> Result<IncidentId, String> {
    text.parse().map_err(|()| format!("`{text}` is no incident"))
}

impl Story {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            let _ = writeln!(self.out, "{trimmed}");
            return Ok(());
        }
        let _ = writeln!(self.out, "> {trimmed}");
        let words = words::split(trimmed)?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["zone", name] => self.scene.zone = (*name).into(),
            ["begin", day, time] => self.scene.begin = format!("{day} {time}"),
            ["places", count] => {
                self.scene.places = count.parse().map_err(|_| "not a number".to_owned())?;
            }
            _ => return self.live_line(&words),
        }
        if self.shell.is_some() {
            return Err("the host is described before anything else".into());
        }
        Ok(())
    }

    fn live_line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["loud"] => self.loud = true,
            ["quiet"] => self.loud = false,
            ["wait", length] => self.wait(words::length(length)?)?,
            ["until", time] => self.until(time)?,
            ["sleep", length] => self.shell()?.suspend(words::length(length)?),
            ["clock", length] => {
                let ms = words::length(length)?;
                self.shell()?.clock.shift_wall(ms);
            }
            ["daemon", "dies", when, length] => self.daemon_dies(when, length)?,
            ["daemon", "starts"] => self.shell()?.start_daemon(),
            ["votes", kind, count] => self.votes(kind, count)?,
            ["host", weather] => self.shell()?.nature.set_host(weather)?,
            ["commit", project] => self.change(project, true)?,
            ["replan", project] => self.change(project, false)?,
            ["status"] => self.status()?,
            ["totals"] => self.totals()?,
            ["why", agent] => self.why(agent)?,
            ["does", agent, acts @ ..] => {
                let id = self.agent(agent)?;
                self.shell()?.nature.set_act(id, acts)?;
            }
            _ => self.command_line(words)?,
        }
        self.show_events()
    }

    /// The machine, switched on when it is first needed.
    fn shell(&mut self) -> Result<&mut Shell<Stage, BundledZones>, String> {
        if self.shell.is_none() {
            let zones = BundledZones::at(&self.scene.zone)?;
            let begin = words::instant(&self.scene.begin, &zones)?;
            let settings = Settings { max_running: self.scene.places, ..Settings::default() };
            let stage = Stage::default();
            let clock = Clock::at(begin);
            let mut shell = Shell::new(stage, zones, clock, settings, Keeping::All);
            shell.set_council(self.council.clone());
            self.shell = Some(shell);
        }
        self.shell.as_mut().ok_or_else(|| "there is no machine".into())
    }

    fn agent(&mut self, name: &str) -> Result<AgentId, String> {
        let (project, agent) = name.split_once('/').ok_or("an agent is PROJECT/NAME")?;
        let project = *self.projects.get(project).ok_or("there is no such project")?;
        let state = &self.shell()?.state;
        state.agent_named(project, agent).ok_or_else(|| "there is no such agent".into())
    }

    fn agents(&mut self, names: &[&str]) -> Result<Vec<AgentId>, String> {
        names.iter().map(|name| self.agent(name)).collect()
    }

    fn command_line(&mut self, words: &[&str]) -> Result<(), String> {
        let reason = |words: &[&str]| words.join(" ");
        let command = match words {
            ["project", name] => return self.project(name),
            ["agent", name, settings @ ..] => return self.register(name, settings),
            ["start", agents @ ..] => Command::Start { agents: self.agents(agents)? },
            ["stop", "now", agents @ ..] => {
                Command::Stop { agents: self.agents(agents)?, now: true }
            }
            ["stop", agents @ ..] => Command::Stop { agents: self.agents(agents)?, now: false },
            ["pause", agents @ ..] => Command::Pause { agents: self.agents(agents)? },
            ["resume", agents @ ..] => Command::Resume { agents: self.agents(agents)? },
            ["restart", agents @ ..] => {
                Command::Restart { agents: self.agents(agents)?, now: false }
            }
            ["run", agent] => Command::Run { agent: self.agent(agent)? },
            ["terminate", agent] => Command::Terminate { agent: self.agent(agent)? },
            ["config", agent, settings @ ..] => {
                let agent = self.agent(agent)?;
                let mut spec = self.shell()?.state.agents[&agent].spec.clone();
                words::set(&mut spec, settings)?;
                Command::Configure { agent, spec: Box::new(spec) }
            }
            ["unquarantine", agent, why @ ..] => {
                Command::LiftQuarantine { agent: self.agent(agent)?, reason: reason(why) }
            }
            ["note", incident, text @ ..] => {
                Command::NoteIncident { incident: self::incident(incident)?, text: reason(text) }
            }
            ["close", incident, why @ ..] => {
                Command::CloseIncident { incident: self::incident(incident)?, reason: reason(why) }
            }
            ["root", ballot @ ("approve" | "reject"), motion, why @ ..] => {
                let command = self.vote(ballot, motion, reason(why))?;
                let root = Actor::Person { uid: 0, name: "root".into() };
                let answer = self.shell()?.command_of(root, "the story", command);
                self.answer(answer);
                return Ok(());
            }
            [ballot @ ("approve" | "reject"), motion, why @ ..] => {
                self.vote(ballot, motion, reason(why))?
            }
            ["emergency", why @ ..] => Command::EmergencyShutdown { reason: reason(why) },
            ["lift", why @ ..] => Command::LiftEmergency { reason: reason(why) },
            ["shutdown"] => Command::Shutdown,
            ["shutdown", "now"] => Command::ShutdownNow,
            _ => return Err("this line means nothing".into()),
        };
        self.ask(command)
    }

    fn ask(&mut self, command: Command) -> Result<(), String> {
        let answer = self.shell()?.command("the story", command);
        self.answer(answer);
        Ok(())
    }

    fn vote(&mut self, ballot: &str, motion: &str, reason: String) -> Result<Command, String> {
        let motion: MotionId = motion.parse().map_err(|()| format!("`{motion}` is no motion"))?;
        let ballot = if ballot == "approve" { Ballot::Approve } else { Ballot::Reject };
        let known = self.shell()?.state.motions.get(&motion);
        let digest = known.map_or_else(String::new, |motion| motion.digest.clone());
        Ok(Command::Vote { motion, digest, ballot, reason })
    }

    fn votes(&mut self, kind: &str, count: &str) -> Result<(), String> {
        let known = Kind::ALL.iter().find(|known| known.word() == kind);
        let kind = known.ok_or_else(|| format!("`{kind}` is no kind of decision"))?;
        let quorum = count.parse().map_err(|_| "not a number".to_owned())?;
        self.council.seats.insert(Seat::UserRepresentative, vec![Holder::Name("ada".into())]);
        self.council.seats.insert(Seat::SystemAdministrator, vec![Holder::Uid(0)]);
        if let Some(rule) = self.council.rules.get_mut(kind) {
            rule.quorum = quorum;
        }
        let council = self.council.clone();
        self.shell()?.set_council(council);
        Ok(())
    }

    fn answer(&mut self, answer: Option<Result<Answer, Refusal>>) {
        let line = match answer {
            None => "  no daemon answers".into(),
            Some(Err(refusal)) => format!("  refused: {refusal}"),
            Some(Ok(Answer::Done { changed: false })) => "  nothing to change".into(),
            Some(Ok(Answer::Waiting { motion, missing })) => {
                format!("  {motion} waits: {missing}")
            }
            Some(Ok(_)) => return,
        };
        let _ = writeln!(self.out, "{line}");
    }

    fn project(&mut self, name: &str) -> Result<(), String> {
        let root = format!("/home/ada/{name}");
        let command = Command::RegisterProject {
            root,
            name: name.into(),
            agents: Vec::new(),
            git: String::new(),
            plan: String::new(),
        };
        let answer = self.shell()?.command("the story", command);
        if let Some(Ok(Answer::Project { project, .. })) = &answer {
            self.projects.insert(name.into(), *project);
        }
        self.answer(answer);
        self.change(name, true)
    }

    fn register(&mut self, name: &str, settings: &[&str]) -> Result<(), String> {
        let (project, agent) = name.split_once('/').ok_or("an agent is PROJECT/NAME")?;
        let id = *self.projects.get(project).ok_or("there is no such project")?;
        let state = &self.shell()?.state;
        let known = &state.projects[&id];
        let mut agents: Vec<_> =
            known.agents.values().map(|id| state.agents[id].spec.clone()).collect();
        let mut spec = words::spec(agent)?;
        words::set(&mut spec, settings)?;
        agents.push(spec);
        let (root, name) = (known.root.clone(), known.name.clone());
        let (git, plan) = (known.git.clone(), known.plan.clone());
        self.ask(Command::RegisterProject { root, name, agents, git, plan })
    }

    fn change(&mut self, project: &str, commits: bool) -> Result<(), String> {
        let id = *self.projects.get(project).ok_or("there is no such project")?;
        self.commits += 1;
        let digest = format!("digest-{}", self.commits);
        let shell = self.shell()?;
        let (git, plan) = shell.look_of(id);
        let (git, plan) = if commits { (digest, plan) } else { (git, digest) };
        shell.change(id, git, plan, 0);
        self.wait(0)
    }

    fn wait(&mut self, ms: i64) -> Result<(), String> {
        if !(0..=WAIT_MAX_MS).contains(&ms) {
            return Err("a wait is 0 to ten years".into());
        }
        let shell = self.shell()?;
        let until = shell.clock.real() + ms;
        // A story has no deeds of its own: this returns at `until`.
        while shell.live_until(until).is_some() {}
        shell.inspect();
        Ok(())
    }

    /// Waits until the wall clock shows a time, today or tomorrow.
    fn until(&mut self, time: &str) -> Result<(), String> {
        let shell = self.shell()?;
        let wall = shell.clock.wall();
        let at = words::next_time(time, wall, &shell.zones)?;
        let ms = at.since(wall);
        self.wait(ms)
    }

    fn daemon_dies(&mut self, when: &str, length: &str) -> Result<(), String> {
        let crash = match when {
            "before" => Crash::BeforeAppend,
            "after" => Crash::AfterAppend,
            _ => return Err("it dies `before` or `after` its step is durable".into()),
        };
        let down_ms = words::length(length)?;
        self.shell()?.arm(crash, down_ms);
        Ok(())
    }

    fn show_events(&mut self) -> Result<(), String> {
        let loud = self.loud;
        let shell = self.shell()?;
        let lines = shell.nature.take_lines(&shell.zones);
        let found = shell.ledger.take_found();
        if loud {
            for line in lines {
                let _ = writeln!(self.out, "  {line}");
            }
        }
        for violation in found {
            let _ = writeln!(self.out, "  VIOLATION {}: {}", violation.rule, violation.what);
        }
        Ok(())
    }

    fn status(&mut self) -> Result<(), String> {
        let shell = self.shell()?;
        let now = shell.clock.now().max(shell.state.time);
        let mut lines = vec![format!("  it is {}", words::local(now, &shell.zones))];
        for (id, agent) in &shell.state.agents {
            let answer =
                explain(&shell.state, now, &shell.host, &shell.settings, &shell.zones, *id);
            let Some(answer) = answer else { continue };
            let next = answer.next.filter(|_| agent.desired != Desired::Stopped);
            let next = next.map_or("-".into(), |at: Time| words::local(at, &shell.zones));
            lines.push(format!(
                "  {:<24} {:<11} next {next}",
                show::name(&shell.state, *id),
                answer.state
            ));
        }
        self.put(&lines);
        Ok(())
    }

    fn why(&mut self, agent: &str) -> Result<(), String> {
        let id = self.agent(agent)?;
        let shell = self.shell()?;
        let now = shell.clock.now().max(shell.state.time);
        let answer = explain(&shell.state, now, &shell.host, &shell.settings, &shell.zones, id)
            .ok_or("there is no such agent")?;
        let mut lines = vec![format!("  {}", answer.state)];
        lines.extend(answer.reasons.iter().map(|reason| format!("    {reason}")));
        self.put(&lines);
        Ok(())
    }

    fn totals(&mut self) -> Result<(), String> {
        let shell = self.shell()?;
        let mut lines = Vec::new();
        for (id, agent) in &shell.state.agents {
            let totals = &agent.totals;
            let good = totals.succeeded + totals.nothing_to_report;
            lines.push(format!(
                "  {:<24} {} runs, {good} good, {} failed; slots without a run: {} nothing \
                 changed, {} missed",
                show::name(&shell.state, *id),
                totals.runs,
                totals.failed,
                totals.slots_nothing_changed,
                totals.slots_missed,
            ));
        }
        self.put(&lines);
        Ok(())
    }

    fn put(&mut self, lines: &[String]) {
        for line in lines {
            let _ = writeln!(self.out, "{line}");
        }
    }

    /// At the end of every story the state is sound, and replay gives it.
    fn end(&mut self) -> Result<(), String> {
        if let Some(shell) = &mut self.shell {
            shell.inspect();
            let events = shell.journal().appended();
            self.show_events()?;
            let _ = writeln!(self.out, "= the end, after {events} batches");
        }
        Ok(())
    }
}
