//! The council and approvals, decision by decision.

use crate::stage::{Stage, check};
use expect_test::{Expect, expect};
use onboard_domain::council::{Status, bounds};
use onboard_domain::state::Trigger;
use onboard_domain::{MotionId, ProjectId, RunId};
use onboard_policy::{Council, parse_council};

/// An agent that a project defines itself.
const OWN: &str = r#"{"program":{"command":{"argv":["sh"],"folder":"/f"}},"hash":"h1"}"#;
const CHANGED: &str = r#"{"program":{"command":{"argv":["sh"],"folder":"/f"}},"hash":"h2"}"#;

/// Two people, a seat each, and both have to agree.
fn of_two() -> Council {
    let text = "council:
  seats:
    user_representative: [ada]
    system_administrator: [0]
  decisions:
    deploy_agent: { quorum: 2 }
    lift_quarantine: { quorum: 2 }
    lift_emergency: { quorum: 2 }
    close_incident: { quorum: 2 }
    apply_proposal: { quorum: 2 }
    agent_action: { quorum: 1 }
    change_policy: { quorum: 1 }
";
    parse_council(text, "council.yaml").expect("a council")
}

#[track_caller]
fn check_with(council: Council, script: &str, expect: Expect) -> Stage {
    let mut stage = Stage::new();
    stage.council = council;
    stage.perform(script);
    expect.assert_eq(&stage.told);
    stage
}

fn ask(run: &str, what: &str) -> String {
    format!(
        r#"call {run} {{"request_approval":{{"action":"release.publish","what":"{what}","reason":"it is done","expires_ms":3600000}}}}"#
    )
}

/// An agent on a schedule whose run asks, and what follows.
fn asked(rest: &str) -> String {
    let ask = ask("r0", "publish 1.2.0");
    format!("agent alpha = hourly\n register\n began\n start alpha\n launched r0\n {ask}\n {rest}")
}

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
fn an_agent_in_quarantine_gets_nothing_more() {
    check(
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            run alpha
            launched r0
            tried r0 denied_syscall a b c d e f g h i j k l m n o p q r s t
            gone r0 signal 9
            agent alpha = manual | {CHANGED}
            register
            ---
            start alpha"
        ),
        expect![[r#"
            > start alpha
              motion v1 opened: deploy_agent
              motion v1 voted: safety_monitor reject (its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life), resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 lost: veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
              command_refused {kind: forbidden, message: `alpha`:  the council said no (v1):  veto of the Safety Monitor:  its agent is in quarantine:  different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open,  and reached quarantine; 20 refused attempts within a day,  20 over its life, what: start}
              refused forbidden: `alpha`: the council said no (v1): veto of the Safety Monitor: its agent is in quarantine: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0); i0 of its agent is open, and reached quarantine; 20 refused attempts within a day, 20 over its life
        "#]],
    );
}

#[test]
fn a_run_that_asks_ends_and_another_goes_on_with_the_answer_once() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            wait 30m
            approve v0 go on
            launched r1
            {again}
            {again}
            gone r1 signal 9"
        )),
        expect![[r#"
            > wait 30m
              … 1267326 ms
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: overlap}
            > approve v0 go on
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              run_queued {agent: 0, attempt: 1, not_before: +1800000ms, run: 1, slot: +1800000ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > launched r1
              run_started {deadline: +1860000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v1 opened: agent_action
              motion v1 voted: safety_monitor yes, resource_manager yes
              run_stopping {generation: 1, run: 1, why: approval}
              ! kill r1 g1 approval
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 1, note: , status: open}}
            > gone r1 signal 9
              run_ended {outcome: {waiting_for_approval: {approval: 1}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn what_nobody_answered_is_no_denial() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            wait 60m
            wait 2m
            launched r1
            {again}
            gone r1 exit 0
            approve v0"
        )),
        expect![[r#"
            > wait 60m
              … 1267326 ms
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: overlap}
              motion v0 expired
              run_queued {agent: 0, attempt: 1, not_before: +3600000ms, run: 1, slot: +3600000ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
            > wait 2m
              … 3660000 ms
              run_stopping {generation: 1, run: 1, why: deadline}
              ! kill r1 g1 deadline
              … 3670000 ms
              ! kill r1 g1 deadline
              … 3690000 ms
              ! kill r1 g1 deadline
            > launched r1
              ! kill r1 g1 deadline
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: nobody answered in time; that is no denial, status: expired}}
            > gone r1 exit 0
              violation_recorded {agent: 0, run: 1, violation: deadline 0 s after its start x1}
              run_ended {outcome: timed_out, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > approve v0
              command_refused {kind: invalid, message: v0 is expired and takes no votes, what: approve}
              refused invalid: v0 is expired and takes no votes
        "#]],
    );
}

