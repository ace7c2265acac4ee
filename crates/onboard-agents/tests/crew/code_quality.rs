//! The index and the code quality optimizer on real repositories.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use onboard_agents::git::MOST_REFERENCES;
use onboard_agents::host::{AgentError, Finding, Outcome, Task};
use onboard_agents::{code_quality_optimizer, facts, project_index};

use super::fixture::{Fixture, History, NOW_MS};
use super::memory_host::MemoryHost;
use super::readers::told;

/// The index's host, and the one of the agent that reads it.
struct Crew {
    index: MemoryHost,
    quality: MemoryHost,
    shared: tempfile::TempDir,
}

impl Crew {
    fn of(root: &Path) -> Self {
        let task = Task { project_root: root.to_owned(), now_ms: NOW_MS, ..Task::default() };
        let host = || MemoryHost { task: task.clone(), ..MemoryHost::default() };
        Self { index: host(), quality: host(), shared: tempfile::tempdir().expect("a folder") }
    }

    fn index(&mut self) -> String {
        let outcome = project_index::run(&mut self.index);
        self.share();
        words(outcome)
    }

    /// As the daemon does: what is kept are files for who reads it.
    fn share(&mut self) {
        let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
        for (name, text) in &self.index.checkpoints {
            let path = self.shared.path().join(name);
            std::fs::write(&path, text).expect("a file");
            places.insert(name.clone(), path);
        }
        self.quality.task.facts = [(project_index::NAME.to_owned(), places)].into();
    }

