//! Webhooks.

use super::table::Table;
use super::{Look, when};
use onboard_validation::show as shown;
use onboard_web::api::HookRow;
use serde::Serialize;
use std::fmt::Write as _;

/// A webhook without its secret, and what the daemon knows of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Kept {
    pub name: String,
    pub from: String,
    /// The root of its project.
    pub project: String,
    /// Absent where no daemon runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub news: Option<HookRow>,
    /// Why it can't be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// All of them.
pub fn list(rows: &[Kept], look: &Look) -> String {
    let mut table = Table::new(&["NAME", "FROM", "RECEIVED", "LAST", "PROJECT"]);
    let mut problems = String::new();
    for row in rows {
        if let Some(problem) = &row.problem {
            let _ = writeln!(problems, "{} can't be used: {problem}", row.name);
        }
        let news = row.news.as_ref();
        let received = news.map_or("-".into(), |news| news.received.to_string());
        let last = news.and_then(|news| news.recent.first());
        let last = last.map_or("-".into(), |last| when::relative(look, last.at));
        let cells = [row.name.clone(), row.from.clone(), received, last, row.project.clone()];
        table.row(cells.into_iter().map(|cell| (cell, None)).collect());
    }
    format!("{}{}", table.draw(look), shown::lines(&problems))
}

/// One of them.
pub fn show(row: &Kept, look: &Look) -> String {
    let mut out = format!("{}\n", row.name);
    if let Some(problem) = &row.problem {
        let _ = writeln!(out, "  can't be used: {problem}");
        return shown::lines(&out).into_owned();
    }
    let _ = writeln!(out, "  from {}, for {}", row.from, row.project);
    let _ = writeln!(out, "  wakes agents with `wakes_on: [{}]`", topic(&row.name));
    let Some(news) = &row.news else {
        out.push_str("  no daemon runs, so nothing is taken\n");
        return shown::lines(&out).into_owned();
    };
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
    shown::lines(&out).into_owned()
}

fn topic(name: &str) -> String {
    onboard_domain::hook::topic(name)
}
