//! What the name of a branch says it is for.

/// Release, maintenance and site branches live long by design; programs tidy up their own.
pub fn is_kept_apart(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let last = lower.rsplit('/').next().unwrap_or(&lower);
    let words = || lower.split(['/', '-', '_']);
    words().any(|word| KEPT_APART.contains(&word) || is_version(word))
        || lower.split('-').any(|word| is_version(&word.replace('_', ".")))
        || LONG_LINES.contains(&last)
        || last.strip_prefix('v').is_some_and(is_number)
}

/// Words in the names of branches that are no work on its way to the main line.
const KEPT_APART: [&str; 11] = [
    "release",
    "releases",
    "stable",
    "maint",
    "maintenance",
    "support",
    "lts",
    "pages",
    "dependabot",
    "renovate",
    "backport",
];

/// Whole names of such branches.
const LONG_LINES: [&str; 7] =
    ["develop", "development", "dev", "next", "staging", "production", "docs"];

/// `1.2`, `v3.x`, `5.4.1`.
fn is_version(word: &str) -> bool {
    let word = word.strip_prefix('v').unwrap_or(word);
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.contains('.')
        && word.split('.').all(|part| part == "x" || is_number(part))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_kept_apart;

    #[test]
    fn branches_that_live_long_by_design_are_known_by_name() {
        let (apart, own): (Vec<&str>, Vec<&str>) = [
            "release/2.0",
            "v1.x",
            "origin/5.4-stable",
            "gh-pages",
            "origin/develop",
            "fix/parser",
            "dependabot/npm/x",
            "origin/feature-9",
            "add-v2-api",
            "release-notes-page",
            "v7",
            "tiny-curl-8_4",
            "2024-cleanup",
        ]
        .iter()
        .partition(|name| is_kept_apart(name));
        expect_test::expect![[r#"
            ["release/2.0", "v1.x", "origin/5.4-stable", "gh-pages", "origin/develop", "dependabot/npm/x", "release-notes-page", "v7", "tiny-curl-8_4"]
            ["fix/parser", "origin/feature-9", "add-v2-api", "2024-cleanup"]"#]].assert_eq(&format!("{apart:?}\n{own:?}"));
    }
}
