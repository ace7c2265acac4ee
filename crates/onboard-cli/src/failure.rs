//! Why a command failed: a kind with its exit code, a sentence, and what to do.

use onboard_web::api::ProblemKind;
use onboard_web::client::ClientError;
use std::fmt;
use std::process::ExitCode;

/// Kinds of failure; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Failed,
    Usage,
    NotRunning,
    NoSuchAgent,
    Refused,
    TimedOut,
    Unreachable,
    /// The council has to agree first; what was asked for is done when it does.
    Waiting,
    /// `check` found what `--fail-on` asked to fail for.
    Found,
}

impl Kind {
    /// The code, as documented in `--help`.
    pub fn code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::NotRunning => 3,
            Kind::NoSuchAgent => 4,
            Kind::Refused => 5,
            Kind::TimedOut => 6,
            Kind::Unreachable => 7,
            Kind::Waiting => 8,
            Kind::Found => 9,
        }
    }

    /// The code, to exit with.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// A command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub kind: Kind,
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Failure {
        Failure { kind, message: message.into(), hint: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Failure {
        Failure { hint: Some(hint.into()), ..self }
    }

    /// Something with a file or a folder went wrong.
    pub fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
        Failure::new(Kind::Failed, format!("can't {what} {}: {error}", path.display()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Failure {
        let message = error.to_string();
        match error {
            ClientError::Absent(_) => Failure::new(Kind::Unreachable, "the daemon is not running")
                .hint("ai_onboard daemon start"),
            ClientError::TimedOut(_) => Failure::new(Kind::Unreachable, message).hint(
                "if it hangs: `ai_onboard background-agents emergency-shutdown` works without it",
            ),
            ClientError::Denied(_) => Failure::new(Kind::Unreachable, message),
            ClientError::Broken(_) => {
                Failure::new(Kind::Unreachable, message).hint("ai_onboard daemon status")
            }
            ClientError::Foreign(_) => Failure::new(Kind::Failed, message)
                .hint("is the daemon of another version? `ai_onboard daemon stop`, then start"),
            ClientError::Problem(problem) => Failure::new(kind_of(problem.kind), message),
        }
    }
}

fn kind_of(kind: ProblemKind) -> Kind {
    match kind {
        ProblemKind::UnknownAgent => Kind::NoSuchAgent,
        ProblemKind::Forbidden => Kind::Refused,
        ProblemKind::TimedOut => Kind::TimedOut,
        ProblemKind::Busy | ProblemKind::Ended => Kind::Unreachable,
        ProblemKind::Invalid
        | ProblemKind::UnknownProject
        | ProblemKind::Unknown
        | ProblemKind::Limit
        | ProblemKind::TooLarge
        | ProblemKind::Unreadable => Kind::Failed,
    }
}
