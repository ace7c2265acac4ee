//! `completions` and `man`

use super::{Done, explain};
use crate::arguments::Cli;
use crate::failure::{Failure, Kind};
use crate::output;
use crate::render::manual as render;
use clap::CommandFactory;
use clap_complete::env::Shells;
use onboard_agents::manual as agents;
use std::path::Path;
use std::process::ExitCode;

/// Prints a completion script: it asks this program for each word, which knows the agents.
///
/// # Errors
/// When stdout can't be written.
pub fn completions(shell: clap_complete::Shell) -> Done {
    let mut script = Vec::new();
    let name = Cli::command().get_name().to_string();
    let unknown = || Failure::new(Kind::Usage, format!("no completion for {shell}"));
    let shells = Shells::builtins();
    shells
        .completer(&shell.to_string())
        .ok_or_else(unknown)?
        .write_registration("COMPLETE", &name, &name, &name, &mut script)
        .map_err(|error| Failure::file("write", Path::new("the script"), &error))?;
    output::data(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints an agent's manual page.
///
/// # Errors
/// When there is no such agent, or stdout can't be written.
pub fn of_agent(name: &str) -> Done {
    let manual = agents::all().find(|manual| manual.name == name);
    output::data(&render::man(manual.ok_or_else(|| explain::unknown(name))?))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the manual page, or writes one for each command and each agent.
///
/// # Errors
/// When they can't be written.
pub fn pages(folder: Option<&Path>) -> Done {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command())
            .render(&mut page)
            .map_err(|error| Failure::file("write", Path::new("the manual page"), &error))?;
        output::data(&String::from_utf8_lossy(&page))?;
        return Ok(ExitCode::SUCCESS);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .map_err(|error| Failure::file("write into", folder, &error))?;
    for manual in agents::all() {
        let path = folder.join(render::file_name(manual));
        std::fs::write(&path, render::man(manual))
            .map_err(|error| Failure::file("write", &path, &error))?;
    }
    Ok(ExitCode::SUCCESS)
}
