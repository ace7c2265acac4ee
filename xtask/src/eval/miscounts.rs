//! What lizard 1.24.3 is known to count otherwise than a language has it, as its readers' source shows:
//! taken back where it can be counted in a function's text; where it can't, such functions are set aside,
//! whether they are equal or not.

use regex::Regex;
use std::sync::LazyLock;

/// One such construct.
struct Miscount {
    languages: &'static [&'static str],
    what: &'static str,
    pattern: &'static str,
    by: By,
}

/// By how much lizard is off.
#[derive(Clone, Copy)]
enum By {
    /// Each is so many decisions too many; too few where it is negative.
    Each(i64),
    /// That depends on more than the function's text.
    Unknown,
    /// As above, and it stands inside of texts.
    UnknownInTexts,
}

const SCRIPTS: &[&str] = &["JavaScript", "TypeScript", "TSX"];

const MISCOUNTS: &[Miscount] = &[
    Miscount {
        languages: &["Rust"],
        what: "a closure's `||`",
        pattern: r#"(?:^|[^\s\w)\]}"'?]|\b(?:move|return|async))\s*\|\|"#,
        by: By::Each(1),
    },
    Miscount { languages: &["Rust"], what: "`?Sized`", pattern: r"\?Sized\b", by: By::Each(1) },
    Miscount {
        languages: &["C#"],
        what: "a nullable type",
        pattern: r"[\w>\]]\?(?:[^?.\[]|$)",
        by: By::Each(1),
    },
    Miscount { languages: &["C#"], what: "`#if`", pattern: r"(?m)^\s*#\s*if\b", by: By::Each(1) },
    Miscount { languages: &["C#"], what: "`foreach`", pattern: r"\bforeach\b", by: By::Each(-1) },
    Miscount {
        languages: &["C#"],
        what: "arms of a switch expression",
        pattern: r"\bswitch\s*[^(\s]",
        by: By::Unknown,
    },
    Miscount { languages: &["Ruby"], what: "`unless`", pattern: r"\bunless\b", by: By::Each(-1) },
    Miscount { languages: &["Ruby"], what: "`in`", pattern: r"(?m)^\s*in\b", by: By::Each(-1) },
    Miscount {
        languages: &["Ruby"],
        what: "a heredoc",
        pattern: r#"<<[~-]?[A-Z'"]"#,
        by: By::Unknown,
    },
    Miscount {
        languages: &["Ruby"],
        what: "code inside of a text",
        pattern: r"#\{",
        by: By::UnknownInTexts,
    },
    Miscount {
        languages: &["PHP"],
        what: "a nullable type",
        pattern: r"(?:[(,:|]|\b(?:public|private|protected|static|readonly)\b)\s*\?[A-Za-z\\]",
        by: By::Each(1),
    },
    Miscount { languages: &["PHP"], what: "`?:`", pattern: r"\?:", by: By::Each(-1) },
    Miscount {
        languages: &["PHP"],
        what: "`and`, `or`",
        pattern: r"\b(?:and|or)\b",
        by: By::Each(-1),
    },
    Miscount {
        languages: &["PHP"],
        what: "arms of `match`",
        pattern: r"(?:^|[^>:\w])match\s*\(",
        by: By::Unknown,
    },
    Miscount { languages: SCRIPTS, what: "`.catch(`", pattern: r"\.catch\(", by: By::Each(1) },
    Miscount {
        languages: SCRIPTS,
        what: "code inside of a text",
        pattern: r"\$\{",
        by: By::UnknownInTexts,
    },
    Miscount {
        languages: SCRIPTS,
        what: "a function without braces, which it ends early",
        pattern: r"=>\s*[^{\s]",
        by: By::Unknown,
    },
];

/// Languages in which lizard gives what is in a function inside of another to the outer one.
pub const FOLDED: &[&str] = &["C#", "PHP"];

