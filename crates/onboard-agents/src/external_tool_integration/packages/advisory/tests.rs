//! Advisories: which versions they mean, by the order of each ecosystem.

use super::*;
use expect_test::{Expect, expect};
use serde_json::json;

fn of(ecosystem: Ecosystem, events: &serde_json::Value, versions: &[&str]) -> Advisory {
    let kind = if ecosystem == Ecosystem::PyPI { "ECOSYSTEM" } else { "SEMVER" };
    let body = json!({
        "id": "X-1", "modified": "2026-01-01T00:00:00Z",
        "affected": [{
            "package": { "ecosystem": ecosystem.osv(), "name": "x" },
            "ranges": [{ "type": kind, "events": events }, { "type": "GIT", "repo": "r", "events": [{"introduced": "0"}] }],
            "versions": versions,
        }],
    });
    Advisory::read(body.to_string().as_bytes()).expect("an advisory")
}

/// Which of the versions are meant.
fn check(ecosystem: Ecosystem, events: &serde_json::Value, versions: &str, expected: Expect) {
    let advisory = of(ecosystem, events, &[]);
    let line = |version: &str| match advisory.affects(ecosystem, "x", version) {
        Some(true) => format!("{version}: affected\n"),
        Some(false) => format!("{version}: -\n"),
        None => format!("{version}: can't be told\n"),
    };
    expected.assert_eq(&versions.split_whitespace().map(line).collect::<String>());
}

