//! How one agent is, after the manner of `systemctl status`.

use super::{Ink, Look, bytes, findings, progress, safety, state_ink, when};
use onboard_validation::show;
use onboard_web::api::{AgentDetail, LogLine, NoiseView, RunRow, Stamp, StateWord};

/// Findings listed in a status.
const FINDINGS: usize = 5;
/// Ended runs listed in a status.
const RUNS: usize = 5;

/// What of a schedule is worked out beside the daemon's answer.
#[derive(Clone, Debug, Default)]
pub struct Fires {
    /// The schedule in words.
    pub described: String,
    /// The zone that it counts in.
    pub zone: String,
    /// The next times by the schedule alone.
    pub times: Vec<Stamp>,
}

/// The status of one agent.
pub fn draw(detail: &AgentDetail, fires: &Fires, log: &[LogLine], look: &Look) -> String {
    let agent = &detail.agent;
    let dot = look.paint(state_ink(agent.state), dot(agent.state));
    let name = look.paint(Ink::Bold, &agent.name);
    let mut out = format!("{dot} {name} - {}\n", show::line(&detail.spec.description));
    let mut field = |label: &str, text: &str| {
        let label = if label.is_empty() { String::new() } else { format!("{label}:") };
        out.push_str(&format!("{label:>11} {text}\n"));
    };
    field("Loaded", &format!("{} (project {})", detail.spec.origin, agent.project.root));
    let state = look.paint(state_ink(agent.state), agent.state.word());
    let wanted = when::relative(look, agent.since);
    field("Active", &format!("{state} (wanted so since {wanted})"));
    for reason in &detail.explanation.reasons {
        field("Why", &show::line(reason));
    }
    if agent.awaits_first_start {
        let text = "the project's own and never ran: `start --all` leaves it out, `start` with its name starts it";
        field("", text);
    }
    field("Schedule", &schedule(detail, fires));
    if let Some(next) = agent.next_run {
        field("Next run", &when::both(look, next));
    }
    for at in &fires.times {
        field("Fires", &when::absolute(look, *at));
    }
    for (label, text) in safety::lines(detail, look) {
        field(label, &text);
    }
    if let Some(live) = &agent.live {
        let pid = live.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
        field("Doing", &format!("{}{pid}", progress::doing(&agent.name, live)));
    }
    for run in detail.recent_runs.iter().take(1) {
        field("Last run", &last(run, look));
    }
    let totals = &detail.totals;
    field(
        "Runs",
        &format!(
            "{} in all: {} succeeded, {} with nothing to report, {} failed",
            totals.runs, totals.succeeded, totals.nothing_to_report, totals.failed
        ),
    );
    if totals.violations > 0 {
        let times = match totals.violations {
            1 => "once".into(),
            many => format!("{many} times"),
        };
        field("On record", &format!("{times} at a limit or at what it may not do"));
    }
    if let Some(noise) = noise(detail) {
        field("New today", &noise);
    }
    for run in detail.recent_runs.iter().take(RUNS).skip(1) {
        field("", &last(run, look));
    }
    out.push_str(&found(detail, look));
    out.push_str(&lines(log, look));
    out
}

/// New findings of the day, once there are any.
fn noise(detail: &AgentDetail) -> Option<String> {
    let NoiseView { told_today, suppressed_today, findings_per_day } = detail.noise;
    let held = match suppressed_today {
        0 => String::new(),
        more => format!("; {more} more only counted, told on another day"),
    };
    (told_today > 0).then(|| format!("{told_today} of {findings_per_day} findings{held}"))
}

fn dot(state: StateWord) -> &'static str {
    match state {
        StateWord::Running => "●",
        StateWord::Failed | StateWord::Quarantined | StateWord::Disabled => "×",
        StateWord::Stopped | StateWord::Paused => "○",
        _ => "◐",
    }
}

fn schedule(detail: &AgentDetail, fires: &Fires) -> String {
    let mut text = format!("{} ({}, {})", detail.agent.schedule, fires.described, fires.zone);
    if detail.interval.permille != 1000 {
        let times = f64::from(detail.interval.permille) / 1000.0;
        text.push_str(&format!(", now {times} times as long"));
    }
    text
}

fn last(run: &RunRow, look: &Look) -> String {
    let ended = run.ended.map_or_else(String::new, |at| format!(", {}", when::relative(look, at)));
    let took = run.duration_s.map_or_else(String::new, |s| format!(" in {}", when::seconds(s)));
    let why = if run.why.is_empty() { &run.summary } else { &run.why };
    let why = if why.is_empty() { String::new() } else { format!(": {}", show::line(why)) };
    format!(
        "{} {}{took}{ended}, cpu {}, memory {}{why}",
        run.id,
        progress::words(&run.result),
        when::seconds(run.usage.cpu_s),
        bytes(run.usage.memory_peak_bytes)
    )
}

fn found(detail: &AgentDetail, look: &Look) -> String {
    if detail.findings.is_empty() {
        return String::new();
    }
    let shown = &detail.findings[..detail.findings.len().min(FINDINGS)];
    let mut out = format!("\nFindings ({})\n", detail.findings.len());
    for line in findings::list(shown, look).lines() {
        out.push_str(&format!("  {line}\n"));
    }
    out
}

fn lines(log: &[LogLine], look: &Look) -> String {
    if log.is_empty() {
        return String::new();
    }
    let mut out = String::from("\nLog\n");
    for line in log {
        out.push_str(&format!("  {}", log_line(line, look)));
    }
    out
}

/// One line of a log.
pub fn log_line(line: &LogLine, look: &Look) -> String {
    let level = match line.level {
        onboard_web::api::LogLevel::Error => look.paint(Ink::Red, "error"),
        onboard_web::api::LogLevel::Warn => look.paint(Ink::Yellow, "warn "),
        other => look.paint(Ink::Dim, &format!("{other:<5}")),
    };
    let time = look.paint(Ink::Dim, &when::absolute(look, line.time));
    // Tabs stay: they are common in what programs print.
    format!("{time} {} {level} {}\n", line.run, show::lines(&line.message))
}
