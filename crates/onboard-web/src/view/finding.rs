//! Findings as rows: the few of each project that are worth showing first, then the rest.

use crate::api::{FindingRow, FindingStatus, RuleRow};
use onboard_analysis::ranking::{self, Candidate, Record};
use onboard_domain::state::{Agent, KnownFinding, Project, RuleRecord};
use onboard_domain::{AgentId, Finding, ProjectId, Severity, State, Time, Urgency};
use std::cmp::Reverse;

/// The live findings that match: those to show in their order, then the most severe, then the
/// newest.
pub fn rows(
    state: &State,
    now: Time,
    project: Option<ProjectId>,
    agent: Option<AgentId>,
) -> Vec<FindingRow> {
    let mut rows: Vec<FindingRow> = state
        .projects
        .iter()
        .filter(|(id, _)| project.is_none_or(|wanted| wanted == **id))
        .flat_map(|(id, entry)| of_project(state, now, *id, entry))
        .filter(|(of, _)| agent.is_none_or(|wanted| wanted == *of))
        .map(|(_, row)| row)
        .collect();
    rows.sort_by(|a, b| order(a).cmp(&order(b)));
    rows
}

/// What comes first in a list.
type Order<'a> = (usize, Reverse<Severity>, Reverse<crate::api::Stamp>, &'a str);

fn order(row: &FindingRow) -> Order<'_> {
    let place = row.rank.unwrap_or(usize::MAX);
    (place, Reverse(row.severity), Reverse(row.first_seen), &row.fingerprint)
}

fn of_project(
    state: &State,
    now: Time,
    project: ProjectId,
    entry: &Project,
) -> Vec<(AgentId, FindingRow)> {
    let known: Vec<&KnownFinding> = entry.findings.values().collect();
    let mut rows: Vec<(AgentId, FindingRow)> =
        known.iter().map(|known| (known.agent, row(state, now, project, known))).collect();
    for (place, at) in chosen(state, now, &known).into_iter().enumerate() {
        rows[at].1.rank = Some(place + 1);
    }
    rows
}

/// Which of these to show, the best first: every critical one, then the few that
/// [`ranking::choose`] would.
fn chosen(state: &State, now: Time, known: &[&KnownFinding]) -> Vec<usize> {
    let is_open = |one: &KnownFinding| !one.accepted && !is_snoozed(one, now);
    let is_critical = |one: &KnownFinding| one.finding.severity == Severity::Critical;
    let open = || known.iter().enumerate().filter(|(_, one)| is_open(one));
    let candidates: Vec<Candidate> = open()
        .filter(|(_, one)| !is_critical(one))
        .map(|(at, one)| {
            let (rule, agent) = records(state.agents.get(&one.agent), &one.finding.rule);
            Candidate {
                id: at,
                rule,
                agent,
                impact: impact(one.finding.severity),
                freshness: ranking::freshness(now.since(one.first_seen)),
                class: one.finding.severity as u8,
                urgency: urgency(&one.finding),
            }
        })
        .collect();
    let critical = open().filter(|(_, one)| is_critical(one)).map(|(at, _)| at);
    critical.chain(ranking::choose(&candidates)).collect()
}

/// What a language model says of its urgency; in the middle where none does.
pub fn urgency(finding: &Finding) -> i8 {
    match finding.worded.as_ref().and_then(|worded| worded.urgency) {
        Some(Urgency::Now) => 1,
        Some(Urgency::Soon) | None => 0,
        Some(Urgency::Later) => -1,
    }
}

/// What is at stake, as shares of the worst; each class about twice the one below it.
pub fn impact(severity: Severity) -> f64 {
    match severity {
        Severity::Info => 0.05,
        Severity::Low => 0.15,
        Severity::Medium => 0.35,
        Severity::High => 0.7,
        Severity::Critical => 1.0,
    }
}

fn is_snoozed(known: &KnownFinding, now: Time) -> bool {
    known.snoozed_until.is_some_and(|until| until > now)
}

