//! The project's index on a large project, and what is judged by it.

use super::cost::{self, Cost};
use super::history::{spent, wall};
use super::process::wait_until;
use super::served::{Served, text};
use super::spread::short;
use super::subject::git;
use super::{Bench, Line};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const AGENT: &str = "project-index";
/// Commits between the first run and the second.
const NEWER: usize = 100;
/// Commits of the change that is judged.
const JUDGED: usize = 5;
/// A run has a tenth of a core: a minute of it takes ten, and more on a busy machine.
const RUN_LIMIT: Duration = Duration::from_secs(3_600);
/// What one run of an agent may have.
const MEMORY_MIB: f64 = 512.0;
/// Its deadline of fifteen minutes at a tenth of a core.
const PROCESSOR_S: f64 = 90.0;
const NULL: &str = "/dev/null";

/// The first run, and one after a hundred commits; both outside of a sandbox, which would hold them
/// back.
pub fn runs(bench: &Bench) -> Result<Vec<Line>, String> {
    let root = bench.subject.behind(bench, "index", NEWER)?;
    let kept = bench.new_folder("index-kept")?;
    let first = run(bench, &root, &kept)?;
    let (mut next, mut read, mut log) = (Vec::new(), Vec::new(), Vec::new());
    let old = git(&root, &["rev-parse", "main"])?;
    for round in 0..bench.rounds(5, 1) {
        let copy = bench.new_folder(&format!("index-kept-{round}"))?;
        copy_files(&kept, &copy)?;
        git(&root, &["update-ref", "refs/heads/main", "refs/heads/newest"])?;
        next.push(run(bench, &root, &copy)?);
        read.push(newer(bench, &root, &old)?);
        git(&root, &["update-ref", "refs/heads/main", &old])?;
        let range = format!("{old}..newest");
        let root = root.to_string_lossy();
        let words = ["-C", &root, "log", "--no-merges", "--numstat", "-M", &range];
        log.push(cost::of(Path::new("git"), &words, Path::new(NULL), &[])?);
    }
    let (second, history) = (wall(&next)?, wall(&read)?);
    let beside_newer = format!("`git log --numstat -M` of them: {}", wall(&log)?.show("s"));
    let all = ["-C", &root.to_string_lossy(), "log", "--no-merges", "--numstat", "-M"];
    let beside = [cost::of(Path::new("git"), &all, Path::new(NULL), &[])?];
    let git_log = format!("`git log --numstat -M`: {}", spent(&beside));
    Ok(vec![
        Line {
            what: "project index, first run: processor",
            ours: format!("{} s", short(first.cpu_s)),
            reference: git_log.clone(),
            aim: "≤ 90 s, its deadline at a tenth of a core",
            limit: PROCESSOR_S,
            judged: first.cpu_s,
            why_missed: "It goes on from its last checkpoint in the next run.",
        },
        Line {
            what: "project index, first run: memory",
            ours: format!("{:.0} MiB", first.peak_mib),
            reference: git_log,
            aim: "≤ 512 MiB",
            limit: MEMORY_MIB,
            judged: first.peak_mib,
            why_missed: "An eighth of the files and the newest part of history are held at a time.",
        },
        Line {
            what: "history of 100 new commits, with renames and lines",
            ours: format!("{}, {}", history.show("s"), spent(&read)),
            reference: beside_newer.clone(),
            aim: "≤ 0.15 s",
            limit: 0.15,
            judged: history.median(),
            why_missed: "Each content that changed is unpacked and compared.",
        },
        Line {
            what: "project index, run after 100 commits",
            ours: format!("{}, {}", second.show("s"), spent(&next)),
            reference: beside_newer,
            aim: "≤ 0.15 s",
            limit: 0.15,
            judged: second.median(),
            why_missed: "Most of it parses the files that changed, whole; the rest is their history, and \
                         what is kept of all files, read and written back.",
        },
    ])
}

fn run(bench: &Bench, root: &Path, kept: &Path) -> Result<Cost, String> {
    let program = bench.built.join("examples/index_run");
    cost::of(&program, &[&root.to_string_lossy(), &kept.to_string_lossy()], Path::new(NULL), &[])
}

/// History alone, of what came since a commit.
fn newer(bench: &Bench, root: &Path, since: &str) -> Result<Cost, String> {
    let program = bench.built.join("examples/measure_history");
    let root = root.to_string_lossy();
    cost::of(&program, &[&root, "lines", "2", since], Path::new(NULL), &[])
}

fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    let why = |error: std::io::Error| format!("{}: {error}", from.display());
    for entry in std::fs::read_dir(from).map_err(why)? {
        let entry = entry.map_err(why)?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(why)?;
    }
    Ok(())
}

/// `ai_onboard check` of the newest commits: with a daemon whose index is warm, and without a daemon.
pub fn check(bench: &Bench) -> Result<Vec<Line>, String> {
    let root = bench.subject.behind(bench, "check", JUDGED)?;
    let home = bench.folder.join("check-home");
    let served = Served::start(bench, &home)?;
    served.register(&root)?;
    let agents = served.agents(AGENT)?;
    let answer = served.start_agents(&agents)?;
    indexed(&served, &text(&answer["agents"][0]["run"]))?;
    git(&root, &["symbolic-ref", "HEAD", "refs/heads/newest"])?;
    let shown = root.to_string_lossy();
    let nowhere = bench.new_folder("check-nowhere")?;
    let check = |home: &Path| {
        let words = ["check", "--since", "main", "--project", &shown];
        let env = [("AI_ONBOARD_HOME", home.to_path_buf().into_os_string())];
        cost::of(&bench.program(), &words, Path::new(NULL), &env)
    };
    let (mut warm, mut cold, mut diff) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds(7, 2) {
        warm.push(check(&home)?);
        cold.push(check(&nowhere)?);
        let words = ["-C", &shown, "log", "--numstat", "-M", "main..newest"];
        diff.push(cost::of(Path::new("git"), &words, Path::new(NULL), &[])?);
    }
    let warm_wall = wall(&warm)?;
    let (alone, beside) = (wall(&cold)?.show("s"), wall(&diff)?.show("s"));
    Ok(vec![Line {
        what: "`ai_onboard check` of five commits on a warm index",
        ours: format!("{}, {}", warm_wall.show("s"), spent(&warm)),
        reference: format!(
            "without a daemon: {alone}, {}; `git log --numstat -M` of them: {beside}",
            spent(&cold)
        ),
        aim: "≤ 1 s",
        limit: 1.0,
        judged: warm_wall.median(),
        why_missed: "All of the history that the index keeps is read, and what changes together and \
                     what is risky learned from it anew.",
    }])
}

/// Waits for the index; a run that was cut short goes on in the next.
fn indexed(served: &Served, run: &str) -> Result<(), String> {
    let mut row = Value::Null;
    wait_until("a run of the project's index", RUN_LIMIT, || {
        row = served.get(&format!("/api/v1/runs/{run}"))?;
        Ok(!row["ended"].is_null())
    })?;
    match text(&row["result"]).as_str() {
        "succeeded" | "nothing_to_report" => Ok(()),
        _ => Err(format!("{run} did not succeed: {row}")),
    }
}
