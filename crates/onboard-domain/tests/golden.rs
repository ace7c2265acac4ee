//! Records of every stored format: what was written once is read for ever, as the same value.
//!
//! A line of `golden/format-N.jsonl` is a batch as it was stored. Lines are never edited: a change
//! that needs one edited would make journals unreadable. New events get new lines.

use onboard_domain::command::{Actor, Cause, RefusalKind, Via};
use onboard_domain::council::{self, Ballot, Seat, Subject, Vote};
use onboard_domain::effect::KillReason;
use onboard_domain::event::{Adaptation, LeaseGrant, Passed};
use onboard_domain::finding::{Evidence, EvidenceKind, Finding, Severity, Urgency, Worded};
use onboard_domain::forecast::{self, Decider, Estimate};
use onboard_domain::incident::{self, Consequence, Seen};
use onboard_domain::lease::Mode;
use onboard_domain::model::{self, Ending, Reservation, Spend};
use onboard_domain::proposal::{
    Branch, ChangeKind, ChangedFile, Check, Fact, Proposed, Trial, Verdict,
};
use onboard_domain::spec::{
    Class, Classes, Limits, Missed, Overlap, Priority, Program, Retry, SharedKeys, Source,
};
use onboard_domain::state::{BlobRef, Outcome, Process, Trigger, Usage};
use onboard_domain::violation::{Action, Confidence, Rule, Sensor};
use onboard_domain::{
    AgentId, AgentName, AgentSpec, Batch, Event, Fingerprint, Forecast, Generation, IncidentId,
    MessageId, MotionId, ProjectId, ProposalId, RunId, Time, Violation,
};
use std::collections::BTreeMap;

const STORED: &str = include_str!("golden/format-1.jsonl");

/// The place of a variant in this list. A new variant does not compile before it has one, and then
/// the tests ask for its golden line.
fn place(event: &Event) -> usize {
    match event {
        Event::DaemonStarted { .. } => 0,
        Event::DaemonStopping => 1,
        Event::DaemonStopped => 2,
        Event::PolicyAdopted { .. } => 3,
        Event::CommandRefused { .. } => 4,
        Event::ProjectRegistered { .. } => 5,
        Event::ProjectChanged { .. } => 6,
        Event::AgentRegistered { .. } => 7,
        Event::AgentConfigured { .. } => 8,
        Event::AgentStarted { .. } => 9,
        Event::AgentStopped { .. } => 10,
        Event::AgentPaused { .. } => 11,
        Event::AgentResumed { .. } => 12,
        Event::AgentTerminated { .. } => 13,
        Event::AgentQuarantined { .. } => 14,
        Event::QuarantineLifted { .. } => 15,
        Event::BreakerOpened { .. } => 16,
        Event::BreakerClosed { .. } => 17,
        Event::IntervalAdapted { .. } => 18,
        Event::SlotPlanned { .. } => 19,
        Event::SlotPassed { .. } => 20,
        Event::RunQueued { .. } => 21,
        Event::RunPlaced { .. } => 22,
        Event::RunStarted { .. } => 23,
        Event::RunStopping { .. } => 24,
        Event::RunFinished { .. } => 25,
        Event::RunEnded { .. } => 26,
        Event::FindingRecorded { .. } => 27,
        Event::FindingSeen { .. } => 28,
        Event::FindingResolved { .. } => 29,
        Event::FindingAccepted { .. } => 30,
        Event::FindingDismissed { .. } => 31,
        Event::EventEmitted { .. } => 32,
        Event::MessageSent { .. } => 33,
        Event::MessageDelivered { .. } => 34,
        Event::MessageAcked { .. } => 35,
        Event::MessageDied { .. } => 36,
        Event::StatePut { .. } => 37,
        Event::LeaseTaken { .. } => 38,
        Event::LeaseReleased { .. } => 39,
        Event::CheckpointSaved { .. } => 40,
        Event::EmergencyDeclared { .. } => 41,
        Event::EmergencyLifted { .. } => 42,
        Event::Proposal { .. } => 43,
        Event::FindingSuppressed { .. } => 44,
        Event::ViolationRecorded { .. } => 45,
        Event::Incident { .. } => 46,
        Event::PersonAsked { .. } => 47,
        Event::Model { .. } => 48,
        Event::TimeLeapt { .. } => 49,
        Event::PolicyRefused { .. } => 50,
        Event::Motion { .. } => 51,
        Event::FindingSnoozed { .. } => 52,
        Event::RuleForgotten { .. } => 53,
        Event::LeaseWaited { .. } => 54,
        Event::ForecastMade { .. } => 55,
        Event::ForecastSettled { .. } => 56,
        Event::HookReceived { .. } => 57,
    }
}
const PLACES: usize = 58;

