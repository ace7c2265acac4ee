//! Answers as registries give them.

use super::*;
use expect_test::{Expect, expect};

fn check(ecosystem: Ecosystem, name: &str, body: &str, locked: &[&str], expected: Expect) {
    let locked = locked.iter().copied().collect();
    let text = match read(ecosystem, name, body.as_bytes(), &locked) {
        Err(why) => why,
        Ok(package) => format!(
            "newest {:?}\nmajors {:?}\nlocked {:?}\nwithdrawn {:?}",
            package.newest, package.majors, package.locked, package.withdrawn
        ),
    };
    expected.assert_eq(&text);
}

#[test]
fn the_index_of_crates_io() {
    let body = r#"{"name":"Time","vers":"0.1.43","deps":[],"cksum":"00","features":{},"yanked":true,"pubtime":"2020-04-16T10:00:00Z"}
{"name":"time","vers":"0.3.1","deps":[],"cksum":"00","features":{},"yanked":false}
{"name":"time","vers":"1.0.0","deps":[],"cksum":"00","features":{},"yanked":false,"pubtime":"2026-04-16T10:00:00Z","v":2}
{"name":"time","vers":"1.1.0-beta.1","deps":[],"cksum":"00","features":{},"yanked":false}
{"name":"time","vers":"2.0.0","deps":[],"cksum":"00","features":{},"yanked":true}
"#;
    check(
        Ecosystem::Crates,
        "time",
        body,
        &["0.1.43", "0.3.1", "0.9.9"],
        expect![[r#"
        newest Some(("1.0.0", Some(1776333600000)))
        majors {0, 1}
        locked {"0.1.43": (Some(1587031200000), Some("")), "0.3.1": (None, None), "0.9.9": (None, None)}
        withdrawn ["2.0.0", "0.1.43"]"#]],
    );
    check(Ecosystem::Crates, "other", body, &[], expect!["it is about Time"]);
    check(Ecosystem::Crates, "time", "", &[], expect!["it lists no version"]);
    check(
        Ecosystem::Crates,
        "time",
        &body[..180],
        &[],
        expect!["EOF while parsing a value at line 1 column 64"],
    );
}

#[test]
fn the_short_form_of_npm() {
    let body = r#"{"name":"x","modified":"2026-01-01T00:00:00.000Z","dist-tags":{"latest":"3.1.0","next":"4.0.0"},
        "versions":{"1.0.0":{"name":"x","version":"1.0.0","deprecated":"use y"},"2.0.0":{"deprecated":false},
        "3.1.0":{},"4.0.0":{}}}"#;
    check(
        Ecosystem::Npm,
        "x",
        body,
        &["1.0.0", "2.0.0"],
        expect![[r#"
            newest Some(("3.1.0", None))
            majors {2, 3}
            locked {"1.0.0": (None, Some("use y")), "2.0.0": (None, None)}
            withdrawn []"#]],
    );
    check(
        Ecosystem::Npm,
        "x",
        r#"{"error":"not found"}"#,
        &[],
        expect!["missing field `versions` at line 1 column 21"],
    );
}

#[test]
fn the_simple_form_of_pypi() {
    let body = r#"{"meta":{"api-version":"1.1"},"name":"x","versions":["1.0","2.0"],"files":[
        {"filename":"x-1.0-py3-none-any.whl","url":"u","hashes":{},"yanked":"broken","upload-time":"2020-01-02T00:00:00Z"},
        {"filename":"x-1.0.tar.gz","url":"u","hashes":{},"yanked":true,"upload-time":"2020-01-01T00:00:00Z"},
        {"filename":"my-x-2.0.tar.gz","url":"u","hashes":{},"yanked":false},
        {"filename":"x-2.0-py3-none-any.whl","url":"u","hashes":{},"yanked":true},
        {"filename":"x-3.0rc1.tar.gz","url":"u","hashes":{}},
        {"filename":"x-old.exe","url":"u","hashes":{}}]}"#;
    check(
        Ecosystem::PyPI,
        "x",
        body,
        &["1.0", "1.0.0", "2.0"],
        expect![[r#"
        newest Some(("2.0", None))
        majors {2}
        locked {"1.0": (Some(1577836800000), Some("broken")), "1.0.0": (Some(1577836800000), Some("broken")), "2.0": (None, None)}
        withdrawn ["1.0"]"#]],
    );
    check(Ecosystem::PyPI, "x", "<html>", &[], expect!["expected value at line 1 column 1"]);
}

#[test]
fn a_name_leads_to_its_own_page_only() {
    let of = |ecosystem: Ecosystem, name: &str| match question(ecosystem, name) {
        Some((path, _)) => format!("{path}\n"),
        None => "none\n".to_owned(),
    };
    let said = [
        of(Ecosystem::Crates, "a"),
        of(Ecosystem::Crates, "ab"),
        of(Ecosystem::Crates, "Abc"),
        of(Ecosystem::Crates, "serde_json"),
        of(Ecosystem::Npm, "@babel/core"),
        of(Ecosystem::PyPI, "zope-interface"),
        of(Ecosystem::Npm, "@babel/../x"),
        of(Ecosystem::Npm, "a/b"),
        of(Ecosystem::Crates, "../../etc"),
        of(Ecosystem::PyPI, "a?b"),
        of(Ecosystem::PyPI, ""),
        of(Ecosystem::Go, "golang.org/x/text"),
    ];
    expect![[r#"
        /1/a
        /2/ab
        /3/a/abc
        /se/rd/serde_json
        /@babel%2fcore
        /simple/zope-interface/
        none
        none
        none
        none
        none
        none
    "#]]
    .assert_eq(&said.concat());
}
