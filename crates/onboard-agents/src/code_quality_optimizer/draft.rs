//! A drafted split of the function that the most worthwhile finding names: asked of the user's language
//! model, held against what the code itself measures, and proposed to people only where it holds.
//!
//! Nothing is asked where no model is configured, and nothing twice of the same content: what was asked
//! is noted before it is.

mod judge;
mod patch;
mod prompt;

use std::collections::BTreeMap;

use onboard_analysis::code::{Function, MOST_BYTES};
use onboard_domain::EvidenceKind;
use onboard_validation::secrets;
use serde::{Deserialize, Serialize};

use self::judge::{Draft, Dropped};
use super::decide::HOTSPOT;
use crate::checkpoint;
use crate::facts::ProjectFacts;
use crate::git::Repository;
use crate::host::{AgentError, Change, Evidence, Finding, Host, Level, Standing};
use crate::language_model::{self, NoAnswer};

/// Where it is kept what was asked.
const ASKED: &str = "drafts";
/// Questions remembered, the oldest forgotten: one a day for a year.
const MOST_ASKED: usize = 400;
/// Times that one is tried whose model did not answer.
const MOST_TRIES: u32 = 3;
/// Findings that are looked at for one that was not asked about; one question a run.
const MOST_LOOKED_AT: usize = 3;
/// Bytes of a function that is sent: a longer one is no work for one patch.
const MOST_FUNCTION_BYTES: usize = 16 * 1024;

/// What was asked, by blob and rule.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    questions: BTreeMap<String, Try>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Try {
    at_ms: i64,
    tries: u32,
    /// An answer came, whatever came of it.
    answered: bool,
    outcome: String,
}

impl Asked {
    fn is_open(&self, key: &str) -> bool {
        self.questions.get(key).is_none_or(|one| !one.answered && one.tries < MOST_TRIES)
    }

    fn begin(&mut self, key: &str, now_ms: i64) {
        let one = self.questions.entry(key.to_owned()).or_default();
        (one.at_ms, one.tries) = (now_ms, one.tries + 1);
        while self.questions.len() > MOST_ASKED {
            let oldest = self.questions.iter().min_by_key(|(_, one)| one.at_ms);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.questions.remove(&oldest);
        }
    }

    fn end(&mut self, key: &str, answered: bool, outcome: &str) {
        if let Some(one) = self.questions.get_mut(key) {
            one.answered |= answered;
            one.outcome = outcome.to_owned();
        }
    }
}

/// The function to split, and the file around it as it is at HEAD.
struct Subject<'a> {
    path: &'a str,
    function: &'a Function,
    source: String,
}

/// Drafts a change for the most worthwhile finding that people were told, did not dismiss, and that was
/// not asked about yet.
///
/// # Errors
/// When the host is gone. What can't be drafted is said in the log.
pub fn draft(
    host: &mut dyn Host,
    facts: &ProjectFacts,
    told: &[&Finding],
) -> Result<(), AgentError> {
    if host.model().is_none() {
        return Ok(());
    }
    let mut asked: Asked = checkpoint::load(host, ASKED)?.unwrap_or_default();
    let hotspots = told.iter().filter(|finding| finding.rule == HOTSPOT.id);
    for finding in hotspots.take(MOST_LOOKED_AT) {
        let Some(key) = key(facts, finding).filter(|key| asked.is_open(key)) else { continue };
        // Said once more, to hear what people made of it: who dismissed a finding wants no change.
        if host.record_finding((*finding).clone())? != Standing::Open {
            continue;
        }
        let subject = match subject(host, facts, finding) {
            Ok(subject) => subject,
            Err(why) => {
                let text = format!("no draft for {}: {why}", finding.target);
                host.log(Level::Info, &text);
                continue;
            }
        };
        asked.begin(&key, host.task().now_ms);
        checkpoint::save(host, ASKED, &asked)?;
        let (answered, outcome) = attempt(host, &subject, finding)?;
        asked.end(&key, answered, &outcome);
        let text =
            format!("draft for {} in {}: {outcome}", subject.function.full_name(), subject.path);
        host.log(Level::Info, &text);
        checkpoint::save(host, ASKED, &asked)?;
        break;
    }
    Ok(())
}

