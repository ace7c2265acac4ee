//! What an agent used and told, and how its rules have done.

use super::table::Table;
use super::{Ink, Look, when};
use onboard_domain::model::{Amount, Unit};
use onboard_domain::state::{Asked, Totals};
use onboard_web::api::{AgentDetail, OrderGain, RuleRow, ScoreRow};
use serde_json::Value;

/// One agent's figures.
pub fn draw(detail: &AgentDetail, kinds: &Value, look: &Look) -> String {
    let mut out = format!("{}\n", look.paint(Ink::Bold, &detail.agent.name));
    out.push_str(&totals(&detail.totals));
    out.push_str(&commit_kinds(kinds));
    if !detail.rules.is_empty() {
        out.push_str(&rules(&detail.rules, look));
    }
    if !detail.scores.is_empty() {
        out.push_str(&scores(&detail.scores, look));
    }
    out
}

/// Headings of [`score_cells`].
pub const SCORED: [&str; 5] = ["CAME TRUE", "BRIER", "SAID BEFORE", "INTERVALS HELD", "OPEN"];

/// How good the forecasts of a rule were; a dash where too few are settled to say.
pub fn score_cells(row: &ScoreRow) -> [String; 5] {
    let percent = |share: f64| (share * 100.0).round();
    let dash = || "–".to_owned();
    let counted = |part: u32, of: u32, share: Option<f64>| match (of, share) {
        (0, _) => dash(),
        (_, Some(share)) => format!("{part} of {of} ({} %)", percent(share)),
        (_, None) => format!("{part} of {of}"),
    };
    let brier = row.brier.zip(row.brier_of_mean);
    let wanted = row.coverage_wanted.map_or(String::new(), |it| format!(", of {} %", percent(it)));
    [
        counted(row.came, row.chances, row.precision),
        brier.map_or_else(dash, |(ours, mean)| format!("{ours:.2} (mean {mean:.2})")),
        row.lead_days.map_or_else(dash, |days| format!("{days:.1} days")),
        counted(row.held, row.intervals, row.coverage) + &wanted,
        row.open.to_string(),
    ]
}

fn scores(rows: &[ScoreRow], look: &Look) -> String {
    let headings: Vec<&str> = ["  FORECASTS OF"].into_iter().chain(SCORED).collect();
    let mut table = Table::new(&headings);
    for row in rows {
        let rule = std::iter::once(format!("  {}", row.rule));
        table.row(rule.chain(score_cells(row)).map(|cell| (cell, None)).collect());
    }
    table.draw(look)
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
    out.push_str(&asked(&totals.asked));
    if totals.violations > 0 {
        out.push_str(&format!(
            "  on record {} at a limit or at what it may not do\n",
            times(totals.violations)
        ));
    }
    out
}

/// What it asked of language models, what that cost, and how often the words did not hold.
fn asked(asked: &Asked) -> String {
    if *asked == Asked::default() {
        return String::new();
    }
    format!("  models    {}\n", asked_words(asked))
}

/// The same in one line.
pub fn asked_words(asked: &Asked) -> String {
    let Asked { requests, spend, worded, refused } = asked;
    let [tokens, cost] =
        [Unit::Tokens, Unit::Cost].map(|unit| Amount { unit, amount: spend.of(unit) });
    let mut out = format!("asked {}: {tokens}, cost {cost}", times(*requests));
    if worded + refused > 0 {
        out.push_str(&format!(
            "; {worded} findings in a model's words, {refused} whose words were refused"
        ));
    }
    out
}

/// Whether a model's word on urgency makes the order of findings better.
pub fn order(gain: &OrderGain) -> String {
    let Some((without, with)) = gain.without.zip(gain.with) else { return String::new() };
    format!(
        "order of findings against {} answers, on {} lists with both useful and useless ones: \
         nDCG {with:.3} with the model's word on urgency, {without:.3} without\n",
        gain.answered, gain.lists
    )
}