/// Every value of an enum without fields; a new one does not compile before it is listed.
macro_rules! all {
    ($name:ident: $($variant:ident),+ $(,)?) => {{
        let all = [$($name::$variant),+];
        let listed = |value: $name| match value { $($name::$variant => ()),+ };
        all.into_iter().for_each(listed);
        all
    }};
}

const P: ProjectId = ProjectId(1);
const A: AgentId = AgentId(2);
const R: RunId = RunId(3);
const G: Generation = Generation(1);
const M: MessageId = MessageId(4);
const T: Time = Time(1_767_571_200_000);

fn name(text: &str) -> AgentName {
    AgentName::new(text).expect("a name")
}

fn mark() -> Fingerprint {
    Fingerprint("a1b2c3d4".into())
}

/// The least that a spec can say.
fn plain_spec() -> AgentSpec {
    AgentSpec {
        name: name("watcher"),
        description: String::new(),
        program: Program::BuiltIn,
        schedule: "manual".into(),
        zone: None,
        priority: Priority::Medium,
        classes: Classes::default(),
        depends_on: Vec::new(),
        locks: Vec::new(),
        limits: Limits::default(),
        missed: Missed::RunOnce,
        overlap: Overlap::Skip,
        retry: Retry::default(),
        reads: Vec::new(),
        wakes_on: Vec::new(),
        settings: BTreeMap::new(),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        stop_grace_ms: None,
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        origin: "built-in".into(),
        hash: "00ff".into(),
    }
}

/// All that a spec can say.
fn full_spec(priority: Priority, class: Class, missed: Missed, overlap: Overlap) -> AgentSpec {
    AgentSpec {
        description: "watches \"things\"\nand people".into(),
        program: Program::Command {
            argv: vec!["python3".into(), "./agent.py".into()],
            folder: "/home/ada/loom/.ai_onboard/agents".into(),
        },
        schedule: "weekly on friday at 17:00".into(),
        zone: Some("Europe/Berlin".into()),
        priority,
        classes: Classes { cpu: class, memory: class, io: class },
        depends_on: vec![name("other")],
        locks: vec!["index".into()],
        limits: Limits {
            cpu_percent: Some(5),
            memory_mb: Some(64),
            pids: Some(8),
            deadline_ms: Some(60_000),
            file_size_mb: Some(1),
            io_ops_per_sec: Some(50),
        },
        missed,
        overlap,
        retry: Retry { attempts: 3, backoff_ms: 1_000, backoff_max_ms: 9_000 },
        reads: all!(Source: Git, Plan, Inbox).to_vec(),
        wakes_on: vec!["project.quality".into()],
        settings: BTreeMap::from([("depth".into(), "3".into())]),
        findings_per_day: None,
        shares_facts: false,
        facts_from: Vec::new(),
        checks_proposals: false,
        shared_keys: SharedKeys::default(),
        ..plain_spec()
    }
}

fn specs() -> Vec<AgentSpec> {
    let mut specs = vec![
        plain_spec(),
        AgentSpec { findings_per_day: Some(5), ..plain_spec() },
        AgentSpec { stop_grace_ms: Some(9_000), ..plain_spec() },
        AgentSpec { checks_proposals: true, ..plain_spec() },
        AgentSpec {
            shared_keys: SharedKeys { read: Some(vec!["a/".into()]), write: Some(Vec::new()) },
            ..plain_spec()
        },
    ];
    for priority in all!(Priority: Low, Medium, High, Critical) {
        specs.push(full_spec(priority, Class::Low, Missed::Skip, Overlap::QueueOne));
    }
    for class in all!(Class: Low, Medium, High) {
        specs.push(full_spec(Priority::Low, class, Missed::RunAll { cap: 7 }, Overlap::Replace));
    }
    for overlap in all!(Overlap: Skip, QueueOne, Replace) {
        specs.push(full_spec(Priority::Low, Class::Low, Missed::RunOnce, overlap));
    }
    specs
}