/// What became of what a rule said, and of all that its agent said.
fn records(agent: Option<&Agent>, rule: &str) -> (Record, Record) {
    let Some(agent) = agent else { return Default::default() };
    let of_rule = agent.rules.get(rule).copied().unwrap_or_default();
    let mut of_agent = Record::default();
    for record in agent.rules.values().map(|record| counted(*record)) {
        of_agent.shown = of_agent.shown.saturating_add(record.shown);
        of_agent.accepted = of_agent.accepted.saturating_add(record.accepted);
        of_agent.acted = of_agent.acted.saturating_add(record.acted);
        of_agent.dismissed = of_agent.dismissed.saturating_add(record.dismissed);
    }
    (counted(of_rule), of_agent)
}

/// What people answered, in words and by deeds. What went away with neither is no answer: it may have
/// been dealt with, or have grown old, or have become untrue by itself.
fn counted(record: RuleRecord) -> Record {
    let RuleRecord { told, accepted, dismissed, acted, .. } = record;
    Record { shown: told, accepted, acted, dismissed }
}

/// How each rule of an agent has done, by name.
pub fn rules(agent: &Agent) -> Vec<RuleRow> {
    let one = |(rule, record): (&String, &RuleRecord)| {
        let (of_rule, of_agent) = records(Some(agent), rule);
        let posterior = ranking::posterior(of_rule, of_agent);
        let (chance_low, chance_high) = posterior.interval(0.8);
        RuleRow {
            rule: rule.clone(),
            told: record.told,
            accepted: record.accepted,
            gone: record.gone,
            acted: record.acted,
            dismissed: record.dismissed,
            chance: posterior.mean(),
            chance_low,
            chance_high,
            is_muted: ranking::is_muted(of_rule, of_agent),
        }
    };
    agent.rules.iter().map(one).collect()
}

