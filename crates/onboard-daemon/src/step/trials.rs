//! Checks of proposals that are the project's own: agents that people started for it. Each runs once
//! for a proposal, on a private copy with the patch; its exit code is its word.

use crate::cut::cut;
use crate::input::Exit;
use onboard_domain::proposal::{Check, Fact, Proposal, Status, Trial, Verdict, bounds};
use onboard_domain::spec::AgentSpec;
use onboard_domain::state::{Agent, Desired, Outcome, Run, Trigger};
use onboard_domain::{
    AgentId, AgentName, Event, KillReason, ProjectId, ProposalId, Refusal, RefusalKind, RunId,
    State, Turn,
};

/// Where a check of a proposal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    Ended(&'a Trial),
    Under(RunId),
    /// It has not begun, for this reason.
    Waits(&'static str),
}

/// The agents that check a project's proposals, in the order of their names: those that people have
/// started, and not stopped since.
pub fn checkers(state: &State, project: ProjectId) -> impl Iterator<Item = (AgentId, &Agent)> {
    let all = state.projects.get(&project).into_iter().flat_map(|project| project.agents.values());
    let known = all.filter_map(|id| Some((*id, state.agents.get(id)?)));
    known.filter(|(_, a)| a.spec.checks_proposals && a.desired != Desired::Stopped)
}

/// Where each of its checks is.
pub fn standings<'a>(
    state: &'a State,
    id: ProposalId,
    proposal: &'a Proposal,
) -> Vec<(&'a AgentSpec, Standing<'a>)> {
    let standing = |(agent, known): (AgentId, &'a Agent)| {
        let spec = &known.spec;
        let is_word = |trial: &&Trial| trial.by == spec.name && trial.hash == spec.hash;
        let standing = if let Some(trial) = proposal.trials.iter().find(is_word) {
            Standing::Ended(trial)
        } else if let Some((run, _)) = under_way(state, agent, id) {
            Standing::Under(run)
        } else if known.quarantine.is_some() {
            Standing::Waits("in quarantine")
        } else if known.desired == Desired::Paused {
            Standing::Waits("paused")
        } else {
            Standing::Waits("not begun")
        };
        (spec, standing)
    };
    checkers(state, proposal.project).map(standing).collect()
}

fn under_way(state: &State, agent: AgentId, id: ProposalId) -> Option<(RunId, &Run)> {
    let is_it = |run: &Run| run.trigger == Trigger::Proposal { proposal: id };
    state.runs_of(agent).find(|(_, run)| is_it(run))
}

/// Refuses where a check has not said yes. A no stands also when its agent is no check any more, until
/// that one says otherwise.
pub(super) fn passed(state: &State, id: ProposalId) -> Result<(), Refusal> {
    let proposal = &state.proposals[&id];
    let standings = standings(state, id, proposal);
    let is_asked = |by: &AgentName| standings.iter().any(|(spec, _)| spec.name == *by);
    let failed = |trial: &Trial| format!("its check `{}` failed: {}", trial.by, trial.note);
    let old = proposal.trials.iter().find(|trial| !trial.passed && !is_asked(&trial.by));
    let present = standings.iter().find_map(|(spec, standing)| {
        let name = &spec.name;
        match standing {
            Standing::Ended(trial) if trial.passed => None,
            Standing::Ended(trial) => Some(failed(trial)),
            Standing::Under(run) => Some(format!("its check `{name}` has not ended ({run})")),
            Standing::Waits(why) => Some(format!("its check `{name}` is {why}")),
        }
    });
    present.or_else(|| old.map(failed)).map_or(Ok(()), |why| {
        let mend = "`--despite-check REASON` applies it all the same";
        Err(Refusal::new(RefusalKind::Forbidden, format!("{why}; {mend}")))
    })
}

/// What to say among the checks where the project has none of its own.
pub(super) fn none(state: &State, id: ProposalId) -> Option<Check> {
    let project = state.proposals.get(&id)?.project;
    if checkers(state, project).next().is_some() {
        return None;
    }
    let agents = state.projects.get(&project)?.agents.values();
    let sleeping = agents.filter_map(|id| state.agents.get(id)).find(|a| a.spec.checks_proposals);
    let note = match sleeping {
        Some(agent) => format!(
            "`{0}` would check it: `ai_onboard background-agents start {0}` has it do so",
            agent.spec.name
        ),
        None => "no agent of the project checks proposals".into(),
    };
    Some(Check { name: "project_check".into(), verdict: Verdict::Skipped, note })
}

