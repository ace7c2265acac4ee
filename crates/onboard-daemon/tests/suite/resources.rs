//! What agents share and how much of it each may have, decision by decision.

use super::stage::Stage;
use expect_test::{Expect, expect};

/// Plays on from a running agent with these settings; what came before is not told.
fn check(changes: &str, script: &str, expect: Expect) {
    let mut stage = Stage::play(&format!(
        "agent alpha = manual | {changes} \n agent beta = manual \n register \n began \n run alpha \n \
         run beta \n launched r0 \n launched r1"
    ));
    stage.told.clear();
    stage.perform(script);
    expect.assert_eq(&stage.told);
}

#[test]
fn an_agent_reads_and_writes_the_keys_it_may() {
    check(
        r#"{"shared_keys":{"read":["team/"],"write":["team/alpha/","x"]}}"#,
        r#"
        call r0 {"put_state":{"key":"team/alpha/k","value":"1","expect":null}}
        call r0 {"put_state":{"key":"team/beta/k","value":"1","expect":null}}
        call r0 {"get_state":{"key":"team/beta/k"}}
        call r0 {"get_state":{"key":"x"}}
        call r1 {"get_state":{"key":"team/alpha/k"}}
        "#,
        expect![[r#"
            > call r0 {"put_state":{"key":"team/alpha/k","value":"1","expect":null}}
              state_put {by: 0, key: team/alpha/k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > call r0 {"put_state":{"key":"team/beta/k","value":"1","expect":null}}
              refused forbidden_key: `team/beta/k`: by `shared_keys.write` this agent may write those that begin with `team/alpha/`, `x`
            > call r0 {"get_state":{"key":"team/beta/k"}}
              = {value: null}
            > call r0 {"get_state":{"key":"x"}}
              refused forbidden_key: `x`: by `shared_keys.read` this agent may read those that begin with `team/`
            > call r1 {"get_state":{"key":"team/alpha/k"}}
              = {value: {at: +0ms, by: 0, value: 1, version: 1}}
        "#]],
    );
    check(
        r#"{"shared_keys":{"write":[]}}"#,
        r#"
        call r0 {"put_state":{"key":"k","value":"1","expect":null}}
        call r0 {"get_state":{"key":"k"}}
        "#,
        expect![[r#"
            > call r0 {"put_state":{"key":"k","value":"1","expect":null}}
              refused forbidden_key: `k`: by `shared_keys.write` this agent may write none
            > call r0 {"get_state":{"key":"k"}}
              = {value: null}
        "#]],
    );
}

/// Plays on from a running agent whose policy keeps a mebibyte of each agent: 786,432 bytes for what is
/// no log.
fn check_quota(script: &str, expect: Expect) {
    let mut stage = Stage::new();
    stage.policy =
        Some("background_agent_safety:\n  resource_limits:\n    max_storage_mb: 1\n".into());
    stage.perform("agent alpha = manual \n register \n began \n run alpha \n launched r0");
    stage.told.clear();
    stage.perform(script);
    expect.assert_eq(&stage.told);
}

#[test]
fn what_passes_the_quota_is_refused_and_what_makes_room_is_taken() {
    check_quota(
        r#"
        call r0 {"save_checkpoint":{"name":"a","blob":{"sha256":"a1","bytes":700000}}}
        call r0 {"save_checkpoint":{"name":"b","blob":{"sha256":"b1","bytes":86433}}}
        call r0 {"save_checkpoint":{"name":"b","blob":{"sha256":"b2","bytes":86400}}}
        call r0 {"put_state":{"key":"key","value":"123456789012345678901234567890","expect":null}}
        call r0 {"put_state":{"key":"key","value":"12345678901234567890123456789","expect":null}}
        call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
        call r0 {"save_checkpoint":{"name":"a","blob":{"sha256":"a2","bytes":600000}}}
        call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
        "#,
        expect![[r#"
            > call r0 {"save_checkpoint":{"name":"a","blob":{"sha256":"a1","bytes":700000}}}
              checkpoint_saved {agent: 0, blob: {bytes: 700000, sha256: a1}, name: a}
              = done
            > call r0 {"save_checkpoint":{"name":"b","blob":{"sha256":"b1","bytes":86433}}}
              refused quota: it would keep 786433 bytes for this agent, and 786432 are its part of `max_storage_mb`, set by the user (policy.yaml:3:21): keep less, or replace what is there by something smaller
            > call r0 {"save_checkpoint":{"name":"b","blob":{"sha256":"b2","bytes":86400}}}
              checkpoint_saved {agent: 0, blob: {bytes: 86400, sha256: b2}, name: b}
              = done
            > call r0 {"put_state":{"key":"key","value":"123456789012345678901234567890","expect":null}}
              refused quota: it would keep 786433 bytes for this agent, and 786432 are its part of `max_storage_mb`, set by the user (policy.yaml:3:21): keep less, or replace what is there by something smaller
            > call r0 {"put_state":{"key":"key","value":"12345678901234567890123456789","expect":null}}
              state_put {by: 0, key: key, project: 0, value: 12345678901234567890123456789, version: 1}
              = {stored: {version: 1}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
              refused quota: it would keep 786434 bytes for this agent, and 786432 are its part of `max_storage_mb`, set by the user (policy.yaml:3:21): keep less, or replace what is there by something smaller
            > call r0 {"save_checkpoint":{"name":"a","blob":{"sha256":"a2","bytes":600000}}}
              checkpoint_saved {agent: 0, blob: {bytes: 600000, sha256: a2}, name: a}
              = done
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
              finding_recorded {agent: 0, finding: a low, project: 0, run: 0}
              = {finding: {status: new}}
        "#]],
    );
}

#[test]
fn what_is_critical_is_told_whatever_people_want_of_a_day() {
    let find = |mark: usize, severity: &str| {
        format!(
            r#"call r0 {{"record_finding":{{"rule":"r","severity":"{severity}","title":"t","fingerprint":"{mark}"}}}}"#
        )
    };
    let mut stage = Stage::play(
        r#"agent alpha = manual | {"findings_per_day": 2}
        register
        began
        run alpha
        launched r0"#,
    );
    stage.told.clear();
    for (mark, severity) in ["low", "critical", "low", "low", "critical"].into_iter().enumerate() {
        stage.perform(&find(mark, severity));
    }
    // The third low one is one too many; no critical one is, and none takes the place of another.
    assert_eq!(stage.told.matches("status: new").count(), 4, "{}", stage.told);
    assert_eq!(stage.told.matches("status: suppressed").count(), 1, "{}", stage.told);
    for mark in 5..200 {
        stage.perform(&find(mark, "critical"));
    }
    let most = onboard_domain::state::bounds::FINDINGS_PER_RUN_CRITICAL;
    assert_eq!(stage.state.runs.values().next().unwrap().new_findings as usize, most);
    assert!(stage.told.ends_with("refused limit: a run records at most 100 findings\n"));
}
