//! The way in: a profile goes behind its walls only with a permit that covers it.

use crate::profile::Profile;
use onboard_policy::Permit;
use std::fmt;

/// A profile and the permit it stays inside. Only [`crate::launch`] takes it, once.
#[derive(Debug)]
pub struct Permitted {
    permit: Permit,
    profile: Profile,
}

/// What a profile asks for beyond its permit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exceeds {
    Limit {
        name: &'static str,
        asked: u64,
        permitted: u64,
    },
    /// A forbidden path of the policy that the profile does not mask.
    Unmasked(String),
    /// A forbidden command of the policy that the profile does not know of.
    Unwatched(String),
}

impl fmt::Display for Exceeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exceeds::Limit { name, asked, permitted } => {
                write!(f, "{name} is {asked}, the permit allows {permitted}")
            }
            Exceeds::Unwatched(command) => {
                write!(f, "the forbidden command `{command}` is not watched for")
            }
            Exceeds::Unmasked(path) => write!(f, "the forbidden path `{path}` is not masked"),
        }
    }
}

impl std::error::Error for Exceeds {}

impl Permitted {
    /// Pairs a profile with its permit.
    ///
    /// # Errors
    /// When the profile asks for more than the permit allows.
    pub fn new(permit: Permit, profile: Profile) -> Result<Permitted, Exceeds> {
        let most = permit.bounds().limits();
        let limits = &profile.limits;
        let megabytes = |mb: u32| u64::from(mb) << 20;
        let reads = limits.reads_per_second.map_or(u64::MAX, u64::from);
        let asked = [
            ("cpu_percent", u64::from(limits.cpu_percent), u64::from(most.cpu_percent)),
            ("memory_bytes", limits.memory_bytes, megabytes(most.memory_mb)),
            ("pids", u64::from(limits.pids), u64::from(most.pids)),
            ("file_bytes", limits.file_bytes, megabytes(most.file_size_mb)),
            ("reads_per_second", reads, u64::from(most.io_ops_per_sec)),
        ];
        for (name, asked, permitted) in asked {
            if asked > permitted {
                return Err(Exceeds::Limit { name, asked, permitted });
            }
        }
        for path in permit.bounds().forbidden_paths() {
            if !profile.forbidden.contains(path) {
                return Err(Exceeds::Unmasked(path.clone()));
            }
        }
        for command in permit.bounds().forbidden_commands() {
            if !profile.forbidden_commands.contains(command) {
                return Err(Exceeds::Unwatched(command.clone()));
            }
        }
        Ok(Permitted { permit, profile })
    }

    /// How much the run may write to its `/tmp`.
    pub fn tmp_bytes(&self) -> u64 {
        self.profile.limits.tmp_bytes
    }

    /// The profile; the permit is used up.
    pub(crate) fn into_profile(self) -> Profile {
        let Permitted { permit, profile } = self;
        drop(permit);
        profile
    }
}
