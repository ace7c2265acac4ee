//! Incidents and violations: as rows for people and programs, and in words.

use super::event::{Told, error, info, warning};
use crate::api::{Happened, IncidentRow, MomentRow, ViolationRow};
use onboard_domain::incident::{Consequence, Fact, Incident, Moment, Seen};
use onboard_domain::{IncidentId, ProjectId, RunId, State, Violation};

/// The incidents that match, newest first.
pub fn rows(state: &State, project: Option<ProjectId>) -> Vec<IncidentRow> {
    let of_project = |incident: &Incident| project.is_none_or(|wanted| wanted == incident.project);
    let incidents = state.incidents.iter().rev().filter(|(_, incident)| of_project(incident));
    incidents.map(|(id, incident)| row(state, *id, incident)).collect()
}

/// One incident.
pub fn row(state: &State, id: IncidentId, incident: &Incident) -> IncidentRow {
    let why = incident.timeline.iter().rev().find_map(|moment| match &moment.fact {
        Fact::Escalated { why, .. } => Some(why.clone()),
        _ => None,
    });
    IncidentRow {
        id: id.to_string(),
        project: super::project_name(state, incident.project),
        project_id: incident.project.to_string(),
        agent: incident.by.to_string(),
        is_open: incident.is_open(),
        opened: incident.opened.into(),
        closed: incident.closed.map(Into::into),
        reached: incident.reached,
        why: why.unwrap_or_default(),
        timeline: incident.timeline.iter().map(moment).collect(),
        left_out: incident.dropped,
    }
}

fn moment(moment: &Moment) -> MomentRow {
    let what = match moment.fact.clone() {
        Fact::Escalated { run, trigger, consequence, why, evidence, .. } => Happened::Escalated {
            run: run.to_string(),
            trigger,
            consequence,
            why,
            evidence: evidence.iter().map(seen).collect(),
        },
        Fact::Noted { by, text } => Happened::Noted { by, text },
        Fact::Closed { by, reason } => Happened::Closed { by, reason },
    };
    MomentRow { at: moment.at.into(), what }
}

/// A violation as it was seen.
pub fn seen(seen: &Seen) -> ViolationRow {
    let violation = &seen.violation;
    ViolationRow {
        at: seen.at.into(),
        run: seen.run.to_string(),
        sensor: violation.sensor,
        confidence: violation.confidence,
        rule: violation.rule,
        what: violation.what.clone(),
        target: violation.target.clone(),
        resolved: violation.resolved.clone(),
        comm: violation.comm.clone(),
        action: violation.action,
        count: violation.count,
    }
}

/// What happened to an incident, as an event.
pub(super) fn tell(id: IncidentId, fact: &Fact) -> Told {
    let subject = Some(id.to_string());
    match fact {
        Fact::Escalated { trigger, consequence, why, .. } => {
            let text = format!("{id} {consequence} for {trigger}: {why}");
            match consequence {
                Consequence::Warn => warning("incident.escalated", subject, text),
                _ => error("incident.escalated", subject, text),
            }
        }
        Fact::Noted { by, text } => {
            info("incident.noted", subject, format!("{by} on {id}: {text}"))
        }
        Fact::Closed { by, reason } => {
            info("incident.closed", subject, format!("{by} closed {id}: {reason}"))
        }
    }
}

/// A violation, as an event.
pub(super) fn tell_violation(run: RunId, violation: &Violation) -> Told {
    let Violation { rule, what, target, action, count, sensor, .. } = violation;
    let often = if *count > 1 { format!(", {count} times") } else { String::new() };
    let text = format!("{action}: {what} {target} ({rule}, seen by {sensor}{often})");
    warning("agent.violation.recorded", Some(run.to_string()), text)
}
