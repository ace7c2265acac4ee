//! What people see when a text is wrong, and that no text makes the reader panic.

use expect_test::{Expect, expect};
use onboard_text::{Document, Item, Problem, edit};

fn read(text: &str) -> Result<String, Problem> {
    let document = Document::parse("a.yaml", text)?;
    let root = document.root();
    let fields = root.fields(&["name", "count", "on", "kind", "wait", "list", "deep"])?;
    let mut seen = String::new();
    let mut note = |key: &str, value: String| seen.push_str(&format!("{key}={value} "));
    note("name", fields.required("name")?.text()?.into());
    let get = |key| fields.get(key);
    if let Some(item) = get("count") {
        note("count", item.integer(1..=100)?.to_string());
    }
    if let Some(item) = get("on") {
        note("on", item.boolean()?.to_string());
    }
    if let Some(item) = get("kind") {
        note("kind", item.one_of(&[("low", 1), ("medium", 2), ("high", 3)])?.to_string());
    }
    if let Some(item) = get("wait") {
        note("wait", item.duration_ms(1_000..=3_600_000)?.to_string());
    }
    if let Some(item) = get("list") {
        let texts: Result<Vec<&str>, _> = item.list(3)?.iter().map(Item::text).collect();
        note("list", texts?.join(","));
    }
    if let Some(item) = get("deep") {
        item.fields(&["inner"])?;
    }
    Ok(seen)
}

fn check(text: &str, expected: Expect) {
    match read(text) {
        Ok(seen) => expected.assert_eq(&seen),
        Err(problem) => expected.assert_eq(&problem.to_string()),
    }
}

#[test]
fn a_right_text_is_read() {
    check(
        "# comment\nname: no\ncount: 10\non: true\nkind: high\nwait: 1m\nlist: [a, 'b', 3]\n",
        expect!["name=no count=10 on=true kind=3 wait=60000 list=a,b,3 "],
    );
}

