//! `knowledge`: what the crew learned about the project, and what it is to forget.

use super::{Done, config};
use crate::arguments::{Global, KnowledgeCommand};
use crate::failure::{Failure, Kind};
use crate::render::knowledge::Entry;
use crate::{chosen, connection, output, project, render};
use onboard_domain::AgentName;
use onboard_protocol::set_setting;
use onboard_validation::show;
use onboard_web::api::{AgentDetail, Items, ProblemKind, SharedRow};
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
use serde_json::Value;
use std::process::ExitCode;

/// Who learns, and where it writes what it knows.
const AGENT: &str = "pattern-learning";
const KEY: &str = "knowledge";
/// The setting that names what it is to forget.
const SETTING: &str = "forget";

/// What was forgotten, and where that is written.
#[derive(Serialize)]
struct Forgotten {
    ids: Vec<String>,
    file: String,
}

pub fn run(global: &Global, command: KnowledgeCommand) -> Done {
    let (client, _) = connection::client()?;
    match command {
        KnowledgeCommand::List => list(&client, global),
        KnowledgeCommand::Show { id } => {
            let entry = find(&known(&client, global)?, &id)?;
            if global.is_json() {
                output::json(&entry)?;
            } else {
                output::data(&render::knowledge::show(&entry, &output::look(global)))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        KnowledgeCommand::Forget { ids } => forget(&client, global, &ids),
    }
}

/// The strongest of what is known, as its agent shares it.
fn known(client: &Client, global: &Global) -> Result<Vec<Entry>, Failure> {
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    let shared: SharedRow = match client.get(&format!("/shared/{KEY}"), &[("project", &root)]) {
        Err(ClientError::Problem(problem))
            if matches!(problem.kind, ProblemKind::UnknownProject | ProblemKind::Unknown) =>
        {
            return Ok(Vec::new());
        }
        shared => shared?,
    };
    let unusable =
        |why: String| Failure::new(Kind::Failed, format!("`{KEY}` can't be used: {why}"));
    if shared.by != AGENT {
        // Any agent may write a value that no key is reserved for.
        return Err(unusable(format!("{} wrote it, not {AGENT}", show::line(&shared.by))));
    }
    let entries = shared.value.get("strongest").cloned().unwrap_or(Value::Array(Vec::new()));
    let entries: Vec<Entry> =
        serde_json::from_value(entries).map_err(|error| unusable(error.to_string()))?;
    // Ids are typed, and written into a file of the project's.
    let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    Ok(entries.into_iter().filter(|entry| is_id(&entry.id)).collect())
}

fn list(client: &Client, global: &Global) -> Done {
    let entries = known(client, global)?;
    if global.is_json() {
        output::json(&Items::all(entries))?;
    } else if global.is_quiet() {
        let ids = entries.iter().map(|entry| format!("{}\n", entry.id));
        output::data(&ids.collect::<String>())?;
    } else if entries.is_empty() {
        output::note(&format!("nothing is known yet; `{AGENT}` learns once history was indexed"));
    } else {
        output::data(&render::knowledge::list(&entries, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one entry whose id begins so.
fn find(entries: &[Entry], id: &str) -> Result<Entry, Failure> {
    let mut matching = entries.iter().filter(|entry| entry.id.starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => {
            Err(Failure::new(Kind::Failed, format!("several entries begin with `{id}`"))
                .hint("give more of its id"))
        }
        (None, _) => Err(Failure::new(Kind::Failed, format!("nothing is known as `{id}`"))
            .hint("ai_onboard knowledge list")),
    }
}

fn forget(client: &Client, global: &Global, ids: &[String]) -> Done {
    let entries = known(client, global)?;
    let ids: Vec<String> =
        ids.iter().map(|id| Ok(find(&entries, id)?.id)).collect::<Result<_, Failure>>()?;
    let row = chosen::agent(client, global, AGENT)?;
    let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
    let before = detail.spec.settings.get(SETTING).cloned().unwrap_or_default();
    let mut all: Vec<&str> = before.split([',', ' ']).filter(|id| !id.is_empty()).collect();
    all.extend(ids.iter().map(String::as_str).filter(|id| !before.contains(id)));
    let all = all.join(" ");
    let agent = AgentName::new(AGENT).map_err(|why| Failure::new(Kind::NoSuchAgent, why))?;
    let edit = |text: &str, file: &str| set_setting(text, file, &agent, SETTING, &all);
    let why = format!("forget {}", ids.join(" "));
    let file = config::rewrite(client, &row.project.root, Some(&why), edit)?;
    if global.is_json() {
        output::json(&Forgotten { ids, file })?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = format!("{file}\n");
    for id in ids {
        out.push_str(&format!("+ {id} is forgotten from the next run of {AGENT} on\n"));
    }
    output::data(&out)?;
    Ok(ExitCode::SUCCESS)
}
