//! A host that keeps everything in memory.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use onboard_agents::host::{
    Change, Doors, Finding, Fingerprint, Host, HostError, LARGEST_BYTES, LARGEST_CHECKPOINT,
    LARGEST_VALUE, Level, Machine, Model, NoDoors, Standing, Task, forecast,
};
use onboard_agents::manual::{self, Manual};

/// What an agent handed over, in order.
#[derive(Default)]
pub struct MemoryHost {
    pub task: Task,
    pub checkpoints: BTreeMap<String, String>,
    /// Checkpoints that are no text.
    pub bytes: BTreeMap<String, Vec<u8>>,
    pub findings: Vec<Finding>,
    /// What came of what they expected, and what a commit did.
    pub settled: Vec<String>,
    pub resolved: Vec<String>,
    pub events: Vec<String>,
    pub state: BTreeMap<String, serde_json::Value>,
    pub log: Vec<String>,
    /// Checkpoints it still takes before it dies; `None` for as many as come.
    pub saves_left: Option<usize>,
    pub progress_calls: usize,
    /// What the machine is said to do.
    pub machine: Machine,
    /// The model that the user gave, where there is one.
    pub model: Option<ScriptedModel>,
    /// Rules whose findings people dismissed.
    pub dismissed: Vec<String>,
    /// What was proposed.
    pub changes: Vec<Change>,
    /// The network.
    pub doors: Option<Box<dyn Doors>>,
}

/// A model that answers what a test says, in turn, and keeps what it was asked.
#[derive(Default)]
pub struct ScriptedModel {
    pub answers: VecDeque<Result<(u16, String), String>>,
    pub asked: Vec<String>,
    /// What it says to a request, once there are no such answers.
    pub says: Option<fn(&str) -> String>,
}

impl Model for ScriptedModel {
    fn name(&self) -> &str {
        "m-1"
    }

    fn complete(&mut self, request: &[u8], _: Duration) -> Result<(u16, Vec<u8>), String> {
        self.asked.push(String::from_utf8(request.to_vec()).expect("JSON"));
        let said = self.says.zip(self.asked.last()).map(|(says, asked)| says(asked));
        let said = said.map(|said| {
            let choice = serde_json::json!({ "message": { "content": said } });
            (200, serde_json::json!({ "choices": [choice] }).to_string())
        });
        let answer = self.answers.pop_front();
        let answer = answer.unwrap_or(said.ok_or("nothing more is said".to_owned()));
        answer.map(|(status, body)| (status, body.into_bytes()))
    }
}

impl Host for MemoryHost {
    fn task(&self) -> &Task {
        &self.task
    }

    fn load_checkpoint(&mut self, name: &str) -> Result<Option<String>, HostError> {
        Ok(self.checkpoints.get(name).cloned())
    }

    fn save_checkpoint(&mut self, name: &str, content: &str) -> Result<(), HostError> {
        if content.len() > LARGEST_CHECKPOINT {
            return Err(HostError(format!("checkpoint {name} of {} bytes", content.len())));
        }
        if let Some(left) = &mut self.saves_left {
            *left = left.checked_sub(1).ok_or(HostError("gone".to_owned()))?;
        }
        self.checkpoints.insert(name.to_owned(), content.to_owned());
        Ok(())
    }

    fn save_bytes(&mut self, name: &str, content: &[u8]) -> Result<(), HostError> {
        if content.len() > LARGEST_BYTES {
            return Err(HostError(format!("checkpoint {name} of {} bytes", content.len())));
        }
        self.bytes.insert(name.to_owned(), content.to_owned());
        Ok(())
    }

    fn progress(&mut self, _: u64, _: Option<u64>, _: &str) -> Result<(), HostError> {
        self.progress_calls += 1;
        Ok(())
    }

    fn record_finding(&mut self, finding: Finding) -> Result<Standing, HostError> {
        assert!(manual::rule(&finding.rule).is_some(), "no page describes {}", finding.rule);
        let rule = finding.rule.clone();
        // As the real host: what is known by its fingerprint is not news.
        if self.findings.iter().all(|known| known.fingerprint != finding.fingerprint) {
            self.findings.push(finding);
        }
        let is_dismissed = self.dismissed.contains(&rule);
        Ok(if is_dismissed { Standing::Dismissed } else { Standing::Open })
    }

    fn settle_forecast(
        &mut self,
        fingerprint: &Fingerprint,
        outcome: forecast::Outcome,
    ) -> Result<(), HostError> {
        let known = self.findings.iter().find(|known| known.fingerprint == *fingerprint);
        // As the real host: where no forecast is open, nothing changes.
        if let Some(finding) = known.filter(|known| known.forecast.is_some()) {
            self.settled.push(format!("{} of {}: {outcome:?}", finding.rule, finding.target));
        }
        Ok(())
    }

    fn resolve_finding(
        &mut self,
        fingerprint: &Fingerprint,
        commit: &str,
    ) -> Result<(), HostError> {
        if let Some(finding) = self.findings.iter().find(|known| known.fingerprint == *fingerprint)
        {
            self.resolved.push(format!("{} of {} by {commit}", finding.rule, finding.target));
        }
        Ok(())
    }

    fn emit_event(&mut self, kind: &str, data: serde_json::Value) -> Result<(), HostError> {
        let describes = |one: &Manual| one.publishes.iter().any(|(topic, _)| *topic == kind);
        assert!(manual::all().any(describes), "no page describes {kind}");
        self.events.push(format!("{kind} {data}"));
        Ok(())
    }

    fn put_state(&mut self, key: &str, value: serde_json::Value) -> Result<(), HostError> {
        let describes = |one: &Manual| one.shares.iter().any(|(name, _)| *name == key);
        assert!(manual::all().any(describes), "no page describes {key}");
        let size = value.to_string().len();
        if size > LARGEST_VALUE {
            return Err(HostError(format!("value {key} of {size} bytes")));
        }
        self.state.insert(key.to_owned(), value);
        Ok(())
    }

    fn propose(&mut self, change: &Change) -> Result<String, HostError> {
        self.changes.push(change.clone());
        Ok(format!("c{}, checking", self.changes.len() - 1))
    }

    fn model(&mut self) -> Option<&mut dyn Model> {
        self.model.as_mut().map(|model| model as &mut dyn Model)
    }

    fn machine(&mut self) -> Result<Machine, HostError> {
        Ok(self.machine.clone())
    }

    fn doors(&mut self) -> &mut dyn Doors {
        match &mut self.doors {
            Some(doors) => doors.as_mut(),
            None => Box::leak(Box::new(NoDoors)),
        }
    }

    fn log(&mut self, level: Level, text: &str) {
        self.log.push(format!("{level:?}: {text}"));
    }
}
