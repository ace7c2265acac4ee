//! What people ask for, and what files of a project say.

use crate::stage::check;
use expect_test::expect;

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
