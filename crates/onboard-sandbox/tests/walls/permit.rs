//! Permits for trials: minted by the one judge, under a policy wide enough for every trial.

use onboard_domain::{AgentId, Event, Generation, RunId, State, Time};
use onboard_policy::{Authority, PolicyInForce, Request, Walls, judge, merge, parse_layer};
use onboard_sandbox::{Permitted, Profile};

const POLICY: &str = "
background_agent_safety:
  resource_limits: { max_cpu_percent: 100, max_memory_mb: 512, max_io_ops_per_sec: 100,
    max_network_requests: 0, max_pids: 128, max_run_minutes: 15, max_connections: 64,
    max_bandwidth_kb_per_sec: 8192, max_transfer_mb: 1024, max_storage_mb: 128 }
  action_restrictions:
    file_system: { read_only_paths: [], forbidden_paths: [], max_file_size_mb: 10 }
    network: { allowed_domains: [], forbidden_protocols: [], deny_ech: true }
    system: { forbidden_commands: [], sandbox_mode: true }
  escalation_triggers: []
  escalation: { warn: 1, throttle: 5, pause: 10, quarantine: 20, emergency: 3 }
";

/// One agent with one run that has its place.
const EVENTS: [&str; 4] = [
    r#"{"project_registered":{"project":0,"root":"/p","name":"p"}}"#,
    r#"{"agent_registered":{"agent":0,"project":0,"spec":{"name":"hostile","description":"",
        "program":"built_in","schedule":"manual","priority":"low",
        "classes":{"cpu":"low","memory":"low","io":"low"},"origin":"built-in","hash":"h"}}}"#,
    r#"{"run_queued":{"run":0,"agent":0,"slot":0,"trigger":"manual","attempt":1,"not_before":0}}"#,
    r#"{"run_placed":{"run":0,"generation":1,"leases":[],"deadline_ms":60000}}"#,
];

/// The profile with its permit.
pub fn permitted(profile: Profile) -> Permitted {
    let layer = parse_layer(POLICY, "trial", Authority::Defaults).expect("policy");
    let policy = PolicyInForce::Sound(Box::new(merge(&[layer]).expect("policy")));
    let mut state = State::default();
    state.advance(Time(0)).expect("time");
    for event in EVENTS {
        let event: Event = serde_json::from_str(event).expect("event");
        state.apply(&event).expect("fold");
    }
    let request = Request {
        agent: AgentId(0),
        spec: &state.agents[&AgentId(0)].spec,
        run: RunId(0),
        generation: Generation(1),
        walls: &Walls::all(),
    };
    let permit = judge(&policy, &state, &request).expect("permit");
    Permitted::new(permit, profile).expect("a profile inside its permit")
}
