//! Predictive analytics: how much will land, when the next release comes, which milestone will be
//! late and which commit will need a fix. Each is an interval or a chance that is checked when its
//! time has come, and how often they held is said with them.
//!
//! # Rules
//!
//! - `forecast/milestone-late`: a milestone of the plan with a date before it, of which a tenth of
//!   the simulations or fewer end by that date.
//!
//!   > Milestone beta ends by 2026-12-20 in 4 of 100 simulations
//!
//! - `forecast/risky-commit`: a commit of the last week that more likely than not needs a fix, or is
//!   among the riskiest tenth or twentieth, where the repository's own past can tell: a model of it, tried on commits that it had not seen, orders
//!   them well, and those rated as high were followed by a fix twice as often as all.
//!
//!   > e38f29ee48 will need a fix, with 83 % chance: rework the parser
//!
//! - `forecast/release-risk`: a release is likely within two weeks, and the commits that it will
//!   hold need more fixes than those of any of the last eight releases did when they came.
//!
//!   > What is not released yet will need 9 to 17 fixes
//!
//! What else is forecast (commits and person-days of 4 and 12 weeks, the next release) is no
//! finding: nothing is wrong with it. It is in the run's summary and in the shared state
//! `forecasts`.

pub(crate) mod decide;
mod forecasts;
mod report;

use crate::host::{AgentError, Host, Outcome};
use crate::{facts, plan};

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
    let line = |id: &str| plan.line(id);
    let tags = facts.index.tags();
    let seen = decide::Seen {
        now_ms,
        history: &facts.history,
        tags: &tags,
        plan: plan.plan(),
        line: &line,
    };
    let past = decide::look_back(&seen);
    report::bring_up(host, &seen, &past, &mut memory)?;
    let prospects = decide::look_ahead(&seen, &past, &memory.forecasts, &memory.watched);
    for (forecast, every_ms) in decide::to_open(&seen, &past, &prospects) {
        memory.forecasts.open(forecast, every_ms);
    }
    let findings = decide::judge(&seen, &past, &prospects);
    report::deliver(host, &facts.index, &seen, &past, &prospects, &findings, &mut memory)
}
