//! What the monitor would have said at an earlier time, of history and tags alone: for evaluation.

use onboard_analysis::ledger::Ledger;
use onboard_analysis::release::Tag;

use super::decide;
use super::observe::OpenFacts;

/// Fingerprints and rules of the findings that history as it was then is enough for.
pub fn said(ledger: &Ledger, tags: &[Tag], now_ms: i64) -> Vec<(String, &'static str)> {
    let open = OpenFacts::of_history(ledger.clone(), tags.to_vec());
    let findings = decide::of_history(&open, now_ms);
    let rule = |finding: &crate::host::Finding| {
        let known = decide::RULES.iter().find(|rule| rule.id == finding.rule)?;
        Some((finding.fingerprint.to_string(), known.id))
    };
    findings.iter().filter_map(rule).collect()
}
