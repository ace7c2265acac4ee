//! Whether a model's answer is a better function: pure, by the same measures as the finding.

use std::collections::BTreeSet;

use onboard_analysis::code::{FileMetrics, Function, measure};
use onboard_validation::patch;

use super::Subject;
use super::patch::unified;

/// It has to be simpler by this, as a share and by steps: less is another taste.
const LEAST_GAIN: f64 = 0.25;
const LEAST_STEPS: u32 = 5;
/// A replacement that is longer by more than this is another program: times, and lines.
const MOST_TIMES: usize = 2;
const MOST_MORE: usize = 30;

/// A change that holds what it promises.
#[derive(Debug)]
pub struct Draft {
    pub patch: String,
    /// Of the function, after.
    pub cognitive: u32,
    /// The hardest of the function and those that came out of it.
    pub hardest: u32,
}

/// Why an answer is not proposed.
#[derive(Debug, PartialEq, Eq)]
pub struct Dropped(pub String);

/// Looks an answer over.
pub fn judge(subject: &Subject<'_>, reply: &str) -> Result<Draft, Dropped> {
    let replacement = replacement(reply).map_err(Dropped)?;
    if let Some(name) = lost(&subject.text(), &replacement) {
        return Err(Dropped(format!("it no longer calls {name}")));
    }
    let new = replaced(subject, &replacement)?;
    let patch = patch_of(subject, &new)?;
    let (cognitive, hardest) = gain(subject, &new)?;
    Ok(Draft { patch, cognitive, hardest })
}

/// The one block of code of an answer.
fn replacement(reply: &str) -> Result<String, String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut is_inside = false;
    for line in reply.lines() {
        match (line.trim_start().starts_with("```"), is_inside) {
            (true, false) => {
                blocks.push(String::new());
                is_inside = true;
            }
            (true, true) => is_inside = false,
            (false, true) => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            (false, false) => {}
        }
    }
    match &mut blocks[..] {
        _ if is_inside => Err("its code block does not end".to_owned()),
        [] => Err("the answer has no code block".to_owned()),
        [only] if !only.trim().is_empty() => Ok(std::mem::take(only)),
        [_] => Err("its code block is empty".to_owned()),
        more => Err(format!("the answer has {} code blocks", more.len())),
    }
}

/// Words before a parenthesis that call nothing.
const NO_CALLS: [&str; 16] = [
    "and", "catch", "elif", "elsif", "for", "foreach", "if", "in", "match", "not", "or", "return",
    "switch", "unless", "until", "while",
];

/// Something that the function called and what is to replace it does not: what makes a function simple
/// by leaving out its work is no refactoring.
fn lost<'a>(old: &'a str, new: &str) -> Option<&'a str> {
    let kept = calls(new);
    calls(old).into_iter().find(|name| !kept.contains(name))
}

/// Names before a parenthesis, or with the `!` of a macro.
fn calls(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = |(at, _): (usize, &str)| {
        let before = text[..at].trim_end_matches('!');
        let begin = before.rfind(|letter| !is_part(letter)).map_or(0, |at| at + 1);
        // After a sign of several bytes.
        let begin = (begin..before.len()).find(|at| before.is_char_boundary(*at))?;
        let name = &before[begin..];
        let is_name = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
        (is_name && !NO_CALLS.contains(&name)).then_some(name)
    };
    text.match_indices('(').filter_map(name).collect()
}

/// The whole file with the function's lines replaced, as the file ends its lines.
fn replaced(subject: &Subject<'_>, replacement: &str) -> Result<String, Dropped> {
    let lines: Vec<&str> = subject.source.split_inclusive('\n').collect();
    let (first, last) = (subject.function.first_line as usize, subject.function.last_line as usize);
    if first == 0 || last < first || last > lines.len() {
        return Err(Dropped(format!("the file has no lines {first} to {last}")));
    }
    let most = (last - first + 1) * MOST_TIMES + MOST_MORE;
    let count = replacement.lines().count();
    if count > most {
        return Err(Dropped(format!(
            "{count} lines instead of {}, more than {most}",
            last - first + 1
        )));
    }
    let ending = if lines[first - 1].ends_with("\r\n") { "\r\n" } else { "\n" };
    let mut new: String = lines[..first - 1].concat();
    replacement.lines().for_each(|line| {
        new.push_str(line);
        new.push_str(ending);
    });
    if last == lines.len() && !lines[last - 1].ends_with('\n') {
        new.truncate(new.len() - ending.len());
    }
    new.push_str(&lines[last..].concat());
    Ok(new)
}

/// The patch, read back and applied: it has to give the same file, and touch no other.
fn patch_of(subject: &Subject<'_>, new: &str) -> Result<String, Dropped> {
    let text = unified(subject.path, &subject.source, new);
    if text.is_empty() {
        return Err(Dropped("it changes nothing".to_owned()));
    }
    let read = patch::parse(&text).map_err(|error| Dropped(format!("no patch: {error}")))?;
    let [file] = &read.files[..] else { return Err(Dropped("it touches other files".to_owned())) };
    let applied = patch::apply(file, Some(subject.source.as_bytes()))
        .map_err(|error| Dropped(format!("it does not apply: {error}")))?;
    match file.path == subject.path && applied.as_deref() == Some(new.as_bytes()) {
        true => Ok(text),
        false => Err(Dropped("the patch does not give the file that was measured".to_owned())),
    }
}

