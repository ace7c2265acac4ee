//! Webhooks.

use super::table::Table;
use super::{Look, when};
use onboard_validation::show as shown;
use onboard_web::api::{HookRow, SentRow};
use serde::Serialize;
use std::fmt::Write as _;

/// A webhook without its secret, and what the daemon knows of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kept {
    pub name: String,
    /// Who sends it, where others do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Where the daemon sends it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Of what it tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The roots of its projects.
    pub projects: Vec<String>,
    /// Absent where no daemon runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub news: Option<HookRow>,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// All of them.
pub fn list(rows: &[Kept], look: &Look) -> String {
    let mut table = Table::new(&["NAME", "WAY", "DONE", "STANDING", "PROJECT"]);
    let mut problems = String::new();
    for row in rows {
        if let Some(problem) = &row.problem {
            let _ = writeln!(problems, "{} can't be used: {problem}", row.name);
        }
        let (done, standing) =
            row.news.as_ref().map_or(("-".into(), "-".into()), |n| brief(n, look));
        let cells = [row.name.clone(), way(row), done, standing, projects(row)];
        table.row(cells.into_iter().map(|cell| (cell, None)).collect());
    }
    format!("{}{}", table.draw(look), shown::lines(&problems))
}

fn way(row: &Kept) -> String {
    match (&row.from, &row.to) {
        (Some(from), _) => format!("from {from}"),
        (None, Some(to)) => format!("to {to}"),
        (None, None) => "-".into(),
    }
}

fn projects(row: &Kept) -> String {
    row.projects.join(", ").replace('*', "every")
}

/// How many, and how it stands.
fn brief(news: &HookRow, look: &Look) -> (String, String) {
    match &news.sent {
        Some(sent) => (sent.delivered.to_string(), standing(sent, look)),
        None => {
            let last = news.recent.first().map(|last| when::relative(look, last.at));
            (news.received.to_string(), last.unwrap_or("-".into()))
        }
    }
}

fn standing(sent: &SentRow, look: &Look) -> String {
    let mut parts = Vec::new();
    if sent.waiting > 0 {
        parts.push(format!("{} wait", sent.waiting));
    }
    if let Some(next) = sent.next {
        parts.push(format!("tried again {}", when::relative(look, next)));
    }
    if !sent.given_up.is_empty() {
        parts.push(format!("{} given up", sent.given_up.len()));
    }
    if parts.is_empty() { "nothing waits".into() } else { parts.join(", ") }
}

/// One of them.
pub fn show(row: &Kept, look: &Look) -> String {
    let mut out = format!("{}\n", row.name);
    if let Some(problem) = &row.problem {
        let _ = writeln!(out, "  can't be used: {problem}");
        return shown::lines(&out).into_owned();
    }
    let _ = writeln!(out, "  {}, for {}", way(row), projects(row));
    match row.to {
        Some(_) => drop(writeln!(out, "  told of {}", row.events.join(", "))),
        None => drop(writeln!(out, "  wakes agents with `wakes_on: [{}]`", topic(&row.name))),
    }
    match (&row.news, row.to.is_some()) {
        (None, true) => out.push_str("  no daemon runs, so nothing is sent\n"),
        (None, false) => out.push_str("  no daemon runs, so nothing is taken\n"),
        (Some(news), true) => told(&mut out, news.sent.as_ref(), look),
        (Some(news), false) => taken(&mut out, news, look),
    }
    shown::lines(&out).into_owned()
}

fn told(out: &mut String, sent: Option<&SentRow>, look: &Look) {
    let Some(sent) = sent else {
        out.push_str("  nothing was to be told yet\n");
        return;
    };
    let _ = writeln!(out, "  {} told; {}", sent.delivered, standing(sent, look));
    if let Some(why) = &sent.why {
        let _ = writeln!(out, "  the newest attempt failed: {why}");
    }
    for given_up in &sent.given_up {
        let at = when::relative(look, given_up.time);
        let (event, kind, why) = (&given_up.event, &given_up.kind, &given_up.why);
        let _ = writeln!(out, "  given up: {kind} ({event}, {at}): {why}");
    }
}

fn taken(out: &mut String, news: &HookRow, look: &Look) {
    match &news.url {
        Some(url) => drop(writeln!(out, "  taken at {url}")),
        None => out.push_str("  taken nowhere: the daemon was started without `hooks_listen`\n"),
    }
    let _ = writeln!(
        out,
        "  {} taken; since the daemon started {} came again and {} were not taken",
        news.received,
        news.repeated,
        news.refused.values().sum::<u64>()
    );
    for (word, count) in &news.refused {
        let _ = writeln!(out, "    {count}  {}", word.replace('_', " "));
    }
    for delivery in &news.recent {
        let said = &delivery.said;
        let word = |name: &str| said[name].as_str().unwrap_or("-").to_string();
        let at = when::relative(look, delivery.at);
        let _ = writeln!(out, "  {at}  {}  {}", word("event"), word("delivery"));
    }
}

fn topic(name: &str) -> String {
    onboard_domain::hook::topic(name)
}