#[test]
fn a_range_holds_from_where_it_begins_to_before_where_it_is_fixed() {
    let events = json!([
        { "introduced": "0" }, { "fixed": "1.2.3" }, { "introduced": "2.0.0" }, { "fixed": "2.1" }
    ]);
    check(
        Ecosystem::Npm,
        &events,
        "0.0.0-alpha 0.1.0 1.2.3-rc.1 1.2.2 1.2.3 1.2.3+b 1.9.0 2.0.0-rc.1 2.0.0 2.0.9 2.1.0 3.0.0 x",
        expect![[r#"
            0.0.0-alpha: affected
            0.1.0: affected
            1.2.3-rc.1: affected
            1.2.2: affected
            1.2.3: -
            1.2.3+b: -
            1.9.0: -
            2.0.0-rc.1: -
            2.0.0: affected
            2.0.9: affected
            2.1.0: -
            3.0.0: -
            x: can't be told
        "#]],
    );
    // In any order.
    let events = json!([
        { "fixed": "2.1" }, { "introduced": "2.0.0" }, { "fixed": "1.2.3" }, { "introduced": "0" }
    ]);
    check(
        Ecosystem::Crates,
        &events,
        "1.2.2 1.2.3 2.0.0 2.1.0",
        expect![[r#"
        1.2.2: affected
        1.2.3: -
        2.0.0: affected
        2.1.0: -
    "#]],
    );
}

#[test]
fn a_range_may_end_with_the_last_that_is_affected_or_never() {
    let events = json!([{ "introduced": "1.0.0" }, { "last_affected": "1.4.2" }]);
    check(
        Ecosystem::Npm,
        &events,
        "0.9.0 1.0.0 1.4.2 1.4.3",
        expect![[r#"
        0.9.0: -
        1.0.0: affected
        1.4.2: affected
        1.4.3: -
    "#]],
    );
    check(
        Ecosystem::Npm,
        &json!([{ "introduced": "1.0.0" }]),
        "0.9.0 1.0.0 9.0.0",
        expect![[r#"
        0.9.0: -
        1.0.0: affected
        9.0.0: affected
    "#]],
    );
    check(
        Ecosystem::Npm,
        &json!([{ "introduced": "one" }]),
        "1.0.0",
        expect![[r#"
        1.0.0: can't be told
    "#]],
    );
}

#[test]
fn versions_of_python_stand_in_their_own_order() {
    let events = json!([{ "introduced": "2.0" }, { "fixed": "2.2.14" }, { "introduced": "4.0a1" }, { "fixed": "4.0.2" }]);
    check(
        Ecosystem::PyPI,
        &events,
        "1.11.29 2.0rc1 2.0 2.0.0 2.2.9 2.2.13.post1 2.2.14.dev1 2.2.14 4.0.dev1 4.0a1 4.0b1 4.0.1 4.0.2 1!2.1",
        expect![[r#"
            1.11.29: -
            2.0rc1: -
            2.0: affected
            2.0.0: affected
            2.2.9: affected
            2.2.13.post1: affected
            2.2.14.dev1: affected
            2.2.14: -
            4.0.dev1: -
            4.0a1: affected
            4.0b1: affected
            4.0.1: affected
            4.0.2: -
            1!2.1: -
        "#]],
    );
}

#[test]
fn versions_of_go_may_be_made_of_commits() {
    let events = json!([{ "introduced": "0" }, { "fixed": "0.0.0-20220314234659-1baeb1ce4c0b" }]);
    check(
        Ecosystem::Go,
        &events,
        "v0.0.0-20210921155107-089bfa567519 0.0.0-20220314234659-1baeb1ce4c0b v0.0.0-20220411220226-7b82a4e95df4 v0.1.0",
        expect![[r#"
            v0.0.0-20210921155107-089bfa567519: affected
            0.0.0-20220314234659-1baeb1ce4c0b: -
            v0.0.0-20220411220226-7b82a4e95df4: -
            v0.1.0: -
        "#]],
    );
}

#[test]
fn a_list_of_versions_is_enough() {
    let advisory = of(Ecosystem::PyPI, &json!([]), &["1.0", "1.1"]);
    // The empty range was kept, and says nothing.
    assert_eq!(advisory.affects(Ecosystem::PyPI, "x", "2.0"), Some(false));
    let body = json!({
        "id": "X-2", "modified": "", "affected": [{
            "package": { "ecosystem": "PyPI", "name": "X.y" }, "versions": ["1.0", "1.1.0"],
        }],
    });
    let advisory = Advisory::read(body.to_string().as_bytes()).expect("an advisory");
    let affects = |version| advisory.affects(Ecosystem::PyPI, "x-y", version);
    assert_eq!(
        [affects("1.0"), affects("1.1"), affects("1.2")],
        [Some(true), Some(true), Some(false)]
    );
    assert_eq!(advisory.affects(Ecosystem::Npm, "x-y", "1.0"), Some(false));
}

#[test]
fn what_is_withdrawn_or_no_hole_means_nobody() {
    let read = |body: serde_json::Value| {
        let advisory = Advisory::read(body.to_string().as_bytes()).expect("an advisory");
        let affects = advisory.affects(Ecosystem::Crates, "x", "1.0.0");
        format!("{affects:?} {:?} {:?}", advisory.score, advisory.summary)
    };
    let package = json!({ "ecosystem": "crates.io", "name": "x" });
    let range = json!([{ "type": "SEMVER", "events": [{ "introduced": "0" }] }]);
    let of = |specific: serde_json::Value| json!([{ "package": package, "ranges": range, "database_specific": specific }]);
    let said = [
        read(
            json!({ "id": "R", "modified": "", "affected": of(json!({})), "withdrawn": "2026-01-01T00:00:00Z" }),
        ),
        read(
            json!({ "id": "R", "modified": "", "affected": of(json!({ "informational": "unmaintained" })) }),
        ),
        read(json!({
            "id": "R", "modified": "", "affected": of(json!({ "cvss": null })), "details": "\n# A hole\nmore",
            "severity": [
                { "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" },
                { "type": "CVSS_V4", "score": "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H" },
            ],
        })),
        read(json!({
            "id": "R", "modified": "", "summary": "A hole", "affected": of(json!({})),
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/nonsense" }],
            "database_specific": { "severity": "MODERATE" },
        })),
    ];
    expect![[r#"
        Some(false) None ""
        Some(false) None ""
        Some(true) Some(10.0) "A hole"
        Some(true) Some(4.0) "A hole""#]]
    .assert_eq(&said.join("\n"));
    assert!(Advisory::read(b"{\"id\": \"R\"").is_err() && Advisory::read(b"[]").is_err());
}
