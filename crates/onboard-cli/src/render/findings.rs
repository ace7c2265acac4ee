//! Findings: as a list, and in full.

use super::table::Table;
use super::{Ink, Look, severity, when};
use onboard_agents::manual;
use onboard_domain::state::RuleRecord;
use onboard_domain::{Evidence, Finding, Severity, Worded};
use onboard_validation::show;
use onboard_web::api::{FindingRow, FindingStatus};

/// Characters of a fingerprint that are shown: enough to tell a project's findings apart.
pub const ID_CHARS: usize = 8;

/// What people type for a finding.
pub fn id(finding: &FindingRow) -> String {
    finding.fingerprint.chars().take(ID_CHARS).collect()
}

/// One line each.
pub fn list(rows: &[FindingRow], look: &Look) -> String {
    let mut table = Table::new(&["ID", "SEVERITY", "STATUS", "AGENT", "SEEN", "TITLE"]);
    let plain = Look { colour: false, ..look.clone() };
    for row in rows {
        table.row(vec![
            (id(row), None),
            (severity(&plain, row.severity), Some(ink(row.severity))),
            (status(row.status).into(), None),
            (row.agent.clone(), None),
            (when::relative(look, row.first_seen), None),
            (row.headline().to_owned(), None),
        ]);
    }
    table.draw(look)
}

fn ink(severity: Severity) -> Ink {
    match severity {
        Severity::Critical | Severity::High => Ink::Red,
        Severity::Medium => Ink::Yellow,
        Severity::Low => Ink::Blue,
        Severity::Info => Ink::Dim,
    }
}

fn status(status: FindingStatus) -> &'static str {
    match status {
        FindingStatus::Open => "open",
        FindingStatus::Accepted => "accepted",
        FindingStatus::Snoozed => "snoozed",
    }
}

/// One in full.
pub fn show(row: &FindingRow, look: &Look) -> String {
    let mut out = brief(row, look);
    let words = row.worded.as_ref().and_then(Worded::words);
    for line in words.map_or(&*row.detail, |(_, detail)| detail).lines() {
        out.push_str(&look.paragraph(2, line));
    }
    if let Some(worded) = &row.worded {
        out.push_str(&put_otherwise(row, worded, look));
    }
    let agent = &row.agent;
    out.push_str(&format!("  by {agent}, rule {}, {}\n", row.rule, status(row.status)));
    out.push_str(&format!("  {}\n", so_far(row)));
    if manual::rule(&row.rule).is_some() {
        out.push_str(&format!("  about the rule: ai_onboard explain {}\n", row.rule));
    }
    if let Some(expects) = &row.expects {
        out.push_str(&format!("  it expects: {}\n", show::line(expects)));
    }
    if let Some(until) = row.snoozed_until {
        out.push_str(&format!("  not shown before {}\n", when::absolute(look, until)));
    }
    out.push_str(&format!(
        "  first seen {}, last seen {}\n",
        when::relative(look, row.first_seen),
        when::relative(look, row.last_seen)
    ));
    out
}

/// What is a model's of what is shown, and what the agent itself said.
fn put_otherwise(row: &FindingRow, worded: &Worded, look: &Look) -> String {
    let mut out = String::new();
    let model = show::line(&worded.model);
    if let Some(urgency) = worded.urgency {
        out.push_str(&format!("  the model {model} would act on it {urgency}\n"));
    }
    if worded.words().is_some() {
        let own = format!("in words of the model {model}; the agent's own: {}", row.title);
        out.push_str(&look.paragraph(2, &own));
        row.detail.lines().for_each(|line| out.push_str(&look.paragraph(4, line)));
    }
    if let Some(why) = &worded.refused {
        let why = format!("what the model {model} said is not shown: {why}");
        out.push_str(&look.paragraph(2, &why));
    }
    out
}

/// How the rule has done here, and what follows from it.
fn so_far(row: &FindingRow) -> String {
    let RuleRecord { told, accepted, dismissed, gone, acted } = row.rule_so_far;
    let chance = (row.chance * 100.0).round();
    let by_deeds = if acted > 0 { format!("{acted} acted on, ") } else { String::new() };
    let answers = match accepted + dismissed + gone + acted {
        0 => "nobody has answered yet".into(),
        _ => format!("{accepted} accepted, {by_deeds}{gone} went away, {dismissed} dismissed"),
    };
    let muted = if row.is_muted { "; muted: ai_onboard recommendations unmute RULE" } else { "" };
    let muted = muted.replace("RULE", &row.rule);
    format!("this rule so far: {told} told, {answers}; {chance} % likely useful{muted}")
}

