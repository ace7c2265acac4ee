//! The code quality optimizer: where simplifying the code will pay, because it is hard to follow
//! *and* changed often *and* just being worked on. One of the three alone is no reason to act.
//!
//! # Rules
//!
//! - `quality/hotspot`: a file in the hottest tenth of the project (decayed changes and size),
//!   changed in the last 30 days, with a function that is hard to follow: cognitive complexity of
//!   25 or more, or control structures nested five deep or more.
//!
//!   > `src/parse.rs` changes often and is hard to follow: `Parser.block` has cognitive complexity 41
//!
//! - `quality/debt`: such a hot file in which its authors noted four or more things as unfinished
//!   (TODO, FIXME, HACK, XXX).
//!
//!   > `src/net.rs` changes often and has 6 notes of unfinished work
//!
//! - `quality/trend`: over at least four weeks the number of functions that are hard to follow grew
//!   by a fifth and by five, and faster than the code.
//!
//!   > 8 more functions are hard to follow than 30 days ago

mod decide;
mod report;

use crate::facts;
use crate::host::{AgentError, Host, Outcome};

pub const NAME: &str = "code-quality-optimizer";
pub const DESCRIPTION: &str = "Finds code that is changed often and hard to follow, and says which function to simplify first.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run, and it runs daily: more than three refactorings a day nobody starts.
pub const MOST_FINDINGS: usize = 3;

/// One run: judges the index as it stands.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let mut memory = report::load(host)?;
    let facts = match facts::read(host.task()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let now_ms = host.task().now_ms;
    let quality = decide::measure(&facts, now_ms);
    memory.note(now_ms, &quality.totals);
    let findings = decide::judge(&facts, &quality, &memory.days, now_ms);
    report::deliver(host, &facts, &quality, &findings, &mut memory)
}
