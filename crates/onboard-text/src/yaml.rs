//! A YAML document as a tree whose every key and value knows its place.
//!
//! Configuration needs little of YAML, so what surprises people or costs without bound is refused
//! by name: anchors and aliases, tags, several documents, keys that are not plain words, duplicate
//! keys. `no` and `on` stay words, as in YAML 1.2.

use crate::item::Item;
use crate::place::{Place, Span};
use crate::problem::Problem;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use granit_parser::{Event, Options, Parser, ScalarStyle};

/// Largest document in bytes: a hundred times the longest configuration anybody has written by
/// hand, and read in a millisecond.
pub const BYTES: usize = 256 * 1024;
/// Most keys and values of a document.
pub const NODES: usize = 20_000;
/// Deepest nesting; the deepest configuration here has five.
pub const DEPTH: usize = 16;

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Document {
    file: String,
    text: String,
    root: Node,
}

/// One value of the tree.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `plain`: written without quotes, so it may be a number or a truth value.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Document {
    /// Reads `text`, which people know as `file`. An empty text is an empty map.
    ///
    /// # Errors
    /// When it is not YAML, or uses more of YAML than the module says, or passes a bound.
    pub fn parse(file: &str, text: &str) -> Result<Document, Problem> {
        let start = Span { start: 0, end: 0, line: 1, column: 1 };
        if text.len() > BYTES {
            let message = alloc::format!("{} bytes, at most {BYTES} are read", text.len());
            return Err(Problem::at(file, "", start, message));
        }
        let mut options = Options::default();
        options.emit_comments = false;
        options.flow_nesting_limit = DEPTH;
        options.block_nesting_limit = DEPTH;
        let parser = Parser::new_from_str_with_options(text, options);
        let mut builder = Builder { file, text, parser, nodes: 0 };
        let root = builder.document()?;
        Ok(Document { file: file.to_string(), text: text.to_string(), root })
    }

    /// The whole document as an item.
    pub fn root(&self) -> Item<'_> {
        Item::new(self, &self.root, String::new())
    }

    pub(crate) fn node(&self) -> &Node {
        &self.root
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name the text was given with.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// A problem of this document at `span`.
    pub fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::at(&self.file, &self.text, span, message)
    }

    /// The place of `span` in this document.
    pub fn place(&self, span: Span) -> Place {
        Place { file: self.file.clone(), line: span.line, column: span.column }
    }
}

/// Builds the tree from the parser's events.
struct Builder<'a> {
    file: &'a str,
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    nodes: usize,
}

impl<'a> Builder<'a> {
    fn document(&mut self) -> Result<Node, Problem> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_none() => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => return Err(self.problem(span, "a second document; only one is read")),
            }
        }
        let empty = Span { start: 0, end: 0, line: 1, column: 1 };
        let root = root.unwrap_or(Node { span: empty, value: Value::Map(Vec::new()) });
        Ok(match &root.value {
            Value::Scalar { text, plain: true } if text.is_empty() || text == "~" => {
                Node { span: root.span, value: Value::Map(Vec::new()) }
            }
            _ => root,
        })
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Problem> {
        match self.parser.next() {
            Some(Ok((event, span))) => Ok((event, self.span(&span))),
            Some(Err(error)) => {
                let mark = granit_parser::Span::empty(*error.marker());
                let span = self.span(&mark);
                Err(self.problem(span, alloc::format!("not YAML: {}", error.kind())))
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Problem> {
        self.nodes += 1;
        if self.nodes > NODES || depth > DEPTH {
            let message = alloc::format!("more than {NODES} values or {DEPTH} levels");
            return Err(self.problem(span, message));
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.only_plain(anchor != 0, tag.is_some(), span)?;
                let plain = matches!(style, ScalarStyle::Plain);
                Ok(Node { span, value: Value::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.only_plain(anchor != 0, tag.is_some(), span)?;
                self.list(span, depth)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.only_plain(anchor != 0, tag.is_some(), span)?;
                self.map(span, depth)
            }
            Event::Alias(_) => Err(self
                .problem(span, "an alias")
                .mend("write the value out: anchors and aliases are not used here")),
            _ => Err(self.problem(span, "a value is missing here")),
        }
    }

    fn only_plain(&self, anchor: bool, tag: bool, span: Span) -> Result<(), Problem> {
        if anchor {
            let problem = self.problem(span, "an anchor");
            return Err(problem.mend("write the value out: anchors and aliases are not used here"));
        }
        if tag {
            return Err(self.problem(span, "a tag").mend("remove the word that starts with `!`"));
        }
        Ok(())
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let span = whole(start, span, items.last().map(|node: &Node| node.span));
                return Ok(Node { span, value: Value::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Node, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, key_span) = self.next()?;
            let key = match event {
                Event::MappingEnd => {
                    let last = entries.last().map(|entry| entry.value.span);
                    let span = whole(start, key_span, last);
                    return Ok(Node { span, value: Value::Map(entries) });
                }
                event => self.key(event, key_span)?,
            };
            if let Some(first) = entries.iter().find(|entry| entry.key == key) {
                let line = first.key_span.line;
                return Err(self
                    .problem(key_span, alloc::format!("`{key}` is given a second time"))
                    .mend(alloc::format!("the first is on line {line}: keep one")));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key: key.into_owned(), key_span, value });
        }
    }

    fn key(&mut self, event: Event<'a>, span: Span) -> Result<Cow<'a, str>, Problem> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.only_plain(anchor != 0, tag.is_some(), span)?;
                if text == "<<" && matches!(style, ScalarStyle::Plain) {
                    return Err(self.problem(span, "a merge key").mend("write the keys out"));
                }
                Ok(text)
            }
            _ => Err(self.problem(span, "a key that is not a word")),
        }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let clamp = |mark: &granit_parser::Marker| {
            let mut at = mark.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
            while !self.text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = clamp(&span.start);
        Span {
            start,
            end: clamp(&span.end).max(start),
            line: u32::try_from(span.start.line()).unwrap_or(u32::MAX).max(1),
            column: u32::try_from(span.start.col()).unwrap_or(u32::MAX - 1) + 1,
        }
    }

    fn problem(&self, span: Span, message: impl Into<String>) -> Problem {
        Problem::at(self.file, self.text, span, message)
    }
}

/// From the start to the closing bracket, or in block style to the end of the last value.
fn whole(start: Span, end: Span, last: Option<Span>) -> Span {
    let closed = if end.start < end.end { Some(end.end) } else { None };
    let end = closed.or(last.map(|span| span.end)).unwrap_or(start.end);
    Span { end: end.max(start.end), ..start }
}
