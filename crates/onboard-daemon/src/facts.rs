//! The facts that a run sees: checkpoints of agents that share them, each a file in its sandbox.
//!
//! A run sees them as they stood when it was launched, whatever is saved meanwhile: what is mounted
//! is content by its hash, which nobody changes.

use crate::blobs::{Blobs, Stored};
use onboard_domain::{AgentId, State};
use onboard_sandbox::{APP_DIR, ReadOnly};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a run sees, held until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    files: Vec<Fact>,
}

#[derive(Debug)]
struct Fact {
    agent: String,
    checkpoint: String,
    host: PathBuf,
    _held: Stored,
}

impl Fact {
    /// Agents have no dot in their names, so no two facts share one.
    fn name(&self) -> String {
        format!("facts.{}.{}", self.agent, self.checkpoint)
    }
}

impl Facts {
    /// The checkpoints of those that the agent names and that share theirs, and its own if it does.
    /// One that is not in the project any more has none.
    pub(crate) fn of(state: &State, agent: AgentId, blobs: &Blobs) -> Facts {
        let reader = &state.agents[&agent];
        let project = &state.projects[&reader.project];
        let named = reader.spec.facts_from.iter().chain([&reader.spec.name]);
        let sources = named.filter_map(|name| project.agents.get(name));
        let sharing = sources.map(|id| &state.agents[id]).filter(|from| from.spec.shares_facts);
        let files = sharing.flat_map(|from| {
            from.checkpoints.iter().map(move |(checkpoint, blob)| {
                let (agent, checkpoint) = (from.spec.name.to_string(), checkpoint.clone());
                let (held, host) = blobs.hold(blob);
                Fact { agent, checkpoint, host, _held: held }
            })
        });
        Facts { files: files.collect() }
    }

    /// As the sandbox mounts them.
    pub(crate) fn mounts(&self) -> impl Iterator<Item = ReadOnly> {
        self.files.iter().map(|fact| ReadOnly { host: fact.host.clone(), name: fact.name() })
    }

    /// Where the agent's process finds them: by agent, by checkpoint.
    pub(crate) fn places(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let mut places: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for fact in &self.files {
            let place = format!("{APP_DIR}/{}", fact.name());
            places.entry(fact.agent.clone()).or_default().insert(fact.checkpoint.clone(), place);
        }
        places
    }
}
