//! The launcher: a process of our own binary, forked from the starter to build one sandbox and to
//! watch over it.
//!
//! It has one thread, so it may create processes; the caller, which has many, never does. It stays
//! until the sandbox is gone: it reaps it, notices that the caller died (the control socket hangs
//! up), and holds the limits no control group holds.
//!
//! The launcher does not ask the kernel to be killed with its parent: the kernel means the parent's
//! *thread*, and a caller's thread may end long before its runs. The socket is the caller's life.

use crate::build::{self, Builder, Failure};
use crate::init;
use crate::plan::{Plan, Step};
use crate::probe;
use crate::starter::{self, Request};
use crate::sys::process::Clone;
use crate::sys::{files, process, socket};
use crate::watch::Watcher;
use crate::wire::{self, Message, Passed, Verdict};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The name (argument zero) by which our binary knows that it is to start launchers.
pub const LAUNCHER_NAME: &str = "ai_onboard-launcher";

/// Namespaces of the sandbox. The cgroup one is made later, when the process is in its groups.
const NAMESPACES: u64 = (libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS) as u64;

/// First descriptor of the launcher's own: above the ones an agent gets.
pub const OWN_FILES_FROM: i32 = 10;

/// Becomes the starter of launchers, or the program that tries the walls from inside, if this process
/// was started as one; returns otherwise. Must be the first thing in `main`: no thread may run yet.
pub fn launcher_main_if_asked() {
    let name = std::env::args_os().next();
    match name.as_ref().and_then(|name| name.to_str()) {
        Some(LAUNCHER_NAME) => process::exit_now(i32::from(starter::serve().is_err())),
        Some(probe::inside::PROGRAM) => process::exit_now(probe::inside::main()),
        _ => {}
    }
}

/// Launches one run, in a process that has its standard files and what it was asked with, no more.
pub fn run(request: Request<OwnedFd>) -> io::Result<()> {
    files::place(request.stdout.as_fd(), 1)?;
    files::place(request.stderr.as_fd(), 2)?;
    let control = files::duplicate_above(request.control.as_fd(), OWN_FILES_FROM)?;
    drop(request);
    let (plan, Passed { host, init }) = wire::receive_plan(control.as_fd())?;
    let above = |fd: OwnedFd| files::duplicate_above(fd.as_fd(), OWN_FILES_FROM);
    let builder = Builder::new(above(host)?, above(init)?);
    match build_sandbox(&plan, builder, &control) {
        Ok(sandbox) => watch_over(&plan, &sandbox, &control),
        Err(failure) => wire::send(control.as_fd(), failure.message()),
    }
}

/// The sandbox's first process, as its parent holds it.
struct Sandbox {
    pid: i32,
    pidfd: OwnedFd,
    /// Tells the first process to go on, and hangs up for it when the launcher ends.
    life: OwnedFd,
}

fn build_sandbox(plan: &Plan, mut builder: Builder, control: &OwnedFd) -> Result<Sandbox, Failure> {
    for (index, step) in plan.steps.iter().enumerate() {
        let failed = |error| Failure { index, error };
        if *step != Step::NewNamespaces {
            builder.carry_out(step).map_err(failed)?;
            continue;
        }
        let (ours, theirs) = socket::pair().map_err(failed)?;
        let group = builder.birth_group.as_ref().map(AsFd::as_fd);
        return match process::clone_with_namespaces(NAMESPACES, group).map_err(failed)? {
            Clone::Child => {
                // The launcher's ends: held here, they would hide its death.
                builder.launcher = Some(theirs);
                drop(ours);
                init::run(plan, index + 1, builder)
            }
            Clone::Parent { pid, pidfd } => {
                drop(theirs);
                // The agent's pipes and sockets end with the agent, not with its watcher.
                drop(builder);
                build::silence(&[1, 2]).map_err(failed)?;
                let sandbox = Sandbox { pid, pidfd, life: ours };
                introduce(plan, index, &sandbox, control)?;
                Ok(sandbox)
            }
        };
    }
    Err(Failure { index: plan.steps.len(), error: io::Error::from_raw_os_error(libc::EPROTO) })
}

