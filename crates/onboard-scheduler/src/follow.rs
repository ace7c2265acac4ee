//! What follows from the facts of this turn.

use crate::decide::{Round, live_runs, stop_active};
use crate::overdue::{Haste, end_queued};
use crate::schedule::Kind;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use onboard_domain::hook;
use onboard_domain::spec::Source;
use onboard_domain::state::{
    Agent, Desired, EndedRun, Outcome, Phase, Project, Run, Trigger, bounds,
};
use onboard_domain::{AgentId, Event, KillReason, MessageId, ProjectId, RunId};

/// A fact that something may follow from, taken out of its event.
enum Fact {
    Started(AgentId),
    Resumed(AgentId),
    Replan(AgentId),
    Stopped(AgentId),
    Quarantined(AgentId),
    Terminated(AgentId),
    ProjectChanged(ProjectId),
    /// By an agent, or from outside.
    Emitted(ProjectId, Option<AgentId>, String),
    Message(AgentId),
    Ended(AgentId, RunId),
    Emergency,
}

impl Fact {
    fn of(event: &Event, ended: Option<AgentId>) -> Option<Fact> {
        Some(match event {
            Event::AgentStarted { agent } => Fact::Started(*agent),
            Event::AgentResumed { agent } => Fact::Resumed(*agent),
            Event::AgentConfigured { agent, .. } | Event::QuarantineLifted { agent, .. } => {
                Fact::Replan(*agent)
            }
            Event::AgentStopped { agent } => Fact::Stopped(*agent),
            Event::AgentQuarantined { agent, .. } => Fact::Quarantined(*agent),
            Event::AgentTerminated { agent } => Fact::Terminated(*agent),
            Event::ProjectChanged { project, .. } => Fact::ProjectChanged(*project),
            Event::EventEmitted { project, agent, kind, .. } => {
                Fact::Emitted(*project, Some(*agent), kind.clone())
            }
            Event::HookReceived { project, hook, .. } => {
                Fact::Emitted(*project, None, hook::topic(hook))
            }
            Event::MessageSent { to, .. } => Fact::Message(*to),
            Event::RunEnded { run, .. } => Fact::Ended(ended?, *run),
            Event::EmergencyDeclared { .. } => Fact::Emergency,
            _ => return None,
        })
    }
}

impl Round<'_, '_> {
    /// Decides what follows from each fact, including those that this itself records.
    pub fn follow_facts(&mut self) {
        while let Some((index, ended)) = self.turn.follow() {
            if let Some(fact) = Fact::of(&self.turn.events()[index], ended) {
                self.follow(fact, index);
            }
        }
    }

    fn follow(&mut self, fact: Fact, index: usize) {
        match fact {
            Fact::Started(agent) => self.started(agent),
            Fact::Resumed(agent) => self.resumed(agent),
            Fact::Replan(agent) => self.plan_next(agent),
            Fact::Stopped(agent) => {
                self.drop_queued(agent, index, Outcome::Killed { why: KillReason::Stopped });
            }
            Fact::Quarantined(agent) => {
                let why = "the agent is quarantined".into();
                self.drop_queued(agent, index, Outcome::Refused { rule: "quarantine".into(), why });
                self.plan_next(agent);
            }
            Fact::Terminated(agent) => self.cache.forget(agent),
            Fact::ProjectChanged(project) => self.project_changed(project),
            Fact::Emitted(project, by, kind) => self.emitted(project, by, &kind),
            Fact::Message(to) => self.message_came(to),
            Fact::Ended(agent, run) => self.ended(agent, run),
            Fact::Emergency => {
                stop_active(self.turn, KillReason::Emergency, Haste::Now);
            }
        }
    }

    /// A started agent is on its schedule and runs once now.
    pub fn started(&mut self, id: AgentId) {
        self.plan_next(id);
        let Some(agent) = self.state().agents.get(&id) else { return };
        let wanted = agent.desired == Desired::Started && agent.quarantine.is_none();
        let runs = self.state().runs_of(id).any(|(_, run)| !is_stopping(run));
        if wanted && !runs && self.kind(id) != Some(Kind::Manual) {
            crate::queue::queue(self.turn, id, self.now, Trigger::Started, 1, self.now);
        }
    }

    fn resumed(&mut self, id: AgentId) {
        if self.state().agents.get(&id).is_some_and(|agent| agent.due.is_none()) {
            self.plan_next(id);
        }
    }

