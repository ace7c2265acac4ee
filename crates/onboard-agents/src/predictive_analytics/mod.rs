//! Predictive analytics: how much will land, when the next release comes, which milestone will be
//! late and which commit will need a fix. Each is an interval or a chance that is checked when its
//! time has come, and how often they held is said with them.
//!
//! Each rule is described beside the code that judges by it (`decide`), and all of them in `manual`.

pub(crate) mod decide;
mod forecasts;
mod manual;
mod report;

use crate::host::{AgentError, Host, Outcome};
use crate::{facts, plan};

pub use manual::MANUAL;

pub const NAME: &str = "predictive-analytics";
pub const DESCRIPTION: &str = "Forecasts how much will land, when the next release comes and what will be late, with intervals that it checks itself.";
pub const MANIFEST: &str = include_str!("agent.yaml");

/// New findings of one run: more warnings at once are believed by nobody.
pub const MOST_FINDINGS: usize = 3;

/// One run: resolves what was forecast, and looks ahead.
pub fn run(host: &mut dyn Host) -> Result<Outcome, AgentError> {
    let mut memory = report::load(host)?;
    let facts = match facts::read(host.task()) {
        Ok(facts) => facts,
        Err(why) => return Ok(Outcome::NothingToReport { summary: why }),
    };
    let now_ms = host.task().now_ms;
    let plan = plan::of_work_tree(&host.task().project_root);
    let plan = plan::forge::join(plan, host.task());
    let planned = |id: &str, text: String| plan.evidence(id, text);
    let tags = facts.index.tags();
    let seen = decide::Seen {
        now_ms,
        history: &facts.history,
        tags: &tags,
        plan: plan.plan(),
        planned: &planned,
    };
    let past = decide::look_back(&seen);
    report::bring_up(host, &seen, &past, &mut memory)?;
    let prospects = decide::look_ahead(&seen, &past, &memory.forecasts, &memory.watched);
    let mut unkept = 0;
    for (forecast, every_ms) in decide::to_open(&seen, &past, &prospects) {
        unkept += usize::from(!memory.forecasts.open(forecast, every_ms));
    }
    let findings = decide::judge(&seen, &past, &prospects);
    let said = report::Said { findings, unkept };
    report::deliver(host, &facts.index, &seen, &past, &prospects, said, &mut memory)
}
