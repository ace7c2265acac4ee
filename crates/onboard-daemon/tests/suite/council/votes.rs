//! Who may vote, when, and what counts.

use super::{CHANGED, OWN, ask, asked, check_with, of_two};
use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_domain::council::bounds;
use onboard_domain::{MotionId, RunId};
use onboard_policy::Council;

#[test]
fn who_asks_may_be_kept_from_voting() {
    let council = Council { requester_may_vote: false, ..Council::default() };
    check_with(
        council,
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            ---
            start alpha
            approve v0
            root approve v0"
        ),
        expect![[r#"
            > start alpha
              motion v0 opened: deploy_agent
              motion v0 voted: safety_monitor yes, resource_manager yes
              = {agents: [{agent: 0, changed: false, run: null, waits: [0, 1 more yes,  of User Representative (the local user) or System Administrator (the local user)]}]}
            > approve v0
              command_refused {kind: forbidden, message: whoever asked for it does not vote on it here:  another seat has to, what: approve}
              refused forbidden: whoever asked for it does not vote on it here: another seat has to
            > root approve v0
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              motion v0 executed
              agent_started {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
        "#]],
    );
}

#[test]
fn a_council_whose_file_is_wrong_decides_nothing() {
    let council = Council::broken("council.yaml:3:5: unknown key".into(), "council.yaml");
    check_with(
        council,
        &format!("agent alpha = manual | {OWN}\n register\n began\n ---\n start alpha"),
        expect![[r#"
            > start alpha
              command_refused {kind: forbidden, message: `alpha`:  the council can't decide,  its file is wrong:  council.yaml: 3: 5:  unknown key, what: start}
              refused forbidden: `alpha`: the council can't decide, its file is wrong: council.yaml:3:5: unknown key
        "#]],
    );
}

#[test]
fn the_rules_members_look_again_when_the_same_is_asked_for_again() {
    check_with(
        of_two(),
        r#"agent alpha = manual
        register
        began
        run alpha
        launched r0
        tried r0 denied_syscall a b c d e f g h i j k l m n o p q r s t
        gone r0 signal 9
        cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
        cmd {"close_incident":{"incident":0,"reason":"seen"}}
        root approve v1
        ---
        root cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}"#,
        expect![[r#"
            > root cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
              motion v0 voted: safety_monitor abstain (20 refused attempts within a day, 20 over its life)
              motion v0 voted: system_administrator yes
              motion v0 carried: 2 seats of people said yes, 2 had to
              quarantine_lifted {agent: 0, reason: it is mended}
              motion v0 executed
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn a_veto_that_came_since_counts_when_the_same_is_asked_for_again() {
    check_with(
        of_two(),
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            run alpha
            root approve v0
            launched r0
            agent alpha = manual | {CHANGED}
            register
            start alpha
            tried r0 denied_syscall a b c d e f g h i j k l m n o p q r s t
            ---
            root start alpha"
        ),
        expect![[r#"
            > root start alpha
              motion v1 voted: safety_monitor reject (its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life)
              motion v1 voted: system_administrator yes
              motion v1 lost: veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
              command_refused {kind: forbidden, message: `alpha`:  the council said no (v1):  veto of the Safety Monitor:  its agent is in quarantine:  different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open,  and reached quarantine; 20 refused attempts within a day,  20 over its life, what: start}
              refused forbidden: `alpha`: the council said no (v1): veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
        "#]],
    );
}

#[test]
fn a_vote_after_its_time_decides_nothing() {
    let script = asked("gone r0 signal 9\n wait 59m\n ---\n wait 1m\n & approve v0");
    check(
        &script,
        expect![[r#"
        > wait 1m
        > approve v0
          motion v0 expired
          run_queued {agent: 0, attempt: 1, not_before: +3600000ms, run: 1, slot: +3600000ms, trigger: {answered: {approval: 0}}}
          command_refused {kind: invalid, message: v0 is expired and takes no votes, what: approve}
          run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
          ! launch r1 g1
          refused invalid: v0 is expired and takes no votes
    "#]],
    );
}

#[test]
fn the_days_bound_is_counted_although_motions_are_forgotten() {
    let mut stage = Stage::play("agent alpha = manual\n register\n began");
    let run = |stage: &mut Stage, what: &str| {
        let id = stage.state.next.run;
        stage.perform(&format!("run alpha\n launched r{id}\n {}", ask(&format!("r{id}"), what)));
        stage.perform(&format!("gone r{id} exit 0"));
    };
    for n in 0..bounds::ASKED_PER_DAY {
        let id = stage.state.next.motion;
        run(&mut stage, &format!("publish {n}"));
        stage.perform(&format!("reject v{id} no"));
        for id in stage.state.runs.keys().copied().collect::<Vec<RunId>>() {
            stage.perform(&format!("launched {id}\n gone {id} exit 0"));
        }
    }
    for _ in 0..bounds::KEPT {
        stage.perform("emergency smoke\n lift it is gone");
    }
    assert!(!stage.state.motions.contains_key(&MotionId(0)), "they are forgotten");
    stage.told.clear();
    run(&mut stage, "one more");
    assert!(stage.told.contains("approvals within a day, the bound"), "{}", stage.told);
}
