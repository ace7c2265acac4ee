//! What a request of a model asks for, as far as it costs, and what its answer says of that.

use super::contents::{self, Pictures, Prompts, nothing, once, unpriced};
use core::fmt;
use serde::de::{self, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;

/// Answers to one prompt at most.
const CHOICES: u64 = 16;

/// Keys that lead to another model, to work that nobody sees from here, or to a text that is longer
/// than its bytes.
const UNPRICED: [&str; 8] = [
    "audio",
    "chat_template",
    "fallbacks",
    "images",
    "models",
    "options",
    "plugins",
    "web_search_options",
];

/// What a request says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    pub model: String,
    /// Tokens of one answer at most; nothing where the request doesn't say.
    pub output: Option<u64>,
    /// It says so by a key that every server knows.
    pub has_limit: bool,
    /// Answers to one prompt.
    pub choices: u64,
    /// Prompts, each of which is answered.
    pub prompts: u64,
    /// Pictures, and bytes of the request that they are.
    pub pictures: u64,
    pub picture_bytes: u64,
    /// It has an answer in it that may be taken or thrown away; what is thrown away is output too.
    pub predicts: bool,
    pub is_stream: bool,
    pub has_stream_options: bool,
}

impl Prompt {
    /// Tokens of output at most, where one answer has `one`, of a request with so many bytes.
    pub fn most(&self, one: u64, bytes: u64) -> u64 {
        let guessed = if self.predicts { bytes } else { 0 };
        one.saturating_add(guessed).saturating_mul(self.choices).saturating_mul(self.prompts)
    }
}

/// Reads a request.
///
/// # Errors
/// When it is none, or could be read in two ways: servers differ in which of two keys they take, and
/// in whether letters' case counts. And where something in it has a price that isn't known.
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
        let mut prompt = Prompt { choices: 1, prompts: 1, ..Prompt::default() };
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let plain = once::<A::Error>(&key, &mut seen)?;
            prompt.takes(&mut map, &key, &plain)?;
        }
        if prompt.choices > CHOICES {
            let why = format!("{} answers are asked for, at most {CHOICES}", prompt.choices);
            return Err(de::Error::custom(why));
        }
        Ok(prompt)
    }
}

