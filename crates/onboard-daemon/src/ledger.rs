//! What one run may spend on models: asked of the loop, which makes it durable before it answers.

use crate::handle::Wake;
use crate::input::Input;
use crate::step::models::{NotReserved, Reserved};
use onboard_domain::model::{Budget, Ending, Spend};
use onboard_domain::{Generation, RunId};
use std::sync::mpsc::{SyncSender, channel};

/// One run's way to the loop, from whichever thread.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) wakes: SyncSender<Wake>,
    pub(crate) run: RunId,
    pub(crate) generation: Generation,
}

impl Ledger {
    /// Sets aside the most that a request of `model` may use; the request may leave once this has
    /// returned.
    ///
    /// # Errors
    /// When a budget has no room for it, or the run or the daemon is ending.
    pub fn reserve(&self, model: &str, spend: Spend, budgets: Vec<Budget>) -> Reserved {
        let (send, receive) = channel();
        let answer = Box::new(move |reserved| {
            // Who asked may be gone: what was set aside is settled with its run.
            drop(send.send(reserved));
        });
        let Ledger { run, generation, .. } = *self;
        let model = model.to_string();
        let wake = Wake::ReserveModel { run, generation, model, spend, budgets, answer };
        self.wakes.send(wake).map_err(|_| NotReserved::Ended)?;
        receive.recv().map_err(|_| NotReserved::Ended)?
    }

    /// Says what a request came to.
    pub fn settle(&self, id: u64, spend: Spend, ending: Ending) {
        // Without the loop this process is ending, and the next daemon settles it in full.
        drop(self.wakes.send(Wake::Input(Input::ModelSettled { id, spend, ending })));
    }
}
