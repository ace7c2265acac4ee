//! Why agents are in their states, by what the scheduler would decide now.

use super::Sources;
use crate::api::{Coordination, Explanation};
use crate::view;
use onboard_daemon::handle::Handle;
use onboard_daemon::models::{self, Models};
use onboard_daemon::pressure;
use onboard_daemon::zones::HostZones;
use onboard_domain::{AgentId, ProjectId, State, Time};
use onboard_scheduler::HostSample;

/// One look at the host, good for one request.
pub struct Explainer {
    pub now: Time,
    host: HostSample,
    handle: Handle,
    zones: HostZones,
    models: Models,
}

impl Explainer {
    /// Looks at the clock and the host.
    pub fn new(sources: &Sources) -> Explainer {
        let now = (sources.clock)();
        Explainer {
            now,
            host: pressure::sample(now),
            handle: sources.handle.clone(),
            zones: HostZones::default(),
            // A file that is wrong gives nobody a model; `doctor` says what is wrong.
            models: models::read(&sources.handle.paths().models()).unwrap_or_default(),
        }
    }

    /// `None` when there is no such agent.
    pub fn explain(&self, state: &State, agent: AgentId) -> Option<Explanation> {
        let (host, settings) = (&self.host, self.handle.settings());
        onboard_scheduler::explain(state, self.now, host, settings, &self.zones, agent)
            .map(Into::into)
    }

    /// Who has what of the things that are shared, and who waits for it.
    pub fn coordination(&self, state: &State, project: Option<ProjectId>) -> Coordination {
        let settings = self.handle.settings();
        let shared = view::coordination::view(state, self.now, &self.host, settings, project);
        let models = view::coordination::models(state, self.now, &self.models, project);
        Coordination { models, ..shared }
    }
}
