//! From a tool's JSON arguments to a call that is inside every bound.

use crate::host::{HostCall, Level};
use crate::tool::Tool;
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use onboard_domain::council::bounds as council;
use onboard_domain::finding::bounds as finding;
use onboard_domain::forecast::{self, Decider, Estimate};
use onboard_domain::incident::bounds as incident;
use onboard_domain::lease::{self, Mode};
use onboard_domain::proposal::bounds as proposal;
use onboard_domain::state::bounds;
use onboard_domain::{
    AgentCall, AgentName, CallRefusal, Evidence, EvidenceKind, Finding, Fingerprint, Forecast,
    MessageId, Severity, Time, Under, Urgency, Worded,
};
use serde_json::{Map, Value};
use sha2::Digest;

/// Bytes of a progress note: one line on a screen.
pub const NOTE: usize = 500;
/// Bytes of a log line; longer ones are for files that people read, not for a log.
pub const LOG_LINE: usize = 4_096;
/// Bytes of a run's summary: a paragraph.
pub const SUMMARY: usize = 2_000;
/// Bytes of a patch: a person reads it before it is accepted.
pub const PATCH: usize = 256 * 1024;
/// Messages read at once.
pub const INBOX_READ: u64 = 100;
/// Shortest and longest lease in milliseconds: below a second a renewal can't keep up; beyond an
/// hour a crashed holder blocks others for longer than anybody waits.
pub const LEASE_MS: (i64, i64) = (1_000, 3_600_000);
/// Most steps that progress can count.
const STEPS: u64 = 1_000_000_000_000;
/// Largest whole number that every JSON reader keeps exactly.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Shortest and longest time that people are given for an approval, and what they have where nothing
/// is said: a week is a holiday, a day has an evening and a morning.
pub const APPROVAL_MS: (i64, i64) = (1_000, 7 * 24 * 3_600_000);
pub const APPROVAL_DEFAULT_MS: i64 = 24 * 3_600_000;

const SEVERITIES: [(&str, Severity); 5] = [
    ("info", Severity::Info),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("critical", Severity::Critical),
];
const EVIDENCE: [(&str, EvidenceKind); 5] = [
    ("file", EvidenceKind::File),
    ("commit", EvidenceKind::Commit),
    ("number", EvidenceKind::Number),
    ("branch", EvidenceKind::Branch),
    ("tag", EvidenceKind::Tag),
];
pub(crate) const LEVELS: [(&str, Level); 4] = [
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("warn", Level::Warn),
    ("error", Level::Error),
];

const MODES: [(&str, Mode); 2] = [("exclusive", Mode::Exclusive), ("shared", Mode::Shared)];

