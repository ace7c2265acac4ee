//! What an agent used and told, and how its rules have done.

use super::table::Table;
use super::{Ink, Look, when};
use onboard_domain::state::Totals;
use onboard_web::api::{AgentDetail, RuleRow};

/// One agent's figures.
pub fn draw(detail: &AgentDetail, look: &Look) -> String {
    let mut out = format!("{}\n", look.paint(Ink::Bold, &detail.agent.name));
    out.push_str(&totals(&detail.totals));
    if !detail.rules.is_empty() {
        out.push_str(&rules(&detail.rules, look));
    }
    out
}

fn totals(totals: &Totals) -> String {
    let Totals { runs, succeeded, nothing_to_report, failed, .. } = totals;
    let mut out = format!(
        "  runs      {runs}: {succeeded} succeeded, {nothing_to_report} nothing to report, \
         {failed} failed\n  not run   {} nothing had changed, {} missed\n",
        times(totals.slots_nothing_changed),
        times(totals.slots_missed)
    );
    let seconds = |ms: u64| when::seconds(ms as f64 / 1_000.0);
    out.push_str(&format!("  used      cpu {}", seconds(totals.cpu_ms)));
    if let Some(each) = totals.cpu_ms.checked_div(*runs) {
        out.push_str(&format!(
            ", {} a run; ran for {} in all",
            seconds(each),
            seconds(totals.wall_ms)
        ));
    }
    out.push_str(&format!(
        "\n  findings  {} told, {} accepted, {} dismissed\n",
        totals.findings, totals.accepted, totals.dismissed
    ));
    if totals.violations > 0 {
        out.push_str(&format!(
            "  on record {} at a limit or at what it may not do\n",
            times(totals.violations)
        ));
    }
    out
}

fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn rules(rows: &[RuleRow], look: &Look) -> String {
    let mut table =
        Table::new(&["  RULE", "TOLD", "ACCEPTED", "WENT AWAY", "DISMISSED", "LIKELY USEFUL"]);
    for row in rows {
        let percent = |share: f64| (share * 100.0).round();
        let (low, high) = (percent(row.chance_low), percent(row.chance_high));
        let muted = if row.is_muted { ", muted" } else { "" };
        table.row(vec![
            (format!("  {}", row.rule), None),
            (row.told.to_string(), None),
            (row.accepted.to_string(), None),
            (row.gone.to_string(), None),
            (row.dismissed.to_string(), None),
            (format!("{} % ({low} to {high}){muted}", percent(row.chance)), None),
        ]);
    }
    table.draw(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::look;
    use expect_test::expect;

    #[test]
    fn figures() {
        let used = Totals {
            runs: 14,
            succeeded: 11,
            nothing_to_report: 2,
            failed: 1,
            slots_nothing_changed: 90,
            slots_missed: 3,
            cpu_ms: 61_000,
            wall_ms: 640_000,
            findings: 6,
            accepted: 2,
            dismissed: 3,
            violations: 1,
            ..Totals::default()
        };
        let row = |rule: &str, told, accepted, is_muted| RuleRow {
            rule: rule.into(),
            told,
            accepted,
            gone: 1,
            dismissed: 3,
            chance: 0.384,
            chance_low: 0.216,
            chance_high: 0.567,
            is_muted,
        };
        let rows = [row("health/bus-factor", 12, 2, false), row("health/noise", 9, 0, true)];
        expect![[r#"
            watcher
              runs      14: 11 succeeded, 2 nothing to report, 1 failed
              not run   90 times nothing had changed, 3 times missed
              used      cpu 1m 1s, 4.4 s a run; ran for 10m in all
              findings  6 told, 2 accepted, 3 dismissed
              on record once at a limit or at what it may not do
              RULE               TOLD  ACCEPTED  WENT AWAY  DISMISSED  LIKELY USEFUL
              health/bus-factor  12    2         1          3          38 % (22 to 57)
              health/noise       9     0         1          3          38 % (22 to 57), muted
            other
              runs      0: 0 succeeded, 0 nothing to report, 0 failed
              not run   0 times nothing had changed, 0 times missed
              used      cpu 0.0 ms
              findings  0 told, 0 accepted, 0 dismissed
        "#]]
        .assert_eq(&format!(
            "watcher\n{}{}other\n{}",
            totals(&used),
            rules(&rows, &look(None, false)),
            totals(&Totals::default())
        ));
    }
}