impl Prompt {
    /// Takes one key's value.
    fn takes<'de, A: MapAccess<'de>>(
        &mut self,
        map: &mut A,
        key: &str,
        plain: &str,
    ) -> Result<(), A::Error> {
        match plain {
            "model" => self.model = map.next_value()?,
            "max_tokens" | "max_completion_tokens" => {
                self.limit(map, key)?;
                self.has_limit = true;
            }
            // The same by names that only some servers know, and prefer.
            "n_predict" | "num_predict" | "max_new_tokens" | "max_output_tokens" | "min_tokens" => {
                self.limit(map, key)?
            }
            "n" | "best_of" | "beam_width" | "num_beams" | "num_return_sequences" => {
                let asked: Option<u64> = map.next_value()?;
                self.choices = self.choices.max(asked.unwrap_or(1));
            }
            "prompt" | "input" => {
                let Prompts(prompts) = map.next_value()?;
                self.prompts = self.prompts.max(prompts);
            }
            "messages" => {
                let Pictures { count, bytes } = contents::messages(map)?;
                (self.pictures, self.picture_bytes) = (count, bytes);
            }
            "tools" => drop(contents::tools(map)?),
            "prediction" => self.predicts = map.next_value::<Option<IgnoredAny>>()?.is_some(),
            "modalities" => {
                let kinds: Option<Vec<String>> = map.next_value()?;
                if let Some(kind) = kinds.iter().flatten().find(|kind| *kind != "text") {
                    return Err(unpriced(&format!("an answer as `{kind}`")));
                }
            }
            "service_tier" => {
                let tier: Option<String> = map.next_value()?;
                let tier = tier.as_deref().unwrap_or("default");
                if !["auto", "default", "flex"].contains(&tier) {
                    return Err(unpriced(&format!("the service tier `{tier}`")));
                }
            }
            "stream" => self.is_stream = map.next_value::<Option<bool>>()?.unwrap_or(false),
            "stream_options" => {
                self.has_stream_options = true;
                map.next_value::<IgnoredAny>()?;
            }
            plain if UNPRICED.contains(&plain) => nothing(map, key)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }

    /// With no number behind it the key would take back the one that is added.
    fn limit<'de, A: MapAccess<'de>>(&mut self, map: &mut A, key: &str) -> Result<(), A::Error> {
        let asked: Option<u64> = map.next_value()?;
        let asked = asked.ok_or_else(|| {
            de::Error::custom(format!("`{key}` is null: give a number, or leave it out"))
        })?;
        self.output = self.output.max(Some(asked));
        Ok(())
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
            Ok(Prompt { model, output, choices, is_stream, has_stream_options, .. }) => {
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
            the key `max_tokens` is there twice at line 1 column 40
            the key `MAX_TOKENS` is there twice at line 1 column 40
            the key `max_tokens` is there twice at line 1 column 45
            the key `max_tokenſ` is none that is known at line 1 column 30
            invalid value: integer `-5`, expected u64 at line 1 column 28
            invalid type: floating point `1000.0`, expected u64 at line 1 column 29
            1000 answers are asked for, at most 16 at line 1 column 22
            trailing characters at line 1 column 15
            invalid type: sequence, expected a request of a model, which is an object at line 1 column 0
            EOF while parsing a value at line 1 column 0
        "#]].assert_eq(&cases.iter().map(line).collect::<String>());
    }

    /// Most tokens of output, where one answer has ten; the pictures; or why it is not sent on.
    fn most(case: &str) -> String {
        match read(format!("{{\"model\":\"m\",{case}}}").as_bytes()) {
            Ok(prompt) => {
                let Prompt { pictures, picture_bytes, .. } = prompt;
                let has = format!("{pictures} pictures of {picture_bytes} bytes");
                format!("{} {has}\n", prompt.most(10, 100))
            }
            Err(why) => format!("{}\n", why.split(" at line").next().unwrap_or_default()),
        }
    }

    #[test]
    fn all_that_is_answered_is_counted() {
        let cases = [
            r#""prompt":"a""#,
            r#""prompt":["a","b","c"]"#,
            r#""prompt":[1,2,3]"#,
            r#""prompt":[[1,2],[3],[]]"#,
            r#""prompt":[[1,2],"a"],"n":2,"best_of":4"#,
            r#""prompt":["a","b"],"n":4,"best_of":null"#,
            r#""prompt":[],"beam_width":3"#,
            r#""prompt":[1,"a"]"#,
            r#""prompt":[{"prompt":"a"}]"#,
            r#""prompt":{"a":1}"#,
            r#""input":["a","b"]"#,
            r#""prediction":{"type":"content","content":"a"},"n":2"#,
            r#""prompt":["a","b"],"PROMPT":["a"]"#,
        ];
        expect![[r#"
            10 0 pictures of 0 bytes
            30 0 pictures of 0 bytes
            10 0 pictures of 0 bytes
            30 0 pictures of 0 bytes
            80 0 pictures of 0 bytes
            80 0 pictures of 0 bytes
            30 0 pictures of 0 bytes
            tokens and whole prompts stand in one list
            invalid type: map, expected a text or tokens
            invalid type: map, expected a text, tokens, or a list of these
            20 0 pictures of 0 bytes
            220 0 pictures of 0 bytes
            the key `PROMPT` is there twice
        "#]]
        .assert_eq(&cases.map(most).concat());
    }

    #[test]
    fn what_has_no_known_price_is_not_sent_on() {
        let part = |part: &str| format!(r#""messages":[{{"role":"user","content":[{part}]}}]"#);
        let picture = |url: &str| {
            part(&format!(
                r#"{{"type":"image_url","image_url":{{"url":"{url}","detail":"high"}}}}"#
            ))
        };
        let cases = [
            part(r#"{"type":"text","text":"a"},"b""#),
            picture("data:image/png;base64,AAAA"),
            picture("https://evil.example/?secret"),
            picture("data:image/png;base64,AA AA"),
            picture("data:text/plain;base64,AAAA"),
            part(r#"{"type":"image_url","image_url":"https://evil.example/x"}"#),
            part(r#"{"type":"text","text":"a","image_url":{"url":"data:image/png;base64,AA"}}"#),
            part(r#"{"type":"text","type":"image_url"}"#),
            part(r#"{"type":"input_image","image_url":{"url":"data:image/png;base64,AA"}}"#),
            part(r#"{"type":"input_audio","input_audio":{"data":"AA","format":"wav"}}"#),
            part(r#"{"type":"file","file":{"file_id":"f"}}"#),
            part(r#"{"type":"video_url"}"#),
            r#""messages":[{"role":"assistant","audio":{"id":"a"},"content":null}]"#.into(),
            r#""messages":[{"role":"user","content":"a","images":["AA"]}]"#.into(),
            r#""messages":[{"content":"a","Content":[{"type":"file"}]}]"#.into(),
            r#""messages":"a""#.into(),
            r#""tools":[{"type":"function","function":{}}],"modalities":["text"]"#.into(),
            r#""tools":[{"type":"web_search"}]"#.into(),
            r#""modalities":["text","audio"]"#.into(),
            r#""models":["larger"]"#.into(),
            r#""web_search_options":{}"#.into(),
            r#""audio":null,"service_tier":"flex""#.into(),
            r#""service_tier":"priority""#.into(),
            r#""n_predict":-1"#.into(),
        ];
        expect![[r#"
            invalid type: string "b", expected one of parts of a message
            10 1 pictures of 4 bytes
            a picture has to be in the request itself, as `data:image/…;base64,…`
            a picture has to be in the request itself, as `data:image/…;base64,…`
            a picture has to be in the request itself, as `data:image/…;base64,…`
            invalid type: string "https://evil.example/x", expected an object with the picture's `url`
            what a message's part of type `text` costs is not known here, so it is not sent on: leave it out
            the key `type` is there twice
            what a message's part of type `input_image` costs is not known here, so it is not sent on: leave it out
            what a message's part with `input_audio` costs is not known here, so it is not sent on: leave it out
            what a message's part with `file` costs is not known here, so it is not sent on: leave it out
            what a message's part of type `video_url` costs is not known here, so it is not sent on: leave it out
            what `audio` costs is not known here, so it is not sent on: leave it out
            what `images` costs is not known here, so it is not sent on: leave it out
            the key `Content` is there twice
            invalid type: string "a", expected a list of messages
            10 0 pictures of 0 bytes
            what a tool of type `web_search` costs is not known here, so it is not sent on: leave it out
            what an answer as `audio` costs is not known here, so it is not sent on: leave it out
            what `models` costs is not known here, so it is not sent on: leave it out
            what `web_search_options` costs is not known here, so it is not sent on: leave it out
            10 0 pictures of 0 bytes
            what the service tier `priority` costs is not known here, so it is not sent on: leave it out
            invalid value: integer `-1`, expected u64
        "#]].assert_eq(&cases.map(|case| most(&case)).concat());
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
