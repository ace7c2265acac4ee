//! The binary `ai_onboard`: arguments, output, exit codes. It wires the product and decides nothing.

mod arguments;
mod brokered;
mod chosen;
mod clock;
mod commands;
mod completing;
mod connection;
mod failure;
mod follow;
mod output;
mod paths;
mod project;
mod render;
mod spawn;

use clap::{CommandFactory, FromArgMatches};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A launcher or a probe of the sandbox is this binary started once more: it must find a process
    // without threads, so nothing may come before this.
    onboard_sandbox::launcher_main_if_asked();
    // A shell that completes a word asks by a variable; this answers it and ends.
    clap_complete::CompleteEnv::with_factory(arguments::Cli::command).complete();
    let matches = arguments::Cli::command().get_matches();
    let cli = match arguments::Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            output::note(&failure.to_string());
            failure.kind.exit_code()
        }
    }
}
