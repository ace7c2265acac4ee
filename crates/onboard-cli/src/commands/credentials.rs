//! `credentials …`: secrets that agents use and never see. Needs no daemon: the next run finds them.

use super::Done;
use crate::arguments::{CredentialsCommand, Global, NewCredential};
use crate::failure::{Failure, Kind};
use crate::render::table::Table;
use crate::{output, paths, project};
use onboard_daemon::binding::{Binding, EVERY};
use onboard_daemon::credentials::{Credentials, New, SECRET_MAX};
use onboard_daemon::kept::KeptError;
use onboard_egress::broker::{CREDENTIAL_SUFFIX, Secret};
use onboard_web::api::Items;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde::Serialize;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

/// A credential without its secret.
#[derive(Serialize)]
struct Row {
    name: String,
    host: String,
    field: String,
    agents: Vec<String>,
    projects: Vec<String>,
    /// Where agents find it.
    url: String,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub fn run(global: &Global, command: CredentialsCommand) -> Done {
    let credentials = Credentials::new(paths::find()?.credentials());
    match command {
        CredentialsCommand::Add(new) => add(global, &credentials, new),
        CredentialsCommand::List => list(global, &credentials),
        CredentialsCommand::Remove { name } => {
            match credentials.remove(&name).map_err(failed)? {
                true => output::note(&format!("{name} is forgotten; runs that go on keep it")),
                false => output::note(&format!("there is no credential {name}")),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

pub(super) fn failed(error: KeptError) -> Failure {
    match error {
        KeptError::Wrong { what, mend } => Failure::new(Kind::Usage, what).hint(mend),
        error @ KeptError::File { .. } => Failure::new(Kind::Failed, error.to_string()),
    }
}

fn add(global: &Global, credentials: &Credentials, asked: NewCredential) -> Done {
    let NewCredential { name, host, header, user, agents, all_projects, file } = asked;
    let projects = match all_projects {
        true => vec![EVERY.to_string()],
        false => vec![project::find(global)?.root.to_string_lossy().into_owned()],
    };
    let secret = given(file)?;
    let is_key = agents.is_empty();
    let whom = format!("{} in {}", agents.join(", "), projects.join(", "));
    let binding = Binding { agents, projects };
    let new = New { name: name.clone(), host: host.clone(), header, user, binding, secret };
    let word = if credentials.add(new).map_err(failed)? { "replaced" } else { "kept" };
    output::note(&match is_key {
        true => {
            format!("{name} is {word}, for models at {host} (`credential: {name}` in models.yaml)")
        }
        false => format!(
            "{name} is {word}: {whom} may use it at http://{name}.{CREDENTIAL_SUFFIX}/, which is {host}"
        ),
    });
    Ok(ExitCode::SUCCESS)
}

/// The secret from a file, or from standard input.
///
/// # Errors
/// When it can't be read.
pub(super) fn given(file: Option<PathBuf>) -> Result<Secret, Failure> {
    match file {
        Some(path) => {
            let file = File::open(&path).map_err(|error| Failure::file("read", &path, &error))?;
            read(file).map_err(|error| Failure::file("read", &path, &error))
        }
        None => typed().map_err(|error| {
            Failure::new(Kind::Usage, format!("no secret came on standard input: {error}"))
                .hint("give it by `< FILE`, or by --file FILE")
        }),
    }
}

/// The secret from standard input; a terminal doesn't show it.
fn typed() -> io::Result<Secret> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return read(stdin.lock());
    }
    output::note("the secret, which is not shown, and Enter:");
    let before = tcgetattr(&stdin)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    read.map(|_| Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// One line, its end left out.
fn read(from: impl Read) -> io::Result<Secret> {
    let mut text = String::new();
    from.take(SECRET_MAX as u64 + 2).read_to_string(&mut text)?;
    Ok(Secret::new(text.trim_end_matches(['\r', '\n'])))
}

fn list(global: &Global, credentials: &Credentials) -> Done {
    let mut rows = Vec::new();
    for name in credentials.names().map_err(failed)? {
        let url = format!("http://{name}.{CREDENTIAL_SUFFIX}");
        rows.push(match credentials.get(&name) {
            Ok(stored) => Row {
                name,
                host: stored.host,
                field: stored.field,
                agents: stored.binding.agents,
                projects: stored.binding.projects,
                url,
                problem: None,
            },
            Err(error) => Row {
                name,
                host: String::new(),
                field: String::new(),
                agents: Vec::new(),
                projects: Vec::new(),
                url,
                problem: Some(error.to_string()),
            },
        });
    }
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.name)).collect::<String>())?;
    } else if rows.is_empty() {
        output::note("there are no credentials; `ai_onboard credentials add --help` has examples");
    } else {
        output::data(&table(global, rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(global: &Global, rows: Vec<Row>) -> String {
    let mut table = Table::new(&["NAME", "HOST", "HEADER", "AGENTS", "PROJECTS"]);
    let mut problems = String::new();
    for row in rows {
        if let Some(problem) = row.problem {
            problems.push_str(&format!("{} can't be used: {problem}\n", row.name));
        }
        let plain = |text: String| (text, None);
        table.row(vec![
            plain(row.name),
            plain(row.host),
            plain(row.field),
            plain(row.agents.join(", ")),
            plain(row.projects.join(", ").replace(EVERY, "every")),
        ]);
    }
    format!("{}{problems}", table.draw(&output::look(global)))
}