/// Reads the arguments of a tool.
///
/// # Errors
/// `invalid` for a missing, unknown or wrongly typed argument, `bounds` for one that is too large
/// or of a form that is not allowed; the message names it.
pub fn read(tool: Tool, arguments: Map<String, Value>) -> Result<HostCall, CallRefusal> {
    let mut args = Arguments { path: "", rest: arguments };
    let call = match tool {
        Tool::GetTask => HostCall::GetTask,
        Tool::GetMachine => HostCall::GetMachine,
        Tool::Heartbeat => HostCall::Heartbeat,
        Tool::ReportProgress => progress(&mut args)?,
        Tool::RecordFinding => HostCall::Agent(AgentCall::RecordFinding(read_finding(&mut args)?)),
        Tool::SettleForecast => HostCall::Agent(settle_forecast(&mut args)?),
        Tool::ResolveFinding => {
            let fingerprint = told_before(&mut args)?;
            let commit = args.required("commit", Arguments::line, 7..=finding::FINGERPRINT)?;
            if !is_hexadecimal(&commit) {
                return Err(CallRefusal::new("bounds", "`commit` is made of 0-9 and a-f"));
            }
            HostCall::Agent(AgentCall::ResolveFinding { fingerprint, commit })
        }
        Tool::EmitEvent => HostCall::Agent(event(&mut args)?),
        Tool::SendMessage => HostCall::Agent(message(&mut args)?),
        Tool::ReadInbox => {
            let limit = args.integer("limit", 1..=INBOX_READ)?.unwrap_or(20);
            HostCall::Agent(AgentCall::ReadInbox { limit: u32::try_from(limit).unwrap_or(20) })
        }
        Tool::AckMessage => HostCall::Agent(AgentCall::AckMessage { id: message_id(&mut args)? }),
        Tool::GetState => HostCall::Agent(AgentCall::GetState { key: args.key("key")? }),
        Tool::PutState => HostCall::Agent(put_state(&mut args)?),
        Tool::TakeLease => HostCall::Agent(take_lease(&mut args)?),
        Tool::ReleaseLease => HostCall::Agent(AgentCall::ReleaseLease { name: args.key("name")? }),
        Tool::SaveCheckpoint => {
            let name = checkpoint_name(&mut args)?;
            let content = checkpoint_content(&mut args)?;
            HostCall::SaveCheckpoint { name, content, under: under(&mut args)? }
        }
        Tool::ProposeChange => HostCall::ProposeChange {
            title: args.required("title", Arguments::line, 1..=proposal::TITLE)?,
            reason: args.required("reason", Arguments::text, 1..=proposal::REASON)?,
            patch: args.required("patch", Arguments::text, 1..=PATCH)?,
            evidence: evidence(&mut args)?,
            under: under(&mut args)?,
        },
        Tool::LoadCheckpoint => HostCall::LoadCheckpoint { name: checkpoint_name(&mut args)? },
        Tool::AskPerson => HostCall::Agent(AgentCall::AskPerson {
            text: args.required("text", Arguments::text, 1..=incident::TEXT)?,
        }),
        Tool::RequestApproval => HostCall::Agent(request_approval(&mut args)?),
        Tool::Log => {
            let text = args.required("text", Arguments::text, 1..=LOG_LINE)?;
            let level = args.one_of("level", &LEVELS)?.unwrap_or(Level::Info);
            HostCall::Log { level, text }
        }
        Tool::Finish => HostCall::Agent(AgentCall::Finish {
            nothing_to_report: args.boolean("nothing_to_report")?.unwrap_or(false),
            summary: args.text("summary", 0..=SUMMARY)?.unwrap_or_default(),
        }),
    };
    args.nothing_else()?;
    Ok(call)
}

/// What makes findings of one rule about one target the same: SHA-256 of both, hexadecimal.
pub fn fingerprint(rule: &str, target: &str) -> Fingerprint {
    let mut hash = sha2::Sha256::new();
    hash.update(rule.as_bytes());
    hash.update([0]);
    hash.update(target.as_bytes());
    Fingerprint(hash.finalize().iter().map(|byte| alloc::format!("{byte:02x}")).collect())
}

/// Whether a text is a topic or event kind: lower-case words joined by dots.
pub fn is_topic(text: &str) -> bool {
    text.len() <= bounds::KEY
        && text.split('.').all(|word| {
            !word.is_empty() && word.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'))
        })
}

fn progress(args: &mut Arguments) -> Result<HostCall, CallRefusal> {
    let done = args.required("done", Arguments::integer, 0..=STEPS)?;
    let total = args.integer("total", 1..=STEPS)?;
    if total.is_some_and(|total| done > total) {
        return Err(CallRefusal::new("invalid", "`done` is more than `total`"));
    }
    let note = args.text("note", 0..=NOTE)?.unwrap_or_default();
    Ok(HostCall::Progress { done, total, note })
}

fn read_finding(args: &mut Arguments) -> Result<Finding, CallRefusal> {
    let rule = args.required("rule", Arguments::line, 1..=finding::RULE)?;
    let rule = rule_name(rule)?;
    let target = args.line("target", 0..=finding::TARGET)?.unwrap_or_default();
    let given = given_fingerprint(args)?;
    Ok(Finding {
        severity: args.one_of("severity", &SEVERITIES)?.unwrap_or_default(),
        title: args.required("title", Arguments::line, 1..=finding::TITLE)?,
        detail: args.text("detail", 0..=finding::DETAIL)?.unwrap_or_default(),
        evidence: evidence(args)?,
        action: args.text("action", 0..=finding::ACTION)?.unwrap_or_default(),
        fingerprint: given.unwrap_or_else(|| fingerprint(&rule, &target)),
        forecast: read_forecast(args)?.map(Box::new),
        worded: read_worded(args)?.map(Box::new),
        rule,
        target,
    })
}

