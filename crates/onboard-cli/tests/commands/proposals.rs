//! Proposals with the real binary: an agent behind its walls, its patch, a person, a branch.

use super::World;
use super::projects::git;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Stdio;

/// A world whose project has a typo, and the example that mends it.
fn with_typo() -> World {
    let world = World::new();
    let project = world.project.path();
    git(project, &["init", "-q", "-b", "main"]);
    std::fs::write(project.join("README.md"), "# App\n\nThis is teh app.\n").unwrap();
    let agent = project.join(".ai_onboard/agents/typo-fixer");
    std::fs::create_dir_all(&agent).unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agents/typo-fixer-sh");
    for file in ["agent.yaml", "fix.sh"] {
        std::fs::copy(example.join(file), agent.join(file)).unwrap();
    }
    git(project, &["add", "README.md"]);
    git(project, &["commit", "-q", "-m", "first"]);
    world
}

/// Waits until a proposal is no longer being looked at.
pub fn until_checked(world: &World, id: &str) -> serde_json::Value {
    for _ in 0..2_000 {
        let shown = world.json(&["proposals", "show", id]);
        if shown["proposal"]["status"] != "checking" {
            return shown;
        }
    }
    panic!("{id} is still being checked");
}

fn said(folder: &Path, words: &[&str]) -> String {
    #[allow(clippy::disallowed_methods, reason = "git is the oracle")]
    let output = std::process::Command::new("git")
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_patch_becomes_a_branch_when_a_person_says_so_and_goes_again() {
    let world = with_typo();
    let project = world.project.path();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "proposed to mend 1 file(s): c0");
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "1 proposal waits for you");
    let shown = until_checked(&world, "c0");
    assert_eq!(shown["proposal"]["status"], "open", "{shown}");
    world.check(&["proposals", "list"], 0, "mend misspelt words in 1 file(s)");
    world.check(&["proposals", "list", "-q"], 0, "c0");
    for says in
        ["-This is teh app.", "+This is the app.", "✓ applies", "· project_check", "apply c0"]
    {
        world.check(&["proposals", "show", "c0"], 0, says);
    }

    // Again: the same proposal.
    world.check(&["bg", "run", "typo-fixer", "--wait"], 0, "c0");
    assert_eq!(world.json(&["proposals", "list", "--all"])["items"].as_array().unwrap().len(), 1);

    world.check(&["proposals", "apply", "c0", "--patch", "00"], 1, "show it again");
    let before = said(project, &["status", "--porcelain=v2", "--branch"]);
    world.check(&["proposals", "apply", "c0"], 0, "written as branch ai-onboard/typo-fixer/c0");
    world.check(&["proposals", "apply", "c0"], 0, "written as branch");
    assert_eq!(before, said(project, &["status", "--porcelain=v2", "--branch"]));
    let readme = said(project, &["show", "ai-onboard/typo-fixer/c0:README.md"]);
    assert_eq!(readme, "# App\n\nThis is the app.\n");
    said(project, &["fsck", "--strict"]);
    world.check(&["proposals", "list"], 0, "no proposal waits");
    world.check(&["audit", "log"], 0, "apply_proposal");

    git(project, &["gc", "-q"]);
    world.check(&["proposals", "revert", "c0"], 2, "--reason");
    world.check(&["proposals", "revert", "c0", "--reason", "not now"], 0, "its branch is deleted");
    assert_eq!(said(project, &["branch", "--list", "ai-onboard/*"]), "");
    world.check(&["proposals", "revert", "c0", "--reason", "again"], 0, "reverted");
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true);
}

