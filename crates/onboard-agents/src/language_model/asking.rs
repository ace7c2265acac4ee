//! Asking within bounds: what was answered once is not asked again, and who is refused stops.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onboard_validation::secrets;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{NoAnswer, Question, ask};
use crate::checkpoint;
use crate::host::{AgentError, Host, Level};

/// The checkpoint with what was answered.
const NAME: &str = "answers";
/// Answers kept; the oldest goes.
const MOST_KEPT: usize = 200;
/// Bytes of an answer that is kept; a longer one is of no use to those who ask here.
const MOST_BYTES: usize = 8 * 1024;

/// How long one answer is waited for, and after which time a run asks nothing more. Where an endpoint knows
/// no form of answers a question is asked twice: three of these are less than the shortest deadline of the
/// crew, two minutes.
pub const PATIENCE: Duration = Duration::from_secs(35);

/// What was answered, by the content of the question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answers {
    answers: BTreeMap<String, Answered>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Answered {
    at_ms: i64,
    /// What it said, or why that can't be used.
    said: Result<String, String>,
}

impl Answers {
    fn keep(&mut self, key: String, at_ms: i64, said: Result<String, String>) {
        self.answers.insert(key, Answered { at_ms, said });
        while self.answers.len() > MOST_KEPT {
            let oldest = self.answers.iter().min_by_key(|(_, one)| one.at_ms);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.answers.remove(&oldest);
        }
    }
}

/// One run's questions.
#[derive(Debug)]
pub struct Asking {
    model: String,
    kept: Answers,
    /// Questions that may still be asked.
    left: u32,
    began: Instant,
    /// Why none is asked any more.
    stopped: Option<NoAnswer>,
}

impl Asking {
    /// Begins with what earlier runs were answered; `None` where nobody gave this run a model.
    ///
    /// # Errors
    /// When the host is gone.
    pub fn begin(host: &mut dyn Host, most: u32) -> Result<Option<Self>, AgentError> {
        let Some(model) = host.model().map(|model| model.name().to_owned()) else {
            return Ok(None);
        };
        let kept = checkpoint::load(host, NAME)?.unwrap_or_default();
        Ok(Some(Self { model, kept, left: most, began: instant(), stopped: None }))
    }

    /// As its endpoint knows it.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Answers from what is kept, else asks, and keeps what comes before anybody goes by it. Once a
    /// budget has no room or the endpoint is out of order, this run asks no more: said once, in the log.
    ///
    /// # Errors
    /// When the host is gone; inside, why there is no answer.
    pub fn ask(
        &mut self,
        host: &mut dyn Host,
        question: &Question,
    ) -> Result<Result<String, NoAnswer>, AgentError> {
        if !secrets::scan(&question.matter).is_empty() {
            let why = "what it would be asked holds what looks like a secret".to_owned();
            return Ok(Err(NoAnswer::Unusable(why)));
        }
        let key = key(&self.model, question);
        if let Some(known) = self.kept.answers.get(&key) {
            return Ok(known.said.clone().map_err(NoAnswer::Unusable));
        }
        if let Some(why) = &self.stopped {
            return Ok(Err(why.clone()));
        }
        if self.left == 0 || self.began.elapsed() > PATIENCE {
            let why = "this run has asked as much as it may".to_owned();
            return Ok(Err(NoAnswer::Refused(why)));
        }
        self.left -= 1;
        let said = match ask(host, question) {
            Ok(text) if text.len() > MOST_BYTES => Err("its answer is too long".to_owned()),
            // What is kept must hold none, and who is shown it must not see one.
            Ok(text) if !secrets::scan(&text).is_empty() => {
                Err("its answer holds what looks like a secret".to_owned())
            }
            Ok(text) => Ok(text),
            Err(NoAnswer::Unusable(why)) => Err(why),
            Err(why) => {
                host.log(Level::Warning, &format!("the model {} was not asked: {why}", self.model));
                self.stopped = Some(why.clone());
                return Ok(Err(why));
            }
        };
        self.kept.keep(key, host.task().now_ms, said.clone());
        checkpoint::save(host, NAME, &self.kept)?;
        Ok(said.map_err(NoAnswer::Unusable))
    }
}

#[allow(clippy::disallowed_methods, reason = "bounds how long is asked; no fact comes of it")]
fn instant() -> Instant {
    Instant::now()
}

/// The same model, asked the same.
fn key(model: &str, question: &Question) -> String {
    let form = question.form.as_ref().map_or_else(String::new, |form| form.schema.to_string());
    let mut hash = Sha256::new();
    for part in [model, &question.task, &question.matter, &form] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_go() {
        let mut answers = Answers::default();
        for at in 0..MOST_KEPT as i64 + 3 {
            answers.keep(format!("{at}"), at, Ok(String::new()));
        }
        assert_eq!(answers.answers.len(), MOST_KEPT);
        assert!(!answers.answers.contains_key("2") && answers.answers.contains_key("3"));
    }

    #[test]
    fn another_word_is_another_question() {
        let question = |task: &str, matter: &str| Question {
            task: task.to_owned(),
            matter: matter.to_owned(),
            most_tokens: 1,
            form: None,
            within: PATIENCE,
        };
        assert_ne!(key("m", &question("ab", "c")), key("m", &question("a", "bc")));
        assert_ne!(key("m", &question("a", "b")), key("n", &question("a", "b")));
        assert_eq!(key("m", &question("a", "b")), key("m", &question("a", "b")));
    }
}
