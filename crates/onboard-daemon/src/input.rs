//! Everything that can wake the daemon: one closed enum.

use onboard_domain::model::{Budget, Ending, Spend};
use onboard_domain::proposal::News;
use onboard_domain::state::{Process, Usage};
use onboard_domain::{
    Actor, AgentCall, Command, Generation, ProjectId, ProposalId, RunId, Via, Violation,
};

/// Ties an answer to whoever waits for it; means nothing to the decisions.
pub type Token = u64;

/// One thing that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The daemon begins. Every process of the daemon before it is proven gone.
    Began {
        version: String,
        pid: u32,
    },
    Command {
        token: Token,
        actor: Actor,
        via: Via,
        why: String,
        command: Command,
    },
    /// A running agent asks something that reads or changes the state.
    Call {
        token: Token,
        run: RunId,
        generation: Generation,
        call: AgentCall,
    },
    /// The run's process stands behind its walls and goes.
    Launched {
        run: RunId,
        generation: Generation,
        process: Process,
        deadline_ms: i64,
        /// Where its walls are weaker than they could be.
        degraded: Vec<String>,
    },
    /// Nothing was started: the policy or a missing wall says no.
    LaunchRefused {
        run: RunId,
        generation: Generation,
        rule: String,
        why: String,
    },
    /// What a run tried and was refused since this was last told.
    Violations {
        run: RunId,
        generation: Generation,
        violations: Vec<Violation>,
    },
    /// The run's process tree is proven gone.
    Gone {
        run: RunId,
        generation: Generation,
        exit: Exit,
        usage: Usage,
    },
    /// What a project's agents read was looked at, and this is its digest.
    Observed {
        project: ProjectId,
        git: String,
        plan: String,
    },
    /// The separate process that works on a proposal has come to an end.
    Proposal {
        proposal: ProposalId,
        news: News,
    },
    /// A run asks a model: the most that it may use, held against what its owner allows.
    ReserveModel {
        token: Token,
        run: RunId,
        generation: Generation,
        model: String,
        spend: Spend,
        budgets: Vec<Budget>,
    },
    /// What was set aside for a request of a model came to this.
    ModelSettled {
        id: u64,
        spend: Spend,
        ending: Ending,
    },
    /// The journal's time went so much further than real time, or less far: the machine was
    /// suspended, or its clock was set.
    Leapt {
        ms: i64,
    },
    /// A time that the scheduler asked for has come.
    Timer,
}

impl Input {
    /// The run on which it is decided by the policy of the run's project.
    pub(crate) fn judged(&self) -> Option<RunId> {
        match self {
            Input::Call { run, .. } | Input::Violations { run, .. } | Input::Gone { run, .. } => {
                Some(*run)
            }
            _ => None,
        }
    }

    /// Whether the council may have to decide on it.
    pub(crate) fn is_councils(&self) -> bool {
        matches!(
            self,
            Input::Command { .. } | Input::Call { call: AgentCall::RequestApproval { .. }, .. }
        )
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code {
        code: i32,
        last_words: String,
    },
    Signal {
        signal: i32,
        last_words: String,
    },
    /// The kernel's counter says that the memory limit killed it.
    OutOfMemory {
        limit_mb: u64,
    },
    /// It could not be started, or its end could not be observed.
    Fault {
        why: String,
    },
}
