//! `knowledge`: what the crew learned about the project, and what it is to forget.

use super::{Done, config};
use crate::arguments::{Global, KnowledgeCommand};
use crate::failure::{Failure, Kind};
use crate::render::knowledge::{Entry, Known};
use crate::{chosen, connection, output, project, render};
use onboard_domain::AgentName;
use onboard_protocol::set_setting;
use onboard_validation::show;
use onboard_web::api::{AgentDetail, Items, ProblemKind, SharedRow};
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;
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
            let entry = find(&known(&client, global)?, &id)?.clone();
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
fn known(client: &Client, global: &Global) -> Result<Known, Failure> {
    let root = project::find(global)?.root.to_string_lossy().into_owned();
    let shared: SharedRow = match client.get(&format!("/shared/{KEY}"), &[("project", &root)]) {
        Err(ClientError::Problem(problem))
            if matches!(problem.kind, ProblemKind::UnknownProject | ProblemKind::Unknown) =>
        {
            return Ok(Known::default());
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
    let all = shared.value.get("entries").and_then(Value::as_u64).unwrap_or_default();
    let all = usize::try_from(all).unwrap_or(usize::MAX).max(entries.len());
    // Ids are typed, and written into a file of the project's.
    let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let entries = entries.into_iter().filter(|entry| is_id(&entry.id)).collect();
    Ok(Known { entries, all })
}

/// What is listed, and how much is known beside it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    items: Items<Entry>,
    hidden: usize,
}

fn list(client: &Client, global: &Global) -> Done {
    let known = known(client, global)?;
    if global.is_json() {
        let hidden = known.hidden();
        output::json(&Listed { items: Items::all(known.entries), hidden })?;
    } else if global.is_quiet() {
        let ids = known.entries.iter().map(|entry| format!("{}\n", entry.id));
        output::data(&ids.collect::<String>())?;
    } else if known.entries.is_empty() {
        output::note(&format!("nothing is known yet; `{AGENT}` learns once history was indexed"));
    } else {
        output::data(&render::knowledge::list(&known, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The one entry whose id begins so.
fn find<'a>(known: &'a Known, id: &str) -> Result<&'a Entry, Failure> {
    let mut matching = known.entries.iter().filter(|entry| entry.id.starts_with(id));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => {
            Err(Failure::new(Kind::Failed, format!("several entries begin with `{id}`"))
                .hint("give more of its id"))
        }
        (None, _) => {
            let hidden = match known.hidden() {
                0 => String::new(),
                hidden => format!(" among the strongest; {hidden} more are not listed"),
            };
            Err(Failure::new(Kind::Failed, format!("nothing is known as `{id}`{hidden}"))
                .hint("ai_onboard knowledge list"))
        }
    }
}

/// Whether it is an id in full, as findings name it: what is known and not listed has one, too.
fn is_whole(id: &str) -> bool {
    let digits = id.strip_prefix('k').unwrap_or_default();
    digits.len() == 8 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn forget(client: &Client, global: &Global, ids: &[String]) -> Done {
    let known = known(client, global)?;
    let whole = |id: &String| match is_whole(id) {
        true => Ok(id.clone()),
        false => find(&known, id).map(|entry| entry.id.clone()),
    };
    let ids: BTreeSet<String> = ids.iter().map(whole).collect::<Result<_, Failure>>()?;
    let ids: Vec<String> = ids.into_iter().collect();
    let row = chosen::agent(client, global, AGENT)?;
    let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
    let before = detail.spec.settings.get(SETTING).cloned().unwrap_or_default();
    let all = joined(&before, &ids);
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

/// The setting with these added, each once.
fn joined(before: &str, more: &[String]) -> String {
    let known = before.split([',', ' ', '\n']).map(str::trim).filter(|id| !id.is_empty());
    let mut all: Vec<&str> = Vec::new();
    for id in known.chain(more.iter().map(String::as_str)) {
        if !all.contains(&id) {
            all.push(id);
        }
    }
    all.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_added_once_and_not_taken_for_a_part_of_another() {
        let ids = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        assert_eq!(joined("k11111111,k2\n k3", &ids("k1 k2 k4")), "k11111111 k2 k3 k1 k4");
        assert_eq!(joined("", &ids("k1 k1")), "k1");
    }

    #[test]
    fn ids_in_full() {
        let whole = ["k1a2b3c4d", "k1a2b3c", "k1A2B3C4D", "x1a2b3c4d", "k1a2b3c4de"].map(is_whole);
        assert_eq!(whole, [true, false, false, false, false]);
    }
}
