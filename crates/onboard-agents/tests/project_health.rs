//! The project health monitor on real repositories, sound and otherwise.

#[path = "crew/change.rs"]
mod change;
#[path = "crew/code_quality.rs"]
mod code_quality;
#[path = "crew/drafts.rs"]
mod drafts;
#[path = "support/fixture.rs"]
mod fixture;
#[path = "support/forge.rs"]
mod forge;
#[path = "crew/forge_agent.rs"]
mod forge_agent;
#[path = "crew/forge_sync.rs"]
mod forge_sync;
#[path = "crew/hard_repositories.rs"]
mod hard_repositories;
#[path = "crew/manual.rs"]
mod manual;
#[path = "support/memory_host.rs"]
mod memory_host;
#[path = "crew/models.rs"]
mod models;
#[path = "crew/patterns.rs"]
mod patterns;
#[path = "crew/performance.rs"]
mod performance;
#[path = "crew/predictive.rs"]
mod predictive;
#[path = "support/readers.rs"]
mod readers;
#[path = "support/registry.rs"]
mod registry;
#[path = "crew/registry_agent.rs"]
mod registry_agent;
#[path = "crew/registry_sync.rs"]
mod registry_sync;
#[path = "crew/tools.rs"]
mod tools;
#[path = "crew/workflow.rs"]
mod workflow;

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use fixture::{Fixture, History, NOW_MS};
use memory_host::MemoryHost;
use onboard_agents::host::{AgentError, Outcome, Task};
use onboard_agents::project_health_monitor::{run, run_with_stride};

fn host(root: &Path) -> MemoryHost {
    let task = Task { project_root: root.to_owned(), now_ms: NOW_MS, ..Task::default() };
    MemoryHost { task, ..MemoryHost::default() }
}

/// The outcome, the score and the findings of one more run, as text.
fn report(host: &mut MemoryHost) -> String {
    let told = (host.findings.len(), host.events.len(), host.log.len());
    let outcome = run(host);
    describe(host, outcome, told)
}

fn describe(
    host: &MemoryHost,
    outcome: Result<Outcome, AgentError>,
    (findings, events, log): (usize, usize, usize),
) -> String {
    let mut lines = vec![match outcome {
        Ok(Outcome::Succeeded { summary }) => format!("succeeded: {summary}"),
        Ok(Outcome::NothingToReport { summary }) => format!("nothing to report: {summary}"),
        Err(error) => format!("failed: {error}"),
    }];
    let state = &host.state.get("health").cloned().unwrap_or_default();
    for limit in state["limits"].as_array().into_iter().flatten() {
        lines.push(format!("limit: {}", limit.as_str().unwrap_or_default()));
    }
    for finding in &host.findings[findings..] {
        lines.push(format!("[{}] {} of {}", finding.severity, finding.rule, finding.target));
        lines.push(format!("  {}", finding.title));
        lines.push(format!("  {}", finding.detail));
        lines.push(format!("  do: {}", finding.action));
        for evidence in &finding.evidence {
            let value = evidence.value.map(|value| format!(" {value}")).unwrap_or_default();
            let line = evidence.line.map(|line| format!(" line {line}")).unwrap_or_default();
            lines.push(format!("  - {:?}{value}{line}: {}", evidence.kind, evidence.text));
        }
    }
    lines.extend(host.events[events..].iter().cloned());
    lines.extend(host.log[log..].iter().cloned());
    let root = host.task.project_root.to_string_lossy();
    lines.join("\n").replace(root.as_ref(), "$ROOT")
}

fn check(root: &Path, expected: Expect) {
    expected.assert_eq(&report(&mut host(root)));
}

/// A year and a half of a small team: ann and bob on the core, cy on the web, tests beside.
fn team() -> History {
    let mut history = History::default();
    history.commit(
        "main",
        "ann",
        560,
        "start",
        &[
            (".github/workflows/ci.yml", "on: push\njobs:\n  test:\n    runs-on: x\n"),
            ("README.md", "hello\n"),
        ],
    );
    for week in 0..78 {
        let days_ago = 550 - week * 7;
        for (who, folder, turn) in [("ann", "core", 0), ("bob", "core", 1), ("cy", "web", 0)] {
            let path = format!("{folder}/part{}.py", (week + turn) % 12);
            let test = format!("tests/test_{folder}{}.py", week % 12);
            let content = format!("# {who}\nweek = {week}\n");
            let files = [(path.as_str(), content.as_str()), (test.as_str(), content.as_str())];
            let mark =
                history.commit("main", who, days_ago, "work", &files[..1 + week as usize % 2]);
            if week % 8 == 0 && who == "cy" {
                history.tag(&format!("v1.{}.0", week / 8), mark);
            }
        }
    }
    history
}

#[test]
fn a_healthy_team_has_no_findings() {
    check(
        Fixture::of(&team()).root(),
        expect![[
            r#"nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new"#
        ]],
    );
}

