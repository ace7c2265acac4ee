//! Having proposals worked on: by this binary once more, as a short-lived process of its own.
//!
//! Repositories are opened there and never here. One after another: people decide one by one, and a
//! check waits for nobody. What was not done when the daemon ends is ordered again at its start.

use crate::handle::{Paths, Wake};
use crate::input::Input;
use crate::latch;
use onboard_domain::ProposalId;
use onboard_domain::proposal::{Check, News, Verdict, Work};
use onboard_writer::Order;
use onboard_writer::order::BYTES_MAX;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{MemfdFlags, Timespec, memfd_create};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Sender, SyncSender, channel};

/// The word that this binary is started with for it; the command line knows it too.
pub const WRITER: &str = "write-proposal";

/// How long one piece of work may take: reading a few files and looking through history takes
/// seconds in the largest repositories.
const PATIENCE_S: i64 = 60;
/// The stack of the thread: it waits.
const STACK: usize = 256 * 1024;

/// Takes orders for its own thread, which ends with this.
pub(crate) struct Writing(Sender<(ProposalId, Order)>);

impl Writing {
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn start(
        program: PathBuf,
        paths: Paths,
        wakes: SyncSender<Wake>,
    ) -> io::Result<Writing> {
        let (send, orders) = channel::<(ProposalId, Order)>();
        let body = move || {
            for (proposal, order) in orders {
                // Orders wait their turn here; what an emergency meets is ordered again after it.
                if latch::is_set(&paths) {
                    continue;
                }
                let news =
                    carry_out(&program, &order).unwrap_or_else(|why| failed(order.work, why));
                // Without the loop this process is ending; the work is ordered again.
                drop(wakes.send(Wake::Input(Input::Proposal { proposal, news })));
            }
        };
        let thread = std::thread::Builder::new().name("proposals".into()).stack_size(STACK);
        thread.spawn(body)?;
        Ok(Writing(send))
    }

    /// Puts an order behind the others.
    pub(crate) fn order(&self, proposal: ProposalId, order: Order) {
        // The thread ends with this, so it is there.
        drop(self.0.send((proposal, order)));
    }
}

/// What follows when the work itself could not be done.
pub(crate) fn failed(work: Work, why: String) -> News {
    match work {
        Work::Check => {
            let check = Check { name: "writer".into(), verdict: Verdict::Failed, note: why };
            News::Checked { base: None, checks: vec![check] }
        }
        Work::Write => News::NotWritten { stale: false, why },
        Work::Revert => News::NotReverted { why },
    }
}

/// Starts the writer with an order and waits for its report. Files in memory carry both, so that
/// neither side can block the other.
fn carry_out(program: &Path, order: &Order) -> Result<News, String> {
    let wrong = |what: &'static str| move |error: io::Error| format!("the writer {what}: {error}");
    let mut input = memory("order").map_err(wrong("can't be told its order"))?;
    let text = serde_json::to_vec(order).map_err(|error| error.to_string())?;
    input.write_all(&text).and_then(|()| input.rewind()).map_err(wrong("can't be told"))?;
    let mut output = memory("report").map_err(wrong("can't report"))?;
    let report = output.try_clone().map_err(wrong("can't report"))?;
    let mut child = spawn(program, input, report).map_err(wrong("can't be started"))?;
    let ended = wait(&mut child).map_err(wrong("can't be waited for"))?;
    if !ended {
        child.kill().and_then(|()| child.wait()).map_err(wrong("can't be ended"))?;
        return Err(format!("the writer did not end within {PATIENCE_S} s"));
    }
    let status = child.wait().map_err(wrong("can't be waited for"))?;
    let mut text = Vec::new();
    output.rewind().map_err(wrong("can't be read"))?;
    output.take(BYTES_MAX).read_to_end(&mut text).map_err(wrong("can't be read"))?;
    match serde_json::from_slice(&text) {
        Ok(news) if status.success() => Ok(news),
        _ => Err(format!("the writer ended with {status} and no report")),
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this very binary, doing the one thing that its order says; no agent's code runs in it"
)]
fn spawn(program: &Path, input: File, output: File) -> io::Result<Child> {
    let mut command = std::process::Command::new(program);
    command.arg(WRITER).env_clear().stdin(input).stdout(output).stderr(Stdio::inherit());
    command.spawn()
}

fn memory(name: &str) -> io::Result<File> {
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC)?))
}

/// Whether the process ended in time.
fn wait(child: &mut Child) -> io::Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let patience = Timespec { tv_sec: PATIENCE_S, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&patience)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    /// How many orders were carried out; all fail, for the writer is not there.
    fn carried_out(latched: bool) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let paths = Paths { state: at("state"), runtime: at("run"), config: at("config") };
        if latched {
            let set = latch::Latch { reason: "now".into(), since_ms: 1 };
            latch::set(&paths, &set).unwrap();
        }
        let (wakes, news) = sync_channel(8);
        let writing = Writing::start(at("no program"), paths, wakes).unwrap();
        for number in 0..3 {
            let text = r#"{"work":"write","root":"/p","agent":"a","proposal":"p0","title":"t",
              "reason":"r","patch":"","accepted_s":0,"forbidden":[],"read_only":[],
              "file_bytes_max":1,"branch":null}"#;
            writing.order(ProposalId(number), serde_json::from_str(text).unwrap());
        }
        // Its thread ends when it has gone through them.
        drop(writing);
        news.iter().count()
    }

    #[test]
    fn orders_that_wait_their_turn_are_not_carried_out_in_an_emergency() {
        assert_eq!(carried_out(false), 3);
        assert_eq!(carried_out(true), 0);
    }
}
