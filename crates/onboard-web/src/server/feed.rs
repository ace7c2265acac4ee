//! One follower of the loop for all watch streams; it lives while there is a stream.

use onboard_daemon::handle::{Handle, Published};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// Batches a stream may lag behind before it is told to read the state anew.
const LAG_MAX: usize = 256;

/// What streams are told.
#[derive(Clone, Debug)]
pub enum Fed {
    Batch(Published),
    /// Batches were lost between the loop and here.
    Lost,
}

/// Shares the loop's batches among streams.
pub struct Feed {
    handle: Handle,
    fed: broadcast::Sender<Fed>,
    is_following: Arc<Mutex<bool>>,
}

impl Feed {
    /// A feed that follows once somebody subscribes.
    pub fn new(handle: Handle) -> Feed {
        let (fed, _) = broadcast::channel(LAG_MAX);
        Feed { handle, fed, is_following: Arc::default() }
    }

    /// Every batch from now on; `None` when there is no thread left to follow with.
    pub fn subscribe(&self) -> Option<broadcast::Receiver<Fed>> {
        let mut is_following = self.is_following.lock().unwrap_or_else(PoisonError::into_inner);
        let subscription = self.fed.subscribe();
        if !*is_following {
            let batches = self.handle.follow();
            let (handle, fed) = (self.handle.clone(), self.fed.clone());
            let flag = Arc::clone(&self.is_following);
            std::thread::Builder::new()
                .name("feed".into())
                .spawn(move || pass_on(&handle, batches, &fed, &flag))
                .ok()?;
            *is_following = true;
        }
        Some(subscription)
    }
}

/// Passes batches on until nobody subscribes.
fn pass_on(
    handle: &Handle,
    mut batches: Receiver<Published>,
    fed: &broadcast::Sender<Fed>,
    is_following: &Mutex<bool>,
) {
    loop {
        let next = match batches.recv() {
            Ok(batch) => Fed::Batch(batch),
            // Cut off for lagging.
            Err(_) => {
                batches = handle.follow();
                Fed::Lost
            }
        };
        let mut is_following = is_following.lock().unwrap_or_else(PoisonError::into_inner);
        if fed.send(next).is_err() {
            *is_following = false;
            return;
        }
    }
}