fn findings() -> Vec<Finding> {
    let plain = Finding {
        rule: "health/bus-factor".into(),
        severity: Severity::Low,
        title: "one person knows `src`".into(),
        detail: String::new(),
        evidence: Vec::new(),
        action: String::new(),
        target: String::new(),
        fingerprint: mark(),
        forecast: None,
        worded: None,
    };
    let bare = |kind| Evidence {
        kind,
        text: "seen".into(),
        path: None,
        line: None,
        oid: None,
        value: None,
    };
    let mut evidence: Vec<Evidence> =
        all!(EvidenceKind: File, Commit, Number, Branch, Tag).into_iter().map(bare).collect();
    evidence.push(Evidence {
        path: Some("src/lib.rs".into()),
        line: Some(7),
        oid: Some("0123456789abcdef".into()),
        value: Some(0.5),
        ..bare(EvidenceKind::File)
    });
    let full = |severity| Finding {
        severity,
        detail: "because".into(),
        evidence: evidence.clone(),
        action: "pair on it".into(),
        target: "src".into(),
        ..plain.clone()
    };
    let severities = all!(Severity: Info, Low, Medium, High, Critical);
    let worded = worded().map(|worded| Finding { worded: Some(Box::new(worded)), ..plain.clone() });
    std::iter::once(plain.clone()).chain(severities.into_iter().map(full)).chain(worded).collect()
}

/// What a model made of a finding: its words, or why there are none, and every urgency.
fn worded() -> impl Iterator<Item = Worded> {
    let bare = Worded { model: "m-1".into(), ..Worded::default() };
    let words = Worded {
        title: Some("`src` hangs on one person".into()),
        detail: Some("pair on it".into()),
        ..bare.clone()
    };
    let refused = Worded { refused: Some("`9` does not stand there".into()), ..bare.clone() };
    let urgent =
        Urgency::ALL.iter().map(|urgency| Worded { urgency: Some(*urgency), ..words.clone() });
    [bare, refused].into_iter().chain(urgent.collect::<Vec<_>>())
}

/// Every estimate, who decides it, and every outcome.
fn forecasts() -> Vec<Event> {
    let estimates =
        [Estimate::Chance(0.25), Estimate::Interval { low: 2.0, high: 4.5, share: 0.8 }];
    for estimate in estimates {
        match estimate {
            Estimate::Chance(_) | Estimate::Interval { .. } => {}
        }
    }
    let forecast = |estimate, decided_by| Forecast {
        expects: "a fix follows".into(),
        estimate,
        resolve_by: T,
        decided_by,
    };
    let mut all: Vec<Forecast> =
        estimates.into_iter().map(|estimate| forecast(estimate, Decider::Agent)).collect();
    let deciders = all!(Decider: Agent, Standing);
    all.push(forecast(Estimate::Chance(1.0), deciders[1]));
    let outcomes = [
        forecast::Outcome::Came { at: None },
        forecast::Outcome::Came { at: Some(T) },
        forecast::Outcome::DidNotCome,
        forecast::Outcome::Amount(3.5),
        forecast::Outcome::Expired,
        forecast::Outcome::Void,
    ];
    for outcome in outcomes {
        match outcome {
            forecast::Outcome::Came { .. }
            | forecast::Outcome::DidNotCome
            | forecast::Outcome::Amount(_)
            | forecast::Outcome::Expired
            | forecast::Outcome::Void => {}
        }
    }
    let (project, agent) = (P, A);
    let made = all.into_iter().map(|forecast| Event::ForecastMade {
        project,
        agent,
        fingerprint: mark(),
        rule: "forecast/risky-commit".into(),
        forecast: Box::new(forecast),
    });
    let settled = outcomes.into_iter().map(|outcome| Event::ForecastSettled {
        project,
        agent,
        fingerprint: mark(),
        outcome,
    });
    made.chain(settled).collect()
}

fn kill_reasons() -> [KillReason; 8] {
    all!(KillReason: Stopped, Deadline, Replaced, Emergency, Shutdown, Limit, Violation, Approval)
}

fn outcomes() -> Vec<Outcome> {
    let mut outcomes = vec![
        Outcome::Succeeded,
        Outcome::NothingToReport,
        Outcome::Failed { why: "exit code 3".into() },
        Outcome::TimedOut,
        Outcome::Refused { rule: "max_memory_mb".into(), why: "too much".into() },
        Outcome::Lost { why: "the daemon ended while it ran".into() },
        Outcome::WaitingForApproval { approval: MotionId(8) },
    ];
    outcomes.extend(kill_reasons().map(|why| Outcome::Killed { why }));
    for outcome in &outcomes {
        // A new outcome needs a line.
        match outcome {
            Outcome::Succeeded
            | Outcome::NothingToReport
            | Outcome::Failed { .. }
            | Outcome::TimedOut
            | Outcome::Killed { .. }
            | Outcome::Refused { .. }
            | Outcome::WaitingForApproval { .. }
            | Outcome::Lost { .. } => {}
        }
    }
    outcomes
}

