//! What a language model made of a finding, held against the finding before it is kept.

use crate::cut::cut;
use onboard_domain::finding::bounds;
use onboard_domain::{Finding, Worded};
use onboard_validation::wording::founded;

/// Characters of a title and of a detail: no longer than an agent's own.
const TITLE: usize = 120;
const DETAIL: usize = 600;

/// The finding with a model's words where they hold, else with the reason why they don't.
pub(super) fn judged(mut finding: Finding) -> Finding {
    let Some(worded) = finding.worded.take() else { return finding };
    let Worded { title, detail, .. } = &*worded;
    let held = match (title, detail) {
        (None, None) => Ok(()),
        (Some(title), Some(detail)) => hold(&finding, title, detail),
        _ => Err("it has a title without a detail, or the other way round".to_owned()),
    };
    let judged = match held {
        Ok(()) => *worded,
        Err(why) => {
            let refused = cut(&why, bounds::REFUSED).to_owned();
            Worded { title: None, detail: None, refused: Some(refused), ..*worded }
        }
    };
    finding.worded = Some(Box::new(judged));
    finding
}

fn hold(finding: &Finding, title: &str, detail: &str) -> Result<(), String> {
    let given = finding.all_said();
    founded(title, &given, TITLE)?;
    founded(detail, &given, DETAIL)?;
    let target = &finding.target;
    match target.is_empty() || !finding.title.contains(target) || title.contains(target) {
        true => Ok(()),
        false => Err(format!("its title does not name {target}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use onboard_domain::{Evidence, Severity, Urgency};

    fn check(title: Option<&str>, detail: Option<&str>, expected: Expect) {
        let evidence = vec![Evidence::file("src/hot.rs", Some(2), "hot: lines 2 to 17")];
        let own = "src/hot.rs is hard to follow";
        let mut finding = Finding::new(
            "quality/hotspot",
            Severity::Low,
            "src/hot.rs",
            own,
            "20 changes in a year",
            "Split hot.",
            evidence,
        );
        finding.worded = Some(Box::new(Worded {
            model: "m-1".into(),
            urgency: Some(Urgency::Now),
            title: title.map(Into::into),
            detail: detail.map(Into::into),
            refused: None,
        }));
        let judged = judged(finding);
        assert_eq!((&*judged.title, &*judged.detail), (own, "20 changes in a year"));
        let worded = judged.worded.expect("it stays, to be counted");
        assert_eq!(worded.urgency, Some(Urgency::Now));
        expected.assert_eq(&format!(
            "{:?} {}",
            worded.words(),
            worded.refused.as_deref().unwrap_or_default()
        ));
    }

    #[test]
    fn words_hold_or_the_agents_own_stand() {
        check(
            Some("Split src/hot.rs soon"),
            Some("It changed 20 times, and hot (src/hot.rs:2) is hard to follow."),
            expect![[
                r#"Some(("Split src/hot.rs soon", "It changed 20 times, and hot (src/hot.rs:2) is hard to follow.")) "#
            ]],
        );
        check(
            Some("Split src/hot.rs"),
            Some("It changed 21 times."),
            expect!["None `21` does not stand in what was found"],
        );
        check(
            Some("Split src/cold.rs"),
            Some("It changed 20 times."),
            expect!["None `src/cold.rs` does not stand in what was found"],
        );
        check(
            Some("Split it"),
            Some("It changed 20 times."),
            expect!["None its title does not name src/hot.rs"],
        );
        check(
            Some("Split src/hot.rs"),
            None,
            expect!["None it has a title without a detail, or the other way round"],
        );
        check(None, None, expect!["None "]);
    }
}
