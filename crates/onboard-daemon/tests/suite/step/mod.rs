//! `step`, as scripts: what each input decides.

mod calls;
mod commands;
mod findings;
mod forecasts;
mod halts;
mod leases;
mod runs;

use crate::stage::Stage;
use onboard_daemon::input::Input;
use onboard_domain::{AgentCall, Generation, RunId};

/// One agent that runs when asked, its run going.
const RUNNING: &str = "
    agent alpha = manual
    register
    began
    run alpha
    launched r0
";

/// Two agents of one project, both running.
const TWO_RUNNING: &str = "
    agent alpha = manual
    agent beta = manual
    register
    began
    run alpha
    & run beta
    launched r0
    & launched r1
";

/// What a run's calls say after `count` of them, from the last.
fn after(count: usize, call: impl Fn(usize) -> AgentCall) -> String {
    let mut stage = Stage::play(TWO_RUNNING);
    for index in 0..count {
        stage.told.clear();
        let (run, generation) = (RunId(0), Generation(1));
        stage.turn(vec![Input::Call { token: 1, run, generation, call: call(index) }]);
    }
    stage.told.lines().last().unwrap_or_default().trim().into()
}

fn call(value: serde_json::Value) -> AgentCall {
    serde_json::from_value(value).expect("a call")
}
