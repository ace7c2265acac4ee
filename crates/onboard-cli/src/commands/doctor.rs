//! `doctor`: what this machine can enforce, and what needs a mend.

use super::Done;
use crate::arguments::Global;
use crate::failure::Kind;
use crate::render::daemon::{Check, Verdict};
use crate::{output, paths, project, render};
use onboard_daemon::answering::Answering;
use onboard_daemon::credentials::Credentials;
use onboard_daemon::hooks::Hooks;
use onboard_daemon::policies::Policies;
use onboard_daemon::{Paths, latch};
use onboard_daemon::{manifests, models};
use onboard_egress::broker::Tls;
use onboard_sandbox::Status;
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::probe::{Capability, probe};
use onboard_web::api::DaemonView;
use onboard_web::client::{Client, ClientError};
use serde::Serialize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Room on the disk below which a warning is given: a year of journal fits.
const ROOM_MIN: u64 = 200 << 20;

/// How long the daemon may take to answer here.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Doctor {
    checks: Vec<Check>,
    layers: Vec<Capability>,
}

pub fn run(global: &Global) -> Done {
    output::note("trying what this machine can enforce …");
    let paths = paths::find()?;
    let layers = probe(&Layout::find().unwrap_or_default());
    let mut checks = vec![daemon(&paths)];
    checks.extend([folder("state folder", &paths.state), folder("runtime folder", &paths.runtime)]);
    checks.extend([room(&paths.state), emergency(&paths), clock(), egress()]);
    checks.extend(policy(global, &paths));
    checks.extend(brokered(&paths));
    let mut all = checks.clone();
    all.extend(layers.iter().map(layer));
    let is_failed = all.iter().any(|check| check.verdict == Verdict::Fail);
    if global.is_json() {
        output::json(&Doctor { checks, layers })?;
    } else {
        output::data(&render::daemon::doctor(&all, &output::look(global)))?;
    }
    Ok(if is_failed { Kind::Failed.exit_code() } else { ExitCode::SUCCESS })
}

fn daemon(paths: &Paths) -> Check {
    let asked = Client::new(&paths.socket())
        .map_err(|error| ClientError::Broken(error.to_string()))
        .and_then(|client| client.with_timeout(PATIENCE).get::<DaemonView>("/daemon", &[]));
    match asked {
        Ok(view) => Check::ok("daemon", format!("runs as process {}", view.pid)),
        Err(ClientError::Absent(_)) => {
            Check::bad("daemon", Verdict::Warn, "is not running", "ai_onboard daemon start")
        }
        Err(error) => Check::bad(
            "daemon",
            Verdict::Fail,
            error.to_string(),
            "ai_onboard background-agents emergency-shutdown works without it",
        ),
    }
}

/// A folder that is there belongs to this user and is closed to others.
fn folder(name: &str, path: &Path) -> Check {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Check::ok(name, format!("{shown} will be made"))
        }
        Err(error) => Check::bad(name, Verdict::Fail, format!("{shown}: {error}"), ""),
        Ok(meta) if meta.uid() != rustix::process::geteuid().as_raw() => {
            let mend = "chown it, or set AI_ONBOARD_HOME";
            Check::bad(name, Verdict::Fail, format!("{shown} belongs to another user"), mend)
        }
        Ok(meta) if meta.mode() & 0o077 != 0 => {
            let mend = format!("chmod 700 {shown}");
            Check::bad(name, Verdict::Warn, format!("{shown} is open to others"), &mend)
        }
        Ok(_) => Check::ok(name, shown.to_string()),
    }
}

fn room(state: &Path) -> Check {
    let place = state.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(place) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let shown = format!("{} free", render::bytes(free));
            if free >= ROOM_MIN {
                return Check::ok("disk", shown);
            }
            Check::bad("disk", Verdict::Warn, shown, "make room: a full disk ends the daemon")
        }
        Err(error) => Check::bad("disk", Verdict::Warn, error.to_string(), ""),
    }
}

fn emergency(paths: &Paths) -> Check {
    match latch::read(paths) {
        None => Check::ok("emergency latch", "not set"),
        Some(latch) => Check::bad(
            "emergency latch",
            Verdict::Warn,
            format!("set: {}", latch.reason),
            "ai_onboard background-agents resume --reason TEXT",
        ),
    }
}

