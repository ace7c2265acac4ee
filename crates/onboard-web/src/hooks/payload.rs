//! What of a webhook's content is kept: what it is about, in a bounded size and without secrets.

use onboard_daemon::hooks::signature::{Proven, word};
use onboard_domain::hook::bounds::DATA;
use onboard_validation::secrets::redact;
use serde_json::{Map, Value, json};

/// How much is kept: levels below the top, items of a list, bytes of a text.
struct Shape {
    depth: usize,
    items: usize,
    text: usize,
}

/// From the widest to the narrowest; the first that fits into [`DATA`] is taken. Forges send their
/// objects whole, the one that the event is about two levels down.
const SHAPES: [Shape; 5] = [
    Shape { depth: 5, items: 16, text: 400 },
    Shape { depth: 4, items: 8, text: 200 },
    Shape { depth: 3, items: 4, text: 100 },
    Shape { depth: 2, items: 4, text: 60 },
    Shape { depth: 1, items: 0, text: 40 },
];
/// Members of an object.
const MEMBERS: usize = 100;
/// Bytes of a text that are looked over for secrets: more than are kept, so that none is cut to what
/// is not recognised.
const LOOKED_OVER: usize = 4 * 1024;
/// Bytes of a member's name.
const NAME: usize = 64;

/// What is kept, as JSON; nothing where the body is no JSON.
pub fn kept(proven: &Proven, body: &[u8]) -> Option<String> {
    let whole: Value = serde_json::from_slice(body).ok()?;
    let event = proven.event.clone().or_else(|| whole.get("type")?.as_str().map(word));
    let texts = SHAPES.iter().map(|shape| {
        let payload = part(&whole, shape, shape.depth).unwrap_or(Value::Null);
        json!({ "event": event, "delivery": proven.delivery, "payload": payload }).to_string()
    });
    let bare = json!({ "event": event, "delivery": proven.delivery, "payload": null });
    Some(texts.into_iter().find(|text| text.len() <= DATA).unwrap_or_else(|| bare.to_string()))
}

fn part(value: &Value, shape: &Shape, depth: usize) -> Option<Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::String(clean(text, shape.text)),
        _ if depth == 0 => return None,
        Value::Array(items) => {
            items.iter().take(shape.items).filter_map(|item| part(item, shape, depth - 1)).collect()
        }
        Value::Object(members) => {
            let told = members.iter().filter(|(name, _)| !is_link(name)).take(MEMBERS);
            let kept = |(name, value): (&String, &Value)| {
                Some((clean(name, NAME), part(value, shape, depth - 1)?))
            };
            Value::Object(told.filter_map(kept).collect::<Map<_, _>>())
        }
    })
}

/// Addresses of a forge's API, which are half of what it sends; people's own stay.
fn is_link(name: &str) -> bool {
    name.ends_with("_url") && name != "html_url"
}

fn clean(text: &str, most: usize) -> String {
    let looked = cut(text, LOOKED_OVER);
    let clean = redact(looked).map(|(clean, _)| clean);
    cut(clean.as_deref().unwrap_or(looked), most).into()
}

/// The longest beginning that has so many bytes and ends with a whole character.
fn cut(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn proven() -> Proven {
        Proven { key: "k".into(), event: None, delivery: Some("d-1".into()) }
    }

    fn check(body: &str, expected: Expect) {
        expected.assert_eq(&kept(&proven(), body.as_bytes()).unwrap_or("no JSON".into()));
    }

    #[test]
    fn what_it_is_about_is_kept() {
        check("{", expect!["no JSON"]);
        check(
            r#"{"type": "user.created", "data": {"id": 7, "none": null}}"#,
            expect![[
                r#"{"delivery":"d-1","event":"user.created","payload":{"data":{"id":7},"type":"user.created"}}"#
            ]],
        );
        let token = format!("ghp_{}", "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5");
        let body = json!({
            "action": "opened",
            "issue": {
                "number": 7, "title": format!("it leaks {token} \u{1b}[2J"),
                "html_url": "https://forge.example/7", "events_url": "https://api.forge.example/7",
                "labels": [{ "name": "bug", "of": { "whom": { "deep": { "deeper": 1 } } } }],
            },
        });
        check(
            &body.to_string(),
            expect![[
                r#"{"delivery":"d-1","event":null,"payload":{"action":"opened","issue":{"html_url":"https://forge.example/7","labels":[{"name":"bug","of":{}}],"number":7,"title":"it leaks [redacted: github-token] \u001b[2J"}}}"#
            ]],
        );
    }

    #[test]
    fn however_large_it_is_little_is_kept() {
        let wide: Map<_, _> =
            (0..2_000).map(|n| (format!("k{n}"), json!("x".repeat(300)))).collect();
        let deep = (0..100).fold(json!(1), |inner, _| json!([inner]));
        let long = json!({ "text": "é".repeat(100_000), "n": (0..1000).collect::<Vec<_>>() });
        let names: Map<_, _> =
            (0..100).map(|n| ("n".repeat(900) + &n.to_string(), json!(1))).collect();
        for body in [Value::Object(wide), deep, long, Value::Object(names), json!("x"), json!(null)]
        {
            let text = kept(&proven(), body.to_string().as_bytes()).expect("JSON");
            assert!(text.len() <= DATA, "{}", text.len());
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
        }
        let nested = "[".repeat(100_000);
        assert_eq!(kept(&proven(), nested.as_bytes()), None);
    }
}
