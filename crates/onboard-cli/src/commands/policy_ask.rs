//! `policy try` and `policy explain`: what an agent may do, asked of the judge of its runs. Needs no
//! daemon, and starts nothing.

use super::Done;
use super::policy_words::{Line, words};
use crate::arguments::{Attempt, Global};
use crate::failure::{Failure, Kind};
use crate::{output, paths, project};
use onboard_daemon::asked::{Asked, NoRun, Said};
use onboard_daemon::manifests::{self, Origins};
use onboard_daemon::policies::Policies;
use onboard_daemon::{latch, walls};
use onboard_domain::AgentSpec;
use onboard_policy::{Policy, PolicyInForce};
use onboard_sandbox::PROJECT_DIR;
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::view::Outcome;
use onboard_text::nearest;
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;

/// The answer to one attempt.
#[derive(Serialize)]
struct Answered {
    agent: String,
    attempt: &'static str,
    target: String,
    /// Nothing where only a run could find out.
    allowed: Option<bool>,
    /// Whether there is anything now.
    exists: bool,
    rule: Option<String>,
    why: String,
    /// What it turned out to be, by its name in the sandbox.
    is: Option<String>,
    /// Where the policy says so.
    origin: Option<String>,
}

#[derive(Serialize)]
struct Explained {
    agent: String,
    project: String,
    /// Why no run of it would be started now.
    denied: Option<String>,
    items: Vec<Line>,
}

/// One agent with everything that is asked about it.
struct Subject {
    root: String,
    spec: AgentSpec,
    origins: Origins,
    policies: Policies,
}

/// `policy try`.
pub fn attempt(global: &Global, name: &str, attempt: &Attempt) -> Done {
    let subject = Subject::find(global, name)?;
    let (kind, target) = kind_of(attempt)?;
    let said = subject.ask(|_, asked| match asked {
        Err(why) => refused(why),
        Ok(asked) => match kind {
            "read" => asked.read(&target),
            "write" => asked.write(&target),
            // As they were given: a word may have a space in it.
            "exec" => asked.exec(&attempt.exec),
            _ => asked.connect(&target),
        },
    })?;
    let answered = Answered {
        agent: name.into(),
        attempt: kind,
        target,
        allowed: match said.outcome {
            Outcome::Allowed | Outcome::Missing => Some(true),
            Outcome::Denied => Some(false),
            Outcome::Unknown => None,
        },
        exists: said.outcome != Outcome::Missing,
        rule: said.rule,
        why: said.why,
        is: said.is,
        origin: said.origin,
    };
    match global.is_json() {
        true => output::json(&answered)?,
        false => output::data(&text(&answered))?,
    }
    Ok(match answered.allowed {
        Some(true) => ExitCode::SUCCESS,
        Some(false) => Kind::Refused.exit_code(),
        None => Kind::Failed.exit_code(),
    })
}

/// `policy explain`.
pub fn explain(global: &Global, name: &str) -> Done {
    let subject = Subject::find(global, name)?;
    let (items, denied) = subject.ask(|policy, asked| match (policy, asked) {
        (Some(policy), Ok(asked)) => (words(&subject.spec, &subject.origins, policy, asked), None),
        (_, Ok(_)) => (Vec::new(), None),
        (_, Err(why)) => (Vec::new(), Some(format!("{} ({})", why.why, why.rule))),
    })?;
    let explained = Explained { agent: name.into(), project: subject.root, denied, items };
    if global.is_json() {
        output::json(&explained)?;
    } else {
        output::data(&page(&explained))?;
    }
    Ok(match explained.denied {
        None => ExitCode::SUCCESS,
        Some(_) => Kind::Refused.exit_code(),
    })
}

