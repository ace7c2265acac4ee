//! What runs ask people for.

use super::{CHANGED, OWN, ask, asked};
use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_domain::council::{Status, bounds};
use onboard_domain::state::Trigger;
use onboard_domain::{MotionId, RunId};

#[test]
fn an_agent_in_quarantine_gets_nothing_more() {
    check(
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            run alpha
            launched r0
            tried r0 denied_syscall a b c d e f g h i j k l m n o p q r s t
            gone r0 signal 9
            agent alpha = manual | {CHANGED}
            register
            ---
            start alpha"
        ),
        expect![[r#"
            > start alpha
              motion v1 opened: deploy_agent
              motion v1 voted: safety_monitor reject (its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life), resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 lost: veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
              command_refused {kind: forbidden, message: `alpha`:  the council said no (v1):  veto of the Safety Monitor:  its agent is in quarantine:  different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open,  and reached quarantine; 20 refused attempts within a day,  20 over its life, what: start}
              refused forbidden: `alpha`: the council said no (v1): veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
        "#]],
    );
}

#[test]
fn a_run_that_asks_ends_and_another_goes_on_with_the_answer_once() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            wait 30m
            approve v0 go on
            launched r1
            {again}
            {again}
            gone r1 signal 9"
        )),
        expect![[r#"
            > wait 30m
              … 1267326 ms
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: overlap}
            > approve v0 go on
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              run_queued {agent: 0, attempt: 1, not_before: +1800000ms, run: 1, slot: +1800000ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > launched r1
              run_started {deadline: +1860000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v1 opened: agent_action
              motion v1 voted: safety_monitor yes, resource_manager yes
              run_stopping {generation: 1, run: 1, why: approval}
              ! kill r1 g1 approval
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 1, note: , status: open}}
            > gone r1 signal 9
              run_ended {outcome: {waiting_for_approval: {approval: 1}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn what_nobody_answered_is_no_denial() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            wait 60m
            wait 2m
            launched r1
            {again}
            gone r1 exit 0
            approve v0"
        )),
        expect![[r#"
            > wait 60m
              … 1267326 ms
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: overlap}
              motion v0 expired
              run_queued {agent: 0, attempt: 1, not_before: +3600000ms, run: 1, slot: +3600000ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
            > wait 2m
              … 3660000 ms
              run_stopping {generation: 1, run: 1, why: deadline}
              ! kill r1 g1 deadline
              … 3670000 ms
              ! kill r1 g1 deadline
              … 3690000 ms
              ! kill r1 g1 deadline
            > launched r1
              ! kill r1 g1 deadline
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: nobody answered in time; that is no denial, status: expired}}
            > gone r1 exit 0
              violation_recorded {agent: 0, run: 1, violation: deadline 0 s after its start x1}
              run_ended {outcome: timed_out, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > approve v0
              command_refused {kind: invalid, message: v0 is expired and takes no votes, what: approve}
              refused invalid: v0 is expired and takes no votes
        "#]],
    );
}

#[test]
fn a_no_is_told_with_its_reason_and_not_asked_again_at_once() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            reject v0
            reject v0 not on a friday
            launched r1
            {again}
            approve v0"
        )),
        expect![[r#"
            > reject v0
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: reject}
              refused invalid: a reason is needed: say it with --reason
            > reject v0 not on a friday
              motion v0 voted: user_representative reject (not on a friday), system_administrator reject (not on a friday)
              motion v0 lost: people said no: not on a friday
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: people said no:  not on a friday, status: rejected}}
            > approve v0
              command_refused {kind: invalid, message: v0 is rejected and takes no votes, what: approve}
              refused invalid: v0 is rejected and takes no votes
        "#]],
    );
}

