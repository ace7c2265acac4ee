//! What busy agents take from the person at the machine: a build in the foreground, with them and
//! without.

use super::served::{Served, make_room, number, project};
use super::spread::Spread;
use super::{Bench, Line};
use crate::command;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// As many as the crew has.
const AGENTS: usize = 7;
/// Works as hard as it may until it is ended.
const AGENT: &str = "program: [bash, -c, \"while :; do :; done\"]\nschedule: daily\n\
                     resources: {cpu: low, memory: low, io: low}\n";
const LIMIT: Duration = Duration::from_secs(60);
/// Files of the build, compiled two at a time: some seconds.
const FILES: usize = 24;
/// Functions in each.
const FUNCTIONS: usize = 150;

/// The same build with the agents at work and without, in turns.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("foreground")?;
    let (root, home, sources) =
        (folder.join("project"), folder.join("home"), folder.join("sources"));
    project(&root, AGENTS, AGENT)?;
    make_room(&home, AGENTS)?;
    write_sources(&sources)?;
    let served = Served::start(bench, &home)?;
    served.register(&root)?;
    let agents = served.agents("trivial-")?;
    build(&sources)?;
    let (mut busy, mut calm) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(12, 3) {
        calm.push(build(&sources)?);
        served.start_agents(&agents)?;
        served.wait_running(AGENTS, LIMIT)?;
        busy.push(build(&sources)?);
        stop(&served, &agents)?;
    }
    let (busy, calm) = (Spread::of(busy)?, Spread::of(calm)?);
    Ok(vec![Line {
        what: "a foreground build on both cores, seven busy agents beside it",
        ours: busy.show("s"),
        reference: format!("without them: {}", calm.show("s")),
        aim: "≤ 1 % slower",
        limit: 1.01,
        judged: busy.median() / calm.median(),
        why_missed: "The limit of a tenth of a core each is all that holds agents back: within it they \
                     share the cores as any other work does, and seven take up to a third of two.",
    }])
}

fn stop(served: &Served, ids: &[String]) -> Result<(), String> {
    let numbers: Vec<u64> = ids.iter().filter_map(|id| number(id)).collect();
    served.command(json!({ "stop": { "agents": numbers } }))?;
    served.wait_idle(LIMIT)
}

/// Seconds that it takes to compile everything, two files at a time.
fn build(sources: &Path) -> Result<f64, String> {
    let begun = Instant::now();
    let line = "ls *.c | xargs -P 2 -n 1 cc -O2 -c";
    command::output(Command::new("sh").args(["-c", line]).current_dir(sources))?;
    Ok(begun.elapsed().as_secs_f64())
}

fn write_sources(folder: &Path) -> Result<(), String> {
    let function = |n: usize| {
        format!(
            "int f{n}(const char *s, int k) {{ int t = {n}; for (int i = 0; s[i]; i++) \
             t = t * 31 + s[i] % (k + {n} + 1); return t ^ (int)strlen(s); }}\n"
        )
    };
    let body: String = (0..FUNCTIONS).map(function).collect();
    let text = format!("#include <stdio.h>\n#include <string.h>\n{body}");
    fs::create_dir_all(folder)
        .and_then(|()| (0..FILES).try_for_each(|n| fs::write(folder.join(format!("{n}.c")), &text)))
        .map_err(|error| format!("{}: {error}", folder.display()))
}
