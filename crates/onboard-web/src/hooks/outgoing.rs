//! Which events are told to others, and what is said of them: pure. What leaves this machine is the line
//! that people read, and to what it belongs; the event itself, with all that agents wrote, stays.

use crate::api::EventRow;
use crate::view::event::{PastEvent, of_batch, row};
use onboard_daemon::binding::EVERY;
use onboard_daemon::hooks::messenger::Wanted;
use onboard_daemon::hooks::outbox::Post;
use onboard_domain::{Batch, Event, State};
use onboard_validation::secrets::redact;
use serde_json::Value;

/// What is told where nobody says which: what wants a person.
pub const USUAL: [&str; 8] = [
    "agent.intervention.required",
    "agent.person.asked",
    "agent.quarantined",
    "council.opened",
    "emergency",
    "finding.recorded",
    "incident",
    "proposal.checked",
];

/// The first words of what the daemon itself tells; agents have their own.
pub const FIRST_WORDS: [&str; 16] = [
    "agent",
    "command",
    "council",
    "daemon",
    "emergency",
    "finding",
    "forecast",
    "incident",
    "lease",
    "message",
    "policy",
    "project",
    "proposal",
    "rule",
    "state",
    "webhook",
];

/// Bytes of the line for people.
const MESSAGE: usize = 2_000;

/// What is to be sent of a batch.
pub fn posts(state: &State, wanted: &Wanted, seq: u64, batch: &Batch) -> Vec<Post> {
    let past = of_batch(state, seq, batch);
    past.iter().filter_map(|past| post(state, past, wanted)).collect()
}

fn post(state: &State, past: &PastEvent, wanted: &Wanted) -> Option<Post> {
    let project = past.project.and_then(|id| state.projects.get(&id));
    let is_of = |root: &String| root == EVERY || project.is_none_or(|known| known.root == *root);
    if !wanted.projects.iter().any(is_of) {
        return None;
    }
    let row = row(state, past);
    let kind = kind(&past.event, &row);
    if !wanted.events.iter().any(|wanted| covers(wanted, &kind)) {
        return None;
    }
    let (seq, index, time) = (past.seq, past.index, past.time);
    Some(Post { seq, index, kind, time, body: body(row), attempts: 0 })
}

/// An agent's own event by the name that the agent gave it.
fn kind(event: &Event, row: &EventRow) -> String {
    match event {
        Event::EventEmitted { kind, .. } => kind.clone(),
        _ => {
            let bare = row.kind.strip_prefix("dev.ai-onboard.").unwrap_or(&row.kind);
            bare.strip_suffix(".v1").unwrap_or(bare).into()
        }
    }
}

fn covers(wanted: &str, kind: &str) -> bool {
    kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn body(mut row: EventRow) -> Vec<u8> {
    // Before it is cut: half of a secret is not recognised.
    if let Some((clean, _)) = redact(&row.message) {
        row.message = clean;
    }
    row.message.truncate(row.message.floor_char_boundary(MESSAGE));
    let mut value = serde_json::to_value(&row).unwrap_or(Value::Null);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("data");
    }
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use onboard_domain::{AgentId, ProjectId, RunId, Time};

    /// What the receiver gets of these events.
    fn told(events: Vec<Event>, wanted: &[&str], projects: &[&str]) -> String {
        let mut state = State::default();
        for (id, root) in [(0, "/p"), (1, "/q")] {
            let (root, name) = (root.into(), format!("project {id}"));
            state
                .apply(&Event::ProjectRegistered { project: ProjectId(id), root, name })
                .expect("a project");
        }
        let batch = Batch { format: 1, time: Time(0), causes: Vec::new(), events };
        let words = |words: &[&str]| words.iter().map(|word| (*word).into()).collect();
        let wanted = Wanted { events: words(wanted), projects: words(projects) };
        let line = |post: Post| format!("{} {}\n", post.kind, String::from_utf8_lossy(&post.body));
        posts(&state, &wanted, 7, &batch).into_iter().map(line).collect()
    }

    fn emitted(project: u32, kind: &str) -> Event {
        let (project, agent, run) = (ProjectId(project), AgentId(1), RunId(2));
        Event::EventEmitted { project, agent, run, kind: kind.into(), data: "secret".into() }
    }

    #[test]
    fn what_is_wanted_is_told_in_one_line() {
        // In two parts: this file holds no secret.
        let token = ["ghp_", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"].concat();
        let events = || {
            vec![
                Event::EmergencyDeclared { reason: format!("it said {token}") },
                emitted(0, "agent.intervention.required"),
                emitted(1, "agent.intervention.required"),
                emitted(0, "agent.interventions"),
                Event::DaemonStopped,
            ]
        };
        expect![[r#"
            emergency.declared {"id":"7-0","message":"emergency shutdown: it said [redacted: github-token]","sequence":7,"severity":"error","source":"/daemon","specversion":"1.0","time":"1970-01-01T00:00:00.000Z","type":"dev.ai-onboard.emergency.declared.v1"}
            agent.intervention.required {"agent":"a1","id":"7-1","message":"emitted `agent.intervention.required`","project":"project 0","sequence":7,"severity":"info","source":"/projects/p0/agents/a1","specversion":"1.0","subject":"agent.intervention.required","time":"1970-01-01T00:00:00.000Z","type":"dev.ai-onboard.agent.event.emitted.v1"}
        "#]].assert_eq(&told(events(), &["emergency", "agent.intervention"], &["/p"]));
        assert_eq!(told(events(), &["emergenc", "intervention"], &["*"]), "");
        assert_eq!(told(events(), &USUAL, &["*"]).lines().count(), 3);
    }

    #[test]
    fn the_usual_ones_begin_with_known_words() {
        for kind in USUAL {
            assert!(FIRST_WORDS.contains(&kind.split('.').next().expect("a word")), "{kind}");
        }
    }
}
