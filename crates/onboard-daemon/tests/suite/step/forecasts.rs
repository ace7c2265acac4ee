//! What findings expect, and how that comes out.

use crate::stage::{MIDNIGHT, Stage, check};
use expect_test::expect;
use onboard_domain::state::bounds;
use onboard_domain::{AgentId, ProjectId, forecast};

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
