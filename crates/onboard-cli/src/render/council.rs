//! The council: its seats and rules, and the record of what it decided.

use super::table::Table;
use super::{Ink, Look, approvals, when};
use onboard_validation::show;
use onboard_web::api::{CouncilView, MotionRow};

/// Who sits where, and what each kind of decision needs.
pub fn status(council: &CouncilView, look: &Look) -> String {
    let mut out = format!("Council by {}\n", show::line(&council.origin));
    if let Some(problem) = &council.problem {
        let text = format!("Nothing is decided until this is mended: {}", show::line(problem));
        out.push_str(&format!("{}\n", look.paint(Ink::Red, &text)));
    }
    for seat in &council.seats {
        out.push_str(&format!("  {:<22} {}\n", seat.title, show::line(&seat.holders)));
    }
    let may = if council.requester_may_vote { "votes with it" } else { "does not vote on it" };
    out.push_str(&format!("  whoever asks {may}; a motion waits for {}\n\n", council.waits));
    let mut table = Table::new(&["DECISION", "NEEDS", "VETO"]);
    for row in &council.decisions {
        let needs = match row.quorum {
            0 => "nobody; it is recorded".to_string(),
            1 => "1 seat of people".to_string(),
            many => format!("{many} seats of people"),
        };
        let veto: Vec<&str> = row.veto.iter().map(|seat| seat.title()).collect();
        let veto = if veto.is_empty() { "-".to_string() } else { veto.join(", ") };
        table.row(vec![(row.kind.word().into(), None), (needs, None), (veto, None)]);
    }
    out.push_str(&table.draw(look));
    let waiting = match council.waiting {
        0 => "nothing waits".to_string(),
        many => format!("{many} waiting: ai_onboard approvals list"),
    };
    out.push_str(&format!("\n{waiting}\n"));
    out
}

/// What was decided, and who voted.
pub fn log(rows: &[MotionRow], look: &Look) -> String {
    let mut out = String::new();
    for row in rows {
        let (word, ink) = approvals::status(row.status);
        let time = look.paint(Ink::Dim, &when::absolute(look, row.since));
        let (word, title) = (look.paint(ink, word), show::line(&row.title));
        out.push_str(&format!("{time}  {}  {word}  {title}\n", row.id));
        for vote in &row.votes {
            let by = vote.by.as_ref().map_or_else(|| "rules".into(), approvals::who);
            let reasons = match vote.reasons.is_empty() {
                true => String::new(),
                false => format!(": {}", show::line(&vote.reasons.join("; "))),
            };
            let (seat, ballot) = (vote.seat.title(), vote.ballot);
            out.push_str(&format!("    {seat}, {by}: {ballot}{reasons}\n"));
        }
    }
    out
}
