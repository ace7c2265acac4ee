//! What runs say while they run, and how they ended, a line each.

use super::{Ink, Look, when};
use onboard_validation::show;
use onboard_web::api::{Live, RunRow};

/// What an agent is doing.
pub fn doing(agent: &str, live: &Live) -> String {
    let far = match live.total {
        Some(total) => format!(" {}/{total}", live.done),
        None if live.done > 0 => format!(" {}", live.done),
        None => String::new(),
    };
    let doing = if live.doing.is_empty() { "running" } else { &live.doing };
    format!("{agent}: {}{far}", show::line(doing))
}

/// How a run ended.
pub fn ended(run: &RunRow, look: &Look) -> String {
    let (symbol, ink) = if run.is_success() { ("✓", Ink::Green) } else { ("✗", Ink::Red) };
    let mark = look.paint(ink, symbol);
    let after = run.duration_s.map_or_else(String::new, |s| format!(" in {}", when::seconds(s)));
    let why = match (run.why.as_str(), run.summary.as_str()) {
        ("", "") => String::new(),
        ("", summary) => format!(": {summary}"),
        (why, _) => format!(": {why}"),
    };
    format!("{mark} {} {}{after}{}", run.agent, words(&run.result), show::line(&why))
}

/// A result as words.
pub fn words(result: &str) -> String {
    result.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{look, run};

    #[test]
    fn ends_and_what_comes_before() {
        let look = look(None, false);
        assert_eq!(
            ended(&run("succeeded", ""), &look),
            "✓ project-health-monitor succeeded in 3.2 s: looked at 214 commits of 3 authors"
        );
        assert_eq!(
            ended(&run("timed_out", "its deadline passed"), &look),
            "✗ project-health-monitor timed out in 3.2 s: its deadline passed"
        );
        let live =
            Live { doing: "reading history".into(), done: 3, total: Some(9), ..Live::default() };
        assert_eq!(doing("m", &live), "m: reading history 3/9");
        assert_eq!(doing("m", &Live::default()), "m: running");
    }
}
