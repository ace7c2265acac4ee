//! Repositories as nobody wants them, before every built-in agent and `check`: each gives a result or
//! says what is in the way, and takes no more memory than a run may have.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use onboard_agents::change::{self, Crew};
use onboard_agents::git::Repository;
use onboard_agents::host::{Outcome, Task};
use onboard_agents::{builtins, project_index};

use super::fixture::{Fixture, History, NOW_MS};
use super::memory_host::MemoryHost;

/// What agents say of [`plain`], whatever else is in the repository: left out below.
const USUAL: [&str; 5] = [
    "code-quality-optimizer: (4 functions in 4 files, 0 of them hard to follow; nothing new)",
    "external-tool-integration: (no results of tools; nothing new)",
    "performance-monitor: (first look at the machine; nothing new)",
    "predictive-analytics: (too little history for a forecast; nothing new)",
    "workflow-optimizer: (0 branches merged in a year: too few to time; nothing new)",
];
/// What a run may have.
const MEMORY_KIB: u64 = 512 * 1024;

/// Every agent's word, the index first, and what `check` says of the newest commit.
fn words(root: &Path) -> String {
    let shared = tempfile::tempdir().expect("a folder");
    let task = Task { project_root: root.to_owned(), now_ms: NOW_MS, ..Task::default() };
    let mut index = MemoryHost { task: task.clone(), ..MemoryHost::default() };
    let mut text = String::new();
    let run = project_index::run(&mut index);
    let _ = writeln!(text, "{}: {}", project_index::NAME, shown(run));
    let mut places: BTreeMap<String, PathBuf> = BTreeMap::new();
    for (name, content) in &index.checkpoints {
        let path = shared.path().join(name);
        std::fs::write(&path, content).expect("a file");
        places.insert(name.clone(), path);
    }
    let facts = [(project_index::NAME.to_owned(), places)].into();
    let task = Task { facts, ..task };
    for agent in builtins().iter().filter(|agent| agent.name != project_index::NAME) {
        let mut host = MemoryHost { task: task.clone(), ..MemoryHost::default() };
        let outcome = shown((agent.run)(&mut host));
        let _ = writeln!(text, "{}: {outcome}", agent.name);
        for finding in &host.findings {
            finding.within_bounds().expect("the host takes it");
            let _ = writeln!(text, "  {}: {}", finding.rule, finding.title);
        }
    }
    let _ = write!(text, "check: {}", checked(root));
    text.replace(&*root.to_string_lossy(), "$ROOT")
}

fn shown(outcome: Result<Outcome, onboard_agents::host::AgentError>) -> String {
    match outcome {
        Ok(Outcome::Succeeded { summary }) => summary,
        Ok(Outcome::NothingToReport { summary }) => format!("({summary})"),
        Err(error) => format!("failed: {error}"),
    }
}

fn checked(root: &Path) -> String {
    let repository = match Repository::open(root, None) {
        Ok(repository) => repository,
        Err(error) => return error.to_string(),
    };
    let change = match change::read(root, &repository, Some("HEAD~1")) {
        Ok(change) => change,
        Err(refusal) => return refusal.to_string(),
    };
    let learned = change::learn(root, &repository, &change, None, &mut |_, _| {});
    let learned = match learned {
        Ok(learned) => learned,
        Err(error) => return error.to_string(),
    };
    let judged = change::judge(&repository, &change, &learned, &Crew::default(), NOW_MS);
    let files = change.files.len();
    let findings = judged.findings.iter().map(|one| format!("; {}", one.title));
    let not = judged.not_judged.iter().map(|why| format!("; not judged: {why}"));
    let limits = learned.limits.iter().map(|what| format!("; of the past: {what}"));
    let said: String = findings.chain(not).chain(limits).collect();
    format!("{} commits, {files} files{said}", change.ids.len())
}

fn check(root: &Path, expected: Expect) {
    expected.assert_eq(&unusual(&words(root)));
}

fn unusual(words: &str) -> String {
    words.lines().filter(|line| !USUAL.contains(line)).collect::<Vec<_>>().join("\n")
}

