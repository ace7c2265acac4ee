//! Incidents: as a list, and in full with what was tried and what followed.

use super::table::Table;
use super::{Ink, Look, when};
use onboard_domain::incident::Consequence;
use onboard_validation::show;
use onboard_web::api::{Happened, IncidentRow, MomentRow, ViolationRow};

/// One line each.
pub fn list(rows: &[IncidentRow], look: &Look) -> String {
    let mut table = Table::new(&["ID", "STATUS", "REACHED", "AGENT", "OPENED", "WHY"]);
    for row in rows {
        let (status, ink) = status(row);
        table.row(vec![
            (row.id.clone(), None),
            (status.into(), Some(ink)),
            (row.reached.word().into(), Some(hard(row.reached))),
            (row.agent.clone(), None),
            (when::relative(look, row.opened), None),
            (row.why.clone(), None),
        ]);
    }
    table.draw(look)
}

fn status(row: &IncidentRow) -> (&'static str, Ink) {
    if row.is_open { ("open", Ink::Yellow) } else { ("closed", Ink::Dim) }
}

fn hard(consequence: Consequence) -> Ink {
    match consequence {
        Consequence::Warn => Ink::Yellow,
        Consequence::Throttle | Consequence::Pause => Ink::Blue,
        Consequence::Quarantine | Consequence::Emergency => Ink::Red,
    }
}

/// One in full.
pub fn show(row: &IncidentRow, look: &Look) -> String {
    let (status, ink) = status(row);
    let status = look.paint(ink, status);
    let title = format!("{} of {}", row.reached, row.agent);
    let mut out = format!("{}  {}  {status}\n", row.id, look.paint(Ink::Bold, &title));
    for (index, moment) in row.timeline.iter().enumerate() {
        if row.left_out > 0 && index == row.timeline.len() / 2 {
            out.push_str(&format!("  … {} more\n", row.left_out));
        }
        out.push_str(&moment_lines(moment, look));
    }
    if row.is_open {
        out.push_str(&format!(
            "\nNext\n  ai_onboard incidents note {0} TEXT\n  ai_onboard incidents close {0} --reason TEXT\n",
            row.id
        ));
        if matches!(row.reached, Consequence::Pause | Consequence::Quarantine) {
            let agent = &row.agent;
            out.push_str(&format!("  ai_onboard background-agents resume {agent} --reason TEXT\n"));
        }
    }
    out
}

fn moment_lines(moment: &MomentRow, look: &Look) -> String {
    let time = look.paint(Ink::Dim, &when::absolute(look, moment.at));
    match &moment.what {
        Happened::Escalated { run, trigger, consequence, why, evidence } => {
            let word = look.paint(hard(*consequence), consequence.word());
            let why = show::line(why);
            let mut out = format!("  {time}  {word} for {trigger} in {run}: {why}\n");
            for violation in evidence {
                out.push_str(&format!("      {}\n", violation_line(violation)));
            }
            out
        }
        Happened::Noted { by, text } => {
            format!("  {time}  {} wrote: {}\n", show::line(by), show::line(text))
        }
        Happened::Closed { by, reason } => {
            format!("  {time}  {} closed it: {}\n", show::line(by), show::line(reason))
        }
    }
}

/// What was tried, in one line.
pub fn violation_line(row: &ViolationRow) -> String {
    let by = if row.comm.is_empty() { String::new() } else { format!(" by {}", row.comm) };
    let times = if row.count > 1 { format!(", {} times", row.count) } else { String::new() };
    let resolved = row.resolved.as_ref().map_or_else(String::new, |path| format!(" (is {path})"));
    let (run, rule, what, target, action) =
        (&row.run, row.rule, &row.what, &row.target, row.action);
    let gap = if target.is_empty() { "" } else { " " };
    let line = format!("{run} {rule}: {what}{gap}{target}{resolved}{by}, {action}{times}");
    show::line(&line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;
    use expect_test::expect;
    use onboard_domain::Time;
    use onboard_domain::incident::Trigger;
    use onboard_domain::violation::{Action, Confidence, Rule, Sensor};
    use onboard_web::api::Stamp;

    fn row() -> IncidentRow {
        let at = |s: i64| Stamp(Time(samples::look(None, false).now.0 - s * 1000));
        let violation = ViolationRow {
            at: at(90),
            run: "r7".into(),
            sensor: Sensor::Mask,
            confidence: Confidence::Kernel,
            rule: Rule::ForbiddenPath,
            what: "open".into(),
            target: "/project/.env".into(),
            resolved: None,
            comm: "cat".into(),
            action: Action::Denied,
            count: 3,
        };
        let escalated = |consequence, why: &str| Happened::Escalated {
            run: "r7".into(),
            trigger: Trigger::ForbiddenActionAttempted,
            consequence,
            why: why.into(),
            evidence: vec![violation.clone()],
        };
        let timeline = vec![
            MomentRow { at: at(90), what: escalated(Consequence::Warn, "1 different attempts") },
            MomentRow { at: at(60), what: escalated(Consequence::Quarantine, "20 of them") },
            MomentRow {
                at: at(5),
                what: Happened::Noted { by: "ada".into(), text: "a bad \u{1b}[2J plugin".into() },
            },
        ];
        IncidentRow {
            id: "i0".into(),
            project: "loom".into(),
            project_id: "p0".into(),
            agent: "typo-fixer".into(),
            is_open: true,
            opened: at(90),
            closed: None,
            reached: Consequence::Quarantine,
            why: "20 of them".into(),
            timeline,
            left_out: 4,
        }
    }

    #[test]
    fn a_list_and_one_in_full() {
        let look = samples::look(None, false);
        let row = row();
        let drawn = format!("{}\n{}", list(std::slice::from_ref(&row), &look), show(&row, &look));
        expect![[r#"
            ID  STATUS  REACHED     AGENT       OPENED      WHY
            i0  open    quarantine  typo-fixer  1m 30s ago  20 of them

            i0  quarantine of typo-fixer  open
              2026-11-18 11:05:15 UTC  warn for forbidden_action_attempted in r7: 1 different attempts
                  r7 forbidden_path: open /project/.env by cat, denied, 3 times
              … 4 more
              2026-11-18 11:05:45 UTC  quarantine for forbidden_action_attempted in r7: 20 of them
                  r7 forbidden_path: open /project/.env by cat, denied, 3 times
              2026-11-18 11:06:40 UTC  ada wrote: a bad \u{1b}[2J plugin

            Next
              ai_onboard incidents note i0 TEXT
              ai_onboard incidents close i0 --reason TEXT
              ai_onboard background-agents resume typo-fixer --reason TEXT
        "#]].assert_eq(&drawn);
    }
}
