//! What `check` says of planted changes, on real repositories.

use super::World;
use super::projects::git;
use expect_test::{Expect, expect};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// 2026-11-23 12:00 UTC.
const NOW_MS: i64 = 1_795_435_200_000;
const DAY_S: i64 = 86_400;

/// Commits for `git fast-import`, each on the one before of its branch.
pub struct Stream {
    /// The present, seconds since 1970.
    pub now_s: i64,
    pub text: String,
    pub commits: i64,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream { now_s: NOW_MS / 1_000, text: String::new(), commits: 0 }
    }
}

impl Stream {
    /// A commit so many days before the present; an empty content deletes.
    pub fn commit(&mut self, branch: &str, days_ago: i64, subject: &str, files: &[(&str, &str)]) {
        self.commit_of(branch, days_ago, subject, "", files);
    }

    /// A merge of another branch, of which these files come.
    fn merge(&mut self, branch: &str, other: &str, days_ago: i64, files: &[(&str, &str)]) {
        let parent = format!("merge refs/heads/{other}\n");
        self.commit_of(branch, days_ago, "merge", &parent, files);
    }

    fn commit_of(
        &mut self,
        branch: &str,
        days_ago: i64,
        subject: &str,
        parent: &str,
        files: &[(&str, &str)],
    ) {
        self.commits += 1;
        let at = self.now_s - days_ago * DAY_S + self.commits;
        let text = &mut self.text;
        let _ = writeln!(text, "commit refs/heads/{branch}");
        for role in ["author", "committer"] {
            let _ = writeln!(text, "{role} ann <ann@example.org> {at} +0000");
        }
        let _ = write!(text, "data {}\n{subject}\n{parent}", subject.len());
        for (path, content) in files {
            let _ = match *content {
                "" => writeln!(text, "D {path}"),
                _ => writeln!(text, "M 100644 inline {path}\ndata {}\n{content}", content.len()),
            };
        }
    }

    /// A branch that begins where another one stands.
    fn branch(&mut self, name: &str, from: &str) {
        let _ = writeln!(self.text, "reset refs/heads/{name}\nfrom refs/heads/{from}\n");
    }

    /// Into a new repository, with one branch checked out.
    pub fn import(&self, folder: &Path, branch: &str) {
        git(folder, &["init", "-q", "-b", "main"]);
        #[allow(clippy::disallowed_methods, reason = "makes the repository that is looked at")]
        let mut command = Command::new("git");
        command.args(["fast-import", "--quiet"]).current_dir(folder).stdin(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(self.text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
        git(folder, &["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")]);
        git(folder, &["reset", "-q", "--hard"]);
    }
}

/// A year of work in which `src/flags.rs` takes `src/help.rs` along in all but some changes.
fn habits() -> Stream {
    habits_before(NOW_MS / 1_000)
}

fn habits_before(now_s: i64) -> Stream {
    let mut stream = Stream { now_s, ..Stream::default() };
    for number in 0..60 {
        let text = format!("// {number}\n");
        let both = [("src/flags.rs", text.as_str()), ("src/help.rs", text.as_str())];
        let files = if number % 15 == 7 { &both[..1] } else { &both };
        stream.commit("main", 70 - number, &format!("flag {number}"), files);
    }
    stream
}

/// A function of this cognitive complexity: conditions inside of each other, 1 + 2 + 3 + …
fn nested(name: &str, depth: usize) -> String {
    let open: String = (0..depth).map(|level| format!("if x > {level} {{ ")).collect();
    format!("fn {name}(x: u32) -> u32 {{\n    {open}return 1;{}\n    0\n}}\n", " }".repeat(depth))
}

fn ran(world: &World, words: &[&str]) -> String {
    let clock = ("AI_ONBOARD_TEST_CLOCK_MS", NOW_MS.to_string());
    let mut command = world.command(&[&["check"], words].concat());
    let output = command.env(clock.0, clock.1).stdin(Stdio::null()).output().unwrap();
    let mut text = format!("exit {}\n", output.status.code().unwrap_or(-1));
    text.push_str(&String::from_utf8(output.stdout).unwrap());
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        // How far it is depends on the machine.
        if !line.starts_with("reading history") {
            let _ = writeln!(text, "| {line}");
        }
    }
    let version = format!("\"semanticVersion\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let text = text.replace(&version, "\"semanticVersion\": VERSION");
    text.replace(&*world.project.path().to_string_lossy(), "PROJECT")
}

