//! `hooks …`: webhooks. Their secrets are kept as credentials are; the daemon reads each when it is used.

use super::Done;
use super::credentials::{failed, given};
use crate::arguments::{From, Global, HooksCommand, NewHook};
use crate::failure::{Failure, Kind};
use crate::render::hooks::{self as render, Kept};
use crate::{connection, output, paths, project};
use onboard_daemon::hooks::{Hook, Hooks, Sender, Way, new_secret, signature};
use onboard_daemon::{clock, manifests};
use onboard_egress::Internet;
use onboard_egress::broker::{Target, Tls};
use onboard_egress::visit::{Post, post};
use onboard_web::api::{HookRow, Items};
use std::net::SocketAddr;
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
    let NewHook { name, from, generate, file } = asked;
    let project = project::find(global)?.root.to_string_lossy().into_owned();
    let secret = match generate {
        true => new_secret().map_err(|error| {
            Failure::new(Kind::Failed, format!("no secret can be made: {error}"))
        })?,
        false => given(file)?,
    };
    let way = Way::In { from: sender(from), project: project.clone() };
    let word = if hooks.add(&name, way, &secret).map_err(failed)? { "replaced" } else { "kept" };
    let place = match listens()? {
        Some(address) => format!("it is taken at http://{address}/hooks/{name}"),
        None => "it is taken nowhere before `hooks_listen` is set in config.yaml \
                 (`ai_onboard hooks add --help`)"
            .into(),
    };
    output::note(&format!("{name} is {word}, for {project}: {place}"));
    if generate {
        output::data(&format!("{}\n", secret.reveal()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn sender(from: From) -> Sender {
    match from {
        From::Github => Sender::Github,
        From::Gitlab => Sender::Gitlab,
        From::Gitea => Sender::Gitea,
        From::Standard => Sender::Standard,
    }
}

/// Where this user's daemon takes webhooks, by its settings.
fn listens() -> Result<Option<SocketAddr>, Failure> {
    let said = manifests::daemon_settings(&paths::find()?.user_config())
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    Ok(said.hooks_listen)
}

/// What is kept, and what the daemon knows of it, where one runs.
fn kept(hooks: &Hooks) -> Result<Vec<Kept>, Failure> {
    let known: Vec<HookRow> = match connection::client() {
        Ok((client, _)) => client.items("/hooks", &[]).unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let of = |name: String| match hooks.get(&name) {
        Ok(hook) => {
            let Way::In { from, project } = hook.way;
            let news = known.iter().find(|row| row.name == name).cloned();
            Kept { name, from: from.word().into(), project, news, problem: None }
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

/// Sends a delivery as the sender would, to this machine's own address.
fn test(hooks: &Hooks, name: &str) -> Done {
    let row = kept(hooks)?.into_iter().find(|row| row.name == name).ok_or_else(|| none(name))?;
    let hook = hooks.get(name).map_err(failed)?;
    let absent = |what: &str, mend: &str| Failure::new(Kind::Failed, what).hint(mend);
    let news = row
        .news
        .ok_or_else(|| absent("no daemon runs that could take it", "ai_onboard daemon start"))?;
    let mend = "set `hooks_listen` in config.yaml, and start the daemon anew";
    let url = news.url.ok_or_else(|| absent("webhooks are taken nowhere", mend))?;
    let status = send(&hook, &reached(&url))
        .map_err(|why| Failure::new(Kind::Failed, format!("{url}: {why}")))?;
    if status != 202 {
        let why = format!("{url} answered {status}; `ai_onboard hooks show {name}` says why");
        return Err(Failure::new(Kind::Failed, why));
    }
    output::data(&format!("{name} was taken ({status})\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// This machine's own address, where an address stands for all of its.
fn reached(url: &str) -> String {
    url.replacen("//0.0.0.0:", "//127.0.0.1:", 1).replacen("//[::]:", "//[::1]:", 1)
}

fn send(hook: &Hook, url: &str) -> Result<u16, String> {
    let now = clock::wall();
    // Its own time makes it another one than the test before.
    let id = format!("test-{}", now.0);
    let body = format!(r#"{{"type":"test","id":"{id}"}}"#);
    let signed = signature::sign(hook, &id, body.as_bytes(), now);
    let fields: Vec<(&str, &str)> = signed.iter().map(|(name, v)| (*name, v.as_str())).collect();
    let target = Target::url(url).map_err(|error| error.to_string())?;
    let sent =
        Post { target: &target, may_be_private: false, fields: &fields, json: body.as_bytes() };
    let began = Instant::now();
    let tls = Tls::trusting(Vec::new());
    let answer = post(&sent, (&Internet, &tls), TEST_TIMEOUT, &|| began.elapsed());
    answer.map(|answer| answer.status).map_err(|why| why.to_string())
}