#[test]
fn each_wrong_value_is_shown_at_its_place() {
    check(
        "name: a\nkinds: low\n",
        expect![[r#"
        a.yaml:2:1: unknown key `kinds`
          2 | kinds: low
            | ^^^^^
            = did you mean `kind`? known here: `name`, `count`, `on`, `kind`, `wait`, `list`, `deep`"#]],
    );
    check(
        "name: a\nkind:   hihg\n",
        expect![[r#"
            a.yaml:2:9: unknown value `hihg` for `kind`
              2 | kind:   hihg
                |         ^^^^
                = did you mean `high`? allowed are `low`, `medium`, `high`"#]],
    );
    check(
        "name: a\ncount: 1000\n",
        expect![[r#"
        a.yaml:2:8: `count` wants a whole number from 1 to 100, found `1000`
          2 | count: 1000
            |        ^^^^"#]],
    );
    check(
        "name: a\ncount: \"10\"\n",
        expect![[r#"
        a.yaml:2:8: `count` wants a whole number from 1 to 100, found `10`
          2 | count: "10"
            |        ^^^^
            = remove the quotes"#]],
    );
    check(
        "name: a\non: yes\n",
        expect![[r#"
        a.yaml:2:5: `on` wants `true` or `false`, found `yes`
          2 | on: yes
            |     ^^^"#]],
    );
    check(
        "name: a\nwait: soon\n",
        expect![[r#"
        a.yaml:2:7: `wait`: `soon` does not start with a whole number
          2 | wait: soon
            |       ^^^^
            = write a duration from 1s to 1h, such as `10m` or `1h 30m`"#]],
    );
    check(
        "name: a\nlist: [a, {b: c}]\n",
        expect![[r#"
        a.yaml:2:11: `list[1]` wants a text, found a map
          2 | list: [a, {b: c}]
            |           ^^^^^^"#]],
    );
    check(
        "name: a\nlist: [a, b, c, d]\n",
        expect![[r#"
        a.yaml:2:7: `list` has 4 values, at most 3
          2 | list: [a, b, c, d]
            |       ^^^^^^^^^^^^"#]],
    );
    check(
        "count: 3\n",
        expect![[r#"
        a.yaml:1:1: `name` is missing
          1 | count: 3
            | ^
            = add `name: …`"#]],
    );
    check(
        "",
        expect![[r#"
        a.yaml:1:1: `name` is missing
          1 |
            | ^
            = add `name: …`"#]],
    );
    check(
        "- a\n",
        expect![[r#"
        a.yaml:1:1: `the file` wants a map of keys and values, found a list
          1 | - a
            | ^^^"#]],
    );
    check(
        "name:\n",
        expect![[r#"
            a.yaml:1:5: `name` wants a text, found nothing
              1 | name:
                |     ^"#]],
    );
}

#[test]
fn the_costly_and_surprising_parts_of_yaml_are_refused_by_name() {
    check(
        "name: a\nname: b\n",
        expect![[r#"
        a.yaml:2:1: `name` is given a second time
          2 | name: b
            | ^^^^
            = the first is on line 1: keep one"#]],
    );
    check(
        "name: &a x\nkind: *a\n",
        expect![[r#"
        a.yaml:1:10: an anchor
          1 | name: &a x
            |          ^
            = write the value out: anchors and aliases are not used here"#]],
    );
    check(
        "name: !!str x\n",
        expect![[r#"
        a.yaml:1:13: a tag
          1 | name: !!str x
            |             ^
            = remove the word that starts with `!`"#]],
    );
    check(
        "name: a\n---\nname: b\n",
        expect![[r#"
        a.yaml:2:1: a second document; only one is read
          2 | ---
            | ^^^"#]],
    );
    check(
        "? [a, b]\n: c\n",
        expect![[r#"
        a.yaml:1:3: a key that is not a word
          1 | ? [a, b]
            |   ^"#]],
    );
    check(
        "name: [a\n",
        expect![[r#"
        a.yaml:1:7: not YAML: unclosed bracket '['
          1 | name: [a
            |       ^"#]],
    );
    check(
        "name: \"a\\0b\"\n",
        expect![[r#"
        a.yaml:1:7: `name` has a NUL character
          1 | name: "a\0b"
            |       ^^^^^^"#]],
    );
    check(
        &"[".repeat(40),
        expect![[r#"
        a.yaml:1:17: not YAML: recursion limit exceeded
          1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
            |                 ^"#]],
    );
    check(
        &"x".repeat(300 * 1024),
        expect![[r#"
        a.yaml:1:1: 307200 bytes, at most 262144 are read
          1 |
            | ^"#]],
    );
    check(
        "name: \u{1b}[31mred\n",
        expect![[r#"
        a.yaml:1:7: not YAML: unexpected character: `\u{1b}'
          1 | name: �[31mred
            |       ^"#]],
    );
}

#[test]
fn mutated_texts_never_panic() {
    let seed =
        "name: a\ncount: 10\non: true\nkind: \"high\"\nlist:\n  - a\n  - 'b'\ndeep: {inner: é}\n";
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % below as u64).unwrap()
    };
    let pieces = [
        ":", "\n", " ", "- ", "[", "]", "{", "}", "\"", "'", "&a", "*a", "|\n", "é", "\0", "#",
        "\t", "?", "!", "%",
    ];
    for _ in 0..3_000 {
        let mut text: Vec<char> = seed.chars().collect();
        for _ in 0..=next(4) {
            let at = next(text.len().max(1));
            match next(3) {
                0 if !text.is_empty() => drop(text.remove(at)),
                1 => text
                    .splice(
                        at.min(text.len())..at.min(text.len()),
                        pieces[next(pieces.len())].chars(),
                    )
                    .for_each(drop),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        if let Err(problem) = read(&text) {
            assert!(problem.to_string().contains("a.yaml:"), "{problem}");
        }
        if let Ok(document) = Document::parse("a.yaml", &text) {
            edit::set(&document, &["deep", "inner"], "new");
            edit::set(&document, &["list", "new"], "new");
        }
    }
}
