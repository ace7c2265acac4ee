//! Lengths of time that are given to runs, when the journal's time is not the time that passed.

use crate::ids::Time;
use crate::state::{Phase, State};

impl State {
    /// Moves every end that a run was given: of its start, its work, its time to stop, its leases.
    pub(super) fn move_ends(&mut self, ms: i64) {
        let shift = |time: &mut Time| *time = time.plus(ms);
        for id in &self.active {
            match self.runs.get_mut(id).map(|run| &mut run.phase) {
                Some(Phase::Placed { at, .. }) => shift(at),
                Some(Phase::Running { deadline, .. }) => shift(deadline),
                Some(Phase::Stopping { kill_at, .. }) => kill_at.iter_mut().for_each(shift),
                Some(Phase::Queued) | None => {}
            }
        }
        for project in self.projects.values_mut() {
            for lease in project.leases.values_mut() {
                lease.expires.iter_mut().for_each(shift);
                lease.others.iter_mut().filter_map(|o| o.expires.as_mut()).for_each(shift);
            }
            project.waiting.iter_mut().for_each(|waiter| shift(&mut waiter.until));
        }
        self.reindex();
    }
}