    /// Ends the agent's queued runs, but for those queued after the fact.
    fn drop_queued(&mut self, id: AgentId, index: usize, outcome: Outcome) {
        let later: BTreeSet<RunId> = self.turn.events()[index..]
            .iter()
            .filter_map(|event| match event {
                Event::RunQueued { run, .. } => Some(*run),
                _ => None,
            })
            .collect();
        for (run, active) in live_runs(self.state(), id) {
            if !active && !later.contains(&run) {
                end_queued(self.turn, run, outcome.clone());
            }
        }
    }

    /// Continuous agents run on what changed; agents that had slowed down because nothing changed
    /// are back on their schedule.
    fn project_changed(&mut self, id: ProjectId) {
        for agent in self.agents_of(id) {
            self.wake_from_idle(agent);
            let state = self.state();
            let (known, project) = (&state.agents[&agent], &state.projects[&id]);
            let looked = state.runs_of(agent).last().map(|(_, run)| (&run.git, &run.plan));
            let looked = looked.unwrap_or((&known.seen_git, &known.seen_plan));
            if differs(known, project, looked) && self.kind(agent) == Some(Kind::Continuous) {
                self.trigger(agent, Trigger::Changed);
            }
        }
    }

    fn emitted(&mut self, project: ProjectId, by: Option<AgentId>, kind: &str) {
        for agent in self.agents_of(project) {
            // An agent that its own events wake would never rest.
            if Some(agent) != by && self.wakes_on(agent, kind) {
                self.trigger(agent, Trigger::Event { kind: kind.into() });
            }
        }
    }

    fn wakes_on(&mut self, id: AgentId, kind: &str) -> bool {
        let state = self.turn.state();
        let Some(agent) = state.agents.get(&id) else { return false };
        let timing = self.cache.timing(state, self.zones, id, agent);
        let named = timing.schedule.iter().flat_map(|schedule| schedule.event_names());
        agent.spec.wakes_on.iter().map(String::as_str).chain(named).any(|t| covers(t, kind))
    }

    /// A run that is under way may still read the message; its end looks again.
    fn message_came(&mut self, to: AgentId) {
        if self.reads_inbox(to) && self.active_run(to).is_none() {
            self.trigger(to, Trigger::Message);
        }
    }

    fn reads_inbox(&self, id: AgentId) -> bool {
        let agent = self.state().agents.get(&id);
        agent.is_some_and(|agent| agent.spec.reads.contains(&Source::Inbox))
    }

    fn ended(&mut self, id: AgentId, run: RunId) {
        let Some(agent) = self.state().agents.get(&id) else { return };
        let Some(ended) = agent.recent.iter().rev().find(|e| e.run == run).cloned() else { return };
        self.bury_messages(id, run);
        self.judge(id, &ended);
        self.look_at_inbox(id, &ended);
        self.adapt_after(id);
    }

    fn bury_messages(&mut self, id: AgentId, run: RunId) {
        let dead: Vec<MessageId> = self
            .state()
            .inbox(id)
            .filter(|m| m.delivered_to == Some(run) && m.deliveries >= bounds::DELIVERIES)
            .map(|m| m.id)
            .collect();
        for id in dead {
            self.turn.record(Event::MessageDied { id });
        }
    }

    /// Messages that came while it ran, or that it read and left, want another run. Bounded: a
    /// message is delivered so often and no more, and one that was never read wakes once.
    fn look_at_inbox(&mut self, id: AgentId, ended: &EndedRun) {
        let began = ended.started.unwrap_or(ended.queued);
        let waiting =
            self.state().inbox(id).any(|m| m.sent > began || m.delivered_to == Some(ended.run));
        if waiting && self.reads_inbox(id) {
            self.trigger(id, Trigger::Message);
        }
    }

    fn agents_of(&self, project: ProjectId) -> Vec<AgentId> {
        let project = self.state().projects.get(&project);
        project.map(|project| project.agents.values().copied().collect()).unwrap_or_default()
    }
}

fn is_stopping(run: &Run) -> bool {
    matches!(run.phase, Phase::Stopping { .. })
}

/// Whether what the agent reads of the project is other than what was looked at. An agent that
/// names nothing looks at everything.
fn differs(agent: &Agent, project: &Project, looked: (&String, &String)) -> bool {
    let reads = |source| agent.spec.reads.is_empty() || agent.spec.reads.contains(&source);
    (reads(Source::Git) && project.git != *looked.0)
        || (reads(Source::Plan) && project.plan != *looked.1)
}

/// Whether a topic covers an event's kind: it is the kind, or a parent of it.
fn covers(topic: &str, kind: &str) -> bool {
    kind.strip_prefix(topic.strip_suffix(".*").unwrap_or(topic))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
