//! The sandbox's first process: builds the walls from inside, starts the agent, reaps orphans.
//!
//! When it ends, for whatever reason, the kernel kills every process of the namespace.

use crate::build::{self, Builder, Failure};
use crate::plan::{Plan, Step};
use crate::sys::{privilege, process};
use crate::wire::{self, Message};
use std::io;
use std::os::fd::AsFd;

/// Carries out the plan from step `from` on, and ends with the agent.
pub fn run(plan: &Plan, from: usize, mut builder: Builder) -> ! {
    if let Err(failure) = build_and_start(plan, from, &mut builder)
        .and_then(|(agent, index)| serve(agent, builder).map_err(|error| Failure { index, error }))
    {
        // Reported already where the socket still works; without it the launcher sees the end.
        process::exit_now(failure.error.raw_os_error().unwrap_or(1));
    }
    process::exit_now(0)
}

fn build_and_start(
    plan: &Plan,
    from: usize,
    builder: &mut Builder,
) -> Result<(i32, usize), Failure> {
    let outcome = steps_until_fork(plan, from, builder)
        .and_then(|fork| start_agent(plan, fork, builder).map(|agent| (agent, fork)));
    if let Err(failure) = &outcome {
        // If the caller is gone too there is nobody to tell.
        let _ = wire::send(builder.init.as_fd(), failure.message());
    }
    outcome
}

/// Carries out init's own steps; the index of the step that forks.
fn steps_until_fork(plan: &Plan, from: usize, builder: &mut Builder) -> Result<usize, Failure> {
    for (index, step) in plan.steps.iter().enumerate().skip(from) {
        let failed = |error| Failure { index, error };
        match step {
            Step::MapUser { .. } => await_map(builder).map_err(failed)?,
            Step::Fork => return Ok(index),
            step => builder.carry_out(step).map_err(failed)?,
        }
    }
    Err(Failure { index: plan.steps.len(), error: io::Error::from_raw_os_error(libc::EPROTO) })
}

/// Waits until the launcher wrote the user map; its end of the socket closes if it dies.
fn await_map(builder: &Builder) -> io::Result<()> {
    let gone = || io::Error::from_raw_os_error(libc::EPIPE);
    let launcher = builder.launcher.as_ref().ok_or_else(gone)?;
    match wire::receive(launcher.as_fd())? {
        Some(Message::Go) => Ok(()),
        _ => Err(gone()),
    }
}

/// Starts the agent's process, which carries out the remaining steps, the last being `execve`.
fn start_agent(plan: &Plan, fork: usize, builder: &mut Builder) -> Result<i32, Failure> {
    // Before the agent exists: nothing of the same user may ever look into this process.
    process::forbid_inspection().map_err(|error| Failure { index: fork, error })?;
    // Memory is shared until `execve`, so a failure is seen here without a message.
    let mut failure = None;
    let mut body = || {
        for (index, step) in plan.steps.iter().enumerate().skip(fork + 1) {
            if let Err(error) = builder.carry_out(step) {
                failure = Some(Failure { index, error });
                return 1;
            }
        }
        1
    };
    let agent = process::spawn_borrowing_memory(&mut body)
        .map_err(|error| Failure { index: fork, error })?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(agent),
    }
}

/// Tells the caller, gives up every right, and reaps until the agent ends.
fn serve(agent: i32, builder: Builder) -> io::Result<()> {
    let (init, launcher) = builder.keep_sockets();
    // The pipes close when the agent's own copies do.
    build::silence(&[0, 1, 2])?;
    privilege::empty_capability_sets()?;
    privilege::no_new_privileges()?;
    // Before the caller knows of the run: what it may send from then on is heard.
    process::hand_termination_on()?;
    wire::send(init.as_fd(), Message::Started)?;
    loop {
        let exit = process::wait(-1)?;
        if exit.pid == agent {
            drop(launcher);
            return wire::send(init.as_fd(), Message::Exited { status: exit.status });
        }
    }
}
