//! The table of all cases, as both users, for `docs/safety.md`.

use super::trial::{Tried, trial};
use super::{Case, Report, all};
use onboard_domain::violation::Violation;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// A row: number, what is tried, what comes of it, how much of it is denied, which rules are on
/// record, who saw it, and whether the records name this agent and this run.
type Row = [String; 7];

/// Between the cells of a row on its way from one process to the other.
const BETWEEN: &str = "\t";

const FAILED: &str = "**FAILED**";

/// Prints this user's rows: bare, or with the rows of another user as the whole table.
pub fn print(other: Option<&str>) -> ExitCode {
    let rows: Vec<Row> = all().iter().map(row).collect();
    let is_bad = |text: &str| text.contains(FAILED);
    let failed = rows.iter().any(|row| is_bad(&row[2])) || other.is_some_and(is_bad);
    match other {
        None => rows.iter().for_each(|row| println!("{}", row.join(BETWEEN))),
        Some(other) => {
            println!(
                "| case | what is tried | outcome | denied | on record | seen by | attributed |"
            );
            println!("|---|---|---|---|---|---|---|");
            let mut others = other.lines().filter(|line| line.matches(BETWEEN).count() == 6);
            for row in rows {
                let other: Vec<&str> = others.next().unwrap_or_default().split(BETWEEN).collect();
                println!("| {} |", merged(&row, &other).join(" | "));
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// One row of both users: what differs is said of each.
fn merged(root: &Row, ordinary: &[&str]) -> Vec<String> {
    let both = |(index, root): (usize, &String)| match ordinary.get(index) {
        Some(ordinary) if ordinary == root => root.clone(),
        ordinary => {
            format!(
                "root: {root}; ordinary: {}",
                ordinary.filter(|o| !o.is_empty()).unwrap_or(&"not run")
            )
        }
    };
    root.iter().enumerate().map(both).collect()
}

fn row(case: &Case) -> Row {
    let tried = catch_unwind(AssertUnwindSafe(|| trial(case)));
    let (number, name) = (case.number.to_owned(), case.name.to_owned());
    let Ok(Tried { said, end, records }) = tried else {
        let none = || "-".to_owned();
        return [number, name, FAILED.to_owned(), none(), none(), none(), none()];
    };
    let attempts: Vec<(&str, &str)> = said.lines().filter_map(|l| l.rsplit_once(": ")).collect();
    let is_refused = |(_, outcome): &&(&str, &str)| *outcome != "allowed";
    let hostile: Vec<_> = attempts.iter().filter(|(what, _)| !what.starts_with("may ")).collect();
    let refused = hostile.iter().copied().filter(|attempt| is_refused(attempt)).count();
    let denied = match hostile.len() {
        0 if !end.starts_with("succeeded") => "yes".into(),
        0 => "nothing to deny".into(),
        all if all == refused => "yes".into(),
        all => format!("**{refused} of {all}**"),
    };
    let mut outcome: BTreeSet<String> =
        hostile.iter().map(|(_, outcome)| (*outcome).to_owned()).collect();
    if !end.starts_with("succeeded") {
        // What a program says on its way out is of no interest here.
        let parts = end.splitn(3, ": ").take(2);
        // And where a file lies is of this machine alone.
        let parts: Vec<&str> = parts.filter_map(|part| part.rsplit('/').next()).collect();
        outcome.insert(parts.join(": "));
    }
    let (rules, sensors) = seen(&records);
    let (rules, sensors, attributed) = match case.report {
        Report::Nothing(why) => (format!("no: {why}"), "-".into(), "-".into()),
        Report::ByGroups(_, why) if records.is_empty() => {
            (format!("no: {why}"), "-".into(), "-".into())
        }
        _ => (listed(rules), listed(sensors), "yes".to_owned()),
    };
    [number, name, listed(outcome), denied, rules, sensors, attributed]
}

fn seen(records: &[Violation]) -> (BTreeSet<String>, BTreeSet<String>) {
    let rules = records.iter().map(|violation| format!("`{}`", violation.rule)).collect();
    let sensor = |v: &Violation| format!("{} ({})", v.sensor, v.confidence);
    (rules, records.iter().map(sensor).collect())
}

fn listed(words: BTreeSet<String>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}
