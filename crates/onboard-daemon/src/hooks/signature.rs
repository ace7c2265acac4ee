//! Who sent it: whoever has the secret, or nobody knows who. And what tells it from other deliveries.

use super::{Hook, Sender, Way};
use onboard_domain::Time;
use onboard_egress::broker::secret::{base64, unbase64};
use ring::digest::{SHA256, digest};
use ring::hmac::{self, HMAC_SHA256};
use std::fmt;

/// How far the time of a signature may be from ours, in seconds: Standard Webhooks leaves the number to
/// its libraries, which take five minutes.
pub const TOLERANCE_S: i64 = 300;
/// Letters of what a sender calls its event or its delivery.
const WORD_MAX: usize = 64;
/// Signatures of one delivery that are looked at: one for each key while keys are changed.
const SIGNATURES: usize = 8;
/// Characters of a key: 128 bits of SHA-256, as hexadecimal text.
const KEY: usize = 32;

/// The field that carries a signature of Standard Webhooks.
const SIGNATURE: &str = "webhook-signature";

/// Fields in which senders name their events, and their deliveries.
const EVENTS: [&str; 4] = ["x-github-event", "x-gitlab-event", "x-forgejo-event", "x-gitea-event"];
const DELIVERIES: [&str; 5] = [
    "webhook-id",
    "x-github-delivery",
    "x-gitlab-event-uuid",
    "x-forgejo-delivery",
    "x-gitea-delivery",
];

/// A delivery whose sender has the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The same for the same delivery. Where the signature covers an id, that; elsewhere the body,
    /// which is all that the signature covers: whoever replays it can change the rest.
    pub key: String,
    /// What the sender calls the event; mostly in a field that no signature covers.
    pub event: Option<String>,
    /// What the sender calls the delivery.
    pub delivery: Option<String>,
}

/// Why nobody is proven to have sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// It has no such field.
    Unsigned(&'static str),
    /// The field is not of this body by this secret.
    Wrong(&'static str),
    /// Its time is so many seconds from ours.
    Off(i64),
}

impl Unproven {
    /// The word under which they are counted.
    pub fn word(self) -> &'static str {
        match self {
            Unproven::Unsigned(_) => "unsigned",
            Unproven::Wrong(_) => "wrong_signature",
            Unproven::Off(_) => "wrong_time",
        }
    }
}

impl fmt::Display for Unproven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unproven::Unsigned(field) => write!(f, "it has no `{field}`"),
            Unproven::Wrong(field) => {
                write!(f, "its `{field}` is not of this body by this webhook's secret")
            }
            Unproven::Off(seconds) => write!(
                f,
                "its time is {seconds} s from this machine's, at most {TOLERANCE_S} are taken"
            ),
        }
    }
}

/// Reads a field of the request by its name in lower case.
pub type Field<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

/// Proves the sender of a body. All comparisons take the same time wherever the difference is.
///
/// # Errors
/// Why it isn't proven.
pub fn prove(hook: &Hook, field: &Field<'_>, body: &[u8], now: Time) -> Result<Proven, Unproven> {
    let Way::In { from, .. } = &hook.way else { return Err(Unproven::Unsigned(SIGNATURE)) };
    let key = match from {
        Sender::Github => {
            signed(hook, "x-hub-signature-256", "sha256=", field, body)?;
            body
        }
        Sender::Gitea => {
            let own = "x-forgejo-signature";
            let name = if field(own).is_some() { own } else { "x-gitea-signature" };
            signed(hook, name, "", field, body)?;
            body
        }
        Sender::Gitlab => {
            const TOKEN: &str = "x-gitlab-token";
            let token = field(TOKEN).ok_or(Unproven::Unsigned(TOKEN))?;
            if !hook.secret().is(token.as_bytes()) {
                return Err(Unproven::Wrong(TOKEN));
            }
            body
        }
        Sender::Standard => standard(hook, field, body, now)?.as_bytes(),
    };
    let first = |names: &[&str]| names.iter().find_map(|name| field(name)).map(word);
    let key = hex(digest(&SHA256, key).as_ref());
    Ok(Proven { key: key[..KEY].into(), event: first(&EVENTS), delivery: first(&DELIVERIES) })
}

/// A signature in hexadecimal over the body.
fn signed(
    hook: &Hook,
    name: &'static str,
    before: &str,
    field: &Field<'_>,
    body: &[u8],
) -> Result<(), Unproven> {
    let text = field(name).ok_or(Unproven::Unsigned(name))?;
    let tag = text.strip_prefix(before).and_then(unhex).ok_or(Unproven::Wrong(name))?;
    let key = hmac::Key::new(HMAC_SHA256, &hook.key());
    hmac::verify(&key, body, &tag).map_err(|_| Unproven::Wrong(name))
}

