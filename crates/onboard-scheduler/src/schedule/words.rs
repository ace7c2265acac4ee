//! Words: a schedule's text cut into pieces that know their place, and the refusal of one.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Names of the days, Sunday first.
pub(super) const DAY_NAMES: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Names of the months, January first.
pub(super) const MONTH_NAMES: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A refusal while reading: where, why, and what may be meant.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) fixes: Vec<Fix>,
}

/// A text that may be meant; offered only if it parses.
#[derive(Debug)]
pub(super) enum Fix {
    /// This in place of the span.
    Span(String),
    /// This in place of the whole text before its zone.
    Body(String),
}

impl Fault {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault { span, message: message.into(), fixes: Vec::new() }
    }

    pub(super) fn or_span(mut self, fix: impl Into<String>) -> Fault {
        self.fixes.push(Fix::Span(fix.into()));
        self
    }

    pub(super) fn or_body(mut self, fix: impl Into<String>) -> Fault {
        self.fixes.push(Fix::Body(fix.into()));
        self
    }

    /// Adds the nearest word, if one is near.
    pub(super) fn or_nearest(self, word: &str, vocabulary: &[&'static str]) -> Fault {
        match super::suggest::closest(word, vocabulary) {
            Some(known) => self.or_span(known),
            None => self,
        }
    }
}

/// A word, a comma or a dash, and where it starts in the whole text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl Word<'_> {
    pub(super) fn span(&self) -> Range<usize> {
        self.at..self.at + self.text.len()
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub(super) fn starts_with_digit(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
    }
}

/// Cuts ASCII text, which starts at `base` of the whole, at spaces and underscores; commas and
/// dashes become words of their own.
pub(super) fn cut(text: &str, base: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut add = |range: Range<usize>| {
        if !range.is_empty() {
            words.push(Word { at: base + range.start, text: &text[range] });
        }
    };
    let bytes = text.as_bytes();
    for (index, &byte) in bytes.iter().enumerate() {
        // A dash before a number, after a space, is a minus and stays with it.
        let minus = byte == b'-'
            && (index == 0 || bytes[index - 1].is_ascii_whitespace())
            && bytes.get(index + 1).is_some_and(u8::is_ascii_digit);
        if minus {
            continue;
        }
        let cuts = byte.is_ascii_whitespace() || matches!(byte, b'_' | b',' | b'-');
        if cuts {
            add(start..index);
            start = index + 1;
        }
        if matches!(byte, b',' | b'-') {
            add(index..index + 1);
        }
    }
    add(start..text.len());
    words
}
