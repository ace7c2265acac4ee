//! The order of findings with a language model's word and without, against what became of them.

use super::finding::{impact, urgency};
use crate::api::OrderGain;
use onboard_analysis::order_gain::{self, Answer, Gain, Told};
use onboard_daemon::views::FindingRow;

/// Held against findings of one project, whatever became of them.
pub fn gain(rows: &[FindingRow]) -> OrderGain {
    let told: Vec<Told<'_>> = rows.iter().map(told).collect();
    let Gain { answered, lists, without, with } = order_gain::gain(&told);
    let known = |mean: f64| (lists > 0).then_some(mean);
    OrderGain { answered, lists, without: known(without), with: known(with) }
}

fn told(row: &FindingRow) -> Told<'_> {
    let answer = match row.status.as_str() {
        "accepted" => Some(Answer::Accepted),
        "resolved" if row.reason.ends_with("after it was accepted") => Some(Answer::Accepted),
        "dismissed" => Some(Answer::Dismissed),
        // Of those that went away, only what a commit did is an answer.
        "resolved" if row.reason.starts_with("by ") => Some(Answer::Acted),
        _ => None,
    };
    let severity = row.finding.severity;
    let was_asked = row.finding.worded.as_ref().is_some_and(|worded| worded.urgency.is_some());
    Told {
        agent: row.agent.0,
        rule: &row.finding.rule,
        impact: impact(severity),
        class: severity as u8,
        urgency: was_asked.then(|| urgency(&row.finding)),
        told_ms: row.first_seen.0,
        answer: answer.map(|answer| (row.status_at.0, answer)),
    }
}
