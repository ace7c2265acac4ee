//! Stages of a chore: each is run, timed, counted, and told at the end.

use std::time::{Duration, Instant};

/// What a stage came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Checks or tests that passed and failed. A stage that is one check counts as one.
    Counted { passed: u64, failed: u64 },
    /// The stage did not run, and why. Said loudly; neither passed nor failed.
    NotRun(String),
}

impl Outcome {
    /// A stage that is a single check.
    pub fn of(success: bool) -> Outcome {
        Outcome::Counted { passed: success.into(), failed: (!success).into() }
    }
}

struct Stage {
    name: String,
    outcome: Outcome,
    took: Duration,
}

/// The stages so far.
#[derive(Default)]
pub struct Report {
    stages: Vec<Stage>,
}

impl Report {
    /// Runs one stage. An `Err` is one failure, printed with its remedy.
    pub fn stage(&mut self, name: &str, run: impl FnOnce() -> Result<Outcome, String>) {
        println!("── {name}");
        let begun = Instant::now();
        let outcome = run().unwrap_or_else(|message| {
            eprintln!("{message}");
            Outcome::of(false)
        });
        if let Outcome::NotRun(why) = &outcome {
            eprintln!("not run: {why}");
        }
        self.stages.push(Stage { name: name.to_string(), outcome, took: begun.elapsed() });
    }

    fn totals(&self) -> (u64, u64) {
        self.stages.iter().fold((0, 0), |(all_passed, all_failed), stage| match stage.outcome {
            Outcome::Counted { passed, failed } => (all_passed + passed, all_failed + failed),
            Outcome::NotRun(_) => (all_passed, all_failed),
        })
    }

    /// The table of stages and the closing line.
    pub fn summary(&self) -> String {
        let width = self.stages.iter().map(|stage| stage.name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for stage in &self.stages {
            let result = match &stage.outcome {
                Outcome::Counted { passed, failed: 0 } => format!("{passed} passed"),
                Outcome::Counted { passed, failed } => format!("{passed} passed, {failed} FAILED"),
                Outcome::NotRun(why) => format!("NOT RUN: {why}"),
            };
            let seconds = stage.took.as_secs_f64();
            text.push_str(&format!("{:<width$}  {seconds:>7.1} s  {result}\n", stage.name));
        }
        let (passed, failed) = self.totals();
        text.push_str(&format!("{passed} passed, {failed} failed\n"));
        text
    }

    /// Prints the summary; an error when anything failed.
    pub fn close(self) -> Result<(), String> {
        print!("\n{}", self.summary());
        match self.totals() {
            (_, 0) => Ok(()),
            (_, failed) => Err(format!("{failed} failed")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_summary_ends_with_one_plain_line() {
        let stage = |name: &str, outcome| Stage {
            name: name.to_string(),
            outcome,
            took: Duration::from_millis(1_250),
        };
        let report = Report {
            stages: vec![
                stage("format", Outcome::of(true)),
                stage("tests", Outcome::Counted { passed: 40, failed: 2 }),
                stage("deny", Outcome::NotRun("cargo-deny is not installed".to_string())),
            ],
        };
        expect![[r#"
            format      1.2 s  1 passed
            tests       1.2 s  40 passed, 2 FAILED
            deny        1.2 s  NOT RUN: cargo-deny is not installed
            41 passed, 2 failed
        "#]]
        .assert_eq(&report.summary());
        assert_eq!(report.close(), Err("2 failed".to_string()));
    }

    #[test]
    fn a_stage_that_errs_is_one_failure() {
        let mut report = Report::default();
        report.stage("broken", || Err("cannot start".to_string()));
        assert_eq!(report.totals(), (0, 1));
    }
}
