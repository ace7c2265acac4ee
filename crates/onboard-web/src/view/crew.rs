//! A project's crew, with what it shares.

use super::finding;
use crate::api::{CrewMember, CrewView, FactRow};
use onboard_domain::spec::Program;
use onboard_domain::state::{Agent, Project};
use onboard_domain::{Fingerprint, ProjectId, State};

/// The agents of a project by name, and what people dismissed.
pub fn of(state: &State, project: ProjectId) -> Option<CrewView> {
    let entry = state.projects.get(&project)?;
    let agents = entry.agents.values().filter_map(|id| state.agents.get(id));
    Some(CrewView { agents: agents.map(member).collect(), dismissed: dismissed(state, entry) })
}

/// What people said of a finding of an agent that the project defines itself is no word on what ours
/// find, whatever fingerprint that one gave it.
fn dismissed(state: &State, entry: &Project) -> Vec<String> {
    let is_own = |fingerprint: &Fingerprint| {
        let agent = entry.dismissed_of.get(fingerprint).and_then(|name| entry.agents.get(name));
        let program = agent.and_then(|id| state.agents.get(id)).map(|agent| &agent.spec.program);
        program.is_some_and(|program| *program != Program::BuiltIn)
    };
    let of_ours = entry.dismissed.keys().filter(|fingerprint| !is_own(fingerprint));
    of_ours.map(|fingerprint| fingerprint.0.clone()).collect()
}

fn member(agent: &Agent) -> CrewMember {
    let shared = agent.checkpoints.iter().filter(|_| agent.spec.shares_facts);
    let muted = finding::rules(agent).into_iter().filter(|rule| rule.is_muted);
    CrewMember {
        name: agent.spec.name.to_string(),
        facts: shared
            .map(|(name, blob)| {
                (name.clone(), FactRow { sha256: blob.sha256.clone(), bytes: blob.bytes })
            })
            .collect(),
        muted: muted.map(|rule| rule.rule).collect(),
        settings: agent.spec.settings.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onboard_domain::{Event, Time};

    #[test]
    fn what_is_said_of_a_projects_own_agent_is_no_word_on_ours() {
        let mut state = State::default();
        state.advance(Time(0)).expect("time");
        let agent = |id: u32, name: &str, program: &str| {
            format!(
                r#"{{"agent_registered":{{"agent":{id},"project":0,"spec":{{"name":"{name}",
                  "description":"","program":{program},"schedule":"manual","priority":"low",
                  "classes":{{"cpu":"low","memory":"low","io":"low"}},"origin":"o","hash":"h"}}}}}}"#
            )
        };
        let finding = |id: u32, mark: &str| {
            let queued = format!(
                r#"{{"run_queued":{{"run":{id},"agent":{id},"slot":5,"trigger":"schedule","attempt":0,
                  "not_before":5}}}}"#
            );
            let told = format!(
                r#"{{"finding_recorded":{{"project":0,"agent":{id},"run":{id},"finding":{{"rule":"r",
                  "severity":"low","title":"t","fingerprint":"{mark}"}}}}}}"#
            );
            let said = format!(
                r#"{{"finding_dismissed":{{"project":0,"fingerprint":"{mark}","reason":"noise"}}}}"#
            );
            [queued, told, said]
        };
        let events = [
            r#"{"project_registered":{"project":0,"root":"/p","name":"p"}}"#.to_owned(),
            agent(0, "ours", r#""built_in""#),
            agent(1, "theirs", r#"{"command":{"argv":["sh"],"folder":"/f"}}"#),
        ];
        for text in events.into_iter().chain(finding(0, "aa")).chain(finding(1, "bb")) {
            let event: Event = serde_json::from_str(&text).expect("an event");
            state.apply(&event).expect("a legal event");
        }
        assert_eq!(of(&state, ProjectId(0)).expect("known").dismissed, ["aa"]);
    }
}
