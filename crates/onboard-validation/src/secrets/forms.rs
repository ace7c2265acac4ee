//! Tokens whose issuers gave them a form, so that they can be found: prefix, alphabet, length.
//!
//! The forms are the issuers' published ones.

use super::{is_edge, is_placeholder, variety};
use core::ops::Range;

/// The alphabet of a token after its prefix.
#[derive(Clone, Copy)]
enum Letters {
    Alphanumeric,
    /// And `_`.
    Word,
    /// And `-` and `_`.
    Base64Url,
    /// Upper-case letters and digits.
    Upper,
    Hex,
    /// And `/`, `-`, `_`: the secret rest of a web hook's address.
    Path,
}

struct Form {
    rule: &'static str,
    prefix: &'static str,
    letters: Letters,
    /// Fewest and most letters after the prefix.
    length: (usize, usize),
}

/// Where a form has no maximum of its own: longer than any that was seen, short enough that a text
/// full of beginnings costs little.
const LONG: usize = 400;
/// Letters of a web token's header and of each of its other parts.
const HEADER: usize = 1_024;
const PART: usize = 16 * 1024;

const fn form(
    rule: &'static str,
    prefix: &'static str,
    letters: Letters,
    length: (usize, usize),
) -> Form {
    Form { rule, prefix, letters, length }
}

use Letters::{Alphanumeric, Base64Url, Hex, Path, Upper, Word};

const FORMS: &[Form] = &[
    form("aws-access-key", "AKIA", Upper, (16, 16)),
    form("aws-access-key", "ASIA", Upper, (16, 16)),
    form("github-token", "ghp_", Alphanumeric, (36, 255)),
    form("github-token", "gho_", Alphanumeric, (36, 255)),
    form("github-token", "ghu_", Alphanumeric, (36, 255)),
    form("github-token", "ghs_", Alphanumeric, (36, 255)),
    form("github-token", "ghr_", Alphanumeric, (36, 255)),
    form("github-token", "github_pat_", Word, (60, 255)),
    form("gitlab-token", "glpat-", Base64Url, (20, 300)),
    form("gitlab-token", "gldt-", Base64Url, (20, 300)),
    form("gitlab-token", "glrt-", Base64Url, (20, 300)),
    form("google-api-key", "AIza", Base64Url, (35, 35)),
    form("google-oauth-secret", "GOCSPX-", Base64Url, (28, 28)),
    form("google-oauth-token", "ya29.", Base64Url, (30, LONG)),
    form("slack-token", "xoxb-", Base64Url, (24, LONG)),
    form("slack-token", "xoxp-", Base64Url, (24, LONG)),
    form("slack-token", "xoxa-", Base64Url, (24, LONG)),
    form("slack-token", "xoxr-", Base64Url, (24, LONG)),
    form("slack-token", "xoxs-", Base64Url, (24, LONG)),
    form("slack-token", "xapp-", Base64Url, (24, LONG)),
    form("slack-webhook", "hooks.slack.com/services/T", Path, (30, 120)),
    form("discord-webhook", "discord.com/api/webhooks/", Path, (70, 120)),
    form("stripe-key", "sk_live_", Alphanumeric, (16, 250)),
    form("stripe-key", "rk_live_", Alphanumeric, (16, 250)),
    form("stripe-key", "sk_test_", Alphanumeric, (24, 250)),
    form("stripe-webhook-secret", "whsec_", Alphanumeric, (32, 100)),
    form("npm-token", "npm_", Alphanumeric, (36, 36)),
    form("pypi-token", "pypi-AgEIcHlwaS5vcmc", Base64Url, (50, LONG)),
    form("pypi-token", "pypi-AgENdGVzdC5weXBpLm9yZw", Base64Url, (50, LONG)),
    form("rubygems-token", "rubygems_", Hex, (48, 48)),
    form("docker-token", "dckr_pat_", Base64Url, (27, 60)),
    form("hugging-face-token", "hf_", Alphanumeric, (34, 40)),
    form("anthropic-key", "sk-ant-", Base64Url, (80, 200)),
    form("openai-key", "sk-proj-", Base64Url, (40, 250)),
    form("openai-key", "sk-svcacct-", Base64Url, (40, 250)),
    form("openai-key", "sk-", Alphanumeric, (48, 48)),
    form("sendgrid-key", "SG.", Base64Url, (22, 22)),
    form("digitalocean-token", "dop_v1_", Hex, (64, 64)),
    form("digitalocean-token", "doo_v1_", Hex, (64, 64)),
    form("shopify-token", "shpat_", Hex, (32, 32)),
    form("shopify-token", "shpss_", Hex, (32, 32)),
    form("databricks-token", "dapi", Hex, (32, 32)),
    form("linear-key", "lin_api_", Alphanumeric, (40, 40)),
    form("vault-token", "hvs.", Base64Url, (90, 300)),
    form("age-key", "AGE-SECRET-KEY-1", Upper, (58, 58)),
];

