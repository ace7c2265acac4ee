//! What running agents ask for, judged against bounds and decided.

use super::{World, council, findings, forecasts, leases, oversight, proposals, storage, wording};
use onboard_domain::state::{BlobRef, Message, bounds};
use onboard_domain::{
    AgentCall, AgentId, CallAnswer, CallRefusal, Event, Finding, Fingerprint, Generation,
    MessageId, ProjectId, RunId, Severity, Turn,
};

pub(super) type Answered = Result<CallAnswer, CallRefusal>;

/// Longest summary of a run: a few lines in a terminal.
const SUMMARY_MAX: usize = 2_000;

/// The audit's word for calls that change something.
pub(super) fn audited(call: &AgentCall) -> Option<&'static str> {
    match call {
        AgentCall::RecordFinding(_) => Some("record_finding"),
        AgentCall::SettleForecast { .. } => Some("settle_forecast"),
        AgentCall::ResolveFinding { .. } => Some("resolve_finding"),
        AgentCall::EmitEvent { .. } => Some("emit_event"),
        AgentCall::SendMessage { .. } => Some("send_message"),
        AgentCall::AckMessage { .. } => Some("ack_message"),
        AgentCall::PutState { .. } => Some("put_state"),
        AgentCall::TakeLease { .. } => Some("take_lease"),
        AgentCall::ReleaseLease { .. } => Some("release_lease"),
        AgentCall::SaveCheckpoint { .. } => Some("save_checkpoint"),
        AgentCall::ProposeChange(_) => Some("propose_change"),
        AgentCall::AskPerson { .. } => Some("ask_person"),
        AgentCall::RequestApproval { .. } => Some("request_approval"),
        AgentCall::Finish { .. } => Some("finish"),
        AgentCall::ReadInbox { .. }
        | AgentCall::GetState { .. }
        | AgentCall::FindCheckpoint { .. } => None,
    }
}

/// Who calls.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    pub(super) run: RunId,
    pub(super) agent: AgentId,
    pub(super) project: ProjectId,
}

pub(super) fn decide(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    run: RunId,
    generation: Generation,
    call: AgentCall,
) -> Answered {
    let caller = caller(turn, run, generation)?;
    match call {
        AgentCall::RecordFinding(finding) => record_finding(turn, world, caller, finding),
        AgentCall::SettleForecast { fingerprint, outcome } => {
            forecasts::settle(turn, caller, fingerprint, outcome)
        }
        AgentCall::ResolveFinding { fingerprint, commit } => {
            Ok(resolve_finding(turn, caller, fingerprint, commit))
        }
        AgentCall::EmitEvent { kind, data } => emit(turn, caller, kind, data),
        AgentCall::SendMessage { to, body } => send(turn, caller, &to, body),
        AgentCall::ReadInbox { limit } => Ok(read_inbox(turn, caller, limit)),
        AgentCall::AckMessage { id } => ack(turn, caller, id),
        AgentCall::GetState { key } => {
            let spec = &turn.state().agents[&caller.agent].spec;
            of_its_keys("read", &key, spec.shared_keys.may_read(&key), &spec.shared_keys.read)?;
            let shared = &turn.state().projects[&caller.project].shared;
            Ok(CallAnswer::Value(shared.get(&key).cloned()))
        }
        AgentCall::PutState { key, value, expect, under } => {
            leases::fenced(turn, caller, under.as_ref())?;
            put(turn, world, caller, key, value, expect)
        }
        AgentCall::TakeLease { name, ttl_ms, mode, wait_ms, tell: _ } => {
            leases::take(turn, world, caller, &name, (mode, ttl_ms, wait_ms))
        }
        AgentCall::ReleaseLease { name } => leases::release(turn, caller, &name),
        AgentCall::SaveCheckpoint { name, blob, under } => {
            leases::fenced(turn, caller, under.as_ref())?;
            save_checkpoint(turn, world, caller, name, blob)
        }
        AgentCall::FindCheckpoint { name } => {
            let checkpoints = &turn.state().agents[&caller.agent].checkpoints;
            Ok(CallAnswer::Checkpoint(checkpoints.get(&name).cloned()))
        }
        AgentCall::ProposeChange(proposed) => {
            leases::fenced(turn, caller, proposed.under.as_ref())?;
            let Caller { run, agent, project } = caller;
            storage::room(turn, world, agent, proposed.patch.bytes, 0)?;
            proposals::propose(turn, run, agent, project, proposed)
        }
        AgentCall::AskPerson { text } => {
            oversight::ask_person(turn, world, caller.agent, run, text)
        }
        AgentCall::RequestApproval { action, what, reason, expires_ms } => {
            let by = (caller.agent, run);
            council::request(turn, world, by, (action, what), reason, expires_ms)
        }
        AgentCall::Finish { nothing_to_report, summary } => {
            bounded("summary", summary.len(), SUMMARY_MAX)?;
            turn.record(Event::RunFinished { run, nothing_to_report, summary });
            Ok(CallAnswer::Done)
        }
    }
}

