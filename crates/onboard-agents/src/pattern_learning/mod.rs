//! Pattern learning: which files change together, what shape of commits holds here, and where a new
//! commit departs from it. What is known is kept with the commits that show it, fades when it is
//! no longer so, and stays away once a person had it forgotten (`settings: {forget: "k1a2b3c4d"}`).
//!
//! # Rules
//!
//! - `patterns/left-out`: a commit of the last three days changed code without the file that
//!   changes with it in half of the cases or more, four times at least, ever and of late, and no
//!   commit around it brought it. Said where such habits, tried on the project's latest changes,
//!   were right in half of the cases or more.
//!
//!   > 5e3bb6b6f1 changed src/flags.rs without doc/flags.rs
//!
//! - `patterns/fix-on-fix`: a file was fixed three times and more, each within three days of the one
//!   before, within the last two weeks, where the year before makes that a chance of less than one
//!   in a thousand.
//!
//!   > src/net.rs was fixed 4 times within 6 days
//!
//! - `patterns/shotgun`: two code files of different modules changed together eight times within a
//!   year, and in six of ten changes of either.
//!
//!   > core/api.rs and web/client.rs change as one
//!
//! - `patterns/what-works`: commits of some shape (with tests, by somebody who changed the files
//!   before) are followed by a fix less often than others of
//!   their size, by a fifth at least, for sure (99 %).
//!
//!   > Here commits that also change test files are fixed less often

pub(crate) mod decide;
mod knowledge;
mod report;

use onboard_analysis::calendar::day_of;

pub use self::knowledge::ids;
pub(crate) use self::knowledge::{Kind, id};
use crate::facts;
use crate::host::{AgentError, Host, Outcome};

pub const NAME: &str = "pattern-learning";
pub const DESCRIPTION: &str = "Learns from history what changes together and what works here, and says it where a new commit departs from it.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// The setting that names what it is to forget; [`ids`] reads it.
pub const FORGET: &str = "forget";

/// New findings of one run, and it runs hourly.
pub const MOST_FINDINGS: usize = 2;

/// One run: learns from the index as it stands, and says where the newest commits depart from it.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let mut memory = report::load(host)?;
    let facts = match facts::read(host.task()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let now_ms = host.task().now_ms;
    let setting = host.task().settings.get(FORGET).cloned().unwrap_or_default();
    // What is new gets old by itself, so the day is part of what is seen.
    let seen = format!("{} {} {setting}", facts.index.tip, day_of(now_ms));
    if let Some(summary) = memory.has_seen(&seen) {
        return Ok(Outcome::NothingToReport { summary });
    }
    let forgotten = knowledge::ids(&setting);
    let lessons = decide::learn(&facts, now_ms);
    memory.knowledge.learn(lessons.knowledge(), &forgotten, now_ms);
    let findings = lessons.judge(&forgotten);
    report::deliver(host, &facts.index, &lessons, &findings, seen, &mut memory)
}
