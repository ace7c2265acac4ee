//! The fold, as tables: events in as JSON, what became of the state out as text.

use expect_test::{Expect, expect};
use onboard_domain::check::check as unsound;
use onboard_domain::{AgentId, Event, Fingerprint, ProjectId, State, Time};

const SPEC: &str = r#"{"name":"watcher","description":"","program":"built_in","schedule":"hourly",
  "priority":"high","classes":{"cpu":"low","memory":"low","io":"low"},"origin":"built-in","hash":"h"}"#;

/// A registered project with one agent, started.
fn begun() -> Vec<String> {
    vec![
        r#"{"project_registered":{"project":0,"root":"/p","name":"p"}}"#.into(),
        format!(r#"{{"agent_registered":{{"agent":0,"project":0,"spec":{SPEC}}}}}"#),
        r#"{"agent_started":{"agent":0}}"#.into(),
    ]
}

const QUEUED: &str = r#"{"run_queued":{"run":0,"agent":0,"slot":5,"trigger":"schedule","attempt":0,"not_before":5}}"#;
const PLACED: &str = r#"{"run_placed":{"run":0,"generation":1,"leases":[{"name":"index","token":0}],"deadline_ms":100}}"#;
const STARTED: &str = r#"{"run_started":{"run":0,"generation":1,"process":{"pid":7,"start_ticks":9},"deadline":110}}"#;
const ENDED: &str = r#"{"run_ended":{"run":0,"outcome":"succeeded","usage":{"cpu_ms":3,"memory_peak_bytes":4,"throttled_ms":0}}}"#;

fn fold(events: &[String]) -> (State, Vec<String>) {
    let mut state = State::default();
    state.advance(Time(10)).unwrap();
    let mut notes = Vec::new();
    for text in events {
        let event: Event = serde_json::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        if let Err(illegal) = state.apply(&event) {
            notes.push(illegal.to_string());
            break;
        }
        notes.extend(unsound(&state));
    }
    (state, notes)
}

fn summary(state: &State) -> String {
    let mut out = String::new();
    for (id, run) in &state.runs {
        out += &format!("{id} {:?}\n", run.phase);
    }
    for (id, agent) in &state.agents {
        let ended: Vec<_> = agent.recent.iter().map(|run| run.outcome.word()).collect();
        out += &format!("{id} {:?} live {:?} ended {ended:?}\n", agent.desired, agent.live);
    }
    for project in state.projects.values() {
        out += &format!("leases {:?}\n", project.leases.keys().collect::<Vec<_>>());
    }
    out
}

#[track_caller]
fn check(events: &[&str], expect: Expect) {
    let mut all = begun();
    all.extend(events.iter().map(ToString::to_string));
    let (state, notes) = fold(&all);
    expect.assert_eq(&format!("{}{}\n", summary(&state), notes.join("\n")));
}

#[test]
fn a_run_holds_its_leases_until_it_ends() {
    check(
        &[QUEUED, PLACED, STARTED],
        expect![[r#"
        r0 Running { started: Time(10), deadline: Time(110), process: Process { pid: 7, start_ticks: 9 } }
        a0 Started live [RunId(0)] ended []
        leases ["index"]

    "#]],
    );
    check(
        &[QUEUED, PLACED, STARTED, ENDED],
        expect![[r#"
        a0 Started live [] ended ["succeeded"]
        leases []

    "#]],
    );
}

#[test]
fn impossible_histories_are_reported() {
    check(
        &[QUEUED, STARTED],
        expect![[r#"
        r0 Queued
        a0 Started live [RunId(0)] ended []
        leases []
        illegal event: r0 can't start as g1 from Queued g0
    "#]],
    );
    check(
        &[QUEUED, PLACED, PLACED],
        expect![[r#"
        r0 Placed { at: Time(10), deadline_ms: 100 }
        a0 Started live [RunId(0)] ended []
        leases ["index"]
        illegal event: r0 can't be placed as g1 from Placed { at: Time(10), deadline_ms: 100 } g1
    "#]],
    );
    check(
        &[ENDED],
        expect![[r#"
        a0 Started live [] ended []
        leases []
        illegal event: no run r0
    "#]],
    );
    check(
        &[QUEUED, r#"{"agent_terminated":{"agent":0}}"#],
        expect![[r#"
        r0 Queued
        a0 Started live [RunId(0)] ended []
        leases []
        illegal event: agent a0 is terminated while runs of it live
    "#]],
    );
    check(
        &[r#"{"state_put":{"project":0,"key":"k","value":"1","version":2,"by":0}}"#],
        expect![[r#"
            a0 Started live [] ended []
            leases []
            illegal event: `k` goes from version 0 to 2
        "#]],
    );
    check(
        &[r#"{"emergency_lifted":{"reason":"all clear"}}"#],
        expect![[r#"
        a0 Started live [] ended []
        leases []
        illegal event: no emergency to lift
    "#]],
    );
}

#[test]
fn a_lease_that_is_held_is_not_given_again() {
    check(
        &[
            QUEUED,
            PLACED,
            r#"{"run_queued":{"run":1,"agent":0,"slot":6,"trigger":"manual","attempt":0,"not_before":6}}"#,
            r#"{"lease_taken":{"project":0,"name":"index","run":1,"token":1,"expires":99}}"#,
        ],
        expect![[r#"
            r0 Placed { at: Time(10), deadline_ms: 100 }
            r1 Queued
            a0 Started live [RunId(0), RunId(1)] ended []
            leases ["index"]
            illegal event: lease `index` is held by r0 and given to r1
        "#]],
    );
}

#[test]
fn a_dismissed_finding_is_remembered() {
    let finding = r#"{"finding_recorded":{"project":0,"agent":0,"run":0,"finding":{"rule":"r",
        "severity":"low","title":"t","fingerprint":"f"}}}"#;
    let dismissed =
        r#"{"finding_dismissed":{"project":0,"fingerprint":"f","reason":"as intended"}}"#;
    let mut events = begun();
    events.extend([QUEUED, finding, dismissed].map(String::from));
    let (state, notes) = fold(&events);
    assert_eq!(notes, Vec::<String>::new());
    let project = &state.projects[&onboard_domain::ProjectId(0)];
    assert_eq!((project.findings.len(), project.dismissed.len()), (0, 1));
    assert_eq!(state.agents[&onboard_domain::AgentId(0)].totals.dismissed, 1);
}

#[test]
fn a_snapshot_is_the_same_state() {
    let mut events = begun();
    events.extend([QUEUED, PLACED, STARTED].map(String::from));
    let (state, _) = fold(&events);
    let back = State::decode(&state.encode()).unwrap();
    assert_eq!(back, state);
    assert_eq!(back.digest(), state.digest());
}

#[test]
fn time_along_the_journal_never_goes_back() {
    let mut state = State::default();
    state.advance(Time(10)).unwrap();
    assert_eq!(
        state.advance(Time(9)).unwrap_err().to_string(),
        "illegal event: time goes back from 10 to 9"
    );
}

/// A finding of a rule about a target, told by the run that is there.
fn told(mark: &str, rule: &str, target: &str, severity: &str) -> String {
    format!(
        r#"{{"finding_recorded":{{"project":0,"agent":0,"run":0,"finding":{{"rule":"{rule}",
          "severity":"{severity}","title":"t","target":"{target}","fingerprint":"{mark}"}}}}}}"#
    )
}

fn of(what: &str, mark: &str, more: &str) -> String {
    format!(r#"{{"finding_{what}":{{"project":0,"fingerprint":"{mark}"{more}}}}}"#)
}

#[test]
fn what_becomes_of_findings_is_counted_by_rule() {
    let mut events = begun();
    events.extend([QUEUED, PLACED, STARTED].map(String::from));
    for (mark, rule) in [("a", "r/x"), ("b", "r/x"), ("c", "r/x"), ("d", "r/x"), ("e", "r/y")] {
        events.push(told(mark, rule, mark, "low"));
    }
    // Told once more, it is no second one; worse than it was, it is.
    events.push(told("a", "r/x", "a", "low"));
    events.push(told("d2", "r/x", "d", "high"));
    events.push(of("accepted", "a", ""));
    events.push(of("dismissed", "b", r#","reason":"as meant""#));
    events.push(of("snoozed", "c", r#","until":99"#));
    // Accepted before it went away, gone in silence, and gone into another class.
    for mark in ["a", "c", "d"] {
        events.push(of("resolved", mark, ""));
    }
    // Accepted, and thought better of: one finding has one answer.
    events.push(of("accepted", "e", ""));
    events.push(of("dismissed", "e", r#","reason":"on reflection""#));
    let tell = |events: &[String]| {
        let (state, notes) = fold(events);
        assert_eq!(notes, [""; 0]);
        let agent = &state.agents[&onboard_domain::AgentId(0)];
        let rules = agent.rules.iter().map(|(rule, record)| format!("{rule} {record:?}\n"));
        rules.collect::<String>()
    };
    expect![[r#"
        r/x RuleRecord { told: 5, accepted: 1, dismissed: 1, gone: 1, acted: 0 }
        r/y RuleRecord { told: 1, accepted: 0, dismissed: 1, gone: 0, acted: 0 }
    "#]]
    .assert_eq(&tell(&events));
    events.push(r#"{"rule_forgotten":{"agent":0,"rule":"r/x"}}"#.into());
    expect![[r#"
        r/y RuleRecord { told: 1, accepted: 0, dismissed: 1, gone: 0, acted: 0 }
    "#]]
    .assert_eq(&tell(&events));
}

/// A finding of agent 0, and a second agent's of the same fingerprint, as older versions recorded them:
/// the second took the first over.
#[test]
fn a_finding_that_was_taken_over_stays_so_and_a_dismissed_one_is_somebodys() {
    let other = format!(
        r#"{{"agent_registered":{{"agent":1,"project":0,"spec":{}}}}}"#,
        SPEC.replace("watcher", "other")
    );
    let queued = QUEUED.replace(r#""run":0,"agent":0"#, r#""run":1,"agent":1"#);
    let recorded = |by: u32, severity: &str| {
        format!(
            r#"{{"finding_recorded":{{"project":0,"agent":{by},"run":{by},"finding":{{"rule":"r",
               "severity":"{severity}","title":"t","fingerprint":"f"}}}}}}"#
        )
    };
    let mut events = begun();
    events.extend([other, QUEUED.into(), queued, recorded(0, "low"), recorded(1, "critical")]);
    let (state, notes) = fold(&events);
    let known: Vec<_> = state.projects[&ProjectId(0)].findings.values().map(|f| f.agent).collect();
    assert_eq!((known, notes), (vec![AgentId(1)], vec![]));
    events.push(r#"{"finding_dismissed":{"project":0,"fingerprint":"f","reason":"noise"}}"#.into());
    let (mut state, notes) = fold(&events);
    assert_eq!(notes, Vec::<String>::new());
    let known_as = |state: &State, id: u32| {
        let agent = &state.agents[&AgentId(id)].spec.name;
        let f = Fingerprint("f".into());
        state.projects[&ProjectId(0)].known_as(AgentId(id), agent, &f) == f
    };
    assert_eq!((known_as(&state, 0), known_as(&state, 1)), (false, true));
    // In a snapshot from before it was kept whose it was, it is dismissed for everybody.
    let project = state.projects.get_mut(&ProjectId(0)).unwrap();
    project.dismissed_of.clear();
    let text = String::from_utf8(state.encode()).unwrap();
    assert!(!text.contains("dismissed_of"));
    let state = State::decode(text.as_bytes()).unwrap();
    assert_eq!((known_as(&state, 0), known_as(&state, 1)), (true, true));
}

#[test]
fn forecasts_are_settled_once_and_scored_by_rule() {
    let mut events = begun();
    events.extend([QUEUED, PLACED, STARTED].map(String::from));
    let made = |mark: &str, estimate: &str| {
        format!(
            r#"{{"forecast_made":{{"project":0,"agent":0,"fingerprint":"{mark}","rule":"r/x",
              "forecast":{{"expects":"it comes","estimate":{estimate},"resolve_by":99}}}}}}"#
        )
    };
    let settled = |mark: &str, outcome: &str| {
        format!(
            r#"{{"forecast_settled":{{"project":0,"agent":0,"fingerprint":"{mark}","outcome":{outcome}}}}}"#
        )
    };
    events.push(made("a", r#"{"chance":0.75}"#));
    events.push(made("b", r#"{"interval":{"low":2.0,"high":4.0,"share":0.8}}"#));
    events.push(made("c", r#"{"chance":0.25}"#));
    events.push(settled("a", r#"{"came":{"at":50}}"#));
    events.push(settled("b", r#"{"amount":4.0}"#));
    let (state, notes) = fold(&events);
    assert_eq!(notes, [""; 0]);
    let score = state.agents[&onboard_domain::AgentId(0)].scores["r/x"];
    expect!["Score { chances: 1, came: 1, squares: 62500, lead_ms: 40, intervals: 1, held: 1, shares: 800000, unknown: 0 }"].assert_eq(&format!("{score:?}"));
    assert_eq!(state.projects[&onboard_domain::ProjectId(0)].forecasts.len(), 1);
    // What is settled is over; a chance has no amount.
    for event in [settled("a", r#""did_not_come""#), settled("c", r#"{"amount":1.0}"#)] {
        let (_, notes) = fold(&[events.clone(), vec![event]].concat());
        assert_ne!(notes, [""; 0]);
    }
}

#[test]
fn a_webhooks_delivery_is_taken_once_and_few_are_remembered() {
    use onboard_domain::hook::bounds;
    let brought = |hook: &str, key: usize| {
        format!(
            r#"{{"hook_received":{{"project":0,"hook":"{hook}","key":"{key}","data":"{key}"}}}}"#
        )
    };
    let told = |events: &[String]| {
        let (state, notes) = fold(&[begun(), events.to_vec()].concat());
        (state.hooks, notes)
    };
    let once = told(&[brought("forge", 1), brought("ci", 1), brought("forge", 1)]);
    assert_eq!(once.1, ["illegal event: webhook `forge` brought `1` before"]);
    let many: Vec<String> = (0..bounds::KEYS + 5).map(|key| brought("forge", key)).collect();
    let (hooks, notes) = told(&many);
    let known = &hooks["forge"];
    assert_eq!((notes.as_slice(), known.received), (&[][..], bounds::KEYS as u64 + 5));
    assert!(known.has("5") && !known.has("4"));
    assert_eq!(known.recent.len(), bounds::RECENT);
    let names: Vec<String> = (0..bounds::HOOKS + 9).map(|n| brought(&format!("h{n}"), 0)).collect();
    let (hooks, notes) = told(&names);
    assert_eq!((hooks.len(), notes.len()), (bounds::HOOKS, 0));
    assert!(hooks.contains_key(&format!("h{}", bounds::HOOKS + 8)), "the newest is known");
}
