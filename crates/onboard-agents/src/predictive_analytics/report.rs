//! Telling the host, and what is remembered between runs: open forecasts, and what came of others.

use std::collections::BTreeSet;

use onboard_analysis::calendar::{date_text, day_of};
use onboard_analysis::facts::Index;
use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::MOST_FINDINGS;
use super::decide::milestones::{self, Watched};
use super::decide::risk::Proof;
use super::decide::{self, Expected, Past, Prospects, Seen, landing};
use super::forecasts::{self, Forecasts, Subject, VERSION};
use crate::checkpoint;
use crate::host::{AgentError, Finding, Host, Level, Outcome};
use crate::telling::{Holds, Room, tell_within};

/// Risky commits that stand at a time: two a week, each until its 30 days are over.
const MOST_RISKY: usize = 8;

/// Letters of a milestone's or a tag's name in the shared state.
const LONGEST_NAME: usize = 80;
/// Commits named in the shared state.
const MOST_NAMED: usize = 10;

/// What a run leaves to the next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Fingerprints of what was said and still holds.
    reported: BTreeSet<Fingerprint>,
    pub forecasts: Forecasts,
    pub watched: Watched,
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    let fresh = || Memory {
        forecasts: Forecasts { version: VERSION, ..Forecasts::default() },
        ..Memory::default()
    };
    match checkpoint::load::<Memory>(host, "forecasts")? {
        Some(memory) if memory.forecasts.version == VERSION => Ok(memory),
        Some(_) => {
            host.log(Level::Info, "checkpoint forecasts is of another version; starting anew");
            Ok(fresh())
        }
        None => Ok(fresh()),
    }
}

fn save(host: &mut dyn Host, memory: &Memory) -> Result<(), AgentError> {
    checkpoint::save(host, "forecasts", memory)
}

/// Closes the forecasts whose time has come; replays the past of kinds that have none yet, each
/// kept as soon as it is done, so that a run that is cut short goes on there.
pub fn bring_up(
    host: &mut dyn Host,
    seen: &Seen<'_>,
    past: &Past,
    memory: &mut Memory,
) -> Result<(), AgentError> {
    let closed =
        memory.forecasts.resolve(seen.now_ms, |forecast| decide::known(seen, past, forecast));
    for (fingerprint, outcome) in decide::settled(seen, past, &closed) {
        host.settle_forecast(&fingerprint, outcome)?;
    }
    // Before anything else may fail: what is closed here is settled there.
    if !closed.is_empty() {
        save(host, memory)?;
    }
    if let Some(plan) = seen.plan {
        milestones::watch(&mut memory.watched, plan, day_of(seen.now_ms));
    }
    let release = Subject::Release { since: String::new() };
    let subjects: Vec<Subject> = landing::subjects().chain([release]).collect();
    for (done, subject) in subjects.iter().enumerate() {
        let kind = subject.kind();
        if memory.forecasts.replayed.iter().any(|known| known == kind) {
            continue;
        }
        let total = Some(subjects.len() as u64);
        host.progress(done as u64, total, "replaying past forecasts")?;
        let replayed = match landing::series(subject, &past.weeks) {
            Some((weeks, horizon)) => landing::replay(weeks, horizon, seen.now_ms),
            None => past.rhythm.replay(),
        };
        // A young project's past is replayed once it has one.
        if replayed.is_empty() {
            continue;
        }
        for outcome in forecasts::replay(&replayed) {
            memory.forecasts.close(kind, outcome);
        }
        memory.forecasts.replayed.push(kind.to_owned());
        save(host, memory)?;
    }
    Ok(())
}

/// What a run has to say.
pub struct Said {
    pub findings: Vec<Finding>,
    /// Forecasts that were made and not kept, since there are too many.
    pub unkept: usize,
}

