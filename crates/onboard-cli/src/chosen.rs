//! The agents that a command names.

use crate::arguments::{Global, Which};
use crate::failure::{Failure, Kind};
use crate::{output, project};
use onboard_domain::AgentId;
use onboard_text::nearest;
use onboard_web::api::AgentRow;
use onboard_web::client::{Client, ClientError};

/// The agents of the current project; none when it is not registered.
///
/// # Errors
/// When the daemon can't be asked.
pub fn of_project(client: &Client, global: &Global) -> Result<Vec<AgentRow>, Failure> {
    let found = project::find(global)?.root;
    let root = found.to_string_lossy().into_owned();
    match client.items("/agents", &[("project", &root)]) {
        Err(ClientError::Problem(problem))
            if problem.kind == onboard_web::api::ProblemKind::UnknownProject =>
        {
            match found.metadata() {
                Ok(_) => Ok(Vec::new()),
                Err(error) => Err(Failure::file("look at", &found, &error)),
            }
        }
        rows => Ok(rows?),
    }
}

/// The agents that are named, of the current project.
///
/// # Errors
/// When there is no such agent; the nearest name is offered.
pub fn agents(client: &Client, global: &Global, which: &Which) -> Result<Vec<AgentRow>, Failure> {
    pick(of_project(client, global)?, which)
}

/// The one agent that is named.
///
/// # Errors
/// As [`agents`].
pub fn agent(client: &Client, global: &Global, name: &str) -> Result<AgentRow, Failure> {
    let which = Which { names: vec![name.to_string()], all: false };
    let mut rows = agents(client, global, &which)?;
    rows.pop().ok_or_else(|| unknown(name, &[]))
}

/// Those of `rows` that are named.
///
/// # Errors
/// As [`agents`].
pub fn pick(rows: Vec<AgentRow>, which: &Which) -> Result<Vec<AgentRow>, Failure> {
    if which.all {
        return Ok(rows);
    }
    let find = |name: &String| {
        rows.iter().find(|row| row.name == *name).cloned().ok_or_else(|| unknown(name, &rows))
    };
    which.names.iter().map(find).collect()
}

/// The agents to start: "all" leaves out those that the project defines itself, that are stopped
/// and never ran. They came with the repository, which may be anybody's, and no person has run one
/// yet; they are named, with how to look at one and how to start it.
///
/// # Errors
/// As [`agents`]; and when "all" leaves none.
pub fn to_start(client: &Client, global: &Global, which: &Which) -> Result<Vec<AgentRow>, Failure> {
    let rows = agents(client, global, which)?;
    if rows.is_empty() {
        return Err(Failure::new(Kind::NoSuchAgent, "this project has no agents"));
    }
    if !which.all {
        return Ok(rows);
    }
    let (left, rows): (Vec<AgentRow>, Vec<AgentRow>) =
        rows.into_iter().partition(|row| row.awaits_first_start);
    if !left.is_empty() {
        output::note(&left_out(&left));
    }
    if rows.is_empty() {
        return Err(Failure::new(Kind::Refused, "none of this project's agents may start")
            .hint("start those by name that you trust"));
    }
    Ok(rows)
}

fn left_out(left: &[AgentRow]) -> String {
    let mut text =
        String::from("not started: agents that this project defines itself and that never ran");
    for AgentRow { name, .. } in left {
        text.push_str(&format!(
            "\n  {name}\n    look:  ai_onboard background-agents config {name}\n    \
             start: ai_onboard background-agents start {name}"
        ));
    }
    text
}

fn unknown(name: &str, rows: &[AgentRow]) -> Failure {
    let failure = Failure::new(Kind::NoSuchAgent, format!("this project has no agent `{name}`"));
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    match nearest(name, &names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => {
            failure.hint("no agents here yet: `ai_onboard background-agents start --all`")
        }
        None => failure.hint(format!("it has {}", names.join(", "))),
    }
}

/// The ids of agents, as commands name them.
///
/// # Errors
/// When the daemon gave something that is no id.
pub fn ids(rows: &[AgentRow]) -> Result<Vec<AgentId>, Failure> {
    let id = |row: &AgentRow| {
        row.id.parse().map_err(|()| {
            Failure::new(Kind::Failed, format!("the daemon gave `{}` as an agent's id", row.id))
        })
    };
    rows.iter().map(id).collect()
}
