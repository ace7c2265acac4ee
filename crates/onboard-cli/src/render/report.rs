//! What the crew did, as Markdown.

use super::metrics::{self, asked_words, score_cells};
use super::{Look, bytes, findings, severity, when};
use onboard_text::counted;
use onboard_validation::show;
use onboard_web::api::{AgentAsked, AgentReport, AgentScores, Report, ScoreRow};

/// The report as Markdown that also reads well on a terminal.
pub fn markdown(report: &Report, look: &Look) -> String {
    let mut out = format!(
        "# Report\n\n{} to {}\n",
        when::absolute(look, report.from),
        when::absolute(look, report.to)
    );
    for gap in &report.gaps {
        out.push_str(&format!("\nNote: {gap}.\n"));
    }
    out.push_str("\n## Agents\n\n");
    if report.agents.is_empty() {
        out.push_str("No run ended in this window.\n");
    }
    for agent in &report.agents {
        out.push_str(&agent_lines(agent));
    }
    if !report.scores.is_empty() {
        out.push_str("\n## Forecasts so far\n\n");
    }
    for (agent, row) in
        report.scores.iter().flat_map(|one| one.scores.iter().map(move |row| (one, row)))
    {
        out.push_str(&score_line(agent, row));
    }
    out.push_str(&models(report));
    let (new, older) = (report.new_findings.len(), report.older_findings);
    out.push_str(&format!("\n## Findings: {new} new and open, {older} older and open\n\n"));
    let plain = Look { colour: false, ..look.clone() };
    for finding in &report.new_findings {
        let severity = severity(&plain, finding.severity);
        let id = findings::id(finding);
        out.push_str(&format!("- {severity}: {} ({id})\n", show::line(finding.headline())));
        if !finding.action.is_empty() {
            out.push_str(&look.paragraph(2, &format!("→ {}", finding.action)));
        }
    }
    out
}

/// What was asked of language models, and whether that gained anything.
fn models(report: &Report) -> String {
    if report.asked.is_empty() {
        return String::new();
    }
    let mut out = "\n## Language models so far\n\n".to_owned();
    for AgentAsked { agent, project, asked } in &report.asked {
        let line = asked_words(asked);
        out.push_str(&format!("- {agent} ({project}): {line}\n"));
    }
    let order = report.order.as_ref().map(metrics::order).unwrap_or_default();
    if !order.is_empty() {
        out.push_str(&format!("- {order}"));
    }
    out
}

/// How good the forecasts of a rule were, in one line.
fn score_line(agent: &AgentScores, row: &ScoreRow) -> String {
    let [came, brier, before, held, open] = score_cells(row);
    let mut parts = Vec::new();
    if row.chances > 0 {
        parts.push(format!("{came} came true"));
    }
    if row.brier.is_some() {
        parts.push(format!("Brier score {brier}"));
    }
    if row.lead_days.is_some() {
        parts.push(format!("said {before} before"));
    }
    if row.intervals > 0 {
        parts.push(format!("intervals held {held}"));
    }
    parts.push(format!("{open} open"));
    format!("- {} ({}, {}): {}\n", row.rule, agent.agent, agent.project, parts.join("; "))
}

fn agent_lines(agent: &AgentReport) -> String {
    let results: Vec<String> = agent
        .results
        .iter()
        .map(|(result, count)| format!("{count} {}", result.replace('_', " ")))
        .collect();
    let runs = counted(agent.runs as usize, "run", "runs");
    let mut out = format!("- {} ({}): {runs}", agent.agent, agent.project);
    let found = counted(agent.new_findings as usize, "new finding", "new findings");
    out.push_str(&format!(" ({}), {found}\n", results.join(", ")));
    let mut used = vec![format!("cpu {}", when::seconds(agent.cpu_s))];
    if let (Some(half), Some(most)) = (agent.duration_p50_s, agent.duration_p95_s) {
        used.push(format!(
            "half within {}, 95 % within {}",
            when::seconds(half),
            when::seconds(most)
        ));
    }
    if let Some(peak) = agent.memory_peak_bytes {
        used.push(format!("memory at most {}", bytes(peak)));
    }
    out.push_str(&format!("  {}\n", used.join("; ")));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, finding, look, run};
    use expect_test::expect;
    use onboard_domain::Severity;
    use onboard_web::api::{OrderGain, Stamp};

    #[test]
    fn a_report() {
        let runs = [run("succeeded", ""), run("timed_out", "its deadline passed")];
        let window = (Stamp(NOW.plus(-604_800_000)), Stamp(NOW));
        let open = vec![finding(Severity::High, "one person wrote 93 % of src/engine")];
        let gaps = vec!["records begin later".to_string()];
        let scores = vec![AgentScores {
            agent: "predictive-analytics".into(),
            project: "engine".into(),
            scores: vec![
                ScoreRow {
                    rule: "forecast/risky-commit".into(),
                    open: 4,
                    chances: 40,
                    came: 30,
                    precision: Some(0.75),
                    brier: Some(0.142),
                    brier_of_mean: Some(0.1875),
                    lead_days: Some(6.04),
                    ..ScoreRow::default()
                },
                ScoreRow {
                    rule: "forecast/release-risk".into(),
                    intervals: 2,
                    held: 2,
                    ..ScoreRow::default()
                },
            ],
        }];
        let mut report = onboard_web::view::report::fold(window, &runs, open, scores, gaps);
        let spend = onboard_domain::model::Spend { tokens: 4_210, micros: 1_300 };
        report.asked = vec![AgentAsked {
            agent: "project-index".into(),
            project: "engine".into(),
            asked: onboard_domain::state::Asked { requests: 7, spend, worded: 3, refused: 1 },
        }];
        let order = (Some(0.7312), Some(0.8421));
        report.order = Some(OrderGain { answered: 9, lists: 4, without: order.0, with: order.1 });
        expect![[r#"
            # Report

            2026-11-11 11:06:45 UTC to 2026-11-18 11:06:45 UTC

            Note: records begin later.

            ## Agents

            - project-health-monitor (engine): 2 runs (1 succeeded, 1 timed out), 2 new findings
              cpu 1.8 s; half within 3.2 s, 95 % within 3.2 s; memory at most 41.0 MiB

            ## Forecasts so far

            - forecast/risky-commit (predictive-analytics, engine): 30 of 40 (75 %) came true; Brier score 0.14 (mean 0.19); said 6.0 days before; 4 open
            - forecast/release-risk (predictive-analytics, engine): intervals held 2 of 2; 0 open

            ## Language models so far

            - project-index (engine): asked 7 times: 4210 tokens, cost 0.0013; 3 findings in a model's words, 1 whose words were refused
            - order of findings against 9 answers, on 4 lists with both useful and useless ones: nDCG 0.842 with the model's word on urgency, 0.731 without

            ## Findings: 1 new and open, 0 older and open

            - ▲ high: one person wrote 93 % of src/engine (5f3a9c20)
              → Have a second person review and change src/engine this week.
        "#]]
        .assert_eq(&markdown(&report, &look(None, false)));
    }
}