fn caller(turn: &Turn<'_>, run: RunId, generation: Generation) -> Result<Caller, CallRefusal> {
    let state = turn.state();
    match state.runs.get(&run) {
        Some(r) if r.generation == generation && r.is_active() => {
            Ok(Caller { run, agent: r.agent, project: state.agents[&r.agent].project })
        }
        _ => Err(CallRefusal::new("ended", format!("{run} {generation} has ended"))),
    }
}

fn bounded(what: &str, len: usize, max: usize) -> Result<(), CallRefusal> {
    if len <= max {
        return Ok(());
    }
    Err(CallRefusal::new("bounds", format!("`{what}` has {len} bytes, at most {max}")))
}

pub(super) fn key(what: &str, text: &str) -> Result<(), CallRefusal> {
    if text.is_empty() {
        return Err(CallRefusal::new("bounds", format!("`{what}` is empty")));
    }
    bounded(what, text.len(), bounds::KEY)
}

pub(super) fn limit(message: String) -> CallRefusal {
    CallRefusal::new("limit", message)
}

/// A finding, and what it expects: that is kept where the finding is.
fn record_finding(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    caller: Caller,
    mut finding: Finding,
) -> Answered {
    let now = turn.state().time;
    let forecast = finding.forecast.take();
    // Who repeats a finding repeats what it expected, though the time of that has come by now.
    let is_over = forecast.as_ref().is_some_and(|forecast| forecast.resolve_by <= now);
    forecast
        .as_ref()
        .filter(|_| !is_over)
        .map_or(Ok(()), |forecast| forecast.within_bounds(now))
        .and_then(|()| finding.within_bounds())
        .map_err(|why| CallRefusal::new("bounds", why))?;
    let entry = &turn.state().projects[&caller.project];
    let name = &turn.state().agents[&caller.agent].spec.name;
    finding.fingerprint = entry.known_as(caller.agent, name, &finding.fingerprint);
    let (fingerprint, rule) = (finding.fingerprint.clone(), finding.rule.clone());
    let status = tell_finding(turn, world, caller, finding)?.to_owned();
    let kept = forecast.map(|forecast| match is_over {
        true => "over".to_owned(),
        false => forecasts::make(turn, caller, fingerprint, rule, forecast).to_owned(),
    });
    Ok(CallAnswer::Finding { status, forecast: kept })
}

/// Tells a finding; whether it is new to people, known already, or not wanted.
fn tell_finding(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    caller: Caller,
    finding: Finding,
) -> Result<&'static str, CallRefusal> {
    let Caller { run, agent, project } = caller;
    let finding = wording::judged(finding);
    let entry = &turn.state().projects[&project];
    let fingerprint = finding.fingerprint.clone();
    if entry.dismissed.contains_key(&fingerprint) {
        return Ok("dismissed");
    }
    let known = entry.findings.get(&fingerprint).map(|known| known.finding.severity);
    if known.is_none() && turn.state().runs[&run].seen.contains(&fingerprint) {
        // Suppressed a moment ago.
        return Ok("suppressed");
    }
    if known == Some(finding.severity) {
        see(turn, caller, fingerprint);
        return Ok("known");
    }
    let is_critical = finding.severity == Severity::Critical;
    let most =
        if is_critical { bounds::FINDINGS_PER_RUN_CRITICAL } else { bounds::FINDINGS_PER_RUN };
    if turn.state().runs[&run].new_findings as usize >= most {
        // Its new severity is not taken any more, but it was seen: it must not count as resolved.
        if known.is_some() {
            see(turn, caller, fingerprint);
        }
        return Err(limit(format!("a run records at most {most} findings")));
    }
    if known.is_none() && turn.state().projects[&project].findings.len() >= bounds::FINDINGS {
        return Err(limit(format!("a project has at most {} open findings", bounds::FINDINGS)));
    }
    let of_it = || turn.state().projects[&project].findings.values().filter(|f| f.agent == agent);
    let most = bounds::of_one_agent(bounds::FINDINGS);
    if known.is_none() && of_it().count() >= most {
        return Err(limit(format!("an agent has at most {most} open findings")));
    }
    if known.is_none() && has_told_enough(turn, agent, is_critical) {
        turn.record(Event::FindingSuppressed { project, agent, run, fingerprint });
        return Ok("suppressed");
    }
    let findings = &turn.state().projects[&project].findings;
    let before = findings.get(&finding.fingerprint).map_or(0, |before| before.finding.bytes());
    storage::room(turn, world, agent, finding.bytes(), before)?;
    let finding = Box::new(finding);
    turn.record(Event::FindingRecorded { project, agent, run, finding });
    Ok("new")
}

