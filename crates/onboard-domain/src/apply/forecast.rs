//! A forecast's life: made, settled.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::forecast::{self, Open};
use crate::state::{State, bounds};
use alloc::borrow::ToOwned;

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::ForecastMade { project, agent, fingerprint, rule, forecast } => {
            let made = state.time;
            let entry = state.project_mut(*project)?;
            if entry.forecasts.len() >= forecast::bounds::OPEN {
                illegal!("{project} has {} open forecasts", entry.forecasts.len());
            }
            let (agent, rule, forecast) = (*agent, rule.clone(), (**forecast).clone());
            let open = Open { agent, rule, made, forecast };
            if entry.forecasts.insert(fingerprint.clone(), open).is_some() {
                illegal!("a forecast of {fingerprint} in {project} is open already");
            }
            Ok(())
        }
        Event::ForecastSettled { project, fingerprint, outcome, .. } => {
            let now = state.time;
            let Some(open) = state.project_mut(*project)?.forecasts.remove(fingerprint) else {
                illegal!("no forecast of {fingerprint} in {project} to settle");
            };
            if !open.forecast.is_answered_by(*outcome) {
                illegal!("{outcome:?} is no outcome of the forecast of {fingerprint} in {project}");
            }
            // Of rules beyond the bound nothing is known, as with what people made of them.
            let Some(agent) = state.agents.get_mut(&open.agent) else { return Ok(()) };
            if agent.scores.contains_key(&open.rule) || agent.scores.len() < bounds::RULES {
                agent.scores.entry(open.rule.to_owned()).or_default().add(&open, *outcome, now);
            }
            Ok(())
        }
        other => illegal!("not a forecast's event: {other:?}"),
    }
}
