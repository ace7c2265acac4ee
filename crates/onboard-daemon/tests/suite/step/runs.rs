//! How runs begin and end.

use super::RUNNING;
use crate::stage::{Stage, check};
use expect_test::expect;

#[test]
fn a_crash_in_every_phase_loses_no_run_and_frees_its_leases() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        agent beta = manual
        agent gamma = manual
        agent delta = manual | {"locks":["index"]}
        register
        began
        start alpha beta gamma delta
        run alpha
        & run beta
        & run gamma
        & run delta
        launched r1
        launched r2
        stop gamma
        ---
        back
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_ended {outcome: {killed: {why: stopped}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 4, slot: +0ms, trigger: {retry: {of: 0}}}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 5, slot: +0ms, trigger: {retry: {of: 1}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 1}], run: 3}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 5}
              ! launch r3 g1
              ! launch r5 g1
        "#]],
    );
}

#[test]
fn a_run_that_is_lost_twice_counts_against_its_agent() {
    check(
        r#"
        agent alpha = manual
        register
        began
        start alpha
        run alpha
        launched r0
        ---
        back
        back
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {retry: {of: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn a_refused_launch_ends_the_run_and_is_not_tried_again() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"],"retry":{"attempts":2,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        run alpha
        refused r0 sandbox_mode this host can't hold the wall `pids`
        "#,
        expect![[r#"
            > register
              project_registered {name: loom, project: 0, root: /home/ada/loom}
              agent_registered {agent: 0, project: 0, spec: alpha manual}
              project_changed {git: g1, plan: p1, project: 0}
              = {project: {agents: [0], project: 0}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 0}], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
            > refused r0 sandbox_mode this host can't hold the wall `pids`
              run_ended {outcome: {refused: {rule: sandbox_mode, why: this host can't hold the wall `pids`}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn late_news_of_another_generation_changes_nothing() {
    check(
        r#"
        agent alpha = manual
        register
        run alpha
        ---
        launched r0/g2
        refused r0/g0 policy no
        gone r0/g2 exit 0
        gone r7 exit 0
        launched r0
        launched r0
        gone r0 exit 0
        gone r0 exit 0
        "#,
        expect![[r#"
            > launched r0/g2
            > refused r0/g0 policy no
            > gone r0/g2 exit 0
            > gone r7 exit 0
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > launched r0
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r0 exit 0
        "#]],
    );
}

#[test]
fn each_way_to_end_has_its_words() {
    for (exit, expect) in [
        (
            "exit 0",
            expect![[r#"
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "exit 3",
            expect![[r#"
            > gone r0 exit 3
              run_ended {outcome: {failed: {why: exit code 3}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "exit 3 no such file",
            expect![[r#"
            > gone r0 exit 3 no such file
              run_ended {outcome: {failed: {why: exit code 3:  no such file}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "signal 11 core dumped",
            expect![[r#"
            > gone r0 signal 11 core dumped
              run_ended {outcome: {failed: {why: ended by signal 11:  core dumped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "oom",
            expect![[r#"
            > gone r0 oom
              run_ended {outcome: {failed: {why: memory limit of 64 MB reached}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "fault no thread",
            expect![[r#"
            > gone r0 fault no thread
              run_ended {outcome: {failed: {why: no thread}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
    ] {
        check(&format!("{RUNNING}---\ngone r0 {exit}"), expect);
    }
    let words = "é".repeat(900);
    let stage = Stage::play(&format!("{RUNNING}---\ngone r0 exit 1 {words}"));
    let kept = stage.state.agents.values().next().unwrap().recent[0].outcome.explanation();
    assert_eq!(kept, format!("exit code 1: {}…", "é".repeat(200)));
}

#[test]
fn what_the_agent_says_of_its_end_counts_when_it_ends_well() {
    check(
        &format!(
            r#"{RUNNING}---
            call r0 {{"finish":{{"nothing_to_report":true,"summary":"all is well"}}}}
            gone r0 exit 0
            run alpha
            launched r1
            call r1 {{"finish":{{"nothing_to_report":true,"summary":"all is well"}}}}
            gone r1 exit 1
            call r1 {{"finish":{{"nothing_to_report":true,"summary":"too late"}}}}"#
        ),
        expect![[r#"
            > call r0 {"finish":{"nothing_to_report":true,"summary":"all is well"}}
              run_finished {nothing_to_report: true, run: 0, summary: all is well}
              = done
            > gone r0 exit 0
              run_ended {outcome: nothing_to_report, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"finish":{"nothing_to_report":true,"summary":"all is well"}}
              run_finished {nothing_to_report: true, run: 1, summary: all is well}
              = done
            > gone r1 exit 1
              run_ended {outcome: {failed: {why: exit code 1}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > call r1 {"finish":{"nothing_to_report":true,"summary":"too late"}}
              refused ended: r1 g1 has ended
        "#]],
    );
}

#[test]
fn a_deadline_kills_and_is_told_as_such() {
    check(
        &format!("{RUNNING}---\n wait 2m \n gone r0 signal 9"),
        expect![[r#"
            > wait 2m
              … 60000 ms
              run_stopping {generation: 1, run: 0, why: deadline}
              ! kill r0 g1 deadline
              … 70000 ms
              ! kill r0 g1 deadline
              … 90000 ms
              ! kill r0 g1 deadline
            > gone r0 signal 9
              violation_recorded {agent: 0, run: 0, violation: deadline 120 s after its start x1}
              run_ended {outcome: timed_out, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}
