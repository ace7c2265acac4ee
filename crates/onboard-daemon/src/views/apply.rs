//! One batch, applied to the tables, once: what is applied is told in the same transaction.

use super::ViewError;
use onboard_domain::council;
use onboard_domain::incident;
use onboard_domain::proposal::Fact;
use onboard_domain::state::KnownFinding;
use onboard_domain::{Actor, AgentId, Batch, Event, ProjectId, RunId, State, Time};
use rusqlite::{Connection, params};

/// Milliseconds of a day, for counting slots by day.
const DAY_MS: i64 = 86_400_000;

pub(super) fn batch(connection: &Connection, seq: u64, batch: &Batch) -> Result<(), ViewError> {
    for (idx, event) in batch.events.iter().enumerate() {
        apply(connection, batch.time, event)?;
        if let Some(subject) = subject(event) {
            insert_event(connection, seq, idx, batch.time, event, &subject)?;
        }
    }
    Ok(())
}

/// The rows of what a state knows: its agents, its runs that have not ended, its open findings.
pub(super) fn seed(connection: &Connection, state: &State) -> Result<(), ViewError> {
    for (id, agent) in &state.agents {
        execute(
            connection,
            "INSERT OR IGNORE INTO agents VALUES (?1, ?2, ?3)",
            params![id.0, agent.project.0, agent.spec.name.as_str()],
        )?;
    }
    for (id, run) in &state.runs {
        execute(
            connection,
            "INSERT OR IGNORE INTO runs (run, agent, slot, trigger, attempt, queued)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id.0, run.agent.0, run.slot.0, word(&run.trigger), run.attempt, run.queued.0],
        )?;
    }
    for (id, project) in &state.projects {
        for (fingerprint, known) in &project.findings {
            seed_finding(connection, *id, &fingerprint.0, known)?;
        }
    }
    Ok(())
}

/// An open finding; which run found it is no longer known, so the row says run 0 of nobody's.
fn seed_finding(
    connection: &Connection,
    project: ProjectId,
    fingerprint: &str,
    known: &KnownFinding,
) -> Result<(), ViewError> {
    let status = if known.accepted { "accepted" } else { "open" };
    execute(
        connection,
        "INSERT OR IGNORE INTO findings (project, fingerprint, agent, run, first_seen, last_seen,
           status, status_at, finding) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?4, ?7)",
        params![
            project.0,
            fingerprint,
            known.agent.0,
            known.first_seen.0,
            known.last_seen.0,
            status,
            json(&known.finding)
        ],
    )
}

fn apply(connection: &Connection, time: Time, event: &Event) -> Result<(), ViewError> {
    match event {
        Event::AgentRegistered { agent, project, spec } => execute(
            connection,
            "INSERT OR REPLACE INTO agents VALUES (?1, ?2, ?3)",
            params![agent.0, project.0, spec.name.as_str()],
        ),
        Event::SlotPassed { agent, slot, count, why, .. } => execute(
            connection,
            "INSERT INTO slots VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET count = count + excluded.count",
            params![agent.0, slot.0.div_euclid(DAY_MS), word(why), count],
        ),
        Event::RunQueued { .. }
        | Event::RunStarted { .. }
        | Event::RunFinished { .. }
        | Event::RunEnded { .. } => run(connection, time, event),
        Event::FindingRecorded { .. }
        | Event::FindingSeen { .. }
        | Event::FindingResolved { .. }
        | Event::FindingAccepted { .. }
        | Event::FindingDismissed { .. } => finding(connection, time, event),
        _ => Ok(()),
    }
}

fn run(connection: &Connection, time: Time, event: &Event) -> Result<(), ViewError> {
    match event {
        Event::RunQueued { run, agent, slot, trigger, attempt, .. } => execute(
            connection,
            "INSERT OR IGNORE INTO runs (run, agent, slot, trigger, attempt, queued)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![run.0, agent.0, slot.0, word(trigger), attempt, time.0],
        ),
        Event::RunStarted { run, .. } => execute(
            connection,
            "UPDATE runs SET started = ?2 WHERE run = ?1",
            params![run.0, time.0],
        ),
        Event::RunFinished { run, summary, .. } => execute(
            connection,
            "UPDATE runs SET summary = ?2 WHERE run = ?1",
            params![run.0, summary],
        ),
        Event::RunEnded { run, outcome, usage } => execute(
            connection,
            "UPDATE runs SET ended = ?2, outcome = ?3, why = ?4, cpu_ms = ?5,
             memory_peak_bytes = ?6, throttled_ms = ?7 WHERE run = ?1",
            params![
                run.0,
                time.0,
                outcome.word(),
                outcome.explanation(),
                usage.cpu_ms,
                usage.memory_peak_bytes,
                usage.throttled_ms
            ],
        ),
        _ => Ok(()),
    }
}