fn rule_name(rule: String) -> Result<String, CallRefusal> {
    let form = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '.' | '_' | '/' | '-');
    if !rule.chars().all(form) || !rule.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        let message = "`rule` is made of a-z, 0-9, `.`, `_`, `-` and `/`, such as `todo/growth`";
        return Err(CallRefusal::new("bounds", message));
    }
    Ok(rule)
}

fn is_hexadecimal(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
}

fn given_fingerprint(args: &mut Arguments) -> Result<Option<Fingerprint>, CallRefusal> {
    let given = args.text("fingerprint", 8..=finding::FINGERPRINT)?;
    if given.as_ref().is_some_and(|given| !is_hexadecimal(given)) {
        return Err(CallRefusal::new("bounds", "`fingerprint` is made of 0-9 and a-f"));
    }
    Ok(given.map(Fingerprint))
}

/// Which finding: by its fingerprint, or by rule and target as it was told with.
fn told_before(args: &mut Arguments) -> Result<Fingerprint, CallRefusal> {
    let rule = args.line("rule", 1..=finding::RULE)?.map(rule_name).transpose()?;
    let target = args.line("target", 0..=finding::TARGET)?.unwrap_or_default();
    match (given_fingerprint(args)?, rule) {
        (Some(given), _) => Ok(given),
        (None, Some(rule)) => Ok(fingerprint(&rule, &target)),
        (None, None) => Err(CallRefusal::new("invalid", "`fingerprint`, or `rule`, is missing")),
    }
}

const DECIDERS: [(&str, Decider); 2] = [("agent", Decider::Agent), ("standing", Decider::Standing)];

/// An object among the arguments.
fn object(
    args: &mut Arguments,
    name: &str,
    path: &'static str,
) -> Result<Option<Arguments>, CallRefusal> {
    match args.rest.remove(name) {
        None => Ok(None),
        Some(Value::Object(rest)) => Ok(Some(Arguments { path, rest })),
        Some(_) => Err(args.invalid(name, "an object")),
    }
}

const URGENCIES: [(&str, Urgency); 3] =
    [("later", Urgency::Later), ("soon", Urgency::Soon), ("now", Urgency::Now)];

/// What a language model made of it; whether its words hold is for who keeps it.
fn read_worded(args: &mut Arguments) -> Result<Option<Worded>, CallRefusal> {
    let Some(mut args) = object(args, "worded", "worded.")? else { return Ok(None) };
    let worded = Worded {
        model: args.required("model", Arguments::line, 1..=finding::MODEL)?,
        urgency: args.one_of("urgency", &URGENCIES)?,
        title: args.line("title", 1..=finding::TITLE)?,
        detail: args.text("detail", 1..=finding::WORDED)?,
        refused: args.line("refused", 1..=finding::REFUSED)?,
    };
    args.nothing_else()?;
    Ok(Some(worded))
}

