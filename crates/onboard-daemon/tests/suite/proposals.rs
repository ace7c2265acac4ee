//! Proposals and the noise budget, decision by decision.

use super::stage::Stage;
use expect_test::{Expect, expect};
use onboard_daemon::input::Input;
use onboard_domain::proposal::{Decision, Status, bounds};
use onboard_domain::{Actor, AgentName, Command, ProposalId, RunId, Via};

const RUNNING: &str = "
    agent alpha = manual
    register
    began
    run alpha
    launched r0
";

/// A proposal of this patch.
pub(super) fn propose(run: &str, hash: &str) -> String {
    format!(
        r#"call {run} {{"propose_change":{{"title":"mend","reason":"why","patch":{{"sha256":"{hash}","bytes":9}},"files":[{{"path":"x","change":"modify","added":1,"removed":1}}]}}}}"#
    )
}

pub(super) const PASSED: &str =
    r#"{"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}"#;
const FAILED: &str =
    r#"{"checked":{"base":"b1","checks":[{"name":"applies","verdict":"failed","note":"no"}]}}"#;
const BRANCH: &str = r#"{"written":{"branch":{"name":"ai-onboard/alpha/c0","commit":"c1"}}}"#;
pub(super) const YES: &str = r#"{"apply":{"patch":"aa"}}"#;

fn check(script: &str, expect: Expect) -> Stage {
    let mut stage = Stage::play(RUNNING);
    stage.told.clear();
    stage.perform(script);
    expect.assert_eq(&stage.told);
    stage
}

#[test]
fn from_the_patch_to_the_branch_and_back() {
    let script = format!(
        r#"{}
        worked c0 {PASSED}
        decide c0 {YES}
        worked c0 {BRANCH}
        decide c0 "revert" again
        worked c0 {{"reverted":{{}}}}"#,
        propose("r0", "aa")
    )
    .replace(&format!("decide c0 {YES}"), &format!("decide c0 {YES} good"));
    check(
        &script,
        expect![[r#"
            > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
              proposal {fact: {made: {agent: 0, project: 0, proposed: {files: [{added: 1, change: modify, path: x, removed: 1}], patch: {bytes: 9, sha256: aa}, reason: why, title: mend}, run: 0}}, proposal: 0}
              ! check c0
              = {proposal: {id: 0, status: checking}}
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}, {name: project_check, note: no agent of the project checks proposals, verdict: skipped}]}}, proposal: 0}
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v0 opened: apply_proposal
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}
              motion v0 executed
              ! write c0
              = {done: {changed: true}}
            > worked c0 {"written":{"branch":{"name":"ai-onboard/alpha/c0","commit":"c1"}}}
              proposal {fact: {written: {branch: {commit: c1, name: ai-onboard/alpha/c0}}}, proposal: 0}
            > decide c0 "revert" again
              proposal {fact: {withdrawn: {reason: again}}, proposal: 0}
              ! revert c0
              = {done: {changed: true}}
            > worked c0 {"reverted":{}}
              proposal {fact: {reverted: {}}, proposal: 0}
        "#]],
    );
}

