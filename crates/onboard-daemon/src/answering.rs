//! Whether a project's file system answers at all. One that is gone keeps whoever asks it, for ever, and
//! no signal helps; so a thread is asked first that may be kept, and never the loop.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long an answer may take: a disk that has to spin up first has it by then. Until then the loop
/// waits, once for each project that is gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// Threads that may be kept at once, each by another project.
const KEPT: usize = 64;

/// Its stack: it makes a few system calls.
const STACK: usize = 64 * 1024;

/// What is read of a project before a run starts.
const READ: [&str; 4] =
    [".ai_onboard/policy.yaml", ".ai_onboard/config.yaml", ".ai_onboard/agents", ".git"];

/// Who was asked and has not answered.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    kept: BTreeMap<PathBuf, JoinHandle<()>>,
}

impl Answering {
    /// Looks at a project.
    ///
    /// # Errors
    /// When it doesn't answer; then at once, until it does.
    pub(crate) fn look(&mut self, root: &Path) -> Result<(), String> {
        self.ask(root, PATIENCE, touch)
    }

    fn ask(
        &mut self,
        root: &Path,
        patience: Duration,
        touch: impl FnOnce(&Path) + Send + 'static,
    ) -> Result<(), String> {
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
        let (tell, told) = sync_channel(1);
        let place = root.to_path_buf();
        let asking = std::thread::Builder::new().name("look".into()).stack_size(STACK);
        let thread = asking.spawn(move || {
            touch(&place);
            // Who asked may have given up.
            let _ = tell.send(());
        });
        let thread = thread.map_err(|error: io::Error| format!("no thread to look: {error}"))?;
        match told.recv_timeout(patience) {
            Ok(()) => Ok(()),
            Err(_) => {
                self.kept.insert(root.into(), thread);
                Err(silent())
            }
        }
    }
}

/// What is there doesn't matter here, only that it is said.
fn touch(root: &Path) {
    let _ = fs::metadata(root);
    for name in READ {
        let _ = fs::metadata(root.join(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_silent_holds_up_nobody_else() {
        let mut answering = Answering::default();
        let (gone, good) = (Path::new("/gone"), Path::new("/"));
        let (answer, asked) = sync_channel::<()>(1);
        let short = Duration::from_millis(20);
        let why = answering.ask(gone, short, move |_| asked.recv().unwrap_or(())).unwrap_err();
        assert!(why.contains("/gone does not answer"), "{why}");
        assert_eq!(answering.look(good), Ok(()));
        let untried = |_: &Path| panic!("nobody is asked twice");
        assert!(answering.ask(gone, short, untried).is_err());
        drop(answer);
        while !answering.kept[gone].is_finished() {
            std::thread::yield_now();
        }
        assert_eq!(answering.look(gone), Ok(()), "it answers that it is not there");
    }

    #[test]
    fn those_that_wait_are_counted() {
        let mut answering = Answering::default();
        let mut answers = Vec::new();
        for n in 0..KEPT {
            let (answer, asked) = sync_channel::<()>(1);
            answers.push(answer);
            let root = PathBuf::from(format!("/gone/{n}"));
            let silent = move |_: &Path| asked.recv().unwrap_or(());
            answering.ask(&root, Duration::ZERO, silent).unwrap_err();
        }
        assert!(answering.look(Path::new("/")).is_err(), "one more is not tried");
        drop(answers);
        while !answering.kept.values().all(JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        assert_eq!(answering.look(Path::new("/")), Ok(()));
    }
}
