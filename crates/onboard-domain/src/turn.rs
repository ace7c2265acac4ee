//! One turn of the loop: events are folded as they are decided, so that each decision sees the
//! ones before it; effects are collected for after the append.

use crate::apply::Illegal;
use crate::effect::Effect;
use crate::event::Event;
use crate::state::State;
use alloc::vec::Vec;

/// A turn over a state. Nothing of it may be shown or done before its events are durable; if they
/// can't be made durable the state is thrown away and folded again from the journal.
#[derive(Debug)]
pub struct Turn<'a> {
    state: &'a mut State,
    events: Vec<Event>,
    effects: Vec<Effect>,
    illegal: Option<Illegal>,
}

impl<'a> Turn<'a> {
    /// A turn at the state's present time.
    pub fn new(state: &'a mut State) -> Turn<'a> {
        Turn { state, events: Vec::new(), effects: Vec::new(), illegal: None }
    }

    /// The state with everything decided so far.
    pub fn state(&self) -> &State {
        self.state
    }

    /// Decides a fact. After an illegal one the turn is void: [`Turn::finish`] says which.
    pub fn record(&mut self, event: Event) {
        if self.illegal.is_some() {
            return;
        }
        match self.state.apply(&event) {
            Ok(()) => self.events.push(event),
            Err(illegal) => self.illegal = Some(illegal),
        }
    }

    /// Asks for an effect, to be performed once the turn's events are durable.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Events decided so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The turn's events and effects.
    ///
    /// # Errors
    /// The first illegal event: a bug in a decision; the state must be folded again.
    pub fn finish(self) -> Result<(Vec<Event>, Vec<Effect>), Illegal> {
        match self.illegal {
            Some(illegal) => Err(illegal),
            None => Ok((self.events, self.effects)),
        }
    }
}
