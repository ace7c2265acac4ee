//! Agents that want more than was agreed to.

use super::{CHANGED, OWN, check_with, of_two};
use crate::stage::{Stage, check};
use expect_test::expect;

#[test]
fn a_wider_limit_of_a_started_agent_waits_for_a_yes() {
    check(
        r#"agent alpha = manual | {"limits":{"cpu_percent":5,"pids":64}}
        register
        began
        start alpha
        agent alpha = manual | {"limits":{"cpu_percent":9,"pids":32}}
        ---
        register
        register
        approve v0"#,
        expect![[r#"
            > register
              motion v0 opened: widen_limit
              motion v0 voted: safety_monitor yes, resource_manager yes
              agent_configured {agent: 0, spec: alpha manual}
              = {project: {agents: [0], project: 0}}
            > register
              = {project: {agents: [0], project: 0}}
            > approve v0
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              agent_configured {agent: 0, spec: alpha manual}
              motion v0 executed
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_upgraded_agent_of_ours_may_not_use_more_without_a_yes() {
    check(
        r#"agent alpha = hourly | {"limits":{"cpu_percent":5,"pids":64}}
        register
        began
        start alpha
        agent alpha = hourly | {"hash":"h2","limits":{"cpu_percent":9,"pids":32}}
        ---
        register
        register
        approve v0"#,
        expect![[r#"
            > register
              motion v0 opened: widen_limit
              motion v0 voted: safety_monitor yes, resource_manager yes
              agent_configured {agent: 0, spec: alpha hourly}
              = {project: {agents: [0], project: 0}}
            > register
              = {project: {agents: [0], project: 0}}
            > approve v0
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              agent_configured {agent: 0, spec: alpha hourly}
              motion v0 executed
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_agent_that_was_only_run_may_not_use_more_without_a_yes() {
    for spec in [OWN, "{\"hash\":\"h1\"}"] {
        let spec =
            |cpu: u32| spec.replacen('{', &format!(r#"{{"limits":{{"cpu_percent":{cpu}}},"#), 1);
        let mut stage = Stage::play(&format!(
            "agent alpha = manual | {}
            register
            began
            run alpha
            agent alpha = manual | {}
            register
            configure alpha alpha",
            spec(5),
            spec(9),
        ));
        let limit =
            |stage: &Stage| stage.state.agents.values().next().unwrap().spec.limits.cpu_percent;
        // The person who configures it says yes in the same breath; files alone change nothing.
        assert_eq!(limit(&stage), Some(9), "{}", stage.told);
        assert!(stage.told.contains("opened: widen_limit"), "{}", stage.told);
        stage.perform(&format!("agent alpha = manual | {}\n register", spec(11)));
        assert_eq!(limit(&stage), Some(9), "{}", stage.told);
    }
}

#[test]
fn a_yes_to_wider_limits_is_a_yes_to_this_very_program() {
    let narrow = OWN.replacen('{', r#"{"limits":{"cpu_percent":5},"#, 1);
    let wide = OWN.replacen('{', r#"{"limits":{"cpu_percent":9},"#, 1);
    let changed = CHANGED.replacen('{', r#"{"limits":{"cpu_percent":5},"#, 1);
    check(
        &format!(
            "agent alpha = manual | {narrow}
            register
            began
            start alpha
            agent alpha = manual | {wide}
            register
            agent alpha = manual | {changed}
            ---
            register
            approve v1"
        ),
        expect![[r#"
            > register
              agent_configured {agent: 0, spec: alpha manual}
              agent_stopped {agent: 0}
              motion v1 {withdrawn: {why: the agent changed or is gone}}
              = {project: {agents: [0], project: 0}}
            > approve v1
              command_refused {kind: invalid, message: v1 is withdrawn and takes no votes, what: approve}
              refused invalid: v1 is withdrawn and takes no votes
        "#]],
    );
}

#[test]
fn what_was_agreed_to_before_more_was_wanted_is_no_longer_that() {
    let narrow = OWN.replacen('{', r#"{"limits":{"cpu_percent":5},"#, 1);
    let wide = OWN.replacen('{', r#"{"limits":{"cpu_percent":9},"#, 1);
    check_with(
        of_two(),
        &format!(
            "agent alpha = manual | {narrow}
            register
            began
            start alpha
            agent alpha = manual | {wide}
            ---
            register
            root approve v0"
        ),
        expect![[r#"
            > register
              agent_configured {agent: 0, spec: alpha manual}
              motion v0 {withdrawn: {why: the agent changed or is gone}}
              = {project: {agents: [0], project: 0}}
            > root approve v0
              command_refused {kind: invalid, message: v0 is withdrawn and takes no votes, what: approve}
              refused invalid: v0 is withdrawn and takes no votes
        "#]],
    );
}
