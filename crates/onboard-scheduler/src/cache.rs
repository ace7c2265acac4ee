//! What may be forgotten without changing a decision's rightness: parsed schedules, the last
//! verdict on the host, when kills were last asked for, and what the last admission came to.

use crate::admit::Standing;
use crate::host::Verdict;
use crate::schedule::{Scatter, Schedule};
use alloc::collections::BTreeMap;
use alloc::string::String;
use jiff::tz::TimeZone;
use onboard_domain::state::{Agent, State};
use onboard_domain::{AgentId, RunId, Time};

/// Time zones, from the host's database.
pub trait Zones {
    /// The host's own zone.
    fn host(&self) -> TimeZone;
    /// The zone of an IANA name.
    fn named(&self, name: &str) -> Option<TimeZone>;
}

/// Kept between turns by the caller; an empty one is always right, only slower.
#[derive(Debug, Default)]
pub struct ScheduleCache {
    timings: BTreeMap<AgentId, Timing>,
    pub(crate) verdict: Verdict,
    pub(crate) kills: BTreeMap<RunId, KillAgain>,
    pub(crate) standing: Option<Standing>,
}

/// When a kill is asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KillAgain {
    pub at: Time,
    pub wait_ms: i64,
}

/// An agent's schedule, ready to be asked.
#[derive(Debug)]
pub(crate) struct Timing {
    text: String,
    zone_name: Option<String>,
    /// `None` when this version can't read the text: then nothing is ever due.
    pub schedule: Option<Schedule>,
    zone: TimeZone,
    scatter: Scatter,
}

impl ScheduleCache {
    /// The schedule of an agent, parsed at most once while its text stays the same.
    pub(crate) fn timing(
        &mut self,
        state: &State,
        zones: &dyn Zones,
        id: AgentId,
        agent: &Agent,
    ) -> &Timing {
        let fresh = self.timings.get(&id).is_some_and(|timing| timing.is_of(agent));
        if !fresh {
            self.timings.insert(id, Timing::new(state, zones, agent));
        }
        &self.timings[&id]
    }

    pub(crate) fn forget(&mut self, id: AgentId) {
        self.timings.remove(&id);
    }
}

impl Timing {
    pub fn new(state: &State, zones: &dyn Zones, agent: &Agent) -> Timing {
        let schedule = Schedule::parse(&agent.spec.schedule).ok();
        let zone = schedule.as_ref().and_then(|schedule| {
            let host = match &agent.spec.zone {
                Some(name) => zones.named(name)?,
                None => zones.host(),
            };
            schedule.zone(&host, |name| zones.named(name)).ok()
        });
        Timing {
            text: agent.spec.schedule.clone(),
            zone_name: agent.spec.zone.clone(),
            // A schedule in an unknown zone has no right time, and a wrong one is worse than none.
            schedule: schedule.filter(|_| zone.is_some()),
            zone: zone.unwrap_or(TimeZone::UTC),
            scatter: scatter(state, agent),
        }
    }

    fn is_of(&self, agent: &Agent) -> bool {
        self.text == agent.spec.schedule && self.zone_name == agent.spec.zone
    }

    pub fn kind(&self) -> Option<crate::schedule::Kind> {
        self.schedule.as_ref().map(Schedule::kind)
    }

    /// The schedule's first time after `after`.
    pub fn next_after(&self, after: Time) -> Option<Time> {
        self.schedule.as_ref()?.next_after(after.0, ANCHOR, &self.zone, self.scatter).map(Time)
    }

    /// How many times there are in `(after, until]`, and the newest `cap` of them, oldest first.
    pub fn between(&self, after: Time, until: Time, cap: usize) -> (u64, alloc::vec::Vec<Time>) {
        let Some(schedule) = &self.schedule else { return Default::default() };
        let found =
            schedule.occurrences_between(after.0, until.0, ANCHOR, &self.zone, self.scatter, cap);
        (found.total, found.times.into_iter().map(Time).collect())
    }
}

/// Intervals count from 1970: no restart, start or crash moves them.
const ANCHOR: i64 = 0;

/// FNV-1a over root and name: the same on every machine that has the project in the same place.
fn scatter(state: &State, agent: &Agent) -> Scatter {
    let root = state.projects.get(&agent.project).map_or("", |project| project.root.as_str());
    let bytes = root.bytes().chain([0]).chain(agent.spec.name.as_str().bytes());
    Scatter(bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    }))
}
