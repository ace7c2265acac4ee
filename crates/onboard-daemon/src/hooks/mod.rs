//! Webhooks as their owner wrote them down: each in a file that only that user can read, with its
//! secret. What came with a repository has no say in them.

pub mod messenger;
pub mod outbox;
pub mod retry;
pub mod signature;

use crate::credentials::{SECRET_MAX, SECRET_MIN};
use crate::kept::{Kept, KeptError, wrong};
use messenger::Wanted;
use onboard_domain::hook::bounds;
use onboard_domain::state::bounds::KEY;
use onboard_egress::broker::Secret;
use onboard_egress::broker::Target;
use onboard_egress::broker::secret::{base64, unbase64};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What a secret of Standard Webhooks begins with; base64 follows.
pub const PREFIX: &str = "whsec_";
/// Bytes of such a secret, by its specification.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// Bytes of one that is made here: as many as the signature's hash has.
const NEW_KEY: usize = 32;
/// Kinds of events that one webhook may be told.
const EVENTS: usize = 32;
const FORMAT: u32 = 1;

/// A webhook, and its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hook {
    format: u32,
    pub way: Way,
    secret: String,
}

/// Which way it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Others call the daemon.
    In {
        from: Sender,
        /// The root of the project that it is of.
        project: String,
    },
    /// The daemon tells others, signed as Standard Webhooks are.
    Out {
        /// An address such as `https://example.org/x`, or one of this machine.
        to: String,
        /// The host may have addresses that are not public: a person said so.
        may_be_private: bool,
        #[serde(flatten)]
        wanted: Wanted,
    },
}

/// How a sender proves that it has the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// `X-Hub-Signature-256` over the body.
    Github,
    /// The secret itself, in `X-Gitlab-Token`.
    Gitlab,
    /// `X-Gitea-Signature` or `X-Forgejo-Signature` over the body.
    Gitea,
    /// Standard Webhooks: `webhook-signature` over `webhook-id`, `webhook-timestamp` and the body.
    /// GitLab's signing tokens are these, too.
    Standard,
}

impl Sender {
    /// The word for it, here and at the command line.
    pub fn word(self) -> &'static str {
        match self {
            Sender::Github => "github",
            Sender::Gitlab => "gitlab",
            Sender::Gitea => "gitea",
            Sender::Standard => "standard",
        }
    }
}

/// A user's webhooks.
#[derive(Clone, Debug)]
pub struct Hooks(Kept);

impl Hooks {
    /// Those in `folder`.
    pub fn new(folder: PathBuf) -> Hooks {
        Hooks(Kept::new(folder, "hooks", bounds::HOOKS))
    }

    /// Keeps a webhook; one of that name is replaced. Says whether there was one.
    ///
    /// # Errors
    /// What is wrong with it, or why it can't be written.
    pub fn add(&self, name: &str, way: Way, secret: &Secret) -> Result<bool, KeptError> {
        check_secret(&way, secret.reveal())?;
        check_way(&way)?;
        self.0.put(name, &Hook { format: FORMAT, way, secret: secret.reveal().into() })
    }

    /// Forgets a webhook; says whether there was one.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &str) -> Result<bool, KeptError> {
        self.0.remove(name)
    }

    /// The names of all, in their order.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub fn names(&self) -> Result<Vec<String>, KeptError> {
        self.0.names()
    }

    /// One of them, without its secret in anything that prints.
    ///
    /// # Errors
    /// When there is none, others can read it, or it is not what was written.
    pub fn get(&self, name: &str) -> Result<Hook, KeptError> {
        let hook = self.0.get(name, |hook: &Hook| hook.format == FORMAT)?;
        // A secret that was edited by hand to nothing would be everybody's.
        check_secret(&hook.way, &hook.secret)?;
        Ok(hook)
    }
}

impl Hook {
    /// The secret, for whoever proves by it.
    pub fn secret(&self) -> Secret {
        Secret::new(self.secret.clone())
    }

    /// What signatures are made with.
    pub fn key(&self) -> Vec<u8> {
        match is_standard(&self.way) {
            true => decoded(&self.secret).unwrap_or_default(),
            false => self.secret.clone().into_bytes(),
        }
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.way)
    }
}

/// A new secret, which every sender takes.
///
/// # Errors
/// When the kernel gives no random bytes.
pub fn new_secret() -> io::Result<Secret> {
    let mut bytes = [0_u8; NEW_KEY];
    let mut filled = 0;
    while filled < NEW_KEY {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
    }
    Ok(Secret::new(format!("{PREFIX}{}", base64(&bytes))))
}

