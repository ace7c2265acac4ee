//! A language model that the user meant for an agent: what it is asked, and what its answers come to.
//! Nothing here believes an answer; whoever asks checks what it says.

use std::fmt;

use serde_json::{Value, json};

use crate::host::Host;

/// The way to a model, as the run was given it.
pub trait Model {
    /// As its endpoint knows it.
    fn name(&self) -> &str;
    /// Posts a request of OpenAI's `chat/completions`; status and body of the answer.
    ///
    /// # Errors
    /// Why no whole answer came.
    fn complete(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>), String>;
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is to do, and in which form it is to answer.
    pub task: String,
    /// What it is to do it with.
    pub matter: String,
    /// Tokens of the answer at most: they are set aside before it is asked.
    pub most_tokens: u32,
}

/// Why there is no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody gave this agent a model.
    Absent,
    /// A budget has no room, the endpoint is out of order or says no: another day may help.
    Refused(String),
    /// What it said can't be used, and asking again would bring the same.
    Unusable(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("no model is configured"),
            Self::Refused(why) | Self::Unusable(why) => f.write_str(why),
        }
    }
}

/// Letters of what an endpoint says of its refusal that go into a log.
const SAID: usize = 200;

/// Asks once. A refusal is not followed by a second try: what refuses once refuses again soon, and
/// each try costs.
///
/// # Errors
/// As [`NoAnswer`] says.
pub fn ask(host: &mut dyn Host, question: &Question) -> Result<String, NoAnswer> {
    let Some(model) = host.model() else { return Err(NoAnswer::Absent) };
    let request = request(model.name(), question).to_string();
    let (status, body) = model.complete(request.as_bytes()).map_err(NoAnswer::Refused)?;
    reply(status, &body)
}

fn request(model: &str, question: &Question) -> Value {
    json!({
        "model": model,
        "messages": [
            { "role": "system", "content": question.task },
            { "role": "user", "content": question.matter },
        ],
        "max_tokens": question.most_tokens,
        // The same question has the same answer, as far as an endpoint can.
        "temperature": 0,
    })
}

/// What an answer says, where it says it to its end.
fn reply(status: u16, body: &[u8]) -> Result<String, NoAnswer> {
    let unusable = |why: String| Err(NoAnswer::Unusable(why));
    let value: Option<Value> = serde_json::from_slice(body).ok();
    if status != 200 {
        let said = value.as_ref().and_then(|value| value["error"]["message"].as_str());
        let said = match said {
            Some(said) => said.to_owned(),
            None => String::from_utf8_lossy(body).into_owned(),
        };
        return Err(NoAnswer::Refused(format!("it answers {status}: {}", line(&said))));
    }
    let Some(value) = value else { return unusable("its answer is no JSON".to_owned()) };
    let choice = &value["choices"][0];
    match (choice["message"]["content"].as_str(), choice["finish_reason"].as_str()) {
        (Some(_), Some("length")) => unusable("its answer is longer than it may be".to_owned()),
        (Some(text), _) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => unusable("its answer has no text".to_owned()),
    }
}

/// The beginning of what somebody said, on one line.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SAID).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(status: u16, body: &str, expected: Expect) {
        let shown = match reply(status, body.as_bytes()) {
            Ok(text) => format!("says {text}"),
            Err(error) => format!("{error:?}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn what_answers_come_to() {
        let said = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
        check(200, said, expect!["says hello"]);
        check(
            200,
            &said.replace("stop", "length"),
            expect![[r#"Unusable("its answer is longer than it may be")"#]],
        );
        check(200, &said[..40], expect![[r#"Unusable("its answer is no JSON")"#]]);
        check(200, "[]", expect![[r#"Unusable("its answer has no text")"#]]);
        check(200, r#"{"choices":[]}"#, expect![[r#"Unusable("its answer has no text")"#]]);
        check(200, &said.replace("hello", " "), expect![[r#"Unusable("its answer has no text")"#]]);
        check(
            402,
            r#"{"error":{"message":"the budget\nhas no room"}}"#,
            expect![[r#"Refused("it answers 402: the budget has no room")"#]],
        );
        check(503, "<html>", expect![[r#"Refused("it answers 503: <html>")"#]]);
    }

    #[test]
    fn a_question_as_endpoints_take_it() {
        let question =
            Question { task: "do".to_owned(), matter: "this".to_owned(), most_tokens: 7 };
        expect![[r#"{"max_tokens":7,"messages":[{"content":"do","role":"system"},{"content":"this","role":"user"}],"model":"m-1","temperature":0}"#]]
            .assert_eq(&request("m-1", &question).to_string());
    }
}