/// What a finding expects; whether its time is one that anybody waits for is for who has a clock.
fn read_forecast(args: &mut Arguments) -> Result<Option<Forecast>, CallRefusal> {
    let Some(mut args) = object(args, "forecast", "forecast.")? else { return Ok(None) };
    let estimate = object(&mut args, "estimate", "forecast.estimate.")?;
    let mut estimate = estimate.ok_or_else(|| args.missing("estimate"))?;
    let chance = estimate.number("chance")?;
    let interval = object(&mut estimate, "interval", "forecast.estimate.interval.")?;
    estimate.nothing_else()?;
    let estimate = match (chance, interval) {
        (Some(chance), None) if (0.0..=1.0).contains(&chance) => Estimate::Chance(chance),
        (Some(_), None) => {
            return Err(CallRefusal::new("bounds", "`forecast.estimate.chance` is from 0 to 1"));
        }
        (None, Some(mut interval)) => {
            let mut end = |name: &str| interval.number(name)?.ok_or_else(|| interval.missing(name));
            let (low, high, share) = (end("low")?, end("high")?, end("share")?);
            interval.nothing_else()?;
            Estimate::Interval { low, high, share }
        }
        _ => {
            let message = "`forecast.estimate` has either a `chance` or an `interval`";
            return Err(CallRefusal::new("invalid", message));
        }
    };
    let resolve_by = args.required("resolve_by", Arguments::integer, 0..=SAFE_INTEGER)?;
    let forecast = Forecast {
        expects: args.required("expects", Arguments::line, 1..=forecast::bounds::EXPECTS)?,
        estimate,
        resolve_by: Time(i64::try_from(resolve_by).unwrap_or(i64::MAX)),
        decided_by: args.one_of("decided_by", &DECIDERS)?.unwrap_or_default(),
    };
    args.nothing_else()?;
    Ok(Some(forecast))
}

/// What came of it; the host alone says `expired`.
#[derive(Clone, Copy)]
enum Said {
    Came,
    DidNotCome,
    Amount,
    Void,
}

const OUTCOMES: [(&str, Said); 4] = [
    ("came", Said::Came),
    ("did_not_come", Said::DidNotCome),
    ("amount", Said::Amount),
    ("void", Said::Void),
];

fn settle_forecast(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    let fingerprint = told_before(args)?;
    let said = args.one_of("outcome", &OUTCOMES)?.ok_or_else(|| args.missing("outcome"))?;
    let value = args.number("value")?;
    let outcome = match said {
        Said::Came => forecast::Outcome::Came { at: value.map(|ms| Time(ms as i64)) },
        Said::DidNotCome => forecast::Outcome::DidNotCome,
        Said::Amount => forecast::Outcome::Amount(value.ok_or_else(|| args.missing("value"))?),
        Said::Void => forecast::Outcome::Void,
    };
    Ok(AgentCall::SettleForecast { fingerprint, outcome })
}

fn evidence(args: &mut Arguments) -> Result<Vec<Evidence>, CallRefusal> {
    let items = match args.rest.remove("evidence") {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return Err(args.invalid("evidence", "a list")),
    };
    if items.len() > finding::EVIDENCE {
        let message = alloc::format!("`evidence` has at most {} items", finding::EVIDENCE);
        return Err(CallRefusal::new("bounds", message));
    }
    items.into_iter().map(one_evidence).collect()
}

fn one_evidence(item: Value) -> Result<Evidence, CallRefusal> {
    let Value::Object(rest) = item else {
        return Err(CallRefusal::new("invalid", "`evidence` has an item that is no object"));
    };
    let mut args = Arguments { path: "evidence.", rest };
    let kind = args.one_of("kind", &EVIDENCE)?.ok_or_else(|| args.missing("kind"))?;
    let line = args.integer("line", 1..=u64::from(u32::MAX))?;
    let evidence = Evidence {
        kind,
        text: args.required("text", Arguments::line, 1..=finding::EVIDENCE_TEXT)?,
        path: args.line("path", 1..=finding::TARGET)?,
        line: line.and_then(|line| u32::try_from(line).ok()),
        oid: args.line("oid", 1..=finding::FINGERPRINT)?,
        value: args.number("value")?,
    };
    args.nothing_else()?;
    Ok(evidence)
}

fn event(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    let kind = args.key("kind")?;
    if !is_topic(&kind) {
        let message = "`kind` is lower-case words joined by dots, such as `project.task.started`";
        return Err(CallRefusal::new("bounds", message));
    }
    let data = args.json("data")?.unwrap_or_else(|| "{}".into());
    Ok(AgentCall::EmitEvent { kind, data })
}