#[test]
fn what_people_see_is_what_they_accept_and_only_once() {
    let script = format!(
        r#"{0}
        ---
        decide c0 {YES} early
        worked c0 {PASSED}
        decide c0 {{"apply":{{"patch":"bb"}}}} other
        decide c7 {YES} none
        decide c0 "revert" nothing
        decide c0 {YES} good
        decide c0 {YES} again
        {0}
        worked c0 {{"not_written":{{"stale":false,"why":"disk_full"}}}}
        decide c0 {YES} good
        worked c0 {{"not_written":{{"stale":true,"why":"moved"}}}}
        worked c0 {BRANCH}
        decide c0 {YES} good
        {0}"#,
        propose("r0", "aa")
    );
    check(
        &script,
        expect![[r#"
            > decide c0 {"apply":{"patch":"aa"}} early
              command_refused {kind: invalid, message: c0 is checking and can't be applied, what: apply_proposal}
              refused invalid: c0 is checking and can't be applied
            > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
              proposal {fact: {checked: {base: b1, checks: [{name: applies, verdict: passed}, {name: project_check, note: no agent of the project checks proposals, verdict: skipped}]}}, proposal: 0}
            > decide c0 {"apply":{"patch":"bb"}} other
              command_refused {kind: invalid, message: c0 has another patch than the one that was seen:  show it again, what: apply_proposal}
              refused invalid: c0 has another patch than the one that was seen: show it again
            > decide c7 {"apply":{"patch":"aa"}} none
              command_refused {kind: unknown, message: there is no proposal c7; `ai_onboard proposals list` shows them, what: apply_proposal}
              refused unknown: there is no proposal c7; `ai_onboard proposals list` shows them
            > decide c0 "revert" nothing
              command_refused {kind: invalid, message: c0 is open and can't be reverted:  nothing of it was written, what: revert_proposal}
              refused invalid: c0 is open and can't be reverted: nothing of it was written
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v0 opened: apply_proposal
              motion v0 voted: safety_monitor yes, resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}
              motion v0 executed
              ! write c0
              = {done: {changed: true}}
            > decide c0 {"apply":{"patch":"aa"}} again
              = {done: {changed: false}}
            > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
              = {proposal: {id: 0, status: accepted}}
            > worked c0 {"not_written":{"stale":false,"why":"disk_full"}}
              proposal {fact: {not_written: {stale: false, why: disk_full}}, proposal: 0}
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v1 opened: apply_proposal
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}
              motion v1 executed
              ! write c0
              = {done: {changed: true}}
            > worked c0 {"not_written":{"stale":true,"why":"moved"}}
              proposal {fact: {not_written: {stale: true, why: moved}}, proposal: 0}
            > worked c0 {"written":{"branch":{"name":"ai-onboard/alpha/c0","commit":"c1"}}}
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: invalid, message: c0 is stale and can't be applied, what: apply_proposal}
              refused invalid: c0 is stale and can't be applied
            > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
              proposal {fact: {made: {agent: 0, project: 0, proposed: {files: [{added: 1, change: modify, path: x, removed: 1}], patch: {bytes: 9, sha256: aa}, reason: why, title: mend}, run: 0}}, proposal: 1}
              ! check c1
              = {proposal: {id: 1, status: checking}}
        "#]],
    );
}

#[test]
fn a_patch_that_was_refused_or_rejected_is_not_shown_again() {
    let script = format!(
        r#"{0}
        worked c0 {FAILED}
        decide c0 {YES} no
        {0}
        {1}
        decide c1 "reject" never
        {1}
        worked c1 {PASSED}"#,
        propose("r0", "aa"),
        propose("r0", "bb")
    );
    check(
        &script,
        expect![[r#"
        > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
          proposal {fact: {made: {agent: 0, project: 0, proposed: {files: [{added: 1, change: modify, path: x, removed: 1}], patch: {bytes: 9, sha256: aa}, reason: why, title: mend}, run: 0}}, proposal: 0}
          ! check c0
          = {proposal: {id: 0, status: checking}}
        > worked c0 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"failed","note":"no"}]}}
          proposal {fact: {checked: {base: b1, checks: [{name: applies, note: no, verdict: failed}]}}, proposal: 0}
        > decide c0 {"apply":{"patch":"aa"}} no
          command_refused {kind: invalid, message: c0 is refused and can't be applied, what: apply_proposal}
          refused invalid: c0 is refused and can't be applied
        > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"aa","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
          = {proposal: {id: 0, status: refused}}
        > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"bb","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
          proposal {fact: {made: {agent: 0, project: 0, proposed: {files: [{added: 1, change: modify, path: x, removed: 1}], patch: {bytes: 9, sha256: bb}, reason: why, title: mend}, run: 0}}, proposal: 1}
          ! check c1
          = {proposal: {id: 1, status: checking}}
        > decide c1 "reject" never
          proposal {fact: {rejected: {reason: never}}, proposal: 1}
          = {done: {changed: true}}
        > call r0 {"propose_change":{"title":"mend","reason":"why","patch":{"sha256":"bb","bytes":9},"files":[{"path":"x","change":"modify","added":1,"removed":1}]}}
          = {proposal: {id: 1, status: rejected}}
        > worked c1 {"checked":{"base":"b1","checks":[{"name":"applies","verdict":"passed"}]}}
    "#]],
    );
}

#[test]
fn a_run_and_a_project_have_so_many() {
    let mut stage = Stage::play("agent alpha = manual\n agent beta = manual\n register\n began");
    let mut propose_as = |agent: &str, number: usize| {
        let run = stage.state.next.run;
        stage.perform(&format!("run {agent}\n launched r{run}"));
        stage.told.clear();
        stage.perform(&propose(&format!("r{run}"), &format!("{number:02}")));
        let last = stage.told.lines().last().unwrap().trim().to_string();
        stage.perform(&format!("gone r{run} exit 0"));
        last
    };
    let half = bounds::OPEN / 2;
    for number in 0..half {
        assert!(propose_as("alpha", number).contains("checking"), "{number}");
    }
    let last = propose_as("alpha", half);
    let why = "refused limit: 10 proposals of this agent wait for people: no more until then";
    assert_eq!(last, why);
    for number in half..bounds::OPEN {
        assert!(propose_as("beta", number).contains("checking"), "{number}");
    }
    let last = propose_as("alpha", bounds::OPEN);
    assert_eq!(last, "refused limit: 20 proposals wait for people: no more until then");
    let mut stage = Stage::play(RUNNING);
    for number in 0..=bounds::PER_RUN {
        stage.told.clear();
        stage.perform(&propose("r0", &format!("{number:02}")));
    }
    let last = stage.told.lines().last().unwrap().trim().to_string();
    assert_eq!(last, "refused limit: a run makes at most 3 proposals");
}

#[test]
fn only_a_person_decides() {
    let mut stage = Stage::play(RUNNING);
    stage.perform(&format!("{}\n worked c0 {PASSED}", propose("r0", "aa")));
    let name = AgentName::new("alpha").unwrap();
    for actor in [Actor::Agent { run: RunId(0), name }, Actor::Daemon] {
        let decision =
            Decision::Apply { patch: "aa".into(), despite_check: false, protected: false };
        let reason = "mine".to_string();
        let command = Command::DecideProposal { proposal: ProposalId(0), decision, reason };
        let (via, why) = (Via::HostSocket, String::new());
        stage.told.clear();
        stage.turn(vec![Input::Command { token: 1, actor, via, why, command }]);
        assert!(stage.told.contains("refused forbidden: only a person decides"), "{}", stage.told);
        assert_eq!(stage.state.proposals[&ProposalId(0)].status, Status::Open);
    }
}

#[test]
fn an_emergency_and_a_restart_hold_work_up_and_lose_none() {
    let script = format!(
        r#"{}
        worked c0 {PASSED}
        emergency fire
        ---
        decide c0 {YES} good
        lift out
        decide c0 {YES} good
        began
        worked c0 {BRANCH}
        decide c0 "revert" again
        began"#,
        propose("r0", "aa")
    );
    check(
        &script,
        expect![[r#"
            > decide c0 {"apply":{"patch":"aa"}} good
              command_refused {kind: forbidden, message: an emergency shutdown is in force:  fire, what: apply_proposal}
              refused forbidden: an emergency shutdown is in force: fire
            > lift out
              motion v0 opened: lift_emergency
              motion v0 voted: safety_monitor reject (1 runs are not proven ended), resource_manager yes
              motion v0 voted: user_representative yes, system_administrator yes
              motion v0 carried: 2 seats of people said yes, 1 had to
              emergency_lifted {reason: out}
              motion v0 executed
              ! clear latch
              = {done: {changed: true}}
            > decide c0 {"apply":{"patch":"aa"}} good
              motion v1 opened: apply_proposal
              motion v1 voted: safety_monitor yes, resource_manager yes
              motion v1 voted: user_representative yes, system_administrator yes
              motion v1 carried: 2 seats of people said yes, 1 had to
              proposal {fact: {accepted: {patch: aa, reason: good}}, proposal: 0}
              motion v1 executed
              ! write c0
              = {done: {changed: true}}
            > began
              daemon_started {pid: 7, version: 1.0.0}
              run_ended {outcome: {killed: {why: emergency}}, run: 0, usage: {cpu_ms: 0, memory_peak_bytes: 0, throttled_ms: 0}}
              ! write c0
            > worked c0 {"written":{"branch":{"name":"ai-onboard/alpha/c0","commit":"c1"}}}
              proposal {fact: {written: {branch: {commit: c1, name: ai-onboard/alpha/c0}}}, proposal: 0}
            > decide c0 "revert" again
              proposal {fact: {withdrawn: {reason: again}}, proposal: 0}
              ! revert c0
              = {done: {changed: true}}
            > began
              daemon_started {pid: 7, version: 1.0.0}
              ! revert c0
        "#]],
    );
}

#[test]
fn new_findings_beyond_a_day_s_are_counted_and_told_the_next_day() {
    let two = RUNNING.replace("= manual", r#"= manual | {"findings_per_day": 2}"#);
    let mut stage = Stage::play(&two);
    let find = |run: &str, mark: &str| {
        format!(
            r#"call {run} {{"record_finding":{{"rule":"r","severity":"low","title":"t","fingerprint":"{mark}"}}}}"#
        )
    };
    stage.told.clear();
    let script = [find("r0", "a"), find("r0", "b"), find("r0", "c"), find("r0", "c")].join("\n");
    stage.perform(&script);
    stage.perform("gone r0 exit 0 \n wait 1500m \n run alpha \n launched r1");
    stage.perform(&[find("r1", "a"), find("r1", "c"), "gone r1 exit 0".into()].join("\n"));
    let told: Vec<&str> =
        stage.told.lines().filter(|line| line.contains("finding")).map(str::trim).collect();
    expect![[r#"
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
        finding_recorded {agent: 0, finding: a low, project: 0, run: 0}
        = {finding: {status: new}}
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"b"}}
        finding_recorded {agent: 0, finding: b low, project: 0, run: 0}
        = {finding: {status: new}}
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"c"}}
        finding_suppressed {agent: 0, fingerprint: c, project: 0, run: 0}
        = {finding: {status: suppressed}}
        > call r0 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"c"}}
        = {finding: {status: suppressed}}
        > call r1 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"a"}}
        finding_seen {fingerprint: a, project: 0, run: 1}
        = {finding: {status: known}}
        > call r1 {"record_finding":{"rule":"r","severity":"low","title":"t","fingerprint":"c"}}
        finding_recorded {agent: 0, finding: c low, project: 0, run: 1}
        = {finding: {status: new}}
        finding_resolved {fingerprint: b, project: 0}"#]]
    .assert_eq(&told.join("\n"));
    let noise = stage.state.agents.values().next().unwrap().noise;
    assert_eq!((noise.told, noise.suppressed), (1, 0));
}

