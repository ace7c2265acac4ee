//! How fast policies are judged by, on one thread: `judgements MILLISECONDS`.
//!
//! Of runs: the judge makes a permit of a request. Of attempts: a path, a host and a command in turn,
//! each against a list as long as a policy may have, half of them on it. Beside the attempts the same
//! keys are looked up in hash sets. Prints one JSON line.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a measurement needs the clock, and hash sets are what it is measured beside"
)]

use onboard_domain::{AgentId, Event, Generation, RunId, State, Time};
use onboard_egress::{Meter, Rules, Way, decide, host};
use onboard_policy::{
    NameSet, PathSet, PolicyInForce, Request, Walls, default_layer, judge, layer, merge,
};
use std::collections::HashSet;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Judgements between two looks at the clock.
const ROUND: u32 = 4096;

/// One agent with one run that has its place.
const EVENTS: [&str; 4] = [
    r#"{"project_registered":{"project":0,"root":"/p","name":"p"}}"#,
    r#"{"agent_registered":{"agent":0,"project":0,"spec":{"name":"judged","description":"",
        "program":"built_in","schedule":"manual","priority":"low",
        "classes":{"cpu":"low","memory":"low","io":"low"},"origin":"built-in","hash":"h"}}}"#,
    r#"{"run_queued":{"run":0,"agent":0,"slot":0,"trigger":"manual","attempt":1,"not_before":0}}"#,
    r#"{"run_placed":{"run":0,"generation":1,"leases":[],"deadline_ms":60000}}"#,
];

fn main() {
    let milliseconds = std::env::args().nth(1).expect("usage: judgements MILLISECONDS");
    let limit = Duration::from_millis(milliseconds.parse().expect("a number"));
    let line = serde_json::json!({
        "runs_per_second": runs(limit),
        "attempts_per_second": attempts(limit),
        "lookups_per_second": lookups(limit),
    });
    println!("{line}");
}

/// How often a second something is done.
fn rate(limit: Duration, mut round: impl FnMut(u32)) -> f64 {
    let (begun, mut done) = (Instant::now(), 0_u64);
    while begun.elapsed() < limit {
        (0..ROUND).for_each(&mut round);
        done += u64::from(ROUND);
    }
    done as f64 / begun.elapsed().as_secs_f64()
}

fn runs(limit: Duration) -> f64 {
    let mut state = State::default();
    state.advance(Time(0)).expect("time");
    for event in EVENTS {
        let event: Event = serde_json::from_str(event).expect("an event");
        state.apply(&event).expect("a fold");
    }
    let policy = merge(&[default_layer().expect("the defaults")]).expect("a policy");
    let (policy, walls) = (PolicyInForce::Sound(Box::new(policy)), Walls::all());
    let request = Request {
        agent: AgentId(0),
        spec: &state.agents[&AgentId(0)].spec,
        run: RunId(0),
        generation: Generation(1),
        walls: &walls,
    };
    rate(limit, |_| drop(black_box(judge(&policy, &state, black_box(&request)).expect("a permit"))))
}

/// Entries of a list, and what is asked: every second one is on it.
struct Asked {
    list: Vec<String>,
    keys: Vec<String>,
}

impl Asked {
    fn of(name: impl Fn(usize) -> String, ask: impl Fn(&str) -> String) -> Asked {
        let list: Vec<String> = (0..layer::LIST).map(&name).collect();
        let key =
            |at: usize| if at.is_multiple_of(2) { ask(&list[at]) } else { ask(&name(at + 10_000)) };
        let keys = (0..layer::LIST).map(key).collect();
        Asked { list, keys }
    }

    fn paths() -> Asked {
        Asked::of(|at| format!("services/part-{at}/secrets"), |path| format!("{path}/live/key.pem"))
    }

    fn hosts() -> Asked {
        Asked::of(|at| format!("api-{at}.example.org"), |host| format!("{host}:443"))
    }

    fn commands() -> Asked {
        Asked::of(|at| format!("command-{at}"), ToString::to_string)
    }

    fn key(&self, at: u32) -> &str {
        &self.keys[at as usize % self.keys.len()]
    }
}

fn attempts(limit: Duration) -> f64 {
    let (paths, hosts, commands) = (Asked::paths(), Asked::hosts(), Asked::commands());
    let forbidden = PathSet::new(paths.list.iter().cloned());
    let programs = NameSet::new(commands.list.iter().cloned());
    let rules = Rules {
        allowed: hosts.list.iter().cloned().collect(),
        requests_per_min: u32::MAX,
        ..Rules::default()
    };
    let mut meter = Meter::new(u32::MAX, 0);
    let mut now_ms = 0;
    rate(limit, |at| match at % 3 {
        0 => drop(black_box(forbidden.over(black_box(paths.key(at).as_bytes())))),
        1 => {
            now_ms += 1;
            let asked = host::authority(black_box(hosts.key(at).as_bytes()), None);
            drop(black_box(decide(&rules, &mut meter, now_ms, Way::Tls, asked)));
        }
        _ => drop(black_box(programs.has(black_box(commands.key(at).as_bytes())))),
    })
}

/// What is asked is looked up as it stands: no path's parents, no host's form.
fn lookups(limit: Duration) -> f64 {
    let all = [Asked::paths(), Asked::hosts(), Asked::commands()];
    let sets: Vec<HashSet<&str>> = all
        .iter()
        .map(|asked| asked.keys.iter().step_by(2).map(String::as_str).collect())
        .collect();
    rate(limit, |at| {
        let kind = at as usize % all.len();
        black_box(sets[kind].contains(black_box(all[kind].key(at))));
    })
}
