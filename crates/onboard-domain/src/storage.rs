//! What the state keeps for one agent, in bytes.

use crate::finding::Finding;
use crate::forecast::Forecast;
use crate::ids::AgentId;
use crate::state::State;
use serde::{Deserialize, Serialize};

/// Bytes that are kept for an agent, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    pub checkpoints: u64,
    /// Shared values that it wrote last, with their keys.
    pub shared: u64,
    /// Its findings with their evidence, and what they expect.
    pub findings: u64,
    /// Patches that it proposed and that are not settled.
    pub proposals: u64,
}

impl Stored {
    /// All of it.
    pub fn bytes(&self) -> u64 {
        self.checkpoints + self.shared + self.findings + self.proposals
    }
}

impl State {
    /// What is kept for an agent.
    pub fn stored_by(&self, id: AgentId) -> Stored {
        let Some(agent) = self.agents.get(&id) else { return Stored::default() };
        let Some(project) = self.projects.get(&agent.project) else { return Stored::default() };
        let shared = project.shared.iter().filter(|(_, value)| value.by == id);
        let findings = project.findings.values().filter(|known| known.agent == id);
        let forecasts = project.forecasts.values().filter(|open| open.agent == id);
        let proposals = self.proposals.values().filter(|p| p.agent == id && p.status.is_open());
        Stored {
            checkpoints: agent.checkpoints.values().map(|blob| blob.bytes).sum(),
            shared: shared.map(|(key, value)| (key.len() + value.value.len()) as u64).sum(),
            findings: findings.map(|known| known.finding.bytes()).sum::<u64>()
                + forecasts.map(|open| open.forecast.bytes()).sum::<u64>(),
            proposals: proposals.map(|proposal| proposal.proposed.patch.bytes).sum(),
        }
    }
}

impl Finding {
    /// Bytes of its texts, with those of its evidence.
    pub fn bytes(&self) -> u64 {
        let texts = [&self.rule, &self.title, &self.detail, &self.action, &self.target];
        let evidence = self.evidence.iter().map(|evidence| {
            let optional = [&evidence.path, &evidence.oid];
            let optional = optional.into_iter().flatten().map(alloc::string::String::len);
            evidence.text.len() + optional.sum::<usize>()
        });
        let worded = self.worded.iter().map(|worded| {
            let texts = [&worded.title, &worded.detail, &worded.refused].into_iter().flatten();
            worded.model.len() + texts.map(alloc::string::String::len).sum::<usize>()
        });
        let own = texts.iter().map(|text| text.len()).sum::<usize>();
        (own + evidence.sum::<usize>() + worded.sum::<usize>()) as u64
    }
}

impl Forecast {
    /// Bytes of its text, and of its numbers.
    pub fn bytes(&self) -> u64 {
        const NUMBERS: u64 = 40;
        self.expects.len() as u64 + NUMBERS
    }
}
