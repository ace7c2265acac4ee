//! From what is remembered to findings: pure.

pub mod connection;
mod coverage;
pub mod packages;
mod tests_of_the_project;

use onboard_analysis::calendar::{date_text, day_of};

use super::remotes::Remote;
use super::results::{Alerts, Fresh, Results};
use crate::host::{Evidence, Finding, Severity};
use crate::manual::{Bound, Rule};

/// Every rule of the agent, in the order of its page.
pub const RULES: &[&Rule] = &[
    &tests_of_the_project::FAILING_TEST,
    &tests_of_the_project::FLAKY_TEST,
    &coverage::COVERAGE_FALLEN,
    &NEW_ALERT,
    &UNREADABLE_RESULT,
    &SECRET_IN_REMOTE,
    &packages::VULNERABLE_DEPENDENCY,
    &packages::YANKED_DEPENDENCY,
    &packages::OUTDATED_DEPENDENCIES,
    &connection::FORGE_REFUSED,
    &connection::FORGE_FAILING,
    &connection::FORGE_BEHIND,
];

/// `tools/secret-in-remote`
pub const SECRET_IN_REMOTE: Rule = Rule {
    id: "tools/secret-in-remote",
    says: "which remote's address holds a password or a token, which is not shown.",
    why: "Whatever reads the project can read its git configuration, and with it the secret.",
    when: &[Bound::that(
        "an address in `.git/config` has a password in it",
        "a fact, not a judgement",
    )],
    silence: "revoke it, and let a credential helper keep the new one.",
};

/// `tools/new-alert`
pub const NEW_ALERT: Rule = Rule {
    id: "tools/new-alert",
    says: "what a code scanner reports that it did not before.",
    why: "Old alerts are a list that nobody reads; a new one is about what somebody has just written.",
    when: &[
        Bound::that(
            "an error or a warning that is not suppressed, by the same version of the tool",
            "a new version finds more in the same code",
        ),
        Bound::at(
            "for {} days",
            (super::results::KNOWN_MS / super::results::DAY_MS) as f64,
            "judgement: then it is known",
        ),
        Bound::at("more than {} of one tool are one finding", MANY as f64, "judgement"),
    ],
    silence: "mend it, or suppress it where it stands with the reason.",
};

/// `tools/unreadable-result`
pub const UNREADABLE_RESULT: Rule = Rule {
    id: "tools/unreadable-result",
    says: "which file of results is damaged, at which line and column.",
    why: "What it says of tests and code is not known here, nor to other tools.",
    when: &[
        Bound::that(
            "it can't be read as what its name says, or is larger than 16 MiB",
            "a fact, not a judgement",
        ),
        Bound::that(
            "five minutes after it was written",
            "judgement: before, it may not be whole yet",
        ),
    ],
    silence: "have it written anew, or delete it.",
};

/// More of one kind at once are one thing.
const MANY: usize = 3;
/// Things named in one finding.
const MOST_NAMED: usize = 6;

