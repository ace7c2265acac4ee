//! How much one run may add to the journal and to the stored checkpoints: a run in a loop must not
//! fill the disk that all share, however well each of its calls is formed.

use onboard_domain::{AgentCall, CallRefusal};
use onboard_protocol::HostCall;

/// Calls of a run that change something. The busiest honest run reports fifty findings, a hundred
/// events and a few hundred values.
pub(crate) const CHANGES: u32 = 2_000;
/// Bytes that they add to the journal: all findings and events of a run at their largest, and a
/// hundred of the largest values.
pub(crate) const JOURNAL_BYTES: usize = 4 << 20;
/// Bytes of the checkpoints and patches that a run stores, the replaced ones too: all checkpoints of
/// an agent at their largest, twice.
pub(crate) const STORED_BYTES: usize = 128 << 20;

/// What a run has left.
#[derive(Debug)]
pub(crate) struct Budget {
    changes: u32,
    journal: usize,
    stored: usize,
}

impl Budget {
    pub(crate) fn new() -> Budget {
        Budget { changes: CHANGES, journal: JOURNAL_BYTES, stored: STORED_BYTES }
    }

    /// Pays for a call before it is carried out; what only reads is free.
    ///
    /// # Errors
    /// When the run has used up what it has, and of what.
    pub(crate) fn spend(&mut self, call: &HostCall) -> Result<(), CallRefusal> {
        let Some((journal, stored)) = cost(call) else { return Ok(()) };
        let limit = |what: String| {
            Err(CallRefusal::new("limit", format!("a run {what}: keep the rest for the next run")))
        };
        if self.changes == 0 {
            return limit(format!("changes something at most {CHANGES} times"));
        }
        if journal > self.journal {
            return limit(format!("adds at most {JOURNAL_BYTES} bytes to the journal"));
        }
        if stored > self.stored {
            return limit(format!("stores at most {STORED_BYTES} bytes"));
        }
        self.changes -= 1;
        self.journal -= journal;
        self.stored -= stored;
        Ok(())
    }
}

/// Bytes that a call adds to the journal and to what is stored beside it, about.
fn cost(call: &HostCall) -> Option<(usize, usize)> {
    /// An event's own fields.
    const ENTRY: usize = 200;
    let journal = match call {
        HostCall::SaveCheckpoint { content, .. } => return Some((ENTRY, content.len())),
        HostCall::ProposeChange { title, reason, patch, evidence, .. } => {
            let told = title.len() + reason.len() + evidence.len() * 1_000;
            return Some((ENTRY + told, patch.len()));
        }
        HostCall::Agent(AgentCall::RecordFinding(finding)) => {
            let texts = [&finding.title, &finding.detail, &finding.action, &finding.target];
            let evidence = finding.evidence.iter().map(|evidence| {
                let place = evidence.path.as_ref().map_or(0, String::len);
                evidence.text.len() + place + ENTRY / 2
            });
            let forecast =
                finding.forecast.as_ref().map_or(0, |forecast| ENTRY + forecast.expects.len());
            texts.iter().map(|text| text.len()).sum::<usize>() + evidence.sum::<usize>() + forecast
        }
        HostCall::Agent(AgentCall::EmitEvent { data, .. }) => data.len(),
        HostCall::Agent(AgentCall::SendMessage { body, .. }) => body.len(),
        HostCall::Agent(AgentCall::PutState { value, .. }) => value.len(),
        HostCall::Agent(AgentCall::AskPerson { text }) => text.len(),
        HostCall::Agent(AgentCall::RequestApproval { action, what, reason, .. }) => {
            action.len() + what.len() + reason.len()
        }
        HostCall::Agent(AgentCall::Finish { summary, .. }) => summary.len(),
        HostCall::Agent(
            AgentCall::SettleForecast { .. }
            | AgentCall::ResolveFinding { .. }
            | AgentCall::AckMessage { .. }
            | AgentCall::TakeLease { .. }
            | AgentCall::ReleaseLease { .. }
            | AgentCall::SaveCheckpoint { .. }
            | AgentCall::ProposeChange(_),
        ) => 0,
        HostCall::Agent(
            AgentCall::ReadInbox { .. }
            | AgentCall::GetState { .. }
            | AgentCall::FindCheckpoint { .. },
        )
        | HostCall::GetTask
        | HostCall::GetMachine
        | HostCall::LoadCheckpoint { .. }
        | HostCall::Progress { .. }
        | HostCall::Log { .. }
        | HostCall::Heartbeat => return None,
    };
    Some((ENTRY + journal, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: usize) -> HostCall {
        let value = "x".repeat(bytes);
        HostCall::Agent(AgentCall::PutState { key: "k".into(), value, expect: None, under: None })
    }

    /// How many such calls a run may make.
    fn count(call: &HostCall) -> usize {
        let mut budget = Budget::new();
        (0..10_000).take_while(|_| budget.spend(call).is_ok()).count()
    }

    #[test]
    fn each_part_runs_out_by_itself_and_reading_is_free() {
        assert_eq!(count(&put(1)), CHANGES as usize);
        assert_eq!(count(&put(16 * 1024)), JOURNAL_BYTES / (16 * 1024 + 200));
        let save = HostCall::SaveCheckpoint {
            name: "n".into(),
            content: vec![b'x'; 4 << 20],
            under: None,
        };
        assert_eq!(count(&save), STORED_BYTES / (4 << 20));
        assert_eq!(count(&HostCall::GetTask), 10_000);
        let mut budget = Budget::new();
        while budget.spend(&put(16 * 1024)).is_ok() {}
        let why = budget.spend(&put(16 * 1024)).unwrap_err().message;
        assert!(why.starts_with("a run adds at most 4194304 bytes to the journal"), "{why}");
        assert!(budget.spend(&put(1)).is_ok(), "a small one still fits");
    }
}
