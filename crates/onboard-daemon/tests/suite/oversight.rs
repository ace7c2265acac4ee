//! What runs try, and what follows: as scripts.

use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_domain::incident::{Consequence, Trigger, bounds};
use onboard_domain::state::Breaker;
use onboard_domain::{AgentId, IncidentId, RunId, violation};

/// One agent on a schedule, its run going; what came before is not told.
const RUNNING: &str = "
    agent alpha = hourly
    agent guard = manual | {\"wakes_on\":[\"agent.intervention\"]}
    register
    began
    start alpha
    launched r0
    ---
";

fn on(script: &str) -> String {
    format!("{RUNNING}{script}")
}

#[test]
fn the_first_attempt_opens_an_incident_and_wakes_who_waits_for_it() {
    check(
        &on("tried r0 forbidden_path /project/.env"),
        expect![[r#"
            > tried r0 forbidden_path /project/.env
              violation_recorded {agent: 0, run: 0, violation: forbidden_path /project/.env x1}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 1 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 1; from 1 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
        "#]],
    );
}

#[test]
fn the_same_attempt_of_a_run_counts_once_and_a_late_word_not_at_all() {
    check(
        &on("
            tried r0 forbidden_path /project/.env
            tried r0 forbidden_path /project/.env
            gone r0 exit 0
            tried r0 forbidden_path /project/.env
        "),
        expect![[r#"
            > tried r0 forbidden_path /project/.env
              violation_recorded {agent: 0, run: 0, violation: forbidden_path /project/.env x1}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 1 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 1; from 1 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
            > tried r0 forbidden_path /project/.env
              violation_recorded {agent: 0, run: 0, violation: forbidden_path /project/.env x1}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > tried r0 forbidden_path /project/.env
        "#]],
    );
}

#[test]
fn more_attempts_hold_back_pause_and_lock_away() {
    check(
        &on("
            tried r0 denied_syscall mount ptrace bpf keyctl setns
            tried r0 denied_syscall a b c d e
            gone r0 signal 9
            resume alpha
            run alpha
            & wait 2m
            launched r1
            tried r1 denied_syscall a b c d e f g h i j
            gone r1 signal 9
            run alpha
        "),
        expect![[r#"
            > tried r0 denied_syscall mount ptrace bpf keyctl setns
              violation_recorded {agent: 0, run: 0, violation: denied_syscall mount x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall ptrace x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall bpf x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall keyctl x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall setns x1}
              incident {fact: {escalated: {agent: 0, consequence: throttle, evidence: 5 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 5; from 5 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \throttle\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              breaker_opened {agent: 0, failures: 0, until: +3600000ms}
            > tried r0 denied_syscall a b c d e
              violation_recorded {agent: 0, run: 0, violation: denied_syscall a x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall b x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall c x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall d x1}
              violation_recorded {agent: 0, run: 0, violation: denied_syscall e x1}
              incident {fact: {escalated: {agent: 0, consequence: pause, evidence: 5 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 10; from 10 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \pause\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              agent_paused {agent: 0}
              run_stopping {generation: 1, run: 0, why: violation}
              ! kill r0 g1 violation
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: violation}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > resume alpha
              agent_resumed {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > run alpha
            > wait 2m
              run_queued {agent: 0, attempt: 1, not_before: +120000ms, run: 1, slot: +120000ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +180000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > tried r1 denied_syscall a b c d e f g h i j
              violation_recorded {agent: 0, run: 1, violation: denied_syscall a x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall b x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall c x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall d x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall e x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall f x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall g x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall h x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall i x1}
              violation_recorded {agent: 0, run: 1, violation: denied_syscall j x1}
              incident {fact: {escalated: {agent: 0, consequence: quarantine, evidence: 5 seen, run: 1, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 20; from 20 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \quarantine\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 1}
              agent_quarantined {agent: 0, why: different attempts within 24 h weigh 20; from 20 on this is the consequence (i0)}
              run_stopping {generation: 1, run: 1, why: violation}
              slot_planned {agent: 0, due: null}
              ! kill r1 g1 violation
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: violation}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              command_refused {kind: forbidden, message: `alpha` is in quarantine (different attempts within 24 h weigh 20; from 20 on this is the consequence (i0)); lift it with `ai_onboard background-agents resume alpha --reason …`, what: run}
              refused forbidden: `alpha` is in quarantine (different attempts within 24 h weigh 20; from 20 on this is the consequence (i0)); lift it with `ai_onboard background-agents resume alpha --reason …`
        "#]],
    );
}

#[test]
fn a_throttled_run_that_ends_well_is_still_held_back() {
    check(
        &on("
            tried r0 forbidden_command rm mv cp ln dd
            gone r0 exit 0
            wait 59m
        "),
        expect![[r#"
            > tried r0 forbidden_command rm mv cp ln dd
              violation_recorded {agent: 0, run: 0, violation: forbidden_command rm x1}
              violation_recorded {agent: 0, run: 0, violation: forbidden_command mv x1}
              violation_recorded {agent: 0, run: 0, violation: forbidden_command cp x1}
              violation_recorded {agent: 0, run: 0, violation: forbidden_command ln x1}
              violation_recorded {agent: 0, run: 0, violation: forbidden_command dd x1}
              incident {fact: {escalated: {agent: 0, consequence: throttle, evidence: 5 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 5; from 5 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \throttle\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              breaker_opened {agent: 0, failures: 0, until: +3600000ms}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 59m
              … 1267326 ms
              slot_passed {agent: 0, count: 1, next: +4867326ms, slot: +1267326ms, why: breaker_open}
        "#]],
    );
}

#[test]
fn a_throttled_run_that_fails_is_held_back_no_shorter() {
    let script = on("
        tried r0 forbidden_command rm mv cp ln dd
        gone r0 exit 1
    ");
    let stage = Stage::play(&script);
    let Breaker::Open { until, .. } = stage.state.agents[&AgentId(0)].breaker else {
        panic!("it is held back");
    };
    assert!(until.since(stage.state.time) >= 3_600_000);
}

#[test]
fn limits_count_less_and_being_slowed_down_not_at_all() {
    check(
        &on("
            tried r0 out_of_memory 1 2 3 4
            tried r0 out_of_memory 5
        "),
        expect![[r#"
            > tried r0 out_of_memory 1 2 3 4
              violation_recorded {agent: 0, run: 0, violation: out_of_memory 1 x1}
              violation_recorded {agent: 0, run: 0, violation: out_of_memory 2 x1}
              violation_recorded {agent: 0, run: 0, violation: out_of_memory 3 x1}
              violation_recorded {agent: 0, run: 0, violation: out_of_memory 4 x1}
            > tried r0 out_of_memory 5
              violation_recorded {agent: 0, run: 0, violation: out_of_memory 5 x1}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 5 seen, run: 0, trigger: resource_limit_exceeded, why: limits reached within 24 h weigh 1; from 1 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
        "#]],
    );
    let mut stage = Stage::play(&on(""));
    for _ in 0..200 {
        let next = stage.state.next.run;
        let run = next - 1;
        stage.perform(&format!("tried r{run} out_of_memory a b c d e f g h i j"));
        stage.perform(&format!("gone r{run} exit 0\nrun alpha\nlaunched r{next}"));
    }
    let agent = &stage.state.agents[&AgentId(0)];
    let reached = agent.conduct.reached[&Trigger::ResourceLimitExceeded].consequence;
    assert_eq!((reached, agent.quarantine.clone()), (Consequence::Throttle, None));
}

#[test]
fn five_of_ten_failures_call_people() {
    let mut stage = Stage::play(&on("gone r0 exit 1"));
    for run in 1..10 {
        stage.told.clear();
        let exit = run % 2;
        stage.perform(&format!("run alpha\nlaunched r{run}\ngone r{run} exit {exit}"));
    }
    let incident = &stage.state.incidents[&IncidentId(0)];
    assert_eq!(incident.reached, Consequence::Warn);
    assert!(stage.told.contains("6 of its last 10 runs failed"), "{}", stage.told);
}

#[test]
fn three_agents_locked_away_stop_everything() {
    let mut stage = Stage::new();
    stage.perform(
        "agent a = manual\nagent b = manual\nagent c = manual\nagent d = manual\n\
         register\nbegan\nrun a\nrun b\nrun c\nrun d\n\
         launched r0\nlaunched r1\nlaunched r2\nlaunched r3",
    );
    let targets: String = (0..20).map(|n| format!(" /x{n}")).collect();
    for run in 0..3 {
        assert_eq!(stage.state.emergency, None);
        stage.perform(&format!("tried r{run} forbidden_path{targets}"));
    }
    let reason = &stage.state.emergency.as_ref().expect("an emergency").reason;
    assert_eq!(reason, "3 agents are in quarantine; 3 stop everything");
    assert!(!stage.state.runs[&RunId(3)].phase.eq(&onboard_domain::state::Phase::Queued));
}

#[test]
fn people_write_down_and_close_and_agents_do_not() {
    check(
        &on(r#"
            tried r0 forbidden_path /project/x
            cmd {"note_incident":{"incident":0,"text":"a test of mine"}}
            cmd {"close_incident":{"incident":0,"reason":""}}
            cmd {"close_incident":{"incident":0,"reason":"understood"}}
            cmd {"close_incident":{"incident":0,"reason":"understood"}}
            cmd {"note_incident":{"incident":7,"text":"x"}}
        "#),
        expect![[r#"
            > tried r0 forbidden_path /project/x
              violation_recorded {agent: 0, run: 0, violation: forbidden_path /project/x x1}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 1 seen, run: 0, trigger: forbidden_action_attempted, why: different attempts within 24 h weigh 1; from 1 on this is the consequence}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
            > cmd {"note_incident":{"incident":0,"text":"a test of mine"}}
              incident {fact: {noted: {by: ada, text: a test of mine}}, incident: 0}
              = {done: {changed: true}}
            > cmd {"close_incident":{"incident":0,"reason":""}}
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: close_incident}
              refused invalid: a reason is needed: say it with --reason
            > cmd {"close_incident":{"incident":0,"reason":"understood"}}
              motion v0 opened: close_incident
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              incident {fact: {closed: {by: ada, reason: understood}}, incident: 0}
              motion v0 executed
              = {done: {changed: true}}
            > cmd {"close_incident":{"incident":0,"reason":"understood"}}
              = {done: {changed: false}}
            > cmd {"note_incident":{"incident":7,"text":"x"}}
              command_refused {kind: unknown, message: there is no incident i7; `ai_onboard incidents list --all` shows them, what: note_incident}
              refused unknown: there is no incident i7; `ai_onboard incidents list --all` shows them
        "#]],
    );
}

#[test]
fn a_storm_stays_inside_its_bounds() {
    let mut stage = Stage::play(RUNNING);
    for at in 0..30 {
        let targets: String = (0..20).map(|n| format!(" /x{}", at * 20 + n)).collect();
        stage.perform(&format!("tried r0 outside_path{targets}"));
    }
    let conduct = &stage.state.agents[&AgentId(0)].conduct;
    assert!(conduct.recent.len() <= bounds::RECENT);
    let marks = conduct.marks[&Trigger::ForbiddenActionAttempted].len();
    assert!(marks <= violation::bounds::PER_RUN, "{marks}");
    assert!(stage.state.incidents.len() == 1);
    assert!(stage.state.incidents[&IncidentId(0)].timeline.len() <= bounds::TIMELINE);
}

#[test]
fn an_agent_may_ask_for_a_person_a_few_times() {
    check(
        &on(r#"
            call r0 {"ask_person":{"text":"which of the two is right?"}}
            call r0 {"ask_person":{"text":"which of the two is right?"}}
            call r0 {"ask_person":{"text":"  "}}
            call r0 {"ask_person":{"text":"another thing"}}
            call r0 {"ask_person":{"text":"a third"}}
            call r0 {"ask_person":{"text":"a fourth"}}
            cmd {"close_incident":{"incident":0,"reason":"answered"}}
        "#),
        expect![[r#"
            > call r0 {"ask_person":{"text":"which of the two is right?"}}
              person_asked {agent: 0, run: 0, text: which of the two is right?}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 0 seen, run: 0, trigger: human_intervention_requested, why: it asks for a person:  which of the two is right?}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              = done
            > call r0 {"ask_person":{"text":"which of the two is right?"}}
              = done
            > call r0 {"ask_person":{"text":"  "}}
              refused bounds: `text` has 2 bytes, allowed are 1 to 2000
            > call r0 {"ask_person":{"text":"another thing"}}
              person_asked {agent: 0, run: 0, text: another thing}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 0 seen, run: 0, trigger: human_intervention_requested, why: it asks for a person:  another thing}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              = done
            > call r0 {"ask_person":{"text":"a third"}}
              person_asked {agent: 0, run: 0, text: a third}
              incident {fact: {escalated: {agent: 0, consequence: warn, evidence: 0 seen, run: 0, trigger: human_intervention_requested, why: it asks for a person:  a third}}, incident: 0}
              event_emitted {agent: 0, data: {\agent\: \alpha\, \consequence\: \warn\, \incident\: \i0\}, kind: agent.intervention.required, project: 0, run: 0}
              = done
            > call r0 {"ask_person":{"text":"a fourth"}}
              refused limit: a run asks for a person at most 3 times
            > cmd {"close_incident":{"incident":0,"reason":"answered"}}
              motion v0 opened: close_incident
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              incident {fact: {closed: {by: ada, reason: answered}}, incident: 0}
              motion v0 executed
              = {done: {changed: true}}
        "#]],
    );
}