/// A signature of Standard Webhooks; its id.
fn standard<'a>(
    hook: &Hook,
    field: &Field<'a>,
    body: &[u8],
    now: Time,
) -> Result<&'a str, Unproven> {
    const TIMESTAMP: &str = "webhook-timestamp";
    let need = |name| field(name).ok_or(Unproven::Unsigned(name));
    let (id, time, signatures) = (need("webhook-id")?, need(TIMESTAMP)?, need(SIGNATURE)?);
    let key = hmac::Key::new(HMAC_SHA256, &hook.key());
    let content = content(id, time, body);
    let tags = signatures.split(' ').take(SIGNATURES);
    let mut tags = tags.filter_map(|one| unbase64(one.strip_prefix("v1,")?.as_bytes()));
    if !tags.any(|tag| hmac::verify(&key, &content, &tag).is_ok()) {
        return Err(Unproven::Wrong(SIGNATURE));
    }
    let seconds: i64 = time.parse().map_err(|_| Unproven::Wrong(TIMESTAMP))?;
    let off = seconds.saturating_sub(now.0.div_euclid(1000)).saturating_abs();
    if off > TOLERANCE_S {
        return Err(Unproven::Off(off));
    }
    Ok(id)
}

/// What a signature of Standard Webhooks covers.
fn content(id: &str, time: &str, body: &[u8]) -> Vec<u8> {
    [format!("{id}.{time}.").as_bytes(), body].concat()
}

/// The fields that a sender puts into a request, so that a hook of this kind takes it.
pub fn sign(hook: &Hook, id: &str, body: &[u8], now: Time) -> Vec<(&'static str, String)> {
    let from = match &hook.way {
        Way::In { from, .. } => *from,
        Way::Out { .. } => Sender::Standard,
    };
    let key = hmac::Key::new(HMAC_SHA256, &hook.key());
    let tag = |content: &[u8]| hmac::sign(&key, content);
    let own = |name, value: String| vec![(name, value)];
    match from {
        Sender::Github => own("x-hub-signature-256", format!("sha256={}", hex(tag(body).as_ref()))),
        Sender::Gitea => own("x-gitea-signature", hex(tag(body).as_ref())),
        Sender::Gitlab => own("x-gitlab-token", hook.secret().reveal().into()),
        Sender::Standard => {
            let time = now.0.div_euclid(1000).to_string();
            let signature = format!("v1,{}", base64(tag(&content(id, &time, body)).as_ref()));
            vec![("webhook-id", id.into()), ("webhook-timestamp", time), (SIGNATURE, signature)]
        }
    }
}