impl Subject {
    /// The agent as the project's files define it now.
    fn find(global: &Global, name: &str) -> Result<Subject, Failure> {
        let root = project::find(global)?.root;
        let paths = paths::find()?;
        let (built_in, user) = (super::daemon_run::built_in(), paths.user_config());
        let failed = |error: manifests::LoadError| Failure::new(Kind::Failed, error.to_string());
        let specs = manifests::load(&root, &built_in, &user, &|_| Vec::new()).map_err(failed)?;
        let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        let Some(at) = names.iter().position(|known| *known == name) else {
            let failure =
                Failure::new(Kind::NoSuchAgent, format!("this project has no agent `{name}`"));
            return Err(match nearest(name, &names) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("it has {}", names.join(", "))),
            });
        };
        let origins = manifests::origins(&root, &built_in, &user, name).map_err(failed)?;
        let none = || Failure::new(Kind::NoSuchAgent, format!("no file defines `{name}`"));
        Ok(Subject {
            root: root.to_string_lossy().into_owned(),
            spec: specs[at].clone(),
            origins: origins.ok_or_else(none)?,
            policies: Policies::new(paths.user_policy()),
        })
    }

    /// Asks the judge, with what this host can hold; the reason where no run would be started.
    fn ask<T>(
        &self,
        say: impl FnOnce(Option<&Policy>, Result<&Asked<'_>, &NoRun>) -> T,
    ) -> Result<T, Failure> {
        let paths = paths::find()?;
        let no_run = |rule: &str, why: String| NoRun { rule: rule.into(), why };
        let known = self.policies.of(Path::new(&self.root));
        if let Some(problem) = &known.problem {
            let why = format!("the policy is not sound\n{problem}");
            return Ok(say(None, Err(&no_run("policy", why))));
        }
        let PolicyInForce::Sound(policy) = &*known.in_force else {
            return Ok(say(None, Err(&no_run("policy", "no policy is in force".into()))));
        };
        if let Some(latch) = latch::read(&paths) {
            let why = format!("an emergency shutdown is in force: {}", latch.reason);
            return Ok(say(Some(policy), Err(&no_run("emergency", why))));
        }
        let program = std::env::current_exe()
            .map_err(|error| Failure::file("find", Path::new("this program"), &error))?;
        let layout = Layout::find().unwrap_or_default();
        let found = walls::of_this_boot(&paths.runtime, &program, &layout);
        let walls = walls::walls(&found);
        let asked =
            Asked::of(policy, &self.root, &self.spec, &walls, &program, &layout, &paths.state);
        Ok(say(Some(policy), asked.as_ref()))
    }
}

fn kind_of(attempt: &Attempt) -> Result<(&'static str, String), Failure> {
    let Attempt { read, write, connect, exec } = attempt;
    let asked = match (read, write, connect, exec.is_empty()) {
        (Some(path), ..) => ("read", path.clone()),
        (_, Some(path), ..) => ("write", path.clone()),
        (_, _, Some(target), _) => ("connect", target.clone()),
        _ => ("exec", exec.join(" ")),
    };
    let has_port = asked.1.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if asked.0 == "connect" && !has_port {
        let failure = Failure::new(Kind::Usage, format!("`{}` names no port", asked.1));
        return Err(failure.hint("such as --connect example.org:443"));
    }
    Ok(asked)
}

fn refused(why: &NoRun) -> Said {
    Said {
        outcome: Outcome::Denied,
        rule: Some(why.rule.clone()),
        why: format!("no run of it would be started: {}", why.why),
        is: None,
        origin: None,
    }
}

fn text(answered: &Answered) -> String {
    let Answered { agent, attempt, target, allowed, exists, rule, why, is, origin } = answered;
    let verb = match *attempt {
        "read" => "read",
        "write" => "write",
        "exec" => "start",
        _ => "connect to",
    };
    let word = match (allowed, exists) {
        (Some(true), true) => "allowed".to_string(),
        (Some(true), false) => "allowed, but nothing is there".to_string(),
        (Some(false), _) => match rule {
            Some(rule) => format!("denied by {rule}"),
            None => "denied".to_string(),
        },
        (None, _) => "can't be told without a run".to_string(),
    };
    let mut out = format!(
        "{agent} may {}{verb} {target}: {word}\n",
        if *allowed == Some(false) { "not " } else { "" }
    );
    let mut line = |name: &str, text: &str| {
        out.push_str(&format!("  {name:<6} {}\n", text.replace('\n', "\n         ")));
    };
    line("why", why);
    let plain = |is: &&String| *is != target && **is != format!("{PROJECT_DIR}/{target}");
    if let Some(is) = is.as_ref().filter(plain) {
        line("is", &format!("{is} in the sandbox"));
    }
    if let Some(origin) = origin {
        line("origin", origin);
    }
    out
}

fn page(explained: &Explained) -> String {
    let Explained { agent, project, denied, items } = explained;
    let mut out = format!("{agent} in {project}\n");
    if let Some(why) = denied {
        out.push_str(&format!("\nno run of it would be started now: {why}\n"));
    }
    let width = items.iter().map(|line| line.says.chars().count()).max().unwrap_or(0).min(70);
    let mut part = "";
    for line in items {
        if line.part != part {
            part = line.part;
            out.push_str(&format!("\n{part}\n"));
        }
        match &line.origin {
            Some(origin) => out.push_str(&format!("  {:<width$}  # {origin}\n", line.says)),
            None => out.push_str(&format!("  {}\n", line.says)),
        }
    }
    out
}
