//! Who lets agents run, and lifts what stopped them.

use super::{CHANGED, OWN, check_with, of_two};
use crate::stage::check;
use expect_test::expect;

#[test]
fn one_person_starts_an_agent_of_a_project_with_one_command() {
    check(
        &format!(
            "agent alpha = manual | {OWN}\n register\n began\n ---\n start alpha\n stop alpha\n start alpha"
        ),
        expect![[r#"
            > start alpha
              motion v0 opened: deploy_agent
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              motion v0 executed
              agent_started {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > stop alpha
              agent_stopped {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > start alpha
              agent_started {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
        "#]],
    );
}

#[test]
fn two_people_are_two_votes_and_a_changed_program_is_another_matter() {
    check_with(
        of_two(),
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            ---
            start alpha
            start alpha
            run alpha
            agent-says approve v0
            root reject v0
            cmd {{\"vote\":{{\"motion\":0,\"digest\":\"another\",\"ballot\":\"approve\",\"reason\":\"\"}}}}
            agent alpha = manual | {CHANGED}
            register
            root approve v0
            start alpha
            root approve v2 looks good
            root approve v2"
        ),
        expect![[r#"
            > start alpha
              motion v0 opened: deploy_agent
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes
              = {agents: [{agent: 0, changed: false, run: null, waits: [0, 1 more yes,  of System Administrator (uid 0)]}]}
            > start alpha
              = {agents: [{agent: 0, changed: false, run: null, waits: [0, 1 more yes,  of System Administrator (uid 0)]}]}
            > run alpha
              motion v1 opened: deploy_agent
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 1}}
            > agent-says approve v0
              command_refused {kind: forbidden, message: only a person votes:  nothing that an agent started is an agent's to approve, what: approve}
              refused forbidden: only a person votes: nothing that an agent started is an agent's to approve
            > root reject v0
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: reject}
              refused invalid: a reason is needed: say it with --reason
            > cmd {"vote":{"motion":0,"digest":"another","ballot":"approve","reason":""}}
              command_refused {kind: invalid, message: v0 is about something else than what was seen:  show it again, what: approve}
              refused invalid: v0 is about something else than what was seen: show it again
            > register
              agent_configured {agent: 0, spec: alpha manual}
              motion v0 {withdrawn: {why: the agent changed or is gone}}
              motion v1 {withdrawn: {why: the agent changed or is gone}}
              = {project: {agents: [0], project: 0}}
            > root approve v0
              command_refused {kind: invalid, message: v0 is withdrawn and takes no votes, what: approve}
              refused invalid: v0 is withdrawn and takes no votes
            > start alpha
              motion v2 opened: deploy_agent
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes
              = {agents: [{agent: 0, changed: false, run: null, waits: [2, 1 more yes,  of System Administrator (uid 0)]}]}
            > root approve v2 looks good
              motion v2 voted: system_administrator yes
              motion v2 carried: 2 seats of people said yes, 2 had to
              motion v2 executed
              agent_started {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > root approve v2
              = {done: {changed: false}}
        "#]],
    );
}

#[test]
fn people_lift_what_rules_brought_about_and_the_rules_say_what_they_think() {
    check_with(
        of_two(),
        r#"agent alpha = manual
        register
        began
        run alpha
        launched r0
        tried r0 denied_syscall a b c d e f g h i j k l m n o p q r s t
        gone r0 signal 9
        ---
        cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
        cmd {"close_incident":{"incident":0,"reason":"seen"}}
        root approve v1
        root approve v0
        emergency smoke
        lift the smoke is gone
        root approve v2"#,
        expect![[r#"
            > cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
              motion v0 opened: lift_quarantine
              motion v0 voted: safety_monitor reject (i0 is open: close it with what was found; 20 refused attempts within a day, 20 over its life), resource_manager yes
              motion v0 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 0}}
            > cmd {"close_incident":{"incident":0,"reason":"seen"}}
              motion v1 opened: close_incident
              motion v1 voted: safety_monitor abstain (its agent stays in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0)), resource_manager yes
              motion v1 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 1}}
            > root approve v1
              motion v1 voted: system_administrator yes
              motion v1 carried: 2 seats of people said yes, 2 had to
              incident {fact: {closed: {by: ada, reason: seen}}, incident: 0}
              motion v1 executed
              = {done: {changed: true}}
            > root approve v0
              motion v0 voted: safety_monitor abstain (20 refused attempts within a day, 20 over its life)
              motion v0 voted: system_administrator yes
              motion v0 carried: 2 seats of people said yes, 2 had to
              quarantine_lifted {agent: 0, reason: it is mended}
              motion v0 executed
              = {done: {changed: true}}
            > emergency smoke
              emergency_declared {reason: smoke}
              ! set latch: 5 bytes
              = {done: {changed: true}}
            > lift the smoke is gone
              motion v2 opened: lift_emergency
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 2}}
            > root approve v2
              motion v2 voted: system_administrator yes
              motion v2 carried: 2 seats of people said yes, 2 had to
              emergency_lifted {reason: the smoke is gone}
              motion v2 executed
              ! clear latch
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn what_runs_by_itself_takes_both_seats_and_a_word_of_its_own() {
    let propose = r#"call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":".github/workflows/ci.yml","change":"modify","added":1,"removed":1}]}}"#;
    let script = format!(
        r#"agent alpha = manual
        register
        began
        run alpha
        launched r0
        {propose}
        worked c0 {{"checked":{{"base":"b1","checks":[{{"name":"applies","verdict":"passed"}}]}}}}
        ---
        decide c0 {{"apply":{{"patch":"aa"}}}} good
        decide c0 {{"apply":{{"patch":"aa","protected":true}}}} good
        root approve v0"#
    );
    check_with(
        of_two(),
        &script,
        expect![[r#"
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: invalid, message: c0 touches what runs by itself; --protected says yes to .github/workflows/ci.yml:  it is continuous integration, what: apply_proposal}
              refused invalid: c0 touches what runs by itself; --protected says yes to .github/workflows/ci.yml: it is continuous integration
            > decide c0 {"apply":{"patch":"aa","protected":true}} good
              motion v0 opened: apply_protected_proposal
              motion v0 voted: safety_monitor abstain (it touches .github/workflows/ci.yml: it is continuous integration), resource_manager yes
              motion v0 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 0}}
            > root approve v0
              motion v0 voted: system_administrator yes
              motion v0 carried: 2 seats of people said yes, 2 had to
              proposal {fact: {accepted: {patch: aa, protected: true, reason: good}}, proposal: 0}
              motion v0 executed
              ! write c0
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn a_run_that_people_agreed_to_is_that_one_run() {
    check_with(
        of_two(),
        &format!(
            "agent alpha = hourly | {OWN}
            register
            began
            ---
            run alpha
            root approve v0
            launched r0
            gone r0 exit 0
            wait 120m"
        ),
        expect![[r#"
            > run alpha
              motion v0 opened: deploy_agent
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes
              = {waiting: {missing: 1 more yes,  of System Administrator (uid 0), motion: 0}}
            > root approve v0
              motion v0 voted: system_administrator yes
              motion v0 carried: 2 seats of people said yes, 2 had to
              motion v0 executed
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 120m
        "#]],
    );
}
