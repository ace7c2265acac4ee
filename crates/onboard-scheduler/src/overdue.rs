//! What time ends: runs past their deadline, stops without an end, leases, waits without hope,
//! kills not yet reported.

use crate::cache::KillAgain;
use crate::decide::Round;
use crate::wait;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use onboard_domain::state::Lease;
use onboard_domain::state::{Outcome, Phase, Run, State, Usage, bounds};
use onboard_domain::{Effect, Event, KillReason, ProjectId, RunId, Time, Turn};

/// How a run is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// It is told to, and killed when its time to do so is over.
    Grace,
    /// It is killed.
    Now,
}

/// Ends a run's process, unless it was told so before; one that has time to end by itself may be
/// killed sooner.
pub(crate) fn stop(turn: &mut Turn<'_>, id: RunId, why: KillReason, haste: Haste) {
    let Some(run) = turn.state().runs.get(&id) else { return };
    match run.phase {
        Phase::Queued | Phase::Stopping { kill_at: None, .. } => return,
        Phase::Stopping { .. } if haste == Haste::Grace => return,
        _ => {}
    }
    let generation = run.generation;
    let grace_ms = if haste == Haste::Grace { grace_ms(turn.state(), run) } else { 0 };
    turn.record(Event::RunStopping { run: id, generation, why, grace_ms });
    turn.effect(match grace_ms {
        0 => Effect::Kill { run: id, generation, why },
        _ => Effect::Terminate { run: id, generation },
    });
}

/// How long a run may take to end by itself: never beyond its deadline, and no time for one that
/// has not begun, which has nothing to lose.
fn grace_ms(state: &State, run: &Run) -> i64 {
    let Phase::Running { deadline, .. } = run.phase else { return 0 };
    let asked = state.agents.get(&run.agent).and_then(|agent| agent.spec.stop_grace_ms);
    let grace = asked.unwrap_or(bounds::STOP_GRACE_MS).min(bounds::STOP_GRACE_MAX_MS);
    grace.min(deadline.since(state.time)).max(0)
}

/// Ends a run that never had a process.
pub(crate) fn end_queued(turn: &mut Turn<'_>, run: RunId, outcome: Outcome) {
    turn.record(Event::RunEnded { run, outcome, usage: Usage::default() });
}

impl Round<'_, '_> {
    pub fn end_overdue(&mut self) {
        for run in due_runs(&self.state().deadlines, self.now) {
            // Told to end before: its time to do so is over, which is no reason of its own.
            let told = match self.state().runs.get(&run).map(|run| &run.phase) {
                Some(Phase::Stopping { why, .. }) => *why,
                _ => KillReason::Deadline,
            };
            stop(self.turn, run, told, Haste::Now);
        }
        self.release_leases();
        self.refuse_hopeless();
    }

    fn release_leases(&mut self) {
        let now = self.now;
        let expiring = &self.state().expiring;
        let ended: Vec<(ProjectId, alloc::string::String)> = expiring
            .iter()
            .take_while(|(at, ..)| *at <= now)
            .map(|(_, project, name)| (*project, name.clone()))
            .collect();
        for (project, name) in ended {
            let lease = self.state().projects.get(&project).and_then(|p| p.leases.get(&name));
            let over = lease.into_iter().flat_map(Lease::holders).filter(|own| !own.is_live(now));
            let over: Vec<u64> = over.map(|holder| holder.token).collect();
            for token in over {
                self.turn.record(Event::LeaseReleased { project, name: name.clone(), token });
            }
        }
    }

    /// Refuses runs that waited too long for what they depend on.
    fn refuse_hopeless(&mut self) {
        let patience = self.settings.dependency_wait_ms;
        for id in due_runs(&self.state().queued, self.now.plus(-patience)) {
            let state = self.state();
            let run = &state.runs[&id];
            if self.now.since(wait::ready(run)) < patience {
                continue;
            }
            let Some(agent) = state.agents.get(&run.agent) else { continue };
            if let Some(wait) = wait::dependency(state, run, agent) {
                let why = alloc::format!(
                    "waited {} for {wait}",
                    wait::Length(self.now.since(wait::ready(run)))
                );
                let outcome = Outcome::Refused { rule: "depends_on".into(), why };
                end_queued(self.turn, id, outcome);
            }
        }
    }

    /// Asks again for kills that were not reported done, less and less often. Returns when next.
    pub fn ask_kills_again(&mut self) -> Option<Time> {
        let mut kills = BTreeMap::new();
        let state = self.state();
        let dying =
            |id: &&RunId| matches!(state.runs[*id].phase, Phase::Stopping { kill_at: None, .. });
        // Nothing dies in most turns: then nothing is copied.
        let dying: Vec<RunId> = state.active.iter().filter(dying).copied().collect();
        for id in dying {
            let run = &self.state().runs[&id];
            let Phase::Stopping { since, why, .. } = run.phase else { continue };
            let generation = run.generation;
            let mut again = self.cache.kills.get(&id).copied().unwrap_or(KillAgain {
                at: since.plus(self.settings.kill_again_ms),
                wait_ms: self.settings.kill_again_ms,
            });
            if again.at <= self.now {
                self.turn.effect(Effect::Kill { run: id, generation, why });
                again.wait_ms = (again.wait_ms * 2).min(self.settings.kill_again_max_ms);
                again.at = self.now.plus(again.wait_ms);
            }
            kills.insert(id, again);
        }
        self.cache.kills = kills;
        self.cache.kills.values().map(|again| again.at).min()
    }
}

/// Runs of an index whose time is not after `until`.
fn due_runs(index: &alloc::collections::BTreeSet<(Time, RunId)>, until: Time) -> Vec<RunId> {
    index.iter().take_while(|(at, _)| *at <= until).map(|(_, id)| *id).collect()
}