#[test]
fn a_no_is_told_with_its_reason_and_not_asked_again_at_once() {
    let again = ask("r1", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            ---
            reject v0
            reject v0 not on a friday
            launched r1
            {again}
            approve v0"
        )),
        expect![[r#"
            > reject v0
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: reject}
              refused invalid: a reason is needed: say it with --reason
            > reject v0 not on a friday
              motion v0 voted: user_representative reject (not on a friday), system_administrator reject (not on a friday)
              motion v0 lost: people said no: not on a friday
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: people said no:  not on a friday, status: rejected}}
            > approve v0
              command_refused {kind: invalid, message: v0 is rejected and takes no votes, what: approve}
              refused invalid: v0 is rejected and takes no votes
        "#]],
    );
}

#[test]
fn a_daemon_that_dies_meanwhile_forgets_nothing() {
    let again = ask("r2", "publish 1.2.0");
    check(
        &asked(&format!(
            "---
            back
            back
            approve v0
            back
            launched r2
            {again}
            back"
        )),
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {waiting_for_approval: {approval: 0}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
            > approve v0
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {done: {changed: true}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn an_agent_that_changed_or_was_stopped_has_no_approval() {
    check(
        &format!(
            "agent alpha = manual | {OWN}
            register
            began
            run alpha
            launched r0
            {}
            gone r0 signal 9
            approve v1
            ---
            agent alpha = manual | {CHANGED}
            register
            gone r1 signal 9
            run alpha
            launched r2
            {}
            gone r2 signal 9
            stop alpha
            approve v3",
            ask("r0", "publish 1.2.0"),
            ask("r2", "publish 1.2.0"),
        ),
        expect![[r#"
            > register
              agent_configured {agent: 0, spec: alpha manual}
              run_stopping {generation: 1, run: 1, why: stopped}
              motion v1 {withdrawn: {why: the agent changed or is gone}}
              ! kill r1 g1 stopped
              = {project: {agents: [0], project: 0}}
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              motion v2 opened: deploy_agent
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              motion v2 executed
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v3 opened: agent_action
              motion v3 voted: safety_monitor yes, resource_manager yes
              run_stopping {generation: 1, run: 2, why: approval}
              ! kill r2 g1 approval
              = {approval: {hash: 498eee1f224eb62b5aec7c6e024a09add2a182317802c08be24f68ed3e456734, id: 3, note: , status: open}}
            > gone r2 signal 9
              run_ended {outcome: {waiting_for_approval: {approval: 3}}, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > stop alpha
              motion v3 {withdrawn: {why: its agent was stopped}}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > approve v3
              command_refused {kind: invalid, message: v3 is withdrawn and takes no votes, what: approve}
              refused invalid: v3 is withdrawn and takes no votes
        "#]],
    );
}

#[test]
fn a_flood_is_bounded_and_the_same_is_one() {
    let mut stage = Stage::play("agent alpha = manual\n register\n began");
    let run = |stage: &mut Stage, what: &str| {
        let id = stage.state.next.run;
        stage.perform(&format!("run alpha\n launched r{id}\n {}", ask(&format!("r{id}"), what)));
        let stopping = stage.told.contains("run_stopping");
        stage.told.clear();
        stage.perform(&format!("gone r{id} exit 0"));
        stopping
    };
    for n in 0..bounds::OPEN_PER_AGENT {
        assert!(run(&mut stage, &format!("publish {n}")), "{n} waits");
    }
    assert!(run(&mut stage, "publish 0"), "the same waits as well");
    assert_eq!(stage.state.motions[&MotionId(0)].asked, 2);
    assert!(!run(&mut stage, "one more"), "refused, and the run goes on");
    assert_eq!(stage.state.motions.len(), bounds::OPEN_PER_AGENT);
    let first = &stage.state.motions[&MotionId(0)];
    assert!(stage.state.motions.values().all(|motion| motion.is_grouped_with(first)));
    // Answered one by one it still may not ask for ever.
    for n in 0..bounds::ASKED_PER_DAY {
        let open = stage.state.motions.iter().find(|(_, motion)| motion.status == Status::Open);
        let Some((id, _)) = open else { break };
        stage.perform(&format!("reject {id} no"));
        for id in stage.state.runs.keys().copied().collect::<Vec<RunId>>() {
            stage.perform(&format!("launched {id}\n gone {id} exit 0"));
        }
        run(&mut stage, &format!("again {n}"));
    }
    let asked = stage.state.motions.len();
    assert_eq!(asked, bounds::ASKED_PER_DAY);
}

/// Nobody ever answers, and each run that is told so fails and is tried again.
#[test]
fn silence_is_asked_about_again_and_not_without_end() {
    let mut stage = Stage::play(
        r#"agent alpha = hourly | {"retry":{"attempts":3,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        began
        start alpha"#,
    );
    let short = |run: RunId| ask(&run.to_string(), "publish 1.2.0").replace("3600000", "60000");
    let began = stage.state.time;
    let mut told = 0;
    while stage.state.time.since(began) < 24 * 3_600_000 - 120_000 {
        for run in stage.state.runs.keys().copied().collect::<Vec<RunId>>() {
            stage.perform(&format!("launched {run}"));
            stage.told.clear();
            if stage.state.runs.get(&run).is_some_and(|run| run.is_active()) {
                stage.perform(&short(run));
                told += usize::from(stage.told.contains("status: expired"));
                stage.perform(&format!("gone {run} exit 1"));
            }
        }
        stage.perform("wait 2m");
    }
    let asked = stage.state.motions.len();
    assert!(told > 1, "expired once is not for ever");
    assert!((2..=bounds::ASKED_PER_DAY).contains(&asked), "{asked}");
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

#[test]
fn agents_that_watch_for_one_another_s_calls_come_to_rest() {
    let mut stage = Stage::play(
        r#"agent alpha = hourly | {"wakes_on":["agent.intervention"]}
        agent beta = manual | {"wakes_on":["agent.intervention"],"retry":{"attempts":2,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        began
        start beta
        run alpha"#,
    );
    // Each run asks for a person, and every second one fails and is tried again.
    for _ in 0..50 {
        let waiting: Vec<RunId> = stage.state.runs.keys().copied().collect();
        for run in waiting {
            stage.perform(&format!(
                "launched {run}\n call {run} {{\"ask_person\":{{\"text\":\"look at {run}\"}}}}\n gone {run} exit 1"
            ));
        }
        stage.perform("wait 40s");
    }
    let woken = stage.journal.iter().flat_map(|batch| &batch.events).filter(|event| {
        matches!(event, onboard_domain::Event::RunQueued { trigger: Trigger::Event { .. }, .. })
    });
    assert_eq!(woken.count(), 1, "alpha called, beta came, and nobody after");
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
fn a_no_is_possible_during_an_emergency_and_told_when_it_is_over() {
    let ask = ask("r1", "publish 1.3.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            run alpha
            launched r1
            {ask}
            gone r1 signal 9
            emergency smoke
            ---
            approve v0
            reject v0 not now
            wait 61m
            lift the smoke is gone"
        )),
        expect![[r#"
            > approve v0
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`, what: approve}
              refused forbidden: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`
            > reject v0 not now
              motion v0 voted: user_representative reject (not now), system_administrator reject (not now)
              motion v0 lost: people said no: not now
              = {done: {changed: true}}
            > wait 61m
              … 3600000 ms
              motion v1 expired
            > lift the smoke is gone
              motion v2 opened: lift_emergency
              motion v2 voted: safety_monitor yes, resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +3660000ms, run: 2, slot: +3660000ms, trigger: {answered: {approval: 0}}}
              run_queued {agent: 0, attempt: 1, not_before: +3660000ms, run: 3, slot: +3660000ms, trigger: {answered: {approval: 1}}}
              motion v2 executed
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: missed}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! clear latch
              ! launch r2 g1
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn a_yes_whose_run_an_emergency_ended_is_resumed_once() {
    let asks_again = ask("r3", "publish 1.2.0");
    check(
        &asked(&format!(
            "gone r0 signal 9
            approve v0
            emergency smoke
            gone r1 fault it was never started
            ---
            lift the smoke is gone
            emergency again
            lift it was toast
            gone r2 fault it was never started
            launched r3
            {asks_again}
            emergency a third
            gone r3 signal 9
            lift it is over"
        )),
        expect![[r#"
            > lift the smoke is gone
              motion v1 opened: lift_emergency
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              motion v1 executed
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! clear latch
              ! launch r2 g1
              = {done: {changed: true}}
            > emergency again
              emergency_declared {reason: again}
              run_stopping {generation: 1, run: 2, why: emergency}
              ! set latch: 5 bytes
              ! kill r2 g1 emergency
              = {done: {changed: true}}
            > lift it was toast
              motion v2 opened: lift_emergency
              motion v2 voted: safety_monitor reject (1 runs are not proven ended), resource_manager yes
              motion v2 voted: user_representative yes, system_administrator yes
              motion v2 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: it was toast}
              motion v2 executed
              ! clear latch
              = {done: {changed: true}}
            > gone r2 fault it was never started
              run_ended {outcome: {killed: {why: emergency}}, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
            > launched r3
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 3}
            > call r3 {"request_approval":{"action":"release.publish","what":"publish 1.2.0","reason":"it is done","expires_ms":3600000}}
              motion v0 executed
              = {approval: {hash: 11281940c47d8f94784e24ca7e260b3d048033b1a8eb350fe20ed1c05586460a, id: 0, note: 2 seats of people said yes,  1 had to, status: executed}}
            > emergency a third
              emergency_declared {reason: a third}
              run_stopping {generation: 1, run: 3, why: emergency}
              ! set latch: 7 bytes
              ! kill r3 g1 emergency
              = {done: {changed: true}}
            > gone r3 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 3, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > lift it is over
              motion v3 opened: lift_emergency
              motion v3 voted: safety_monitor yes, resource_manager yes
              motion v3 voted: user_representative yes, system_administrator yes
              motion v3 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: it is over}
              motion v3 executed
              ! clear latch
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_answer_whose_run_was_dropped_from_the_queue_is_told_after_the_lift() {
    check(
        &asked(
            "gone r0 signal 9
            pause alpha
            approve v0
            ---
            emergency smoke
            lift the smoke is gone
            resume alpha",
        ),
        expect![[r#"
            > emergency smoke
              emergency_declared {reason: smoke}
              run_ended {outcome: {killed: {why: emergency}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              ! set latch: 5 bytes
              = {done: {changed: true}}
            > lift the smoke is gone
              motion v1 opened: lift_emergency
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the smoke is gone}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              motion v1 executed
              ! clear latch
              = {done: {changed: true}}
            > resume alpha
              agent_resumed {agent: 0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {agents: [{agent: 0, changed: true, run: null}]}
        "#]],
    );
    // Behind a run that is put into quarantine.
    check(
        &asked(
            "gone r0 signal 9
            run alpha
            launched r1
            approve v0
            tried r1 denied_syscall a b c d e f g h i j k l m n o p q r s t
            gone r1 signal 9
            ---
            cmd {\"lift_quarantine\":{\"agent\":0,\"reason\":\"it is mended\"}}",
        ),
        expect![[r#"
            > cmd {"lift_quarantine":{"agent":0,"reason":"it is mended"}}
              motion v1 opened: lift_quarantine
              motion v1 voted: safety_monitor reject (i0 is open: close it with what was found; 20 refused attempts within a day, 20 over its life), resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              quarantine_lifted {agent: 0, reason: it is mended}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {answered: {approval: 0}}}
              slot_planned {agent: 0, due: +1267326ms}
              motion v1 executed
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              = {done: {changed: true}}
        "#]],
    );
}

#[test]
fn an_answer_that_was_lost_with_the_daemon_is_told_once_more() {
    let ask = ask("r0", "publish 1.2.0");
    check(
        &format!(
            "agent alpha = manual
            register
            began
            run alpha
            launched r0
            {ask}
            gone r0 signal 9
            approve v0
            launched r1
            ---
            back
            launched r2
            back
            wait 1m"
        ),
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {answered: {approval: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > wait 1m
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
