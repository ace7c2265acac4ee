//! `hooks …`: webhooks. Their secrets are kept as credentials are; the daemon reads each when it is used.

use super::Done;
use super::credentials::{failed, given};
use crate::arguments::{From, Global, HooksCommand, NewHook};
use crate::failure::{Failure, Kind};
use crate::render::hooks::{self as render, Kept};
use crate::{connection, output, paths, project};
use onboard_daemon::binding::EVERY;
use onboard_daemon::hooks::messenger::Wanted;
use onboard_daemon::hooks::{Hook, Hooks, Sender, Way, new_secret, signature};
use onboard_daemon::{clock, manifests};
use onboard_egress::Internet;
use onboard_egress::broker::{Target, Tls};
use onboard_egress::visit::{Post, post};
use onboard_protocol::DaemonSettings;
use onboard_web::api::{HookRow, Items};
use onboard_web::hooks::outgoing;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How long a test may take: longer than the daemon takes to say that it can't.
const TEST_TIMEOUT: Duration = Duration::from_secs(15);

pub fn run(global: &Global, command: HooksCommand) -> Done {
    let hooks = Hooks::new(paths::find()?.hooks());
    match command {
        HooksCommand::Add(new) => add(global, &hooks, new),
        HooksCommand::List => list(global, &hooks),
        HooksCommand::Show { name } => show(global, &hooks, &name),
        HooksCommand::Remove { name } => {
            match hooks.remove(&name).map_err(failed)? {
                true => output::note(&format!("{name} is forgotten, and taken no longer")),
                false => output::note(&format!("there is no webhook {name}")),
            }
            Ok(ExitCode::SUCCESS)
        }
        HooksCommand::Test { name } => test(&hooks, &name),
    }
}

