//! The quota of what is kept for one agent.

use super::World;
use onboard_domain::{AgentId, CallRefusal, Turn};

/// Refuses what would pass the agent's quota: `more` bytes in the place of `less` that it has now. What
/// makes it smaller is taken.
pub(super) fn room(
    turn: &Turn<'_>,
    world: &World<'_>,
    agent: AgentId,
    more: u64,
    less: u64,
) -> Result<(), CallRefusal> {
    if more <= less {
        return Ok(());
    }
    let state = turn.state();
    let root = &state.projects[&state.agents[&agent].project].root;
    let quota = world.policies.storage(root);
    let kept = state.stored_by(agent).bytes();
    let (most, wanted) = (quota.of_rest(), kept - less.min(kept) + more);
    if wanted <= most {
        return Ok(());
    }
    let why = format!(
        "it would keep {wanted} bytes for this agent, and {most} are its part of `max_storage_mb`, set \
         by {}: keep less, or replace what is there by something smaller",
        quota.source
    );
    Err(CallRefusal::new("quota", why))
}
