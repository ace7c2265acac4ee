//! The sensors' decoders for whoever tries them with anything: only in builds for fuzzing.

use crate::mask::protocol::{self, Answer};
use crate::notify::Rules;
use crate::notify::call::Call;
use crate::notify::judge;
use crate::notify::look::Seen;
use onboard_domain::Violation;
use onboard_policy::{NameSet, PathSet};

/// A system call as its sensor saw it, and the rules that are held against it.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    pub number: i64,
    pub comm: Vec<u8>,
    pub raw: Option<Vec<u8>>,
    pub path: Option<Vec<u8>>,
    pub resolved: Option<Vec<u8>>,
    pub arguments: Vec<Vec<u8>>,
    pub registers: [u64; 6],
    pub writes: bool,
    pub works_in_tmp: bool,
    pub forbidden_commands: Vec<String>,
    pub forbidden: Vec<String>,
}

/// The error that the call gets, if any, and what is told of it; `None`: it is never handed over.
pub fn judge(event: &Recorded) -> Option<(Option<i32>, Option<Violation>)> {
    let call = Call::numbered(event.number)?;
    let seen = Seen {
        comm: event.comm.clone(),
        raw: event.raw.clone(),
        path: event.path.clone(),
        resolved: event.resolved.clone(),
        arguments: event.arguments.clone(),
        registers: event.registers,
        writes: event.writes,
        address: event.raw.clone().unwrap_or_default(),
        number: event.number as i32,
    };
    let rules = Rules {
        forbidden_commands: NameSet::new(event.forbidden_commands.clone()),
        forbidden: PathSet::new(event.forbidden.clone()),
        works_in_tmp: event.works_in_tmp,
        ports: event.works_in_tmp.then(|| [443].into()),
    };
    let verdict = judge::judge(call, &seen, &rules);
    Some((verdict.errno, verdict.violation.map(|violation| violation.by(&event.comm))))
}

/// What a mask answers to the kernel, if anything, and what it tells; `None`: this is no request.
#[allow(clippy::type_complexity, reason = "two things of one answer, for fuzzing alone")]
pub fn ask_mask(bytes: &[u8]) -> Option<(Option<Vec<u8>>, Option<(&'static str, Option<&[u8]>)>)> {
    let (answer, attempt) = protocol::answer(bytes, libc::S_IFDIR)?;
    let answer = match answer {
        Answer::None => None,
        Answer::Bytes(bytes) => Some(bytes),
    };
    Some((answer, attempt.map(|attempt| (attempt.what, attempt.name))))
}
