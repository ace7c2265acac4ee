//! `background-agents config`: an agent's settings, and a new schedule for it.

use super::{Done, schedule};
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::render::when;
use crate::{chosen, connection, output};
use onboard_daemon::policies::Policies;
use onboard_daemon::{Paths, manifests};
use onboard_domain::AgentName;
use onboard_protocol::set_schedule;
use onboard_text::Problem;
use onboard_web::api::{AgentDetail, Stamp};
use onboard_web::client::Client;
use serde::Serialize;
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;

/// Next times shown with a new schedule.
const TIMES: usize = 3;

#[derive(Serialize)]
struct Changed {
    name: String,
    file: String,
    before: String,
    after: String,
    runs: Vec<Stamp>,
    is_dry_run: bool,
}

pub fn run(
    global: &Global,
    name: &str,
    schedule: Option<&str>,
    dry_run: bool,
    show_origin: bool,
) -> Done {
    let (client, paths) = connection::client()?;
    let row = chosen::agent(&client, global, name)?;
    let detail: AgentDetail = client.get(&format!("/agents/{}", row.id), &[])?;
    let Some(new) = schedule else {
        return show(global, &paths, &detail, show_origin);
    };
    let look = output::look(global);
    let fires = schedule::fires(new, row.zone.as_deref(), look.now, TIMES)?;
    let agent = AgentName::new(name).map_err(|why| Failure::new(Kind::NoSuchAgent, why))?;
    let edit = |text: &str, file: &str| set_schedule(text, file, &agent, new);
    let why = if dry_run { None } else { Some("a new schedule") };
    let shown = rewrite(&client, &row.project.root, why, edit)?;
    let changed = Changed {
        name: row.name,
        file: shown,
        before: row.schedule,
        after: new.to_string(),
        runs: fires.times,
        is_dry_run: dry_run,
    };
    if global.is_json() {
        output::json(&changed)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = format!("{}\n", changed.file);
    out.push_str(&format!("- schedule: {}\n+ schedule: {}\n", changed.before, changed.after));
    out.push_str(&format!("  {} in {}\n", fires.described, fires.zone));
    for at in &changed.runs {
        out.push_str(&format!("  {}\n", when::both(&look, *at)));
    }
    if dry_run {
        out.push_str("nothing was changed (--dry-run)\n");
    }
    output::data(&out)?;
    Ok(ExitCode::SUCCESS)
}

/// Edits a project's settings and has the daemon read them, with the reason for it; without one
/// nothing is changed. Gives the file's name.
pub fn rewrite(
    client: &Client,
    root: &str,
    why: Option<&str>,
    edit: impl FnOnce(&str, &str) -> Result<String, Problem>,
) -> Result<String, Failure> {
    let file = Path::new(root).join(".ai_onboard/config.yaml");
    let before = read(&file)?;
    let shown = file.display().to_string();
    let after = edit(before.as_deref().unwrap_or(""), &shown)
        .map_err(|problem| Failure::new(Kind::Failed, problem.to_string()))?;
    let Some(why) = why else { return Ok(shown) };
    write(&file, &after)?;
    if let Err(error) = client.register(Path::new(root), why) {
        // What the daemon refuses must not stay: the next start would stumble over it.
        match &before {
            Some(text) => write(&file, text)?,
            None => {
                fs::remove_file(&file).map_err(|error| Failure::file("remove", &file, &error))?;
            }
        }
        return Err(error.into());
    }
    Ok(shown)
}

fn read(file: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", file, &error)),
    }
}

/// Writes the whole file or leaves it as it was.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let new = file.with_extension("yaml.new");
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&new, text))
        .and_then(|()| fs::rename(&new, file))
        .map_err(|error| Failure::file("write", file, &error))
}

/// One setting and where it comes from.
#[derive(Serialize)]
struct Setting {
    key: String,
    value: Value,
    /// A file with line and column, or in words.
    origin: String,
}

#[derive(Serialize)]
struct Settings {
    name: String,
    settings: Vec<Setting>,
}