    fn judge(&mut self) -> String {
        let told = self.quality.findings.len();
        let outcome = code_quality_optimizer::run(&mut self.quality);
        let mut lines = vec![words(outcome)];
        for finding in &self.quality.findings[told..] {
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
        lines.join("\n")
    }
}

fn words(outcome: Result<Outcome, AgentError>) -> String {
    match outcome {
        Ok(Outcome::Succeeded { summary }) => format!("succeeded: {summary}"),
        Ok(Outcome::NothingToReport { summary }) => format!("nothing to report: {summary}"),
        Err(error) => format!("failed: {error}"),
    }
}

/// Runs both; what each says.
fn check(root: &Path, expected: Expect) {
    let mut crew = Crew::of(root);
    let index = crew.index();
    expected.assert_eq(&format!("{index}\n{}", crew.judge()));
}

/// A function with so many `if`s inside of each other.
fn nested(name: &str, depth: usize) -> String {
    let mut text = format!("fn {name}(x: u32) {{\n");
    for level in 0..depth {
        text += &format!("{}if x > {level} {{\n", "    ".repeat(level + 1));
    }
    for level in (0..=depth).rev() {
        text += &format!("{}}}\n", "    ".repeat(level));
    }
    text
}

/// `hot.rs` is changed every other day and hard to follow; `cold.rs` is as hard, and nobody works
/// on it; `easy.rs` is changed as often.
pub fn project() -> History {
    let mut history = History::default();
    let cold = nested("cold", 8);
    history.commit("main", "ann", 400, "begin", &[("src/cold.rs", &cold)]);
    for day in 0..20 {
        let hot = format!("// {day}\n{}", nested("hot", 7));
        let easy = format!("fn easy() -> u32 {{ {day} }}\n");
        let who = if day % 2 == 0 { "ann" } else { "bob" };
        let files = [("src/hot.rs", hot.as_str()), ("src/easy.rs", easy.as_str())];
        history.commit("main", who, 45 - 2 * day, &format!("change {day}"), &files);
    }
    history
}

/// Of projects in which each rule has something to say.
pub fn examples() -> Vec<Finding> {
    let fixture = Fixture::of(&project());
    let mut crew = Crew::of(fixture.root());
    crew.quality.task.now_ms -= 35 * 86_400_000;
    crew.index();
    crew.judge();
    let mut more = History::default();
    more.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
    for number in 0..6 {
        let (path, text) = (format!("src/new{number}.rs"), nested("new", 7));
        more.commit("main", "ann", 1, "more", &[(&path, &text)]);
    }
    fixture.import(&more);
    crew.quality.task.now_ms = NOW_MS;
    crew.index();
    crew.judge();
    [crew.quality.findings, told(&[noted(), copied(true)], code_quality_optimizer::run)].concat()
}

#[test]
fn only_what_is_hot_and_hard_is_said() {
    let fixture = Fixture::of(&project());
    check(
        fixture.root(),
        expect![[r#"
            succeeded: 21 commits, 3 files, 3 of them with metrics
            succeeded: 3 functions in 3 files, 2 of them hard to follow; 1 new
            [low] quality/hotspot of src/hot.rs
              src/hot.rs changes often and is hard to follow: hot has cognitive complexity 28
              20 changes in a year, the last 6 days ago: number 1 of 3 source files by changes and size. One function is hard to follow here (cognitive complexity of 25 or nesting of 5 and more).
              do: Before the next change, split hot (lines 2 to 17): give its most deeply nested parts functions of their own.
              - File line 2: hot: cognitive complexity 28, cyclomatic 8, nesting 7, 16 lines
              - Number 20: changes in a year, by 2 people
              - Commit: 6 days ago: change 19
              - Commit: 8 days ago: change 18"#]],
    );
}

#[test]
fn what_was_said_is_not_said_again_and_what_was_mended_is_gone() {
    let mut history = project();
    let fixture = Fixture::of(&history);
    let mut crew = Crew::of(fixture.root());
    let mut log = vec![crew.index(), crew.judge(), crew.index(), crew.judge()];
    history = History::default();
    history.raw(b"reset refs/heads/main\nfrom refs/heads/main^0\n\n");
    history.commit("main", "ann", 0, "simpler", &[("src/hot.rs", "fn hot() {}\n")]);
    fixture.import(&history);
    log.extend([crew.index(), crew.judge()]);
    expect![[r#"
        succeeded: 21 commits, 3 files, 3 of them with metrics
        succeeded: 3 functions in 3 files, 2 of them hard to follow; 1 new
        [low] quality/hotspot of src/hot.rs
          src/hot.rs changes often and is hard to follow: hot has cognitive complexity 28
          20 changes in a year, the last 6 days ago: number 1 of 3 source files by changes and size. One function is hard to follow here (cognitive complexity of 25 or nesting of 5 and more).
          do: Before the next change, split hot (lines 2 to 17): give its most deeply nested parts functions of their own.
          - File line 2: hot: cognitive complexity 28, cyclomatic 8, nesting 7, 16 lines
          - Number 20: changes in a year, by 2 people
          - Commit: 6 days ago: change 19
          - Commit: 8 days ago: change 18
        nothing to report: 21 commits, 3 files, 3 of them with metrics
        nothing to report: 3 functions in 3 files, 2 of them hard to follow; nothing new
        succeeded: 22 commits, 3 files, 3 of them with metrics
        succeeded: 3 functions in 3 files, 1 of them hard to follow; 1 resolved"#]].assert_eq(&log.join("\n"));
    expect!["quality/hotspot of src/hot.rs by 94939f4af427128777ff1f8f12239adb594bb591"]
        .assert_eq(&crew.quality.resolved.join("\n"));
}

/// A hot file with notes of unfinished work.
fn noted() -> History {
    let mut history = History::default();
    for day in 0..9 {
        let text = format!(
            "fn f() {{}} // {day}\n// TODO: one\n// FIXME: two\n// HACK: three\n// XXX: four\n"
        );
        history.commit("main", "ann", 10 - day, "more", &[("src/net.rs", &text)]);
    }
    history
}

#[test]
fn debt_in_a_hot_file_is_said_with_its_lines() {
    check(
        Fixture::of(&noted()).root(),
        expect![[r#"
        succeeded: 9 commits, 1 files, 1 of them with metrics
        succeeded: 1 functions in 1 files, 0 of them hard to follow; 1 new
        [low] quality/debt of src/net.rs
          src/net.rs changes often and has 4 notes of unfinished work
          9 changes in a year, the last 1 days ago; whoever changes it next works around what its notes say.
          do: Finish or drop the note in line 2, and turn those that stay into issues.
          - File line 2: // TODO: one
          - File line 3: // FIXME: two
          - File line 4: // HACK: three
          - File line 5: // XXX: four
          - Number 9: changes in a year"#]],
    );
}

/// A function of some 130 words and signs, with names of its own.
fn summing(name: &str) -> String {
    let (list, sum) = (format!("{name}_list"), format!("{name}_sum"));
    format!(
        "fn {name}({list}: &[u64], most: u64) -> Option<u64> {{\n    let mut {sum} = 0;\n    \
         for item in {list}.iter().copied() {{\n        if item > most {{\n            {sum} += item * 2;\n        \
         }} else if item == most {{\n            continue;\n        }}\n        {sum} = {sum}.checked_add(item)?;\n        \
         while {sum} > 1_000 {{\n            {sum} -= most / 3 + 1;\n        }}\n    }}\n    \
         let total = {list}.len() as u64 + {sum};\n    if total % 2 == 0 {{\n        return None;\n    }}\n    Some(total)\n}}\n"
    )
}

/// Both sides of a copy are changed four times, in the same commits or not.
fn copied(together: bool) -> History {
    let mut history = History::default();
    for day in 0..4 {
        let read = format!("// {day}\n{}", summing("read"));
        let write = format!("// {day}\n\n{}", summing("write"));
        let files = [("src/read.rs", read.as_str()), ("src/write.rs", write.as_str())];
        if together {
            history.commit("main", "ann", 9 - 2 * day, &format!("change {day}"), &files);
        } else {
            for (number, file) in (0..).zip(files) {
                let days_ago = 9 - 2 * day - number;
                history.commit("main", "ann", days_ago, &format!("change {day}"), &[file]);
            }
        }
    }
    history
}

#[test]
fn a_copy_is_said_where_both_change_together() {
    check(
        Fixture::of(&copied(true)).root(),
        expect![[r#"
        succeeded: 4 commits, 2 files, 2 of them with metrics
        succeeded: 2 functions in 2 files, 0 of them hard to follow; 1 new
        [low] quality/copy of src/write.rs and src/read.rs
          src/write.rs and src/read.rs have 19 lines in common and change together
          114 words and signs of write are those of read, names and constants aside, and 4 commits of the last year changed both files.
          do: Give write and read one function for it before the next change, or note in each that the other has to follow.
          - File line 3: write: lines 3 to 21
          - File line 2: read: lines 2 to 20
          - Number 4: changes of both in a year
          - Commit: both: change 3
          - Commit: both: change 2"#]],
    );
    check(
        Fixture::of(&copied(false)).root(),
        expect![[r#"
        succeeded: 8 commits, 2 files, 2 of them with metrics
        nothing to report: 2 functions in 2 files, 0 of them hard to follow; nothing new"#]],
    );
}

#[test]
fn a_project_without_commits_or_git_is_nothing_to_index() {
    check(
        Fixture::folder().root(),
        expect![[r#"
        nothing to report: nothing to index: not a git repository
        nothing to report: the project has not been indexed yet"#]],
    );
    check(
        Fixture::new().root(),
        expect![[r#"
        nothing to report: nothing to index: no commits yet
        nothing to report: the project has not been indexed yet"#]],
    );
}

/// History and files as the index has them, for comparison.
fn everything(crew: &Crew) -> String {
    let facts = facts::read(&crew.quality.task).expect("indexed");
    let history = &facts.history;
    let mut lines: Vec<String> = history
        .commits
        .iter()
        .map(|commit| {
            let changes = commit.changes.iter().map(|change| {
                let lines = change.lines.expect("counted");
                format!("{}+{}-{}", history.paths[change.path], lines.added, lines.removed)
            });
            format!("{} {}", commit.subject, changes.collect::<Vec<_>>().join(" "))
        })
        .collect();
    lines.extend(facts.files.iter().map(|row| format!("{} {}", row.path, row.blob)));
    lines.join("\n")
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let fixture = Fixture::of(&project());
    let mut whole = Crew::of(fixture.root());
    whole.index();
    for saves in 0..12 {
        let mut crew = Crew::of(fixture.root());
        crew.index.saves_left = Some(saves);
        let killed = project_index::run_with_stride(&mut crew.index, 3);
        assert!(killed.is_err(), "{saves} checkpoints are not enough for all of it");
        crew.index.saves_left = None;
        crew.index();
        assert_eq!(everything(&crew), everything(&whole), "killed after {saves} checkpoints");
    }
}

/// Commits of which not all changes are kept.
fn cut(crew: &Crew) -> u64 {
    let index: serde_json::Value =
        serde_json::from_str(&crew.index.checkpoints["index"]).expect("JSON");
    index["cut"].as_u64().expect("a count")
}

#[test]
fn what_a_killed_run_had_cut_is_counted_once() {
    // A commit whose changes don't fit one part of the history, behind one that begins a part.
    let long = ["x"; 200].concat();
    let paths: Vec<String> = (0..6_000).map(|at| format!("src/{long}/{long}{at}.rs")).collect();
    let files: Vec<(&str, &str)> =
        paths.iter().map(|path| (path.as_str(), "fn a() {}\n")).collect();
    let mut history = History::default();
    history.commit("main", "ann", 3, "begin", &[("src/a.rs", "fn a() {}\n")]);
    history.commit("main", "ann", 2, "add very much", &files);
    let fixture = Fixture::of(&history);
    for saves in 0..5 {
        let mut crew = Crew::of(fixture.root());
        crew.index.saves_left = Some(saves);
        project_index::run(&mut crew.index).expect_err("killed");
        crew.index.saves_left = None;
        crew.index();
        assert_eq!(cut(&crew), 1, "killed after {saves} checkpoints");
    }
}

#[test]
fn tags_that_are_too_many_are_said() {
    let mut history = History::default();
    let mark = history.commit("main", "ann", 3, "begin", &[("src/a.rs", "fn a() {}\n")]);
    for number in 0..MOST_REFERENCES + 2 {
        history.tag(&format!("v1.{number}.0"), mark);
    }
    let fixture = Fixture::of(&history);
    fixture.git(&["pack-refs", "--all"]);
    let mut crew = Crew::of(fixture.root());
    crew.index();
    let facts = facts::read(&crew.quality.task).expect("indexed");
    assert_eq!(facts.index.limits, ["of 5002 tags only 5000 are read"]);
}

/// What is kept is changed by hand: whoever reads everything anew would not have it.
fn mark(crew: &mut Crew) {
    let kept = crew.index.checkpoints.get_mut("history-0").expect("a part is kept");
    *kept = kept.replace("\"begin\"", "\"kept\"");
}

#[test]
fn what_is_kept_is_not_read_again() {
    let fixture = Fixture::of(&project());
    let mut crew = Crew::of(fixture.root());
    crew.index.saves_left = Some(5);
    project_index::run_with_stride(&mut crew.index, 3).expect_err("killed");
    mark(&mut crew);
    crew.index.saves_left = None;
    // The tip moves on before it is gone on with, and again, with a run that is killed.
    let mut more = History::default();
    let on_main = b"reset refs/heads/main\nfrom refs/heads/main^0\n\n";
    more.raw(on_main);
    more.commit("main", "ann", 2, "more", &[("src/more.rs", "fn more() {}\n")]);
    fixture.import(&more);
    crew.index();
    let mut most = History::default();
    most.raw(on_main);
    for day in 0..6 {
        let text = format!("fn most() {{}} // {day}\n");
        most.commit("main", "ann", 1, "most", &[("src/most.rs", &text)]);
    }
    fixture.import(&most);
    crew.index.saves_left = Some(3);
    project_index::run_with_stride(&mut crew.index, 2).expect_err("killed");
    crew.index.saves_left = None;
    crew.index();
    let mut whole = Crew::of(fixture.root());
    whole.index();
    assert_eq!(everything(&crew), everything(&whole).replace("begin", "kept"));
}

#[test]
fn rewritten_history_is_read_anew() {
    let fixture = Fixture::of(&project());
    let mut crew = Crew::of(fixture.root());
    crew.index();
    let mut other = History::default();
    other.commit("main", "eve", 5, "another beginning", &[("src/new.rs", "fn new() {}\n")]);
    fixture.import(&other);
    crew.index();
    expect![[r#"
        another beginning src/new.rs+1-0
        src/new.rs b5c0f9a33825f1ebc1e03233ea9ba24caa9e79ad"#]]
    .assert_eq(&everything(&crew));
    expect!["Info: history was rewritten; reading it anew"].assert_eq(&crew.index.log.join("\n"));
}

#[test]
fn what_looks_like_a_secret_is_not_shared() {
    let mut history = History::default();
    let token = ["ghp", "_", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].concat();
    let subject = format!("use {token}");
    let text = format!("// TODO: drop {token}\nfn f() {{}}\n");
    history.commit("main", "ann", 1, &subject, &[("src/a.rs", &text)]);
    let fixture = Fixture::of(&history);
    let mut crew = Crew::of(fixture.root());
    crew.index();
    for (name, text) in &crew.index.checkpoints {
        assert!(!text.contains(&token), "{name}");
    }
}
