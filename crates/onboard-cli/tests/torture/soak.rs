//! The daemon's memory while agents run and clients ask, without a pause.
//!
//! `SOAK_SECONDS` chooses how long; `cargo xtask soak` sets it.

use crate::processes::eventually;
use crate::world::{Daemon, SAVER, World};
use crate::{number, turn};
use onboard_domain::{AgentId, Command};
use onboard_web::api::{AgentDetail, AgentRow, DaemonView, EventRow, FindingRow, RunRow};
use onboard_web::client::{Client, ClientError};
use std::time::{Duration, Instant};

/// How long it takes in the tests.
const SECONDS: u64 = 15;
/// Samples of a soak, whatever its length; one of a minute and more has one a minute at least.
const SAMPLES: u64 = 20;
/// Part of the samples in which caches fill and allocators settle.
const WARM_UP: f64 = 0.4;
/// Growth from the end of the warm-up to the end, in percent, from which memory is not flat.
const GROWTH_MAX: f64 = 5.0;
/// How long a run may wait for its end.
const RUN_LIMIT: Duration = Duration::from_secs(20);

const AGENTS: [(&str, &str); 4] =
    [("saver-a", SAVER), ("saver-b", SAVER), ("saver-c", SAVER), ("saver-d", SAVER)];

#[derive(Clone, Copy)]
struct Sample {
    seconds: f64,
    kib: f64,
}

#[test]
fn memory_stays_flat_while_agents_run() {
    let _turn = turn();
    let length = Duration::from_secs(number("SOAK_SECONDS").unwrap_or(SECONDS));
    let world = World::forgetful(&AGENTS);
    let daemon = world.start().expect("a daemon");
    let client = world.client();
    client.register(&world.project(), "a soak").expect("registered");
    let every = (length / u32::try_from(SAMPLES).expect("a few")).min(Duration::from_secs(60));
    let start = Instant::now();
    let (mut samples, mut runs) = (vec![sample(&daemon, start)], 0);
    while start.elapsed() < length {
        let until = every * u32::try_from(samples.len()).expect("a few");
        while start.elapsed() < until.min(length) {
            runs += round(&client);
        }
        samples.push(sample(&daemon, start));
        tell(&samples, runs);
    }
    let growth = growth(&samples);
    println!(
        "{runs} runs in {:.0} s; after the warm-up: growth {growth:.1} %, slope {:.1} KiB/min",
        start.elapsed().as_secs_f64(),
        slope(after_warm_up(&samples)) * 60.0
    );
    assert!(growth < GROWTH_MAX, "memory grew by {growth:.1} %, at most {GROWTH_MAX} %");
}

fn tell(samples: &[Sample], runs: usize) {
    if let Some(Sample { seconds, kib }) = samples.last() {
        println!("{seconds:6.0} s  {kib:8.0} KiB  {runs} runs");
    }
}

/// Runs every agent once, to its end, and reads all that there is to read. How many ran.
fn round(client: &Client) -> usize {
    let ids = own(client).expect("the agents");
    for agent in &ids {
        client.command(Command::Run { agent: *agent }, "a soak").expect("it runs");
    }
    eventually(RUN_LIMIT, || {
        let daemon: DaemonView = client.get("/daemon", &[]).map_err(|e| e.to_string())?;
        match daemon.queued_runs + daemon.active_runs {
            0 => Ok(()),
            left => Err(format!("{left} runs have not ended")),
        }
    })
    .expect("they end");
    read_all(client, ids[0]).expect("every read is answered");
    ids.len()
}

fn own(client: &Client) -> Result<Vec<AgentId>, ClientError> {
    let rows: Vec<AgentRow> = client.items("/agents", &[])?;
    let own = rows.iter().filter(|row| AGENTS.iter().any(|(name, _)| *name == row.name));
    Ok(own.filter_map(|row| row.id.parse().ok()).collect())
}

fn read_all(client: &Client, agent: AgentId) -> Result<(), ClientError> {
    let _: AgentDetail = client.get(&format!("/agents/{agent}"), &[])?;
    let _: Vec<RunRow> = client.items("/runs", &[])?;
    let _: Vec<FindingRow> = client.items("/findings", &[])?;
    let _: Vec<EventRow> = client.items("/events", &[("limit", "100")])?;
    Ok(())
}

/// Resident memory of the daemon.
fn sample(daemon: &Daemon, start: Instant) -> Sample {
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    let kib = line.trim().trim_end_matches(" kB").parse().expect("a number");
    Sample { seconds: start.elapsed().as_secs_f64(), kib }
}

fn after_warm_up(samples: &[Sample]) -> &[Sample] {
    let from = (samples.len() as f64 * WARM_UP) as usize;
    &samples[from..]
}

/// Percent by which the last third after the warm-up is above the first, each by its median.
fn growth(samples: &[Sample]) -> f64 {
    let warm = after_warm_up(samples);
    let third = (warm.len() / 3).max(1);
    let median = |part: &[Sample]| {
        let mut sizes: Vec<f64> = part.iter().map(|sample| sample.kib).collect();
        sizes.sort_by(f64::total_cmp);
        sizes[sizes.len() / 2]
    };
    let (first, last) = (median(&warm[..third]), median(&warm[warm.len() - third..]));
    (last / first - 1.0) * 100.0
}

/// Least-squares slope, KiB a second.
fn slope(samples: &[Sample]) -> f64 {
    let count = samples.len() as f64;
    let mean = |of: fn(&Sample) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (seconds, kib) = (mean(|sample| sample.seconds), mean(|sample| sample.kib));
    let both = samples.iter().map(|s| (s.seconds - seconds) * (s.kib - kib)).sum::<f64>();
    let spread = samples.iter().map(|s| (s.seconds - seconds).powi(2)).sum::<f64>();
    if spread == 0.0 { 0.0 } else { both / spread }
}
