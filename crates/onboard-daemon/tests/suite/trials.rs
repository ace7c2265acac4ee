//! The project's own checks of proposals, decision by decision.

use super::proposals::{PASSED, YES, propose};
use super::stage::Stage;
use expect_test::{Expect, expect};
use onboard_domain::ProposalId;

/// An agent that proposes, and one that checks what is proposed.
const CHECKED: &str = r#"
    agent alpha = manual
    agent tests = manual | {"checks_proposals": true, "hash": "t1"}
    register
    began
    run alpha
    launched r0
"#;

/// Plays on from [`CHECKED`] with a proposal; only what is about proposals and checks is kept.
fn check_trials(script: &str, expect: Expect) {
    let mut stage = Stage::play(CHECKED);
    stage.told.clear();
    stage.perform(&format!("{}\n---\n{script}", propose("r0", "aa")));
    let is_told = |line: &&str| {
        let about = ["proposal", "refused ", "run_queued", "run_ended", "agent_", "breaker"];
        line.starts_with('>') || about.iter().any(|word| line.contains(word))
    };
    let told: Vec<&str> = stage.told.lines().filter(is_told).collect();
    expect.assert_eq(&told.join("\n"));
}

#[test]
fn a_check_runs_once_somebody_started_it_and_its_no_holds_the_patch_back() {
    check_trials(
        &format!(
            r#"worked c0 {PASSED}
            start tests
            decide c0 {YES} good
            launched r1
            gone r1 exit 1 one_test_failed
            decide c0 {YES} good
            decide c0 {{"apply":{{"patch":"aa","despite_check":true}}}} flaky"#
        ),
        expect![[r#"
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}, {name: project_check, note: `tests` would check it:  `ai_onboard background-agents start tests` has it do so, verdict: skipped}]}}, proposal: 0}
            > start tests
              agent_started {agent: 1}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: its check `tests` has not ended (r1); `--despite-check REASON` applies it all the same, what: apply_proposal}
              refused forbidden: its check `tests` has not ended (r1); `--despite-check REASON` applies it all the same
            > launched r1
            > gone r1 exit 1 one_test_failed
              proposal {fact: {tried: {trial: {at: +0ms, by: tests, hash: t1, note: exit code 1:  one_test_failed, passed: false, run: 1}}}, proposal: 0}
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: its check `tests` failed:  exit code 1:  one_test_failed; `--despite-check REASON` applies it all the same, what: apply_proposal}
              refused forbidden: its check `tests` failed: exit code 1: one_test_failed; `--despite-check REASON` applies it all the same
            > decide c0 {"apply":{"patch":"aa","despite_check":true}} flaky
              motion v0 opened: apply_proposal
              proposal {fact: {accepted: {despite_check: true, patch: aa, reason: flaky}}, proposal: 0}"#]],
    );
}

#[test]
fn a_check_that_says_yes_lets_the_patch_through() {
    check_trials(
        &format!(
            r#"start tests
            worked c0 {PASSED}
            launched r1
            gone r1 exit 0
            decide c0 {YES} good"#
        ),
        expect![[r#"
            > start tests
              agent_started {agent: 1}
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}]}}, proposal: 0}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r1
            > gone r1 exit 0
              proposal {fact: {tried: {trial: {at: +0ms, by: tests, hash: t1, passed: true, run: 1}}}, proposal: 0}
              run_ended {outcome: succeeded, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v0 opened: apply_proposal
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}"#]],
    );
}

#[test]
fn a_check_that_is_lost_runs_again_and_not_for_ever() {
    check_trials(
        &format!(
            r#"start tests
            worked c0 {PASSED}
            launched r1
            back
            launched r2
            back
            launched r3
            back
            decide c0 {YES} good"#
        ),
        expect![[r#"
            > start tests
              agent_started {agent: 1}
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}]}}, proposal: 0}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r1
            > back
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 1, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r2
            > back
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 2, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r3
            > back
              proposal {fact: {tried: {trial: {at: +0ms, by: tests, hash: t1, note: lost again:  the daemon ended while it ran, passed: false, run: 3}}}, proposal: 0}
              run_ended {outcome: {lost: {why: the daemon ended while it ran}}, run: 3, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: its check `tests` failed:  lost again:  the daemon ended while it ran; `--despite-check REASON` applies it all the same, what: apply_proposal}
              refused forbidden: its check `tests` failed: lost again: the daemon ended while it ran; `--despite-check REASON` applies it all the same"#]],
    );
}

#[test]
fn a_check_that_is_stopped_or_changed_has_no_word() {
    check_trials(
        &format!(
            r#"start tests
            worked c0 {PASSED}
            launched r1
            stop tests
            gone r1 signal 9
            start tests
            launched r2
            gone r2 exit 1 no
            agent tests = manual | {{"checks_proposals": true, "hash": "t2", "program": {{"command": {{"argv": ["x"], "folder": "/x"}}}}}}
            register
            decide c0 {YES} good
            start tests
            decide c0 {YES} good
            launched r3
            gone r3 exit 0
            decide c0 {YES} good"#
        ),
        expect![[r#"
            > start tests
              agent_started {agent: 1}
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}]}}, proposal: 0}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 1, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r1
            > stop tests
              agent_stopped {agent: 1}
            > gone r1 signal 9
              run_ended {outcome: {killed: {why: stopped}}, run: 1, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > start tests
              agent_started {agent: 1}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 2, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > launched r2
            > gone r2 exit 1 no
              proposal {fact: {tried: {trial: {at: +0ms, by: tests, hash: t1, note: exit code 1:  no, passed: false, run: 2}}}, proposal: 0}
              run_ended {outcome: succeeded, run: 2, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > register
              agent_configured {agent: 1, spec: tests manual}
              agent_stopped {agent: 1}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: its check `tests` failed:  exit code 1:  no; `--despite-check REASON` applies it all the same, what: apply_proposal}
              refused forbidden: its check `tests` failed: exit code 1: no; `--despite-check REASON` applies it all the same
            > start tests
              agent_started {agent: 1}
              run_queued {agent: 1, attempt: 1, not_before: +0ms, run: 3, slot: +0ms, trigger: {proposal: {proposal: 0}}}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: its check `tests` has not ended (r3); `--despite-check REASON` applies it all the same, what: apply_proposal}
              refused forbidden: its check `tests` has not ended (r3); `--despite-check REASON` applies it all the same
            > launched r3
            > gone r3 exit 0
              proposal {fact: {tried: {trial: {at: +0ms, by: tests, hash: t2, passed: true, run: 3}}}, proposal: 0}
              run_ended {outcome: succeeded, run: 3, usage: {cpu_ms: 3, memory_peak_bytes: 4, throttled_ms: 5}}
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v1 opened: apply_proposal
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}"#]],
    );
}

#[test]
fn a_check_that_cannot_run_or_does_not_end_is_no_yes() {
    for end in ["refused r1 policy no", "launched r1 \n wait 2m \n gone r1 signal 9", "gone r1 oom"]
    {
        let mut stage = Stage::play(CHECKED);
        stage.perform(&format!("start tests \n {}", propose("r0", "aa")));
        stage.perform(&format!("worked c0 {PASSED}"));
        stage.perform(end);
        let trial = &stage.state.proposals[&ProposalId(0)].trials[0];
        assert!(!trial.passed, "{end}: {trial:?}");
        stage.told.clear();
        stage.perform(&format!("decide c0 {YES} good"));
        assert!(stage.told.contains("its check `tests` failed"), "{}", stage.told);
    }
}
