//! What webhooks bring.

use super::{Illegal, illegal};
use crate::hook::bounds;
use crate::ids::ProjectId;
use crate::state::State;

pub(super) fn received(
    state: &mut State,
    project: ProjectId,
    hook: &str,
    key: &str,
    data: &str,
) -> Result<(), Illegal> {
    state.project_mut(project)?;
    if state.hooks.get(hook).is_some_and(|known| known.has(key)) {
        illegal!("webhook `{hook}` brought `{key}` before");
    }
    let at = state.time;
    state.hooks.entry(hook.into()).or_default().take(at, key, data);
    if state.hooks.len() > bounds::HOOKS {
        let others = state.hooks.iter().filter(|(name, _)| *name != hook);
        let quietest = others.min_by_key(|(_, known)| known.last()).map(|(name, _)| name.clone());
        quietest.map(|name| state.hooks.remove(&name));
    }
    Ok(())
}
