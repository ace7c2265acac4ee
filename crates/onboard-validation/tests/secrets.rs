//! What is a secret and what is not: tables of both, and this repository as what must be clean.

use expect_test::{Expect, expect};
use onboard_validation::secrets::{LineScreen, redact, scan};
use std::path::Path;

/// Joined here, so that this file itself has none.
fn token(prefix: &str, body: &str) -> String {
    format!("{prefix}{body}")
}

/// Letters that vary, the same at every run.
fn random(letters: &str, length: usize) -> String {
    let letters: Vec<char> = letters.chars().collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let draw = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        letters[usize::try_from(state >> 33).unwrap() % letters.len()]
    };
    (0..length).map(draw).collect()
}

const ALPHANUMERIC: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

fn positives() -> Vec<(&'static str, String)> {
    let any = |prefix, length| token(prefix, &random(ALPHANUMERIC, length));
    let hex = |prefix, length| token(prefix, &random(HEX, length));
    let part = |start: &str, length| format!("{start}{}", random(ALPHANUMERIC, length));
    let key = |name: &str, join: &str| {
        let lines: Vec<String> = (0..4).map(|_| random(ALPHANUMERIC, 64)).collect();
        let dashes = "-----";
        format!(
            "{dashes}BEGIN {name}{dashes}{join}{}{join}{dashes}END {name}{dashes}",
            lines.join(join)
        )
    };
    vec![
        ("aws-access-key", token("AKIA", &random(UPPER, 16))),
        ("aws-access-key", token("ASIA", &random(UPPER, 16))),
        ("github-token", any("ghp_", 36)),
        ("github-token", any("ghs_", 36)),
        ("github-token", format!("{}_{}", any("github_pat_", 22), random(ALPHANUMERIC, 59))),
        ("gitlab-token", any("glpat-", 20)),
        ("google-api-key", any("AIza", 35)),
        ("google-oauth-secret", any("GOCSPX-", 28)),
        ("slack-token", format!("xoxb-{}-{}", random("123456789", 12), random(ALPHANUMERIC, 24))),
        (
            "slack-webhook",
            format!(
                "https://hooks.slack.com/services/T{}/B{}/{}",
                random(UPPER, 8),
                random(UPPER, 8),
                random(ALPHANUMERIC, 24)
            ),
        ),
        ("stripe-key", any("sk_live_", 24)),
        ("stripe-key", any("rk_live_", 99)),
        ("npm-token", any("npm_", 36)),
        ("pypi-token", any("pypi-AgEIcHlwaS5vcmc", 170)),
        ("docker-token", any("dckr_pat_", 27)),
        ("hugging-face-token", any("hf_", 34)),
        ("anthropic-key", any("sk-ant-api03-", 93)),
        ("openai-key", any("sk-proj-", 48)),
        ("openai-key", any("sk-", 48)),
        ("sendgrid-key", format!("{}.{}", any("SG.", 22), random(ALPHANUMERIC, 43))),
        ("digitalocean-token", hex("dop_v1_", 64)),
        ("databricks-token", hex("dapi", 32)),
        ("age-key", token("AGE-SECRET-KEY-1", &random(UPPER, 58))),
        (
            "json-web-token",
            format!("{}.{}.{}", part("eyJ", 33), part("eyJ", 60), random(ALPHANUMERIC, 43)),
        ),
        ("private-key", key("RSA PRIVATE KEY", "\n")),
        ("private-key", key("PRIVATE KEY", "\\n")),
        ("private-key", key("OPENSSH PRIVATE KEY", "\n")),
        ("private-key", key("PGP PRIVATE KEY BLOCK", "\n")),
        (
            "password-in-url",
            format!("postgres://app:{}@db.internal:5432/app", random(ALPHANUMERIC, 14)),
        ),
        ("secret-assignment", format!("aws_secret_access_key = {}", random(ALPHANUMERIC, 40))),
        ("secret-assignment", format!("\"client_secret\": \"{}\"", random(ALPHANUMERIC, 32))),
        ("secret-assignment", format!("{{\\\"api_key\\\":\\\"{}\\\"}}", random(HEX, 32))),
        ("secret-assignment", format!("API-KEY: {}", random(HEX, 40))),
        ("secret-assignment", format!("export DB_PASSWORD='{}'", random(ALPHANUMERIC, 20))),
    ]
}

#[test]
fn every_form_is_found_wherever_it_stands() {
    for (rule, secret) in positives() {
        for (before, after) in
            [("", ""), ("in ", " words."), ("(", ")"), ("x\\n", "\\n"), ("\"", "\",")]
        {
            // A quote inside would end the assignment's value.
            let text = format!("{before}{secret}{after}");
            let found: Vec<&str> = scan(&text).iter().map(|secret| secret.rule).collect();
            assert_eq!(found, [rule], "{text}");
            let (clean, _) = redact(&text).expect("a secret");
            assert!(scan(&clean).is_empty(), "{clean}");
            assert!(clean.contains(&format!("[redacted: {rule}]")), "{clean}");
        }
    }
}

