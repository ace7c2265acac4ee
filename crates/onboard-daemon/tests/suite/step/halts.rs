//! Stops, emergencies and shutdowns.

use crate::stage::check;
use expect_test::expect;

#[test]
fn stop_ends_a_run_by_its_proof_and_no_earlier() {
    check(
        r#"
        agent alpha = hourly
        register
        start alpha
        launched r0
        ---
        stop alpha
        stop alpha
        wait 11s
        gone r0 signal 9
        "#,
        expect![[r#"
            > stop alpha
              agent_stopped {agent: 0}
              run_stopping {generation: 1, grace_ms: 5000, run: 0, why: stopped}
              ! terminate r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > stop alpha
              = {agents: [{agent: 0, changed: false, run: 0}]}
            > wait 11s
              … 5000 ms
              run_stopping {generation: 1, run: 0, why: stopped}
              ! kill r0 g1 stopped
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn an_emergency_ends_everything_until_a_person_lifts_it() {
    check(
        r#"
        agent alpha = hourly
        agent beta = manual
        register
        start alpha
        & run beta
        launched r0
        launched r1
        run beta
        ---
        emergency smoke in the rack
        emergency again
        start alpha
        run beta
        restart alpha
        resume alpha
        gone r0 signal 9
        gone r1 signal 9
        lift
        lift the fire is out
        lift the fire is out
        wait 61m
        "#,
        expect![[r#"
            > emergency smoke in the rack
              emergency_declared {reason: smoke in the rack}
              run_stopping {generation: 1, run: 0, why: emergency}
              run_stopping {generation: 1, run: 1, why: emergency}
              run_ended {outcome: {killed: {why: emergency}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              ! set latch: 17 bytes
              ! kill r0 g1 emergency
              ! kill r1 g1 emergency
              = {done: {changed: true}}
            > emergency again
              ! set latch: 5 bytes
              = {done: {changed: false}}
            > start alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: start}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > run beta
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: run}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > restart alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: restart}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > resume alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: resume}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > lift
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: lift_emergency}
              refused invalid: a reason is needed: say it with --reason
            > lift the fire is out
              motion v0 opened: lift_emergency
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the fire is out}
              motion v0 executed
              ! clear latch
              = {done: {changed: true}}
            > lift the fire is out
              ! clear latch
              = {done: {changed: false}}
            > wait 61m
              … 1267326 ms
              run_queued {agent: 0, attempt: 1, not_before: +1267326ms, run: 3, slot: +1267326ms, trigger: schedule}
              slot_planned {agent: 0, due: +4867326ms}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              … 1327326 ms
              run_stopping {generation: 1, run: 3, why: deadline}
              ! kill r3 g1 deadline
              … 1337326 ms
              ! kill r3 g1 deadline
              … 1357326 ms
              ! kill r3 g1 deadline
              … 1397326 ms
              ! kill r3 g1 deadline
              … 1477326 ms
              ! kill r3 g1 deadline
              … 1637326 ms
              ! kill r3 g1 deadline
              … 1937326 ms
              ! kill r3 g1 deadline
              … 2237326 ms
              ! kill r3 g1 deadline
              … 2537326 ms
              ! kill r3 g1 deadline
              … 2837326 ms
              ! kill r3 g1 deadline
              … 3137326 ms
              ! kill r3 g1 deadline
              … 3437326 ms
              ! kill r3 g1 deadline
        "#]],
    );
}

#[test]
fn an_emergency_outlives_the_daemon() {
    check(
        r#"
        agent alpha = hourly
        register
        start alpha
        launched r0
        emergency smoke
        ---
        back
        start alpha
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {killed: {why: emergency}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > start alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`, what: start}
              refused forbidden: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`
        "#]],
    );
}

#[test]
fn a_shutdown_waits_for_proof_and_what_it_cut_off_runs_again() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        began
        start alpha beta
        run alpha
        run beta
        launched r0
        ---
        shutdown
        shutdown
        run beta
        launched r1
        gone r1 signal 9
        gone r0 signal 9
        back
        "#,
        expect![[r#"
            > shutdown
              daemon_stopping
              run_stopping {generation: 1, grace_ms: 5000, run: 0, why: shutdown}
              run_stopping {generation: 1, run: 1, why: shutdown}
              ! terminate r0 g1
              ! kill r1 g1 shutdown
              = {done: {changed: true}}
            > shutdown
              = {done: {changed: false}}
            > run beta
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              = {run: {run: 2}}
            > launched r1
              ! kill r1 g1 shutdown
            > gone r1 signal 9
              run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r0 signal 9
              run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {retry: {of: 0}}}
              daemon_stopped
              ! exit
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r2 g1
              ! launch r3 g1
        "#]],
    );
}

#[test]
fn a_shutdown_with_nothing_running_ends_at_once() {
    check(
        "began \n shutdown",
        expect![[r#"
        > began
          daemon_started {pid: 7, version: 1.0.0}
        > shutdown
          daemon_stopping
          daemon_stopped
          ! exit
          = {done: {changed: true}}
    "#]],
    );
}
