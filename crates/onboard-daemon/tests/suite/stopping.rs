//! Runs that are told to end, on `step`: the time they get, and what cuts it short.

use crate::stage::{Stage, check};
use expect_test::expect;

/// One run of an agent that gets three seconds.
const RUNNING: &str = r#"
    began
    agent alpha = manual | {"stop_grace_ms": 3000}
    register
    run alpha
    launched r0
    ---
"#;

fn running(more: &str) -> String {
    format!("{RUNNING}{more}")
}

#[test]
fn a_stop_gives_time_and_then_kills() {
    check(
        &running("stop alpha \n stop alpha \n wait 1m \n gone r0 signal 9"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > stop alpha
          = {agents: [{agent: 0, changed: false, run: 0}]}
        > wait 1m
          … 3000 ms
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
          … 13000 ms
          ! kill r0 g1 stopped
          … 33000 ms
          ! kill r0 g1 stopped
        > gone r0 signal 9
          run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
    "#]],
    );
}

#[test]
fn who_ends_in_time_is_not_killed() {
    check(
        &running("stop alpha \n gone r0 exit 0 \n wait 1m"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > gone r0 exit 0
          run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        > wait 1m
    "#]],
    );
}

#[test]
fn the_last_words_are_kept() {
    check(
        &running(
            r#"stop alpha
            call r0 {"save_checkpoint":{"name":"late","blob":{"sha256":"00ff","bytes":9},"under":null}}
            gone r0 signal 15"#,
        ),
        expect![[r#"
            > stop alpha
              run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
              ! terminate r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > call r0 {"save_checkpoint":{"name":"late","blob":{"sha256":"00ff","bytes":9},"under":null}}
              checkpoint_saved {agent: 0, blob: {bytes: 9, sha256: 00ff}, name: late}
              = done
            > gone r0 signal 15
              run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn a_stop_now_does_not_wait_nor_lets_wait() {
    check(
        &running("stop-now alpha"),
        expect![[r#"
        > stop-now alpha
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
          = {agents: [{agent: 0, changed: true, run: 0}]}
    "#]],
    );
    check(
        &running("stop alpha \n stop-now alpha \n stop-now alpha"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > stop-now alpha
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > stop-now alpha
          = {agents: [{agent: 0, changed: false, run: 0}]}
    "#]],
    );
}

#[test]
fn a_run_that_has_not_begun_gets_no_time() {
    let placed = "agent alpha = manual \n register \n run alpha \n --- \n stop alpha";
    check(
        placed,
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
          = {agents: [{agent: 0, changed: true, run: 0}]}
    "#]],
    );
}

#[test]
fn no_run_gets_time_beyond_its_deadline() {
    check(
        &running("wait 59s \n --- \n stop alpha \n wait 10s"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 1000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > wait 10s
          … 60000 ms
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
    "#]],
    );
}

#[test]
fn an_emergency_and_a_violation_never_wait() {
    check(
        &running("stop alpha \n emergency smoke"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > emergency smoke
          emergency_declared {reason: smoke}
          run_stopping {generation: 1, run: 0, why: emergency}
          ! set latch: 5 bytes
          ! kill r0 g1 emergency
          = {done: {changed: true}}
    "#]],
    );
    let tried: String = (0..30).map(|n| format!(" p{n}")).collect();
    check(
        &running(&format!("tried r0 forbidden_path{tried}")),
        expect![[r#"
        > tried r0 forbidden_path p0 p1 p2 p3 p4 p5 p6 p7 p8 p9 p10 p11 p12 p13 p14 p15 p16 p17 p18 p19 p20 p21 p22 p23 p24 p25 p26 p27 p28 p29
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p0 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p1 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p2 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p3 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p4 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p5 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p6 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p7 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p8 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p9 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p10 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p11 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p12 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p13 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p14 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p15 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p16 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p17 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p18 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p19 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p20 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p21 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p22 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p23 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p24 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p25 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p26 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p27 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p28 x1}
          violation_recorded {agent: 0, run: 0, violation: forbidden_path p29 x1}
          incident {fact: {escalated: {agent: 0, consequence: quarantine, evidence: 5 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 30; from 20 on this is the consequence}}, incident: 0}
          event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \quarantine\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
          agent_quarantined {agent: 0, why: different attempts within 24 h weigh 30; from 20 on this is the consequence (i0)}
          run_stopping {generation: 1, run: 0, why: violation}
          ! kill r0 g1 violation
    "#]],
    );
}

#[test]
fn a_daemon_that_dies_meanwhile_comes_back_to_a_stopped_run() {
    check(
        &running("stop alpha \n back"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > back
          daemon_started {pid: 8, version: 1.0.0}
          run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
    "#]],
    );
    check(
        &running("stop alpha \n wait 5s \n back"),
        expect![[r#"
        > stop alpha
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
          ! terminate r0 g1
          = {agents: [{agent: 0, changed: true, run: 0}]}
        > wait 5s
          … 3000 ms
          run_stopping {generation: 1, run: 0, why: stopped}
          ! kill r0 g1 stopped
        > back
          daemon_started {pid: 8, version: 1.0.0}
          run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
    "#]],
    );
}

#[test]
fn a_daemon_that_ends_waits_for_its_runs_no_longer_than_they_get() {
    check(
        &running("shutdown \n wait 1m \n gone r0 signal 9"),
        expect![[r#"
        > shutdown
          daemon_stopping
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: shutdown}
          ! terminate r0 g1
          = {done: {changed: true}}
        > wait 1m
          … 3000 ms
          run_stopping {generation: 1, run: 0, why: shutdown}
          ! kill r0 g1 shutdown
          … 13000 ms
          ! kill r0 g1 shutdown
          … 33000 ms
          ! kill r0 g1 shutdown
        > gone r0 signal 9
          run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
          daemon_stopped
          ! exit
    "#]],
    );
    check(
        &running("shutdown \n shutdown-now \n gone r0 signal 9"),
        expect![[r#"
        > shutdown
          daemon_stopping
          run_stopping {generation: 1, grace_ms: 3000, run: 0, why: shutdown}
          ! terminate r0 g1
          = {done: {changed: true}}
        > shutdown-now
          run_stopping {generation: 1, run: 0, why: shutdown}
          ! kill r0 g1 shutdown
          = {done: {changed: true}}
        > gone r0 signal 9
          run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
          daemon_stopped
          ! exit
    "#]],
    );
}

#[test]
fn a_suspended_machine_uses_up_nobodys_time() {
    check(
        &running(
            r#"wait 50s
            call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
            leapt 3600000
            wait 4s
            stop alpha
            leapt 3600000
            wait 2s
            wait 2s"#,
        ),
        expect![[r#"
            > wait 50s
            > call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +55000ms, name: db, project: 0, run: 0, token: 0}
              = {lease: {expires: +55000ms, token: 0}}
            > leapt 3600000
              time_leapt {ms: 3600000}
            > wait 4s
            > stop alpha
              run_stopping {generation: 1, grace_ms: 3000, run: 0, why: stopped}
              ! terminate r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > leapt 3600000
              time_leapt {ms: 3600000}
            > wait 2s
              … 7255000 ms
              lease_released {name: db, project: 0, token: 0}
            > wait 2s
              … 7257000 ms
              run_stopping {generation: 1, run: 0, why: stopped}
              ! kill r0 g1 stopped
        "#]],
    );
}

#[test]
fn time_that_slows_gives_no_run_more() {
    check(
        &running("wait 20s \n leapt -20000 \n wait 30s"),
        expect![[r#"
        > wait 20s
        > leapt -20000
          time_leapt {ms: -20000}
        > wait 30s
          … 40000 ms
          run_stopping {generation: 1, run: 0, why: deadline}
          ! kill r0 g1 deadline
          ! kill r0 g1 deadline
    "#]],
    );
}

#[test]
fn a_leap_while_nothing_has_an_end_leaves_no_entry() {
    let mut stage = Stage::play("agent alpha = manual \n register");
    let entries = stage.journal.len();
    stage.perform("leapt 3600000");
    assert_eq!(stage.journal.len(), entries);
}
