//! Starting agents: when due, beside the sandbox alone; and the sandbox beside `bwrap`.

use super::process::{pause, wait_until};
use super::served::{Served, make_room, project};
use super::spread::{Spread, short};
use super::{Bench, Line};
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const AGENTS: usize = 100;
const MINUTE_S: f64 = 60.0;
/// A slot this near is left out: the agents must be at rest before it.
const CALM_S: f64 = 12.0;
/// All agents of a slot have said their time within this, also on a busy machine.
const SLOT_LIMIT: Duration = Duration::from_secs(45);

/// Tells the time of its first instruction, and ends.
const AGENT: &str = "program: [bash, -c, \"echo $EPOCHREALTIME\"]\nschedule: \"* * * * *\"\n\
                     priority: critical\nresources: {cpu: low, memory: low, io: low}\n";

/// A hundred agents due at the same instant.
pub fn due(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("due")?;
    let (root, home) = (folder.join("project"), folder.join("home"));
    project(&root, AGENTS, AGENT)?;
    make_room(&home, AGENTS)?;
    let served = Served::start(bench, &home)?;
    served.register(&root)?;
    served.start_agents(&served.agents("trivial-")?)?;
    served.wait_idle(Duration::from_secs(300))?;
    let rounds = bench.rounds(2, 1);
    let mut ours = Vec::new();
    for _ in 0..rounds {
        ours.extend(slot(&served)?);
    }
    drop(served);
    let told = bench.example("start_burst", &[&AGENTS.to_string(), &rounds.to_string()])?;
    let bare = told["ms"].as_array().into_iter().flatten().filter_map(|ms| ms.as_f64());
    let (ours, bare) = (Spread::of(ours)?, Spread::of(bare.collect())?);
    let p99 = |spread: &Spread| spread.permille(990);
    Ok(vec![Line {
        what: "due → the agent's first instruction, 100 at once",
        ours: format!("p99 {} ms; median {}", short(p99(&ours)), ours.show("ms")),
        reference: format!(
            "the sandbox alone, 100 at once: p99 {} ms; median {}",
            short(p99(&bare)),
            bare.show("ms")
        ),
        aim: "p99 ≤ 50 ms over the bare sandbox start",
        limit: 50.0,
        judged: p99(&ours) - p99(&bare),
        why_missed: "A hundred starts fill the cores for longer than the aim, and what each costs \
                     more adds up in the last of them: the record, the log, more mounts, threads \
                     and turns.",
    }])
}

/// Milliseconds from the next slot to each agent's first instruction.
fn slot(served: &Served) -> Result<Vec<f64>, String> {
    let now = wall_s();
    let due = ((now + CALM_S) / MINUTE_S).ceil() * MINUTE_S;
    pause(Duration::from_secs_f64(due - now));
    let logs = served.home.join("state/logs");
    let mut said = Vec::new();
    wait_until("the agents of a slot", SLOT_LIMIT, || {
        // Looking costs little beside a hundred starts, but more than nothing: once a second.
        pause(Duration::from_secs(1));
        said = times(&logs).into_iter().filter(|at| *at >= due).collect();
        Ok(said.len() >= AGENTS)
    })?;
    Ok(said.into_iter().map(|at| (at - due) * 1000.0).collect())
}

/// Every time that an agent told, in seconds of the wall clock.
fn times(logs: &Path) -> Vec<f64> {
    let folders = fs::read_dir(logs).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten());
    let texts = files.flatten().filter_map(|file| fs::read_to_string(file.path()).ok());
    let of_text = |text: String| -> Vec<f64> {
        let words = text.lines().filter_map(|line| line.rsplit(' ').next());
        words.filter_map(|word| word.parse().ok()).collect()
    };
    texts.flat_map(of_text).collect()
}

fn wall_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// One start after another, ours and `bwrap`'s in turns.
pub fn bare(bench: &Bench) -> Result<Vec<Line>, String> {
    let rounds = bench.rounds(300, 50).to_string();
    let told = bench.example("start_cost", &[&rounds])?;
    let ms = |way: &str| -> Result<[f64; 3], String> {
        let quartile = |at: usize| told[way][at].as_f64().map(|us| us / 1000.0);
        match [0, 1, 2].map(quartile) {
            [Some(low), Some(median), Some(high)] => Ok([low, median, high]),
            _ => Err(format!("no figures of {way}")),
        }
    };
    let show = |[low, median, high]: [f64; 3]| {
        format!("{} ms ({} to {})", short(median), short(low), short(high))
    };
    let (walls, bwrap, plain) = (ms("walls")?, ms("bwrap")?, ms("plain")?);
    let with_groups = ms("walls, control groups").map(show);
    let with_groups = with_groups.map_or_else(
        |_| "no control groups here".into(),
        |shown| format!("{shown} with control groups, which `bwrap` has not"),
    );
    let line = |what, ours: String, judged| Line {
        what,
        ours,
        reference: format!(
            "`bwrap`, the same namespaces: {}; without any walls: {}",
            show(bwrap),
            show(plain)
        ),
        aim: "≤ 1.0 × `bwrap`",
        limit: 1.0,
        judged,
        why_missed: "Ours also sets what `bwrap` leaves out: Landlock, the system call filter, \
                     resource limits, a record before the first instruction and a proven end; with \
                     every sensor, also a masked file and 31 sockets of a network.",
    };
    let sensors = ms("sensors")?;
    Ok(vec![
        line(
            "sandboxed start and end of a trivial agent",
            format!("{}; {with_groups}", show(walls)),
            walls[1] / bwrap[1],
        ),
        line(
            "sandboxed start and end of a trivial agent, every sensor with something to watch",
            show(sensors),
            sensors[1] / bwrap[1],
        ),
    ])
}