/// Under a list of the few: what it leaves out, and why.
pub fn left_out(rows: &[FindingRow], shown: usize) -> String {
    let is = |status: FindingStatus| rows.iter().filter(|row| row.status == status).count();
    let open = is(FindingStatus::Open);
    let muted = rows.iter().filter(|row| row.is_muted && row.status == FindingStatus::Open).count();
    let parts = [
        (open.saturating_sub(shown + muted), "more open"),
        (muted, "of rules that people found useless"),
        (is(FindingStatus::Snoozed), "snoozed"),
        (is(FindingStatus::Accepted), "accepted"),
    ];
    let told: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match told.is_empty() {
        true => String::new(),
        false => format!("and {}: ai_onboard recommendations list --all", told.join(", ")),
    }
}

/// Title, evidence and the suggested action.
pub fn brief(row: &FindingRow, look: &Look) -> String {
    let id = look.paint(Ink::Dim, &id(row));
    let (severity, title) = (severity(look, row.severity), look.paint(Ink::Bold, row.headline()));
    format!("{severity}  {title}  {id}\n{}", because(&row.evidence, &row.action, look))
}

/// The same of one that nobody has kept yet, so that it has no id to be answered by.
pub fn said(finding: &Finding, look: &Look) -> String {
    let (severity, title) =
        (severity(look, finding.severity), look.paint(Ink::Bold, &finding.title));
    format!("{severity}  {title}\n{}", because(&finding.evidence, &finding.action, look))
}

fn because(evidence: &[Evidence], action: &str, look: &Look) -> String {
    let mut out = String::new();
    for evidence in evidence {
        out.push_str(&look.paragraph(4, &evidence_line(evidence)));
    }
    if !action.is_empty() {
        out.push_str(&look.paragraph(2, &format!("→ {action}")));
    }
    out
}

/// Where to look, then what is there.
pub fn evidence_line(evidence: &Evidence) -> String {
    let mut place = Vec::new();
    match (&evidence.path, evidence.line) {
        (Some(path), Some(line)) => place.push(format!("{path}:{line}")),
        (Some(path), None) => place.push(path.clone()),
        (None, _) => {}
    }
    if let Some(oid) = &evidence.oid {
        place.push(oid.chars().take(10).collect());
    }
    if let Some(value) = evidence.value {
        place.push(number(value));
    }
    match place.join(" ") {
        place if place.is_empty() => evidence.text.clone(),
        place => format!("{place}  {}", evidence.text),
    }
}

