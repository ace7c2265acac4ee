//! What people can read about an agent and about each rule it knows. A rule is described beside the
//! code that judges by it, with the very constants that the code compares with; its example is what
//! the agent says of a planted project, which a test compares. `ai_onboard explain` prints it,
//! `docs/agents` and the manual pages are written from it.

mod page;

use serde::Serialize;

use crate::{builtins, change};

pub use page::{bound, markdown, of_rule, schedule, topics, wakes_on};

/// A rule: what makes an agent speak, and what to do about it.
#[derive(Debug, PartialEq, Serialize)]
pub struct Rule {
    /// As findings carry it: `quality/hotspot`.
    pub id: &'static str,
    /// Goes on after "it says".
    pub says: &'static str,
    /// Why that is worth a person's time.
    pub why: &'static str,
    /// All of these have to hold, but for those that begin with "or".
    pub when: &'static [Bound],
    /// What ends it, beside what ends any finding.
    pub silence: &'static str,
}

/// A condition of a rule and where it comes from.
#[derive(Debug, PartialEq, Serialize)]
pub struct Bound {
    /// `{}` stands for the value.
    pub text: &'static str,
    /// As the code compares with it, in the unit that the text says.
    pub value: Option<f64>,
    /// A publication, a standard, a measurement, or whose judgement it is.
    pub source: &'static str,
}

impl Bound {
    /// A condition with a number in it.
    pub const fn at(text: &'static str, value: f64, source: &'static str) -> Self {
        Self { text, value: Some(value), source }
    }

    /// A condition without.
    pub const fn that(text: &'static str, source: &'static str) -> Self {
        Self { text, value: None, source }
    }
}

/// All that is written about an agent, or about a command that judges.
#[derive(Debug)]
pub struct Manual {
    /// The agent's name, or the command's.
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    /// The manifest it starts with; a command has none.
    pub manifest: Option<&'static str>,
    /// What it is for, what it reads, and what is known of how well it does; Markdown.
    pub about: &'static str,
    pub rules: &'static [&'static Rule],
    /// Events that it emits, each with when.
    pub publishes: &'static [(&'static str, &'static str)],
    /// Shared values that it writes, each with what is in it.
    pub shares: &'static [(&'static str, &'static str)],
    /// Examples, one a rule: a line `=== RULE`, then what the agent said.
    pub examples: &'static str,
}

impl Manual {
    /// What the agent said of a planted project by a rule.
    pub fn example(&self, rule: &str) -> Option<&'static str> {
        let mut parts = self.examples.split("=== ").skip(1);
        let part = parts.find(|part| part.lines().next() == Some(rule))?;
        part.split_once('\n').map(|(_, example)| example.trim_end())
    }
}

/// All of them: the agents by name, then the command that judges one change.
pub fn all() -> impl Iterator<Item = &'static Manual> {
    builtins().iter().map(|agent| agent.manual).chain([&change::MANUAL])
}

/// A rule and whose it is: the first that tells by it.
pub fn rule(id: &str) -> Option<(&'static Manual, &'static Rule)> {
    let of = |manual: &'static Manual| {
        manual.rules.iter().find(|rule| rule.id == id).map(|rule| (manual, *rule))
    };
    all().find_map(of)
}

/// How any finding is answered, said on every page.
pub const SILENCE: &str = "\
`ai_onboard recommendations dismiss ID --reason TEXT` ends one for good, whichever run finds it again; \
`snooze ID --for 14d` hides it for a while. A rule that people find useless mutes itself, and \
`ai_onboard background-agents stop NAME` takes the whole agent off its schedule.";
