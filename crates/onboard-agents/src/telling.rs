//! Handing findings over: what was said before and still holds is said again, so that the host sees
//! which of it no longer holds, and a few new ones are added.

use std::collections::BTreeSet;

use onboard_domain::Fingerprint;

use crate::host::{AgentError, Finding, Host};

/// What a run said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub new: usize,
    /// Said before, and no longer so.
    pub gone: usize,
    /// Left for the next runs.
    pub waiting: usize,
}

/// Tells what holds, the most important first, at most `most_new` that nobody has heard.
///
/// # Errors
/// When the host is gone.
pub fn tell(
    host: &mut dyn Host,
    holds: &[Finding],
    reported: &mut BTreeSet<Fingerprint>,
    most_new: usize,
) -> Result<Told, AgentError> {
    let current: BTreeSet<&Fingerprint> =
        holds.iter().map(|finding| &finding.fingerprint).collect();
    let before = reported.len();
    reported.retain(|fingerprint| current.contains(fingerprint));
    let gone = before - reported.len();
    let (old, new): (Vec<&Finding>, Vec<&Finding>) =
        holds.iter().partition(|finding| reported.contains(&finding.fingerprint));
    let new = &new[..new.len().min(most_new)];
    for finding in old.iter().chain(new) {
        host.record_finding((*finding).clone())?;
    }
    reported.extend(new.iter().map(|finding| finding.fingerprint.clone()));
    Ok(Told { new: new.len(), gone, waiting: current.len() - reported.len() })
}

impl Told {
    /// In words: what this run has to say that the one before had not.
    pub fn words(self) -> String {
        let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts: Vec<String> = [
            part(self.new, "new"),
            part(self.gone, "resolved"),
            part(self.waiting, "more to follow"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { "nothing new".to_owned() } else { parts.join(", ") }
    }
}