static PATTERNS: LazyLock<Vec<(Regex, &Miscount)>> = LazyLock::new(|| {
    let compiled = |known: &'static Miscount| Some((Regex::new(known.pattern).ok()?, known));
    MISCOUNTS.iter().filter_map(compiled).collect()
});

/// How many decisions too many lizard finds in a function's own text.
///
/// # Errors
/// Which construct it holds whose share can't be told.
pub fn too_many(language: &str, text: &str) -> Result<i64, &'static str> {
    let bare = bare(language, text);
    // Types of parameters are passed over before the body begins.
    let counted = if language == "C#" { body(&bare) } else { &bare };
    let mut sum = 0;
    for (pattern, known) in PATTERNS.iter().filter(|(_, it)| it.languages.contains(&language)) {
        match known.by {
            By::Each(many) => sum += many * pattern.find_iter(counted).count() as i64,
            By::Unknown if pattern.is_match(&bare) => return Err(known.what),
            By::UnknownInTexts if pattern.is_match(text) => return Err(known.what),
            By::Unknown | By::UnknownInTexts => {}
        }
    }
    Ok(sum)
}

/// The text from where the body begins.
fn body(text: &str) -> &str {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return &text[at..],
            '=' if depth == 0 && text[at..].starts_with("=>") => return &text[at..],
            _ => {}
        }
    }
    ""
}

/// The text without what is inside of quotes and of comments to the end of a line.
fn bare(language: &str, text: &str) -> String {
    let comments: &[&str] = match language {
        "Ruby" => &["#"],
        "PHP" => &["//", "#"],
        _ => &["//"],
    };
    // Rust's single quotes are lifetimes too.
    let quotes: &[char] = if language == "Rust" { &['"'] } else { &['"', '\'', '`'] };
    let (mut kept, mut open) = (String::with_capacity(text.len()), None);
    let mut rest = text.char_indices();
    while let Some((at, letter)) = rest.next() {
        match open {
            Some(_) if letter == '\\' => drop(rest.next()),
            Some('\n') if letter != '\n' => {}
            Some(quote) if letter == quote || (letter == '\n' && quote != '`') => {
                open = None;
                kept.push(letter);
            }
            Some(_) => {}
            None if comments.iter().any(|start| text[at..].starts_with(start)) => {
                open = Some('\n');
            }
            None => {
                open = quotes.contains(&letter).then_some(letter);
                kept.push(letter);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: &str, text: &str, expected: Result<i64, &str>) {
        assert_eq!(too_many(language, text), expected, "{text}");
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(PATTERNS.len(), MISCOUNTS.len());
    }

    #[test]
    fn what_lizard_is_known_to_get_wrong() {
        check("Rust", "fn f() { a.or_else(|| b || c) }", Ok(1));
        check("Rust", "fn f() { let x = a\n    || b; // (|| c)\n }", Ok(0));
        check("Rust", "fn f<T: ?Sized>() { g(move || 1) }", Ok(2));
        check("C#", "void M(int? a) { int? b = a ?? c?.d; x = b ? 1 : 2; }", Ok(1));
        check("C#", "void M() {\n#if A\n foreach (var a in b) { } }", Ok(0));
        check("C#", "int M() => a switch { 1 => 2 };", Err("arms of a switch expression"));
        check("Ruby", "def f\n  return unless a # unless\nend", Ok(-1));
        check("Ruby", "def f\n  \"#{a ? b : c}\"\nend", Err("code inside of a text"));
        check("PHP", "function f(?int $a): ?string { return $a ?: $b ? 1 : '?A'; }", Ok(1));
        check("PHP", "function f() { return $a->match($b) + A::match($b); }", Ok(0));
        check("PHP", "function f() { return match(1) { 1 => 2 }; }", Err("arms of `match`"));
        check("TypeScript", "function f() { g().catch((e) => { h(e) }) }", Ok(1));
        let early = "a function without braces, which it ends early";
        check("JavaScript", "const f = (a) => a && b", Err(early));
        check("Go", "func f() {}", Ok(0));
    }
}