/// What a model said of commits whose type is known, beside what words alone say.
pub fn commit_kinds(value: &Value) -> String {
    let count = |place: &Value| place.as_u64().unwrap_or_default();
    let (said, trial) = (count(&value["said"]), &value["trial"]);
    if count(&value["asked"]) == 0 {
        return String::new();
    }
    let mut out = format!("  commits   a model said what {said} unsure ones are for\n");
    if count(&trial["commits"]) > 0 {
        out.push_str(&format!(
            "            of {} whose type was hidden from it, it told fixes from others right in {}; \
             words alone in {}\n",
            count(&trial["commits"]),
            count(&trial["model_right"]),
            count(&trial["words_right"])
        ));
    }
    out
}

fn times(count: u64) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn rules(rows: &[RuleRow], look: &Look) -> String {
    let mut table = Table::new(&[
        "  RULE",
        "TOLD",
        "ACCEPTED",
        "ACTED ON",
        "WENT AWAY",
        "DISMISSED",
        "LIKELY USEFUL",
    ]);
    for row in rows {
        let percent = |share: f64| (share * 100.0).round();
        let (low, high) = (percent(row.chance_low), percent(row.chance_high));
        let muted = if row.is_muted { ", muted" } else { "" };
        table.row(vec![
            (format!("  {}", row.rule), None),
            (row.told.to_string(), None),
            (row.accepted.to_string(), None),
            (row.acted.to_string(), None),
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
    fn forecasts() {
        let few =
            ScoreRow { rule: "a/few".into(), open: 3, chances: 2, came: 1, ..ScoreRow::default() };
        let many = ScoreRow {
            rule: "a/many".into(),
            chances: 40,
            came: 30,
            precision: Some(0.75),
            brier: Some(0.142),
            brier_of_mean: Some(0.1875),
            lead_days: Some(6.04),
            ..ScoreRow::default()
        };
        let interval = ScoreRow {
            rule: "a/interval".into(),
            intervals: 20,
            held: 17,
            coverage: Some(0.85),
            coverage_wanted: Some(0.8),
            ..ScoreRow::default()
        };
        expect![[r#"
            watcher
              FORECASTS OF  CAME TRUE        BRIER             SAID BEFORE  INTERVALS HELD            OPEN
              a/few         1 of 2           –                 –            –                         3
              a/many        30 of 40 (75 %)  0.14 (mean 0.19)  6.0 days     –                         0
              a/interval    –                –                 –            17 of 20 (85 %), of 80 %  0
        "#]]
        .assert_eq(&format!(
            "watcher\n{}",
            scores(&[few, many, interval], &look(None, false))
        ));
    }

    #[test]
    fn what_models_were_asked() {
        let spend = onboard_domain::model::Spend { tokens: 4_210, micros: 1_300 };
        let used = Asked { requests: 7, spend, worded: 3, refused: 1 };
        let gain = OrderGain { answered: 12, lists: 4, without: Some(0.7312), with: Some(0.8421) };
        let kinds = serde_json::json!({ "asked": 60, "said": 48,
            "trial": { "commits": 12, "model_right": 11, "words_right": 7 } });
        let quiet = [
            asked(&Asked::default()),
            order(&OrderGain { answered: 3, ..OrderGain::default() }),
            commit_kinds(&Value::Null),
        ];
        assert_eq!(quiet, ["", "", ""]);
        expect![[r#"
              models    asked 7 times: 4210 tokens, cost 0.0013; 3 findings in a model's words, 1 whose words were refused
              commits   a model said what 48 unsure ones are for
                        of 12 whose type was hidden from it, it told fixes from others right in 11; words alone in 7
            order of findings against 12 answers, on 4 lists with both useful and useless ones: nDCG 0.842 with the model's word on urgency, 0.731 without
        "#]].assert_eq(&[asked(&used), commit_kinds(&kinds), order(&gain)].concat());
    }

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
            acted: 2,
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
              RULE               TOLD  ACCEPTED  ACTED ON  WENT AWAY  DISMISSED  LIKELY USEFUL
              health/bus-factor  12    2         2         1          3          38 % (22 to 57)
              health/noise       9     0         2         1          3          38 % (22 to 57), muted
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
