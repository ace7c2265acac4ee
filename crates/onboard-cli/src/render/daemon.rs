//! The daemon, the audit log and what `doctor` found.

use super::table::Table;
use super::{Ink, Look, when};
use onboard_domain::Actor;
use onboard_web::api::{AuditRow, DaemonView};
use serde::Serialize;

/// How the daemon is.
pub fn status(daemon: &DaemonView, look: &Look) -> String {
    let dot = look.paint(Ink::Green, "●");
    let mut out = format!("{dot} ai_onboard {} - process {}\n", daemon.version, daemon.pid);
    let mut field = |label: &str, text: String| {
        let label = format!("{label}:");
        out.push_str(&format!("{label:>11} {text}\n"));
    };
    field("Active", format!("running since {}", when::both(look, daemon.since)));
    if let Some(latch) = &daemon.emergency {
        let since = when::both(look, latch.since);
        let text = format!("EMERGENCY SHUTDOWN since {since}: {}", latch.reason);
        field("Latch", look.paint(Ink::Red, &text));
    }
    let agents: Vec<String> =
        daemon.agents.iter().map(|(word, count)| format!("{count} {word}")).collect();
    field("Agents", if agents.is_empty() { "none".into() } else { agents.join(", ") });
    field("Runs", format!("{} active, {} queued", daemon.active_runs, daemon.queued_runs));
    if daemon.waiting_approvals > 0 {
        let text = format!("{} waiting: ai_onboard approvals list", daemon.waiting_approvals);
        field("Approvals", look.paint(Ink::Yellow, &text));
    }
    for project in &daemon.projects {
        field(
            "Project",
            format!(
                "{} ({} agents, {} findings) {}",
                project.name, project.agents, project.findings, project.root
            ),
        );
        if let Some(problem) = &project.policy_problem {
            field("Policy", super::safety::problem_of_policy(problem, look));
        }
    }
    if let Some(policy) = &daemon.policy {
        field("Policy", format!("{} since {}", policy.origin, when::relative(look, policy.since)));
    }
    field("State", daemon.state_folder.clone());
    field("Runtime", daemon.runtime_folder.clone());
    field("Config", daemon.config_folder.clone());
    out
}

/// Audit entries.
pub fn audit(rows: &[AuditRow], look: &Look) -> String {
    let mut table = Table::new(&["ENTRY", "TIME", "WHO", "VIA", "WHAT", "WHY"]);
    for row in rows {
        let who = match &row.actor {
            Actor::Person { uid, name } => format!("{name} ({uid})"),
            Actor::Agent { run, name } => format!("{name} ({run})"),
            Actor::Hook { name } => format!("webhook {name}"),
            Actor::Daemon => "daemon".into(),
        };
        let via = match row.via {
            onboard_domain::Via::Cli => "cli",
            onboard_domain::Via::Api => "api",
            onboard_domain::Via::HostSocket => "host",
            onboard_domain::Via::Hook => "webhook",
            onboard_domain::Via::Daemon => "daemon",
        };
        let time = when::absolute(look, row.time);
        table.row(vec![
            (row.sequence.to_string(), None),
            (time, None),
            (who, None),
            (via.into(), None),
            (row.what.clone(), None),
            (row.why.clone(), None),
        ]);
    }
    table.draw(look)
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One line of `doctor`.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub name: String,
    pub verdict: Verdict,
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

impl Check {
    /// A check that found what it should.
    pub fn ok(name: &str, found: impl Into<String>) -> Check {
        Check { name: name.into(), verdict: Verdict::Ok, found: found.into(), mend: None }
    }

    /// A check that did not.
    pub fn bad(name: &str, verdict: Verdict, found: impl Into<String>, mend: &str) -> Check {
        let mend = (!mend.is_empty()).then(|| mend.to_string());
        Check { name: name.into(), verdict, found: found.into(), mend }
    }
}

/// What `doctor` found.
pub fn doctor(checks: &[Check], look: &Look) -> String {
    let mut out = String::new();
    for check in checks {
        let mark = match check.verdict {
            Verdict::Ok => look.paint(Ink::Green, "✓ ok  "),
            Verdict::Warn => look.paint(Ink::Yellow, "! warn"),
            Verdict::Fail => look.paint(Ink::Red, "✗ fail"),
        };
        out.push_str(&format!("{mark}  {:<16}  {}\n", check.name, check.found));
        if let Some(mend) = &check.mend {
            out.push_str(&look.paragraph(26, &format!("→ {mend}")));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{NOW, in_all};
    use expect_test::expect;

    #[test]
    fn checks_in_all_widths() {
        let checks = [
            Check::ok("state folder", "/home/a/.local/state/ai_onboard"),
            Check::bad(
                "memory",
                Verdict::Fail,
                "no memory controller",
                "boot with systemd.unified_cgroup_hierarchy=1",
            ),
        ];
        expect![[r#"
            --- 40
            ✓ ok    state folder      /home/a/.local/state/ai_onboard
            ✗ fail  memory            no memory controller
                                      → boot with
                                      systemd.unified_cgroup_hierarchy=1
            --- 80
            ✓ ok    state folder      /home/a/.local/state/ai_onboard
            ✗ fail  memory            no memory controller
                                      → boot with systemd.unified_cgroup_hierarchy=1
            --- 200
            ✓ ok    state folder      /home/a/.local/state/ai_onboard
            ✗ fail  memory            no memory controller
                                      → boot with systemd.unified_cgroup_hierarchy=1
            --- 80 in colour
            ␛[32m✓ ok  ␛[0m  state folder      /home/a/.local/state/ai_onboard
            ␛[31m✗ fail␛[0m  memory            no memory controller
                                      → boot with systemd.unified_cgroup_hierarchy=1
        "#]]
        .assert_eq(&in_all(|look| doctor(&checks, look)));
    }

    #[test]
    fn audit_entries() {
        let rows = [AuditRow {
            sequence: 12,
            time: NOW.into(),
            actor: Actor::Person { uid: 1000, name: "ann".into() },
            via: onboard_domain::Via::Cli,
            what: "emergency_shutdown".into(),
            why: "smoke".into(),
        }];
        expect![[r#"
            --- 40
            ENTRY  TIME      WHO       VIA  WHAT      WHY
            12     2026-11…  ann (10…  cli  emergen…  smoke
            --- 80
            ENTRY  TIME                     WHO         VIA  WHAT                WHY
            12     2026-11-18 11:06:45 UTC  ann (1000)  cli  emergency_shutdown  smoke
            --- 200
            ENTRY  TIME                     WHO         VIA  WHAT                WHY
            12     2026-11-18 11:06:45 UTC  ann (1000)  cli  emergency_shutdown  smoke
            --- 80 in colour
            ␛[2mENTRY␛[0m  ␛[2mTIME␛[0m                     ␛[2mWHO␛[0m         ␛[2mVIA␛[0m  ␛[2mWHAT␛[0m                ␛[2mWHY␛[0m
            12     2026-11-18 11:06:45 UTC  ann (1000)  cli  emergency_shutdown  smoke
        "#]].assert_eq(&in_all(|look| audit(&rows, look)));
    }
}