/// The function's complexity after, and that of the hardest that it was split into.
fn gain(subject: &Subject<'_>, new: &str) -> Result<(u32, u32), Dropped> {
    let no = |why: String| Err(Dropped(why));
    let (before, after) =
        (measure(subject.path, subject.source.as_bytes()), measure(subject.path, new.as_bytes()));
    let (Some(before), Some(after)) = (before.file(), after.file()) else {
        return no("it can't be measured".to_owned());
    };
    if after.error_share > before.error_share {
        return no("it is no well-formed code".to_owned());
    }
    let old = subject.function;
    let same =
        after.functions.iter().filter(|one| is_same(one, old)).max_by_key(|one| one.cognitive);
    let Some(function) = same else {
        return no(format!("{} is gone, or takes other parameters", old.full_name()));
    };
    let others = |metrics: &FileMetrics, function: &Function| {
        let counted = metrics.functions.iter().filter(|one| !one.included && *one != function);
        counted.map(|one| (one.full_name(), one.parameters, one.cognitive)).collect::<Vec<_>>()
    };
    let (known, mut added) = (others(before, old), others(after, function));
    for one in &known {
        match added.iter().position(|other| other == one) {
            Some(at) => drop_at(&mut added, at),
            None => return no(format!("it changes {}, too", one.0)),
        }
    }
    let hardest = added.iter().map(|one| one.2).max().unwrap_or(0).max(function.cognitive);
    let least = f64::from(old.cognitive) * (1.0 - LEAST_GAIN);
    if f64::from(hardest) > least || hardest + LEAST_STEPS > old.cognitive {
        return no(format!(
            "it is hardly simpler: cognitive complexity {} before, {hardest} after",
            old.cognitive
        ));
    }
    if function.nesting > old.nesting || after.cognitive() > before.cognitive() {
        return no("the file as a whole is harder to follow with it".to_owned());
    }
    Ok((function.cognitive, hardest))
}

fn drop_at<T>(list: &mut Vec<T>, at: usize) {
    drop(list.swap_remove(at));
}

fn is_same(one: &Function, other: &Function) -> bool {
    !one.included && one.full_name() == other.full_name() && one.parameters == other.parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const SOURCE: &str = "fn other(x: u32) -> u32 {\n    if x > 1 { 2 } else { 3 }\n}\n\n\
        fn hard(a: u32) {\n    if a > 0 {\n        if a > 1 {\n            if a > 2 {\n                \
        if a > 3 {\n                    if a > 4 {\n                    }\n                }\n            \
        }\n        }\n    }\n}\n";

    /// Judges an answer about `hard`.
    fn check(reply: &str, expected: Expect) {
        let metrics = measure("src/a.rs", SOURCE.as_bytes());
        let functions = &metrics.file().expect("metrics").functions;
        let function = functions.iter().find(|one| one.name == "hard").expect("it is there");
        let subject = Subject { path: "src/a.rs", function, source: SOURCE.to_owned() };
        let shown = match judge(&subject, reply) {
            // An empty line around the change is a space, which no editor keeps.
            Ok(draft) => {
                let patch = draft.patch.replace("\n \n", "\n\n");
                format!("{} {}\n{patch}", draft.cognitive, draft.hardest)
            }
            Err(Dropped(why)) => why,
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn what_is_simpler_is_taken() {
        check(
            "```\nfn hard(a: u32) {\n    if a > 3 {\n        deep(a);\n    }\n}\n\nfn deep(a: u32) {\n    if a > 4 {\n    }\n}\n```",
            expect![[r#"
                1 1
                --- a/src/a.rs
                +++ b/src/a.rs
                @@ -3,14 +3,12 @@
                 }

                 fn hard(a: u32) {
                -    if a > 0 {
                -        if a > 1 {
                -            if a > 2 {
                -                if a > 3 {
                -                    if a > 4 {
                -                    }
                -                }
                -            }
                -        }
                +    if a > 3 {
                +        deep(a);
                +    }
                +}
                +
                +fn deep(a: u32) {
                +    if a > 4 {
                     }
                 }
            "#]],
        );
    }

    #[test]
    fn what_is_called_is_found() {
        let called = calls("if (a) { b.c(1); d!(e()) } “f(g)” while(x) 7(8) ü(9) _h (");
        expect![[r#"{"c", "d", "e", "f", "ü"}"#]].assert_eq(&format!("{called:?}"));
        assert_eq!(lost("a(); b();", "b()"), Some("a"));
        assert_eq!(lost("a(); b();", "fn c() { b() } a()"), None);
    }

    #[test]
    fn what_does_not_hold_is_dropped() {
        check("", expect!["the answer has no code block"]);
        check("```\nfn hard(a: u32) {}", expect!["its code block does not end"]);
        check("```\n```\n", expect!["its code block is empty"]);
        check("```\na\n```\n```\nb\n```", expect!["the answer has 2 code blocks"]);
        check("```\nfn hard(a: u32) {\n```", expect!["it is no well-formed code"]);
        check("```\nfn soft(a: u32) {}\n```", expect!["it no longer calls hard"]);
        check(
            "```\nfn hard(a: u32, b: u32) {}\n```",
            expect!["hard is gone, or takes other parameters"],
        );
        check(
            &format!("```\nfn hard(a: u32) {{\n{}}}\n```", "    a();\n".repeat(80)),
            expect!["82 lines instead of 12, more than 54"],
        );
        // The same, elsewhere.
        let moved = SOURCE.split("\n\n").nth(1).expect("hard").replace("fn hard", "fn deep");
        check(
            &format!("```\nfn hard(a: u32) {{\n    deep(a);\n}}\n\n{moved}```"),
            expect!["it is hardly simpler: cognitive complexity 15 before, 15 after"],
        );
        let same = SOURCE.split("\n\n").nth(1).expect("hard");
        check(&format!("```\n{same}```"), expect!["it changes nothing"]);
    }
}