/// The agent saw the commit that ended its finding; without one, a run that no longer reports it does.
fn resolve_finding(
    turn: &mut Turn<'_>,
    caller: Caller,
    fingerprint: Fingerprint,
    commit: String,
) -> CallAnswer {
    let findings = &turn.state().projects[&caller.project].findings;
    let is_own =
        |known: &Fingerprint| findings.get(known).is_some_and(|known| known.agent == caller.agent);
    let own = names(turn, caller, fingerprint).into_iter().find(is_own);
    if let Some(own) = &own {
        findings::end(turn, caller.project, own.clone(), Some(commit));
    }
    CallAnswer::Changed(own.is_some())
}

/// How a finding that the agent knows by a fingerprint may be known here: so, or as its own where another
/// agent's is known so.
pub(super) fn names(turn: &Turn<'_>, caller: Caller, fingerprint: Fingerprint) -> [Fingerprint; 2] {
    let apart = fingerprint.apart(&turn.state().agents[&caller.agent].spec.name);
    [fingerprint, apart]
}

/// Whether the agent told as many new findings today as people want of it in a day. What is critical is
/// told all the same, as far as anybody could look at it.
fn has_told_enough(turn: &Turn<'_>, agent: AgentId, is_critical: bool) -> bool {
    let state = turn.state();
    let agent = &state.agents[&agent];
    let today = agent.noise.at(state.time);
    if is_critical {
        return today.critical >= bounds::CRITICAL_PER_DAY;
    }
    let most = agent.spec.findings_per_day.unwrap_or(bounds::FINDINGS_PER_DAY);
    today.told.saturating_sub(today.critical) >= most
}

/// A known finding was reported again.
fn see(turn: &mut Turn<'_>, caller: Caller, fingerprint: Fingerprint) {
    let Caller { run, project, .. } = caller;
    if !turn.state().runs[&run].seen.contains(&fingerprint) {
        turn.record(Event::FindingSeen { project, run, fingerprint });
    }
}

fn emit(turn: &mut Turn<'_>, caller: Caller, kind: String, data: String) -> Answered {
    key("kind", &kind)?;
    bounded("data", data.len(), bounds::PAYLOAD)?;
    if turn.state().runs[&caller.run].emitted >= bounds::EVENTS_PER_RUN {
        return Err(limit(format!("a run emits at most {} events", bounds::EVENTS_PER_RUN)));
    }
    let Caller { run, agent, project } = caller;
    turn.record(Event::EventEmitted { project, agent, run, kind, data });
    Ok(CallAnswer::Done)
}

fn send(turn: &mut Turn<'_>, caller: Caller, to: &str, body: String) -> Answered {
    bounded("body", body.len(), bounds::PAYLOAD)?;
    let Some(to) = turn.state().agent_named(caller.project, to) else {
        return Err(CallRefusal::new("unknown", format!("there is no agent `{to}` here")));
    };
    if turn.state().agents[&to].inbox.len() >= bounds::INBOX {
        return Err(limit(format!("the inbox holds at most {} messages", bounds::INBOX)));
    }
    let of_it = turn.state().inbox(to).filter(|message| message.from == caller.agent).count();
    let most = bounds::of_one_agent(bounds::INBOX);
    if of_it >= most {
        return Err(limit(format!("the inbox holds at most {most} messages of one agent")));
    }
    let id = MessageId(turn.state().next.message);
    turn.record(Event::MessageSent { id, from: caller.agent, to, body });
    Ok(CallAnswer::Sent(id))
}

