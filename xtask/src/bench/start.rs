//! From exec to the first answer.

use super::process::used;
use super::served::Served;
use super::spread::{Spread, short};
use super::{Bench, Line};
use std::process::Command;
use std::time::Instant;

/// Each round starts a daemon on an empty state, and `true` beside it.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let (mut ours, mut cpu, mut reference) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds(30, 5) {
        let home = bench.new_folder("start")?;
        let begun = Instant::now();
        let served = Served::start(bench, &home)?;
        served.get("/healthz")?;
        ours.push(begun.elapsed().as_secs_f64() * 1000.0);
        cpu.push(used(served.pid()).cpu_ns as f64 / 1e6);
        // Its runs' walls are probed in the background; a daemon that ends early ends the probe.
        drop(served);
        let begun = Instant::now();
        Command::new("/bin/true").status().map_err(|error| format!("true: {error}"))?;
        reference.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let (ours, cpu, reference) = (Spread::of(ours)?, Spread::of(cpu)?, Spread::of(reference)?);
    Ok(vec![Line {
        what: "daemon: exec → socket answers, empty state",
        ours: format!("{}, {} ms of it on a core", ours.show("ms"), short(cpu.median())),
        reference: format!("exec and end of `/bin/true`: {}", reference.show("ms")),
        aim: "≤ 50 ms",
        limit: 50.0,
        judged: ours.median(),
        why_missed: "The files of the state are made and synced one after another, so a slow or \
                     busy disk shows here first.",
    }])
}