fn add(global: &Global, hooks: &Hooks, asked: NewHook) -> Done {
    let project = project::find(global)?.root.to_string_lossy().into_owned();
    let (way, said) = way(&asked, project)?;
    let NewHook { name, generate, file, .. } = asked;
    let secret = match generate {
        true => new_secret().map_err(|error| {
            Failure::new(Kind::Failed, format!("no secret can be made: {error}"))
        })?,
        false => given(file)?,
    };
    let word = if hooks.add(&name, way, &secret).map_err(failed)? { "replaced" } else { "kept" };
    output::note(&format!("{name} is {word}, {said}"));
    if generate {
        output::data(&format!("{}\n", secret.reveal()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Which way it goes, and what is said of it.
fn way(asked: &NewHook, project: String) -> Result<(Way, String), Failure> {
    let NewHook { name, from, to, events, all_projects, private, .. } = asked;
    if let Some(to) = to.clone() {
        let usual = || outgoing::USUAL.iter().map(ToString::to_string).collect();
        let events: Vec<String> = if events.is_empty() { usual() } else { events.clone() };
        let known = |kind: &&String| {
            let first = kind.split('.').next().unwrap_or_default();
            outgoing::FIRST_WORDS.contains(&first)
        };
        for foreign in events.iter().filter(|kind| !known(kind)) {
            output::note(&format!("`{foreign}`: the daemon has no such event; agents may"));
        }
        let projects = vec![if *all_projects { EVERY.into() } else { project }];
        let said = format!("{to} is told of {}", events.join(", "));
        let wanted = Wanted { events, projects };
        return Ok((Way::Out { to, may_be_private: *private, wanted }, said));
    }
    let place = match said()?.hooks_listen {
        Some(address) => format!("it is taken at http://{address}/hooks/{name}"),
        None => "it is taken nowhere before `hooks_listen` is set in config.yaml \
                 (`ai_onboard hooks add --help`)"
            .into(),
    };
    let said = format!("for {project}: {place}");
    let from = from.ok_or_else(|| Failure::new(Kind::Usage, "--from or --to is needed"))?;
    Ok((Way::In { from: sender(from), project }, said))
}

fn sender(from: From) -> Sender {
    match from {
        From::Github => Sender::Github,
        From::Gitlab => Sender::Gitlab,
        From::Gitea => Sender::Gitea,
        From::Standard => Sender::Standard,
    }
}

/// What the user says of the daemon.
fn said() -> Result<DaemonSettings, Failure> {
    manifests::daemon_settings(&paths::find()?.user_config())
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))
}

/// What is kept, and what the daemon knows of it, where one runs.
fn kept(hooks: &Hooks) -> Result<Vec<Kept>, Failure> {
    let known: Vec<HookRow> = match connection::client() {
        Ok((client, _)) => client.items("/hooks", &[]).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let of = |name: String| match hooks.get(&name) {
        Ok(hook) => {
            let news = known.iter().find(|row| row.name == name).cloned();
            match hook.way {
                Way::In { from, project } => {
                    let (from, projects) = (Some(from.word().into()), vec![project]);
                    Kept { name, from, projects, news, ..Kept::default() }
                }
                Way::Out { to, wanted: Wanted { events, projects }, .. } => {
                    Kept { name, to: Some(to), events, projects, news, ..Kept::default() }
                }
            }
        }
        Err(why) => Kept { name, problem: Some(why.to_string()), ..Kept::default() },
    };
    Ok(hooks.names().map_err(failed)?.into_iter().map(of).collect())
}

fn list(global: &Global, hooks: &Hooks) -> Done {
    let rows = kept(hooks)?;
    if global.is_json() {
        output::json(&Items::all(rows))?;
    } else if global.is_quiet() {
        output::data(&rows.iter().map(|row| format!("{}\n", row.name)).collect::<String>())?;
    } else if rows.is_empty() {
        output::note("there are no webhooks; `ai_onboard hooks add --help` has examples");
    } else {
        output::data(&render::list(&rows, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn show(global: &Global, hooks: &Hooks, name: &str) -> Done {
    let row = kept(hooks)?.into_iter().find(|row| row.name == name).ok_or_else(|| none(name))?;
    if global.is_json() {
        output::json(&row)?;
    } else {
        output::data(&render::show(&row, &output::look(global)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn none(name: &str) -> Failure {
    Failure::new(Kind::Usage, format!("there is no webhook `{name}`")).hint("ai_onboard hooks list")
}

/// Sends a delivery as its sender would: others' to the daemon, and the daemon's own to others.
fn test(hooks: &Hooks, name: &str) -> Done {
    let row = kept(hooks)?.into_iter().find(|row| row.name == name).ok_or_else(|| none(name))?;
    let hook = hooks.get(name).map_err(failed)?;
    let url = match &hook.way {
        Way::Out { to, .. } => to.clone(),
        Way::In { .. } => taken_at(row)?,
    };
    let (may_be_private, goes_out) = match &hook.way {
        Way::Out { may_be_private, .. } => (*may_be_private, true),
        Way::In { .. } => (false, false),
    };
    let more = said()?.certificates.map(PathBuf::from);
    let status = send(&hook, &reached(&url), may_be_private, (goes_out, more))
        .map_err(|why| Failure::new(Kind::Failed, format!("{url}: {why}")))?;
    if !(200..300).contains(&status) {
        let failure = Failure::new(Kind::Failed, format!("{url} answered {status}"));
        return Err(if goes_out {
            failure
        } else {
            failure.hint(format!("`ai_onboard hooks show {name}` says why"))
        });
    }
    output::data(&format!("{name} was taken ({status})\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Where the daemon takes one.
fn taken_at(row: Kept) -> Result<String, Failure> {
    let absent = |what: &str, mend: &str| Failure::new(Kind::Failed, what).hint(mend);
    let news = row
        .news
        .ok_or_else(|| absent("no daemon runs that could take it", "ai_onboard daemon start"))?;
    let mend = "set `hooks_listen` in config.yaml, and start the daemon anew";
    news.url.ok_or_else(|| absent("webhooks are taken nowhere", mend))
}

/// This machine's own address, where an address stands for all of its.
fn reached(url: &str) -> String {
    url.replacen("//0.0.0.0:", "//127.0.0.1:", 1).replacen("//[::]:", "//[::1]:", 1)
}

fn send(
    hook: &Hook,
    url: &str,
    may_be_private: bool,
    (goes_out, more): (bool, Option<PathBuf>),
) -> Result<u16, String> {
    let now = clock::wall();
    // Its own time makes it another one than the test before.
    let id = format!("test-{}", now.0);
    let body = format!(r#"{{"type":"test","id":"{id}"}}"#);
    let signed = signature::sign(hook, &id, body.as_bytes(), now);
    let fields: Vec<(&str, &str)> = signed.iter().map(|(name, v)| (*name, v.as_str())).collect();
    let target = if goes_out { Target::url(url) } else { Target::listener(url) };
    let target = target.map_err(|error| error.to_string())?;
    let sent = Post { target: &target, may_be_private, fields: &fields, json: body.as_bytes() };
    let began = Instant::now();
    let tls = match goes_out {
        true => Tls::of_this_machine(more.as_deref()),
        false => Tls::trusting(Vec::new()),
    };
    let answer = post(&sent, (&Internet, &tls), TEST_TIMEOUT, &|| began.elapsed());
    answer.map(|answer| answer.status).map_err(|why| why.to_string())
}