#[test]
fn what_is_rejected_stays_so_and_what_moved_on_is_stale() {
    let world = with_typo();
    let project = world.project.path();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    until_checked(&world, "c0");
    world.check(&["proposals", "reject", "c0", "--reason", "we say teh"], 0, "c0 rejected");
    world.check(&["proposals", "apply", "c0"], 1, "c0 is rejected and can't be applied");
    world.check(&["bg", "run", "typo-fixer", "--wait"], 0, "c0 rejected");

    std::fs::write(project.join("README.md"), "# App\n\nTeh end is teh end.\n").unwrap();
    git(project, &["commit", "-q", "-a", "-m", "second"]);
    world.check(&["bg", "run", "typo-fixer", "--wait"], 0, "c1 checking");
    until_checked(&world, "c1");
    std::fs::write(project.join("README.md"), "# App\n\nThe end.\n").unwrap();
    git(project, &["commit", "-q", "-a", "-m", "third"]);
    world.check(&["proposals", "apply", "c1"], 1, "c1 is stale: README.md: line 3");
    assert_eq!(said(project, &["branch", "--list", "ai-onboard/*"]), "");
}

/// An agent that says what it must not and proposes what it may not.
const HOSTILE: &str = r#"#!/bin/sh
token="ghp"_"x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi"
host() { ai_onboard host "$@"; }
echo "printed $token"
host log "logged $token"
host finding --rule leak/token --title "found $token" >/dev/null
printf '%s' "$token" | host checkpoint save kept 2>&1 || true
patch() { printf -- '--- /dev/null\n+++ b/%s\n@@ -0,0 +1 @@\n+%s\n' "$1" "$2"; }
patch .git/hooks/pre-commit x | host propose --title t --reason r 2>&1 || true
patch .github/workflows/x.yml x | host propose --title t --reason r 2>&1 || true
patch ../outside x | host propose --title t --reason r 2>&1 || true
patch leaked.txt "$token" | host propose --title t --reason r 2>&1 || true
patch README.md x | host propose --title "clobber $token" --reason r
host finish --summary "said $token"
"#;

#[test]
fn a_hostile_agent_keeps_no_secret_and_changes_nothing() {
    let world = with_typo();
    let agent = world.project.path().join(".ai_onboard/agents/typo-fixer");
    std::fs::write(agent.join("fix.sh"), HOSTILE).unwrap();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "said [redacted: github-token]");
    // What runs by itself may be proposed: a person says yes to that in so many words, or nothing is.
    let shown = until_checked(&world, "c0");
    assert_eq!(shown["proposal"]["status"], "open", "{shown}");
    let note = ".github/workflows/x.yml: it is protected: it is continuous integration";
    world.check(&["proposals", "show", "c0"], 0, note);
    world.check(
        &["proposals", "apply", "c0"],
        1,
        "--protected says yes to .github/workflows/x.yml",
    );
    let shown = until_checked(&world, "c1");
    assert_eq!(shown["proposal"]["status"], "refused", "{shown}");
    world.check(&["proposals", "show", "c1"], 0, "✗ applies  README.md: it is there already");
    world.check(&["proposals", "show", "c1"], 0, "clobber [redacted: github-token]");
    world.check(&["proposals", "apply", "c1"], 1, "c1 is refused and can't be applied");
    world.check(&["proposals", "apply", "c1", "--protected"], 1, "c1 is refused");
    let (_, log, _) = world.run(&["bg", "logs", "typo-fixer", "--tail", "all"]);
    for says in [
        "printed [redacted: github-token]",
        "logged [redacted: github-token]",
        "`content` holds a secret (github-token): nothing was kept",
        "may not touch `.git/hooks/pre-commit`",
        "may not touch `../outside`",
        "`patch` holds a secret (github-token)",
    ] {
        assert!(log.contains(says), "{says}: {log}");
    }
    assert_eq!(said(world.project.path(), &["branch", "--list"]), "* main\n");
    // Five secrets, and two paths that it may never touch.
    // That is enough to hold it back for an hour and to call somebody: trouble, says the exit code.
    let (code, shown, _) = world.run(&["bg", "status", "typo-fixer", "--json"]);
    assert_eq!(code, 3);
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let refused = shown["totals"]["violations"].as_u64().unwrap();
    assert!(refused >= 7, "{refused}");
    assert_eq!(shown["agent"]["attention"], serde_json::json!(["incident i0", "breaker open"]));
    world.check(&["bg", "status", "typo-fixer"], 3, "at a limit or at what it may not do");
    world.check(&["bg", "status", "typo-fixer"], 3, "held back for another");
    world.check(&["incidents", "show", "i0"], 0, "throttle of typo-fixer  open");
    world.check(&["daemon", "stop"], 0, "stopped");
    let token = format!("{}_{}", "ghp", "x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi");
    let held = holding(&world.home.path().join("state"), token.as_bytes());
    assert_eq!(held, Vec::<String>::new(), "the token is on disk");
}