fn request_approval(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    let action = args.required("action", Arguments::line, 1..=council::ACTION)?;
    if !is_topic(&action) {
        let message = "`action` is lower-case words joined by dots, such as `release.publish`";
        return Err(CallRefusal::new("bounds", message));
    }
    let range = APPROVAL_MS.0.unsigned_abs()..=APPROVAL_MS.1.unsigned_abs();
    let expires = args.integer("expires_ms", range)?.and_then(|ms| i64::try_from(ms).ok());
    Ok(AgentCall::RequestApproval {
        action,
        what: args.required("what", Arguments::text, 1..=council::WHAT)?,
        reason: args.required("reason", Arguments::text, 1..=council::REASON)?,
        expires_ms: expires.unwrap_or(APPROVAL_DEFAULT_MS),
    })
}

fn message(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    let to = args.required("to", Arguments::text, 1..=AgentName::LEN_MAX)?;
    AgentName::new(&to).map_err(|why| CallRefusal::new("bounds", why))?;
    let body = args.required("body", Arguments::text, 1..=bounds::PAYLOAD)?;
    Ok(AgentCall::SendMessage { to, body })
}

fn message_id(args: &mut Arguments) -> Result<MessageId, CallRefusal> {
    let text = args.required("id", Arguments::text, 1..=21)?;
    text.parse().map_err(|()| args.invalid("id", "a message's id, such as `m12`"))
}

fn put_state(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    Ok(AgentCall::PutState {
        key: args.key("key")?,
        value: args.json("value")?.ok_or_else(|| args.missing("value"))?,
        expect: args.integer("expect", 0..=SAFE_INTEGER)?,
        under: under(args)?,
    })
}

/// The lease that a write relies on.
fn under(args: &mut Arguments) -> Result<Option<Under>, CallRefusal> {
    let rest = match args.rest.remove("under") {
        None => return Ok(None),
        Some(Value::Object(rest)) => rest,
        Some(_) => return Err(args.invalid("under", "an object with `name` and `token`")),
    };
    let mut args = Arguments { path: "under.", rest };
    let name = args.key("name")?;
    let token = args.required("token", Arguments::integer, 0..=SAFE_INTEGER)?;
    args.nothing_else()?;
    Ok(Some(Under { name, token }))
}

fn take_lease(args: &mut Arguments) -> Result<AgentCall, CallRefusal> {
    let name = args.key("name")?;
    let range = LEASE_MS.0.unsigned_abs()..=LEASE_MS.1.unsigned_abs();
    let ttl = args.required("ttl_ms", Arguments::integer, range)?;
    let mode = args.one_of("mode", &MODES)?.unwrap_or_default();
    let wait = args.integer("wait_ms", 0..=lease::WAIT_MAX_MS.unsigned_abs())?.unwrap_or(0);
    Ok(AgentCall::TakeLease {
        name,
        ttl_ms: i64::try_from(ttl).unwrap_or(LEASE_MS.1),
        mode,
        wait_ms: i64::try_from(wait).unwrap_or(0),
        tell: args.boolean("tell")?.unwrap_or(false),
    })
}

/// A name that can be a file's: the host may keep it as one.
fn checkpoint_name(args: &mut Arguments) -> Result<String, CallRefusal> {
    let name = args.key("name")?;
    let form = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.starts_with('.') || !name.chars().all(form) {
        let message = "`name` is made of letters, digits, `.`, `_` and `-`, and starts without `.`";
        return Err(CallRefusal::new("bounds", message));
    }
    Ok(name)
}

/// Whether a checkpoint's content is base64.
const ENCODINGS: [(&str, bool); 2] = [("text", false), ("base64", true)];

/// Text as it is, or any bytes as base64.
fn checkpoint_content(args: &mut Arguments) -> Result<Vec<u8>, CallRefusal> {
    let most = usize::try_from(bounds::CHECKPOINT_BYTES).unwrap_or(usize::MAX);
    let content = args.required("content", Arguments::text, 0..=most)?;
    if !args.one_of("encoding", &ENCODINGS)?.unwrap_or(false) {
        return Ok(content.into_bytes());
    }
    BASE64_STANDARD.decode(content).map_err(|error| {
        CallRefusal::new("bounds", alloc::format!("`content` is no base64 with padding: {error}"))
    })
}

/// Arguments that are taken out one by one; what is left at the end is unknown.
struct Arguments {
    /// What stands before a name in messages.
    path: &'static str,
    rest: Map<String, Value>,
}

