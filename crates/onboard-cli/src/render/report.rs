//! What the crew did, as Markdown.

use super::{Look, bytes, findings, severity, when};
use onboard_validation::show;
use onboard_web::api::{AgentReport, Report};

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
    let (new, older) = (report.new_findings.len(), report.older_findings);
    out.push_str(&format!("\n## Findings: {new} new and open, {older} older and open\n\n"));
    let plain = Look { colour: false, ..look.clone() };
    for finding in &report.new_findings {
        let severity = severity(&plain, finding.severity);
        let id = findings::id(finding);
        out.push_str(&format!("- {severity}: {} ({id})\n", show::line(&finding.title)));
        if !finding.action.is_empty() {
            out.push_str(&look.paragraph(2, &format!("→ {}", finding.action)));
        }
    }
    out
}

fn agent_lines(agent: &AgentReport) -> String {
    let results: Vec<String> = agent
        .results
        .iter()
        .map(|(result, count)| format!("{count} {}", result.replace('_', " ")))
        .collect();
    let mut out = format!("- {} ({}): {} runs", agent.agent, agent.project, agent.runs);
    out.push_str(&format!(" ({}), {} new findings\n", results.join(", "), agent.new_findings));
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
    use onboard_web::api::Stamp;

    #[test]
    fn a_report() {
        let runs = [run("succeeded", ""), run("timed_out", "its deadline passed")];
        let window = (Stamp(NOW.plus(-604_800_000)), Stamp(NOW));
        let open = vec![finding(Severity::High, "one person wrote 93 % of src/engine")];
        let gaps = vec!["records begin later".to_string()];
        let report = onboard_web::view::report::fold(window, &runs, open, gaps);
        expect![[r#"
            # Report

            2026-11-11 11:06:45 UTC to 2026-11-18 11:06:45 UTC

            Note: records begin later.

            ## Agents

            - project-health-monitor (engine): 2 runs (1 succeeded, 1 timed out), 2 new findings
              cpu 1.8 s; half within 3.2 s, 95 % within 3.2 s; memory at most 41.0 MiB

            ## Findings: 1 new and open, 0 older and open

            - ▲ high: one person wrote 93 % of src/engine (5f3a9c20)
              → Have a second person review and change src/engine this week.
        "#]]
        .assert_eq(&markdown(&report, &look(None, false)));
    }
}
