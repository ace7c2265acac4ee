//! Clients that work the daemon from several threads, and what they were answered.

use crate::ledger::{Entry, Ledger};
use crate::random::Random;
use onboard_domain::state::Desired;
use onboard_domain::{AgentId, AgentSpec, Command, Event, Fingerprint, ProjectId, RunId};
use onboard_web::api::{CommandAnswer, FindingRow, ProblemKind};
use onboard_web::client::{Client, ClientError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The longest pause between two commands of a client.
const PAUSE_MAX_US: u64 = 15_000;

/// How many reasons of a client are long, so that the journal soon comes to its bound, and the bytes
/// of each: few enough that nothing is dropped in the cycle that it was written in.
const LONG: usize = 4;
const LONG_BYTES: usize = 8 << 10;

/// What one client works with. Agents belong to one client alone, so that what it was answered
/// last is what must hold.
#[derive(Clone)]
pub struct Worker {
    pub number: u64,
    pub agents: Vec<(AgentId, AgentSpec)>,
    pub project: ProjectId,
    pub root: PathBuf,
}

/// A command and what came of it.
pub struct Sent {
    pub why: String,
    pub command: Asked,
    pub outcome: Outcome,
}

/// What was asked for, as far as it is compared.
#[derive(Clone, Debug)]
pub enum Asked {
    Register,
    Start(AgentId),
    Stop(AgentId),
    Restart(AgentId),
    Pause(AgentId),
    Resume(AgentId),
    Run(AgentId),
    Configure(AgentId, Box<AgentSpec>),
    Dismiss(ProjectId, Fingerprint),
}

/// How it was answered.
#[derive(Debug)]
pub enum Outcome {
    Answered(CommandAnswer),
    /// Decided, and refused.
    Refused(ProblemKind),
    /// Nothing that says whether it was decided.
    Unknown,
}

impl Worker {
    /// Works until `stop`, or until the daemon no longer answers. Tells `answered` of each answer.
    pub fn work(
        &self,
        client: &Client,
        mut random: Random,
        stop: &Arc<AtomicBool>,
        answered: &Sender<()>,
    ) -> Vec<Sent> {
        let mut sent = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let Some(asked) = self.choose(client, &mut random) else { break };
            let mut why = format!("trial {:016x} of client {}", random.next(), self.number);
            if sent.len() < LONG {
                why += &" at length".repeat(LONG_BYTES / 10);
            }
            let outcome = outcome(self.ask(client, &asked, &why));
            let is_lost = matches!(outcome, Outcome::Unknown);
            sent.push(Sent { why, command: asked, outcome });
            if is_lost {
                break;
            }
            // Whoever waits for answers may have seen enough.
            let _ = answered.send(());
            std::thread::park_timeout(Duration::from_micros(random.below(PAUSE_MAX_US)));
        }
        sent
    }

    fn choose(&self, client: &Client, random: &mut Random) -> Option<Asked> {
        let (agent, spec) = random.pick(&self.agents)?.clone();
        Some(match random.below(16) {
            0 => Asked::Register,
            1..=3 => Asked::Start(agent),
            4 => Asked::Stop(agent),
            5 => Asked::Restart(agent),
            6 => Asked::Pause(agent),
            7 => Asked::Resume(agent),
            8..=9 => Asked::Configure(agent, changed(spec, random)),
            10 => self.dismissal(client, random).unwrap_or(Asked::Run(agent)),
            _ => Asked::Run(agent),
        })
    }

    /// Any open finding.
    fn dismissal(&self, client: &Client, random: &mut Random) -> Option<Asked> {
        let rows: Vec<FindingRow> = client.items("/findings", &[]).ok()?;
        let row = random.pick(&rows)?;
        Some(Asked::Dismiss(self.project, Fingerprint(row.fingerprint.clone())))
    }

    fn ask(&self, client: &Client, asked: &Asked, why: &str) -> Result<CommandAnswer, ClientError> {
        let command = match asked.clone() {
            Asked::Register => return client.register(&self.root, why),
            Asked::Start(agent) => Command::Start { agents: vec![agent] },
            Asked::Stop(agent) => Command::Stop { agents: vec![agent], now: false },
            Asked::Restart(agent) => Command::Restart { agents: vec![agent], now: false },
            Asked::Pause(agent) => Command::Pause { agents: vec![agent] },
            Asked::Resume(agent) => Command::Resume { agents: vec![agent] },
            Asked::Run(agent) => Command::Run { agent },
            Asked::Configure(agent, spec) => Command::Configure { agent, spec },
            Asked::Dismiss(project, fingerprint) => {
                Command::DismissFinding { project, fingerprint, reason: "a trial".into() }
            }
        };
        client.command(command, why)
    }
}