/// What holds, the gravest first.
pub fn findings(results: &Results, remotes: &[Remote]) -> Vec<Finding> {
    let mut found: Vec<Finding> = remotes.iter().filter_map(secret_in_remote).collect();
    found.extend(tests_of_the_project::failing(results));
    found.extend(coverage::fallen(results));
    found.extend(results.scans.values().flat_map(new_alerts));
    found.extend(tests_of_the_project::flaky(results));
    found.extend(unreadable(results));
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

fn date(at_ms: i64) -> String {
    date_text(day_of(at_ms))
}

fn secret_in_remote(remote: &Remote) -> Option<Finding> {
    let Remote { name, host, path, holds_secret, .. } = remote;
    holds_secret.then(|| {
        Finding::new(
            SECRET_IN_REMOTE.id,
            Severity::Medium,
            name,
            format!("The address of the remote {name} holds a secret"),
            "Whatever reads this project can read its git configuration, and with it this password \
             or token.",
            format!(
                "Revoke it, run `git remote set-url {name} https://{host}/{path}`, and let a \
                 credential helper keep the new one."
            ),
            vec![Evidence::file(".git/config", None, format!("remote {name}"))],
        )
    })
}

fn new_alerts(scan: &Alerts) -> Vec<Finding> {
    if scan.fresh.len() <= MANY {
        return scan.fresh.values().map(|fresh| new_alert(scan, fresh)).collect();
    }
    let errors = scan.fresh.values().filter(|fresh| fresh.is_error).count();
    let mut named: Vec<&Fresh> = scan.fresh.values().collect();
    named.sort_by_key(|fresh| (!fresh.is_error, fresh.since_ms, &fresh.path, fresh.line));
    let since = named.iter().map(|fresh| fresh.since_ms).min().unwrap_or_default();
    vec![Finding::new(
        NEW_ALERT.id,
        if errors > 0 { Severity::Medium } else { Severity::Low },
        &scan.artefact,
        format!(
            "{} reports {} things since {} that it did not before",
            scan.tool,
            scan.fresh.len(),
            date(since)
        ),
        format!("{errors} of them are errors. The tool's version is the same."),
        "Read the errors first; what is right as it is, suppress where it stands.",
        named.iter().take(MOST_NAMED).map(|fresh| place(fresh)).collect(),
    )]
}

fn new_alert(scan: &Alerts, fresh: &Fresh) -> Finding {
    let place_words = match fresh.line {
        Some(line) => format!("{}:{line}", fresh.path),
        None => fresh.path.clone(),
    };
    let at = match fresh.commit.as_str() {
        "" => String::new(),
        commit => format!(", at {commit} or since the results before it"),
    };
    Finding::new(
        NEW_ALERT.id,
        if fresh.is_error { Severity::Medium } else { Severity::Low },
        &cut(&format!("{} {}", fresh.path, fresh.rule), 200),
        format!("{} reports {} in {place_words}", scan.tool, fresh.rule),
        format!(
            "New on {}{at}; the tool's version is the same. It is in `{}`.",
            date(fresh.since_ms),
            scan.artefact
        ),
        "Mend it, or suppress it where it stands with the reason.",
        vec![place(fresh)],
    )
}

fn place(fresh: &Fresh) -> Evidence {
    let text = format!("{}: {}", fresh.rule, fresh.message);
    Evidence::file(&fresh.path, fresh.line, text)
}

fn unreadable(results: &Results) -> Vec<Finding> {
    let damaged: Vec<_> = results
        .seen
        .iter()
        .filter_map(|(path, seen)| Some((path, seen.written_ms, seen.mistake.as_ref()?)))
        .collect();
    let place = |line: usize| u32::try_from(line).ok().filter(|line| *line > 0);
    if damaged.len() > MANY {
        let named = damaged.iter().take(MOST_NAMED).map(|(path, _, mistake)| {
            Evidence::file(path, place(mistake.line), mistake.what.clone())
        });
        return vec![Finding::new(
            UNREADABLE_RESULT.id,
            Severity::Low,
            "results",
            format!("{} files of results can't be read", damaged.len()),
            "What they say of tests and code is not known here, nor to other tools.",
            "Have them written anew; a job that is cut off leaves half a file.",
            named.collect(),
        )];
    }
    let finding = |(path, written_ms, mistake): &(&String, i64, &super::artefacts::Mistake)| {
        let at = match mistake.line {
            0 => String::new(),
            line => format!(" at {line}:{}", mistake.column),
        };
        Finding::new(
            UNREADABLE_RESULT.id,
            Severity::Low,
            path,
            format!("{path} can't be read{at}: {}", mistake.what),
            format!("It was written on {}.", date(*written_ms)),
            "Have it written anew; a job that is cut off leaves half a file.",
            vec![Evidence::file(path, place(mistake.line), mistake.what.clone())],
        )
    };
    damaged.iter().map(finding).collect()
}

fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}
