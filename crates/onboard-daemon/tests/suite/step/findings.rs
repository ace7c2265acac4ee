//! Findings that agents record, and what people make of them.

use super::{RUNNING, call};
use crate::stage::{Stage, check};
use expect_test::expect;
use onboard_daemon::input::Input;
use onboard_domain::state::bounds;
use onboard_domain::{AgentName, Fingerprint, Generation, RunId};
use serde_json::json;

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