fn row(state: &State, now: Time, project: ProjectId, known: &KnownFinding) -> FindingRow {
    let finding = known.finding.clone();
    let agent = state.agents.get(&known.agent);
    let (of_rule, of_agent) = records(agent, &finding.rule);
    let is_critical = finding.severity == Severity::Critical;
    let is_snoozed = is_snoozed(known, now);
    let open = state.projects.get(&project).and_then(|it| it.forecasts.get(&finding.fingerprint));
    let open = open.filter(|open| open.agent == known.agent);
    let expects = open.map(|open| super::forecast::words(&open.forecast));
    FindingRow {
        fingerprint: finding.fingerprint.0,
        project: super::project_name(state, project),
        project_id: project.to_string(),
        agent: super::agent_name(state, known.agent),
        status: match (known.accepted, is_snoozed) {
            (true, _) => FindingStatus::Accepted,
            (false, true) => FindingStatus::Snoozed,
            (false, false) => FindingStatus::Open,
        },
        severity: finding.severity,
        rank: None,
        chance: ranking::posterior(of_rule, of_agent).mean(),
        is_muted: !is_critical && ranking::is_muted(of_rule, of_agent),
        rule_so_far: agent.and_then(|a| a.rules.get(&finding.rule)).copied().unwrap_or_default(),
        rule: finding.rule,
        title: finding.title,
        detail: finding.detail,
        evidence: finding.evidence,
        action: finding.action,
        target: finding.target,
        worded: finding.worded.map(|worded| *worded),
        expects,
        first_seen: known.first_seen.into(),
        last_seen: known.last_seen.into(),
        snoozed_until: known.snoozed_until.filter(|_| is_snoozed).map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onboard_domain::Event;

    const DAY_MS: i64 = 86_400_000;
    const SPEC: &str = r#"{"name":"watcher","description":"","program":"built_in",
      "schedule":"hourly","priority":"high","classes":{"cpu":"low","memory":"low","io":"low"},
      "origin":"built-in","hash":"h"}"#;

    fn state() -> State {
        let mut state = State::default();
        state.advance(Time(0)).expect("time");
        for text in [
            r#"{"project_registered":{"project":0,"root":"/p","name":"p"}}"#.to_owned(),
            format!(r#"{{"agent_registered":{{"agent":0,"project":0,"spec":{SPEC}}}}}"#),
            r#"{"agent_started":{"agent":0}}"#.into(),
            r#"{"run_queued":{"run":0,"agent":0,"slot":5,"trigger":"schedule","attempt":0,"not_before":5}}"#.into(),
        ] {
            apply(&mut state, &text);
        }
        state
    }

    fn apply(state: &mut State, text: &str) {
        let event: Event = serde_json::from_str(text).expect("an event");
        state.apply(&event).expect("a legal event");
    }

    fn tell(state: &mut State, rule: &str, mark: &str, severity: &str) {
        let text = format!(
            r#"{{"finding_recorded":{{"project":0,"agent":0,"run":0,"finding":{{"rule":"{rule}",
              "severity":"{severity}","title":"t","target":"{mark}","fingerprint":"{mark}"}}}}}}"#
        );
        apply(state, &text);
    }

    fn answer(state: &mut State, what: &str, mark: &str, more: &str) {
        let text = format!(r#"{{"finding_{what}":{{"project":0,"fingerprint":"{mark}"{more}}}}}"#);
        apply(state, &text);
    }

    fn shown(state: &State, now: i64) -> Vec<String> {
        let rows = rows(state, Time(now), None, None);
        rows.into_iter().filter(|row| row.rank.is_some()).map(|row| row.fingerprint).collect()
    }

    #[test]
    fn five_are_shown_and_what_is_critical_besides() {
        let mut state = state();
        for at in 0..9 {
            tell(&mut state, "r/many", &format!("m{at}"), "medium");
        }
        tell(&mut state, "r/new", "n", "low");
        tell(&mut state, "r/bad", "c", "critical");
        assert_eq!(shown(&state, 1), ["c", "m0", "m1", "m2", "m3", "n"]);
        answer(&mut state, "accepted", "m0", "");
        answer(&mut state, "snoozed", "m1", &format!(r#","until":{DAY_MS}"#));
        assert_eq!(shown(&state, 1), ["c", "m2", "m3", "m4", "m5", "n"]);
        assert_eq!(shown(&state, DAY_MS), ["c", "m1", "m2", "m3", "m4", "n"]);
        assert_eq!(
            rows(&state, Time(1), None, None).len(),
            11,
            "the rest is there to be asked for"
        );
    }

    #[test]
    fn a_rule_that_nobody_finds_useful_mutes_itself_until_it_is_forgotten() {
        let mut state = state();
        for at in 0..8 {
            tell(&mut state, "r/noise", &format!("d{at}"), "high");
            answer(&mut state, "dismissed", &format!("d{at}"), r#","reason":"""#);
        }
        tell(&mut state, "r/noise", "more", "high");
        assert_eq!(shown(&state, 1), [""; 0]);
        let row = rows(&state, Time(1), None, None).remove(0);
        assert!(row.is_muted && row.chance < 0.25, "{}", row.chance);
        tell(&mut state, "r/noise", "worst", "critical");
        assert_eq!(shown(&state, 1), ["worst"]);
        apply(&mut state, r#"{"rule_forgotten":{"agent":0,"rule":"r/noise"}}"#);
        assert_eq!(shown(&state, 1), ["worst", "more"]);
    }

    #[test]
    fn what_people_accept_comes_first() {
        let mut state = state();
        for at in 0..4 {
            tell(&mut state, "r/good", &format!("g{at}"), "medium");
            answer(&mut state, "accepted", &format!("g{at}"), "");
            tell(&mut state, "r/poor", &format!("p{at}"), "medium");
            answer(&mut state, "dismissed", &format!("p{at}"), r#","reason":"""#);
        }
        tell(&mut state, "r/poor", "a", "medium");
        tell(&mut state, "r/good", "b", "medium");
        assert_eq!(shown(&state, 1), ["b", "a"]);
        // What has lain for months gives way to what is new.
        state.advance(Time(200 * DAY_MS)).expect("time");
        tell(&mut state, "r/fresh", "c", "medium");
        assert_eq!(shown(&state, 200 * DAY_MS), ["c", "b", "a"]);
    }
}
