//! What an agent tried that its walls or its host did not allow: one record of one sensor.

use alloc::string::String;
use core::fmt::Write;
use serde::{Deserialize, Serialize};

/// Longest texts of a violation, in bytes after escaping: a line of a terminal, not a document.
pub mod bounds {
    pub const WHAT: usize = 80;
    pub const TARGET: usize = 400;
    pub const COMM: usize = 64;
    /// Different violations that one run may have on record; further ones are only counted.
    pub const PER_RUN: usize = 100;
}

/// One thing that was tried and refused, as often as it was tried in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub sensor: Sensor,
    pub confidence: Confidence,
    pub rule: Rule,
    /// What was tried: a system call with its intent, `connect tcp`, `exec`.
    pub what: String,
    /// Where: a path, `host:port`, a command line, a limit with its value. Escaped.
    pub target: String,
    /// What `target` turned out to be, where that differs: a link's end, a name's address. Escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    /// The short name of the process that tried, as the kernel has it. Escaped; empty: unknown.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comm: String,
    pub action: Action,
    /// How often, at least once.
    pub count: u64,
}

/// An enum of stable words, the same in Rust, in JSON and for people.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $variant),* }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            /// The stable word for people and programs; the same as in JSON.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Who saw it.
    Sensor {
        /// The file system that lies over a forbidden path.
        Mask = "mask",
        /// The notifier that system calls with an intent to write, execute or connect pass.
        Notifier = "notifier",
        /// A socket that nobody should have come to, and the egress proxy.
        Network = "network",
        /// A counter of the run's control group.
        Group = "group",
        /// The launcher, which watches limits that no control group holds.
        Launcher = "launcher",
        /// The daemon: deadlines, output, the agent's protocol.
        Host = "host",
    }
}

words! {
    /// How sure the record is. What was refused is certain in both cases; a hint may name the wrong
    /// path, because the agent's memory could change between the look and the refusal.
    Confidence {
        Kernel = "kernel",
        Hint = "hint",
    }
}

words! {
    /// Which rule was touched.
    Rule {
        ForbiddenPath = "forbidden_path",
        ReadOnlyPath = "read_only_path",
        OutsidePath = "outside_path",
        FileTooLarge = "file_too_large",
        ForbiddenCommand = "forbidden_command",
        UnusualExec = "unusual_exec",
        DeniedSyscall = "denied_syscall",
        ForbiddenHost = "forbidden_host",
        ForbiddenPort = "forbidden_port",
        ForbiddenProtocol = "forbidden_protocol",
        PrivateAddress = "private_address",
        SniMismatch = "sni_mismatch",
        ForbiddenName = "forbidden_name",
        /// A credential or model was asked for in a way that only its own run may, or that it is not
        /// for.
        ForbiddenCredential = "forbidden_credential",
        NetworkRate = "network_rate",
        NetworkVolume = "network_volume",
        UnixSocket = "unix_socket",
        /// Something that run-times try when they start, and do without.
        UnavailableFeature = "unavailable_feature",
        CpuThrottled = "cpu_throttled",
        OutOfMemory = "out_of_memory",
        TooManyProcesses = "too_many_processes",
        IoThrottled = "io_throttled",
        StorageQuota = "storage_quota",
        Deadline = "deadline",
        OutputTooLarge = "output_too_large",
        OutputInvalid = "output_invalid",
        OutputSecret = "output_secret",
        OutputFlood = "output_flood",
        BudgetExceeded = "budget_exceeded",
        /// A shared value that is not the agent's to read or write.
        ForbiddenKey = "forbidden_key",
        /// A kernel counter has more refusals than there are records.
        Unattributed = "unattributed",
    }
}

words! {
    /// What happened to the attempt.
    Action {
        /// It was refused; the agent went on.
        Denied = "denied",
        /// It was held back, and went on more slowly.
        Throttled = "throttled",
        /// The process or the run was killed for it.
        Killed = "killed",
        /// It went through, and is worth knowing.
        Noted = "noted",
    }
}

impl Rule {
    /// Whether honest programs try this as well, and do without: it weighs less.
    pub fn is_light(self) -> bool {
        matches!(
            self,
            Rule::ReadOnlyPath | Rule::OutsidePath | Rule::UnixSocket | Rule::UnavailableFeature
        )
    }