#[track_caller]
fn check(stream: &Stream, branch: &str, words: &[&str], expected: Expect) {
    let world = World::new();
    stream.import(world.project.path(), branch);
    expected.assert_eq(&ran(&world, words));
}

#[test]
fn a_companion_that_was_left_out() {
    let mut stream = habits();
    stream.branch("topic", "main");
    stream.commit("topic", 1, "add --fast", &[("src/flags.rs", "// fast\n")]);
    check(
        &stream,
        "topic",
        &["--since", "main"],
        expect![[r#"
        exit 0
        · info  src/flags.rs changed without src/help.rs
            src/flags.rs  changed in 0acce0c835: add --fast
            src/help.rs  changed with it in 56 of 60 changes
            811ba74cbe  both: flag 59
            4eb0e1e102  both: flag 58
          → See whether src/help.rs needs the same change.
        | judged by 60 commits, read from the repository
    "#]],
    );
}

#[test]
fn a_companion_that_came_in_another_commit() {
    let mut stream = habits();
    stream.branch("topic", "main");
    stream.commit("topic", 1, "add --fast", &[("src/flags.rs", "// fast\n")]);
    stream.commit("topic", 1, "say so", &[("src/help.rs", "// fast\n")]);
    check(
        &stream,
        "topic",
        &["--since", "main"],
        expect![[r#"
        exit 0
        nothing worth saying about 2 commits since main (2 files)
        | judged by 60 commits, read from the repository
    "#]],
    );
}

#[test]
fn functions_that_became_harder_to_follow() {
    let mut stream = Stream::default();
    let easy = format!("{}\n{}", nested("walk", 2), nested("stay", 6));
    stream.commit("main", 9, "begin", &[("src/a.rs", &easy), ("src/b.rs", &nested("gone", 7))]);
    stream.branch("topic", "main");
    let hard = format!("{}\n{}", nested("walk", 6), nested("stay", 6));
    let files = [
        ("src/a.rs", hard.as_str()),
        // Moved, not new.
        ("src/b.rs", "fn other() {}\n"),
        ("src/c.rs", &nested("gone", 7)),
        // A test may be as it wants.
        ("tests/t.rs", &nested("tried", 12)),
    ];
    stream.commit("topic", 1, "more", &files);
    stream.commit("topic", 1, "new", &[("src/d.rs", &nested("fresh", 11))]);
    check(
        &stream,
        "topic",
        &["--since", "main"],
        expect![[r#"
            exit 0
            ● medium  fresh is new and hard to follow: cognitive complexity 66
                src/d.rs:1  cognitive complexity 66, nesting 11, 4 lines
              → Give the most deeply nested parts of fresh (lines 1 to 4) functions of their own while the change is fresh.

            ○ low  walk became harder to follow: cognitive complexity 3 → 21
                src/a.rs:1  cognitive complexity 21, nesting 6, 4 lines
                3  was its cognitive complexity before, nesting 2, 4 lines
              → Give the most deeply nested parts of walk (lines 1 to 4) functions of their own while the change is fresh.
            | judged by 1 commit, read from the repository
            | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
            | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
        "#]],
    );
    check(
        &stream,
        "topic",
        &["--since", "main", "--fail-on", "medium"],
        expect![[r#"
            exit 9
            ● medium  fresh is new and hard to follow: cognitive complexity 66
                src/d.rs:1  cognitive complexity 66, nesting 11, 4 lines
              → Give the most deeply nested parts of fresh (lines 1 to 4) functions of their own while the change is fresh.

            ○ low  walk became harder to follow: cognitive complexity 3 → 21
                src/a.rs:1  cognitive complexity 21, nesting 6, 4 lines
                3  was its cognitive complexity before, nesting 2, 4 lines
              → Give the most deeply nested parts of walk (lines 1 to 4) functions of their own while the change is fresh.
            | judged by 1 commit, read from the repository
            | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
            | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
        "#]],
    );
    check(
        &stream,
        "topic",
        &["--since", "main", "--fail-on", "high", "-q"],
        expect![[r#"
        exit 0
        change/complexity src/d.rs: fresh
        change/complexity src/a.rs: walk
    "#]],
    );
    check(
        &stream,
        "topic",
        &["--since", "main", "--as", "sarif"],
        expect![[r#"
            exit 0
            {
              "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
              "runs": [
                {
                  "columnKind": "utf16CodeUnits",
                  "results": [
                    {
                      "level": "warning",
                      "locations": [
                        {
                          "message": {
                            "text": "cognitive complexity 66, nesting 11, 4 lines"
                          },
                          "physicalLocation": {
                            "artifactLocation": {
                              "uri": "src/d.rs",
                              "uriBaseId": "%SRCROOT%"
                            },
                            "region": {
                              "startLine": 1
                            }
                          }
                        }
                      ],
                      "message": {
                        "text": "fresh is new and hard to follow: cognitive complexity 66\n\nWarned of from 15, where the change adds 5 and a quarter of what it was; a new function from 25.\n\nGive the most deeply nested parts of fresh (lines 1 to 4) functions of their own while the change is fresh."
                      },
                      "partialFingerprints": {
                        "aiOnboard/v1": "bdbc8be9fea6e49ee04b91cbd7e131d6"
                      },
                      "properties": {
                        "severity": "medium"
                      },
                      "ruleId": "change/complexity"
                    },
                    {
                      "level": "note",
                      "locations": [
                        {
                          "message": {
                            "text": "cognitive complexity 21, nesting 6, 4 lines"
                          },
                          "physicalLocation": {
                            "artifactLocation": {
                              "uri": "src/a.rs",
                              "uriBaseId": "%SRCROOT%"
                            },
                            "region": {
                              "startLine": 1
                            }
                          }
                        }
                      ],
                      "message": {
                        "text": "walk became harder to follow: cognitive complexity 3 → 21\n\nWarned of from 15, where the change adds 5 and a quarter of what it was; a new function from 25.\n\nGive the most deeply nested parts of walk (lines 1 to 4) functions of their own while the change is fresh."
                      },
                      "partialFingerprints": {
                        "aiOnboard/v1": "246f4e768ed3fe9c2a720d72e798f613"
                      },
                      "properties": {
                        "severity": "low"
                      },
                      "ruleId": "change/complexity"
                    }
                  ],
                  "tool": {
                    "driver": {
                      "name": "AI Onboard",
                      "rules": [
                        {
                          "fullDescription": {
                            "text": "Before it is pushed is the cheapest moment to split it: nobody else has built on it yet."
                          },
                          "help": {
                            "markdown": "It says which function your change made harder to follow.\n\nBefore it is pushed is the cheapest moment to split it: nobody else has built on it yet.\n\nWhen:\n\n- cognitive complexity rose by 5 or more (judgement: less is one more condition)\n- and by 25 % (judgement: less is no change of kind)\n- to 15 or more (SonarSource's rule warns from here on)\n- or a new function has 25 or more (from here on reviewers agree that a function should be split)\n\nFor example:\n\n```text\n[low] hard is new and hard to follow: cognitive complexity 36\n  Warned of from 15, where the change adds 5 and a quarter of what it was; a\n  new function from 25.\n    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines\n  → Give the most deeply nested parts of hard (lines 1 to 3) functions of\n  their own while the change is fresh.\n```\n\nTo end it: split it; or dismiss it in `ai_onboard recommendations` where the crew has told it, too.\n",
                            "text": "It says which function your change made harder to follow.\n\nBefore it is pushed is the cheapest moment to split it: nobody else has built on it yet.\n\nWhen:\n\n- cognitive complexity rose by 5 or more (judgement: less is one more condition)\n- and by 25 % (judgement: less is no change of kind)\n- to 15 or more (SonarSource's rule warns from here on)\n- or a new function has 25 or more (from here on reviewers agree that a function should be split)\n\nFor example:\n\n```text\n[low] hard is new and hard to follow: cognitive complexity 36\n  Warned of from 15, where the change adds 5 and a quarter of what it was; a\n  new function from 25.\n    src/a.rs:1  cognitive complexity 36, nesting 8, 3 lines\n  → Give the most deeply nested parts of hard (lines 1 to 3) functions of\n  their own while the change is fresh.\n```\n\nTo end it: split it; or dismiss it in `ai_onboard recommendations` where the crew has told it, too.\n\nai_onboard explain change/complexity prints this."
                          },
                          "id": "change/complexity",
                          "shortDescription": {
                            "text": "Which function your change made harder to follow."
                          }
                        }
                      ],
                      "semanticVersion": VERSION
                    }
                  }
                }
              ],
              "version": "2.1.0"
            }
            | judged by 1 commit, read from the repository
            | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
            | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
        "#]],
    );
    check(
        &stream,
        "topic",
        &["--since", "main", "--json"],
        expect![[r#"
            exit 0
            {"schema_version":1,"since":"main","base":"383d71a1db439d0f35bab4221f9b33bd2be4b040","head":"e1747ece06b8b6c993208835fc785634811c4641","commits":2,"files":5,"history":"repository","history_commits":1,"history_limits":[],"findings":[{"rule":"change/complexity","severity":"medium","title":"fresh is new and hard to follow: cognitive complexity 66","detail":"Warned of from 15, where the change adds 5 and a quarter of what it was; a new function from 25.","evidence":[{"kind":"file","text":"cognitive complexity 66, nesting 11, 4 lines","path":"src/d.rs","line":1}],"action":"Give the most deeply nested parts of fresh (lines 1 to 4) functions of their own while the change is fresh.","target":"src/d.rs: fresh","fingerprint":"bdbc8be9fea6e49ee04b91cbd7e131d6"},{"rule":"change/complexity","severity":"low","title":"walk became harder to follow: cognitive complexity 3 → 21","detail":"Warned of from 15, where the change adds 5 and a quarter of what it was; a new function from 25.","evidence":[{"kind":"file","text":"cognitive complexity 21, nesting 6, 4 lines","path":"src/a.rs","line":1},{"kind":"number","text":"was its cognitive complexity before, nesting 2, 4 lines","value":3.0}],"action":"Give the most deeply nested parts of walk (lines 1 to 4) functions of their own while the change is fresh.","target":"src/a.rs: walk","fingerprint":"246f4e768ed3fe9c2a720d72e798f613"}],"not_judged":["what usually changes together: too little of it yet to be tried; changes of few files so far: 1","risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from"]}
            | judged by 1 commit, read from the repository
            | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
            | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
        "#]],
    );
}

/// Two hundred and forty commits in which large ones are soon fixed.
fn fixes() -> Stream {
    let mut stream = Stream::default();
    let mut day = 600;
    for number in 0..240 {
        let path = format!("src/m{}.rs", number % 60);
        let lines = if number % 3 == 0 { 200 } else { 3 };
        let text: String = (0..lines).map(|line| format!("// {number} {line}\n")).collect();
        stream.commit("main", day, &format!("work {number}"), &[(&path, &text)]);
        day -= 1;
        if number % 3 == 0 {
            let text = format!("{text}// mended\n");
            stream.commit("main", day, &format!("fix: mend {number}"), &[(&path, &text)]);
            day -= 1;
        }
    }
    stream
}

#[test]
fn a_commit_that_is_among_the_riskiest() {
    let mut stream = fixes();
    stream.branch("topic", "main");
    let text: String = (0..260).map(|line| format!("// new {line}\n")).collect();
    stream.commit("topic", 1, "Rewrite it", &[("src/m3.rs", &text)]);
    check(
        &stream,
        "topic",
        &["--since", "main"],
        expect![[r#"
            exit 0
            ○ low  b565fc7912 is among the riskiest 1 % of commits here: Rewrite it
                src/m3.rs  most of its lines
                b565fc7912  lines added: 260, usually 3
                b565fc7912  lines removed: 201, usually 3
                90  per cent: the chance of a fix within 30 days; of all commits 25
              → Let somebody else read it before it lands, beginning with src/m3.rs.
            | judged by 320 commits, read from the repository
            | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 320
        "#]],
    );
}

#[test]
fn a_change_of_a_hundred_files_gets_three_things_said_at_most() {
    let mut stream = fixes();
    stream.branch("topic", "main");
    let names: Vec<String> = (0..100).map(|number| format!("src/n{number}.rs")).collect();
    let hard = nested("hard", 9);
    let files: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), hard.as_str())).collect();
    stream.commit("topic", 1, "Everything", &files);
    let text: String = (0..260).map(|line| format!("// new {line}\n")).collect();
    stream.commit("topic", 1, "Rewrite it", &[("src/m3.rs", &text)]);
    let world = World::new();
    stream.import(world.project.path(), "topic");
    let out = ran(&world, &["--since", "main", "-q"]);
    expect![[r#"
        exit 0
        change/complexity src/n0.rs: hard
        forecast/risky-commit f492efb662e0553694ca7c1a6986edf939ddbc59
        change/complexity src/n1.rs: hard
    "#]]
    .assert_eq(&out);
}

#[test]
fn what_needs_no_word() {
    let mut stream = habits();
    stream.branch("moved", "main");
    let (old, same) = ("src/flags.rs", "// 59\n");
    stream.commit("moved", 1, "move", &[(old, ""), ("src/options.rs", same)]);
    stream.branch("binary", "main");
    stream.commit("binary", 1, "a picture", &[("logo.png", "\0\u{1}\0")]);
    check(
        &stream,
        "moved",
        &["--since", "main"],
        expect![[r#"
        exit 0
        nothing worth saying about 1 commit since main (1 file)
        | judged by 60 commits, read from the repository
    "#]],
    );
    check(
        &stream,
        "binary",
        &["--since", "main"],
        expect![[r#"
        exit 0
        nothing worth saying about 1 commit since main (1 file)
        | judged by 60 commits, read from the repository
    "#]],
    );
    check(
        &stream,
        "main",
        &["--since", "main"],
        expect![[r#"
        exit 0
        nothing to judge: HEAD has no commit that main has not
    "#]],
    );
    check(
        &stream,
        "main",
        &["--since", "main", "-q"],
        expect![[r#"
        exit 0
    "#]],
    );
}

#[test]
fn what_can_not_be_judged_says_what_mends_it() {
    let mut stream = habits();
    stream.commit("apart", 1, "another root", &[("x.rs", "// x\n")]);
    stream.commit("release/1", 1, "another root", &[("x.rs", "// x\n")]);
    check(
        &stream,
        "main",
        &["--since", "relase/1"],
        expect![[r#"
        exit 2
        | error: `relase/1` names no commit that is here
        | hint: did you mean `release/1`?
    "#]],
    );
    check(
        &stream,
        "main",
        &["--since", "no/such/thing"],
        expect![[r#"
        exit 2
        | error: `no/such/thing` names no commit that is here
        | hint: a branch, a tag or a commit; `git fetch` brings what is not here yet
    "#]],
    );
    check(
        &stream,
        "main",
        &["--since", "apart"],
        expect![[r#"
        exit 1
        | error: HEAD and apart share no commit
        | hint: name a revision with --since that this branch was begun from
    "#]],
    );
    check(
        &stream,
        "main",
        &[],
        expect![[r#"
        exit 2
        | error: this branch has no upstream, and there is no origin/HEAD: nothing says what to compare with
        | hint: say with what: --since origin/main; `git branch --set-upstream-to` and `git remote set-head origin --auto` make it the default
    "#]],
    );
    let world = World::new();
    expect![[r#"
        exit 1
        | error: not a git repository
        | hint: run it inside of a git repository, or name one with --project
    "#]]
    .assert_eq(&ran(&world, &[]));
    git(world.project.path(), &["init", "-q", "-b", "main"]);
    expect![[r#"
        exit 0
        nothing to judge: there are no commits yet
    "#]]
    .assert_eq(&ran(&world, &[]));
    git(world.project.path(), &["commit", "-q", "--allow-empty", "-m", "one"]);
    expect![[r#"
        exit 2
        | error: this branch has no upstream, and there is no origin/HEAD: nothing says what to compare with
        | hint: say with what: --since origin/main; `git branch --set-upstream-to` and `git remote set-head origin --auto` make it the default
    "#]].assert_eq(&ran(&world, &[]));
}

/// A clone of the stream's repository, as CI makes them.
fn clone(stream: &Stream, branch: &str, words: &[&str]) -> World {
    let origin = tempfile::tempdir().unwrap();
    stream.import(origin.path(), branch);
    let world = World::new();
    let url = format!("file://{}", origin.path().display());
    let project = world.project.path().to_string_lossy().into_owned();
    git(origin.path(), &[&["clone", "-q"], words, &[&url, &project]].concat());
    world
}

#[test]
fn the_default_is_the_upstream_then_the_remotes_default() {
    let stream = habits();
    let world = clone(&stream, "main", &[]);
    let project = world.project.path();
    let commit = |name: &str| {
        std::fs::write(project.join("src/flags.rs"), format!("// {name}\n")).unwrap();
        git(project, &["commit", "-q", "-a", "-m", name]);
    };
    let first = |out: String| out.lines().nth(1).unwrap_or_default().to_owned();
    commit("one");
    let with_upstream = ran(&world, &["--json"]);
    assert!(with_upstream.contains(r#""since":"origin/main""#), "{with_upstream}");
    git(project, &["checkout", "-q", "-b", "topic"]);
    let without = ran(&world, &["--json"]);
    assert!(without.contains(r#""since":"origin/main""#), "{without}");
    git(project, &["checkout", "-q", "--detach"]);
    let detached = first(ran(&world, &[]));
    assert!(detached.contains("src/flags.rs changed without src/help.rs"), "{detached}");
    git(project, &["remote", "set-head", "origin", "--delete"]);
    expect![[r#"
        exit 2
        | error: HEAD is detached, and there is no origin/HEAD: nothing says what to compare with
        | hint: say with what: --since origin/main; `git branch --set-upstream-to` and `git remote set-head origin --auto` make it the default
    "#]].assert_eq(&ran(&world, &[]));
}

/// The documented hooks, at a real push of what is low.
#[test]
fn the_hooks_show_and_refuse_as_documented() {
    let page = include_str!("../../../../docs/check.md");
    let hooks: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .filter_map(|text| text.split_once("```").map(|(hook, _)| hook))
        .collect();
    let [shows, refuses] = hooks[..] else { panic!("two hooks: {hooks:?}") };
    let origin = tempfile::tempdir().unwrap();
    habits().import(origin.path(), "main");
    let world = World::new();
    let (project, home) = (world.project.path(), world.home.path());
    let folder = project.to_string_lossy().into_owned();
    git(origin.path(), &["clone", "-q", &origin.path().to_string_lossy(), &folder]);
    std::fs::create_dir_all(project.join("src")).unwrap();
    let program =
        format!("AI_ONBOARD_HOME={} {}", home.display(), env!("CARGO_BIN_EXE_ai_onboard"));
    let push = |hook: &str, level: &str, name: &str| {
        std::fs::write(project.join(format!("src/{name}.rs")), nested(name, 8)).unwrap();
        git(project, &["add", "."]);
        git(project, &["commit", "-q", "-m", name]);
        let text = hook.replace("ai_onboard", &program).replace("medium", level);
        let file = project.join(".git/hooks/pre-push");
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        #[allow(clippy::disallowed_methods, reason = "a person pushes")]
        let mut command = Command::new("git");
        let output =
            command.args(["push", "-q", "-u", "origin", "HEAD:topic"]).current_dir(project);
        let output = output.output().unwrap();
        // Which of the two a hook's own goes to is git's to decide.
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(shown.contains(&format!("{name} is new and hard to follow")), "{shown}");
        output.status.success()
    };
    assert!(push(shows, "medium", "first"));
    assert!(push(refuses, "medium", "second"), "it is low");
    assert!(!push(refuses, "low", "third"));
    assert!(push(shows, "low", "fourth"));
}

#[test]
fn a_shallow_clone_is_judged_as_far_as_it_goes() {
    let mut stream = habits();
    stream.commit("main", 1, "add --fast", &[("src/flags.rs", &nested("fast", 8))]);
    let world = clone(&stream, "main", &["--depth", "3"]);
    expect![[r#"
        exit 0
        ○ low  fast is new and hard to follow: cognitive complexity 36
            src/flags.rs:1  cognitive complexity 36, nesting 8, 4 lines
          → Give the most deeply nested parts of fast (lines 1 to 4) functions of their own while the change is fresh.
        | judged by 2 commits, read from the repository (a shallow clone: older commits are not here)
        | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
        | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
    "#]].assert_eq(&ran(&world, &["--since", "HEAD~1"]));
    expect![[r#"
        exit 2
        | error: `HEAD~9` names no commit that is here
        | hint: this clone is shallow: `git fetch --unshallow`, and `git fetch origin BRANCH` for a branch that is not here
    "#]].assert_eq(&ran(&world, &["--since", "HEAD~9"]));
    // As GitHub checks a pull request out: its merge, and the two commits that it merges.
    let mut stream = Stream::default();
    stream.commit("main", 9, "begin", &[("src/a.rs", "fn other() {}\n")]);
    stream.branch("topic", "main");
    stream.commit("main", 5, "go on", &[("src/b.rs", "fn more() {}\n")]);
    stream.commit("topic", 4, "hard", &[("src/a.rs", &nested("fast", 8))]);
    stream.branch("pull", "main");
    stream.merge("pull", "topic", 3, &[("src/a.rs", &nested("fast", 8))]);
    let world = clone(&stream, "pull", &["--depth", "2"]);
    expect![[r#"
        exit 0
        ○ low  fast is new and hard to follow: cognitive complexity 36
            src/a.rs:1  cognitive complexity 36, nesting 8, 4 lines
          → Give the most deeply nested parts of fast (lines 1 to 4) functions of their own while the change is fresh.
        | judged by 1 commit, read from the repository (a shallow clone: older commits are not here)
        | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 0
        | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
    "#]].assert_eq(&ran(&world, &["--since", "HEAD^1"]));
    let world = clone(&stream, "main", &["--depth", "1"]);
    expect![[r#"
        exit 0
        nothing to judge: HEAD has no commit that origin/main has not
    "#]]
    .assert_eq(&ran(&world, &[]));
}

#[test]
fn a_partial_clone_has_not_every_content() {
    let mut stream = Stream::default();
    stream.commit("main", 9, "begin", &[("src/a.rs", "fn other() {}\n")]);
    stream.branch("topic", "main");
    stream.commit("topic", 4, "hard", &[("src/a.rs", &nested("fast", 8))]);
    let origin = tempfile::tempdir().unwrap();
    stream.import(origin.path(), "topic");
    git(origin.path(), &["config", "uploadpack.allowFilter", "true"]);
    let world = World::new();
    let url = format!("file://{}", origin.path().display());
    let project = world.project.path().to_string_lossy().into_owned();
    git(origin.path(), &["clone", "-q", "--filter=blob:none", &url, &project]);
    expect![[r#"
        exit 0
        nothing worth saying about 1 commit since HEAD~1 (1 file)
        | judged by 1 commit, read from the repository
        | not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 1
        | not judged: risk: of 0 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from
        | not judged: complexity: files that could not be read: 1
    "#]].assert_eq(&ran(&world, &["--since", "HEAD~1"]));
}

#[test]
fn what_the_crew_knows_is_used_and_what_people_answered_holds() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut stream = habits_before(i64::try_from(now.as_secs()).unwrap());
    for number in 0..30 {
        let text = format!("// {number}\n");
        let both = [("src/read.rs", text.as_str()), ("src/write.rs", text.as_str())];
        stream.commit("main", 9, &format!("format {number}"), &both);
    }
    // Changed most often, and hard to follow from here on.
    let hard = nested("parse", 8);
    stream.commit("main", 1, "add --slow", &[("src/flags.rs", &hard)]);
    stream.branch("topic", "main");
    let fast = format!("{hard}// fast\n");
    let files = [("src/flags.rs", fast.as_str()), ("src/read.rs", "// fast\n")];
    stream.commit("topic", 0, "add --fast", &files[..1]);
    stream.commit("topic", 0, "read fast", &files[1..]);
    let world = World::new();
    stream.import(world.project.path(), "topic");
    let said = |from: &str| {
        let json = world.json(&["check", "--since", "main"]);
        assert_eq!(
            (&json["history"], &json["history_commits"]),
            (&from.into(), &91.into()),
            "{json}"
        );
        let findings = json["findings"].as_array().unwrap().iter();
        findings.map(|one| format!("{}\n", one["target"].as_str().unwrap())).collect::<String>()
    };
    let both = "src/read.rs without src/write.rs\nsrc/flags.rs without src/help.rs\n";
    assert_eq!(said("repository"), both);
    world.check(&["bg", "start", "--all", "--wait"], 0, "project-index");
    world.check(&["bg", "run", "pattern-learning", "--wait"], 0, "pattern-learning");
    let (read, flags) = both.split_once('\n').unwrap();
    assert_eq!(said("index"), format!("{read}\nsrc/flags.rs\n{flags}"), "and what is open there");
    world.check(&["check", "--since", "main", "--no-index"], 0, "read from the repository");

    let rows = world.json(&["recommendations", "list", "--all"])["items"].clone();
    let row = rows.as_array().unwrap().iter().find(|row| row["rule"] == "patterns/left-out");
    let id = row.expect("the same is said of main")["fingerprint"].as_str().unwrap().to_owned();
    world.check(&["recommendations", "dismiss", &id, "--reason", "no"], 0, "dismissed");
    assert_eq!(said("index"), format!("{read}\nsrc/flags.rs\n"));

    let known = world.json(&["knowledge", "list"])["items"].clone();
    let pair =
        known.as_array().unwrap().iter().find(|entry| {
            entry["statement"].as_str().unwrap().starts_with("When src/read.rs changes")
        });
    world.check(&["knowledge", "forget", pair.unwrap()["id"].as_str().unwrap()], 0, "forgotten");
    assert_eq!(said("index"), "src/flags.rs\n");

    for blob in std::fs::read_dir(world.home.path().join("state/blobs")).unwrap() {
        std::fs::write(blob.unwrap().path(), "{}").unwrap();
    }
    world.check(&["check", "--since", "main"], 0, "does not hold what its name says; reading the");
    assert_eq!(said("repository"), "src/flags.rs\n");

    world.check(&["daemon", "stop"], 0, "stopped");
    assert_eq!(said("repository"), both, "nobody is there to say what was answered");
}
