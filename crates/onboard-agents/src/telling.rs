//! Handing findings over: what was said before and still holds is said again, so that the host sees
//! which of it no longer holds, and a few new ones are added. Only what no longer holds is taken back:
//! how many people hear at once bounds what is new, never what stands.

use std::collections::{BTreeMap, BTreeSet};

use onboard_domain::Fingerprint;

use crate::host::{AgentError, Finding, Host, Severity};
use crate::wording::Wording;

/// What holds.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    /// The most important first.
    pub findings: Vec<Finding>,
    /// What is as true as before, and no news: it goes on standing where it was said, and is not said
    /// anew.
    pub standing: Vec<Finding>,
    /// Of what was said and no longer holds: the commit that did what the finding suggested.
    pub done: BTreeMap<Fingerprint, String>,
}

/// How much people hear at once.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// New findings of one run.
    pub new: usize,
    /// Findings of a rule that stand at a time: further ones wait until one of these no longer
    /// holds. Rules that are not here have no such bound.
    pub of_rule: &'a [(&'a str, usize)],
}

/// What a run said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub new: usize,
    /// Said before, and no longer so.
    pub gone: usize,
    /// Left for the next runs.
    pub waiting: usize,
}

/// Tells what holds, the most important first, at most `most_new` that nobody has heard.
///
/// # Errors
/// When the host is gone.
pub fn tell(
    host: &mut dyn Host,
    holds: &[Finding],
    reported: &mut BTreeSet<Fingerprint>,
    most_new: usize,
) -> Result<Told, AgentError> {
    let holds = Holds { findings: holds.to_vec(), ..Holds::default() };
    tell_within(host, &holds, reported, Room { new: most_new, of_rule: &[] })
}

/// Tells what was said before and still holds, and of what nobody has heard as much as there is room
/// for.
///
/// # Errors
/// When the host is gone.
pub fn tell_within(
    host: &mut dyn Host,
    holds: &Holds,
    reported: &mut BTreeSet<Fingerprint>,
    room: Room<'_>,
) -> Result<Told, AgentError> {
    let before = std::mem::take(reported);
    let (told, count) = choose(&before, holds, room);
    let is_told =
        |fingerprint: &Fingerprint| told.iter().any(|one| one.fingerprint == *fingerprint);
    let gone = before.iter().filter(|fingerprint| !is_told(fingerprint));
    for (fingerprint, commit) in gone.filter_map(|one| Some((one, holds.done.get(one)?))) {
        host.resolve_finding(fingerprint, commit)?;
    }
    let mut wording = Wording::begin(host)?;
    for finding in told {
        let mut finding = finding.clone();
        if !before.contains(&finding.fingerprint) {
            finding.worded = wording.put(host, &finding)?.map(Box::new);
        }
        host.record_finding(finding.clone())?;
        reported.insert(finding.fingerprint.clone());
    }
    Ok(count)
}

/// What is said of what holds, after what was said before.
fn choose<'a>(
    before: &BTreeSet<Fingerprint>,
    holds: &'a Holds,
    room: Room<'_>,
) -> (Vec<&'a Finding>, Told) {
    let mut said: BTreeSet<&Fingerprint> = BTreeSet::new();
    let mut told: Vec<&Finding> = Vec::new();
    let all = || holds.findings.iter().chain(&holds.standing);
    let is_old = |finding: &&Finding| before.contains(&finding.fingerprint);
    told.extend(all().filter(is_old).filter(|finding| said.insert(&finding.fingerprint)));
    let old = told.len();
    // The same thing in another class is said at once: without it, it would seem to be over.
    let is_regraded = |finding: &&Finding| was_said_otherwise(finding, before);
    told.extend(all().filter(is_regraded).filter(|finding| said.insert(&finding.fingerprint)));
    let mut of_rule: BTreeMap<&str, usize> = BTreeMap::new();
    told.iter().for_each(|finding| *of_rule.entry(&finding.rule).or_default() += 1);
    let mut left = room.new;
    for finding in &holds.findings {
        let most = room.of_rule.iter().find(|(rule, _)| *rule == finding.rule);
        let standing = of_rule.entry(&finding.rule).or_default();
        let is_full = most.is_some_and(|(_, most)| *standing >= *most);
        if left > 0 && !is_full && said.insert(&finding.fingerprint) {
            *standing += 1;
            left -= 1;
            told.push(finding);
        }
    }
    let gone = before.iter().filter(|fingerprint| !said.contains(fingerprint)).count();
    let waiting: BTreeSet<&Fingerprint> =
        holds.findings.iter().map(|finding| &finding.fingerprint).collect();
    let waiting = waiting.difference(&said).count();
    let count = Told { new: told.len() - old, gone, waiting };
    (told, count)
}