/// Bytes that a form begins with; checked before the table, since most bytes begin none.
const FIRST: [bool; 256] = {
    let mut first = [false; 256];
    let mut at = 0;
    while at < FORMS.len() {
        first[FORMS[at].prefix.as_bytes()[0] as usize] = true;
        at += 1;
    }
    first[b'e' as usize] = true;
    first
};

/// The token that begins at `at`.
pub(super) fn token(bytes: &[u8], at: usize) -> Option<(&'static str, Range<usize>)> {
    if !FIRST[usize::from(bytes[at])] || !is_edge(bytes, at) {
        return None;
    }
    if let Some(end) = web_token(&bytes[at..]) {
        return Some(("json-web-token", at..at + end));
    }
    FORMS.iter().find_map(|form| Some((form.rule, at..at + form.end(&bytes[at..])?)))
}

impl Form {
    /// Where a token of this form ends that begins where `rest` does.
    fn end(&self, rest: &[u8]) -> Option<usize> {
        let body = rest.strip_prefix(self.prefix.as_bytes())?;
        let (least, most) = self.length;
        let mut length = run(body, self.letters, most + 1);
        if self.rule == "sendgrid-key" {
            // Two parts with a dot between, of 22 and 43.
            let second = body.get(length..)?.strip_prefix(b".")?;
            if length != 22 || run(second, Base64Url, 44) != 43 {
                return None;
            }
            length += 1 + 43;
        } else if length < least || length > most {
            return None;
        }
        let body = &body[..length];
        // Of letters drawn at random, ten in sixteen differ; placeholders repeat themselves.
        let varied = variety(body) >= if length < 24 { 7 } else { 10 };
        // What people write in its place, they write at its beginning.
        let start = &body[..length.min(64)];
        (varied && !is_placeholder(start)).then(|| self.prefix.len() + length)
    }
}

/// Three parts of base64 with dots between; the first two are JSON objects, so they begin alike. The
/// header's plain text has letters and digits alone as base64.
fn web_token(rest: &[u8]) -> Option<usize> {
    let part = |from: usize, start: &[u8], letters, most| {
        let part = rest.get(from..)?;
        if !part.starts_with(start) {
            return None;
        }
        let length = run(part, letters, most);
        (length >= 12).then_some(from + length)
    };
    let header = part(0, b"eyJ", Alphanumeric, HEADER)?;
    (rest.get(header) == Some(&b'.')).then_some(())?;
    let claims = part(header + 1, b"eyJ", Base64Url, PART)?;
    (rest.get(claims) == Some(&b'.')).then_some(())?;
    part(claims + 1, b"", Base64Url, PART)
}

/// How many of the first bytes, at most so many, are of an alphabet.
fn run(bytes: &[u8], letters: Letters, most: usize) -> usize {
    let is_of = |byte: &u8| match letters {
        Alphanumeric => byte.is_ascii_alphanumeric(),
        Word => byte.is_ascii_alphanumeric() || *byte == b'_',
        Base64Url => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
        Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        Hex => byte.is_ascii_hexdigit(),
        Path => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/'),
    };
    bytes.iter().take(most).take_while(|byte| is_of(byte)).count()
}
