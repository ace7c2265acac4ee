//! Texts of others as a terminal may get them: nothing in them moves a cursor, rings, changes a
//! colour, or turns the direction of what stands around it.
//!
//! What was said is stored as it was said; only who shows it on a terminal escapes it, here.

use alloc::borrow::Cow;
use alloc::string::String;

/// For one line: line breaks and tabs are written out too.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// For a text of several lines: line breaks and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_bad = |c: char| !stays(c) && is_unshowable(c);
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Control characters (C0, DEL, C1), line and paragraph separators, marks and overrides of
/// direction, invisible characters that hide text from a reader, and tags.
fn is_unshowable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(cases: &[&str], expect: Expect) {
        let lines: String = cases
            .iter()
            .map(|case| alloc::format!("{} | {}\n", line(case), lines(case).replace('\n', "⏎")))
            .collect();
        expect.assert_eq(&lines);
    }

    #[test]
    fn nothing_steers_the_terminal() {
        check(
            &[
                "plain — größe, 日本, 👍",
                "two\nlines\tand a tab",
                "\x1b[2J\x1b]0;title\x07red",
                "C1 \u{9b}31m and DEL \x7f",
                "return\rover",
                "\u{202e}right to left\u{2066}x\u{2069}",
                "zero\u{200b}width\u{feff}",
                "tag\u{e0041}",
                "separator\u{2028}",
            ],
            expect![[r#"
                plain — größe, 日本, 👍 | plain — größe, 日本, 👍
                two\nlines\tand a tab | two⏎lines	and a tab
                \u{1b}[2J\u{1b}]0;title\u{7}red | \u{1b}[2J\u{1b}]0;title\u{7}red
                C1 \u{9b}31m and DEL \u{7f} | C1 \u{9b}31m and DEL \u{7f}
                return\rover | return\rover
                \u{202e}right to left\u{2066}x\u{2069} | \u{202e}right to left\u{2066}x\u{2069}
                zero\u{200b}width\u{feff} | zero\u{200b}width\u{feff}
                tag\u{e0041} | tag\u{e0041}
                separator\u{2028} | separator\u{2028}
            "#]],
        );
    }
}
