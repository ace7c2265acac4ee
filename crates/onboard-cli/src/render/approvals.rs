//! Approvals: as a list, grouped, and in full with exactly what is decided on.

use super::table::Table;
use super::{Ink, Look, when};
use onboard_domain::Actor;
use onboard_domain::council::{Ballot, Status, Subject};
use onboard_domain::spec::Limits;
use onboard_validation::show;
use onboard_web::api::{CommandAnswer, Follows, MotionRow, VoteRow};

/// One line each; those that wait and are of one kind and agent are one line with their number.
pub fn list(rows: &[MotionRow], look: &Look) -> String {
    let mut table = Table::new(&["ID", "STATUS", "KIND", "AGENT", "ASKED", "UNTIL", "WHAT"]);
    let mut told: Vec<&str> = Vec::new();
    for row in rows {
        if told.contains(&row.id.as_str()) {
            continue;
        }
        told.extend(row.group.iter().map(String::as_str));
        let (status, ink) = status(row.status);
        let title = show::line(&row.title);
        let what = match row.group.len() {
            0 => title.into_owned(),
            more => format!("{} in all, with {}: {title}", more + 1, row.group.join(", ")),
        };
        let until = match row.status {
            Status::Open => when::relative(look, row.expires),
            _ => "-".into(),
        };
        table.row(vec![
            (row.id.clone(), None),
            (status.into(), Some(ink)),
            (row.kind.word().into(), None),
            (row.agent.clone().unwrap_or_default(), None),
            (when::relative(look, row.opened), None),
            (until, None),
            (what, None),
        ]);
    }
    table.draw(look)
}

pub fn status(status: Status) -> (&'static str, Ink) {
    let ink = match status {
        Status::Open => Ink::Yellow,
        Status::Approved | Status::Executed => Ink::Green,
        Status::Rejected => Ink::Red,
        Status::Expired | Status::Withdrawn => Ink::Dim,
    };
    (status.word(), ink)
}

/// One in full.
pub fn show(row: &MotionRow, look: &Look) -> String {
    let (word, ink) = status(row.status);
    let title = look.paint(Ink::Bold, row.kind.word());
    let mut out = format!("{}  {title}  {}\n", row.id, look.paint(ink, word));
    out.push_str(&exactly(row, look));
    if !row.reason.is_empty() {
        out.push_str(&format!("  why: {}\n", indented(&row.reason)));
    }
    let times = if row.asked > 1 { format!(", {} times", row.asked) } else { String::new() };
    let asked = when::both(look, row.opened);
    out.push_str(&format!("  asked by {}, {asked}{times}\n", who(&row.by)));
    if row.status == Status::Open {
        out.push_str(&format!("  waits until {}\n", when::absolute(look, row.expires)));
    } else {
        out.push_str(&format!("  {word} {}\n", when::both(look, row.since)));
    }
    if !row.note.is_empty() {
        out.push_str(&format!("  {}\n", show::line(&row.note)));
    }
    out.push_str(&format!("  hash {}\n", row.digest));
    out.push_str(&votes(&row.votes, look));
    if let Some(missing) = &row.missing {
        out.push_str(&format!("\nMissing\n  {}\n", show::line(missing)));
        if let Some(follows) = &row.follows {
            let Follows { yes, no, silence } = follows;
            out.push_str(&format!(
                "\nWhat follows\n  yes        {yes}\n  no         {no}\n  no answer  {silence}\n"
            ));
        }
        let id = &row.id;
        out.push_str(&format!(
            "\nNext\n  ai_onboard approvals approve {id}\n  ai_onboard approvals reject {id} --reason TEXT\n"
        ));
        if !row.group.is_empty() {
            let (more, others) = (row.group.len(), row.group.join(", "));
            out.push_str(&format!(
                "  ai_onboard approvals approve {id} --all   with {more} more like it: {others}\n"
            ));
        }
    }
    out
}

