//! `background-agents coordination status`: who has what of the things that are shared.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::{connection, output, project, render};
use onboard_web::api::{Coordination, ProblemKind};
use onboard_web::client::ClientError;
use std::process::ExitCode;

pub fn status(global: &Global, all_projects: bool) -> Done {
    let (client, _) = connection::client()?;
    let shared: Coordination = if all_projects {
        client.get("/coordination", &[])?
    } else {
        let root = project::find(global)?.root.to_string_lossy().into_owned();
        client.get("/coordination", &[("project", &root)]).map_err(|error| match error {
            ClientError::Problem(problem) if problem.kind == ProblemKind::UnknownProject => {
                let why = format!("the daemon does not know {root}");
                Failure::new(Kind::Failed, why).hint("--all-projects shows what it knows")
            }
            other => other.into(),
        })?
    };
    if global.is_json() {
        output::json(&shared)?;
    } else {
        let look = output::look(global);
        output::data(&render::coordination::status(&shared, all_projects, &look))?;
    }
    Ok(ExitCode::SUCCESS)
}
