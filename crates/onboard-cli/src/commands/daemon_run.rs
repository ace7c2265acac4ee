//! `daemon run`: being the daemon, until it is told to end.

use super::Done;
use crate::failure::{Failure, Kind};
use crate::{output, paths, spawn};
use onboard_daemon::manifests::{self, BuiltInManifest};
use onboard_daemon::retention::Retention;
use onboard_daemon::{Handle, Options, StartError, clock, network};
use onboard_journal::LockError;
use onboard_protocol::DaemonSettings;
use onboard_scheduler::{Budget, Settings};
use onboard_web::hooks::listen::{self, Listening};
use onboard_web::hooks::outgoing;
use onboard_web::hooks::tally::Tallies;
use onboard_web::server::{self, Sources};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

pub fn run(detached: bool) -> Done {
    // Before there is a second thread: an arena that is there stays.
    onboard_sandbox::allocate_from_one_arena();
    if detached {
        // It fails only for a process that leads a group already: then there is nothing to leave.
        let _ = rustix::process::setsid();
    }
    let program = std::env::current_exe()
        .map_err(|error| Failure::file("find", Path::new("this program"), &error))?;
    let paths = paths::find()?;
    let said = manifests::daemon_settings(&paths.user_config())
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    let options = Options {
        paths,
        version: super::version::VERSION.into(),
        program,
        built_in: built_in(),
        settings: settings(&said),
        kept: Retention::with(said.journal_mib, said.journal_days),
        network: network::internet(),
        told: Arc::new(outgoing::posts),
        certificates: said.certificates.clone().map(Into::into),
    };
    let fail = |error: &dyn std::fmt::Display| Failure::new(Kind::Failed, error.to_string());
    let daemon = onboard_daemon::start(options).map_err(|error| {
        if detached && matches!(error, StartError::Lock(LockError::Held { .. })) {
            // Who started this one can tell that from other failures; the log has the sentence.
            let _ = output::data(&format!("{}\n", spawn::HELD));
        }
        fail(&error)
    })?;
    let (handle, tallies) = (daemon.handle.clone(), Arc::<Tallies>::default());
    let hooks = said.hooks_listen.map(|address| hear(&handle, &tallies, address)).transpose()?;
    let server = server::start(Sources {
        handle,
        clock: Arc::new(clock::wall),
        version: super::version::VERSION,
        ends_on_signals: true,
        hooks: tallies,
    })
    .map_err(|error| fail(&error))?;
    output::data(&format!("{}\n", spawn::READY))?;
    let ended = daemon.wait();
    server.stop("the daemon ended");
    if let Some(hooks) = hooks {
        hooks.stop();
    }
    ended.map_err(|fault| fail(&fault))?;
    Ok(ExitCode::SUCCESS)
}

/// Listens for webhooks. Where that was asked for and can't be, nobody is left to believe that it is so.
fn hear(
    handle: &Handle,
    tallies: &Arc<Tallies>,
    address: SocketAddr,
) -> Result<Listening, Failure> {
    let clock = Arc::new(clock::wall);
    listen::start(handle.clone(), clock, Arc::clone(tallies), address).map_err(|error| {
        let message = format!("webhooks can't be taken at {address}: {error}");
        Failure::new(Kind::Failed, message).hint("change `hooks_listen` in config.yaml")
    })
}

/// The scheduler's settings: what the user said, and half of this machine for the budget.
fn settings(said: &DaemonSettings) -> Settings {
    let settings = said.max_running.map_or_else(Default::default, Settings::with_max_running);
    let host = onboard_daemon::pressure::sample(clock::wall());
    let mut budget = match host.memory_total_bytes {
        // A host that doesn't tell: as on any developer's machine.
        0 => Budget { cpu_percent: host.cores.saturating_mul(50), ..settings.budget },
        total => Budget::half_of(host.cores, total),
    };
    budget.cpu_percent = said.cpu_percent.unwrap_or(budget.cpu_percent);
    budget.memory_mb = said.memory_mb.unwrap_or(budget.memory_mb);
    Settings { budget, ..settings }
}

/// The manifests of the agents that come with the program.
pub fn built_in() -> Vec<BuiltInManifest> {
    let manifest = |agent: &onboard_agents::BuiltIn| BuiltInManifest {
        name: agent.name,
        text: agent.manifest,
    };
    onboard_agents::builtins().iter().map(manifest).collect()
}
