//! Answers that an emergency or the end of the daemon came between.

use super::{ask, asked};
use crate::stage::check;
use expect_test::expect;

#[test]
fn a_no_is_possible_during_an_emergency_and_told_when_it_is_over() {
    let ask = ask("r1", "publish 1.3.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            run alpha
            launched r1
            {ask}
            gone r1 signal 9
            emergency smoke
            ---
            approve v0
            reject v0 not now
            wait 61m
            lift the smoke is gone"
        )),
        expect![[r#"
            > approve v0
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`, what: approve}
              refused forbidden: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`
            > reject v0 not now
              motion v0 voted: user_representative reject (not now), system_administrator reject (not now)
              motion v0 lost: people said no: not now
              = {done: {changed: true}}
            > wait 61m
              … 3600000 ms
              motion v1 expired
            > lift the smoke is gone
              motion v2 opened: lift_emergency
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +3660000ms, run: 2, slot: +3660000ms, trigger: {answered: {approval: 0}}}
              run_queued {agent: 0, attempt: 1, not_before: +3660000ms, run: 3, slot: +3660000ms, trigger: {answered: {approval: 1}}}
              motion v2 executed
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: missed}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! clear latch
              ! launch r2 g1
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn a_yes_whose_run_an_emergency_ended_is_resumed_once() {
    let asks_again = ask("r3", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            approve v0
            emergency smoke
            gone r1 fault it was never started
            ---
            lift the smoke is gone
            emergency again
            lift it was toast
            gone r2 fault it was never started
            launched r3
            {asks_again}
            emergency a third
            gone r3 signal 9
            lift it is over"
        )),
        expect![[r#"
            > lift the smoke is gone
              motion v1 opened: lift_emergency
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              motion v1 executed
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! clear latch
              ! launch r2 g1
              = {done: {changed: true}}
            > emergency again
              emergency_declared {reason: again}
              run_stopping {generation: 1, run: 2, why: emergency}
              ! set latch: 5 bytes
              ! kill r2 g1 emergency
              = {done: {changed: true}}
            > lift it was toast
              motion v2 opened: lift_emergency
              motion v2 voted: safety_monitor reject (1 runs are not proven ended), resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: it was toast}
              motion v2 executed
              ! clear latch
              = {done: {changed: true}}
            > gone r2 fault it was never started
              run_ended {outcome: {killed: {why: emergency}}, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
            > launched r3
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 3}
            > call r3 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > emergency a third
              emergency_declared {reason: a third}
              run_stopping {generation: 1, run: 3, why: emergency}
              ! set latch: 7 bytes
              ! kill r3 g1 emergency
              = {done: {changed: true}}
            > gone r3 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 3, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > lift it is over
              motion v3 opened: lift_emergency
              motion v3 voted: safety_monitor yes, resource_manager yes
              motion v3 voted: user_representative yes, system_administrator yes
              motion v3 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: it is over}
              motion v3 executed
              ! clear latch
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_answer_whose_run_was_dropped_from_the_queue_is_told_after_the_lift() {
    check(
        &asked(
            "gone r0 signal 9
            pause alpha
            approve v0
            ---
            emergency smoke
            lift the smoke is gone
            resume alpha",
        ),
        expect![[r#"
            > emergency smoke
              emergency_declared {reason: smoke}
              run_ended {outcome: {killed: {why: emergency}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              ! set latch: 5 bytes
              = {done: {changed: true}}
            > lift the smoke is gone
              motion v1 opened: lift_emergency
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              motion v1 executed
              ! clear latch
              = {done: {changed: true}}
            > resume alpha
              agent_resumed {agent: 0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {agents: [{agent: 0, changed: true, run: null}]}
        "#]],
    );
    // Behind a run that is put into quarantine.
    check(
        &asked(
            "gone r0 signal 9
            run alpha
            launched r1
            approve v0
            tried r1 denied_syscall a b c d e f g h i j k l m n o p q r s t
            gone r1 signal 9
            ---
            cmd {\"lift_quarantine\":{\"agent\":0,\"reason\":\"it is mended\"}}",
        ),
        expect![[r#"
            > cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
              motion v1 opened: lift_quarantine
              motion v1 voted: safety_monitor reject (i0 is open: close it with what was found; 20 refused attempts within a day, 20 over its life), resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              quarantine_lifted {agent: 0, reason: it is mended}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {answered: {approval: 0}}}
              slot_planned {agent: 0, due: +1267326ms}
              motion v1 executed
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_answer_that_was_lost_with_the_daemon_is_told_once_more() {
    let ask = ask("r0", "publish 1.2.0");
    check(
        &format!(
            "agent alpha = manual
            register
            began
            run alpha
            launched r0
            {ask}
            gone r0 signal 9
            approve v0
            launched r1
            ---
            back
            launched r2
            back
            wait 1m"
        ),
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > wait 1m
        "#]],
    );
}