fn triggers() -> Vec<Trigger> {
    let triggers = vec![
        Trigger::Schedule,
        Trigger::Started,
        Trigger::Manual,
        Trigger::Changed,
        Trigger::Event { kind: "project.quality.degraded".into() },
        Trigger::Message,
        Trigger::Retry { of: RunId(2) },
        Trigger::CatchUp { missed: 4 },
        Trigger::Proposal { proposal: ProposalId(6) },
        Trigger::Answered { approval: MotionId(8) },
    ];
    for trigger in &triggers {
        // A new trigger needs a line.
        match trigger {
            Trigger::Schedule
            | Trigger::Started
            | Trigger::Manual
            | Trigger::Changed
            | Trigger::Event { .. }
            | Trigger::Message
            | Trigger::Retry { .. }
            | Trigger::Answered { .. }
            | Trigger::CatchUp { .. }
            | Trigger::Proposal { .. } => {}
        }
    }
    triggers
}

fn passed() -> [Passed; 5] {
    let [a, b, c, d, e] = [
        Passed::NothingChanged,
        Passed::Missed,
        Passed::Overlap,
        Passed::Paused,
        Passed::BreakerOpen,
    ];
    for why in [&a, &b, &c, &d, &e] {
        match why {
            Passed::NothingChanged
            | Passed::Missed
            | Passed::Overlap
            | Passed::Paused
            | Passed::BreakerOpen => {}
        }
    }
    [a, b, c, d, e]
}

fn daemon_and_projects() -> Vec<Event> {
    let mut events = vec![
        Event::DaemonStarted { version: "0.1.0".into(), pid: 77 },
        Event::DaemonStopping,
        Event::DaemonStopped,
        Event::PolicyAdopted { hash: "00ff".into(), origin: "the defaults".into(), project: None },
        Event::ProjectRegistered { project: P, root: "/home/ada/loom".into(), name: "loom".into() },
        Event::ProjectChanged { project: P, git: "aa".into(), plan: String::new() },
        Event::EmergencyDeclared { reason: "smoke".into() },
        Event::EmergencyLifted { reason: "it was toast".into() },
    ];
    let kinds = all!(RefusalKind: Invalid, UnknownAgent, UnknownProject, Unknown, Forbidden, Limit);
    events.extend(kinds.map(|kind| Event::CommandRefused {
        what: "start".into(),
        kind,
        message: "no".into(),
    }));
    events
}

fn agents() -> Vec<Event> {
    let mut events = vec![
        Event::AgentStarted { agent: A },
        Event::AgentStopped { agent: A },
        Event::AgentPaused { agent: A },
        Event::AgentResumed { agent: A },
        Event::AgentTerminated { agent: A },
        Event::AgentQuarantined { agent: A, why: "it failed".into() },
        Event::QuarantineLifted { agent: A, reason: "mended".into() },
        Event::BreakerOpened { agent: A, until: T, failures: 5 },
        Event::BreakerClosed { agent: A },
        Event::SlotPlanned { agent: A, due: Some(T) },
        Event::SlotPlanned { agent: A, due: None },
        Event::CheckpointSaved {
            agent: A,
            name: "seen".into(),
            blob: BlobRef { sha256: "00ff".into(), bytes: 9 },
        },
    ];
    for spec in specs() {
        let spec = Box::new(spec);
        events.push(Event::AgentRegistered { agent: A, project: P, spec: spec.clone() });
        events.push(Event::AgentConfigured { agent: A, spec });
    }
    let why = all!(Adaptation: NothingChanged, Slow, Failing, Ignored, Pressed, Useful);
    events.extend(why.map(|why| Event::IntervalAdapted { agent: A, permille: 2_000, why }));
    for next in [None, Some(T)] {
        let pass = |why| Event::SlotPassed { agent: A, slot: T, count: 2, why, next };
        events.extend(passed().map(pass));
    }
    events
}

