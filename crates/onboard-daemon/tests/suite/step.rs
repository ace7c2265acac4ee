//! `step`, as scripts: what each input decides.

use crate::stage::{MIDNIGHT, Stage, check};
use expect_test::expect;
use onboard_daemon::input::Input;
use onboard_domain::state::bounds;
use onboard_domain::{
    AgentCall, AgentId, AgentName, Fingerprint, Generation, ProjectId, RunId, forecast,
};
use serde_json::json;

/// One agent that runs when asked, its run going.
const RUNNING: &str = "
    agent alpha = manual
    register
    began
    run alpha
    launched r0
";

/// Two agents of one project, both running.
const TWO_RUNNING: &str = "
    agent alpha = manual
    agent beta = manual
    register
    began
    run alpha
    & run beta
    launched r0
    & launched r1
";

#[test]
fn registering_again_updates_what_changed_and_leaves_the_rest() {
    check(
        r#"
        agent alpha = hourly
        agent beta = manual
        register
        register
        start alpha
        launched r0
        gone r0 exit 0
        agent alpha = daily at 3pm
        register
        agent gamma = manual
        register
        "#,
        expect![[r#"
            > register
              project_registered {name: loom, project: 0, root: /home/ada/loom}
              agent_registered {agent: 0, project: 0, spec: alpha hourly}
              agent_registered {agent: 1, project: 0, spec: beta manual}
              project_changed {git: g1, plan: p1, project: 0}
              = {project: {agents: [0, 1], project: 0}}
            > register
              = {project: {agents: [0, 1], project: 0}}
            > start alpha
              agent_started {agent: 0}
              slot_planned {agent: 0, due: +1267326ms}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: started}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 0}
              ! launch r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > register
              agent_configured {agent: 0, spec: alpha daily at 3pm}
              slot_planned {agent: 0, due: +54000000ms}
              = {project: {agents: [1, 0], project: 0}}
            > register
              agent_registered {agent: 2, project: 0, spec: gamma manual}
              = {project: {agents: [1, 0, 2], project: 0}}
        "#]],
    );
}