/// Forty commits by two people, one a day.
fn plain() -> History {
    let mut history = History::default();
    for day in 0..40 {
        let text = format!("def step(a):\n    return a + {day}\n");
        let path = format!("core/part{}.py", day % 4);
        let who = ["ann", "bob"][day as usize % 2];
        history.commit("main", who, 60 - day, "step", &[(&path, &text)]);
    }
    history
}

/// A commit of the newest day, as git's own words.
fn newest(body: &str) -> String {
    let at = NOW_MS / 1_000 - 3_600;
    format!("commit refs/heads/main\ncommitter ann <ann@example.org> {at} +0000\n{body}\n")
}

#[test]
fn nothing_and_next_to_nothing() {
    check(
        Fixture::folder().root(),
        expect![[r#"
        project-index: (nothing to index: not a git repository)
        code-quality-optimizer: (the project has not been indexed yet)
        pattern-learning: (the project has not been indexed yet)
        predictive-analytics: (the project has not been indexed yet)
        project-health-monitor: (not a git repository; 0 open findings; nothing new)
        workflow-optimizer: (the project has not been indexed yet)
        check: not a git repository"#]],
    );
    check(
        Fixture::new().root(),
        expect![[r#"
        project-index: (nothing to index: no commits yet)
        code-quality-optimizer: (the project has not been indexed yet)
        pattern-learning: (the project has not been indexed yet)
        predictive-analytics: (the project has not been indexed yet)
        project-health-monitor: (no commits yet; 0 open findings; nothing new)
        workflow-optimizer: (the project has not been indexed yet)
        check: there are no commits yet"#]],
    );
    let mut history = History::default();
    history.commit("main", "ann", 1, "one", &[("a.py", "x = 1\n")]);
    check(
        Fixture::of(&history).root(),
        expect![[r#"
        project-index: 1 commits, 1 files, 1 of them with metrics
        code-quality-optimizer: (0 functions in 1 files, 0 of them hard to follow; nothing new)
        pattern-learning: (0 things known of 1 changes; nothing new)
        project-health-monitor: (no health score (0 of 100 points measured), 1 commit on main; 0 open findings; nothing new)
        check: `HEAD~1` names no commit that is here"#]],
    );
}

#[test]
fn shallow_and_bare() {
    let origin = Fixture::of(&plain());
    let url = format!("file://{}", origin.root().display());
    let (shallow, bare) = (Fixture::folder(), Fixture::folder());
    shallow.git(&["clone", "--quiet", "--depth=1", &url, "."]);
    check(
        shallow.root(),
        expect![[r#"
        project-index: 1 commits, 4 files, 4 of them with metrics; a shallow clone: older commits are not here
        pattern-learning: (0 things known of 0 changes; nothing new)
        project-health-monitor: (no health score (5 of 100 points measured), 1 commit on main; 0 open findings; nothing new)
        check: `HEAD~1` names no commit that is here"#]],
    );
    bare.git(&["clone", "--quiet", "--bare", &url, "."]);
    check(
        bare.root(),
        expect![[r#"
            project-index: 40 commits, 4 files, 4 of them with metrics
            pattern-learning: (0 things known of 40 changes; nothing new)
            project-health-monitor: (no health score (30 of 100 points measured), 40 commits on main; 0 open findings; nothing new)
            check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 39"#]],
    );
}

#[test]
fn a_pack_that_ends_early() {
    let fixture = Fixture::of(&plain());
    fixture.git(&["repack", "-adq"]);
    let folder = std::fs::read_dir(fixture.path(".git/objects/pack")).expect("packs");
    let is_pack = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "pack");
    let pack = folder.filter_map(Result::ok).map(|entry| entry.path()).find(is_pack);
    let pack = pack.expect("a pack");
    let content = std::fs::read(&pack).expect("it is read");
    // In place of the old file, which is not to be written.
    std::fs::remove_file(&pack).expect("it goes");
    std::fs::write(&pack, &content[..content.len() / 2]).expect("half of it is back");
    let said = words(fixture.root());
    let health = said.lines().find(|line| line.contains("health/repository-damaged"));
    assert!(health.is_some(), "nobody says that it is damaged:\n{said}");
    assert!(!said.contains("panicked") && !said.contains("failed:"), "{said}");
}

#[test]
fn objects_of_noise() {
    let fixture = Fixture::of(&plain());
    let lost = ["main~20", "main~10^{tree}", "main:core/part1.py"];
    let lost = lost.map(|name| fixture.git(&["rev-parse", name]));
    fixture.unpack();
    for id in lost {
        let path = fixture.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]));
        std::fs::remove_file(&path).expect("a loose object");
        std::fs::write(&path, b"noise").expect("noise is written");
    }
    check(
        fixture.root(),
        expect![[r#"
        project-index: 20 commits, 3 files, 3 of them with metrics; 1 files could not be read; 1 commits could not be read
        code-quality-optimizer: (3 functions in 3 files, 0 of them hard to follow; nothing new)
        pattern-learning: (0 things known of 17 changes; nothing new)
        project-health-monitor: no health score (15 of 100 points measured), 20 commits on main; 1 open finding; 1 new
          health/repository-damaged: The git repository cannot be read as it should
        check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 16; not judged: risk: of 8 commits of the last three years 0 were followed by a fix of what they changed; that is too few to learn from; of the past: commits that could not be read, and what they build on"#]],
    );
}

#[test]
fn names_and_texts_that_are_not_utf8() {
    let mut history = plain();
    history.raw(
        b"commit refs/heads/main\nauthor J\xf6rg <j\xf6rg@example.org> 1795400000 +0000\n\
          committer J\xf6rg <j\xf6rg@example.org> 1795400000 +0000\ndata 4\n\xe9t\xe9\n\
          M 100644 inline \"core/\\351t\\351.py\"\ndata 20\ndef \xe9(x):\n    pass\n\xff\n\n",
    );
    check(
        Fixture::of(&history).root(),
        expect![[r#"
            project-index: 41 commits, 5 files, 5 of them with metrics
            code-quality-optimizer: (4 functions in 5 files, 0 of them hard to follow; nothing new)
            pattern-learning: (0 things known of 41 changes; nothing new)
            project-health-monitor: (no health score (30 of 100 points measured), 41 commits on main; 0 open findings; nothing new)
            check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 40"#]],
    );
}

#[test]
fn links_in_circles_submodules_and_pointers() {
    let mut history = plain();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:\
                   4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 987654321\n";
    history.raw(
        newest(&format!(
            "data 5\nlinks\nM 120000 inline core/loop.py\ndata 7\nloop.py\n\
             M 120000 inline up\ndata 2\n..\n\
             M 160000 1234567890123456789012345678901234567890 parts/other\n\
             M 100644 inline data/model.py\ndata {}\n{pointer}\n",
            pointer.len()
        ))
        .as_bytes(),
    );
    let fixture = Fixture::new();
    fixture.import(&history);
    fixture.git(&["checkout", "--quiet", "-f", "main"]);
    check(
        fixture.root(),
        expect![[r#"
            project-index: 41 commits, 5 files, 4 of them with metrics
            pattern-learning: (0 things known of 41 changes; nothing new)
            project-health-monitor: (no health score (30 of 100 points measured), 41 commits on main; 0 open findings; nothing new)
            check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 40"#]],
    );
}

#[test]
fn commits_from_the_future_and_from_before_time() {
    let mut history = plain();
    for (at, what) in [("4102444800", "2100"), ("0", "1970"), ("99999999999999", "never")] {
        history.raw(
            format!(
                "commit refs/heads/main\nauthor ann <a@x> {at} +0000\n\
                 committer ann <a@x> {at} +0000\ndata {}\n{what}\n\
                 M 100644 inline a.py\ndata {}\n# {what}\n\n",
                what.len(),
                what.len() + 3
            )
            .as_bytes(),
        );
    }
    check(
        Fixture::of(&history).root(),
        expect![[r#"
            project-index: 43 commits, 5 files, 5 of them with metrics
            code-quality-optimizer: (4 functions in 5 files, 0 of them hard to follow; nothing new)
            pattern-learning: (0 things known of 43 changes; nothing new)
            project-health-monitor: (health 73/100 (55 points measured), 43 commits on main; 0 open findings; nothing new)
            check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 42"#]],
    );
}

#[test]
fn ten_thousand_branches() {
    let mut history = plain();
    for number in 0..10_000 {
        history
            .raw(format!("reset refs/heads/b{number}\nfrom :{}\n\n", 1 + number % 40).as_bytes());
    }
    let fixture = Fixture::of(&history);
    fixture.git(&["pack-refs", "--all"]);
    check(
        fixture.root(),
        expect![[r#"
            project-index: 40 commits, 4 files, 4 of them with metrics
            pattern-learning: (0 things known of 40 changes; nothing new)
            project-health-monitor: (no health score (35 of 100 points measured), 40 commits on main; 0 open findings; nothing new)
            check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 39"#]],
    );
}

#[test]
fn folders_inside_of_folders_and_one_commit_of_many_files() {
    let mut history = plain();
    let deep = "d/".repeat(300);
    let mut body = format!("data 4\nmany\nM 100644 inline {deep}a.py\ndata 2\nx\n");
    for number in 0..25_000 {
        let _ = write!(body, "M 100644 inline wide/f{number}.py\ndata 2\nx\n");
    }
    history.raw(newest(&body).as_bytes());
    let fixture = Fixture::new();
    fixture.import(&history);
    check(
        fixture.root(),
        expect![[r#"
            project-index: 41 commits, 25004 files, 25004 of them with metrics; folders nested more than 64 deep are left out (1); of 1 commits not all changes are kept
            code-quality-optimizer: (4 functions in 25004 files, 0 of them hard to follow; nothing new)
            pattern-learning: (0 things known of 40 changes; nothing new)
            project-health-monitor: (no health score (45 of 100 points measured), 41 commits on main; 0 open findings; nothing new)
            check: 1 commits, 20000 files; not judged: files that differ, beyond the first 20000; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 40; not judged: complexity: of the last 19900 of 20000 code files"#]],
    );
}

/// Alone in a process, whose memory is then that of this test.
#[test]
#[allow(clippy::disallowed_methods, reason = "how a test tells itself that it is alone")]
fn a_generated_file_of_200_megabytes() {
    const NAME: &str = "hard_repositories::a_generated_file_of_200_megabytes";
    const FOLDER: &str = "ONBOARD_TEST_HUGE";
    if let Some(root) = std::env::var_os(FOLDER) {
        println!("{}\npeak {}", words(Path::new(&root)), peak_kib());
        return;
    }
    let fixture = Fixture::new();
    fixture.import(&plain());
    fixture.git(&["reset", "--quiet", "--hard"]);
    let line = "pub static TABLE: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];\n";
    for times in [200 * 1024 * 1024 / line.len(), 201 * 1024 * 1024 / line.len()] {
        std::fs::write(fixture.path("generated.rs"), line.repeat(times)).expect("it is written");
        fixture.git(&["-c", "core.compression=1", "add", "generated.rs"]);
        fixture.git(&["commit", "--quiet", "-m", "generate"]);
    }
    let said = alone(NAME, FOLDER, fixture.root());
    let (said, rest) = said.split_once("\npeak ").expect("it ran to its end");
    let from = said.find(project_index::NAME).expect("the index speaks first");
    expect![[r#"
        project-index: 42 commits, 5 files, 4 of them with metrics
        pattern-learning: (0 things known of 42 changes; nothing new)
        project-health-monitor: (no health score (30 of 100 points measured), 42 commits on main; 0 open findings; nothing new)
        check: 1 commits, 1 files; not judged: what usually changes together: too little of it yet to be tried; changes of few files so far: 41"#]].assert_eq(&unusual(&said[from..]));
    let peak = rest.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    assert!(peak.expect("a number") <= MEMORY_KIB, "{peak:?} KiB");
}

/// Runs one test of this program by itself, and gives what it printed.
#[allow(clippy::disallowed_methods, reason = "the test is run once more, in a process of its own")]
fn alone(test: &str, variable: &str, root: &Path) -> String {
    let program = std::env::current_exe().expect("this program");
    let mut child = std::process::Command::new(program);
    let output = child.args(["--exact", test, "--nocapture"]).env(variable, root).output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it did not end well: {said}\n{errors}");
    said
}

/// The memory of this process at its peak, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a peak")
}