fn changed(mut spec: AgentSpec, random: &mut Random) -> Box<AgentSpec> {
    spec.settings.insert("trial".into(), random.next().to_string());
    Box::new(spec)
}

/// What an answer says of its command.
pub fn outcome(told: Result<CommandAnswer, ClientError>) -> Outcome {
    match told {
        Ok(answer) => Outcome::Answered(answer),
        Err(ClientError::Problem(problem)) => match problem.kind {
            ProblemKind::Busy | ProblemKind::Ended | ProblemKind::TimedOut => Outcome::Unknown,
            kind => Outcome::Refused(kind),
        },
        Err(_) => Outcome::Unknown,
    }
}

impl Sent {
    /// Holds the answer against the journal.
    ///
    /// # Errors
    /// What is not as it was answered.
    pub fn check(&self, ledger: &Ledger) -> Result<(), String> {
        let found = ledger.causes.get(&self.why).map_or(&[][..], Vec::as_slice);
        let differs = |what: &str| {
            Err(format!(
                "{:?} ({}) was {:?}, {what}; it is in entries {found:?}",
                self.command, self.why, self.outcome
            ))
        };
        match (&self.outcome, found) {
            (_, [_, _, ..]) => differs("and is in the journal more than once"),
            (Outcome::Answered(_), []) => differs("and is not in the journal"),
            // Refused before it came to the loop, as a wrong manifest is.
            (Outcome::Refused(ProblemKind::Invalid), []) => Ok(()),
            (Outcome::Refused(_), []) => differs("and is not in the journal"),
            (Outcome::Answered(answer), [seq]) => {
                let entry = &ledger.entries[seq];
                match self.command.is_in(answer, entry, ledger) {
                    true => Ok(()),
                    false => differs("and its effect is not there"),
                }
            }
            _ => Ok(()),
        }
    }
}

impl Asked {
    /// Whether what was answered is what the entry says.
    fn is_in(&self, answer: &CommandAnswer, entry: &Entry, ledger: &Ledger) -> bool {
        let wanted = |agent: &AgentId| entry.desired.get(agent).copied();
        let has = |wanted: &dyn Fn(&Event) -> bool| entry.events.iter().any(wanted);
        match self {
            Asked::Register => answer
                .project
                .as_ref()
                .and_then(|id| id.parse::<ProjectId>().ok())
                .is_some_and(|id| ledger.state.projects.contains_key(&id)),
            Asked::Start(agent) | Asked::Restart(agent) => wanted(agent) == Some(Desired::Started),
            Asked::Stop(agent) => wanted(agent) == Some(Desired::Stopped),
            Asked::Pause(agent) => wanted(agent) == Some(Desired::Paused),
            Asked::Resume(agent) => !answer.changed || wanted(agent) == Some(Desired::Started),
            Asked::Run(agent) => {
                answer.run.as_ref().and_then(|run| run.parse().ok()).is_some_and(|run: RunId| {
                    // A run that waits already may stand for this one.
                    ledger.ended.contains(&run)
                        || ledger.state.runs.get(&run).is_some_and(|found| found.agent == *agent)
                })
            }
            Asked::Configure(agent, spec) => has(&|event| {
                matches!(event, Event::AgentConfigured { agent: of, spec: to }
                    if of == agent && to == spec)
            }),
            Asked::Dismiss(project, fingerprint) => {
                !answer.changed
                    || has(&|event| {
                        matches!(event, Event::FindingDismissed { project: of, fingerprint: it, .. }
                            if of == project && it == fingerprint)
                    })
            }
        }
    }
}

/// Shares the agents out among `count` clients.
pub fn workers(ledger: &Ledger, root: &Path, count: u64) -> Vec<Worker> {
    let project = ledger
        .state
        .project_at(&root.to_string_lossy())
        .expect("the project was registered before");
    let own = |spec: &AgentSpec| spec.origin.contains(".ai_onboard");
    let agents: Vec<(AgentId, AgentSpec)> = ledger
        .state
        .agents
        .iter()
        .filter(|(_, agent)| own(&agent.spec))
        .map(|(id, agent)| (*id, agent.spec.clone()))
        .collect();
    (0..count)
        .map(|number| Worker {
            number,
            agents: agents
                .iter()
                .filter(|(id, _)| u64::from(id.0) % count == number)
                .cloned()
                .collect(),
            project,
            root: root.to_path_buf(),
        })
        .collect()
}
