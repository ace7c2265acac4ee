//! What webhooks bring. Who sent it was proven by whoever took it in.

use onboard_domain::hook::bounds;
use onboard_domain::state::bounds::KEY;
use onboard_domain::{Answer, Event, Refusal, RefusalKind, Turn};

/// Takes a delivery once; the same again changes nothing.
pub(super) fn receive(
    turn: &mut Turn<'_>,
    root: &str,
    hook: String,
    key: String,
    data: String,
) -> Result<Answer, Refusal> {
    for (what, length, most) in
        [("name", hook.len(), KEY), ("key", key.len(), KEY), ("data", data.len(), bounds::DATA)]
    {
        if length > most {
            let message = format!("the webhook's {what} has {length} bytes, at most {most}");
            return Err(Refusal::new(RefusalKind::Invalid, message));
        }
    }
    let Some(project) = turn.state().project_at(root) else {
        let message = format!("no project at {root} is known; `ai_onboard bg start` makes it so");
        return Err(Refusal::new(RefusalKind::UnknownProject, message));
    };
    let changed = !turn.state().hooks.get(&hook).is_some_and(|known| known.has(&key));
    if changed {
        turn.record(Event::HookReceived { project, hook, key, data });
    }
    Ok(Answer::Done { changed })
}