/// What is decided on, to the letter.
fn exactly(row: &MotionRow, look: &Look) -> String {
    match &row.subject {
        Subject::Act { action, what, .. } => {
            let agent = row.agent.clone().unwrap_or_default();
            let what = show::lines(what);
            let lines = what.lines().map(|line| format!("    {}\n", look.paint(Ink::Blue, line)));
            format!("  {agent} asks for {}:\n{}", show::line(action), lines.collect::<String>())
        }
        Subject::Deploy { hash, limits, once, .. } => {
            let agent = row.agent.clone().unwrap_or_default();
            let (once, limits) = (if *once { " once" } else { "" }, limits.unwrap_or_default());
            let limits = limits_as_text(&limits);
            format!(
                "  let {agent} run{once}, with the manifest and program of hash\n    {hash}\n{limits}  look at it: ai_onboard background-agents config {agent}\n"
            )
        }
        Subject::Widen { limits, hash, .. } => {
            let (title, limits) = (show::line(&row.title), limits_as_text(limits));
            format!("  {title}, with the manifest and program of hash\n    {hash}\n{limits}")
        }
        Subject::Apply { proposal, patch, protected, despite_check } => {
            let mut out = format!("  {proposal}, the patch with hash\n    {patch}\n");
            for path in protected {
                let path = show::line(path);
                out.push_str(&format!("  it touches {}\n", look.paint(Ink::Red, &path)));
            }
            if *despite_check {
                let text = "although a check of the project's own has not passed";
                out.push_str(&format!("  {}\n", look.paint(Ink::Red, text)));
            }
            out
        }
        Subject::LiftQuarantine { why, .. } | Subject::LiftEmergency { why, .. } => {
            format!("  {}: {}\n", show::line(&row.title), show::line(why))
        }
        Subject::ChangePolicy { hash, .. } => {
            format!("  {}\n    {hash}\n", show::line(&row.title))
        }
        Subject::CloseIncident { .. } => format!("  {}\n", show::line(&row.title)),
    }
}

/// What an agent asks for; what it does not name is the policy's.
fn limits_as_text(limits: &Limits) -> String {
    let text = serde_json::to_string(limits).unwrap_or_default();
    match limits == &Limits::default() {
        true => "  within the policy's limits\n".into(),
        false => format!("  limits {text}, else the policy's\n"),
    }
}

fn votes(votes: &[VoteRow], look: &Look) -> String {
    if votes.is_empty() {
        return String::new();
    }
    let mut out = String::from("\nVotes\n");
    for vote in votes {
        let ink = match vote.ballot {
            Ballot::Approve => Ink::Green,
            Ballot::Reject => Ink::Red,
            Ballot::Abstain => Ink::Yellow,
        };
        let word = look.paint(ink, &format!("{:<8}", vote.ballot.word()));
        let by = vote.by.as_ref().map_or_else(String::new, |by| format!(", {}", who(by)));
        let reasons = match vote.reasons.is_empty() {
            true => String::new(),
            false => format!(": {}", show::line(&vote.reasons.join("; "))),
        };
        out.push_str(&format!("  {word} {}{by}{reasons}\n", vote.seat.title()));
    }
    out
}

/// A person, an agent in its run, or the daemon.
pub fn who(actor: &Actor) -> String {
    match actor {
        Actor::Person { uid, name } => format!("{} ({uid})", show::line(name)),
        Actor::Agent { run, name } => format!("{name} in {run}"),
        Actor::Hook { name } => format!("the webhook {name}"),
        Actor::Daemon => "the daemon".into(),
    }
}

fn indented(text: &str) -> String {
    show::lines(text).replace('\n', "\n    ")
}

/// One in short, with what it is about to the letter.
pub fn brief(row: &MotionRow, look: &Look) -> String {
    format!("{}  {}\n{}", row.id, row.kind, exactly(row, look).trim_end())
}

/// That something waits; nothing where nothing does.
pub fn hint(open: usize) -> String {
    match open {
        0 => String::new(),
        1 => "\n1 approval waits for you: ai_onboard approvals list\n".into(),
        many => format!("\n{many} approvals wait for you: ai_onboard approvals list\n"),
    }
}

/// What came of a vote.
pub fn outcome(row: &MotionRow, ballot: Ballot, answer: &CommandAnswer) -> String {
    let id = &row.id;
    match (&answer.waits, ballot, answer.changed) {
        (Some(waits), ..) => {
            format!("{id} has your vote and waits: {}\n", show::line(&waits.missing))
        }
        (None, Ballot::Approve, true) => {
            let yes = follows(row, |follows| &follows.yes);
            format!("{id} approved: {}{yes}\n", show::line(&row.title))
        }
        (None, Ballot::Approve, false) => format!("{id} was approved before\n"),
        (None, _, true) => format!("{id} rejected{}\n", follows(row, |follows| &follows.no)),
        (None, _, false) => format!("{id} was rejected before\n"),
    }
}

/// What follows from the answer that was just given, on a line of its own.
fn follows(row: &MotionRow, of: fn(&Follows) -> &String) -> String {
    row.follows.as_ref().map_or_else(String::new, |follows| format!("\n  {}", of(follows)))
}

/// How to answer what a list shows.
pub fn next(rows: &[MotionRow]) -> String {
    let Some(open) = rows.iter().find(|row| row.status == Status::Open) else {
        return String::new();
    };
    format!(
        "\nNext\n  ai_onboard approvals show {}\n      exactly what it is, what follows, and how to \
         answer\n",
        open.id
    )
}
