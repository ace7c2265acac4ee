//! Requests of models: what is set aside for each, and what it came to.

use super::{Illegal, illegal};
use crate::model::{Ending, Fact};
use crate::state::State;

pub(super) fn apply(state: &mut State, fact: &Fact) -> Result<(), Illegal> {
    let now = state.time;
    match fact {
        Fact::Reserved { id, reservation } => {
            if *id != state.models.next {
                illegal!("reservation {id}, next is {}", state.models.next);
            }
            if state.run_mut(reservation.run)?.agent != reservation.agent {
                illegal!("reservation {id} is for a run of another agent");
            }
            state.models.reserve(reservation, now);
        }
        Fact::Settled { id, spend, ending, .. } => {
            let Some(open) = state.models.open.remove(id) else { illegal!("no reservation {id}") };
            state.models.settle(&open, *spend);
            let agent = state.agents.get_mut(&open.reservation.agent);
            if let Some(agent) = agent.filter(|_| *ending != Ending::Unused) {
                let asked = &mut agent.totals.asked;
                asked.requests += 1;
                asked.spend = asked.spend.plus(*spend);
            }
        }
    }
    Ok(())
}