#[test]
fn a_registration_that_is_wrong_changes_nothing() {
    check(
        r#"
        agent alpha = hourlyy
        register
        agent alpha = manual | {"depends_on":["omega"]}
        register
        agent alpha = manual | {"depends_on":["beta"]}
        agent beta = manual | {"depends_on":["alpha"]}
        register
        register loom
        cmd {"register_project":{"root":"/p","name":"p","git":"","plan":"","agents":[]}}
        "#,
        expect![[r#"
            > register
              command_refused {kind: invalid, message: agent `alpha`,  `schedule`:  expected a schedule such as `daily`,  `every 5 minutes`,  `weekly on monday` or a cron expression,  found `hourlyy`; did you mean `hourly`?, what: register_project}
              refused invalid: agent `alpha`, `schedule`: expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `hourlyy`; did you mean `hourly`?
            > register
              command_refused {kind: invalid, message: agent `alpha`,  `depends_on[0]`:  no agent `omega` in this project; there are alpha, what: register_project}
              refused invalid: agent `alpha`, `depends_on[0]`: no agent `omega` in this project; there are alpha
            > register
              command_refused {kind: invalid, message: agent `beta`,  `depends_on[0]`:  a cycle:  alpha -> beta -> alpha, what: register_project}
              refused invalid: agent `beta`, `depends_on[0]`: a cycle: alpha -> beta -> alpha
            > register loom
              command_refused {kind: invalid, message: a project's folder is named by its full path,  not `loom`, what: register_project}
              refused invalid: a project's folder is named by its full path, not `loom`
            > cmd {"register_project":{"root":"/p","name":"p","git":"","plan":"","agents":[]}}
              project_registered {name: p, project: 0, root: /p}
              = {project: {agents: [], project: 0}}
        "#]],
    );
}

#[test]
fn start_stop_pause_and_resume_are_idempotent() {
    check(
        r#"
        agent alpha = every 10 minutes
        register
        start alpha
        start alpha
        launched r0
        pause alpha
        pause alpha
        gone r0 exit 0
        wait 11m
        resume alpha
        resume alpha
        wait 10m
        stop alpha
        stop alpha
        pause alpha
        resume alpha
        "#,
        expect![[r#"
            > register
              project_registered {name: loom, project: 0, root: /home/ada/loom}
              agent_registered {agent: 0, project: 0, spec: alpha every 10 minutes}
              project_changed {git: g1, plan: p1, project: 0}
              = {project: {agents: [0], project: 0}}
            > start alpha
              agent_started {agent: 0}
              slot_planned {agent: 0, due: +211221ms}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: started}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 0}
              ! launch r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > start alpha
              = {agents: [{agent: 0, changed: false, run: 0}]}
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > pause alpha
              agent_paused {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > pause alpha
              = {agents: [{agent: 0, changed: false, run: null}]}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 11m
              … 211221 ms
              slot_passed {agent: 0, count: 1, next: +811221ms, slot: +211221ms, why: paused}
            > resume alpha
              agent_resumed {agent: 0}
              = {agents: [{agent: 0, changed: true, run: null}]}
            > resume alpha
              = {agents: [{agent: 0, changed: false, run: null}]}
            > wait 10m
              … 811221 ms
              run_queued {agent: 0, attempt: 1, not_before: +811221ms, run: 1, slot: +811221ms, trigger: schedule}
              slot_planned {agent: 0, due: +1411221ms}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              … 871221 ms
              run_stopping {generation: 1, run: 1, why: deadline}
              ! kill r1 g1 deadline
              … 881221 ms
              ! kill r1 g1 deadline
              … 901221 ms
              ! kill r1 g1 deadline
              … 941221 ms
              ! kill r1 g1 deadline
              … 1021221 ms
              ! kill r1 g1 deadline
              … 1181221 ms
              ! kill r1 g1 deadline
            > stop alpha
              agent_stopped {agent: 0}
              = {agents: [{agent: 0, changed: true, run: 1}]}
            > stop alpha
              = {agents: [{agent: 0, changed: false, run: 1}]}
            > pause alpha
              command_refused {kind: invalid, message: `alpha` is stopped; only a started agent can be paused:  `ai_onboard background-agents start alpha`, what: pause}
              refused invalid: `alpha` is stopped; only a started agent can be paused: `ai_onboard background-agents start alpha`
            > resume alpha
              = {agents: [{agent: 0, changed: false, run: null}]}
        "#]],
    );
}

#[test]
fn stop_ends_a_run_by_its_proof_and_no_earlier() {
    check(
        r#"
        agent alpha = hourly
        register
        start alpha
        launched r0
        ---
        stop alpha
        stop alpha
        wait 11s
        gone r0 signal 9
        "#,
        expect![[r#"
            > stop alpha
              agent_stopped {agent: 0}
              run_stopping {generation: 1, grace_ms: 5000, run: 0, why: stopped}
              ! terminate r0 g1
              = {agents: [{agent: 0, changed: true, run: 0}]}
            > stop alpha
              = {agents: [{agent: 0, changed: false, run: 0}]}
            > wait 11s
              … 5000 ms
              run_stopping {generation: 1, run: 0, why: stopped}
              ! kill r0 g1 stopped
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn restart_ends_the_run_and_begins_another() {
    check(
        r#"
        agent alpha = hourly
        register
        start alpha
        launched r0
        ---
        restart alpha
        gone r0 signal 9
        launched r1
        "#,
        expect![[r#"
            > restart alpha
              agent_stopped {agent: 0}
              run_stopping {generation: 1, grace_ms: 5000, run: 0, why: stopped}
              agent_started {agent: 0}
              slot_planned {agent: 0, due: +1267326ms}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: started}
              ! terminate r0 g1
              = {agents: [{agent: 0, changed: true, run: 1}]}
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
        "#]],
    );
}

#[test]
fn pausing_several_is_all_or_none() {
    check(
        r#"
        agent alpha = hourly
        agent beta = hourly
        register
        start alpha
        ---
        pause alpha beta
        "#,
        expect![[r#"
            > pause alpha beta
              command_refused {kind: invalid, message: `beta` is stopped; only a started agent can be paused:  `ai_onboard background-agents start beta`, what: pause}
              refused invalid: `beta` is stopped; only a started agent can be paused: `ai_onboard background-agents start beta`
        "#]],
    );
}

#[test]
fn a_manual_run_asked_for_twice_is_one_run() {
    check(
        r#"
        agent alpha = manual
        register
        run alpha
        & run alpha
        run alpha
        "#,
        expect![[r#"
            > register
              project_registered {name: loom, project: 0, root: /home/ada/loom}
              agent_registered {agent: 0, project: 0, spec: alpha manual}
              project_changed {git: g1, plan: p1, project: 0}
              = {project: {agents: [0], project: 0}}
            > run alpha
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
              = {run: {run: 0}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              = {run: {run: 1}}
        "#]],
    );
}

#[test]
fn an_unknown_agent_is_refused_by_every_command() {
    check(
        r#"
        agent alpha = manual
        register
        ---
        start alpha a9
        stop a9
        restart a9
        pause a9
        resume a9
        run a9
        terminate a9
        configure a9 alpha
        cmd {"lift_quarantine":{"agent":9,"reason":"seen to"}}
        "#,
        expect![[r#"
            > start alpha a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: start}
              refused unknown_agent: there is no agent a9
            > stop a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: stop}
              refused unknown_agent: there is no agent a9
            > restart a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: restart}
              refused unknown_agent: there is no agent a9
            > pause a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: pause}
              refused unknown_agent: there is no agent a9
            > resume a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: resume}
              refused unknown_agent: there is no agent a9
            > run a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: run}
              refused unknown_agent: there is no agent a9
            > terminate a9
              command_refused {kind: unknown_agent, message: there is no agent a9, what: terminate}
              refused unknown_agent: there is no agent a9
            > configure a9 alpha
              command_refused {kind: unknown_agent, message: there is no agent a9, what: configure}
              refused unknown_agent: there is no agent a9
            > cmd {"lift_quarantine":{"agent":9,"reason":"seen to"}}
              command_refused {kind: unknown_agent, message: there is no agent a9, what: lift_quarantine}
              refused unknown_agent: there is no agent a9
        "#]],
    );
}

#[test]
fn an_agent_is_terminated_when_it_is_at_rest_and_nobody_needs_it() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual | {"depends_on":["alpha"]}
        register
        run beta
        run alpha
        ---
        terminate alpha
        launched r1
        & gone r1 exit 0
        terminate alpha
        gone r0 exit 0
        terminate beta
        terminate alpha
        terminate a0
        "#,
        expect![[r#"
            > terminate alpha
              command_refused {kind: invalid, message: a0 has runs that have not ended; stop it first, what: terminate}
              refused invalid: a0 has runs that have not ended; stop it first
            > launched r1
            > gone r1 exit 0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > terminate alpha
              command_refused {kind: invalid, message: `beta` depends on a0; configure or terminate it first, what: terminate}
              refused invalid: `beta` depends on a0; configure or terminate it first
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > terminate beta
              agent_terminated {agent: 1}
              = {done: {changed: true}}
            > terminate alpha
              agent_terminated {agent: 0}
              = {done: {changed: true}}
            > terminate a0
              command_refused {kind: unknown_agent, message: there is no agent a0, what: terminate}
              refused unknown_agent: there is no agent a0
        "#]],
    );
}

#[test]
fn configuring_is_judged_with_the_whole_project() {
    check(
        r#"
        agent alpha = hourly
        agent beta = manual | {"depends_on":["alpha"]}
        register
        start alpha
        launched r0
        gone r0 exit 0
        ---
        configure alpha alpha
        agent alpha = every 5 minutes
        configure alpha alpha
        configure alpha beta
        agent alpha = manual | {"depends_on":["beta"]}
        configure alpha alpha
        agent alpha = now and then
        configure alpha alpha
        "#,
        expect![[r#"
            > configure alpha alpha
              = {done: {changed: false}}
            > configure alpha alpha
              agent_configured {agent: 0, spec: alpha every 5 minutes}
              slot_planned {agent: 0, due: +105610ms}
              = {done: {changed: true}}
            > configure alpha beta
              command_refused {kind: invalid, message: an agent keeps its name,  `alpha`, what: configure}
              refused invalid: an agent keeps its name, `alpha`
            > configure alpha alpha
              command_refused {kind: invalid, message: agent `alpha`,  `depends_on[0]`:  a cycle:  beta -> alpha -> beta, what: configure}
              refused invalid: agent `alpha`, `depends_on[0]`: a cycle: beta -> alpha -> beta
            > configure alpha alpha
              command_refused {kind: invalid, message: agent `alpha`,  `schedule`:  expected a schedule such as `daily`,  `every 5 minutes`,  `weekly on monday` or a cron expression,  found `now`, what: configure}
              refused invalid: agent `alpha`, `schedule`: expected a schedule such as `daily`, `every 5 minutes`, `weekly on monday` or a cron expression, found `now`
        "#]],
    );
}

#[test]
fn an_emergency_ends_everything_until_a_person_lifts_it() {
    check(
        r#"
        agent alpha = hourly
        agent beta = manual
        register
        start alpha
        & run beta
        launched r0
        launched r1
        run beta
        ---
        emergency smoke in the rack
        emergency again
        start alpha
        run beta
        restart alpha
        resume alpha
        gone r0 signal 9
        gone r1 signal 9
        lift
        lift the fire is out
        lift the fire is out
        wait 61m
        "#,
        expect![[r#"
            > emergency smoke in the rack
              emergency_declared {reason: smoke in the rack}
              run_stopping {generation: 1, run: 0, why: emergency}
              run_stopping {generation: 1, run: 1, why: emergency}
              run_ended {outcome: {killed: {why: emergency}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              ! set latch: 17 bytes
              ! kill r0 g1 emergency
              ! kill r1 g1 emergency
              = {done: {changed: true}}
            > emergency again
              ! set latch: 5 bytes
              = {done: {changed: false}}
            > start alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: start}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > run beta
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: run}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > restart alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: restart}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > resume alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`, what: resume}
              refused forbidden: an emergency shutdown is in force (smoke in the rack); a person lifts it with `ai_onboard background-agents resume --reason …`
            > gone r0 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: emergency}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > lift
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: lift_emergency}
              refused invalid: a reason is needed: say it with --reason
            > lift the fire is out
              motion v0 opened: lift_emergency
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: the fire is out}
              motion v0 executed
              ! clear latch
              = {done: {changed: true}}
            > lift the fire is out
              ! clear latch
              = {done: {changed: false}}
            > wait 61m
              … 1267326 ms
              run_queued {agent: 0, attempt: 1, not_before: +1267326ms, run: 3, slot: +1267326ms, trigger: schedule}
              slot_planned {agent: 0, due: +4867326ms}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              … 1327326 ms
              run_stopping {generation: 1, run: 3, why: deadline}
              ! kill r3 g1 deadline
              … 1337326 ms
              ! kill r3 g1 deadline
              … 1357326 ms
              ! kill r3 g1 deadline
              … 1397326 ms
              ! kill r3 g1 deadline
              … 1477326 ms
              ! kill r3 g1 deadline
              … 1637326 ms
              ! kill r3 g1 deadline
              … 1937326 ms
              ! kill r3 g1 deadline
              … 2237326 ms
              ! kill r3 g1 deadline
              … 2537326 ms
              ! kill r3 g1 deadline
              … 2837326 ms
              ! kill r3 g1 deadline
              … 3137326 ms
              ! kill r3 g1 deadline
              … 3437326 ms
              ! kill r3 g1 deadline
        "#]],
    );
}

#[test]
fn an_emergency_outlives_the_daemon() {
    check(
        r#"
        agent alpha = hourly
        register
        start alpha
        launched r0
        emergency smoke
        ---
        back
        start alpha
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {killed: {why: emergency}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > start alpha
              command_refused {kind: forbidden, message: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`, what: start}
              refused forbidden: an emergency shutdown is in force (smoke); a person lifts it with `ai_onboard background-agents resume --reason …`
        "#]],
    );
}

#[test]
fn a_shutdown_waits_for_proof_and_what_it_cut_off_runs_again() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        began
        start alpha beta
        run alpha
        run beta
        launched r0
        ---
        shutdown
        shutdown
        run beta
        launched r1
        gone r1 signal 9
        gone r0 signal 9
        back
        "#,
        expect![[r#"
            > shutdown
              daemon_stopping
              run_stopping {generation: 1, grace_ms: 5000, run: 0, why: shutdown}
              run_stopping {generation: 1, run: 1, why: shutdown}
              ! terminate r0 g1
              ! kill r1 g1 shutdown
              = {done: {changed: true}}
            > shutdown
              = {done: {changed: false}}
            > run beta
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              = {run: {run: 2}}
            > launched r1
              ! kill r1 g1 shutdown
            > gone r1 signal 9
              run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r0 signal 9
              run_ended {outcome: {lost: {why: the daemon was stopped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {retry: {of: 0}}}
              daemon_stopped
              ! exit
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r2 g1
              ! launch r3 g1
        "#]],
    );
}

#[test]
fn a_shutdown_with_nothing_running_ends_at_once() {
    check(
        "began \n shutdown",
        expect![[r#"
        > began
          daemon_started {pid: 7, version: 1.0.0}
        > shutdown
          daemon_stopping
          daemon_stopped
          ! exit
          = {done: {changed: true}}
    "#]],
    );
}

#[test]
fn a_crash_in_every_phase_loses_no_run_and_frees_its_leases() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        agent beta = manual
        agent gamma = manual
        agent delta = manual | {"locks":["index"]}
        register
        began
        start alpha beta gamma delta
        run alpha
        & run beta
        & run gamma
        & run delta
        launched r1
        launched r2
        stop gamma
        ---
        back
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_ended {outcome: {killed: {why: stopped}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 4, slot: +0ms, trigger: {retry: {of: 0}}}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 5, slot: +0ms, trigger: {retry: {of: 1}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 1}], run: 3}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 5}
              ! launch r3 g1
              ! launch r5 g1
        "#]],
    );
}

#[test]
fn a_run_that_is_lost_twice_counts_against_its_agent() {
    check(
        r#"
        agent alpha = manual
        register
        began
        start alpha
        run alpha
        launched r0
        ---
        back
        back
        "#,
        expect![[r#"
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {retry: {of: 0}}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
            > back
              daemon_started {pid: 8, version: 1.0.0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn a_refused_launch_ends_the_run_and_is_not_tried_again() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"],"retry":{"attempts":2,"backoff_ms":1000,"backoff_max_ms":1000}}
        register
        run alpha
        refused r0 sandbox_mode this host can't hold the wall `pids`
        "#,
        expect![[r#"
            > register
              project_registered {name: loom, project: 0, root: /home/ada/loom}
              agent_registered {agent: 0, project: 0, spec: alpha manual}
              project_changed {git: g1, plan: p1, project: 0}
              = {project: {agents: [0], project: 0}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 0}], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
            > refused r0 sandbox_mode this host can't hold the wall `pids`
              run_ended {outcome: {refused: {rule: sandbox_mode, why: this host can't hold the wall `pids`}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
        "#]],
    );
}

#[test]
fn late_news_of_another_generation_changes_nothing() {
    check(
        r#"
        agent alpha = manual
        register
        run alpha
        ---
        launched r0/g2
        refused r0/g0 policy no
        gone r0/g2 exit 0
        gone r7 exit 0
        launched r0
        launched r0
        gone r0 exit 0
        gone r0 exit 0
        "#,
        expect![[r#"
            > launched r0/g2
            > refused r0/g0 policy no
            > gone r0/g2 exit 0
            > gone r7 exit 0
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > launched r0
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > gone r0 exit 0
        "#]],
    );
}

#[test]
fn each_way_to_end_has_its_words() {
    for (exit, expect) in [
        (
            "exit 0",
            expect![[r#"
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "exit 3",
            expect![[r#"
            > gone r0 exit 3
              run_ended {outcome: {failed: {why: exit code 3}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "exit 3 no such file",
            expect![[r#"
            > gone r0 exit 3 no such file
              run_ended {outcome: {failed: {why: exit code 3:  no such file}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "signal 11 core dumped",
            expect![[r#"
            > gone r0 signal 11 core dumped
              run_ended {outcome: {failed: {why: ended by signal 11:  core dumped}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "oom",
            expect![[r#"
            > gone r0 oom
              run_ended {outcome: {failed: {why: memory limit of 64 MB reached}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
        (
            "fault no thread",
            expect![[r#"
            > gone r0 fault no thread
              run_ended {outcome: {failed: {why: no thread}}, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
        ),
    ] {
        check(&format!("{RUNNING}---\ngone r0 {exit}"), expect);
    }
    let words = "é".repeat(900);
    let stage = Stage::play(&format!("{RUNNING}---\ngone r0 exit 1 {words}"));
    let kept = stage.state.agents.values().next().unwrap().recent[0].outcome.explanation();
    assert_eq!(kept, format!("exit code 1: {}…", "é".repeat(200)));
}

#[test]
fn what_the_agent_says_of_its_end_counts_when_it_ends_well() {
    check(
        &format!(
            r#"{RUNNING}---
            call r0 {{"finish":{{"nothing_to_report":true,"summary":"all is well"}}}}
            gone r0 exit 0
            run alpha
            launched r1
            call r1 {{"finish":{{"nothing_to_report":true,"summary":"all is well"}}}}
            gone r1 exit 1
            call r1 {{"finish":{{"nothing_to_report":true,"summary":"too late"}}}}"#
        ),
        expect![[r#"
            > call r0 {"finish":{"nothing_to_report":true,"summary":"all is well"}}
              run_finished {nothing_to_report: true, run: 0, summary: all is well}
              = done
            > gone r0 exit 0
              run_ended {outcome: nothing_to_report, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"finish":{"nothing_to_report":true,"summary":"all is well"}}
              run_finished {nothing_to_report: true, run: 1, summary: all is well}
              = done
            > gone r1 exit 1
              run_ended {outcome: {failed: {why: exit code 1}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > call r1 {"finish":{"nothing_to_report":true,"summary":"too late"}}
              refused ended: r1 g1 has ended
        "#]],
    );
}

#[test]
fn a_deadline_kills_and_is_told_as_such() {
    check(
        &format!("{RUNNING}---\n wait 2m \n gone r0 signal 9"),
        expect![[r#"
            > wait 2m
              … 60000 ms
              run_stopping {generation: 1, run: 0, why: deadline}
              ! kill r0 g1 deadline
              … 70000 ms
              ! kill r0 g1 deadline
              … 90000 ms
              ! kill r0 g1 deadline
            > gone r0 signal 9
              violation_recorded {agent: 0, run: 0, violation: deadline 120 s after its start x1}
              run_ended {outcome: timed_out, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn leases_are_given_with_the_place_and_freed_with_the_end() {
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        agent beta = manual | {"locks":["index"]}
        register
        ---
        run alpha
        & run beta
        launched r0
        gone r0 exit 0
        "#,
        expect![[r#"
            > run alpha
            > run beta
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 0, slot: +0ms, trigger: manual}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 0}], run: 0}
              ! launch r0 g1
              = {run: {run: 0}}
              = {run: {run: 1}}
            > launched r0
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 0}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: index, token: 1}], run: 1}
              ! launch r1 g1
        "#]],
    );
}

#[test]
fn the_life_of_a_finding() {
    let finding = |mark: &str, severity: &str| {
        format!(
            r#"{{"record_finding":{{"rule":"r","severity":"{severity}","title":"t","fingerprint":"{mark}"}}}}"#
        )
    };
    let (f, g, worse) = (finding("f", "low"), finding("g", "low"), finding("f", "high"));
    check(
        &format!(
            r#"
            agent alpha = manual
            agent beta = manual
            register
            run alpha
            launched r0
            ---
            call r0 {f}
            call r0 {f}
            call r0 {g}
            call r0 {worse}
            gone r0 exit 0
            cmd {{"accept_finding":{{"project":0,"fingerprint":"f"}}}}
            cmd {{"accept_finding":{{"project":0,"fingerprint":"f"}}}}
            run beta
            launched r1
            call r1 {worse}
            gone r1 exit 0
            run alpha
            launched r2
            call r2 {worse}
            gone r2 exit 1
            run alpha
            launched r3
            call r3 {worse}
            gone r3 exit 0
            cmd {{"dismiss_finding":{{"project":0,"fingerprint":"f","reason":" "}}}}
            cmd {{"dismiss_finding":{{"project":0,"fingerprint":"f","reason":"as meant"}}}}
            cmd {{"dismiss_finding":{{"project":0,"fingerprint":"f","reason":"as meant"}}}}
            cmd {{"accept_finding":{{"project":0,"fingerprint":"f"}}}}
            cmd {{"accept_finding":{{"project":3,"fingerprint":"f"}}}}
            cmd {{"dismiss_finding":{{"project":0,"fingerprint":"x","reason":"as meant"}}}}
            run alpha
            launched r4
            call r4 {worse}
            gone r4 exit 0
            "#
        ),
        expect![[r#"
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}
              finding_recorded {agent: 0, finding: f low, project: 0, run: 0}
              = {finding: {status: new}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}
              = {finding: {status: known}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"g"}}
              finding_recorded {agent: 0, finding: g low, project: 0, run: 0}
              = {finding: {status: new}}
            > call r0 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"f"}}
              finding_recorded {agent: 0, finding: f high, project: 0, run: 0}
              = {finding: {status: new}}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > cmd {"accept_finding":{"project":0,"fingerprint":"f"}}
              finding_accepted {fingerprint: f, project: 0}
              = {done: {changed: true}}
            > cmd {"accept_finding":{"project":0,"fingerprint":"f"}}
              = {done: {changed: false}}
            > run beta
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"f"}}
              finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d high, project: 0, run: 1}
              = {finding: {status: new}}
            > gone r1 exit 0
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"f"}}
              finding_seen {fingerprint: f, project: 0, run: 2}
              = {finding: {status: known}}
            > gone r2 exit 1
              run_ended {outcome: {failed: {why: exit code 1}}, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              = {run: {run: 3}}
            > launched r3
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 3}
            > call r3 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"f"}}
              finding_seen {fingerprint: f, project: 0, run: 3}
              = {finding: {status: known}}
            > gone r3 exit 0
              finding_resolved {fingerprint: g, project: 0}
              run_ended {outcome: succeeded, run: 3, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > cmd {"dismiss_finding":{"project":0,"fingerprint":"f","reason":" "}}
              command_refused {kind: invalid, message: a reason is needed:  say it with --reason, what: dismiss_finding}
              refused invalid: a reason is needed: say it with --reason
            > cmd {"dismiss_finding":{"project":0,"fingerprint":"f","reason":"as meant"}}
              finding_dismissed {fingerprint: f, project: 0, reason: as meant}
              = {done: {changed: true}}
            > cmd {"dismiss_finding":{"project":0,"fingerprint":"f","reason":"as meant"}}
              = {done: {changed: false}}
            > cmd {"accept_finding":{"project":0,"fingerprint":"f"}}
              command_refused {kind: unknown, message: there is no open finding f; `ai_onboard recommendations list` shows them, what: accept_finding}
              refused unknown: there is no open finding f; `ai_onboard recommendations list` shows them
            > cmd {"accept_finding":{"project":3,"fingerprint":"f"}}
              command_refused {kind: unknown_project, message: there is no project p3, what: accept_finding}
              refused unknown_project: there is no project p3
            > cmd {"dismiss_finding":{"project":0,"fingerprint":"x","reason":"as meant"}}
              command_refused {kind: unknown, message: there is no open finding x; `ai_onboard recommendations list` shows them, what: dismiss_finding}
              refused unknown: there is no open finding x; `ai_onboard recommendations list` shows them
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 4, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 4}
              ! launch r4 g1
              = {run: {run: 4}}
            > launched r4
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 4}
            > call r4 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"f"}}
              = {finding: {status: dismissed}}
            > gone r4 exit 0
              run_ended {outcome: succeeded, run: 4, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

/// A finding that expects something, by so many minutes.
fn expecting(mark: &str, estimate: &str, minutes: i64, more: &str) -> String {
    let by = MIDNIGHT.plus(minutes * 60_000).0;
    format!(
        r#"{{"record_finding":{{"rule":"r","severity":"low","title":"t","fingerprint":"{mark}",
        "forecast":{{"expects":"it comes","estimate":{estimate},"resolve_by":{by}{more}}}}}}}"#
    )
    .replace('\n', "")
}

#[test]
fn what_findings_expect_is_kept_and_settled_by_what_their_agent_says() {
    let f = expecting("f", r#"{"chance":0.75}"#, 60, "");
    let sooner = expecting("f", r#"{"chance":0.9}"#, 50, "");
    let g = expecting("g", r#"{"interval":{"low":2.0,"high":4.0,"share":0.8}}"#, 60, "");
    let late = expecting("h", r#"{"chance":0.5}"#, 0, "");
    let wrong = expecting("h", r#"{"chance":1.5}"#, 60, "");
    check(
        &format!(
            r#"
            agent alpha = manual
            agent beta = manual
            register
            run alpha
            launched r0
            ---
            call r0 {f}
            call r0 {sooner}
            call r0 {g}
            call r0 {late}
            call r0 {wrong}
            call r0 {{"settle_forecast":{{"fingerprint":"f","outcome":{{"amount":3.0}}}}}}
            call r0 {{"settle_forecast":{{"fingerprint":"g","outcome":{{"amount":3.0}}}}}}
            call r0 {{"settle_forecast":{{"fingerprint":"g","outcome":{{"amount":3.0}}}}}}
            gone r0 exit 0
            run beta
            launched r1
            call r1 {f}
            call r1 {{"settle_forecast":{{"fingerprint":"f","outcome":"did_not_come"}}}}
            gone r1 exit 0
            wait 20m
            run alpha
            launched r2
            call r2 {{"settle_forecast":{{"fingerprint":"f","outcome":{{"came":{{"at":1}}}}}}}}
            call r2 {sooner}
            gone r2 exit 0
            "#
        ),
        expect![[r#"
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767574800000}}}
              finding_recorded {agent: 0, finding: f low, project: 0, run: 0}
              forecast_made {agent: 0, fingerprint: f, forecast: {estimate: {chance: 0.75}, expects: it comes, resolve_by: +3600000ms}, project: 0, rule: r}
              = {finding: {forecast: kept, status: new}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f",        "forecast":{"expects":"it comes","estimate":{"chance":0.9},"resolve_by":1767574200000}}}
              = {finding: {forecast: known, status: known}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"g",        "forecast":{"expects":"it comes","estimate":{"interval":{"low":2.0,"high":4.0,"share":0.8}},"resolve_by":1767574800000}}}
              finding_recorded {agent: 0, finding: g low, project: 0, run: 0}
              forecast_made {agent: 0, fingerprint: g, forecast: {estimate: {interval: {high: 4.0, low: 2.0, share: 0.8}}, expects: it comes, resolve_by: +3600000ms}, project: 0, rule: r}
              = {finding: {forecast: kept, status: new}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"h",        "forecast":{"expects":"it comes","estimate":{"chance":0.5},"resolve_by":1767571200000}}}
              finding_recorded {agent: 0, finding: h low, project: 0, run: 0}
              = {finding: {forecast: over, status: new}}
            > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"h",        "forecast":{"expects":"it comes","estimate":{"chance":1.5},"resolve_by":1767574800000}}}
              refused bounds: `forecast.estimate.chance` is from 0 to 1
            > call r0 {"settle_forecast":{"fingerprint":"f","outcome":{"amount":3.0}}}
              refused invalid: a chance came or did not; of an interval an amount came
            > call r0 {"settle_forecast":{"fingerprint":"g","outcome":{"amount":3.0}}}
              forecast_settled {agent: 0, fingerprint: g, outcome: {amount: 3.0}, project: 0}
              = {changed: true}
            > call r0 {"settle_forecast":{"fingerprint":"g","outcome":{"amount":3.0}}}
              = {changed: false}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > run beta
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767574800000}}}
              finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d low, project: 0, run: 1}
              forecast_made {agent: 1, fingerprint: x5b0e2341671f27f75486225f6fe09b7d, forecast: {estimate: {chance: 0.75}, expects: it comes, resolve_by: +3600000ms}, project: 0, rule: r}
              = {finding: {forecast: kept, status: new}}
            > call r1 {"settle_forecast":{"fingerprint":"f","outcome":"did_not_come"}}
              forecast_settled {agent: 1, fingerprint: x5b0e2341671f27f75486225f6fe09b7d, outcome: did_not_come, project: 0}
              = {changed: true}
            > gone r1 exit 0
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 20m
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +1200000ms, run: 2, slot: +1200000ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +1260000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"settle_forecast":{"fingerprint":"f","outcome":{"came":{"at":1}}}}
              forecast_settled {agent: 0, fingerprint: f, outcome: {came: {at: +0ms}}, project: 0}
              = {changed: true}
            > call r2 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f",        "forecast":{"expects":"it comes","estimate":{"chance":0.9},"resolve_by":1767574200000}}}
              finding_seen {fingerprint: f, project: 0, run: 2}
              forecast_made {agent: 0, fingerprint: f, forecast: {estimate: {chance: 0.9}, expects: it comes, resolve_by: +3000000ms}, project: 0, rule: r}
              = {finding: {forecast: kept, status: known}}
            > gone r2 exit 0
              finding_resolved {fingerprint: g, project: 0}
              finding_resolved {fingerprint: h, project: 0}
              run_ended {outcome: succeeded, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn what_is_to_come_while_a_finding_stands_is_decided_by_whether_it_does() {
    let standing = r#","decided_by":"standing""#;
    let chance = r#"{"chance":0.75}"#;
    let of = |mark: &str, minutes: i64| expecting(mark, chance, minutes, standing);
    let (stays, falls, dismissed) = (of("a", 10), of("b", 10), of("c", 10));
    check(
        &format!(
            r#"
            agent alpha = manual
            register
            run alpha
            launched r0
            call r0 {stays}
            call r0 {falls}
            call r0 {dismissed}
            ---
            call r0 {{"settle_forecast":{{"fingerprint":"a","outcome":"did_not_come"}}}}
            gone r0 exit 0
            cmd {{"dismiss_finding":{{"project":0,"fingerprint":"c","reason":"as meant"}}}}
            run alpha
            launched r1
            call r1 {stays}
            call r1 {falls}
            gone r1 exit 0
            wait 5m
            run alpha
            launched r2
            call r2 {stays}
            gone r2 exit 0
            wait 5m
            run alpha
            launched r3
            call r3 {stays}
            gone r3 exit 0
            "#
        ),
        expect![[r#"
            > call r0 {"settle_forecast":{"fingerprint":"a","outcome":"did_not_come"}}
              refused invalid: whether this came is decided by whether the finding stands
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > cmd {"dismiss_finding":{"project":0,"fingerprint":"c","reason":"as meant"}}
              finding_dismissed {fingerprint: c, project: 0, reason: as meant}
              forecast_settled {agent: 0, fingerprint: c, outcome: void, project: 0}
              = {done: {changed: true}}
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 1}
              ! launch r1 g1
              = {run: {run: 1}}
            > launched r1
              run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 1}
            > call r1 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767571800000,"decided_by":"standing"}}}
              finding_seen {fingerprint: a, project: 0, run: 1}
              = {finding: {forecast: known, status: known}}
            > call r1 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"b",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767571800000,"decided_by":"standing"}}}
              finding_seen {fingerprint: b, project: 0, run: 1}
              = {finding: {forecast: known, status: known}}
            > gone r1 exit 0
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 5m
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +300000ms, run: 2, slot: +300000ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
              = {run: {run: 2}}
            > launched r2
              run_started {deadline: +360000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
            > call r2 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767571800000,"decided_by":"standing"}}}
              finding_seen {fingerprint: a, project: 0, run: 2}
              = {finding: {forecast: known, status: known}}
            > gone r2 exit 0
              finding_resolved {fingerprint: b, project: 0}
              forecast_settled {agent: 0, fingerprint: b, outcome: did_not_come, project: 0}
              run_ended {outcome: succeeded, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > wait 5m
            > run alpha
              run_queued {agent: 0, attempt: 1, not_before: +600000ms, run: 3, slot: +600000ms, trigger: manual}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 3}
              ! launch r3 g1
              = {run: {run: 3}}
            > launched r3
              run_started {deadline: +660000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 3}
            > call r3 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a",        "forecast":{"expects":"it comes","estimate":{"chance":0.75},"resolve_by":1767571800000,"decided_by":"standing"}}}
              finding_seen {fingerprint: a, project: 0, run: 3}
              = {finding: {forecast: over, status: known}}
            > gone r3 exit 0
              forecast_settled {agent: 0, fingerprint: a, outcome: {came: {at: +600000ms}}, project: 0}
              run_ended {outcome: succeeded, run: 3, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
}

#[test]
fn what_nobody_speaks_of_is_given_up_and_what_nobody_can_tell_is_void() {
    let f = expecting("f", r#"{"chance":0.75}"#, 1, "");
    let g = expecting("g", r#"{"chance":0.75}"#, 1_000_000, "");
    let grace = forecast::bounds::GRACE_MS / 60_000;
    let stage = Stage::play(&format!(
        r#"
        agent alpha = manual
        register
        run alpha
        launched r0
        call r0 {f}
        call r0 {g}
        gone r0 exit 0
        wait {grace}m
        run alpha
        launched r1
        ---
        gone r1 exit 0
        wait 2m
        run alpha
        launched r2
        gone r2 exit 0
        terminate alpha
        "#
    ));
    expect![[r#"
        > gone r1 exit 0
          finding_resolved {fingerprint: f, project: 0}
          finding_resolved {fingerprint: g, project: 0}
          run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        > wait 2m
        > run alpha
          run_queued {agent: 0, attempt: 1, not_before: +5184120000ms, run: 2, slot: +5184120000ms, trigger: manual}
          run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
          ! launch r2 g1
          = {run: {run: 2}}
        > launched r2
          run_started {deadline: +5184180000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
        > gone r2 exit 0
          forecast_settled {agent: 0, fingerprint: f, outcome: expired, project: 0}
          run_ended {outcome: succeeded, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        > terminate alpha
          forecast_settled {agent: 0, fingerprint: g, outcome: void, project: 0}
          agent_terminated {agent: 0}
          = {done: {changed: true}}
    "#]].assert_eq(&stage.told);
    assert!(stage.state.projects[&ProjectId(0)].forecasts.is_empty());
}

#[test]
fn a_project_keeps_so_many_open_forecasts_and_says_when_it_keeps_no_more() {
    let mut stage = Stage::play("agent alpha = manual\nregister");
    let (most, of_a_run) = (forecast::bounds::OPEN, bounds::FINDINGS_PER_RUN);
    let mut full = 0;
    // Findings come and go with the days; what they expect stays.
    for run in 0..=most / of_a_run {
        stage.perform(&format!("run alpha\nlaunched r{run}"));
        for number in 0..of_a_run {
            let mark = format!("{run:04x}{number:04x}");
            let finding = expecting(&mark, r#"{"chance":0.5}"#, 1_000_000, "");
            stage.told.clear();
            stage.perform(&format!("call r{run} {finding}"));
            full += usize::from(stage.told.contains("forecast: full"));
        }
        stage.perform(&format!("gone r{run} exit 0\nwait 1440m"));
    }
    assert_eq!(full, of_a_run, "{}", stage.told);
    assert_eq!(stage.state.projects[&ProjectId(0)].forecasts.len(), most);
}

#[test]
fn a_commit_that_did_what_a_finding_said_is_an_answer_by_deeds() {
    let finding =
        r#"{"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}"#;
    let done = r#"{"resolve_finding":{"fingerprint":"f","commit":"0123abcd"}}"#;
    let stage = Stage::play(&format!(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        run alpha
        launched r0
        call r0 {finding}
        gone r0 exit 0
        run beta
        launched r1
        ---
        call r1 {done}
        gone r1 exit 0
        run alpha
        launched r2
        call r2 {done}
        call r2 {done}
        gone r2 exit 0
        "#
    ));
    expect![[r#"
        > call r1 {"resolve_finding":{"fingerprint":"f","commit":"0123abcd"}}
          = {changed: false}
        > gone r1 exit 0
          run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        > run alpha
          run_queued {agent: 0, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: manual}
          run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
          ! launch r2 g1
          = {run: {run: 2}}
        > launched r2
          run_started {deadline: +60000ms, generation: 1, process: {pid: 40, start_ticks: 9}, run: 2}
        > call r2 {"resolve_finding":{"fingerprint":"f","commit":"0123abcd"}}
          finding_resolved {by: 0123abcd, fingerprint: f, project: 0}
          = {changed: true}
        > call r2 {"resolve_finding":{"fingerprint":"f","commit":"0123abcd"}}
          = {changed: false}
        > gone r2 exit 0
          run_ended {outcome: succeeded, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
    "#]].assert_eq(&stage.told);
    let record = stage.state.agents[&AgentId(0)].rules["r"];
    assert_eq!((record.told, record.acted, record.gone), (1, 1, 0));
}

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
fn a_write_under_a_lease_that_is_over_is_refused() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"take_lease":{{"name":"file:x","ttl_ms":5000}}}}
            call r0 {{"put_state":{{"key":"k","value":"1","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            wait 6s
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            call r1 {{"take_lease":{{"name":"file:x","ttl_ms":5000}}}}
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":0}}}}}}
            call r0 {{"put_state":{{"key":"k","value":"2","expect":null,"under":{{"name":"file:x","token":1}}}}}}
            call r0 {{"save_checkpoint":{{"name":"n","blob":{{"sha256":"00","bytes":2}},"under":{{"name":"file:x","token":0}}}}}}
            call r1 {{"put_state":{{"key":"k","value":"3","expect":null,"under":{{"name":"file:x","token":1}}}}}}"#
        ),
        expect![[r#"
            > call r0 {"take_lease":{"name":"file:x","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: file: x, project: 0, run: 0, token: 0}
              = {lease: {expires: +5000ms, token: 0}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:x","token":0}}}
              state_put {by: 0, key: k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > wait 6s
              … 5000 ms
              lease_released {name: file: x, project: 0, token: 0}
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is not held; this run does not hold it with 0
            > call r1 {"take_lease":{"name":"file:x","ttl_ms":5000}}
              lease_taken {expires: +11000ms, name: file: x, project: 0, run: 1, token: 1}
              = {lease: {expires: +11000ms, token: 1}}
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 0
            > call r0 {"put_state":{"key":"k","value":"2","expect":null,"under":{"name":"file:x","token":1}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 1
            > call r0 {"save_checkpoint":{"name":"n","blob":{"sha256":"00","bytes":2},"under":{"name":"file:x","token":0}}}
              refused conflict: `file:x` is held by r1 with token 1; this run does not hold it with 0
            > call r1 {"put_state":{"key":"k","value":"3","expect":null,"under":{"name":"file:x","token":1}}}
              state_put {by: 1, key: k, project: 0, value: 3, version: 2}
              = {stored: {version: 2}}
        "#]],
    );
}

#[test]
fn paths_are_locked_with_what_lies_in_them_and_shared_and_waited_for() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual | {"priority":"high"}
        register
        began
        run alpha
        & run beta
        & run gamma
        launched r0
        & launched r1
        & launched r2
        ---
        call r0 {"take_lease":{"name":"file:src/","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":5000}}
        call r1 {"take_lease":{"name":"file:srcs/a.rs","ttl_ms":5000}}
        call r1 {"release_lease":{"name":"file:srcs/a.rs/"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":30000}}
        call r0 {"release_lease":{"name":"file:src"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
        call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"mode":"shared"}}
        call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"mode":"shared"}}
        call r0 {"take_lease":{"name":"file:src/a.rs","ttl_ms":90000,"mode":"shared"}}
        call r0 {"take_lease":{"name":"file:docs","ttl_ms":90000,"wait_ms":1000}}
        call r1 {"take_lease":{"name":"file:docs","ttl_ms":60000,"wait_ms":1000}}
        call r1 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":1000}}
        call r1 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
        call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":4}}}
        call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
        wait 61s
        gone r0 exit 0
        call r1 {"take_lease":{"name":"file:../x","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:x","ttl_ms":60000,"wait_ms":600001}}"#,
        expect![[r#"
            > call r0 {"take_lease":{"name":"file:src/","ttl_ms":60000}}
              lease_taken {expires: +60000ms, name: file: src, project: 0, run: 0, token: 0}
              = {lease: {expires: +60000ms, token: 0}}
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":5000}}
              refused held: `file:src/a.rs` overlaps `file:src`, which is held by r0
            > call r1 {"take_lease":{"name":"file:srcs/a.rs","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: file: srcs/a.rs, project: 0, run: 1, token: 1}
              = {lease: {expires: +5000ms, token: 1}}
            > call r1 {"release_lease":{"name":"file:srcs/a.rs/"}}
              lease_released {name: file: srcs/a.rs, project: 0, token: 1}
              = done
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              lease_waited {mode: exclusive, name: file: src/a.rs, project: 0, run: 1, until: +30000ms}
              refused waits: `file:src/a.rs` overlaps `file:src`, which is held by r0; this run waits for 30 s more: ask again
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              refused waits: `file:src/a.rs` overlaps `file:src`, which is held by r0; this run waits for 30 s more: ask again
            > call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":30000}}
              lease_waited {mode: exclusive, name: file: src, project: 0, run: 2, until: +30000ms}
              refused waits: `file:src` is held by r0; this run waits for 30 s more: ask again
            > call r0 {"release_lease":{"name":"file:src"}}
              lease_released {name: file: src, project: 0, token: 0}
              = done
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"wait_ms":30000}}
              refused waits: r2 waits for `file:src` and comes first; this run waits for 30 s more: ask again
            > call r2 {"take_lease":{"name":"file:src","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +60000ms, mode: shared, name: file: src, project: 0, run: 2, token: 2}
              = {lease: {expires: +60000ms, token: 2}}
            > call r1 {"take_lease":{"name":"file:src/a.rs","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +60000ms, mode: shared, name: file: src/a.rs, project: 0, run: 1, token: 3}
              = {lease: {expires: +60000ms, token: 3}}
            > call r0 {"take_lease":{"name":"file:src/a.rs","ttl_ms":90000,"mode":"shared"}}
              lease_taken {expires: +90000ms, mode: shared, name: file: src/a.rs, project: 0, run: 0, token: 4}
              = {lease: {expires: +90000ms, token: 4}}
            > call r0 {"take_lease":{"name":"file:docs","ttl_ms":90000,"wait_ms":1000}}
              lease_taken {expires: +90000ms, name: file: docs, project: 0, run: 0, token: 5}
              = {lease: {expires: +90000ms, token: 5}}
            > call r1 {"take_lease":{"name":"file:docs","ttl_ms":60000,"wait_ms":1000}}
              refused order: `file:docs` is held by r0; waiting for `file:docs` while this run holds `file:src/a.rs` could last for ever: give that back first, or take leases in the order of their names
            > call r1 {"take_lease":{"name":"file:src","ttl_ms":60000,"wait_ms":1000}}
              refused order: `file:src` is held by r2; waiting for `file:src` while this run holds `file:src/a.rs` could last for ever: give that back first, or take leases in the order of their names
            > call r1 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
              state_put {by: 1, key: k, project: 0, value: 1, version: 1}
              = {stored: {version: 1}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":4}}}
              state_put {by: 0, key: k, project: 0, value: 1, version: 2}
              = {stored: {version: 2}}
            > call r0 {"put_state":{"key":"k","value":"1","expect":null,"under":{"name":"file:src/a.rs","token":3}}}
              refused conflict: `file:src/a.rs` is held by r0 with token 4; this run does not hold it with 3
            > wait 61s
              … 60000 ms
              run_stopping {generation: 1, run: 0, why: deadline}
              run_stopping {generation: 1, run: 1, why: deadline}
              run_stopping {generation: 1, run: 2, why: deadline}
              lease_released {name: file: src, project: 0, token: 2}
              lease_released {name: file: src/a.rs, project: 0, token: 3}
              ! kill r0 g1 deadline
              ! kill r1 g1 deadline
              ! kill r2 g1 deadline
            > gone r0 exit 0
              violation_recorded {agent: 0, run: 0, violation: deadline 61 s after its start x1}
              run_ended {outcome: timed_out, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > call r1 {"take_lease":{"name":"file:../x","ttl_ms":60000}}
              refused bounds: `file:../x`: its path is written from the project's folder, without `.`, `..` and empty parts
            > call r1 {"take_lease":{"name":"file:x","ttl_ms":60000,"wait_ms":600001}}
              refused bounds: `wait_ms` is 0 to 600000, not 600001
        "#]],
    );
}

#[test]
fn a_lease_of_something_else_passes_no_queue() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual
        register
        began
        run alpha
        & run beta
        & run gamma
        launched r0
        & launched r1
        & launched r2
        call r0 {"take_lease":{"name":"db","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
        call r2 {"take_lease":{"name":"cache","ttl_ms":60000}}
        call r0 {"release_lease":{"name":"db"}}
        ---
        call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
        call r1 {"release_lease":{"name":"db"}}
        call r1 {"take_lease":{"name":"cache","ttl_ms":60000,"wait_ms":50000}}
        call r2 {"take_lease":{"name":"db","ttl_ms":60000}}"#,
        expect![[r#"
            > call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
              refused held: r1 waits for `db` and comes first
            > call r1 {"take_lease":{"name":"db","ttl_ms":60000,"wait_ms":50000}}
              lease_taken {expires: +60000ms, name: db, project: 0, run: 1, token: 2}
              = {lease: {expires: +60000ms, token: 2}}
            > call r1 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 2}
              = done
            > call r1 {"take_lease":{"name":"cache","ttl_ms":60000,"wait_ms":50000}}
              lease_waited {mode: exclusive, name: cache, project: 0, run: 1, until: +50000ms}
              refused waits: `cache` is held by r2; this run waits for 50 s more: ask again
            > call r2 {"take_lease":{"name":"db","ttl_ms":60000}}
              lease_taken {expires: +60000ms, name: db, project: 0, run: 2, token: 3}
              = {lease: {expires: +60000ms, token: 3}}
        "#]],
    );
}

#[test]
fn a_finding_is_its_agents_whoever_says_the_same() {
    let tells = |run: &str, severity: &str| {
        format!(
            r#"call {run} {{"record_finding":{{"rule":"r","severity":"{severity}","title":"by {run}","fingerprint":"f"}}}}"#
        )
    };
    let other = Fingerprint("f".into()).apart(&AgentName::new("beta").unwrap());
    let mut stage = Stage::play(&format!(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        run alpha
        & run beta
        launched r0
        & launched r1
        {}
        ---
        {}
        {}
        gone r1 exit 0
        run beta
        launched r2
        {}
        gone r2 exit 0"#,
        tells("r0", "high"),
        tells("r1", "critical"),
        tells("r1", "info"),
        tells("r2", "critical"),
    ));
    // What people say of one is no word on the other.
    stage.perform(&format!(
        r#"cmd {{"dismiss_finding":{{"project":0,"fingerprint":"{other}","reason":"noise"}}}}
        run beta
        launched r3
        {}
        gone r3 exit 0
        {}
        cmd {{"dismiss_finding":{{"project":0,"fingerprint":"f","reason":"known"}}}}
        {}
        gone r0 exit 0
        run beta
        launched r4
        {}"#,
        tells("r3", "critical"),
        tells("r0", "low"),
        tells("r0", "low"),
        tells("r4", "low"),
    ));
    let told: Vec<&str> = stage
        .told
        .lines()
        .filter(|line| line.contains("finding") || line.starts_with("  ="))
        .collect();
    expect![[r#"
        > call r1 {"record_finding":{"rule":"r","severity":"critical","title":"by r1","fingerprint":"f"}}
          finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d critical, project: 0, run: 1}
          = {finding: {status: new}}
        > call r1 {"record_finding":{"rule":"r","severity":"info","title":"by r1","fingerprint":"f"}}
          finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d info, project: 0, run: 1}
          = {finding: {status: new}}
          = {run: {run: 2}}
        > call r2 {"record_finding":{"rule":"r","severity":"critical","title":"by r2","fingerprint":"f"}}
          finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d critical, project: 0, run: 2}
          = {finding: {status: new}}
        > cmd {"dismiss_finding":{"project":0,"fingerprint":"x5b0e2341671f27f75486225f6fe09b7d","reason":"noise"}}
          finding_dismissed {fingerprint: x5b0e2341671f27f75486225f6fe09b7d, project: 0, reason: noise}
          = {done: {changed: true}}
          = {run: {run: 3}}
        > call r3 {"record_finding":{"rule":"r","severity":"critical","title":"by r3","fingerprint":"f"}}
          = {finding: {status: dismissed}}
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"by r0","fingerprint":"f"}}
          finding_recorded {agent: 0, finding: f low, project: 0, run: 0}
          = {finding: {status: new}}
        > cmd {"dismiss_finding":{"project":0,"fingerprint":"f","reason":"known"}}
          finding_dismissed {fingerprint: f, project: 0, reason: known}
          = {done: {changed: true}}
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"by r0","fingerprint":"f"}}
          = {finding: {status: dismissed}}
          = {run: {run: 4}}
        > call r4 {"record_finding":{"rule":"r","severity":"low","title":"by r4","fingerprint":"f"}}
          = {finding: {status: dismissed}}"#]].assert_eq(&told.join("\n"));
}

#[test]
fn who_shares_a_lease_leaves_it_to_a_run_that_has_waited_long_for_its_place() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        agent gamma = manual | {"locks":["db"]}
        register
        began
        run alpha
        & run beta
        launched r0
        & launched r1
        call r0 {"take_lease":{"name":"db","ttl_ms":3600000,"mode":"shared"}}
        run gamma
        ---
        call r1 {"take_lease":{"name":"db","ttl_ms":1000,"mode":"shared"}}
        wait 11m
        ---
        call r1 {"take_lease":{"name":"db","ttl_ms":60000,"mode":"shared"}}
        call r1 {"take_lease":{"name":"web","ttl_ms":60000,"mode":"shared"}}
        call r0 {"release_lease":{"name":"db"}}"#,
        expect![[r#"
            > call r1 {"take_lease":{"name":"db","ttl_ms":60000,"mode":"shared"}}
              refused held: r2 waits for `db` and comes first
            > call r1 {"take_lease":{"name":"web","ttl_ms":60000,"mode":"shared"}}
              lease_taken {expires: +720000ms, mode: shared, name: web, project: 0, run: 1, token: 2}
              = {lease: {expires: +720000ms, token: 2}}
            > call r0 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 0}
              run_placed {deadline_ms: 1800000, generation: 1, leases: [{name: db, token: 3}], run: 2}
              ! launch r2 g1
              = done
        "#]],
    );
}

#[test]
fn one_run_does_not_fill_the_queue() {
    check(
        r#"
        agent alpha = manual
        agent beta = manual
        register
        began
        run alpha
        & run beta
        launched r0
        & launched r1
        call r0 {"take_lease":{"name":"file:src","ttl_ms":60000}}
        call r1 {"take_lease":{"name":"file:src/a","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/b","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/c","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
        ---
        call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
        call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
        wait 21s
        call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}"#,
        expect![[r#"
            > call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
              refused limit: a run waits for at most 4 leases at once: take one of them, or let a wait end
            > call r1 {"take_lease":{"name":"file:src/d","ttl_ms":60000,"wait_ms":20000}}
              refused waits: `file:src/d` overlaps `file:src`, which is held by r0; this run waits for 20 s more: ask again
            > wait 21s
              … 20000 ms
            > call r1 {"take_lease":{"name":"file:src/e","ttl_ms":60000,"wait_ms":20000}}
              lease_waited {mode: exclusive, name: file: src/e, project: 0, run: 1, until: +41000ms}
              refused waits: `file:src/e` overlaps `file:src`, which is held by r0; this run waits for 20 s more: ask again
        "#]],
    );
}

#[test]
fn leases_taken_on_the_way_exclude_and_end_by_themselves() {
    check(
        &format!(
            r#"{TWO_RUNNING}---
            call r0 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r0 {{"take_lease":{{"name":"db","ttl_ms":9000}}}}
            call r1 {{"release_lease":{{"name":"db"}}}}
            call r0 {{"release_lease":{{"name":"db"}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            call r1 {{"take_lease":{{"name":"db","ttl_ms":0}}}}
            wait 6s
            call r0 {{"take_lease":{{"name":"db","ttl_ms":5000}}}}
            gone r0 exit 0"#
        ),
        expect![[r#"
            > call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: db, project: 0, run: 0, token: 0}
              = {lease: {expires: +5000ms, token: 0}}
            > call r1 {"take_lease":{"name":"db","ttl_ms":5000}}
              refused held: `db` is held by r0
            > call r0 {"take_lease":{"name":"db","ttl_ms":9000}}
              lease_taken {expires: +9000ms, name: db, project: 0, run: 0, token: 1}
              = {lease: {expires: +9000ms, token: 1}}
            > call r1 {"release_lease":{"name":"db"}}
              refused unknown: this run does not hold `db`
            > call r0 {"release_lease":{"name":"db"}}
              lease_released {name: db, project: 0, token: 1}
              = done
            > call r1 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +5000ms, name: db, project: 0, run: 1, token: 2}
              = {lease: {expires: +5000ms, token: 2}}
            > call r1 {"take_lease":{"name":"db","ttl_ms":0}}
              refused bounds: `ttl_ms` is 1 to 3600000, not 0
            > wait 6s
              … 5000 ms
              lease_released {name: db, project: 0, token: 2}
            > call r0 {"take_lease":{"name":"db","ttl_ms":5000}}
              lease_taken {expires: +11000ms, name: db, project: 0, run: 0, token: 3}
              = {lease: {expires: +11000ms, token: 3}}
            > gone r0 exit 0
              run_ended {outcome: succeeded, run: 0, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
        "#]],
    );
    check(
        r#"
        agent alpha = manual | {"locks":["index"]}
        register
        run alpha
        launched r0
        ---
        call r0 {"take_lease":{"name":"index","ttl_ms":5000}}
        call r0 {"release_lease":{"name":"index"}}
        "#,
        expect![[r#"
            > call r0 {"take_lease":{"name":"index","ttl_ms":5000}}
              = {lease: {expires: +9223370269283575807ms, token: 0}}
            > call r0 {"release_lease":{"name":"index"}}
              refused held: `index` came with the run's place and is kept until it ends
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
fn a_change_of_the_project_runs_who_reads_it() {
    check(
        r#"
        agent alpha = continuous | {"reads":["git"]}
        agent beta = continuous | {"reads":["plan"]}
        agent gamma = manual
        register
        start alpha beta
        launched r0
        & launched r1
        gone r0 exit 0
        & gone r1 exit 0
        ---
        observed p0 g1 p1
        observed p9 g1 p1
        observed p0 g2 p1
        wait 1m
        "#,
        expect![[r#"
            > observed p0 g1 p1
            > observed p9 g1 p1
            > observed p0 g2 p1
              project_changed {git: g2, plan: p1, project: 0}
              run_queued {agent: 0, attempt: 1, not_before: +30000ms, run: 2, slot: +0ms, trigger: changed}
            > wait 1m
              … 30000 ms
              run_placed {deadline_ms: 1800000, generation: 1, leases: [], run: 2}
              ! launch r2 g1
        "#]],
    );
}

#[test]
fn adopting_a_policy_is_recorded_once() {
    check(
        r#"
        cmd {"adopt_policy":{"hash":"aa","origin":"the defaults"}}
        cmd {"adopt_policy":{"hash":"aa","origin":"the defaults"}}
        cmd {"adopt_policy":{"hash":"bb","origin":"the defaults"}}
        "#,
        expect![[r#"
            > cmd {"adopt_policy":{"hash":"aa","origin":"the defaults"}}
              policy_adopted {hash: aa, origin: the defaults}
              = {done: {changed: true}}
            > cmd {"adopt_policy":{"hash":"aa","origin":"the defaults"}}
              = {done: {changed: false}}
            > cmd {"adopt_policy":{"hash":"bb","origin":"the defaults"}}
              motion v0 opened: change_policy
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, none had to
              policy_adopted {hash: bb, origin: the defaults}
              motion v0 executed
              = {done: {changed: true}}
        "#]],
    );
}

/// What a run's calls say after `count` of them, from the last.
fn after(count: usize, call: impl Fn(usize) -> AgentCall) -> String {
    let mut stage = Stage::play(TWO_RUNNING);
    for index in 0..count {
        stage.told.clear();
        let (run, generation) = (RunId(0), Generation(1));
        stage.turn(vec![Input::Call { token: 1, run, generation, call: call(index) }]);
    }
    stage.told.lines().last().unwrap_or_default().trim().into()
}

fn call(value: serde_json::Value) -> AgentCall {
    serde_json::from_value(value).expect("a call")
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
fn a_project_has_so_many_open_findings_and_a_known_one_may_still_get_worse() {
    let loud = |name: &str| format!("agent {name} = manual | {{\"findings_per_day\": 500}}\n");
    let agents = ["alpha", "beta", "gamma"].map(loud).concat();
    let mut stage = Stage::play(&format!("{agents} register\n began"));
    let run = |stage: &mut Stage, name: &str| {
        let run = stage.state.next.run;
        stage.perform(&format!("run {name}\n launched r{run}"));
        run
    };
    let record = |stage: &mut Stage, run: u64, mark: usize, severity: &str| {
        let call = call(json!({"record_finding": {"rule": "r", "severity": severity, "title": "t",
            "fingerprint": mark.to_string()}}));
        let (run, generation) = (RunId(run), Generation(1));
        stage.told.clear();
        stage.turn(vec![Input::Call { token: 1, run, generation, call }]);
        stage.told.lines().last().unwrap_or_default().trim().to_string()
    };
    let most = bounds::of_one_agent(bounds::FINDINGS);
    let mut told = Vec::new();
    for (name, first) in [("alpha", 0), ("beta", most)] {
        let mut at_work = run(&mut stage, name);
        for mark in first..first + most {
            if mark > first && mark % bounds::FINDINGS_PER_RUN == 0 {
                // It has nothing to report, so that nothing is resolved.
                stage.perform(&format!(
                    r#"call r{at_work} {{"finish":{{"nothing_to_report":true,"summary":""}}}}
                    gone r{at_work} exit 0"#
                ));
                at_work = run(&mut stage, name);
            }
            let said = record(&mut stage, at_work, mark, "low");
            assert_eq!(said, "= {finding: {status: new}}");
        }
        stage.perform(&format!("gone r{at_work} signal 9"));
        let last = run(&mut stage, name);
        told.push(record(&mut stage, last, bounds::FINDINGS, "low"));
        told.push(record(&mut stage, last, first, "high"));
    }
    let third = run(&mut stage, "gamma");
    told.push(record(&mut stage, third, bounds::FINDINGS, "low"));
    expect![[r#"
        refused limit: an agent has at most 250 open findings
        = {finding: {status: new}}
        refused limit: a project has at most 500 open findings
        = {finding: {status: new}}
        refused limit: a project has at most 500 open findings"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_known_finding_that_a_run_may_not_record_anew_is_still_seen() {
    let mut stage = Stage::play(RUNNING);
    let record = |mark: usize, severity: &str| {
        format!(
            r#"call r{} {{"record_finding":{{"rule":"r","severity":"{severity}","title":"t","fingerprint":"{mark}"}}}}"#,
            usize::from(mark > 0)
        )
    };
    stage.perform(&format!("{}\n gone r0 exit 0\n run alpha\n launched r1", record(0, "low")));
    for mark in 1..=bounds::FINDINGS_PER_RUN {
        stage.perform(&record(mark, "low"));
    }
    stage.told.clear();
    stage.perform(&record(0, "high").replace("call r0", "call r1"));
    stage.perform("gone r1 exit 0");
    let first = Fingerprint("0".into());
    assert!(stage.state.projects.values().next().unwrap().findings.contains_key(&first));
    expect![[r#"
        > call r1 {"record_finding":{"rule":"r","severity":"high","title":"t","fingerprint":"0"}}
          finding_seen {fingerprint: 0, project: 0, run: 1}
          refused limit: a run records at most 50 findings
        > gone r1 exit 0
          run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
    "#]].assert_eq(&stage.told);
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

#[test]
fn the_findings_of_a_terminated_agent_end_with_it() {
    check(
        r#"
        agent alpha = manual
        register
        run alpha
        launched r0
        call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"f"}}
        gone r0 exit 0
        ---
        terminate alpha
        "#,
        expect![[r#"
            > terminate alpha
              finding_resolved {fingerprint: f, project: 0}
              agent_terminated {agent: 0}
              = {done: {changed: true}}
        "#]],
    );
}
