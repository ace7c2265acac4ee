//! `policy …` and `schema`: a policy file before it is used, and what files give now. Needs no daemon.

use super::{Done, policy_ask};
use crate::arguments::{Global, PolicyCommand, SchemaOf, Whose};
use crate::connection;
use crate::failure::{Failure, Kind};
use crate::{output, paths, project};
use onboard_daemon::policies::Policies;
use onboard_domain::council::{Kind as Decision, Status};
use onboard_policy::{Authority, Entry, sound};
use onboard_web::api::MotionRow;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// One value and where it comes from.
#[derive(Serialize)]
struct Setting {
    key: String,
    value: String,
    origin: String,
}

#[derive(Serialize)]
struct Shown {
    items: Vec<Setting>,
}

#[derive(Serialize)]
struct Checked {
    file: String,
    authority: String,
    /// Values of the file that would be in force.
    items: Vec<Setting>,
    /// What is worth a look.
    warnings: Vec<String>,
}

pub fn run(global: &Global, command: PolicyCommand) -> Done {
    let root = project::find(global)?.root;
    let policies = Policies::new(paths::find()?.user_policy());
    if !matches!(command, PolicyCommand::Check { .. }) {
        tell_of_waiting(global);
    }
    match command {
        PolicyCommand::Check { file, authority } => {
            check(global, &policies, &root, &file, authority)
        }
        PolicyCommand::Show { show_origin } => show(global, &policies, &root, show_origin),
        PolicyCommand::Try { name, attempt } => policy_ask::attempt(global, &name, &attempt),
        PolicyCommand::Explain { name } => policy_ask::explain(global, &name),
    }
}

/// The files are not what runs are judged by while people have yet to agree to them. Without a daemon
/// nothing is judged.
fn tell_of_waiting(global: &Global) {
    let (Ok((client, _)), Ok(found)) = (connection::client(), project::find(global)) else {
        return;
    };
    // Of a project that the daemon does not know nothing waits; another's change is no word on it.
    let root = found.root.to_string_lossy();
    let Ok(rows) = client.items::<MotionRow>("/approvals", &[("project", &root)]) else { return };
    let waits = |row: &&MotionRow| row.kind == Decision::ChangePolicy && row.status == Status::Open;
    if let Some(MotionRow { id, .. }) = rows.iter().find(waits) {
        output::note(&format!(
            "this is what the files say; {id} waits, and until people agree to it the policy before \
             is in force: ai_onboard approvals show {id}"
        ));
    }
}

/// Prints a file's JSON Schema as it is.
pub fn schema(file: SchemaOf) -> Done {
    match file {
        SchemaOf::Policy => output::data(&format!("{}\n", onboard_policy::schema().trim_end()))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(
    global: &Global,
    policies: &Policies,
    root: &Path,
    file: &Path,
    whose: Option<Whose>,
) -> Done {
    let authority = match whose {
        Some(Whose::Organisation) => Authority::Organisation,
        Some(Whose::User) => Authority::User,
        Some(Whose::Project) => Authority::Project,
        None => policies.whose(root, file).unwrap_or(Authority::Project),
    };
    let (policy, warnings) = policies
        .with(root, file, authority)
        .map_err(|problem| Failure::new(Kind::Failed, problem))?;
    let policy = sound(&policy).map_err(|denial| Failure::new(Kind::Failed, denial.to_string()))?;
    let of_file = |entry: &Entry| entry.origin.authority == authority;
    let items: Vec<Setting> = policy.entries().into_iter().filter(of_file).map(setting).collect();
    let file = file.display().to_string();
    if global.is_json() {
        output::json(&Checked { file, authority: authority.to_string(), items, warnings })?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = format!("{file}: sound, as the policy of {authority}\n");
    if items.is_empty() {
        out.push_str("  it changes nothing\n");
    }
    for Setting { key, value, .. } in &items {
        out.push_str(&format!("  {key}: {value}\n"));
    }
    for warning in &warnings {
        out.push_str(&format!("worth a look: {warning}\n"));
    }
    output::data(&out)?;
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, policies: &Policies, root: &Path, show_origin: bool) -> Done {
    let known = policies.of(root);
    if let Some(problem) = &known.problem {
        return Err(Failure::new(Kind::Failed, problem.as_str()).hint(
            "until it is mended the daemon keeps the last sound policy, or runs nothing where it \
             never had one",
        ));
    }
    let items: Vec<Setting> = known.entries().into_iter().map(setting).collect();
    if global.is_json() {
        output::json(&Shown { items })?;
        return Ok(ExitCode::SUCCESS);
    }
    for warning in &known.warnings {
        output::note(&format!("worth a look: {warning}"));
    }
    let lines = items.iter().map(|Setting { key, value, origin }| {
        if show_origin {
            format!("{key}: {value}  # {origin}\n")
        } else {
            format!("{key}: {value}\n")
        }
    });
    output::data(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn setting(entry: Entry) -> Setting {
    Setting { key: entry.key, value: entry.value, origin: entry.origin.to_string() }
}