fn is_standard(way: &Way) -> bool {
    match way {
        Way::In { from, .. } => *from == Sender::Standard,
        Way::Out { .. } => true,
    }
}

fn decoded(secret: &str) -> Option<Vec<u8>> {
    let key = unbase64(secret.strip_prefix(PREFIX)?.as_bytes())?;
    KEY_BYTES.contains(&key.len()).then_some(key)
}

fn check_way(way: &Way) -> Result<(), KeptError> {
    let Way::Out { to, wanted, .. } = way else { return Ok(()) };
    Target::url(to).map_err(|error| {
        let mend = "write an address such as `https://example.org/hooks/7`, or one of this machine \
                    with its port, such as `http://127.0.0.1:8080/`";
        wrong(format!("`{}`: {error}", to.escape_debug()), mend)
    })?;
    let is_kind = |kind: &String| {
        let form = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        (1..=KEY).contains(&kind.len()) && kind.chars().all(form)
    };
    if wanted.events.is_empty() || wanted.events.len() > EVENTS {
        return Err(wrong(format!("it names {} events", wanted.events.len()), "name 1 to 32"));
    }
    match wanted.events.iter().find(|kind| !is_kind(kind)) {
        Some(kind) => {
            let what = format!("`{}` is no kind of event", kind.escape_debug());
            Err(wrong(what, "write one such as `finding.recorded`, or its beginning, `finding`"))
        }
        None => Ok(()),
    }
}

fn check_secret(way: &Way, secret: &str) -> Result<(), KeptError> {
    const MADE: &str = "`--generate` makes one";
    if is_standard(way) {
        let what = format!("that is no secret of Standard Webhooks, `{PREFIX}` and base64");
        return decoded(secret).map(drop).ok_or_else(|| wrong(what, MADE));
    }
    // Whoever sees a signed request can try secrets on it for as long as they like.
    if !(2 * SECRET_MIN..=SECRET_MAX).contains(&secret.len()) {
        let mend = format!("give {} to {SECRET_MAX}, random ones; {MADE}", 2 * SECRET_MIN);
        return Err(wrong(format!("the secret has {} bytes", secret.len()), mend));
    }
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    if !secret.bytes().all(visible) || secret.trim() != secret {
        let what = "the secret has a character that no field of a request can carry";
        return Err(wrong(what, format!("give one line of printable ASCII; {MADE}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn of(from: Sender) -> Way {
        Way::In { from, project: "/p".into() }
    }

    #[test]
    fn a_secret_is_kept_and_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let hooks = Hooks::new(home.path().join("hooks"));
        let secret = new_secret().unwrap();
        assert_ne!(secret, new_secret().unwrap());
        for from in [Sender::Github, Sender::Gitlab, Sender::Gitea, Sender::Standard] {
            hooks.add(from.word(), of(from), &secret).unwrap();
            let hook = hooks.get(from.word()).unwrap();
            assert_eq!((hook.secret(), &hook.way), (secret.clone(), &of(from)));
            assert!(!format!("{hook:?}").contains("whsec_"));
            assert_eq!(hook.key().len(), if from == Sender::Standard { 32 } else { 50 });
        }
        assert_eq!(hooks.names().unwrap(), ["gitea", "github", "gitlab", "standard"]);
        assert!(hooks.remove("gitea").unwrap() && hooks.get("gitea").is_err());
    }

    #[test]
    fn a_weak_secret_is_refused() {
        let cases = [
            (Sender::Github, "hunter22"),
            (Sender::Gitlab, "0123456789abcdef\n"),
            (Sender::Standard, "0123456789abcdef0123456789abcdef"),
            (Sender::Standard, "whsec_c2hvcnQ="),
        ];
        let why = |(from, secret): &(Sender, &str)| {
            let why = check_secret(&of(*from), secret).unwrap_err().to_string();
            format!("{}: {why}\n", from.word())
        };
        expect![[r#"
            github: the secret has 8 bytes; give 16 to 8192, random ones; `--generate` makes one
            gitlab: the secret has a character that no field of a request can carry; give one line of printable ASCII; `--generate` makes one
            standard: that is no secret of Standard Webhooks, `whsec_` and base64; `--generate` makes one
            standard: that is no secret of Standard Webhooks, `whsec_` and base64; `--generate` makes one
        "#]].assert_eq(&cases.iter().map(why).collect::<String>());
    }
}
