//! A world that does what the story says: agents act as told, the host feels as told.

use super::show;
use super::words;
use crate::nature::{Fate, Look, Nature, Plan};
use crate::zones::BundledZones;
use onboard_daemon::input::Exit;
use onboard_domain::lease::Mode;
use onboard_domain::state::Usage;
use onboard_domain::violation::{Rule, Sensor};
use onboard_domain::{
    AgentCall, AgentId, Batch, Effect, Evidence, EvidenceKind, Finding, Fingerprint, Severity,
    State, Time, Violation,
};
use onboard_scheduler::HostSample;
use std::collections::BTreeMap;

/// How an agent's runs go.
#[derive(Clone, Debug)]
struct Act {
    takes_ms: Option<i64>,
    exit: Exit,
    refused: bool,
    calls: Vec<AgentCall>,
    acks: bool,
    tries: Vec<Violation>,
}

impl Default for Act {
    fn default() -> Act {
        Act {
            takes_ms: Some(60_000),
            exit: Exit::Code { code: 0, last_words: String::new() },
            refused: false,
            calls: Vec::new(),
            acks: false,
            tries: Vec::new(),
        }
    }
}

/// The stage.
#[derive(Debug, Default)]
pub(super) struct Stage {
    acts: BTreeMap<AgentId, Act>,
    host: HostSample,
    /// What happened since it was last shown.
    lines: Vec<(Time, String)>,
}

impl Stage {
    /// From now on the agent's runs go so.
    pub fn set_act(&mut self, agent: AgentId, mut words: &[&str]) -> Result<(), String> {
        let mut act = Act::default();
        while let Some((word, rest)) = words.split_first() {
            words = rest;
            let mut argument = || -> Result<&str, String> {
                let (first, rest) = words.split_first().ok_or("a word is missing")?;
                words = rest;
                Ok(first)
            };
            match *word {
                "succeeds" => {}
                "fails" => act.exit = code(1, "it did not work"),
                "crashes" => {
                    act.exit = Exit::Signal { signal: 11, last_words: String::new() };
                }
                "hangs" => act.takes_ms = None,
                "idles" => act
                    .calls
                    .push(AgentCall::Finish { nothing_to_report: true, summary: String::new() }),
                "refused" => act.refused = true,
                "takes" => act.takes_ms = Some(words::length(argument()?)?),
                "finds" => {
                    let count = argument()?.parse().map_err(|_| "not a number".to_owned())?;
                    act.calls.extend((0..count).map(finding));
                }
                "emits" => act
                    .calls
                    .push(AgentCall::EmitEvent { kind: argument()?.into(), data: String::new() }),
                "writes" => act.calls.push(AgentCall::SendMessage {
                    to: argument()?.into(),
                    body: "please look".into(),
                }),
                "acks" => {
                    act.calls.push(AgentCall::ReadInbox { limit: 100 });
                    act.acks = true;
                }
                "reads" => act.calls.push(AgentCall::ReadInbox { limit: 100 }),
                "tries" => {
                    let (rule, count) = (rule(argument()?)?, argument()?);
                    let count: u32 = count.parse().map_err(|_| "not a number".to_owned())?;
                    act.tries.extend((0..count).map(|at| attempt(rule, at)));
                }
                "repeats" => {
                    let (rule, times) = (rule(argument()?)?, argument()?);
                    let times = times.parse().map_err(|_| "not a number".to_owned())?;
                    act.tries.push(attempt(rule, 0).times(times));
                }
                "asks" => act.calls.push(AgentCall::AskPerson { text: argument()?.into() }),
                "requests" => act.calls.push(AgentCall::RequestApproval {
                    action: argument()?.into(),
                    what: "publish 1.2.0".into(),
                    reason: "it is tested".into(),
                    expires_ms: words::length(argument()?)?,
                }),
                "leases" => act.calls.push(AgentCall::TakeLease {
                    name: argument()?.into(),
                    ttl_ms: 600_000,
                    mode: Mode::Exclusive,
                    wait_ms: 0,
                    tell: false,
                }),
                _ => return Err(format!("no agent does `{word}`")),
            }
        }
        self.acts.insert(agent, act);
        Ok(())
    }

    /// From now on the host feels so.
    pub fn set_host(&mut self, weather: &str) -> Result<(), String> {
        self.host = HostSample {
            psi_cpu_some10: Some(if weather == "pressed" { 90.0 } else { 0.0 }),
            psi_memory_some10: Some(if weather == "severe" { 80.0 } else { 0.0 }),
            on_battery: Some(weather == "battery"),
            ..HostSample::default()
        };
        match weather {
            "calm" | "pressed" | "severe" | "battery" => Ok(()),
            _ => Err("the host is calm, pressed, severe or battery".into()),
        }
    }

    /// What happened since the last call, a line each.
    pub fn take_lines(&mut self, zones: &BundledZones) -> Vec<String> {
        let lines = std::mem::take(&mut self.lines);
        lines.into_iter().map(|(at, line)| format!("{}  {line}", words::local(at, zones))).collect()
    }
}

fn code(code: i32, last_words: &str) -> Exit {
    Exit::Code { code, last_words: last_words.into() }
}

fn rule(word: &str) -> Result<Rule, String> {
    let known = Rule::ALL.iter().find(|rule| rule.word() == word);
    known.copied().ok_or_else(|| format!("`{word}` is no rule"))
}

/// One of several different things that are tried.
fn attempt(rule: Rule, number: u32) -> Violation {
    Violation::new(Sensor::Notifier, rule, "tries", format!("thing-{number}").as_bytes())
}

fn finding(number: u32) -> AgentCall {
    AgentCall::RecordFinding(Finding {
        rule: "story/rule".into(),
        severity: Severity::Medium,
        title: format!("finding {number}"),
        detail: String::new(),
        evidence: vec![Evidence {
            kind: EvidenceKind::Number,
            text: "so many".into(),
            path: None,
            line: None,
            oid: None,
            value: Some(1.0),
        }],
        action: "Look.".into(),
        target: String::new(),
        fingerprint: Fingerprint(format!("story-{number}")),
        forecast: None,
        worded: None,
    })
}

impl Nature for Stage {
    /// A story is told from outside.
    type Deed = std::convert::Infallible;

    fn plan(&mut self, _now: Time, look: Look<'_>) -> Plan {
        let act = self.acts.get(&look.agent_id).cloned().unwrap_or_default();
        let takes_ms = act.takes_ms.unwrap_or(60_000);
        Plan {
            refused: act
                .refused
                .then(|| ("sandbox.landlock".into(), "this host can't keep its walls".into())),
            start_ms: 0,
            life_ms: act.takes_ms,
            exit: act.exit,
            usage: Usage {
                cpu_ms: takes_ms.unsigned_abs() / 20,
                memory_peak_bytes: 50 << 20,
                throttled_ms: 0,
            },
            term_ms: act.takes_ms.map(|_| 500),
            kill_ms: 1_000,
            calls_at_ms: takes_ms / 2,
            calls: act.calls,
            acks: act.acks,
            tries: act.tries,
        }
    }

    fn host(&mut self, now: Time) -> HostSample {
        HostSample { at: now, cores: 8, ..self.host.clone() }
    }

    fn fate(&mut self, _effect: &Effect) -> Fate {
        Fate::Once
    }

    fn durable(&mut self, batch: &Batch, state: &State) {
        for event in &batch.events {
            if let Some(line) = show::event(event, state) {
                self.lines.push((batch.time, line));
            }
        }
    }
}
