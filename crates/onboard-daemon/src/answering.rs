//! Whether a project's file system answers at all. One that is gone keeps whoever asks it, for ever, and
//! no signal helps; so everything that the loop wants of a project is read by a thread that may be kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long an answer may take: a disk that has to spin up first has it by then. Until then the loop
/// waits, once for each project that is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Threads that may be kept at once, each by another project.
const KEPT: usize = 64;

/// Who was asked and has not answered.
#[derive(Debug, Default)]
pub struct Answering {
    reader: Option<Reader>,
    kept: BTreeMap<PathBuf, JoinHandle<()>>,
}

/// A thread that reads what it is asked for.
#[derive(Debug)]
struct Reader {
    asks: SyncSender<Box<dyn FnOnce() + Send>>,
    thread: JoinHandle<()>,
}

impl Reader {
    fn start() -> Result<Reader, String> {
        let (asks, asked) = sync_channel::<Box<dyn FnOnce() + Send>>(1);
        let reading = std::thread::Builder::new().name("read".into());
        let thread = reading.spawn(move || asked.into_iter().for_each(|ask| ask()));
        let thread = thread.map_err(|error| format!("no thread to look: {error}"))?;
        Ok(Reader { asks, thread })
    }
}

impl Answering {
    /// What `read` finds in the project at `root`.
    ///
    /// # Errors
    /// When its file system doesn't answer; then at once, until it does.
    pub fn ask<T: Send + 'static>(
        &mut self,
        root: &Path,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        self.kept.retain(|_, thread| !thread.is_finished());
        // Projects often share a file system: the loop waits long for the first that is silent, not for each.
        self.ask_within(PATIENCE / (1 << self.kept.len().min(4)), root, read)
    }

    fn ask_within<T: Send + 'static>(
        &mut self,
        patience: Duration,
        root: &Path,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, String> {
        self.kept.retain(|_, thread| !thread.is_finished());
        let silent = || {
            let root = root.display();
            format!(
                "the file system of {root} does not answer: mount it anew, or remove the project"
            )
        };
        if self.kept.contains_key(root) || self.kept.len() >= KEPT {
            return Err(silent());
        }
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::start()?,
        };
        let (tell, told) = sync_channel(1);
        // Who asked may have given up.
        let ask = Box::new(move || drop(tell.send(read())));
        // A thread that is gone answers nothing, either.
        drop(reader.asks.send(ask));
        match told.recv_timeout(patience) {
            Ok(found) => {
                self.reader = Some(reader);
                Ok(found)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.kept.insert(root.into(), reader.thread);
                Err(silent())
            }
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("reading {} failed; the daemon's log says why", root.display()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn one_that_is_silent_holds_up_nobody_else() {
        let mut answering = Answering::default();
        let (gone, good) = (Path::new("/gone"), Path::new("/"));
        let (answer, asked) = sync_channel::<()>(1);
        let silent = move || asked.recv().unwrap_or(());
        let why = answering.ask_within(SHORT, gone, silent).unwrap_err();
        assert!(why.contains("/gone does not answer"), "{why}");
        assert_eq!(answering.ask(good, || 7), Ok(7));
        let untried = || panic!("nobody is asked twice");
        assert_eq!(answering.ask(gone, untried), Err(why));
        drop(answer);
        while !answering.kept[gone].is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(answering.ask(gone, || "it is back"), Ok("it is back"));
        assert!(answering.kept.is_empty());
    }

    #[test]
    fn a_reader_that_fails_is_replaced() {
        let mut answering = Answering::default();
        let failed = answering.ask(Path::new("/"), || panic!("meant, by a test"));
        assert!(failed.is_err_and(|why: String| why.contains("reading / failed")));
        assert_eq!(answering.ask(Path::new("/"), || 7), Ok(7));
    }

    #[test]
    fn those_that_wait_are_counted() {
        let mut answering = Answering::default();
        let mut answers = Vec::new();
        for n in 0..KEPT {
            let (answer, asked) = sync_channel::<()>(1);
            answers.push(answer);
            let root = PathBuf::from(format!("/gone/{n}"));
            let silent = move || asked.recv().unwrap_or(());
            answering.ask_within(Duration::ZERO, &root, silent).unwrap_err();
        }
        assert!(answering.ask(Path::new("/"), || ()).is_err(), "one more is not tried");
        drop(answers);
        while !answering.kept.values().all(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        assert_eq!(answering.ask(Path::new("/"), || ()), Ok(()));
    }
}
