//! `simulate`: made-up projects under the production decisions, in accelerated time.

use super::Done;
use crate::arguments::Global;
use crate::failure::{Failure, Kind};
use crate::output;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use onboard_sim::{Faults, Progress, Report, Simulation};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Most days and projects of one simulation: a year of a large installation.
const DAYS_MAX: i64 = 3_660;
const PROJECTS_MAX: i64 = 1_000;

#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Simulated days.
    #[arg(long, value_name = "N", default_value_t = 30,
          value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    pub days: u32,
    /// Projects, each with a crew of seven.
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=PROJECTS_MAX))]
    pub projects: u32,
    /// Where chance begins; the same seed gives the same bytes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What goes wrong: `all`, or names such as `crash,kill`.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_value = "none",
          default_missing_value = "all")]
    pub faults: String,
}

pub fn run(global: &Global, args: &SimulateArgs) -> Done {
    let SimulateArgs { days, projects, seed, .. } = *args;
    let faults: Faults = args
        .faults
        .parse()
        .map_err(|error| Failure::new(Kind::Usage, format!("--faults: {error}")))?;
    let report = simulate(&Simulation { seed, projects, days, faults })?;
    if global.is_json() {
        let text =
            report.to_json().map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
        output::data(&format!("{text}\n"))?;
    } else {
        output::data(&report.to_string())?;
    }
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { Kind::Failed.exit_code() })
}

fn simulate(simulation: &Simulation) -> Result<Report, Failure> {
    let bar = bar(simulation.days);
    if bar.is_none() {
        let Simulation { days, projects, seed, .. } = simulation;
        output::note(&format!("simulating {days} days of {projects} projects, seed {seed} …"));
    }
    let mut tell = |progress: Progress| {
        if let Some(bar) = &bar {
            bar.set_position(u64::from(progress.day));
            bar.set_message(format!("{} runs", progress.runs));
        }
    };
    let report = simulation.run(&mut tell).map_err(|why| Failure::new(Kind::Failed, why));
    if let Some(bar) = &bar {
        bar.finish_and_clear();
    }
    report
}

/// A bar where there is a terminal to draw it on.
fn bar(days: u32) -> Option<ProgressBar> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let bar = ProgressBar::new(u64::from(days));
    if let Ok(style) = ProgressStyle::with_template("day {pos}/{len} {wide_bar} {msg}") {
        bar.set_style(style);
    }
    Some(bar)
}