#[test]
fn a_folder_without_git() {
    let fixture = Fixture::folder();
    check(
        fixture.root(),
        expect!["nothing to report: not a git repository; 0 open findings; nothing new"],
    );
    check(
        &fixture.path("missing"),
        expect![[r#"
            succeeded: git: the project cannot be read: No such file or directory (os error 2); 1 open finding; 1 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              the project cannot be read: No such file or directory (os error 2).
              do: Check that the project's folder exists and that the agent may read it."#]],
    );
}

#[test]
fn no_commit_and_one_commit() {
    let fixture = Fixture::new();
    check(
        fixture.root(),
        expect!["nothing to report: no commits yet; 0 open findings; nothing new"],
    );
    let mut history = History::default();
    history.commit("main", "ann", 3, "start", &[("src/main.rs", "fn main() {}\n")]);
    fixture.import(&history);
    check(
        fixture.root(),
        expect![[
            r#"nothing to report: no health score (0 of 100 points measured), 1 commit on main; 0 open findings; nothing new"#
        ]],
    );
}

#[test]
fn a_shallow_clone() {
    let (origin, clone) = (Fixture::of(&team()), Fixture::folder());
    let url = format!("file://{}", origin.root().display());
    clone.git(&["clone", "--quiet", "--depth=30", &url, "."]);
    check(
        clone.root(),
        expect![[r#"
            nothing to report: no health score (45 of 100 points measured), 30 commits on main; 0 open findings; nothing new
            limit: a shallow clone: 30 commits are here, so ownership is unknown and trends are short"#]],
    );
}

/// What a partial clone lacks is no damage.
#[test]
fn a_partial_clone() {
    let (origin, clone) = (Fixture::of(&team()), Fixture::folder());
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", origin.root().display());
    clone.git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "."]);
    check(
        clone.root(),
        expect![[r#"
        nothing to report: health 92/100 (85 points measured), 235 commits on main; 0 open findings; nothing new
        limit: a partial clone: what is not here was not read"#]],
    );
}

#[test]
fn a_bare_repository_with_its_plan_inside() {
    let mut history = team();
    history.commit(
        "main",
        "ann",
        2,
        "plan",
        &[(
            ".ai_onboard/plan.yaml",
            "version: 1\nmilestones:\n  - id: beta\n    due: 2026-11-01\n    tasks: [{id: a}]\n",
        )],
    );
    let (origin, bare) = (Fixture::of(&history), Fixture::folder());
    bare.git(&["clone", "--quiet", "--bare", &origin.root().display().to_string(), "."]);
    check(
        bare.root(),
        expect![[r#"
            succeeded: health 81/100 (90 points measured), 236 commits on main; 1 open finding; 1 new
            limit: a bare repository: only what is committed was looked at
            [high] health/milestone-overdue of beta
              Milestone beta is 22 days overdue
              beta: 0 of 1 task done, due 2026-11-01.
              do: Move tasks out of beta or move its date, and write either into the plan.
              - File line 3: milestone beta
              - Number 0: per cent of the work done"#]],
    );
}

#[test]
fn a_git_folder_without_head() {
    let fixture = Fixture::of(&team());
    std::fs::remove_file(fixture.path(".git/HEAD")).expect("HEAD is there");
    check(
        fixture.root(),
        expect![[r#"
            succeeded: git: the git folder has no HEAD; 1 open finding; 1 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              the git folder has no HEAD.
              do: Restore the git folder from another clone or a backup; a lost HEAD is one line, `ref: refs/heads/main`."#]],
    );
}

#[test]
fn a_head_of_noise() {
    let fixture = Fixture::of(&team());
    std::fs::write(fixture.path(".git/HEAD"), b"\xff\xfe not a head").expect("HEAD is written");
    check(
        fixture.root(),
        expect![[r#"
            succeeded: health 92/100 (90 points measured), 235 commits on main; 1 open finding; 1 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              HEAD: The reference at "HEAD" could not be decoded.
              do: Write the branch into .git/HEAD again: one line, `ref: refs/heads/main`."#]],
    );
}

#[test]
fn a_head_on_a_branch_that_is_not_there() {
    let fixture = Fixture::of(&team());
    fixture.git(&["symbolic-ref", "HEAD", "refs/heads/gone"]);
    check(
        fixture.root(),
        expect![[r#"
        succeeded: health 92/100 (90 points measured), 235 commits on main; 1 open finding; 1 new
        [medium] health/head-unborn of HEAD
          HEAD names the branch gone, which does not exist
          main was looked at instead.
          do: Check out an existing branch, such as main.
          - Branch: main"#]],
    );
}

/// Replaces a loose object's file by noise; returns where it is and what it was.
fn corrupt(fixture: &Fixture, id: &str) -> (PathBuf, Vec<u8>) {
    let path = fixture.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
    let content = std::fs::read(&path).expect("a loose object");
    std::fs::remove_file(&path).expect("a loose object");
    std::fs::write(&path, b"noise").expect("noise is written");
    (path, content)
}

/// Damage that was mended is forgotten, and what it hid is read.
#[test]
fn a_mended_object() {
    let fixture = Fixture::of(&team());
    let commit = fixture.git(&["rev-parse", "main~40"]);
    fixture.unpack();
    let (path, content) = corrupt(&fixture, &commit);
    let mut host = host(fixture.root());
    let first = report(&mut host);
    std::fs::remove_file(&path).expect("the noise goes");
    std::fs::write(path, content).expect("the object is back");
    host.task.now_ms += 86_400_000;
    expect![[r#"
        succeeded: no health score (60 of 100 points measured), 40 commits on main; 1 open finding; 1 new
        succeeded: health 92/100 (90 points measured), 235 commits on main; 0 open findings; 1 resolved
        Info: objects were unreadable; reading history anew"#]].assert_eq(&format!(
        "{}\n{}",
        first.lines().next().unwrap_or(""),
        report(&mut host)
    ));
}

#[test]
fn corrupt_objects() {
    let fixture = Fixture::of(&team());
    let commit = fixture.git(&["rev-parse", "main~40"]);
    let tree = fixture.git(&["rev-parse", "main~20:core"]);
    let blob = fixture.git(&["rev-parse", "main:core/part1.py"]);
    fixture.unpack();
    for id in [commit, tree, blob] {
        corrupt(&fixture, &id);
    }
    check(
        fixture.root(),
        expect![[r#"
            succeeded: no health score (50 of 100 points measured), 40 commits on main; 1 open finding; 1 new
            limit: damaged objects: 40 commits could be read, so ownership is unknown and trends may be wrong
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              3 objects cannot be read.
              do: Run `git fsck --full`, and restore what is missing from another clone or a backup before committing again.
              - Commit: Could not read loose object header, path="$ROOT/.git/objects/b8/de63fb3cf4e22c157b607a27272f9dac086673"
              - Commit: Could not read loose object, path="$ROOT/.git/objects/13/22bb3fbd6b00bb7b80082720328f529758160a"
              - Commit: Could not read loose object, path="$ROOT/.git/objects/6e/1533b1ad12aa5e48ec304d0c665fac168e1ec6""#]],
    );
    let root = fixture.git(&["rev-parse", "main^{tree}"]);
    corrupt(&fixture, &root);
    check(
        fixture.root(),
        expect![[r#"
            succeeded: git: cfb7f3a63fa40af33cc66838400d80144a08856f cannot be read: Could not read loose object, path="$ROOT/.git/objects/cf/b7f3a63fa40af33cc66838400d80144a08856f"; 1 open finding; 1 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              cfb7f3a63fa40af33cc66838400d80144a08856f cannot be read: Could not read loose object, path="$ROOT/.git/objects/cf/b7f3a63fa40af33cc66838400d80144a08856f".
              do: Run `git fsck --full`, and restore what is missing from another clone or a backup before committing again."#]],
    );
}

#[test]
fn a_tree_with_submodules() {
    let mut history = team();
    history.raw(
        b"commit refs/heads/main\ncommitter ann <ann@example.org> 1795000000 +0000\ndata 3\nsub\n\
          M 160000 1234567890123456789012345678901234567890 parts/other\n\n",
    );
    let fixture = Fixture::new();
    fixture.import(&history);
    check(
        fixture.root(),
        expect![[r#"
        nothing to report: health 92/100 (90 points measured), 236 commits on main; 0 open findings; nothing new
        limit: 1 submodule not looked into"#]],
    );
}

#[test]
fn a_detached_head_and_a_feature_branch() {
    let fixture = Fixture::of(&team());
    fixture.git(&["checkout", "--quiet", "--detach", "HEAD~3"]);
    check(
        fixture.root(),
        expect![[r#"
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
        limit: HEAD is detached; main was looked at"#]],
    );
    fixture.git(&["checkout", "--quiet", "-b", "feature/x"]);
    check(
        fixture.root(),
        expect![[r#"
        nothing to report: health 93/100 (95 points measured), 235 commits on main; 0 open findings; nothing new
        limit: HEAD is on feature/x; main was looked at"#]],
    );
}

#[test]
fn a_linked_work_tree() {
    let (fixture, linked) = (Fixture::of(&team()), Fixture::folder());
    let path = linked.path("tree");
    fixture.git(&["worktree", "add", "--quiet", "-b", "side", &path.display().to_string()]);
    check(
        &path,
        expect![[r#"
        nothing to report: health 93/100 (95 points measured), 235 commits on main; 0 open findings; nothing new
        limit: HEAD is on side; main was looked at"#]],
    );
    drop(fixture);
    check(
        &path,
        expect![[r#"
            succeeded: git: the folder that .git points to does not open: "$ROOT" does not appear to be a git repository; 1 open finding; 1 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              the folder that .git points to does not open: "$ROOT" does not appear to be a git repository.
              do: Restore the folder that .git names, or let the agent read it; `git worktree repair` mends a moved work tree."#]],
    );
}

#[test]
fn names_that_are_not_utf8() {
    let mut history = team();
    history.raw(
        b"commit refs/heads/main\nauthor J\xf6rg <j\xf6rg@example.org> 1795000000 +0000\n\
          committer J\xf6rg <j\xf6rg@example.org> 1795000000 +0000\ndata 4\n\xe9t\xe9\n\
          M 100644 inline \"core/\\351t\\351.py\"\ndata 9\n# TODO \xe9\n\n",
    );
    check(
        Fixture::of(&history).root(),
        expect![[
            r#"nothing to report: health 92/100 (90 points measured), 236 commits on main; 0 open findings; nothing new"#
        ]],
    );
}

#[test]
fn commits_from_the_future_and_before_time() {
    let mut history = team();
    history.raw(
        b"commit refs/heads/main\nauthor ann <a@x> 4102444800 +0000\n\
          committer ann <a@x> 4102444800 +0000\ndata 6\nfuture\nM 100644 inline a.py\ndata 2\nx\n\n\
          commit refs/heads/main\nauthor ann <a@x> 99999999999999 +0000\n\
          committer ann <a@x> 1795000000 +0000\ndata 6\nabsurd\nM 100644 inline a.py\ndata 2\ny\n\n",
    );
    let fixture = Fixture::new();
    fixture.import(&history);
    check(
        fixture.root(),
        expect![[r#"
        nothing to report: health 92/100 (90 points measured), 237 commits on main; 0 open findings; nothing new
        limit: 1 commit with impossible dates left out of all trends"#]],
    );
}

#[test]
fn mostly_merges() {
    let mut history = team();
    let mut tip = history.commit("main", "ann", 10, "base", &[("core/base.py", "x\n")]);
    for number in 0..60 {
        let path = format!("core/side{}.py", number % 5);
        let content = format!("{number}\n");
        let name = format!("side{number}");
        let side = history.commit_from(&name, "bob", 9, "side", &[tip], &[(&path, &content)]);
        tip =
            history.commit_from("main", "ann", 9, "Merge side", &[tip, side], &[(&path, &content)]);
    }
    check(
        Fixture::of(&history).root(),
        expect![[
            r#"nothing to report: health 83/100 (95 points measured), 356 commits on main; 0 open findings; nothing new"#
        ]],
    );
}

#[test]
fn object_names_in_sha256() {
    let fixture = Fixture::folder();
    fixture.git(&["init", "--quiet", "--object-format=sha256"]);
    check(
        fixture.root(),
        expect![[
            r#"nothing to report: git: a repository with SHA-256 object names cannot be read yet; 0 open findings; nothing new"#
        ]],
    );
}

#[test]
fn huge_and_generated_files_hold_no_notes() {
    let mut history = team();
    let huge = "// TODO again\n".repeat(150_000);
    let generated = format!("// @generated\n{}", "// TODO\n".repeat(500));
    history.commit(
        "main",
        "ann",
        1,
        "data",
        &[("core/huge.js", &huge), ("core/gen.js", &generated)],
    );
    check(
        Fixture::of(&history).root(),
        expect![[
            r#"nothing to report: health 92/100 (90 points measured), 236 commits on main; 0 open findings; nothing new"#
        ]],
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_in_circles() {
    use std::os::unix::fs::symlink;
    let mut history = team();
    history.raw(
        b"commit refs/heads/main\ncommitter ann <ann@example.org> 1795000000 +0000\ndata 5\nlinks\n\
          M 120000 inline core/loop.py\ndata 7\nloop.py\nM 120000 inline up\ndata 2\n..\n\n",
    );
    let fixture = Fixture::of(&history);
    std::fs::create_dir(fixture.path(".ai_onboard")).expect("a folder");
    symlink("plan.yaml", fixture.path(".ai_onboard/plan.yaml")).expect("a link");
    check(
        fixture.root(),
        expect![[r#"
        succeeded: health 92/100 (90 points measured), 236 commits on main; 1 open finding; 1 new
        [medium] health/plan-unreadable of .ai_onboard/plan.yaml
          .ai_onboard/plan.yaml cannot be read
          .ai_onboard/plan.yaml: Too many levels of symbolic links (os error 40)
          do: Make .ai_onboard/plan.yaml a plain UTF-8 file that everyone may read.
          - File: Too many levels of symbolic links (os error 40)"#]],
    );
    symlink("circle", fixture.path("circle")).expect("a link");
    check(
        &fixture.path("circle"),
        expect![[r#"
            succeeded: git: the project cannot be read: Too many levels of symbolic links (os error 40); 2 open findings; 2 new
            [high] health/repository-damaged of repository
              The git repository cannot be read as it should
              the project cannot be read: Too many levels of symbolic links (os error 40).
              do: Check that the project's folder exists and that the agent may read it.
            [medium] health/plan-unreadable of .ai_onboard/plan.yaml
              .ai_onboard/plan.yaml cannot be read
              .ai_onboard/plan.yaml: Too many levels of symbolic links (os error 40)
              do: Make .ai_onboard/plan.yaml a plain UTF-8 file that everyone may read.
              - File: Too many levels of symbolic links (os error 40)"#]],
    );
}

#[test]
fn thousands_of_branches() {
    let mut history = team();
    // The hundredth commit of the team: ten months ago.
    let base = 100;
    let old = history.commit_from("old0", "bob", 150, "old", &[base], &[("core/o.py", "x\n")]);
    for number in 1..6_000 {
        history.raw(format!("reset refs/heads/old{number}\nfrom :{old}\n\n").as_bytes());
    }
    for number in 0..80 {
        let name = format!("apart{number}");
        let path = format!("core/a{number}.py");
        history.commit_from(&name, "bob", 120 + number, "apart", &[base], &[(&path, "x\n")]);
    }
    check(
        Fixture::of(&history).root(),
        expect![[r#"
            succeeded: health 87/100 (95 points measured), 235 commits on main; 1 open finding; 1 new
            limit: of 6081 branches the 60 with the latest commits were compared
            [low] health/forgotten-branches of branches
              At least 60 unmerged branches were last touched a quarter of a year ago or more
              Each holds commits the main line does not have, or has only as one squashed commit. The longer they wait, the less their authors remember of them.
              do: Ask the authors named here: merge or delete, beginning with apart0.
              - Branch: apart0: +1 −135, last by bob on 2026-07-26
              - Branch: apart1: +1 −135, last by bob on 2026-07-25
              - Branch: apart2: +1 −135, last by bob on 2026-07-24
              - Branch: apart3: +1 −135, last by bob on 2026-07-23
              - Branch: apart4: +1 −135, last by bob on 2026-07-22
              - Branch: apart5: +1 −135, last by bob on 2026-07-21
              - Branch: apart6: +1 −135, last by bob on 2026-07-20
              - Branch: apart7: +1 −135, last by bob on 2026-07-19"#]],
    );
}

#[test]
fn a_team_in_trouble() {
    let fixture = Fixture::of(&trouble());
    let mut host = host(fixture.root());
    // Five findings a run: three days tell all.
    let days: Vec<String> = (0..3)
        .map(|day| {
            host.task.now_ms = NOW_MS + day * 86_400_000;
            report(&mut host)
        })
        .collect();
    expect![[r#"
        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 5 new, 6 more to follow
        [high] health/ci-broken of .github/workflows/ci.yml
          .github/workflows/ci.yml cannot be read by its build service
          .github/workflows/ci.yml:3:9: unclosed bracket '['
          do: Mend .github/workflows/ci.yml:3:9; until then its checks do not run.
          - File line 3: unclosed bracket '['
        [medium] health/activity-drop of activity
          Commits fell from 5 to 1 a week since 2026-08-24
          The usual week had 5 commits by 3 people; for 13 weeks it has had 1 by 1. The change is 8.0 times the project's usual spread and has lasted, so it is no quiet week.
          do: Ask what took the time away, and move the dates of open milestones if it will last.
          - Number 5: median commits a week before
          - Number 1: median commits a week since
          - Number 13: weeks it has lasted
          - Commit: last commit looked at
        [medium] health/key-author-silent of ann
          ann has not committed since 2026-08-20
          Present in 40 of the last 52 weeks and now silent for 13; nineteen of twenty of their gaps were at most 1 week. They are a main author of 17 code files.
          do: Ask ann for a handover, and let someone else review and change what they know best.
          - Number 13: weeks of silence
          - Number 40: weeks with a commit in the year before
          - Number 17: files they are a main author of
        [medium] health/key-author-silent of bob
          bob has not committed since 2026-08-20
          Present in 40 of the last 52 weeks and now silent for 13; nineteen of twenty of their gaps were at most 1 week. They are a main author of 17 code files.
          do: Ask bob for a handover, and let someone else review and change what they know best.
          - Number 13: weeks of silence
          - Number 40: weeks with a commit in the year before
          - Number 17: files they are a main author of
        [medium] health/revert-burst of reverts
          3 commits were taken back within a week
          Until 2026-11-21; in all but three of a hundred weeks it was at most 0. Changes reach the main line before they are ready.
          do: Find out what let these through, and hold the next release until it is closed.
          - Commit: Revert "work 2"
          - Commit: Revert "work 1"
          - Commit: Revert "work 0"

        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 5 new, 1 more to follow
        [medium] health/lock-behind of Cargo.lock
          Cargo.lock does not pin what Cargo.toml declares
          Declared and not locked: newcomer. A locked install fails or takes whatever is newest.
          do: Run the package tool's install and commit Cargo.lock.
          - File: declares newcomer
          - File: names none of them
          - Commit: last change of the manifest
        [low] health/bus-factor of web
          `web` hangs on one person: cy
          cy is a main author of 17 of 17 code files (100 %); without them more than half has no author left. Nobody else changed much of it.
          do: Let a second person take the next changes here, with cy as reviewer.
          - Number 17: files cy is a main author of
          - Number 17: files with a known author
          - File: the module
          - Number 28: commits to it in the last half-year
        [low] health/notes-growth of notes
          33 more TODO and FIXME notes than a quarter of a year ago
          From 0 to 33, while the code went from 51 to 51 files.
          do: Start with web/part10.py: turn its notes into issues or finish them.
          - Number 33: notes now
          - Number 0: a quarter of a year before
          - File line 3: web/part10.py (+3): # TODO: later
          - File line 3: web/part11.py (+3): # TODO: later
          - File line 3: web/part13.py (+3): # TODO: later
        [low] health/diverged-branch of rewrite
          Branch rewrite has grown apart from main for 97 days
          It has 21 commits of its own and misses 445 of main; the last is by bob on 2026-10-24.
          do: Merge main into rewrite now, or split off what is finished.
          - Branch: rewrite
          - Number 21: commits ahead
          - Number 445: commits behind
        [low] health/lock-stale of Cargo.lock
          Cargo.lock has not changed since 2024-12-23
          698 days without an update of any dependency, while 80 commits landed in the last half-year.
          do: Update the dependencies, or let a program propose updates.
          - Commit: its last change
          - Number 698: days ago

        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 1 new
        [low] health/release-overdue of release
          160 commits have waited for a release since v1.14.0
          v1.14.0 was tagged on 2026-01-29, 300 days ago. Releases used to come every 28 days, nineteen of twenty within 28.
          do: Release what is ready, or say in the plan what it waits for.
          - Tag: v1.14.0
          - Number 300: days since
          - Number 160: commits since"#]].assert_eq(&days.join("\n\n"));
}

/// The web changes without tests, and the core does not.
fn untested() -> History {
    let mut history = team();
    for day in 0..120 {
        let path = format!("web/page{}.py", day % 3);
        let content = format!("{day}\n");
        history.commit("main", "cy", 44 - day / 3, "page", &[(&path, &content)]);
    }
    for day in 0..60 {
        let path = format!("core/part{}.py", day % 7);
        let test = format!("tests/test_core{}.py", day % 7);
        let content = format!("day {day}\n");
        let files = [(path.as_str(), content.as_str()), (test.as_str(), content.as_str())];
        history.commit("main", "bob", 30 - day / 4, "part", &files);
    }
    history
}

#[test]
fn a_module_that_changes_without_tests() {
    check(
        Fixture::of(&untested()).root(),
        expect![[r#"
            succeeded: health 83/100 (90 points measured), 415 commits on main; 2 open findings; 2 new
            [medium] health/untested-churn of web
              `web` changed 133 times in a quarter of a year, 7 with tests
              Elsewhere in the project 86 % of such commits touch tests; here 7 of 133 do. What changes most without tests is where the next fault is likeliest.
              do: Write tests for the files named here before the next change to `web`.
              - File: web/page0.py: 40 changes without a test
              - File: web/page1.py: 40 changes without a test
              - File: web/page2.py: 40 changes without a test
            [low] health/bus-factor of project
              The project hangs on one person: cy
              cy is a main author of 15 of 27 code files (56 %); without them more than half has no author left. bob is the next who changed much of it.
              do: Let bob take the next changes here, with cy as reviewer.
              - Number 15: files cy is a main author of
              - Number 27: files with a known author"#]],
    );
}

/// A year of four commits a week with tests, of which three come without since ten weeks ago.
fn untested_of_late() -> History {
    let mut history = History::default();
    for week in 0..52_i64 {
        for turn in 0..4_i64 {
            let who = ["ann", "bob", "cy"][(week + turn) as usize % 3];
            let (path, test) = (format!("core/part{turn}.py"), format!("tests/test_{turn}.py"));
            let content = format!("{week}\n");
            let files = [(path.as_str(), content.as_str()), (test.as_str(), content.as_str())];
            let count = if week >= 42 && turn > 0 || week % 5 == turn { 1 } else { 2 };
            history.commit("main", who, 360 - week * 7 - turn, "work", &files[..count]);
        }
    }
    history
}

#[test]
fn tests_that_no_longer_come_with_code() {
    check(
        Fixture::of(&untested_of_late()).root(),
        expect![[r#"
            succeeded: health 77/100 (65 points measured), 208 commits on main; 2 open findings; 2 new
            [medium] health/fewer-tests of tests
              Since 2026-09-14 25 % of the commits to code come with tests; it was 75 %
              Half of the weeks until then had more, half of those since have less; it has lasted 10 weeks, so it is no hasty week. The commits named here changed the most code without a test.
              do: Add tests to what the commits named here changed, and ask for them in reviews again.
              - Number 75: % of a week's commits to code had tests, half of the weeks before
              - Number 25: % since, half of the weeks
              - Number 10: weeks it has lasted
              - Commit: 1 code file changed, and no test
              - Commit: 1 code file changed, and no test
              - Commit: 1 code file changed, and no test
              - Commit: 1 code file changed, and no test
            [medium] health/ci-missing of ci
              No build service checks the changes of this project
              208 commits by 3 authors and no configuration of a build service in the last commit of main.
              do: Add a workflow that builds and runs the tests on every change.
              - Number 208: commits
              - Commit: the tree that was searched"#]],
    );
}

/// Two years of ann and bob on a tested core and cy on an untested web; then ann and bob stop.
fn trouble() -> History {
    let mut history = History::default();
    let start = history.commit(
        "main",
        "ann",
        700,
        "start",
        &[
            (".github/workflows/ci.yml", "on: push\njobs:\n  test: [\n"),
            ("Cargo.toml", "[dependencies]\nserde = \"1\"\nnewcomer = \"1\"\n"),
            ("Cargo.lock", "name = \"serde\"\n"),
        ],
    );
    for week in 0..98_i64 {
        let days_ago = 690 - week * 7;
        let quiet = week >= 86;
        let people: &[&str] = if quiet { &["cy"] } else { &["ann", "bob", "cy", "ann", "bob"] };
        for (turn, who) in people.iter().enumerate() {
            let number = week as usize * 5 + turn;
            let folder = if *who == "cy" { "web" } else { "core" };
            let path = format!("{folder}/part{}.py", number % 17);
            let test = format!("tests/test_{folder}{}.py", number % 17);
            let note = if quiet { "# TODO: later\n".repeat(3) } else { String::new() };
            let content = format!("{note}# {who}\nnumber = {number}\n");
            let files = [(path.as_str(), content.as_str()), (test.as_str(), content.as_str())];
            let tested = if folder == "core" { 2 } else { 1 };
            let mark = history.commit("main", who, days_ago, "work", &files[..tested]);
            if week % 4 == 0 && week < 60 && turn == 4 {
                history.tag(&format!("v1.{}.0", week / 4), mark);
            }
        }
    }
    for number in 0..3 {
        let path = format!("web/part{number}.py");
        let subject = format!("Revert \"work {number}\"");
        history.commit("main", "cy", 2, &subject, &[(&path, "# back\n")]);
    }
    let mut side =
        history.commit_from("rewrite", "bob", 100, "side", &[start], &[("core/n.py", "x\n")]);
    for number in 0..20 {
        let content = format!("{number}\n");
        side =
            history.commit_from("rewrite", "bob", 30, "side", &[side], &[("core/n.py", &content)]);
    }
    history
}

const PLAN: &str = "version: 1
milestones:
  - id: alpha
    due: 2026-10-01
    tasks:
      - {id: parser, state: done}
      - {id: printer, state: doing}
  - id: beta
    title: Public beta
    start: 2026-11-01
    due: 2026-11-30
    depends_on: [alpha]
    tasks: [{id: docs}, {id: site}]
  - id: final
    tag: v9.0.0
    due: 2027-03-01
";

/// A milestone that is behind is expected to be missed; what came is told once it is known.
#[test]
fn what_came_of_a_milestone_that_is_behind_is_told() {
    let mut settled = Vec::new();
    let done =
        PLAN.replace("{id: docs}, {id: site}", "{id: docs, state: done}, {id: site, state: done}");
    let moved = PLAN.replace("2026-11-30", "2027-11-30");
    for (days, plan) in [(8, PLAN), (1, PLAN), (1, done.as_str()), (1, moved.as_str())] {
        let fixture = Fixture::of(&team());
        fixture.write(".ai_onboard/plan.yaml", PLAN);
        let mut host = host(fixture.root());
        report(&mut host);
        let said = host.findings.iter().find(|finding| finding.rule == "health/milestone-behind");
        let forecast = said.and_then(|finding| finding.forecast.clone()).expect("one");
        fixture.write(".ai_onboard/plan.yaml", plan);
        host.task.now_ms += days * 86_400_000;
        report(&mut host);
        settled.push(format!("{} {:?}: {:?}", forecast.expects, forecast.estimate, host.settled));
    }
    expect![[r#"
        beta is not reached by 2026-11-30 Chance(0.9761076232110354): ["health/milestone-behind of beta: Came { at: Some(Time(1796083200000)) }"]
        beta is not reached by 2026-11-30 Chance(0.9761076232110354): []
        beta is not reached by 2026-11-30 Chance(0.9761076232110354): ["health/milestone-behind of beta: DidNotCome"]
        beta is not reached by 2026-11-30 Chance(0.9761076232110354): ["health/milestone-behind of beta: Void"]"#]].assert_eq(&settled.join("\n"));
}

#[test]
fn milestones_late_reached_and_started() {
    let fixture = Fixture::of(&team());
    fixture.write(".ai_onboard/plan.yaml", PLAN);
    let mut host = host(fixture.root());
    expect![[r#"
        succeeded: health 85/100 (90 points measured), 235 commits on main; 2 open findings; 2 new
        [high] health/milestone-overdue of alpha
          Milestone alpha is 53 days overdue
          alpha: 1 of 2 tasks done, due 2026-10-01.
          do: Move tasks out of alpha or move its date, and write either into the plan.
          - File line 3: milestone alpha
          - Number 50: per cent of the work done
        [medium] health/milestone-behind of beta
          Milestone beta has used 76 % of its time for 0 % of its work
          Public beta: 0 of 2 tasks done, due 2026-11-30.
          do: Move tasks out of beta or move its date, and write either into the plan.
          - File line 8: milestone beta
          - Number 0: per cent of the work done"#]]
    .assert_eq(&report(&mut host));
    let moved = PLAN
        .replace("printer, state: doing", "printer, state: done")
        .replace("{id: docs}", "{id: docs, state: doing}");
    fixture.write(".ai_onboard/plan.yaml", &moved);
    expect![[r#"
        succeeded: health 87/100 (90 points measured), 235 commits on main; 1 open finding; 1 resolved
        project.milestone.completed {"milestone":"alpha"}
        project.task.started {"task":"docs"}"#]].assert_eq(&report(&mut host));
    fixture.git(&["tag", "v9.0.0"]);
    expect![[r#"
        succeeded: health 81/100 (90 points measured), 235 commits on main; 1 open finding; nothing new
        project.milestone.completed {"milestone":"final"}"#]].assert_eq(&report(&mut host));
}

#[test]
fn a_plan_with_mistakes() {
    let fixture = Fixture::folder();
    fixture.write(".ai_onboard/plan.yaml", "version: 1\nmilestones:\n  - id: a\n    owner: ann\n");
    check(
        fixture.root(),
        expect![[r#"
        succeeded: not a git repository; 1 open finding; 1 new
        [medium] health/plan-invalid of .ai_onboard/plan.yaml
          .ai_onboard/plan.yaml has 1 mistake
          .ai_onboard/plan.yaml:4:5: unknown field `owner`, expected one of id, title, start, due, tag, depends_on, tasks
          do: Mend .ai_onboard/plan.yaml:4:5; docs/plan.md has the format.
          - File line 4: .ai_onboard/plan.yaml:4:5: unknown field `owner`, expected one of id, title, start, due, tag, depends_on, tasks"#]],
    );
    fixture.write(
        ".ai_onboard/plan.yaml",
        "version: 1\nmilestones:\n  - id: a\n    due: 2027-01-01\n    depends_on: [b]\n  - id: b\n    due: 2027-02-30\n    depends_on: [a, c]\n",
    );
    check(
        fixture.root(),
        expect![[r#"
        succeeded: not a git repository; 2 open findings; 2 new
        [medium] health/plan-invalid of .ai_onboard/plan.yaml
          .ai_onboard/plan.yaml has 2 mistakes
          .ai_onboard/plan.yaml:7:10: `2027-02-30` is no date; write YYYY-MM-DD
          do: Mend .ai_onboard/plan.yaml:7:10; docs/plan.md has the format.
          - File line 7: .ai_onboard/plan.yaml:7:10: `2027-02-30` is no date; write YYYY-MM-DD
          - File line 8: .ai_onboard/plan.yaml:8:21: there is no milestone `c`; known: a, b
        [medium] health/plan-cycle of a → b → a
          The plan waits for itself: a → b → a
          No order of work can meet the plan as it stands.
          do: Take one of the dependencies away, such as that of a on b.
          - File line 3: The plan waits for itself: a → b → a"#]],
    );
}

#[test]
fn what_was_said_is_not_said_again() {
    let fixture = Fixture::of(&trouble());
    let mut host = host(fixture.root());
    let mut lines = Vec::new();
    for day in 0..4 {
        host.task.now_ms = NOW_MS + day * 86_400_000;
        let told = host.findings.len();
        let first = report(&mut host).lines().next().unwrap_or_default().to_owned();
        let rules: Vec<&str> =
            host.findings[told..].iter().map(|finding| finding.rule.as_str()).collect();
        lines.push(format!("{first}\n  new: {rules:?}"));
    }
    expect![[r#"
        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 5 new, 6 more to follow
          new: ["health/ci-broken", "health/activity-drop", "health/key-author-silent", "health/key-author-silent", "health/revert-burst"]
        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 5 new, 1 more to follow
          new: ["health/lock-behind", "health/bus-factor", "health/notes-growth", "health/diverged-branch", "health/lock-stale"]
        succeeded: health 34/100 (100 points measured), 446 commits on main; 11 open findings; 1 new
          new: ["health/release-overdue"]
        nothing to report: health 34/100 (100 points measured), 446 commits on main; 11 open findings; nothing new
          new: []"#]].assert_eq(&lines.join("\n"));
    let mut fingerprints: Vec<_> =
        host.findings.iter().map(|finding| &finding.fingerprint).collect();
    fingerprints.sort();
    fingerprints.dedup();
    assert_eq!(fingerprints.len(), host.findings.len());
}

/// However often a first run is killed, what it ends with is what an unharmed run ends with.
#[test]
fn a_killed_walk_goes_on_from_its_checkpoint() {
    let fixture = Fixture::of(&team());
    let mut whole = host(fixture.root());
    run(&mut whole).expect("a run");
    let mut killed = host(fixture.root());
    let mut deaths = 0;
    loop {
        killed.saves_left = Some(2);
        match run_with_stride(&mut killed, 25) {
            Ok(_) => break,
            Err(error) => {
                deaths += 1;
                assert_eq!(error.to_string(), "host: gone");
                assert!(deaths < 20, "the walk does not get on");
            }
        }
    }
    assert!(deaths > 3, "killed only {deaths} times");
    assert_eq!(whole.checkpoints["history"], killed.checkpoints["history"]);
    assert_eq!(whole.state, killed.state);
}

/// Following commits one by one ends where reading everything at once ends.
#[test]
fn news_alone_is_as_good_as_everything() {
    let fixture = Fixture::of(&team());
    let tip = fixture.git(&["rev-parse", "main"]);
    let mut followed = host(fixture.root());
    for back in [40, 12, 11, 5, 0] {
        fixture.git(&["update-ref", "refs/heads/main", &format!("{tip}~{back}")]);
        run(&mut followed).expect("a run");
    }
    let mut whole = host(fixture.root());
    run(&mut whole).expect("a run");
    assert_eq!(whole.state, followed.state);
    assert_eq!(followed.log, Vec::<String>::new());
    fixture.git(&["update-ref", "refs/heads/main", &format!("{tip}~30")]);
    expect![[r#"
        succeeded: health 75/100 (90 points measured), 205 commits on main; 1 open finding; 1 new
        Info: history was rewritten; reading it anew"#]]
    .assert_eq(&report(&mut followed));
}

#[test]
fn checkpoints_of_noise_are_thrown_away() {
    let fixture = Fixture::of(&team());
    let mut host = host(fixture.root());
    for name in ["history", "notes", "reports"] {
        host.checkpoints.insert(name.to_owned(), "{\"version\": 1, noise".to_owned());
    }
    expect![[r#"
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
        Warning: checkpoint reports is unusable (key must be a string at line 1 column 16); starting anew
        Warning: checkpoint history is unusable (key must be a string at line 1 column 16); starting anew
        Warning: checkpoint notes is unusable (key must be a string at line 1 column 16); starting anew"#]].assert_eq(&report(&mut host));
}

/// What a configuration tells git to start is never started, and who owns the files is no reason
/// not to read them.
#[test]
fn a_configuration_that_would_run_code() {
    let fixture = Fixture::of(&team());
    let marker = fixture.path("started");
    let start = format!("touch {}", marker.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "diff.external",
        "filter.x.smudge",
        "filter.x.process",
    ] {
        fixture.git(&["config", key, &start]);
    }
    fixture.git(&["config", "include.path", "/dev/zero"]);
    std::fs::write(fixture.path(".git/hooks/post-checkout"), start).expect("a hook");
    fixture.write(".gitattributes", "* filter=x diff=x\n");
    give_away(fixture.root());
    check(
        fixture.root(),
        expect![[
            r#"nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new"#
        ]],
    );
    assert!(!marker.exists());
}

/// As root, hands the files to somebody else; anyone else cannot, and owns them already.
fn give_away(path: &Path) {
    if std::os::unix::fs::chown(path, Some(4_242), Some(4_242)).is_ok() && path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

#[test]
fn a_configuration_of_noise() {
    let fixture = Fixture::of(&team());
    std::fs::write(fixture.path(".git/config"), b"[core\nbare = \xff perhaps\n").expect("noise");
    check(
        fixture.root(),
        expect![[r#"
        succeeded: git: Repository configuration could not be loaded; 1 open finding; 1 new
        [high] health/repository-damaged of repository
          The git repository cannot be read as it should
          Repository configuration could not be loaded.
          do: Restore the git folder from another clone or a backup; a lost HEAD is one line, `ref: refs/heads/main`."#]],
    );
}

#[test]
fn a_tag_and_a_branch_that_lead_nowhere() {
    let fixture = Fixture::of(&team());
    let nothing = "1234567890123456789012345678901234567890\n";
    fixture.write(".git/refs/tags/lost", nothing);
    fixture.write(".git/refs/heads/lost", nothing);
    fixture.write(".git/refs/heads/noise", "noise");
    check(
        fixture.root(),
        expect![[r#"
        succeeded: health 93/100 (95 points measured), 235 commits on main; 1 open finding; 1 new
        [medium] health/broken-references of references
          3 branch or tag names lead nowhere
          lost, The reference at "refs/heads/noise" could not be decoded, lost.
          do: Fetch them again from a healthy clone, or delete them."#]],
    );
}

/// A fall of the score is an event once, not a stream of them.
#[test]
fn a_fall_of_the_score_is_announced_once() {
    let fixture = Fixture::of(&team());
    let mut host = host(fixture.root());
    let mut lines = Vec::new();
    for day in 0..6 {
        host.task.now_ms = NOW_MS + day * 86_400_000;
        if day == 4 {
            fixture.write(".github/workflows/ci.yml", "on: push\njobs: [\n");
            fixture.git(&["commit", "--quiet", "--all", "--message=break"]);
            let plan = "version: 1\nmilestones: [{id: a, due: 2026-11-01}]\n";
            fixture.write(".ai_onboard/plan.yaml", plan);
        }
        let told = host.events.len();
        let first = report(&mut host).lines().next().unwrap_or_default().to_owned();
        // The kind, the index and what was usual; the parts are in the state as well.
        let short = |event: &String| event.split(",\"parts").next().unwrap_or_default().to_owned();
        let events: Vec<String> = host.events[told..].iter().map(short).collect();
        lines.push(format!("{first}\n  events: {events:?}"));
    }
    expect![[r#"
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
          events: []
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
          events: []
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
          events: []
        nothing to report: health 92/100 (90 points measured), 235 commits on main; 0 open findings; nothing new
          events: []
        succeeded: health 73/100 (90 points measured), 236 commits on main; 2 open findings; 2 new
          events: ["project.quality.degraded {\"index\":73"]
        nothing to report: health 73/100 (90 points measured), 236 commits on main; 2 open findings; nothing new
          events: []"#]].assert_eq(&lines.join("\n"));
}