fn runs() -> Vec<Event> {
    let leases = vec![LeaseGrant { name: "index".into(), token: 6 }];
    let process = Process { pid: 40, start_ticks: 9 };
    let usage = Usage { cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5 };
    let mut events = vec![
        Event::RunPlaced { run: R, generation: G, leases, deadline_ms: 60_000 },
        Event::RunPlaced { run: R, generation: G, leases: Vec::new(), deadline_ms: 60_000 },
        Event::RunStarted {
            run: R,
            generation: G,
            process: process.clone(),
            deadline: T,
            degraded: Vec::new(),
        },
        Event::RunStarted {
            run: R,
            generation: G,
            process,
            deadline: T,
            degraded: vec!["cpu: the average holds".into()],
        },
        Event::RunFinished { run: R, nothing_to_report: true, summary: "all is well".into() },
    ];
    events.extend(violations().into_iter().map(|violation| Event::ViolationRecorded {
        agent: A,
        run: R,
        violation: Box::new(violation),
    }));
    events.extend(triggers().into_iter().map(|trigger| Event::RunQueued {
        run: R,
        agent: A,
        slot: T,
        trigger,
        attempt: 1,
        not_before: T,
    }));
    events.extend(kill_reasons().map(|why| Event::RunStopping {
        run: R,
        generation: G,
        why,
        grace_ms: 0,
    }));
    events.extend([3_600_000, -5_000].map(|ms| Event::TimeLeapt { ms }));
    let why = "policy.yaml:3:20: `max_pids` …".into();
    events.push(Event::PolicyRefused { project: P, why });
    let why = KillReason::Stopped;
    events.push(Event::RunStopping { run: R, generation: G, why, grace_ms: 5_000 });
    events.extend(outcomes().into_iter().map(|outcome| Event::RunEnded { run: R, outcome, usage }));
    events
}

/// Every sensor, rule, confidence and action; with and without what may be absent.
fn violations() -> Vec<Violation> {
    let seen = |sensor, rule| Violation::new(sensor, rule, "open", b"/project/.env").times(3);
    let by_rule = Rule::ALL.iter().map(|rule| seen(Sensor::Host, *rule));
    let by_sensor = Sensor::ALL.iter().map(|sensor| seen(*sensor, Rule::ForbiddenPath));
    let full = |action: &Action| seen(Sensor::Mask, Rule::ForbiddenPath).with(*action);
    let by_action = Action::ALL.iter().map(full);
    let hint = seen(Sensor::Notifier, Rule::ForbiddenPath).hint().by(b"cat").resolved(b"/x");
    assert_eq!(Confidence::ALL.len(), 2);
    by_rule.chain(by_sensor).chain(by_action).chain([hint]).collect()
}

fn findings_and_sharing() -> Vec<Event> {
    let mut events = vec![
        Event::FindingSeen { project: P, run: R, fingerprint: mark() },
        Event::FindingResolved { project: P, fingerprint: mark(), by: None },
        Event::FindingResolved { project: P, fingerprint: mark(), by: Some("0123abcd".into()) },
        Event::FindingSuppressed { project: P, agent: A, run: R, fingerprint: mark() },
        Event::FindingAccepted { project: P, fingerprint: mark() },
        Event::FindingDismissed { project: P, fingerprint: mark(), reason: "as meant".into() },
        Event::FindingSnoozed { project: P, fingerprint: mark(), until: T },
        Event::RuleForgotten { agent: A, rule: "health/bus-factor".into() },
        Event::HookReceived {
            project: P,
            hook: "forge".into(),
            key: "00ff".into(),
            data: "{\"event\":\"issues\"}".into(),
        },
        Event::EventEmitted {
            project: P,
            agent: A,
            run: R,
            kind: "project.quality.degraded".into(),
            data: "{\"score\":3}".into(),
        },
        Event::MessageSent { id: M, from: A, to: AgentId(5), body: "hello — ünïcode".into() },
        Event::MessageDelivered { id: M, run: R },
        Event::MessageAcked { id: M },
        Event::MessageDied { id: M },
        Event::StatePut { project: P, key: "k".into(), value: "1".into(), version: 2, by: A },
        Event::LeaseTaken {
            project: P,
            name: "db".into(),
            run: R,
            token: 7,
            expires: T,
            mode: Mode::Exclusive,
        },
        Event::LeaseTaken {
            project: P,
            name: "file:src".into(),
            run: R,
            token: 8,
            expires: T,
            mode: Mode::Shared,
        },
        Event::LeaseWaited {
            project: P,
            name: "file:src".into(),
            mode: Mode::Exclusive,
            run: R,
            until: T,
        },
        Event::LeaseReleased { project: P, name: "db".into(), token: 7 },
    ];
    events.extend(findings().into_iter().map(|finding| Event::FindingRecorded {
        project: P,
        agent: A,
        run: R,
        finding: Box::new(finding),
    }));
    events
}

