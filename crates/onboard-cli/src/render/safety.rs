//! What holds an agent's runs: limits with what is used of them, walls, policy.

use super::{Ink, Look, bytes, incidents, when};
use onboard_domain::violation::Action;
use onboard_web::api::{
    AgentDetail, LayerView, LimitsView, Live, Safety, StorageView, ViolationRow,
};

/// Refused attempts shown in a status, the newest.
const REFUSED: usize = 5;

/// The lines of a status, each with its label.
pub fn lines(detail: &AgentDetail, look: &Look) -> Vec<(&'static str, String)> {
    let safety = &detail.safety;
    let mut lines = vec![("Limits", limits(detail, look)), ("Safety", walls(&safety.layers, look))];
    if let Some(storage) = &safety.storage {
        lines.push(("Kept", kept(storage)));
    }
    lines.push(("Policy", safety.policy_origin.clone()));
    if let Some(problem) = &safety.policy_problem {
        lines.push(("", problem_of_policy(problem, look)));
    }
    for warning in &safety.policy_warnings {
        // Where it is, and what; the lines of the file are for `policy check`.
        let first = warning.lines().next().unwrap_or_default();
        lines.push(("", look.paint(Ink::Yellow, &format!("worth a look: {first}"))));
    }
    // Being slowed down is how a limit works: nothing was refused.
    let (slowed, refused): (Vec<&ViolationRow>, Vec<&ViolationRow>) =
        detail.violations.iter().partition(|row| row.action == Action::Throttled);
    for (label, rows) in [("Refused", refused), ("Slowed", slowed)] {
        for (index, row) in rows.into_iter().take(REFUSED).enumerate() {
            let label = if index == 0 { label } else { "" };
            let ago = when::relative(look, row.at);
            lines.push((label, format!("{} ({ago})", incidents::violation_line(row))));
        }
    }
    lines
}

/// What is kept for the agent, and of what.
fn kept(storage: &StorageView) -> String {
    let StorageView { stored, stored_max, logs, logs_max, .. } = storage;
    let parts = [
        ("checkpoints", stored.checkpoints),
        ("shared values", stored.shared),
        ("findings", stored.findings),
        ("patches", stored.proposals),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| format!("{what} {}", bytes(count)))
        .collect();
    let of = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!(
        "{} of {}{of}, logs {} of {}",
        bytes(stored.bytes()),
        bytes(*stored_max),
        bytes(*logs),
        bytes(*logs_max)
    )
}

/// Why the policy's files are not in force.
pub fn problem_of_policy(problem: &str, look: &Look) -> String {
    look.paint(Ink::Red, &format!("its files are not in force: {problem}"))
}

fn limits(detail: &AgentDetail, look: &Look) -> String {
    let Safety { limits, denied, .. } = &detail.safety;
    let Some(limits) = limits else {
        let why = denied.as_deref().unwrap_or("not known");
        return look.paint(Ink::Red, &format!("no run is permitted: {why}"));
    };
    let elapsed = detail.live_runs.iter().find_map(|run| run.duration_s);
    let used = detail.agent.live.as_ref().filter(|live| live.pid.is_some());
    allowed(limits, used, elapsed)
}

/// Limits, with what is used now before each that is measured.
fn allowed(limits: &LimitsView, used: Option<&Live>, elapsed: Option<f64>) -> String {
    let of = |used: Option<String>| used.map_or_else(String::new, |used| format!("{used} of "));
    let memory = used.map(|live| bytes(live.memory_bytes));
    format!(
        "cpu {}{} % of a core, memory {}{} MB, {} processes, files of {} MB, {} reads/s, {}{}",
        of(used.map(|live| format!("{:.0}", live.cpu_percent))),
        limits.cpu_percent,
        of(memory),
        limits.memory_mb,
        limits.pids,
        limits.file_size_mb,
        limits.io_ops_per_sec,
        of(elapsed.map(when::seconds)),
        when::seconds(limits.deadline_s),
    )
}

fn walls(layers: &[LayerView], look: &Look) -> String {
    if layers.is_empty() {
        return "being probed".into();
    }
    let weak: Vec<String> = layers
        .iter()
        .filter(|layer| layer.status != "enforced")
        .map(|layer| format!("{} {} ({})", layer.name, layer.status, layer.how))
        .collect();
    let held = layers.len() - weak.len();
    let text = format!("{held} of {} layers enforced", layers.len());
    if weak.is_empty() {
        return look.paint(Ink::Green, &text);
    }
    look.paint(Ink::Yellow, &format!("{text}; {}", weak.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::look;
    use expect_test::expect;

    const LIMITS: LimitsView = LimitsView {
        cpu_percent: 10,
        memory_mb: 512,
        pids: 128,
        file_size_mb: 10,
        io_ops_per_sec: 100,
        deadline_s: 600.0,
    };

    #[test]
    fn limits_with_and_without_a_run() {
        let live =
            Live { cpu_percent: 3.2, memory_bytes: 41 << 20, pid: Some(7), ..Live::default() };
        let drawn = format!(
            "{}\n{}\n",
            allowed(&LIMITS, None, None),
            allowed(&LIMITS, Some(&live), Some(62.0))
        );
        expect![[r#"
            cpu 10 % of a core, memory 512 MB, 128 processes, files of 10 MB, 100 reads/s, 10m
            cpu 3 of 10 % of a core, memory 41.0 MiB of 512 MB, 128 processes, files of 10 MB, 100 reads/s, 1m 2s of 10m
        "#]].assert_eq(&drawn);
    }

    #[test]
    fn walls_that_stand_and_that_do_not() {
        let layer = |name: &str, status: &str, how: &str| LayerView {
            name: name.into(),
            status: status.into(),
            how: how.into(),
        };
        let look = look(None, false);
        let drawn = format!(
            "{}\n{}\n{}\n",
            walls(&[], &look),
            walls(&[layer("user", "enforced", "tried")], &look),
            walls(&[layer("user", "enforced", "tried"), layer("proc", "absent", "EPERM")], &look)
        );
        expect![[r#"
            being probed
            1 of 1 layers enforced
            1 of 2 layers enforced; proc absent (EPERM)
        "#]]
        .assert_eq(&drawn);
    }
}
