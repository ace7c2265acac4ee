//! Answers on their way from the loop's thread to the connections' thread.
//!
//! The loop answers a batch of commands in one go. Waking the other thread is a system call, so it
//! is done for the first answer of those that wait, not for each.

use crate::api::CommandAnswer;
use onboard_domain::Refusal;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{Notify, oneshot};

/// What a command came to.
pub type Told = Result<CommandAnswer, Refusal>;

/// Answers that are not handed on yet: at most one a request that the loop has taken.
#[derive(Default)]
pub struct Replies {
    waiting: Mutex<Vec<(oneshot::Sender<Told>, Told)>>,
    came: Notify,
}

impl Replies {
    /// From any thread: sees to it that the answer reaches `to`.
    pub fn put(&self, to: oneshot::Sender<Told>, told: Told) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((to, told));
        if waiting.len() == 1 {
            self.came.notify_one();
        }
    }

    /// Hands answers on, on the thread of those who wait for them, without end.
    pub async fn hand_on(&self) {
        loop {
            self.came.notified().await;
            let waiting = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *waiting)
            };
            for (to, told) in waiting {
                // Nobody waits any more when the peer went away or its time was over.
                let _ = to.send(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn every_answer_of_many_threads_arrives() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let replies = Arc::new(Replies::default());
            let handing = Arc::clone(&replies);
            let handing = tokio::spawn(async move { handing.hand_on().await });
            let answer = |run: usize| CommandAnswer {
                changed: true,
                project: None,
                agents: Vec::new(),
                run: Some(run.to_string()),
                waits: None,
            };
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..400).map(|_| oneshot::channel()).unzip();
            let mut senders = senders.into_iter().enumerate();
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let (replies, own) = (Arc::clone(&replies), senders.by_ref().take(100));
                    let own: Vec<_> = own.collect();
                    std::thread::spawn(move || {
                        for (index, to) in own {
                            replies.put(to, Ok(answer(index)));
                        }
                    })
                })
                .collect();
            for (index, receiver) in receivers.into_iter().enumerate() {
                assert_eq!(receiver.await.unwrap(), Ok(answer(index)));
            }
            for thread in threads {
                thread.join().unwrap();
            }
            handing.abort();
        });
    }
}
