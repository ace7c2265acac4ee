//! Folding a million events.

use super::spread::{Spread, short};
use super::{Bench, Line};
use std::fs;

const EVENTS: &str = "1000000";
const PROJECTS: &str = "100";

/// A journal of made-up days, opened and folded without a snapshot.
pub fn measure(bench: &Bench) -> Result<Vec<Line>, String> {
    let folder = bench.new_folder("replay")?;
    let journal = folder.join("journal.db").to_string_lossy().into_owned();
    let made = bench.example("history", &[&journal, PROJECTS, EVENTS])?;
    let (mut ours, mut reading, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    let mut megabytes = 0.0;
    for _ in 0..bench.rounds(5, 1) {
        let told = bench.example("replay", &[&journal])?;
        ours.extend(told["replay_s"].as_f64());
        cpu.extend(told["cpu_s"].as_f64());
        reading.extend(told["read_s"].as_f64());
        megabytes = told["bytes"].as_f64().unwrap_or(0.0) / 1e6;
    }
    // It is large, and nothing else needs it.
    let _ = fs::remove_dir_all(&folder);
    let (ours, reading, cpu) = (Spread::of(ours)?, Spread::of(reading)?, Spread::of(cpu)?);
    Ok(vec![Line {
        what: "replay of 1,000,000 events",
        ours: format!(
            "{}, {} s of it on a core; {} events in {} batches, {} MB",
            ours.show("s"),
            short(cpu.median()),
            made["events"],
            made["batches"],
            short(megabytes)
        ),
        reference: format!("SQLite reading the same rows: {}", reading.show("s")),
        aim: "≤ 5 s",
        limit: 5.0,
        judged: ours.median(),
        why_missed: "The fold is one thread: where its time on a core is below the aim, it waited \
                     for other work on the machine. A daemon folds from its newest snapshot, at \
                     most 50,000 entries back, so only a lost snapshot costs this.",
    }])
}
