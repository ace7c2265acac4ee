//! Data for the tests of renderings.

use super::Look;
use jiff::tz::TimeZone;
use onboard_domain::spec::Priority;
use onboard_domain::state::RuleRecord;
use onboard_domain::{Evidence, EvidenceKind, Severity, Time};
use onboard_web::api::{
    AgentRow, FindingRow, FindingStatus, ProjectRef, RunRow, RunUsage, Stamp, StateWord,
};

pub const NOW: Time = Time(1_795_000_005_000);

pub fn look(width: Option<usize>, colour: bool) -> Look {
    Look { width, colour, now: NOW, is_absolute: false, zone: TimeZone::UTC }
}

/// The three widths that renderings are looked at in, without and with colour.
pub fn looks() -> [(&'static str, Look); 4] {
    [
        ("40", look(Some(40), false)),
        ("80", look(Some(80), false)),
        ("200", look(Some(200), false)),
        ("80 in colour", look(Some(80), true)),
    ]
}

/// A rendering in all looks, escapes visible.
pub fn in_all(draw: impl Fn(&Look) -> String) -> String {
    let drawn = looks().map(|(name, look)| format!("--- {name}\n{}", draw(&look)));
    drawn.concat().replace('\x1b', "␛")
}

pub fn run(result: &str, why: &str) -> RunRow {
    RunRow {
        id: "r7".into(),
        agent: "project-health-monitor".into(),
        agent_id: "a0".into(),
        project: "engine".into(),
        trigger: "started".into(),
        attempt: 1,
        slot: Stamp(NOW.plus(-9_000)),
        queued: Stamp(NOW.plus(-9_000)),
        started: Some(Stamp(NOW.plus(-8_200))),
        ended: Some(Stamp(NOW.plus(-5_000))),
        duration_s: Some(3.2),
        result: result.into(),
        why: why.into(),
        new_findings: 1,
        summary: "looked at 214 commits of 3 authors".into(),
        usage: RunUsage { cpu_s: 0.9, memory_peak_bytes: 41 << 20, throttled_s: 0.4 },
    }
}

pub fn agent(name: &str, state: StateWord) -> AgentRow {
    AgentRow {
        id: "a0".into(),
        name: name.into(),
        project: ProjectRef { id: "p0".into(), name: "engine".into(), root: "/src/engine".into() },
        state,
        since: Stamp(NOW.plus(-86_400_000)),
        reason: "its next run is due in 10m".into(),
        schedule: "every 15 minutes".into(),
        zone: None,
        priority: Priority::High,
        last_run: Some(run("succeeded", "")),
        next_run: Some(Stamp(NOW.plus(600_000))),
        live: None,
        consecutive_failures: 0,
        awaits_first_start: false,
        attention: vec!["1 high".into()],
    }
}

pub fn finding(severity: Severity, title: &str) -> FindingRow {
    let file = Evidence {
        kind: EvidenceKind::File,
        text: "largest file that one person wrote".into(),
        path: Some("src/engine/step.rs".into()),
        line: Some(12),
        oid: None,
        value: None,
    };
    let commit = Evidence {
        kind: EvidenceKind::Commit,
        text: "newest change by somebody else".into(),
        oid: Some("8606705aabbccddeeff0011223344556677889900".into()),
        path: None,
        line: None,
        value: None,
    };
    let number = Evidence {
        kind: EvidenceKind::Number,
        text: "share of commits".into(),
        value: Some(0.93),
        path: None,
        line: None,
        oid: None,
    };
    FindingRow {
        fingerprint: "5f3a9c20d1aa".into(),
        project: "engine".into(),
        project_id: "p0".into(),
        agent: "project-health-monitor".into(),
        status: FindingStatus::Open,
        severity,
        rule: "health/bus-factor".into(),
        title: title.into(),
        detail: "Of 214 commits that touched it, 199 are by one author.".into(),
        evidence: vec![file, commit, number],
        action: "Have a second person review and change src/engine this week.".into(),
        target: "src/engine".into(),
        first_seen: Stamp(NOW.plus(-5_000)),
        last_seen: Stamp(NOW.plus(-5_000)),
        snoozed_until: None,
        rank: Some(1),
        chance: 0.38,
        is_muted: false,
        worded: None,
        expects: None,
        rule_so_far: RuleRecord::default(),
    }
}