/// A number without digits that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples::{finding, in_all};
    use expect_test::expect;

    #[test]
    fn a_list_in_all_widths() {
        let rows = [
            finding(Severity::Critical, "CI has been failing for 9 days"),
            finding(Severity::Low, "one person wrote 93 % of src/engine"),
        ];
        expect![[r#"
            --- 40
            ID        SEVERITY  STATUS  AGENT     SEEN    TITLE
            5f3a9c20  ‼ criti…  open    project…  5s ago  CI has …
            5f3a9c20  ○ low     open    project…  5s ago  one per…
            --- 80
            ID        SEVERITY    STATUS  AGENT                 SEEN    TITLE
            5f3a9c20  ‼ critical  open    project-health-moni…  5s ago  CI has been failing…
            5f3a9c20  ○ low       open    project-health-moni…  5s ago  one person wrote 93…
            --- 200
            ID        SEVERITY    STATUS  AGENT                   SEEN    TITLE
            5f3a9c20  ‼ critical  open    project-health-monitor  5s ago  CI has been failing for 9 days
            5f3a9c20  ○ low       open    project-health-monitor  5s ago  one person wrote 93 % of src/engine
            --- 80 in colour
            ␛[2mID␛[0m        ␛[2mSEVERITY␛[0m    ␛[2mSTATUS␛[0m  ␛[2mAGENT␛[0m                 ␛[2mSEEN␛[0m    ␛[2mTITLE␛[0m
            5f3a9c20  ␛[31m‼ critical␛[0m  open    project-health-moni…  5s ago  CI has been failing…
            5f3a9c20  ␛[34m○ low␛[0m       open    project-health-moni…  5s ago  one person wrote 93…
        "#]].assert_eq(&in_all(|look| list(&rows, look)));
    }

    #[test]
    fn nothing_of_an_agent_steers_the_terminal() {
        let mut row = finding(Severity::Low, "one\ntwo \u{1b}[2J\u{202e}");
        row.detail = "first\nsecond \u{7}\u{9b}31m".into();
        row.action = "run\rrm".into();
        row.evidence.truncate(1);
        row.evidence[0].text = "\u{1b}]8;;http://x\u{7}".into();
        let look = crate::render::samples::look(None, true);
        expect![[r#"
            ␛[2mID␛[0m        ␛[2mSEVERITY␛[0m  ␛[2mSTATUS␛[0m  ␛[2mAGENT␛[0m                   ␛[2mSEEN␛[0m    ␛[2mTITLE␛[0m
            5f3a9c20  ␛[34m○ low␛[0m     open    project-health-monitor  5s ago  one\ntwo \u{1b}[2J\u{202e}
            ␛[34m○ low␛[0m  ␛[1mone\ntwo \u{1b}[2J\u{202e}␛[0m  ␛[2m5f3a9c20␛[0m
                src/engine/step.rs:12  \u{1b}]8;;http://x\u{7}
              → run\rrm
              first
              second \u{7}\u{9b}31m
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
        "#]].assert_eq(
            &format!("{}{}", list(std::slice::from_ref(&row), &look), show(&row, &look)).replace('\x1b', "␛"),
        );
    }

    #[test]
    fn a_models_words_are_marked_and_the_agents_own_stay() {
        let mut row = finding(Severity::High, "one person wrote 93 % of src/engine");
        let worded = Worded {
            model: "m-1".into(),
            urgency: Some(onboard_domain::Urgency::Soon),
            title: Some("src/engine hangs on a single author".into()),
            detail: Some("Of 214 commits, 199 are by one author.".into()),
            refused: None,
        };
        let look = crate::render::samples::look(None, false);
        row.worded = Some(worded.clone());
        let held = show(&row, &look) + &list(std::slice::from_ref(&row), &look);
        let why = Some("`12` does not stand in what was found".into());
        row.worded = Some(Worded { title: None, detail: None, refused: why, ..worded });
        expect![[r#"
            ▲ high  src/engine hangs on a single author  5f3a9c20
                src/engine/step.rs:12  largest file that one person wrote
                8606705aab  newest change by somebody else
                0.93  share of commits
              → Have a second person review and change src/engine this week.
              Of 214 commits, 199 are by one author.
              the model m-1 would act on it soon
              in words of the model m-1; the agent's own: one person wrote 93 % of src/engine
                Of 214 commits that touched it, 199 are by one author.
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
            ID        SEVERITY  STATUS  AGENT                   SEEN    TITLE
            5f3a9c20  ▲ high    open    project-health-monitor  5s ago  src/engine hangs on a single author
            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12  largest file that one person wrote
                8606705aab  newest change by somebody else
                0.93  share of commits
              → Have a second person review and change src/engine this week.
              Of 214 commits that touched it, 199 are by one author.
              the model m-1 would act on it soon
              what the model m-1 said is not shown: `12` does not stand in what was found
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
        "#]].assert_eq(&(held + &show(&row, &look)));
    }

    #[test]
    fn one_in_full() {
        let row = finding(Severity::High, "one person wrote 93 % of src/engine");
        expect![[r#"
            --- 40
            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file
                that one person wrote
                8606705aab newest change by somebody
                else
                0.93 share of commits
              → Have a second person review and
              change src/engine this week.
              Of 214 commits that touched it, 199
              are by one author.
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
            --- 80
            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.
              Of 214 commits that touched it, 199 are by one author.
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
            --- 200
            ▲ high  one person wrote 93 % of src/engine  5f3a9c20
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.
              Of 214 commits that touched it, 199 are by one author.
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
            --- 80 in colour
            ␛[31m▲ high␛[0m  ␛[1mone person wrote 93 % of src/engine␛[0m  ␛[2m5f3a9c20␛[0m
                src/engine/step.rs:12 largest file that one person wrote
                8606705aab newest change by somebody else
                0.93 share of commits
              → Have a second person review and change src/engine this week.
              Of 214 commits that touched it, 199 are by one author.
              by project-health-monitor, rule health/bus-factor, open
              this rule so far: 0 told, nobody has answered yet; 38 % likely useful
              about the rule: ai_onboard explain health/bus-factor
              first seen 5s ago, last seen 5s ago
        "#]]
        .assert_eq(&in_all(|look| show(&row, look)));
    }
}
