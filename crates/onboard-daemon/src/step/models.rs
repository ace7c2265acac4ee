//! What models may cost: set aside before a request leaves, settled when it is over.

use onboard_domain::model::{
    Budget, Ending, Fact, OverBudget, Reservation, Scope, Spend, bounds, seconds_left,
};
use onboard_domain::{Event, Generation, RunId, Turn};

/// Why nothing was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReserved {
    Over {
        over: OverBudget,
        /// Where waiting helps.
        retry_after_s: Option<u64>,
    },
    /// Too much is on its way.
    Busy,
    /// The run is over.
    Ended,
}

/// The number of the reservation, or why there is none.
pub type Reserved = Result<u64, NotReserved>;

pub(super) fn reserve(
    turn: &mut Turn<'_>,
    run: RunId,
    generation: Generation,
    model: String,
    spend: Spend,
    budgets: &[Budget],
) -> Reserved {
    let state = turn.state();
    let entry = state.runs.get(&run).filter(|r| r.generation == generation && r.is_active());
    let agent = entry.ok_or(NotReserved::Ended)?.agent;
    let (now, spending) = (state.time, &state.models);
    if spending.open.len() >= bounds::OPEN || budgets.len() > bounds::BUDGETS {
        return Err(NotReserved::Busy);
    }
    if let Some(over) = spending.over(budgets, agent, run, spend, now) {
        let is_of_today = over.budget.scope == Scope::PerAgentDay;
        let retry_after_s = is_of_today.then(|| seconds_left(now));
        return Err(NotReserved::Over { over, retry_after_s });
    }
    let id = spending.next;
    let reservation = Reservation { agent, run, model, spend };
    record(turn, Fact::Reserved { id, reservation });
    Ok(id)
}

/// News of a reservation that was settled before is no news.
pub(super) fn settle(turn: &mut Turn<'_>, id: u64, spend: Spend, ending: Ending) {
    if let Some(open) = turn.state().models.open.get(&id) {
        let (agent, run) = (open.reservation.agent, open.reservation.run);
        record(turn, Fact::Settled { id, agent, run, spend, ending });
    }
}

/// Whoever would have settled them is gone: all that was set aside counts. Of a run, or of all.
pub(super) fn settle_rest(turn: &mut Turn<'_>, run: Option<RunId>) {
    for id in turn.state().models.open_of(run) {
        let spend = turn.state().models.open[&id].reservation.spend;
        settle(turn, id, spend, Ending::Unknown);
    }
}

fn record(turn: &mut Turn<'_>, fact: Fact) {
    turn.record(Event::Model { fact: Box::new(fact) });
}
