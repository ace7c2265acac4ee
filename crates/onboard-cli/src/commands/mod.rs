//! The commands, one file each, and which words lead to which.

mod agent;
mod approvals;
mod audit;
mod check;
mod config;
mod coordination;
mod council;
mod credentials;
mod daemon;
mod daemon_run;
mod doctor;
mod emergency_shutdown;
mod explain;
mod hooks;
mod host;
mod in_copy;
mod incidents;
mod knowledge;
mod list;
mod logs;
mod manual;
mod metrics;
mod models;
mod policy;
mod policy_ask;
mod policy_words;
mod proposals;
mod recommendations;
mod report;
mod resume;
mod run;
mod schedule;
pub mod simulate;
mod start;
mod status;
mod stop;
mod terminate;
mod turn;
mod version;
mod write_proposal;

pub use version::LONG as LONG_VERSION;

use crate::arguments::{AgentsCommand, Cli, Command, CoordinationCommand, DaemonCommand};
use crate::failure::Failure;
use std::process::ExitCode;

/// What a command gives: its exit code, or why it failed.
pub type Done = Result<ExitCode, Failure>;

/// Carries out a command line.
///
/// # Errors
/// Why the command failed.
pub fn run(cli: Cli) -> Done {
    let global = &cli.global;
    match cli.command {
        Command::BackgroundAgents(command) => run_agents(global, command),
        Command::Recommendations(command) => recommendations::run(global, command),
        Command::Check(args) => check::run(global, &args),
        Command::Knowledge(command) => knowledge::run(global, command),
        Command::Explain { what } => explain::run(global, what.as_deref()),
        Command::Incidents(command) => incidents::run(global, command),
        Command::Proposals(command) => proposals::run(global, command),
        Command::Approvals(command) => approvals::run(global, command),
        Command::Council(command) => council::run(global, command),
        Command::Policy(command) => policy::run(global, command),
        Command::Credentials(command) => credentials::run(global, command),
        Command::Hooks(command) => hooks::run(global, command),
        Command::Models(command) => models::run(global, command),
        Command::Schema { file } => policy::schema(file),
        Command::Daemon(DaemonCommand::Run { detached }) => daemon_run::run(detached),
        Command::Daemon(command) => daemon::run(global, &command),
        Command::Doctor => doctor::run(global),
        Command::Audit(command) => audit::run(global, &command),
        Command::Schedule(command) => schedule::run(global, command),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { page: Some(page), .. } => manual::of_agent(&page),
        Command::Man { folder, .. } => manual::pages(folder.as_deref()),
        Command::Version => version::run(global),
        Command::Simulate(args) => simulate::run(global, &args),
        Command::Agent { name } => agent::run(&name),
        Command::WriteProposal => write_proposal::run(),
        Command::InCopy { words } => in_copy::run(&words),
        Command::Host { words } => host::run(&words),
    }
}

fn run_agents(global: &crate::arguments::Global, command: AgentsCommand) -> Done {
    match command {
        AgentsCommand::List { all_projects, state } => {
            list::run(global, all_projects, state.as_deref())
        }
        AgentsCommand::Start { which, wait, timeout, detach } => {
            start::run(global, &which, &start::Following { wait, timeout, detach })
        }
        AgentsCommand::Stop { which, now, timeout } => stop::run(global, &which, timeout, now),
        AgentsCommand::Terminate { name, yes } => terminate::run(global, &name, yes),
        AgentsCommand::Restart { which, now } => {
            turn::run(global, &which, turn::Turn::Restart { now })
        }
        AgentsCommand::Pause { which } => turn::run(global, &which, turn::Turn::Pause),
        AgentsCommand::Resume { names, all, reason } => resume::run(global, names, all, reason),
        AgentsCommand::Run { name, wait, timeout } => run::run(global, &name, wait, timeout),
        AgentsCommand::Status { which, wait, timeout } => {
            status::run(global, &which, wait.then_some(timeout))
        }
        AgentsCommand::Config { name, schedule, dry_run, show_origin } => {
            config::run(global, &name, schedule.as_deref(), dry_run, show_origin)
        }
        AgentsCommand::Logs { name, tail, follow, since, until, run, previous, level, grep } => {
            let asked = logs::Asked { tail, follow, since, until, run, previous, level, grep };
            logs::run(global, &name, asked)
        }
        AgentsCommand::Coordination(CoordinationCommand::Status { all_projects }) => {
            coordination::status(global, all_projects)
        }
        AgentsCommand::Metrics { agent } => metrics::run(global, agent.as_deref()),
        AgentsCommand::Report { period, output, form } => {
            report::run(global, &period, output.as_deref(), form)
        }
        AgentsCommand::EmergencyShutdown { reason } => emergency_shutdown::run(global, &reason),
    }
}