#[test]
fn what_only_looks_like_one_stays() {
    let hash = random(HEX, 64);
    let cases = [
        "AKIAIOSFODNN7EXAMPLE".to_string(),
        "AKIA and AKIAKIAKIAKIAKIAKIAKI".into(),
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".into(),
        "ghp_tooshort".into(),
        format!("weigh{}", random(ALPHANUMERIC, 40)),
        format!("sha256:{hash}"),
        format!("token = sha256-{hash}"),
        format!("{hash}  file.tar.gz"),
        format!("commit {}", &hash[..40]),
        "password = \"correct horse battery staple\"".into(),
        "password: ${DATABASE_PASSWORD_2024_V1_X9}".into(),
        "token = self.tokens.next_token_2_of_3_and_4()".into(),
        "let token = parse_utf8_token_v2_or_v3;".into(),
        "secret: my-team-secret-name-2026-v1".into(),
        "api_key = \"your-api-key-0a1b2c3d4e5f6g7h\"".into(),
        "password=/etc/ssl/v1/v2/v3/k3y5.pem".into(),
        "https://user:password@example.org/".into(),
        "https://user:$TOKEN_1a2b3c@host/".into(),
        "redis://localhost:6379/0".into(),
        "a://b:c@d".into(),
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----".into(),
        "paste what is between -----BEGIN PRIVATE KEY----- and -----END PRIVATE KEY----- here".into(),
        "eyJhbGciOi.not.a-token".into(),
        "fencing token: 18446744073709551615".into(),
        "risk-assessment-of-a-very-long-hyphenated-name-that-goes-on".into(),
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk".into(),
    ];
    for case in cases {
        assert!(scan(&case).is_empty(), "{case}: {:?}", scan(&case));
    }
}

fn lines(text: &str, expect: Expect) {
    let mut screen = LineScreen::default();
    let mut out = String::new();
    for line in text.lines() {
        match screen.line(line) {
            Some((clean, rules)) => out.push_str(&format!("{clean}  {rules:?}\n")),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    expect.assert_eq(&out);
}

#[test]
fn a_key_that_is_printed_line_by_line_is_told_once() {
    let line = random(ALPHANUMERIC, 64);
    let dashes = "-----";
    let key = format!(
        "before\n{dashes}BEGIN RSA PRIVATE KEY{dashes}\nProc-Type: 4,ENCRYPTED\n\n{line}\n{line}\nQ2hhbmdl=\n{dashes}END RSA PRIVATE KEY{dashes}\nafter\n"
    );
    lines(
        &key,
        expect![[r#"
        before
        -----BEGIN RSA PRIVATE KEY-----
        Proc-Type: 4,ENCRYPTED

        [redacted: private-key]  ["private-key"]
        [redacted: private-key]  []
        [redacted: private-key]  []
        -----END RSA PRIVATE KEY-----
        after
    "#]],
    );
    // One that never ends hides nothing that is no key.
    let open = format!("{dashes}BEGIN PRIVATE KEY{dashes}\nthe lines after it are words\nWORDS\n");
    lines(
        &open,
        expect![[r#"
        -----BEGIN PRIVATE KEY-----
        the lines after it are words
        WORDS
    "#]],
    );
}

#[test]
fn a_text_full_of_secrets_is_not_kept_at_all() {
    let one = token("ghp_", &random(ALPHANUMERIC, 36));
    let (clean, rules) = redact(&format!("{one} ").repeat(500)).expect("secrets");
    assert_eq!((clean.as_str(), rules.len()), ("[redacted: many secrets]", 100));
}

/// Texts of nothing but beginnings: looked through in a moment, however they go on. Were one gone
/// through again from each of its beginnings, this would take hours.
#[test]
fn a_text_full_of_beginnings_is_gone_through_once() {
    let dashes = "-----";
    let beginnings = [
        format!("{dashes}BEGIN PRIVATE KEY{dashes}\n"),
        format!("{dashes}BEGIN "),
        "-eyJ".into(),
        "eyJaaaaaaaaaaaa.".into(),
        "xoxb-".into(),
        " xoxb-xxxxabcdefghijklmnopqrstuv0123456789".into(),
        "ghp_".into(),
        "token=".into(),
        "://a:b".into(),
        "password: \"".into(),
    ];
    for beginning in beginnings {
        let text = beginning.repeat(500_000 / beginning.len());
        assert!(scan(&text).len() <= onboard_validation::secrets::MOST, "{beginning}");
    }
}

/// The sources, manifests and pages of this repository have no secret: what the rules find here is
/// wrong. Hashes, tokens of examples and random names are all over them.
#[test]
#[allow(clippy::disallowed_methods, reason = "the corpus is this repository")]
fn this_repository_is_clean() {
    fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                walk(&path, files);
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    walk(&root, &mut files);
    let (mut read, mut secrets) = (0, String::new());
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        read += text.len();
        let found = scan(&text);
        for secret in found {
            let (rule, what) = (secret.rule, &text[secret.range.clone()]);
            secrets += &format!("{}: {rule} {what}\n", file.display());
        }
    }
    assert!(secrets.is_empty(), "\n{secrets}");
    assert!(read > 2_000_000, "only {read} bytes were read");
}