#[test]
fn what_one_agent_found_no_other_plays_down_or_ends() {
    let two = "
        agent alpha = manual
        agent beta = manual
        register
        began
        run alpha
        run beta
        launched r0
        launched r1
    ";
    let mut stage = Stage::play(two);
    let find = |run: &str, severity: &str| {
        format!(
            r#"call {run} {{"record_finding":{{"rule":"r","severity":"{severity}","title":"t","fingerprint":"f"}}}}"#
        )
    };
    stage.told.clear();
    let remark = |text: String| text.replace(r#""f""#, r#""e""#);
    stage.perform(&[find("r0", "critical"), find("r1", "info")].join("\n"));
    // The other way round: who comes first with a remark keeps no warning from being heard.
    stage.perform(&[remark(find("r1", "info")), remark(find("r0", "critical"))].join("\n"));
    stage.perform("gone r1 exit 0 \n run beta \n launched r2 \n gone r2 exit 0");
    let told: Vec<&str> =
        stage.told.lines().filter(|line| line.contains("finding")).map(str::trim).collect();
    expect![[r#"
        > call r0 {"record_finding":{"rule":"r","severity":"critical","title":"t","fingerprint":"f"}}
        finding_recorded {agent: 0, finding: f critical, project: 0, run: 0}
        = {finding: {status: new}}
        > call r1 {"record_finding":{"rule":"r","severity":"info","title":"t","fingerprint":"f"}}
        finding_recorded {agent: 1, finding: x5b0e2341671f27f75486225f6fe09b7d info, project: 0, run: 1}
        = {finding: {status: new}}
        > call r1 {"record_finding":{"rule":"r","severity":"info","title":"t","fingerprint":"e"}}
        finding_recorded {agent: 1, finding: e info, project: 0, run: 1}
        = {finding: {status: new}}
        > call r0 {"record_finding":{"rule":"r","severity":"critical","title":"t","fingerprint":"e"}}
        finding_recorded {agent: 0, finding: x7bce7fc3d158d094247665516b8265ce critical, project: 0, run: 0}
        = {finding: {status: new}}
        finding_resolved {fingerprint: e, project: 0}
        finding_resolved {fingerprint: x5b0e2341671f27f75486225f6fe09b7d, project: 0}"#]].assert_eq(&told.join("\n"));
}
