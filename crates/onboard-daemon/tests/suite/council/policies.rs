//! Policies that changed.

use super::{check_with, of_two};
use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_domain::council::{Status, bounds};
use onboard_domain::{MotionId, ProjectId};

#[test]
fn a_changed_policy_is_on_record_and_may_take_a_yes() {
    let script = r#"began
        cmd {"adopt_policy":{"hash":"aa","origin":"x"}}
        ---
        cmd {"adopt_policy":{"hash":"bb","origin":"x"}}
        approve v0
        cmd {"adopt_policy":{"hash":"aa","origin":"x"}}"#;
    check(
        script,
        expect![[r#"
        > cmd {"adopt_policy":{"hash":"bb","origin":"x"}}
          motion v0 opened: change_policy
          motion v0 voted: safety_monitor yes, resource_manager yes
          motion v0 voted: user_representative yes, system_administrator yes
          motion v0 carried: 2 seats of people said yes, none had to
          policy_adopted {hash: bb, origin: x}
          motion v0 executed
          = {done: {changed: true}}
        > approve v0
          = {done: {changed: false}}
        > cmd {"adopt_policy":{"hash":"aa","origin":"x"}}
          motion v1 opened: change_policy
          motion v1 voted: safety_monitor yes, resource_manager yes
          motion v1 voted: user_representative yes, system_administrator yes
          motion v1 carried: 2 seats of people said yes, none had to
          policy_adopted {hash: aa, origin: x}
          motion v1 executed
          = {done: {changed: true}}
    "#]],
    );
    check_with(
        of_two(),
        &script.replace("cmd", "agent-says cmd"),
        expect![[r#"
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x"}}
              motion v0 opened: change_policy
              motion v0 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 0}}
            > approve v0
              motion v0 voted: user_representative yes
              motion v0 carried: 1 seat of people said yes, 1 had to
              policy_adopted {hash: bb, origin: x}
              motion v0 executed
              = {done: {changed: true}}
            > agent-says cmd {"adopt_policy":{"hash":"aa","origin":"x"}}
              motion v1 opened: change_policy
              motion v1 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 1}}
        "#]],
    );
}

/// A project whose policy is agreed to, and what its files say then.
fn policies(rest: &str) -> String {
    let says = |hash: &str| {
        format!(r#"agent-says cmd {{"adopt_policy":{{"hash":"{hash}","origin":"x","project":0}}}}"#)
    };
    let rest = rest.lines().map(str::trim).map(|line| match line.strip_prefix("files say ") {
        Some(hash) => says(hash),
        None => line.into(),
    });
    let rest: Vec<String> = rest.collect();
    format!("agent alpha = manual\n register\n began\n {}\n ---\n{}", says("aa"), rest.join("\n"))
}

#[test]
fn files_that_change_again_are_another_matter() {
    check_with(
        of_two(),
        &policies(
            "files say bb
            files say cc
            approve v0
            approve v1
            files say aa
            files say cc",
        ),
        expect![[r#"
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              motion v0 opened: change_policy
              motion v0 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 0}}
            > agent-says cmd {"adopt_policy":{"hash":"cc","origin":"x","project":0}}
              motion v0 {withdrawn: {why: its files changed again}}
              motion v1 opened: change_policy
              motion v1 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 1}}
            > approve v0
              command_refused {kind: invalid, message: v0 is withdrawn and takes no votes, what: approve}
              refused invalid: v0 is withdrawn and takes no votes
            > approve v1
              motion v1 voted: user_representative yes
              motion v1 carried: 1 seat of people said yes, 1 had to
              policy_adopted {hash: cc, origin: x, project: 0}
              motion v1 executed
              = {done: {changed: true}}
            > agent-says cmd {"adopt_policy":{"hash":"aa","origin":"x","project":0}}
              motion v2 opened: change_policy
              motion v2 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 2}}
            > agent-says cmd {"adopt_policy":{"hash":"cc","origin":"x","project":0}}
              motion v2 {withdrawn: {why: its files changed again}}
              = {done: {changed: false}}
        "#]],
    );
}

#[test]
fn a_policy_that_nobody_answered_is_put_again_and_a_no_holds_for_a_day() {
    check_with(
        of_two(),
        &policies(
            "files say bb
            wait 5761m
            files say bb
            reject v1 no
            root reject v1 no
            files say bb
            back
            files say bb
            wait 1441m
            files say bb",
        ),
        expect![[r#"
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              motion v0 opened: change_policy
              motion v0 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 0}}
            > wait 5761m
              … 345600000 ms
              motion v0 expired
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              motion v1 opened: change_policy
              motion v1 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 1}}
            > reject v1 no
              motion v1 voted: user_representative reject (no)
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 1}}
            > root reject v1 no
              motion v1 voted: system_administrator reject (no)
              motion v1 lost: people said no: no
              = {done: {changed: true}}
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              = {done: {changed: false}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              = {done: {changed: false}}
            > wait 1441m
            > agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}
              motion v2 opened: change_policy
              motion v2 voted: safety_monitor yes, resource_manager yes
              = {waiting: {missing: 1 more yes,  of User Representative (ada) or System Administrator (uid 0), motion: 2}}
        "#]],
    );
}

#[test]
fn what_is_agreed_is_kept_by_project_and_is_not_forgotten_with_the_motion() {
    let mut stage = Stage::new();
    stage.council = of_two();
    stage.perform(&policies("files say bb\n approve v0"));
    for _ in 0..bounds::KEPT {
        stage.perform("emergency smoke\n lift it is gone");
        let open = stage.state.motions.iter().filter(|(_, motion)| motion.status == Status::Open);
        for id in open.map(|(id, _)| *id).collect::<Vec<MotionId>>() {
            stage.perform(&format!("root approve {id}"));
        }
    }
    assert!(!stage.state.motions.contains_key(&MotionId(0)), "it is forgotten");
    stage.perform("register /home/ada/other");
    stage.perform(r#"cmd {"adopt_policy":{"hash":"zz","origin":"y","project":1}}"#);
    let of = |stage: &Stage, id: u32| {
        stage.state.projects[&ProjectId(id)].policy.as_ref().map(|policy| policy.hash.clone())
    };
    assert_eq!((of(&stage, 0), of(&stage, 1)), (Some("bb".into()), Some("zz".into())));
    stage.told.clear();
    stage.perform(r#"agent-says cmd {"adopt_policy":{"hash":"bb","origin":"x","project":0}}"#);
    assert!(stage.told.ends_with("= {done: {changed: false}}\n"), "{}", stage.told);
}