fn finding(connection: &Connection, time: Time, event: &Event) -> Result<(), ViewError> {
    match event {
        Event::FindingRecorded { project, agent, run, finding } => {
            execute(
                connection,
                "INSERT INTO findings (project, fingerprint, agent, run, first_seen, last_seen,
                   status, status_at, finding) VALUES (?1, ?2, ?3, ?4, ?5, ?5, 'open', ?5, ?6)
                 ON CONFLICT DO UPDATE SET last_seen = ?5, status = 'open', status_at = ?5,
                   reason = '', agent = ?3, run = ?4, finding = ?6",
                params![project.0, finding.fingerprint.0, agent.0, run.0, time.0, json(finding)],
            )?;
            execute(
                connection,
                "UPDATE runs SET findings = findings + 1 WHERE run = ?1",
                params![run.0],
            )
        }
        Event::FindingSeen { project, fingerprint, .. } => execute(
            connection,
            "UPDATE findings SET last_seen = ?3 WHERE project = ?1 AND fingerprint = ?2",
            params![project.0, fingerprint.0, time.0],
        ),
        Event::FindingResolved { project, fingerprint, by } => {
            let by = by.as_ref().map_or(String::new(), |commit| format!("by {commit}"));
            execute(
                connection,
                "UPDATE findings SET status = 'resolved', status_at = ?3,
                   reason = ?4 || iif(status = 'accepted', ' after it was accepted', '')
                 WHERE project = ?1 AND fingerprint = ?2",
                params![project.0, fingerprint.0, time.0, by],
            )
        }
        Event::FindingAccepted { project, fingerprint } => {
            status(connection, *project, &fingerprint.0, time, "accepted", "")
        }
        Event::FindingDismissed { project, fingerprint, reason } => {
            status(connection, *project, &fingerprint.0, time, "dismissed", reason)
        }
        _ => Ok(()),
    }
}

fn status(
    connection: &Connection,
    project: ProjectId,
    fingerprint: &str,
    time: Time,
    status: &str,
    reason: &str,
) -> Result<(), ViewError> {
    execute(
        connection,
        "UPDATE findings SET status = ?3, status_at = ?4, reason = ?5
         WHERE project = ?1 AND fingerprint = ?2",
        params![project.0, fingerprint, status, time.0, reason],
    )
}

fn execute(
    connection: &Connection,
    sql: &str,
    params: &[&dyn rusqlite::ToSql],
) -> Result<(), ViewError> {
    connection.prepare_cached(sql)?.execute(params)?;
    Ok(())
}

/// What an event is about.
#[derive(Default)]
struct Subject {
    project: Option<ProjectId>,
    agent: Option<AgentId>,
    run: Option<RunId>,
}

