//! Identities: small numbers given by the fold, and the few names that people choose.

use alloc::string::{String, ToString};
use core::fmt;
use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl core::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                text.strip_prefix($prefix).unwrap_or(text).parse().map($name).map_err(|_| ())
            }
        }
    };
}

number_id!(
    /// A project that the crew works on; numbered in the order of registration.
    ProjectId(u32), "p"
);
number_id!(
    /// One agent in one project ("instance"); numbered in the order of registration.
    AgentId(u32), "a"
);
number_id!(
    /// One run of an agent, from its place in the queue to its recorded end.
    RunId(u64), "r"
);
number_id!(
    /// One direct message.
    MessageId(u64), "m"
);
number_id!(
    /// One incident.
    IncidentId(u64), "i"
);
number_id!(
    /// One change that an agent proposes.
    ProposalId(u64), "c"
);
number_id!(
    /// One matter that is put before the council.
    MotionId(u64), "v"
);
number_id!(
    /// How often a run was placed; an effect or an answer of an older generation is refused.
    Generation(u32), "g"
);

/// Milliseconds since 1970-01-01T00:00:00Z. Along the journal it never goes back.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The time `ms` milliseconds later; stays at the end of time rather than overflowing.
    pub fn plus(self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: Time) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// An agent's name: `[a-z0-9][a-z0-9-]*`, at most [`AgentName::LEN_MAX`] characters, so that it can
/// stand in a path, a cgroup, a metric label and a shell word without quoting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentName(String);

impl AgentName {
    /// Longest name: a cgroup directory, a prefix and a run id stay under 255 bytes.
    pub const LEN_MAX: usize = 64;

    /// Checks the form.
    ///
    /// # Errors
    /// Says which character or length is wrong.
    pub fn new(text: &str) -> Result<AgentName, String> {
        if text.is_empty() || text.len() > Self::LEN_MAX {
            return Err(alloc::format!(
                "an agent's name has 1 to {} characters, `{text}` has {}",
                Self::LEN_MAX,
                text.len()
            ));
        }
        if text.starts_with('-') {
            return Err(alloc::format!("an agent's name starts with a letter or digit: `{text}`"));
        }
        match text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
            Some(bad) => Err(alloc::format!(
                "an agent's name is made of a-z, 0-9 and `-`; `{text}` has {bad:?}"
            )),
            None => Ok(AgentName(text.to_string())),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for AgentName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        AgentName::new(&text)
    }
}

impl From<AgentName> for String {
    fn from(name: AgentName) -> String {
        name.0
    }
}

impl core::borrow::Borrow<str> for AgentName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What makes two findings of an agent the same finding: a hash of rule and target, as hexadecimal text.
/// In a project it names one agent's finding; see [`Fingerprint::apart`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub String);

impl Fingerprint {
    /// How a finding of this agent is known where another agent's has this fingerprint: half of a
    /// SHA-256 of both, behind a letter that no agent can write there, so that none can take it first.
    pub fn apart(&self, agent: &AgentName) -> Fingerprint {
        use sha2::Digest;
        let hash = sha2::Sha256::digest(alloc::format!("{agent}\n{self}"));
        let half: String = hash[..16].iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        Fingerprint(alloc::format!("x{half}"))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
