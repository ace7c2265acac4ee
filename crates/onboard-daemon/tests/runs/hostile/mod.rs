//! Hostile agents: what each tries behind the real walls, through the real daemon, what comes of
//! it, and what is on record of it afterwards.

mod brokered;
mod cases;
mod files;
mod network;
mod processes;
mod resources;
mod side;
mod table;
mod trial;

pub use cases::all;
pub use table::print;
pub use trial::{trial, with_a_network};

use expect_test::Expect;
use onboard_domain::violation::Rule;
use std::process::ExitCode;

/// One hostile program.
pub struct Case {
    /// Its number in the list of attacks; the numbers' groups are files, processes, resources,
    /// network, and what goes out through the host.
    pub number: &'static str,
    pub name: &'static str,
    /// What it does, inside the sandbox.
    attack: fn(),
    /// What it says of each attempt, and how its run ended.
    ///
    /// A line is `attempt: outcome`. An attempt that begins with `may` is honest work that has to
    /// go on; every other one is refused, unless its outcome is `allowed`.
    expect: Expect,
    report: Report,
    /// Lines of its manifest.
    limits: &'static str,
    setting: Setting,
}

/// What an attack finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setting {
    /// A project, and no network.
    Plain,
    /// The same with a network, in which some hosts are allowed.
    Network,
    /// The same with a network, and with a credential that the agent may use.
    Brokered,
    /// A project whose policy forbids a path that is a link.
    SymlinkForbidden,
}

/// What has to be on record after the run.
enum Report {
    /// A record of each rule with this in its words.
    Records(&'static [(Rule, &'static str)]),
    /// A record of this rule where control groups hold memory; elsewhere nothing, and why.
    ByGroups(Rule, &'static str),
    /// A record of the first kind where control groups hold memory, and of the second elsewhere.
    ByMemory((Rule, &'static str), (Rule, &'static str)),
    /// Nothing, and why.
    Nothing(&'static str),
}

impl Report {
    fn expects(&self, rule: Rule) -> bool {
        match self {
            Report::Records(records) => records.iter().any(|(expected, _)| *expected == rule),
            Report::ByGroups(expected, _) => *expected == rule,
            Report::ByMemory(held, uncounted) => [held.0, uncounted.0].contains(&rule),
            Report::Nothing(_) => false,
        }
    }
}

/// What the program does inside the sandbox: `attack NUMBER` or, for its children, `inside WORD`.
pub fn main(word: &str, rest: &[String]) -> ExitCode {
    match word {
        "attack" => {
            let case = all().into_iter().find(|case| case.number == rest[0]);
            (case.expect("a known case").attack)();
        }
        _ => processes::child(&rest[0]),
    }
    ExitCode::SUCCESS
}
