//! Changing one value of a document and nothing else: comments, order and spacing stay.

use crate::item::Item;
use crate::place::Span;
use crate::yaml::{Document, Node, Value};
use alloc::string::String;

/// The document's text with the value at `path` set to the word `value`. What is there is
/// replaced; what is not is added, with the maps that lead to it.
///
/// Returns `None` when a key of the path leads to something that is not a map, or the new text
/// would not read back as meant (a flow map without room for a line, for example); the text is
/// then to be edited by hand.
pub fn set(document: &Document, path: &[&str], value: &str) -> Option<String> {
    let text = place(document, path, value)?;
    let read = Document::parse(document.file(), &text).ok()?;
    let mut item = read.root();
    for key in path {
        item = find(&item, key)?;
    }
    (item.text().ok()? == value).then_some(text)
}

fn find<'a>(item: &Item<'a>, key: &str) -> Option<Item<'a>> {
    let pairs = item.pairs(usize::MAX).ok()?;
    pairs.into_iter().find(|(name, _, _)| *name == key).map(|(_, _, value)| value)
}

fn place(document: &Document, path: &[&str], value: &str) -> Option<String> {
    let mut item = document.root();
    for (depth, key) in path.iter().enumerate() {
        if item.is_empty() && depth > 0 {
            return fill(document, &item, &path[depth..], value);
        }
        match find(&item, key) {
            Some(next) => item = next,
            None => return add(document, &item, &path[depth..], value),
        }
    }
    if item.is_map() || item.is_list() {
        return None;
    }
    if item.is_empty() && item.span().start == item.span().end {
        return Some(splice(
            document.text(),
            after_key(document, item.span()),
            &alloc::format!(" {}", quoted(value)),
        ));
    }
    Some(splice(document.text(), item.span(), &quoted(value)))
}

/// An empty value's place is somewhere after its colon: the edit goes right behind the colon.
fn after_key(document: &Document, span: Span) -> Span {
    let before = &document.text()[..span.start];
    let at = before.rfind(':').map_or(span.start, |at| at + 1);
    Span { start: at, end: at, ..span }
}

/// Puts a map under a key that has no value yet.
fn fill(document: &Document, item: &Item<'_>, path: &[&str], value: &str) -> Option<String> {
    let at = after_key(document, item.span());
    let line_start = document.text()[..at.start].rfind('\n').map_or(0, |at| at + 1);
    let indent = document.text()[line_start..].len()
        - document.text()[line_start..].trim_start_matches(' ').len();
    let end = line_end(document.text(), at.start);
    let block = nested(path, value, indent + 2);
    Some(splice(document.text(), Span { start: end, end, ..at }, &alloc::format!("\n{block}")))
}

/// Adds keys at the end of a block map, at the map's own indentation.
fn add(document: &Document, item: &Item<'_>, path: &[&str], value: &str) -> Option<String> {
    let text = document.text();
    let pairs = item.pairs(usize::MAX).ok()?;
    let Some((_, first_key, _)) = pairs.first() else {
        return item.path().is_empty().then(|| {
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            alloc::format!("{text}{gap}{}\n", nested(path, value, 0))
        });
    };
    if text[item.span().start..].starts_with('{') {
        return None;
    }
    let indent = first_key.column as usize - 1;
    let (_, last_key, last) = pairs.last()?;
    let last_end = deepest_end(document, last).max(last_key.end);
    let end = line_end(text, last_end);
    let block = nested(path, value, indent);
    Some(splice(text, Span { start: end, end, ..Span::default() }, &alloc::format!("\n{block}")))
}

fn deepest_end(document: &Document, item: &Item<'_>) -> usize {
    let end = item.span().end;
    // A block scalar's span reaches the start of the next line.
    document.text()[..end].trim_end_matches(['\n', ' ', '\r']).len()
}

fn line_end(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |at| from + at)
}

fn nested(path: &[&str], value: &str, indent: usize) -> String {
    let mut text = String::new();
    for (depth, key) in path.iter().enumerate() {
        let pad = indent + depth * 2;
        text.push_str(&alloc::format!("{:pad$}{}:", "", quoted(key)));
        if depth + 1 < path.len() {
            text.push('\n');
        }
    }
    text.push_str(&alloc::format!(" {}", quoted(value)));
    text
}

fn splice(text: &str, span: Span, new: &str) -> String {
    alloc::format!("{}{new}{}", &text[..span.start], &text[span.end..])
}

/// The value as YAML: bare where that reads back as the same text, else in double quotes.
fn quoted(value: &str) -> String {
    let bare = !value.is_empty()
        && value != "null"
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !value.ends_with(' ')
        && value.chars().all(|c| c.is_ascii_alphanumeric() || " _-./*+".contains(c));
    if bare && reads_back(value) {
        return value.into();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push_str(&alloc::format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

fn reads_back(value: &str) -> bool {
    match Document::parse("", value) {
        Ok(read) => {
            matches!(read.node(), Node { value: Value::Scalar { text, .. }, .. } if text == value)
        }
        Err(_) => false,
    }
}
