//! The council's automatic members: what the Safety Monitor and the Resource Manager say of a motion,
//! and why. Rules over the state; nobody is asked, nothing is measured here.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use onboard_domain::council::{Ballot, Seat, Subject, Vote, bounds};
use onboard_domain::incident::{Consequence, Seen, Trigger};
use onboard_domain::state::{Agent, Outcome};
use onboard_domain::{AgentId, State, Time};

/// How far the Safety Monitor looks back: as the escalation's window does by default.
const LOOK_BACK_MS: i64 = 24 * 3_600_000;

/// What the machine has for agents, and what of it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Percent of one core that all runs have together.
    pub cpu_percent: u32,
    pub memory_mb: u32,
    pub taken_cpu_percent: u32,
    pub taken_memory_mb: u32,
    /// What a run has whose agent names no limit.
    pub unnamed_cpu_percent: u32,
    pub unnamed_memory_mb: u32,
}

/// Both automatic votes on a subject.
pub fn automatic(state: &State, subject: &Subject, room: &Room) -> Vec<Vote> {
    alloc::vec![safety_monitor(state, subject), resource_manager(state, subject, room)]
}

/// What was found: the hardest word counts, the reasons are kept.
struct Opinion {
    ballot: Ballot,
    reasons: Vec<String>,
}

impl Opinion {
    fn new() -> Opinion {
        Opinion { ballot: Ballot::Approve, reasons: Vec::new() }
    }

    fn against(&mut self, why: String) {
        self.ballot = Ballot::Reject;
        self.reasons.push(why);
    }

    fn doubt(&mut self, why: String) {
        if self.ballot == Ballot::Approve {
            self.ballot = Ballot::Abstain;
        }
        self.reasons.push(why);
    }

    fn vote(mut self, seat: Seat, otherwise: &str) -> Vote {
        if self.reasons.is_empty() {
            self.reasons.push(otherwise.to_string());
        }
        self.reasons.truncate(bounds::REASONS);
        Vote { seat, ballot: self.ballot, by: None, reasons: self.reasons }
    }
}

fn safety_monitor(state: &State, subject: &Subject) -> Vote {
    let mut opinion = Opinion::new();
    match subject {
        Subject::LiftEmergency { .. } => lifting(state, &mut opinion),
        Subject::LiftQuarantine { agent, .. } => {
            let open = state.open_incident(*agent);
            if let Some((id, _)) = open {
                opinion.against(format!("{id} is open: close it with what was found"));
            }
            violations(state, *agent, &mut opinion);
        }
        Subject::CloseIncident { incident, .. } => {
            let agent = state.incidents.get(incident).map(|incident| incident.agent);
            if let Some(why) = agent.and_then(|agent| quarantine(state, agent)) {
                opinion.doubt(format!("its agent stays in quarantine: {why}"));
            }
        }
        Subject::ChangePolicy { .. } => {}
        Subject::Deploy { .. }
        | Subject::Widen { .. }
        | Subject::Apply { .. }
        | Subject::Act { .. } => {
            if let Some(emergency) = &state.emergency {
                opinion.against(format!("an emergency shutdown is in force: {}", emergency.reason));
            }
            if let Some(agent) = subject.agent(state) {
                record_of(state, agent, &mut opinion);
            }
        }
    }
    if let Subject::Apply { protected, .. } = subject {
        for path in protected {
            opinion.doubt(format!("it touches {path}"));
        }
    }
    opinion.vote(Seat::SafetyMonitor, "nothing is on record against it")
}

fn lifting(state: &State, opinion: &mut Opinion) {
    let dying = state.runs.values().filter(|run| run.is_active()).count();
    if dying > 0 {
        opinion.against(format!("{dying} runs are not proven ended"));
    }
    let locked = state.agents.values().filter(|agent| agent.quarantine.is_some()).count();
    if locked > 0 {
        opinion.doubt(format!("{locked} agents are in quarantine, and stay there"));
    }
}

