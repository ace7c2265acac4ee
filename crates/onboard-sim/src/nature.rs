//! What the world around the daemon does: how a started run goes, what the host feels like, and
//! whether an effect comes to pass once, twice or never.

use onboard_daemon::input::Exit;
use onboard_domain::state::{Agent, Run, Usage};
use onboard_domain::{AgentCall, AgentId, Batch, Effect, RunId, State, Time, Violation};
use onboard_scheduler::HostSample;

/// A run whose process is about to be started.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    pub id: RunId,
    pub run: &'a Run,
    pub agent_id: AgentId,
    pub agent: &'a Agent,
    pub state: &'a State,
}

/// How a run will go, decided when it is launched.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Nothing is started: the rule and the sentence.
    pub refused: Option<(String, String)>,
    /// From launch to the first instruction.
    pub start_ms: i64,
    /// From the first instruction to the end; `None`: it hangs until it is killed.
    pub life_ms: Option<i64>,
    pub exit: Exit,
    pub usage: Usage,
    /// From being told to end to ending by itself; `None`: it takes no notice.
    pub term_ms: Option<i64>,
    /// From a kill to the proof that the process tree is gone.
    pub kill_ms: i64,
    /// What it asks of its host, all at once, so long after its first instruction.
    pub calls_at_ms: i64,
    pub calls: Vec<AgentCall>,
    /// What it tries that its walls refuse, from its first instruction on.
    pub tries: Vec<Violation>,
    /// Whether messages that it reads are acknowledged.
    pub acks: bool,
}

/// What becomes of an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Once,
    Twice,
    /// Never performed, as if the thread that should have done it had died.
    Lost,
}

/// The world around the daemon. The order of calls is that of virtual time, so an implementation
/// may draw from a stream of random numbers.
pub trait Nature {
    /// What the driver planned for itself and is told when its time comes.
    type Deed;

    /// Decides how a run goes that is launched at `now`.
    fn plan(&mut self, now: Time, look: Look<'_>) -> Plan;

    /// Measures the host.
    fn host(&mut self, now: Time) -> HostSample;

    /// Decides what becomes of an effect.
    fn fate(&mut self, effect: &Effect) -> Fate;

    /// A batch became durable; `state` is what it folded to.
    fn durable(&mut self, batch: &Batch, state: &State);
}
