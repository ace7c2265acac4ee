//! Forecasts: kept with a finding, settled by what its agent says or by whether it still stands.

use super::calls::{Answered, Caller, names};
use onboard_domain::forecast::{self, Decider, Outcome};
use onboard_domain::{
    AgentId, CallAnswer, CallRefusal, Event, Fingerprint, Forecast, ProjectId, RunId, Time, Turn,
};

/// Keeps what a finding expects. The first forecast of a finding counts until it is settled: a later one
/// knows more, and would make the earlier one's record better than it was. Not kept where the finding is
/// not, nor where it is another agent's. The word for the agent.
pub(super) fn make(
    turn: &mut Turn<'_>,
    caller: Caller,
    fingerprint: Fingerprint,
    rule: String,
    forecast: Box<Forecast>,
) -> &'static str {
    let Caller { agent, project, .. } = caller;
    let entry = &turn.state().projects[&project];
    if entry.findings.get(&fingerprint).is_none_or(|known| known.agent != agent) {
        return "none";
    }
    if entry.forecasts.contains_key(&fingerprint) {
        return "known";
    }
    if entry.forecasts.len() >= forecast::bounds::OPEN {
        return "full";
    }
    turn.record(Event::ForecastMade { project, agent, fingerprint, rule, forecast });
    "kept"
}

/// What the agent says came of one of its own.
pub(super) fn settle(
    turn: &mut Turn<'_>,
    caller: Caller,
    fingerprint: Fingerprint,
    outcome: Outcome,
) -> Answered {
    let Caller { agent, project, .. } = caller;
    let now = turn.state().time;
    let forecasts = &turn.state().projects[&project].forecasts;
    let own = |name: Fingerprint| {
        let open = forecasts.get(&name).filter(|open| open.agent == agent)?;
        Some((name, open))
    };
    let Some((fingerprint, open)) = names(turn, caller, fingerprint).into_iter().find_map(own)
    else {
        return Ok(CallAnswer::Changed(false));
    };
    if open.forecast.decided_by == Decider::Standing && outcome != Outcome::Void {
        let why = "whether this came is decided by whether the finding stands";
        return Err(CallRefusal::new("invalid", why));
    }
    if !open.forecast.is_answered_by(outcome) {
        let why = "a chance came or did not; of an interval an amount came";
        return Err(CallRefusal::new("invalid", why));
    }
    let outcome = match outcome {
        // What was found out from dates of others may be a little off.
        Outcome::Came { at: Some(at) } => Outcome::Came { at: Some(at.clamp(open.made, now)) },
        other => other,
    };
    turn.record(Event::ForecastSettled { project, agent, fingerprint, outcome });
    Ok(CallAnswer::Changed(true))
}

/// A finding fell before the time of what it expected of itself.
pub(super) fn fallen(turn: &mut Turn<'_>, project: ProjectId, fingerprint: &Fingerprint) {
    of_standing(turn, project, fingerprint, Outcome::DidNotCome);
}

/// Nobody looks any more whether a dismissed finding stands. What its agent decides comes or does not
/// all the same.
pub(super) fn dismissed(turn: &mut Turn<'_>, project: ProjectId, fingerprint: &Fingerprint) {
    of_standing(turn, project, fingerprint, Outcome::Void);
}

fn of_standing(
    turn: &mut Turn<'_>,
    project: ProjectId,
    fingerprint: &Fingerprint,
    outcome: Outcome,
) {
    let open = turn.state().projects[&project].forecasts.get(fingerprint);
    let open = open.filter(|open| open.forecast.decided_by == Decider::Standing);
    if let Some(agent) = open.map(|open| open.agent) {
        let fingerprint = fingerprint.clone();
        turn.record(Event::ForecastSettled { project, agent, fingerprint, outcome });
    }
}

/// After a look of its agent: what still stands at its time came, and what nobody spoke of for too long
/// is given up.
pub(super) fn settle_due(turn: &mut Turn<'_>, run: RunId) {
    let state = turn.state();
    let Some(run) = state.runs.get(&run) else { return };
    let (agent, now) = (run.agent, state.time);
    let project = state.agents[&agent].project;
    let due = state.projects[&project]
        .forecasts
        .iter()
        .filter(|(_, open)| open.agent == agent && now >= open.forecast.resolve_by);
    let settled: Vec<(Fingerprint, Outcome)> = due
        .filter_map(|(fingerprint, open)| {
            let stands = run.seen.contains(fingerprint);
            Some((fingerprint.clone(), outcome_at(&open.forecast, stands, now)?))
        })
        .collect();
    for (fingerprint, outcome) in settled {
        turn.record(Event::ForecastSettled { project, agent, fingerprint, outcome });
    }
}

/// What is decided of a forecast whose time has come, without its agent.
fn outcome_at(forecast: &Forecast, stands: bool, now: Time) -> Option<Outcome> {
    if forecast.decided_by == Decider::Standing && stands {
        return Some(Outcome::Came { at: Some(forecast.resolve_by) });
    }
    let is_late = now.since(forecast.resolve_by) > forecast::bounds::GRACE_MS;
    is_late.then_some(Outcome::Expired)
}

/// Nobody will look any more.
pub(super) fn void_all(turn: &mut Turn<'_>, project: ProjectId, agent: AgentId) {
    let forecasts = turn.state().projects[&project].forecasts.iter();
    let own: Vec<Fingerprint> = forecasts
        .filter(|(_, open)| open.agent == agent)
        .map(|(fingerprint, _)| fingerprint.clone())
        .collect();
    for fingerprint in own {
        let outcome = Outcome::Void;
        turn.record(Event::ForecastSettled { project, agent, fingerprint, outcome });
    }
}