fn show(global: &Global, paths: &Paths, detail: &AgentDetail, show_origin: bool) -> Done {
    if global.is_json() && !show_origin {
        output::json(&detail.spec)?;
        return Ok(ExitCode::SUCCESS);
    }
    let spec = serde_json::to_value(&detail.spec)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    if !show_origin {
        let lines = spec.as_object().into_iter().flatten();
        let lines = lines.map(|(key, value)| format!("{key}: {}\n", text(value)));
        output::data(&lines.collect::<String>())?;
        return Ok(ExitCode::SUCCESS);
    }
    let settings = with_origins(paths, detail, &spec)?;
    if global.is_json() {
        output::json(&Settings { name: detail.agent.name.clone(), settings })?;
        return Ok(ExitCode::SUCCESS);
    }
    let lines = settings.iter().map(|setting| {
        let Setting { key, value, origin } = setting;
        format!("{key}: {}  # {origin}\n", text(value))
    });
    output::data(&lines.collect::<String>())?;
    Ok(ExitCode::SUCCESS)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// Every setting with its origin: the file that the daemon would read it from now, the policy for
/// a limit that the agent leaves to it, or the product's default.
fn with_origins(
    paths: &Paths,
    detail: &AgentDetail,
    spec: &Value,
) -> Result<Vec<Setting>, Failure> {
    let root = Path::new(&detail.agent.project.root);
    let name = &detail.agent.name;
    let built_in = super::daemon_run::built_in();
    let origins = manifests::origins(root, &built_in, &paths.user_config(), name)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?
        .ok_or_else(|| Failure::new(Kind::NoSuchAgent, format!("no file defines `{name}`")))?;
    let policy = Policies::new(paths.user_policy()).of(root).entries();
    let mut settings = Vec::new();
    for (key, value) in flat(spec) {
        let place = written_as(&key).iter().find_map(|path| origins.of(path));
        let of_policy = policy_key(&key).filter(|_| place.is_none()).and_then(|wanted| {
            policy.iter().find(|entry| entry.key.rsplit('.').next() == Some(wanted))
        });
        settings.push(match (place, of_policy) {
            (Some(place), _) => Setting { key, value, origin: place.to_string() },
            (None, Some(entry)) => Setting {
                value: in_unit_of(&key, &entry.value),
                key,
                origin: format!("policy: {}", entry.origin),
            },
            (None, None) => Setting { key, value, origin: "the default".into() },
        });
    }
    Ok(settings)
}

/// The values of a spec, one level of maps opened; what is computed is left out.
fn flat(spec: &Value) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    for (key, value) in spec.as_object().into_iter().flatten() {
        match value {
            _ if key == "hash" || key == "origin" => {}
            Value::Object(inner) if key != "program" => {
                let inner = inner.iter();
                flat.extend(inner.map(|(name, value)| (format!("{key}.{name}"), value.clone())));
            }
            value => flat.push((key.clone(), value.clone())),
        }
    }
    let left_to_policy = LIMITS.iter().map(|(key, _)| (*key).to_string());
    for key in left_to_policy {
        if !flat.iter().any(|(known, _)| *known == key) {
            flat.push((key, Value::Null));
        }
    }
    flat
}

/// An agent's limits, and the policy's keys for them.
const LIMITS: [(&str, &str); 6] = [
    ("limits.cpu_percent", "max_cpu_percent"),
    ("limits.memory_mb", "max_memory_mb"),
    ("limits.pids", "max_pids"),
    ("limits.deadline_ms", "max_run_minutes"),
    ("limits.file_size_mb", "max_file_size_mb"),
    ("limits.io_ops_per_sec", "max_io_ops_per_sec"),
];

fn policy_key(key: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(limit, _)| *limit == key).map(|(_, wanted)| *wanted)
}

/// The policy's value for a limit, as a number; the policy counts a run's time in minutes.
fn in_unit_of(key: &str, value: &str) -> Value {
    let Ok(number) = value.parse::<u64>() else { return value.into() };
    if key == "limits.deadline_ms" { (number * 60_000).into() } else { number.into() }
}

/// How files write a key: durations without their unit, classes under `resources`.
fn written_as(key: &str) -> Vec<String> {
    let key = key.replacen("classes", "resources", 1);
    let mut ways = vec![key.clone()];
    ways.extend(key.strip_suffix("_ms").map(str::to_string));
    ways
}
