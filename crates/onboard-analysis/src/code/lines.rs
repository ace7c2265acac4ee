//! Code, comment and blank lines, counted as tokei counts them.
//!
//! tokei's rules, which decide mixed lines: a line that begins inside of a comment is comment; so
//! is one that begins with one and either ends with its end or leaves it open. A line with code
//! before or after a comment is code. An empty line inside of a comment or a text belongs to it.
//! Where tokei counts the text of Rust's doc comments as Markdown, it is comment here.

use serde::{Deserialize, Serialize};

use super::syntax::{Comments, Language};

/// Lines of one file by what is on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    pub code: u32,
    pub comment: u32,
    pub blank: u32,
}

impl Lines {
    /// All of them.
    pub fn total(self) -> u32 {
        self.code + self.comment + self.blank
    }
}

/// Comments inside comments followed at most; deeper ones end with the outer ones.
const DEEPEST_COMMENT: usize = 64;

/// Counts the lines of a text.
pub fn count(language: &Language, text: &[u8]) -> Lines {
    let comments = &language.comments;
    let mut scan = Scan { comments, starts: starts(comments), quote: None, open: Vec::new() };
    let mut lines = Lines::default();
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Lines::default();
    }
    for line in text.split(|byte| *byte == b'\n') {
        match scan.line(line.trim_ascii()) {
            Kind::Blank => lines.blank += 1,
            Kind::Comment => lines.comment += 1,
            Kind::Code => lines.code += 1,
        }
    }
    lines
}

enum Kind {
    Code,
    Comment,
    Blank,
}

/// A text in which we are: its end, and whether a backslash protects.
#[derive(Clone, Copy)]
struct Quote {
    end: &'static str,
    verbatim: bool,
}

/// By the first byte of something that opens a comment or a text, or ends the former: most bytes of
/// code are none, and are passed over.
fn starts(comments: &Comments) -> [bool; 256] {
    let mut starts = [false; 256];
    let pairs = [comments.block, comments.quotes, comments.verbatim];
    let pairs = pairs.into_iter().flatten().flat_map(|(start, end)| [*start, *end]);
    for word in pairs.chain(comments.line.iter().copied()) {
        if let Some(first) = word.bytes().next() {
            starts[usize::from(first)] = true;
        }
    }
    starts
}

struct Scan<'a> {
    comments: &'a Comments,
    starts: [bool; 256],
    quote: Option<Quote>,
    /// Ends of the comments that are open.
    open: Vec<&'static str>,
}

impl Scan<'_> {
    fn line(&mut self, line: &[u8]) -> Kind {
        let began_in_comment = !self.open.is_empty();
        let began_in_quote = self.quote.is_some();
        if line.is_empty() && !began_in_comment && !began_in_quote {
            return Kind::Blank;
        }
        self.follow(line);
        let is_comment = began_in_comment
            || (!began_in_quote && (self.is_line_comment(line) || self.is_block_comment(line)));
        if is_comment { Kind::Comment } else { Kind::Code }
    }

    fn is_line_comment(&self, line: &[u8]) -> bool {
        self.comments.line.iter().any(|start| line.starts_with(start.as_bytes()))
    }

    /// Called after the line was followed: what it opened is open.
    fn is_block_comment(&self, line: &[u8]) -> bool {
        self.comments.block.iter().any(|(start, end)| {
            line.starts_with(start.as_bytes())
                && (line.ends_with(end.as_bytes()) || self.open.last() == Some(end))
        })
    }

    /// Moves through the line, opening and closing texts and comments.
    fn follow(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() {
            let rest = &line[at..];
            if self.quote.is_none() && !self.starts[usize::from(rest[0])] {
                at += 1;
                continue;
            }
            at += match self.quote {
                Some(quote) => self.in_quote(quote, rest),
                None if !self.open.is_empty() => self.in_comment(rest),
                None if self.is_line_comment(rest) => return,
                None => self.in_code(rest),
            };
        }
    }

    fn in_quote(&mut self, quote: Quote, rest: &[u8]) -> usize {
        if rest.starts_with(quote.end.as_bytes()) {
            self.quote = None;
            quote.end.len()
        } else if rest[0] == b'\\' && !quote.verbatim {
            2
        } else {
            1
        }
    }

    fn in_comment(&mut self, rest: &[u8]) -> usize {
        if let Some(end) = self.open.last().filter(|end| rest.starts_with(end.as_bytes())) {
            let length = end.len();
            self.open.pop();
            return length;
        }
        self.opened(rest).unwrap_or(1)
    }

    fn in_code(&mut self, rest: &[u8]) -> usize {
        if let Some(length) = self.opened(rest) {
            return length;
        }
        let fits = |(start, _): &&(&'static str, &'static str)| rest.starts_with(start.as_bytes());
        let verbatim = self.comments.verbatim.iter().find(fits).map(|found| (found, true));
        let quoted = verbatim.or_else(|| Some((self.comments.quotes.iter().find(fits)?, false)));
        match quoted {
            Some((&(start, end), verbatim)) => {
                self.quote = Some(Quote { end, verbatim });
                start.len()
            }
            None => 1,
        }
    }

    /// Opens a comment that begins here, where one may.
    fn opened(&mut self, rest: &[u8]) -> Option<usize> {
        let (start, end) =
            self.comments.block.iter().find(|(start, _)| rest.starts_with(start.as_bytes()))?;
        if self.open.is_empty() || (self.comments.nested && self.open.len() < DEEPEST_COMMENT) {
            self.open.push(end);
        }
        Some(start.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(language: &str, text: &str, expected: Expect) {
        let lines = count(Language::named(language).expect("a language"), text.as_bytes());
        expected.assert_eq(&format!(
            "{} code, {} comment, {} blank",
            lines.code, lines.comment, lines.blank
        ));
    }

    #[test]
    fn mixed_lines() {
        check("Rust", "", expect!["0 code, 0 comment, 0 blank"]);
        check(
            "Rust",
            "//! x\n\nfn a() {} // y\n/* b */ fn c() {}\n/* one\n two */ fn d() {}\n/* e */\n",
            expect!["2 code, 4 comment, 1 blank"],
        );
        check(
            "Rust",
            "/* a /* nested */\nstill\n*/\nlet s = \"/* no\";\nlet r = r#\"\n// text\n\"#;\n",
            expect!["4 code, 3 comment, 0 blank"],
        );
        check(
            "Python",
            "\"\"\"Doc\n\n# text\n\"\"\"\n# comment\nx = '#'  # no\n",
            expect!["5 code, 1 comment, 0 blank"],
        );
        check("C", "/* a /* b */ int x;\nint y; /*\n*/\n", expect!["2 code, 1 comment, 0 blank"]);
        check("Shell", "#!/bin/sh\n# x\necho '# y'\n", expect!["1 code, 2 comment, 0 blank"]);
    }
}
