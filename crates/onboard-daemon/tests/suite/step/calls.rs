//! The other calls of a run, and the bounds of all.

use super::{RUNNING, TWO_RUNNING, after, call};
use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_domain::state::bounds;
use serde_json::json;

#[test]
fn messages_are_read_acknowledged_and_die_after_their_last_delivery() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"send_message":{{"to":"beta","body":"hello"}}}}
            call r0 {{"send_message":{{"to":"omega","body":"hello"}}}}
            call r1 {{"read_inbox":{{"limit":9}}}}
            call r1 {{"read_inbox":{{"limit":9}}}}
            call r0 {{"ack_message":{{"id":0}}}}
            call r1 {{"ack_message":{{"id":0}}}}
            call r1 {{"ack_message":{{"id":0}}}}
            call r1 {{"ack_message":{{"id":9}}}}"#
        ),
        expect![[r#"
            > call r0 {"send_message":{"to":"beta","body":"hello"}}
              message_sent {body: hello, from: 0, id: 0, to: 1}
              = {sent: 0}
            > call r0 {"send_message":{"to":"omega","body":"hello"}}
              refused unknown: there is no agent `omega` here
            > call r1 {"read_inbox":{"limit":9}}
              message_delivered {id: 0, run: 1}
              = {messages: [{body: hello, delivered_to: null, deliveries: 0, from: 0, id: 0, sent: 1767571200000, to: 1}]}
            > call r1 {"read_inbox":{"limit":9}}
              = {messages: [{body: hello, delivered_to: 1, deliveries: 1, from: 0, id: 0, sent: 1767571200000, to: 1}]}
            > call r0 {"ack_message":{"id":0}}
              = done
            > call r1 {"ack_message":{"id":0}}
              message_acked {id: 0}
              = done
            > call r1 {"ack_message":{"id":0}}
              = done
            > call r1 {"ack_message":{"id":9}}
              refused unknown: there is no message m9
        "#]],
    );
    let mut stage = Stage::play(TWO_RUNNING);
    stage.perform(r#"call r0 {"send_message":{"to":"beta","body":"hello"}}"#);
    for run in 1..=bounds::DELIVERIES {
        assert_eq!(stage.state.messages.len(), 1);
        stage.perform(&format!(
            "call r{run} {{\"read_inbox\":{{\"limit\":9}}}}\n gone r{run} exit 0\n run beta\n launched r{}",
            run + 1
        ));
    }
    assert_eq!(stage.state.messages.len(), 0, "dead after {} deliveries", bounds::DELIVERIES);
}

#[test]
fn shared_values_are_compared_and_swapped() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"get_state":{{"key":"k"}}}}
            call r0 {{"put_state":{{"key":"k","value":"1","expect":0}}}}
            call r1 {{"put_state":{{"key":"k","value":"2","expect":0}}}}
            call r1 {{"put_state":{{"key":"k","value":"2","expect":1}}}}
            call r0 {{"put_state":{{"key":"k","value":"3","expect":null}}}}
            call r1 {{"get_state":{{"key":"k"}}}}"#
        ),
        expect![[r#"
            > call r0 {"get_state":{"key":"k"}}
              = {value: null}
            > call r0 {"put_state":{"key":"k","value":"1","expect":0}}
              state_put {by: 0, key: k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > call r1 {"put_state":{"key":"k","value":"2","expect":0}}
              refused conflict: `k` is at version 1, not 0
            > call r1 {"put_state":{"key":"k","value":"2","expect":1}}
              state_put {by: 1, key: k, project: 0, value: 2, version: 2}
              = {stored: {version: 2}}
            > call r0 {"put_state":{"key":"k","value":"3","expect":null}}
              state_put {by: 0, key: k, project: 0, value: 3, version: 3}
              = {stored: {version: 3}}
            > call r1 {"get_state":{"key":"k"}}
              = {value: {at: +0ms, by: 0, value: 3, version: 3}}
        "#]],
    );
}

#[test]
fn a_checkpoint_is_the_agents_own_and_outlives_its_run() {
    let save = |mark: &str| {
        format!(r#"{{"save_checkpoint":{{"name":"c","blob":{{"sha256":"{mark}","bytes":9}}}}}}"#)
    };
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"find_checkpoint":{{"name":"c"}}}}
            call r0 {}
            call r0 {}
            call r1 {{"find_checkpoint":{{"name":"c"}}}}
            gone r0 signal 9
            back
            call r0 {{"find_checkpoint":{{"name":"c"}}}}
            run alpha
            launched r2
            call r2 {{"find_checkpoint":{{"name":"c"}}}}
            call r2 {}"#,
            save("aa"),
            save("aa"),
            save("bb"),
        ),
        expect![[r#"
            > call r0 {"find_checkpoint":{"name":"c"}}
              = {checkpoint: null}
            > call r0 {"save_checkpoint":{"name":"c","blob":{"sha256":"aa","bytes":9}}}
              checkpoint_saved {agent: 0, blob: {bytes: 9, sha256: aa}, name: c}
              = done
            > call r0 {"save_checkpoint":{"name":"c","blob":{"sha256":"aa","bytes":9}}}
              = done
            > call r1 {"find_checkpoint":{"name":"c"}}
              = {checkpoint: null}
            > gone r0 signal 9
              run_ended {outcome: {failed: {why: ended by signal 9}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > call r0 {"find_checkpoint":{"name":"c"}}
              refused ended: r0 g1 has ended
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"find_checkpoint":{"name":"c"}}
              = {checkpoint: {bytes: 9, sha256: aa}}
            > call r2 {"save_checkpoint":{"name":"c","blob":{"sha256":"bb","bytes":9}}}
              checkpoint_saved {agent: 0, blob: {bytes: 9, sha256: bb}, name: c}
              = done
        "#]],
    );
}

#[test]
fn every_bound_of_a_run_is_guarded() {
    let finding = |index: usize| {
        call(json!({"record_finding": {"rule": "r", "severity": "low", "title": "t",
            "fingerprint": index.to_string()}}))
    };
    let emit = |kind: usize, data: usize| {
        call(json!({"emit_event": {"kind": "k".repeat(kind), "data": "d".repeat(data)}}))
    };
    let send =
        |body: usize| call(json!({"send_message": {"to": "beta", "body": "b".repeat(body)}}));
    let put = |key: &str, value: usize| {
        call(json!({"put_state": {"key": key, "value": "v".repeat(value), "expect": null}}))
    };
    let lease = |name: &str| call(json!({"take_lease": {"name": name, "ttl_ms": 5000}}));
    let save = |name: &str, bytes: u64| {
        call(json!({"save_checkpoint": {"name": name, "blob": {"sha256": "aa", "bytes": bytes}}}))
    };
    let finish = |summary: usize| {
        call(json!({"finish": {"nothing_to_report": false, "summary": "s".repeat(summary)}}))
    };
    let told = [
        after(bounds::FINDINGS_PER_RUN, finding),
        after(bounds::FINDINGS_PER_RUN + 1, finding),
        after(1, |_| {
            call(json!({"record_finding": {"rule": "", "severity": "low", "title": "t",
            "fingerprint": "f"}}))
        }),
        after(bounds::EVENTS_PER_RUN as usize, |_| emit(1, 0)),
        after(bounds::EVENTS_PER_RUN as usize + 1, |_| emit(1, 0)),
        after(1, |_| emit(0, 0)),
        after(1, |_| emit(bounds::KEY + 1, 0)),
        after(1, |_| emit(1, bounds::PAYLOAD + 1)),
        after(bounds::of_one_agent(bounds::INBOX), |_| send(1)),
        after(bounds::of_one_agent(bounds::INBOX) + 1, |_| send(1)),
        after(1, |_| send(bounds::PAYLOAD + 1)),
        after(bounds::of_one_agent(bounds::SHARED), |index| put(&index.to_string(), 1)),
        after(bounds::of_one_agent(bounds::SHARED) + 1, |index| put(&index.to_string(), 1)),
        after(bounds::of_one_agent(bounds::SHARED) + 1, |index| {
            put(&(index % bounds::of_one_agent(bounds::SHARED)).to_string(), 1)
        }),
        after(1, |_| put("", 1)),
        after(1, |_| put("k", bounds::PAYLOAD + 1)),
        after(bounds::LEASES_PER_RUN, |index| lease(&index.to_string())),
        after(bounds::LEASES_PER_RUN + 1, |index| lease(&index.to_string())),
        after(bounds::LEASES_PER_RUN + 1, |index| {
            lease(&(index % bounds::LEASES_PER_RUN).to_string())
        }),
        after(1, |_| call(json!({"take_lease": {"name": "l", "ttl_ms": 3_600_001}}))),
        after(bounds::CHECKPOINTS, |index| save(&index.to_string(), 1)),
        after(bounds::CHECKPOINTS + 1, |index| save(&index.to_string(), 1)),
        after(1, |_| save("c", bounds::CHECKPOINT_BYTES + 1)),
        after(1, |_| finish(2_001)),
    ];
    expect![[r#"
        = {finding: {status: new}}
        refused limit: a run records at most 50 findings
        refused bounds: `rule` has 0, allowed are 1 to 80
        = done
        refused limit: a run emits at most 100 events
        refused bounds: `kind` is empty
        refused bounds: `kind` has 129 bytes, at most 128
        refused bounds: `data` has 16385 bytes, at most 16384
        = {sent: 99}
        refused limit: the inbox holds at most 100 messages of one agent
        refused bounds: `body` has 16385 bytes, at most 16384
        = {stored: {version: 1}}
        refused limit: an agent adds at most 500 values of a project's
        = {stored: {version: 2}}
        refused bounds: `key` is empty
        refused bounds: `value` has 16385 bytes, at most 16384
        = {lease: {expires: +5000ms, token: 15}}
        refused limit: a run holds at most 16 leases
        = {lease: {expires: +5000ms, token: 16}}
        refused bounds: `ttl_ms` is 1 to 3600000, not 3600001
        = done
        refused limit: an agent has at most 16 checkpoints
        refused bounds: a checkpoint has at most 4194304 bytes
        refused bounds: `summary` has 2001 bytes, at most 2000"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn bounds_of_the_whole_state_refuse_what_would_pass_them() {
    let mut stage = Stage::new();
    for project in 0..bounds::PROJECTS {
        stage.told.clear();
        stage.perform(&format!("register /p/{project}"));
    }
    stage.told.clear();
    stage.perform("register /p/more \n register /p/0");
    expect![[r#"
        > register /p/more
          command_refused {kind: limit, message: 1000 projects are registered,  the bound, what: register_project}
          refused limit: 1000 projects are registered, the bound
        > register /p/0
          = {project: {agents: [], project: 0}}
    "#]].assert_eq(&stage.told);

    let mut stage = Stage::new();
    let many: String = (0..bounds::AGENTS).map(|n| format!("agent n{n} = manual\n")).collect();
    stage.perform(&many);
    stage.perform("register \n --- \n register \n agent more = manual \n register");
    let refused = stage.told.lines().filter(|line| line.contains("refused"));
    let last: Vec<&str> = refused.map(str::trim).collect();
    expect![[r#"
          command_refused {kind: limit, message: at most 10000 agents can be registered, what: register_project}
          refused limit: at most 10000 agents can be registered"#]].assert_eq(&last.join("\n"));
}

#[test]
fn a_call_that_changes_nothing_leaves_no_entry() {
    let mut stage = Stage::play(RUNNING);
    let before = stage.journal.len();
    stage.perform(
        r#"call r0 {"get_state":{"key":"k"}}
        call r0 {"emit_event":{"kind":"","data":""}}
        call r0 {"read_inbox":{"limit":1}}
        wait 1s"#,
    );
    assert_eq!(stage.journal.len(), before);
}