const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// Whether the same rule said it of the same target, in another class of severity.
fn was_said_otherwise(finding: &Finding, before: &BTreeSet<Fingerprint>) -> bool {
    !before.contains(&finding.fingerprint)
        && SEVERITIES.iter().any(|severity| {
            let same = Finding::new(&finding.rule, *severity, &finding.target, "", "", "", vec![]);
            before.contains(&same.fingerprint)
        })
}

impl Told {
    /// In words: what this run has to say that the one before had not.
    pub fn words(self) -> String {
        let part = |count: usize, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts: Vec<String> = [
            part(self.new, "new"),
            part(self.gone, "resolved"),
            part(self.waiting, "more to follow"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { "nothing new".to_owned() } else { parts.join(", ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// `rule target severity`, a finding a line; what is said after what was said before, twice.
    fn check(before: &str, holds: &str, standing: &str, expected: Expect) {
        let findings = |text: &str| -> Vec<Finding> {
            let one = |line: &str| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let named = |severity: &&Severity| severity.to_string() == words[2];
                let severity = SEVERITIES.iter().find(named).expect("a severity");
                Finding::new(words[0], *severity, words[1], "t", "d", "a", vec![])
            };
            text.split(',').filter(|line| !line.trim().is_empty()).map(one).collect()
        };
        let mut said: BTreeSet<Fingerprint> =
            findings(before).into_iter().map(|finding| finding.fingerprint).collect();
        let holds =
            Holds { findings: findings(holds), standing: findings(standing), ..Holds::default() };
        let mut lines = Vec::new();
        for _ in 0..2 {
            let (told, count) = choose(&said, &holds, Room { new: 2, of_rule: &[("few", 2)] });
            let names: Vec<String> = told
                .iter()
                .map(|finding| format!("{} {} {}", finding.rule, finding.target, finding.severity))
                .collect();
            lines.push(format!("{}: {}", count.words(), names.join(", ")));
            said = told.iter().map(|finding| finding.fingerprint.clone()).collect();
        }
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn what_stands_is_not_displaced_by_what_is_more_urgent() {
        check(
            "few a low, few b low",
            "few new low, few a low, few b low",
            "",
            expect![[r#"
                1 more to follow: few a low, few b low
                1 more to follow: few a low, few b low"#]],
        );
    }

    #[test]
    fn what_no_longer_holds_makes_room() {
        check(
            "few a low, few b low",
            "few new low, few other low, few b low, many c low",
            "",
            expect![[r#"
                2 new, 1 resolved, 1 more to follow: few b low, few new low, many c low
                1 more to follow: few new low, few b low, many c low"#]],
        );
    }

    #[test]
    fn what_is_no_news_stands_where_it_was_said() {
        check(
            "many a low",
            "many all low",
            "many a low, many b low",
            expect![[r#"
            1 new: many a low, many all low
            nothing new: many all low, many a low"#]],
        );
    }

    #[test]
    fn another_class_is_said_at_once() {
        check(
            "many z low",
            "many a low, many b low, many c low, many z high",
            "",
            expect![[r#"
                3 new, 1 resolved, 1 more to follow: many z high, many a low, many b low
                1 new: many a low, many b low, many z high, many c low"#]],
        );
    }
}
