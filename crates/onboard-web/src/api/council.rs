//! The council: its seats and rules, and the motions before it.

use super::Stamp;
use onboard_domain::Actor;
use onboard_domain::council::{Ballot, Kind, Seat, Status, Subject};
use serde::{Deserialize, Serialize};

/// One matter before the council.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MotionRow {
    pub id: String,
    pub kind: Kind,
    pub status: Status,
    /// What it is about, in a line.
    pub title: String,
    /// Exactly what is decided on.
    pub subject: Subject,
    /// The hash of the subject: a vote names it.
    pub digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The agent that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Who asked.
    pub by: Actor,
    pub reason: String,
    pub opened: Stamp,
    pub expires: Stamp,
    /// When the status last changed.
    pub since: Stamp,
    /// How often it was asked for.
    pub asked: u32,
    pub votes: Vec<VoteRow>,
    /// Who is missing, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// What follows, while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follows>,
    /// What was last said of it.
    pub note: String,
    /// Others that wait and are the same kind of action of the same agent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group: Vec<String>,
}

/// What comes of each answer, and of none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follows {
    pub yes: String,
    pub no: String,
    pub silence: String,
}

/// What one seat said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VoteRow {
    pub seat: Seat,
    pub ballot: Ballot,
    pub at: Stamp,
    /// The person; absent: the seat's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Actor>,
    pub reasons: Vec<String>,
}

/// The council as it is configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CouncilView {
    /// The file, or `the defaults`.
    pub origin: String,
    /// Why the file is not in force: then nothing is decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub seats: Vec<SeatRow>,
    pub requester_may_vote: bool,
    /// How long a motion waits.
    pub waits: String,
    pub decisions: Vec<DecisionRow>,
    /// Motions that wait.
    pub waiting: usize,
}

/// A seat and who holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRow {
    pub seat: Seat,
    pub title: String,
    pub holders: String,
}

/// What one kind of decision needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionRow {
    pub kind: Kind,
    /// Seats of people that have to say yes.
    pub quorum: u32,
    pub veto: Vec<Seat>,
}
