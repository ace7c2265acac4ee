//! One turn of the loop: events are folded as they are decided, so that each decision sees the
//! ones before it; effects are collected for after the append.

use crate::apply::Illegal;
use crate::effect::Effect;
use crate::event::Event;
use crate::ids::AgentId;
use crate::state::State;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A turn over a state. Nothing of it may be shown or done before its events are durable; if they
/// can't be made durable the state is thrown away and folded again from the journal.
#[derive(Debug)]
pub struct Turn<'a> {
    state: &'a mut State,
    events: Vec<Event>,
    effects: Vec<Effect>,
    illegal: Option<Illegal>,
    /// How many of the events were handed out by [`Turn::follow`].
    followed: usize,
    /// Whose runs ended, in the order of the events that say so.
    ended: VecDeque<AgentId>,
}

impl<'a> Turn<'a> {
    /// A turn at the state's present time.
    pub fn new(state: &'a mut State) -> Turn<'a> {
        Turn {
            state,
            events: Vec::new(),
            effects: Vec::new(),
            illegal: None,
            followed: 0,
            ended: VecDeque::new(),
        }
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
        if let Event::RunEnded { run, .. } = &event
            && let Some(run) = self.state.runs.get(run)
        {
            self.ended.push_back(run.agent);
        }
        match self.state.apply(&event) {
            Ok(()) => self.events.push(event),
            Err(illegal) => self.illegal = Some(illegal),
        }
    }

    /// The next event whose consequences were not decided yet, by its index, and for the end of a
    /// run whose it was. Each event is handed out once in a turn, so nothing follows from it twice.
    pub fn follow(&mut self) -> Option<(usize, Option<AgentId>)> {
        let index = self.followed;
        let event = self.events.get(index)?;
        self.followed += 1;
        match event {
            Event::RunEnded { .. } => Some((index, self.ended.pop_front())),
            _ => Some((index, None)),
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
