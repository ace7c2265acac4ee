//! Reading all of history beside git.

use super::cost::{self, Cost};
use super::spread::Spread;
use super::{Bench, Line};
use std::path::Path;

/// Renames and lines of every commit that is no merge, with two threads; beside `git log`.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let repository = bench.subject.repository(bench)?;
    let root = repository.to_string_lossy();
    let program = bench.built.join("examples/measure_history");
    let null = Path::new("/dev/null");
    let log = ["-C", &root, "log", "--no-merges", "--numstat", "-M", "--format=%H"];
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..bench.rounds(3, 1) {
        ours.push(cost::of(&program, &[&root, "lines", "2"], null, &[])?);
        theirs.push(cost::of(Path::new("git"), &log, null, &[])?);
    }
    let (wall, beside) = (wall(&ours)?, wall(&theirs)?);
    Ok(vec![Line {
        what: "all of history, with renames and lines",
        ours: format!("{}, {}", wall.show("s"), spent(&ours)),
        reference: format!("`git log --numstat -M`: {}, {}", beside.show("s"), spent(&theirs)),
        aim: "≤ 0.55 × git's time",
        limit: 0.55,
        judged: wall.median() / beside.median(),
        why_missed: "Two threads share the cores with whatever else runs; one does as much a second \
                     as git.",
    }])
}

/// Time on the wall.
pub fn wall(costs: &[Cost]) -> Result<Spread, String> {
    Spread::of(costs.iter().map(|cost| cost.wall_s).collect())
}

/// Processor time and memory at most.
pub fn spent(costs: &[Cost]) -> String {
    let most = |of: fn(&Cost) -> f64| costs.iter().map(of).fold(0.0, f64::max);
    let cpu = super::spread::short(most(|cost| cost.cpu_s));
    format!("{cpu} s on cores, {:.0} MiB", most(|cost| cost.peak_mib))
}