type Range<T> = core::ops::RangeInclusive<T>;

impl Arguments {
    fn required<T, R>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Arguments, &str, R) -> Result<Option<T>, CallRefusal>,
        range: R,
    ) -> Result<T, CallRefusal> {
        read(self, name, range)?.ok_or_else(|| self.missing(name))
    }

    fn text(&mut self, name: &str, len: Range<usize>) -> Result<Option<String>, CallRefusal> {
        match self.rest.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if len.contains(&text.len()) => Ok(Some(text)),
            Some(Value::String(text)) => Err(CallRefusal::new(
                "bounds",
                alloc::format!(
                    "`{}{name}` has {} bytes, allowed are {} to {}",
                    self.path,
                    text.len(),
                    len.start(),
                    len.end()
                ),
            )),
            Some(_) => Err(self.invalid(name, "a text")),
        }
    }

    /// A text that is shown on one line.
    fn line(&mut self, name: &str, len: Range<usize>) -> Result<Option<String>, CallRefusal> {
        let text = self.text(name, len)?;
        if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            let message =
                alloc::format!("`{}{name}` is one line, without control characters", self.path);
            return Err(CallRefusal::new("bounds", message));
        }
        Ok(text)
    }

    /// A key, a lease's name, a topic: one line of at most 128 bytes.
    fn key(&mut self, name: &str) -> Result<String, CallRefusal> {
        self.required(name, Arguments::line, 1..=bounds::KEY)
    }

    fn integer(&mut self, name: &str, range: Range<u64>) -> Result<Option<u64>, CallRefusal> {
        let Some(value) = self.rest.remove(name) else { return Ok(None) };
        match value.as_u64() {
            Some(number) if range.contains(&number) => Ok(Some(number)),
            Some(number) => Err(CallRefusal::new(
                "bounds",
                alloc::format!(
                    "`{}{name}` is {number}, allowed are {} to {}",
                    self.path,
                    range.start(),
                    range.end()
                ),
            )),
            None => Err(self.invalid(name, "a whole number, not negative")),
        }
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, CallRefusal> {
        let Some(value) = self.rest.remove(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.invalid(name, "a number")),
        }
    }

    fn boolean(&mut self, name: &str) -> Result<Option<bool>, CallRefusal> {
        match self.rest.remove(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.invalid(name, "true or false")),
        }
    }

    fn one_of<T: Copy>(
        &mut self,
        name: &str,
        table: &[(&str, T)],
    ) -> Result<Option<T>, CallRefusal> {
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        let wanted = alloc::format!("one of {}", onboard_text::item::join(&words));
        match self.rest.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => match table.iter().find(|(word, _)| *word == text) {
                Some((_, value)) => Ok(Some(*value)),
                None => Err(self.invalid(name, &wanted)),
            },
            Some(_) => Err(self.invalid(name, &wanted)),
        }
    }

    /// Any JSON, as text.
    fn json(&mut self, name: &str) -> Result<Option<String>, CallRefusal> {
        let Some(value) = self.rest.remove(name) else { return Ok(None) };
        let text = value.to_string();
        if text.len() > bounds::PAYLOAD {
            let message = alloc::format!(
                "`{name}` has {} bytes as text, allowed are {}",
                text.len(),
                bounds::PAYLOAD
            );
            return Err(CallRefusal::new("bounds", message));
        }
        Ok(Some(text))
    }

    fn missing(&self, name: &str) -> CallRefusal {
        CallRefusal::new("invalid", alloc::format!("`{}{name}` is missing", self.path))
    }

    fn invalid(&self, name: &str, wanted: &str) -> CallRefusal {
        CallRefusal::new("invalid", alloc::format!("`{}{name}` wants {wanted}", self.path))
    }

    fn nothing_else(&self) -> Result<(), CallRefusal> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(name) => {
                let name: String = name.chars().take(40).collect();
                let message = alloc::format!("`{}{name}` is not known here", self.path);
                Err(CallRefusal::new("invalid", message))
            }
        }
    }
}