/// The files below a folder that hold these bytes.
fn holding(folder: &Path, wanted: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, wanted));
        } else if path.is_file() {
            let content = std::fs::read(&path).unwrap();
            if content.windows(wanted.len()).any(|window| window == wanted) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[test]
fn an_agent_that_asks_for_a_person_opens_an_incident() {
    let world = with_typo();
    let agent = world.project.path().join(".ai_onboard/agents/typo-fixer");
    let script = "#!/bin/sh\nfor what in spelling spelling grammar; do\n  \
                  ai_onboard host ask-person \"British or American $what?\" || exit 1\ndone\n";
    std::fs::write(agent.join("fix.sh"), script).unwrap();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "");
    world.check(&["incidents", "list"], 0, "i0");
    let asked = "human_intervention_requested in r0: it asks for a person: British or American";
    world.check(&["incidents", "show", "i0"], 0, asked);
    let (_, shown, _) = world.run(&["incidents", "show", "i0"]);
    assert_eq!(shown.matches("asks for a person").count(), 2, "{shown}");
    world.check(&["incidents", "close", "i0", "--reason", "British"], 0, "closed");
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true);
}

#[test]
fn a_policy_that_was_tightened_since_holds() {
    let world = with_typo();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    assert_eq!(until_checked(&world, "c0")["proposal"]["status"], "open");
    let policy = world.project.path().join(".ai_onboard/policy.yaml");
    let text = "background_agent_safety:\n  action_restrictions:\n    file_system:\n      read_only_paths: [README.md]\n";
    std::fs::write(&policy, text).unwrap();
    let says = "c0 is open: README.md: the policy keeps `README.md` read-only";
    world.check(&["proposals", "apply", "c0"], 1, says);
    assert_eq!(said(world.project.path(), &["branch", "--list"]), "* main\n");
    std::fs::remove_file(policy).unwrap();
    world.check(&["proposals", "apply", "c0"], 0, "written as branch");
}