fn proposals() -> Vec<Event> {
    let file = |change, from: Option<&str>| ChangedFile {
        path: "src/x.rs".into(),
        change,
        from: from.map(Into::into),
        added: 3,
        removed: 1,
    };
    let kinds = all!(ChangeKind: Create, Modify, Delete, Rename);
    let proposed = Proposed {
        title: "mend x".into(),
        reason: "it is broken".into(),
        evidence: findings().into_iter().flat_map(|finding| finding.evidence).take(1).collect(),
        patch: BlobRef { sha256: "00ff".into(), bytes: 9 },
        files: kinds.map(|kind| file(kind, (kind == ChangeKind::Rename).then_some("y"))).into(),
        under: None,
    };
    let plain = Proposed { evidence: Vec::new(), ..proposed.clone() };
    let under = Some(onboard_domain::Under { name: "file:x".into(), token: 7 });
    let fenced = Proposed { under, ..plain.clone() };
    let check = |verdict| Check { name: "applies".into(), verdict, note: "as it is".into() };
    let checks: Vec<Check> = all!(Verdict: Passed, Failed, Skipped).map(check).into();
    let branch = Branch { name: "ai-onboard/x/c0".into(), commit: "12ab".into() };
    let why = || "because".to_string();
    let trial = |passed, note: &str| Trial {
        by: name("tests"),
        hash: "00ff".into(),
        run: R,
        at: Time(5),
        passed,
        note: note.into(),
    };
    let facts = vec![
        Fact::Made { project: P, agent: A, run: R, proposed },
        Fact::Made { project: P, agent: A, run: R, proposed: plain },
        Fact::Made { project: P, agent: A, run: R, proposed: fenced },
        Fact::Checked { base: Some("12ab".into()), checks },
        Fact::Checked { base: None, checks: Vec::new() },
        Fact::Accepted {
            patch: "00ff".into(),
            reason: why(),
            despite_check: false,
            protected: false,
        },
        Fact::Accepted {
            patch: "00ff".into(),
            reason: why(),
            despite_check: false,
            protected: true,
        },
        Fact::Rejected { reason: why() },
        Fact::Written { branch: branch.clone() },
        Fact::NotWritten { stale: true, why: why() },
        Fact::Withdrawn { reason: why() },
        Fact::Reverted { branch: None },
        Fact::Reverted { branch: Some(branch) },
        Fact::NotReverted { why: why() },
        Fact::Accepted {
            patch: "00ff".into(),
            reason: why(),
            despite_check: true,
            protected: false,
        },
        Fact::Tried { trial: trial(true, "") },
        Fact::Tried { trial: trial(false, "exit code 1: no") },
    ];
    for fact in &facts {
        match fact {
            Fact::Made { .. }
            | Fact::Checked { .. }
            | Fact::Accepted { .. }
            | Fact::Tried { .. }
            | Fact::Rejected { .. }
            | Fact::Written { .. }
            | Fact::NotWritten { .. }
            | Fact::Withdrawn { .. }
            | Fact::Reverted { .. }
            | Fact::NotReverted { .. } => {}
        }
    }
    let event = |fact| Event::Proposal { proposal: ProposalId(6), fact: Box::new(fact) };
    facts.into_iter().map(event).collect()
}

/// A violation of every word that one may have.
fn every_violation() -> Vec<Violation> {
    let plain = Violation::new(Sensor::Mask, Rule::ForbiddenPath, "open", b"/project/.env");
    let rules = Rule::ALL.iter().map(|rule| Violation { rule: *rule, ..plain.clone() });
    let sensors = Sensor::ALL.iter().map(|sensor| Violation { sensor: *sensor, ..plain.clone() });
    let actions = Action::ALL.iter().map(|action| plain.clone().with(*action));
    let full = plain.clone().hint().resolved(b"/project/x").by(b"cat").times(7);
    rules.chain(sensors).chain(actions).chain([full]).collect()
}

