//! Pattern learning: which files change together, what shape of commits holds here, and where a new
//! commit departs from it. What is known is kept with the commits that show it, fades when it is
//! no longer so, and stays away once a person had it forgotten (`settings: {forget: "k1a2b3c4d"}`).
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

pub(crate) mod decide;
mod knowledge;
mod manual;
mod report;

use onboard_analysis::calendar::day_of;

pub use self::knowledge::ids;
pub(crate) use self::knowledge::{Kind, id};
use crate::facts;
use crate::host::{AgentError, Host, Outcome};

pub use manual::MANUAL;

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