#[test]
fn a_daemon_that_dies_meanwhile_forgets_nothing() {
    let again = ask("r2", "publish 1.2.0");
    check(
        &asked(&format!(
            "---
            back
            back
            approve v0
            back
            launched r2
            {again}
            back"
        )),
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {waiting_for_approval: {approval: 0}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
            > approve v0
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn an_agent_that_changed_or_was_stopped_has_no_approval() {
    check(
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            run alpha
            launched r0
            {}
            gone r0 signal 9
            approve v1
            ---
            agent alpha = manual | {CHANGED}
            register
            gone r1 signal 9
            run alpha
            launched r2
            {}
            gone r2 signal 9
            stop alpha
            approve v3",
            ask("r0", "publish 1.2.0"),
            ask("r2", "publish 1.2.0"),
        ),
        expect![[r#"
            > register
              agent_configured {agent: 0, spec: alpha manual}
              run_stopping {generation: 1, run: 1, why: stopped}
              motion v1 {withdrawn: {why: the agent changed or is gone}}
              ! kill r1 g1 stopped
              = {project: {agents: [0], project: 0}}
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              motion v2 opened: deploy_agent
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              motion v2 executed
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v3 opened: agent_action
              motion v3 voted: safety_monitor yes, resource_manager yes
              run_stopping {generation: 1, run: 2, why: approval}
              ! kill r2 g1 approval
              = {approval: {hash: 498eee1f224eb62b5aec7c6e024a09add2a182317802c08be24f68ed3e456734, id: 3, note: , status: open}}
            > gone r2 signal 9
              run_ended {outcome: {waiting_for_approval: {approval: 3}}, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > stop alpha
              motion v3 {withdrawn: {why: its agent was stopped}}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > approve v3
              command_refused {kind: invalid, message: v3 is withdrawn and takes no votes, what: approve}
              refused invalid: v3 is withdrawn and takes no votes
        "#]],
    );
}

#[test]
fn a_flood_is_bounded_and_the_same_is_one() {
    let mut stage = Stage::play("agent alpha = manual\n register\n began");
    let run = |stage: &mut Stage, what: &str| {
        let id = stage.state.next.run;
        stage.perform(&format!("run alpha\n launched r{id}\n {}", ask(&format!("r{id}"), what)));
        let stopping = stage.told.contains("run_stopping");
        stage.told.clear();
        stage.perform(&format!("gone r{id} exit 0"));
        stopping
    };
    for n in 0..bounds::OPEN_PER_AGENT {
        assert!(run(&mut stage, &format!("publish {n}")), "{n} waits");
    }
    assert!(run(&mut stage, "publish 0"), "the same waits as well");
    assert_eq!(stage.state.motions[&MotionId(0)].asked, 2);
    assert!(!run(&mut stage, "one more"), "refused, and the run goes on");
    assert_eq!(stage.state.motions.len(), bounds::OPEN_PER_AGENT);
    let first = &stage.state.motions[&MotionId(0)];
    assert!(stage.state.motions.values().all(|motion| motion.is_grouped_with(first)));
    // Answered one by one it still may not ask for ever.
    for n in 0..bounds::ASKED_PER_DAY {
        let open = stage.state.motions.iter().find(|(_, motion)| motion.status == Status::Open);
        let Some((id, _)) = open else { break };
        stage.perform(&format!("reject {id} no"));
        for id in stage.state.runs.keys().copied().collect::<Vec<RunId>>() {
            stage.perform(&format!("launched {id}\n gone {id} exit 0"));
        }
        run(&mut stage, &format!("again {n}"));
    }
    let asked = stage.state.motions.len();
    assert_eq!(asked, bounds::ASKED_PER_DAY);
}

/// Nobody ever answers, and each run that is told so fails and is tried again.
#[test]
fn silence_is_asked_about_again_and_not_without_end() {
    let mut stage = Stage::play(
        r#"agent alpha = hourly | {"retry":{"attempts":3,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        began
        start alpha"#,
    );
    let short = |run: RunId| ask(&run.to_string(), "publish 1.2.0").replace("3600000", "60000");
    let began = stage.state.time;
    let mut told = 0;
    while stage.state.time.since(began) < 24 * 3_600_000 - 120_000 {
        for run in stage.state.runs.keys().copied().collect::<Vec<RunId>>() {
            stage.perform(&format!("launched {run}"));
            stage.told.clear();
            if stage.state.runs.get(&run).is_some_and(|run| run.is_active()) {
                stage.perform(&short(run));
                told += usize::from(stage.told.contains("status: expired"));
                stage.perform(&format!("gone {run} exit 1"));
            }
        }
        stage.perform("wait 2m");
    }
    let asked = stage.state.motions.len();
    assert!(told > 1, "expired once is not for ever");
    assert!((2..=bounds::ASKED_PER_DAY).contains(&asked), "{asked}");
}

#[test]
fn agents_that_watch_for_one_another_s_calls_come_to_rest() {
    let mut stage = Stage::play(
        r#"agent alpha = hourly | {"wakes_on":["agent.intervention"]}
        agent beta = manual | {"wakes_on":["agent.intervention"],"retry":{"attempts":2,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        began
        start beta
        run alpha"#,
    );
    // Each run asks for a person, and every second one fails and is tried again.
    for _ in 0..50 {
        let waiting: Vec<RunId> = stage.state.runs.keys().copied().collect();
        for run in waiting {
            stage.perform(&format!(
                "launched {run}\n call {run} {{\"ask_person\":{{\"text\":\"look at {run}\"}}}}\n gone {run} exit 1"
            ));
        }
        stage.perform("wait 40s");
    }
    let woken = stage.journal.iter().flat_map(|batch| &batch.events).filter(|event| {
        matches!(event, onboard_domain::Event::RunQueued { trigger: Trigger::Event { .. }, .. })
    });
    assert_eq!(woken.count(), 1, "alpha called, beta came, and nobody after");
}