fn oversight() -> Vec<Event> {
    let recorded =
        |violation| Event::ViolationRecorded { agent: A, run: R, violation: Box::new(violation) };
    let seen =
        every_violation().into_iter().take(1).map(|violation| Seen { at: T, run: R, violation });
    let evidence: Vec<Seen> = seen.collect();
    let escalated = |trigger, consequence| incident::Fact::Escalated {
        agent: A,
        run: R,
        trigger,
        consequence,
        why: "because".into(),
        evidence: evidence.clone(),
    };
    let by = || "ada".to_string();
    let mut facts = vec![
        incident::Fact::Noted { by: by(), text: "seen".into() },
        incident::Fact::Closed { by: by(), reason: "because".into() },
    ];
    facts.extend(incident::Trigger::ALL.iter().map(|t| escalated(*t, Consequence::Warn)));
    facts.extend(Consequence::ALL.iter().map(|c| escalated(incident::Trigger::ALL[0], *c)));
    for fact in &facts {
        match fact {
            incident::Fact::Escalated { .. }
            | incident::Fact::Noted { .. }
            | incident::Fact::Closed { .. } => {}
        }
    }
    let event = |fact| Event::Incident { incident: IncidentId(7), fact: Box::new(fact) };
    let asked = Event::PersonAsked { agent: A, run: R, text: "please look".into() };
    let facts = facts.into_iter().map(event);
    every_violation().into_iter().map(recorded).chain(facts).chain([asked]).collect()
}

fn models() -> Vec<Event> {
    let spend = Spend { tokens: 1_200, micros: 3_450 };
    let reservation = Reservation { agent: A, run: R, model: "small".into(), spend };
    let settled = |ending| model::Fact::Settled { id: 9, agent: A, run: R, spend, ending };
    let mut facts = vec![model::Fact::Reserved { id: 9, reservation }];
    facts.extend(all!(Ending: Reported, Unused, Unknown).map(settled));
    for fact in &facts {
        match fact {
            model::Fact::Reserved { .. } | model::Fact::Settled { .. } => {}
        }
    }
    facts.into_iter().map(|fact| Event::Model { fact: Box::new(fact) }).collect()
}

fn every_subject() -> Vec<Subject> {
    let text = || "because".to_string();
    let limits = Limits { pids: Some(64), ..Limits::default() };
    let change = |project| {
        let (hash, origin) = ("00ff".into(), "the defaults".into());
        Subject::ChangePolicy { hash, origin, project }
    };
    let subjects = vec![
        Subject::Deploy { agent: A, hash: "00ff".into(), limits: None, once: false },
        Subject::Deploy { agent: A, hash: "00ff".into(), limits: Some(limits), once: true },
        Subject::Widen { agent: A, limits, hash: String::new() },
        Subject::Widen { agent: A, limits, hash: "00ff".into() },
        Subject::Apply {
            proposal: ProposalId(6),
            patch: "00ff".into(),
            protected: Vec::new(),
            despite_check: false,
        },
        Subject::Apply {
            proposal: ProposalId(6),
            patch: "00ff".into(),
            protected: vec![".github/ci.yml: it is continuous integration".into()],
            despite_check: false,
        },
        Subject::LiftQuarantine { agent: A, why: text() },
        Subject::LiftEmergency { since: T, why: text() },
        change(None),
        change(Some(P)),
        Subject::CloseIncident { incident: IncidentId(7), moments: 3 },
        Subject::Act {
            agent: A,
            program: "00ff".into(),
            action: "release.publish".into(),
            what: "publish 1.2.0".into(),
        },
    ];
    for subject in &subjects {
        match subject {
            Subject::Deploy { .. }
            | Subject::Widen { .. }
            | Subject::Apply { .. }
            | Subject::LiftQuarantine { .. }
            | Subject::LiftEmergency { .. }
            | Subject::ChangePolicy { .. }
            | Subject::CloseIncident { .. }
            | Subject::Act { .. } => {}
        }
    }
    subjects
}

fn motions() -> Vec<Event> {
    let person = || Actor::Person { uid: 1000, name: "ada".into() };
    let opened = |subject| council::Fact::Opened {
        subject: Box::new(subject),
        by: person(),
        reason: "because".into(),
        expires: T,
    };
    let rules = |ballot: &Ballot| Vote {
        seat: Seat::SafetyMonitor,
        ballot: *ballot,
        by: None,
        reasons: vec!["because".into()],
    };
    let vote =
        |seat: &Seat| Vote { seat: *seat, ballot: Ballot::Approve, by: None, reasons: Vec::new() };
    let of_person = Vote { by: Some(person()), ..vote(&Seat::UserRepresentative) };
    let mut votes: Vec<Vote> = Seat::ALL.iter().map(vote).collect();
    votes.extend(Ballot::ALL.iter().map(rules));
    votes.push(of_person);
    let mut facts: Vec<council::Fact> = every_subject().into_iter().map(opened).collect();
    let why = || "because".to_string();
    facts.extend([
        council::Fact::Repeated { run: R },
        council::Fact::Voted { digest: "00ff".into(), votes },
        council::Fact::Decided { carried: true, why: why() },
        council::Fact::Decided { carried: false, why: why() },
        council::Fact::Expired,
        council::Fact::Withdrawn { why: why() },
        council::Fact::Executed,
    ]);
    for fact in &facts {
        match fact {
            council::Fact::Opened { .. }
            | council::Fact::Repeated { .. }
            | council::Fact::Voted { .. }
            | council::Fact::Decided { .. }
            | council::Fact::Expired
            | council::Fact::Withdrawn { .. }
            | council::Fact::Executed => {}
        }
    }
    let event = |fact| Event::Motion { motion: MotionId(8), fact: Box::new(fact) };
    let (hash, origin, project) = ("00ff".into(), "the defaults".into(), Some(P));
    let adopted = Event::PolicyAdopted { hash, origin, project };
    facts.into_iter().map(event).chain([adopted]).collect()
}