fn clock() -> Check {
    match jiff::tz::TimeZone::system().iana_name() {
        Some(zone) => Check::ok("time zone", zone),
        None => Check::bad(
            "time zone",
            Verdict::Warn,
            "has no name: schedules count in the host's offset",
            "set TZ or /etc/localtime",
        ),
    }
}

fn egress() -> Check {
    Check::ok("outgoing", onboard_egress::statement().to_string())
}

/// The policy of the current project as its files say now, whatever a daemon has in force.
fn policy(global: &Global, paths: &Paths) -> Vec<Check> {
    let place = global.project.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
    let (global, user) = (global.clone(), paths.user_policy());
    let read = move || Some(Policies::new(user).of(&project::find(&global).ok()?.root));
    let known = match Answering::default().ask(&place, read) {
        Ok(Some(known)) => known,
        Ok(None) => return Vec::new(),
        Err(why) => {
            let mend = "until then no run of its agents starts; those that work go on";
            return vec![Check::bad("policy", Verdict::Fail, why, mend)];
        }
    };
    if let Some(problem) = known.problem {
        let mend = "mend the file; until then a daemon goes on with the last sound policy, or runs nothing";
        return vec![Check::bad("policy", Verdict::Fail, problem, mend)];
    }
    let mut checks = vec![Check::ok("policy", known.origin.clone())];
    checks.extend(known.warnings.iter().map(|warning| {
        let mend = "ai_onboard policy check .ai_onboard/policy.yaml";
        Check::bad("policy", Verdict::Warn, warning.clone(), mend)
    }));
    checks
}

/// What is done in agents' places, where somebody wants any of it.
fn brokered(paths: &Paths) -> Vec<Check> {
    let mut checks = Vec::new();
    let credentials = Credentials::new(paths.credentials());
    let names = credentials.names().unwrap_or_else(|error| {
        let mend = "mend it; until then no agent has a credential";
        checks.push(Check::bad("credentials", Verdict::Warn, error.to_string(), mend));
        Vec::new()
    });
    for name in &names {
        if let Err(error) = credentials.get(name) {
            let found = format!("{name}: {error}");
            checks.push(Check::bad(
                "credentials",
                Verdict::Warn,
                found,
                "no agent has it until then",
            ));
        }
    }
    let models = match models::read(&paths.models()) {
        Ok(read) => read.models.len(),
        Err(problem) => {
            let mend = "mend the file; until then no agent has a model";
            checks.push(Check::bad("models", Verdict::Warn, problem, mend));
            0
        }
    };
    let hooks = webhooks(paths, &mut checks);
    if names.is_empty() && models == 0 && hooks == 0 {
        return checks;
    }
    let found = format!("{} credentials, {models} models, {hooks} webhooks", names.len());
    checks.push(trusted(paths, found));
    checks
}

/// How many webhooks there are; those that can't be used are said.
fn webhooks(paths: &Paths, checks: &mut Vec<Check>) -> usize {
    let hooks = Hooks::new(paths.hooks());
    let mend = "it is neither taken nor told until then";
    let names = hooks.names().unwrap_or_else(|error| {
        checks.push(Check::bad("webhooks", Verdict::Warn, error.to_string(), mend));
        Vec::new()
    });
    for (name, error) in names.iter().filter_map(|name| Some((name, hooks.get(name).err()?))) {
        checks.push(Check::bad("webhooks", Verdict::Warn, format!("{name}: {error}"), mend));
    }
    names.len()
}

/// Whether it can be found out who a host is.
fn trusted(paths: &Paths, found: String) -> Check {
    let said = manifests::daemon_settings(&paths.user_config()).unwrap_or_default();
    let more = said.certificates.map(PathBuf::from);
    match Tls::of_this_machine(more.as_deref()).problem() {
        None => Check::ok("brokered", format!("{found}; hosts can be checked")),
        Some(why) => {
            let mend = "install your system's ca-certificates, or set SSL_CERT_FILE, or mend \
                        `certificates` in config.yaml";
            Check::bad("brokered", Verdict::Warn, why, mend)
        }
    }
}

fn layer(found: &Capability) -> Check {
    let text = format!("{}: {}", found.status, found.how);
    let mend = found.mend.unwrap_or_default();
    match found.status {
        Status::Enforced => Check::ok(found.name, text),
        Status::Absent if found.mandatory => Check::bad(found.name, Verdict::Fail, text, mend),
        Status::Absent | Status::Degraded => Check::bad(found.name, Verdict::Warn, text, mend),
    }
}
