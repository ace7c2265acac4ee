//! The council and approvals, decision by decision.

mod agents;
mod answers;
mod approvals;
mod limits;
mod policies;
mod votes;

use crate::stage::Stage;
use expect_test::Expect;
use onboard_policy::{Council, parse_council};

/// An agent that a project defines itself.
const OWN: &str = r#"{"program":{"command":{"argv":["sh"],"folder":"/f"}},"hash":"h1"}"#;

const CHANGED: &str = r#"{"program":{"command":{"argv":["sh"],"folder":"/f"}},"hash":"h2"}"#;

/// Two people, a seat each, and both have to agree.
fn of_two() -> Council {
    let text = "council:
  seats:
    user_representative: [ada]
    system_administrator: [0]
  decisions:
    deploy_agent: { quorum: 2 }
    lift_quarantine: { quorum: 2 }
    lift_emergency: { quorum: 2 }
    close_incident: { quorum: 2 }
    apply_proposal: { quorum: 2 }
    agent_action: { quorum: 1 }
    change_policy: { quorum: 1 }
";
    parse_council(text, "council.yaml").expect("a council")
}

#[track_caller]
fn check_with(council: Council, script: &str, expect: Expect) -> Stage {
    let mut stage = Stage::new();
    stage.council = council;
    stage.perform(script);
    expect.assert_eq(&stage.told);
    stage
}

fn ask(run: &str, what: &str) -> String {
    format!(
        r#"call {run} {{"request_approval":{{"action":"release.publish","what":"{what}","reason":"it is done","expires_ms":3600000}}}}"#
    )
}

/// An agent on a schedule whose run asks, and what follows.
fn asked(rest: &str) -> String {
    let ask = ask("r0", "publish 1.2.0");
    format!("agent alpha = hourly\n register\n began\n start alpha\n launched r0\n {ask}\n {rest}")
}