/// The content and the rule: the same of both is the same question.
fn key(facts: &ProjectFacts, finding: &Finding) -> Option<String> {
    let row = facts.files.iter().find(|row| row.path == finding.target)?;
    Some(format!("{} {}", row.blob, finding.rule))
}

fn subject<'a>(
    host: &dyn Host,
    facts: &'a ProjectFacts,
    finding: &Finding,
) -> Result<Subject<'a>, String> {
    let row = facts.files.iter().find(|row| row.path == finding.target).ok_or("it is gone")?;
    let metrics = row.measured.file().ok_or("it has no metrics")?;
    let named = finding.evidence.iter().find(|one| one.kind == EvidenceKind::File);
    let line = named.and_then(|one| one.line).ok_or("it names no line")?;
    let function = metrics.functions.iter().find(|one| !one.included && one.first_line == line);
    let function = function.ok_or("its function is gone")?;
    let task = host.task();
    let repository = Repository::open(&task.project_root, task.git_dir.as_deref())
        .map_err(|error| error.to_string())?;
    let blob =
        repository.blob_at_head(&row.path).ok_or("it is not in the commit that is checked out")?;
    if gix::ObjectId::from_hex(row.blob.as_bytes()).ok() != Some(blob) {
        return Err("the commit that is checked out has another version of it".to_owned());
    }
    let content = repository.content(blob, MOST_BYTES as u64).map_err(|damage| damage.why)?;
    let source =
        String::from_utf8(content.ok_or("it is too large")?).map_err(|_| "it is no UTF-8")?;
    let subject = Subject { path: &row.path, function, source };
    patch::is_plain(&row.path).then_some(()).ok_or("its name would have to be quoted")?;
    let text = subject.text();
    if text.len() > MOST_FUNCTION_BYTES {
        return Err(format!("{} bytes are too long for one patch", text.len()));
    }
    if !secrets::scan(&text).is_empty() {
        return Err("it holds what looks like a secret, which no model is sent".to_owned());
    }
    Ok(subject)
}

impl Subject<'_> {
    /// The function's own lines.
    fn text(&self) -> String {
        let (before, lines) = (self.function.first_line - 1, self.function.length());
        self.source.split_inclusive('\n').skip(before as usize).take(lines as usize).collect()
    }
}

/// Asks, judges, and proposes: whether an answer came, and what came of it.
fn attempt(
    host: &mut dyn Host,
    subject: &Subject<'_>,
    finding: &Finding,
) -> Result<(bool, String), AgentError> {
    let question = prompt::question(subject);
    let reply = match language_model::ask(host, &question) {
        Ok(reply) => reply,
        Err(NoAnswer::Unusable(why)) => return Ok((true, format!("dropped: {why}"))),
        Err(error) => return Ok((false, format!("no answer: {error}"))),
    };
    let draft = match judge::judge(subject, &reply) {
        Ok(draft) => draft,
        Err(Dropped(why)) => return Ok((true, format!("dropped: {why}"))),
    };
    let model = host.model().map(|model| model.name().to_owned()).unwrap_or_default();
    let outcome = match host.propose(&change(subject, finding, &draft, &model)) {
        Ok(status) => format!("proposed as {status}"),
        // What the host refuses (a secret, a path) is no failure of the run.
        Err(error) => format!("dropped: {error}"),
    };
    Ok((true, outcome))
}

/// What people are shown: the figures are measured here, the code is the model's.
fn change(subject: &Subject<'_>, finding: &Finding, draft: &Draft, model: &str) -> Change {
    let name = subject.function.full_name();
    let (before, after) = (subject.function.cognitive, draft.cognitive);
    let mut evidence: Vec<Evidence> = finding.evidence.clone();
    evidence.truncate(6);
    evidence
        .push(Evidence::number(f64::from(after), format!("cognitive complexity of {name} after")));
    evidence.push(Evidence::number(
        f64::from(before),
        format!("cognitive complexity of {name} before"),
    ));
    Change {
        title: format!("split {name} in {}", subject.path).chars().take(120).collect(),
        reason: format!(
            "{} {name} goes from cognitive complexity {before} to {after}; the hardest function of the \
             change has {}. Drafted by the language model {model}, measured by this agent; whether it \
             still does the same, the project's tests and you decide.",
            finding.detail, draft.hardest
        ),
        patch: draft.patch.clone(),
        evidence,
    }
}