/// What an agent did that speaks against giving it more.
fn record_of(state: &State, id: AgentId, opinion: &mut Opinion) {
    if let Some(why) = quarantine(state, id) {
        opinion.against(format!("its agent is in quarantine: {why}"));
    }
    if let Some((incident, open)) = state.open_incident(id) {
        let text = format!("{incident} of its agent is open, and reached {}", open.reached);
        match open.reached {
            Consequence::Warn | Consequence::Throttle => opinion.doubt(text),
            _ => opinion.against(text),
        }
    }
    violations(state, id, opinion);
}

fn quarantine(state: &State, id: AgentId) -> Option<&str> {
    state.agents.get(&id)?.quarantine.as_deref()
}

fn violations(state: &State, id: AgentId, opinion: &mut Opinion) {
    let Some(agent) = state.agents.get(&id) else { return };
    let since = Time(state.time.0.saturating_sub(LOOK_BACK_MS));
    // Being slowed down is how a limit works, and no attempt at anything.
    let counts = |seen: &&Seen| seen.at > since && Trigger::of(&seen.violation).is_some();
    let recent = agent.conduct.recent.iter().filter(counts).count();
    if recent > 0 {
        opinion.doubt(format!(
            "{recent} refused attempts within a day, {} over its life",
            agent.totals.violations
        ));
    }
}

fn resource_manager(state: &State, subject: &Subject, room: &Room) -> Vote {
    let mut opinion = Opinion::new();
    let agent = |id: &AgentId| state.agents.get(id);
    match subject {
        Subject::Deploy { agent: id, .. } => {
            if let Some(known) = agent(id) {
                let limits = &known.spec.limits;
                fits(limits.cpu_percent, limits.memory_mb, room, &mut opinion);
                uses(known, &mut opinion);
            }
        }
        Subject::Widen { agent: id, limits, .. } => {
            fits(limits.cpu_percent, limits.memory_mb, room, &mut opinion);
            if let Some(known) = agent(id) {
                uses(known, &mut opinion);
            }
        }
        Subject::Act { agent: id, .. } => {
            if let Some(known) = agent(id) {
                uses(known, &mut opinion);
            }
        }
        Subject::LiftQuarantine { agent: id, .. } => {
            if let Some(known) = agent(id) {
                uses(known, &mut opinion);
            }
        }
        Subject::Apply { .. }
        | Subject::LiftEmergency { .. }
        | Subject::ChangePolicy { .. }
        | Subject::CloseIncident { .. } => {
            return opinion.vote(Seat::ResourceManager, "it takes nothing of the machine");
        }
    }
    opinion.vote(Seat::ResourceManager, "there is room for it")
}

/// Whether a run with these limits has a place in the machine's budget.
fn fits(cpu: Option<u32>, memory: Option<u32>, room: &Room, opinion: &mut Opinion) {
    let rows = [
        (
            "processor",
            "%",
            cpu.unwrap_or(room.unnamed_cpu_percent),
            room.cpu_percent,
            room.taken_cpu_percent,
        ),
        (
            "memory",
            "MB",
            memory.unwrap_or(room.unnamed_memory_mb),
            room.memory_mb,
            room.taken_memory_mb,
        ),
    ];
    for (what, unit, wanted, total, taken) in rows {
        if wanted > total {
            opinion.against(format!(
                "its {what} limit is {wanted} {unit}, and all runs together may have {total} {unit}"
            ));
        } else if taken.saturating_add(wanted) > total {
            opinion.doubt(format!(
                "its {what} limit is {wanted} {unit}; {taken} of {total} {unit} are taken, so it waits"
            ));
        }
    }
}

/// How the agent's runs went that are remembered.
fn uses(agent: &Agent, opinion: &mut Opinion) {
    let runs = agent.recent.len();
    let count = |is: fn(&Outcome) -> bool| agent.recent.iter().filter(|r| is(&r.outcome)).count();
    let late = count(|outcome| *outcome == Outcome::TimedOut);
    if late > 0 {
        opinion.doubt(format!("{late} of its last {runs} runs passed their deadline"));
    }
    let full = count(
        |outcome| matches!(outcome, Outcome::Failed { why } if why.starts_with("memory limit")),
    );
    if full > 0 {
        opinion.doubt(format!("{full} of its last {runs} runs reached their memory limit"));
    }
}