/// What people look for in the stream of events. Slots are counted instead: most of them pass with
/// nothing to do.
fn subject(event: &Event) -> Option<Subject> {
    let of_agent = |agent: &AgentId| Subject { agent: Some(*agent), ..Subject::default() };
    let of_run = |run: &RunId| Subject { run: Some(*run), ..Subject::default() };
    let of_project =
        |project: &ProjectId| Subject { project: Some(*project), ..Subject::default() };
    match event {
        Event::SlotPlanned { .. }
        | Event::SlotPassed { .. }
        | Event::FindingSeen { .. }
        | Event::MessageDelivered { .. } => None,
        Event::DaemonStarted { .. }
        | Event::DaemonStopping
        | Event::DaemonStopped
        | Event::TimeLeapt { .. }
        | Event::PolicyAdopted { .. }
        | Event::CommandRefused { .. }
        | Event::EmergencyDeclared { .. }
        | Event::EmergencyLifted { .. }
        | Event::MessageAcked { .. }
        | Event::MessageDied { .. } => Some(Subject::default()),
        Event::ProjectRegistered { project, .. }
        | Event::PolicyRefused { project, .. }
        | Event::ProjectChanged { project, .. }
        | Event::FindingResolved { project, .. }
        | Event::FindingAccepted { project, .. }
        | Event::FindingDismissed { project, .. }
        | Event::FindingSnoozed { project, .. }
        | Event::LeaseReleased { project, .. } => Some(of_project(project)),
        Event::ViolationRecorded { agent, run, .. } | Event::PersonAsked { agent, run, .. } => {
            Some(Subject { agent: Some(*agent), run: Some(*run), ..Subject::default() })
        }
        Event::Model { fact } => {
            let (agent, run) = fact.whose();
            Some(Subject { agent: Some(agent), run: Some(run), ..Subject::default() })
        }
        Event::Incident { fact, .. } => match &**fact {
            incident::Fact::Escalated { agent, .. } => Some(of_agent(agent)),
            _ => Some(Subject::default()),
        },
        Event::AgentRegistered { agent, .. }
        | Event::AgentConfigured { agent, .. }
        | Event::AgentStarted { agent }
        | Event::AgentStopped { agent }
        | Event::AgentPaused { agent }
        | Event::AgentResumed { agent }
        | Event::AgentTerminated { agent }
        | Event::AgentQuarantined { agent, .. }
        | Event::QuarantineLifted { agent, .. }
        | Event::BreakerOpened { agent, .. }
        | Event::BreakerClosed { agent }
        | Event::IntervalAdapted { agent, .. }
        | Event::RuleForgotten { agent, .. }
        | Event::CheckpointSaved { agent, .. } => Some(of_agent(agent)),
        Event::RunPlaced { run, .. }
        | Event::RunStarted { run, .. }
        | Event::RunStopping { run, .. }
        | Event::RunFinished { run, .. }
        | Event::RunEnded { run, .. } => Some(of_run(run)),
        Event::RunQueued { run, agent, .. } => {
            Some(Subject { run: Some(*run), agent: Some(*agent), project: None })
        }
        Event::Proposal { fact, .. } => Some(match &**fact {
            Fact::Made { project, agent, run, .. } => {
                Subject { project: Some(*project), agent: Some(*agent), run: Some(*run) }
            }
            _ => Subject::default(),
        }),
        Event::Motion { fact, .. } => Some(match &**fact {
            council::Fact::Opened { by: Actor::Agent { run, .. }, .. } => of_run(run),
            council::Fact::Opened { subject, .. } => match &**subject {
                council::Subject::Deploy { agent, .. }
                | council::Subject::Widen { agent, .. }
                | council::Subject::LiftQuarantine { agent, .. } => of_agent(agent),
                _ => Subject::default(),
            },
            _ => Subject::default(),
        }),
        Event::ForecastMade { project, agent, .. }
        | Event::ForecastSettled { project, agent, .. } => {
            Some(Subject { project: Some(*project), agent: Some(*agent), run: None })
        }
        Event::FindingRecorded { project, agent, run, .. }
        | Event::FindingSuppressed { project, agent, run, .. }
        | Event::EventEmitted { project, agent, run, .. } => {
            Some(Subject { project: Some(*project), agent: Some(*agent), run: Some(*run) })
        }
        Event::HookReceived { project, .. } => {
            Some(Subject { project: Some(*project), ..Subject::default() })
        }
        Event::MessageSent { from, .. } => Some(of_agent(from)),
        Event::StatePut { project, by, .. } => {
            Some(Subject { project: Some(*project), agent: Some(*by), run: None })
        }
        Event::LeaseTaken { project, run, .. } | Event::LeaseWaited { project, run, .. } => {
            Some(Subject { project: Some(*project), agent: None, run: Some(*run) })
        }
    }
}

fn insert_event(
    connection: &Connection,
    seq: u64,
    idx: usize,
    time: Time,
    event: &Event,
    subject: &Subject,
) -> Result<(), ViewError> {
    let text = json(event);
    execute(
        connection,
        "INSERT OR IGNORE INTO events (seq, idx, time, kind, project, agent, run, event)
         VALUES (?1, ?2, ?3, ?4,
           coalesce(?5, (SELECT project FROM agents WHERE agent = coalesce(?6,
             (SELECT agent FROM runs WHERE run = ?7)))),
           coalesce(?6, (SELECT agent FROM runs WHERE run = ?7)), ?7, ?8)",
        params![
            seq,
            idx,
            time.0,
            kind(&text),
            subject.project.map(|p| p.0),
            subject.agent.map(|a| a.0),
            subject.run.map(|r| r.0),
            text
        ],
    )
}

/// The name of an event's variant, which its stored text begins with: `"name"` or `{"name":…}`.
fn kind(text: &str) -> &str {
    text.split('"').nth(1).unwrap_or_default()
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("facts have only string keys and finite numbers")
}

/// The stored name of an enum's variant.
fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
