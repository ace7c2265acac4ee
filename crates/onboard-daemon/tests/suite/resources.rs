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
