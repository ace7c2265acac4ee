//! Telling the host, and what is remembered between runs.

use std::collections::BTreeSet;

use onboard_analysis::calendar::day_of;
use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::MOST_FINDINGS;
use super::decide::{Quality, Totals, done};
use crate::checkpoint;
use crate::facts::ProjectFacts;
use crate::host::{AgentError, Finding, Host, Outcome};
use crate::telling::{Holds, Room, tell_within};

/// Days kept: a year and a month, so that a year can be compared with the one before.
const MOST_DAYS: usize = 400;
/// Files named in the shared state.
const MOST_NAMED: usize = 20;

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Fingerprints of what was said and still holds.
    reported: BTreeSet<Fingerprint>,
    /// Totals by day, ascending.
    pub days: Vec<(i64, Totals)>,
}

impl Memory {
    /// Of these, what people were told.
    pub fn told<'a>(&self, findings: &'a [Finding]) -> Vec<&'a Finding> {
        findings.iter().filter(|one| self.reported.contains(&one.fingerprint)).collect()
    }

    /// Notes a day's totals, replacing earlier ones of that day.
    pub fn note(&mut self, now_ms: i64, totals: &Totals) {
        let day = day_of(now_ms);
        self.days.retain(|(known, _)| *known < day);
        self.days.push((day, *totals));
        let surplus = self.days.len().saturating_sub(MOST_DAYS);
        self.days.drain(..surplus);
    }
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    Ok(checkpoint::load(host, "memory")?.unwrap_or_default())
}

/// Hands over what holds, and the figures for whoever asks.
pub fn deliver(
    host: &mut dyn Host,
    facts: &ProjectFacts,
    quality: &Quality,
    findings: &[Finding],
    memory: &mut Memory,
) -> Result<Outcome, AgentError> {
    let done = done(facts, &memory.reported);
    let holds = Holds { findings: findings.to_vec(), done, ..Holds::default() };
    let room = Room { new: MOST_FINDINGS, of_rule: &[] };
    let told = tell_within(host, &holds, &mut memory.reported, room)?;
    host.put_state("quality", figures(facts, quality))?;
    checkpoint::save(host, "memory", memory)?;
    let totals = &quality.totals;
    let summary = format!(
        "{} functions in {} files, {} of them hard to follow; {}",
        totals.functions,
        totals.files,
        totals.hard,
        told.words()
    );
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

fn figures(facts: &ProjectFacts, quality: &Quality) -> serde_json::Value {
    let hottest: Vec<_> = quality
        .files
        .iter()
        .take(MOST_NAMED)
        .map(|file| {
            let row = &facts.files[file.row];
            let worst = row.measured.file().and_then(|metrics| metrics.worst());
            json!({
                "path": row.path,
                "heat": (file.heat * 100.0).round() / 100.0,
                "changes": file.changes,
                "cognitive": worst.map_or(0, |function| function.cognitive),
                "function": worst.map(|function| function.full_name()),
            })
        })
        .collect();
    json!({
        "schema_version": 1,
        "tip": facts.index.tip,
        "totals": quality.totals,
        "hottest": hottest,
        "limits": facts.index.limits,
    })
}
