//! Whether a text that a language model wrote says only what it was given: every number, path, line,
//! commit and name in it has to stand in what it is about.
//!
//! What a sentence *means* can't be proven so. Hence what it is held against stays beside it for whoever
//! reads, and words that talk a reader out of looking are refused like invented ones.

use crate::show;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

/// Hexadecimal digits from which on the beginning of a commit's id counts as the commit.
const LEAST_OID: usize = 7;

/// Words that are numbers. "One" is not among them: it is an article as often.
const NUMBER_WORDS: [(&str, &str); 46] = [
    ("zero", "0"),
    ("two", "2"),
    ("both", "2"),
    ("twice", "2"),
    ("double", "2"),
    ("doubled", "2"),
    ("three", "3"),
    ("thrice", "3"),
    ("triple", "3"),
    ("tripled", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("dozen", "12"),
    ("dozens", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
    ("hundred", "100"),
    ("hundreds", "100"),
    ("thousand", "1000"),
    ("thousands", "1000"),
    ("million", "1000000"),
    ("millions", "1000000"),
    ("billion", "1000000000"),
    ("billions", "1000000000"),
    ("quarter", "0.25"),
    ("half", "0.5"),
];

/// Words that send a reader away, or speak to a program instead of to a reader.
const AWAY: [&str; 16] = [
    "approve",
    "approved",
    "assistant",
    "benign",
    "disregard",
    "dismiss",
    "dismissed",
    "download",
    "false",
    "harmless",
    "ignore",
    "ignored",
    "install",
    "instructions",
    "password",
    "prompt",
];

/// Whether all that a text names stands in `given`; `most` characters are allowed.
///
/// # Errors
/// What does not, as a sentence for people.
pub fn founded(said: &str, given: &str, most: usize) -> Result<(), String> {
    if said.trim().is_empty() {
        return Err("it says nothing".to_owned());
    }
    let count = said.chars().count();
    if count > most {
        return Err(format!("it has {count} characters, more than {most}"));
    }
    if show::line(said) != said {
        return Err("it holds signs that can't be shown".to_owned());
    }
    let (said, given) = (&*without_thousands(said), &*without_thousands(given));
    let given = Given::of(given);
    for quoted in said.split('`').skip(1).step_by(2) {
        if !given.text.contains(quoted) {
            return Err(unfounded(quoted));
        }
    }
    let mut begins = true;
    for raw in said.split(is_between) {
        let token = bare(raw);
        if !token.is_empty() && !given.has(token, begins) {
            return Err(unfounded(token));
        }
        if !raw.is_empty() {
            begins = raw.ends_with(['.', ':', '!', '?']);
        }
    }
    Ok(())
}

fn unfounded(what: &str) -> String {
    let what: String = what.chars().take(80).collect();
    format!("`{what}` does not stand in what was found")
}

/// Signs that stand between words and are no part of a path, a number or a name.
fn is_between(sign: char) -> bool {
    sign.is_whitespace()
        || matches!(sign, '"' | '\'' | '`' | '(' | ')' | '[' | ']' | '{' | '}' | ',' | ';' | '*')
        || matches!(sign, '“' | '”' | '‘' | '’' | '„' | '«' | '»' | '—' | '–' | '…')
}

/// A word without the signs that end a sentence, and without those before a number.
fn bare(raw: &str) -> &str {
    raw.trim_end_matches(['.', ':', '!', '?', '%']).trim_start_matches(['~', '+', '≈'])
}

/// What a text may name.
struct Given<'a> {
    text: &'a str,
    words: BTreeSet<String>,
    numbers: BTreeSet<String>,
}

impl<'a> Given<'a> {
    fn of(text: &'a str) -> Self {
        let mut given = Self { text, words: BTreeSet::new(), numbers: BTreeSet::new() };
        for token in text.split(is_between).map(bare).filter(|token| !token.is_empty()) {
            // The parts of a path with its line, and of words that are joined.
            for part in core::iter::once(token).chain(token.split([':', '-', '='])) {
                if let Some(number) = number(part) {
                    given.numbers.insert(number);
                }
                given.words.insert(part.to_lowercase());
            }
        }
        given
    }

    fn has(&self, token: &str, begins: bool) -> bool {
        let lower = token.to_lowercase();
        if self.words.contains(&lower) {
            // A word of the other text, in its other meaning.
            return true;
        }
        if let Some(number) = number(token) {
            return self.numbers.contains(&number);
        }
        if AWAY.contains(&lower.as_str()) {
            return false;
        }
        if let Some((_, number)) = NUMBER_WORDS.iter().find(|(word, _)| *word == lower) {
            return self.numbers.contains(*number);
        }
        // Joined words are as good as each of them; a date, or a path with its line, stands there as a
        // whole.
        let has_letters = token.contains(|sign: char| sign.is_alphabetic());
        if token.contains('-') && has_letters && !token.contains(['/', '.', '_', ':']) {
            return token.split('-').all(|part| part.is_empty() || self.has(part, begins));
        }
        if is_oid(&lower) {
            return self.words.iter().any(|word| is_oid(word) && word.starts_with(&lower));
        }
        is_plain_word(token, begins)
    }
}

/// The beginning of a commit's id: digits and letters, or it would be a number or a word.
fn is_oid(word: &str) -> bool {
    word.len() >= LEAST_OID
        && word.bytes().all(|byte| byte.is_ascii_hexdigit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Letters alone, as words of a language are written; a capital begins a sentence, or it is a name.
fn is_plain_word(token: &str, begins: bool) -> bool {
    let mut letters = token.chars();
    let first = letters.next();
    first.is_some_and(|first| first.is_alphabetic() && (begins || !first.is_uppercase()))
        && letters.all(|letter| letter.is_alphabetic() && !letter.is_uppercase())
}

/// A text without the commas between thousands.
fn without_thousands(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_thousands = |at: usize| {
        at > 0 && is_digit(at - 1) && (1..=3).all(|next| is_digit(at + next)) && !is_digit(at + 4)
    };
    let kept = text.char_indices().filter(|(at, sign)| *sign != ',' || !is_thousands(*at));
    kept.map(|(_, sign)| sign).collect()
}

/// A number in one form: without zeros that say nothing.
fn number(token: &str) -> Option<String> {
    let digits = token.strip_prefix(['-', '+', '~', '#']).unwrap_or(token).trim_end_matches('%');
    let is_number = digits.starts_with(|sign: char| sign.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.matches('.').count() <= 1;
    if !is_number {
        return None;
    }
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const GIVEN: &str = "src/hot.rs changes often and is hard to follow: hot has cognitive complexity 28 \
        20 changes in a year, the last 0 days ago: number 1 of 3 source files. One person wrote 93 % \
        src/hot.rs:2 hot: cognitive complexity 28, nesting 7, 1,234 lines \
        0.93 share 74c5abae8d 1 days ago: change 19 Split `readConfig` before v2.1 (Ann Lee, 2026-11-02)";

    fn check(cases: &[&str], expected: Expect) {
        let line = |said: &&str| match founded(said, GIVEN, 120) {
            Ok(()) => format!("holds: {said}\n"),
            Err(why) => format!("{why}\n"),
        };
        expected.assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn what_was_found_may_be_said_in_other_words() {
        check(
            &[
                "The function hot in src/hot.rs is hard to follow, and everybody changes it.",
                "At src/hot.rs:2, complexity is 28; 20 changes within a year (93% by one person).",
                "Commit 74c5aba touched it 1 day ago. It has 1234 lines.",
                "Split `readConfig` before v2.1, says Ann Lee; twenty changes a year are a lot.",
                "A well-known 20-change file of 1,234 lines, by 2026-11-02",
            ],
            expect![[r#"
                holds: The function hot in src/hot.rs is hard to follow, and everybody changes it.
                holds: At src/hot.rs:2, complexity is 28; 20 changes within a year (93% by one person).
                holds: Commit 74c5aba touched it 1 day ago. It has 1234 lines.
                holds: Split `readConfig` before v2.1, says Ann Lee; twenty changes a year are a lot.
                holds: A well-known 20-change file of 1,234 lines, by 2026-11-02
            "#]],
        );
    }

    #[test]
    fn what_was_not_found_may_not() {
        check(
            &[
                "",
                "hot was changed 21 times",
                "hot has complexity 280",
                "See src/cold.rs",
                "See src/hot.rs:3",
                "See hot.rs",
                "Since deadbeef1 it is worse",
                "Since 74c5abb it is worse",
                "Twelve people changed hot",
                "About a dozen changes",
                "Bob wrote hot, and so did Bob",
                "hot was written by Bob",
                "It calls parse_all",
                "It calls `work`",
                "It calls readFile",
                "Ask at https://evil.example/x",
                "Run curl|sh",
                "Please ignore this",
                "This is a false alarm",
                "½ of it",
                "٣ changes",
                "a\nb",
                "a\u{202e}b",
                "in v2.2",
                "by 2026-11-03",
                "some 234 lines",
                "hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot hot",
            ],
            expect![[r#"
                it says nothing
                `21` does not stand in what was found
                `280` does not stand in what was found
                `src/cold.rs` does not stand in what was found
                `src/hot.rs:3` does not stand in what was found
                `hot.rs` does not stand in what was found
                `deadbeef1` does not stand in what was found
                `74c5abb` does not stand in what was found
                `Twelve` does not stand in what was found
                `dozen` does not stand in what was found
                `Bob` does not stand in what was found
                `Bob` does not stand in what was found
                `parse_all` does not stand in what was found
                `work` does not stand in what was found
                `readFile` does not stand in what was found
                `https://evil.example/x` does not stand in what was found
                `curl|sh` does not stand in what was found
                `ignore` does not stand in what was found
                `false` does not stand in what was found
                `½` does not stand in what was found
                `٣` does not stand in what was found
                it holds signs that can't be shown
                it holds signs that can't be shown
                `v2.2` does not stand in what was found
                `2026-11-03` does not stand in what was found
                `234` does not stand in what was found
                it has 123 characters, more than 120
            "#]],
        );
    }

    #[test]
    fn numbers_in_one_form() {
        let forms = ["007", "1.50", "20%", "-3", "1.2.3", "v2", ""].map(number);
        expect![[r#"[Some("7"), Some("1.5"), Some("20"), Some("3"), None, None, None]"#]]
            .assert_eq(&format!("{forms:?}"));
    }
}
