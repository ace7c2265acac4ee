//! A direct message's life: sent, delivered (perhaps again), acknowledged or dead.

use super::{Illegal, illegal};
use crate::event::Event;
use crate::ids::{AgentId, MessageId};
use crate::state::{Message, State};

pub(super) fn apply(state: &mut State, event: &Event) -> Result<(), Illegal> {
    match event {
        Event::MessageSent { id, from, to, body } => {
            if id.0 != state.next.message {
                illegal!("message {id} sent, next is m{}", state.next.message);
            }
            let sent = state.time;
            state.agent_mut(*to)?.inbox.push(*id);
            state.next.message += 1;
            let message = Message {
                id: *id,
                from: *from,
                to: *to,
                sent,
                body: body.clone(),
                deliveries: 0,
                delivered_to: None,
            };
            state.messages.insert(*id, message);
            Ok(())
        }
        Event::MessageDelivered { id, run } => {
            let Some(message) = state.messages.get_mut(id) else { illegal!("no message {id}") };
            message.deliveries += 1;
            message.delivered_to = Some(*run);
            Ok(())
        }
        Event::MessageAcked { id } => remove(state, *id).map(drop),
        Event::MessageDied { id } => {
            let to = remove(state, *id)?;
            state.agent_mut(to)?.totals.messages_dead += 1;
            Ok(())
        }
        other => illegal!("not a message's event: {other:?}"),
    }
}

/// Takes a message away; returns whose it was.
fn remove(state: &mut State, id: MessageId) -> Result<AgentId, Illegal> {
    let Some(message) = state.messages.remove(&id) else { illegal!("no message {id}") };
    state.agent_mut(message.to)?.inbox.retain(|kept| *kept != id);
    Ok(message.to)
}
