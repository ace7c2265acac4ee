//! What a request of a model asks for, as far as it costs, and what its answer says of that.

use core::fmt;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// Answers to one prompt at most.
const CHOICES: u64 = 16;

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub model: String,
    /// Tokens of one answer at most; nothing where the request doesn't say.
    pub output: Option<u64>,
    /// Answers to it.
    pub choices: u64,
    pub is_stream: bool,
    pub has_stream_options: bool,
}

/// Reads a request.
///
/// # Errors
/// When it is none, or could be read in two ways: servers differ in which of two keys they take, and
/// in whether letters' case counts.
pub fn read(body: &[u8]) -> Result<Prompt, String> {
    serde_json::from_slice::<Prompt>(body).map_err(|error| error.to_string())
}

impl<'de> Deserialize<'de> for Prompt {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Prompt, D::Error> {
        from.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Prompt;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request of a model, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Prompt, A::Error> {
        let mut prompt = Prompt { choices: 1, ..Prompt::default() };
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let plain = key.to_ascii_lowercase();
            if !key.is_ascii() {
                return Err(de::Error::custom(format!("the key `{key}` is none that is known")));
            }
            match plain.as_str() {
                "model" => prompt.model = map.next_value()?,
                "max_tokens" | "max_completion_tokens" => {
                    // With no number behind it the key would take back the one that is added.
                    let asked: Option<u64> = map.next_value()?;
                    let asked = asked.ok_or_else(|| {
                        let why = format!("`{key}` is null: give a number, or leave it out");
                        de::Error::custom(why)
                    })?;
                    prompt.output = prompt.output.max(Some(asked));
                }
                "n" | "best_of" => {
                    let asked: Option<u64> = map.next_value()?;
                    prompt.choices = prompt.choices.max(asked.unwrap_or(1));
                }
                "stream" => prompt.is_stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
                "stream_options" => {
                    prompt.has_stream_options = true;
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(plain) {
                return Err(de::Error::custom(format!("the key `{key}` is there twice")));
            }
        }
        if prompt.choices > CHOICES {
            let why = format!("{} answers are asked for, at most {CHOICES}", prompt.choices);
            return Err(de::Error::custom(why));
        }
        Ok(prompt)
    }
}

/// The request with more keys at its start; `more` is what stands between its braces.
pub fn with(body: &[u8], more: &str) -> Vec<u8> {
    let Some(at) = body.iter().position(|byte| *byte == b'{') else { return body.to_vec() };
    if more.is_empty() {
        return body.to_vec();
    }
    [&body[..=at], more.as_bytes(), b",", &body[at + 1..]].concat()
}

/// What an answer, or an event of one, says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Tokens in and out.
    pub usage: Option<(u64, u64)>,
    /// It has a part of an answer in it.
    pub has_choice: bool,
}

/// Reads an answer or an event; nothing where it is none.
pub fn said(json: &[u8]) -> Option<Said> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        usage: Option<Usage>,
        #[serde(default)]
        choices: Option<Vec<IgnoredAny>>,
    }
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        prompt_tokens: Option<u64>,
        #[serde(default)]
        completion_tokens: Option<u64>,
    }
    let answer: Answer = serde_json::from_slice(json).ok()?;
    let usage = answer.usage.and_then(|usage| {
        // Embeddings have no tokens of output.
        Some((usage.prompt_tokens?, usage.completion_tokens.unwrap_or(0)))
    });
    let has_choice = answer.choices.is_some_and(|choices| !choices.is_empty());
    Some(Said { usage, has_choice })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_request_is_read_in_one_way_or_refused() {
        let cases = [
            r#"{"model":"m","messages":[{"model":"x","max_tokens":9}]}"#,
            r#"{"model":"m","max_tokens":5,"max_completion_tokens":50,"n":3,"stream":true}"#,
            r#"{"model":"m","max_tokens":null}"#,
            r#"{"model":"m","max_tokens":5,"max_completion_tokens":null}"#,
            r#"{"model":"m","stream_options":{"include_usage":false}}"#,
            r#"{"model":"m","max_tokens":5,"max_tokens":5000}"#,
            r#"{"model":"m","max_tokens":5,"MAX_TOKENS":5000}"#,
            r#"{"model":"m","max_tokens":5,"max\u005ftokens":5000}"#,
            r#"{"model":"m","max_token\u017f":5000}"#,
            r#"{"model":"m","max_tokens":-5}"#,
            r#"{"model":"m","max_tokens":1e3}"#,
            r#"{"model":"m","n":1000}"#,
            r#"{"model":"m"} {"model":"x"}"#,
            r#"[{"model":"m"}]"#,
            "",
        ];
        let line = |case: &&str| match read(case.as_bytes()) {
            Ok(Prompt { model, output, choices, is_stream, has_stream_options }) => {
                format!("{model} {output:?} x{choices} {is_stream} {has_stream_options}\n")
            }
            Err(why) => format!("{why}\n"),
        };
        expect![[r#"
            m None x1 false false
            m Some(50) x3 true false
            `max_tokens` is null: give a number, or leave it out at line 1 column 31
            `max_completion_tokens` is null: give a number, or leave it out at line 1 column 57
            m None x1 false true
            the key `max_tokens` is there twice at line 1 column 46
            the key `MAX_TOKENS` is there twice at line 1 column 46
            the key `max_tokens` is there twice at line 1 column 51
            the key `max_tokenſ` is none that is known at line 1 column 30
            invalid value: integer `-5`, expected u64 at line 1 column 28
            invalid type: floating point `1000.0`, expected u64 at line 1 column 29
            1000 answers are asked for, at most 16 at line 1 column 22
            trailing characters at line 1 column 15
            invalid type: sequence, expected a request of a model, which is an object at line 1 column 0
            EOF while parsing a value at line 1 column 0
        "#]].assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn keys_are_added_and_usage_is_read() {
        let body = with(br#" {"model":"m"}"#, r#""max_tokens":7"#);
        assert_eq!(String::from_utf8_lossy(&body), r#" {"max_tokens":7,"model":"m"}"#);
        assert_eq!(read(&body).expect("a request").output, Some(7));
        let usage = said(br#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#);
        assert_eq!(usage, Some(Said { usage: Some((3, 4)), has_choice: false }));
        let part = said(br#"{"choices":[{"delta":{"content":"x"}}],"usage":null}"#);
        assert_eq!(part, Some(Said { usage: None, has_choice: true }));
        assert_eq!(said(b"[DONE]"), None);
    }
}
