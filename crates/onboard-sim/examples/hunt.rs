//! Hunts over seeds: `hunt FIRST COUNT DAYS PROJECTS FAULTS`. Ends with 1 at the first seed whose
//! simulation breaks a rule, and prints that simulation shrunk; a single seed's report is printed
//! whatever it is.

use onboard_sim::{Faults, Simulation, shrink};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match hunt(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("hunt: {message}");
            ExitCode::from(2)
        }
    }
}

fn number<T: std::str::FromStr>(arguments: &[String], index: usize) -> Result<T, String> {
    let text = arguments.get(index).ok_or("usage: hunt FIRST COUNT DAYS PROJECTS FAULTS")?;
    text.parse().map_err(|_| format!("`{text}` is not a number here"))
}

/// Whether every seed was sound.
fn hunt(arguments: &[String]) -> Result<bool, String> {
    let (first, count): (u64, u64) = (number(arguments, 0)?, number(arguments, 1)?);
    let (days, projects) = (number(arguments, 2)?, number(arguments, 3)?);
    let faults: Faults = arguments.get(4).map_or("all", String::as_str).parse()?;
    for seed in first..first.saturating_add(count) {
        let simulation = Simulation { seed, projects, days, faults: faults.clone() };
        let report = simulation.run(&mut |_| {})?;
        if report.is_sound() {
            println!("seed {seed}: sound, {} runs", report.tally.ended());
            if count == 1 {
                print!("{report}");
            }
            continue;
        }
        println!("seed {seed}: {} violations; shrinking", report.violations.len());
        let shrunk = shrink(&simulation, report, &mut |smaller| {
            println!(
                "  still with --days {} --projects {} --faults={}",
                smaller.days, smaller.projects, smaller.faults
            );
        })?;
        print!("{}", shrunk.report);
        return Ok(false);
    }
    Ok(true)
}
