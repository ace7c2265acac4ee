//! What a simulation found, for people and for programs.

use crate::ledger::Violation;
use crate::simulation::Simulation;
use crate::tally::{Counts, Tally};
use crate::weather::CORES;
use core::fmt;
use serde::Serialize;

/// The version of the report's JSON form.
const SCHEMA_VERSION: u32 = 1;

/// A report. Nothing in it depends on the machine that made it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    pub seed: u64,
    pub projects: u32,
    pub days: u32,
    pub faults: String,
    pub utilisation: Utilisation,
    pub lateness_ms: Lateness,
    /// Slots that passed while nothing could run, and were not caught up on.
    pub missed: u64,
    /// Runs that waited too long with nothing to excuse it.
    pub starved: u64,
    pub tally: Tally,
    pub journal_bytes: u64,
    /// SHA-256 of the last state: two simulations that agree in it agreed all the way.
    pub digest: String,
    pub violations: Vec<Broken>,
}

/// Shares of what there was, in permille.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Utilisation {
    /// Of the places for runs.
    pub places_permille: u64,
    /// Of the host's processors.
    pub cpu_permille: u64,
}

/// From due to placed.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Lateness {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// A rule that was broken, when in the journal's time, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    pub rule: &'static str,
    pub time_ms: i64,
    pub what: String,
}

/// What a report is made of besides the counts.
pub(crate) struct Inputs<'a> {
    pub simulation: &'a Simulation,
    pub elapsed_ms: i64,
    pub places: u64,
    pub violations: Vec<Violation>,
    pub journal_bytes: u64,
    pub digest: String,
}

impl Report {
    pub(crate) fn new(inputs: Inputs<'_>, tally: &Tally) -> Report {
        let elapsed = inputs.elapsed_ms.max(1).unsigned_abs();
        let Simulation { seed, projects, days, faults } = inputs.simulation;
        let broken = inputs.violations.into_iter();
        let violations: Vec<Broken> =
            broken.map(|v| Broken { rule: v.rule, time_ms: v.at.0, what: v.what }).collect();
        let starved = violations.iter().filter(|v| v.rule == "no starvation").count();
        Report {
            schema_version: SCHEMA_VERSION,
            seed: *seed,
            projects: *projects,
            days: *days,
            faults: faults.to_string(),
            utilisation: Utilisation {
                places_permille: tally.placed_ms * 1000 / (elapsed * inputs.places.max(1)),
                cpu_permille: tally.cpu_ms * 1000 / (elapsed * u64::from(CORES)),
            },
            lateness_ms: Lateness {
                p50: tally.lateness.permille(500),
                p99: tally.lateness.permille(990),
                max: tally.lateness.max(),
            },
            missed: tally.passed.get("missed").copied().unwrap_or(0),
            starved: starved as u64,
            tally: tally.clone(),
            journal_bytes: inputs.journal_bytes,
            digest: inputs.digest,
            violations,
        }
    }

    /// Whether nothing was broken.
    pub fn is_sound(&self) -> bool {
        self.violations.is_empty()
    }

    /// The report for programs, in one line.
    ///
    /// # Errors
    /// When it can't be encoded, which its types rule out.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    fn command(&self) -> String {
        let faults = match self.faults.as_str() {
            "none" => String::new(),
            "all" => " --faults".into(),
            some => format!(" --faults={some}"),
        };
        format!("--days {} --projects {} --seed {}{faults}", self.days, self.projects, self.seed)
    }
}

fn counts(counts: &Counts) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    words.join(", ")
}

fn percent(permille: u64) -> String {
    format!("{}.{} %", permille / 10, permille % 10)
}

/// Milliseconds for people.
fn length(ms: u64) -> String {
    match ms {
        0..=9_999 => format!("{ms} ms"),
        10_000..=599_999 => format!("{} s", ms / 1000),
        600_000..=35_999_999 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { tally, utilisation, lateness_ms: late, .. } = self;
        writeln!(f, "simulated   {}", self.command())?;
        writeln!(
            f,
            "utilisation {} of the places for runs, {} of the processors",
            percent(utilisation.places_permille),
            percent(utilisation.cpu_permille)
        )?;
        let (p50, p99, max) = (length(late.p50), length(late.p99), length(late.max));
        writeln!(f, "lateness    p50 {p50}, p99 {p99}, max {max}")?;
        writeln!(f, "runs        {} ended: {}", tally.ended(), counts(&tally.runs))?;
        writeln!(f, "triggers    {}", counts(&tally.queued))?;
        writeln!(f, "passed      {}", counts(&tally.passed))?;
        writeln!(f, "adapted     {}", counts(&tally.adapted))?;
        writeln!(f, "missed      {}", self.missed)?;
        writeln!(f, "starved     {}", self.starved)?;
        writeln!(
            f,
            "failures    {} breakers opened, {} quarantines, {} emergencies, {} commands refused",
            tally.breakers_opened, tally.quarantined, tally.emergencies, tally.commands_refused
        )?;
        writeln!(f, "attempts    {}", counts(&tally.violations))?;
        writeln!(
            f,
            "oversight   {} incidents opened, {} closed; {}; {} calls for a person",
            tally.incidents_opened,
            tally.incidents_closed,
            match tally.escalations.is_empty() {
                true => "no escalation".into(),
                false => format!("escalated to {}", counts(&tally.escalations)),
            },
            tally.people_asked
        )?;
        writeln!(
            f,
            "council     {}; {} approvals asked for by agents",
            counts(&tally.motions),
            tally.approvals_asked
        )?;
        writeln!(
            f,
            "traffic     {} findings, {} messages ({} dead), {} leases",
            tally.findings, tally.messages, tally.messages_dead, tally.leases
        )?;
        writeln!(
            f,
            "journal     {} events in {} batches, {} daemons, at most {} runs queued or running",
            tally.events, tally.batches, tally.daemon_starts, tally.runs_peak
        )?;
        writeln!(f, "state       {}", self.digest)?;
        writeln!(f, "violations  {}", self.violations.len())?;
        for broken in &self.violations {
            writeln!(f, "  {} (at {}): {}", broken.rule, broken.time_ms, broken.what)?;
        }
        Ok(())
    }
}