/// Whether or not the acceptance was durable when the daemon was killed: what the journal says and
/// what the repository holds agree once there is a daemon again.
#[test]
fn a_daemon_that_is_killed_meanwhile_finishes_or_never_began() {
    let world = with_typo();
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    assert_eq!(until_checked(&world, "c0")["proposal"]["status"], "open");
    for attempt in 0..4 {
        let pid = world.json(&["daemon", "status"])["pid"].as_i64().unwrap();
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let mut command = world.command(&["proposals", "apply", "c0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Later each time, as far as looks at the daemon take time.
        for _ in 0..attempt {
            world.run(&["daemon", "status"]);
        }
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        child.wait().unwrap();
        world.check(&["daemon", "start"], 0, "");
        let mut status = String::from("accepted");
        for _ in 0..2_000 {
            let shown = world.json(&["proposals", "show", "c0"]);
            status = shown["proposal"]["status"].as_str().unwrap().into();
            if status != "accepted" {
                break;
            }
        }
        let branches = said(world.project.path(), &["branch", "--list", "ai-onboard/*"]);
        assert_eq!(!branches.is_empty(), status == "written", "{status}: {branches}");
        if status == "written" {
            return;
        }
        assert_eq!(status, "open");
    }
    world.check(&["proposals", "apply", "c0"], 0, "written as branch");
}

/// What belongs to root in a person's repository can't be cleaned up by that person's git.
#[test]
fn what_the_writer_writes_belongs_to_the_repository_s_owner() {
    const NOBODY: u32 = 65_534;
    let world = with_typo();
    let project = world.project.path();
    let is_root = rustix::process::geteuid().is_root();
    let owner = if is_root { NOBODY } else { rustix::process::geteuid().as_raw() };
    if is_root {
        every_file(project, &|path| {
            std::os::unix::fs::lchown(path, Some(owner), Some(owner)).unwrap();
        });
    }
    let report = ordered(&world);
    assert!(report.contains(r#""written""#), "{report}");
    assert!(project.join(".git/refs/heads/ai-onboard/a/c0").is_file());
    every_file(project, &|path| {
        assert_eq!(path.symlink_metadata().unwrap().uid(), owner, "{}", path.display());
    });
}

/// What the writer reports of an order to write a file's branch.
fn ordered(world: &World) -> String {
    let order = serde_json::json!({
        "work": "write", "root": world.project.path(), "agent": "a", "proposal": "c0",
        "title": "t", "reason": "r", "patch": "--- /dev/null\n+++ b/x/y.txt\n@@ -0,0 +1 @@\n+y\n",
        "accepted_s": 1_800_000_000, "forbidden": [], "read_only": [], "file_bytes_max": 1_000,
        "branch": null,
    });
    let mut command = world.command(&["write-proposal"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(order.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    String::from_utf8_lossy(&[out, err].concat()).into_owned()
}

/// A folder of the repository that leads out of it: the kernel keeps the writer inside.
#[test]
fn the_writer_writes_nothing_outside_of_the_git_folder() {
    let world = with_typo();
    let outside = tempfile::tempdir().unwrap();
    let link = world.project.path().join(".git/refs/heads/ai-onboard");
    std::os::unix::fs::symlink(outside.path(), link).unwrap();
    let report = ordered(&world);
    let written = std::fs::read_dir(outside.path()).unwrap().count();
    if has_landlock(&world) {
        assert!(report.contains(r#""not_written""#), "{report}");
        assert_eq!(written, 0, "{report}");
    } else {
        assert!(report.contains(r#""written""#), "{report}");
    }
}

/// Whether this kernel has it, as the daemon's own probe found by trying.
fn has_landlock(world: &World) -> bool {
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "✓");
    let status = world.json(&["bg", "status", "typo-fixer"]);
    let layers = status["safety"]["layers"].as_array().unwrap();
    let landlock = layers.iter().find(|layer| layer["name"] == "landlock").unwrap();
    landlock["status"] == "enforced"
}

/// A folder and everything below it.
fn every_file(path: &Path, act: &dyn Fn(&Path)) {
    act(path);
    if path.symlink_metadata().unwrap().is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            every_file(&entry.unwrap().path(), act);
        }
    }
}

#[test]
fn an_order_that_is_none_is_refused() {
    let world = World::new();
    world.check(&["write-proposal"], 1, "the order is not understood");
}

/// An agent of the project that checks proposals: a script beside its manifest.
fn with_check(world: &World, limits: &str, script: &str) {
    let agent = world.project.path().join(".ai_onboard/agents/tests");
    std::fs::create_dir_all(&agent).unwrap();
    let manifest = format!(
        "name: tests\nschedule: manual\nprogram: [sh, ./check.sh]\nchecks_proposals: true\n\
         limits: {{ {limits} }}\n"
    );
    std::fs::write(agent.join("agent.yaml"), manifest).unwrap();
    std::fs::write(agent.join("check.sh"), script).unwrap();
}

/// Waits until the project's own check of a proposal has its word: passed or failed, and the note.
pub fn until_tried(world: &World, id: &str) -> (bool, String) {
    for _ in 0..4_000 {
        let shown = world.json(&["proposals", "show", id]);
        let checks = shown["proposal"]["checks"].as_array().unwrap().clone();
        let own = checks.iter().find(|check| check["name"] == "tests");
        if let Some(own) = own.filter(|own| own["verdict"] != "skipped") {
            let note = own["note"].as_str().unwrap_or_default();
            return (own["verdict"] == "passed", note.into());
        }
    }
    panic!("{id} was never tried: {}", world.json(&["proposals", "show", id]));
}

/// Says what it sees, builds something and runs it, and wants the typo mended.
const CHECK: &str = r#"pwd
echo built > out.txt && printf '#!/bin/sh\necho ran what it made\n' > made && chmod +x made && ./made
[ -e .git ] && echo "a git folder came along"
grep -q teh README.md || exit 0
echo "README.md has teh" >&2
exit 3
"#;

#[test]
fn the_project_s_own_check_runs_on_a_private_copy_once_a_person_started_it() {
    let world = with_typo();
    with_check(&world, "", CHECK);
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    until_checked(&world, "c0");
    // What came with the repository runs when a person names it, and not before.
    world.check(&["proposals", "show", "c0"], 0, "background-agents start tests` has it do so");
    let before = said(world.project.path(), &["status", "--porcelain=v2", "--branch"]);
    world.check(&["bg", "start", "tests"], 0, "");
    assert!(until_tried(&world, "c0").0);
    world.check(&["proposals", "show", "c0"], 0, "✓ tests  `ai_onboard background-agents logs");
    let (_, log, _) = world.run(&["bg", "logs", "tests", "--tail", "all"]);
    assert!(log.contains("/tmp/project") && log.contains("ran what it made"), "{log}");
    assert!(!log.contains("git folder"), "{log}");
    assert_eq!(before, said(world.project.path(), &["status", "--porcelain=v2", "--branch"]));
    world.check(&["proposals", "apply", "c0"], 0, "written as branch");

    // By hand it looks at the project as it is.
    world.check(&["bg", "run", "tests", "--wait"], 1, "exit code 3: README.md has teh");
    assert_eq!(world.json(&["audit", "verify"])["is_whole"], true);
}

#[test]
fn a_check_that_says_no_holds_the_patch_back_until_a_person_says_why_not() {
    let world = with_typo();
    let token = format!("{}_{}", "ghp", "x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi");
    with_check(&world, "", &format!("printf 'no \\033[2J {token}\\n' >&2; exit 3\n"));
    world.check(&["bg", "start", "tests"], 0, "");
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    let (passed, note) = until_tried(&world, "c0");
    assert!(
        !passed && note.contains("exit code 3: no \\u{1b}[2J [redacted: github-token]"),
        "{note}"
    );
    world.check(&["proposals", "apply", "c0"], 5, "its check `tests` failed: exit code 3");
    world.check(&["proposals", "apply", "c0", "--despite-check", ""], 1, "reason");
    let despite = ["proposals", "apply", "c0", "--despite-check", "the check is wrong"];
    world.check(&despite, 0, "written as branch");
    world.check(&["audit", "log"], 0, "the check is wrong");
}

/// Tries the real project, then more processes than it may have, then never ends.
const HOSTILE_CHECK: &str = r#"echo x > /project/README.md; echo x > /project/new; rm -rf /project/.git
ls /project/.ai_onboard >/dev/null && echo x > /app/agent/check.sh
bomb() { bomb | bomb & }
bomb 2>/dev/null
while :; do :; done
"#;

#[test]
fn a_hostile_check_ends_at_its_limits_and_touches_nothing() {
    let world = with_typo();
    with_check(&world, "deadline: 3s, pids: 16", HOSTILE_CHECK);
    world.check(&["bg", "start", "tests"], 0, "");
    world.check(&["bg", "start", "typo-fixer", "--wait"], 0, "c0");
    let (passed, note) = until_tried(&world, "c0");
    assert!(!passed, "{note}");
    world.check(&["proposals", "apply", "c0"], 5, "its check `tests` failed");
    let project = world.project.path();
    assert_eq!(
        std::fs::read_to_string(project.join("README.md")).unwrap(),
        "# App\n\nThis is teh app.\n"
    );
    assert!(!project.join("new").exists());
    said(project, &["fsck", "--strict"]);
    let script =
        std::fs::read_to_string(project.join(".ai_onboard/agents/tests/check.sh")).unwrap();
    assert_eq!(script, HOSTILE_CHECK);
}