/// Maps the sandbox's user, lets it go on and tells the caller its number. `after`: the step that
/// made it.
fn introduce(
    plan: &Plan,
    after: usize,
    sandbox: &Sandbox,
    control: &OwnedFd,
) -> Result<(), Failure> {
    let map = plan.steps.iter().enumerate().skip(after).find_map(|(index, step)| match step {
        Step::MapUser { uid, gid } => Some((index, uid, gid)),
        _ => None,
    });
    let Some((index, uid, gid)) = map else {
        let error = io::Error::from_raw_os_error(libc::EPROTO);
        return Err(Failure { index: after, error });
    };
    let failed = |error| Failure { index, error };
    let inside = crate::plan::INSIDE_ID;
    let write =
        |file: &str, text: String| std::fs::write(format!("/proc/{}/{file}", sandbox.pid), text);
    write("setgroups", "deny".into()).map_err(failed)?;
    write("gid_map", format!("{inside} {gid} 1")).map_err(failed)?;
    write("uid_map", format!("{inside} {uid} 1")).map_err(failed)?;
    wire::send(sandbox.life.as_fd(), Message::Go).map_err(failed)?;
    wire::send_created(control.as_fd(), sandbox.pid, sandbox.pidfd.as_fd()).map_err(failed)
}

/// Waits for the sandbox's end, or brings it about.
fn watch_over(plan: &Plan, sandbox: &Sandbox, control: &OwnedFd) -> io::Result<()> {
    let mut watcher = Watcher::new(sandbox.pid, plan.watch);
    let mut verdict = Verdict::None;
    let mut caller_listens = true;
    loop {
        let fds: Vec<BorrowedFd<'_>> = [sandbox.pidfd.as_fd()]
            .into_iter()
            .chain(caller_listens.then_some(control.as_fd()))
            .collect();
        let state = crate::sys::retry(|| process::poll_readable(&fds, watcher.next_look()))?;
        if state[0].readable {
            break;
        }
        if state.get(1).is_some_and(|s| s.readable || s.hung_up) {
            caller_listens = obey(control.as_fd(), &mut watcher)?;
            if !caller_listens {
                verdict = Verdict::CallerGone;
                kill(plan, sandbox)?;
            }
        }
        if watcher.look() && verdict == Verdict::None {
            verdict = Verdict::Memory;
            kill(plan, sandbox)?;
        }
    }
    let exit = process::wait(sandbox.pid)?;
    let max_memory = watcher.max_memory().max(exit.max_rss);
    let (status, cpu_us, watched) = (exit.status, exit.cpu_us, watcher.counted());
    let ended = Message::Ended { status, verdict, cpu_us, max_memory, watched };
    // A caller that is gone cannot be told.
    let _ = wire::send(control.as_fd(), ended);
    Ok(())
}

/// Carries out one request of the caller; `false`: the caller is gone.
fn obey(control: BorrowedFd<'_>, watcher: &mut Watcher) -> io::Result<bool> {
    match wire::receive(control)? {
        None => return Ok(false),
        Some(Message::Freeze) => watcher.freeze(),
        Some(Message::Thaw) => watcher.thaw(),
        Some(_) => {}
    }
    Ok(true)
}

/// The first process dies, and with it every process of its namespace.
fn kill(plan: &Plan, sandbox: &Sandbox) -> io::Result<()> {
    // A stopped tree dies of SIGKILL all the same; one that ended meanwhile needs none.
    match process::signal_pidfd(sandbox.pidfd.as_fd(), libc::SIGKILL) {
        Err(e) if e.raw_os_error() == Some(libc::ESRCH) => {}
        other => other?,
    }
    match &plan.freezer {
        // With the signal pending, a frozen process runs no instruction of its own any more.
        Some(state) => std::fs::write(state, "THAWED"),
        None => Ok(()),
    }
}