/// Hands over what holds, and the forecasts for whoever asks.
pub fn deliver(
    host: &mut dyn Host,
    index: &Index,
    seen: &Seen<'_>,
    past: &Past,
    prospects: &Prospects<'_>,
    said: Said,
    memory: &mut Memory,
) -> Result<Outcome, AgentError> {
    let open = super::decide::standing(seen, &past.risks);
    let holds = Holds { findings: said.findings, standing: open, ..Holds::default() };
    let room = Room { new: MOST_FINDINGS, of_rule: &[(decide::RISKY_COMMIT.id, MOST_RISKY)] };
    let told = tell_within(host, &holds, &mut memory.reported, room)?;
    let mut figures = figures(index, seen, past, prospects, memory);
    figures["unkept_forecasts"] = json!(said.unkept);
    host.put_state("forecasts", figures)?;
    save(host, memory)?;
    let mut summary = standing(past, prospects, memory);
    if said.unkept > 0 {
        summary.push_str(&format!("; {} forecasts too many to be kept", said.unkept));
    }
    let summary = format!("{summary}; {}", told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

/// What is to be expected, in one line.
fn standing(past: &Past, prospects: &Prospects<'_>, memory: &Memory) -> String {
    if let Some(days) = past.silent_days {
        return format!(
            "nothing landed for {days} days, longer than in the two years before: no forecast"
        );
    }
    let mut parts: Vec<String> = Vec::new();
    let is_commits = |one: &&Expected| matches!(one.subject, Subject::Commits { .. });
    parts.extend(
        prospects
            .expected
            .iter()
            .filter(is_commits)
            .map(|one| format!("{:.0} to {:.0} {}", one.low, one.high, one.subject.kind())),
    );
    parts.extend(prospects.release.as_ref().map(|next| {
        format!(
            "next release {} to {}, by {} with 85 %",
            date_text(next.low),
            date_text(next.high),
            date_text(next.sure)
        )
    }));
    if parts.is_empty() {
        parts.push("too little history for a forecast".to_owned());
    }
    parts.extend(forecasts::coverage_words(&forecasts::records(&memory.forecasts)));
    parts.join("; ")
}

fn figures(
    index: &Index,
    seen: &Seen<'_>,
    past: &Past,
    prospects: &Prospects<'_>,
    memory: &Memory,
) -> Value {
    let expected: Vec<Value> = prospects
        .expected
        .iter()
        .map(|one| {
            json!({
                "of": one.subject.kind(),
                "low": one.low.round(),
                "middle": one.middle.round(),
                "high": one.high.round(),
            })
        })
        .collect();
    let release = prospects.release.as_ref().map(|next| {
        json!({
            "last": cut(&next.last.name),
            "low": date_text(next.low),
            "middle": date_text(next.middle),
            "with_85_percent": date_text(next.sure),
            "high": date_text(next.high),
        })
    });
    let milestones: Vec<Value> = prospects
        .milestones
        .iter()
        .map(|(milestone, prospect)| match prospect {
            Ok(prospect) => json!({
                "id": cut(&milestone.id),
                "due": date_text(prospect.due),
                "chance": hundredths(prospect.chance),
                "ends": milestones::ENDS.iter().zip(prospect.ends).map(|(share, day)| {
                    json!({ "share": share, "by": day.map(date_text) })
                }).collect::<Vec<_>>(),
            }),
            Err(why) => json!({ "id": cut(&milestone.id), "not_forecast": why }),
        })
        .collect();
    let mended = past.rhythm.releases.mended_at_once(8);
    let unreleased = prospects.unreleased.as_ref().map(|range| {
        let (mean, low, high) = range.fixes;
        json!({
            "commits": range.commits,
            "fixes": { "low": tenths(low), "mean": tenths(mean), "high": tenths(high) },
            "at_earlier_releases": range.before.iter().map(|mean| tenths(*mean)).collect::<Vec<_>>(),
        })
    });
    json!({
        "schema_version": 1,
        "at_ms": seen.now_ms,
        "tip": index.tip,
        "interval_share": forecasts::SHARE,
        "silent_days": past.silent_days,
        "expected": expected,
        "release": release,
        "patched_at_once": { "releases": mended.releases.len(), "of": mended.looked_at },
        "milestones": milestones,
        "milestones_left_out": prospects.milestones_left_out,
        "risk": risk(seen, past, prospects),
        "unreleased": unreleased,
        "track_record": forecasts::records(&memory.forecasts),
        "open_forecasts": memory.forecasts.open.len(),
        "void_forecasts": memory.forecasts.void,
        "limits": index.limits,
    })
}

fn risk(seen: &Seen<'_>, past: &Past, prospects: &Prospects<'_>) -> Value {
    match &past.risks.model {
        Err(why) => json!({ "not_judged": why }),
        Ok(model) => {
            let newest: Vec<Value> = prospects
                .newest
                .iter()
                .take(MOST_NAMED)
                .map(|at| &past.risks.rows[*at])
                .map(|row| {
                    let commit = &seen.history.commits[row.place].id;
                    json!({ "commit": commit, "chance": hundredths(row.chance) })
                })
                .collect();
            let mut figures = proof(&model.proof);
            figures["base"] = json!(hundredths(model.proof.base()));
            figures["warns"] = json!(model.proof.warns());
            figures["newest"] = json!(newest);
            figures
        }
    }
}

fn proof(proof: &Proof) -> Value {
    match proof {
        Proof::Here(trial) => json!({
            "tried_on": trial.tried,
            "auc": hundredths(trial.auc),
            "brier": hundredths(trial.brier),
            "brier_of_base": hundredths(trial.brier_of_base),
            "riskiest": { "of": trial.risky, "fixed": trial.risky_fixed },
        }),
        Proof::Elsewhere { settled, fixed, weights } => json!({
            "settled": settled,
            "fixed": fixed,
            "tried_on_other_projects": weights.fitted_to.len(),
            "auc": hundredths(weights.trial.auc),
            "riskiest_fixed_share": hundredths(weights.trial.high_positive),
        }),
    }
}

/// A name, so far as a value that all share has room for it.
fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