/// What a sender calls something, without what is no letter of a word.
pub fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(WORD_MAX).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pair = |pair: &[u8]| u8::try_from(digit(pair[0])? * 16 + digit(*pair.get(1)?)?).ok();
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::Hooks;
    use expect_test::{Expect, expect};
    use onboard_egress::broker::Secret;

    const NOW: Time = Time(1_614_265_330_000);

    fn hook(from: Sender, secret: &str) -> Hook {
        let home = tempfile::tempdir().unwrap();
        let hooks = Hooks::new(home.path().into());
        hooks.add("x", Way::In { from, project: "/p".into() }, &Secret::new(secret)).unwrap();
        hooks.get("x").unwrap()
    }

    /// The secret of the example of Standard Webhooks; in two parts: this file holds no secret.
    fn example() -> String {
        ["whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"].concat()
    }

    fn proven(hook: &Hook, fields: &[(&str, &str)], body: &[u8], now: Time) -> String {
        let field = |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
        match prove(hook, &field, body, now) {
            Ok(Proven { key, event, delivery }) => {
                let words = [event, delivery].map(|word| word.unwrap_or("-".into()));
                format!("{key} {}\n", words.join(" "))
            }
            Err(why) => format!("{why}\n"),
        }
    }

    fn check(hook: &Hook, body: &str, requests: &[&[(&str, &str)]], expected: Expect) {
        let told = requests.iter().map(|fields| proven(hook, fields, body.as_bytes(), NOW));
        expected.assert_eq(&told.collect::<String>());
    }

    /// The example of GitHub's page "Validating webhook deliveries".
    #[test]
    fn github_signs_as_its_page_says() {
        let hook = hook(Sender::Github, "It's a Secret to Everybody");
        let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let late = good.replace("e17", "e18");
        check(
            &hook,
            "Hello, World!",
            &[
                &[
                    ("x-hub-signature-256", good),
                    ("x-github-event", "issues\r\nX: y"),
                    ("x-github-delivery", "1-2"),
                ],
                &[("x-hub-signature-256", good), ("x-github-delivery", "another")],
                &[("x-hub-signature-256", &late)],
                &[("x-hub-signature-256", &good[7..])],
                &[("x-hub-signature-256", "sha256=")],
                &[("x-hub-signature-256", "sha256=757")],
                &[("x-hub-signature", good)],
            ],
            expect![[r#"
                dffd6021bb2bd5b0af676290809ec3a5 issuesX: y 1-2
                dffd6021bb2bd5b0af676290809ec3a5 - another
                its `x-hub-signature-256` is not of this body by this webhook's secret
                its `x-hub-signature-256` is not of this body by this webhook's secret
                its `x-hub-signature-256` is not of this body by this webhook's secret
                its `x-hub-signature-256` is not of this body by this webhook's secret
                it has no `x-hub-signature-256`
            "#]],
        );
        let field = |_: &str| Some(good);
        assert!(prove(&hook, &field, b"Hello, World?", NOW).is_err());
    }

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn standard_webhooks_are_signed_with_their_time() {
        let hook = hook(Sender::Standard, &example());
        let body = r#"{"test": 2432232314}"#;
        let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
        let time = ("webhook-timestamp", "1614265330");
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        let both = format!("v1a,xyz v1,AAAA {good}");
        let signed = |text| ("webhook-signature", text);
        check(
            &hook,
            body,
            &[
                &[id, time, signed(good)],
                &[id, time, signed(&both)],
                &[("webhook-id", "msg_2"), time, signed(good)],
                &[id, ("webhook-timestamp", "1614265331"), signed(good)],
                &[id, time, signed(&good[3..])],
                &[id, signed(good)],
                &[time, signed(good)],
            ],
            expect![[r#"
                f9687cd8cba444e077ceaa14a68c044e - msg_p5jXN8AQM9LWM0D4loKWxJek
                f9687cd8cba444e077ceaa14a68c044e - msg_p5jXN8AQM9LWM0D4loKWxJek
                its `webhook-signature` is not of this body by this webhook's secret
                its `webhook-signature` is not of this body by this webhook's secret
                its `webhook-signature` is not of this body by this webhook's secret
                it has no `webhook-timestamp`
                it has no `webhook-id`
            "#]],
        );
        let fields = [id, time, signed(good)];
        let at = |ms: i64| proven(&hook, &fields, body.as_bytes(), NOW.plus(ms));
        expect![[r#"
            f9687cd8cba444e077ceaa14a68c044e - msg_p5jXN8AQM9LWM0D4loKWxJek
            its time is 301 s from this machine's, at most 300 are taken
            f9687cd8cba444e077ceaa14a68c044e - msg_p5jXN8AQM9LWM0D4loKWxJek
            its time is 301 s from this machine's, at most 300 are taken
        "#]]
        .assert_eq(&[at(300_999), at(301_000), at(-300_000), at(-300_001)].concat());
    }

    #[test]
    fn gitlab_shows_its_token_and_gitea_signs() {
        let token = |value| [("x-gitlab-token", value), ("x-gitlab-event", "Issue Hook")];
        let gitlab = hook(Sender::Gitlab, "0123456789abcdef");
        let cases = [token("0123456789abcdef"), token("0123456789abcdeF"), token("")];
        let cases: Vec<&[(&str, &str)]> = cases.iter().map(<[_; 2]>::as_slice).collect();
        check(
            &gitlab,
            "{}",
            &cases,
            expect![[r#"
            44136fa355b3678a1146ad16f7e8649e Issue Hook -
            its `x-gitlab-token` is not of this body by this webhook's secret
            its `x-gitlab-token` is not of this body by this webhook's secret
        "#]],
        );
        let gitea = hook(Sender::Gitea, "0123456789abcdef");
        let tag = &sign(&gitea, "", b"{}", NOW)[0].1;
        check(
            &gitea,
            "{}",
            &[
                &[("x-gitea-signature", tag), ("x-gitea-event", "issues")],
                &[("x-forgejo-signature", tag), ("x-forgejo-event", "issues")],
                &[("x-forgejo-signature", "00"), ("x-gitea-signature", tag)],
                &[("x-hub-signature-256", tag)],
            ],
            expect![[r#"
                44136fa355b3678a1146ad16f7e8649e issues -
                44136fa355b3678a1146ad16f7e8649e issues -
                its `x-forgejo-signature` is not of this body by this webhook's secret
                it has no `x-gitea-signature`
            "#]],
        );
    }

    #[test]
    fn what_is_signed_here_is_taken_here() {
        for from in [Sender::Github, Sender::Gitlab, Sender::Gitea, Sender::Standard] {
            let hook = hook(from, &example());
            let fields = sign(&hook, "m1", b"{}", NOW);
            let field =
                |name: &str| fields.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
            assert!(prove(&hook, &field, b"{}", NOW).is_ok(), "{from:?}");
            assert!(prove(&hook, &|_| None, b"{}", NOW).is_err(), "{from:?}");
        }
    }
}