fn causes() -> Vec<Cause> {
    let actors = [
        Actor::Person { uid: 1000, name: "ada".into() },
        Actor::Agent { run: R, name: name("watcher") },
        Actor::Daemon,
        Actor::Hook { name: "forge".into() },
    ];
    for actor in &actors {
        match actor {
            Actor::Person { .. } | Actor::Agent { .. } | Actor::Daemon | Actor::Hook { .. } => {}
        }
    }
    let cause = |actor, via, why: &str| Cause { actor, via, what: "start".into(), why: why.into() };
    let [person, agent, daemon, hook] = actors;
    // In the order in which they came to be: one stored line has those of the beginning.
    let [ways @ .., by_hook] = all!(Via: Cli, Api, HostSocket, Daemon, Hook);
    let by_person = ways.map(|via| cause(person.clone(), via, "because"));
    let others = [cause(agent, Via::HostSocket, ""), cause(daemon, Via::Daemon, "")];
    let later = [cause(hook, by_hook, "")];
    by_person.into_iter().chain(others).chain(later).collect()
}

/// Causes that there were when the line with all of them was stored.
const CAUSES_AT_FIRST: usize = 6;

/// A batch for every event and every cause, and one of everything that a batch has.
fn batches() -> Vec<Batch> {
    let batch = |causes, events| Batch { format: 1, time: T, causes, events };
    let events = [
        daemon_and_projects(),
        agents(),
        runs(),
        findings_and_sharing(),
        proposals(),
        oversight(),
        models(),
        motions(),
        forecasts(),
    ]
    .concat();
    let mut batches: Vec<Batch> =
        events.into_iter().map(|event| batch(Vec::new(), vec![event])).collect();
    batches.extend(causes().into_iter().map(|cause| batch(vec![cause], Vec::new())));
    let first = causes().into_iter().take(CAUSES_AT_FIRST).collect();
    batches.push(batch(first, daemon_and_projects()));
    batches
}

/// Not updated by a variable of the environment: a line is added by hand, knowing that it stays.
#[test]
fn what_is_written_today_was_stored() {
    let stored: Vec<&str> = STORED.lines().collect();
    let written = batches().into_iter().map(|batch| String::from_utf8(batch.encode()));
    let missing: Vec<String> = written
        .map(|line| line.expect("text"))
        .filter(|line| !stored.contains(&line.as_str()))
        .collect();
    assert!(missing.is_empty(), "add to the end of the file:\n{}", missing.join("\n"));
}

#[test]
fn what_was_stored_is_read_as_the_same_value() {
    let batches = batches();
    for line in STORED.lines() {
        let read = Batch::decode(line.as_bytes()).unwrap_or_else(|why| panic!("{why}: {line}"));
        assert!(batches.contains(&read), "no such value is known: {line}");
        assert_eq!(core::str::from_utf8(&read.encode()).expect("text"), line);
    }
}

#[test]
fn every_event_has_a_line() {
    let mut seen = [false; PLACES];
    for line in STORED.lines() {
        for event in Batch::decode(line.as_bytes()).expect("a batch").events {
            seen[place(&event)] = true;
        }
    }
    let missing: Vec<usize> = (0..PLACES).filter(|place| !seen[*place]).collect();
    assert_eq!(missing, Vec::<usize>::new());
}

#[test]
fn a_field_that_is_not_known_is_passed_over() {
    let line =
        r#"{"format":1,"time":5,"later":true,"events":[{"agent_started":{"agent":2,"later":1}}]}"#;
    let read = Batch::decode(line.as_bytes()).expect("a batch");
    assert_eq!(read.events, vec![Event::AgentStarted { agent: A }]);
}
