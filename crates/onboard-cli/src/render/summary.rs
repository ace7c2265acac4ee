//! The end of `start`: what each agent did, what it found, and what to do next.

use super::{Ink, Look, findings, progress};
use onboard_validation::show;
use onboard_web::api::{AgentRow, FindingRow, RunRow};

/// Findings shown in full; the rest is counted.
const SHOWN: usize = 7;

/// The summary of first runs.
pub fn draw(
    agents: &[AgentRow],
    runs: &[RunRow],
    open: &[FindingRow],
    proposals: usize,
    unfinished: &[String],
    look: &Look,
) -> String {
    let mut out = String::new();
    for run in runs {
        out.push_str(&format!("{}\n", progress::ended(run, look)));
    }
    for agent in agents {
        let is_ended = runs.iter().any(|run| run.agent_id == agent.id);
        if !is_ended {
            out.push_str(&format!(
                "· {} {}: {}\n",
                agent.name,
                agent.state,
                show::line(&agent.reason)
            ));
        }
    }
    if !unfinished.is_empty() {
        out.push_str(&format!("… still at work: {}\n", unfinished.join(", ")));
    }
    out.push('\n');
    if proposals > 0 {
        let (proposal, wait) =
            if proposals == 1 { ("proposal", "waits") } else { ("proposals", "wait") };
        let told = format!("{proposals} {proposal} {wait} for you");
        let told = look.paint(Ink::Bold, &told);
        out.push_str(&format!("{told}: ai_onboard proposals list\n\n"));
    }
    let shown: Vec<&FindingRow> =
        open.iter().filter(|row| row.rank.is_some()).take(SHOWN).collect();
    if proposals == 0 || !open.is_empty() {
        out.push_str(&found(open.len(), &shown, look));
    }
    out.push_str(&next(agents, shown.first().copied(), look));
    out
}

fn found(all: usize, shown: &[&FindingRow], look: &Look) -> String {
    let more = all - shown.len();
    let rest = format!("and {more} more: ai_onboard recommendations list --all\n");
    if shown.is_empty() {
        let nothing = "Nothing needs your attention.\n";
        return if more == 0 { nothing.into() } else { format!("{nothing}{rest}") };
    }
    let count = match shown.len() {
        1 => "1 finding".into(),
        several => format!("{several} findings, most worthwhile first"),
    };
    let mut out = format!("{}\n\n", look.paint(Ink::Bold, &count));
    for finding in shown {
        out.push_str(&findings::brief(finding, look));
        out.push('\n');
    }
    if more > 0 {
        out.push_str(&rest);
    }
    out
}

fn next(agents: &[AgentRow], first: Option<&FindingRow>, look: &Look) -> String {
    let mut steps = Vec::new();
    if let Some(first) = first {
        let id = findings::id(first);
        steps.push((format!("ai_onboard recommendations show {id}"), "read it in full"));
        steps.push((
            format!("ai_onboard recommendations dismiss {id} --reason TEXT"),
            "never see it again",
        ));
    }
    if let Some(agent) = agents.first() {
        steps.push((
            format!("ai_onboard background-agents status {}", agent.name),
            "how it is and when it runs next",
        ));
    }
    steps.push(("ai_onboard background-agents stop --all".into(), "end the crew"));
    let mut out = format!("\n{}\n", look.paint(Ink::Bold, "Next"));
    for (command, what) in steps {
        out.push_str(&format!("  {command}\n"));
        out.push_str(&look.paint(Ink::Dim, &format!("      {what}")));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{agent, finding, in_all, look, run};
    use expect_test::expect;
    use onboard_domain::Severity;
    use onboard_web::api::StateWord;

    #[test]
    fn a_summary_in_all_widths() {
        let agents = [agent("project-health-monitor", StateWord::Idle)];
        let open = [finding(Severity::High, "one person wrote 93 % of src/engine")];
        let runs = [run("succeeded", "")];
        expect![[r#"
            --- 40
            ✓ project-health-monitor succeeded in 3.2 s: looked at 214 commits of 3 authors

            1 finding

            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file
                that one person wrote
                8606705aab newest change by somebody
                else
                0.93 share of commits
              → Have a second person review and
              change src/engine this week.


            Next
              ai_onboard recommendations show 5f3a9c20
                  read it in full
              ai_onboard recommendations dismiss 5f3a9c20 --reason TEXT
                  never see it again
              ai_onboard background-agents status project-health-monitor
                  how it is and when it runs next
              ai_onboard background-agents stop --all
                  end the crew
            --- 80
            ✓ project-health-monitor succeeded in 3.2 s: looked at 214 commits of 3 authors

            1 finding

            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.


            Next
              ai_onboard recommendations show 5f3a9c20
                  read it in full
              ai_onboard recommendations dismiss 5f3a9c20 --reason TEXT
                  never see it again
              ai_onboard background-agents status project-health-monitor
                  how it is and when it runs next
              ai_onboard background-agents stop --all
                  end the crew
            --- 200
            ✓ project-health-monitor succeeded in 3.2 s: looked at 214 commits of 3 authors

            1 finding

            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.


            Next
              ai_onboard recommendations show 5f3a9c20
                  read it in full
              ai_onboard recommendations dismiss 5f3a9c20 --reason TEXT
                  never see it again
              ai_onboard background-agents status project-health-monitor
                  how it is and when it runs next
              ai_onboard background-agents stop --all
                  end the crew
            --- 80 in colour
            ␛[32m✓␛[0m project-health-monitor succeeded in 3.2 s: looked at 214 commits of 3 authors

            ␛[1m1 finding␛[0m

            ␛[31m▲ high␛[0m  ␛[1mone person wrote 93 % of src/engine␛[0m  ␛[2m5f3a9c20␛[0m
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.


            ␛[1mNext␛[0m
              ai_onboard recommendations show 5f3a9c20
            ␛[2m      read it in full␛[0m
              ai_onboard recommendations dismiss 5f3a9c20 --reason TEXT
            ␛[2m      never see it again␛[0m
              ai_onboard background-agents status project-health-monitor
            ␛[2m      how it is and when it runs next␛[0m
              ai_onboard background-agents stop --all
            ␛[2m      end the crew␛[0m
        "#]]
        .assert_eq(&in_all(|look| draw(&agents, &runs, &open, 0, &[], look)));
    }

    #[test]
    fn nothing_found_and_one_still_at_work() {
        let agents = [agent("project-health-monitor", StateWord::Running)];
        let still = ["project-health-monitor".to_string()];
        expect![[r#"
            · project-health-monitor running: its next run is due in 10m
            … still at work: project-health-monitor

            Nothing needs your attention.

            Next
              ai_onboard background-agents status project-health-monitor
                  how it is and when it runs next
              ai_onboard background-agents stop --all
                  end the crew
        "#]]
        .assert_eq(&draw(&agents, &[], &[], 0, &still, &look(None, false)));
    }

    #[test]
    fn a_proposal_needs_attention() {
        let drawn = draw(&[], &[], &[], 1, &[], &look(None, false));
        assert!(drawn.starts_with("\n1 proposal waits for you: ai_onboard proposals list\n"));
        assert!(!drawn.contains("Nothing needs your attention"), "{drawn}");
        assert!(draw(&[], &[], &[], 2, &[], &look(None, false)).contains("2 proposals wait"));
    }
}
