//! The fold: state + event → next state, or the reason why the event can't have happened.
//!
//! One file per lifecycle. Live operation and replay go through the same function, so they can't
//! disagree. An illegal event is a bug of the writer: it is reported with its place, never absorbed.

mod agent;
mod council;
mod finding;
mod forecast;
mod hook;
mod message;
mod model;
mod oversight;
mod proposal;
mod run;
mod shared;
mod time;

use crate::event::{Batch, Event};
use crate::ids::ProjectId;
use crate::state::{DaemonRef, Emergency, PolicyRef, Project, State};
use alloc::string::String;
use core::fmt;

/// An event that does not fit the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Illegal(pub String);

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "illegal event: {}", self.0)
    }
}

impl core::error::Error for Illegal {}

/// Ends the fold of one event with the reason.
macro_rules! illegal {
    ($($text:tt)*) => { return Err($crate::apply::Illegal(alloc::format!($($text)*))) };
}
pub(crate) use illegal;

impl State {
    /// Folds a whole batch.
    ///
    /// # Errors
    /// The first illegal event, with its index in the batch. The state is then unusable.
    pub fn apply_batch(&mut self, batch: &Batch) -> Result<(), Illegal> {
        self.advance(batch.time)?;
        for (index, event) in batch.events.iter().enumerate() {
            self.apply(event).map_err(|Illegal(why)| {
                Illegal(alloc::format!("event {index} of the batch: {why}"))
            })?;
        }
        Ok(())
    }

    /// Moves the journal's time forward.
    ///
    /// # Errors
    /// When `time` is before the newest batch's.
    pub fn advance(&mut self, time: crate::ids::Time) -> Result<(), Illegal> {
        if time < self.time {
            illegal!("time goes back from {} to {}", self.time.0, time.0);
        }
        self.time = time;
        Ok(())
    }

    /// Folds one event.
    ///
    /// # Errors
    /// When the event can't happen in this state.
    pub fn apply(&mut self, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::DaemonStarted { version, pid } => {
                self.daemon = Some(DaemonRef {
                    version: version.clone(),
                    pid: *pid,
                    since: self.time,
                    running: true,
                    stopping: false,
                });
                Ok(())
            }
            Event::DaemonStopping => {
                let Some(daemon) = &mut self.daemon else { illegal!("no daemon to stop") };
                daemon.stopping = true;
                Ok(())
            }
            Event::DaemonStopped => {
                if let Some(daemon) = &mut self.daemon {
                    daemon.running = false;
                }
                Ok(())
            }
            Event::TimeLeapt { ms } => {
                self.move_ends(*ms);
                Ok(())
            }
            Event::PolicyAdopted { hash, origin, project } => {
                let (hash, origin, since) = (hash.clone(), origin.clone(), self.time);
                let policy = PolicyRef { hash, origin, since };
                if let Some(project) = project {
                    self.project_mut(*project)?.policy = Some(policy.clone());
                }
                self.policy = Some(policy);
                Ok(())
            }
            Event::CommandRefused { .. }
            | Event::EventEmitted { .. }
            | Event::PolicyRefused { .. } => self.apply_note(event),
            Event::EmergencyDeclared { reason } => {
                if self.emergency.is_none() {
                    self.emergency = Some(Emergency { since: self.time, reason: reason.clone() });
                }
                Ok(())
            }
            Event::EmergencyLifted { .. } => {
                if self.emergency.take().is_none() {
                    illegal!("no emergency to lift");
                }
                Ok(())
            }
            Event::ProjectRegistered { project, root, name } => {
                self.register_project(*project, root, name)
            }
            Event::ProjectChanged { project, git, plan } => {
                let project = self.project_mut(*project)?;
                project.git.clone_from(git);
                project.plan.clone_from(plan);
                Ok(())
            }
            Event::AgentRegistered { .. }
            | Event::AgentConfigured { .. }
            | Event::AgentStarted { .. }
            | Event::AgentStopped { .. }
            | Event::AgentPaused { .. }
            | Event::AgentResumed { .. }
            | Event::AgentTerminated { .. }
            | Event::AgentQuarantined { .. }
            | Event::QuarantineLifted { .. }
            | Event::BreakerOpened { .. }
            | Event::BreakerClosed { .. }
            | Event::IntervalAdapted { .. }
            | Event::SlotPlanned { .. }
            | Event::SlotPassed { .. }
            | Event::CheckpointSaved { .. } => agent::apply(self, event),
            Event::RunQueued { .. }
            | Event::RunPlaced { .. }
            | Event::RunStarted { .. }
            | Event::RunStopping { .. }
            | Event::RunFinished { .. }
            | Event::RunEnded { .. } => run::apply(self, event),
            Event::FindingRecorded { .. }
            | Event::FindingSeen { .. }
            | Event::FindingSuppressed { .. }
            | Event::FindingResolved { .. }
            | Event::FindingAccepted { .. }
            | Event::FindingDismissed { .. }
            | Event::FindingSnoozed { .. }
            | Event::RuleForgotten { .. } => finding::apply(self, event),
            Event::ForecastMade { .. } | Event::ForecastSettled { .. } => {
                forecast::apply(self, event)
            }
            Event::MessageSent { .. }
            | Event::MessageDelivered { .. }
            | Event::MessageAcked { .. }
            | Event::MessageDied { .. } => message::apply(self, event),
            Event::ViolationRecorded { agent, run, violation } => {
                oversight::violation(self, *agent, *run, violation)
            }
            Event::PersonAsked { run, .. } => {
                self.run_mut(*run)?.asked += 1;
                Ok(())
            }
            Event::HookReceived { project, hook, key, data } => {
                hook::received(self, *project, hook, key, data)
            }
            Event::Incident { incident, fact } => oversight::incident(self, *incident, fact),
            Event::Model { fact } => model::apply(self, fact),
            Event::Proposal { proposal, fact } => proposal::apply(self, *proposal, fact),
            Event::Motion { motion, fact } => council::apply(self, *motion, fact),
            Event::StatePut { .. }
            | Event::LeaseTaken { .. }
            | Event::LeaseWaited { .. }
            | Event::LeaseReleased { .. } => shared::apply(self, event),
        }
    }

    /// Events that are history only, or count against a run's bound.
    fn apply_note(&mut self, event: &Event) -> Result<(), Illegal> {
        if let Event::EventEmitted { run, .. } = event {
            self.run_mut(*run)?.emitted += 1;
        }
        Ok(())
    }

    fn register_project(
        &mut self,
        project: ProjectId,
        root: &str,
        name: &str,
    ) -> Result<(), Illegal> {
        if project.0 != self.next.project {
            illegal!("project {project} registered, next is p{}", self.next.project);
        }
        self.next.project += 1;
        let entry = Project { root: root.into(), name: name.into(), ..Project::default() };
        self.projects.insert(project, entry);
        Ok(())
    }

    pub(crate) fn project_mut(&mut self, id: ProjectId) -> Result<&mut Project, Illegal> {
        self.projects.get_mut(&id).ok_or_else(|| Illegal(alloc::format!("no project {id}")))
    }
}
