//! Telling the host, and what is remembered between runs: what is known, as a text that people can
//! read.

use std::collections::BTreeSet;

use onboard_analysis::calendar::{date_text, day_of};
use onboard_analysis::facts::Index;
use onboard_domain::Fingerprint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::MOST_FINDINGS;
use super::decide::{self, Lessons};
use super::knowledge::{Knowledge, VERSION};
use crate::checkpoint;
use crate::host::{AgentError, Finding, Host, LARGEST_VALUE, Outcome};
use crate::telling::{Holds, Room, tell_within};

/// Entries in the shared state: what people read; fewer where paths are so long that they don't fit.
const MOST_SHARED: usize = 60;

/// What people hear of each rule at once; it bounds what is new, never what stands.
const ROOM: Room<'_> = Room {
    new: MOST_FINDINGS,
    of_rule: &[
        (decide::companions::LEFT_OUT.id, 2),
        (decide::chains::FIX_ON_FIX.id, 1),
        (decide::companions::SHOTGUN.id, 1),
        (decide::shapes::WHAT_WORKS.id, 1),
    ],
};

/// What was said, and of what.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    /// Fingerprints of what was said and still holds.
    reported: BTreeSet<Fingerprint>,
    /// What the last run saw; equal means there is nothing new to see.
    seen: String,
    /// One line on what is known.
    standing: String,
}

/// What a run leaves to the next.
#[derive(Debug, Default)]
pub struct Memory {
    said: Said,
    pub knowledge: Knowledge,
}

impl Memory {
    /// Whether the last run saw this; then what it had to say.
    pub fn has_seen(&self, seen: &str) -> Option<String> {
        (self.said.seen == seen && !seen.is_empty())
            .then(|| format!("nothing changed since the last look; {}", self.said.standing))
    }
}

pub fn load(host: &mut dyn Host) -> Result<Memory, AgentError> {
    let said: Said = checkpoint::load(host, "said")?.unwrap_or_default();
    let knowledge: Option<Knowledge> = checkpoint::load(host, "knowledge")?;
    match knowledge.filter(|knowledge| knowledge.version == VERSION) {
        Some(knowledge) => Ok(Memory { said, knowledge }),
        // What was said of knowledge that is lost has to be looked at again.
        None => Ok(Memory { said: Said { seen: String::new(), ..said }, ..Memory::default() }),
    }
}

/// Hands over what holds, and what is known for whoever asks.
pub fn deliver(
    host: &mut dyn Host,
    index: &Index,
    lessons: &Lessons<'_>,
    findings: &[Finding],
    seen: String,
    memory: &mut Memory,
) -> Result<Outcome, AgentError> {
    let done = lessons.done(&memory.said.reported);
    let holds = Holds { findings: findings.to_vec(), done, ..Holds::default() };
    let told = tell_within(host, &holds, &mut memory.said.reported, ROOM)?;
    host.put_state("knowledge", figures(index, lessons, &memory.knowledge))?;
    // On lines of their own: a person may read it, too.
    let text = serde_json::to_string_pretty(&memory.knowledge)
        .map_err(|error| AgentError::Encoding(error.to_string()))?;
    host.save_checkpoint("knowledge", &text)?;
    let standing = standing(lessons, &memory.knowledge);
    memory.said.seen = seen;
    memory.said.standing.clone_from(&standing);
    checkpoint::save(host, "said", &memory.said)?;
    let summary = format!("{standing}; {}", told.words());
    Ok(match (told.new, told.gone) {
        (0, 0) => Outcome::NothingToReport { summary },
        _ => Outcome::Succeeded { summary },
    })
}

fn standing(lessons: &Lessons<'_>, knowledge: &Knowledge) -> String {
    let trial = lessons.habits.trial;
    let known = format!(
        "{} things known of {} changes",
        knowledge.entries.len(),
        lessons.past.changes.len()
    );
    match trial.answers {
        0 => known,
        answers => {
            let unsaid = if trial.is_good() { "" } else { ", too few or too seldom to be said" };
            format!("{known}; habits were right {} of {answers} times{unsaid}", trial.right)
        }
    }
}

fn figures(index: &Index, lessons: &Lessons<'_>, knowledge: &Knowledge) -> Value {
    let entry = |(id, entry): (&String, &super::knowledge::Entry)| {
        json!({
            "id": id,
            "kind": entry.kind,
            "statement": entry.statement,
            "seen": entry.seen.0,
            "of": entry.seen.1,
            "commits": entry.commits.iter().map(|id| id.get(..10)).collect::<Vec<_>>(),
            "since": date_text(day_of(entry.first_ms)),
        })
    };
    let trial = lessons.habits.trial;
    let mut strongest: Vec<Value> = knowledge.strongest().take(MOST_SHARED).map(entry).collect();
    loop {
        let figures = json!({
            "schema_version": 1,
            "tip": index.tip,
            "habits_tried": { "right": trial.right, "of": trial.answers },
            "entries": knowledge.entries.len(),
            "strongest": strongest,
            "limits": index.limits,
        });
        if strongest.is_empty() || figures.to_string().len() <= LARGEST_VALUE {
            return figures;
        }
        strongest.truncate(strongest.len() * 7 / 8);
    }
}