    /// Whether this is a limit that was reached, rather than something the agent may never do.
    /// Honest work reaches limits; it does not open forbidden files.
    pub fn is_limit(self) -> bool {
        matches!(
            self,
            Rule::FileTooLarge
                | Rule::NetworkRate
                | Rule::NetworkVolume
                | Rule::CpuThrottled
                | Rule::OutOfMemory
                | Rule::TooManyProcesses
                | Rule::IoThrottled
                | Rule::StorageQuota
                | Rule::Deadline
                | Rule::OutputTooLarge
                | Rule::OutputFlood
                | Rule::BudgetExceeded
        )
    }
}

impl Violation {
    /// A violation that was seen once, its texts escaped and cut to their bounds.
    pub fn new(sensor: Sensor, rule: Rule, what: &str, target: &[u8]) -> Violation {
        Violation {
            sensor,
            confidence: Confidence::Kernel,
            rule,
            what: escape(what.as_bytes(), bounds::WHAT),
            target: escape(target, bounds::TARGET),
            resolved: None,
            comm: String::new(),
            action: Action::Denied,
            count: 1,
        }
    }

    /// The same, read from memory that the agent could have changed meanwhile.
    pub fn hint(mut self) -> Violation {
        self.confidence = Confidence::Hint;
        self
    }

    /// With what the target turned out to be.
    pub fn resolved(mut self, resolved: &[u8]) -> Violation {
        self.resolved = Some(escape(resolved, bounds::TARGET));
        self
    }

    /// With the short name of the process.
    pub fn by(mut self, comm: &[u8]) -> Violation {
        self.comm = escape(comm, bounds::COMM);
        self
    }

    /// With what happened to the attempt.
    pub fn with(mut self, action: Action) -> Violation {
        self.action = action;
        self
    }

    /// With how often it was seen.
    pub fn times(mut self, count: u64) -> Violation {
        self.count = count;
        self
    }

    /// Whether the two are the same attempt again, so that one record can count both.
    pub fn is_like(&self, other: &Violation) -> bool {
        (self.sensor, self.rule, self.action) == (other.sensor, other.rule, other.action)
            && self.what == other.what
            && self.target == other.target
            && self.comm == other.comm
    }
}

/// Bytes of an agent's making as one line of printable ASCII and letters: control characters,
/// invalid UTF-8, marks that turn the direction of text and line separators as escapes, at most
/// `max` bytes, with `…` where it was cut.
pub fn escape(bytes: &[u8], max: usize) -> String {
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut piece = String::new();
            match c {
                '\\' => piece.push_str("\\\\"),
                ' ' => piece.push(' '),
                c if c.is_alphanumeric() || c.is_ascii_graphic() => piece.push(c),
                c => piece.extend(c.escape_default()),
            }
            if !fits(&mut out, &piece, max) {
                return out;
            }
        }
        for byte in chunk.invalid() {
            let mut piece = String::new();
            // Writing to a string can't fail.
            let _ = write!(piece, "\\x{byte:02x}");
            if !fits(&mut out, &piece, max) {
                return out;
            }
        }
    }
    out
}

/// Adds `piece`, or the sign that something was cut.
fn fits(out: &mut String, piece: &str, max: usize) -> bool {
    const CUT: char = '…';
    let room = max.saturating_sub(CUT.len_utf8());
    if out.len() + piece.len() <= room {
        out.push_str(piece);
        return true;
    }
    out.push(CUT);
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(cases: &[&[u8]], expect: Expect) {
        let lines: String =
            cases.iter().map(|case| alloc::format!("{}\n", escape(case, 24))).collect();
        expect.assert_eq(&lines);
    }

    #[test]
    fn what_an_agent_names_stays_on_one_line_and_says_what_it_is() {
        check(
            &[
                b"/project/system/key",
                "/project/größe".as_bytes(),
                b"two\nlines",
                b"\x1b[31mred",
                "right\u{202e}left".as_bytes(),
                b"bad\xff\xfe",
                b"back\\slash",
                b"a name that is much too long for its place",
            ],
            expect![[r#"
                /project/system/key
                /project/größe
                two\nlines
                \u{1b}[31mred
                right\u{202e}left
                bad\xff\xfe
                back\\slash
                a name that is much t…
            "#]],
        );
    }

    #[test]
    fn every_word_is_the_one_in_json() {
        fn same<T: serde::Serialize + core::fmt::Display>(all: &[T]) {
            for one in all {
                let json = serde_json::to_string(one).expect("a word");
                assert_eq!(json, alloc::format!("\"{one}\""));
            }
        }
        same(Sensor::ALL);
        same(Confidence::ALL);
        same(Rule::ALL);
        same(Action::ALL);
    }
}
