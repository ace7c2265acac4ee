//! Why agents are in their states, by what the scheduler would decide now.

use super::Sources;
use crate::api::{Coordination, Explanation, StorageRow};
use crate::view;
use onboard_daemon::handle::Handle;
use onboard_daemon::models::{self, Models};
use onboard_daemon::zones::HostZones;
use onboard_daemon::{logs, pressure};
use onboard_domain::{AgentId, ProjectId, State, Time};
use onboard_scheduler::HostSample;
use std::path::Path;

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
        Coordination { models, storage: self.storage(state, project), ..shared }
    }

    fn storage(&self, state: &State, wanted: Option<ProjectId>) -> Vec<StorageRow> {
        let logs = self.handle.paths().logs();
        let mut rows = Vec::new();
        for (id, project) in &state.projects {
            if wanted.is_some_and(|wanted| wanted != *id) {
                continue;
            }
            let quota = self.handle.policies().of(Path::new(&project.root)).storage();
            for (name, agent) in &project.agents {
                let (stored, logs) = (state.stored_by(*agent), logs::bytes(&logs, *agent));
                if stored.bytes() + logs > 0 {
                    rows.push(StorageRow {
                        agent: name.to_string(),
                        project: project.name.clone(),
                        project_id: id.to_string(),
                        storage: view::safety::storage(stored, logs, &quota),
                    });
                }
            }
        }
        rows
    }
}
