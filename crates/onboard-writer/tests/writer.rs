//! The writer on real repositories, with git as the oracle.
#![allow(
    clippy::disallowed_methods,
    reason = "git is the oracle: it runs on repositories that this test made, with no configuration"
)]

use expect_test::{Expect, expect};
use onboard_domain::proposal::{Branch, News, Verdict, Work};
use onboard_writer::{Order, work};
use std::path::Path;
use std::process::{Command, Output};

fn git(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]);
    command.args(["-c", "protocol.file.allow=always"]).args(words).current_dir(folder);
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    command.env("GIT_AUTHOR_DATE", "1800000000 +0000");
    command.env("GIT_COMMITTER_DATE", "1800000000 +0000");
    command.output().expect("git is installed")
}

#[track_caller]
fn done(folder: &Path, words: &[&str]) -> String {
    let output = git(folder, words);
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A repository with a few files, a link and a submodule's entry.
struct Project(tempfile::TempDir);

impl Project {
    fn new() -> Project {
        let project = Project(tempfile::tempdir().unwrap());
        project.git(&["init", "-q", "-b", "main"]);
        project.write("README.md", b"# App\n\nThis is teh app.\n");
        project.write("src/deep/a.txt", b"one\ntwo\nthree\n");
        project.write("only/child.txt", b"child\n");
        project.write("binary.dat", b"a\0b\n");
        project.write("run.sh", b"#!/bin/sh\n");
        std::os::unix::fs::symlink("/etc", project.path().join("link")).unwrap();
        project.commit("first");
        project
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn git(&self, words: &[&str]) -> String {
        done(self.path(), words)
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    fn order(&self, work: Work, patch: &str) -> Order {
        Order {
            work,
            root: self.path().to_str().unwrap().into(),
            agent: "typo-fixer".into(),
            proposal: "c0".into(),
            title: "mend a typo".into(),
            reason: "`teh` is no word.".into(),
            patch: patch.into(),
            accepted_s: 1_800_000_000,
            forbidden: vec!["secret".into()],
            read_only: vec!["law".into()],
            protected: false,
            file_bytes_max: 1 << 20,
            branch: None,
        }
    }

    fn apply(&self, patch: &str) -> Branch {
        match work(&self.order(Work::Write, patch)) {
            News::Written { branch } => branch,
            other => panic!("{other:?}"),
        }
    }

    fn revert(&self, patch: &str, branch: &Branch) -> News {
        let order = self.order(Work::Revert, patch);
        work(&Order { branch: Some(branch.clone()), ..order })
    }

    /// What a person sees of the repository: work tree, index, HEAD.
    fn seen(&self) -> String {
        format!(
            "{}{}{}",
            self.git(&["status", "--porcelain=v2", "--branch", "--ignored"]),
            self.git(&["ls-files", "--stage", "--debug"]),
            std::fs::read_to_string(self.path().join(".git/HEAD")).unwrap()
        )
    }

    fn sound(&self) {
        let fsck = git(self.path(), &["fsck", "--full", "--strict", "--no-dangling"]);
        assert!(fsck.status.success(), "{}", String::from_utf8_lossy(&fsck.stderr));
    }
}

/// Without the spaces that git's output has at the ends of lines.
fn ends_trimmed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

const TYPO: &str = "\
--- a/README.md
+++ b/README.md
@@ -1,3 +1,3 @@
 # App

-This is teh app.
+This is the app.
";

#[test]
fn a_branch_is_written_and_nothing_else_is_touched() {
    let project = Project::new();
    project.write("README.md", b"a person is at work here\n");
    project.write("untracked", b"x");
    let before = project.seen();
    let branch = project.apply(TYPO);
    assert_eq!(before, project.seen());
    project.sound();
    let show = project.git(&["show", "--format=fuller", "--date=iso", &branch.name]);
    let show = ends_trimmed(&show.replace(&branch.commit, "COMMIT"));
    expect![[r#"
        commit COMMIT
        Author:     typo-fixer (ai_onboard) <typo-fixer@ai-onboard.invalid>
        AuthorDate: 2027-01-15 08:00:00 +0000
        Commit:     typo-fixer (ai_onboard) <typo-fixer@ai-onboard.invalid>
        CommitDate: 2027-01-15 08:00:00 +0000

            mend a typo

            `teh` is no word.

            Proposed-by: typo-fixer (ai_onboard)
            Proposal: c0
            Patch-sha256: 7c16535425ae60f737ae9c25211313c2185aeecb1c4a2ca5b587f18faa5ce802

        diff --git a/README.md b/README.md
        index 24f465e..d59d8d4 100644
        --- a/README.md
        +++ b/README.md
        @@ -1,3 +1,3 @@
         # App

        -This is teh app.
        +This is the app.
    "#]]
    .assert_eq(&show);
    let parent = project.git(&["rev-parse", &format!("{}^", branch.name)]);
    assert_eq!(parent, project.git(&["rev-parse", "main"]));
    // Again, also after the project has moved on: the same commit.
    assert_eq!(project.apply(TYPO), branch);
    project.git(&["checkout", "-q", "--", "README.md"]);
    project.write("more", b"y");
    project.commit("second");
    assert_eq!(project.apply(TYPO), branch);
    // Another installation comes to the same commit from the same start.
    let twin = Project::new();
    assert_eq!(twin.apply(TYPO), branch);
}

/// Every kind of change, as git itself writes it.
#[test]
fn every_kind_of_change_gives_the_tree_that_git_gives() {
    let project = Project::new();
    project.git(&["checkout", "-q", "-b", "wanted"]);
    project.write("README.md", b"# App\n\nThis is the app.\nMore, without an end");
    project.write("new/folder/x.txt", b"x\n");
    project.git(&["mv", "src/deep/a.txt", "src/b.txt"]);
    project.git(&["rm", "-q", "only/child.txt"]);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(project.path().join("run.sh"), mode).unwrap();
    project.commit("wanted");
    let patch = project.git(&["diff", "-M", "main", "wanted"]);
    project.git(&["checkout", "-q", "main"]);
    let branch = project.apply(&patch);
    let tree = |name: &str| project.git(&["rev-parse", &format!("{name}^{{tree}}")]);
    assert_eq!(tree(&branch.name), tree("wanted"), "{patch}");
    project.sound();
}

fn checks(project: &Project, patch: &str) -> String {
    let News::Checked { base, checks } = work(&project.order(Work::Check, patch)) else {
        panic!("no checks")
    };
    let head = base.unwrap_or_else(|| "no base".into());
    let failed = checks.iter().filter(|check| check.verdict == Verdict::Failed);
    let line =
        |check: &onboard_domain::proposal::Check| format!("{}: {}\n", check.name, check.note);
    let lines: String = failed.map(line).collect();
    if lines.is_empty() { "passed\n".into() } else { lines.replace(&head, "HEAD") }
}

fn modify(path: &str, old: &str, new: &str) -> String {
    format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{old}\n+{new}\n")
}

fn create(path: &str) -> String {
    format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+x\n")
}

#[test]
fn what_is_hostile_or_does_not_fit_is_refused() {
    let project = Project::new();
    let token = format!("{}_{}", "ghp", "x9QmT2vLw7RkB4nZc8HsJ1yFd6GpE3uAo5Vi");
    let cases = [
        TYPO.to_string(),
        modify("README.md", "# Application", "# App"),
        modify("gone.txt", "a", "b"),
        modify("link", "/etc", "/root"),
        create("link/passwd"),
        modify("link/passwd", "a", "b"),
        create("README.md/x"),
        create("README.md"),
        create("src"),
        modify("src", "a", "b"),
        modify("binary.dat", "a", "b"),
        create("secret/x"),
        create("law/x"),
        create(".git/hooks/pre-commit"),
        create("sub/.GIT/config"),
        create(".github/workflows/x.yml"),
        create("../outside"),
        create("/absolute"),
        modify("README.md", "# App", &token),
        "diff --git a/run.sh b/.gitattributes\nrename from run.sh\nrename to .gitattributes\n"
            .into(),
        "diff --git a/run.sh b/src\nrename from run.sh\nrename to src\n".into(),
        "nothing".into(),
        format!(
            "--- /dev/null\n+++ b/large\n@@ -0,0 +1,{} @@\n{}",
            5_000,
            format!("+{}\n", "x".repeat(80)).repeat(5_000)
        ),
    ];
    let mut out = String::new();
    for case in &cases {
        let short: String = case.chars().take(60).collect();
        out.push_str(&format!("{:?}\n  ", short.replace(&token, "TOKEN")));
        out.push_str(&checks(&project, case).replace('\n', "\n  "));
        out.truncate(out.trim_end().len());
        out.push('\n');
        // What does not pass is not written either, and leaves nothing behind.
        if !checks(&project, case).starts_with("passed") {
            let before = project.git(&["count-objects"]);
            assert!(matches!(work(&project.order(Work::Write, case)), News::NotWritten { .. }));
            assert_eq!(before, project.git(&["count-objects"]), "{case}");
        }
    }
    expect![[r#"
        "--- a/README.md\n+++ b/README.md\n@@ -1,3 +1,3 @@\n # App\n\n-Thi"
          passed
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# Application\n+"
          applies: README.md: line 1 is not what the patch says
        "--- a/gone.txt\n+++ b/gone.txt\n@@ -1 +1 @@\n-a\n+b\n"
          applies: gone.txt: there is no such file
        "--- a/link\n+++ b/link\n@@ -1 +1 @@\n-/etc\n+/root\n"
          applies: link: it is a link, a folder or a submodule, not a plain file
        "--- /dev/null\n+++ b/link/passwd\n@@ -0,0 +1 @@\n+x\n"
          applies: link/passwd: `link` is no folder of the repository
        "--- a/link/passwd\n+++ b/link/passwd\n@@ -1 +1 @@\n-a\n+b\n"
          applies: link/passwd: `link` is no folder of the repository
        "--- /dev/null\n+++ b/README.md/x\n@@ -0,0 +1 @@\n+x\n"
          applies: README.md/x: `README.md` is no folder of the repository
        "--- /dev/null\n+++ b/README.md\n@@ -0,0 +1 @@\n+x\n"
          applies: README.md: it is there already
        "--- /dev/null\n+++ b/src\n@@ -0,0 +1 @@\n+x\n"
          applies: src: it is there already
        "--- a/src\n+++ b/src\n@@ -1 +1 @@\n-a\n+b\n"
          applies: src: it is a link, a folder or a submodule, not a plain file
        "--- a/binary.dat\n+++ b/binary.dat\n@@ -1 +1 @@\n-a\n+b\n"
          applies: binary.dat: its content is binary
        "--- /dev/null\n+++ b/secret/x\n@@ -0,0 +1 @@\n+x\n"
          paths: secret/x: the policy forbids `secret`
        "--- /dev/null\n+++ b/law/x\n@@ -0,0 +1 @@\n+x\n"
          paths: law/x: the policy keeps `law` read-only
        "--- /dev/null\n+++ b/.git/hooks/pre-commit\n@@ -0,0 +1 @@\n+x\n"
          paths: .git/hooks/pre-commit: it belongs to git itself
        "--- /dev/null\n+++ b/sub/.GIT/config\n@@ -0,0 +1 @@\n+x\n"
          paths: sub/.GIT/config: it belongs to git itself
        "--- /dev/null\n+++ b/.github/workflows/x.yml\n@@ -0,0 +1 @@\n+x"
          paths: .github/workflows/x.yml: it is protected: it is continuous integration
        "--- /dev/null\n+++ b/../outside\n@@ -0,0 +1 @@\n+x\n"
          paths: ../outside: it has `.` or `..`
        "--- /dev/null\n+++ b//absolute\n@@ -0,0 +1 @@\n+x\n"
          paths: /absolute: it is absolute
        "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# App\n+ghp_x9Qm"
          secrets: it holds a secret (github-token)
        "diff --git a/run.sh b/.gitattributes\nrename from run.sh\nrena"
          paths: .gitattributes: it is protected: it changes what git does
        "diff --git a/run.sh b/src\nrename from run.sh\nrename to src\n"
          applies: src: it is there already
        "nothing"
          reads: line 1: expected `diff --git a/… b/…` or `--- a/…`
        "--- /dev/null\n+++ b/large\n@@ -0,0 +1,5000 @@\n+xxxxxxxxxxxxxx"
          reads: a patch has at most 262144 bytes, this 410045
    "#]]
    .assert_eq(&out);
    assert_eq!(project.git(&["branch", "--list"]), "* main\n");
    project.sound();
}

#[test]
fn the_largest_file_of_the_policy_is_a_bound() {
    let project = Project::new();
    let mut order = project.order(Work::Check, TYPO);
    order.file_bytes_max = 10;
    let News::Checked { checks, .. } = work(&order) else { panic!("no checks") };
    let failed = checks.iter().find(|check| check.verdict == Verdict::Failed).unwrap();
    assert_eq!(failed.note, "README.md: it has 24 bytes, allowed are 10");
}

#[test]
fn a_project_that_moved_on_makes_a_proposal_stale() {
    let project = Project::new();
    project.write("README.md", b"# App\n\nAnother text.\n");
    project.commit("moved");
    let News::NotWritten { stale: true, why } = work(&project.order(Work::Write, TYPO)) else {
        panic!("written")
    };
    assert!(why.starts_with("README.md: line 3 is not what the patch says"), "{why}");
    assert_eq!(project.git(&["branch", "--list"]), "* main\n");
}

#[test]
fn a_branch_of_somebody_else_is_left_alone() {
    let project = Project::new();
    project.git(&["branch", "ai-onboard/typo-fixer/c0"]);
    let before = project.git(&["for-each-ref"]);
    let News::NotWritten { stale: false, why } = work(&project.order(Work::Write, TYPO)) else {
        panic!("written")
    };
    assert!(why.contains("there is another branch"), "{why}");
    assert_eq!(before, project.git(&["for-each-ref"]));
}

#[track_caller]
fn reverted(project: &Project, news: &News, expect: Expect) {
    let text = match news {
        News::Reverted { branch: None } => "deleted".into(),
        News::Reverted { branch: Some(branch) } => {
            let show = project.git(&["show", "--format=%s", &branch.name]);
            format!("{}\n{}", branch.name, ends_trimmed(&show))
        }
        News::NotReverted { why } => format!("not reverted: {why}"),
        other => format!("{other:?}"),
    };
    project.sound();
    expect.assert_eq(&text);
}

#[test]
fn a_branch_that_nobody_built_on_is_deleted() {
    let project = Project::new();
    let branch = project.apply(TYPO);
    let before = project.seen();
    reverted(&project, &project.revert(TYPO, &branch), expect!["deleted"]);
    assert_eq!(project.git(&["branch", "--list"]), "* main\n");
    reverted(&project, &project.revert(TYPO, &branch), expect!["deleted"]);
    assert_eq!(before, project.seen());
}

#[test]
fn what_was_merged_is_undone_on_a_branch() {
    let project = Project::new();
    let branch = project.apply(TYPO);
    project.git(&["merge", "-q", "--no-ff", "-m", "merged", &branch.name]);
    project.write("later.txt", b"later\n");
    project.commit("later");
    let before = project.seen();
    let news = project.revert(TYPO, &branch);
    reverted(
        &project,
        &news,
        expect![[r#"
        ai-onboard/typo-fixer/c0-revert
        Revert "mend a typo"

        diff --git a/README.md b/README.md
        index d59d8d4..24f465e 100644
        --- a/README.md
        +++ b/README.md
        @@ -1,3 +1,3 @@
         # App

        -This is the app.
        +This is teh app.
    "#]],
    );
    assert_eq!(before, project.seen());
    // Twice is once, and with the branch deleted after its merge, too.
    assert_eq!(project.revert(TYPO, &branch), news);
    project.git(&["branch", "-q", "-D", &branch.name]);
    assert_eq!(project.revert(TYPO, &branch), news);
}

#[test]
fn a_branch_that_a_person_works_on_is_left_and_undone_beside_it() {
    let project = Project::new();
    let branch = project.apply(TYPO);
    project.git(&["checkout", "-q", &branch.name]);
    let tip = project.git(&["rev-parse", "HEAD"]);
    reverted(
        &project,
        &project.revert(TYPO, &branch),
        expect![[r#"
            ai-onboard/typo-fixer/c0-revert
            Revert "mend a typo"

            diff --git a/README.md b/README.md
            index d59d8d4..24f465e 100644
            --- a/README.md
            +++ b/README.md
            @@ -1,3 +1,3 @@
             # App

            -This is the app.
            +This is teh app.
        "#]],
    );
    assert_eq!(tip, project.git(&["rev-parse", &branch.name]));

    let project = Project::new();
    let branch = project.apply(TYPO);
    project.git(&["checkout", "-q", &branch.name]);
    project.write("mine.txt", b"mine\n");
    project.commit("mine");
    project.git(&["checkout", "-q", "main"]);
    let tip = project.git(&["rev-parse", &branch.name]);
    let news = project.revert(TYPO, &branch);
    assert!(matches!(&news, News::Reverted { branch: Some(_) }), "{news:?}");
    assert_eq!(tip, project.git(&["rev-parse", &branch.name]));
    project.sound();
}

#[test]
fn a_linked_work_tree_counts_as_work() {
    let project = Project::new();
    let branch = project.apply(TYPO);
    let side = tempfile::tempdir().unwrap();
    let place = side.path().join("side");
    project.git(&["worktree", "add", "-q", place.to_str().unwrap(), &branch.name]);
    let news = project.revert(TYPO, &branch);
    assert!(matches!(&news, News::Reverted { branch: Some(_) }), "{news:?}");
    // And a linked work tree is a project, too.
    let order = Order {
        root: place.to_str().unwrap().into(),
        proposal: "c1".into(),
        ..project.order(Work::Write, &create("x"))
    };
    assert!(matches!(work(&order), News::Written { .. }));
    project.sound();
}

#[test]
fn what_was_changed_since_is_a_person_s_to_undo() {
    let project = Project::new();
    let branch = project.apply(TYPO);
    project.git(&["merge", "-q", &branch.name]);
    project.write("README.md", b"# App\n\nThis is the best app.\n");
    project.commit("better");
    let News::NotReverted { why } = project.revert(TYPO, &branch) else { panic!("reverted") };
    assert!(why.starts_with("README.md: it was changed since; undo it by hand, with `git revert "));
}

/// Hooks, filters and helpers of the repository's configuration that would each leave a file.
#[test]
fn nothing_that_the_repository_says_is_executed() {
    let project = Project::new();
    let marker = project
        .path()
        .parent()
        .unwrap()
        .join(format!("{}-executed", project.path().file_name().unwrap().to_string_lossy()));
    let touch = format!("touch {}", marker.display());
    let hook = format!("#!/bin/sh\n{touch}\n");
    for name in ["pre-commit", "post-commit", "reference-transaction", "post-index-change"] {
        let path = project.path().join(".git/hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &hook).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&path, mode).unwrap();
    }
    for (key, value) in [
        ("core.fsmonitor", touch.as_str()),
        ("core.hooksPath", ".git/hooks"),
        ("core.sshCommand", &touch),
        ("filter.x.clean", &touch),
        ("filter.x.smudge", &touch),
        ("diff.external", &touch),
        ("gpg.program", &touch),
        ("commit.gpgsign", "true"),
        ("core.editor", &touch),
    ] {
        std::fs::OpenOptions::new()
            .append(true)
            .open(project.path().join(".git/config"))
            .and_then(|mut file| {
                use std::io::Write;
                let (section, name) = key.rsplit_once('.').unwrap();
                let section = match section.split_once('.') {
                    Some((section, part)) => format!("[{section} \"{part}\"]"),
                    None => format!("[{section}]"),
                };
                writeln!(file, "{section}\n\t{name} = {value}")
            })
            .unwrap();
    }
    std::fs::write(project.path().join(".git/info/attributes"), "* filter=x\n").unwrap();
    assert_eq!(checks(&project, TYPO), "passed\n");
    let branch = project.apply(TYPO);
    assert_eq!(project.revert(TYPO, &branch), News::Reverted { branch: None });
    assert!(!marker.exists(), "something of the repository was executed");
}

#[test]
fn without_a_repository_or_a_commit_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project(folder);
    let told = checks(&project, TYPO);
    assert!(told.contains("has no git repository that can be opened"), "{told}");
    project.git(&["init", "-q"]);
    assert_eq!(checks(&project, TYPO), "repository: HEAD names no commit yet\n");
}

/// A daemon that was killed leaves its writer to finish, and the next daemon starts another.
#[test]
fn writers_at_once_come_to_the_same() {
    let project = Project::new();
    let order = project.order(Work::Write, TYPO);
    let work_on = |_| {
        std::thread::spawn({
            let order = order.clone();
            move || work(&order)
        })
    };
    let writers: Vec<_> = (0..8).map(work_on).collect();
    let news: Vec<News> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
    let written = |news: &&News| matches!(news, News::Written { .. });
    let first = news.iter().find(written).expect("one of them");
    for other in &news {
        // One that met another's lock says so and may be ordered again.
        let is_busy = matches!(other, News::NotWritten { stale: false, .. });
        assert!(other == first || is_busy, "{other:?}");
    }
    assert_eq!(&work(&order), first);
    project.sound();
}

/// The paths of a folder with their kinds, and what a plain file holds.
fn listed(folder: &Path, below: &str, out: &mut String) {
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
        let meta = path.symlink_metadata().unwrap();
        if meta.is_symlink() {
            out.push_str(&format!("{name} -> {}\n", std::fs::read_link(&path).unwrap().display()));
        } else if meta.is_dir() {
            listed(&path, &format!("{name}/"), out);
        } else {
            use std::os::unix::fs::PermissionsExt;
            let run = if meta.permissions().mode() & 0o100 == 0 { "" } else { " to run" };
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            out.push_str(&format!("{name}{run} {text:?}\n"));
        }
    }
}

#[test]
fn a_copy_has_what_head_has_and_the_patch_makes_of_it() {
    let project = Project::new();
    project.git(&["update-index", "--chmod=+x", "run.sh"]);
    project.write("secret/key", b"k\n");
    project.git(&["add", "secret/key"]);
    project.git(&["commit", "-q", "-m", "second"]);
    let head = project.git(&["rev-parse", "HEAD"]);
    project.write("README.md", b"not committed\n");
    let patch = "--- a/README.md\n+++ b/README.md\n@@ -1,3 +1,3 @@\n # App\n \n-This is teh app.\n\
                 +This is the app.\n--- a/only/child.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-child\n\
                 --- /dev/null\n+++ b/new/dir/x\n@@ -0,0 +1 @@\n+x\n";
    let forbidden = ["secret".to_string()];
    let copy = |patch, bytes_max| {
        let into = tempfile::tempdir().unwrap();
        let repository = project.path().to_str().unwrap();
        let copying =
            onboard_writer::Copying { repository, patch, forbidden: &forbidden, bytes_max };
        match onboard_writer::copy(&copying, into.path()) {
            Ok(commit) => {
                assert_eq!(commit, head.trim());
                let mut out = String::new();
                listed(into.path(), "", &mut out);
                out
            }
            Err(why) => format!("{}\n", why.replace(head.trim(), "HEAD")),
        }
    };
    let stale = "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-Other\n+x\n";
    let hidden = "--- /dev/null\n+++ b/secret/new\n@@ -0,0 +1 @@\n+x\n";
    let all = [
        copy(Some(patch), 1 << 20),
        copy(None, 40),
        copy(Some(stale), 1 << 20),
        copy(Some(hidden), 1 << 20),
    ];
    expect![[r##"
        README.md "# App\n\nThis is the app.\n"
        binary.dat "a\0b\n"
        link -> /etc
        new/dir/x "x\n"
        run.sh to run "#!/bin/sh\n"
        src/deep/a.txt "one\ntwo\nthree\n"
        run.sh: it has 10 bytes, allowed are 6; a copy of the project has 0 MB: give the check more memory
        the patch does not apply to HEAD: README.md: line 1 is not what the patch says
        secret/new: the policy forbids it
    "##]]
    .assert_eq(&all.concat());
}
