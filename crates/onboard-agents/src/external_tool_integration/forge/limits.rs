//! How much a forge allows, as its answers say, and what it says for people. Pure.

use onboard_validation::secrets;

use super::moment;
use crate::host::Answer;

/// The longest wait that is believed: limits are by the hour, and a clock may be wrong.
const LONGEST_MS: i64 = 86_400_000;
/// The wait where a forge says that it was too much, and not for how long; twice as long each time, up
/// to an hour. GitHub's documentation of its secondary limits asks for that.
const UNSAID_MS: i64 = 60_000;
/// Letters of what a forge says that are kept.
const WORDS: usize = 200;
/// Bytes of a body in which its words are looked for.
const LOOKED: usize = 4_096;

/// Until when nothing may be asked, because this answer used up what there was.
pub fn used_up(answer: &Answer, now_ms: i64) -> Option<i64> {
    let field = |name: &str| {
        answer
            .field(&format!("x-ratelimit-{name}"))
            .or_else(|| answer.field(&format!("ratelimit-{name}")))
    };
    if number(field("remaining")?)? > 0 {
        return None;
    }
    let reset_ms = number(field("reset")?)?.checked_mul(1_000)?;
    // By the forge's clock, which need not be ours.
    let theirs_ms = answer.field("date").and_then(moment::read_field).unwrap_or(now_ms);
    let wait_ms = (reset_ms - theirs_ms).clamp(0, LONGEST_MS);
    Some(now_ms + wait_ms + 1_000)
}

/// Whether a refusal is about how much is asked, and not about what.
pub fn is_too_much(answer: &Answer) -> bool {
    answer.status == 429
        || answer.field("retry-after").is_some()
        || used_up(answer, 0).is_some()
        || text(answer).to_ascii_lowercase().contains("rate limit")
}

/// Until when nothing may be asked after such a refusal, where it says so.
pub fn said_wait(answer: &Answer, now_ms: i64) -> Option<i64> {
    let said = answer.field("retry-after").and_then(|text| match number(text) {
        Some(seconds) => seconds.checked_mul(1_000),
        None => {
            let theirs_ms = answer.field("date").and_then(moment::read_field).unwrap_or(now_ms);
            moment::read_field(text).map(|at_ms| at_ms - theirs_ms)
        }
    });
    let wait_ms = said.or_else(|| Some(used_up(answer, now_ms)? - now_ms))?;
    Some(now_ms + wait_ms.clamp(1_000, LONGEST_MS))
}

/// The same where it does not; `before` came in a row that did not.
pub fn unsaid_wait(now_ms: i64, before: u32) -> i64 {
    now_ms + (UNSAID_MS << before.min(6)).min(3_600_000)
}

/// What a refusal or failure says for people.
pub fn words(answer: &Answer) -> String {
    let text = text(answer);
    let said = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|value| {
        let said = value.get("message").or_else(|| value.get("error"))?;
        said.as_str().map(str::to_owned)
    });
    let said = said.unwrap_or_else(|| text.lines().next().unwrap_or_default().to_owned());
    let is_page = said.trim_start().starts_with('<');
    match said.trim() {
        said if !said.is_empty() && !is_page => format!("{}: {said}", answer.status),
        _ => answer.status.to_string(),
    }
}

/// As it may be kept: one line, not long, without secrets.
pub fn clean(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|letter| !letter.is_control()).take(WORDS).collect();
    secrets::redact(&line).map_or(line, |(clean, _)| clean)
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body[..answer.body.len().min(LOOKED)]).into_owned()
}

fn number(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|number| *number >= 0)
}