/// After everything else of a turn: queues the checks that proposals still wait for.
pub(super) fn queue_due(turn: &mut Turn<'_>) {
    if !turn.events().iter().any(may_be_due) {
        return;
    }
    let state = turn.state();
    let is_due = |agent: &Agent| agent.desired == Desired::Started && agent.quarantine.is_none();
    let mut due = Vec::new();
    for (id, proposal) in state.proposals.iter().filter(|(_, p)| p.status == Status::Open) {
        for (agent, known) in checkers(state, proposal.project).take(bounds::CHECKERS) {
            let is_word = |t: &&Trial| t.by == known.spec.name && t.hash == known.spec.hash;
            if is_due(known)
                && !proposal.trials.iter().any(|trial| is_word(&trial))
                && under_way(state, agent, *id).is_none()
            {
                due.push((agent, Trigger::Proposal { proposal: *id }));
            }
        }
    }
    for (agent, trigger) in due {
        onboard_scheduler::queue_now(turn, agent, trigger);
    }
}

/// Events after which a check may be wanted that was not before.
fn may_be_due(event: &Event) -> bool {
    match event {
        Event::Proposal { fact, .. } => {
            matches!(**fact, Fact::Checked { .. } | Fact::NotWritten { .. })
        }
        Event::DaemonStarted { .. }
        | Event::AgentStarted { .. }
        | Event::AgentResumed { .. }
        | Event::AgentConfigured { .. }
        | Event::QuarantineLifted { .. }
        | Event::EmergencyLifted { .. }
        | Event::RunEnded { .. } => true,
        _ => false,
    }
}

/// What the end of a check's process means for its run: a no is work well done.
pub(super) fn outcome(run: &Run, exit: &Exit, otherwise: Outcome) -> Outcome {
    match (&run.trigger, exit, &otherwise) {
        (Trigger::Proposal { .. }, Exit::Code { .. }, Outcome::Failed { .. }) => Outcome::Succeeded,
        _ => otherwise,
    }
}

/// Records the word of a check before its run is recorded as ended; nothing where it has none: it was
/// lost or stopped, and is tried again.
pub(super) fn ended(turn: &mut Turn<'_>, id: RunId, exit: Option<&Exit>, outcome: &Outcome) {
    let state = turn.state();
    let Some(run) = state.runs.get(&id) else { return };
    let Trigger::Proposal { proposal } = run.trigger else { return };
    let (Some(agent), true) =
        (state.agents.get(&run.agent), state.proposals.contains_key(&proposal))
    else {
        return;
    };
    let Some((passed, note)) = word(agent, run, exit, outcome) else { return };
    let trial = Trial {
        by: agent.spec.name.clone(),
        hash: agent.spec.hash.clone(),
        run: id,
        at: state.time,
        passed,
        note: cut(&note, onboard_domain::proposal::bounds::CHECK).to_string(),
    };
    turn.record(Event::Proposal { proposal, fact: Box::new(Fact::Tried { trial }) });
}

fn word(
    agent: &Agent,
    run: &Run,
    exit: Option<&Exit>,
    outcome: &Outcome,
) -> Option<(bool, String)> {
    match outcome {
        Outcome::Succeeded | Outcome::NothingToReport => match exit {
            Some(Exit::Code { code, last_words }) if *code != 0 => {
                let colon = if last_words.is_empty() { "" } else { ": " };
                Some((false, format!("exit code {code}{colon}{last_words}")))
            }
            _ => Some((true, String::new())),
        },
        Outcome::Failed { why } => Some((false, why.clone())),
        Outcome::TimedOut => Some((false, "it did not end in its time".into())),
        Outcome::Refused { rule, why } => {
            Some((false, format!("it could not run: {why} ({rule})")))
        }
        Outcome::Killed { why: why @ (KillReason::Limit | KillReason::Violation) } => {
            Some((false, format!("it was ended: {}", why.explanation())))
        }
        Outcome::Killed { .. } => None,
        Outcome::WaitingForApproval { .. } => {
            Some((false, "it asked for an approval, which a check does not wait for".into()))
        }
        Outcome::Lost { why } => {
            let lost = agent.recent.iter().filter(|ended| {
                ended.trigger == run.trigger && matches!(ended.outcome, Outcome::Lost { .. })
            });
            (lost.count() + 1 >= bounds::LOST).then(|| (false, format!("lost again: {why}")))
        }
    }
}
