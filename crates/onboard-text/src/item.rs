//! Reading a document's values: each reader says what it wants and errs at the value's place.

use crate::duration;
use crate::nearest::nearest;
use crate::place::Span;
use crate::problem::Problem;
use crate::yaml::{Document, Entry, Node, Value};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

/// A value of a document, with its place and the path of keys that leads to it.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    document: &'a Document,
    node: &'a Node,
    path: String,
}

/// A map of a document whose keys are known.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    item: Item<'a>,
    entries: &'a [Entry],
}

impl<'a> Item<'a> {
    pub(crate) fn new(document: &'a Document, node: &'a Node, path: String) -> Item<'a> {
        Item { document, node, path }
    }

    /// The keys that lead here, joined by dots.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the value stands.
    pub fn span(&self) -> Span {
        self.node.span
    }

    /// A problem at this value.
    pub fn problem(&self, message: impl Into<String>) -> Problem {
        self.document.problem(self.node.span, message)
    }

    fn wanted(&self, what: &str) -> Problem {
        let found = match &self.node.value {
            Value::Map(_) => "a map".into(),
            Value::List(_) => "a list".into(),
            Value::Scalar { text, .. } if text.is_empty() || self.is_empty() => "nothing".into(),
            Value::Scalar { text, .. } => alloc::format!("`{}`", short(text)),
        };
        let name = if self.path.is_empty() { "the file" } else { &self.path };
        self.problem(alloc::format!("`{name}` wants {what}, found {found}"))
    }

    /// Whether nothing is written (`key:` or `key: ~`).
    pub fn is_empty(&self) -> bool {
        matches!(&self.node.value, Value::Scalar { text, plain: true } if text.is_empty() || text == "~" || text == "null")
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    /// Whether it is a map.
    pub fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    /// Words, quoted or not; numbers count as words. Not empty, without NUL.
    ///
    /// # Errors
    /// When it is a list, a map, empty, or has a NUL byte.
    pub fn text(&self) -> Result<&'a str, Problem> {
        match &self.node.value {
            Value::Scalar { text, .. } if text.contains('\0') => {
                Err(self.problem(alloc::format!("`{}` has a NUL character", self.path)))
            }
            Value::Scalar { text, .. } if !self.is_empty() && !text.is_empty() => Ok(text),
            _ => Err(self.wanted("a text")),
        }
    }

    /// One of the words of a table, and what it stands for.
    ///
    /// # Errors
    /// When it is none of them; the nearest is offered.
    pub fn one_of<T: Copy>(&self, table: &[(&str, T)]) -> Result<T, Problem> {
        let words: Vec<&str> = table.iter().map(|(word, _)| *word).collect();
        let mend = alloc::format!("allowed are {}", join(&words));
        let Value::Scalar { text, .. } = &self.node.value else {
            return Err(self.wanted("one word").mend(mend));
        };
        match table.iter().find(|(word, _)| word == text) {
            Some((_, value)) => Ok(*value),
            None => {
                let message = alloc::format!("unknown value `{}` for `{}`", short(text), self.path);
                Err(self.problem(message).mend(match nearest(text, &words) {
                    Some(near) => alloc::format!("did you mean `{near}`? {mend}"),
                    None => mend,
                }))
            }
        }
    }

    /// A whole number inside `range`, written without quotes.
    ///
    /// # Errors
    /// When it is none, or outside; the message has the range.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Result<u64, Problem> {
        let what = alloc::format!("a whole number from {} to {}", range.start(), range.end());
        match &self.node.value {
            Value::Scalar { text, plain: true } => match text.parse::<u64>() {
                Ok(number) if range.contains(&number) && !text.starts_with('+') => Ok(number),
                _ => Err(self.wanted(&what)),
            },
            Value::Scalar { text, .. } if text.parse::<u64>().is_ok() => {
                Err(self.wanted(&what).mend("remove the quotes"))
            }
            _ => Err(self.wanted(&what)),
        }
    }

    /// `true` or `false`, written without quotes.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn boolean(&self) -> Result<bool, Problem> {
        match &self.node.value {
            Value::Scalar { text, plain: true } if text == "true" => Ok(true),
            Value::Scalar { text, plain: true } if text == "false" => Ok(false),
            _ => Err(self.wanted("`true` or `false`")),
        }
    }

    /// Milliseconds of a duration such as `10m`, inside `range`.
    ///
    /// # Errors
    /// When it is none, or outside.
    pub fn duration_ms(&self, range: RangeInclusive<i64>) -> Result<i64, Problem> {
        let bounds = alloc::format!(
            "write a duration from {} to {}, such as `10m` or `1h 30m`",
            duration::show(*range.start()),
            duration::show(*range.end())
        );
        match duration::parse(self.text()?) {
            Ok(ms) if range.contains(&ms) => Ok(ms),
            Ok(_) => {
                let message = alloc::format!("`{}` is out of range", self.path);
                Err(self.problem(message).mend(bounds))
            }
            Err(why) => Err(self.problem(alloc::format!("`{}`: {why}", self.path)).mend(bounds)),
        }
    }

    /// The values of a list of at most `most`.
    ///
    /// # Errors
    /// When it is no list, or longer.
    pub fn list(&self, most: usize) -> Result<Vec<Item<'a>>, Problem> {
        match &self.node.value {
            Value::List(nodes) if nodes.len() > most => {
                let message =
                    alloc::format!("`{}` has {} values, at most {most}", self.path, nodes.len());
                Err(self.problem(message))
            }
            Value::List(nodes) => Ok(nodes
                .iter()
                .enumerate()
                .map(|(at, node)| {
                    Item::new(self.document, node, alloc::format!("{}[{at}]", self.path))
                })
                .collect()),
            _ => Err(self.wanted("a list").mend("write `[first, second]`, or `[]` for none")),
        }
    }

    /// A map with no keys but `known`.
    ///
    /// # Errors
    /// When it is no map, or has another key; the nearest known one is offered.
    pub fn fields(&self, known: &[&str]) -> Result<Fields<'a>, Problem> {
        let entries = self.entries()?;
        if let Some(entry) = entries.iter().find(|e| !known.contains(&e.key.as_str())) {
            let message = alloc::format!("unknown key `{}`", short(&entry.key));
            let all = alloc::format!("known here: {}", join(known));
            let mend = match nearest(&entry.key, known) {
                Some(near) => alloc::format!("did you mean `{near}`? {all}"),
                None => all,
            };
            return Err(self.document.problem(entry.key_span, message).mend(mend));
        }
        Ok(Fields { item: self.clone(), entries })
    }

    /// The entries of a map whose keys people choose, at most `most`: key, its place, value.
    ///
    /// # Errors
    /// When it is no map, or has more.
    pub fn pairs(&self, most: usize) -> Result<Vec<(&'a str, Span, Item<'a>)>, Problem> {
        let entries = self.entries()?;
        if entries.len() > most {
            let message =
                alloc::format!("`{}` has {} keys, at most {most}", self.path, entries.len());
            return Err(self.problem(message));
        }
        Ok(entries
            .iter()
            .map(|entry| (entry.key.as_str(), entry.key_span, self.child(entry)))
            .collect())
    }

    fn entries(&self) -> Result<&'a [Entry], Problem> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.wanted("a map of keys and values")),
        }
    }

    fn child(&self, entry: &'a Entry) -> Item<'a> {
        let path = if self.path.is_empty() {
            entry.key.clone()
        } else {
            alloc::format!("{}.{}", self.path, entry.key)
        };
        Item::new(self.document, &entry.value, path)
    }
}

impl<'a> Fields<'a> {
    /// The value of a key, if it is there.
    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| self.item.child(entry))
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When it is missing, at the start of the map.
    pub fn required(&self, key: &str) -> Result<Item<'a>, Problem> {
        self.get(key).ok_or_else(|| {
            self.item
                .document
                .problem(
                    Span { end: self.item.node.span.start, ..self.item.node.span },
                    alloc::format!("`{key}` is missing"),
                )
                .mend(alloc::format!("add `{key}: …`"))
        })
    }
}

/// Words in backticks, with commas.
pub fn join(words: &[&str]) -> String {
    let mut text = String::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&alloc::format!("`{word}`"));
    }
    text
}

/// As much of a text as an error's line has room for.
fn short(text: &str) -> String {
    const CHARS: usize = 40;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => alloc::format!("{}…", &text[..at]),
        None => text.into(),
    }
}