fn read_inbox(turn: &mut Turn<'_>, caller: Caller, limit: u32) -> CallAnswer {
    let limit = usize::try_from(limit).unwrap_or(bounds::INBOX).min(bounds::INBOX);
    let messages: Vec<Message> = turn.state().inbox(caller.agent).take(limit).cloned().collect();
    for message in &messages {
        if message.delivered_to != Some(caller.run) {
            turn.record(Event::MessageDelivered { id: message.id, run: caller.run });
        }
    }
    CallAnswer::Messages(messages)
}

fn ack(turn: &mut Turn<'_>, caller: Caller, id: MessageId) -> Answered {
    match turn.state().messages.get(&id) {
        Some(message) if message.to == caller.agent => {
            turn.record(Event::MessageAcked { id });
            Ok(CallAnswer::Done)
        }
        // Acknowledged before: at least once means that it may be said twice.
        _ if id.0 < turn.state().next.message => Ok(CallAnswer::Done),
        _ => Err(CallRefusal::new("unknown", format!("there is no message {id}"))),
    }
}

fn put(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    caller: Caller,
    name: String,
    value: String,
    expect: Option<u64>,
) -> Answered {
    key("key", &name)?;
    bounded("value", value.len(), bounds::PAYLOAD)?;
    let spec = &turn.state().agents[&caller.agent].spec;
    of_its_keys("write", &name, spec.shared_keys.may_write(&name), &spec.shared_keys.write)?;
    let shared = &turn.state().projects[&caller.project].shared;
    let before = shared.get(&name).map_or(0, |value| value.version);
    if before == 0 && shared.len() >= bounds::SHARED {
        return Err(limit(format!("a project shares at most {} values", bounds::SHARED)));
    }
    let of_it = || shared.values().filter(|value| value.by == caller.agent).count();
    let most = bounds::of_one_agent(bounds::SHARED);
    if before == 0 && of_it() >= most {
        return Err(limit(format!("an agent adds at most {most} values of a project's")));
    }
    if let Some(expected) = expect
        && expected != before
    {
        let why = format!("`{name}` is at version {before}, not {expected}");
        return Err(CallRefusal::new("conflict", why));
    }
    let own = shared.get(&name).filter(|value| value.by == caller.agent);
    let kept = own.map_or(0, |value| (name.len() + value.value.len()) as u64);
    storage::room(turn, world, caller.agent, (name.len() + value.len()) as u64, kept)?;
    let version = before + 1;
    let (project, by) = (caller.project, caller.agent);
    turn.record(Event::StatePut { project, key: name, value, version, by });
    Ok(CallAnswer::Stored { version })
}

/// Refuses a key that the agent's `shared_keys` leave out.
fn of_its_keys(
    what: &str,
    key: &str,
    may: bool,
    beginnings: &Option<Vec<String>>,
) -> Result<(), CallRefusal> {
    if may {
        return Ok(());
    }
    let all = beginnings.as_deref().unwrap_or_default().join("`, `");
    let only =
        if all.is_empty() { "none".into() } else { format!("those that begin with `{all}`") };
    let why = format!("`{key}`: by `shared_keys.{what}` this agent may {what} {only}");
    Err(CallRefusal::new("forbidden_key", why))
}

fn save_checkpoint(
    turn: &mut Turn<'_>,
    world: &World<'_>,
    caller: Caller,
    name: String,
    blob: BlobRef,
) -> Answered {
    key("name", &name)?;
    if blob.bytes > bounds::CHECKPOINT_BYTES {
        let why = format!("a checkpoint has at most {} bytes", bounds::CHECKPOINT_BYTES);
        return Err(CallRefusal::new("bounds", why));
    }
    let checkpoints = &turn.state().agents[&caller.agent].checkpoints;
    if !checkpoints.contains_key(&name) && checkpoints.len() >= bounds::CHECKPOINTS {
        return Err(limit(format!("an agent has at most {} checkpoints", bounds::CHECKPOINTS)));
    }
    let before = checkpoints.get(&name).map_or(0, |before| before.bytes);
    storage::room(turn, world, caller.agent, blob.bytes, before)?;
    let checkpoints = &turn.state().agents[&caller.agent].checkpoints;
    if checkpoints.get(&name) != Some(&blob) {
        turn.record(Event::CheckpointSaved { agent: caller.agent, name, blob });
    }
    Ok(CallAnswer::Done)
}
